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
    right_shift,
    subtract,
)

from numformats.codec.compiled.parameters import Parameters
from numformats.codec.compiled.steps import (
    by_sign,
    finish,
    floor_and_fraction,
    inlined,
    long_fraction,
    low_end,
    place,
    sign_mask,
    step,
    stochastic_away,
    threshold,
)
from numformats.codec.random_bits import ROTATIONS

# Numbers that are prepared at a time, converted or given random bits: they stay in the first cache.
BLOCK = 1024

_COUNT = len(Parameters._fields)

# Threefry's rotations as words, so that all stays 32 bits wide.
EVEN_ROTATIONS = tuple(np.uint32(rotation) for rotation in ROTATIONS[:4])
ODD_ROTATIONS = tuple(np.uint32(rotation) for rotation in ROTATIONS[4:])

# How the bits of an input dtype become those of a lane.
FROM_BFLOAT16, FROM_FLOAT16 = 0, 1


@step
def encode_block(words: Any, draws: Any, out: Any, p: Any, has_low_end: Any) -> Any:
    """Codes of floats given as lane words. Returns the largest magnitude, which tells of NaN.

    draws: uint32 random numbers, or None for a deterministic mode.
    has_low_end: None for formats with subnormals.
    """
    largest = p.zero
    for i in range(words.size):
        negative = sign_mask(words[i], p)
        magnitude = bitwise_and(words[i], p.magnitude_mask)
        significand, distance, binade = place(magnitude, p)
        floor, fraction = floor_and_fraction(significand, distance, p)
        code = add(binade, floor)
        if draws is None:
            away = fraction > threshold(floor, binade, negative, p)
        else:
            high, low = long_fraction(significand, distance, p)
            away = stochastic_away(high, low, draws[i], p)
        rounded = add(code, p.one if away else p.zero)
        if has_low_end is not None:
            rounded = low_end(code, magnitude, rounded, negative, p)
        result = finish(rounded, magnitude, negative, p)
        if has_low_end is not None:
            zero = by_sign(p.zero_code, p.zero_code_flip, negative)
            result = zero if magnitude == p.zero else result
        out[i] = result
        largest = maximum(largest, magnitude)
    return largest


@step
def widen(source: Any, conversion: Any, words: Any, floats: Any) -> None:
    """The words of 16-bit floats as those of float32; `floats` is the same memory as `words`."""
    if conversion == FROM_BFLOAT16:
        for i in range(source.size):
            words[i] = left_shift(np.uint32(source[i]), np.uint32(16))
        return
    for i in range(source.size):
        words[i] = left_shift(bitwise_and(np.uint32(source[i]), np.uint32(0x7FFF)), np.uint32(13))
    for i in range(source.size):
        # The exponent's bias is 15 here, and 127 there; the product makes subnormals normal.
        floats[i] = floats[i] * np.float32(2.0**112)
    for i in range(source.size):
        half = np.uint32(source[i])
        # Infinity and NaN have all exponent bits set, and would be numbers after the product.
        special = bitwise_and(half, np.uint32(0x7C00)) == np.uint32(0x7C00)
        filled = np.uint32(0x7F800000) if special else np.uint32(0)
        sign = left_shift(bitwise_and(half, np.uint32(0x8000)), np.uint32(16))
        words[i] = words[i] | filled | sign


@step
def convert(source: Any, conversion: Any, words: Any, floats: Any, wide: Any) -> None:
    """Numbers as the words of float32, or of float64 in `wide`, where that is given."""
    if conversion is not None:
        widen(source, conversion, words, floats)
        if wide is not None:
            for i in range(source.size):
                wide[i] = floats[i]
    elif wide is not None:
        for i in range(source.size):
            wide[i] = source[i]


@inlined
def rotate(word: Any, rotation: Any) -> Any:
    """The bits of a word moved up, and round."""
    # Two shifts, which machines that have rotations know to make one of.
    up = left_shift(word, rotation)
    return bitwise_or(up, right_shift(word, subtract(np.uint32(32), rotation)))


@inlined
def threefry_round(first: Any, second: Any, rotation: Any) -> Any:
    """One of the twenty rounds: add, rotate, mix."""
    first = add(first, second)
    return first, bitwise_xor(rotate(second, rotation), first)


@inlined
def four_rounds(first: Any, second: Any, rotations: Any) -> Any:
    """Four rounds with four rotations."""
    first, second = threefry_round(first, second, rotations[0])
    first, second = threefry_round(first, second, rotations[1])
    first, second = threefry_round(first, second, rotations[2])
    return threefry_round(first, second, rotations[3])


@inlined
def threefry(first: Any, second: Any, key: Any) -> Any:
    """The random words of a counter: `numformats.codec.random_bits.threefry2x32`, unrolled.

    key: two words, and the third that follows from them.
    """
    first, second = add(first, key[0]), add(second, key[1])
    first, second = four_rounds(first, second, EVEN_ROTATIONS)
    first, second = add(first, key[1]), add(second, add(key[2], np.uint32(1)))
    first, second = four_rounds(first, second, ODD_ROTATIONS)
    first, second = add(first, key[2]), add(second, add(key[0], np.uint32(2)))
    first, second = four_rounds(first, second, EVEN_ROTATIONS)
    first, second = add(first, key[0]), add(second, add(key[1], np.uint32(3)))
    first, second = four_rounds(first, second, ODD_ROTATIONS)
    first, second = add(first, key[1]), add(second, add(key[2], np.uint32(4)))
    first, second = four_rounds(first, second, EVEN_ROTATIONS)
    return add(first, key[2]), add(second, add(key[0], np.uint32(5)))


@step
def fill_draws(key: Any, start: Any, dropped: Any, firsts: Any, seconds: Any, draws: Any) -> None:
    """Random numbers for the elements from position `start`, which is a multiple of `BLOCK`.

    draws: uint32 array of `BLOCK` numbers; firsts, seconds: scratch of half as many. `dropped` is
    how many bits each number is shifted down.
    """
    counter = start // 2
    # The upper word is the same for a whole block, since blocks are aligned.
    upper = np.uint32(counter >> 32)
    lowest = np.uint32(counter & 0xFFFFFFFF)
    # As scalars, which cannot change while the loop writes.
    words = (key[0], key[1], key[2])
    for i in range(firsts.size):
        first, second = threefry(add(lowest, np.uint32(i)), upper, words)
        firsts[i] = right_shift(first, dropped)
        seconds[i] = right_shift(second, dropped)
    # Shuffled in a loop of its own, which leaves the one above to plain vectors.
    for i in range(firsts.size):
        draws[2 * i] = firsts[i]
        draws[2 * i + 1] = seconds[i]


def lanes_of(part: Any, conversion: Any, words: Any, floats: Any, wide: Any) -> Any:
    """A block of the input as lane words: itself, or converted to scratch memory."""
    raise TypeError("for compiled callers only")  # which get one of the three below


@overload(lanes_of)
def _lanes_of(part: Any, conversion: Any, words: Any, floats: Any, wide: Any) -> Any:
    """The way that the types of the arguments, None among them, call for."""

    def as_it_is(part: Any, conversion: Any, words: Any, floats: Any, wide: Any) -> Any:
        return part

    def converted(part: Any, conversion: Any, words: Any, floats: Any, wide: Any) -> Any:
        convert(part, conversion, words, floats, wide)
        return words[: part.size]

    def widened(part: Any, conversion: Any, words: Any, floats: Any, wide: Any) -> Any:
        convert(part, conversion, words, floats, wide)
        return wide[: part.size].view(np.uint64)

    if not isinstance(wide, types.NoneType):
        return widened
    return as_it_is if isinstance(conversion, types.NoneType) else converted


@step
def draws_of(
    begin: Any, end: Any, given: Any, key: Any, start: Any, dropped: Any, scratch: Any
) -> Any:
    """The random numbers of a block: those given, or new ones, or none."""
    if key is not None:
        firsts, seconds, draws = scratch
        fill_draws(key, start + begin, dropped, firsts, seconds, draws)
        return draws[: end - begin]
    if given is not None:
        return given[begin:end]
    return None


@step
def look_up(codes: Any, table: Any, out: Any) -> None:
    """The entry of a table for each code, written to `out`."""
    for i in range(codes.size):
        out[i] = table[codes[i]]


@step
def project(
    source: Any,
    conversion: Any,
    wide: Any,
    out: Any,
    parameters: Any,
    has_low_end: Any,
    table: Any,
    given: Any,
    key: Any,
    start: Any,
    dropped: Any,
) -> bool:
    """Codes of the numbers in `source`, or values with a `table`, written to `out`.

    Returns whether any number is NaN.

    source: uint32 or uint64 words of floats; uint16 with a `conversion`; float32 where `wide`.
    wide: None, or float64 scratch of `BLOCK` numbers if lanes are to be of 64 bits.
    parameters: `Parameters` as an array of lane words.
    given, key: uint32 random numbers for each element, or three words of a key; or None.
    start: the position of the first element. dropped: bits that a drawn number has too many.
    """
    p = Parameters(*to_fixed_tuple(parameters, _COUNT))
    floats = np.empty(BLOCK, np.float32)
    words = floats.view(np.uint32)
    halves = np.empty(BLOCK, np.uint32)
    draws = np.empty(BLOCK, np.uint32)
    scratch = (halves[: BLOCK // 2], halves[BLOCK // 2 :], draws)
    codes = np.empty(BLOCK, np.uint32)
    largest = p.zero
    for begin in range(0, source.size, BLOCK):
        end = min(begin + BLOCK, source.size)
        lanes = lanes_of(source[begin:end], conversion, words, floats, wide)
        random = draws_of(begin, end, given, key, start, dropped, scratch)
        if table is None:
            of_block = encode_block(lanes, random, out[begin:end], p, has_low_end)
        else:
            # In two loops, since looking up in one with the rest would keep it from vectors.
            of_block = encode_block(lanes, random, codes[: end - begin], p, has_low_end)
            look_up(codes[: end - begin], table, out[begin:end])
        largest = maximum(largest, of_block)
    return largest > p.infinity_word
