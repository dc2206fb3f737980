"""Dequantizing in compiled loops, on threads, where numbers that share a scale are consecutive, or
are in each row of a tile.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numformats.codec.arguments import read_codes
from numformats.codec.backends import decode
from numformats.codec.numba.blocks import products
from numformats.codec.numba.encode import L2_CHUNK
from numformats.codec.numba.threads import run_split
from numformats.codec.numba.views import read_only
from numformats.scaled.block_quantization import entries_of, for_blocks
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.granularity import Tile
from numformats.scaled.plan import DequantizationPlan
from numformats.scaled.scales import Scales, scale_values, tensor_scale_values
from numformats.scaled.tiling import spread
from numformats.system import NumberSystem

Array = NDArray[Any]


def dequantize_blocks(out: Array, codes: Array, scales: Scales, plan: DequantizationPlan) -> None:
    """Write the numbers that an array stands for to `out`.

    ValueError for codes of elements that are out of range; those of scales are known not to be.
    """
    fmt, length = plan.format, plan.block
    assert length is not None
    if plan.is_by_rows:
        scales = _for_rows(scales, codes.shape, plan.tile)
    stored, factors = _in_a_row(_stored_scales(scales, plan)), _factors_in_a_row(scales, fmt)
    zero_points = _values_in_a_row(scales.zero_points, fmt.zero_point, np.float32)
    offsets = _values_in_a_row(scales.offsets, fmt.offset, np.float64)
    flat, target = _in_a_row(codes), out.reshape(-1)

    def work(begin: int, end: int) -> bool:
        blocks = slice(begin // length, -(-end // length))
        return not products.decode_blocks(
            flat[begin:end],
            plan.table,
            None if zero_points is None else zero_points[blocks],
            stored[blocks],
            plan.scale_table,
            None if factors is None else entries_of(factors, blocks),
            None if offsets is None else offsets[blocks],
            length,
            begin % length,
            np.empty(min(L2_CHUNK, end - begin) // length + 2, plan.dtype),
            plan.largest_safe_scale,
            target[begin:end],
        )

    if any(run_split(work, flat.size, L2_CHUNK)):
        read_codes(codes, fmt.element.bits)  # which says which is none


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


def _stored_scales(scales: Scales, plan: DequantizationPlan) -> Array:
    """Codes, whose values the plan has in a table; or else those values."""
    if plan.scale_table is not None:
        return scales.codes
    if scales.mean is None:
        return decode(scales.codes, plan.format.scale_element).astype(plan.dtype)
    return scale_values(scales, plan.format).astype(plan.dtype)


def _factors_in_a_row(scales: Scales, fmt: ScaledFormat) -> Array | None:
    """What scales are multiplied by, one for all or one for each; None where they have been."""
    if scales.tensor is None or scales.mean is not None:
        return None
    grid = scales.codes.shape
    factors = tensor_scale_values(scales.tensor, fmt, grid)
    return None if factors is None else _in_a_row(for_blocks(factors, grid))


def _values_in_a_row(codes: Array | None, fmt: NumberSystem | None, dtype: Any) -> Array | None:
    return None if codes is None or fmt is None else _in_a_row(decode(codes, fmt).astype(dtype))


def _in_a_row(array: Array) -> Array:
    """What compiled loops read."""
    return read_only(array.reshape(-1))
