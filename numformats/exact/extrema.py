"""Minimum and maximum in all their kinds. IEEE 754-2019 9.6; IEEE P3109 4.11."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from numformats.exact.numbers import NAN, Number
from numformats.exact.rules import Rules

Choice: TypeAlias = Callable[[Rules, Number, Number], Number]


def _is_less(x: Number, y: Number) -> bool:
    """x < y, where -0 is less than 0."""
    return x.value < y.value or (x.value == y.value and bool(x.negative) > bool(y.negative))


def minimum(rules: Rules, x: Number, y: Number) -> Number:
    """The smaller one; NaN if one is."""
    if x.is_nan or y.is_nan:
        return NAN
    return y if _is_less(y, x) else x


def maximum(rules: Rules, x: Number, y: Number) -> Number:
    """The larger one; NaN if one is."""
    if x.is_nan or y.is_nan:
        return NAN
    return y if _is_less(x, y) else x


def _by_magnitude(extremum: Choice) -> Choice:
    """By magnitude first."""

    def chosen(rules: Rules, x: Number, y: Number) -> Number:
        if x.is_nan or y.is_nan or abs(x.value) == abs(y.value):
            return extremum(rules, x, y)
        of_magnitudes = extremum(rules, x.magnitude, y.magnitude)
        return x if of_magnitudes.value == abs(x.value) else y

    return chosen


def _of_numbers(extremum: Choice) -> Choice:
    """The number, where the other is NaN."""

    def chosen(rules: Rules, x: Number, y: Number) -> Number:
        if x.is_nan != y.is_nan:
            return y if x.is_nan else x
        return extremum(rules, x, y)

    return chosen


def _of_finite(extremum: Choice) -> Choice:
    """The finite number, where the other is infinite or NaN; of these an infinity."""

    def chosen(rules: Rules, x: Number, y: Number) -> Number:
        is_finite, other_is_finite = _is_finite(x), _is_finite(y)
        if is_finite != other_is_finite:
            return x if is_finite else y
        return extremum(rules, x, y)

    return chosen


def _is_finite(x: Number) -> bool:
    return not (x.is_nan or x.is_infinite)


minimum_magnitude = _by_magnitude(minimum)
maximum_magnitude = _by_magnitude(maximum)
minimum_number = _of_numbers(minimum)
maximum_number = _of_numbers(maximum)
minimum_magnitude_number = _of_numbers(minimum_magnitude)
maximum_magnitude_number = _of_numbers(maximum_magnitude)
minimum_finite = _of_finite(minimum_number)
maximum_finite = _of_finite(maximum_number)


def clamp(rules: Rules, x: Number, low: Number, high: Number) -> Number:
    """x, or the end of a range that it is beyond; NaN of an empty range. P3109 4.11."""
    if x.is_nan or low.is_nan or high.is_nan or low.value > high.value:
        return NAN
    return minimum(rules, maximum(rules, x, low), high)
