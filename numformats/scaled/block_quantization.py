"""Quantizing blocks in compiled loops, on threads: scaling, dividing and encoding in one go.

A chunk of the array stays in the cache meanwhile.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from numformats.codec.arguments import code_dtype
from numformats.codec.backends import decode
from numformats.codec.numba.blocks import quotients
from numformats.codec.numba.blocks.calls import QuotientKernel, ScaleKernel
from numformats.codec.numba.calls import kernel_for
from numformats.codec.numba.threads import run_split
from numformats.codec.numba.views import read_only
from numformats.codec.plan import make_plan
from numformats.modes import Modes
from numformats.scaled.blocks import (
    TASK,
    Blocks,
    absmax_of_blocks,
    as_floats,
    blocks_of,
    blocks_of_tile,
)
from numformats.scaled.micro_exponents import scales_of_parts, with_micro_exponents
from numformats.scaled.plan import WIDE, QuantizationPlan
from numformats.scaled.rules import ScaleRule, target_of
from numformats.scaled.scale_choice import choose_scales, divisors_of, scale_of_zeros
from numformats.scaled.scales import (
    Scales,
    ScaleValues,
    divisors_of_elements,
    tensor_scale_values,
)
from numformats.scaled.tiling import grid_shape, scattered
from numformats.system import NumberSystem

Array = NDArray[Any]
Floats = NDArray[np.float64]

_FLOAT64: Final = np.dtype(np.float64)
# The bits of a word above those of a quotient that a zero point is to be added to.
_SPARE: Final = np.int32(32 - WIDE.bits)


def quantize_blocks(
    x: Array, plan: QuantizationPlan, key: int | None, known: Scales | None
) -> tuple[Array, Scales]:
    """The codes of an array and the scales of its tiles.

    key: of the random bits, if the modes need any. known: the scales, if they have been chosen.
    """
    fmt, blocks = plan.format, blocks_of(x, plan)
    source: _Source
    if plan.parts is not None:
        scales = known or choose_scales(blocks, fmt, plan.rule)
        scales = with_micro_exponents(scales, lambda tile: blocks_of_tile(x, tile), fmt, plan.tile)
        values = ScaleValues(scales_of_parts(scales, fmt, plan.tile))
        source, plan = _KnownScales(scales, values.flat()), plan.parts
        blocks = blocks_of(x, plan)
    elif known is None and plan.by_absmax:
        source = _ScalesOfChunks(blocks, plan)
    else:
        scales = known or choose_scales(blocks, fmt, plan.rule)
        source = _KnownScales(scales, divisors_of_elements(scales, fmt).flat())
    return _codes_of(x, blocks, source, plan, key), source.scales()


def _codes_of(
    x: Array, blocks: Blocks, source: _Source, plan: QuantizationPlan, key: int | None
) -> Array:
    """The codes of an array whose numbers are in blocks, each of which has a scale."""
    flat, length = blocks.flat, blocks.length
    codes = np.empty(flat.size, code_dtype(plan.format.element))

    def work(begin: int, end: int) -> bool:
        # Memory that is asked for anew for each chunk would cost more than the work.
        encoder = BlockEncoder(plan, key, min(TASK, end - begin))
        for first in range(begin, end, TASK):
            last = min(first + TASK, end)
            numbers = as_floats(flat[first:last])
            values = source.of_chunk(slice(first // length, -(-last // length)), numbers)
            encoder.encode(numbers, values, first, codes[first:last])
        return False

    run_split(work, flat.size, TASK)
    return scattered(codes, x.shape, plan.tile) if plan.is_gathered else codes.reshape(x.shape)


class BlockEncoder:
    """Numbers to codes, with memory for `size` numbers at a time, that one thread works in.

    key: of the random bits, if there are any.
    """

    def __init__(self, plan: QuantizationPlan, key: int | None, size: int) -> None:
        self._element, self._block = plan.format.element, plan.block
        self._kernel = QuotientKernel(
            plan.kernel, plan.block, size, is_to_odd=plan.division == "to_odd", key=key
        )
        is_affine = plan.target is WIDE
        self._integers = np.empty(size, code_dtype(WIDE)) if is_affine else None

    def encode(self, numbers: Array, values: ScaleValues, first: int, out: Array) -> None:
        """Write the codes of a chunk, whose first number is at a position in the array."""
        begun = first % self._block
        terms = None if values.offsets is None else -values.offsets
        if self._integers is None:
            self._kernel.run(numbers, values.scales, terms, begun, out, first)
            return
        integers = self._integers[: numbers.size]
        self._kernel.run(numbers, values.scales, terms, begun, integers, first)
        ends = int(self._element.lowest), int(self._element.highest)
        mask, signed = 2**self._element.bits - 1, integers.view(np.int32)
        quotients.add_zero_points(
            signed, _SPARE, values.zero_points, ends, mask, self._block, begun, out
        )


class _Source(Protocol):
    """Where the scales of an array come from."""

    def of_chunk(self, blocks: slice, numbers: Array) -> ScaleValues:
        """What some blocks with these numbers have, by which they are divided."""

    def scales(self) -> Scales:
        """The scales of all blocks, once all chunks have come by."""


class _KnownScales:
    """Scales that are known before the array is divided, and the divisors of blocks."""

    def __init__(self, scales: Scales, values: ScaleValues) -> None:
        self._scales, self._values = scales, values

    def of_chunk(self, blocks: slice, numbers: Array) -> ScaleValues:
        """What some blocks have; their numbers do not matter any more."""
        return self._values.of_blocks(blocks)

    def scales(self) -> Scales:
        """The scales of all blocks."""
        return self._scales


class _ScalesOfChunks:
    """Scales that each chunk of the array finds for itself, as it comes by."""

    def __init__(self, blocks: Blocks, plan: QuantizationPlan) -> None:
        self._grid, self._length = blocks.grid, blocks.length
        self._largest = _largest_first(blocks, plan)
        self._scales = AbsmaxScales(self._largest, plan)
        self._codes = np.empty(blocks.count, self._scales.dtype)

    def of_chunk(self, blocks: slice, numbers: Array) -> ScaleValues:
        """What some blocks with these numbers have."""
        codes = self._codes[blocks]
        if self._largest is None:
            largest = np.empty(codes.shape)
            return ScaleValues(self._scales.write(blocks, numbers, self._length, largest, codes))
        largest = self._largest[blocks]
        return ScaleValues(self._scales.write(blocks, None, self._length, largest, codes))

    def scales(self) -> Scales:
        """The scales of all blocks, once all chunks have come by."""
        return Scales(self._codes.reshape(self._grid), self._scales.tensor)


def _largest_first(blocks: Blocks, plan: QuantizationPlan) -> Floats | None:
    """The largest magnitudes of all blocks, where they are to be known before the first chunk: the
    rule says them; or the scales have a scale; or blocks do not fill chunks.
    """
    known = plan.rule.largest
    if known is not None:
        return np.full(blocks.count, known, np.float64)
    is_cut = blocks.flat.size > TASK and TASK % blocks.length > 0
    if plan.format.scaled_scale is None and not is_cut:
        return None
    return absmax_of_blocks(blocks.flat, blocks.length)


class AbsmaxScales:
    """What turns the largest magnitudes of some blocks at a time into scales.

    largest: those of all blocks; or None, if scales have no scale.
    """

    def __init__(self, largest: Floats | None, plan: QuantizationPlan) -> None:
        fmt, level = plan.format, _level_of_scales(plan)
        self.dtype, self._element = level.dtype, fmt.scale_element
        self._kernel, self._divisors = level.kernel, level.divisor
        self._factors: Floats | None = None
        self.tensor: Array | None = None
        if fmt.scaled_scale is None:
            return
        assert largest is not None
        self.tensor = _tensor_scales(largest, plan)
        factors = tensor_scale_values(self.tensor, fmt, plan.grid)
        assert factors is not None
        self._factors = for_blocks(factors, plan.grid)
        self._divisors = self._factors * level.divisor

    def write(
        self, blocks: slice, x: Array | None, length: int, largest: Floats, codes: Array
    ) -> Floats:
        """Write the codes of the scales of some blocks, and return their values.

        x: the numbers, whose largest magnitudes go to `largest`; None if they are there.
        """
        values = self._kernel.run(x, length, largest, entries_of(self._divisors, blocks), codes)
        return self.values_of(blocks, codes) if values is None else self._whole(blocks, values)

    def values_of(self, blocks: slice, codes: Array) -> Floats:
        """The values of the scales of some blocks."""
        return self._whole(blocks, decode(codes, self._element))

    def _whole(self, blocks: slice, values: Floats) -> Floats:
        return values if self._factors is None else values * entries_of(self._factors, blocks)


def _tensor_scales(largest: Floats, plan: QuantizationPlan) -> Array:
    """The scales of the scales, from the largest magnitudes of all blocks."""
    if plan.scale_block is None:
        _, tensor = divisors_of(largest.reshape(plan.grid), plan.format, plan.rule)
        assert tensor is not None
        return tensor
    level = _level_of_tensor_scales(plan)
    tensor = np.empty(level.grid, level.dtype)
    codes = tensor.reshape(-1)
    # They are finite, or NaN, which stands for all.
    first = np.arange(0, largest.size, plan.scale_block)
    of_scales = np.maximum.reduceat(largest.reshape(-1), first)
    level.kernel.run(None, plan.scale_block, of_scales, level.divisor, codes)
    return tensor


class _Level(NamedTuple):
    """How largest magnitudes become scales, or those the scales of scales: the compiled loop; what
    they are divided by, which is one number for all; and the shape and the dtype of the codes.
    """

    kernel: ScaleKernel
    divisor: Floats
    grid: tuple[int, ...]
    dtype: np.dtype[Any]


@lru_cache(maxsize=512)  # plans are few, and compared by identity
def _level_of_scales(plan: QuantizationPlan) -> _Level:
    fmt, rule = plan.format, plan.rule
    return _level(plan, fmt.scale_element, rule, float(fmt.target(rule)), plan.grid)


@lru_cache(maxsize=512)
def _level_of_tensor_scales(plan: QuantizationPlan) -> _Level:
    fmt, rule = plan.format, plan.rule
    inner = fmt.scaled_scale
    assert inner is not None
    # Divided by one product, lest they be rounded twice.
    divisor = float(target_of(inner.element, inner.rule)) * float(fmt.target(rule))
    grid = grid_shape(*fmt.tiling_of_scales(plan.grid))
    return _level(plan, inner.scale_element, inner.rule, divisor, grid)


def _level(
    plan: QuantizationPlan,
    scale: NumberSystem,
    rule: ScaleRule,
    divisor: float,
    grid: tuple[int, ...],
) -> _Level:
    kernel: Any = kernel_for(make_plan(scale, Modes(rule.rounding, "finite")), _FLOAT64)
    precision = plan.format.element.precision if plan.rule.rounds_first else None
    return _Level(
        ScaleKernel(kernel, scale, scale_of_zeros(scale), precision),
        read_only(np.array([divisor])),
        grid,
        code_dtype(scale),
    )


def for_blocks(grid: Array, shape: tuple[int, ...]) -> Array:
    """One entry for all blocks, or one for each, of what broadcasts with the grid."""
    return (grid if grid.size == 1 else np.broadcast_to(grid, shape)).reshape(-1)


def entries_of(each: Array, blocks: slice) -> Array:
    """The entries of some blocks, or the one for all."""
    return each if each.size == 1 else each[blocks]
