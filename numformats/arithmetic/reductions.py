"""Sums, products and extrema of arrays of a format along axes, and what each rounds.

A sum is rounded as the accumulator of the projection says, which by default is once. A product is
rounded after each factor, in C order; an extremum is one of the elements, and not rounded at all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from numformats.arithmetic import products
from numformats.arithmetic.coded import Array, Coded, codes_in, truth, write
from numformats.arithmetic.operation_codes import operation_codes
from numformats.arithmetic.projections import DEFAULT, ArrayProjection
from numformats.formats.format import Format

Axis: TypeAlias = int | Sequence[int] | None
# What becomes of terms, (count, rest): codes (rest,) of a format under a projection.
Folded: TypeAlias = Callable[[Coded, Format, ArrayProjection], Array]


def _fold(x: Coded, axis: Axis, out: Any, keepdims: bool, folded: Folded) -> Coded:
    """What becomes of the elements along axes, in an array like `x`, or in `out`."""
    axes = normalize_axis_tuple(range(x.ndim) if axis is None else axis, x.ndim)
    # Elements of several axes come in C order, in whatever order the axes are named.
    axes = tuple(sorted(axes))
    kept = [one for one in range(x.ndim) if one not in axes]
    shape = tuple(
        1 if one in axes else length
        for one, length in enumerate(x.shape)
        if keepdims or one not in axes
    )
    count = math.prod(x.shape[one] for one in axes)
    rest = math.prod(x.shape[one] for one in kept)
    terms = x._with_codes(x.codes.transpose([*axes, *kept]).reshape(count, rest))
    if out is None:
        codes = folded(terms, x.format, x.projection)
        return x._with_codes(codes.reshape(shape))
    if not isinstance(out, Coded):
        raise TypeError(f"out: a {type(out).__name__}; the result needs an array of a format")
    write(out, folded(terms, out.format, out.projection).reshape(shape))
    return out


def sum(x: Coded, axis: Axis = None, out: Any = None, keepdims: bool = False) -> Coded:
    """The sums along axes, as the accumulator of the projection adds."""
    return _fold(x, axis, out, keepdims, products.sum_codes)


def prod(x: Coded, axis: Axis = None, out: Any = None, keepdims: bool = False) -> Coded:
    """The products along axes: from 1 on, one factor after the other in C order, each rounded."""
    return _fold(x, axis, out, keepdims, _product)


def mean(x: Coded, axis: Axis = None, out: Any = None, keepdims: bool = False) -> Coded:
    """The sums along axes divided by how many elements there are: two operations, each rounded."""

    def folded(terms: Coded, fmt: Format, how: ArrayProjection) -> Array:
        total = terms._made(products.sum_codes(terms, fmt, how), fmt, how)
        return operation_codes("divide", [total, terms.shape[0]], fmt, how)

    return _fold(x, axis, out, keepdims, folded)


def extremum(name: str) -> Callable[..., Coded]:
    """The reduction by an operation that gives one of its operands, and in any order the same."""

    def folded(terms: Coded, fmt: Format, how: ArrayProjection) -> Array:
        if not terms.shape[0]:
            raise ValueError(f"{name}: of no elements there is none")
        while terms.shape[0] > 1:
            half = (terms.shape[0] + 1) // 2
            # The middle one of an odd number is in both halves.
            pairs = [terms._with_codes(terms.codes[:half]), terms._with_codes(terms.codes[-half:])]
            terms = terms._with_codes(operation_codes(name, pairs, terms.format, DEFAULT))
        return codes_in(terms._with_codes(terms.codes[0]), fmt, how)

    def reduced(x: Coded, axis: Axis = None, out: Any = None, keepdims: bool = False) -> Coded:
        return _fold(x, axis, out, keepdims, folded)

    return reduced


minimum, maximum = extremum("minimum"), extremum("maximum")


def _product(terms: Coded, fmt: Format, how: ArrayProjection) -> Array:
    total: Any = np.ones(terms.shape[1:])
    for factor in terms.codes:
        codes = operation_codes("multiply", [total, terms._with_codes(factor)], fmt, how)
        total = terms._made(codes, fmt, how)
    return total.codes if isinstance(total, Coded) else np.asarray(fmt.encode(total, **how.words))


def accumulated(name: str) -> Callable[..., Coded]:
    """`ufunc.accumulate` of an operation: each element is of the one before and the next, rounded
    every time.
    """

    def along(x: Coded, axis: int | None = None, out: Any = None) -> Coded:
        terms = x._with_codes(x.codes.reshape(-1)) if axis is None else x
        axis = 0 if axis is None else axis
        like = terms if out is None else out
        fmt, how = like.format, like.projection
        moved = np.moveaxis(terms.codes, axis, 0)
        codes = np.empty(moved.shape, like.codes.dtype)
        for i, element in enumerate(moved):
            operand = terms._with_codes(element)
            if i == 0:
                codes[0] = codes_in(operand, fmt, how)
            else:
                before = terms._made(codes[i - 1], fmt, how)
                codes[i] = operation_codes(name, [before, operand], fmt, how)
        result = np.moveaxis(codes, 0, axis)
        if out is None:
            return x._with_codes(result)
        write(out, result)
        return out

    return along


def _on_truth(ufunc: np.ufunc) -> Callable[..., Any]:
    def reduced(x: Coded, axis: Axis = None, out: Any = None, keepdims: bool = False) -> Any:
        return ufunc.reduce(truth(x), axis=axis, out=out, keepdims=keepdims)

    return reduced


all, any = _on_truth(np.logical_and), _on_truth(np.logical_or)

REDUCED: Final[dict[np.ufunc, Callable[..., Any]]] = {
    np.add: sum,
    np.multiply: prod,
    np.minimum: minimum,
    np.maximum: maximum,
    np.fmin: extremum("minimum_number"),
    np.fmax: extremum("maximum_number"),
    np.logical_and: all,
    np.logical_or: any,
}
ACCUMULATED: Final[dict[np.ufunc, Callable[..., Any]]] = {
    np.add: accumulated("add"),
    np.multiply: accumulated("multiply"),
    np.minimum: accumulated("minimum"),
    np.maximum: accumulated("maximum"),
}
