"""Intervals with rational ends: how an irrational number is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from numformats.reals import power_of_two

# Infinite where a number is too large to be written out.
End: TypeAlias = Fraction | float


@dataclass(frozen=True, slots=True)
class Interval:
    """The numbers between two, without these."""

    low: End
    high: End

    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low)

    def __add__(self, shift: Fraction | int) -> Interval:
        return Interval(self.low + shift, self.high + shift)

    def __rsub__(self, minuend: Fraction | int) -> Interval:
        return -self + minuend

    def __sub__(self, other: Interval) -> Interval:
        return Interval(self.low - other.high, self.high - other.low)

    def __mul__(self, factor: Fraction | int) -> Interval:
        """The multiples by a positive number."""
        return Interval(self.low * factor, self.high * factor)

    def __truediv__(self, divisor: Interval) -> Interval:
        """The quotients by positive numbers."""
        return Interval(
            self.low / (divisor.high if self.low > 0 else divisor.low),
            self.high / (divisor.low if self.high > 0 else divisor.high),
        )

    def mapped(self, increasing: Callable[[Fraction], Fraction]) -> Interval:
        """What an increasing function makes of positive numbers, without bound where they are."""
        low, high = self.low, self.high
        assert isinstance(low, Fraction)
        return Interval(increasing(low), increasing(high) if isinstance(high, Fraction) else high)

    def above(self, bound: Fraction | int) -> Interval:
        """The part above a bound."""
        return Interval(max(self.low, Fraction(bound)), self.high)

    def below(self, bound: Fraction | int) -> Interval:
        """The part below a bound."""
        return Interval(self.low, min(self.high, Fraction(bound)))


def around(fixed: int, error: int, bits: int) -> Interval:
    """The numbers that are nearer to fixed * 2**-bits than error * 2**-bits."""
    low, high = fixed - error, fixed + error
    if bits < 0:
        return Interval(Fraction(low << -bits), Fraction(high << -bits))
    return Interval(Fraction(low, 1 << bits), Fraction(high, 1 << bits))


def near(x: Fraction, bits: int) -> Interval:
    """The numbers whose relative distance from x is less than 2**-bits."""
    radius = abs(x) * power_of_two(-bits)
    return Interval(x - radius, x + radius)


def root(radicand: Fraction, degree: int, bits: int) -> Interval:
    """The root of a positive number, to `bits` bits; the lower end is the root itself if that is a
    binary fraction of no more bits.
    """
    top = radicand.numerator.bit_length() - radicand.denominator.bit_length()
    scale = bits - top // degree
    shift = degree * scale
    numerator = radicand.numerator << max(shift, 0)
    denominator = radicand.denominator << max(-shift, 0)
    below = integer_root(numerator // denominator, degree)
    unit = power_of_two(-scale)
    return Interval(below * unit, (below + 1) * unit)


def integer_root(n: int, degree: int) -> int:
    """The largest integer whose power is no larger than n.

    >>> integer_root(80, 2), integer_root(64, 3)
    (8, 4)
    """
    if degree == 2:
        return math.isqrt(n)
    # Newton's iteration falls from above until it has arrived.
    x = 1 << -(-n.bit_length() // degree)
    while True:
        y = ((degree - 1) * x + n // x ** (degree - 1)) // degree
        if y >= x:
            return x
        x = y


def rational_root(x: Fraction, degree: int) -> Fraction | None:
    """The root of a number that is not negative, if it is rational.

    It is so if numerator and denominator, in lowest terms, are both powers: a rational root of
    d t**k = n has a numerator that divides n and a denominator that divides d (the rational root
    theorem).

    >>> rational_root(Fraction(9, 4), 2), rational_root(Fraction(2), 2)
    (Fraction(3, 2), None)
    """
    numerator = integer_root(x.numerator, degree)
    if numerator**degree != x.numerator:
        return None
    denominator = integer_root(x.denominator, degree)
    if denominator**degree != x.denominator:
        return None
    return Fraction(numerator, denominator)
