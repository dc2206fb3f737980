"""Searching for the best scales of blocks, some blocks at a time: compiled, on threads."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numformats.codec.arguments import code_dtype
from numformats.codec.numba.blocks import products
from numformats.codec.numba.threads import run_split
from numformats.codec.numba.views import read_only
from numformats.codec.values import value_table
from numformats.scaled.block_quantization import AbsmaxScales, BlockEncoder
from numformats.scaled.blocks import Blocks, absmax_of_blocks, as_floats, blocks_of
from numformats.scaled.plan import SEARCHED_CHUNK, QuantizationPlan
from numformats.scaled.scales import Scales, ScaleValues
from numformats.scaled.search import Chooser, best_of, chooser_of_ranges, scales_to_try

Array = NDArray[Any]
Floats = NDArray[np.float64]


def best_scales_of_blocks(x: Array, plan: QuantizationPlan) -> Scales:
    """`search.best_scales`, of whole blocks."""
    fmt, blocks = plan.format, blocks_of(x, plan)
    flat, length = blocks.flat, blocks.length
    step = SEARCHED_CHUNK // length * length
    by_absmax = None
    if fmt.is_symmetric:
        largest = None if fmt.scaled_scale is None else blocks.absmax()
        by_absmax = AbsmaxScales(largest, plan)
    found: dict[int, Scales] = {}

    def work(begin: int, end: int) -> bool:
        search = _Search(plan, by_absmax, min(step, end - begin))
        for first in range(begin, end, step):
            last = min(first + step, end)
            numbers = as_floats(flat[first:last])
            found[first] = search.best(slice(first // length, -(-last // length)), numbers)
        return False

    run_split(work, flat.size, step)
    in_order = [found[first] for first in sorted(found)]

    def joined(chunks: list[Array | None]) -> Array | None:
        there = [chunk for chunk in chunks if chunk is not None]
        return np.concatenate(there).reshape(blocks.grid) if there else None

    codes = joined([chunk.codes for chunk in in_order])
    assert codes is not None
    return Scales(
        codes,
        None if by_absmax is None else by_absmax.tensor,
        joined([chunk.zero_points for chunk in in_order]),
        joined([chunk.offsets for chunk in in_order]),
    )


class _Search:
    """The search in some blocks at a time, with memory for `size` numbers, of one thread.

    by_absmax: what makes scales of largest magnitudes, in symmetric formats.
    """

    def __init__(self, plan: QuantizationPlan, by_absmax: AbsmaxScales | None, size: int) -> None:
        fmt = plan.format
        self._format, self._rule, self._by_absmax = fmt, plan.rule, by_absmax
        self._length = plan.block
        self._encoder = BlockEncoder(plan, None, size)
        self._codes = np.empty(size, code_dtype(fmt.element))
        self._table = value_table(fmt.element, np.dtype(np.float64))
        self._scratch = np.empty((2, size))

    def best(self, blocks: slice, numbers: Array) -> Scales:
        """The best scales of some blocks with these numbers, without the scale of scales."""
        tried = scales_to_try(self._chooser(blocks, numbers), self._format, self._rule)
        return best_of(tried, lambda scales: self._errors_of(scales, blocks, numbers))

    def _chooser(self, blocks: slice, numbers: Array) -> Chooser:
        fmt, length, by_absmax = self._format, self._length, self._by_absmax
        if by_absmax is None:
            count = -(-numbers.size // length)
            return chooser_of_ranges(Blocks(numbers, (count,), length), fmt, self._rule)
        largest = absmax_of_blocks(numbers, length)

        def choose(share: float) -> Scales:
            codes = np.empty(largest.shape, code_dtype(fmt.scale_element))
            by_absmax.write(blocks, None, length, largest * share, codes)
            return Scales(codes)

        return choose

    def _errors_of(self, scales: Scales, blocks: slice, numbers: Array) -> Floats:
        if self._by_absmax is None:
            values = ScaleValues.of(scales, self._format)
        else:
            values = ScaleValues(self._by_absmax.values_of(blocks, scales.codes))
        codes, found = self._codes[: numbers.size], np.empty(scales.codes.shape)
        self._encoder.encode(numbers, values, 0, codes)
        products.squared_errors(
            numbers,
            read_only(codes.view()),
            self._table,
            values.zero_points,
            values.scales,
            None if values.offsets is None else -values.offsets,
            self._length,
            *self._scratch,
            found,
        )
        return found
