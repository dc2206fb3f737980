"""Decoding arrays: the value of every code, by formula or by table."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numformats.codec.extents import dtype_holds
from numformats.codec.tapered import decode_tapered
from numformats.system import Lattice, NumberSystem

# Up to here a table of all values is small enough to be kept.
TABLE_BITS: Final = 16
# Up to here a table of all values is small enough to be made.
_MAX_VALUES_BITS: Final = 24


def values(fmt: NumberSystem) -> NDArray[np.float64]:
    """All values by code: a new float64 array of length 2**bits.

    ValueError for formats above 24 bits, or with values that float64 does not hold.
    """
    require_dtype(fmt, np.dtype(np.float64))
    if fmt.bits > _MAX_VALUES_BITS:
        raise ValueError(
            f"values: {fmt.name} has 2**{fmt.bits} codes; decode those that you need instead"
        )
    return decode_by_formula(np.arange(2**fmt.bits, dtype=np.int64), fmt)


@lru_cache(maxsize=64)
def value_table(fmt: NumberSystem, dtype: np.dtype[Any]) -> NDArray[Any]:
    """The values by code in a dtype that holds them, read-only; kept, since it is made often."""
    table = values(fmt).astype(dtype)
    table.flags.writeable = False
    return table


@lru_cache(maxsize=1024)
def require_dtype(fmt: NumberSystem, dtype: np.dtype[Any]) -> None:
    """Refuse, with ValueError, a dtype that does not hold every value of the format."""
    if dtype_holds(dtype, fmt):
        return
    if dtype == np.float64:
        raise ValueError(
            f"format: {fmt.name} has values that float64 cannot hold; numformats.exact.decode "
            "gives them one by one as Fractions"
        )
    if dtype.kind in "fc" and dtype.itemsize > 8:
        raise ValueError(f"dtype: {dtype} is not supported; decode to float64 and convert")
    raise ValueError(
        f"dtype: {dtype} cannot hold every value of {fmt.name} exactly; "
        f"{_holding_dtype(fmt)} can: decode to it and convert"
    )


def _holding_dtype(fmt: NumberSystem) -> str:
    found = [name for name in ("float32", "float64") if dtype_holds(np.dtype(name), fmt)]
    return found[0] if found else "no dtype"


@lru_cache(maxsize=1024)
def default_dtype(fmt: NumberSystem) -> np.dtype[Any]:
    """float32 if it holds every value of the format, else float64; ValueError if neither does."""
    if dtype_holds(np.dtype(np.float32), fmt):
        return np.dtype(np.float32)
    require_dtype(fmt, np.dtype(np.float64))
    return np.dtype(np.float64)


@lru_cache(maxsize=1024)
def rounded_dtype(dtype: np.dtype[Any], fmt: NumberSystem) -> np.dtype[Any]:
    """The dtype of the rounded values of a dtype: its own, if that holds every value of the format,
    else the one that codes are decoded to.
    """
    native = dtype.newbyteorder("=")
    return native if dtype_holds(native, fmt) else default_dtype(fmt)


def decode_chunk(codes: NDArray[Any], fmt: NumberSystem, dtype: np.dtype[Any]) -> NDArray[Any]:
    """The values of integer codes in range, in a dtype that holds them."""
    if fmt.bits <= TABLE_BITS:
        return value_table(fmt, dtype).take(codes)
    return decode_by_formula(codes.astype(np.int64), fmt).astype(dtype)


def decode_by_formula(codes: NDArray[np.int64], fmt: NumberSystem) -> NDArray[np.float64]:
    """The values of int64 codes in range, as float64, which must hold them."""
    lattice, taper = fmt.lattice, fmt.taper
    if taper is not None:
        return decode_tapered(codes, taper, fmt.bits)
    if lattice is None:
        return np.array([float(fmt.value(code)) for code in codes.tolist()])
    if lattice.complement:
        # Flipping the sign bit and subtracting it extends the sign.
        sign_bit = 1 << (fmt.bits - 1) if fmt.signed else 0
        steps = (codes ^ sign_bit) - sign_bit
        return np.ldexp(steps.astype(np.float64), lattice.lowest_quantum)
    return _decode_sign_and_magnitude(codes, fmt, lattice)


def _decode_sign_and_magnitude(
    codes: NDArray[np.int64], fmt: NumberSystem, lattice: Lattice
) -> NDArray[np.float64]:
    """`Lattice.magnitude` and the special codes, for arrays. P3109 4.7.2."""
    special = special_codes(fmt)
    steps = codes & (special.sign_bit - 1 if fmt.signed else -1)
    field, trailing = steps >> lattice.trailing_bits, steps % 2**lattice.trailing_bits
    subnormal = (field == 0) & lattice.gradual
    significand = np.where(subnormal, trailing, trailing + 2**lattice.trailing_bits)
    exponent = np.where(subnormal, 0, field - 1) + lattice.lowest_quantum
    if lattice.has_zero:
        significand[steps < lattice.smallest_step] = 0
    # The codes above would be numbers beyond the largest, and maybe beyond float64.
    is_finite = steps <= fmt.highest_step
    magnitude = np.ldexp(significand.astype(np.float64), np.where(is_finite, exponent, 0))
    magnitude[~is_finite] = np.nan
    magnitude[steps == special.infinity] = np.inf
    is_negative = (codes & special.sign_bit) != 0
    if not fmt.has_negative_zero:
        is_negative &= magnitude != 0
    values = np.where(is_negative, -magnitude, magnitude)
    values[np.isnan(magnitude) | (codes == special.lone_nan)] = np.nan
    return values


class SpecialCodes(NamedTuple):
    """Codes of a sign and a magnitude that are no numbers; -1 where there is none.

    Beyond the largest magnitude there is infinity, or NaN.
    """

    sign_bit: int
    infinity: int
    lone_nan: int


def special_codes(fmt: NumberSystem) -> SpecialCodes:
    """Those of a system whose codes have a sign bit."""
    sign_bit = 1 << (fmt.bits - 1) if fmt.signed else 0
    infinity = fmt.code_of_infinity(False) if fmt.has_inf else -1
    # What would be negative zero may be the only NaN.
    is_nan = fmt.signed and fmt.has_nan and fmt.code_of_nan(False) == sign_bit
    return SpecialCodes(sign_bit, infinity, sign_bit if is_nan else -1)
