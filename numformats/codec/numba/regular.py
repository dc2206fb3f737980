"""Loops for blocks in which all numbers are regular: finite, and in range unless they are clipped.

They take half as many instructions as `encode.encode_block`, or a quarter where all are normal
numbers, or zero. Rounding is to add a number, the bias, to the bits of a float, and to cut bits off:
a carry goes into the exponent, which is the next binade, as it must. `p` is `RegularWords`.
"""

from __future__ import annotations

from typing import Any, Final

from numba import types
from numba.extending import overload
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

from numformats.codec.numba.encode import L1_CHUNK, codes_place, lanes_of, look_up
from numformats.codec.numba.regular_words import REGULAR_COUNT, RegularWords
from numformats.codec.numba.steps import kernel, step

# After blocks that had other numbers, the loop for normal ones is not tried for so many at most.
_LONGEST_PAUSE: Final = 32


@step
def place_regular(magnitude: Any, p: Any) -> Any:
    """The magnitude's code before bits are cut off, how many these are, and the exponent field."""
    # Subnormal inputs have the exponent of the smallest normal ones. Below the smallest normal
    # exponent of the format the quantum stays.
    exponent = minimum(maximum(right_shift(magnitude, p.input_trailing), p.one), p.clamp)
    # One less than the exponent is taken away: what is left of it is the hidden bit.
    uncut = subtract(add(magnitude, p.hidden_bit), left_shift(exponent, p.input_trailing))
    # Beyond the lane's width nothing is left but what a bias carries.
    return uncut, minimum(subtract(p.distance, exponent), p.sign_place), exponent


@step
def round_regular(uncut: Any, distance: Any, is_negative: Any, p: Any) -> Any:
    """The code of a magnitude, rounded: a bias added, and as many bits cut off."""
    top = p.negative_bias if is_negative else p.bias
    bias = right_shift(top, subtract(p.width, distance))
    odd = bitwise_and(right_shift(uncut, distance), p.ties)
    return right_shift(add(add(uncut, bias), odd), distance)


@step
def with_sign(code: Any, is_negative: Any, p: Any) -> Any:
    """The code of a number from that of its magnitude."""
    sign = p.zero_sign if code == p.zero else p.sign
    negative = add(bitwise_xor(code, p.complement), sign)
    return bitwise_and(negative if is_negative else code, p.code_mask)


@step
def codes_of_regular(words: Any, out: Any, p: Any) -> bool:
    """The codes of floats given as lane words. Returns whether all were regular; else what is
    written is of no use.
    """
    largest = p.zero
    for i in range(words.size):
        word = words[i]
        is_negative, magnitude = word > p.magnitude_mask, bitwise_and(word, p.magnitude_mask)
        largest = maximum(largest, magnitude)
        clipped = minimum(magnitude, p.negative_bound if is_negative else p.bound)
        uncut, distance, _ = place_regular(clipped, p)
        out[i] = with_sign(round_regular(uncut, distance, is_negative, p), is_negative, p)
    return bool(largest <= p.limit)


@step
def values_of_regular(words: Any, out: Any, p: Any) -> bool:
    """The bits of the rounded values of floats, as lane words; returns what `codes_of_regular`
    returns.
    """
    largest = p.zero
    for i in range(words.size):
        word = words[i]
        is_negative, magnitude = word > p.magnitude_mask, bitwise_and(word, p.magnitude_mask)
        largest = maximum(largest, magnitude)
        clipped = minimum(magnitude, p.negative_bound if is_negative else p.bound)
        uncut, distance, exponent = place_regular(clipped, p)
        code = round_regular(uncut, distance, is_negative, p)
        taken = subtract(left_shift(exponent, p.input_trailing), p.hidden_bit)
        value = add(left_shift(code, distance), taken)
        # If even the hidden bit is cut off, what is left is nothing, or one quantum.
        lone = p.zero if code == p.zero else p.lowest_value
        out[i] = with_sign(lone if distance > p.input_trailing else value, is_negative, p)
    return bool(largest <= p.limit)


@step
def round_normal(magnitude: Any, is_negative: Any, p: Any) -> Any:
    """A magnitude with the bias for its sign, and one more for an odd code if need be: all but the
    cut.
    """
    odd = bitwise_and(right_shift(subtract(magnitude, p.rebias), p.shift), p.ties)
    return add(add(magnitude, p.negative_normal_bias if is_negative else p.normal_bias), odd)


@step
def codes_of_normal(words: Any, out: Any, p: Any) -> bool:
    """`codes_of_regular` for normal numbers, and zeros where they are regular; or False."""
    largest, least = p.zero, p.magnitude_mask
    for i in range(words.size):
        word = words[i]
        magnitude = bitwise_and(word, p.magnitude_mask)
        largest = maximum(largest, bitwise_and(word, p.range_mask))
        # One less than zero is the largest word.
        least = minimum(least, subtract(magnitude, p.zero_is_regular))
        raised = maximum(magnitude, p.rebias)
        biased = round_normal(raised, word > p.magnitude_mask, p)
        sign = bitwise_and(right_shift(word, p.sign_shift), p.normal_sign)
        out[i] = bitwise_or(right_shift(subtract(biased, p.rebias), p.shift), sign)
    return bool(
        largest <= p.normal_limit and least >= subtract(p.lowest_normal, p.zero_is_regular)
    )


@step
def values_of_normal(words: Any, out: Any, p: Any) -> bool:
    """`values_of_regular` for normal numbers, and zeros where they are regular; or False."""
    largest, least = p.zero, p.magnitude_mask
    for i in range(words.size):
        word = words[i]
        magnitude = bitwise_and(word, p.magnitude_mask)
        largest = maximum(largest, bitwise_and(word, p.range_mask))
        least = minimum(least, subtract(magnitude, p.zero_is_regular))
        biased = round_normal(magnitude, word > p.magnitude_mask, p)
        value = left_shift(right_shift(biased, p.shift), p.shift)
        out[i] = bitwise_or(value, bitwise_and(word, p.normal_sign))
    return bool(
        largest <= p.normal_limit and least >= subtract(p.lowest_normal, p.zero_is_regular)
    )


def fill_normal(words: Any, out: Any, p: Any, in_place: Any) -> bool:
    """`codes_of_normal`, or `values_of_normal` if `in_place` is not None."""
    raise TypeError("for compiled callers only")  # which get one of the two below


@overload(fill_normal)
def _fill_normal(words: Any, out: Any, p: Any, in_place: Any) -> Any:
    """The loop that the type of `in_place` calls for: the other would be compiled in vain."""

    def codes(words: Any, out: Any, p: Any, in_place: Any) -> bool:
        return codes_of_normal(words, out, p)

    def values(words: Any, out: Any, p: Any, in_place: Any) -> bool:
        return values_of_normal(words, out, p)

    return codes if isinstance(in_place, types.NoneType) else values


def fill_regular(words: Any, out: Any, p: Any, in_place: Any) -> bool:
    """`codes_of_regular`, or `values_of_regular` if `in_place` is not None."""
    raise TypeError("for compiled callers only")  # which get one of the two below


@overload(fill_regular)
def _fill_regular(words: Any, out: Any, p: Any, in_place: Any) -> Any:
    """The loop that the type of `in_place` calls for: the other would be compiled in vain."""

    def codes(words: Any, out: Any, p: Any, in_place: Any) -> bool:
        return codes_of_regular(words, out, p)

    def values(words: Any, out: Any, p: Any, in_place: Any) -> bool:
        return values_of_regular(words, out, p)

    return codes if isinstance(in_place, types.NoneType) else values


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
    """Codes of the numbers in `source`, or values, written to `out`. Returns how many are done: all,
    or those before the first block that has one that is not regular.

    parameters: `RegularWords` as an array. table: the values of codes, if these are asked for in
    another dtype than the lane's, or None; row: then scratch for a block of codes. The other
    arguments are as for `encode.project`.
    """
    p = RegularWords(*to_fixed_tuple(parameters, REGULAR_COUNT))
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
