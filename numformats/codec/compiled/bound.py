"""Kernels with all of their arguments but the arrays, for a plan and an input dtype."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from numformats.codec.compiled import kernels
from numformats.codec.compiled.parameters import LANE32, LANE64, Lane, is_uncommon, words_of
from numformats.codec.compiled.search import LaneWords, find_thresholds, search
from numformats.codec.compiled.views import NO_WORDS, as_words, read_only
from numformats.codec.plan import EncodePlan, TablePlan
from numformats.codec.random_bits import key_schedule
from numformats.codec.values import TABLE_BITS, decode_chunk, value_table
from numformats.formats.base import Format
from numformats.rounding import random_bit_count

Array = NDArray[Any]

# Given random numbers, a key that makes them, and how far up in a lane they belong.
Draws = tuple[Array | None, Array | None, Any]

CONVERSIONS: Final[dict[np.dtype[Any], int]] = {
    np.dtype(ml_dtypes.bfloat16): kernels.FROM_BFLOAT16,
    np.dtype(np.float16): kernels.FROM_FLOAT16,
}


class Kernel:
    """`kernels.project` for a plan and an input dtype: all arguments but the arrays."""

    def __init__(self, plan: EncodePlan, lane: Lane, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self._plan, self._lane = plan, lane
        self._conversion = CONVERSIONS.get(dtype)
        self._is_wide = lane == LANE64 and dtype != np.float64
        self.for_codes = read_only(words_of(plan, lane))
        self.is_uncommon = True if is_uncommon(plan) else None
        bits = random_bit_count(plan.rounding)
        # Given numbers are right-aligned, drawn ones are used from the top.
        self._given_place = lane.dtype.type(lane.bits - (bits or lane.bits))
        self._drawn_place = lane.dtype.type(lane.bits - 32)

    def can_round(self, fmt: Format, dtype: np.dtype[Any]) -> bool:
        """Whether the kernel can write values of this dtype: in place, or by a table."""
        return self._in_place(dtype) or has_table(fmt)

    @lru_cache(maxsize=512)  # noqa: B019 - kernels are kept anyway
    def values_of(self, fmt: Format, dtype: np.dtype[Any]) -> Values:
        """What `run` needs to write values of a dtype."""
        if self._in_place(dtype):
            return Values(read_only(words_of(self._plan, self._lane, fmt)), None)
        return Values(self.for_codes, as_words(value_table(fmt, dtype)))

    def _in_place(self, dtype: np.dtype[Any]) -> bool:
        is_direct = self._conversion is None and not self._is_wide and not self.is_uncommon
        return is_direct and dtype == self._lane.float_dtype

    def source(self, x: Array) -> Array:
        """The input as kernels take it: words, unless they have to be widened as numbers."""
        return read_only(x.view() if self._is_wide and self._conversion is None else as_words(x))

    def run(
        self,
        source: Array,
        out: Array,
        values: Values | None,
        *,
        given: Array | None = None,
        key: Array | None = None,
        start: int,
    ) -> bool:
        """Project elements that begin at position `start`; whether any is NaN."""
        has_nan: bool = kernels.project(
            source,
            self._conversion,
            self.wide(),
            out,
            self.for_codes if values is None else values.parameters,
            self.is_uncommon,
            None if values is None or values.table is not None else True,
            None if values is None else values.table,
            *self.draws(given, key),
            start,
        )
        return has_nan

    def wide(self) -> Array | None:
        """Scratch memory to widen numbers in, if need be."""
        return np.empty(kernels.BLOCK) if self._is_wide else None

    def draws(self, given: Array | None, key: Array | None) -> Draws:
        """Random numbers, or the words of the key that makes them, and where they belong."""
        if given is None and key is None:
            return None, None, self._drawn_place
        place = self._drawn_place if given is None else self._given_place
        return NO_WORDS if given is None else given, NO_WORDS if key is None else key, place


class TableKernel:
    """`search.search` for a plan and an input dtype, with the interface of `Kernel`."""

    def __init__(self, plan: TablePlan, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self._plan = plan
        self._conversion = CONVERSIONS.get(dtype)
        lane = LANE64 if dtype == np.float64 else LANE32
        self.lane_words = LaneWords.of(lane)
        self.thresholds = read_only(find_thresholds(plan, lane))
        self.codes = self._results(np.array(plan.codes, np.uint32), plan.nan)

    def can_round(self, fmt: Format, dtype: np.dtype[Any]) -> bool:
        """Always: a value for each place is as good as a code."""
        return True

    @lru_cache(maxsize=512)  # noqa: B019 - kernels are kept anyway
    def values_of(self, fmt: Format, dtype: np.dtype[Any]) -> Values:
        """What `run` needs to write values of a dtype."""
        values = decode_chunk(np.array([*self._plan.codes, self._plan.nan]), fmt, dtype)
        words = as_words(values)
        return Values(self.thresholds, self._results(words[:-1], words[-1]))

    def _results(self, of_values: Array, nan: Any) -> Array:
        """An entry for each place that there could be, and one for NaN."""
        results = np.full(self.thresholds.size + 2, nan, of_values.dtype)
        results[: of_values.size] = of_values
        return read_only(results)

    def source(self, x: Array) -> Array:
        """The input as kernels take it."""
        return read_only(as_words(x))

    def run(
        self,
        source: Array,
        out: Array,
        values: Values | None,
        *,
        given: Array | None = None,
        key: Array | None = None,
        start: int,
    ) -> bool:
        """Project elements; whether any is NaN. There are no random numbers to use."""
        results = self.codes if values is None else values.table
        has_nan: bool = search(
            source, self._conversion, out, self.thresholds, results, self.lane_words
        )
        return has_nan


@dataclass(frozen=True)
class Values:
    """How a kernel writes values: in place by parameters, or codes first and then by a table."""

    parameters: Array
    table: Array | None


def has_table(fmt: Format) -> bool:
    """Whether the values of all codes are kept."""
    return fmt.bits <= TABLE_BITS


def key_words(key: int | None) -> Array | None:
    """The words of a key."""
    return None if key is None else read_only(np.array(key_schedule(key), np.uint32))
