"""Loops for numbers that share a scale, in a row, while a piece of the array stays in the cache.

Between loops that Python called one by one, threads would wait for its global lock.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba.np.unsafe.ndarray import to_fixed_tuple
from numpy import add, bitwise_and, divide, maximum, multiply, subtract

from numformats.codec.numba.blocks.absmax import largest_of_runs
from numformats.codec.numba.blocks.quotients import (
    add_runs_to_odd,
    divide_runs,
    divide_runs_to_odd,
    multiply_runs,
    saturated,
    saturated_product,
    shift_runs,
    subtract_runs,
    within,
)
from numformats.codec.numba.encode import BLOCK, COUNT, PIECE, encode_block, look_up, project
from numformats.codec.numba.lanes import Parameters
from numformats.codec.numba.search import search
from numformats.codec.numba.steps import step

_INFINITY: Final = np.uint64(0x7FF0000000000000)


@step
def runs_between(first: Any, last: Any, run: Any, begun: Any) -> Any:
    """The runs that some numbers belong to, begin and end, and the place of the first in its own.

    begun: the place of number 0 in run 0.
    """
    begin = (begun + first) // run
    return begin, -(-(begun + last) // run), begun + first - begin * run


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
    run = rounded.size if divisors.size == 1 else 1
    divide_runs_to_odd(rounded, divisors, run, 0, quotients)


@step
def scale_runs(
    x: Any,
    words: Any,
    lane: Any,
    run: Any,
    largest: Any,
    divisors: Any,
    cut: Any,
    parameters: Any,
    is_uncommon: Any,
    of_zeros: Any,
    codes: Any,
    table: Any,
    sizes: Any,
) -> None:
    """The scales of runs, from the largest magnitude of each.

    x, words, lane: numbers, as for `largest_of_runs`; or None, if the largest magnitudes are known.
    largest: float64, or scratch for them. divisors: what they are to become, one, or one for each.
    cut: two words to round magnitudes by before that, ties away from zero: what is added, and the
    mask of what is kept. parameters, is_uncommon: the projection of float64 onto the scale format,
    as for `project`. of_zeros: the code that stands in for zero where the magnitude is zero, as the
    smallest positive code does elsewhere; or 0 if the format has no zero.
    table: the value of each code, or None if the values are not asked for; they go to `sizes`.
    """
    p = Parameters(*to_fixed_tuple(parameters, COUNT))
    if words is not None:
        largest_of_runs(x, words, lane, run, largest)
    scratch, others = np.empty(BLOCK), np.empty(BLOCK)
    for begin in range(0, codes.size, BLOCK):
        end = min(begin + BLOCK, codes.size)
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
            look_up(own, table, sizes[begin:end])


@step
def divide_piece(
    x: Any,
    sizes: Any,
    terms: Any,
    is_to_odd: Any,
    run: Any,
    begun: Any,
    factors: Any,
    sums: Any,
    quotients: Any,
) -> None:
    """Quotients of numbers, float32 or float64, and the size of each run.

    terms: None, or what is added to the numbers of each run first; sums: scratch for that, since
    LLVM makes no vectors of a loop that writes where it reads. is_to_odd: None if quotients in
    float64 will do, and need not be rounded to odd; sums are.
    factors: None, or float32 scratch for the reciprocals of the sizes if those are powers of two
    and the numbers float32: then the quotients are float32, too, else float64.
    """
    if factors is not None:
        for k in range(sizes.size):
            factors[k] = divide(1.0, sizes[k])
        shift_runs(x, factors[: sizes.size], run, begun, quotients)
    elif is_to_odd is None:
        divide_runs(x, sizes, run, begun, quotients)
    elif terms is None:
        divide_runs_to_odd(x, sizes, run, begun, quotients)
    else:
        added = sums[: x.size]
        add_runs_to_odd(x, terms, run, begun, added)
        divide_runs_to_odd(added, sizes, run, begun, quotients)


@step
def entries_of(each: Any, begin: Any, end: Any) -> Any:
    """The entries of some runs, if there are any."""
    return None if each is None else each[begin:end]


@step
def project_quotients(
    x: Any,
    sizes: Any,
    terms: Any,
    is_to_odd: Any,
    run: Any,
    begun: Any,
    factors: Any,
    quotients: Any,
    source: Any,
    wide: Any,
    out: Any,
    parameters: Any,
    is_uncommon: Any,
    given: Any,
    key: Any,
    draw_place: Any,
    start: Any,
) -> None:
    """Codes of the quotients of numbers and the size of each run, written to `out`.

    sizes, terms: of run 0 on, at whose place `begun` the numbers begin. factors, quotients: scratch
    for `divide_piece`; source: the quotients as `project` takes them. The others are as for it.
    """
    sums = np.empty(0 if terms is None else PIECE)
    for first in range(0, x.size, PIECE):
        last = min(first + PIECE, x.size)
        begin, end, place = runs_between(first, last, run, begun)
        numbers, own, added = x[first:last], sizes[begin:end], entries_of(terms, begin, end)
        divided = quotients[: numbers.size]
        divide_piece(numbers, own, added, is_to_odd, run, place, factors, sums, divided)
        project(
            source[: numbers.size],
            None,
            wide,
            out[first:last],
            parameters,
            is_uncommon,
            None,
            None,
            given,
            key,
            draw_place,
            start + first,
        )


@step
def search_quotients(
    x: Any,
    sizes: Any,
    terms: Any,
    is_to_odd: Any,
    run: Any,
    begun: Any,
    factors: Any,
    quotients: Any,
    source: Any,
    out: Any,
    thresholds: Any,
    results: Any,
    lane: Any,
) -> None:
    """`project_quotients` for formats that are tables; see `search`."""
    sums = np.empty(0 if terms is None else PIECE)
    for first in range(0, x.size, PIECE):
        last = min(first + PIECE, x.size)
        begin, end, place = runs_between(first, last, run, begun)
        numbers, own, added = x[first:last], sizes[begin:end], entries_of(terms, begin, end)
        divided = quotients[: numbers.size]
        divide_piece(numbers, own, added, is_to_odd, run, place, factors, sums, divided)
        search(source[: numbers.size], None, out[first:last], thresholds, results, lane)


@step
def decode_runs(
    codes: Any,
    table: Any,
    zeros: Any,
    scales: Any,
    scale_table: Any,
    outer: Any,
    offsets: Any,
    run: Any,
    begun: Any,
    own_scales: Any,
    most: Any,
    out: Any,
) -> bool:
    """Float32 values of codes, less the zero of each run, times its scale, and its offset added to
    that: rounded once, and saturated. Number 0 is at place `begun` of run 0. Returns whether there
    were only codes that are in the table.

    table: the value of each code, in the dtype of the scales' values. zeros: None, or float32 ones,
    whose differences to the values are exact; they and offsets do not go together. scales: codes,
    with their values in a table of float32 or float64; or those values, and None. outer: None, or
    what they are multiplied by, one for all or one each. offsets: None, or float64, as the scales
    then are, too, whose products with the values are exact. own_scales: scratch for the scales of a
    piece, float32 or float64. most: the largest scale without products beyond float32.
    """
    size = 0 if offsets is None else PIECE
    scratch, others = np.empty(size), np.empty(size)
    for first in range(0, codes.size, PIECE):
        last = min(first + PIECE, codes.size)
        begin, end, place = runs_between(first, last, run, begun)
        values, sizes = out[first:last], own_scales[: end - begin]
        if largest_code(codes[first:last]) >= table.size:
            return False
        fill_sizes(scales[begin:end], scale_table, sizes)
        if outer is not None:
            multiply_each(sizes, outer if outer.size == 1 else outer[begin:end])
        if offsets is not None:
            products, sums = scratch[: values.size], others[: values.size]
            look_up_runs(codes[first:last], table, sizes, run, place, np.inf, products)
            add_runs_to_odd(products, offsets[begin:end], run, place, sums)
            for i in range(values.size):
                values[i] = saturated(sums[i])
        elif zeros is not None:
            look_up(codes[first:last], table, values)
            subtract_runs(values, zeros[begin:end], run, place)
            multiply_runs(values, sizes, run, place, most)
        else:
            look_up_runs(codes[first:last], table, sizes, run, place, most, values)
    return True


@step
def largest_code(codes: Any) -> Any:
    """The largest of some codes."""
    largest = codes[0]
    for i in range(codes.size):
        largest = maximum(largest, codes[i])
    return largest


@step
def look_up_runs(
    codes: Any, table: Any, sizes: Any, run: Any, begun: Any, most: Any, out: Any
) -> None:
    """The entry of a table for each code, times the size of its run; `most` as for
    `multiply_runs`.
    """
    for k in range(sizes.size):
        first, last = within(k, run, begun, codes.size)
        own, products, size = codes[first:last], out[first:last], sizes[k]
        if abs(size) > most:
            for i in range(own.size):
                products[i] = saturated_product(table[own[i]], size)
            continue
        for i in range(own.size):
            products[i] = table[own[i]] * size


@step
def squared_errors(
    x: Any,
    codes: Any,
    table: Any,
    zeros: Any,
    sizes: Any,
    terms: Any,
    run: Any,
    errors: Any,
    others: Any,
    out: Any,
) -> None:
    """The sum of the squared errors of each run, infinite ones left out: of pairs of neighbours, of
    pairs of these, and so on.

    x: numbers, of whole runs but for the last. codes: what they are encoded as, by a table of
    float64 values, less the zero of each run, times its size, less the term that was added to the
    numbers first; zeros and terms may be None. errors, others: scratch for as many.
    """
    values = errors[: x.size]
    look_up(codes, table, values)
    if zeros is not None:
        subtract_runs(values, zeros, run, 0)
    multiply_runs(values, sizes, run, 0, np.inf)
    if terms is not None:
        subtract_runs(values, terms, run, 0)
    for i in range(x.size):
        error = abs(subtract(np.float64(x[i]), values[i]))
        values[i] = 0.0 if error == np.inf else multiply(error, error)
    length = run
    while length % 2 == 0 and x.size % run == 0:
        sum_pairs(values, others[: values.size // 2])
        values, others = others[: values.size // 2], values
        length //= 2
    for k in range(sizes.size):
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
def fill_sizes(scales: Any, table: Any, sizes: Any) -> None:
    """The values of scales, from a table if there is one."""
    if table is None:
        for k in range(sizes.size):
            sizes[k] = scales[k]
    else:
        look_up(scales, table, sizes)


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
