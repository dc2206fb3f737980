"""Dequantizing in compiled loops, on threads: where numbers that share a scale are consecutive, or
are in each row of a tile, and else once they have been made so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numformats.codec.arguments import read_codes
from numformats.codec.backends import decode
from numformats.codec.numba.blocks import products
from numformats.codec.numba.encode import L2_CHUNK
from numformats.codec.numba.threads import run_split
from numformats.codec.numba.views import read_only
from numformats.codec.values import value_table
from numformats.scaled.block_quantization import entries_of, for_blocks
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.granularity import Tile
from numformats.scaled.micro_exponents import scales_of_parts
from numformats.scaled.plan import DequantizationPlan
from numformats.scaled.scales import Scales, scale_values, tensor_scale_values
from numformats.scaled.tiling import gathered, grid_shape, scattered, spread, tile_extents
from numformats.system import NumberSystem

Array = NDArray[Any]

# Numbers whose tiles are made consecutive at a time, about.
_GATHERED: Final = 1 << 20


def dequantize_blocks(out: Array, codes: Array, scales: Scales, plan: DequantizationPlan) -> None:
    """Write the numbers that an array stands for to `out`.

    ValueError for codes of elements that are out of range; those of scales are known not to be.
    """
    if plan.is_by_rows:
        scales = _for_rows(scales, codes.shape, plan.tile)
    own = _ScalesInARow.of(scales, plan)
    if plan.block is not None:
        is_good = _write(out.reshape(-1), _in_a_row(codes), own, plan, plan.block)
    else:
        is_good = all(
            _write_gathered(out, codes, own, plan, rows) for rows in _rows_of(codes, plan)
        )
    if not is_good:
        read_codes(codes, plan.format.element.bits)  # which says which is none


def write_products_of_blocks(
    codes: Array, element: NumberSystem, scales: Array, length: int, out: Array, each: Array
) -> bool:
    """Write the products of numbers and the scales of their blocks of a length, as float64, and the
    scale of each; return whether one is infinite. Codes are uint8, and in range.
    """
    is_infinite: bool = products.write_products(
        _in_a_row(codes),
        value_table(element, np.dtype(np.float64)),
        _in_a_row(scales),
        length,
        out.reshape(-1),
        each.reshape(-1),
    )
    return is_infinite


def _write(
    out: Array, codes: Array, own: _ScalesInARow, plan: DequantizationPlan, length: int
) -> bool:
    """Write the numbers of blocks of a length in a row; whether all codes were in range."""

    def work(begin: int, end: int) -> bool:
        is_all = end - begin == codes.size
        some = own if is_all else own.of_blocks(slice(begin // length, -(-end // length)))
        is_good: bool = products.decode_blocks(
            codes[begin:end],
            plan.table,
            some.zero_points,
            some.stored,
            plan.scale_table,
            some.factors,
            some.offsets,
            length,
            begin % length,
            np.empty(min(L2_CHUNK, end - begin) // length + 2, plan.dtype),
            plan.largest_safe_scale,
            out[begin:end],
        )
        return is_good

    return all(run_split(work, codes.size, L2_CHUNK))


def _rows_of(codes: Array, plan: DequantizationPlan) -> Iterator[slice]:
    """Indices of the first axis, as many at a time as to make about a chunk of whole tiles."""
    length, extent = codes.shape[0], plan.tile[0]
    extent = length if extent is None else extent
    step = max(_GATHERED * length // (codes.size * extent), 1) * extent
    return (slice(begin, min(begin + step, length)) for begin in range(0, length, step))


def _write_gathered(
    out: Array, codes: Array, own: _ScalesInARow, plan: DequantizationPlan, rows: slice
) -> bool:
    """Write the numbers of some rows with those of each tile made consecutive meanwhile; whether
    all codes were in range.
    """
    part, tile = codes[rows], plan.tile
    flat, length = gathered(part, tile), math.prod(tile_extents(part.shape, tile))
    numbers = np.empty(flat.size, out.dtype)
    # Rows of tiles have as many each.
    first = rows.start * math.prod(grid_shape(codes.shape, tile)[1:]) // (tile[0] or codes.shape[0])
    some = own.of_blocks(slice(first, first + flat.size // length))
    is_good = _write(numbers, read_only(flat), some, plan, length)
    out[rows] = scattered(numbers, part.shape, tile)
    return is_good


def _for_rows(scales: Scales, shape: tuple[int, ...], tile: Tile) -> Scales:
    """The scales of tiles, again for each row that is theirs."""

    def repeated(grid: Array) -> Array:
        rows = (*shape[:-1], grid.shape[-1])
        return np.broadcast_to(spread(grid, rows, (*tile[:-1], 1)), rows)

    zeros, offsets = scales.zero_points, scales.offsets
    return replace(
        scales,
        codes=repeated(scales.codes),
        zero_points=None if zeros is None else repeated(zeros),
        offsets=None if offsets is None else repeated(offsets),
    )


class _ScalesInARow(NamedTuple):
    """What `products.decode_blocks` has to know of the scales of blocks.

    stored: codes, whose values the plan has in a table; or those values themselves. factors: what
    they are multiplied by, one for all or one for each, if anything. zero_points, offsets: of each
    block, if there are any.
    """

    stored: Array
    factors: Array | None
    zero_points: Array | None
    offsets: Array | None

    @classmethod
    def of(cls, scales: Scales, plan: DequantizationPlan) -> _ScalesInARow:
        """Those of a grid."""
        fmt, zeros, offsets = plan.format, scales.zero_points, scales.offsets
        return cls(
            _in_a_row(_stored_scales(scales, plan)),
            None if scales.tensor is None else _factors_in_a_row(scales, fmt),
            None if zeros is None else _values_in_a_row(zeros, fmt.zero_point, np.float32),
            None if offsets is None else _values_in_a_row(offsets, fmt.offset, np.float64),
        )

    def of_blocks(self, blocks: slice) -> _ScalesInARow:
        """Those of some blocks."""
        stored, factors, zero_points, offsets = self
        return _ScalesInARow(
            stored[blocks],
            None if factors is None else entries_of(factors, blocks),
            None if zero_points is None else zero_points[blocks],
            None if offsets is None else offsets[blocks],
        )


def _stored_scales(scales: Scales, plan: DequantizationPlan) -> Array:
    """Codes, whose values the plan has in a table; or else those values."""
    if plan.scale_table is not None:
        return scales.codes
    if plan.format.micro_exponents:
        return scales_of_parts(scales, plan.format, plan.tile).astype(plan.dtype)
    if scales.mean is None:
        return decode(scales.codes, plan.format.scale_element).astype(plan.dtype)
    return scale_values(scales, plan.format).astype(plan.dtype)


def _factors_in_a_row(scales: Scales, fmt: ScaledFormat) -> Array | None:
    """What scales are multiplied by, one for all or one for each; None where they have been."""
    if scales.mean is not None:
        return None
    grid = scales.codes.shape
    factors = tensor_scale_values(scales.tensor, fmt, grid)
    return None if factors is None else _in_a_row(for_blocks(factors, grid))


def _values_in_a_row(codes: Array, fmt: NumberSystem | None, dtype: Any) -> Array:
    assert fmt is not None
    return _in_a_row(decode(codes, fmt).astype(dtype))


def _in_a_row(array: Array) -> Array:
    """What compiled loops read."""
    return read_only(array.reshape(-1))
