"""Micro-exponents: bits that double the scale of a few consecutive numbers of a block.

Where the numbers of a part of a block are small, it goes without the doubling, and its elements
have a finer scale. Source: Darvish Rouhani et al., "With shared microexponents, a little shifting
goes a long way", 2023; of two levels, Luo et al., "HiFloat4 format for language model inference",
2026.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from numformats.scaled.formats import ScaledFormat
from numformats.scaled.granularity import Tile
from numformats.scaled.rules import ScaleRule, target_of
from numformats.scaled.scales import Scales, scale_values
from numformats.scaled.statistics import Statistics
from numformats.scaled.tiling import micro_tile, spread

Floats = NDArray[np.float64]


def with_micro_exponents(
    scales: Scales, statistics_of: Callable[[Tile], Statistics], fmt: ScaledFormat, tile: Tile
) -> Scales:
    """Scales with the micro-exponents of an array, in formats that have these.

    statistics_of: those of the array, cut into tiles; tile: that of blocks.

    A bit is set where the largest magnitude, over its scale as the wider levels have it and doubled
    by all narrower ones, would reach twice the largest power of two among the elements. That is
    decided by products, which float64 has exactly. As for scales, infinity does not count; where
    there is NaN, no bit is set.
    """
    if not fmt.micro_exponents:
        return scales
    found: list[NDArray[np.uint8]] = []
    whole = np.abs(scale_values(scales, fmt))
    for size, part in _levels(fmt):
        largest = statistics_of(micro_tile(tile, part)).absmax()
        whole = _for_parts(whole, largest.shape, micro_tile(tile, size // part))
        is_set = largest >= whole * float(_threshold(fmt, len(found)))
        whole = np.where(is_set, 2 * whole, whole)
        found.append(is_set.astype(np.uint8))
    return replace(scales, micro=found[0], inner_micro=found[1] if len(found) > 1 else None)


def scales_of_parts(scales: Scales, fmt: ScaledFormat, tile: Tile) -> Floats:
    """What elements are multiplied by, for each of the narrowest parts of blocks, in their grid.

    tile: that of blocks, or of such parts.
    """
    whole = scale_values(scales, fmt)
    for (size, part), bits in zip(_levels(fmt), (scales.micro, scales.inner_micro), strict=False):
        assert bits is not None
        whole = _for_parts(whole, bits.shape, micro_tile(tile, size // part)) * (1.0 + bits)
    return whole


def _levels(fmt: ScaledFormat) -> Iterable[tuple[int, int]]:
    """How many numbers there are in what is divided, and in its parts, level by level."""
    return pairwise((fmt.granularity.block_size or 0, *fmt.micro_exponents))


def _for_parts(whole: Floats, grid: tuple[int, ...], parts: Tile) -> Floats:
    """The scales of parts, from those of what they are parts of.

    grid: how many there are along each axis; parts: how many of them have one scale together.
    """
    return np.broadcast_to(spread(whole, grid, parts), grid)


def _threshold(fmt: ScaledFormat, level: int) -> Fraction:
    """From how many scales on a bit of a level is set; the widest is level 0. In HiFloat4 4, and
    then 2.
    """
    power = target_of(fmt.element, ScaleRule(target="power"))
    return power * 2 ** (len(fmt.micro_exponents) - level)
