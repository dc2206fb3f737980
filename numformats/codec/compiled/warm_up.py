"""Compiling all kernels ahead of their first use, into the cache on disk."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import ml_dtypes
import numpy as np

from numformats.codec import paths
from numformats.codec.compiled import blocks, dispatch, kernels, search
from numformats.formats.base import Format
from numformats.formats.fixed import FixedFormat
from numformats.formats.ieee import dlfloat16, float16, float32
from numformats.formats.integers import IntFormat
from numformats.formats.ocp import float8_e4m3fn, float8_e8m0fnu
from numformats.formats.tables import TableFormat
from numformats.rounding import RoundingMode, Stochastic

_INPUTS = (np.float16, ml_dtypes.bfloat16, np.float32, np.float64)
_MODES: tuple[RoundingMode, ...] = (
    "nearest_even",
    Stochastic(1),
    # Too fine for 32-bit lanes.
    Stochastic(32, "C"),
)
_LOOPS: tuple[Any, ...] = (
    kernels.project,
    search.search,
    blocks.largest_of_groups,
    blocks.largest_of_blocks,
    blocks.farthest_of_blocks,
    blocks.ends_of_blocks,
    blocks.move_each,
    blocks.divide_runs,
    blocks.divide_each_to_odd,
    blocks.add_each_to_odd,
    blocks.shift_runs,
    blocks.multiply_runs,
    blocks.subtract_each,
)


def warm_up() -> int:
    """`numformats.codec.warm_up`, where there is Numba."""
    assert paths.compiled_path(paths.LARGE) is dispatch
    for dtype, mode, (fmt, saturation) in product(_INPUTS, _MODES, _formats()):
        if mode != "nearest_even" and isinstance(fmt, TableFormat):
            continue
        x, rng = np.ones(2, dtype), None if mode == "nearest_even" else 0
        codes = fmt.encode(x, mode, saturation, rng=rng)
        fmt.round(x, mode, saturation, rng=rng)
        fmt.decode(codes)
        fmt.decode(codes, dtype=np.float64)
    fixed = FixedFormat("fixed", 15, 16)
    fixed.decode(fixed.encode([1.0]))
    _compile_blocks()
    return version_count()


def version_count() -> int:
    """How many versions there are of all loops, for the types that they have been called with."""
    return sum(len(loop.signatures) for loop in _LOOPS)


def _compile_blocks() -> None:
    x, halves, wide = np.ones(2, np.float32), np.ones(2, np.float32), np.ones(2)
    x.flags.writeable = False
    blocks.largest_of_groups(x.view(np.uint32), np.empty(0, np.uint32))
    blocks.largest_of_blocks(x.view(np.uint32), 2, np.empty(1, np.uint32))
    blocks.farthest_of_blocks(x.view(np.uint32), 2, np.empty(1, np.uint32))
    blocks.ends_of_blocks(x, 2, True, np.empty(1, np.float32), np.empty(1, np.float32))
    integers = np.ones(2, np.uint16)
    for codes in (np.empty(2, np.uint8), integers):
        blocks.move_each(integers, wide, (0, 15), 15, codes)
    blocks.divide_runs(x, wide, 1, 0, np.empty(2))
    for numbers in (x, wide):
        blocks.divide_each_to_odd(numbers, wide, np.empty(2))
        blocks.add_each_to_odd(numbers, wide, np.empty(2))
    blocks.shift_runs(x, halves, 1, 0, np.empty(2, np.float32))
    blocks.multiply_runs(halves, wide, 1, 0)
    blocks.multiply_runs(halves, halves, 1, 0)
    blocks.subtract_each(halves, halves)


def _formats() -> Iterator[tuple[Format, str]]:
    """One of each width of codes, and of the kinds of low end and of overflow."""
    for fmt in (float8_e4m3fn, float16, float32, float8_e8m0fnu, dlfloat16):
        yield fmt, "none"
    for bits in (8, 16):
        yield IntFormat(f"int{bits}", bits), "wrap"
    yield TableFormat("two", (0.0, 1.0)), "none"
