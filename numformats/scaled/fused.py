"""Scaling, dividing and encoding in one go, a part of the array at a time: compiled, on threads.

A part stays in the cache meanwhile. Tiles whose numbers are not consecutive are gathered first.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.codec import backends
from numformats.codec.arguments import code_dtype
from numformats.codec.plan import make_plan
from numformats.formats.floating import FloatFormat
from numformats.formats.format import Format
from numformats.modes import Modes
from numformats.scaled.elements import (
    WIDE,
    Projection,
    can_divide,
    float_dtype,
)
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.gathering import scattered
from numformats.scaled.granularity import Tile
from numformats.scaled.rules import ScaleRule
from numformats.scaled.runs import PART, as_floats, run_length
from numformats.scaled.scales import Scales
from numformats.scaled.sources import (
    Runs,
    Sizes,
    goes_by_magnitudes,
    runs_of,
    scale_kernel,
    source_of,
)

Array = NDArray[Any]

_FLOAT32: Final = np.dtype(np.float32)
_FLOAT64: Final = np.dtype(np.float64)
# The bits of a word above those of a quotient that a zero point is to be added to.
_SPARE: Final = np.int32(32 - WIDE.bits)


def can_quantize(
    x: Array,
    fmt: ScaledFormat,
    rule: ScaleRule,
    tile: Tile,
    how: Projection,
) -> bool:
    """Whether `quantize_runs` can do it."""
    if x.size == 0:
        return False
    # Random bits go by the position in the array, and not in one whose tiles were gathered.
    if how.key is not None and run_length(x.shape, tile) is None:
        return False
    if backends.compiled_path(x.size) is None:
        return False
    if goes_by_magnitudes(fmt, rule) and scale_kernel(fmt, rule) is None:
        return False
    return _kernel_for(x.dtype, fmt, how) is not None


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
    from numformats.codec.numba.threads import run_split

    runs = runs_of(x, tile)
    flat = runs.flat
    source = source_of(runs, fmt, rule, known)
    codes = np.empty(flat.size, code_dtype(fmt.element))

    def work(begin: int, end: int) -> bool:
        # Memory that is asked for anew for each part would cost more than the work.
        encoder = Encoder(runs, fmt, how, min(PART, end - begin))
        for first in range(begin, end, PART):
            last = min(first + PART, end)
            part = slice(first // runs.run, -(-last // runs.run))
            now = as_floats(flat[first:last])
            encoder.encode(now, source.of(part, now), first, codes[first:last])
        return False

    run_split(work, flat.size, PART)
    is_gathered = run_length(x.shape, tile) is None
    found = scattered(codes, x.shape, tile) if is_gathered else codes.reshape(x.shape)
    return found, source.scales()


class Encoder:
    """Numbers to codes, with memory for `size` of them at a time, that one thread works in."""

    def __init__(self, runs: Runs, fmt: ScaledFormat, how: Projection, size: int) -> None:
        from numformats.codec.numba.blocks.calls import QuotientKernel

        self._element, self._run, dtype = fmt.element, runs.run, runs.flat.dtype
        kernel = _kernel_for(dtype, fmt, how)
        # Shifts, divisions that cannot go wrong, or else divisions rounded to odd.
        is_to_odd = not _can_shift(dtype, fmt) and not can_divide(dtype, fmt, how.key)
        self._kernel = QuotientKernel(kernel, runs.run, is_to_odd=is_to_odd, key=how.key)
        is_affine = fmt.zero_point is not None
        self._integers = np.empty(size, code_dtype(WIDE)) if is_affine else None

    def encode(self, now: Array, scales: Sizes, first: int, out: Array) -> None:
        """Write the codes of a part, whose first number is at a position in the array."""
        from numformats.codec.numba.blocks import quotients as quotient_loops

        begun = first % self._run
        terms = None if scales.offsets is None else -scales.offsets
        if self._integers is None:
            self._kernel.run(now, scales.sizes, terms, begun, out, first)
            return
        integers = self._integers[: now.size]
        self._kernel.run(now, scales.sizes, terms, begun, integers, first)
        ends = int(self._element.lowest), int(self._element.highest)
        mask = 2**self._element.bits - 1
        quotient_loops.move_runs(
            integers.view(np.int32), _SPARE, scales.zeros, ends, mask, self._run, begun, out
        )


def _kernel_for(dtype: np.dtype[Any], fmt: ScaledFormat, how: Projection) -> Any:
    """The kernel for the quotients of numbers of a dtype and scales, or None."""
    from numformats.codec.numba.calls import kernel_for

    plan = make_plan(
        fmt.element, Modes(how.rounding, how.saturation, "raise" if fmt.element.has_nan else "zero")
    )
    if fmt.zero_point is not None:
        plan = make_plan(WIDE, Modes(how.rounding, "finite", "zero"))
    return kernel_for(plan, _FLOAT32 if _can_shift(dtype, fmt) else _FLOAT64)


def _can_shift(dtype: np.dtype[Any], fmt: ScaledFormat) -> bool:
    """Whether quotients of numbers of a dtype are shifts, of float32 numbers by powers of two."""
    scale = fmt.scale
    return (
        float_dtype(dtype) == _FLOAT32
        and isinstance(scale, FloatFormat)
        and fmt.offset is None
        and scale.mantissa_bits == 0
        and not scale.has_zero
        and _are_within_float32(scale, fmt.element)
    )


@lru_cache(maxsize=64)  # for small arrays, for which fractions take long
def _are_within_float32(scale: Format, element: Format) -> bool:
    """Whether float32 has the reciprocals of scales, and all quotients that elements tell apart."""
    return (
        scale.highest < 2.0**128
        and scale.smallest_positive_exact > 2.0**-128
        and element.smallest_positive_exact > 2.0**-60
        and element.highest < 2.0**120
    )
