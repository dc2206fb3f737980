"""The compiled loops for systems whose precision tapers off: the algorithm of
`numformats.codec.tapered`, with what `tapered_words` knows of a plan. `p` is `TaperedWords`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.np.unsafe.ndarray import to_fixed_tuple
from numpy import (
    add,
    bitwise_and,
    bitwise_or,
    left_shift,
    maximum,
    minimum,
    multiply,
    right_shift,
    subtract,
)
from numpy.typing import NDArray

from numformats.codec.numba.bits import bits_of, signed
from numformats.codec.numba.encode import (
    L1_CHUNK,
    codes_place,
    draws_of,
    fill_draws,
    lanes_of,
    look_up,
)
from numformats.codec.numba.lanes import Lane
from numformats.codec.numba.steps import kernel, step
from numformats.codec.numba.tapered_words import (
    TAPERED_COUNT,
    TaperedWords,
    table_of,
    words_of,
)
from numformats.codec.numba.views import NO_WORDS, read_only, word_dtype
from numformats.codec.plan import TaperedPlan
from numformats.codec.tapered import encode_chunk
from numformats.modes import random_bit_count


@step
def normal_of(magnitude: Any, p: Any, has_subnormals: Any) -> Any:
    """The bits of a magnitude with an exponent that counts from the lowest one, and without a
    hidden bit to be put in.

    has_subnormals: None where all subnormal floats are below the smallest value.
    """
    normal = add(magnitude, p.offset)
    if has_subnormals is not None:
        # As an integer that becomes a float, a subnormal number is normal.
        as_number = subtract(bits_of(np.float32(signed(magnitude))), p.bias)
        normal = as_number if magnitude < p.smallest_normal else normal
    return normal


@step
def fill_entries(words: Any, entries: Any, table: Any, p: Any, has_subnormals: Any) -> None:
    """The table's word for each float."""
    # In a loop of its own, since whoever writes what might be the table has no vectors.
    for i in range(words.size):
        magnitude = bitwise_and(words[i], p.magnitude_mask)
        entries[i] = right_shift(normal_of(magnitude, p, has_subnormals), p.trailing)
    for i in range(words.size):
        entries[i] = table[entries[i]]


@step
def place_of(magnitude: Any, entry: Any, p: Any, has_subnormals: Any) -> Any:
    """Where a magnitude lies on the staircase, by the table's word for its exponent."""
    distance = bitwise_and(entry, p.distance_mask)
    start = subtract(entry, distance)
    normal = normal_of(magnitude, p, has_subnormals)
    at_top = bitwise_and(left_shift(normal, p.to_top), p.magnitude_mask)
    down = right_shift(at_top, distance)
    # The lowest bit says whether any was lost. That leaves a place between the same two halves.
    lost = p.one if left_shift(down, distance) != at_top else p.zero
    return bitwise_or(add(start, down), lost)


@step
def fill_codes(words: Any, entries: Any, out: Any, p: Any, has_subnormals: Any) -> Any:
    """The codes of floats given as lane words; those of zeros, infinities and NaNs are of no use.
    Returns whether there are such.

    entries: the table's word for each.
    """
    most = p.zero
    for i in range(words.size):
        magnitude = bitwise_and(words[i], p.magnitude_mask)
        # One less than zero is the largest word.
        most = maximum(most, subtract(magnitude, p.one))
        place = place_of(magnitude, entries[i], p, has_subnormals)
        odd = bitwise_and(right_shift(place, p.fraction), p.one)
        up = p.negative_up if words[i] > p.magnitude_mask else p.up
        up = add(up, bitwise_and(subtract(p.zero, odd), p.odd_up))
        rounded = right_shift(add(place, up), p.fraction)
        rounded = minimum(maximum(rounded, p.lowest), p.highest)
        negative = bitwise_and(subtract(p.zero, rounded), p.code_mask)
        out[i] = negative if words[i] > p.magnitude_mask else rounded
    return most >= subtract(p.infinity_word, p.one)


@step
def fill_codes_at_random(
    words: Any, entries: Any, draws: Any, draw_place: Any, out: Any, p: Any, has_subnormals: Any
) -> Any:
    """`fill_codes` of a random mode. Returns whether there are zeros, infinities or NaNs; and
    whether there are others whose part of the way is not that of their place.

    draws: uint32 random numbers; draw_place: how many places they have to go down.
    """
    most, is_uneven = p.zero, False
    for i in range(words.size):
        magnitude = bitwise_and(words[i], p.magnitude_mask)
        before = subtract(magnitude, p.one)
        most = maximum(most, before)
        distance = bitwise_and(entries[i], p.distance_mask)
        place = place_of(magnitude, entries[i], p, has_subnormals)
        # A distance of as many bits as a code has is that of a binade of less than a step.
        is_part = (distance >= p.code_bits) | (right_shift(place, p.fraction) == p.zero)
        is_uneven |= is_part & (before < subtract(p.infinity_word, p.one))
        drawn = add(p.zero, right_shift(draws[i], draw_place))
        up = add(multiply(drawn, p.unit_up), p.beside)
        up = subtract(up, bitwise_and(drawn, p.ties_fall))
        rounded = minimum(right_shift(add(place, up), p.fraction), p.highest)
        negative = bitwise_and(subtract(p.zero, rounded), p.code_mask)
        out[i] = negative if words[i] > p.magnitude_mask else rounded
    return most >= subtract(p.infinity_word, p.one), is_uneven


@step
def put_specials(words: Any, out: Any, p: Any) -> bool:
    """The codes of zeros, infinities and NaNs in their places. Returns whether there is a NaN."""
    largest = p.zero
    for i in range(words.size):
        is_negative = words[i] > p.magnitude_mask
        magnitude = bitwise_and(words[i], p.magnitude_mask)
        largest = maximum(largest, magnitude)
        if magnitude == p.zero:
            out[i] = p.zero
        elif magnitude == p.infinity_word:
            out[i] = p.negative_infinity if is_negative else p.infinity
        elif magnitude > p.infinity_word:
            out[i] = p.negative_nan if is_negative else p.nan
    return bool(largest > p.infinity_word)


@kernel
def project_tapered(
    source: Any,
    conversion: Any,
    scratch: Any,
    out: Any,
    table: Any,
    parameters: Any,
    has_subnormals: Any,
    values: Any,
    row: Any,
) -> bool:
    """Codes of the numbers in `source`, or values, written to `out`. Returns whether any is NaN.

    table: `table_of` a plan; parameters: its `words_of`. values: the values of codes, if these are
    asked for, or None; row: then scratch for a block of codes. The others are as for
    `encode.project`.
    """
    p = TaperedWords(*to_fixed_tuple(parameters, TAPERED_COUNT))
    scratch_entries = np.empty(L1_CHUNK, table.dtype)
    has_nan = False
    for begin in range(0, source.size, L1_CHUNK):
        end = begin + L1_CHUNK if source.size - begin > L1_CHUNK else source.size
        lanes = lanes_of(source[begin:end], conversion, scratch)
        part = codes_place(out, row, begin, end)
        entries = scratch_entries[: lanes.size]
        fill_entries(lanes, entries, table, p, has_subnormals)
        if fill_codes(lanes, entries, part, p, has_subnormals):
            has_nan |= put_specials(lanes, part, p)
        if values is not None:
            look_up(part, values, out[begin:end])
    return has_nan


@kernel
def project_tapered_at_random(
    source: Any,
    conversion: Any,
    scratch: Any,
    out: Any,
    table: Any,
    parameters: Any,
    has_subnormals: Any,
    values: Any,
    row: Any,
    given: Any,
    key: Any,
    draw_place: Any,
    start: Any,
) -> Any:
    """`project_tapered` of a random mode. Returns how many are done: all, or those before the first
    block that has one of which the loop can make nothing; and whether any of these is NaN.

    given, key, start: as for `encode.project`; draw_place: as for `fill_codes_at_random`.
    """
    p = TaperedWords(*to_fixed_tuple(parameters, TAPERED_COUNT))
    scratch_entries = np.empty(L1_CHUNK, table.dtype)
    halves, random = np.empty(L1_CHUNK, np.uint32), np.empty(L1_CHUNK, np.uint32)
    random_scratch = (halves[: L1_CHUNK // 2], halves[L1_CHUNK // 2 :], random)
    has_nan = False
    for begin in range(0, source.size, L1_CHUNK):
        end = begin + L1_CHUNK if source.size - begin > L1_CHUNK else source.size
        lanes = lanes_of(source[begin:end], conversion, scratch)
        part = codes_place(out, row, begin, end)
        entries = scratch_entries[: lanes.size]
        fill_entries(lanes, entries, table, p, has_subnormals)
        draws = draws_of(begin, end, given, key, start, random_scratch)
        has_specials, is_uneven = fill_codes_at_random(
            lanes, entries, draws, draw_place, part, p, has_subnormals
        )
        if is_uneven:
            return begin, has_nan
        if has_specials:
            has_nan |= put_specials(lanes, part, p)
        if values is not None:
            look_up(part, values, out[begin:end])
    return source.size, has_nan


class TaperedKernel:
    """`project_tapered` for a plan and an input dtype: all arguments but the arrays.

    conversion: how numbers of 16 bits become float32, or None. values: the values of codes, which
    are written instead of these, or None.
    """

    # There is none inside other loops.
    loop = None

    def __init__(
        self,
        plan: TaperedPlan,
        lane: Lane,
        dtype: np.dtype[Any],
        conversion: int | None,
        values: NDArray[Any] | None = None,
    ) -> None:
        self.dtype, self._plan = dtype, plan
        self._lane, self._conversion, self._values = lane, conversion, values
        self._converts = dtype != lane.float_dtype
        # Float32 that is to be widened is taken as numbers, and all else as words.
        is_number = self._converts and conversion is None
        self._source_dtype = dtype if is_number else word_dtype(dtype)
        self._table = read_only(table_of(plan, lane))
        self._parameters = read_only(words_of(plan, lane))
        smallest_normal = 1 - lane.bias
        self._has_subnormals = True if plan.taper.lowest_exponent < smallest_normal else None

    def source(self, x: NDArray[Any]) -> NDArray[Any]:
        """The input as words, unless it has to be widened as numbers."""
        return read_only(x.view(self._source_dtype))

    def run(
        self,
        source: NDArray[Any],
        out: NDArray[Any],
        *,
        given: NDArray[Any] | None = None,
        key: NDArray[Any] | None = None,
        start: int,
    ) -> bool:
        """Project elements that begin at position `start`; whether any is NaN."""
        if given is None and key is None:
            has_nan: bool = project_tapered(*self._arguments(source, out))
            return has_nan
        # Given numbers are right-aligned, of drawn ones the upper bits are used.
        down = np.uint32(0 if key is None else 32 - random_bit_count(self._plan.rounding))
        random = NO_WORDS if given is None else given
        words = NO_WORDS if key is None else key
        has_nan, done = False, 0
        while done < source.size:
            left = self._arguments(source[done:], out[done:])
            count, found = project_tapered_at_random(
                *left, random[done:], words, down, start + done
            )
            done, has_nan = done + count, has_nan or found
            if done < source.size:
                end = min(done + L1_CHUNK, source.size)
                draws = random[done:end] if key is None else _drawn(words, start + done)
                draws = draws[: end - done] >> down
                has_nan |= self._run_block(source[done:end], out[done:end], draws)
                done = end
        return has_nan

    def _arguments(self, source: NDArray[Any], out: NDArray[Any]) -> tuple[Any, ...]:
        """What both loops take."""
        return (
            source,
            self._conversion,
            np.empty(L1_CHUNK, self._lane.dtype) if self._converts else None,
            out,
            self._table,
            self._parameters,
            self._has_subnormals,
            self._values,
            None if self._values is None else np.empty(L1_CHUNK, np.uint32),
        )

    def _run_block(self, source: NDArray[Any], out: NDArray[Any], draws: NDArray[Any]) -> bool:
        """Project a block in NumPy; whether any is NaN."""
        with np.errstate(invalid="ignore"):  # signaling NaN
            x = source.view(self.dtype).astype(np.float64)
        codes = encode_chunk(x, self._plan, draws.astype(np.uint64))
        out[...] = codes if self._values is None else self._values[codes]
        return bool(np.isnan(x).any())


def _drawn(key: NDArray[Any], start: int) -> NDArray[np.uint32]:
    """Random words for the elements of a block."""
    halves, draws = np.empty(L1_CHUNK, np.uint32), np.empty(L1_CHUNK, np.uint32)
    fill_draws(key, start, halves[: L1_CHUNK // 2], halves[L1_CHUNK // 2 :], draws)
    return draws
