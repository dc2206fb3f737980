"""Matrix products and sums of arrays of a format, as the accumulator of a projection rounds them.

An accumulator that rounds once serves any format and any projection. One that has no format of its
own rounds in the format of the result all along. A unit has its own result, which is then projected
onto the format, unless it is that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from numformats.arithmetic import matrix
from numformats.arithmetic.accumulators import Accumulator
from numformats.arithmetic.coded import Array, Coded, as_real
from numformats.arithmetic.exact_sums import projectable_products
from numformats.arithmetic.limits import reach_of
from numformats.arithmetic.operands import as_float64
from numformats.arithmetic.projections import ArrayProjection
from numformats.arithmetic.units import get_accumulator
from numformats.codec.extents import extent_of_format
from numformats.formats.format import Format
from numformats.modes import parse_rounding

_FLOAT64_BITS: Final = 53


def matmul(operands: Sequence[Any], fmt: Format, how: ArrayProjection) -> Array:
    """The codes of a matrix product."""
    a, b = (as_real(name, x) for name, x in zip("ab", operands, strict=True))
    for name, x in (("a", a), ("b", b)):
        if x.ndim == 0:
            raise ValueError(f"{name}: a number; a matrix product needs axes, and * multiplies")
    acc = get_accumulator(how.accumulator)
    if acc.rounds_once:
        return np.asarray(fmt.encode(_exact_matmul(a, b, fmt, how), **how.words))
    acc = _with_rounding(acc, how)
    values = matrix.matmul(a, b, accumulator=acc, output=_output(acc, fmt))
    return np.asarray(fmt.encode(values, **how.words))


def sum_codes(terms: Coded, fmt: Format, how: ArrayProjection) -> Array:
    """The codes of the sums along the first axis of a matrix."""
    acc = get_accumulator(how.accumulator)
    x = as_real("x", terms)
    if acc.rounds_once:
        return np.asarray(fmt.encode(_exact_sum(x, terms.format, fmt, how), **how.words))
    acc = _with_rounding(acc, how)
    values = matrix.sum(x, _output(acc, fmt), axis=0, accumulator=acc)
    return np.asarray(fmt.encode(values, **how.words))


def _exact_sum(x: Array, own: Format, fmt: Format, how: ArrayProjection) -> Array:
    """The sums along the first axis of values of a format of their own, as float64 numbers that are
    projected as the sums are.
    """
    wide = as_float64("x", x)
    if reach_of(extent_of_format(own)).span + len(x).bit_length() > _FLOAT64_BITS:
        return _exact_matmul(np.ones((1, len(x))), wide, fmt, how)[0]
    # Whatever is summed has few enough bits for float64. The sum of no elements is +0.
    with np.errstate(invalid="ignore"):
        return np.add.reduce(wide, axis=0) + 0.0


def _with_rounding(acc: Accumulator, how: ArrayProjection) -> Accumulator:
    """An accumulator that rounds as a projection does, unless it is one of a machine."""
    if acc.format is not None:
        return acc
    if how.saturation != "none":
        raise ValueError(
            f"saturation: {how.saturation!r}, which {acc.name} does not do after each sum; use "
            "accumulator='exact', or saturation='none'"
        )
    if not isinstance(how.rounding, str) or how.rounding == "stochastic_equal":
        raise ValueError(
            f"rounding: {how.rounding}, and {acc.name} rounds each sum without random bits; use "
            "accumulator='exact'"
        )
    return replace(acc, rounding=how.rounding)


def _output(acc: Accumulator, fmt: Format) -> Format | None:
    """What to ask an accumulator for: the format, if it has results in that."""
    known = [acc.result(None), *acc.alternatives]
    is_known = acc.format is None or any(result.number_format == fmt for result in known)
    return fmt if is_known else None


def _exact_matmul(a: Array, b: Array, fmt: Format, how: ArrayProjection) -> Array:
    """a @ b as float64 numbers that are projected as the sums are."""
    rounding = parse_rounding(how.rounding)
    a, b = as_float64("a", a), as_float64("b", b)
    if a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
        raise ValueError(
            f"b: shape {b.shape}, and a has {a.shape}; the last axis of a has to be as long as the "
            "last but one of b"
        )
    rows, columns = a.shape[-2:-1], b.shape[-1:] if b.ndim > 1 else ()
    left = a if a.ndim > 1 else a[np.newaxis]
    right = b if b.ndim > 1 else b[:, np.newaxis]
    try:
        batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    except ValueError:
        raise ValueError(f"b: shape {b.shape} does not broadcast with {a.shape} of a") from None
    left = np.broadcast_to(left, batch + left.shape[-2:])
    right = np.broadcast_to(right, batch + right.shape[-2:])
    total = np.empty((*batch, left.shape[-2], right.shape[-1]))
    for index in np.ndindex(*batch):
        zeros = np.zeros(total.shape[-2:])
        with np.errstate(all="ignore"):
            total[index] = projectable_products(left[index], right[index], zeros, fmt, rounding)
    return total.reshape(batch + rows + columns)
