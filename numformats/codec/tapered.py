"""Encoding into systems whose precision tapers off, and decoding, for arrays.

A `Taper` says where on a staircase a number lies: between two whole places, which are the codes of
its neighbours. The fraction of that place is what is rounded, as for floats.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numformats.codec.decisions import round_away
from numformats.codec.plan import TaperedPlan
from numformats.codec.significands import Parts, shift_right, take_apart
from numformats.codec.staircase import Bracket, as_sums, round_away_at_random
from numformats.system import Taper

# A fraction that is neither zero nor one half, in units of 2**-64.
_SOME: Final = np.uint64(1 << 62)
_ONE: Final = np.uint64(1)


class _Places(NamedTuple):
    """Where binades begin on a staircase, in whole places and in units of 2**-64, and how wide they
    are: one for each exponent, and one before and one after them all.
    """

    floors: NDArray[np.int64]
    fractions: NDArray[np.uint64]
    widths: NDArray[np.int64]


@lru_cache(maxsize=256)
def _places(taper: Taper) -> _Places:
    floors = [int(start // 1) for start, _ in taper.binades]
    fractions = [int(start % 1 * 2**64) for start, _ in taper.binades]
    widths = [width for _, width in taper.binades]
    # Below all is something above zero; beyond all are the last place and more.
    return _Places(
        np.array([0, *floors, floors[-1] + 2 ** max(widths[-1], 0)], np.int64),
        np.array([_SOME, *fractions, 0], np.uint64),
        np.array([-63, *widths, -63], np.int64),
    )


def encode_chunk(
    x: NDArray[Any], plan: TaperedPlan, draws: NDArray[np.uint64] | None
) -> NDArray[np.int64]:
    """The codes of numbers of a working dtype: float32, float64, int64 or uint64."""
    parts = take_apart(x)
    step, fraction, is_uneven = _place(parts, plan)
    away = round_away(plan.rounding, fraction, negative=parts.negative, inward=step, draws=draws)
    if draws is not None:
        # There the part of the way that a number has gone is not that of its place.
        (at,) = (is_uneven & np.isfinite(x)).nonzero()
        away[at] = _away_at_random(x[at], step[at], plan, draws[at])
    lowest = np.where(parts.negative, plan.lowest_step.negative, plan.lowest_step.positive)
    step = np.clip(step + away, lowest, plan.highest_step)
    codes = np.where(parts.negative, -step, step) & (2**plan.bits - 1)
    if parts.special.size:
        _put_specials(codes, x, parts, plan)
    return codes


def _place(
    parts: Parts, plan: TaperedPlan
) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.bool_]]:
    """The whole place of numbers, and the fraction of it; and whether their neighbours are more
    than a binade apart, or one of them is zero.
    """
    places = _places(plan.taper)
    # Parts have significands from 1/2 to 1, and one exponent more.
    index = parts.exponent - plan.taper.lowest_exponent
    index = np.clip(index, 0, places.widths.size - 1)
    width = places.widths[index]
    # In units of 2**-64 of the binade. What is not the first of it has a bit set.
    trailing = parts.significand << _ONE
    wide = np.maximum(width, 0)
    floor, fraction = shift_right(trailing, 64 - wide)
    narrow = np.maximum(-width, 0).astype(np.uint64)
    kept = fraction >> narrow
    kept |= (kept << narrow != fraction).astype(np.uint64)
    step = places.floors[index] + floor.astype(np.int64)
    return step, places.fractions[index] + kept, (width < 0) | (step == 0)


def _away_at_random(
    x: NDArray[Any], step: NDArray[np.int64], plan: TaperedPlan, draws: NDArray[np.uint64]
) -> NDArray[np.bool_]:
    inward = np.minimum(step, plan.highest_step)
    outward = np.minimum(step + 1, plan.highest_step)
    numbers = as_sums(x)
    sign = np.where(numbers.real < 0, -1.0, 1.0)
    ends = [sign * magnitudes(steps, plan.taper) for steps in (inward, outward)]
    # Beyond the end sums of large numbers would be infinite, and there is nothing to choose.
    reach = 2 * magnitudes(np.array([plan.highest_step]), plan.taper)[0]
    near = np.clip(numbers.real, -reach, reach)
    bracket = Bracket(near, numbers.imag, *ends)
    is_value = (numbers == ends[0]) | (inward == outward)
    return ~is_value & round_away_at_random(plan.rounding, bracket, draws)


def _put_specials(
    codes: NDArray[np.int64], x: NDArray[Any], parts: Parts, plan: TaperedPlan
) -> None:
    """Put in place the codes of zeros, infinities and NaNs."""
    at = parts.special
    of_special, negative = x[at], parts.negative[at]
    infinity, nan = (
        np.where(negative, choice.negative, choice.positive) for choice in (plan.infinity, plan.nan)
    )
    codes[at] = np.where(of_special == 0, 0, np.where(np.isnan(of_special), nan, infinity))


def magnitudes(steps: NDArray[np.int64], taper: Taper) -> NDArray[np.float64]:
    """`Taper.magnitude` of steps that are not negative, as float64, which holds them; 0 of 0."""
    places = _places(taper)
    starts = places.floors[1:-1] + places.fractions[1:-1] * 2.0**-64
    index = starts.searchsorted(steps, side="right") - 1
    width = places.widths[1:-1][index]
    significand = 1 + np.ldexp(steps - starts[index], -width)
    return np.where(steps == 0, 0.0, np.ldexp(significand, taper.lowest_exponent + index))


def decode_tapered(codes: NDArray[np.int64], taper: Taper, bits: int) -> NDArray[np.float64]:
    """The values of int64 codes in range: in two's complement, with NaN at 10...0."""
    sign_bit = 1 << (bits - 1)
    steps = (codes ^ sign_bit) - sign_bit
    is_nan = codes == sign_bit
    values = magnitudes(np.where(is_nan, 0, np.abs(steps)), taper)
    values = np.where(steps < 0, -values, values)
    values[is_nan] = np.nan
    return values
