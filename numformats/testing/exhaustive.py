"""Proving a function right for every input.

A projection never falls as numbers grow, so it is a staircase: its result changes at as many places
as the format has values. Those places are found, each is confirmed on both sides by the oracle, and
the function is then compared, input by input, with the staircase.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats import codec, exact
from numformats.formats.format import Format
from numformats.testing.comparing import (
    Findings,
    Kind,
    array_given,
    codes_given,
    results_of,
    values_given,
)
from numformats.testing.ordering import word_dtype
from numformats.testing.projection import Projection

Array = NDArray[Any]
Function = Callable[..., Any]

# Inputs at a time: they and their results stay in the cache of a processor.
_CHUNK: Final = 1 << 18
_MAX_BITS: Final = 16


def prove(
    function: Function,
    projection: Projection,
    dtype: np.dtype[Any],
    kind: Kind,
    findings: Findings,
    progress: bool,
) -> None:
    """Compare a function with a projection on every input of a dtype of up to 32 bits."""
    fmt = projection.format
    if dtype.kind in "iu" or dtype.itemsize > 4:
        raise ValueError(
            f"dtype: {dtype} has too many values for budget 'exhaustive'; float32, float16 and "
            "bfloat16 do not"
        )
    if fmt.bits > _MAX_BITS or projection.saturation == "wrap":
        raise ValueError(
            f"budget: 'exhaustive' is for formats up to {_MAX_BITS} bits and not for saturation "
            f"'wrap'; {fmt.name} has {fmt.bits}, saturation is {projection.saturation!r}: give a "
            "number of inputs"
        )
    largest = np.iinfo(word_dtype(dtype)).max
    with _progress(progress, f"{fmt.name} {projection.rounding}") as advance:
        for negative in (False, True):
            starts, codes = staircase(projection, dtype, negative)
            for begin, end in _chunks(int(largest) // 2 + 1):
                _compare_chunk(
                    function,
                    projection,
                    dtype,
                    kind,
                    findings,
                    (begin, end),
                    negative,
                    starts,
                    codes,
                )
                advance((end - begin) / (int(largest) + 1))


def staircase(
    projection: Projection, dtype: np.dtype[Any], negative: bool
) -> tuple[NDArray[np.int64], Array]:
    """The words, without the sign, at which the code of a number changes as its magnitude grows
    from zero to infinity, and the codes from there on. Words beyond infinity, the NaNs, are one
    more step, where they are admissible.

    AssertionError if `numformats.exact` does not confirm a step.
    """
    infinity = int(np.array(np.inf).astype(dtype).view(word_dtype(dtype))[()])
    low, high = np.array([0]), np.array([infinity])
    code_low = _codes_of(low, projection, dtype, negative)
    code_high = _codes_of(high, projection, dtype, negative)
    first = code_low
    found: list[tuple[Array, Array]] = []
    while low.size:
        middle = (low + high) // 2
        code_middle = _codes_of(middle, projection, dtype, negative)
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
        code_low = np.concatenate([code_low, code_middle])
        code_high = np.concatenate([code_middle, code_high])
        is_step = code_low != code_high
        is_done = is_step & (high - low == 1)
        found.append((high[is_done], code_high[is_done]))
        goes_on = is_step & (high - low > 1)
        low, high, code_low, code_high = (
            part[goes_on] for part in (low, high, code_low, code_high)
        )
    starts = np.concatenate([np.array([0]), *(words for words, _ in found)])
    codes = np.concatenate([first, *(codes for _, codes in found)])
    order = np.argsort(starts)
    starts, codes = starts[order], codes[order]
    _confirm(projection, dtype, negative, starts, codes)
    if projection.format.has_nan or projection.nan != "raise":
        nan = _codes_of(np.array([infinity + 1]), projection, dtype, negative)
        starts, codes = np.append(starts, infinity + 1), np.append(codes, nan)
    return starts, codes


def _confirm(
    projection: Projection,
    dtype: np.dtype[Any],
    negative: bool,
    starts: NDArray[np.int64],
    codes: Array,
) -> None:
    """Ask the oracle on both sides of every step."""
    above = _floats(starts, dtype, negative).tolist()
    below = _floats(np.maximum(starts - 1, 0), dtype, negative).tolist()
    previous = np.concatenate([codes[:1], codes[:-1]]).tolist()
    for x, code, x_below, code_below in zip(above, codes.tolist(), below, previous, strict=True):
        for value, expected in ((x, code), (x_below, code_below)):
            meant = exact.project(
                value, projection.format, projection.rounding, projection.saturation
            )
            assert meant == expected, f"numformats is wrong about {value!r}: {projection}"


def _compare_chunk(
    function: Function,
    projection: Projection,
    dtype: np.dtype[Any],
    kind: Kind,
    findings: Findings,
    bounds: tuple[int, int],
    negative: bool,
    starts: NDArray[np.int64],
    codes: Array,
) -> None:
    begin, end = bounds
    if not projection.format.has_nan and projection.nan == "raise":
        infinity = int(np.array(np.inf).astype(dtype).view(word_dtype(dtype))[()])
        end = min(end, infinity + 1)
        if begin >= end:
            return
    first, last = np.searchsorted(starts, [begin, end - 1], side="right") - 1
    edges = np.concatenate([[begin], starts[first + 1 : last + 1], [end]])
    expected = np.repeat(codes[first : last + 1], np.diff(edges))
    # The function may write to its input, so that it gets one of its own.
    result = results_of(function, _range_of_floats(begin, end, dtype, negative))
    # Most often nothing is wrong, and codes are compared faster than what they stand for.
    if kind == "encode" and _are_codes(result, expected, projection.format):
        findings.tried += end - begin
        return
    x = _range_of_floats(begin, end, dtype, negative)
    given = values_given(result, x, projection.format, kind)
    findings.compare(x, np.asarray(codec.decode(expected, projection.format, np.float64)), given)


def _are_codes(result: Any, expected: Array, fmt: Format) -> bool:
    """Whether a result is an array of these codes."""
    return np.array_equal(codes_given(array_given(result, expected, "code"), fmt), expected)


def _codes_of(
    words: NDArray[np.int64], projection: Projection, dtype: np.dtype[Any], negative: bool
) -> Array:
    return projection.codes(_floats(words, dtype, negative))


def _range_of_floats(begin: int, end: int, dtype: np.dtype[Any], negative: bool) -> Array:
    words = np.arange(begin, end, dtype=word_dtype(dtype))
    return _floats(words, dtype, negative)


def _floats(words: Array, dtype: np.dtype[Any], negative: bool) -> Array:
    unsigned = words.astype(word_dtype(dtype), copy=False)
    if negative:
        unsigned |= unsigned.dtype.type(1 << (8 * dtype.itemsize - 1))
    return unsigned.view(dtype)


def _chunks(size: int) -> Iterator[tuple[int, int]]:
    for begin in range(0, size, _CHUNK):
        yield begin, min(begin + _CHUNK, size)


def _progress(show: bool, title: str) -> AbstractContextManager[Callable[[float], object]]:
    """What to call with each part that is done."""
    return _Bar(title) if show else nullcontext(lambda part: None)


class _Bar(AbstractContextManager[Callable[[float], object]]):
    def __init__(self, title: str) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self._progress = Progress(console=Console(file=sys.stderr))
        self._task = self._progress.add_task(title, total=1.0)

    def __enter__(self) -> Callable[[float], object]:
        self._progress.start()
        return lambda part: self._progress.advance(self._task, part)

    def __exit__(self, *error: object) -> None:
        self._progress.stop()
