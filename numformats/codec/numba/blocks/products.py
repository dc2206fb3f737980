"""Loops for numbers that share a scale, in a row, while a chunk of the array stays in the cache.

Between loops that Python called one by one, threads would wait for its global lock.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy import add, bitwise_and, multiply, subtract

from numformats.codec.numba.bits import bits_of, float_of
from numformats.codec.numba.blocks.encoding import encode_by
from numformats.codec.numba.blocks.quotients import (
    add_each_to_odd,
    divide_blocks,
    multiply_blocks,
    quotient_to_odd,
    saturated,
    saturated_product,
    spread,
    subtract_terms,
    within,
)
from numformats.codec.numba.decode import largest_code
from numformats.codec.numba.encode import L1_CHUNK, L2_CHUNK, look_up
from numformats.codec.numba.regular import unpacked
from numformats.codec.numba.steps import kernel, step

_INFINITY: Final = np.uint64(0x7FF0000000000000)


@step
def blocks_between(first: Any, last: Any, block: Any, begun: Any) -> Any:
    """The blocks that some numbers belong to, begin and end, and the place of the first in its own.

    begun: the place of number 0 in block 0.
    """
    begin = (begun + first) // block
    return begin, -(-(begun + last) // block), begun + first - begin * block


@step
def rounded_magnitude(number: Any, cut: Any) -> Any:
    """A magnitude without its last bits, rounded with ties away from zero."""
    half, mask = cut
    word = bits_of(number)
    # A carry goes into the exponent, as it must; into NaN nothing may be carried.
    rounded = bitwise_and(add(word, half), mask)
    return float_of(rounded if word < _INFINITY else word)


@step
def fill_scale_quotients(largest: Any, divisors: Any, cut: Any, out: Any) -> None:
    """Magnitudes, rounded first, by a divisor each: rounded to odd."""
    for i in range(largest.size):
        out[i] = quotient_to_odd(rounded_magnitude(largest[i], cut), divisors[i])


@kernel
def write_scale_quotients(largest: Any, divisors: Any, cut: Any, out: Any) -> None:
    """`fill_scale_quotients`, for Python."""
    fill_scale_quotients(largest, divisors, cut, out)


@kernel
def scale_blocks(
    largest: Any,
    divisors: Any,
    cut: Any,
    quotients: Any,
    source: Any,
    loop: Any,
    of_zeros: Any,
    smallest: Any,
    codes: Any,
    table: Any,
    values: Any,
) -> int:
    """The scales of blocks, from the largest magnitude of each. Returns how many blocks are done:
    all, or those before the first chunk of which the loop cannot make anything.

    largest: the magnitudes as float64. divisors: what they are to become, one for each; or for each
    of a chunk, if they are the same for all chunks.
    cut: two words to round magnitudes by before that: what is added, and the mask of what is kept.
    quotients: scratch for `L1_CHUNK` float64 numbers; source: these as loops take them. loop: for
    the projection of float64 onto the scale format, as for `encode_by`. of_zeros: the code that
    stands in for zero where the magnitude is zero, as `smallest` does elsewhere; or 0 if the format
    has no zero. table: the value of each code, or None if the values are not asked
    for; they go to `values`.
    """
    p = unpacked(loop.parameters)
    for begin in range(0, codes.size, L1_CHUNK):
        end = begin + L1_CHUNK if codes.size - begin > L1_CHUNK else codes.size
        numbers, own = largest[begin:end], codes[begin:end]
        of_each = divisors[begin:end] if divisors.size == codes.size else divisors
        fill_scale_quotients(numbers, of_each, cut, quotients)
        if not encode_by(loop, p, source[: own.size], own):
            return begin
        if of_zeros > 0:
            for i in range(own.size):
                stand_in = of_zeros if numbers[i] == 0 else smallest
                # Stored in any case: with llvmlite 0.50 on AVX-512, a store of bytes that depends
                # on a condition puts zeros where it does not hold.
                own[i] = stand_in if own[i] == 0 else own[i]
        if table is not None:
            look_up(own, table, values[begin:end])
    return int(codes.size)


@step
def quotients_of_chunk(
    x: Any,
    scales: Any,
    terms: Any,
    is_to_odd: Any,
    block: Any,
    begun: Any,
    scratch: Any,
    out: Any,
) -> None:
    """Quotients of numbers, float32 or float64, and the scale of each block, as `divide_blocks`.

    scales, terms: of block 0 on, at whose place `begun` the numbers begin; terms: None, or what is
    added to the numbers of each block first. is_to_odd: None if quotients need not be rounded to
    odd, as those of sums have to be. scratch: for the scale of each of `L1_CHUNK` numbers, in the
    dtype of quotients, and for sums.
    """
    each, sums = scratch
    begin, end, place = blocks_between(0, x.size, block, begun)
    own = each[: x.size]
    if terms is None:
        divide_blocks(x, scales[begin:end], block, place, is_to_odd, own, out)
    else:
        added = sums[: x.size]
        spread(terms[begin:end], block, place, own)
        add_each_to_odd(x, own, added)
        divide_blocks(added, scales[begin:end], block, place, is_to_odd, own, out)


@kernel
def write_quotients(
    x: Any,
    scales: Any,
    terms: Any,
    is_to_odd: Any,
    block: Any,
    begun: Any,
    scratch: Any,
    out: Any,
) -> None:
    """The quotients of `quotients_of_chunk`, of any count of numbers."""
    for first in range(0, x.size, L1_CHUNK):
        last = first + L1_CHUNK if x.size - first > L1_CHUNK else x.size
        numbers, own = x[first:last], out[first:last]
        place = begun + first
        quotients_of_chunk(numbers, scales, terms, is_to_odd, block, place, scratch, own)


@kernel
def encode_quotients(
    x: Any,
    scales: Any,
    terms: Any,
    is_to_odd: Any,
    block: Any,
    begun: Any,
    scratch: Any,
    quotients: Any,
    source: Any,
    loop: Any,
    out: Any,
) -> int:
    """Codes of the quotients of `quotients_of_chunk`, written to `out`. Returns how many are done:
    all, or those before the first chunk of which the loop cannot make anything.

    quotients: scratch for `L1_CHUNK` of them; source: these as loops take them. loop: as for
    `encode_by`.
    """
    p = unpacked(loop.parameters)
    for first in range(0, x.size, L1_CHUNK):
        last = first + L1_CHUNK if x.size - first > L1_CHUNK else x.size
        numbers, own = x[first:last], quotients[: last - first]
        place = begun + first
        quotients_of_chunk(numbers, scales, terms, is_to_odd, block, place, scratch, own)
        if not encode_by(loop, p, source[: numbers.size], out[first:last]):
            return first
    return int(x.size)


@kernel
def decode_blocks(
    codes: Any,
    table: Any,
    zeros: Any,
    stored_scales: Any,
    table_of_scales: Any,
    tensor_scales: Any,
    offsets: Any,
    block: Any,
    begun: Any,
    scratch_scales: Any,
    most: Any,
    out: Any,
) -> bool:
    """Float32 values of codes, less the zero of each block, times its scale, and its offset added
    to that: rounded once, and saturated. Number 0 is at place `begun` of block 0. Returns whether
    there were only codes that are in the table.

    table: the value of each code, in the dtype of the values of scales. zeros: None, or float32
    ones, whose differences to the values are exact; zeros and offsets do not go together.
    stored_scales: codes, whose values are in a table of float32 or float64; or the values
    themselves, and no table. tensor_scales: None, or what scales are multiplied by, one for all or
    one each. offsets: None, or float64, as the values of scales then are, too, whose products with
    the values of codes are exact. scratch_scales: scratch for the values of the scales of a chunk,
    float32 or float64. most: the largest scale without products beyond float32.
    """
    size = 0 if offsets is None else L2_CHUNK
    scratch, each, others = np.empty(size), np.empty(size), np.empty(size)
    for first in range(0, codes.size, L2_CHUNK):
        last = first + L2_CHUNK if codes.size - first > L2_CHUNK else codes.size
        begin, end, place = blocks_between(first, last, block, begun)
        values, scales = out[first:last], scratch_scales[: end - begin]
        if largest_code(codes[first:last]) >= table.size:
            return False
        fill_scales(stored_scales[begin:end], table_of_scales, scales)
        if tensor_scales is not None:
            multiply_each(
                scales, tensor_scales if tensor_scales.size == 1 else tensor_scales[begin:end]
            )
        if offsets is not None:
            products, sums = scratch[: values.size], others[: values.size]
            look_up_blocks(codes[first:last], table, scales, block, place, np.inf, products)
            spread(offsets[begin:end], block, place, each[: values.size])
            add_each_to_odd(products, each, sums)
            for i in range(values.size):
                values[i] = saturated(sums[i])
        elif zeros is not None:
            look_up(codes[first:last], table, values)
            subtract_terms(values, zeros[begin:end], block, place)
            multiply_blocks(values, scales, block, place, most)
        else:
            look_up_blocks(codes[first:last], table, scales, block, place, most, values)
    return True


@step
def look_up_blocks(
    codes: Any, table: Any, scales: Any, block: Any, begun: Any, most: Any, out: Any
) -> None:
    """The entry of a table for each code, times the scale of its block; `most` as for
    `multiply_blocks`.
    """
    for k in range(scales.size):
        first, last = within(k, block, begun, codes.size)
        own, products, scale = codes[first:last], out[first:last], scales[k]
        if abs(scale) > most:
            for i in range(own.size):
                products[i] = saturated_product(table[own[i]], scale)
            continue
        for i in range(own.size):
            products[i] = table[own[i]] * scale


@kernel
def squared_errors(
    x: Any,
    codes: Any,
    table: Any,
    zeros: Any,
    scales: Any,
    terms: Any,
    block: Any,
    errors: Any,
    others: Any,
    out: Any,
) -> None:
    """The sum of the squared errors of each block, infinite ones left out: of pairs of neighbours,
    of pairs of these, and so on.

    x: numbers, of whole blocks but for the last. codes: what they are encoded as, by a table of
    float64 values, less the zero of each block, times its scale, less the term that was added to
    the numbers first; zeros and terms may be None. errors, others: scratch for as many.
    """
    values = errors[: x.size]
    look_up(codes, table, values)
    if zeros is not None:
        subtract_terms(values, zeros, block, 0)
    multiply_blocks(values, scales, block, 0, np.inf)
    if terms is not None:
        subtract_terms(values, terms, block, 0)
    for i in range(x.size):
        error = abs(subtract(np.float64(x[i]), values[i]))
        values[i] = 0.0 if error == np.inf else multiply(error, error)
    length = block
    while length % 2 == 0 and x.size % block == 0:
        sum_pairs(values, others[: values.size // 2])
        values, others = others[: values.size // 2], values
        length //= 2
    for k in range(scales.size):
        out[k] = sum_of(values[k * length : (k + 1) * length])


@kernel
def write_products(
    codes: Any, table: Any, scales: Any, block: Any, products: Any, spread_scales: Any
) -> bool:
    """Write the products of values of codes and the scale of their block, and that scale for each;
    return whether one of the products is infinite.

    codes: of whole blocks. table: of float64 values, one for each code that there is.
    """
    is_infinite = False
    for k in range(scales.size):
        scale = scales[k]
        own, out = codes[k * block : (k + 1) * block], products[k * block : (k + 1) * block]
        each = spread_scales[k * block : (k + 1) * block]
        for i in range(own.size):
            each[i] = scale
            out[i] = table[own[i]] * scale
            is_infinite |= abs(out[i]) == np.inf
    return is_infinite


@step
def sum_pairs(values: Any, out: Any) -> None:
    """The sums of neighbours, two by two."""
    for i in range(out.size):
        out[i] = add(values[2 * i], values[2 * i + 1])


@step
def sum_of(values: Any) -> float:
    """The sum of all values, in pairs as `squared_errors` has it: in place."""
    count = values.size
    while count > 1:
        half = count // 2
        sum_pairs(values, values[:half])
        if count % 2 == 1:
            values[half] = values[count - 1]
        count -= half
    return float(values[0])


@step
def fill_scales(stored: Any, table: Any, scales: Any) -> None:
    """The values of scales, from a table if there is one."""
    if table is None:
        for k in range(scales.size):
            scales[k] = stored[k]
    else:
        look_up(stored, table, scales)


@step
def multiply_each(values: Any, factors: Any) -> None:
    """Values times one factor, or one each: in place."""
    if factors.size == 1:
        factor = factors[0]
        for i in range(values.size):
            values[i] *= factor
    else:
        for i in range(values.size):
            values[i] *= factors[i]
