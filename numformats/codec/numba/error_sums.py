"""One pass over numbers before and after a projection, for all sums and counts of their errors.

It takes a row of numbers at a time, which stays in the first cache, and goes through it in short
loops, of which LLVM makes vectors: each number is added to the sum of its place in the row.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy import divide, maximum, minimum, multiply, right_shift, subtract

from numformats.codec.error_sums import ROW, Array, Bins, Counts, Ends, ErrorSums, Floats
from numformats.codec.numba.steps import kernel, step
from numformats.codec.numba.views import read_only


class Row(NamedTuple):
    """Memory for what is made of a row of numbers.

    Their scales, and the numbers that stand for 0; the ends of the ranges; the numbers x as
    float64; the magnitudes of the errors, those relative to x, and their bins.
    """

    scale: Floats
    zero: Floats
    low: Floats
    high: Floats
    smallest_normal: Floats
    largest: Floats
    before: Floats
    absolute: Floats
    relative: Floats
    bins: Counts


def sum_errors(
    x: Array,
    y: Floats,
    scales: Floats,
    zeros: Floats,
    ends: Ends,
    bins: Bins,
) -> ErrorSums:
    """What `numformats.codec.error_sums.sum_errors` finds, of the same."""
    found = ErrorSums.of_nothing(bins)
    memory = Row._make([*np.empty((len(Row._fields) - 1, ROW)), np.empty(ROW, np.int64)])
    given = (read_only(np.ascontiguousarray(each).view()) for each in (x, y, scales, zeros))
    add_rows(*given, ends, bins, memory, found.rows(), found.relative)
    return found


@kernel
def add_rows(
    x: Any, y: Any, scales: Any, zeros: Any, ends: Any, bins: Any, row: Any, found: Any, counts: Any
) -> None:
    """Add numbers to what has been found, and to the counts of relative errors, with memory for a
    row of them.
    """
    length, is_shared = row.bins.size, scales.size == 1 and zeros.size == 1
    for begin in range(0, x.size, length):
        after = y[begin : begin + length]
        before = row.before[: after.size]
        before[:] = x[begin : begin + length]
        if begin == 0 or not is_shared:
            fill(scales, begin, row.scale)
            fill(zeros, begin, row.zero)
            write_ends(ends, row)
        add_errors(before, after, row, found)
        add_lost(before, after, row, found)
        count_subnormal(after, ends.subnormal, row, found)
        keep_largest(before, row, found)
        write_bins(before, row, row.relative.view(np.int64), bins)
        for i in range(before.size):
            counts[row.bins[i]] += 1


@step
def fill(each: Any, begin: Any, out: Any) -> None:
    """The numbers of a row, of which there is one each, or one for all."""
    if each.size == 1:
        out[:] = each[0]
    else:
        own = each[begin : begin + out.size]
        out[: own.size] = own


@step
def write_ends(ends: Any, row: Any) -> None:
    """The ends of the range of each number, and of its normal part."""
    for i in range(row.scale.size):
        scale, size = row.scale[i], abs(row.scale[i])
        one = multiply(subtract(ends.lowest, row.zero[i]), scale)
        other = multiply(subtract(ends.highest, row.zero[i]), scale)
        # A scale may be negative.
        row.low[i] = other if other < one else one
        row.high[i] = one if one > other else other
        row.smallest_normal[i] = multiply(ends.smallest_normal, size)
        row.largest[i] = multiply(ends.largest, size)


@step
def add_errors(before: Any, after: Any, row: Any, found: Any) -> None:
    """Squares, products and errors, added to the sums of their places; the magnitude of an error is
    infinite where a number is lost.
    """
    for i in range(before.size):
        is_kept = abs(after[i]) < np.inf
        value = after[i] if is_kept else np.inf
        error = subtract(after[i], before[i])
        absolute = abs(error) if is_kept else np.inf
        row.absolute[i] = absolute
        found.signal[i] += before[i] * before[i]
        found.energy[i] += value * value
        found.product[i] += before[i] * value
        found.error[i] += error
        found.absolute_error[i] += absolute
        found.noise[i] += absolute * absolute


@step
def add_lost(before: Any, after: Any, row: Any, found: Any) -> None:
    """Numbers beyond the ends, and those that became 0, with their squared errors."""
    for i in range(before.size):
        square = row.absolute[i] * row.absolute[i]
        # With NaN for an end, nothing is beyond it.
        is_beyond = (before[i] < row.low[i]) | (before[i] > row.high[i])
        is_zeroed = (after[i] == 0) & (before[i] != 0)
        found.clipping[i] += square if is_beyond else 0.0
        found.underflow[i] += square if is_zeroed & (not is_beyond) else 0.0
        found.overflowed[i] += 1 if is_beyond else 0
        found.zeroed[i] += 1 if is_zeroed else 0


@step
def count_subnormal(after: Any, limit: Any, row: Any, found: Any) -> None:
    """Values that are below the normal ones, but not 0."""
    for i in range(after.size):
        is_small = abs(after[i]) < multiply(limit, abs(row.scale[i]))
        found.subnormal[i] += 1 if is_small & (after[i] != 0) else 0


@step
def keep_largest(before: Any, row: Any, found: Any) -> None:
    """The magnitudes of the errors relative to the numbers, -1 for 0, which has none; the largest
    errors, and the largest relative ones of numbers in the normal range.
    """
    for i in range(before.size):
        size, absolute = abs(before[i]), row.absolute[i]
        relative = divide(absolute, size) if size != 0 else -1.0
        row.relative[i] = relative
        is_normal = (size >= row.smallest_normal[i]) & (size <= row.largest[i])
        largest = found.largest_relative[i]
        found.largest_relative[i] = relative if is_normal & (relative > largest) else largest
        largest = found.largest_error[i]
        found.largest_error[i] = absolute if absolute > largest else largest


@step
def write_bins(before: Any, row: Any, words: Any, bins: Any) -> None:
    """The bins of relative errors, from their bits."""
    for i in range(before.size):
        # The bits of a float are in order, and their leading ones cut each octave into equal steps.
        step_up = subtract(right_shift(words[i], bins.shift), bins.offset)
        place = minimum(maximum(step_up, np.int64(1)), bins.last)
        place = np.int64(0) if row.relative[i] == 0 else place
        place = bins.last + 1 if row.relative[i] == np.inf else place
        row.bins[i] = bins.last + 2 if row.relative[i] < 0 else place
