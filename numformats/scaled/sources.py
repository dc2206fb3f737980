"""The scales of runs: known beforehand, or found as the parts of an array come by."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from numformats.codec.arguments import code_dtype
from numformats.codec.plan import make_plan
from numformats.modes import Modes
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.gathering import gathered
from numformats.scaled.granularity import Tile, grid_shape
from numformats.scaled.rules import ScaleRule
from numformats.scaled.runs import (
    PART,
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
    scale_of_zeros,
    scales_of_ends,
    scales_of_farthest,
    scales_of_magnitudes,
    values_of,
)

Array = NDArray[Any]
Floats = NDArray[np.float64]

_FLOAT64: Final = np.dtype(np.float64)


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

    @classmethod
    def of(cls, scales: Scales, fmt: ScaledFormat) -> Sizes:
        """Those of all runs."""
        return cls(
            divisors_for_elements(scales, fmt).reshape(-1),
            flat_values(scales.zero_points, fmt.zero_point),
            flat_values(scales.offsets, fmt.offset),
        )

    def part(self, part: slice) -> Sizes:
        """Those of some runs."""
        zeros, offsets = (
            None if each is None else each[part] for each in (self.zeros, self.offsets)
        )
        return Sizes(self.sizes[part], zeros, offsets)


class Source(Protocol):
    """Where the scales of an array come from."""

    def of(self, part: slice, now: Array) -> Sizes:
        """The values of those of some runs, with these numbers."""

    def scales(self) -> Scales:
        """All of them, once all parts have come by."""


def source_of(runs: Runs, fmt: ScaledFormat, rule: ScaleRule, known: Scales | None) -> Source:
    """The scales of an array by a rule, unless they are known."""
    if known is None and goes_by_magnitudes(fmt, rule):
        return _ScalesOfParts(runs, fmt, rule)
    return _KnownScales(known or _scales_of(runs, fmt, rule), fmt)


def goes_by_magnitudes(fmt: ScaledFormat, rule: ScaleRule) -> bool:
    """Whether the largest magnitude of a tile is all that its scale depends on, but for the scale
    of scales.
    """
    return fmt.is_symmetric and fmt.scale_mean is None and rule.goes_by_magnitude


def _scales_of(runs: Runs, fmt: ScaledFormat, rule: ScaleRule) -> Scales:
    """Scales that depend on more than the magnitudes of their own runs, or on less."""
    if not fmt.is_symmetric:
        ends = ends_of_runs(runs.flat, runs.run, with_zero=fmt.offset is None)
        low, high = (end.reshape(runs.grid) for end in ends)
        return scales_of_ends(low, high, fmt, rule)
    if rule.goes_by_magnitude:
        return scales_of_magnitudes(_largest_of(runs, rule).reshape(runs.grid), fmt, rule)
    farthest = farthest_of_runs(runs.flat, runs.run)
    return scales_of_farthest(farthest.reshape(runs.grid), fmt, rule)


def _largest_of(runs: Runs, rule: ScaleRule) -> Floats:
    """What stands for the largest magnitude of each run."""
    if rule.largest is not None:
        return np.full(runs.count, rule.largest, np.float64)
    return largest_of_runs(runs.flat, runs.run)


class _KnownScales:
    """Scales that are known before the array is divided."""

    def __init__(self, scales: Scales, fmt: ScaledFormat) -> None:
        self._scales, self._sizes = scales, Sizes.of(scales, fmt)

    def of(self, part: slice, now: Array) -> Sizes:
        """Those of some runs, whose numbers do not matter any more."""
        return self._sizes.part(part)

    def scales(self) -> Scales:
        """All of them."""
        return self._scales


class ScalesByMagnitude:
    """What turns the largest magnitudes of some runs at a time into scales.

    largest: those of all runs, or None if scales depend on nothing but their own.
    """

    def __init__(
        self, largest: Floats | None, grid: tuple[int, ...], fmt: ScaledFormat, rule: ScaleRule
    ) -> None:
        self._element, self._kernel = fmt.scale_element, scale_kernel(fmt, rule)
        known = np.zeros((1,)) if largest is None else largest.reshape(grid)
        divisors, self.tensor = divisors_of(known, fmt, rule)
        self._divisors = for_runs(divisors, grid)
        outer = outer_values(self.tensor, fmt, grid)
        self._outer = None if outer is None else for_runs(outer, grid)

    def write(
        self, part: slice, x: Array | None, run: int, largest: Floats, codes: Array
    ) -> Floats:
        """Write the codes of the scales of some runs, and return their values.

        x: the numbers, whose largest magnitudes go to `largest`; None if they are there.
        """
        sizes = self._kernel.run(x, run, largest, part_of(self._divisors, part), codes)
        return self.values_of(part, codes) if sizes is None else self._with_outer(part, sizes)

    def values_of(self, part: slice, codes: Array) -> Floats:
        """The values of the scales of some runs."""
        return self._with_outer(part, values_of(codes, self._element))

    def _with_outer(self, part: slice, sizes: Floats) -> Floats:
        return sizes if self._outer is None else sizes * part_of(self._outer, part)


class _ScalesOfParts:
    """Scales that each part of the array finds for itself, as it comes by."""

    def __init__(self, runs: Runs, fmt: ScaledFormat, rule: ScaleRule) -> None:
        self._runs = runs
        self._codes = np.empty(runs.count, code_dtype(fmt.scale_element))
        self._largest: Floats | None = None
        # But for its largest magnitudes: where the scales have a scale, or runs do not fill parts;
        # or where they are known.
        is_known = rule.largest is not None
        if is_known or isinstance(fmt.scale, ScaledFormat) or PART % runs.run:
            self._largest = _largest_of(runs, rule)
        self._scales = ScalesByMagnitude(self._largest, runs.grid, fmt, rule)

    def of(self, part: slice, now: Array) -> Sizes:
        """Those of some runs with these numbers."""
        codes = self._codes[part]
        if self._largest is None:
            largest = np.empty(codes.shape)
            return Sizes(self._scales.write(part, now, self._runs.run, largest, codes))
        largest = self._largest[part]
        return Sizes(self._scales.write(part, None, self._runs.run, largest, codes))

    def scales(self) -> Scales:
        """All of them, once all parts have come by."""
        return Scales(self._codes.reshape(self._runs.grid), self._scales.tensor)


def scale_kernel(fmt: ScaledFormat, rule: ScaleRule) -> Any:
    """The kernel for scales that follow from the largest magnitudes, or None."""
    from numformats.codec.numba.blocks.calls import ScaleKernel
    from numformats.codec.numba.calls import LatticeKernel, kernel_for

    scale, precision = fmt.scale_element, fmt.element.precision if rule.rounds_first else None
    kernel = kernel_for(make_plan(scale, Modes(rule.rounding, "finite")), _FLOAT64)
    if not isinstance(kernel, LatticeKernel):
        return None
    return ScaleKernel(kernel, scale, scale_of_zeros(scale), precision)
