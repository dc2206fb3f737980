"""Numbers from elements and scales, where those that share a scale are consecutive, or are in each
row of a tile: compiled, on threads.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.codec import backends
from numformats.codec.arguments import read_codes
from numformats.codec.extents import dtype_holds
from numformats.codec.numba.views import read_only
from numformats.codec.values import TABLE_BITS, value_table
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.granularity import PerTensor, Tile
from numformats.scaled.runs import for_runs, part_of, run_length
from numformats.scaled.scales import (
    Scales,
    flat_values,
    outer_values,
    scale_values,
    spread,
    values_of,
)

Array = NDArray[Any]

_FLOAT32: Final = np.dtype(np.float32)


def can_dequantize(codes: Array, fmt: ScaledFormat, tile: Tile, out: Array) -> bool:
    """Whether `dequantize_runs` can do it."""
    return (
        out.dtype == _FLOAT32
        and out.flags.c_contiguous
        and codes.flags.c_contiguous
        and out.flags.aligned
        and out.size > 0
        and fmt.element.bits <= TABLE_BITS
        and dtype_holds(_FLOAT32, fmt.element)
        and (fmt.scale_mean is None or dtype_holds(_FLOAT32, fmt.scale_mean))
        and (_is_in_runs(codes.shape, tile) or _is_in_rows(codes.shape, fmt, tile))
        and backends.compiled_path(codes.size) is not None
        and not np.may_share_memory(codes, out)
    )


def _is_in_runs(shape: tuple[int, ...], tile: Tile) -> bool:
    return run_length(shape, tile) is not None


def _is_in_rows(shape: tuple[int, ...], fmt: ScaledFormat, tile: Tile) -> bool:
    """Whether what a tile has of each row is a run, of more than one number."""
    is_even = not isinstance(fmt.scale, ScaledFormat) or isinstance(
        fmt.scale.granularity, PerTensor
    )
    return is_even and tile[-1] != 1 and _is_in_runs(shape, _row_of(tile))


def _row_of(tile: Tile) -> Tile:
    return (*(1 for _ in tile[:-1]), tile[-1])


@dataclass(frozen=True)
class _RunScales:
    """What `products.decode_runs` has to know of the scales of runs of a length.

    scales: codes, with their values in a table, or those values themselves. outer: None, or what
    they are multiplied by, one or one each. zeros, offsets: of each run, or None. most: the largest
    scale without products beyond float32.
    """

    length: int
    scales: Array
    scale_table: Array | None
    outer: Array | None
    zeros: Array | None
    offsets: Array | None
    dtype: np.dtype[Any]
    most: float


def dequantize_runs(
    codes: Array, scales: Scales, fmt: ScaledFormat, tile: Tile, out: Array
) -> None:
    """Write the numbers that an array stands for to `out`, where `can_dequantize` holds."""
    from numformats.codec.numba.blocks import products
    from numformats.codec.numba.encode import PIECE
    from numformats.codec.numba.threads import run_split

    if not _is_in_runs(codes.shape, tile):
        scales, tile = _for_rows(scales, codes.shape, tile), _row_of(tile)
    runs = _runs_of(scales, fmt, codes.shape, tile)
    table = value_table(fmt.element, runs.dtype)
    flat, target = read_only(codes.reshape(-1).view()), out.reshape(-1)

    def work(begin: int, end: int) -> bool:
        part = slice(begin // runs.length, -(-end // runs.length))
        return not products.decode_runs(
            flat[begin:end],
            table,
            None if runs.zeros is None else runs.zeros[part],
            runs.scales[part],
            runs.scale_table,
            None if runs.outer is None else part_of(runs.outer, part),
            None if runs.offsets is None else runs.offsets[part],
            runs.length,
            begin % runs.length,
            np.empty(PIECE // runs.length + 2, runs.dtype),
            runs.most,
            target[begin:end],
        )

    if any(run_split(work, flat.size, PIECE)):
        read_codes(codes, fmt.element.bits)  # which says which is none


def _for_rows(scales: Scales, shape: tuple[int, ...], tile: Tile) -> Scales:
    """The scales of tiles, again for each row that is theirs."""

    def repeated(grid: Array | None) -> Array | None:
        if grid is None:
            return None
        rows = (*shape[:-1], grid.shape[-1])
        return np.broadcast_to(spread(grid, rows, (*tile[:-1], 1)), rows)

    codes = repeated(scales.codes)
    assert codes is not None
    return replace(
        scales,
        codes=codes,
        zero_points=repeated(scales.zero_points),
        offsets=repeated(scales.offsets),
    )


def _runs_of(scales: Scales, fmt: ScaledFormat, shape: tuple[int, ...], tile: Tile) -> _RunScales:
    length = run_length(shape, tile)
    assert length is not None
    # A product of an element and a scale is rounded once in float32, too, if float32 holds both.
    has_mean = scales.mean is not None
    is_plain = scales.tensor is None and dtype_holds(_FLOAT32, fmt.scale_element)
    is_plain = (is_plain or has_mean) and scales.offsets is None
    dtype = np.dtype(np.float32 if is_plain else np.float64)
    own, table = scales.codes.reshape(-1), None
    if has_mean:
        own = scale_values(scales, fmt).reshape(-1).astype(dtype)
    elif fmt.scale_element.bits <= TABLE_BITS:
        read_codes(own, fmt.scale_element.bits)
        table = value_table(fmt.scale_element, dtype)
    else:
        own = values_of(own, fmt.scale_element).astype(dtype)
    outer = None if has_mean else outer_values(scales.tensor, fmt, scales.codes.shape)
    zeros = flat_values(scales.zero_points, fmt.zero_point)
    offsets = flat_values(scales.offsets, fmt.offset)
    return _RunScales(
        length,
        read_only(own.view()),
        table,
        None if outer is None else read_only(for_runs(outer, scales.codes.shape).view()),
        None if zeros is None else read_only(zeros.astype(np.float32)),
        None if offsets is None else read_only(offsets.view()),
        dtype,
        _largest_safe_scale(fmt),
    )


def _largest_safe_scale(fmt: ScaledFormat) -> float:
    """What scales are at the most where no product with an element is beyond float32."""
    reach = max(abs(fmt.element.lowest), fmt.element.highest)
    if fmt.zero_point is not None:
        reach += max(abs(fmt.zero_point.lowest), fmt.zero_point.highest)
    # A power of two below the quotient is float64's, and saturating once too often does no harm.
    return 2.0**127 / float(reach)
