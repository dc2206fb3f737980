"""Loops for numbers that share a scale in blocks."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy import bitwise_and, bitwise_xor, divide, invert, maximum, minimum, right_shift
from numpy.typing import NDArray

from numformats.codec.compiled.parameters import LANE32, LANE64, Lane
from numformats.codec.compiled.steps import inlined, step

# What a quotient is raised to, lest float32 lose it: far below all that elements tell apart.
LEAST: Final = np.float32(2.0**-100)


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
def largest_of_blocks(words: Any, lane: Any, block: Any, out: Any) -> None:
    """The words of the largest magnitudes, from those of floats; of NaN, if there is any.

    As integers, magnitudes are in order, and NaN above infinity. The last block may be shorter.
    """
    for k in range(out.size):
        own, largest = words[k * block : min((k + 1) * block, words.size)], lane.zero
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


@step
def ends_of_blocks(
    x: Any, words: Any, order: Any, block: Any, with_zero: Any, low: Any, high: Any
) -> None:
    """The smallest and the largest finite number of each block; NaN for both if there is any, and
    zero if there is nothing finite. `with_zero`: zero counts besides.

    words, low, high: the bits of floats as signed integers; order: what loops know of these.
    """
    for k in range(low.size):
        first, last = k * block, min((k + 1) * block, words.size)
        least, most = places_of_ends(x[first:last], words[first:last], order, with_zero)
        low[k], high[k] = in_order(least, order), in_order(most, order)


@step
def farthest_of_blocks(x: Any, words: Any, order: Any, block: Any, out: Any) -> None:
    """The finite number of each block that is farthest from zero, of several the first; NaN if
    there is any, and zero if there is nothing finite. The arguments are as for `ends_of_blocks`.
    """
    for k in range(out.size):
        first, last = k * block, min((k + 1) * block, words.size)
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


@inlined
def within(k: Any, run: Any, begun: Any, size: Any) -> Any:
    """Where run k begins and ends among numbers of which the first is at position `begun` of run 0.

    Loops over a slice of that, from 0 on, are the ones of which LLVM makes vectors.
    """
    return max(k * run - begun, 0), min((k + 1) * run - begun, size)


@step
def divide_runs(x: Any, sizes: Any, run: Any, begun: Any, out: Any) -> None:
    """Quotients of numbers and the size of each run, as float64."""
    for k in range(sizes.size):
        first, last = within(k, run, begun, x.size)
        numbers, quotients, size = x[first:last], out[first:last], sizes[k]
        for i in range(numbers.size):
            # As a function, which does not stop at a divisor of zero, and so makes vectors.
            quotients[i] = divide(np.float64(numbers[i]), size)


# A number times this, less what that is more than the number, is its upper 26 bits (Veltkamp).
_SPLIT: Final = 2.0**27 + 1


@step
def divide_runs_to_odd(x: Any, sizes: Any, run: Any, begun: Any, out: Any) -> None:
    """Quotients of numbers and the size of each run in float64, rounded to odd as
    `quotient_to_odd` rounds.
    """
    for k in range(sizes.size):
        first, last = within(k, run, begun, x.size)
        divide_to_odd(x[first:last], sizes[k], out[first:last])


@step
def divide_to_odd(x: Any, size: Any, out: Any) -> None:
    """Quotients by one size."""
    words = out.view(np.int64)
    spread = size * _SPLIT
    size_high = spread - (spread - size)
    size_low = size - size_high
    for i in range(x.size):
        number = np.float64(x[i])
        quotient = divide(number, size)
        spread = quotient * _SPLIT
        high = spread - (spread - quotient)
        low = quotient - high
        # The product and its error are exactly quotient times size (Dekker).
        product = quotient * size
        error = ((high * size_high - product) + high * size_low + low * size_high) + low * size_low
        rest = (number - product) - error
        out[i] = quotient
        word = words[i]
        is_moved = (rest != 0) & np.isfinite(rest) & (bitwise_and(word, np.int64(1)) == 0)
        # Away from zero, if the remainder has the sign of the number.
        step_up = np.int64(1) if (rest > 0) == (number > 0) else np.int64(-1)
        # What overflows becomes the largest there is, which is odd: one below infinity.
        step_down = np.int64(-1) if np.isinf(quotient) & np.isfinite(number) else np.int64(0)
        words[i] = word + (step_up if is_moved else step_down)


@step
def add_runs_to_odd(x: Any, terms: Any, run: Any, begun: Any, out: Any) -> None:
    """Sums of numbers and the term of each run in float64, rounded to odd."""
    for k in range(terms.size):
        first, last = within(k, run, begun, x.size)
        add_to_odd(x[first:last], terms[k], out[first:last])


@step
def add_to_odd(x: Any, term: Any, out: Any) -> None:
    """Sums with one term."""
    words = out.view(np.int64)
    for i in range(x.size):
        number = np.float64(x[i])
        total = number + term
        # The error of the sum, exactly (Knuth's TwoSum).
        back = total - number
        error = (number - (total - back)) + (term - back)
        out[i] = total
        is_moved = (error != 0) & np.isfinite(error) & (bitwise_and(words[i], np.int64(1)) == 0)
        step_up = np.int64(1) if (error > 0) == (total > 0) else np.int64(-1)
        words[i] = words[i] + (step_up if is_moved else np.int64(0))


@step
def shift_runs(x: Any, factors: Any, run: Any, begun: Any, out: Any) -> None:
    """Products of float32 numbers and a power of two for each run, as float32.

    They are exact, but for those too small for float32, which become `LEAST`.
    """
    for k in range(factors.size):
        first, last = within(k, run, begun, x.size)
        numbers, products, factor = x[first:last], out[first:last], factors[k]
        for i in range(numbers.size):
            product = numbers[i] * factor
            is_lost = (abs(product) < LEAST) & (numbers[i] != np.float32(0))
            products[i] = np.copysign(LEAST, numbers[i]) if is_lost else product


@step
def multiply_runs(values: Any, sizes: Any, run: Any, begun: Any) -> None:
    """Values times the size of each run, rounded once: in place."""
    for k in range(sizes.size):
        first, last = within(k, run, begun, values.size)
        own, size = values[first:last], sizes[k]
        for i in range(own.size):
            own[i] = own[i] * size


@step
def move_runs(
    integers: Any, zeros: Any, ends: Any, mask: Any, run: Any, begun: Any, out: Any
) -> None:
    """The codes of integers of 16 bits and the zero point of each run, between the ends of the
    format. mask: the bits of a code.
    """
    lowest, highest = ends
    signed = integers.view(np.int16)
    for k in range(zeros.size):
        first, last = within(k, run, begun, signed.size)
        own, codes, zero = signed[first:last], out[first:last], np.int32(zeros[k])
        for i in range(own.size):
            moved = np.int32(own[i]) + zero
            inside = min(max(moved, np.int32(lowest)), np.int32(highest))
            codes[i] = bitwise_and(inside, np.int32(mask))


@step
def add_runs(values: Any, terms: Any, run: Any, begun: Any) -> None:
    """Values and the term of each run, rounded once: in place."""
    for k in range(terms.size):
        first, last = within(k, run, begun, values.size)
        own, term = values[first:last], terms[k]
        for i in range(own.size):
            own[i] = own[i] + term


@step
def subtract_runs(values: Any, zeros: Any, run: Any, begun: Any) -> None:
    """Values less the zero of each run: in place."""
    for k in range(zeros.size):
        first, last = within(k, run, begun, values.size)
        own, zero = values[first:last], zeros[k]
        for i in range(own.size):
            own[i] = own[i] - zero
