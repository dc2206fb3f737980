"""Sums, products, quotients, roots and signs: operations whose results integers decide."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import Final

from numformats.exact.intervals import rational_root, root
from numformats.exact.numbers import NAN, ZERO, Number, Outcome, at_pole, infinity, zero
from numformats.exact.rules import Rules

ONE: Final = Number(Fraction(1), False)


def add(rules: Rules, *terms: Number) -> Number:
    """x + y, or more terms. IEEE 754-2019 5.4.1 and 6.3; P3109 4.10.3, 4.10.7."""
    if any(term.is_nan for term in terms):
        return NAN
    infinities = {term for term in terms if term.is_infinite}
    if infinities:
        return infinities.pop() if len(infinities) == 1 else NAN
    total = sum((term.fraction for term in terms), ZERO)
    if total:
        return Number(total, total < 0)
    signs = {term.negative for term in terms}
    return zero(signs.pop() if len(signs) == 1 else None)


def subtract(rules: Rules, x: Number, y: Number) -> Number:
    """x - y."""
    return add(rules, x, negative(rules, y))


def multiply(rules: Rules, x: Number, y: Number) -> Number:
    """x y. IEEE 754-2019 6.3, 7.2; P3109 4.10.4."""
    if x.is_nan or y.is_nan:
        return NAN
    sign = x.negative != y.negative
    if x.is_infinite or y.is_infinite:
        return NAN if x.value == 0 or y.value == 0 else infinity(sign)
    return Number(x.fraction * y.fraction, sign)


def fma(rules: Rules, x: Number, y: Number, z: Number) -> Number:
    """x y + z."""
    return add(rules, multiply(rules, x, y), z)


def divide(rules: Rules, x: Number, y: Number) -> Number:
    """x / y. IEEE 754-2019 6.3, 7.2, 7.3; P3109 4.10.5."""
    if x.is_nan or y.is_nan or (x.is_infinite and y.is_infinite):
        return NAN
    sign = x.negative != y.negative
    if y.value == 0:
        return NAN if x.value == 0 else at_pole(rules, sign)
    if x.is_infinite:
        return infinity(sign)
    return zero(sign) if y.is_infinite else Number(x.fraction / y.fraction, sign)


def reciprocal(rules: Rules, x: Number) -> Number:
    """1 / x."""
    return divide(rules, ONE, x)


def remainder(rules: Rules, x: Number, y: Number) -> Number:
    """x - y n, where n is the integer nearest to x / y, ties to even. IEEE 754-2019 5.3.1."""
    if x.is_nan or y.is_nan or x.is_infinite or y.value == 0:
        return NAN
    if y.is_infinite:
        return x
    rest = x.fraction - y.fraction * round(x.fraction / y.fraction)
    return Number(rest, rest < 0) if rest else zero(x.negative)


def sqrt(rules: Rules, x: Number) -> Outcome:
    """The square root. IEEE 754-2019 5.4.1, 6.3: that of -0 is -0. P3109 4.10.8."""
    if x.is_nan or x.value == 0:
        return x if x.value == 0 else NAN
    if x.negative:
        return NAN
    return x if x.is_infinite else _root_of(x.fraction, 2)


def rsqrt(rules: Rules, x: Number) -> Outcome:
    """1 / sqrt(x). IEEE 754-2019 9.2.1: that of -0 is -inf. P3109 4.10.8."""
    if x.is_nan:
        return NAN
    if x.value == 0:
        return at_pole(rules, x.negative)
    if x.negative:
        return NAN
    return zero(False) if x.is_infinite else _root_of(1 / x.fraction, 2)


def cbrt(rules: Rules, x: Number) -> Outcome:
    """The cube root, rootn(x, 3) of IEEE 754-2019 9.2.1."""
    if x.is_nan:
        return NAN
    if x.is_infinite or x.value == 0:
        return x
    positive = _root_of(abs(x.fraction), 3)
    if not x.negative:
        return positive
    if isinstance(positive, Number):
        return Number(-positive.fraction, True)
    return lambda bits: -positive(bits)


def hypot(rules: Rules, x: Number, y: Number) -> Outcome:
    """sqrt(x**2 + y**2). IEEE 754-2019 9.2.1; P3109 4.10.14."""
    is_nan, is_infinite = x.is_nan or y.is_nan, x.is_infinite or y.is_infinite
    if is_infinite and (rules.hypot_ignores_nan or not is_nan):
        return infinity(False)
    if is_nan:
        return NAN
    square = x.fraction**2 + y.fraction**2
    return _root_of(square, 2) if square else zero(False)


def _root_of(x: Fraction, degree: int) -> Outcome:
    """A root of a positive number: rational, or irrational and so inside of all intervals."""
    found = rational_root(x, degree)
    return partial(root, x, degree) if found is None else Number(found, False)


# Signs, which IEEE 754-2019 5.5.1 has NaN have, too. P3109 4.10.1, 4.10.2.


def absolute(rules: Rules, x: Number) -> Number:
    """|x|."""
    return x.magnitude


def negative(rules: Rules, x: Number) -> Number:
    """-x."""
    value = x.value
    return Number(-value, not x.negative)


def copysign(rules: Rules, x: Number, y: Number) -> Number:
    """x with the sign of y."""
    if y.is_nan and not rules.signs:
        return NAN
    magnitude = x.magnitude.value
    return Number(-magnitude if y.negative else magnitude, y.negative)
