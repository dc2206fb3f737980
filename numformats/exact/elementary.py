"""Exponentials, logarithms and hyperbolic functions: where they are rational, and intervals.

A function of a rational number is rational at few arguments, which theorems tell. There it is
computed exactly; everywhere else it is irrational, so that it is neither a value of a format nor
halfway between two, and an interval that is small enough lies on one side of all of these.

Near some arguments that takes very small intervals: exp(2**-100) is just above 1. There the side is
known beforehand, which `Interval.above` and `below` say.

Theorems. (HL) Hermite and Lindemann: e**x is transcendental for algebraic x other than 0, and so
are log(y) for algebraic y other than 0 and 1, and all algebraic functions of e**x that are not
constant. (LW) Lindemann and Weierstrass: powers of e with different algebraic exponents are
linearly independent over the algebraic numbers. (UF) Unique factorization: for rational x, 2**x and
10**x are rational for integers alone, and so log2(y) and log10(y) for such powers y alone. Source:
A. Baker, Transcendental Number Theory, 1975, theorem 1.4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Final

from numformats.exact.intervals import Interval, near, root
from numformats.exact.numbers import (
    NAN,
    Number,
    Outcome,
    at_pole,
    infinity,
    rational,
    zero,
)
from numformats.exact.rules import Rules
from numformats.exact.series import (
    LIMIT,
    constant,
    log_of_2,
    log_of_10,
    logarithm,
    one,
    power,
)
from numformats.reals import floor_log2


@dataclass(frozen=True)
class Function:
    """A real function of one number, at rational numbers and at both infinities.

    Attributes
    ----------
    at_infinity, at_minus_infinity : Number or Enclosure
        Its limits.
    exact : callable
        What it is where it is rational, infinite, or NaN because the argument is outside of its
        domain; None where it is irrational.
    enclosed : callable
        An interval that has it inside, where it is irrational, to so many bits.
    has_poles : bool
        Whether it changes sides where it is infinite.
    """

    at_infinity: Outcome
    at_minus_infinity: Outcome
    exact: Callable[[Number], Number | None]
    enclosed: Callable[[Fraction, int], Interval]
    has_poles: bool = False

    def __call__(self, rules: Rules, x: Number) -> Outcome:
        """What the function is at a number."""
        if x.is_nan:
            return NAN
        if x.is_infinite:
            return self.at_minus_infinity if x.negative else self.at_infinity
        found = self.exact(x)
        if found is None:
            return partial(self.enclosed, x.fraction)
        if self.has_poles and found.is_infinite:
            return at_pole(rules, found.negative)
        return found


def odd(
    enclosed: Callable[[Fraction, int], Interval], *, above: bool
) -> Callable[[Fraction, int], Interval]:
    """An odd function f with f(x) = x + c x**3 + ..., of arguments of either sign.

    `enclosed` is to do those from 2**(-bits/2) on. Below, f(x) is x to so many bits. For positive
    x it is always `above` x, or below.
    """

    def enclosed_everywhere(x: Fraction, bits: int) -> Interval:
        positive = abs(x)
        if 2 * floor_log2(positive) < -bits - 1:
            found = near(positive, bits)
        else:
            found = enclosed(positive, bits)
        found = found.above(positive) if above else found.below(positive)
        return -found if x < 0 else found

    return enclosed_everywhere


def zero_at_zero(x: Number) -> Number | None:
    """What is rational at 0 alone, and 0 of the same sign there."""
    return x if x.value == 0 else None


def smallness(x: Fraction) -> int:
    """The bits by which a number other than 0 is smaller than 1."""
    return max(0, -floor_log2(abs(x)))


ONE: Final = rational(1)
PLUS, MINUS = infinity(False), infinity(True)


# Exponentials


def _exp(x: Fraction, bits: int) -> Interval:
    found = power(one, x, bits)
    return found.above(1) if x > 0 else found.below(1)


def _exp2(x: Fraction, bits: int) -> Interval:
    found = power(log_of_2, x, bits)
    return found.above(1) if x > 0 else found.below(1)


def _exp10(x: Fraction, bits: int) -> Interval:
    found = power(log_of_10, x, bits)
    return found.above(1) if x > 0 else found.below(1)


def _expm1(x: Fraction, bits: int) -> Interval:
    # x + x**2/2 + ...
    if floor_log2(abs(x)) < -bits - 1:
        return near(x, bits).above(x)
    return (power(one, x, bits + smallness(x)) + -1).above(x)


def _one_at_zero(x: Number) -> Number | None:
    return ONE if x.value == 0 else None


def _power_of(base: int) -> Callable[[Number], Number | None]:
    """Integer powers of 2 or 10; others are irrational (UF), or beyond all formats."""

    def exact(x: Number) -> Number | None:
        exponent = x.fraction
        if exponent.denominator != 1 or abs(exponent) >= LIMIT:
            return None
        return rational(Fraction(base) ** exponent.numerator)

    return exact


# HL, UF. IEEE 754-2019 9.2.1; P3109 4.10.9.
EXP: Final = Function(PLUS, zero(False), _one_at_zero, _exp)
EXP2: Final = Function(PLUS, zero(False), _power_of(2), _exp2)
EXP10: Final = Function(PLUS, zero(False), _power_of(10), _exp10)
EXPM1: Final = Function(PLUS, rational(-1), zero_at_zero, _expm1)


# Logarithms


def _log_domain(x: Number) -> Number | None:
    """log(0), log(1), and those of negative numbers."""
    if x.fraction <= 0:
        return MINUS if x.value == 0 else NAN
    return zero(False) if x.value == 1 else None


def _log1p_domain(x: Number) -> Number | None:
    if x.fraction <= -1:
        return MINUS if x.value == -1 else NAN
    return zero_at_zero(x)


def _log1p(x: Fraction, bits: int) -> Interval:
    # x - x**2/2 + ...
    found = near(x, bits) if floor_log2(abs(x)) < -bits - 1 else logarithm(1 + x, bits)
    return found.below(x)


def _log2_domain(x: Number) -> Number | None:
    found = _log_domain(x)
    if found is not None:
        return found
    exponent = floor_log2(x.fraction)
    numerator, denominator = x.fraction.numerator, x.fraction.denominator
    is_power = numerator == 1 << max(exponent, 0) and denominator == 1 << max(-exponent, 0)
    return rational(exponent) if is_power else None


def _log10_domain(x: Number) -> Number | None:
    found = _log_domain(x)
    if found is not None:
        return found
    numerator, denominator = x.fraction.numerator, x.fraction.denominator
    sign, n = (1, numerator) if denominator == 1 else (-1, denominator)
    if min(numerator, denominator) != 1:
        return None
    # 10**k has k zeros at its end in binary, too.
    k = (n & -n).bit_length() - 1
    return rational(sign * k) if n >> k == 5**k else None


def _to_base(log_of_base: Callable[[int], int]) -> Callable[[Fraction, int], Interval]:
    def enclosed(x: Fraction, bits: int) -> Interval:
        base = constant(log_of_base, bits + 4)
        log = logarithm(x, bits)
        return log / base

    return enclosed


# HL, UF. IEEE 754-2019 9.2.1; P3109 4.10.9.
LOG: Final = Function(PLUS, NAN, _log_domain, logarithm)
LOG2: Final = Function(PLUS, NAN, _log2_domain, _to_base(log_of_2))
LOG10: Final = Function(PLUS, NAN, _log10_domain, _to_base(log_of_10))
LOG1P: Final = Function(PLUS, NAN, _log1p_domain, _log1p)


def _softplus(x: Fraction, bits: int) -> Interval:
    # log(1 + e**x) = max(x, 0) + log(1 + e**-|x|), where e**-t < 2**-t.
    if x > bits:
        return Interval(x, x + Fraction(1, 1 << bits))
    if x == 0:
        return constant(log_of_2, bits)
    small = _exp(-abs(x), bits)
    low, high = small.low, small.high
    assert isinstance(low, Fraction)
    assert isinstance(high, Fraction)
    if -x > bits:
        # t - t**2/2 + ...
        found = Interval(low - low / (1 << bits), high)
    else:
        found = Interval(logarithm(1 + low, bits).low, logarithm(1 + high, bits).high)
    return found + x if x > 0 else found


# LW: if log(1 + e**x) = r were rational, e**0 + e**x - e**r = 0. P3109 4.10.13.
SOFTPLUS: Final = Function(PLUS, zero(False), lambda x: None, _softplus)


# Hyperbolic functions. HL. IEEE 754-2019 9.2.1; P3109 4.10.11.


def _sinh(x: Fraction, bits: int) -> Interval:
    return _exp(x, bits + smallness(x)).mapped(lambda e: (e - 1 / e) / 2)


def _cosh(x: Fraction, bits: int) -> Interval:
    return _exp(abs(x), bits).mapped(lambda e: (e + 1 / e) / 2).above(1)


def _tanh(x: Fraction, bits: int) -> Interval:
    # 1 - tanh(x) = 2 / (e**2x + 1) < 2**(1 - 2x)
    if 2 * x > bits:
        return Interval(1 - Fraction(2, 1 << bits), Fraction(1))
    return _exp(2 * x, bits + smallness(x)).mapped(lambda e: (e - 1) / (e + 1))


def _arcsinh(x: Fraction, bits: int) -> Interval:
    secant = root(x * x + 1, 2, bits + smallness(x))
    return _log_of_interval(secant + x, bits)


def _arccosh(x: Fraction, bits: int) -> Interval:
    more = bits + smallness(x - 1)
    return _log_of_interval(root(x * x - 1, 2, more) + x, bits)


def _arctanh(x: Fraction, bits: int) -> Interval:
    return logarithm((1 + x) / (1 - x), bits) * Fraction(1, 2)


def _log_of_interval(x: Interval, bits: int) -> Interval:
    assert isinstance(x.low, Fraction)
    assert isinstance(x.high, Fraction)
    return Interval(logarithm(x.low, bits).low, logarithm(x.high, bits).high)


def _arccosh_domain(x: Number) -> Number | None:
    if x.fraction < 1:
        return NAN
    return zero(False) if x.value == 1 else None


def _arctanh_domain(x: Number) -> Number | None:
    if abs(x.fraction) >= 1:
        return infinity(x.negative) if abs(x.fraction) == 1 else NAN
    return zero_at_zero(x)


SINH: Final = Function(PLUS, MINUS, zero_at_zero, odd(_sinh, above=True))
COSH: Final = Function(PLUS, PLUS, _one_at_zero, _cosh)
TANH: Final = Function(ONE, rational(-1), zero_at_zero, odd(_tanh, above=False))
ARCSINH: Final = Function(PLUS, MINUS, zero_at_zero, odd(_arcsinh, above=False))
ARCCOSH: Final = Function(PLUS, NAN, _arccosh_domain, _arccosh)
ARCTANH: Final = Function(NAN, NAN, _arctanh_domain, odd(_arctanh, above=True))
