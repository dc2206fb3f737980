"""GPTQ: each column of a matrix rounded in turn, and its error made up for in those still to come.

A layer gives X W^T for inputs X, a row each, and weights W, a row for each output. Rounding W to Q
costs the sum over outputs of e H e^T, with e = w - q for each row and H = X^T X. Rounding to the
nearest minimizes e and not that: where inputs go together, an error in one weight can be made up
for by others. With the columns before j rounded and fixed, the best that the others can do about
the error of column j is to move by it times row j of the inverse of what is left of H, over its
first entry. All these rows are in one triangular factor of the inverse of H.

Source: Frantar et al., "GPTQ: Accurate post-training quantization for generative pre-trained
transformers", 2023 (arXiv 2210.17323), algorithm 1; the rows, Hassibi and Stork, "Second order
derivatives for network pruning: optimal brain surgeon", 1993.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numformats.codec.arguments import read_real
from numformats.formats.format import Format
from numformats.scaled.array import ScaledArray
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.quantization import quantize

Floats = NDArray[np.float64]


def gptq(
    weights: ArrayLike,
    hessian: ArrayLike,
    fmt: str | ScaledFormat | Format,
    axis: int | None = None,
    *,
    damping: float = 0.01,
) -> ScaledArray:
    """A matrix of weights as elements and scales, with elements chosen for what the layer gives.

    Scales are those of `quantize`, chosen once from the weights as they are.

    Parameters
    ----------
    weights : array_like of real numbers
        A row for each output, a column for each input; finite.
    hessian : array_like of real numbers
        X^T X of the layer's inputs X, or a multiple of it, such as its mean over them: symmetric,
        a row and a column for each input.
    fmt, axis
        As for `quantize`.
    damping : float
        What is added to the diagonal, as a part of its mean, so that it can be inverted.

    Returns
    -------
    ScaledArray
        In the shape of `weights`.

    Raises
    ------
    TypeError, ValueError
        For arrays of other shapes, what is not finite, a Hessian that is not positive definite with
        its damping, and what `quantize` refuses.

    Notes
    -----
    Columns are taken in their order. Rounding is to the nearest, saturating; the moved weights are
    float64, and so are their quotients with the scales. An input that is always zero (a zero on the
    diagonal) has no say, and its column is rounded to the nearest.

    Examples
    --------
    Two inputs that always are the same: what counts is the sum of their weights, 0.8, which
    rounding each to the nearest of 0 and 1 would make 0.

    >>> import numformats as nf
    >>> weights, hessian = [[0.4, 0.4, 7.0]], [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    >>> nf.quantize(weights, "int4").dequantize()
    array([[0., 0., 7.]], dtype=float32)
    >>> nf.scaled.gptq(weights, hessian, "int4").dequantize()
    array([[0., 1., 7.]], dtype=float32)
    """
    moved = _matrix("weights", weights)
    nearest = quantize(weights, fmt, axis)
    if 0 in moved.shape:
        return nearest
    compensation = _compensation(_matrix("hessian", hessian), moved.shape[1], damping)
    scales, zeros = _scales_and_zeros(nearest)
    codes, element = nearest.codes.copy(), nearest.format.element
    for j in range(moved.shape[1]):
        column = moved[:, j] / scales[:, j] + zeros[:, j]
        codes[:, j] = element.encode(column, saturation="finite")
        rounded = (element.decode(codes[:, j], dtype=np.float64) - zeros[:, j]) * scales[:, j]
        error = moved[:, j] - rounded
        moved[:, j + 1 :] -= np.outer(error, compensation[j, j + 1 :])
    return replace(nearest, codes=codes)


def _matrix(argument: str, given: ArrayLike) -> Floats:
    """A copy as float64, of two axes and finite."""
    matrix: Floats = read_real(argument, given).astype(np.float64)
    if matrix.ndim != 2:
        raise ValueError(f"{argument}: shape {matrix.shape}; expected a matrix, of two axes")
    if not np.isfinite(matrix).all():
        raise ValueError(f"{argument}: not all of it is finite; what is not has no error to weigh")
    return matrix


def _compensation(hessian: Floats, inputs: int, damping: float) -> Floats:
    """In row j, by how much of column j's error each later column moves."""
    if hessian.shape != (inputs, inputs):
        raise ValueError(
            f"hessian: shape {hessian.shape}; expected {(inputs, inputs)}, as weights has columns"
        )
    if not np.allclose(hessian, hessian.T, rtol=1e-4, atol=1e-6 * np.abs(hessian).max()):
        raise ValueError("hessian: not symmetric; expected X^T X of the layer's inputs X")
    if not 0 <= damping < np.inf:
        raise ValueError(f"damping: {damping}; expected 0 or more")
    diagonal = hessian.diagonal().copy()
    is_unused = diagonal == 0
    damped = hessian + np.diag(damping * diagonal.mean() + is_unused)
    try:
        upper = np.linalg.cholesky(np.linalg.inv(damped)).T
    except np.linalg.LinAlgError:
        raise ValueError(
            f"hessian: not positive definite with damping={damping}; give more of it"
        ) from None
    return upper / upper.diagonal()[:, None]


def _scales_and_zeros(array: ScaledArray) -> tuple[Floats, Floats]:
    """For each number, its scale and the element that stands for its zero."""
    scales, zeros = np.empty(array.shape), np.empty(array.shape)
    for index, _, own_scales, own_zeros in array.parts(array.size):
        scales[index], zeros[index] = own_scales, own_zeros
    # A scale of zero leaves its numbers no choice.
    return np.where(scales == 0, 1.0, scales), zeros


def layer_error(difference: ArrayLike, hessian: ArrayLike) -> float:
    """The sum over outputs of e H e^T: what an error in the weights costs, in squared outputs.

    Parameters
    ----------
    difference : array_like of real numbers
        Weights less what they were rounded to: a row for each output.
    hessian : array_like of real numbers
        As for `gptq`.

    >>> layer_error([[1.0, -1.0]], [[1.0, 1.0], [1.0, 1.0]])
    0.0
    """
    error: NDArray[Any] = _matrix("difference", difference)
    return float(np.sum((error @ _matrix("hessian", hessian)) * error))
