"""Whether what is known of a number is enough to project it."""

from __future__ import annotations

import math
from fractions import Fraction

from numformats.exact.intervals import End, Interval
from numformats.exact.rounding import Neighbours, neighbours
from numformats.modes import Modes, RoundingMode, Stochastic
from numformats.system import NumberSystem


def representative(interval: Interval, system: NumberSystem, modes: Modes) -> Fraction | None:
    """A number of an interval that is projected as all of them are; None if they differ.

    What decides between two neighbours is on which side of few points a number lies: the neighbours
    themselves, their boundary, and in the stochastic modes the steps of nu. No number of an
    interval is at one of its ends, so these may be such points.
    """
    low, high = interval.low, interval.high
    if modes.saturation != "wrap":
        # However far beyond the largest value a number is, it makes no difference.
        far = system.highest - system.lowest + abs(system.highest) + abs(system.lowest) + 1
        if low >= far:
            return far
        if high <= -far:
            return -far
    elif math.inf in (-low, high):
        raise ValueError(
            "saturation: the result is too large for its low bits to be found; use another than "
            "'wrap'"
        )
    if not system.has_zero:
        # Below the smallest value there is nothing to tell numbers of one sign apart.
        tiny = system.smallest_positive_exact / 4
        if low >= 0 and high <= tiny:
            return tiny
        if -tiny <= low and high <= 0:
            return -tiny
    middle = (low + high) / 2
    if not isinstance(middle, Fraction):
        return None
    near = neighbours(middle, system)
    if near.are_one:
        return middle if system.lattice is None and _is_beyond(low, high, system) else None
    return middle if _decides(low, high, near, modes.rounding) else None


def _is_beyond(low: End, high: End, system: NumberSystem) -> bool:
    """Whether an interval lies beyond the first or the last step."""
    first, last = system.value_of_step(system.steps[0]), system.value_of_step(system.steps[-1])
    return low >= last or high <= first


def _decides(low: End, high: End, near: Neighbours, mode: RoundingMode) -> bool:
    """Whether no point at which a mode changes sides is inside of an interval."""
    lower, upper = sorted((near.inward, near.outward))
    if not lower <= low < high <= upper:
        return False
    if isinstance(mode, Stochastic):
        # The steps of nu of all three variants are 2**-N apart, or half of that.
        steps = 2 ** (mode.bits + 1)
        assert isinstance(low, Fraction)
        assert isinstance(high, Fraction)
        first, last = sorted((near.part(low) * steps, near.part(high) * steps))
        return math.floor(first) + 1 >= last
    if mode in ("nearest_even", "nearest_away", "nearest_zero"):
        boundary = near.boundary
        assert boundary is not None
        return low >= boundary or high <= boundary
    return True
