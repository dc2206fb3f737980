"""Scaling, dividing and encoding in one go, a part of the array at a time: compiled, on threads.

A part stays in the cache meanwhile. Tiles whose numbers are not consecutive are gathered first.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.codec import paths
from numformats.codec.arguments import code_dtype
from numformats.codec.plan import make_plan
from numformats.formats.floating import FloatFormat
from numformats.formats.integers import IntFormat
from numformats.formats.tables import TableFormat
from numformats.rounding import RoundingMode, SaturationMode, random_bit_count
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
    stored,
)

Array = NDArray[Any]
Floats = NDArray[np.float64]

_FLOAT32: Final = np.dtype(np.float32)
_FLOAT64: Final = np.dtype(np.float64)
# What a quotient is rounded to before the zero point is added.
WIDE: Final = IntFormat("wide", 16)
_FLOAT64_BITS: Final = 53
# For which the loops that round to odd are exact.
_MOST_SCALE_BITS: Final = 28
# Values of a table whose midpoints are looked at, which takes time.
_MOST_ASKED: Final = 256


def can_quantize(
    x: Array,
    fmt: ScaledFormat,
    rule: ScaleRule,
    tile: Tile,
    rounding: RoundingMode,
    saturation: SaturationMode,
    key: int | None,
) -> bool:
    """Whether `quantize_runs` can do it."""
    if not _is_within_float32(x.dtype) or x.size == 0 or _scale_bits(fmt) > _MOST_SCALE_BITS:
        return False
    # Random bits go by the position in the array, and not in one whose tiles were gathered.
    if key is not None and run_length(x.shape, tile) is None:
        return False
    if fmt.is_symmetric and (rule.percentile < 100 or rule.search):
        return False
    # Quotients in float64 are for magnitudes that float32 holds.
    if rule.largest is not None and not _is_float32(rule.largest):
        return False
    if paths.compiled_path(x.size) is None:
        return False
    if _is_by_magnitudes(fmt, rule) and _scale_kernel(fmt, rule) is None:
        return False
    return _kernel_for(fmt, rounding, saturation) is not None


def can_divide(dtype: np.dtype[Any], fmt: ScaledFormat, key: int | None) -> bool:
    """Whether quotients in float64 will do, and need not be rounded to odd.

    Of numbers that float32 holds they lie on the right side of a decision point if float64 holds
    the product of the point and any scale: then the number would equal that if the quotient could
    be mistaken for the point. Random bits make points of more bits, and offsets numbers of more.
    """
    is_plain = key is None and fmt.offset is None and _is_within_float32(dtype)
    return is_plain and _scale_bits(fmt) + _point_bits(fmt) <= _FLOAT64_BITS


def _is_within_float32(dtype: np.dtype[Any]) -> bool:
    """Whether float32 holds all numbers of a dtype."""
    if dtype.kind in "iu":
        return dtype.itemsize <= 2
    return dtype.itemsize <= 2 or dtype.newbyteorder("=") == _FLOAT32


def _is_float32(number: float) -> bool:
    with np.errstate(over="ignore", under="ignore"):
        return float(np.float32(number)) == number


def _scale_bits(fmt: ScaledFormat) -> int:
    """The significand bits of the largest value of a scale, with its own scale."""
    if fmt.scale_mean is not None:
        return fmt.scale_mean.precision
    outer = fmt.tensor_scale
    return fmt.scale_element.precision + (0 if outer is None else outer.precision)


def _point_bits(fmt: ScaledFormat) -> int:
    """The significand bits of the decision points between the elements' values."""
    element = WIDE if fmt.zero_point is not None else fmt.element
    if isinstance(element, FloatFormat):
        return element.precision + 1
    if isinstance(element, TableFormat):
        if len(element.table) > _MOST_ASKED:
            return _FLOAT64_BITS
        values = sorted(map(Fraction, element.table))
        return max(map(_odd_bits, map(operator.add, values, values[1:])))
    return element.bits + 1


def _odd_bits(number: Fraction) -> int:
    """The significand bits of a binary fraction."""
    numerator = abs(number.numerator)
    return (numerator // (numerator & -numerator)).bit_length() if numerator else 0


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
    from numformats.codec.compiled.threads import run_split

    grid, run = grid_shape(x.shape, tile), run_length(x.shape, tile)
    is_gathered = run is None
    flat = plain(gathered(x, tile) if is_gathered else x)
    runs = _Runs(flat, grid, flat.size // math.prod(grid) if run is None else run)
    source: _KnownScales | _ScalesOfParts = (
        _ScalesOfParts(runs, fmt, rule)
        if _is_by_magnitudes(fmt, rule)
        else _KnownScales(runs, fmt, rule)
    )
    codes = np.empty(flat.size, code_dtype(fmt.element))

    def work(begin: int, end: int) -> bool:
        # Memory that is asked for anew for each part would cost more than the work.
        encoder = _Encoder(fmt, rounding, saturation, key, runs.run, min(PART, end - begin))
        for first in range(begin, end, PART):
            last = min(first + PART, end)
            part = slice(first // runs.run, -(-last // runs.run))
            now = as_float32(flat[first:last])
            encoder.encode(now, source.of(part, now), first, codes[first:last])
        return False

    run_split(work, flat.size, PART)
    found = scattered(codes, x.shape, tile) if is_gathered else codes.reshape(x.shape)
    return found, source.scales()


@dataclass(frozen=True)
class _Runs:
    """Numbers in a row of which each `run` share a scale, and the shape of the grid of scales."""

    flat: Array
    grid: tuple[int, ...]
    run: int

    @property
    def count(self) -> int:
        """How many runs there are."""
        return -(-self.flat.size // self.run)


@dataclass(frozen=True)
class _Sizes:
    """The values of the scales of some runs, and of their zero points and offsets if they have."""

    sizes: Floats
    zeros: Floats | None = None
    offsets: Floats | None = None


def _largest_of(runs: _Runs, rule: ScaleRule) -> Floats:
    """What stands for the largest magnitude of each run."""
    if rule.largest is not None:
        return np.full(runs.count, rule.largest, np.float64)
    return largest_of_runs(runs.flat, runs.run)


class _KnownScales:
    """Scales that are known before the array is divided: they depend on more than magnitudes."""

    def __init__(self, runs: _Runs, fmt: ScaledFormat, rule: ScaleRule) -> None:
        if not fmt.is_symmetric:
            ends = ends_of_runs(runs.flat, runs.run, with_zero=fmt.offset is None)
            low, high = (end.reshape(runs.grid) for end in ends)
            self._scales = scales_of_ends(low, high, fmt, rule)
        elif rule.goes_by_magnitude:
            largest = _largest_of(runs, rule).reshape(runs.grid)
            self._scales = scales_of_magnitudes(largest, fmt, rule)
        else:
            farthest = farthest_of_runs(runs.flat, runs.run)
            self._scales = scales_of_farthest(farthest.reshape(runs.grid), fmt, rule)
        self._sizes = divisors_for_elements(self._scales, fmt).reshape(-1)
        self._zeros = flat_values(self._scales.zero_points, fmt.zero_point)
        self._offsets = flat_values(self._scales.offsets, fmt.offset)

    def of(self, part: slice, now: Array) -> _Sizes:
        """Those of some runs, whose numbers do not matter any more."""
        zeros, offsets = (
            None if each is None else each[part] for each in (self._zeros, self._offsets)
        )
        return _Sizes(self._sizes[part], zeros, offsets)

    def scales(self) -> Scales:
        """All of them."""
        return self._scales


class _ScalesOfParts:
    """Scales that each part of the array finds for itself, as it comes by."""

    def __init__(self, runs: _Runs, fmt: ScaledFormat, rule: ScaleRule) -> None:
        self._runs, self._format, self._rule = runs, fmt, rule
        self._codes = np.empty(runs.count, code_dtype(fmt.scale_element))
        self._kernel = _scale_kernel(fmt, rule)
        self._largest: Floats | None = None
        self._tensor = None
        # But for its largest magnitudes: where the scales have a scale, or runs do not fill parts;
        # or where they are known.
        is_known = rule.largest is not None
        if is_known or isinstance(fmt.scale, ScaledFormat) or PART % runs.run:
            self._largest = _largest_of(runs, rule)
        known = np.zeros((1,)) if self._largest is None else self._largest.reshape(runs.grid)
        divisors, self._tensor = divisors_of(known, fmt, rule)
        self._divisors = for_runs(divisors, runs.grid)
        outer = outer_values(self.scales(), fmt)
        self._outer = None if outer is None else for_runs(outer, runs.grid)

    def of(self, part: slice, now: Array) -> _Sizes:
        """Those of some runs with these numbers."""
        codes, divisors = self._codes[part], part_of(self._divisors, part)
        words, largest = None, np.empty(codes.shape)
        if self._largest is None:
            words = now.view(np.uint32)
        else:
            largest = self._largest[part]
        sizes, found_nan = self._kernel.run(words, self._runs.run, largest, divisors, codes)
        if found_nan and not self._format.scale_element.has_nan:
            stored(largest, divisors, self._format, self._rule)  # which refuses NaN
        if self._outer is not None:
            sizes *= part_of(self._outer, part)
        return _Sizes(sizes)

    def scales(self) -> Scales:
        """All of them, once all parts have come by."""
        return Scales(self._codes.reshape(self._runs.grid), self._tensor)


class _Encoder:
    """Numbers to codes, with memory for `size` of them at a time, that one thread works in."""

    def __init__(
        self,
        fmt: ScaledFormat,
        rounding: RoundingMode,
        saturation: SaturationMode,
        key: int | None,
        run: int,
        size: int,
    ) -> None:
        from numformats.codec.compiled.scaled import QuotientKernel

        self._element, self._run = fmt.element, run
        kernel = _kernel_for(fmt, rounding, saturation)
        is_to_odd = not _is_power_of_two(fmt) and not can_divide(_FLOAT32, fmt, key)
        self._kernel = QuotientKernel(kernel, run, is_to_odd=is_to_odd, key=key)
        is_affine = fmt.zero_point is not None
        self._integers = np.empty(size, code_dtype(WIDE)) if is_affine else None

    def encode(self, now: Array, scales: _Sizes, first: int, out: Array) -> None:
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


def _is_by_magnitudes(fmt: ScaledFormat, rule: ScaleRule) -> bool:
    """Whether the largest magnitude of a tile is all that its scale depends on, but for the scale
    of scales.
    """
    return fmt.is_symmetric and fmt.scale_mean is None and rule.goes_by_magnitude


def _kernel_for(fmt: ScaledFormat, rounding: RoundingMode, saturation: SaturationMode) -> Any:
    """The kernel for the quotients of numbers and scales, or None."""
    from numformats.codec.compiled.dispatch import kernel_for

    nan = "raise" if fmt.element.has_nan else "zero"
    plan = make_plan(fmt.element, rounding, saturation, nan)
    if fmt.zero_point is not None:
        plan = make_plan(WIDE, rounding, "finite", "zero")
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


def _scale_kernel(fmt: ScaledFormat, rule: ScaleRule) -> Any:
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
