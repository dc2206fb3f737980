"""Loops over blocks of consecutive numbers that share a scale.

The last block may be shorter than the others, and a part of an array may begin in the middle of a
block: `start` is how far into its first block it begins.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy import bitwise_and, bitwise_or, divide, left_shift, maximum

from numformats.codec.compiled.steps import step
from numformats.formats.floating import FloatFormat

# What a quotient is raised to, lest float32 lose it: far below all that elements tell apart.
LEAST = np.float32(2.0**-100)

_FLOAT32_TRAILING, _FLOAT32_BIAS = 23, 127
_NEVER = 1 << 31


class ElementFields(NamedTuple):
    """Where the parts of a float's code lie, and which codes are special; uint32 scalars.

    `numformats.codec.compiled.wide.FloatFields`, for values that float32 holds.
    """

    magnitude_mask: Any
    sign_bit: Any
    sign_up: Any
    first_normal: Any
    quantum: Any  # float32
    up: Any
    rebias: Any
    infinity: Any
    first_nan: Any
    lone_nan: Any


def element_fields(fmt: FloatFormat) -> ElementFields:
    """What `multiply_floats` needs to know of a signed format with zero and subnormals."""
    first_nan = {"ieee": (fmt.inf_code or 0) + 1, "top": fmt.top_code}.get(fmt.nan, _NEVER)
    return ElementFields(
        magnitude_mask=np.uint32(fmt.top_code),
        sign_bit=np.uint32(fmt.sign_bit),
        sign_up=np.uint32(32 - fmt.bits),
        first_normal=np.uint32(1 << fmt.mantissa_bits),
        quantum=np.float32(2.0 ** (fmt.emin - fmt.mantissa_bits)),
        up=np.uint32(_FLOAT32_TRAILING - fmt.mantissa_bits),
        rebias=np.uint32((_FLOAT32_BIAS - fmt.bias) << _FLOAT32_TRAILING),
        infinity=np.uint32(_NEVER if fmt.inf_code is None else fmt.inf_code),
        first_nan=np.uint32(first_nan),
        lone_nan=np.uint32(fmt.sign_bit if fmt.nan == "negative_zero" else _NEVER),
    )


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
    """Each float32 number divided by the size of its block, as float64."""
    for k in range(sizes.size):
        size = sizes[k]
        for i in range(max(k * block - start, 0), min((k + 1) * block - start, x.size)):
            # As a function, which does not stop at a divisor of zero, and so makes vectors.
            out[i] = divide(np.float64(x[i]), size)


@step
def shift_blocks(x: Any, factors: Any, block: Any, start: Any, out: Any) -> None:
    """Each float32 number times the factor of its block, a power of two, as float32.

    That is exact but for products too small for float32, which become `LEAST`.
    """
    for k in range(factors.size):
        factor = factors[k]
        for i in range(max(k * block - start, 0), min((k + 1) * block - start, x.size)):
            product = x[i] * factor
            is_lost = (abs(product) < LEAST) & (x[i] != np.float32(0))
            out[i] = np.copysign(LEAST, x[i]) if is_lost else product


@step
def multiply_blocks(
    codes: Any, table: Any, zeros: Any, sizes: Any, block: Any, start: Any, out: Any
) -> None:
    """The value of each code, less the zero of its block, times the size of its block."""
    for k in range(sizes.size):
        size, zero = sizes[k], zeros[k]
        for i in range(max(k * block - start, 0), min((k + 1) * block - start, codes.size)):
            out[i] = (table[codes[i]] - zero) * size


@step
def multiply_floats(
    codes: Any, fields: Any, sizes: Any, block: Any, start: Any, words: Any, floats: Any, out: Any
) -> None:
    """The value of each code of a float format, times the size of its block.

    By arithmetic, which unlike looking up makes vectors. words, floats: the same scratch memory,
    of uint32 and float32, as large as `codes`.
    """
    for i in range(codes.size):
        magnitude = bitwise_and(np.uint32(codes[i]), fields.magnitude_mask)
        # float32's layout is the same but for the width of its fields and the bias.
        words[i] = left_shift(magnitude, fields.up) + fields.rebias
    for i in range(codes.size):
        code = np.uint32(codes[i])
        magnitude = bitwise_and(code, fields.magnitude_mask)
        small = np.float32(np.int32(magnitude)) * fields.quantum
        value = floats[i] if magnitude >= fields.first_normal else small
        value = np.float32(np.inf) if magnitude == fields.infinity else value
        is_nan = (magnitude >= fields.first_nan) | (code == fields.lone_nan)
        floats[i] = np.float32(np.nan) if is_nan else value
    for i in range(codes.size):
        sign = left_shift(bitwise_and(np.uint32(codes[i]), fields.sign_bit), fields.sign_up)
        words[i] = bitwise_or(words[i], sign)
    for k in range(sizes.size):
        size = sizes[k]
        for i in range(max(k * block - start, 0), min((k + 1) * block - start, codes.size)):
            out[i] = floats[i] * size
