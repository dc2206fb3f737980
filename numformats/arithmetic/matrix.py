"""Sums, dot products and matrix products of arrays, as an accumulator rounds them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numformats.arithmetic.accumulators import Accumulator, output_format
from numformats.arithmetic.coded import as_real
from numformats.arithmetic.exact_sums import projectable_products
from numformats.arithmetic.matrix_sums import MatrixSums
from numformats.arithmetic.operands import Operand, as_float64, read_operand, read_values
from numformats.arithmetic.units import get_accumulator
from numformats.codec import arrays
from numformats.codec.arguments import read_real, refuse_where
from numformats.codec.values import default_dtype
from numformats.formats.format import Format
from numformats.modes import parse_rounding

Array = NDArray[Any]
Floats = NDArray[np.float64]


def matmul(
    a: ArrayLike,
    b: ArrayLike,
    c: ArrayLike | None = None,
    *,
    accumulator: str | Accumulator = "exact",
    output: str | Format | None = None,
    a_scales: ArrayLike | None = None,
    b_scales: ArrayLike | None = None,
) -> Any:
    """The matrix product a @ b, plus c, as an accumulator sums it.

    Parameters
    ----------
    a, b : array_like of real numbers
        Matrices (..., m, k) and (..., k, n), broadcast and taken for vectors as `numpy.matmul`
        does. Their elements are values: an array of any dtype is taken where each is a value of
        one of the accumulator's inputs (float32 for tf32, say), else refused. Where an accumulator
        has several inputs, an array of the dtype of one is in that; any other is in the first that
        has all its values.
    c : array_like of real numbers, optional
        What the sums begin with, +0 by default; it broadcasts to the result's shape. Values of the
        result's format; any for the exact sum.
    accumulator : str or Accumulator
        How sums are rounded: a name of `list_accumulators`, or your own.
    output : str or Format, optional
        The format of the result, where an accumulator has a choice; float32 by default.
    a_scales, b_scales : array_like, optional
        Of accumulators with scales: those of a, (..., m, k / scale_block), and of b,
        (..., k / scale_block, n), values of the scales' format; 1 by default.

    Returns
    -------
    ndarray
        Values, in the dtype of the result's format if it has one, else in float32 or float64; a
        scalar for two vectors.

    Raises
    ------
    TypeError, ValueError
        For an unknown accumulator, shapes that do not go together, values that the accumulator does
        not take, an output that it does not have, and NaN in the exact sum where the output's
        format has none.

    Notes
    -----
    `numformats.arithmetic.meaning.exact_dot` defines the result for each row and column.

    Examples
    --------
    The directed test of Khattak and Mikaitis, arXiv 2512.07004; the exact sum is -0.875:

    >>> import numpy as np
    >>> a, b = np.float32([-8192.0, -0.5, -0.25, -0.125]), np.float32([1024.0, 1.0, 1.0, 1.0])
    >>> for unit in ("v100_float16", "a100_float16", "h100_float16", "mi300_float16", "exact"):
    ...     print(unit, matmul(a, b, 2.0**23, accumulator=unit))
    v100_float16 0.0
    a100_float16 -0.5
    h100_float16 -0.75
    mi300_float16 -0.5
    exact -0.875
    """
    acc = get_accumulator(accumulator)
    left = read_operand("a", a, acc, a_scales, axis=-1)
    right = read_operand("b", b, acc, b_scales, axis=-2)
    return _product(left, right, c, acc, output)


def dot(
    x: ArrayLike,
    y: ArrayLike,
    f: str | Format | None = None,
    accumulator: str | Accumulator = "exact",
) -> Any:
    """The sums of products over the last axis of x and the last but one of y, as `numpy.dot`.

    x is (..., k), y is (k,) or (..., k, n); the result has the other axes of x, then those of y. f
    is the format of the result, as `output` of `matmul`; operands, results and errors are its, too.

    >>> import numpy as np
    >>> print(dot([1.0, 2.0, 3.0], [4.0, 5.0, 6.0], "float8_e4m3fn"))
    32
    >>> int(dot(np.ones(2049), np.ones(2049), "float16", "sequential"))
    2048
    """
    acc = get_accumulator(accumulator)
    left = read_operand("x", x, acc, axis=-1)
    right = read_operand("y", y, acc, axis=-2)
    _require_one_length(left, right, ("x", "y"))
    *rows, count = left.values.shape
    if right.values.ndim > 1:
        right = right.with_axis_first(-2)
    _, *columns = right.values.shape
    matrices = (
        left.matrix((math.prod(rows), count)),
        right.matrix((count, math.prod(columns))),
    )
    return _product(*matrices, None, acc, f).reshape((*rows, *columns))[()]


def sum(
    x: ArrayLike,
    f: str | Format | None = None,
    axis: int | Sequence[int] | None = None,
    accumulator: str | Accumulator = "exact",
) -> Any:
    """The sums of x along an axis, several, or all, as an accumulator adds.

    What a unit does with products by 1; there are no products to be rounded. Elements of several
    axes are summed in C order. f is the format of the result, as `output` of `matmul`; values of x,
    results and errors are its, too.

    >>> import numpy as np
    >>> int(sum(np.float16([2048, 1, 1]), "float16", accumulator="sequential"))
    2048
    >>> sum([[0.5, 1.0], [2.0, 4.0]], "float8_e5m2", axis=0)
    array([2.5, 5], dtype='float8_e5m2')
    """
    acc = replace(get_accumulator(accumulator), round_products=False)
    array = as_real("x", x)
    axes = _axes(axis, array.ndim)
    kept = [one for one in range(array.ndim) if one not in axes]
    shape = tuple(array.shape[one] for one in kept)
    count = math.prod(array.shape[one] for one in axes)
    matrix = array.transpose([*axes, *kept]).reshape(count, math.prod(shape))
    terms = read_operand("x", matrix, _of_one_product(acc), axis=-2)
    ones = read_operand("x", np.ones((1, count)), _of_one_product(acc), axis=-1)
    total = _product(ones, replace(terms, is_wide=False), None, acc, f)
    return total.reshape(shape)[()]


def _of_one_product(acc: Accumulator) -> Accumulator:
    """An accumulator that takes what another takes, where products by 1 are exact."""
    return replace(acc, round_products=acc.summation == "rounded")


def _axes(axis: int | Sequence[int] | None, dimensions: int) -> list[int]:
    """The axes to sum along, from 0 on and in their order."""
    if axis is None:
        return list(range(dimensions))
    given = [axis] if isinstance(axis, int) else list(axis)
    for one in given:
        if not -dimensions <= one < dimensions:
            raise ValueError(f"axis: {one}, and x has {dimensions} dimensions")
    axes = sorted(one % dimensions for one in given)
    if len(set(axes)) < len(axes):
        raise ValueError(f"axis: {axis!r} names an axis twice")
    return axes


def _product(
    left: Operand,
    right: Operand,
    c: ArrayLike | None,
    acc: Accumulator,
    output: str | Format | None,
) -> Any:
    """The product of operands of any dimensions but none."""
    _require_one_length(left, right, ("a", "b"))
    own, other = left.values.shape, right.values.shape
    rows, columns = own[-2:-1], other[-1:] if len(other) > 1 else ()
    try:
        batch = np.broadcast_shapes(own[:-2], other[:-2])
    except ValueError:
        raise ValueError(f"b: shape {other} does not broadcast with {own} of a") from None
    shape = (*batch, *rows, *columns)
    fmt = output_format(output) if acc.rounds_once else acc.result(output).number_format
    start = _read_addend(c, shape, acc, fmt)
    height, width, count = math.prod(rows), math.prod(columns), own[-1]
    left = left.matrix((*own[:-2], height, count)).matrix((*batch, height, count))
    right = right.matrix((*other[:-2], count, width)).matrix((*batch, count, width))
    start = start.reshape(*batch, height, width)
    total = np.empty(start.shape)
    sums = None if acc.rounds_once else MatrixSums(acc, acc.result(output))
    rounding = parse_rounding(acc.rounding)
    # Infinities and NaN come in, and out, as IEEE 754 has it.
    with np.errstate(all="ignore"):
        for index in np.ndindex(*batch):
            a, b, begun = left[index], right[index], start[index]
            if sums is None:
                total[index] = projectable_products(a.values, b.values, begun, fmt, rounding)
            else:
                total[index] = sums.of(a, b, begun)
    values = total.reshape(shape)
    if acc.rounds_once:
        if not fmt.has_nan:
            way_out = f"{fmt.name} has no NaN: choose an output that has"
            refuse_where("result", values, np.isnan, "NaN", way_out)
        values = np.asarray(arrays.round(values, fmt, acc.rounding))
    return values.astype(fmt.dtype or default_dtype(fmt))[()]


def _require_one_length(left: Operand, right: Operand, names: tuple[str, str]) -> None:
    own, other = left.values.shape, right.values.shape
    if own[-1] != other[-2 if len(other) > 1 else 0]:
        raise ValueError(
            f"{names[1]}: shape {other}, and {names[0]} has {own}; the last axis of {names[0]} has "
            f"to be as long as the last but one of {names[1]}"
        )


def _read_addend(
    c: ArrayLike | None, shape: tuple[int, ...], acc: Accumulator, fmt: Format
) -> Floats:
    """What sums begin with, in the shape of the result."""
    if c is None:
        return np.zeros(shape)
    if acc.rounds_once:
        values = as_float64("c", read_real("c", c))
    else:
        values = read_values("c", c, fmt, f"{acc.name} begins with a value of its result's format")
    try:
        return np.array(np.broadcast_to(values, shape))
    except ValueError:
        raise ValueError(f"c: shape {values.shape} does not broadcast to {shape}") from None
