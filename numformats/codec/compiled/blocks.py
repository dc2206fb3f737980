"""Loops over blocks of consecutive numbers that share a scale.

The last block may be shorter than the others, and a part of an array may begin in the middle of a
block: `start` is how far into its first block it begins.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import bitwise_and, divide, maximum

from numformats.codec.compiled.steps import step


@step
def largest_of_blocks(words: Any, block: Any, out: Any) -> None:
    """The words of the largest magnitudes, from those of float32 numbers; of NaN, if there is any.

    As integers, magnitudes are in order, and NaN above infinity.
    """
    for k in range(out.size):
        largest = np.uint32(0)
        for i in range(k * block, min((k + 1) * block, words.size)):
            largest = maximum(largest, bitwise_and(words[i], np.uint32(0x7FFFFFFF)))
        out[k] = largest


@step
def divide_blocks(x: Any, sizes: Any, block: Any, start: Any, out: Any) -> None:
    """Each number divided by the size of its block, as float64."""
    for k in range(sizes.size):
        size = sizes[k]
        for i in range(max(k * block - start, 0), min((k + 1) * block - start, x.size)):
            # As a function, which does not stop at a divisor of zero, and so makes vectors.
            out[i] = divide(np.float64(x[i]), size)


@step
def multiply_blocks(
    codes: Any, table: Any, zeros: Any, sizes: Any, block: Any, start: Any, out: Any
) -> None:
    """The value of each code, less the zero of its block, times the size of its block."""
    for k in range(sizes.size):
        size, zero = sizes[k], zeros[k]
        for i in range(max(k * block - start, 0), min((k + 1) * block - start, codes.size)):
            out[i] = (table[codes[i]] - zero) * size
