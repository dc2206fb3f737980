"""Searching for the scale of each tile with the smallest sum of squared errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.codec.arguments import code_dtype
from numformats.codec.numba.views import read_only
from numformats.codec.values import TABLE_BITS, value_table
from numformats.formats.floating import FloatFormat
from numformats.modes import random_bit_count
from numformats.scaled.elements import Projection
from numformats.scaled.encoding import encode_elements
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.fused import Encoder, can_quantize
from numformats.scaled.granularity import Tile, grid_shape
from numformats.scaled.rules import ScaleRule
from numformats.scaled.runs import as_floats, ends_of_runs, largest_of_runs, run_length
from numformats.scaled.scales import (
    Scales,
    divisors_of,
    magnitudes,
    scale_values,
    scales_of_ends,
    spread,
    stored,
    sums,
    tile_ends,
    values_of,
)
from numformats.scaled.sources import Runs, ScalesByMagnitude, Sizes, runs_of, scale_kernel

Array = NDArray[Any]
Floats = NDArray[np.float64]
# The scales for a share of what the numbers of each tile reach.
Chooser = Callable[[float], Scales]

# Numbers that are searched for at a time, about: they stay in the cache meanwhile.
_PART: Final = 1 << 15


def best_scales(
    x: Array, fmt: ScaledFormat, rule: ScaleRule, tile: Tile, how: Projection
) -> Scales:
    """Of the scales that the rule gives for shares of what the numbers of a tile reach, from all of
    it down to half, those with the smallest sum of squared errors in each tile; of equals the
    largest. A scale of scales stays that of all of it.

    ValueError for rounding modes that it is not for.
    """
    if random_bit_count(how.rounding):
        raise ValueError("scale_rule: a search is for deterministic rounding modes")
    if _can_search_runs(x, fmt, rule, tile, how):
        return _best_of_runs(runs_of(x, tile), fmt, rule, how)

    def errors_of(scales: Scales) -> Floats:
        return _squared_errors(x, fmt, scales, tile, how)

    return _best(_tried(_chooser(x, fmt, rule, tile), fmt, rule), errors_of)


def _best(tried: Iterator[Scales], errors_of: Callable[[Scales], Floats]) -> Scales:
    """For each tile that of the scales with the smallest error; of equals the first."""
    best = next(tried)
    least = errors_of(best)
    for scales in tried:
        errors = errors_of(scales)
        # Of NaN none is better.
        is_better = errors < least
        best, least = _chosen(is_better, scales, best), np.where(is_better, errors, least)
    return best


def _chosen(is_first: NDArray[np.bool_], first: Scales, second: Scales) -> Scales:
    """For each tile the one or the other."""

    def either(one: Array | None, other: Array | None) -> Array | None:
        return None if one is None or other is None else np.where(is_first, one, other)

    return replace(
        second,
        codes=np.where(is_first, first.codes, second.codes),
        zero_points=either(first.zero_points, second.zero_points),
        offsets=either(first.offsets, second.offsets),
    )


def _tried(choose: Chooser, fmt: ScaledFormat, rule: ScaleRule) -> Iterator[Scales]:
    """The scales to try, the largest first."""
    scale = fmt.scale_element
    assert isinstance(scale, FloatFormat)
    first = choose(1.0)
    yield first
    if not fmt.is_symmetric or 2**scale.mantissa_bits > rule.search:
        for step in range(1, rule.search + 1):
            yield choose(1 - step / (2 * rule.search))
        return
    # Few enough to try each, and no two alike. The codes of positive numbers are in their order.
    last, wide = choose(0.5).codes, first.codes.astype(np.int64)
    for step in range(1, int((wide - last).max(initial=0)) + 1):
        codes = np.maximum(wide - step, last).astype(first.codes.dtype)
        yield replace(first, codes=codes)


def _chooser(x: Array, fmt: ScaledFormat, rule: ScaleRule, tile: Tile) -> Chooser:
    if not fmt.is_symmetric:
        with_zero = fmt.offset is None
        ends = tile_ends(x, tile, with_zero=with_zero, percentile=rule.percentile)
        return _chooser_of_ends(*ends, fmt, rule)
    largest = magnitudes(x, tile, rule.percentile)
    divisors, tensor = divisors_of(largest, fmt, rule)
    return lambda share: Scales(stored(largest * share, divisors, fmt, rule), tensor)


def _chooser_of_ends(low: Floats, high: Floats, fmt: ScaledFormat, rule: ScaleRule) -> Chooser:
    """Scales for ranges that are closer to zero, or to the middle where zero need not be in them.

    Source for the first: the code of Frantar et al., "GPTQ: accurate post-training quantization for
    generative pre-trained transformers", 2023.
    """
    if fmt.offset is None:
        return lambda share: scales_of_ends(low * share, high * share, fmt, rule)
    half = high / 2 - low / 2

    def choose(share: float) -> Scales:
        inset = half * (1 - share)
        return scales_of_ends(low + inset, high - inset, fmt, rule)

    return choose


def _squared_errors(
    x: Array, fmt: ScaledFormat, scales: Scales, tile: Tile, how: Projection
) -> Floats:
    """The sum of squared errors of each tile, infinities left out."""
    values = values_of(encode_elements(x, fmt, scales, tile, how), fmt.element)
    with np.errstate(invalid="ignore", over="ignore"):
        if scales.zero_points is not None and fmt.zero_point is not None:
            values = values - spread(values_of(scales.zero_points, fmt.zero_point), x.shape, tile)
        values = values * spread(scale_values(scales, fmt), x.shape, tile)
        if scales.offsets is not None and fmt.offset is not None:
            values = values + spread(values_of(scales.offsets, fmt.offset), x.shape, tile)
        error = x.astype(np.float64) - values
        error[np.isinf(error)] = 0
        return sums(np.square(error), tile)


def _can_search_runs(
    x: Array, fmt: ScaledFormat, rule: ScaleRule, tile: Tile, how: Projection
) -> bool:
    """Whether `_best_of_runs` can do it."""
    run = run_length(x.shape, tile)
    # What fills up tiles that are cut off would count.
    is_whole = run is not None or all(
        extent is None or length % min(extent, length) == 0
        for length, extent in zip(x.shape, tile, strict=True)
    )
    return (
        can_quantize(x, fmt, rule, tile, how)
        and is_whole
        and rule.percentile == 100
        and fmt.element.bits <= TABLE_BITS
        and (run or x.size // math.prod(grid_shape(x.shape, tile))) <= _PART
        and (not fmt.is_symmetric or scale_kernel(fmt, rule) is not None)
    )


def _best_of_runs(runs: Runs, fmt: ScaledFormat, rule: ScaleRule, how: Projection) -> Scales:
    """The best scales of runs, some at a time, on threads."""
    from numformats.codec.numba.threads import run_split

    found: dict[int, Scales] = {}
    step = _PART // runs.run * runs.run
    scales = None
    if fmt.is_symmetric:
        has_two_levels = isinstance(fmt.scale, ScaledFormat)
        largest = largest_of_runs(runs.flat, runs.run) if has_two_levels else None
        scales = ScalesByMagnitude(largest, runs.grid, fmt, rule)

    def work(begin: int, end: int) -> bool:
        search = _Search(runs, fmt, rule, how, scales, min(step, end - begin))
        for first in range(begin, end, step):
            last = min(first + step, end)
            part = slice(first // runs.run, -(-last // runs.run))
            found[first] = search.best(part, as_floats(runs.flat[first:last]))
        return False

    run_split(work, runs.flat.size, step)
    in_order = [found[first] for first in sorted(found)]

    def joined(parts: list[Array | None]) -> Array | None:
        there = [part for part in parts if part is not None]
        return np.concatenate(there).reshape(runs.grid) if there else None

    codes = joined([part.codes for part in in_order])
    assert codes is not None
    return Scales(
        codes,
        None if scales is None else scales.tensor,
        joined([part.zero_points for part in in_order]),
        joined([part.offsets for part in in_order]),
    )


class _Search:
    """The search in some runs at a time, with memory for `size` numbers, of one thread.

    scales: those of symmetric formats.
    """

    def __init__(
        self,
        runs: Runs,
        fmt: ScaledFormat,
        rule: ScaleRule,
        how: Projection,
        scales: ScalesByMagnitude | None,
        size: int,
    ) -> None:
        self._format, self._rule, self._scales, self._run = fmt, rule, scales, runs.run
        self._encoder = Encoder(runs, fmt, how, size)
        self._codes = np.empty(size, code_dtype(fmt.element))
        self._table = value_table(fmt.element, np.dtype(np.float64))
        self._scratch = np.empty((2, size))

    def best(self, part: slice, now: Array) -> Scales:
        """The best scales of some runs with these numbers, without the scale of scales."""
        tried = _tried(self._chooser(part, now), self._format, self._rule)
        return _best(tried, lambda scales: self._errors_of(scales, part, now))

    def _chooser(self, part: slice, now: Array) -> Chooser:
        fmt, run, by_magnitude = self._format, self._run, self._scales
        if by_magnitude is None:
            ends = ends_of_runs(now, run, with_zero=fmt.offset is None)
            return _chooser_of_ends(*ends, fmt, self._rule)
        largest = largest_of_runs(now, run)

        def choose(share: float) -> Scales:
            codes = np.empty(largest.shape, code_dtype(fmt.scale_element))
            by_magnitude.write(part, None, run, largest * share, codes)
            return Scales(codes)

        return choose

    def _errors_of(self, scales: Scales, part: slice, now: Array) -> Floats:
        from numformats.codec.numba.blocks import products

        if self._scales is None:
            sizes = Sizes.of(scales, self._format)
        else:
            sizes = Sizes(self._scales.values_of(part, scales.codes))
        codes, found = self._codes[: now.size], np.empty(scales.codes.shape)
        self._encoder.encode(now, sizes, 0, codes)
        products.squared_errors(
            now,
            read_only(codes.view()),
            self._table,
            sizes.zeros,
            sizes.sizes,
            None if sizes.offsets is None else -sizes.offsets,
            self._run,
            *self._scratch,
            found,
        )
        return found
