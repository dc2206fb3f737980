"""Loops over numbers and what each block of them has: its scale, its zero point or its offset."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import types
from numba.extending import overload
from numpy import (
    bitwise_and,
    bitwise_or,
    divide,
    left_shift,
    maximum,
    minimum,
    multiply,
    right_shift,
)

from numformats.codec.numba.bits import bits_of, float_of
from numformats.codec.numba.steps import inlined, kernel, step

# What a quotient is raised to, lest float32 lose it: far below all that elements tell apart.
LEAST: Final = np.float32(2.0**-100)
# What one that overflows is lowered to: far above all elements.
MOST: Final = np.float32(2.0**127)
_LEAST_WORD: Final = LEAST.view(np.uint32)
_MOST_WORD: Final = MOST.view(np.uint32)
_MAGNITUDE: Final = np.uint32(0x7FFFFFFF)
_SIGN: Final = np.uint32(0x80000000)


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
def spread(values: Any, block: Any, begun: Any, out: Any) -> None:
    """The value of each block, once for each of its numbers.

    Loops over numbers then know nothing of blocks, which are too short for long vectors.
    """
    for k in range(values.size):
        first, last = within(k, block, begun, out.size)
        own, value = out[first:last], values[k]
        for i in range(own.size):
            own[i] = value


@step
def spread_reciprocals(values: Any, block: Any, begun: Any, out: Any) -> None:
    """One over the value of each block, once for each of its numbers."""
    for k in range(values.size):
        first, last = within(k, block, begun, out.size)
        # As a function, which does not stop at a divisor of zero, and so makes vectors.
        own, value = out[first:last], divide(1.0, values[k])
        for i in range(own.size):
            own[i] = value


@inlined
def by_number(quotient: Any, number: Any, scale: Any) -> Any:
    """The quotient of a number and a scale, or what stands in for it if that is no number: over
    infinity zero with the sign of the number, an infinite one, too; and over NaN the one NaN that
    all paths write, without a sign.
    """
    by_none = np.nan if np.isnan(scale) else np.copysign(0.0, number)
    return quotient if np.isfinite(scale) else by_none


@step
def divide_each(x: Any, scales: Any, out: Any) -> None:
    """Quotients of numbers and a scale each, as float64."""
    for i in range(x.size):
        number = np.float64(x[i])
        out[i] = by_number(divide(number, scales[i]), number, scales[i])


# A number times this, less what that is more than the number, is its upper 26 bits (Veltkamp).
_SPLIT: Final = 2.0**27 + 1


@step
def divide_each_to_odd(x: Any, scales: Any, out: Any) -> None:
    """Quotients of numbers and a scale each, as `quotient_to_odd`."""
    for i in range(x.size):
        out[i] = quotient_to_odd(np.float64(x[i]), scales[i])


@inlined
def quotient_to_odd(number: Any, scale: Any) -> Any:
    """The quotient of two float64 numbers, rounded to odd as in `numformats.error_free`."""
    quotient = divide(number, scale)
    raised = scale * _SPLIT
    scale_high = raised - (raised - scale)
    scale_low = scale - scale_high
    raised = quotient * _SPLIT
    high = raised - (raised - quotient)
    low = quotient - high
    # The product and its error are exactly quotient times scale (Dekker).
    product = quotient * scale
    error = ((high * scale_high - product) + high * scale_low + low * scale_high) + low * scale_low
    rest = (number - product) - error
    word = np.int64(bits_of(quotient))
    is_moved = (rest != 0) & np.isfinite(rest) & (bitwise_and(word, np.int64(1)) == 0)
    # Away from zero, if the remainder has the sign of the number.
    step_up = np.int64(1) if (rest > 0) == (number > 0) else np.int64(-1)
    # What overflows becomes the largest there is, which is odd: one below infinity.
    step_down = np.int64(-1) if np.isinf(quotient) & np.isfinite(number) else np.int64(0)
    moved = float_of(np.uint64(word + (step_up if is_moved else step_down)))
    return by_number(moved, number, scale)


@step
def add_each_to_odd(x: Any, terms: Any, out: Any) -> None:
    """Sums of numbers and a term each in float64, rounded to odd."""
    for i in range(x.size):
        number, term = np.float64(x[i]), terms[i]
        total = number + term
        # The error of the sum, exactly (Knuth's TwoSum).
        back = total - number
        error = (number - (total - back)) + (term - back)
        word = np.int64(bits_of(total))
        is_moved = (error != 0) & np.isfinite(error) & (bitwise_and(word, np.int64(1)) == 0)
        step_up = np.int64(1) if (error > 0) == (total > 0) else np.int64(-1)
        out[i] = float_of(np.uint64(word + (step_up if is_moved else np.int64(0))))


@step
def shift_each(x: Any, factors: Any, out: Any) -> None:
    """Products of float32 numbers and a power of two each, as float32; the one NaN over NaN.

    They are exact, but for those too small for float32, which become `LEAST` or less, but not zero,
    and those too large, which become `MOST` or more, but not infinite.
    """
    for i in range(x.size):
        word, factor = bits_of(x[i]), factors[i]
        magnitude = bitwise_and(word, _MAGNITUDE)
        product = bits_of(multiply(float_of(magnitude), factor))
        # As integers, magnitudes are in order. What zero and infinity become, they are.
        product = maximum(product, minimum(magnitude, _LEAST_WORD))
        product = minimum(product, maximum(magnitude, _MOST_WORD))
        signed = bitwise_or(product, bitwise_and(word, _SIGN))
        out[i] = np.float32(np.nan) if np.isnan(factor) else float_of(signed)


def divide_blocks(
    x: Any, scales: Any, block: Any, begun: Any, is_to_odd: Any, each: Any, out: Any
) -> None:
    """Quotients of numbers and the scale of each block, of which the numbers begin at place `begun`
    of the first. each: scratch for as many scales, in the dtype of the quotients.

    They are float32 where scales are powers of two and numbers float32; else float64, rounded to
    odd if `is_to_odd` is not None.
    """
    raise TypeError("for compiled callers only")  # which get one of the three below


@overload(divide_blocks)
def _divide_blocks(
    x: Any, scales: Any, block: Any, begun: Any, is_to_odd: Any, each: Any, out: Any
) -> Any:
    """The way that the types of `out` and `is_to_odd` call for."""

    def shift(
        x: Any, scales: Any, block: Any, begun: Any, is_to_odd: Any, each: Any, out: Any
    ) -> None:
        spread_reciprocals(scales, block, begun, each)
        shift_each(x, each, out)

    def divide_plainly(
        x: Any, scales: Any, block: Any, begun: Any, is_to_odd: Any, each: Any, out: Any
    ) -> None:
        spread(scales, block, begun, each)
        divide_each(x, each, out)

    def divide_to_odd(
        x: Any, scales: Any, block: Any, begun: Any, is_to_odd: Any, each: Any, out: Any
    ) -> None:
        spread(scales, block, begun, each)
        divide_each_to_odd(x, each, out)

    if out.dtype == types.float32:
        return shift
    return divide_plainly if isinstance(is_to_odd, types.NoneType) else divide_to_odd


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
