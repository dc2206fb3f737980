"""Exact results as sticky float64 numbers, one by one: for the few that nothing quicker settles."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from numformats.exact import Operation
from numformats.exact.application import FIRST_BITS, evaluate
from numformats.exact.intervals import Interval
from numformats.exact.numbers import Number
from numformats.exact.rules import Rules
from numformats.reals import floor_log2, power_of_two

_PRECISION: Final = 53
_LOWEST: Final = -1074
_LARGEST: Final = math.nextafter(math.inf, 0.0)


def results(
    operation: Operation, operands: list[NDArray[np.float64]], rules: Rules, downward: bool
) -> NDArray[np.float64]:
    """The results of an operation on one-dimensional float64 arrays, rounded to odd: of equal
    operands once.
    """
    words = np.stack([operand.view(np.int64) for operand in operands], axis=1)
    different, places = np.unique(words, axis=0, return_inverse=True)
    found = [
        _result(operation, row, rules, downward) for row in different.view(np.float64).tolist()
    ]
    return np.array(found, np.float64)[places.reshape(-1)]


def _result(operation: Operation, operands: list[float], rules: Rules, downward: bool) -> float:
    outcome = evaluate(operation, operands, rules)
    if not isinstance(outcome, Number):
        return _enclosed(outcome)
    value, negative = outcome.value, outcome.negative
    if isinstance(value, float):
        return value if value == value else math.copysign(value, -1.0 if negative else 1.0)
    if value == 0:
        # IEEE 754-2019 6.3: the sign of an exact zero sum is the rounding's.
        return -0.0 if (downward if negative is None else negative) else 0.0
    cut = _cut(abs(value), True)
    return -cut if value < 0 else cut


def _enclosed(enclosure: Callable[[int], Interval]) -> float:
    """An irrational number, from intervals about it."""
    bits = FIRST_BITS
    while True:
        found = enclosure(bits)
        sign = -1.0 if found.high <= 0 else 1.0
        inside = -found if sign < 0 else found
        if inside.low >= 0:
            low = _LARGEST if isinstance(inside.low, float) else _cut(inside.low, False)
            if low == _LARGEST or inside.high <= Fraction(math.nextafter(low, math.inf)):
                return sign * (low if _is_odd(low) else math.nextafter(low, math.inf))
        bits *= 2


def _cut(x: Fraction, sticky: bool) -> float:
    """A number that is not negative, cut to a float64; its last bit set, if so asked, where
    anything is cut.
    """
    if x == 0:
        return 0.0
    quantum = max(floor_log2(x) - _PRECISION + 1, _LOWEST)
    if quantum + _PRECISION > 1024:
        return _LARGEST
    scaled = x / power_of_two(quantum)
    whole = math.floor(scaled)
    return math.ldexp(whole | (sticky and scaled != whole), quantum)


def _is_odd(x: float) -> bool:
    return bool(int(np.float64(x).view(np.int64)) & 1)
