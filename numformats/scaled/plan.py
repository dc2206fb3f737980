"""Which way an array is quantized or dequantized: decided in one place, once for each call.

Blocks in a row go through compiled loops, one after the other while a chunk stays in the cache;
tiles whose numbers are not consecutive are gathered first. What the loops do not have goes through
NumPy, tile by tile. Both give the same bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from numformats.codec.arguments import is_float
from numformats.codec.extents import dtype_holds
from numformats.codec.plan import make_plan
from numformats.codec.values import TABLE_BITS, require_dtype, value_table
from numformats.formats.fixed import FixedFormat
from numformats.formats.float_lists import largest_significand_bits
from numformats.modes import Modes
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.granularity import PerTensor, Tile
from numformats.scaled.rules import ScaleRule
from numformats.scaled.tiling import (
    are_tiles_whole,
    block_length,
    grid_shape,
    micro_tile,
    tile_extents,
)
from numformats.system import NumberSystem

# How numbers are divided by scales, for the quotients to be projected as exact ones would be: by
# shifts, where scales are powers of two; in float64, where what that rounds away does not count;
# or in float64, rounded to odd.
Division: TypeAlias = Literal["shift", "plain", "to_odd"]

# What a quotient is rounded to before the zero point is added: twice the range of any integers.
WIDE: Final = FixedFormat("wide", 17, 0)
# Numbers that the best scales are searched for at a time, about: they stay in the cache meanwhile.
SEARCHED_CHUNK: Final = 1 << 15

_FLOAT32: Final = np.dtype(np.float32)
_FLOAT64: Final = np.dtype(np.float64)
_FLOAT64_BITS: Final = 53
# Values whose decision points are looked at, which takes time.
_MOST_ASKED: Final = 256


@dataclass(frozen=True, eq=False)
class QuantizationPlan:
    """How an array of a shape and a dtype is quantized.

    format, rule: what it becomes, and how its scales are chosen.
    tile: which numbers share a scale. block: how many these are. grid: how many tiles there are
    along each axis.
    target, modes: what quotients are projected onto, and how: the element format; or `WIDE`, where
    a zero point is to be added.
    kernel: the compiled loop that does it; None where NumPy has to.
    is_gathered: whether compiled loops need the numbers of a tile made consecutive.
    by_absmax: whether the largest magnitude of a tile is all that its scale depends on, but for the
    scale of the scales. scale_block: how many scales in a row share one, if compiled loops choose
    it; else None.
    searches_blocks: whether compiled loops search for the best scales, if the rule is to search.
    nan_refusal, infinity_refusal: why there must be no NaN, or no infinity, if that is so.
    parts: for compiled loops, the plan of the numbers that share all micro-exponents, too, as tiles
    of their own; None where there are none.
    """

    format: ScaledFormat
    rule: ScaleRule
    tile: Tile
    block: int
    grid: tuple[int, ...]
    target: NumberSystem
    modes: Modes
    division: Division
    kernel: Any
    is_gathered: bool
    by_absmax: bool
    scale_block: int | None
    searches_blocks: bool
    nan_refusal: str | None
    infinity_refusal: str | None
    parts: QuantizationPlan | None = None


@lru_cache(maxsize=512)
def plan_quantization(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    fmt: ScaledFormat,
    rule: ScaleRule,
    modes: Modes,
    axis: int | None,
    *,
    is_random: bool,
    calls: Any,
) -> QuantizationPlan:
    """The plan for arrays of a shape and a dtype.

    calls: the module that has compiled kernels, or None to do without. ValueError where the format
    has values beyond float64, or the modes are not for it.
    """
    _require_float64(fmt)
    tile = fmt.granularity.tile(len(shape), axis)
    grid = grid_shape(shape, tile)
    target = fmt.element
    modes = Modes(modes.rounding, modes.saturation, "raise" if target.has_nan else "zero")
    if fmt.zero_point is not None:
        target, modes = WIDE, Modes(modes.rounding, "finite", "zero")
    division, plan = _division(dtype, fmt, is_random=is_random), make_plan(target, modes)
    by_absmax = fmt.is_symmetric and fmt.scale_mean is None and rule.goes_by_magnitude
    is_empty = 0 in shape
    is_gathered = not is_empty and block_length(shape, tile) is None
    part = micro_tile(tile, fmt.micro_exponents[-1]) if fmt.micro_exponents else tile
    is_part_gathered = not is_empty and block_length(shape, part) is None
    kernel = scale_kernel = None
    # Random bits go by the position in the array, and not in one whose tiles were gathered.
    is_moved = is_gathered or is_part_gathered
    if calls is not None and not is_empty and not (is_random and is_moved):
        scale_plan = make_plan(fmt.scale_element, Modes(rule.rounding, "finite"))
        scale_kernel = calls.kernel_for(scale_plan, _FLOAT64)
        if not by_absmax or scale_kernel is not None:
            kernel = calls.kernel_for(plan, _FLOAT32 if division == "shift" else _FLOAT64)
    block = math.prod(tile_extents(shape, tile))
    searches_blocks = (
        kernel is not None
        and not fmt.micro_exponents
        # What fills up tiles that are cut off would count.
        and (not is_gathered or are_tiles_whole(shape, tile))
        and rule.percentile == 100
        and fmt.element.bits <= TABLE_BITS
        and block <= SEARCHED_CHUNK
        and (not fmt.is_symmetric or scale_kernel is not None)
    )
    found = QuantizationPlan(
        format=fmt,
        rule=rule,
        tile=tile,
        block=block,
        grid=grid,
        target=target,
        modes=modes,
        division=division,
        kernel=kernel,
        is_gathered=is_gathered,
        by_absmax=by_absmax,
        scale_block=None if kernel is None else _scale_block(fmt, grid, calls),
        searches_blocks=searches_blocks,
        nan_refusal=_nan_refusal(fmt, rule) if is_float(dtype) else None,
        infinity_refusal=_infinity_refusal(modes) if is_float(dtype) else None,
    )
    if not fmt.micro_exponents or kernel is None:
        return found
    parts = replace(
        found,
        tile=part,
        block=math.prod(tile_extents(shape, part)),
        grid=grid_shape(shape, part),
        is_gathered=is_part_gathered,
    )
    return replace(found, parts=parts)


def _scale_block(fmt: ScaledFormat, grid: tuple[int, ...], calls: Any) -> int | None:
    """How many scales of a grid share one, where these are in a row, and go by the largest."""
    inner = fmt.scaled_scale
    if inner is None or not inner.rule.goes_by_magnitude or inner.rule.largest is not None:
        return None
    plan = make_plan(inner.scale_element, Modes(inner.rule.rounding, "finite"))
    if calls.kernel_for(plan, _FLOAT64) is None:
        return None
    return block_length(*fmt.tiling_of_scales(grid))


def _nan_refusal(fmt: ScaledFormat, rule: ScaleRule) -> str | None:
    """Why there must be no NaN, if the scale of its tile, which stands for it, cannot."""
    if rule.largest is not None:
        # A scale that is known beforehand says nothing of it.
        return None if fmt.element.has_nan else f"{fmt.element.name} has no code for it"
    scale = fmt.scale_mean or fmt.scale_element
    holders = (scale, fmt.tensor_scale or scale, fmt.offset or scale)
    if all(holder.has_nan for holder in holders):
        return None
    return f"the scales of {fmt.name} have no code for it"


def _infinity_refusal(modes: Modes) -> str | None:
    if modes.saturation != "wrap":
        return None
    return "it has no low bits to wrap to: use another saturation"


def _require_float64(fmt: ScaledFormat) -> None:
    """Refuse, with ValueError, what has values beyond float64."""
    others = (fmt.tensor_scale, fmt.zero_point, fmt.offset, fmt.scale_mean)
    for system in (fmt.element, fmt.scale_element, *others):
        if system is not None:
            require_dtype(system, _FLOAT64)


@lru_cache(maxsize=64)  # for small arrays, of which it is asked at each call
def float_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype that loops take the numbers of a dtype in: float32, if that holds them all, or
    float64.
    """
    is_within = dtype.itemsize <= 2 or dtype.newbyteorder("=") == _FLOAT32
    return _FLOAT32 if is_within else _FLOAT64


def _division(dtype: np.dtype[Any], fmt: ScaledFormat, *, is_random: bool) -> Division:
    """The cheapest way of dividing numbers of a dtype that will do. Random bits make decision
    points of more bits, and offsets numbers of more.
    """
    if float_dtype(dtype) != _FLOAT32 or fmt.offset is not None:
        return "to_odd"
    if _are_shifts(fmt):
        return "shift"
    target = WIDE if fmt.zero_point is not None else fmt.element
    is_plain = not is_random and is_divided_plainly(dtype, target, _scale_bits(fmt))
    return "plain" if is_plain else "to_odd"


def is_divided_plainly(dtype: np.dtype[Any], target: NumberSystem, scale_bits: int) -> bool:
    """Whether float64 quotients of numbers of a dtype are projected as exact ones would be, in
    modes that are not random; scale_bits: the significand bits of what they are divided by.

    Those of numbers that float32 holds lie on the right side of a decision point if float64 holds
    the product of the point and any scale: then the number would equal that if the quotient could
    be mistaken for the point.
    """
    return float_dtype(dtype) == _FLOAT32 and scale_bits + _point_bits(target) <= _FLOAT64_BITS


def _are_shifts(fmt: ScaledFormat) -> bool:
    """Whether scales are powers of two, and float32 has their reciprocals, and all quotients that
    elements tell apart.
    """
    scale, element = fmt.scale_element, fmt.element
    lattice = scale.lattice
    return (
        fmt.scaled_scale is None
        and lattice is not None
        and lattice.trailing_bits == 0
        and not scale.has_zero
        and scale.highest * 2 ** len(fmt.micro_exponents) < 2.0**128
        and scale.smallest_positive_exact > 2.0**-128
        and element.smallest_positive_exact > 2.0**-60
        and element.highest < 2.0**120
    )


def _scale_bits(fmt: ScaledFormat) -> int:
    """The significand bits of the largest value of a scale, with its own scale."""
    if fmt.scale_mean is not None:
        return fmt.scale_mean.precision
    own = fmt.tensor_scale
    return fmt.scale_element.precision + (0 if own is None else own.precision)


@lru_cache(maxsize=256)
def _point_bits(target: NumberSystem) -> int:
    """The significand bits of the points between which the elements' values change: values, and
    the boundaries between them.
    """
    if target.lattice is not None:
        return (target.precision if target.lattice.floating else target.bits) + 1
    steps = target.steps[:-1]
    if len(steps) >= _MOST_ASKED:
        return _FLOAT64_BITS
    boundaries = target.boundaries_in_order
    if any(rest for _, rest in boundaries):
        return _FLOAT64_BITS
    return largest_significand_bits((*target.values_in_order, *(at for at, _ in boundaries)))


@dataclass(frozen=True, eq=False)
class DequantizationPlan:
    """How the codes of an array become numbers of a dtype.

    format: what they are in. tile: which numbers share a scale, and all micro-exponents.
    is_compiled: whether compiled loops do it. block: how many of a tile are consecutive, or None if
    that is not so.
    is_by_rows: whether such a block is what a tile has of a row, and scales are to be repeated.
    dtype: in which products of elements and scales are exact until they are rounded once.
    table, scale_table: for compiled loops, the values of elements in that dtype; and those of
    scales, if there are few enough, and no mean is to be added.
    largest_safe_scale: the largest scale without products beyond float32.
    """

    format: ScaledFormat
    tile: Tile
    is_compiled: bool
    block: int | None
    is_by_rows: bool
    dtype: np.dtype[Any]
    table: NDArray[Any] | None
    scale_table: NDArray[Any] | None
    largest_safe_scale: float


@lru_cache(maxsize=512)
def plan_dequantization(
    shape: tuple[int, ...],
    fmt: ScaledFormat,
    axis: int | None,
    dtype: np.dtype[Any],
    *,
    calls: Any,
) -> DequantizationPlan:
    """The plan for codes of a shape, which are contiguous if `calls`, the module of compiled
    kernels, is given. ValueError where the format has values beyond float64.
    """
    _require_float64(fmt)
    tile = fmt.granularity.tile(len(shape), axis)
    if fmt.micro_exponents:
        tile = micro_tile(tile, fmt.micro_exponents[-1])
    is_empty = 0 in shape
    block, is_by_rows = None if is_empty else block_length(shape, tile), False
    if block is None and not is_empty:
        # What a tile has of each row is a block, of more than one number.
        is_even = fmt.scaled_scale is None or isinstance(fmt.scaled_scale.granularity, PerTensor)
        is_by_rows = is_even and tile[-1] != 1
        block = block_length(shape, row_of(tile)) if is_by_rows else None
    is_compiled = (
        calls is not None
        and not is_empty
        and dtype == _FLOAT32
        and fmt.element.bits <= TABLE_BITS
        and dtype_holds(_FLOAT32, fmt.element)
        and (fmt.scale_mean is None or dtype_holds(_FLOAT32, fmt.scale_mean))
    )
    # A product of an element and a scale is rounded once in float32, too, if float32 holds both.
    is_single = fmt.scaled_scale is None and dtype_holds(_FLOAT32, fmt.scale_element)
    is_single = (is_single or fmt.scale_mean is not None) and fmt.offset is None
    # Doubled, a scale may be beyond it.
    is_single = is_single and not fmt.micro_exponents
    exact = _FLOAT32 if is_single else _FLOAT64
    is_as_stored = fmt.scale_mean is None and not fmt.micro_exponents
    has_table = is_as_stored and fmt.scale_element.bits <= TABLE_BITS
    return DequantizationPlan(
        format=fmt,
        tile=tile,
        is_compiled=is_compiled,
        block=block,
        is_by_rows=is_by_rows and block is not None,
        dtype=exact,
        table=value_table(fmt.element, exact) if is_compiled else None,
        scale_table=value_table(fmt.scale_element, exact) if is_compiled and has_table else None,
        largest_safe_scale=_largest_safe_scale(fmt),
    )


def row_of(tile: Tile) -> Tile:
    """What a tile has of a row."""
    return (*(1 for _ in tile[:-1]), tile[-1])


def _largest_safe_scale(fmt: ScaledFormat) -> float:
    """What scales are at the most where no product with an element is beyond float32."""
    reach = max(abs(fmt.element.lowest), fmt.element.highest)
    if fmt.zero_point is not None:
        reach += max(abs(fmt.zero_point.lowest), fmt.zero_point.highest)
    # A power of two below the quotient is float64's, and saturating once too often does no harm.
    return 2.0**127 / float(reach)
