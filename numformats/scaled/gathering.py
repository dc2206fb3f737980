"""The tiles of an array one after the other, so that the numbers of each are consecutive."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numformats.scaled.granularity import Tile, grid_shape

Array = NDArray[Any]


def gathered(x: Array, tile: Tile) -> Array:
    """The numbers of an array, tile after tile, each filled up with numbers of its own.

    >>> gathered(np.arange(1, 7).reshape(2, 3), (2, 2))
    array([1, 2, 4, 5, 3, 3, 6, 6])
    """
    grid, extents = _grid_and_extents(x.shape, tile)
    full = tuple(count * extent for count, extent in zip(grid, extents, strict=True))
    missing = [(0, length - had) for length, had in zip(full, x.shape, strict=True)]
    padded = np.pad(x, missing, "edge") if full != x.shape else x
    split = [length for pair in zip(grid, extents, strict=True) for length in pair]
    ndim = x.ndim
    order = [*range(0, 2 * ndim, 2), *range(1, 2 * ndim, 2)]
    return np.ascontiguousarray(padded.reshape(split).transpose(order)).reshape(-1)


def scattered(flat: Array, shape: tuple[int, ...], tile: Tile) -> Array:
    """The array of this shape of which `gathered` made `flat`.

    >>> scattered(np.array([1, 2, 4, 5, 3, 3, 6, 6]), (2, 3), (2, 2))
    array([[1, 2, 3],
           [4, 5, 6]])
    """
    grid, extents = _grid_and_extents(shape, tile)
    ndim = len(shape)
    order = [axis for pair in zip(range(ndim), range(ndim, 2 * ndim), strict=True) for axis in pair]
    full = [count * extent for count, extent in zip(grid, extents, strict=True)]
    padded = flat.reshape(*grid, *extents).transpose(order).reshape(full)
    return np.ascontiguousarray(padded[tuple(map(slice, shape))])


def _grid_and_extents(
    shape: tuple[int, ...], tile: Tile
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    grid = grid_shape(shape, tile)
    # A tile that reaches beyond the array ends with it.
    extents = tuple(
        length if extent is None else min(length, extent)
        for length, extent in zip(shape, tile, strict=True)
    )
    assert math.prod(grid) > 0
    return grid, extents
