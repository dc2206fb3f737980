"""Loops for numbers that share a scale, in a row, while a chunk of the array stays in the cache.

Between loops that Python called one by one, threads would wait for its global lock.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba.extending import overload
from numpy import add, bitwise_and, divide, multiply, subtract

from numformats.codec.numba.bits import bits_of, float_of
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
from numformats.codec.numba.decode import largest_code
from numformats.codec.numba.encode import L1_CHUNK, L2_CHUNK, look_up, project
from numformats.codec.numba.regular import project_regular
from numformats.codec.numba.search import search
from numformats.codec.numba.steps import kernel, step

_INFINITY: Final = np.uint64(0x7FF0000000000000)


def encode_as(how: Any, source: Any, out: Any, start: Any) -> bool:
    """The codes of numbers as loops take them, written to `out`, as a kernel says how; whether the
    loop could make something of all of them.
    """
    raise TypeError("for compiled callers only")  # which get one of the three below


@overload(encode_as)
def _encode_as(how: Any, source: Any, out: Any, start: Any) -> Any:
    """The loop that has as many arguments as a kernel gives: `project_regular` two, `search` three,
    `project` more.
    """

    def by_bias(how: Any, source: Any, out: Any, start: Any) -> bool:
        scratch, parameters = how
        done = project_regular(source, None, scratch, out, parameters, None, None, None)
        return bool(done == source.size)

    def by_search(how: Any, source: Any, out: Any, start: Any) -> bool:
        thresholds, results, lane = how
        search(source, None, None, out, thresholds, results, lane)
        return True

    def by_lattice(how: Any, source: Any, out: Any, start: Any) -> bool:
        scratch, parameters, is_uncommon, given, key, place = how
        project(
            source,
            None,
            scratch,
            out,
            parameters,
            is_uncommon,
            None,
            None,
            None,
            given,
            key,
            place,
            start,
        )
        return True

    return {2: by_bias, 3: by_search}.get(len(how), by_lattice)


@step
def blocks_between(first: Any, last: Any, block: Any, begun: Any) -> Any:
    """The blocks that some numbers belong to, begin and end, and the place of the first in its own.

    begun: the place of number 0 in block 0.
    """
    begin = (begun + first) // block
    return begin, -(-(begun + last) // block), begun + first - begin * block


@step
def round_magnitudes(largest: Any, cut: Any, rounded: Any) -> None:
    """Magnitudes without their last bits, rounded with ties away from zero."""
    half, mask = cut
    for i in range(largest.size):
        word = bits_of(largest[i])
        # A carry goes into the exponent, as it must; into NaN nothing may be carried.
        cut_word = bitwise_and(add(word, half), mask)
        rounded[i] = float_of(cut_word if word < _INFINITY else word)


@kernel
def scale_blocks(
    largest: Any,
    divisors: Any,
    cut: Any,
    rounded: Any,
    quotients: Any,
    source: Any,
    how: Any,
    of_zeros: Any,
    codes: Any,
    table: Any,
    values: Any,
) -> int:
    """The scales of blocks, from the largest magnitude of each. Returns how many blocks are done:
    all, or those before the first chunk of which `how` cannot make anything.

    largest: the magnitudes as float64. divisors: what they are to become, one, or one for each.
    cut: two words to round magnitudes by before that: what is added, and the mask of what is kept.
    rounded, quotients: scratch for `L1_CHUNK` float64 numbers; source: the quotients as loops take
    them. how: the projection of float64 onto the scale format, as for `encode_as`. of_zeros: the code that stands in for zero where the magnitude is zero, as the
    smallest positive code does elsewhere; or 0 if the format has no zero. table: the value of each
    code, or None if the values are not asked for; they go to `values`.
    """
    for begin in range(0, codes.size, L1_CHUNK):
        end = begin + L1_CHUNK if codes.size - begin > L1_CHUNK else codes.size
        numbers, own = largest[begin:end], codes[begin:end]
        kept, divided = rounded[: own.size], quotients[: own.size]
        round_magnitudes(numbers, cut, kept)
        of_each = divisors if divisors.size == 1 else divisors[begin:end]
        divide_blocks_to_odd(kept, of_each, own.size if divisors.size == 1 else 1, 0, divided)
        if not encode_as(how, source[: own.size], own, 0):
            return begin
        if of_zeros > 0:
            for i in range(own.size):
                stand_in = of_zeros if numbers[i] == 0 else 1
                # Stored in any case: with llvmlite 0.50 on AVX-512, a store of bytes that depends
                # on a condition puts zeros where it does not hold.
                own[i] = stand_in if own[i] == 0 else own[i]
        if table is not None:
            look_up(own, table, values[begin:end])
    return int(codes.size)


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


@kernel
def encode_quotients(
    x: Any,
    scales: Any,
    terms: Any,
    is_to_odd: Any,
    block: Any,
    begun: Any,
    factors: Any,
    sums: Any,
    quotients: Any,
    source: Any,
    how: Any,
    out: Any,
    start: Any,
) -> int:
    """Codes of the quotients of numbers and the scale of each block, written to `out`. Returns how
    many are done: all, or those before the first chunk of which `how` cannot make anything.

    scales, terms: of block 0 on, at whose place `begun` the numbers begin. factors, sums,
    quotients: scratch for `divide_chunk`; source: the quotients as loops take them. how: as for
    `encode_as`. start: the position of the first number.
    """
    for first in range(0, x.size, L2_CHUNK):
        last = first + L2_CHUNK if x.size - first > L2_CHUNK else x.size
        begin, end, place = blocks_between(first, last, block, begun)
        numbers, own, added = x[first:last], scales[begin:end], entries_of(terms, begin, end)
        divided = quotients[: numbers.size]
        divide_chunk(numbers, own, added, is_to_odd, block, place, factors, sums, divided)
        if not encode_as(how, source[: numbers.size], out[first:last], start + first):
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
    scratch, others = np.empty(size), np.empty(size)
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
