"""Rounding float64 arrays to what an accumulator keeps, where they are exact or rounded to odd."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats import exact
from numformats.arithmetic.accumulators import Result, smallest_exponent
from numformats.error_free import sum_to_odd
from numformats.modes import DETERMINISTIC, Away
from numformats.reals import power_of_two

Floats = NDArray[np.float64]

# The part beyond the inward neighbour, in units of its distance to the outward one, that a number
# must exceed to be rounded away from zero. Parts are multiples of 2**-53 here.
_MORE_THAN: Final = {
    Away.INEXACT: 0.0,
    Away.FROM_HALF: 0.5 - 2.0**-53,
    Away.ABOVE_HALF: 0.5,
    Away.NEVER: 1.0,
}


@dataclass(frozen=True)
class Rounding:
    """All that rounding to a result takes, as float64 numbers.

    Attributes
    ----------
    smallest : float
        The smallest normal value, a power of two.
    unit : float
        The distance from 1 to the next larger value.
    largest : float
        The largest value.
    thresholds : tuple of float
        What the part beyond the inward neighbour must exceed to be rounded away: for positive
        numbers with an even and an odd inward neighbour, then for negative ones.
    overflow, infinity : tuple of float
        What is written for a finite number beyond the largest value, and for infinity: positive,
        and negative.
    kept_from : float
        Smaller magnitudes become zero.
    zero_of_cancellation : float
        The sum of x and -x: 0.0 or -0.0.
    lowest_zero : float
        -0.0, or 0.0 where the format has no other: added to -0 it gives itself, to anything else
        nothing.
    """

    smallest: float
    unit: float
    largest: float
    thresholds: tuple[float, float, float, float]
    overflow: tuple[float, float]
    infinity: tuple[float, float]
    kept_from: float
    zero_of_cancellation: float
    lowest_zero: float

    def as_numbers(self) -> tuple[float, ...]:
        """The same for compiled loops, in this order."""
        return (
            *(self.smallest, self.unit, self.largest),
            *(*self.thresholds, *self.overflow, *self.infinity),
            *(self.kept_from, self.zero_of_cancellation, self.lowest_zero),
        )


@lru_cache(maxsize=256)
def make_rounding(result: Result, *, flush_subnormals: bool = False) -> Rounding:
    """What rounding to a result takes. What happens at the ends is asked of `numformats.exact`."""
    fmt, mode = result.kept_format, DETERMINISTIC[result.mode]
    negative = mode.negative

    def written(value: Fraction | float) -> float:
        return float(exact.decode(exact.project(value, fmt, result.mode), fmt))

    beyond = power_of_two(math.floor(fmt.highest).bit_length() + 1)
    overflow = written(beyond), written(-beyond)
    infinity = written(math.inf), written(-math.inf)
    return Rounding(
        smallest=math.ldexp(1.0, smallest_exponent(fmt)),
        unit=math.ldexp(1.0, 1 - fmt.precision),
        largest=float(fmt.highest),
        thresholds=(
            _MORE_THAN[mode.from_even],
            _MORE_THAN[mode.from_odd],
            _MORE_THAN[negative or mode.from_even],
            _MORE_THAN[negative or mode.from_odd],
        ),
        overflow=(math.inf, -math.inf) if result.overflow == "infinity" else overflow,
        infinity=infinity,
        kept_from=float(fmt.smallest_normal_exact) if flush_subnormals else 0.0,
        zero_of_cancellation=-0.0 if result.mode == "toward_negative" else 0.0,
        lowest_zero=-0.0 if fmt.has_negative_zero and result.has_negative_zero else 0.0,
    )


def round_to(x: Floats, how: Rounding) -> Floats:
    """Numbers rounded as a result is, with their signs: a new array.

    >>> round_to(np.array([1.0, 2049.0, 1e6]), make_rounding(Result("float16")))
    array([1.000e+00, 2.048e+03,       inf])
    """
    magnitude, is_negative = np.abs(x), np.signbit(x).astype(np.intp)
    quantum = np.maximum(_power_of_two_below(magnitude), how.smallest) * how.unit
    steps = magnitude / quantum  # exact
    inward = np.floor(steps)
    parity = (inward % 2 == 1).astype(np.intp)
    inward += steps - inward > np.array(how.thresholds)[2 * is_negative + parity]
    rounded = inward * quantum
    rounded[rounded < how.kept_from] = 0.0
    result = np.where(
        rounded > how.largest, np.array(how.overflow)[is_negative], np.copysign(rounded, x)
    )
    result = np.where(np.isinf(x), np.array(how.infinity)[is_negative], result)
    return np.where(np.isnan(x), np.nan, result + how.lowest_zero)


def _power_of_two_below(magnitude: Floats) -> Floats:
    """The largest power of two that is no larger; anything for zero, infinity and NaN."""
    _, exponent = np.frexp(magnitude)
    power: Floats = np.ldexp(1.0, exponent - 1)
    return power


def add(a: Floats, b: Floats, how: Rounding) -> Floats:
    """IEEE 754 sums, rounded to odd; the sign of a zero sum by clause 6.3."""
    total = sum_to_odd(a, b)
    if not np.signbit(how.zero_of_cancellation):
        return total
    both_positive = (a == 0) & ~np.signbit(a) & ~np.signbit(b)
    return np.where((total == 0) & ~both_positive, -0.0, total)


def rounded_sum(a: Floats, b: Any, how: Rounding) -> Floats:
    """IEEE 754 sums, rounded as a result is."""
    return round_to(add(a, b, how), how)
