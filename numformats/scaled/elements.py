"""How the quotients of numbers and scales become elements, and how exact a quotient has to be."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np

from numformats.formats.fixed import FixedFormat
from numformats.formats.floating import FloatFormat
from numformats.formats.tables import TableFormat
from numformats.modes import RoundingMode, SaturationMode
from numformats.scaled.formats import ScaledFormat

_FLOAT32: Final = np.dtype(np.float32)
_FLOAT64: Final = np.dtype(np.float64)
# What a quotient is rounded to before the zero point is added: twice the range of any integers.
WIDE: Final = FixedFormat("wide", 17, 0)
_FLOAT64_BITS: Final = 53
# Values of a table whose midpoints are looked at, which takes time.
_MOST_ASKED: Final = 256


@dataclass(frozen=True)
class Projection:
    """How quotients are projected onto the element format.

    key: of the random bits, or None for modes that need none.
    """

    rounding: RoundingMode
    saturation: SaturationMode
    key: int | None = None


def can_divide(dtype: np.dtype[Any], fmt: ScaledFormat, key: int | None) -> bool:
    """Whether quotients in float64 will do, and need not be rounded to odd.

    Of numbers that float32 holds they lie on the right side of a decision point if float64 holds
    the product of the point and any scale: then the number would equal that if the quotient could
    be mistaken for the point. Random bits make points of more bits, and offsets numbers of more.
    """
    is_plain = key is None and fmt.offset is None and float_dtype(dtype) == _FLOAT32
    return is_plain and _scale_bits(fmt) + _point_bits(fmt) <= _FLOAT64_BITS


def float_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype that loops take the numbers of a dtype in: float32, if that holds them all, or
    float64.
    """
    is_within = dtype.itemsize <= 2 or dtype.newbyteorder("=") == _FLOAT32
    return _FLOAT32 if is_within else _FLOAT64


def _scale_bits(fmt: ScaledFormat) -> int:
    """The significand bits of the largest value of a scale, with its own scale."""
    if fmt.scale_mean is not None:
        return fmt.scale_mean.precision
    outer = fmt.tensor_scale
    return fmt.scale_element.precision + (0 if outer is None else outer.precision)


def _point_bits(fmt: ScaledFormat) -> int:
    """The significand bits of the decision points between the elements' values."""
    element = WIDE if fmt.zero_point is not None else fmt.element
    if isinstance(element, FloatFormat):
        return element.precision + 1
    if isinstance(element, TableFormat):
        if len(element.table) > _MOST_ASKED:
            return _FLOAT64_BITS
        values = sorted(map(Fraction, element.table))
        return max(map(_odd_bits, map(operator.add, values, values[1:])))
    return element.bits + 1


def _odd_bits(number: Fraction) -> int:
    """The significand bits of a binary fraction."""
    numerator = abs(number.numerator)
    return (numerator // (numerator & -numerator)).bit_length() if numerator else 0
