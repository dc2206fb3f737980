"""What scales are chosen by, of each tile of an array: its largest magnitude, or its ends.

Here in NumPy, for tiles of any form; `blocks` has the same, compiled, for blocks in a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from numformats.scaled.granularity import Tile
from numformats.scaled.tiling import as_tiles, evenly_tiled, grid_shape

Array = NDArray[Any]
Floats = NDArray[np.float64]


class Statistics(Protocol):
    """What scales are chosen by, in the shape of the grid of tiles; NaN where there is NaN."""

    @property
    def grid(self) -> tuple[int, ...]:
        """How many tiles there are along each axis."""

    def absmax(self) -> Floats:
        """The largest finite magnitude of each tile."""

    def signed_absmax(self) -> Floats:
        """The finite number farthest from zero of each tile, of several the first."""

    def ends(self, *, with_zero: bool) -> tuple[Floats, Floats]:
        """The smallest and the largest finite number of each tile, and zero where there is none.

        with_zero: whether zero counts besides, so that the range has it.
        """


@dataclass(frozen=True)
class TileStatistics:
    """`Statistics` of the tiles of an array.

    percentile: which percentile of the magnitudes stands for the largest, unless it is zero; of
    ends, which one for the largest, and its counterpart for the smallest, if they differ. Infinity
    counts for ends as the one that it lies beyond.
    """

    x: Array
    tile: Tile
    percentile: float = 100.0

    @property
    def grid(self) -> tuple[int, ...]:
        """How many tiles there are along each axis."""
        return grid_shape(self.x.shape, self.tile)

    def absmax(self) -> Floats:
        """The largest finite magnitude of each tile, or the percentile of the finite ones."""
        found = np.zeros(self.grid)
        for area, place, extents in evenly_tiled(self.x.shape, self.tile):
            tiles, within = as_tiles(self.x[area], extents)
            largest = _largest(tiles, within)
            if self.percentile < 100 or np.isinf(largest).any():
                wide = np.abs(as_float64(tiles))
                wide = np.where(np.isinf(wide), 0, wide)
                largest = wide.max(axis=within)
            if self.percentile < 100:
                # A magnitude that occurs, not one in between, which might have to be rounded.
                chosen = np.percentile(wide, self.percentile, axis=within, method="higher")
                largest = np.where(chosen == 0, largest, chosen)
            found[place] = largest
        return found

    def signed_absmax(self) -> Floats:
        """The finite number farthest from zero of each tile, of several the first."""
        found = np.zeros(self.grid)
        for area, place, extents in evenly_tiled(self.x.shape, self.tile):
            tiles, within = as_tiles(self.x[area], extents)
            wide = as_float64(tiles)
            wide = np.where(np.isinf(wide), 0, wide).reshape(*tiles.shape[: len(within)], -1)
            first = np.abs(wide).argmax(axis=-1)[..., np.newaxis]
            found[place] = np.take_along_axis(wide, first, axis=-1)[..., 0]
        return found

    def ends(self, *, with_zero: bool) -> tuple[Floats, Floats]:
        """The smallest and the largest finite number of each tile, or their percentiles."""
        low, high = np.zeros(self.grid), np.zeros(self.grid)
        for area, place, extents in evenly_tiled(self.x.shape, self.tile):
            tiles, within = as_tiles(self.x[area], extents)
            wide = as_float64(tiles)
            counts = ~np.isinf(wide)
            least = wide.min(axis=within, initial=np.inf, where=counts)
            most = wide.max(axis=within, initial=-np.inf, where=counts)
            if self.percentile < 100:
                least, most = self._percentiles(wide, within, least, most, with_zero)
            if with_zero:
                least, most = np.minimum(least, 0), np.maximum(most, 0)
            low[place] = np.where(np.isinf(least), 0, least)
            high[place] = np.where(np.isinf(most), 0, most)
        return low, high

    def _percentiles(
        self, wide: Floats, within: tuple[int, ...], least: Floats, most: Floats, with_zero: bool
    ) -> tuple[Floats, Floats]:
        """The percentiles that stand for both ends of tiles."""
        of_tile = (..., *(np.newaxis for _ in within))
        inside = np.clip(wide, least[of_tile], most[of_tile])
        # Values that occur, not some in between, which might have to be rounded.
        lower = np.percentile(inside, 100 - self.percentile, axis=within, method="lower")
        upper = np.percentile(inside, self.percentile, axis=within, method="higher")
        # Of zeros but for a few others there would be none.
        is_range = (lower < 0) | (upper > 0) if with_zero else lower != upper
        return np.where(is_range, lower, least), np.where(is_range, upper, most)


def sums(x: Floats, tile: Tile) -> Floats:
    """The sum of each tile: of pairs of neighbours in C order, of pairs of these, and so on.

    The order matters to the last bits, which compiled loops have to have, too.
    """
    found = np.zeros(grid_shape(x.shape, tile))
    for area, place, extents in evenly_tiled(x.shape, tile):
        tiles, within = as_tiles(x[area], extents)
        left = tiles.reshape(*tiles.shape[: len(within)], -1)
        while left.shape[-1] > 1:
            odd = left[..., left.shape[-1] & ~1 :]
            left = np.concatenate([left[..., :-1:2] + left[..., 1::2], odd], axis=-1)
        found[place] = left[..., 0]
    return found


def as_float64(x: Any) -> Floats:
    """Numbers as float64, which holds them."""
    with np.errstate(invalid="ignore"):  # NumPy warns of a signaling NaN on its way
        return np.asarray(x).astype(np.float64)


def _largest(tiles: Array, within: tuple[int, ...]) -> Floats:
    # Without an array of magnitudes beside.
    with np.errstate(invalid="ignore"):
        high = as_float64(tiles.max(axis=within))
        low = as_float64(tiles.min(axis=within))
        # Of zeros alone it might be a negative zero.
        return np.abs(np.maximum(high, -low))
