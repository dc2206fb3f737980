"""Proving a function right for every input.

A projection never falls as numbers grow, so it is a staircase: its result changes at as many places
as the format has values. Those places are found, each is confirmed on both sides by the oracle, and
the function is then compared, input by input, with the staircase.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats import codec, exact
from numformats.codec.float_order import changes_of, word_dtype
from numformats.formats.format import Format
from numformats.testing.comparing import (
    Findings,
    Kind,
    array_given,
    codes_given,
    results_of,
    values_given,
)
from numformats.testing.projection import Projection
from numformats.testing.report import OracleError

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
    count = 1 << (8 * dtype.itemsize - 1)
    with _progress(progress, f"{fmt.name} {projection.rounding}") as advance:
        for negative in (False, True):
            stairs = staircase(projection, dtype, negative)
            for begin in range(0, count, _CHUNK):
                end = min(begin + _CHUNK, count)
                _compare_chunk(function, stairs, (begin, end), kind, findings)
                advance((end - begin) / (2 * count))


@dataclass(frozen=True)
class Staircase:
    """The words, without the sign, at which the code of a number changes as its magnitude grows
    from zero to infinity, and the codes from there on. Words beyond infinity, the NaNs, are one
    more step, where they are admissible.
    """

    projection: Projection
    dtype: np.dtype[Any]
    negative: bool
    starts: NDArray[np.int64]
    codes: Array

    def of(self, begin: int, end: int) -> Array:
        """The codes of all words from one to another."""
        first, last = np.searchsorted(self.starts, [begin, end - 1], side="right") - 1
        edges = np.concatenate([[begin], self.starts[first + 1 : last + 1], [end]])
        return np.repeat(self.codes[first : last + 1], np.diff(edges))


def staircase(projection: Projection, dtype: np.dtype[Any], negative: bool) -> Staircase:
    """The staircase of a projection for the numbers of one sign.

    OracleError if `numformats.exact` does not confirm a step.
    """

    def codes_of(words: Array) -> Array:
        return projection.codes(_floats(words, dtype, negative))

    infinity = _word_of_infinity(dtype)
    places, codes = changes_of(codes_of, 1, infinity)
    # Zero by itself: where there is none it becomes NaN, as what is beyond the largest value does.
    starts, codes = np.append(0, places.astype(np.int64)), np.append(codes_of(np.array([0])), codes)
    is_step = np.append(True, codes[1:] != codes[:-1])
    starts, codes = starts[is_step], codes[is_step]
    _confirm(projection, dtype, negative, starts, codes)
    if projection.format.has_nan or projection.nan != "raise":
        nan = codes_of(np.array([infinity + 1]))
        starts, codes = np.append(starts, infinity + 1), np.append(codes, nan)
    return Staircase(projection, dtype, negative, starts, codes)


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
        for value, found in ((x, code), (x_below, code_below)):
            meant = exact.project(
                value, projection.format, projection.rounding, projection.saturation
            )
            if found != meant:
                raise OracleError(
                    f"numformats is wrong about {value!r}: its code is {meant}, as exact has it, "
                    f"and not {found}: {projection}"
                )


def _compare_chunk(
    function: Function, stairs: Staircase, words: tuple[int, int], kind: Kind, findings: Findings
) -> None:
    """Compare a function with a staircase from one word to another."""
    projection, fmt = stairs.projection, stairs.projection.format
    begin, end = words
    if not fmt.has_nan and projection.nan == "raise":
        end = min(end, _word_of_infinity(stairs.dtype) + 1)
        if begin >= end:
            return
    expected = stairs.of(begin, end)
    # The function may write to its input, so that it gets one of its own.
    result = results_of(function, _range_of_floats(begin, end, stairs))
    # Most often nothing is wrong, and codes are compared faster than what they stand for.
    if kind == "encode" and _are_codes(result, expected, fmt):
        findings.tried += end - begin
        return
    x = _range_of_floats(begin, end, stairs)
    given = values_given(result, x, fmt, kind)
    findings.compare(x, np.asarray(codec.decode(expected, fmt, np.float64)), given)


def _are_codes(result: Any, expected: Array, fmt: Format) -> bool:
    """Whether a result is an array of these codes."""
    return np.array_equal(codes_given(array_given(result, expected, "code"), fmt), expected)


def _range_of_floats(begin: int, end: int, stairs: Staircase) -> Array:
    words = np.arange(begin, end, dtype=word_dtype(stairs.dtype))
    return _floats(words, stairs.dtype, stairs.negative)


def _floats(words: Array, dtype: np.dtype[Any], negative: bool) -> Array:
    unsigned = words.astype(word_dtype(dtype), copy=False)
    if negative:
        unsigned |= unsigned.dtype.type(1 << (8 * dtype.itemsize - 1))
    return unsigned.view(dtype)


def _word_of_infinity(dtype: np.dtype[Any]) -> int:
    return int(np.array(np.inf).astype(dtype).view(word_dtype(dtype))[()])


def _progress(show: bool, title: str) -> AbstractContextManager[Callable[[float], object]]:
    """What to call with the share of each chunk that is done."""
    return _Bar(title) if show else nullcontext(lambda share: None)


class _Bar(AbstractContextManager[Callable[[float], object]]):
    def __init__(self, title: str) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self._progress = Progress(console=Console(file=sys.stderr))
        self._task = self._progress.add_task(title, total=1.0)

    def __enter__(self) -> Callable[[float], object]:
        self._progress.start()
        return lambda share: self._progress.advance(self._task, share)

    def __exit__(self, *error: object) -> None:
        self._progress.stop()
