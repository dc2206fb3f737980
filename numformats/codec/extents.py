"""How far the values of a format or dtype reach: what decides whether one holds all of another."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import ml_dtypes
import numpy as np

from numformats.codec.arguments import is_float, is_real
from numformats.system import NumberSystem


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


@lru_cache(maxsize=1024)
def extent_of_format(fmt: NumberSystem) -> Extent:
    """The extent of a format's values."""
    return Extent(
        fmt.precision,
        fmt.quantum,
        fmt.lowest,
        fmt.highest,
        fmt.has_inf,
        fmt.has_nan,
        fmt.has_negative_zero,
    )


@lru_cache(maxsize=256)
def dtype_holds(dtype: np.dtype[Any], fmt: NumberSystem) -> bool:
    """Whether every value of the format, NaN and the sign of zero included, is exact in a dtype.

    >>> import numformats as nf
    >>> f = nf.float4_e2m1fn
    >>> dtype_holds(np.dtype("int8"), f), dtype_holds(np.dtype("f2"), f)
    (False, True)
    """
    native = dtype.newbyteorder("=")
    described = extent_of_dtype(native) if is_real(native) else None
    return described is not None and described.holds(extent_of_format(fmt))


@lru_cache(maxsize=64)
def extent_of_dtype(dtype: np.dtype[Any]) -> Extent:
    """The extent of a dtype of real numbers, of NumPy or ml_dtypes, in native byte order."""
    if not is_float(dtype):
        of_numpy = dtype.kind in "iu"
        integers: Any = np.iinfo(dtype) if of_numpy else ml_dtypes.iinfo(dtype.type)  # type: ignore[no-untyped-call]
        limits = Fraction(int(integers.min)), Fraction(int(integers.max))
        return Extent(integers.bits, Fraction(1), *limits)
    info: Any = ml_dtypes.finfo(dtype)  # type: ignore[no-untyped-call]
    with np.errstate(all="ignore"):  # some have no such numbers
        special = np.array([np.inf, np.nan, -0.0]).astype(dtype).astype(np.float64)
    return Extent(
        precision=info.nmant + 1,
        quantum=Fraction(float(info.smallest_subnormal)),
        lowest=Fraction(float(info.min)),
        highest=Fraction(float(info.max)),
        has_inf=bool(np.isinf(special[0])),
        has_nan=bool(np.isnan(special[1])),
        has_negative_zero=bool(np.signbit(special[2])),
    )
