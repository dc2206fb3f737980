"""Tiles that are runs of consecutive numbers, as those of most schemes are: compiled, on threads.

A part of the array at a time is scaled, divided and encoded, and stays in the cache meanwhile.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats import codec
from numformats.codec import paths
from numformats.codec.arguments import code_dtype
from numformats.codec.plan import make_plan
from numformats.codec.values import TABLE_BITS
from numformats.formats.tables import TableFormat
from numformats.rounding import RoundingMode, SaturationMode
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.granularity import Tile, grid_shape
from numformats.scaled.rules import ScaleRule
from numformats.scaled.scales import Scales, divisors_of, scale_values, stored, values_of

Array = NDArray[Any]

_FLOAT32: Final = np.dtype(np.float32)


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
            if not is_inside and size % step and length * -(-size // step) < _count(shape):
                return None
        elif step != 1 and size != 1:
            return None
    return length


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def can_quantize(x: Array, fmt: ScaledFormat, rule: ScaleRule, tile: Tile) -> bool:
    """Whether `quantize_runs` can do it.

    Of float32 numbers, quotients in float64 lie on the right side of all decision points: a product
    of a scale and a point has 28 + 24 bits at most, so that float64 holds it, and the number would
    equal it if the quotient could be mistaken for the point.
    """
    if x.dtype != _FLOAT32 or not x.flags.c_contiguous or not x.flags.aligned or x.size == 0:
        return False
    if fmt.zero_point is not None or rule.percentile < 100 or rule.search:
        return False
    if isinstance(fmt.element, TableFormat) and not _is_float32(fmt.element):
        return False
    run = run_length(x.shape, tile)
    if run is None or paths.compiled_path(x.size) is None:
        return False
    return run % paths.PART == 0 or paths.PART % run == 0 or x.size < paths.PART


def _is_float32(fmt: TableFormat) -> bool:
    return all(float(np.float32(value)) == value for value in fmt.table)


def quantize_runs(
    x: Array,
    fmt: ScaledFormat,
    rule: ScaleRule,
    tile: Tile,
    rounding: RoundingMode,
    saturation: SaturationMode,
    key: int | None,
) -> tuple[Array, Scales]:
    """The codes of an array and the scales of its tiles, for which `can_quantize` holds."""
    from numformats.codec.compiled import blocks
    from numformats.codec.compiled.threads import run_split

    flat, run = x.reshape(-1), run_length(x.shape, tile)
    assert run is not None
    grid = grid_shape(x.shape, tile)
    largest = largest_of_runs(flat, run).reshape(grid)
    divisors, tensor = divisors_of(largest, fmt, rule)
    divisors = np.broadcast_to(divisors, grid).reshape(-1)
    largest = largest.reshape(-1)
    element = fmt.element
    scale_codes = np.empty(largest.size, code_dtype(fmt.scale_element))
    codes = np.empty(flat.size, code_dtype(element))
    plan = make_plan(element, rounding, saturation, "raise" if element.has_nan else "zero")
    outer = _outer_values(tensor, fmt, grid)

    def work(begin: int, end: int) -> bool:
        quotients = np.empty(min(paths.PART, end - begin))
        for first in range(begin, end, paths.PART):
            last = min(first + paths.PART, end)
            part = slice(first // run, -(-last // run))
            own = stored(largest[part], divisors[part], fmt, rule)
            scale_codes[part] = own
            sizes = values_of(own, fmt.scale_element) * outer[part]
            quotient = quotients[: last - first]
            blocks.divide_blocks(flat[first:last], sizes, run, first % run, quotient)
            paths.project_into(codes[first:last], quotient, plan, key=key, start=first)
        return False

    run_split(work, flat.size, max(run, paths.PART) if run % paths.PART == 0 else paths.PART)
    return codes.reshape(x.shape), Scales(scale_codes.reshape(grid), tensor)


def largest_of_runs(flat: Array, run: int) -> NDArray[np.float64]:
    """The largest finite magnitude of each run of consecutive float32 numbers; NaN for NaN."""
    from numformats.codec.compiled import blocks
    from numformats.codec.compiled.threads import run_split

    found = np.empty(-(-flat.size // run), np.uint32)
    words = flat.view(np.uint32)

    def work(begin: int, end: int) -> bool:
        blocks.largest_of_blocks(words[begin:end], run, found[begin // run : -(-end // run)])
        return False

    run_split(work, flat.size, run)
    with np.errstate(invalid="ignore"):
        largest = found.view(np.float32).astype(np.float64)
    for k in np.flatnonzero(np.isinf(largest)).tolist():
        values = np.abs(flat[k * run : (k + 1) * run])
        largest[k] = values.max(initial=0, where=np.isfinite(values))
    return largest


def _outer_values(
    tensor: Array | None, fmt: ScaledFormat, grid: tuple[int, ...]
) -> NDArray[np.float64]:
    """What the values of the scales are to be multiplied by, for each run."""
    ones = Scales(np.full((1,) * len(grid), codec.encode(1.0, fmt.scale_element)), tensor)
    if tensor is None or tensor.size == 1:
        return np.broadcast_to(scale_values(ones, fmt), grid).reshape(-1)
    every = Scales(np.broadcast_to(ones.codes, grid), tensor)
    return scale_values(every, fmt).reshape(-1)


def can_dequantize(codes: Array, fmt: ScaledFormat, tile: Tile, out: Array) -> bool:
    """Whether `dequantize_runs` can do it."""
    return (
        out.dtype == _FLOAT32
        and out.flags.c_contiguous
        and codes.flags.c_contiguous
        and out.flags.aligned
        and out.size > 0
        and fmt.element.bits <= TABLE_BITS
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
    dtype = np.float32 if scales.tensor is None else np.float64
    table = np.asarray(
        codec.decode(np.arange(2**fmt.element.bits, dtype=np.uint32), fmt.element, np.float64)
    ).astype(dtype)
    sizes = scale_values(scales, fmt).reshape(-1).astype(dtype)
    zeros = np.zeros_like(sizes)
    if scales.zero_points is not None and fmt.zero_point is not None:
        zeros = values_of(scales.zero_points, fmt.zero_point).reshape(-1).astype(dtype)
    flat, target = codes.reshape(-1), out.reshape(-1)

    def work(begin: int, end: int) -> bool:
        part = slice(begin // run, -(-end // run))
        blocks.multiply_blocks(
            flat[begin:end], table, zeros[part], sizes[part], run, begin % run, target[begin:end]
        )
        return False

    run_split(work, flat.size, 1)
