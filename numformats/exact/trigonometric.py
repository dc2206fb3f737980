"""Sine, cosine and tangent, of radians and of half turns.

See `numformats.exact.elementary` for how a function becomes an interval. Theorems: (HL) of Hermite
and Lindemann: sin, cos and tan of algebraic numbers other than 0 are transcendental. (N) of Niven:
for rational x, sin(pi x) is rational only where it is 0, 1/2, 1, -1/2 or -1, and tan(pi x) only
where it is 0, 1 or -1. Source: I. Niven, Irrational Numbers, 1956, theorem 9.11, corollary 3.12.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from numformats.exact.elementary import ONE, Function, odd, smallness, zero_at_zero
from numformats.exact.intervals import Interval, around
from numformats.exact.numbers import NAN, Number, infinity, rational, zero
from numformats.exact.series import GUARD, pi, sine_and_cosine
from numformats.reals import floor_log2

HALF: Final = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class Turned:
    """The sine and cosine of an angle: a number of quarter turns, and a rest up to pi/4."""

    quarters: int
    # Of the rest. The sine has its sign.
    rest_sine: Interval
    rest_cosine: Interval

    @property
    def sine(self) -> Interval:
        """The sine."""
        found = self.rest_cosine if self.quarters % 2 else self.rest_sine
        return -found if self.quarters % 4 >= 2 else found

    @property
    def cosine(self) -> Interval:
        """The cosine, which is the sine of a quarter turn more."""
        return Turned(self.quarters + 1, self.rest_sine, self.rest_cosine).sine

    @property
    def tangent(self) -> Interval:
        """The tangent; that of a quarter turn more is the reciprocal, with the other sign."""
        if self.quarters % 2 == 0:
            return self.rest_sine / self.rest_cosine
        is_positive = self.rest_sine.low > 0
        positive = self.rest_sine if is_positive else -self.rest_sine
        found = self.rest_cosine / positive
        return -found if is_positive else found


def _turned(quarters: int, rest: int, negative: bool, error: int, work: int) -> Turned:
    """Of a rest |x| * 2**-work, which is not 0, whatever it is taken for, but wrong by `error`."""
    sine, cosine = sine_and_cosine(rest, work)
    error += 2 * work
    rest_sine = around(sine, error, work)
    return Turned(
        quarters, -rest_sine if negative else rest_sine, around(cosine, error, work).below(1)
    )


def _radians(x: Fraction, bits: int) -> Turned:
    """An angle other than 0 in radians, with the rest to `bits` bits."""
    positive = abs(x)
    size, small = max(0, floor_log2(positive) + 1), smallness(x)
    while True:
        # x * 2/pi in quarter turns, with so many bits more as it has before the point.
        work = bits + GUARD + small
        circle = pi(work + size)
        scaled = (positive.numerator << (work + size + 1)) // positive.denominator
        quarters, rest = divmod(scaled, circle)
        negative = 2 * rest > circle
        if negative:
            quarters, rest = quarters + 1, circle - rest
        rest >>= size + 1
        missing = bits + GUARD - rest.bit_length()
        if missing <= 4:
            break
        small += missing
    # There are less than 2**size quarters, and pi is wrong by less than 2 units.
    turned = _turned(quarters, rest, negative, 4, work)
    if x > 0:
        return turned
    return Turned(-turned.quarters, -turned.rest_sine, turned.rest_cosine)


def _half_turns(x: Fraction, bits: int) -> Turned:
    """An angle in half turns, which is no multiple of a quarter turn."""
    quarters = round(2 * x)
    rest = x - Fraction(quarters, 2)
    work = bits + GUARD + smallness(rest)
    scaled = abs(rest.numerator) * pi(work) // rest.denominator
    return _turned(quarters % 4, scaled, rest < 0, 3, work)


# Sine, cosine and tangent of radians. HL. IEEE 754-2019 9.2.1; P3109 4.10.10.


def _sin(x: Fraction, bits: int) -> Interval:
    return _radians(x, bits).sine


def _cos(x: Fraction, bits: int) -> Interval:
    return _radians(x, bits).cosine


def _tan(x: Fraction, bits: int) -> Interval:
    return _radians(x, bits).tangent


SIN: Final = Function(NAN, NAN, zero_at_zero, odd(_sin, above=False))
COS: Final = Function(NAN, NAN, lambda x: ONE if x.value == 0 else None, _cos)


def _tan_everywhere(x: Fraction, bits: int) -> Interval:
    # Above x only up to the first pole.
    return _tan_near_zero(x, bits) if abs(x) < 1 else _tan(x, bits)


_tan_near_zero = odd(_tan, above=True)
TAN: Final = Function(NAN, NAN, zero_at_zero, _tan_everywhere)


# The same of half turns. N. IEEE 754-2019 9.2.1; P3109 4.10.12.

_SINE_OF_SIXTHS: Final[dict[int, Fraction | int]] = {
    0: 0,
    1: HALF,
    3: 1,
    5: HALF,
    6: 0,
    7: -HALF,
    9: -1,
    11: -HALF,
}
_TANGENT_OF_QUARTERS: Final = {0: 0, 1: 1, 3: -1}


def _sinpi_exact(x: Number) -> Number | None:
    sixths = 6 * x.fraction
    if sixths.denominator != 1:
        return None
    sine = _SINE_OF_SIXTHS.get(sixths.numerator % 12)
    if sine is None:
        return None
    return rational(Fraction(sine)) if sine else zero(x.negative)


def _cospi_exact(x: Number) -> Number | None:
    # A quarter turn more. Its zeros are positive.
    return _sinpi_exact(Number(x.fraction + HALF, False))


def _tanpi_exact(x: Number) -> Number | None:
    quarters = 4 * x.fraction
    if quarters.denominator != 1:
        return None
    half_turns, rest = divmod(quarters.numerator, 4)
    if rest == 2:
        return infinity(half_turns % 2 == 1)
    tangent = _TANGENT_OF_QUARTERS[rest]
    return rational(tangent) if tangent else zero(bool(x.negative) != (half_turns % 2 == 1))


def _sinpi(x: Fraction, bits: int) -> Interval:
    return _half_turns(x, bits).sine


def _cospi(x: Fraction, bits: int) -> Interval:
    return _half_turns(x, bits).cosine


def _tanpi(x: Fraction, bits: int) -> Interval:
    return _half_turns(x, bits).tangent


SINPI: Final = Function(NAN, NAN, _sinpi_exact, _sinpi)
COSPI: Final = Function(NAN, NAN, _cospi_exact, _cospi)
TANPI: Final = Function(NAN, NAN, _tanpi_exact, _tanpi, has_poles=True)
