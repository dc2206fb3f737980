"""The steps of encoding one number, on the bits of a float in a lane; all branchless.

They are NumPy functions on scalars, because those keep the lane's type: in Numba, as in NumPy, the
operator `a + b` of two uint32 may be wider. `p` is `Parameters`. LLVM inlines all of it and works
on as many lanes as the machine has.
"""

from __future__ import annotations

from typing import Any

from numba import njit
from numpy import (
    add,
    bitwise_and,
    bitwise_or,
    bitwise_xor,
    left_shift,
    maximum,
    minimum,
    right_shift,
    subtract,
)

step = njit(nogil=True, cache=True)
# For what LLVM finds too long to inline, and must, or its loop would not become vectors.
inlined = njit(nogil=True, cache=True, inline="always")


@step
def sign_mask(word: Any, p: Any) -> Any:
    """All ones for a negative number, else zero."""
    # 0 - 1 is all ones: a mask costs less than a choice.
    return subtract(p.zero, right_shift(word, p.sign_place))


@step
def by_sign(positive: Any, flip: Any, negative: Any) -> Any:
    """One of two words: the flip turns the first into the second where the mask is set."""
    return bitwise_xor(positive, bitwise_and(negative, flip))


@step
def place(magnitude: Any, p: Any) -> Any:
    """The significand of a magnitude, the distance to its quantum, and the binade's code."""
    # What is bounded overflows anyway; the bound keeps the distances below in range.
    bounded = minimum(magnitude, p.bound)
    # Subnormal inputs have the exponent of the smallest normal ones, and no hidden bit.
    exponent = maximum(right_shift(bounded, p.input_trailing), p.one)
    # E - 1 taken from the exponent field leaves 1 there, which is the hidden bit, or 0.
    hidden_bit_in = left_shift(subtract(exponent, p.one), p.input_trailing)
    significand = subtract(bounded, hidden_bit_in)
    # Below the smallest normal exponent the quantum stays.
    of_quantum = maximum(exponent, p.clamp)
    distance = add(p.shift, subtract(of_quantum, exponent))
    binade = left_shift(subtract(of_quantum, p.emin), p.trailing)
    return significand, distance, binade


@step
def floor_and_fraction(significand: Any, distance: Any, p: Any) -> Any:
    """The significand cut at a distance: what is left, and what is cut off in units of 2**-bits.

    Beyond the lane's width the fraction is too large, but still neither zero nor one half.
    """
    near = minimum(distance, p.sign_place)
    floor = right_shift(significand, near)
    # Two shifts, since one by the whole width, for distance 0, is not defined.
    fraction = left_shift(left_shift(significand, subtract(p.sign_place, near)), p.one)
    return floor, fraction


@step
def threshold(floor: Any, binade: Any, negative: Any, p: Any) -> Any:
    """What the fraction must exceed for the number to be rounded away from zero."""
    # The parity of the code, floor + binade; or of the significand alone, if so asked.
    parity = bitwise_xor(floor, bitwise_and(binade, p.code_parity))
    odd = subtract(p.zero, bitwise_and(parity, p.one))
    return by_sign(by_sign(p.threshold, p.threshold_odd_flip, odd), p.threshold_flip, negative)


@step
def long_fraction(significand: Any, distance: Any, p: Any) -> Any:
    """The fraction to twice the lane's width, as two words: 64 bits or more, nothing lost.

    Distances up to twice the width less one; larger ones stand for that.
    """
    width = add(p.sign_place, p.one)
    last = add(width, p.sign_place)
    distance = minimum(distance, last)
    near = minimum(distance, p.sign_place)
    is_near = distance < width
    beyond = subtract(distance, minimum(distance, width))
    near_high = left_shift(left_shift(significand, subtract(p.sign_place, near)), p.one)
    far_high = right_shift(significand, beyond)
    high = near_high if is_near else far_high
    # Of a far fraction the low `beyond` bits go to the second word.
    low = left_shift(left_shift(significand, subtract(p.sign_place, beyond)), p.one)
    return high, p.zero if is_near else low


@step
def stochastic_away(high: Any, low: Any, draw: Any, p: Any) -> Any:
    """Whether a number is rounded away from zero, given its fraction and its random number.

    P3109's inequality K + R >= 2**N, where K is the fraction in units of 2**-N, cut off (A), or
    rounded half up (B) or half to even (C). B's "2 R + 1" and "N + 1 bits" say just that.
    """
    kept = right_shift(high, p.dropped)
    # The bits after the N that are kept, and whether any is set after these.
    rest = bitwise_or(
        left_shift(left_shift(high, p.kept_less_one), p.one), right_shift(low, p.dropped)
    )
    sticky = left_shift(left_shift(low, p.kept_less_one), p.one)
    has_more = p.one if sticky != p.zero else p.zero
    # For C, what lies above half, or at half above an odd K, gets its lowest bit set.
    nudge = bitwise_and(bitwise_or(has_more, bitwise_and(kept, p.one)), p.ties_look_at_rest)
    up = bitwise_or(rest, nudge) > p.increment_threshold
    # K + up + R >= 2**N without a carry out of the lane: compare with the complement of K.
    missing = subtract(p.all_kept, kept)
    by_probability = draw >= missing if up else draw > missing
    is_inexact = bitwise_or(high, low) != p.zero
    fair = is_inexact & (draw == p.one)
    return fair if p.equal != p.zero else by_probability


@step
def low_end(code: Any, magnitude: Any, rounded: Any, negative: Any, p: Any) -> Any:
    """The rounded magnitude code, put right below the codes of a format without subnormals."""
    # There the truncated code lies below the lowest, or is negative, which is very large.
    is_low = subtract(code, p.low_code) > right_shift(p.magnitude_mask, p.one)
    away = magnitude > by_sign(p.low_threshold, p.threshold_flip, negative)
    in_gap = p.one if away else p.zero
    return in_gap if is_low else rounded


@step
def finish(rounded: Any, magnitude: Any, negative: Any, p: Any) -> Any:
    """The code of a rounded magnitude code: sign, range, infinity and NaN."""
    # (r ^ -1) - (-1) is -r, and (r ^ 0) - 0 is r.
    complement = bitwise_and(negative, p.twos_complement)
    value = subtract(bitwise_xor(rounded, complement), complement)
    sign = p.zero_sign if rounded == p.zero else p.sign
    code = bitwise_and(bitwise_or(value, bitwise_and(negative, sign)), p.code_mask)
    in_range = rounded < by_sign(p.limit, p.limit_flip, negative)
    code = code if in_range else by_sign(p.overflow, p.overflow_flip, negative)
    is_finite = magnitude < p.infinity_word
    code = code if is_finite else by_sign(p.infinity, p.infinity_flip, negative)
    is_number = magnitude <= p.infinity_word
    return code if is_number else by_sign(p.nan, p.nan_flip, negative)
