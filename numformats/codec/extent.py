"""How far the values of a format or dtype reach: what decides whether one holds all of another."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import ml_dtypes
import numpy as np

from numformats.formats import NAMED
from numformats.formats.base import Format
from numformats.formats.floating import FloatFormat
from numformats.formats.integers import TwosComplement
from numformats.formats.tables import TableFormat


@dataclass(frozen=True)
class Extent:
    """Every finite value is a multiple of `quantum`, from `lowest` to `highest`, and has at most
    `precision` significand bits; and what there is beside the finite values.
    """

    precision: int
    quantum: Fraction
    lowest: Fraction
    highest: Fraction
    has_inf: bool = False
    has_nan: bool = False
    has_negative_zero: bool = False

    def holds(self, other: Extent) -> bool:
        """Whether whatever `other` describes has all its values here, if all multiples of the
        quantum of this precision are values here.
        """
        return (
            other.precision <= self.precision
            and (other.quantum / self.quantum).denominator == 1
            and self.lowest <= other.lowest
            and other.highest <= self.highest
            and other.has_inf <= self.has_inf
            and other.has_nan <= self.has_nan
            and other.has_negative_zero <= self.has_negative_zero
        )


_LARGEST_FLOAT64 = Fraction(np.finfo(np.float64).max.item())
_FLOAT64 = Extent(
    precision=53,
    quantum=Fraction(1, 2**1074),
    lowest=-_LARGEST_FLOAT64,
    highest=_LARGEST_FLOAT64,
    has_inf=True,
    has_nan=True,
    has_negative_zero=True,
)


@lru_cache(maxsize=1024)
def extent_of_format(fmt: Format) -> Extent:
    """The extent of a format's values."""
    return Extent(
        fmt.precision,
        _quantum(fmt),
        fmt.lowest,
        fmt.highest,
        fmt.has_inf,
        fmt.has_nan,
        fmt.has_negative_zero,
    )


def _quantum(fmt: Format) -> Fraction:
    if isinstance(fmt, TwosComplement):
        return fmt.quantum
    if isinstance(fmt, TableFormat):
        return Fraction(1, max(Fraction(value).denominator for value in fmt.table))
    assert isinstance(fmt, FloatFormat)
    lowest_exponent = fmt.emin if fmt.has_subnormals else -fmt.bias
    return Fraction(2) ** (lowest_exponent - fmt.mantissa_bits)


@lru_cache(maxsize=256)
def dtype_holds(dtype: np.dtype[Any], fmt: Format) -> bool:
    """Whether every value of the format, NaN and the sign of zero included, is exact in a dtype.

    >>> from numformats.formats.ocp import float4_e2m1fn
    >>> dtype_holds(np.dtype("int8"), float4_e2m1fn), dtype_holds(np.dtype("f2"), float4_e2m1fn)
    (False, True)
    """
    native = dtype.newbyteorder("=")
    # NumPy takes None for float64 where it compares dtypes.
    if fmt.dtype is not None and fmt.dtype == native:
        return True
    if native.kind in "iu":
        info = np.iinfo(native)
        limits = Fraction(int(info.min)), Fraction(int(info.max))
        return Extent(info.bits, Fraction(1), *limits).holds(extent_of_format(fmt))
    if native == np.float64:
        return _FLOAT64.holds(extent_of_format(fmt))
    described = _format_of_dtype(native)
    # The values of a scale without zero are not all multiples of its quantum.
    if described is None or described.dtype == ml_dtypes.float8_e8m0fnu:
        return False
    return extent_of_format(described).holds(extent_of_format(fmt))


def _format_of_dtype(dtype: np.dtype[Any]) -> Format | None:
    """The format that describes a dtype, if there is one."""
    found = NAMED.get(dtype.name)
    return found if found is not None and found.dtype is not None else None
