"""Runs of consecutive numbers that share a scale: where they are, and what is found in each.

What is found here is found by compiled loops, on threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.codec import backends
from numformats.codec.numba.views import as_words, read_only
from numformats.scaled.elements import float_dtype
from numformats.scaled.granularity import Tile
from numformats.scaled.scales import as_float64

Array = NDArray[Any]
Floats = NDArray[np.float64]

# Elements that are worked on at a time: enough to make little of what Python does in between.
PART: Final = 4 * backends.PART


def run_length(shape: tuple[int, ...], tile: Tile) -> int | None:
    """How many consecutive elements a tile is, or None if its elements are not consecutive.

    >>> run_length((4, 64), (1, 32)), run_length((4, 70), (1, 32)), run_length((4, 6), (1, None))
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


def plain(x: Array) -> Array:
    """The numbers in a row, in the machine's byte order and aligned, a copy only if need be."""
    return read_only(np.require(x, x.dtype.newbyteorder("="), ["C", "A"]).reshape(-1).view())


def as_floats(x: Array) -> Array:
    """Numbers in the float dtype that loops take them in; not to be written to."""
    dtype = float_dtype(x.dtype)
    if x.dtype == dtype:
        return x
    with np.errstate(invalid="ignore"):  # NumPy warns of a signaling NaN on its way
        return read_only(x.astype(dtype))


def for_runs(grid: Array, shape: tuple[int, ...]) -> Array:
    """One entry for all runs, or one for each, of what broadcasts with the grid."""
    return (grid if grid.size == 1 else np.broadcast_to(grid, shape)).reshape(-1)


def part_of(each: Array, part: slice) -> Array:
    """The entries of some runs, or the one for all."""
    return each if each.size == 1 else each[part]


def largest_of_runs(flat: Array, run: int) -> Floats:
    """The largest finite magnitude of each run; NaN for NaN."""
    from numformats.codec.numba.blocks import absmax
    from numformats.codec.numba.threads import run_split

    # What a run is cut into, lest a tensor with one scale be left to one thread.
    piece = PART if run > PART and (run % PART == 0 or run >= flat.size) else run
    found = np.empty(-(-flat.size // piece))

    def work(begin: int, end: int) -> bool:
        now, own = as_floats(flat[begin:end]), found[begin // piece : -(-end // piece)]
        absmax.largest_of_runs(now, as_words(now), absmax.magnitude_words(now), piece, own)
        return False

    run_split(work, flat.size, piece)
    if piece == run:
        return found
    return np.maximum.reduceat(found, np.arange(0, flat.size, run) // piece)


def farthest_of_runs(flat: Array, run: int) -> Floats:
    """The finite number farthest from zero of each run, of several the first; NaN for NaN."""
    from numformats.codec.numba.blocks import absmax

    (found,) = _of_runs(flat, run, 1, absmax.farthest_of_blocks)
    return as_float64(found)


def ends_of_runs(flat: Array, run: int, *, with_zero: bool) -> tuple[Floats, Floats]:
    """The smallest and the largest finite number of each run; NaN for NaN.

    with_zero: whether zero counts besides.
    """
    from numformats.codec.numba.blocks import absmax

    low, high = _of_runs(flat, run, 2, absmax.ends_of_blocks, with_zero)
    return as_float64(low), as_float64(high)


def _of_runs(flat: Array, run: int, count: int, loop: Callable[..., None], *given: bool) -> Array:
    """A count of numbers for each run, which a loop over signed words of floats finds."""
    from numformats.codec.numba.blocks.absmax import order_words
    from numformats.codec.numba.threads import run_split

    found = np.empty((count, -(-flat.size // run)), float_dtype(flat.dtype))
    order, signed = order_words(found), f"i{found.itemsize}"

    def work(begin: int, end: int) -> bool:
        now, part = as_floats(flat[begin:end]), slice(begin // run, -(-end // run))
        loop(now, now.view(signed), order, run, *given, *found[:, part].view(signed))
        return False

    run_split(work, flat.size, run)
    return found
