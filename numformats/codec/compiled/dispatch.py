"""From arrays to compiled kernels: which lane, which conversion, which parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from numformats.codec.arguments import code_dtype, walk
from numformats.codec.compiled import kernels, wide
from numformats.codec.compiled.parameters import (
    LANE32,
    LANE64,
    Lane,
    is_uncommon,
    lane_of,
    words_of,
)
from numformats.codec.compiled.search import (
    LaneWords,
    find_thresholds,
    is_staircase,
    search,
)
from numformats.codec.compiled.threads import run_split
from numformats.codec.plan import EncodePlan, Plan, TablePlan
from numformats.codec.random_bits import key_schedule
from numformats.codec.values import TABLE_BITS, decode_chunk, value_table
from numformats.formats.base import Format
from numformats.rounding import random_bit_count

Array = NDArray[Any]

# Elements that are buffered at a time where memory has to be walked: a multiple of kernels.BLOCK.
CHUNK: Final = 1 << 15

_CONVERSIONS: Final[dict[np.dtype[Any], int]] = {
    np.dtype(ml_dtypes.bfloat16): kernels.FROM_BFLOAT16,
    np.dtype(np.float16): kernels.FROM_FLOAT16,
}
_INPUTS: Final = frozenset([*_CONVERSIONS, np.dtype(np.float32), np.dtype(np.float64)])


@lru_cache(maxsize=512)
def kernel_for(plan: Plan, dtype: np.dtype[Any]) -> Kernel | TableKernel | None:
    """The kernel for a plan and an input dtype, or None where the NumPy path has to do it."""
    native = dtype.newbyteorder("=")
    if native not in _INPUTS:
        return None
    if isinstance(plan, TablePlan):
        return TableKernel(plan, native) if is_staircase(plan) else None
    lane = lane_of(plan, 8 * native.itemsize)
    return None if lane is None else Kernel(plan, lane, native)


def project_into(
    out: Array,
    x: Array,
    kernel: Kernel | TableKernel,
    *,
    fmt: Format | None = None,
    key: int | None = None,
    random_bits: Array | None = None,
    refuse_nan: Callable[[], None] | None = None,
    start: int = 0,
) -> None:
    """Write the projection of `x` to `out`, as `numpy_path.project_into`, with a fitting kernel.

    `refuse_nan` raises if there is a NaN in `x`; it is called before anything is written to `x`.
    """
    target = None if fmt is None else kernel.values_of(fmt, out.dtype.newbyteorder("="))
    key_words = None if key is None else _read_only(np.array(key_schedule(key), np.uint32))
    if random_bits is None and _is_plain(x) and _is_plain(out) and not _overlap(x, out):
        source, result = kernel.source(x.reshape(-1)), _words(out.reshape(-1))

        def work(begin: int, end: int) -> bool:
            return kernel.run(
                source[begin:end], result[begin:end], target, key=key_words, start=start + begin
            )

        # A pass of its own, to look for NaN, would cost as much again.
        if any(run_split(work, x.size, kernels.BLOCK)) and refuse_nan is not None:
            refuse_nan()
        return
    if refuse_nan is not None:
        refuse_nan()
    operands, dtypes = [x], [kernel.dtype]
    if random_bits is not None:
        operands.append(random_bits)
        dtypes.append(np.dtype(np.uint32))
    operands.append(out)
    dtypes.append(out.dtype.newbyteorder("="))
    position = start
    chunks = walk(
        operands, dtypes, out=True, in_order=key is not None, chunk=CHUNK, contiguous=True
    )
    for values, *given, result in chunks:
        kernel.run(
            kernel.source(values),
            _words(result),
            target,
            given=_read_only(given[0].view()) if given else None,
            key=key_words,
            start=position,
        )
        position += values.size


def decode_into(out: Array, codes: Array, fmt: Format) -> None:
    """Write the values of codes in range to `out`, whose dtype holds them."""
    decode = _decoder(fmt, out.dtype.newbyteorder("="))
    if _is_plain(codes) and _is_plain(out) and not _overlap(codes, out):
        source, result = codes.reshape(-1), out.reshape(-1)

        def work(begin: int, end: int) -> bool:
            decode(source[begin:end], result[begin:end])
            return False

        run_split(work, codes.size, kernels.BLOCK)
        return
    dtypes = [code_dtype(fmt), out.dtype.newbyteorder("=")]
    for chunk, values in walk([codes, out], dtypes, out=True, chunk=CHUNK, contiguous=True):
        decode(chunk, values)


def can_decode(fmt: Format, dtype: np.dtype[Any]) -> bool:
    """Whether there is a kernel that decodes a format to a dtype: by a table, or by arithmetic."""
    is_plain_float = dtype in (np.float32, np.float64)
    return _has_table(fmt) or (is_plain_float and wide.fields_of(fmt) is not None)


def _has_table(fmt: Format) -> bool:
    return fmt.bits <= TABLE_BITS


@lru_cache(maxsize=64)
def _decoder(fmt: Format, dtype: np.dtype[Any]) -> Callable[[Array, Array], None]:
    """The function that writes the values of contiguous codes to a contiguous array."""
    if _has_table(fmt):
        table = _words(value_table(fmt, dtype))
        return lambda codes, out: kernels.look_up(_read_only(_words(codes)), table, _words(out))
    fields = wide.fields_of(fmt)
    decode = wide.decode_fixed if isinstance(fields, wide.FixedFields) else wide.decode_floats
    return lambda codes, out: decode(_read_only(_words(codes)), out, fields)


class Kernel:
    """`kernels.project` for a plan and an input dtype: all arguments but the arrays."""

    def __init__(self, plan: EncodePlan, lane: Lane, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self._plan, self._lane = plan, lane
        self._conversion = _CONVERSIONS.get(dtype)
        self._is_wide = lane == LANE64 and dtype != np.float64
        self._for_codes = _read_only(words_of(plan, lane))
        self._is_uncommon = True if is_uncommon(plan) else None
        bits = random_bit_count(plan.rounding)
        # Given numbers are right-aligned, drawn ones are used from the top.
        self._given_place = lane.dtype.type(lane.bits - (bits or lane.bits))
        self._drawn_place = lane.dtype.type(lane.bits - 32)

    def can_round(self, fmt: Format, dtype: np.dtype[Any]) -> bool:
        """Whether the kernel can write values of this dtype: in place, or by a table."""
        return self._in_place(dtype) or _has_table(fmt)

    @lru_cache(maxsize=512)  # noqa: B019 - kernels are kept anyway
    def values_of(self, fmt: Format, dtype: np.dtype[Any]) -> Values:
        """What `run` needs to write values of a dtype."""
        if self._in_place(dtype):
            return Values(_read_only(words_of(self._plan, self._lane, fmt)), None)
        return Values(self._for_codes, _words(value_table(fmt, dtype)))

    def _in_place(self, dtype: np.dtype[Any]) -> bool:
        is_direct = self._conversion is None and not self._is_wide and not self._is_uncommon
        return is_direct and dtype == self._lane.float_dtype

    def source(self, x: Array) -> Array:
        """The input as kernels take it: words, unless they have to be widened as numbers."""
        return _read_only(x.view() if self._is_wide and self._conversion is None else _words(x))

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
        return kernels.project(
            source,
            self._conversion,
            np.empty(kernels.BLOCK) if self._is_wide else None,
            out,
            self._for_codes if values is None else values.parameters,
            self._is_uncommon,
            None if values is None or values.table is not None else True,
            None if values is None else values.table,
            _NO_WORDS if given is None and key is not None else given,
            _NO_WORDS if key is None and given is not None else key,
            start,
            self._drawn_place if given is None else self._given_place,
        )


class TableKernel:
    """`search.search` for a plan and an input dtype, with the interface of `Kernel`."""

    def __init__(self, plan: TablePlan, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self._plan = plan
        self._conversion = _CONVERSIONS.get(dtype)
        lane = LANE64 if dtype == np.float64 else LANE32
        self._lane_words = LaneWords.of(lane)
        self._thresholds = _read_only(find_thresholds(plan, lane))
        self._codes = self._results(np.array(plan.codes, np.uint32), plan.nan)

    def can_round(self, fmt: Format, dtype: np.dtype[Any]) -> bool:
        """Always: a value for each place is as good as a code."""
        return True

    @lru_cache(maxsize=512)  # noqa: B019 - kernels are kept anyway
    def values_of(self, fmt: Format, dtype: np.dtype[Any]) -> Values:
        """What `run` needs to write values of a dtype."""
        values = decode_chunk(np.array([*self._plan.codes, self._plan.nan]), fmt, dtype)
        words = _words(values)
        return Values(self._thresholds, self._results(words[:-1], words[-1]))

    def _results(self, of_values: Array, nan: Any) -> Array:
        """An entry for each place that there could be, and one for NaN."""
        results = np.full(self._thresholds.size + 2, nan, of_values.dtype)
        results[: of_values.size] = of_values
        return _read_only(results)

    def source(self, x: Array) -> Array:
        """The input as kernels take it."""
        return _read_only(_words(x))

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
        results = self._codes if values is None else values.table
        return search(source, self._conversion, out, self._thresholds, results, self._lane_words)


@dataclass(frozen=True)
class Values:
    """How a kernel writes values: in place by parameters, or codes first and then by a table."""

    parameters: Array
    table: Array | None


def _is_plain(array: Array) -> bool:
    """Whether an array is contiguous, aligned and in native byte order."""
    flags = array.flags
    return bool(flags.c_contiguous and flags.aligned and array.dtype.isnative)


def _overlap(a: Array, b: Array) -> bool:
    return bool(np.may_share_memory(a, b))


def _read_only(view: Array) -> Array:
    """A view that may not be written, as all that kernels read: for Numba it is another type, and
    each type is another kernel.
    """
    view.flags.writeable = False
    return view


def _words(array: Array) -> Array:
    """The bits of an array's elements as unsigned integers."""
    return array.view(_word_dtype(array.dtype.itemsize))


@cache
def _word_dtype(size: int) -> np.dtype[Any]:
    return np.dtype(f"u{size}")


_NO_WORDS: Final = _read_only(np.empty(0, np.uint32))
