"""Codebooks: the place of a number among thresholds, by bisection.

A deterministic projection onto a table is a staircase: as numbers grow, so do the values they
become, one at a time. It is known by the numbers at which each step is taken. They are found here
by asking the NumPy path, for each step, about ever closer numbers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy import add, bitwise_or, bitwise_xor, right_shift, subtract
from numpy.typing import NDArray

from numformats.codec import staircase
from numformats.codec.float_order import changes_of, floats_of
from numformats.codec.numba.encode import L1_CHUNK, lanes_of, look_up
from numformats.codec.numba.lanes import Lane
from numformats.codec.numba.steps import kernel, step
from numformats.codec.plan import BySign, StaircasePlan
from numformats.modes import random_bit_count

Array = NDArray[Any]


def is_searchable(plan: StaircasePlan) -> bool:
    """Whether a plan is deterministic, and its values only grow with the number.

    Modes that look at zero are ambiguous between two values of which neither is: what is rounded
    toward zero from below ends above it.
    """
    if random_bit_count(plan.rounding):
        return False
    straddles = plan.values[0] < 0 < plan.values[-1] and 0.0 not in plan.values
    return not straddles or plan.rounding in ("nearest_even", "nearest_away", "nearest_zero")


def infinity_is_nan(plan: StaircasePlan) -> bool:
    """Whether infinities have the code of NaN."""
    codes = {plan.infinity.positive, plan.infinity.negative, plan.nan.positive, plan.nan.negative}
    return len(codes) == 1


def infinity_is_apart(plan: StaircasePlan) -> bool:
    """Whether infinities become another code than the largest numbers do, and not that of NaN."""
    of_largest = BySign(plan.codes[-1], plan.codes[0])
    return not infinity_is_nan(plan) and plan.infinity != of_largest


def codes_of_places(plan: StaircasePlan) -> tuple[int, ...]:
    """The codes at the places that `find_thresholds` parts: of values, and of infinities apart."""
    if not infinity_is_apart(plan):
        return plan.codes
    return plan.infinity.negative, *plan.codes, plan.infinity.positive


def find_thresholds(plan: StaircasePlan, lane: Lane) -> Array:
    """For each place but the lowest, the key of the first float that is at it or above.

    Returns 2**k - 1 words of the lane, for the smallest k that is enough; the last ones are never
    reached. A key is the place of a float in the order of all floats, as `keys_of` has it.
    """
    is_apart = infinity_is_apart(plan)

    def places_of_keys(keys: Array) -> Array:
        floats = floats_of(keys.astype(lane.dtype), lane.float_dtype).astype(np.float64)
        places = staircase.places_of(floats, plan, None)
        return places + 1 + np.isinf(floats) * np.sign(floats).astype(int) if is_apart else places

    # From minus infinity to plus infinity, which has taken all steps.
    infinity = lane.infinity_word | lane.sign_bit
    keys, places = changes_of(places_of_keys, int(lane.ones - infinity), int(infinity))
    steps = np.arange(1, len(codes_of_places(plan)))
    thresholds = np.full(2 ** int(steps.size).bit_length() - 1, lane.ones, lane.dtype)
    # Of places that no float is at, the key is that of the next one's.
    thresholds[: steps.size] = keys[np.searchsorted(places, steps)]
    return thresholds


class LaneWords(NamedTuple):
    """What the kernel knows of its lane, as scalars of the lane's width."""

    zero: Any
    sign_place: Any
    sign_bit: Any
    lowest_key: Any
    highest_key: Any

    @classmethod
    def of(cls, lane: Lane, plan: StaircasePlan) -> LaneWords:
        """The words of a lane; the keys are those of the two infinities, or just before these."""
        highest = (lane.infinity_word | lane.sign_bit) - infinity_is_nan(plan)
        words = (0, lane.bits - 1, lane.sign_bit, lane.ones - highest, highest)
        return cls(*map(lane.dtype.type, words))


@step
def keys_of(words: Any, keys: Any, lane: Any) -> None:
    """The place of each float in the order of all floats, written to `keys`."""
    for i in range(words.size):
        negative = subtract(lane.zero, right_shift(words[i], lane.sign_place))
        # Negative floats grow as their bits fall; positive ones come after them.
        keys[i] = bitwise_xor(words[i], bitwise_or(negative, lane.sign_bit))


@step
def climb(keys: Any, places: Any, thresholds: Any, stride: Any) -> None:
    """One step of all bisections: up by a stride, if the threshold there is reached."""
    before = subtract(stride, np.uint32(1))
    for i in range(keys.size):
        is_reached = keys[i] >= thresholds[add(places[i], before)]
        places[i] = add(places[i], stride if is_reached else np.uint32(0))


@step
def mark_nan(keys: Any, places: Any, nan_place: Any, lane: Any) -> bool:
    """The place of NaN, which lies beyond both infinities; whether there is any."""
    found = False
    for i in range(keys.size):
        is_nan = (keys[i] < lane.lowest_key) | (keys[i] > lane.highest_key)
        places[i] = nan_place if is_nan else places[i]
        found |= is_nan
    return found


@kernel
def search(
    source: Any, conversion: Any, scratch: Any, out: Any, thresholds: Any, results: Any, lane: Any
) -> bool:
    """What becomes of the numbers in `source`, written to `out`. Returns whether any is NaN.

    source, conversion, scratch: words of floats, or what is converted, as for `encode.project`.
    thresholds: words of the lane, one fewer than a power of two. results: an entry for each place,
    and one for NaN at the end.
    """
    keys = np.empty(L1_CHUNK, thresholds.dtype)
    places = np.empty(L1_CHUNK, np.uint32)
    found = False
    for begin in range(0, source.size, L1_CHUNK):
        end = begin + L1_CHUNK if source.size - begin > L1_CHUNK else source.size
        of_block, at = keys[: end - begin], places[: end - begin]
        keys_of(lanes_of(source[begin:end], conversion, scratch), of_block, lane)
        for i in range(at.size):
            at[i] = 0
        stride = np.uint32((thresholds.size + 1) // 2)
        while stride > 0:
            # All numbers take a step before any takes the next, which vectors can do.
            climb(of_block, at, thresholds, stride)
            stride = np.uint32(stride // 2)
        found |= mark_nan(of_block, at, np.uint32(results.size - 1), lane)
        look_up(at, results, out[begin:end])
    return found
