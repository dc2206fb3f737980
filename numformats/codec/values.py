"""Decoding arrays: the value of every code, by formula or by table."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.codec.extent import dtype_holds
from numformats.formats.base import Format
from numformats.formats.floating import FloatFormat
from numformats.formats.integers import TwosComplement
from numformats.formats.tables import TableFormat

# Up to here a table of all values is small enough to be kept.
TABLE_BITS: Final = 16
# Up to here a table of all values is small enough to be made.
_MAX_VALUES_BITS: Final = 24


def values(fmt: Format) -> NDArray[np.float64]:
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
def value_table(fmt: Format, dtype: np.dtype[Any]) -> NDArray[Any]:
    """The values by code in a dtype that holds them, read-only; kept, since it is made often."""
    table = values(fmt).astype(dtype)
    table.flags.writeable = False
    return table


def require_dtype(fmt: Format, dtype: np.dtype[Any]) -> None:
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


def _holding_dtype(fmt: Format) -> str:
    found = [name for name in ("float32", "float64") if dtype_holds(np.dtype(name), fmt)]
    return found[0] if found else "no dtype"


def default_dtype(fmt: Format) -> np.dtype[Any]:
    """float32 if it holds every value of the format, else float64; ValueError if neither does."""
    if dtype_holds(np.dtype(np.float32), fmt):
        return np.dtype(np.float32)
    require_dtype(fmt, np.dtype(np.float64))
    return np.dtype(np.float64)


def decode_chunk(codes: NDArray[Any], fmt: Format, dtype: np.dtype[Any]) -> NDArray[Any]:
    """The values of integer codes in range, in a dtype that holds them."""
    if fmt.bits <= TABLE_BITS:
        found: NDArray[Any] = value_table(fmt, dtype)[codes]
        return found
    return decode_by_formula(codes.astype(np.int64), fmt).astype(dtype)


def decode_by_formula(codes: NDArray[np.int64], fmt: Format) -> NDArray[np.float64]:
    """The values of int64 codes in range, as float64, which must hold them."""
    if isinstance(fmt, TableFormat):
        table: NDArray[np.float64] = np.array(fmt.table)
        return table[codes]
    if isinstance(fmt, TwosComplement):
        negative = codes >= 2 ** (fmt.bits - 1) if fmt.signed else False
        integers: NDArray[np.int64] = codes - 2**fmt.bits * negative
        return np.ldexp(integers.astype(np.float64), -fmt.fraction_bits)
    assert isinstance(fmt, FloatFormat)
    return _decode_float(codes, fmt)


def _decode_float(codes: NDArray[np.int64], fmt: FloatFormat) -> NDArray[np.float64]:
    """`FloatFormat.magnitude` and the special codes, for arrays. P3109 4.7.2."""
    magnitude_code = codes & fmt.top_code
    field, trailing = magnitude_code >> fmt.mantissa_bits, magnitude_code % 2**fmt.mantissa_bits
    subnormal = (field == 0) & fmt.has_subnormals
    significand = np.where(subnormal, trailing, trailing + 2**fmt.mantissa_bits)
    exponent = np.where(subnormal, fmt.emin, field - fmt.bias) - fmt.mantissa_bits
    if fmt.has_zero:
        significand[magnitude_code == 0] = 0
    special = _is_nan(codes, magnitude_code, fmt)
    if fmt.inf_code is not None:
        special |= magnitude_code == fmt.inf_code
    # The special codes would be numbers beyond the largest, and maybe beyond float64.
    magnitude = np.ldexp(significand.astype(np.float64), np.where(special, 0, exponent))
    magnitude[magnitude_code == fmt.inf_code] = np.inf
    signed: NDArray[np.float64] = np.where(codes & fmt.sign_bit, -magnitude, magnitude)
    signed[_is_nan(codes, magnitude_code, fmt)] = np.nan
    return signed


def _is_nan(
    codes: NDArray[np.int64], magnitude_code: NDArray[np.int64], fmt: FloatFormat
) -> NDArray[np.bool_]:
    """`FloatFormat.is_nan_code` for arrays."""
    if fmt.nan == "ieee":
        assert fmt.inf_code is not None
        return magnitude_code > fmt.inf_code
    is_nan: NDArray[np.bool_]
    if fmt.nan == "top":
        is_nan = magnitude_code == fmt.top_code
    else:
        is_nan = codes == (fmt.sign_bit if fmt.nan == "negative_zero" else -1)
    return is_nan
