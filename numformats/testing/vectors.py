"""Test vectors: lines of inputs with the codes and flags that are right for them.

A line has an input, for stochastic rounding the random bits, the code it becomes and the flags, all
in hexadecimal with as many digits as the width asks for, as in Berkeley TestFloat:

    43e88000 7f 05
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from numformats import codec, exact
from numformats.codec.float_order import word_dtype
from numformats.formats.format import Format
from numformats.names import get_format
from numformats.testing.decision_points import (
    FLOAT_DTYPES,
    decision_inputs,
    fraction_inputs,
    nans,
    raw_words,
)
from numformats.testing.projection import Projection, require_projection
from numformats.testing.stochastic import turning_points

__all__ = ["LEVELS", "Level", "Source", "Tininess", "Vectors", "lines", "vectors"]

Array = NDArray[Any]
Words = NDArray[np.uint64]
Level: TypeAlias = Literal[1, 2]
Tininess: TypeAlias = Literal["after", "before"]
LEVELS: Final = (1, 2)

# Inputs at a time, and the arbitrary ones of level 2.
_CHUNK: Final = 1 << 16
_ARBITRARY: Final = 1 << 18
# Between every two values level 2 looks at odd multiples of 2**-(this + 1) of the way.
_FRACTION_BITS: Final = 3


@dataclass(frozen=True)
class Source:
    """What the inputs are: floats of a dtype, or codes of a format.

    >>> Source.parse("float32").digits, Source.parse("float6_e3m2fn").digits
    (8, 2)
    """

    name: str
    bits: int
    dtype: np.dtype[Any] | None
    fmt: Format | None

    @classmethod
    def parse(cls, name: str) -> Source:
        """The source of this name: float64, or a format; ValueError for any other, and for formats
        of more than 16 bits that NumPy does not have.
        """
        for dtype in FLOAT_DTYPES:
            if dtype.name == name:
                return cls(name, 8 * dtype.itemsize, dtype, None)
        fmt = get_format(name)
        if fmt.dtype is not None and fmt.dtype in FLOAT_DTYPES:
            return cls(fmt.name, fmt.bits, fmt.dtype, None)
        if fmt.bits > 16:
            raise ValueError(f"input: {fmt.name} has {fmt.bits} bits; expected at most 16")
        return cls(fmt.name, fmt.bits, None, fmt)

    @property
    def digits(self) -> int:
        """How many hexadecimal digits a word has."""
        return digits_of(self.bits)

    def words(self, fmt: Format, level: Level) -> Words:
        """The inputs of a level: at level 1 every decision point, or every code if the inputs are
        codes; at level 2 also points between, and arbitrary words (all of them, of 16 bits).
        """
        if self.dtype is None:
            return np.arange(2**self.bits, dtype=np.uint64)
        decisions = self._words_of(decision_inputs(fmt, self.dtype))
        if level == 1:
            return decisions
        if self.bits == 16:
            return np.arange(2**16, dtype=np.uint64)
        between = self._words_of(fraction_inputs(fmt, self.dtype, _FRACTION_BITS))
        arbitrary = raw_words(_ARBITRARY) >> np.uint64(64 - self.bits)
        return np.concatenate([decisions, between, arbitrary])

    def numbers(self, words: Words) -> Array:
        """The numbers that words stand for, in the dtype, or as float64."""
        if self.dtype is not None:
            return words.astype(word_dtype(self.dtype)).view(self.dtype)
        assert self.fmt is not None
        codes = words.astype(np.uint32)
        return np.asarray(codec.decode(codes, self.fmt, dtype=np.float64))

    def is_signaling(self, words: Words) -> NDArray[np.bool_]:
        """Which words are signaling NaNs: those whose first bit after the exponent is 0."""
        if self.dtype is None:
            return np.zeros(words.shape, np.bool_)
        x = self.numbers(words)
        quiet = nans(self.dtype).view(word_dtype(self.dtype))[0]
        infinity = np.array(np.inf).astype(self.dtype).view(word_dtype(self.dtype))[()]
        with np.errstate(invalid="ignore"):
            is_nan = np.isnan(x.astype(np.float64))
        is_signaling: NDArray[np.bool_] = (words & np.uint64(quiet & ~infinity)) == 0
        return is_nan & is_signaling

    def _words_of(self, x: Array) -> Words:
        assert self.dtype is not None
        return x.view(word_dtype(self.dtype)).astype(np.uint64)


@dataclass(frozen=True)
class Vectors:
    """Inputs, random bits if there are any, what they become, and flags if these are known."""

    inputs: Words
    draws: Words | None
    codes: Words
    flags: Array | None


def vectors(
    projection: Projection, source: Source, level: Level = 1, tininess: Tininess = "after"
) -> Iterator[Vectors]:
    """Test vectors in chunks; the same ones in every run.

    Where the format has no NaN, there is none among the inputs, nor infinity under ``wrap``.
    TypeError, ValueError for arguments of another kind, and a level or tininess that is none.

    >>> import numformats as nf
    >>> first = next(vectors(Projection(nf.float4_e2m1fn), Source.parse("float8_e4m3fn")))
    >>> next(lines(first, Source.parse("float8_e4m3fn"), Projection(nf.float4_e2m1fn)))
    '00 0 00'
    """
    require_vectors(projection, source, level, tininess)
    words = source.words(projection.format, level)
    for begin in range(0, words.size, _CHUNK):
        chunk = words[begin : begin + _CHUNK]
        chunk = chunk[projection.admits(source.numbers(chunk))]
        for given, draws in _with_draws(projection, source, chunk):
            x = source.numbers(given)
            codes = projection.codes(x, draws).astype(np.uint64)
            yield Vectors(
                given, draws, codes, flags_of(projection, source, given, draws, codes, tininess)
            )


def require_vectors(projection: object, source: object, level: object, tininess: object) -> None:
    """Refuse what `vectors` and `verify` cannot go by."""
    require_projection(projection)
    if not isinstance(source, Source):
        raise TypeError(
            f"source: expected a Source, got {type(source).__name__} {source!r}; "
            "Source.parse('float32') makes one"
        )
    if level not in LEVELS:
        raise ValueError(f"level: {level!r}; expected 1 or 2")
    if tininess not in ("after", "before"):
        raise ValueError(f"tininess: {tininess!r}; expected 'after' or 'before'")


def _with_draws(
    projection: Projection, source: Source, words: Words
) -> Iterator[tuple[Words, Words | None]]:
    """Each input once; or with the least and the largest draw and those at which it changes."""
    if projection.random_bit_count == 0:
        yield words, None
        return
    turn = turning_points(projection, source.numbers(words))
    largest = np.full(words.size, 2**projection.random_bit_count - 1, np.uint64)
    for draws in (np.zeros_like(turn), turn - np.minimum(turn, 1), turn, largest):
        yield words, draws


def flags_of(
    projection: Projection,
    source: Source,
    words: Words,
    draws: Words | None,
    codes: Words,
    tininess: Tininess,
) -> NDArray[np.uint8]:
    """The flags of inputs whose codes are known, as `exact.flags` gives them."""
    fmt = projection.format
    x = source.numbers(words)
    with np.errstate(invalid="ignore"):
        wide = x.astype(np.float64)
    results = np.asarray(codec.decode(codes.astype(np.uint32), fmt, dtype=np.float64))
    found = np.where((results != wide) & ~np.isnan(wide), exact.Flags.INEXACT, 0).astype(np.uint8)
    # All flags but inexact come of the ends of the range, and there the oracle is asked, once for
    # all that is far beyond.
    inside = (wide >= fmt.min) & (wide <= fmt.max)
    if fmt.lattice is not None and fmt.lattice.floating:
        inside &= np.abs(wide) >= fmt.smallest_normal
    asked = np.flatnonzero((found > 0) & ~inside)
    near, is_far = _brought_near(wide[asked], fmt)
    drawn = np.zeros(near.shape, np.uint64) if draws is None else draws[asked]
    drawn = np.where(is_far, np.uint64(0), drawn)
    order = np.lexsort((drawn, near))
    answer, last = exact.Flags(0), None
    for i in order.tolist():
        question = (float(near[i]), int(drawn[i]))
        if question != last:
            last = question
            answer = exact.flags(
                question[0],
                fmt,
                projection.rounding,
                projection.saturation,
                tininess=tininess,
                random_bits=None if draws is None else question[1],
            )
        found[asked[i]] = answer
    found[source.is_signaling(words)] = exact.Flags.INVALID
    return found


def _brought_near(
    x: NDArray[np.float64], fmt: Format
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Numbers that have the same flags, with any draw, as those far beyond the ends of the range,
    and which these are. Infinity stays.
    """
    with np.errstate(over="ignore"):
        far = np.nan_to_num(4 * np.maximum(abs(fmt.max), abs(fmt.min)) + 4)
    near = np.where(np.isfinite(x), np.clip(x, -far, far), x)
    is_far = near != x
    if fmt.lattice is not None and fmt.lattice.floating:
        tiny = fmt.smallest_subnormal / 4
        is_tiny = (x != 0) & (np.abs(x) < tiny)
        near = np.where(is_tiny, np.copysign(tiny, x), near)
        is_far |= is_tiny
    return near, is_far


def lines(chunk: Vectors, source: Source, projection: Projection) -> Iterator[str]:
    """The lines of some vectors, without line ends."""
    columns: list[tuple[Array, int]] = [(chunk.inputs, source.digits)]
    if chunk.draws is not None:
        columns.append((chunk.draws, digits_of(projection.random_bit_count)))
    columns.append((chunk.codes, digits_of(projection.format.bits)))
    if chunk.flags is not None:
        columns.append((chunk.flags, 2))
    layout = " ".join(f"%0{digits}x" for _, digits in columns)
    for row in zip(*(column.tolist() for column, _ in columns), strict=True):
        yield layout % row


def digits_of(bits: int) -> int:
    """How many hexadecimal digits so many bits take."""
    return -(-bits // 4)


def __dir__() -> list[str]:
    return list(__all__)
