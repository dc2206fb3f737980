"""GPTQ, against a literal transcription of what it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import numformats as nf

RNG = np.random.default_rng(5)
INPUTS, OUTPUTS = 24, 7
CHANNELS = nf.ScaledFormat("int3_channel", nf.int3, nf.float32, nf.PerChannel())
FORMATS: list[Any] = [
    CHANNELS,
    nf.ScaledFormat("int4_g8", nf.int4, nf.float32, nf.PerBlock(8)),
    *("int4", "nvfp4", "mxfp4", "nf4", "int4_g32_asym", "q4_1", "hif4", "nf4_dq", "e4m3fn"),
]


def inputs_of_a_layer(count: int = 200) -> NDArray[np.float64]:
    """Inputs that go together, as those of real layers do."""
    return RNG.standard_normal((count, INPUTS)) @ RNG.standard_normal((INPUTS, INPUTS))


def dense_reference(
    weights: NDArray[np.float64], hessian: NDArray[np.float64], fmt: Any, damping: float
) -> NDArray[np.float64]:
    """One column after the other; for each, the whole inverse of what is left of the Hessian."""
    nearest = nf.quantize(weights, fmt)
    numbers = [nearest.parts(weights.size)]
    ((_, _, scales, zeros),) = list(numbers[0])
    scales = np.broadcast_to(scales, weights.shape)
    zeros = np.broadcast_to(zeros, weights.shape)
    damped = hessian + damping * np.mean(np.diag(hessian)) * np.eye(len(hessian))
    left, rounded = weights.copy(), np.zeros_like(weights)
    grid = np.unique(nearest.format.element.values())
    grid = grid[np.isfinite(grid)]
    for j in range(len(hessian)):
        inverse = np.linalg.inv(damped[j:, j:])
        for row in range(len(weights)):
            choices = (grid - zeros[row, j]) * scales[row, j]
            rounded[row, j] = choices[np.argmin(np.abs(choices - left[row, j]))]
            error = left[row, j] - rounded[row, j]
            left[row, j:] -= error / inverse[0, 0] * inverse[0]
    return rounded


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
@pytest.mark.parametrize("damping", [0.01, 0.3])
def test_it_is_the_dense_algorithm(fmt: Any, damping: float) -> None:
    x = inputs_of_a_layer()
    weights, hessian = RNG.standard_normal((OUTPUTS, INPUTS)), x.T @ x
    found = nf.scaled.gptq(weights, hessian, fmt, damping=damping).dequantize(np.float64)
    expected = dense_reference(weights, hessian, fmt, damping)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("fmt", FORMATS[:-1], ids=str)
def test_the_layer_gives_less_error_than_with_rounding_to_nearest(fmt: Any) -> None:
    x = inputs_of_a_layer()
    weights, hessian = RNG.standard_normal((64, INPUTS)), x.T @ x
    nearest = nf.quantize(weights, fmt).dequantize(np.float64)
    found = nf.scaled.gptq(weights, hessian, fmt).dequantize(np.float64)
    error, error_of_nearest = (np.square(x @ (weights - w).T).sum() for w in (found, nearest))
    assert error < 0.8 * error_of_nearest
    assert nf.scaled.layer_error(weights - found, hessian) == pytest.approx(error, rel=1e-9)


def test_scales_are_those_of_quantize() -> None:
    weights = RNG.standard_normal((OUTPUTS, INPUTS))
    x = inputs_of_a_layer()
    found, nearest = nf.scaled.gptq(weights, x.T @ x, CHANNELS), nf.quantize(weights, CHANNELS)
    assert np.array_equal(found.scales, nearest.scales)
    assert not np.array_equal(found.codes, nearest.codes)


def test_inputs_that_do_not_go_together_are_rounded_to_nearest() -> None:
    weights = RNG.standard_normal((OUTPUTS, INPUTS)).astype(np.float32)
    found = nf.scaled.gptq(weights, np.diag(RNG.uniform(1, 2, INPUTS)), CHANNELS)
    assert np.array_equal(found.codes, nf.quantize(weights, CHANNELS).codes)


def test_an_input_that_is_always_zero_has_no_say() -> None:
    x = inputs_of_a_layer()
    x[:, 3] = 0
    weights, hessian = RNG.standard_normal((OUTPUTS, INPUTS)), x.T @ x
    found = nf.scaled.gptq(weights, hessian, CHANNELS)
    assert np.array_equal(found.codes[:, 3], nf.quantize(weights, CHANNELS).codes[:, 3])
    all_zero = nf.scaled.gptq(weights, np.zeros_like(hessian), CHANNELS)
    assert np.array_equal(all_zero.codes, nf.quantize(weights, CHANNELS).codes)


def test_no_weights_are_none() -> None:
    assert nf.scaled.gptq(np.zeros((0, 3)), np.eye(3), "int4").shape == (0, 3)


@pytest.mark.parametrize(
    ("weights", "hessian", "damping", "message"),
    [
        (np.ones(3), np.eye(3), 0.01, r"weights: shape \(3,\); expected a matrix"),
        (np.ones((2, 3)), np.eye(2), 0.01, r"hessian: shape \(2, 2\); expected \(3, 3\)"),
        (np.ones((2, 3)), np.arange(9).reshape(3, 3), 0.01, "hessian: not symmetric"),
        (np.ones((2, 3)), -np.eye(3), 0.01, "hessian: not positive definite"),
        (np.ones((2, 3)), np.ones((3, 3)), 0.0, "hessian: not positive definite"),
        (np.ones((2, 3)), np.eye(3), -1.0, "damping: -1.0; expected 0 or more"),
        (np.full((2, 3), np.inf), np.eye(3), 0.01, "weights: not all of it is finite"),
        (np.ones((2, 3)), np.full((3, 3), np.nan), 0.01, "hessian: not all of it is finite"),
    ],
)
def test_what_makes_no_sense_is_refused(
    weights: NDArray[Any], hessian: NDArray[Any], damping: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        nf.scaled.gptq(weights, hessian, "int4", damping=damping)
