"""Numbers from elements and scales, where those that share a scale are consecutive: compiled, on
threads.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.codec import paths
from numformats.codec.extent import dtype_holds
from numformats.codec.values import TABLE_BITS, value_table
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.granularity import Tile
from numformats.scaled.runs import for_runs, part_of, run_length
from numformats.scaled.scales import Scales, flat_values, outer_values, values_of

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
        and run_length(codes.shape, tile) is not None
        and paths.compiled_path(codes.size) is not None
        and not np.may_share_memory(codes, out)
    )


def dequantize_runs(
    codes: Array, scales: Scales, fmt: ScaledFormat, tile: Tile, out: Array
) -> None:
    """Write the numbers that an array stands for to `out`, where `can_dequantize` holds."""
    from numformats.codec.compiled import pieces
    from numformats.codec.compiled.threads import run_split
    from numformats.codec.compiled.views import read_only

    run = run_length(codes.shape, tile)
    assert run is not None
    # A product of an element and a scale is rounded once in float32, too, if float32 holds both.
    is_plain = scales.tensor is None and scales.offsets is None
    dtype = np.dtype(np.float32 if is_plain else np.float64)
    scale, of_runs, scale_table = fmt.scale_element, scales.codes.reshape(-1), None
    if scale.bits <= TABLE_BITS:
        scale_table = value_table(scale, dtype)
    else:
        of_runs = values_of(of_runs, scale).astype(dtype)
    of_runs = read_only(of_runs.view())
    outer = outer_values(scales, fmt)
    outer = None if outer is None else read_only(for_runs(outer, scales.codes.shape))
    zeros = flat_values(scales.zero_points, fmt.zero_point)
    zeros = None if zeros is None else read_only(zeros.astype(np.float32))
    offsets = flat_values(scales.offsets, fmt.offset)
    offsets = None if offsets is None else read_only(offsets)
    table = value_table(fmt.element, _FLOAT32)
    flat, target = read_only(codes.reshape(-1).view()), out.reshape(-1)

    def work(begin: int, end: int) -> bool:
        part = slice(begin // run, -(-end // run))
        pieces.decode_runs(
            flat[begin:end],
            table,
            None if zeros is None else zeros[part],
            of_runs[part],
            scale_table,
            None if outer is None else part_of(outer, part),
            None if offsets is None else offsets[part],
            run,
            begin % run,
            np.empty(pieces.PIECE // run + 2, dtype),
            target[begin:end],
        )
        return False

    run_split(work, flat.size, pieces.PIECE)
