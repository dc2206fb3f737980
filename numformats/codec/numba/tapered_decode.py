"""Decoding systems whose precision tapers off, where a table of all values would be too large.

Within a regime the bits of a code and those of the float with its value go together: both grow by
the same amount from one code to the next. So a word tells a code's float: where such a piece would
begin if it went on down to zero, and how far up a code's bits are in a float's. Which piece it is,
the exponent and two more bits of the code as a number tell, counted from the nearer end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numba.np.unsafe.ndarray import to_fixed_tuple
from numpy import add, bitwise_and, bitwise_or, left_shift, right_shift, subtract
from numpy.typing import NDArray

from numformats.codec.numba.bits import bits_of, float_of
from numformats.codec.numba.decode import largest_code
from numformats.codec.numba.encode import L1_CHUNK
from numformats.codec.numba.lanes import LANE32, LANE64, Lane
from numformats.codec.numba.steps import kernel, step
from numformats.codec.numba.views import read_only
from numformats.codec.tapered import magnitudes
from numformats.system import NumberSystem, Taper

# The lowest bits of a piece's word, which hold the distance.
_DISTANCE_BITS = 6
# Beside its exponent, the bits of a number that tell a piece.
_MORE_BITS = 2


class PieceParameters(NamedTuple):
    """The numbers of a system and a lane, as words of the lane."""

    zero: Any
    # Where the pieces of the upper half of the magnitudes begin.
    upper: Any
    half: Any
    # The code of the largest value, which is a mask of magnitudes, too.
    highest: Any
    sign_bit: Any
    code_mask: Any
    index_place: Any
    distance_mask: Any
    lane_sign: Any
    nan_word: Any


# Which has to be known when kernels are compiled.
_COUNT = len(PieceParameters._fields)


class Pieces(NamedTuple):
    """The words of a system's pieces, by what tells them, and its `PieceParameters` as an array."""

    words: NDArray[Any]
    parameters: NDArray[Any]


def pieces_of(fmt: NumberSystem, dtype: np.dtype[Any]) -> Pieces | None:
    """What `decode_tapered` needs to know of a system to decode to float32 or float64, or None if
    it cannot.
    """
    if fmt.taper is None or dtype not in (np.float32, np.float64):
        return None
    lane = LANE32 if dtype == np.float32 else LANE64
    # Of numbers of 31 bits at the most.
    count = (lane.bias + 31) << _MORE_BITS
    words = np.zeros(2 * count, lane.dtype)
    for index, low, high in _ranges(2 ** (fmt.bits - 2), lane):
        # The upper half is counted from its end.
        ends = {
            index: (low, high),
            index + count: (fmt.highest_step - high, fmt.highest_step - low),
        }
        for place, (first, last) in ends.items():
            word = _piece(fmt.taper, first, last, lane)
            if word is None:
                return None
            words[place] = word
    parameters = PieceParameters(
        zero=0,
        upper=count,
        half=2 ** (fmt.bits - 2),
        highest=fmt.highest_step,
        sign_bit=1 << (fmt.bits - 1),
        code_mask=2**fmt.bits - 1,
        index_place=lane.trailing_bits - _MORE_BITS,
        distance_mask=2**_DISTANCE_BITS - 1,
        lane_sign=lane.sign_bit,
        nan_word=lane.infinity_word | (1 << (lane.trailing_bits - 1)),
    )
    return Pieces(read_only(words), read_only(np.array(parameters, lane.dtype)))


def _ranges(half: int, lane: Lane) -> Iterator[tuple[int, int, int]]:
    """The numbers below `half` that have an exponent and two more bits in common: these, as an
    index; the first number, and the last.
    """
    yield 0, 0, 0
    parts = 2**_MORE_BITS
    for exponent in range(half.bit_length() - 1):
        for part in range(parts, 2 * parts):
            # The first number of this part of the binade, and of the next, rounded up.
            low, after = (-(-(end << exponent) >> _MORE_BITS) for end in (part, part + 1))
            if low < after:
                yield ((exponent + lane.bias) << _MORE_BITS) + part - parts, low, after - 1


def _piece(taper: Taper, first: int, last: int, lane: Lane) -> int | None:
    """The word of the piece that has these steps; None if it is not a straight one."""
    few = np.array([first, min(first + 1, last), last])
    values = magnitudes(few, taper).astype(lane.float_dtype)
    start, second, end = values.view(lane.dtype).tolist()
    distance = max((second - start).bit_length() - 1, _DISTANCE_BITS)
    base = start - (first << distance)
    is_straight = end == base + (last << distance) and distance < lane.bits
    if not is_straight or base % 2**_DISTANCE_BITS:
        return None
    return (base + distance) % 2**lane.bits


@step
def magnitude_of(code: Any, p: Any) -> Any:
    """The code of the magnitude, as a word of the lane; 0 of NaN."""
    # As a word of the lane, which the masks are.
    word = bitwise_and(code, p.code_mask)
    positive = subtract(p.zero, word) if word >= p.sign_bit else word
    return bitwise_and(positive, p.highest)


@step
def fill_numbers(codes: Any, numbers: Any, p: Any) -> None:
    """How far each magnitude is from the nearer end, as a float."""
    for i in range(codes.size):
        magnitude = magnitude_of(codes[i], p)
        near = subtract(p.highest, magnitude) if magnitude >= p.half else magnitude
        # Below 2**31, and as a signed number of 32 bits quicker to make a float of.
        numbers[i] = np.int32(near)


@step
def fill_entries(codes: Any, numbers: Any, entries: Any, words: Any, p: Any) -> None:
    """The word of the piece of each code."""
    for i in range(codes.size):
        is_upper = magnitude_of(codes[i], p) >= p.half
        index = right_shift(bits_of(numbers[i]), p.index_place)
        entries[i] = add(index, p.upper if is_upper else p.zero)
    # In a loop of its own, which leaves the one above to vectors.
    for i in range(codes.size):
        entries[i] = words[entries[i]]


@step
def fill_values(codes: Any, entries: Any, out: Any, p: Any) -> None:
    """The value of each code, by the word of its piece."""
    for i in range(codes.size):
        word = bitwise_and(codes[i], p.code_mask)
        distance = bitwise_and(entries[i], p.distance_mask)
        base = subtract(entries[i], distance)
        value = add(base, left_shift(magnitude_of(codes[i], p), distance))
        value = bitwise_or(value, p.lane_sign if word > p.sign_bit else p.zero)
        out[i] = float_of(p.nan_word if word == p.sign_bit else value)


@kernel
def decode_tapered(codes: Any, words: Any, parameters: Any, out: Any) -> bool:
    """The values of tapered codes, written to `out`, which is float32 or float64. Returns whether
    all codes are in range.

    words: those of `pieces_of` the system; parameters: its `Parameters` as an array.
    """
    p = PieceParameters(*to_fixed_tuple(parameters, _COUNT))
    numbers, scratch = np.empty(L1_CHUNK, out.dtype), np.empty(L1_CHUNK, words.dtype)
    for begin in range(0, codes.size, L1_CHUNK):
        end = begin + L1_CHUNK if codes.size - begin > L1_CHUNK else codes.size
        own, entries = codes[begin:end], scratch[: end - begin]
        if largest_code(own) > p.code_mask:
            return False
        fill_numbers(own, numbers, p)
        fill_entries(own, numbers, entries, words, p)
        fill_values(own, entries, out[begin:end], p)
    return True
