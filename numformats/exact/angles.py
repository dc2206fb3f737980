"""Angles: the inverses of sine, cosine and tangent, and directions, in radians and in half turns.

All of them come from one: the angle up to pi/4 whose tangent has a known rational square. Theorems,
as in `numformats.exact.trigonometric`: (HL) an angle other than 0 whose sine, cosine or tangent is
algebraic is transcendental, and so is pi. (N) In half turns, an angle with a rational sine or
cosine is rational only where that is 0, 1/2, 1, -1/2 or -1, and one with a rational tangent only
where that is 0, 1 or -1.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Final

from numformats.exact.elementary import Function, odd, zero_at_zero
from numformats.exact.intervals import Interval
from numformats.exact.numbers import NAN, Number, Outcome, rational, zero
from numformats.exact.rules import Rules
from numformats.exact.series import angle, constant, pi

HALF: Final = Fraction(1, 2)


def _pi(bits: int) -> Interval:
    return constant(pi, bits)


def _direction(squared_tangent: Fraction | None, bits: int, in_half_turns: bool) -> Interval:
    """The angle from 0 to a quarter turn with a tangent whose square is given; None is infinite."""
    if squared_tangent is not None and squared_tangent <= 1:
        found = angle(squared_tangent, bits)
        return found / _pi(bits) if in_half_turns else found
    quarter = Interval(HALF, HALF) if in_half_turns else _pi(bits) * HALF
    if squared_tangent is None:
        return quarter
    return quarter - _direction(1 / squared_tangent, bits, in_half_turns)


def _beyond_a_quarter(direction: Interval, bits: int, in_half_turns: bool) -> Interval:
    """A half turn less an angle."""
    half_turn = Interval(Fraction(1), Fraction(1)) if in_half_turns else _pi(bits)
    return half_turn - direction


def _arcsine(x: Fraction, bits: int, in_half_turns: bool) -> Interval:
    """Of a positive number."""
    cosine = 1 - x * x
    return _direction(x * x / cosine if cosine else None, bits, in_half_turns)


def _arccosine(x: Fraction, bits: int, in_half_turns: bool) -> Interval:
    squared_tangent = (1 - x * x) / (x * x) if x else None
    found = _direction(squared_tangent, bits, in_half_turns)
    return _beyond_a_quarter(found, bits, in_half_turns) if x < 0 else found


def _arctangent(x: Fraction, bits: int, in_half_turns: bool) -> Interval:
    """Of a positive number."""
    return _direction(x * x, bits, in_half_turns)


def _of_either_sign(
    enclosed: Callable[[Fraction, int, bool], Interval],
) -> Callable[[Fraction, int], Interval]:
    """An odd function in half turns."""

    def of_either_sign(x: Fraction, bits: int) -> Interval:
        found = enclosed(abs(x), bits, True)
        return -found if x < 0 else found

    return of_either_sign


def _arcsin_domain(x: Number) -> Number | None:
    return NAN if abs(x.fraction) > 1 else zero_at_zero(x)


def _arccos_domain(x: Number) -> Number | None:
    if abs(x.fraction) > 1:
        return NAN
    return zero(False) if x.value == 1 else None


def _among(
    table: dict[Fraction, Fraction], domain: Callable[[Number], Number | None]
) -> Callable[[Number], Number | None]:
    """What is rational at few numbers, which a table has."""

    def exact(x: Number) -> Number | None:
        found = domain(x)
        if found is None and x.fraction.denominator <= 2 and x.fraction in table:
            return rational(table[x.fraction])
        return found

    return exact


_ARCSINE: Final = {
    Fraction(sine): Fraction(sixths, 6)
    for sine, sixths in ((-1, -3), (-HALF, -1), (HALF, 1), (1, 3))
}
_ARCCOSINE: Final = {
    Fraction(cosine): Fraction(sixths, 6)
    for cosine, sixths in ((-1, 6), (-HALF, 4), (0, 3), (HALF, 2))
}
_ARCTANGENT: Final = {Fraction(-1): Fraction(-1, 4), Fraction(1): Fraction(1, 4)}


def _multiple_of_pi(factor: Fraction, bits: int) -> Interval:
    found = _pi(bits) * abs(factor)
    return -found if factor < 0 else found


# HL. IEEE 754-2019 9.2.1; P3109 4.10.10.
ARCSIN: Final = Function(
    NAN, NAN, _arcsin_domain, odd(partial(_arcsine, in_half_turns=False), above=True)
)
ARCCOS: Final = Function(NAN, NAN, _arccos_domain, partial(_arccosine, in_half_turns=False))
ARCTAN: Final = Function(
    partial(_multiple_of_pi, HALF),
    partial(_multiple_of_pi, -HALF),
    zero_at_zero,
    odd(partial(_arctangent, in_half_turns=False), above=False),
)
# N. P3109 4.10.12.
ARCSINPI: Final = Function(NAN, NAN, _among(_ARCSINE, _arcsin_domain), _of_either_sign(_arcsine))
ARCCOSPI: Final = Function(
    NAN, NAN, _among(_ARCCOSINE, _arccos_domain), partial(_arccosine, in_half_turns=True)
)
ARCTANPI: Final = Function(
    rational(HALF), rational(-HALF), _among(_ARCTANGENT, zero_at_zero), _of_either_sign(_arctangent)
)


# Directions of points (x, y). IEEE 754-2019 9.2.1; P3109 4.10.15, 4.10.16.


def arctan2(rules: Rules, y: Number, x: Number) -> Outcome:
    """The direction of a point (x, y) from -pi to pi: y comes first."""
    return _direction_of(rules, y, x, in_half_turns=False)


def arctan2pi(rules: Rules, y: Number, x: Number) -> Outcome:
    """The same from -1 to 1."""
    return _direction_of(rules, y, x, in_half_turns=True)


def _direction_of(rules: Rules, y: Number, x: Number, in_half_turns: bool) -> Outcome:
    if y.is_nan or x.is_nan:
        return NAN
    turn = _quarters(y, x)
    if turn is None:
        return partial(_direction_of_point, y.fraction, x.fraction, in_half_turns=in_half_turns)
    both_infinite, both_zero = y.is_infinite and x.is_infinite, y.value == 0 and x.value == 0
    if (both_infinite or both_zero) and not rules.arctan2_of_equals:
        return NAN
    is_negative = bool(y.negative)
    if x.is_infinite and not y.is_infinite and rules.arctan2_ends_at_pi:
        is_negative = False
    if turn == 0:
        return zero(is_negative)
    factor = -turn if is_negative else turn
    return rational(factor) if in_half_turns else partial(_multiple_of_pi, factor)


def _quarters(y: Number, x: Number) -> Fraction | None:
    """The angle between the direction of (x, |y|) and that of (1, 0) in half turns, where that is a
    multiple of 1/4: on the axes, on the diagonals, and far away.
    """
    if y.is_infinite != x.is_infinite:
        is_beside = y.is_infinite
    elif y.is_infinite or (x.value != 0 and abs(y.fraction) == abs(x.fraction)):
        return Fraction(3, 4) if x.negative else Fraction(1, 4)
    elif y.value != 0 and x.value != 0:
        return None
    else:
        is_beside = y.value != 0
    if is_beside:
        return HALF
    return Fraction(1) if x.negative else Fraction(0)


def _direction_of_point(y: Fraction, x: Fraction, bits: int, in_half_turns: bool) -> Interval:
    found = _direction((y / x) ** 2, bits, in_half_turns)
    if x < 0:
        found = _beyond_a_quarter(found, bits, in_half_turns)
    elif abs(y) < x and not in_half_turns:
        found = found.below(abs(y) / x)
    return -found if y < 0 else found
