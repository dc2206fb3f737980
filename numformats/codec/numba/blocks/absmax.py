"""Loops that find the largest magnitude, or the ends, of each block of numbers.

They compare the bits of floats as integers, of which LLVM makes vectors: with floats it would have
to mind NaN. Magnitudes are in order as unsigned integers, with NaN above infinity.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy import bitwise_and, bitwise_xor, invert, maximum, minimum, right_shift
from numpy.typing import NDArray

from numformats.codec.numba.encode import L2_CHUNK, copy
from numformats.codec.numba.lanes import LANE32, LANE64, Lane
from numformats.codec.numba.steps import inlined, kernel, step


class MagnitudeWords(NamedTuple):
    """What loops know of the bits of floats, as scalars of their width."""

    zero: Any
    mask: Any
    infinity: Any

    @classmethod
    def of(cls, lane: Lane) -> MagnitudeWords:
        """Those of a lane."""
        return cls(*map(lane.dtype.type, (0, lane.sign_bit - 1, lane.infinity_word)))


_MAGNITUDE_WORDS: Final = {lane.float_dtype: MagnitudeWords.of(lane) for lane in (LANE32, LANE64)}


def magnitude_words(x: NDArray[Any]) -> MagnitudeWords:
    """Those of the numbers in an array, which are float32 or float64."""
    return _MAGNITUDE_WORDS[x.dtype]


@step
def largest_of_fours(words: Any, lane: Any, out: Any) -> None:
    """The words of the largest magnitudes of four floats each, from those of all."""
    for k in range(out.size):
        largest = lane.zero
        # A loop of such a length LLVM unrolls, and makes vectors across groups instead, which is
        # four times as fast as within longer ones.
        for i in range(4):
            largest = maximum(largest, bitwise_and(words[k * 4 + i], lane.mask))
        out[k] = largest


@step
def larger_of_pairs(magnitudes: Any, out: Any) -> None:
    """The larger of two words each, of magnitudes."""
    for k in range(out.size):
        out[k] = maximum(magnitudes[2 * k], magnitudes[2 * k + 1])


@step
def absmax_words_of_blocks(words: Any, lane: Any, block: Any, out: Any) -> None:
    """The words of the largest magnitudes, from those of floats; of NaN, if there is any.

    As integers, magnitudes are in order, and NaN above infinity. The last block may be shorter.
    """
    for k in range(out.size):
        # A slice ends where the array does.
        own, largest = words[k * block : (k + 1) * block], lane.zero
        for i in range(own.size):
            largest = maximum(largest, bitwise_and(own[i], lane.mask))
        out[k] = largest


@step
def largest_finite(words: Any, lane: Any) -> Any:
    """The largest finite magnitude of floats without NaN, from their words."""
    largest = lane.zero
    for i in range(words.size):
        magnitude = bitwise_and(words[i], lane.mask)
        largest = maximum(largest, lane.zero if magnitude == lane.infinity else magnitude)
    return largest


@kernel
def absmax_of_blocks(
    words: Any, lane: Any, block: Any, fours: Any, pairs: Any, maxima: Any, floats: Any, out: Any
) -> None:
    """The largest finite magnitude of each block as float64; NaN if there is any, and zero if there
    is nothing finite. The last block may be shorter.

    words: the bits of float32 or float64; lane: what loops know of these. fours, pairs, maxima,
    floats: scratch, as `absmax_scratch` makes it.
    """
    count = maxima.size
    for begin in range(0, out.size, count):
        end = begin + count if out.size - begin > count else out.size
        part, own, wide = words[begin * block : end * block], maxima[: end - begin], out[begin:end]
        if block % 4 == 0 and part.size % block == 0:
            found, other, length = fours[: part.size // 4], pairs, block // 4
            largest_of_fours(part, lane, found)
            while length % 2 == 0:
                larger_of_pairs(found, other[: found.size // 2])
                found, other, length = other[: found.size // 2], found, length // 2
            if length == 1:
                copy(found, own)
            else:
                absmax_words_of_blocks(found, lane, length, own)
        else:
            absmax_words_of_blocks(part, lane, block, own)
        for k in range(own.size):
            if own[k] == lane.infinity:
                own[k] = largest_finite(part[k * block : (k + 1) * block], lane)
        copy(floats[: own.size], wide)


def absmax_scratch(size: int, block: int, dtype: np.dtype[Any]) -> tuple[NDArray[Any], ...]:
    """Memory for `absmax_of_blocks` of so many numbers: for the largest words of groups, twice, and
    for those of blocks, as words and as floats; of chunks that stay in the second cache.
    """
    count = min(max(L2_CHUNK // block, 1), -(-size // block))
    lane = np.dtype(f"u{dtype.itemsize}")
    fours, pairs = np.empty((2, min(count * block, size) // 4), lane)
    maxima = np.empty(count, lane)
    return fours, pairs, maxima, maxima.view(dtype)


class OrderWords(NamedTuple):
    """What loops know of floats whose bits are taken for signed integers, as scalars of those."""

    zero: Any
    mask: Any
    sign_place: Any
    infinity: Any

    @classmethod
    def of(cls, lane: Lane) -> OrderWords:
        """Those of a lane."""
        words = 0, lane.sign_bit - 1, lane.bits - 1, lane.infinity_word
        return cls(*map(np.dtype(f"i{lane.bits // 8}").type, words))


_ORDER_WORDS: Final = {lane.float_dtype: OrderWords.of(lane) for lane in (LANE32, LANE64)}


def order_words(x: NDArray[Any]) -> OrderWords:
    """Those of the numbers in an array, which are float32 or float64."""
    return _ORDER_WORDS[x.dtype]


@step
def in_order(word: Any, order: Any) -> Any:
    """An integer that grows with the float whose bits are a signed word; or that word, from it.

    The bits of a negative float are those of its magnitude, so that all but the sign are flipped.
    """
    flips = bitwise_and(right_shift(word, order.sign_place), order.mask)
    return bitwise_xor(word, flips)


@kernel
def ends_of_blocks(
    x: Any, words: Any, order: Any, block: Any, with_zero: Any, low: Any, high: Any
) -> None:
    """The smallest and the largest finite number of each block; NaN for both if there is any, and
    zero if there is nothing finite. `with_zero`: zero counts besides.

    words, low, high: the bits of floats as signed integers; order: what loops know of these.
    """
    for k in range(low.size):
        # Slices end where the array does.
        first, last = k * block, (k + 1) * block
        least, most = places_of_ends(x[first:last], words[first:last], order, with_zero)
        low[k], high[k] = in_order(least, order), in_order(most, order)


@kernel
def signed_absmax_of_blocks(x: Any, words: Any, order: Any, block: Any, out: Any) -> None:
    """The finite number of each block that is farthest from zero, of several the first; NaN if
    there is any, and zero if there is nothing finite. The arguments are as for `ends_of_blocks`.
    """
    for k in range(out.size):
        first, last = k * block, (k + 1) * block
        own = words[first:last]
        ends = places_of_ends(x[first:last], own, order, False)
        low, high = in_order(ends[0], order), in_order(ends[1], order)
        low_size, high_size = bitwise_and(low, order.mask), bitwise_and(high, order.mask)
        chosen = low if low_size > high_size else high
        if low_size == high_size and low != high:
            chosen = low if is_first(own, low, high) else high
        out[k] = chosen


@step
def is_first(words: Any, word: Any, other: Any) -> bool:
    """Whether a word comes before another one; one of them is there."""
    i = 0
    while words[i] != word and words[i] != other:
        i += 1
    return bool(words[i] == word)


@inlined
def places_of_ends(x: Any, words: Any, order: Any, with_zero: Any) -> Any:
    """Where the ends of `ends_of_blocks` are in the order of floats, for the numbers of a block."""
    below_all = invert(order.infinity)
    least = order.zero if with_zero else order.infinity
    most = order.zero if with_zero else below_all
    for i in range(words.size):
        place = in_order(words[i], order)
        least, most = minimum(least, place), maximum(most, place)
    if least <= below_all or most >= order.infinity:
        return finite_ends(x, words, order, with_zero)
    return least, most


@step
def finite_ends(x: Any, words: Any, order: Any, with_zero: Any) -> Any:
    """The places of the finite ends of numbers among which some are not finite; of NaN twice, if
    there is any.
    """
    below_all = invert(order.infinity)
    least = order.zero if with_zero else order.infinity
    most = order.zero if with_zero else below_all
    for i in range(words.size):
        place = in_order(words[i], order)
        if np.isnan(x[i]):
            return place, place
        if np.isfinite(x[i]):
            least, most = minimum(least, place), maximum(most, place)
    # Infinity alone leaves the ends where they began.
    return (order.zero, order.zero) if least > most else (least, most)
