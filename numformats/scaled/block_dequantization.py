"""Dequantizing in compiled loops, on threads, where numbers that share a scale are consecutive, or
are in each row of a tile.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numformats.codec.arguments import read_codes
from numformats.codec.backends import decode
from numformats.codec.numba.blocks import products
from numformats.codec.numba.encode import L2_CHUNK
from numformats.codec.numba.threads import run_split
from numformats.codec.numba.views import read_only
from numformats.codec.values import TABLE_BITS, value_table
from numformats.scaled.block_quantization import entries_of, for_blocks
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.granularity import Tile
from numformats.scaled.plan import DequantizationPlan
from numformats.scaled.scales import Scales, scale_values, tensor_scale_values
from numformats.scaled.tiling import spread
from numformats.system import NumberSystem

Array = NDArray[Any]


def dequantize_blocks(
    out: Array,
    codes: Array,
    scales: Scales,
    fmt: ScaledFormat,
    plan: DequantizationPlan,
    length: int,
) -> None:
    """Write the numbers that an array stands for to `out`, blocks of this length.

    ValueError for codes of elements that are out of range; those of scales are known not to be.
    """
    if plan.is_by_rows:
        scales = _for_rows(scales, codes.shape, plan.tile)
    own = _stored_scales(scales, fmt, plan.dtype)
    table = value_table(fmt.element, plan.dtype)
    flat, target = read_only(codes.reshape(-1).view()), out.reshape(-1)

    def work(begin: int, end: int) -> bool:
        blocks = slice(begin // length, -(-end // length))
        return not products.decode_blocks(
            flat[begin:end],
            table,
            None if own.zero_points is None else own.zero_points[blocks],
            own.stored[blocks],
            own.table,
            None if own.tensor_scales is None else entries_of(own.tensor_scales, blocks),
            None if own.offsets is None else own.offsets[blocks],
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


@dataclass(frozen=True)
class _StoredScales:
    """What `products.decode_blocks` has to know of the scales of blocks.

    stored: codes, with their values in a table; or those values themselves. tensor_scales: None, or
    what they are multiplied by, one or one each. zero_points, offsets: of each block, or None.
    """

    stored: Array
    table: Array | None
    tensor_scales: Array | None
    zero_points: Array | None
    offsets: Array | None


def _stored_scales(scales: Scales, fmt: ScaledFormat, dtype: np.dtype[Any]) -> _StoredScales:
    grid = scales.codes.shape
    own, table, factors = scales.codes, None, None
    if scales.mean is not None:
        own = scale_values(scales, fmt).astype(dtype)
    else:
        factors = tensor_scale_values(scales.tensor, fmt, grid)
        if fmt.scale_element.bits <= TABLE_BITS:
            table = value_table(fmt.scale_element, dtype)
        else:
            own = decode(own, fmt.scale_element).astype(dtype)
    return _StoredScales(
        read_only(own.reshape(-1).view()),
        table,
        None if factors is None else read_only(for_blocks(factors, grid).view()),
        _values_in_a_row(scales.zero_points, fmt.zero_point, np.float32),
        _values_in_a_row(scales.offsets, fmt.offset, np.float64),
    )


def _values_in_a_row(codes: Array | None, fmt: NumberSystem | None, dtype: Any) -> Array | None:
    if codes is None or fmt is None:
        return None
    return read_only(decode(codes, fmt).reshape(-1).astype(dtype))
