"""Tiles in arrays: how many there are, where they lie, and what each number's tile has for it.

The grid of an array has an entry for each tile: that is the shape in which scales are chosen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numformats.scaled.granularity import Index, Tile

Array = NDArray[Any]


def grid_shape(shape: tuple[int, ...], tile: Tile) -> tuple[int, ...]:
    """How many tiles there are along each axis, the last one perhaps cut off.

    >>> grid_shape((4, 70), (1, 32))
    (4, 3)
    """
    return tuple(
        [
            1 if extent is None else -(-length // extent)
            for length, extent in zip(shape, tile, strict=True)
        ]
    )


def scale_shape(shape: tuple[int, ...], tile: Tile) -> tuple[int, ...]:
    """The grid without the axes that a tile spans.

    >>> scale_shape((4, 70), (None, None)), scale_shape((4, 70), (1, None))
    ((), (4,))
    """
    grid = grid_shape(shape, tile)
    return tuple(n for n, extent in zip(grid, tile, strict=True) if extent is not None)


def micro_tile(tile: Tile, size: int) -> Tile:
    """The tile of so many consecutive numbers of a block, which is the tile of these.

    >>> micro_tile((1, 64), 8)
    (1, 8)
    """
    return tuple(1 if extent == 1 else size for extent in tile)


def block_length(shape: tuple[int, ...], tile: Tile) -> int | None:
    """How many consecutive numbers a tile is, or None if its numbers are not consecutive.

    >>> block_length((4, 64), (1, 32)), block_length((4, 70), (1, 32)), block_length((4, 6), (1, 6))
    (32, None, 6)
    """
    length, is_inside = 1, True
    for extent, size in zip(reversed(tile), reversed(shape), strict=True):
        step = size if extent is None else min(extent, size)
        if is_inside:
            length *= step
            # Blocks go on in the next row only if they fill this one.
            is_inside = step == size
            # A block that is cut off may be the last of all, but not followed by another row.
            if not is_inside and size % step and length * -(-size // step) < math.prod(shape):
                return None
        elif step != 1 and size != 1:
            return None
    return length


def are_tiles_whole(shape: tuple[int, ...], tile: Tile) -> bool:
    """Whether no tile is cut off; one that reaches beyond the array ends with it."""
    return all(
        extent is None or length % min(extent, length) == 0
        for length, extent in zip(shape, tile, strict=True)
    )


def evenly_tiled(
    shape: tuple[int, ...], tile: Tile
) -> Iterator[tuple[Index, Index, tuple[int, ...]]]:
    """The area of an array that whole tiles fill, and those at its ends, in tiles of their own.

    Yields the slices of the array, those of the grid of tiles, and the extents of a tile.

    >>> [(grid, extents) for _, grid, extents in evenly_tiled((70,), (32,))]
    [((slice(0, 2, None),), (32,)), ((slice(2, 3, None),), (6,))]
    """
    choices = []
    for length, extent in zip(shape, tile, strict=True):
        step = length if extent is None else extent
        whole = length // step if step else 0
        spans = [(slice(0, whole * step), slice(0, whole), step)] if whole else []
        if length > whole * step:
            rest = length - whole * step
            spans.append((slice(whole * step, length), slice(whole, whole + 1), rest))
        choices.append(spans)
    for chosen in product(*choices):
        area, grid, extents = zip(*chosen, strict=True)
        yield area, grid, extents


def as_tiles(x: Array, extents: tuple[int, ...]) -> tuple[Array, tuple[int, ...]]:
    """An array that tiles fill as a view with the grid's axes first; and the axes within a tile."""
    split: list[int] = []
    for length, extent in zip(x.shape, extents, strict=True):
        split += [length // extent, extent]
    ndim = x.ndim
    view = x.reshape(split).transpose([*range(0, 2 * ndim, 2), *range(1, 2 * ndim, 2)])
    return view, tuple(range(ndim, 2 * ndim))


def chunks_in_order(shape: tuple[int, ...], limit: int) -> Iterator[tuple[Index, int]]:
    """Chunks of an array with about `limit` elements at most, each without a gap in C order.

    Yields the slices, and the position of the first element.

    >>> [start for _, start in chunks_in_order((3, 4), 8)]
    [0, 8]
    """
    size = math.prod(shape)
    if size <= limit:
        if size:
            yield tuple(slice(0, length) for length in shape), 0
        return
    row = size // shape[0]
    step = max(limit // row, 1)
    for begin in range(0, shape[0], step):
        end = min(begin + step, shape[0])
        if row <= limit:
            inner = tuple(slice(0, length) for length in shape[1:])
            yield (slice(begin, end), *inner), begin * row
            continue
        for index, start in chunks_in_order(shape[1:], limit):
            yield (slice(begin, end), *index), begin * row + start


def spread(grid: Array, shape: tuple[int, ...], tile: Tile) -> Array:
    """For each element of an array the entry of its tile, in a shape that broadcasts with it."""
    return spread_over(grid, tuple(slice(0, length) for length in shape), tile)


def spread_over(grid: Array, chunk: Index, tile: Tile) -> Array:
    """For each element of a chunk of an array the entry of its tile."""
    for axis, (span, extent) in enumerate(zip(chunk, tile, strict=True)):
        if extent is None:
            continue  # one entry, which broadcasts
        if extent == 1:
            grid = grid[(slice(None),) * axis + (span,)]
        else:
            first, last = span.start // extent, -(-span.stop // extent)
            own = grid[(slice(None),) * axis + (slice(first, last),)]
            grid = _spread_along(own, axis, extent, span.start - first * extent, span)
    return grid


def _spread_along(own: Array, axis: int, extent: int, begun: int, span: slice) -> Array:
    """The entries of tiles along an axis for each of the indices of a span, which begins within the
    first tile.
    """
    length = span.stop - span.start
    if begun == 0 and length % extent == 0:
        # A copy of a view lets other threads of Python go on meanwhile, which `repeat` does not.
        shape = (*own.shape[: axis + 1], extent, *own.shape[axis + 1 :])
        view = np.broadcast_to(np.expand_dims(own, axis + 1), shape)
        return view.reshape(*own.shape[:axis], length, *own.shape[axis + 1 :])
    counts = np.full(own.shape[axis], extent)
    counts[0] = min(extent - begun, length)
    counts[-1] = length - counts[:-1].sum()
    return own.repeat(counts, axis=axis)


def gathered(x: Array, tile: Tile) -> Array:
    """The numbers of an array, tile after tile, each filled up with numbers of its own.

    >>> gathered(np.arange(1, 7).reshape(2, 3), (2, 2))
    array([1, 2, 4, 5, 3, 3, 6, 6])
    """
    grid, extents = grid_shape(x.shape, tile), tile_extents(x.shape, tile)
    full = tuple(count * extent for count, extent in zip(grid, extents, strict=True))
    tiles, _ = as_tiles(_filled_up(x, full) if full != x.shape else x, extents)
    return np.ascontiguousarray(tiles).reshape(-1)


def _filled_up(x: Array, shape: tuple[int, ...]) -> Array:
    """A larger array that begins with another, and has the last numbers of that after it: what
    `np.pad` does with "edge", in less time for small arrays.
    """
    full = np.empty(shape, x.dtype)
    full[tuple(map(slice, x.shape))] = x
    for axis, had in enumerate(x.shape):
        if had < shape[axis]:
            before = (slice(None),) * axis
            full[(*before, slice(had, None))] = full[(*before, slice(had - 1, had))]
    return full


def scattered(flat: Array, shape: tuple[int, ...], tile: Tile) -> Array:
    """The array of this shape of which `gathered` made `flat`.

    >>> scattered(np.array([1, 2, 4, 5, 3, 3, 6, 6]), (2, 3), (2, 2))
    array([[1, 2, 3],
           [4, 5, 6]])
    """
    grid, extents = grid_shape(shape, tile), tile_extents(shape, tile)
    ndim = len(shape)
    order = [axis for pair in zip(range(ndim), range(ndim, 2 * ndim), strict=True) for axis in pair]
    full = [count * extent for count, extent in zip(grid, extents, strict=True)]
    padded = flat.reshape(*grid, *extents).transpose(order).reshape(full)
    return np.ascontiguousarray(padded[tuple(map(slice, shape))])


def tile_extents(shape: tuple[int, ...], tile: Tile) -> tuple[int, ...]:
    """How far a tile reaches along each axis; one that reaches beyond the array ends with it."""
    return tuple(
        length if extent is None else min(length, extent)
        for length, extent in zip(shape, tile, strict=True)
    )
