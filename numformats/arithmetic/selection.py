"""Signs, minima and maxima of float64 arrays: results that are operands. They need no rounding.

Source: IEEE 754-2019, clauses 5.5.1 and 9.6; IEEE P3109 interim report v4.0, clauses 4.10.1 to
4.10.2 and 4.11.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np

from numformats.arithmetic.context import Bools, Context, Floats, Found

Choice: TypeAlias = Callable[[Floats, Floats], Floats]


def _is_less(x: Floats, y: Floats) -> Bools:
    """x < y, where -0 is less than 0."""
    return (x < y) | ((x == y) & (np.signbit(x) > np.signbit(y)))


def _minimum(x: Floats, y: Floats) -> Floats:
    return np.where(np.isnan(x) | np.isnan(y), np.nan, np.where(_is_less(y, x), y, x))


def _maximum(x: Floats, y: Floats) -> Floats:
    return np.where(np.isnan(x) | np.isnan(y), np.nan, np.where(_is_less(x, y), y, x))


def _by_magnitude(extremum: Choice) -> Choice:
    def chosen(x: Floats, y: Floats) -> Floats:
        magnitudes = np.abs(x), np.abs(y)
        of_magnitudes = np.where(extremum(*magnitudes) == magnitudes[0], x, y)
        is_decided = (magnitudes[0] < magnitudes[1]) | (magnitudes[0] > magnitudes[1])
        return np.where(is_decided, of_magnitudes, extremum(x, y))

    return chosen


def _of(is_good: Callable[[Floats], Bools], extremum: Choice) -> Choice:
    """The one of two that is good, if the other is not."""

    def chosen(x: Floats, y: Floats) -> Floats:
        one, other = is_good(x), is_good(y)
        return np.where(one == other, extremum(x, y), np.where(one, x, y))

    return chosen


def _is_number(x: Floats) -> Bools:
    return ~np.isnan(x)


_MINIMUM_MAGNITUDE, _MAXIMUM_MAGNITUDE = _by_magnitude(_minimum), _by_magnitude(_maximum)

CHOICES: Final[dict[str, Choice]] = {
    "minimum": _minimum,
    "maximum": _maximum,
    "minimum_number": _of(_is_number, _minimum),
    "maximum_number": _of(_is_number, _maximum),
    "minimum_magnitude": _MINIMUM_MAGNITUDE,
    "maximum_magnitude": _MAXIMUM_MAGNITUDE,
    "minimum_magnitude_number": _of(_is_number, _MINIMUM_MAGNITUDE),
    "maximum_magnitude_number": _of(_is_number, _MAXIMUM_MAGNITUDE),
    # Of what is not finite, infinity is chosen before NaN.
    "minimum_finite": _of(np.isfinite, _of(_is_number, _minimum)),
    "maximum_finite": _of(np.isfinite, _of(_is_number, _maximum)),
}


def _clamp(x: Floats, low: Floats, high: Floats) -> Floats:
    is_range = low <= high
    return np.where(is_range, _minimum(_maximum(x, low), high), np.nan)


def _copysign(context: Context, x: Floats, y: Floats) -> Found:
    found = np.copysign(x, y)
    return (found if context.rules.signs else np.where(np.isnan(y), np.nan, found)), None


def _chosen(choice: Callable[..., Floats]) -> Callable[..., Found]:
    def of_numbers(context: Context, *operands: Floats) -> Found:
        return choice(*operands), None

    return of_numbers


SELECTION: Final[dict[str, Callable[..., Found]]] = {
    "absolute": _chosen(np.abs),
    "negative": _chosen(np.negative),
    "copysign": _copysign,
    **{name: _chosen(choice) for name, choice in CHOICES.items()},
    "clamp": _chosen(_clamp),
}
