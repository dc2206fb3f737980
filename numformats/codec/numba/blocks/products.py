"""Loops for numbers that share a scale, in a row, while a chunk of the array stays in the cache.

Between loops that Python called one by one, threads would wait for its global lock.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba.extending import overload
from numba.np.unsafe.ndarray import to_fixed_tuple
from numpy import add, bitwise_and, divide, maximum, multiply, subtract

from numformats.codec.numba.blocks.absmax import absmax_of_blocks
from numformats.codec.numba.blocks.quotients import (
    add_terms_to_odd,
    divide_blocks,
    divide_blocks_to_odd,
    multiply_blocks,
    saturated,
    saturated_product,
    shift_blocks,
    subtract_terms,
    within,
)
from numformats.codec.numba.encode import COUNT, L1_CHUNK, L2_CHUNK, encode_block, look_up, project
from numformats.codec.numba.lanes import Parameters
from numformats.codec.numba.search import search
from numformats.codec.numba.steps import step

_INFINITY: Final = np.uint64(0x7FF0000000000000)


@step
def blocks_between(first: Any, last: Any, block: Any, begun: Any) -> Any:
    """The blocks that some numbers belong to, begin and end, and the place of the first in its own.

    begun: the place of number 0 in block 0.
    """
    begin = (begun + first) // block
    return begin, -(-(begun + last) // block), begun + first - begin * block


@step
def quotients_of_magnitudes(
    largest: Any, divisors: Any, cut: Any, rounded: Any, quotients: Any
) -> None:
    """Magnitudes, rounded first, by one divisor for all, or by one each: rounded to odd, and NaN
    for NaN. rounded: scratch.
    """
    half, mask = cut
    numbers, words = largest.view(np.uint64), rounded.view(np.uint64)
    for i in range(words.size):
        # A carry goes into the exponent, as it must; into NaN nothing may be carried.
        sum_of_bits = bitwise_and(add(numbers[i], half), mask)
        words[i] = sum_of_bits if numbers[i] < _INFINITY else numbers[i]
    block = rounded.size if divisors.size == 1 else 1
    divide_blocks_to_odd(rounded, divisors, block, 0, quotients)


@step
def scale_blocks(
    x: Any,
    words: Any,
    lane: Any,
    block: Any,
    largest: Any,
    divisors: Any,
    cut: Any,
    parameters: Any,
    is_uncommon: Any,
    of_zeros: Any,
    codes: Any,
    table: Any,
    values: Any,
) -> None:
    """The scales of blocks, from the largest magnitude of each.

    x, words, lane: numbers, as for `absmax_of_blocks`; or None, if the magnitudes are known.
    largest: the magnitudes as float64, or scratch for them. divisors: what they are to become, one,
    or one for each. cut: two words to round magnitudes by before that, ties away from zero: what is
    added, and the mask of what is kept. parameters, is_uncommon: the projection of float64 onto the
    scale format, as for `project`. of_zeros: the code that stands in for zero where the magnitude
    is zero, as the smallest positive code does elsewhere; or 0 if the format has no zero. table:
    the value of each code, or None if the values are not asked for; they go to `values`.
    """
    p = Parameters(*to_fixed_tuple(parameters, COUNT))
    if words is not None:
        absmax_of_blocks(x, words, lane, block, largest)
    scratch, others = np.empty(L1_CHUNK), np.empty(L1_CHUNK)
    for begin in range(0, codes.size, L1_CHUNK):
        end = min(begin + L1_CHUNK, codes.size)
        numbers, quotients, own = largest[begin:end], scratch[: end - begin], codes[begin:end]
        of_each = divisors if divisors.size == 1 else divisors[begin:end]
        quotients_of_magnitudes(numbers, of_each, cut, others[: end - begin], quotients)
        encode_block(quotients.view(np.uint64), None, None, None, own, p, is_uncommon, None)
        if of_zeros > 0:
            for i in range(own.size):
                stand_in = of_zeros if numbers[i] == 0 else 1
                # Stored in any case: with llvmlite 0.50 on AVX-512, a store of bytes that depends
                # on a condition puts zeros where it does not hold.
                own[i] = stand_in if own[i] == 0 else own[i]
        if table is not None:
            look_up(own, table, values[begin:end])


@step
def divide_chunk(
    x: Any,
    scales: Any,
    terms: Any,
    is_to_odd: Any,
    block: Any,
    begun: Any,
    factors: Any,
    sums: Any,
    quotients: Any,
) -> None:
    """Quotients of numbers, float32 or float64, and the scale of each block.

    terms: None, or what is added to the numbers of each block first; sums: scratch for that, since
    LLVM makes no vectors of a loop that writes where it reads. is_to_odd: None if quotients in
    float64 will do, and need not be rounded to odd; sums are.
    factors: None, or float32 scratch for the reciprocals of the scales if those are powers of two
    and the numbers float32: then the quotients are float32, too, else float64.
    """
    if factors is not None:
        for k in range(scales.size):
            factors[k] = divide(1.0, scales[k])
        shift_blocks(x, factors[: scales.size], block, begun, quotients)
    elif is_to_odd is None:
        divide_blocks(x, scales, block, begun, quotients)
    elif terms is None:
        divide_blocks_to_odd(x, scales, block, begun, quotients)
    else:
        added = sums[: x.size]
        add_terms_to_odd(x, terms, block, begun, added)
        divide_blocks_to_odd(added, scales, block, begun, quotients)


@step
def entries_of(each: Any, begin: Any, end: Any) -> Any:
    """The entries of some blocks, if there are any."""
    return None if each is None else each[begin:end]


def encode_as(how: Any, source: Any, out: Any, start: Any) -> None:
    """The codes of numbers as loops take them, written to `out`, as a kernel says how."""
    raise TypeError("for compiled callers only")  # which get one of the two below


@overload(encode_as)
def _encode_as(how: Any, source: Any, out: Any, start: Any) -> Any:
    """The loop that has as many arguments as a kernel gives: `search` three, `project` more."""

    def by_search(how: Any, source: Any, out: Any, start: Any) -> None:
        thresholds, results, lane = how
        search(source, None, out, thresholds, results, lane)

    def by_lattice(how: Any, source: Any, out: Any, start: Any) -> None:
        wide, parameters, is_uncommon, given, key, place = how
        project(
            source, None, wide, out, parameters, is_uncommon, None, None, given, key, place, start
        )

    return by_search if len(how) == 3 else by_lattice


@step
def encode_quotients(
    x: Any,
    scales: Any,
    terms: Any,
    is_to_odd: Any,
    block: Any,
    begun: Any,
    factors: Any,
    quotients: Any,
    source: Any,
    how: Any,
    out: Any,
    start: Any,
) -> None:
    """Codes of the quotients of numbers and the scale of each block, written to `out`.

    scales, terms: of block 0 on, at whose place `begun` the numbers begin. factors, quotients:
    scratch for `divide_chunk`; source: the quotients as loops take them. how: the arguments that a
    kernel gives its loop. start: the position of the first number.
    """
    sums = np.empty(0 if terms is None else L2_CHUNK)
    for first in range(0, x.size, L2_CHUNK):
        last = min(first + L2_CHUNK, x.size)
        begin, end, place = blocks_between(first, last, block, begun)
        numbers, own, added = x[first:last], scales[begin:end], entries_of(terms, begin, end)
        divided = quotients[: numbers.size]
        divide_chunk(numbers, own, added, is_to_odd, block, place, factors, sums, divided)
        encode_as(how, source[: numbers.size], out[first:last], start + first)


@step
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
    scratch, others = np.empty(size), np.empty(size)
    for first in range(0, codes.size, L2_CHUNK):
        last = min(first + L2_CHUNK, codes.size)
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
            add_terms_to_odd(products, offsets[begin:end], block, place, sums)
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
def largest_code(codes: Any) -> Any:
    """The largest of some codes."""
    largest = codes[0]
    for i in range(codes.size):
        largest = maximum(largest, codes[i])
    return largest


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


@step
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
