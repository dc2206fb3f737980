"""Exact numbers: read as Fractions, their binary logarithms, and as people write them."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

# A real number exactly, or one of the three float values that are not real numbers.
Extended: TypeAlias = Fraction | float
if TYPE_CHECKING:
    from decimal import Decimal

    import numpy as np

    Real: TypeAlias = int | Fraction | Decimal | float | str | np.number[Any]


def read_number(value: Any) -> tuple[Extended, bool]:
    """A number exactly, and whether its sign is negative (which -0.0 and -nan have, too)."""
    if isinstance(value, str):
        return _read_str(value)
    if getattr(value, "shape", None) == ():
        value = value.item()  # a scalar of NumPy or ml_dtypes, as the same number of Python
    if isinstance(value, int) and not isinstance(value, bool):
        return Fraction(value), value < 0
    if isinstance(value, bool) or not hasattr(value, "as_integer_ratio"):
        raise TypeError(
            f"value: expected a real number or a str of one, got {type(value).__name__} {value!r}"
        )
    try:
        exact = Fraction(*value.as_integer_ratio())
    except (OverflowError, ValueError):  # infinity, NaN
        special = float(value)
        return special, math.copysign(1.0, special) < 0
    if exact != 0 or isinstance(value, Fraction):
        return exact, exact < 0
    return exact, math.copysign(1.0, float(value)) < 0


def _read_str(text: str) -> tuple[Extended, bool]:
    stripped = text.strip().lower()
    try:
        if "inf" in stripped or "nan" in stripped:
            return read_number(float(stripped))
        if "0x" in stripped:
            return _read_hex(stripped), stripped.startswith("-")
        _require_writable(stripped)
        return Fraction(stripped), stripped.startswith("-")
    except (ValueError, OverflowError, ZeroDivisionError):
        raise ValueError(
            f"value: {text!r} is not a number (with an exponent of 10**6 at most); write it as "
            "'0.1', '1/3', '1e-3', '0x1.8p-3', 'inf' or 'nan'"
        ) from None


# As IEEE 754-2019 clause 5.12.3 has it, the exponent optional as in `float.fromhex`.
_HEX = r"([+-]?)0x([0-9a-f]*)\.?([0-9a-f]*)(?:p([+-]?[0-9]+))?"
# Numbers beyond are beyond all formats, and would take gigabytes to write out.
_MAX_EXPONENT = 10**6


def _read_hex(text: str) -> Fraction:
    match = re.fullmatch(_HEX, text)
    if match is None or not match[2] + match[3]:
        raise ValueError(text)
    exponent = int(match[4] or 0)
    if abs(exponent) > _MAX_EXPONENT:
        raise ValueError(text)
    digits = Fraction(int(match[2] + match[3], 16), 16 ** len(match[3]))
    return (-1 if match[1] == "-" else 1) * digits * Fraction(2) ** exponent


def _require_writable(text: str) -> None:
    exponent = re.search(r"e([+-]?[0-9_]+)$", text)
    if exponent is not None and abs(int(exponent[1])) > _MAX_EXPONENT:
        raise ValueError(text)


def floor_log2(x: Fraction) -> int:
    """The largest e with 2**e <= x, for positive x.

    >>> floor_log2(Fraction(7, 8))
    -1
    """
    # Bit lengths tell the quotient's to within a factor of two.
    estimate = x.numerator.bit_length() - x.denominator.bit_length()
    return estimate if x >= power_of_two(estimate) else estimate - 1


def power_of_two(exponent: int) -> Fraction:
    """2**exponent, exactly."""
    return Fraction(1 << exponent) if exponent >= 0 else Fraction(1, 1 << -exponent)


def in_powers_of_two(value: Fraction) -> str:
    """A value in decimal where that is short, else as an odd integer times a power of two.

    >>> in_powers_of_two(Fraction(57344)), in_powers_of_two(Fraction(1, 2**16))
    ('57344', '2**-16')
    """
    decimal = f"{float(value):.15g}" if abs(value) < 2**60 else ""
    if decimal and len(decimal) <= 10 and "e" not in decimal and Fraction(decimal) == value:
        return decimal
    numerator, denominator = value.numerator, value.denominator
    twos = (numerator & -numerator).bit_length() - 1
    exponent = twos - (denominator.bit_length() - 1)
    odd = numerator >> twos
    return f"2**{exponent}" if odd == 1 else f"{odd} * 2**{exponent}"


def significand_bits(value: Fraction) -> int:
    """The bits of the significand of a binary fraction, without the zeros at both ends.

    >>> significand_bits(Fraction(20)), significand_bits(Fraction(3, 8))
    (3, 2)
    """
    numerator = abs(value.numerator)
    return (numerator // (numerator & -numerator)).bit_length() if numerator else 0
