"""Loops for numbers that share a scale in blocks."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy import bitwise_and, divide, maximum

from numformats.codec.compiled.steps import step

# What a quotient is raised to, lest float32 lose it: far below all that elements tell apart.
LEAST: Final = np.float32(2.0**-100)


# Numbers whose largest is found at a time, by a loop of known length. Where that is 8, LLVM makes
# vectors across groups, which is four times as fast as within longer ones.
GROUP: Final = 8


@step
def largest_of_groups(words: Any, out: Any) -> None:
    """The words of the largest magnitudes of `GROUP` float32 numbers each, from those of all."""
    for k in range(out.size):
        largest = np.uint32(0)
        for i in range(GROUP):
            magnitude = bitwise_and(words[k * GROUP + i], np.uint32(0x7FFFFFFF))
            largest = maximum(largest, magnitude)
        out[k] = largest


@step
def largest_of_blocks(words: Any, block: Any, out: Any) -> None:
    """The words of the largest magnitudes, from those of float32 numbers; of NaN, if there is any.

    As integers, magnitudes are in order, and NaN above infinity. The last block may be shorter.
    """
    for k in range(out.size):
        largest = np.uint32(0)
        for i in range(k * block, min((k + 1) * block, words.size)):
            largest = maximum(largest, bitwise_and(words[i], np.uint32(0x7FFFFFFF)))
        out[k] = largest


@step
def divide_each(x: Any, sizes: Any, out: Any) -> None:
    """Quotients of float32 numbers, as float64."""
    for i in range(x.size):
        # As a function, which does not stop at a divisor of zero, and so makes vectors.
        out[i] = divide(np.float64(x[i]), sizes[i])


@step
def shift_each(x: Any, factors: Any, out: Any) -> None:
    """Products of float32 numbers and powers of two, as float32.

    They are exact, but for those too small for float32, which become `LEAST`.
    """
    for i in range(x.size):
        product = x[i] * factors[i]
        is_lost = (abs(product) < LEAST) & (x[i] != np.float32(0))
        out[i] = np.copysign(LEAST, x[i]) if is_lost else product


@step
def multiply_each(values: Any, sizes: Any) -> None:
    """Float32 values times sizes, rounded to float32 once: in place."""
    for i in range(values.size):
        values[i] = values[i] * sizes[i]


@step
def subtract_each(values: Any, zeros: Any) -> None:
    """Values less their zeros: in place."""
    for i in range(values.size):
        values[i] = values[i] - zeros[i]
