"""Tiles that are runs of consecutive numbers, as those of most schemes are: compiled, on threads.

A part of the array at a time is scaled, divided and encoded, and stays in the cache meanwhile.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats import codec
from numformats.codec import paths
from numformats.codec.arguments import code_dtype
from numformats.codec.plan import make_plan
from numformats.codec.values import TABLE_BITS
from numformats.formats.base import Format
from numformats.formats.floating import FloatFormat
from numformats.formats.integers import IntFormat
from numformats.formats.tables import TableFormat
from numformats.rounding import RoundingMode, SaturationMode
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.gathering import gathered, scattered
from numformats.scaled.granularity import Tile, grid_shape
from numformats.scaled.rules import ScaleRule
from numformats.scaled.scales import (
    Scales,
    divisors_of,
    scale_values,
    scales_of_ends,
    scales_of_farthest,
    stored,
    values_of,
)

Array = NDArray[Any]

# Elements that are worked on at a time: enough to make little of what Python does in between.
_PART: Final = 4 * paths.PART
_FLOAT32: Final = np.dtype(np.float32)
# What a quotient is rounded to before the zero point is added.
WIDE: Final = IntFormat("wide", 16)


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
            if not is_inside and size % step and length * -(-size // step) < math.prod(shape):
                return None
        elif step != 1 and size != 1:
            return None
    return length


def can_quantize(x: Array, fmt: ScaledFormat, rule: ScaleRule, tile: Tile, key: int | None) -> bool:
    """Whether `quantize_runs` can do it.

    Of numbers that float32 holds, quotients in float64 lie on the right side of all decision
    points: a product of a scale and a point has 28 + 24 bits at most, so that float64 holds it, and
    the number would equal it if the quotient could be mistaken for the point. Random bits make
    points of more bits, for which quotients are rounded to odd.
    """
    if not _is_within_float32(x.dtype) or x.size == 0:
        return False
    # Random bits go by the position in the array, and not in one whose tiles were gathered.
    if key is not None and run_length(x.shape, tile) is None:
        return False
    if fmt.is_symmetric and (rule.percentile < 100 or rule.search):
        return False
    if isinstance(fmt.element, TableFormat) and not _is_float32(fmt.element):
        return False
    return paths.compiled_path(x.size) is not None


def _is_within_float32(dtype: np.dtype[Any]) -> bool:
    """Whether float32 holds all numbers of a dtype."""
    if dtype.kind in "iu":
        return dtype.itemsize <= 2
    return dtype.itemsize <= 2 or dtype.newbyteorder("=") == _FLOAT32


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

    grid, run = grid_shape(x.shape, tile), run_length(x.shape, tile)
    is_gathered = run is None
    if run is None:
        numbers = gathered(x, tile)
        run = numbers.size // math.prod(grid)
    else:
        numbers = x
    flat = _plain(numbers)
    count = -(-flat.size // run)
    largest: NDArray[np.float64] | None = None
    tensor = None
    known = None
    # Where the scales have no scale, each part of the array finds its own, if runs fill it.
    if not fmt.is_symmetric or rule.target == "lowest":
        known = _KnownScales(_scales_ahead(flat, run, grid, fmt, rule), fmt)
        divisors = np.ones(1)
    elif isinstance(fmt.scale, ScaledFormat) or _PART % run:
        largest = largest_of_runs(flat, run)
        divisors, tensor = divisors_of(largest.reshape(grid), fmt, rule)
    else:
        divisors, _ = divisors_of(np.zeros((1,)), fmt, rule)
    divisors, outer = _for_runs(divisors, grid, count), _outer_values(tensor, fmt, grid)
    element = fmt.element
    zero_point = fmt.zero_point
    scale_codes = np.empty(count, code_dtype(fmt.scale_element))
    codes = np.empty(flat.size, code_dtype(element))
    if zero_point is None:
        plan = make_plan(element, rounding, saturation, "raise" if element.has_nan else "zero")
    else:
        plan = make_plan(WIDE, rounding, "finite", "zero")
    is_shift = _is_power_of_two(fmt)
    dtype = np.float32 if is_shift else np.float64
    divide = blocks.shift_runs if is_shift else blocks.divide_runs
    is_to_odd = not is_shift and (key is not None or fmt.offset is not None)

    def work(begin: int, end: int) -> bool:
        # Memory that is asked for anew for each part would cost more than the work.
        size = min(_PART, end - begin)
        quotients = np.empty(size, dtype)
        each = np.empty(0 if known is None and not is_to_odd else size, dtype)
        integers = None if zero_point is None else np.empty(size, code_dtype(WIDE))
        for first in range(begin, end, _PART):
            last = min(first + _PART, end)
            part = slice(first // run, -(-last // run))
            now = _as_float32(flat[first:last])
            if known is None:
                own = _largest(now, run) if largest is None else largest[part]
                stored_now = stored(own, divisors[part], fmt, rule, is_short=True)
                scale_codes[part] = stored_now
                sizes = values_of(stored_now, fmt.scale_element) * outer[part]
            else:
                sizes = known.sizes[part]
            length, begun = last - first, first % run
            own_each, found = each[:length], quotients[:length]
            if known is not None and known.offsets is not None:
                _spread(-known.offsets[part], run, begun, own_each)
                blocks.add_each_to_odd(now, own_each, found)
                now = found
            factors = (1 / sizes if is_shift else sizes).astype(dtype, copy=False)
            if is_to_odd:
                _spread(factors, run, begun, own_each)
                blocks.divide_each_to_odd(now, own_each, found)
            else:
                divide(now, factors, run, begun, found)
            if known is None or known.zeros is None or integers is None:
                paths.project_into(codes[first:last], found, plan, key=key, start=first)
                continue
            paths.project_into(integers[:length], found, plan, key=key, start=first)
            _spread(known.zeros[part], run, begun, own_each)
            ends, mask = (int(element.lowest), int(element.highest)), 2**element.bits - 1
            blocks.move_each(integers[:length], own_each, ends, mask, codes[first:last])
        return False

    run_split(work, flat.size, _PART)
    found = scattered(codes, x.shape, tile) if is_gathered else codes.reshape(x.shape)
    if known is not None:
        return found, known.scales
    return found, Scales(scale_codes.reshape(grid), tensor)


class _KnownScales:
    """Scales that are known before the array is divided, and their values for each run."""

    def __init__(self, scales: Scales, fmt: ScaledFormat) -> None:
        self.scales = scales
        self.sizes = scale_values(scales, fmt).reshape(-1)
        self.zeros = _values(scales.zero_points, fmt.zero_point)
        self.offsets = _values(scales.offsets, fmt.offset)


def _values(codes: Array | None, fmt: Format | None) -> NDArray[np.float64] | None:
    return None if codes is None or fmt is None else values_of(codes, fmt).reshape(-1)


def _scales_ahead(
    flat: Array, run: int, grid: tuple[int, ...], fmt: ScaledFormat, rule: ScaleRule
) -> Scales:
    """The scales of all runs, where they depend on more than the largest magnitude."""
    from numformats.codec.compiled import blocks
    from numformats.codec.compiled.threads import run_split

    low, high = (np.empty(-(-flat.size // run), np.float32) for _ in range(2))

    def work(begin: int, end: int) -> bool:
        part = slice(begin // run, -(-end // run))
        now = _as_float32(flat[begin:end])
        if fmt.is_symmetric:
            blocks.farthest_of_blocks(now.view(np.uint32), run, low[part].view(np.uint32))
        else:
            blocks.ends_of_blocks(now, run, fmt.offset is None, low[part], high[part])
        return False

    run_split(work, flat.size, run)
    with np.errstate(invalid="ignore"):
        wide = [part.astype(np.float64).reshape(grid) for part in (low, high)]
    if fmt.is_symmetric:
        return scales_of_farthest(wide[0], fmt, rule)
    return scales_of_ends(wide[0], wide[1], fmt, rule)


def _plain(x: Array) -> Array:
    """The numbers in a row, in the machine's byte order and aligned, a copy only if need be."""
    flat = np.require(x, x.dtype.newbyteorder("="), ["C", "A"]).reshape(-1).view()
    # For Numba what may be written is another type, and each type another kernel.
    flat.flags.writeable = False
    return flat


def _as_float32(x: Array) -> Array:
    """Numbers as float32, which holds them; not to be written to."""
    if x.dtype == _FLOAT32:
        return x
    with np.errstate(invalid="ignore"):  # NumPy warns of a signaling NaN on its way
        converted = x.astype(np.float32)
    converted.flags.writeable = False
    return converted


def _is_power_of_two(fmt: ScaledFormat) -> bool:
    """Whether quotients by these scales are shifts, and all that float32 may lose of them is below
    what the elements tell apart.
    """
    scale = fmt.scale
    return (
        isinstance(scale, FloatFormat)
        and fmt.offset is None
        and scale.mantissa_bits == 0
        and not scale.has_zero
        and fmt.element.smallest_positive_exact > 2.0**-60
        and scale.highest < 2.0**128
    )


def _spread(sizes: Array, run: int, begun: int, each: Array) -> None:
    """Write the size for each number, of which the first is at position `begun` of its run."""
    head = min((run - begun) % run, each.size)
    each[:head] = sizes[0]
    rest = each[head:]
    sizes = sizes[1:] if head else sizes
    whole = rest.size // run * run
    np.copyto(rest[:whole].reshape(-1, run), sizes[: whole // run, np.newaxis])
    if whole < rest.size:
        rest[whole:] = sizes[whole // run]


def _for_runs(grid: Array, shape: tuple[int, ...], count: int) -> Array:
    """An entry for each run, of what broadcasts with the grid."""
    if grid.size == 1:
        return np.broadcast_to(grid.reshape(1), (count,))
    return np.broadcast_to(grid, shape).reshape(-1)


def _largest(x: Array, run: int) -> NDArray[np.float64]:
    """The largest finite magnitude of each run of consecutive float32 numbers; NaN for NaN."""
    from numformats.codec.compiled import blocks

    words, length = x.view(np.uint32), run
    if run % blocks.GROUP == 0 and x.size % blocks.GROUP == 0:
        groups = np.empty(x.size // blocks.GROUP, np.uint32)
        blocks.largest_of_groups(words, groups)
        words, length = groups, run // blocks.GROUP
        words.flags.writeable = False
    found = np.empty(-(-words.size // length), np.uint32)
    blocks.largest_of_blocks(words, length, found)
    with np.errstate(invalid="ignore"):
        largest = found.view(np.float32).astype(np.float64)
    for k in np.flatnonzero(np.isinf(largest)).tolist():
        values = np.abs(x[k * run : (k + 1) * run])
        largest[k] = values.max(initial=0, where=np.isfinite(values))
    return largest


def largest_of_runs(flat: Array, run: int) -> NDArray[np.float64]:
    """`_largest` on threads."""
    from numformats.codec.compiled.threads import run_split

    found = np.empty(-(-flat.size // run))

    def work(begin: int, end: int) -> bool:
        found[begin // run : -(-end // run)] = _largest(_as_float32(flat[begin:end]), run)
        return False

    run_split(work, flat.size, run)
    return found


def _outer_values(
    tensor: Array | None, fmt: ScaledFormat, grid: tuple[int, ...]
) -> NDArray[np.float64]:
    """What the values of the scales are to be multiplied by, for each run."""
    count = math.prod(grid)
    if tensor is None:
        return np.broadcast_to(np.ones(1), (count,))
    one = codec.encode(1.0, fmt.scale_element)
    shape = (1,) * len(grid) if tensor.size == 1 else grid
    return _for_runs(scale_values(Scales(np.full(shape, one), tensor), fmt), grid, count)


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
    is_plain = scales.tensor is None and scales.offsets is None
    dtype = np.float32 if is_plain else np.float64
    sizes = scale_values(scales, fmt).reshape(-1).astype(dtype)
    zeros = _values(scales.zero_points, fmt.zero_point)
    offsets = _values(scales.offsets, fmt.offset)
    flat, target = codes.reshape(-1), out.reshape(-1)

    def work(begin: int, end: int) -> bool:
        size = min(_PART, end - begin)
        each = np.empty(0 if zeros is None and offsets is None else size, dtype)
        wide = np.empty(0 if offsets is None else size)
        for first in range(begin, end, _PART):
            last = min(first + _PART, end)
            part = slice(first // run, -(-last // run))
            values, own = target[first:last], each[: last - first]
            paths.decode_into(values, flat[first:last], fmt.element)
            if zeros is not None:
                _spread(zeros[part], run, first % run, own)
                blocks.subtract_each(values, own)
            if offsets is None:
                blocks.multiply_runs(values, sizes[part], run, first % run)
                continue
            _spread(sizes[part], run, first % run, own)
            sums = wide[: last - first]
            np.multiply(values, own, out=sums)
            _spread(offsets[part], run, first % run, own)
            blocks.add_each_to_odd(sums, own, sums)
            with np.errstate(over="ignore", under="ignore", invalid="ignore"):
                values[:] = sums
        return False

    run_split(work, flat.size, _PART)
