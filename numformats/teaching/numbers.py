"""Exact numbers as people read them: all digits where there are few, else the first ones."""

from __future__ import annotations

import math
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from fractions import Fraction
from typing import Final

from numformats.reals import Extended, in_powers_of_two

# Digits that are read at a glance, and those that still fit in a cell.
SHORT: Final = 16
LONG: Final = 29
_DIGITS: Final = 9


def short(value: Extended) -> str:
    """A number in few characters: exactly, if it can be.

    >>> short(Fraction(13, 128)), short(Fraction(1, 3)), short(Fraction(10, 3**60))
    ('0.1015625', '1/3', 'about 2.35898249e-28')
    >>> short(Fraction(1, 2**24)), short(-0.0), short(float("-inf"))
    ('2**-24', '-0', '-infinity')
    """
    if not isinstance(value, Fraction):
        return special(value)
    decimal, power = in_decimal(value, LONG), _in_powers(value)
    if decimal is not None and len(decimal) <= SHORT:
        return decimal
    if power is not None and "*" not in power.replace("**", ""):
        return power
    return decimal or power or in_fraction(value, SHORT) or f"about {about(value)}"


def _in_powers(value: Fraction) -> str | None:
    """A binary fraction as an odd integer times a power of two, if that is short."""
    odd = value.numerator // (value.numerator & -value.numerator or 1)
    if not _is_power_of_two(value.denominator) or odd.bit_length() > 4 * SHORT:
        return None
    power = in_powers_of_two(value)
    return power if len(power) <= SHORT else None


def special(value: float) -> str:
    """A float that is no fraction: -0, an infinity, NaN."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "infinity" if value > 0 else "-infinity"
    return "-0" if math.copysign(1, value) < 0 else "0"


def is_finite(value: Extended) -> bool:
    """Whether it is a real number, of any size.

    >>> is_finite(Fraction(10**400)), is_finite(float("nan"))
    (True, False)
    """
    return isinstance(value, Fraction) or math.isfinite(value)


def in_decimal(value: Fraction, limit: int) -> str | None:
    """All digits of a number, without an exponent; None if they are more than a limit, or endless.

    >>> in_decimal(Fraction(-5, 4), 8), in_decimal(Fraction(1, 3), 8)
    ('-1.25', None)
    """
    digits = digits_after_point(value.denominator)
    if digits is None or digits > limit or abs(value.numerator) > 10**limit * value.denominator:
        return None
    whole = value.numerator * 10**digits // value.denominator
    text = f"{abs(whole):0{digits + 1}d}"
    text = f"{text[:-digits]}.{text[-digits:]}" if digits else text
    text = f"-{text}" if whole < 0 else text
    return text if len(text) <= limit else None


def digits_after_point(denominator: int) -> int | None:
    """How many decimal digits a fraction in lowest terms has after the point; None if endless.

    >>> digits_after_point(40), digits_after_point(3)
    (3, None)
    """
    twos = (denominator & -denominator).bit_length() - 1
    rest, fives = denominator >> twos, 0
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    return max(twos, fives) if rest == 1 else None


def in_fraction(value: Fraction, limit: int) -> str | None:
    """A number as a fraction in lowest terms; None if that takes more characters than a limit.

    >>> in_fraction(Fraction(13, 128), 8), in_fraction(Fraction(1, 10**9), 8)
    ('13/128', None)
    """
    # Of more bits than this, there are more digits.
    bits = value.numerator.bit_length() + value.denominator.bit_length()
    text = str(value) if bits < 4 * limit else ""
    return text if 0 < len(text) <= limit else None


def about(value: Fraction, digits: int = _DIGITS) -> str:
    """The first digits of a number.

    >>> about(Fraction(2, 3)), about(Fraction(10**20)), about(Fraction(1, 10**400))
    ('0.666666667', '1e+20', '1e-400')
    """
    context = Context(prec=digits, Emax=MAX_EMAX, Emin=MIN_EMIN)
    quotient = context.divide(Decimal(value.numerator), Decimal(value.denominator))
    exponent = quotient.adjusted()
    if -5 <= exponent < digits:
        return f"{quotient.normalize(context):f}"
    return f"{quotient.normalize(context):e}"


def percent(value: Fraction) -> str:
    """A part as a percentage.

    >>> percent(Fraction(1, 64)), percent(Fraction(1)), percent(Fraction(1, 10**9))
    ('1.56%', '100%', '1e-7%')
    """
    return f"{about(100 * value, 3)}%"


def hexadecimal(code: int, bits: int) -> str:
    """A code with as many digits as it takes.

    >>> hexadecimal(5, 8), hexadecimal(5, 4)
    ('0x05', '0x5')
    """
    return f"0x{code:0{(bits + 3) // 4}x}"


def _is_power_of_two(number: int) -> bool:
    return number & (number - 1) == 0
