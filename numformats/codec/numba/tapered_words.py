"""What the loop for tapered systems is told at run time: a plan as machine words.

It knows a word for each exponent that a float may have. That says where on the staircase the
exponent's binade begins, as a fixed-point number that fills the lane, and in its lowest bits how
far the trailing significand of the float has to go down to be added there.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numformats.codec.numba.lanes import LANE32, LANE64, Lane
from numformats.codec.plan import TaperedPlan
from numformats.modes import (
    Away,
    RoundingMode,
    Stochastic,
    deterministic,
    random_bit_count,
)

# The exponents of float32's subnormal numbers come before those of normal ones.
_SUBNORMALS: Final = 23
# The lowest bits of a word of the table, which hold the distance.
_DISTANCE_BITS: Final = 6


class TaperedWords(NamedTuple):
    """What the loop knows of a lane and a plan, as words of the lane."""

    zero: Any
    one: Any
    magnitude_mask: Any
    infinity_word: Any
    trailing: Any
    # How far a trailing significand goes up to end below the sign bit.
    to_top: Any
    smallest_normal: Any
    # What moves the exponents of normal numbers up, and those of integers as floats down, so that
    # both count from the lowest exponent of a number of the lane.
    offset: Any
    bias: Any
    distance_mask: Any
    # Bits of a place after the point.
    fraction: Any
    code_bits: Any
    # What is added to a place before its fraction is cut off, for positive and negative numbers;
    # and what more to an odd one.
    up: Any
    negative_up: Any
    odd_up: Any
    # What is added by a random mode: for each unit of a random number, and beside; less for odd
    # numbers, whose ties fall.
    unit_up: Any
    beside: Any
    ties_fall: Any
    lowest: Any
    highest: Any
    code_mask: Any
    infinity: Any
    negative_infinity: Any
    nan: Any
    negative_nan: Any


# Which has to be known when kernels are compiled.
TAPERED_COUNT: Final = len(TaperedWords._fields)


def words_of(plan: TaperedPlan, lane: Lane) -> NDArray[Any]:
    """`TaperedWords` of a plan, as an array."""
    fraction = lane.bits - plan.bits
    up, negative_up, odd_up = _ups(plan.rounding, fraction)
    unit_up, beside, ties_fall = _random_ups(plan.rounding, fraction)
    words = TaperedWords(
        zero=0,
        one=1,
        magnitude_mask=lane.sign_bit - 1,
        infinity_word=lane.infinity_word,
        trailing=lane.trailing_bits,
        to_top=lane.bits - 1 - lane.trailing_bits,
        smallest_normal=1 << lane.trailing_bits,
        offset=(_SUBNORMALS - 1 if lane is LANE32 else 0) << lane.trailing_bits,
        bias=lane.bias << lane.trailing_bits,
        distance_mask=2**_DISTANCE_BITS - 1,
        fraction=fraction,
        code_bits=plan.bits,
        up=up,
        negative_up=negative_up,
        odd_up=odd_up % 2**lane.bits,
        unit_up=unit_up,
        beside=beside,
        ties_fall=ties_fall,
        # In directed modes signs differ, and what lies between zero and the smallest value needs no
        # bound: its fraction decides.
        lowest=min(plan.lowest_step.positive, plan.lowest_step.negative),
        highest=plan.highest_step,
        code_mask=2**plan.bits - 1,
        infinity=plan.infinity.positive,
        negative_infinity=plan.infinity.negative,
        nan=plan.nan.positive,
        negative_nan=plan.nan.negative,
    )
    return np.array(words, lane.dtype)


def _ups(rounding: RoundingMode, fraction: int) -> tuple[int, int, int]:
    """What is added to a place, so that what is to go away from zero carries into the next step:
    to positive and to negative numbers, and more to an odd place.
    """
    decided = deterministic(rounding)
    if decided is None:
        return 0, 0, 0
    half = 1 << (fraction - 1)
    up = {
        Away.INEXACT: 2 * half - 1,
        Away.FROM_HALF: half,
        Away.ABOVE_HALF: half - 1,
        Away.NEVER: 0,
    }
    even = up[decided.from_even]
    negative = even if decided.negative is None else up[decided.negative]
    return even, negative, up[decided.from_odd] - even


def _random_ups(rounding: RoundingMode, fraction: int) -> tuple[int, int, int]:
    """The same for a random number R, as `TaperedWords` has it. P3109 adds R to the fraction in N
    bits, cut off (A), or rounded half up (B) or half to even (C).
    """
    if not isinstance(rounding, Stochastic):
        # With equal chances a draw of 1 takes all that is inexact.
        return (1 << fraction) - 1, 0, 0
    unit = 1 << max(fraction - rounding.bits, 1)
    return unit, unit // 2 if rounding.variant != "A" else 0, int(rounding.variant == "C")


def table_of(plan: TaperedPlan, lane: Lane) -> NDArray[Any]:
    """The words of all exponents that floats of a lane may have, infinity's among them."""
    lowest = 1 - lane.bias - (_SUBNORMALS if lane is LANE32 else 1)
    # A power of two of them, so that no number reaches beyond.
    count = 2 ** (lane.bits - 1 - lane.trailing_bits + (lane is LANE32))
    words = (_word(plan, lane, lowest + index) for index in range(count))
    return np.array(list(words), lane.dtype)


def _word(plan: TaperedPlan, lane: Lane, exponent: int) -> int:
    taper, fraction = plan.taper, lane.bits - plan.bits
    index = exponent - taper.lowest_exponent
    if index >= len(taper.binades):
        start, width = Fraction(plan.highest_step), -fraction
    elif index < 0:
        # Somewhere between 0 and 1.
        return (1 << (fraction - 2)) + lane.bits - 1
    else:
        start, width = taper.binades[index]
    return int(start * 2**fraction) + (lane.bits - 1 - fraction - width)


def _serves(plan: TaperedPlan, lane: Lane) -> bool:
    """Whether places, and distances beside them, fit a lane."""
    fraction = lane.bits - plan.bits
    is_exact = all(
        (start * 2**fraction) % 2**_DISTANCE_BITS == 0 and width >= -fraction
        for start, width in plan.taper.binades
    )
    # Below the steps of a random mode there is a bit that says whether any was lost.
    has_room = fraction - random_bit_count(plan.rounding) >= 2
    return is_exact and has_room and fraction - 2 >= _DISTANCE_BITS


def tapered_lane(plan: TaperedPlan, input_bits: int) -> Lane | None:
    """The lane in which a plan is carried out for floats of a width; None if it fits no lane."""
    for lane in (LANE32, LANE64):
        if lane.bits >= input_bits and _serves(plan, lane):
            return lane
    return None
