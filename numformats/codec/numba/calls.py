"""From arrays to compiled loops: which loop, with which arguments, on which parts."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NamedTuple, Protocol

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from numformats.codec.arguments import code_dtype, walk
from numformats.codec.numba import decode, encode, regular, threads
from numformats.codec.numba.encode import L1_CHUNK, L2_CHUNK
from numformats.codec.numba.lanes import (
    LANE32,
    LANE64,
    Lane,
    is_uncommon,
    lane_of,
    looks_at_ties,
    words_of,
)
from numformats.codec.numba.regular import NormalLoop, RegularLoop
from numformats.codec.numba.regular_words import RegularWords, regular_words_of
from numformats.codec.numba.search import (
    LaneWords,
    codes_of_places,
    find_thresholds,
    is_searchable,
    search,
)
from numformats.codec.numba.tapered import TaperedKernel
from numformats.codec.numba.tapered_decode import decode_tapered, pieces_of
from numformats.codec.numba.tapered_words import tapered_lane
from numformats.codec.numba.views import NO_WORDS, as_words, read_only, word_dtype
from numformats.codec.plan import EncodePlan, Plan, StaircasePlan, TaperedPlan
from numformats.codec.random_bits import key_schedule
from numformats.codec.values import TABLE_BITS, decode_chunk, value_table
from numformats.modes import random_bit_count
from numformats.system import NumberSystem

Array = NDArray[Any]

# Given random numbers, a key that makes them, how far up in a lane they belong, and whether ties
# have to be looked at.
Draws = tuple[Array | None, Array | None, Any, bool | None]

CONVERSIONS: Final[dict[np.dtype[Any], int]] = {
    np.dtype(ml_dtypes.bfloat16): encode.FROM_BFLOAT16,
    np.dtype(np.float16): encode.FROM_FLOAT16,
}
_INPUTS: Final = frozenset([*CONVERSIONS, np.dtype(np.float32), np.dtype(np.float64)])


class Kernel(Protocol):
    """A compiled loop with all its arguments but the arrays, for inputs of a dtype."""

    dtype: np.dtype[Any]

    def source(self, x: Array) -> Array:
        """The input as the loop takes it."""

    def run(
        self,
        source: Array,
        out: Array,
        *,
        given: Array | None = None,
        key: Array | None = None,
        start: int,
    ) -> bool:
        """Project elements that begin at position `start`; whether any is NaN."""


class LatticeKernel:
    """`regular.project_regular` for a plan and an input dtype, and `encode.project` for blocks of
    which that cannot make anything: all arguments but the arrays.

    values: the format whose values are written instead of codes, in place of the input; table: the
    values of codes, which are looked up. Both are None where codes are asked for.
    """

    def __init__(
        self,
        plan: EncodePlan,
        lane: Lane,
        dtype: np.dtype[Any],
        values: NumberSystem | None = None,
        table: Array | None = None,
    ) -> None:
        self.dtype = dtype
        self._parameters = read_only(words_of(plan, lane, values))
        self._is_uncommon = True if is_uncommon(plan) else None
        words = regular_words_of(plan, lane, values)
        self._regular = None if words is None else read_only(words)
        self._in_place = None if values is None else True
        self._lane, self._table = lane, table
        self._conversion = CONVERSIONS.get(dtype)
        self._converts = dtype != lane.float_dtype
        # The loop for codes of floats inside other loops; None where there is none, or not for all
        # numbers that are to be expected.
        serves = self._regular is not None and not self._converts
        self.loop = _inner_loop(self._regular) if serves and self._regular is not None else None
        # Float32 that is to be widened is taken as numbers, and all else as words.
        is_number = self._converts and self._conversion is None
        self._source_dtype = dtype if is_number else word_dtype(dtype)
        bits = random_bit_count(plan.rounding)
        self._look_at_ties = True if looks_at_ties(plan) else None
        # Given numbers are right-aligned, drawn ones are used from the top.
        self._given_place = lane.dtype.type(lane.bits - (bits or lane.bits))
        self._drawn_place = lane.dtype.type(lane.bits - 32)

    def source(self, x: Array) -> Array:
        """The input as words, unless it has to be widened as numbers."""
        return _read_only_view(x, self._source_dtype)

    def run(
        self,
        source: Array,
        out: Array,
        *,
        given: Array | None = None,
        key: Array | None = None,
        start: int,
    ) -> bool:
        """Project elements that begin at position `start`; whether any is NaN."""
        if self._regular is None or given is not None or key is not None:
            return self._run_general(source, out, given, key, start)
        done = self._run_regular(source, out)
        return done < source.size and self._run_mixed(source, out, done)

    def _run_mixed(self, source: Array, out: Array, done: int) -> bool:
        """Project what is left of numbers among which some are not regular; whether any is NaN."""
        has_nan, stretch = False, L1_CHUNK
        while done < source.size:
            # Where such numbers are frequent, finding that out would cost as much as the rest.
            end = min(done + stretch, source.size)
            has_nan |= self._run_general(source[done:end], out[done:end], None, None, done)
            regular = self._run_regular(source[end:], out[end:])
            stretch = L1_CHUNK if regular > stretch else min(2 * stretch, L2_CHUNK)
            done = end + regular
        return has_nan

    def _run_regular(self, source: Array, out: Array) -> int:
        done: int = regular.project_regular(
            source,
            self._conversion,
            np.empty(L1_CHUNK, self._lane.dtype) if self._converts else None,
            out,
            self._regular,
            self._in_place,
            self._table,
            None if self._table is None else np.empty(L1_CHUNK, np.uint32),
        )
        return done

    def _run_general(
        self, source: Array, out: Array, given: Array | None, key: Array | None, start: int
    ) -> bool:
        """Project any numbers; whether any is NaN. Those to be converted or looked up are taken a
        chunk at a time.
        """
        if not self._converts and self._table is None:
            return self._project(source, out, given, key, start)
        has_nan = False
        words, codes = np.empty(L2_CHUNK, self._lane.dtype), np.empty(L2_CHUNK, np.uint32)
        for first in range(0, source.size, L2_CHUNK):
            own, part = source[first : first + L2_CHUNK], out[first : first + L2_CHUNK]
            lanes = own
            if self._converts:
                encode.write_lanes(own, self._conversion, words[: own.size])
                lanes = read_only(words[: own.size])
            target = part if self._table is None else codes[: own.size]
            draws = None if given is None else given[first : first + L2_CHUNK]
            has_nan |= self._project(lanes, target, draws, key, start + first)
            if self._table is not None:
                encode.write_entries(target, self._table, part)
        return has_nan

    def _project(
        self, words: Array, out: Array, given: Array | None, key: Array | None, start: int
    ) -> bool:
        draws: Draws = None, None, self._drawn_place, None
        # A projection that is rare enough has no version of its own without random numbers.
        is_uncommon = True if self._in_place is None else None
        if given is not None or key is not None:
            place = self._drawn_place if given is None else self._given_place
            given, key = NO_WORDS if given is None else given, NO_WORDS if key is None else key
            draws, is_uncommon = (given, key, place, self._look_at_ties), self._is_uncommon
        has_nan: bool = encode.project(
            words, out, self._parameters, is_uncommon, self._in_place, *draws, start
        )
        return has_nan


def _inner_loop(words: Array) -> RegularLoop | NormalLoop:
    """The loop that serves, for codes inside other loops."""
    return (RegularLoop if RegularWords(*words).any_serves else NormalLoop)(words)


class SearchKernel:
    """`search.search` for a plan and an input dtype.

    values: what is written for the code at each place, and for NaN; the codes themselves if None.
    """

    def __init__(
        self, plan: StaircasePlan, dtype: np.dtype[Any], values: Array | None = None
    ) -> None:
        self.dtype = dtype
        self._conversion, self._source_dtype = CONVERSIONS.get(dtype), word_dtype(dtype)
        lane = LANE64 if dtype == np.float64 else LANE32
        self.lane_words = LaneWords.of(lane, plan)
        self.thresholds = read_only(find_thresholds(plan, lane))
        results = np.array([*codes_of_places(plan), plan.nan.positive], np.uint32)
        self.results = self._for_places(results if values is None else values)

    def _for_places(self, results: Array) -> Array:
        """An entry for each place that there could be, and one for NaN."""
        entries = np.full(self.thresholds.size + 2, results[-1], results.dtype)
        entries[: results.size - 1] = results[:-1]
        return read_only(entries)

    # There is none inside other loops.
    loop = None

    def source(self, x: Array) -> Array:
        """The input as words."""
        return _read_only_view(x, self._source_dtype)

    def run(
        self,
        source: Array,
        out: Array,
        *,
        given: Array | None = None,
        key: Array | None = None,
        start: int,
    ) -> bool:
        """Project elements; whether any is NaN. There are no random numbers to use."""
        has_nan: bool = search(
            source,
            self._conversion,
            None if self._conversion is None else np.empty(L1_CHUNK, LANE32.dtype),
            out,
            self.thresholds,
            self.results,
            self.lane_words,
        )
        return has_nan


def _read_only_view(x: Array, dtype: np.dtype[Any]) -> Array:
    # As `views.read_only`, in a third of the time.
    view = x.view(dtype)
    view.setflags(write=False)
    return view


@lru_cache(maxsize=512)
def kernel_for(
    plan: Plan, dtype: np.dtype[Any]
) -> LatticeKernel | SearchKernel | TaperedKernel | None:
    """The kernel that makes codes of an input dtype, or None where NumPy has to do it."""
    native = dtype.newbyteorder("=")
    if native not in _INPUTS:
        return None
    if isinstance(plan, StaircasePlan):
        return SearchKernel(plan, native) if is_searchable(plan) else None
    if isinstance(plan, TaperedPlan):
        return _tapered_kernel(plan, native, None)
    lane = lane_of(plan, 8 * native.itemsize)
    return None if lane is None else LatticeKernel(plan, lane, native)


@lru_cache(maxsize=512)
def rounding_kernel_for(
    plan: Plan, dtype: np.dtype[Any], fmt: NumberSystem, out_dtype: np.dtype[Any]
) -> Kernel | None:
    """The same for values in place of codes, of a dtype that holds them."""
    native, out_native = dtype.newbyteorder("="), out_dtype.newbyteorder("=")
    if native not in _INPUTS:
        return None
    if isinstance(plan, StaircasePlan):
        if not is_searchable(plan):
            return None
        codes = np.array([*codes_of_places(plan), plan.nan.positive])
        values = decode_chunk(codes, fmt, out_native)
        return SearchKernel(plan, native, as_words(values))
    if isinstance(plan, TaperedPlan):
        if not has_table(fmt):
            return None
        return _tapered_kernel(plan, native, as_words(value_table(fmt, out_native)))
    lane = lane_of(plan, 8 * native.itemsize)
    if lane is None:
        return None
    is_direct = native == lane.float_dtype and not is_uncommon(plan)
    if is_direct and out_native == lane.float_dtype:
        return LatticeKernel(plan, lane, native, values=fmt)
    if not has_table(fmt):
        return None
    return LatticeKernel(plan, lane, native, table=as_words(value_table(fmt, out_native)))


def _tapered_kernel(
    plan: TaperedPlan, dtype: np.dtype[Any], values: Array | None
) -> TaperedKernel | None:
    lane = tapered_lane(plan, 8 * dtype.itemsize)
    if lane is None:
        return None
    return TaperedKernel(plan, lane, dtype, CONVERSIONS.get(dtype), values)


def project_into(
    out: Array,
    x: Array,
    kernel: Kernel,
    *,
    key: int | None = None,
    random_bits: Array | None = None,
    refuse_nan: Callable[[], None] | None = None,
    is_new: bool = False,
) -> None:
    """Write what a kernel makes of `x` to `out`, as `numpy_path.project_into`.

    `refuse_nan` raises if there is a NaN in `x`; it is called before anything is written to `x`.
    is_new: whether `out` is an array of ours, just made.
    """
    words = key_words(key)
    if random_bits is None and _are_plain(x, out, is_new=is_new):
        # Raveled, what is contiguous is a view.
        source, result = kernel.source(x.ravel()), out.ravel()
        if result.dtype.kind != "u":
            result = as_words(result)
        if x.size < 2 * threads.ELEMENTS_PER_THREAD:
            # The stair of a small array ends here.
            if kernel.run(source, result, key=words, start=0) and refuse_nan is not None:
                refuse_nan()
            return

        def work(begin: int, end: int) -> bool:
            return kernel.run(source[begin:end], result[begin:end], key=words, start=begin)

        # A pass of its own, to look for NaN, would cost as much again.
        if any(threads.run_split(work, x.size, L1_CHUNK)) and refuse_nan is not None:
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
    position = 0
    chunks = walk(
        operands, dtypes, out=True, in_order=key is not None, chunk=L2_CHUNK, contiguous=True
    )
    for values, *given, result in chunks:
        # A loop may find out that it is of no use when it has written already.
        is_own = np.may_share_memory(values, result)
        kernel.run(
            kernel.source(values.copy() if is_own else values),
            as_words(result),
            given=read_only(given[0].view()) if given else None,
            key=words,
            start=position,
        )
        position += values.size


class Decoder(NamedTuple):
    """What writes the values of contiguous codes to a contiguous array, and returns whether all
    codes were in range; if not, what is written is of no use.
    """

    # What codes are taken for.
    dtype: np.dtype[Any]
    run: Callable[[Array, Array], bool]


@lru_cache(maxsize=64)
def decoder_for(fmt: NumberSystem, dtype: np.dtype[Any]) -> Decoder | None:
    """The decoder to a dtype that holds all values, by a table or by arithmetic; None where NumPy
    has to do it.
    """
    native, of_codes = dtype.newbyteorder("="), code_dtype(fmt)
    # Arithmetic is faster than a table, which has no vectors.
    fields = decode.fields_of(fmt, native)
    if fields is None and has_table(fmt):
        table = as_words(value_table(fmt, native))
        words = table.dtype

        def look_up(codes: Array, out: Array) -> bool:
            is_in_range: bool = decode.look_up_codes(
                _read_only_view(codes, of_codes), table, out.view(words)
            )
            return is_in_range

        return Decoder(of_codes, look_up)
    pieces = pieces_of(fmt, native) if fields is None else None
    if pieces is not None:
        return Decoder(
            of_codes,
            lambda codes, out: decode_tapered(_read_only_view(codes, of_codes), *pieces, out),
        )
    if fields is None:
        return None
    loop = decode.decode_fixed if isinstance(fields, decode.FixedFields) else decode.decode_floats
    limit = of_codes.type(2**fmt.bits - 1)
    return Decoder(
        of_codes, lambda codes, out: loop(_read_only_view(codes, of_codes), out, fields, limit)
    )


def decode_into(out: Array, codes: Array, decoder: Decoder, *, is_new: bool = False) -> bool:
    """Write the values of codes to `out`; whether all were in range. Codes of another dtype than
    the decoder's are known to be. is_new: whether `out` is an array of ours, just made.
    """
    if codes.dtype == decoder.dtype and _are_plain(codes, out, is_new=is_new):
        source, result = codes.ravel(), out.ravel()
        if codes.size < 2 * threads.ELEMENTS_PER_THREAD:
            return decoder.run(source, result)

        def work(begin: int, end: int) -> bool:
            return decoder.run(source[begin:end], result[begin:end])

        return all(threads.run_split(work, codes.size, L1_CHUNK))
    dtypes = [decoder.dtype, out.dtype.newbyteorder("=")]
    chunks = walk([codes, out], dtypes, out=True, chunk=L2_CHUNK, contiguous=True)
    return all(decoder.run(chunk, values) for chunk, values in chunks)


def has_table(fmt: NumberSystem) -> bool:
    """Whether the values of all codes are kept."""
    return fmt.bits <= TABLE_BITS


def key_words(key: int | None) -> Array | None:
    """The words of a key."""
    return None if key is None else read_only(np.array(key_schedule(key), np.uint32))


def _are_plain(x: Array, out: Array, *, is_new: bool) -> bool:
    """Whether both arrays are contiguous, aligned, in native byte order, and apart in memory."""
    if not (_is_plain(x) and (is_new or _is_plain(out))):
        return False
    return is_new or not np.may_share_memory(x, out)


def _is_plain(x: Array) -> bool:
    flags = x.flags
    return flags.c_contiguous and flags.aligned and x.dtype.isnative
