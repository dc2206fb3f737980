"""Searching for the scale of each tile with the smallest sum of squared errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.codec.arguments import code_dtype
from numformats.codec.compiled.views import read_only
from numformats.codec.values import TABLE_BITS, value_table
from numformats.formats.floating import FloatFormat
from numformats.rounding import random_bit_count
from numformats.scaled.elements import Projection
from numformats.scaled.encoding import encode_elements
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.fused import Encoder, Runs, Sizes, can_quantize, runs_of, scale_kernel
from numformats.scaled.granularity import Tile, grid_shape
from numformats.scaled.rules import ScaleRule
from numformats.scaled.runs import as_float32, run_length
from numformats.scaled.scales import (
    Scales,
    divisors_of,
    magnitudes,
    scale_values,
    scales_of_magnitudes,
    spread,
    sums,
    values_of,
)

Array = NDArray[Any]
Floats = NDArray[np.float64]

# Numbers that are searched for at a time, about: they stay in the cache meanwhile.
_PART: Final = 1 << 15


def best_scales(
    x: Array, fmt: ScaledFormat, rule: ScaleRule, tile: Tile, how: Projection
) -> Scales:
    """Of the scales that the rule gives for shares of the largest magnitude, from all of it down to
    half, those with the smallest sum of squared errors in each tile; of equals the largest.

    ValueError for formats and modes that it is not for.
    """
    if not fmt.is_symmetric or isinstance(fmt.scale, ScaledFormat):
        raise ValueError("scale_rule: a search is for symmetric formats with scales of one level")
    if random_bit_count(how.rounding):
        raise ValueError("scale_rule: a search is for deterministic rounding modes")
    if _can_search_runs(x, fmt, rule, tile, how):
        return _best_of_runs(runs_of(x, tile), fmt, rule, how)

    def codes_of(largest: Floats) -> Array:
        return scales_of_magnitudes(largest, fmt, rule).codes

    def errors_of(codes: Array) -> Floats:
        return _squared_errors(x, fmt, Scales(codes), tile, how)

    largest = magnitudes(x, tile, rule.percentile)
    return Scales(_best(_tried(largest, fmt, rule, codes_of), errors_of))


def _best(tried: Iterator[Array], errors_of: Callable[[Array], Floats]) -> Array:
    """For each tile that of the codes with the smallest error; of equals the first."""
    best = next(tried)
    least = errors_of(best)
    for codes in tried:
        errors = errors_of(codes)
        is_better = errors < least
        best, least = np.where(is_better, codes, best), np.where(is_better, errors, least)
    return best


def _tried(
    largest: Floats, fmt: ScaledFormat, rule: ScaleRule, codes_of: Callable[[Floats], Array]
) -> Iterator[Array]:
    """The codes of the scales to try for each tile, the largest first."""
    scale = fmt.scale_element
    assert isinstance(scale, FloatFormat)
    first = codes_of(largest)
    yield first
    if 2**scale.mantissa_bits > rule.search:
        for step in range(1, rule.search + 1):
            yield codes_of(largest * (1 - step / (2 * rule.search)))
        return
    # Few enough to try each. The codes of positive numbers are in their order.
    last, wide = codes_of(largest / 2), first.astype(np.int64)
    for step in range(1, int((wide - last).max(initial=0)) + 1):
        yield np.maximum(wide - step, last).astype(first.dtype)


def _squared_errors(
    x: Array, fmt: ScaledFormat, scales: Scales, tile: Tile, how: Projection
) -> Floats:
    """The sum of squared errors of each tile, infinities left out."""
    codes = encode_elements(x, fmt, scales, tile, how)
    sizes = spread(scale_values(scales, fmt), x.shape, tile)
    with np.errstate(invalid="ignore", over="ignore"):
        error = x.astype(np.float64) - values_of(codes, fmt.element) * sizes
        error[np.isinf(error)] = 0
        return sums(np.square(error), tile)


def _can_search_runs(
    x: Array, fmt: ScaledFormat, rule: ScaleRule, tile: Tile, how: Projection
) -> bool:
    """Whether `_best_of_runs` can do it."""
    # What fills up tiles that are cut off would count.
    is_whole = run_length(x.shape, tile) is not None or all(
        extent is None or length % min(extent, length) == 0
        for length, extent in zip(x.shape, tile, strict=True)
    )
    return (
        can_quantize(x, fmt, rule, tile, how)
        and is_whole
        and rule.percentile == 100
        and fmt.element.bits <= TABLE_BITS
        and x.size // math.prod(grid_shape(x.shape, tile)) <= _PART
        and scale_kernel(fmt, rule) is not None
    )


def _best_of_runs(runs: Runs, fmt: ScaledFormat, rule: ScaleRule, how: Projection) -> Scales:
    """The best scales of runs, some at a time, on threads."""
    from numformats.codec.compiled.threads import run_split

    best = np.empty(runs.count, code_dtype(fmt.scale_element))
    step = _PART // runs.run * runs.run

    def work(begin: int, end: int) -> bool:
        search = _Search(fmt, rule, how, runs.run, min(step, end - begin))
        for first in range(begin, end, step):
            last = min(first + step, end)
            now = as_float32(runs.flat[first:last])
            best[first // runs.run : -(-last // runs.run)] = search.best(now)
        return False

    run_split(work, runs.flat.size, step)
    return Scales(best.reshape(runs.grid))


class _Search:
    """The search in some runs at a time, with memory for `size` numbers, of one thread."""

    def __init__(
        self, fmt: ScaledFormat, rule: ScaleRule, how: Projection, run: int, size: int
    ) -> None:
        self._format, self._rule, self._run = fmt, rule, run
        self._encoder = Encoder(fmt, how, run, size)
        self._kernel = scale_kernel(fmt, rule)
        self._divisors = divisors_of(np.zeros((1,)), fmt, rule)[0]
        self._codes = np.empty(size, code_dtype(fmt.element))
        self._table = value_table(fmt.element, np.dtype(np.float64))
        self._scratch = np.empty((2, size))

    def best(self, now: Array) -> Array:
        """The codes of the best scales of runs with these numbers."""
        from numformats.codec.compiled import pieces

        largest = np.empty(-(-now.size // self._run))
        pieces.largest_of_runs(now.view(np.uint32), self._run, largest)
        tried = _tried(largest, self._format, self._rule, self._codes_of)
        return _best(tried, lambda codes: self._errors_of(codes, now))

    def _codes_of(self, largest: Floats) -> Array:
        codes = np.empty(largest.shape, code_dtype(self._format.scale_element))
        self._kernel.run(None, self._run, largest, self._divisors, codes)
        return codes

    def _errors_of(self, scales: Array, now: Array) -> Floats:
        from numformats.codec.compiled import pieces

        sizes = values_of(scales, self._format.scale_element)
        codes, found = self._codes[: now.size], np.empty(scales.shape)
        self._encoder.encode(now, Sizes(sizes), 0, codes)
        pieces.squared_errors(
            now, read_only(codes.view()), self._table, sizes, self._run, *self._scratch, found
        )
        return found
