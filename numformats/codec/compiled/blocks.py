"""Loops for numbers that share a scale in blocks."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy import bitwise_and, divide, maximum

from numformats.codec.compiled.steps import inlined, step

# What a quotient is raised to, lest float32 lose it: far below all that elements tell apart.
LEAST: Final = np.float32(2.0**-100)


@step
def largest_of_fours(words: Any, out: Any) -> None:
    """The words of the largest magnitudes of four float32 numbers each, from those of all."""
    for k in range(out.size):
        largest = np.uint32(0)
        # A loop of such a length LLVM unrolls, and makes vectors across groups instead, which is
        # four times as fast as within longer ones.
        for i in range(4):
            magnitude = bitwise_and(words[k * 4 + i], np.uint32(0x7FFFFFFF))
            largest = maximum(largest, magnitude)
        out[k] = largest


@step
def larger_of_pairs(magnitudes: Any, out: Any) -> None:
    """The larger of two words each, of magnitudes."""
    for k in range(out.size):
        out[k] = maximum(magnitudes[2 * k], magnitudes[2 * k + 1])


@step
def largest_of_blocks(words: Any, block: Any, out: Any) -> None:
    """The words of the largest magnitudes, from those of float32 numbers; of NaN, if there is any.

    As integers, magnitudes are in order, and NaN above infinity. The last block may be shorter.
    """
    for k in range(out.size):
        own, largest = words[k * block : min((k + 1) * block, words.size)], np.uint32(0)
        for i in range(own.size):
            largest = maximum(largest, bitwise_and(own[i], np.uint32(0x7FFFFFFF)))
        out[k] = largest


@step
def largest_finite(words: Any) -> Any:
    """The largest finite magnitude of float32 numbers without NaN, from their words."""
    infinity, largest = np.uint32(0x7F800000), np.uint32(0)
    for i in range(words.size):
        magnitude = bitwise_and(words[i], np.uint32(0x7FFFFFFF))
        largest = maximum(largest, np.uint32(0) if magnitude == infinity else magnitude)
    return largest


@step
def farthest_of_blocks(words: Any, block: Any, out: Any) -> None:
    """The words of the finite numbers farthest from zero, of several the first; NaN if there is
    any, and zero if there is nothing finite.
    """
    infinity = np.uint32(0x7F800000)
    for k in range(out.size):
        chosen, largest = np.uint32(0), np.uint32(0)
        for i in range(k * block, min((k + 1) * block, words.size)):
            magnitude = bitwise_and(words[i], np.uint32(0x7FFFFFFF))
            if magnitude > largest and magnitude != infinity:
                chosen, largest = words[i], magnitude
        out[k] = chosen


@step
def ends_of_blocks(x: Any, block: Any, with_zero: Any, low: Any, high: Any) -> None:
    """The smallest and the largest finite number of each block; NaN for both if there is any, and
    zero if there is nothing finite. `with_zero`: zero counts besides.
    """
    infinity = np.float32(np.inf)
    for k in range(low.size):
        least = np.float32(0) if with_zero else infinity
        most = -least
        for i in range(k * block, min((k + 1) * block, x.size)):
            value = x[i]
            # What is infinite counts for neither end, and NaN, once there, stays.
            is_end = abs(value) != infinity
            least = value if is_end and not least <= value and least == least else least
            most = value if is_end and not most >= value and most == most else most
        low[k] = np.float32(0) if least == infinity else least
        high[k] = np.float32(0) if most == -infinity else most


@inlined
def within(k: Any, run: Any, begun: Any, size: Any) -> Any:
    """Where run k begins and ends among numbers of which the first is at position `begun` of run 0.

    Loops over a slice of that, from 0 on, are the ones of which LLVM makes vectors.
    """
    return max(k * run - begun, 0), min((k + 1) * run - begun, size)


@step
def divide_runs(x: Any, sizes: Any, run: Any, begun: Any, out: Any) -> None:
    """Quotients of float32 numbers and the size of each run, as float64."""
    for k in range(sizes.size):
        first, last = within(k, run, begun, x.size)
        numbers, quotients, size = x[first:last], out[first:last], sizes[k]
        for i in range(numbers.size):
            # As a function, which does not stop at a divisor of zero, and so makes vectors.
            quotients[i] = divide(np.float64(numbers[i]), size)


# The bits of a float64's significand that a product with 28 bits has room for, besides them.
_HIGH_BITS: Final = np.int64(-(1 << 28))


@step
def divide_runs_to_odd(x: Any, sizes: Any, run: Any, begun: Any, out: Any) -> None:
    """Quotients of numbers and the size of each run, which has 28 bits at most, rounded to odd in
    float64; `out` may be `x`.
    """
    for k in range(sizes.size):
        first, last = within(k, run, begun, x.size)
        divide_to_odd(x[first:last], sizes[k], out[first:last])


@step
def divide_to_odd(x: Any, size: Any, out: Any) -> None:
    """Quotients by one size."""
    words = out.view(np.int64)
    coarse = np.float64(np.float32(size))
    fine = size - coarse
    for i in range(x.size):
        number = np.float64(x[i])
        quotient = divide(number, size)
        out[i] = quotient
        word = words[i]
        # The remainder, exactly: each of these products has 53 bits at most, and what is left after
        # each subtraction fits, too (Dekker).
        words[i] = bitwise_and(word, _HIGH_BITS)
        high = out[i]
        low = quotient - high
        rest = ((number - high * size) - low * coarse) - low * fine
        is_up = (rest > 0) == (quotient > 0) if size > 0 else (rest < 0) == (quotient > 0)
        is_moved = (rest != 0) & np.isfinite(quotient) & (bitwise_and(word, np.int64(1)) == 0)
        step_up = np.int64(1) if is_up else np.int64(-1)
        words[i] = word + (step_up if is_moved else np.int64(0))


@step
def add_runs_to_odd(x: Any, terms: Any, run: Any, begun: Any, out: Any) -> None:
    """Sums of numbers and the term of each run in float64, rounded to odd; `out` may be `x`."""
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
