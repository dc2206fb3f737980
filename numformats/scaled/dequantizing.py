"""Numbers from elements and scales, where those that share a scale are consecutive: compiled, on
threads.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.codec import paths
from numformats.codec.extent import dtype_holds
from numformats.codec.values import TABLE_BITS
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.granularity import Tile
from numformats.scaled.runs import PART, run_length, spread_runs
from numformats.scaled.scales import Scales, flat_values, scale_values

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
    from numformats.codec.compiled import blocks
    from numformats.codec.compiled.threads import run_split

    run = run_length(codes.shape, tile)
    assert run is not None
    # A product of an element and a scale is rounded once in float32, too, if float32 holds both.
    is_plain = scales.tensor is None and scales.offsets is None
    dtype = np.float32 if is_plain else np.float64
    sizes = scale_values(scales, fmt).reshape(-1).astype(dtype)
    zeros = flat_values(scales.zero_points, fmt.zero_point)
    offsets = flat_values(scales.offsets, fmt.offset)
    flat, target = codes.reshape(-1), out.reshape(-1)

    def work(begin: int, end: int) -> bool:
        size = min(PART, end - begin)
        each = np.empty(0 if zeros is None and offsets is None else size, dtype)
        wide = np.empty(0 if offsets is None else size)
        for first in range(begin, end, PART):
            last = min(first + PART, end)
            part = slice(first // run, -(-last // run))
            values, own = target[first:last], each[: last - first]
            paths.decode_into(values, flat[first:last], fmt.element)
            if zeros is not None:
                spread_runs(zeros[part], run, first % run, own)
                blocks.subtract_each(values, own)
            if offsets is None:
                blocks.multiply_runs(values, sizes[part], run, first % run)
                continue
            spread_runs(sizes[part], run, first % run, own)
            sums = wide[: last - first]
            np.multiply(values, own, out=sums)
            spread_runs(offsets[part], run, first % run, own)
            blocks.add_each_to_odd(sums, own, sums)
            with np.errstate(over="ignore", under="ignore", invalid="ignore"):
                values[:] = sums
        return False

    run_split(work, flat.size, PART)
