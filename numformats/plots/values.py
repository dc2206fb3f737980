"""The values of formats as arrays, for pictures."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numformats.formats.format import Format
from numformats.names import get_format

Floats = NDArray[np.float64]

# More values than this are no picture.
_MOST_BITS = 16


def read_formats(formats: Any) -> list[Format]:
    """Formats, or names of such, or one of these."""
    if isinstance(formats, (str, Format)):
        formats = [formats]
    return [get_format(fmt) for fmt in formats]


def finite_values(fmt: Format) -> Floats:
    """The finite values of a format, each once, in their order; ValueError for wide formats."""
    if fmt.bits > _MOST_BITS:
        raise ValueError(
            f"f: {fmt.name} has 2**{fmt.bits} codes, which is no picture; draw formats of "
            f"{_MOST_BITS} bits and fewer, or a zoom with `limits`"
        )
    values = fmt.values()
    return np.unique(values[np.isfinite(values)]) + 0.0


def values_between(fmt: Format, low: float, high: float, most: int = 1 << 16) -> Floats:
    """The values from one number to another, in their order.

    ValueError if they are more than `most`.
    """
    first, last = (_step(fmt, Fraction(end)) for end in (low, high))
    if last - first > most:
        raise ValueError(
            f"limits: more than {most} values of {fmt.name} from {low} to {high}; take them closer"
        )
    found = [float(fmt.value_of_step(step)) for step in range(first, last + 1)]
    kept = sorted({value + 0.0 for value in found if low <= value <= high})
    return np.array(kept, np.float64)


def _step(fmt: Format, number: Fraction) -> int:
    return min(max(fmt.step_of(number), fmt.lowest_step), fmt.highest_step)


def subnormal_mask(fmt: Format, values: Floats) -> NDArray[np.bool_]:
    """Which values are subnormal."""
    smallest = float(fmt.smallest_normal_exact)
    return (values != 0) & (np.abs(values) < smallest)


def spacing_at(fmt: Format, magnitudes: Floats) -> Floats:
    """The distance of the two values that enclose each positive magnitude; NaN beyond the ends."""
    return np.array([_spacing(fmt, Fraction(float(one))) for one in magnitudes], np.float64)


def _spacing(fmt: Format, magnitude: Fraction) -> float:
    step = fmt.step_of(magnitude)
    above = fmt.step_beside(step, 1)
    if not fmt.lowest_step <= step <= above <= fmt.highest_step:
        return math.nan
    return float(fmt.value_of_step(above) - fmt.value_of_step(step))
