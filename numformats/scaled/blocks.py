"""Blocks of consecutive numbers that share a scale, and their statistics: compiled, on threads."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.codec.numba.blocks import absmax
from numformats.codec.numba.blocks.calls import write_absmax
from numformats.codec.numba.threads import run_split
from numformats.codec.numba.views import read_only
from numformats.scaled.granularity import Tile
from numformats.scaled.plan import QuantizationPlan, float_dtype
from numformats.scaled.statistics import as_float64
from numformats.scaled.tiling import block_length, gathered, grid_shape, tile_extents

Array = NDArray[Any]
Floats = NDArray[np.float64]

# Numbers that a thread takes at a time: enough to make little of what Python does in between. The
# loops need a multiple of their own chunks, for random bits.
TASK: Final = 1 << 18


@dataclass(frozen=True)
class Blocks:
    """Numbers in a row of which each `length` share a scale; the last block may be shorter.

    grid: the shape of the grid of scales.
    """

    flat: Array
    grid: tuple[int, ...]
    length: int

    @property
    def count(self) -> int:
        """How many blocks there are."""
        return -(-self.flat.size // self.length)

    def absmax(self) -> Floats:
        """The largest finite magnitude of each block; NaN for NaN."""
        return absmax_of_blocks(self.flat, self.length).reshape(self.grid)

    def signed_absmax(self) -> Floats:
        """The finite number farthest from zero of each block, of several the first; NaN for NaN."""
        return signed_absmax_of_blocks(self.flat, self.length).reshape(self.grid)

    def ends(self, *, with_zero: bool) -> tuple[Floats, Floats]:
        """The smallest and the largest finite number of each block; NaN for NaN.

        with_zero: whether zero counts besides.
        """
        low, high = ends_of_blocks(self.flat, self.length, with_zero=with_zero)
        return low.reshape(self.grid), high.reshape(self.grid)


def blocks_of(x: Array, plan: QuantizationPlan) -> Blocks:
    """The numbers of an array with those of a tile consecutive, as the plan has them."""
    return Blocks(plain(gathered(x, plan.tile) if plan.is_gathered else x), plan.grid, plan.block)


def blocks_of_tile(x: Array, tile: Tile) -> Blocks:
    """The same for any tile."""
    flat = gathered(x, tile) if block_length(x.shape, tile) is None else x
    return Blocks(plain(flat), grid_shape(x.shape, tile), math.prod(tile_extents(x.shape, tile)))


def plain(x: Array) -> Array:
    """The numbers in a row, in the machine's byte order and aligned, a copy only if need be."""
    if not (x.flags.c_contiguous and x.flags.aligned and x.dtype.isnative):
        x = np.require(x, x.dtype.newbyteorder("="), ["C", "A"])
    return read_only(x.reshape(-1))


def as_floats(x: Array) -> Array:
    """Numbers in the float dtype that loops take them in; not to be written to."""
    dtype = float_dtype(x.dtype)
    if x.dtype == dtype:
        return x
    with np.errstate(invalid="ignore"):  # NumPy warns of a signaling NaN on its way
        return read_only(x.astype(dtype))


def absmax_of_blocks(flat: Array, length: int) -> Floats:
    """The largest finite magnitude of each block; NaN for NaN."""
    # What a block is cut into, lest a tensor with one scale be left to one thread.
    is_cut = length > TASK and (length % TASK == 0 or length >= flat.size)
    cut = TASK if is_cut else length
    found = np.empty(-(-flat.size // cut))

    def work(begin: int, end: int) -> bool:
        numbers, own = as_floats(flat[begin:end]), found[begin // cut : -(-end // cut)]
        write_absmax(numbers, cut, own)
        return False

    run_split(work, flat.size, cut)
    if not is_cut:
        return found
    return np.maximum.reduceat(found, np.arange(0, flat.size, length) // cut)


def signed_absmax_of_blocks(flat: Array, length: int) -> Floats:
    """The finite number farthest from zero of each block, of several the first; NaN for NaN."""
    (found,) = _found_in_blocks(flat, length, 1, absmax.signed_absmax_of_blocks)
    return as_float64(found)


def ends_of_blocks(flat: Array, length: int, *, with_zero: bool) -> tuple[Floats, Floats]:
    """The smallest and the largest finite number of each block; NaN for NaN.

    with_zero: whether zero counts besides.
    """
    low, high = _found_in_blocks(flat, length, 2, absmax.ends_of_blocks, with_zero)
    return as_float64(low), as_float64(high)


def _found_in_blocks(
    flat: Array, length: int, count: int, loop: Callable[..., None], *given: bool
) -> Array:
    """A count of numbers for each block, which a loop over signed words of floats finds."""
    found = np.empty((count, -(-flat.size // length)), float_dtype(flat.dtype))
    order, signed = absmax.order_words(found), f"i{found.itemsize}"

    def work(begin: int, end: int) -> bool:
        numbers, blocks = as_floats(flat[begin:end]), slice(begin // length, -(-end // length))
        loop(numbers, numbers.view(signed), order, length, *given, *found[:, blocks].view(signed))
        return False

    run_split(work, flat.size, length)
    return found
