"""The compiled loops. Numba makes a version of each for the types that it is called with.

An argument that is None is a part left out, at the time of compiling.
"""

from __future__ import annotations

from typing import Any

import numpy as np
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
    multiply,
    right_shift,
    subtract,
)

from numformats.codec.numba.bits import bits_of, float_of
from numformats.codec.numba.lanes import Parameters
from numformats.codec.numba.steps import (
    by_sign,
    code_of,
    finish,
    floor_and_fraction,
    inlined,
    jammed,
    kernel,
    low_distance,
    low_end,
    passes_low_threshold,
    place,
    random_threshold,
    sign_mask,
    small_fraction,
    step,
    threshold,
    threshold_with_ties,
    value_in_place,
)
from numformats.codec.random_bits import ROTATIONS

# Numbers that are prepared at a time, converted or given random bits: they stay in the first
# cache. As float32 they fill two pages of memory; with one, processors do not fetch ahead.
L1_CHUNK = 2048

# Numbers that one loop after another works on at a time; they stay in the second cache.
L2_CHUNK = 16 * L1_CHUNK

# How many words the parameters are, which has to be known when kernels are compiled.
COUNT = len(Parameters._fields)

# Threefry's rotations as words, so that all stays 32 bits wide.
EVEN_ROTATIONS = tuple(np.uint32(rotation) for rotation in ROTATIONS[:4])
ODD_ROTATIONS = tuple(np.uint32(rotation) for rotation in ROTATIONS[4:])


# How the bits of an input dtype become those of a lane.
FROM_BFLOAT16, FROM_FLOAT16 = 0, 1


@step
def encode_block(
    words: Any,
    draws: Any,
    draw_place: Any,
    look_at_ties: Any,
    out: Any,
    p: Any,
    is_uncommon: Any,
    in_place: Any,
) -> Any:
    """Codes of floats given as lane words. Returns the largest magnitude, which tells of NaN.

    draws: uint32 random numbers, or None for a deterministic mode; draw_place: how many places up
    they belong; look_at_ties: None for the variants A and B.
    is_uncommon: None for formats with subnormals and a projection that does not wrap.
    in_place: None, or else the bits of values are written instead of codes.
    """
    largest = p.zero
    for i in range(words.size):
        negative = sign_mask(words[i], p)
        magnitude = bitwise_and(words[i], p.magnitude_mask)
        significand, distance, binade = place(magnitude, p)
        floor, fraction = floor_and_fraction(significand, distance, p)
        code = floor if is_uncommon is None else code_of(floor, binade, p)
        if draws is None:
            limit = threshold(floor, binade, negative, p)
        else:
            kept = bitwise_and(left_shift(draws[i], draw_place), p.kept)
            if is_uncommon is not None:
                distance = low_distance(code, distance, p)
            fraction = small_fraction(significand, distance, p)
            limit = random_threshold(kept, p)
            if look_at_ties is not None:
                fraction = jammed(fraction, significand, distance, p)
                limit = threshold_with_ties(limit, kept, p)
        away = fraction > limit
        if in_place is not None:
            rounded = value_in_place(magnitude, distance, away, p)
        elif is_uncommon is not None:
            rounded = add(code, p.one if away else p.zero)
            if draws is None:
                away = passes_low_threshold(magnitude, negative, p)
            rounded = low_end(code, rounded, away, p)
        else:
            rounded = add(add(binade, floor), p.one if away else p.zero)
        result = finish(rounded, magnitude, negative, p)
        if is_uncommon is not None:
            zero = by_sign(p.zero_code, p.zero_code_flip, negative)
            result = zero if magnitude == p.zero else result
        out[i] = result
        largest = maximum(largest, magnitude)
    return largest


@inlined
def single_of_bfloat16(bits: Any) -> Any:
    """The float32 with the value of a bfloat16."""
    return float_of(left_shift(np.uint32(bits), np.uint32(16)))


@inlined
def single_of_float16(bits: Any) -> Any:
    """The float32 with the value of a float16."""
    half = np.uint32(bits)
    magnitude = left_shift(bitwise_and(half, np.uint32(0x7FFF)), np.uint32(13))
    # The exponent's bias is 15 here, and 127 there; the product makes subnormals normal.
    number = bits_of(multiply(float_of(magnitude), np.float32(2.0**112)))
    # Infinity and NaN have all exponent bits set, and would be numbers after the product.
    special = bitwise_and(half, np.uint32(0x7C00)) == np.uint32(0x7C00)
    filled = np.uint32(0x7F800000) if special else np.uint32(0)
    sign = left_shift(bitwise_and(half, np.uint32(0x8000)), np.uint32(16))
    return float_of(bitwise_or(bitwise_or(number, filled), sign))


@step
def single_words(source: Any, conversion: Any, words: Any) -> None:
    """The bits of float32 numbers with the values of 16-bit floats."""
    if conversion == FROM_BFLOAT16:
        for i in range(source.size):
            words[i] = bits_of(single_of_bfloat16(source[i]))
    else:
        for i in range(source.size):
            words[i] = bits_of(single_of_float16(source[i]))


@step
def double_words(source: Any, conversion: Any, words: Any) -> None:
    """The bits of float64 numbers with the values of float32, or of 16-bit floats."""
    if conversion is None:
        for i in range(source.size):
            words[i] = bits_of(np.float64(source[i]))
    elif conversion == FROM_BFLOAT16:
        for i in range(source.size):
            words[i] = bits_of(np.float64(single_of_bfloat16(source[i])))
    else:
        for i in range(source.size):
            words[i] = bits_of(np.float64(single_of_float16(source[i])))


@inlined
def rotate(word: Any, rotation: Any) -> Any:
    """The bits of a word moved up, and round."""
    # Two shifts, which machines that have rotations know to make one of.
    up = left_shift(word, rotation)
    return bitwise_or(up, right_shift(word, subtract(np.uint32(32), rotation)))


@inlined
def threefry_round(blocks: Any, rotation: Any) -> Any:
    """One round for two blocks of two words each: add, rotate, mix."""
    first, second, other_first, other_second = blocks
    first, other_first = add(first, second), add(other_first, other_second)
    second = bitwise_xor(rotate(second, rotation), first)
    other_second = bitwise_xor(rotate(other_second, rotation), other_first)
    return first, second, other_first, other_second


@inlined
def four_rounds(blocks: Any, rotations: Any) -> Any:
    """Four rounds with four rotations."""
    blocks = threefry_round(blocks, rotations[0])
    blocks = threefry_round(blocks, rotations[1])
    blocks = threefry_round(blocks, rotations[2])
    return threefry_round(blocks, rotations[3])


@inlined
def inject(blocks: Any, first_key: Any, second_key: Any) -> Any:
    """Words of the key added to those of two blocks."""
    first, second, other_first, other_second = blocks
    return (
        add(first, first_key),
        add(second, second_key),
        add(other_first, first_key),
        add(other_second, second_key),
    )


@inlined
def threefry_pair(counter: Any, other: Any, upper: Any, key: Any) -> Any:
    """The random words of two counters: `numformats.codec.random_bits.threefry2x32`, unrolled.

    counter, other: their lower words; upper: the upper word of both. key: two words, and the third
    that follows from them.
    """
    blocks = inject((counter, upper, other, upper), key[0], key[1])
    blocks = inject(four_rounds(blocks, EVEN_ROTATIONS), key[1], add(key[2], np.uint32(1)))
    blocks = inject(four_rounds(blocks, ODD_ROTATIONS), key[2], add(key[0], np.uint32(2)))
    blocks = inject(four_rounds(blocks, EVEN_ROTATIONS), key[0], add(key[1], np.uint32(3)))
    return threefry_round(blocks, ODD_ROTATIONS[0])


@kernel
def fill_draws(key: Any, start: Any, firsts: Any, seconds: Any, draws: Any) -> None:
    """Random words for the elements from position `start`, which is a multiple of `L1_CHUNK`.

    draws: uint32 array of `L1_CHUNK` numbers; firsts, seconds: scratch of half as many.
    """
    counter = start // 2
    # The upper word is the same for a whole block, since blocks are aligned.
    upper = np.uint32(counter >> 32)
    lowest = np.uint32(counter & 0xFFFFFFFF)
    # As scalars, which cannot change while the loop writes.
    words = (key[0], key[1], key[2])
    half = firsts.size // 2
    # Two counters at a time: each round waits for the last, but not for that of the other.
    for i in range(half):
        counter, other = add(lowest, np.uint32(i)), add(lowest, np.uint32(i + half))
        pair = threefry_pair(counter, other, upper, words)
        firsts[i], seconds[i], firsts[i + half], seconds[i + half] = pair
    # Shuffled in a loop of its own, which leaves the one above to plain vectors.
    for i in range(firsts.size):
        draws[2 * i] = firsts[i]
        draws[2 * i + 1] = seconds[i]


def fill_lanes(source: Any, conversion: Any, words: Any) -> None:
    """The bits of floats of the words' width with the values of narrower floats."""
    raise TypeError("for compiled callers only")  # which get one of the two below


@overload(fill_lanes)
def _fill_lanes(source: Any, conversion: Any, words: Any) -> Any:
    """The way that the width of the words calls for."""

    def to_single(source: Any, conversion: Any, words: Any) -> None:
        single_words(source, conversion, words)

    def to_double(source: Any, conversion: Any, words: Any) -> None:
        double_words(source, conversion, words)

    return to_single if words.dtype == types.uint32 else to_double


def lanes_of(part: Any, conversion: Any, scratch: Any) -> Any:
    """A block of the input as lane words: itself, or converted to scratch memory.

    scratch: words of the lane's width for `L1_CHUNK` numbers, or None if there is nothing to do.
    """
    raise TypeError("for compiled callers only")  # which get one of the two below


@overload(lanes_of)
def _lanes_of(part: Any, conversion: Any, scratch: Any) -> Any:
    """The way that the type of `scratch`, None maybe, calls for."""

    def as_it_is(part: Any, conversion: Any, scratch: Any) -> Any:
        return part

    def converted(part: Any, conversion: Any, scratch: Any) -> Any:
        fill_lanes(part, conversion, scratch)
        return scratch[: part.size]

    return as_it_is if isinstance(scratch, types.NoneType) else converted


@step
def draws_of(begin: Any, end: Any, given: Any, key: Any, start: Any, scratch: Any) -> Any:
    """The random numbers of a block, those given or new ones; or None."""
    if given is None:
        return None
    firsts, seconds, draws = scratch
    if key.size > 0:
        fill_draws(key, start + begin, firsts, seconds, draws)
    else:
        copy(given[begin:end], draws)
    return draws[: end - begin]


@step
def copy(source: Any, target: Any) -> None:
    """Numbers copied to the begin of an array, as its dtype."""
    # An assignment to a slice would take the compiler a second, for the text of an error.
    for i in range(source.size):
        target[i] = source[i]


def codes_place(out: Any, row: Any, begin: Any, end: Any) -> Any:
    """Where the codes of a block go: to the result, or to scratch if there is any, from which they
    are looked up.
    """
    raise TypeError("for compiled callers only")  # which get one of the two below


@overload(codes_place)
def _codes_place(out: Any, row: Any, begin: Any, end: Any) -> Any:
    """The way that the type of `row`, None maybe, calls for."""

    def direct(out: Any, row: Any, begin: Any, end: Any) -> Any:
        return out[begin:end]

    def in_scratch(out: Any, row: Any, begin: Any, end: Any) -> Any:
        return row[: end - begin]

    return direct if isinstance(row, types.NoneType) else in_scratch


@step
def look_up(codes: Any, table: Any, out: Any) -> None:
    """The entry of a table for each code, written to `out`."""
    for i in range(codes.size):
        out[i] = table[codes[i]]


@kernel
def write_lanes(source: Any, conversion: Any, words: Any) -> None:
    """The bits of float32 or float64, as `words` has them, of numbers to be converted to that."""
    fill_lanes(source, conversion, words)


@kernel
def write_entries(codes: Any, table: Any, out: Any) -> None:
    """`look_up`, for codes that are known to be in the table."""
    look_up(codes, table, out)


@kernel
def project(
    words: Any,
    out: Any,
    parameters: Any,
    is_uncommon: Any,
    in_place: Any,
    given: Any,
    key: Any,
    draw_place: Any,
    look_at_ties: Any,
    start: Any,
) -> bool:
    """Codes of floats given as lane words, or the bits of values, written to `out`. Returns whether
    any number is NaN.

    parameters: `Parameters` as an array of lane words. is_uncommon, in_place, draw_place,
    look_at_ties: as for `encode_block`. given, key: uint32 random numbers for each element, and the
    three words of a key; one of the two is empty, or both are None. start: the position of the
    first element.
    """
    p = Parameters(*to_fixed_tuple(parameters, COUNT))
    halves, draws = np.empty(L1_CHUNK, np.uint32), np.empty(L1_CHUNK, np.uint32)
    random_scratch = (halves[: L1_CHUNK // 2], halves[L1_CHUNK // 2 :], draws)
    largest = p.zero
    for begin in range(0, words.size, L1_CHUNK):
        end = begin + L1_CHUNK if words.size - begin > L1_CHUNK else words.size
        random = draws_of(begin, end, given, key, start, random_scratch)
        own, part = words[begin:end], out[begin:end]
        of_block = encode_block(
            own, random, draw_place, look_at_ties, part, p, is_uncommon, in_place
        )
        largest = maximum(largest, of_block)
    return bool(largest > p.infinity_word)
