"""Searching for the scale of each tile with the smallest sum of squared errors.

What is tried, and how the best is kept, and the search in NumPy; `block_search` has the compiled
one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numformats.codec.backends import decode
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.micro_exponents import with_micro_exponents
from numformats.scaled.plan import QuantizationPlan
from numformats.scaled.rules import ScaleRule
from numformats.scaled.scale_choice import divisors_of, scales_of_ends, stored
from numformats.scaled.scales import Scales, ScaleValues
from numformats.scaled.statistics import Statistics, TileStatistics, sums
from numformats.scaled.tile_quantization import encode_tiles
from numformats.scaled.tiling import spread

Array = NDArray[Any]
Floats = NDArray[np.float64]
# The scales for a share of what the numbers of each tile reach.
Chooser = Callable[[float], Scales]


def best_scales(x: Array, plan: QuantizationPlan) -> Scales:
    """Of the scales that the rule gives for shares of what the numbers of a tile reach, from all of
    it down to half, those with the smallest sum of squared errors in each tile; of equals the
    largest. A scale of scales stays that of the whole.
    """
    fmt, rule = plan.format, plan.rule
    tiles = TileStatistics(x, plan.tile, rule.percentile)
    chooser = _chooser_of_absmax if fmt.is_symmetric else chooser_of_ranges
    return best_of(
        scales_to_try(chooser(tiles, fmt, rule), fmt, rule),
        lambda scales: _squared_errors(x, scales, plan),
    )


def best_of(tried: Iterator[Scales], errors_of: Callable[[Scales], Floats]) -> Scales:
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


def scales_to_try(choose: Chooser, fmt: ScaledFormat, rule: ScaleRule) -> Iterator[Scales]:
    """The scales to try, the largest first."""
    lattice = fmt.scale_element.lattice
    assert lattice is not None  # a rule that searches is not for other scales
    first = choose(1.0)
    yield first
    if not fmt.is_symmetric or 2**lattice.trailing_bits > rule.search:
        for step in range(1, rule.search + 1):
            yield choose(1 - step / (2 * rule.search))
        return
    # Few enough to try each, and no two alike. The codes of positive numbers are in their order.
    last, wide = choose(0.5).codes, first.codes.astype(np.int64)
    for step in range(1, int((wide - last).max(initial=0)) + 1):
        codes = np.maximum(wide - step, last).astype(first.codes.dtype)
        yield replace(first, codes=codes)


def _chooser_of_absmax(tiles: Statistics, fmt: ScaledFormat, rule: ScaleRule) -> Chooser:
    """Scales for smaller magnitudes than the largest, below the scale of scales of the largest."""
    largest = tiles.absmax()
    divisors, tensor = divisors_of(largest, fmt, rule)
    return lambda share: Scales(stored(largest * share, divisors, fmt, rule), tensor)


def chooser_of_ranges(tiles: Statistics, fmt: ScaledFormat, rule: ScaleRule) -> Chooser:
    """Scales for ranges that are closer to zero, or to the middle where zero need not be in them.

    Source for the first: the code of Frantar et al., "GPTQ: accurate post-training quantization for
    generative pre-trained transformers", 2023.
    """
    low, high = tiles.ends(with_zero=fmt.offset is None)
    if fmt.offset is None:
        return lambda share: scales_of_ends(low * share, high * share, fmt, rule)
    half = high / 2 - low / 2

    def choose(share: float) -> Scales:
        inset = half * (1 - share)
        return scales_of_ends(low + inset, high - inset, fmt, rule)

    return choose


def _squared_errors(x: Array, scales: Scales, plan: QuantizationPlan) -> Floats:
    """The sum of squared errors of each tile, infinities left out."""
    fmt = plan.format
    scales = with_micro_exponents(scales, lambda tile: TileStatistics(x, tile), fmt, plan.tile)
    numbers = decode(encode_tiles(x, scales, plan, None), fmt.element)
    values = ScaleValues.of(scales, fmt)
    everything = tuple(slice(0, length) for length in x.shape)
    with np.errstate(invalid="ignore", over="ignore"):
        if values.zero_points is not None:
            numbers = numbers - spread(values.zero_points, x.shape, plan.tile)
        numbers = numbers * values.scales_over(everything, plan.tile)
        if values.offsets is not None:
            numbers = numbers + spread(values.offsets, x.shape, plan.tile)
        error = x.astype(np.float64) - numbers
        error[np.isinf(error)] = 0
        return sums(np.square(error), plan.tile)
