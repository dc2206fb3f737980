"""Scaling, dividing and encoding in one go, a part of the array at a time: compiled, on threads.

A part stays in the cache meanwhile. Tiles whose numbers are not consecutive are gathered first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.codec import paths
from numformats.codec.arguments import code_dtype
from numformats.codec.plan import make_plan
from numformats.formats.floating import FloatFormat
from numformats.rounding import random_bit_count
from numformats.scaled.elements import (
    WIDE,
    Projection,
    can_divide,
    is_within_float32,
    scale_bits,
)
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.gathering import gathered, scattered
from numformats.scaled.granularity import Tile, grid_shape
from numformats.scaled.rules import ScaleRule
from numformats.scaled.runs import (
    PART,
    as_float32,
    ends_of_runs,
    farthest_of_runs,
    for_runs,
    largest_of_runs,
    part_of,
    plain,
    run_length,
)
from numformats.scaled.scales import (
    Scales,
    divisors_for_elements,
    divisors_of,
    flat_values,
    outer_values,
    scales_of_ends,
    scales_of_farthest,
    scales_of_magnitudes,
)

Array = NDArray[Any]
Floats = NDArray[np.float64]

_FLOAT32: Final = np.dtype(np.float32)
_FLOAT64: Final = np.dtype(np.float64)
# For which the loops that round to odd are exact.
_MOST_SCALE_BITS: Final = 28


def can_quantize(
    x: Array,
    fmt: ScaledFormat,
    rule: ScaleRule,
    tile: Tile,
    how: Projection,
) -> bool:
    """Whether `quantize_runs` can do it."""
    if not is_within_float32(x.dtype) or x.size == 0 or scale_bits(fmt) > _MOST_SCALE_BITS:
        return False
    # Random bits go by the position in the array, and not in one whose tiles were gathered.
    if how.key is not None and run_length(x.shape, tile) is None:
        return False
    # Quotients in float64 are for magnitudes that float32 holds.
    if rule.largest is not None and not _is_float32(rule.largest):
        return False
    if paths.compiled_path(x.size) is None:
        return False
    if _is_by_magnitudes(fmt, rule) and scale_kernel(fmt, rule) is None:
        return False
    return _kernel_for(fmt, how) is not None


def quantize_runs(
    x: Array,
    fmt: ScaledFormat,
    rule: ScaleRule,
    tile: Tile,
    how: Projection,
    known: Scales | None = None,
) -> tuple[Array, Scales]:
    """The codes of an array and the scales of its tiles, for which `can_quantize` holds.

    known: the scales, if they have been chosen.
    """
    from numformats.codec.compiled.threads import run_split

    runs = runs_of(x, tile)
    flat = runs.flat
    source: _KnownScales | _ScalesOfParts
    if known is None and _is_by_magnitudes(fmt, rule):
        source = _ScalesOfParts(runs, fmt, rule)
    else:
        source = _KnownScales(known or _scales_of(runs, fmt, rule), fmt)
    codes = np.empty(flat.size, code_dtype(fmt.element))

    def work(begin: int, end: int) -> bool:
        # Memory that is asked for anew for each part would cost more than the work.
        encoder = Encoder(fmt, how, runs.run, min(PART, end - begin))
        for first in range(begin, end, PART):
            last = min(first + PART, end)
            part = slice(first // runs.run, -(-last // runs.run))
            now = as_float32(flat[first:last])
            encoder.encode(now, source.of(part, now), first, codes[first:last])
        return False

    run_split(work, flat.size, PART)
    is_gathered = run_length(x.shape, tile) is None
    found = scattered(codes, x.shape, tile) if is_gathered else codes.reshape(x.shape)
    return found, source.scales()


@dataclass(frozen=True)
class Runs:
    """Numbers in a row of which each `run` share a scale, and the shape of the grid of scales."""

    flat: Array
    grid: tuple[int, ...]
    run: int

    @property
    def count(self) -> int:
        """How many runs there are."""
        return -(-self.flat.size // self.run)


def runs_of(x: Array, tile: Tile) -> Runs:
    """The numbers of an array with those of a tile consecutive."""
    grid, run = grid_shape(x.shape, tile), run_length(x.shape, tile)
    flat = plain(x if run is not None else gathered(x, tile))
    return Runs(flat, grid, flat.size // math.prod(grid) if run is None else run)


@dataclass(frozen=True)
class Sizes:
    """The values of the scales of some runs, and of their zero points and offsets if they have."""

    sizes: Floats
    zeros: Floats | None = None
    offsets: Floats | None = None


def largest_of(runs: Runs, rule: ScaleRule) -> Floats:
    """What stands for the largest magnitude of each run."""
    if rule.largest is not None:
        return np.full(runs.count, rule.largest, np.float64)
    return largest_of_runs(runs.flat, runs.run)


def _scales_of(runs: Runs, fmt: ScaledFormat, rule: ScaleRule) -> Scales:
    """Scales that depend on more than the magnitudes of their own runs, or on less."""
    if not fmt.is_symmetric:
        ends = ends_of_runs(runs.flat, runs.run, with_zero=fmt.offset is None)
        low, high = (end.reshape(runs.grid) for end in ends)
        return scales_of_ends(low, high, fmt, rule)
    if rule.goes_by_magnitude:
        return scales_of_magnitudes(largest_of(runs, rule).reshape(runs.grid), fmt, rule)
    farthest = farthest_of_runs(runs.flat, runs.run)
    return scales_of_farthest(farthest.reshape(runs.grid), fmt, rule)


class _KnownScales:
    """Scales that are known before the array is divided."""

    def __init__(self, scales: Scales, fmt: ScaledFormat) -> None:
        self._scales = scales
        self._sizes = divisors_for_elements(scales, fmt).reshape(-1)
        self._zeros = flat_values(scales.zero_points, fmt.zero_point)
        self._offsets = flat_values(scales.offsets, fmt.offset)

    def of(self, part: slice, now: Array) -> Sizes:
        """Those of some runs, whose numbers do not matter any more."""
        zeros, offsets = (
            None if each is None else each[part] for each in (self._zeros, self._offsets)
        )
        return Sizes(self._sizes[part], zeros, offsets)

    def scales(self) -> Scales:
        """All of them."""
        return self._scales


class _ScalesOfParts:
    """Scales that each part of the array finds for itself, as it comes by."""

    def __init__(self, runs: Runs, fmt: ScaledFormat, rule: ScaleRule) -> None:
        self._runs, self._format, self._rule = runs, fmt, rule
        self._codes = np.empty(runs.count, code_dtype(fmt.scale_element))
        self._kernel = scale_kernel(fmt, rule)
        self._largest: Floats | None = None
        self._tensor = None
        # But for its largest magnitudes: where the scales have a scale, or runs do not fill parts;
        # or where they are known.
        is_known = rule.largest is not None
        if is_known or isinstance(fmt.scale, ScaledFormat) or PART % runs.run:
            self._largest = largest_of(runs, rule)
        known = np.zeros((1,)) if self._largest is None else self._largest.reshape(runs.grid)
        divisors, self._tensor = divisors_of(known, fmt, rule)
        self._divisors = for_runs(divisors, runs.grid)
        outer = outer_values(self.scales(), fmt)
        self._outer = None if outer is None else for_runs(outer, runs.grid)

    def of(self, part: slice, now: Array) -> Sizes:
        """Those of some runs with these numbers."""
        codes, divisors = self._codes[part], part_of(self._divisors, part)
        words, largest = None, np.empty(codes.shape)
        if self._largest is None:
            words = now.view(np.uint32)
        else:
            largest = self._largest[part]
        sizes = self._kernel.run(words, self._runs.run, largest, divisors, codes)
        if self._outer is not None:
            sizes *= part_of(self._outer, part)
        return Sizes(sizes)

    def scales(self) -> Scales:
        """All of them, once all parts have come by."""
        return Scales(self._codes.reshape(self._runs.grid), self._tensor)


class Encoder:
    """Numbers to codes, with memory for `size` of them at a time, that one thread works in."""

    def __init__(
        self,
        fmt: ScaledFormat,
        how: Projection,
        run: int,
        size: int,
    ) -> None:
        from numformats.codec.compiled.scaled import QuotientKernel

        self._element, self._run = fmt.element, run
        kernel = _kernel_for(fmt, how)
        is_to_odd = not _is_power_of_two(fmt) and not can_divide(_FLOAT32, fmt, how.key)
        self._kernel = QuotientKernel(kernel, run, is_to_odd=is_to_odd, key=how.key)
        is_affine = fmt.zero_point is not None
        self._integers = np.empty(size, code_dtype(WIDE)) if is_affine else None

    def encode(self, now: Array, scales: Sizes, first: int, out: Array) -> None:
        """Write the codes of a part, whose first number is at a position in the array."""
        from numformats.codec.compiled import blocks

        begun = first % self._run
        terms = None if scales.offsets is None else -scales.offsets
        if self._integers is None:
            self._kernel.run(now, scales.sizes, terms, begun, out, first)
            return
        integers = self._integers[: now.size]
        self._kernel.run(now, scales.sizes, terms, begun, integers, first)
        ends = int(self._element.lowest), int(self._element.highest)
        mask = 2**self._element.bits - 1
        blocks.move_runs(integers, scales.zeros, ends, mask, self._run, begun, out)


def _is_float32(number: float) -> bool:
    with np.errstate(over="ignore", under="ignore"):
        return float(np.float32(number)) == number


def _is_by_magnitudes(fmt: ScaledFormat, rule: ScaleRule) -> bool:
    """Whether the largest magnitude of a tile is all that its scale depends on, but for the scale
    of scales.
    """
    return fmt.is_symmetric and fmt.scale_mean is None and rule.goes_by_magnitude


def _kernel_for(fmt: ScaledFormat, how: Projection) -> Any:
    """The kernel for the quotients of numbers and scales, or None."""
    from numformats.codec.compiled.dispatch import kernel_for

    nan = "raise" if fmt.element.has_nan else "zero"
    plan = make_plan(fmt.element, how.rounding, how.saturation, nan)
    if fmt.zero_point is not None:
        plan = make_plan(WIDE, how.rounding, "finite", "zero")
    return kernel_for(plan, _FLOAT32 if _is_power_of_two(fmt) else _FLOAT64)


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


def scale_kernel(fmt: ScaledFormat, rule: ScaleRule) -> Any:
    """The kernel for scales that follow from the largest magnitudes, or None.

    Magnitudes have 24 bits at most, so that a quotient in float64 lies on the right side of all
    that scales tell apart.
    """
    from numformats.codec.compiled.bound import Kernel
    from numformats.codec.compiled.dispatch import kernel_for
    from numformats.codec.compiled.scaled import ScaleKernel

    if random_bit_count(rule.rounding):
        return None
    scale, precision = fmt.scale_element, fmt.element.precision if rule.rounds_first else None
    kernel = kernel_for(make_plan(scale, rule.rounding, "finite", "raise"), _FLOAT64)
    return ScaleKernel(kernel, scale, precision) if isinstance(kernel, Kernel) else None
