"""The accuracy of the network that comes along, on the digits that it has not seen."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pytest
from safetensors.numpy import load_file

import numformats as nf
from numformats.analysis import digits_accuracy
from numformats.analysis.digits import held_out_digits

DATA = resources.files("numformats") / "data"


def network() -> dict[str, np.ndarray]:
    with resources.as_file(DATA / "digits_mlp.safetensors") as path:
        return load_file(path)


def recognised(rounded: dict[str, np.ndarray], fmt: str | None = None) -> int:
    """How many digits are right, by a forward pass of its own."""
    x, labels = held_out_digits()
    for layer in (1, 2, 3):
        x = x if fmt is None else nf.quantize(x, fmt).dequantize(np.float64)
        weight, bias = rounded[f"layer{layer}.weight"], rounded[f"layer{layer}.bias"]
        x = np.einsum("ij,kj->ik", x, weight.astype(np.float64)) + bias.astype(np.float64)
        if layer < 3:
            x[x < 0] = 0
    return int((x.argmax(axis=1) == labels).sum())


def test_the_test_set_is_that_of_scikit_learn_without_what_was_trained_on() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    digits = datasets.load_digits()
    images, labels = held_out_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    np.testing.assert_array_equal(images, digits.data[order[:360]] / 16)
    np.testing.assert_array_equal(labels, digits.target[order[:360]])
    trained = {row.tobytes() for row in digits.data[order[360:]] / 16}
    assert not any(row.tobytes() in trained for row in images)


def test_it_says_where_the_digits_are_from() -> None:
    text = (DATA / "digits_test.safetensors").read_bytes()[:1000]
    assert b"CC BY 4.0" in text
    assert b"10.24432/C50P49" in text


def test_the_accuracy_in_a_format_is_that_of_a_forward_pass_in_it() -> None:
    asis, *found = digits_accuracy(["float8_e5m2", "int3", "nvfp4"])
    assert asis.format is None
    assert asis.weights == asis.weights_and_activations == recognised(network()) == 352
    for each in found:
        narrow = {
            name: nf.quantize(x, str(each.format)).dequantize(np.float64) if x.ndim > 1 else x
            for name, x in network().items()
        }
        assert each.images == 360
        # One image may be decided by the order in which a BLAS adds.
        assert each.weights == pytest.approx(recognised(narrow), abs=1)
        expected = recognised(narrow, str(each.format))
        assert each.weights_and_activations == pytest.approx(expected, abs=1)


def test_fewer_bits_cost_answers() -> None:
    _, *found = digits_accuracy(["int8", "int4", "int3", "int2"])
    right = [each.weights_and_activations for each in found]
    assert right == sorted(right, reverse=True)
    assert right[0] - right[-1] > 100


def test_stochastic_rounding_goes_by_the_seed() -> None:
    one, same, other = (digits_accuracy(["int3"], "stochastic", seed) for seed in (1, 1, 2))
    assert one == same
    assert one != other
