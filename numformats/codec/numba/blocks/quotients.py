"""Loops over numbers and what each block of them has: its scale, its zero point or its offset."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy import bitwise_and, divide, left_shift, maximum, minimum, right_shift

from numformats.codec.numba.bits import bits_of, float_of
from numformats.codec.numba.steps import inlined, kernel, step

# What a quotient is raised to, lest float32 lose it: far below all that elements tell apart.
LEAST: Final = np.float32(2.0**-100)
# What one that overflows is lowered to: far above all elements.
MOST: Final = np.float32(2.0**127)


@inlined
def within(k: Any, block: Any, begun: Any, size: Any) -> Any:
    """Where block k begins and ends among numbers, of which the first is at position `begun` of
    block 0.

    Loops over a slice of that, from 0 on, are the ones of which LLVM makes vectors.
    """
    first, last = k * block - begun, (k + 1) * block - begun
    # Python's min and max of several numbers compile slowly.
    return first if first > 0 else 0, last if last < size else size


@step
def put_quotients_by_none(x: Any, scale: Any, out: Any) -> None:
    """Quotients by what is no number: over infinity zeros with the signs of numbers, infinite ones,
    too; and over NaN the one NaN that all paths write, without a sign.
    """
    for i in range(x.size):
        out[i] = np.nan if np.isnan(scale) else np.copysign(0.0, np.float64(x[i]))


@step
def divide_blocks(x: Any, scales: Any, block: Any, begun: Any, out: Any) -> None:
    """Quotients of numbers and the scale of each block, as float64."""
    for k in range(scales.size):
        first, last = within(k, block, begun, x.size)
        numbers, quotients, scale = x[first:last], out[first:last], scales[k]
        if not np.isfinite(scale):
            put_quotients_by_none(numbers, scale, quotients)
            continue
        for i in range(numbers.size):
            # As a function, which does not stop at a divisor of zero, and so makes vectors.
            quotients[i] = divide(np.float64(numbers[i]), scale)


# A number times this, less what that is more than the number, is its upper 26 bits (Veltkamp).
_SPLIT: Final = 2.0**27 + 1


@step
def divide_blocks_to_odd(x: Any, scales: Any, block: Any, begun: Any, out: Any) -> None:
    """Quotients of numbers and the scale of each block in float64, rounded to odd as
    `quotient_to_odd` rounds.
    """
    for k in range(scales.size):
        first, last = within(k, block, begun, x.size)
        if not np.isfinite(scales[k]):
            put_quotients_by_none(x[first:last], scales[k], out[first:last])
        else:
            divide_to_odd(x[first:last], scales[k], out[first:last])


@step
def divide_to_odd(x: Any, scale: Any, out: Any) -> None:
    """Quotients by one scale."""
    spread = scale * _SPLIT
    scale_high = spread - (spread - scale)
    scale_low = scale - scale_high
    for i in range(x.size):
        number = np.float64(x[i])
        quotient = divide(number, scale)
        spread = quotient * _SPLIT
        high = spread - (spread - quotient)
        low = quotient - high
        # The product and its error are exactly quotient times scale (Dekker).
        product = quotient * scale
        error = (
            (high * scale_high - product) + high * scale_low + low * scale_high
        ) + low * scale_low
        rest = (number - product) - error
        word = np.int64(bits_of(quotient))
        is_moved = (rest != 0) & np.isfinite(rest) & (bitwise_and(word, np.int64(1)) == 0)
        # Away from zero, if the remainder has the sign of the number.
        step_up = np.int64(1) if (rest > 0) == (number > 0) else np.int64(-1)
        # What overflows becomes the largest there is, which is odd: one below infinity.
        step_down = np.int64(-1) if np.isinf(quotient) & np.isfinite(number) else np.int64(0)
        out[i] = float_of(np.uint64(word + (step_up if is_moved else step_down)))


@step
def add_terms_to_odd(x: Any, terms: Any, block: Any, begun: Any, out: Any) -> None:
    """Sums of numbers and the term of each block in float64, rounded to odd."""
    for k in range(terms.size):
        first, last = within(k, block, begun, x.size)
        add_to_odd(x[first:last], terms[k], out[first:last])


@step
def add_to_odd(x: Any, term: Any, out: Any) -> None:
    """Sums with one term."""
    for i in range(x.size):
        number = np.float64(x[i])
        total = number + term
        # The error of the sum, exactly (Knuth's TwoSum).
        back = total - number
        error = (number - (total - back)) + (term - back)
        word = np.int64(bits_of(total))
        is_moved = (error != 0) & np.isfinite(error) & (bitwise_and(word, np.int64(1)) == 0)
        step_up = np.int64(1) if (error > 0) == (total > 0) else np.int64(-1)
        out[i] = float_of(np.uint64(word + (step_up if is_moved else np.int64(0))))


@step
def shift_blocks(x: Any, factors: Any, block: Any, begun: Any, out: Any) -> None:
    """Products of float32 numbers and a power of two for each block, as float32.

    They are exact, but for those too small for float32, which become `LEAST`, and those too large,
    which become `MOST`.
    """
    for k in range(factors.size):
        first, last = within(k, block, begun, x.size)
        numbers, products, factor = x[first:last], out[first:last], factors[k]
        if np.isnan(factor):
            put_quotients_by_none(numbers, factor, products)
            continue
        for i in range(numbers.size):
            product = numbers[i] * factor
            is_lost = (abs(product) < LEAST) & (numbers[i] != np.float32(0))
            product = np.copysign(LEAST, numbers[i]) if is_lost else product
            is_beyond = np.isinf(product) & np.isfinite(numbers[i])
            products[i] = np.copysign(MOST, numbers[i]) if is_beyond else product


# The largest float32, which stands for what is finite and larger.
LARGEST: Final = np.float32(np.finfo(np.float32).max)


@step
def saturated(number: Any) -> Any:
    """A finite float64 number as float32, which does not become infinity; others as they are."""
    rounded = np.float32(number)
    is_beyond = np.isinf(rounded) & np.isfinite(number)
    return np.copysign(LARGEST, rounded) if is_beyond else rounded


@step
def saturated_product(value: Any, scale: Any) -> Any:
    """The product of two numbers, rounded once, as float32; of finite ones it is no infinity."""
    # The product of two float32 numbers is exact here.
    rounded = np.float32(np.float64(value) * np.float64(scale))
    is_beyond = np.isinf(rounded) & np.isfinite(value) & np.isfinite(scale)
    return np.copysign(LARGEST, rounded) if is_beyond else rounded


@step
def multiply_blocks(values: Any, scales: Any, block: Any, begun: Any, most: Any) -> None:
    """Values times the scale of each block, rounded once: in place.

    most: the largest scale without products beyond float32, or infinity if they may be infinite.
    """
    for k in range(scales.size):
        first, last = within(k, block, begun, values.size)
        own, scale = values[first:last], scales[k]
        if abs(scale) > most:
            for i in range(own.size):
                own[i] = saturated_product(own[i], scale)
            continue
        for i in range(own.size):
            own[i] = own[i] * scale


@kernel
def add_zero_points(
    integers: Any, spare: Any, zeros: Any, ends: Any, mask: Any, block: Any, begun: Any, out: Any
) -> None:
    """The codes of integers and the zero point of each block, between the ends of the format.

    integers: int32, of two's complement in all but the spare upper bits. mask: the bits of a code.
    """
    lowest, highest = ends
    for k in range(zeros.size):
        first, last = within(k, block, begun, integers.size)
        own, codes, zero = integers[first:last], out[first:last], np.int32(zeros[k])
        for i in range(own.size):
            # Up and down again, and the upper bits are the sign.
            moved = right_shift(left_shift(own[i], spare), spare) + zero
            inside = minimum(maximum(moved, np.int32(lowest)), np.int32(highest))
            codes[i] = bitwise_and(inside, np.int32(mask))


@step
def subtract_terms(values: Any, zeros: Any, block: Any, begun: Any) -> None:
    """Values less the zero, or the term, of each block, rounded once: in place."""
    for k in range(zeros.size):
        first, last = within(k, block, begun, values.size)
        own, zero = values[first:last], zeros[k]
        for i in range(own.size):
            own[i] = own[i] - zero
