"""Loops for blocks in which all numbers are regular: finite, and in range unless they are clipped.

They take half as many instructions as `encode.encode_block`, or a quarter where all are normal
numbers, or zero. Rounding is to add a number, the bias, to the bits of a float, and to cut bits
off: a carry goes into the exponent, which is the next binade, as it must. `p` is `RegularWords`.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from numba.np.unsafe.ndarray import to_fixed_tuple
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

from numformats.codec.numba.bits import signed
from numformats.codec.numba.encode import L1_CHUNK, codes_place, lanes_of, look_up
from numformats.codec.numba.regular_words import REGULAR_COUNT, RegularWords
from numformats.codec.numba.steps import kernel, step

# After blocks that had other numbers, the loop for normal ones is not tried for so many at most.
_LONGEST_PAUSE: Final = 32


class RegularLoop(NamedTuple):
    """What `codes_of_regular` is told: `RegularWords` as an array."""

    parameters: Any


class NormalLoop(NamedTuple):
    """What `codes_of_normal` is told: `RegularWords` as an array."""

    parameters: Any


@step
def unpacked(parameters: Any) -> Any:
    """`RegularWords` from an array of them."""
    return RegularWords(*to_fixed_tuple(parameters, REGULAR_COUNT))


# What is compared has no sign bit, and AVX2 compares 64-bit integers only as signed ones.
@step
def larger(word: Any, other: Any) -> Any:
    """The larger of two words that are below the sign bit."""
    return word if signed(word) > signed(other) else other


@step
def smaller(word: Any, other: Any) -> Any:
    """The smaller of two words that are below the sign bit."""
    return word if signed(word) < signed(other) else other


@step
def fill_regular(words: Any, out: Any, p: Any, in_place: Any) -> bool:
    """The codes of floats given as lane words; or the bits of their rounded values, if `in_place`
    is not None. Returns whether all were regular; else what is written is of no use.
    """
    largest = p.zero
    for i in range(words.size):
        word = words[i]
        is_negative, magnitude = word > p.magnitude_mask, bitwise_and(word, p.magnitude_mask)
        largest = larger(largest, magnitude)
        clipped = smaller(magnitude, p.negative_bound if is_negative else p.bound)
        # Subnormal inputs have the exponent of the smallest normal ones. Below the smallest normal
        # exponent of the format the quantum stays.
        exponent = smaller(larger(right_shift(clipped, p.input_trailing), p.one), p.clamp)
        # Beyond the lane's width nothing is left but what a bias carries.
        distance = smaller(subtract(p.distance, exponent), p.sign_place)
        # One less than the exponent is taken away: what is left of it is the hidden bit. Without
        # the bits up to the distance this is the code of the magnitude.
        taken = subtract(left_shift(exponent, p.input_trailing), p.hidden_bit)
        uncut = subtract(clipped, taken)
        top_bias = p.negative_bias if is_negative else p.bias
        bias = right_shift(top_bias, subtract(p.width, distance))
        odd = bitwise_and(right_shift(uncut, distance), p.ties)
        result = right_shift(add(add(uncut, bias), odd), distance)
        if in_place is not None:
            value = add(left_shift(result, distance), taken)
            # If even the hidden bit is cut off, what is left is nothing, or one quantum.
            lone = p.zero if result == p.zero else p.lowest_value
            result = lone if distance > p.input_trailing else value
        sign = p.zero_sign if result == p.zero else p.sign
        negative = add(bitwise_xor(result, p.complement), sign)
        out[i] = bitwise_and(negative if is_negative else result, p.code_mask)
    return bool(largest <= p.limit)


@step
def fill_normal(words: Any, out: Any, p: Any, in_place: Any) -> bool:
    """`fill_regular` for normal numbers, and zeros where they are regular; or False."""
    largest, least = p.zero, p.magnitude_mask
    for i in range(words.size):
        word = words[i]
        # Where there are no negative numbers, what has a sign is beyond the range.
        magnitude = bitwise_and(word, p.range_mask)
        largest = maximum(largest, magnitude)
        # One less than zero is the largest word.
        least = minimum(least, subtract(magnitude, p.zero_is_regular))
        raised = maximum(magnitude, p.rebias)
        uncut = subtract(raised, p.rebias)
        odd = bitwise_and(right_shift(uncut, p.shift), p.ties)
        bias = p.negative_normal_bias if word > p.magnitude_mask else p.normal_bias
        if in_place is None:
            sign = bitwise_and(right_shift(word, p.sign_shift), p.normal_sign)
            out[i] = bitwise_or(right_shift(add(add(uncut, bias), odd), p.shift), sign)
        else:
            value = right_shift(add(add(magnitude, bias), odd), p.shift)
            out[i] = bitwise_or(left_shift(value, p.shift), bitwise_and(word, p.normal_sign))
    is_within = least >= subtract(p.lowest_normal, p.zero_is_regular)
    return bool(is_within and largest <= p.normal_limit)


@kernel
def project_regular(
    source: Any,
    conversion: Any,
    scratch: Any,
    out: Any,
    parameters: Any,
    in_place: Any,
    table: Any,
    row: Any,
) -> int:
    """Codes of the numbers in `source`, or values, written to `out`. Returns how many are done:
    all, or those before the first block that has one that is not regular.

    parameters: `RegularWords` as an array. table: the values of codes, if these are asked for in
    another dtype than the lane's, or None; row: then scratch for a block of codes. The other
    arguments are as for `encode.project`.
    """
    p = unpacked(parameters)
    pause, longest = 0, 1
    for begin in range(0, source.size, L1_CHUNK):
        end = begin + L1_CHUNK if source.size - begin > L1_CHUNK else source.size
        lanes = lanes_of(source[begin:end], conversion, scratch)
        part = codes_place(out, row, begin, end)
        is_done = False
        if p.normal_serves != p.zero and pause == 0:
            is_done = fill_normal(lanes, part, p, in_place)
            longest = 1 if is_done else minimum(2 * longest, _LONGEST_PAUSE)
            pause = 0 if is_done else longest
        elif pause > 0:
            pause -= 1
        if not is_done and p.any_serves != p.zero:
            is_done = fill_regular(lanes, part, p, in_place)
        if not is_done:
            return begin
        if table is not None:
            look_up(part, table, out[begin:end])
    return int(source.size)
