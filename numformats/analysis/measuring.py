"""What one piece of an array costs in each of several formats, and how pieces become the whole.

An array is cut into pieces by its shape and the format alone, and the sums over them are added up
in their order. So it makes no difference to any bit of a figure where each piece is measured, and
which is done first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numformats.analysis.errors import ErrorStats, ends_of, error_sums, stats_of
from numformats.analysis.histograms import BINS
from numformats.analysis.ordered import in_order
from numformats.analysis.results import Row
from numformats.analysis.streaming import (
    CHUNK,
    Survey,
    as_float,
    as_float64,
    chunks_of,
    format_of_chunks,
    tile_of_chunks,
)
from numformats.codec.error_sums import Ends, ErrorSums
from numformats.codec.random_bits import draw
from numformats.error_free import quotient_to_odd
from numformats.formats.format import Format
from numformats.formats.ieee import float32
from numformats.modes import Modes, random_bit_count
from numformats.scaled.dequantization import ChunkDecoder
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.granularity import Index, Tile
from numformats.scaled.plan import is_divided_plainly
from numformats.scaled.quantization import quantize
from numformats.scaled.tiling import chunks_in_order

Array = NDArray[Any]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Manner:
    """How an array is measured in any format.

    key: of the random bits, if the modes need any. has_nan: whether there is NaN in the array.
    threads: how many work on a piece.
    """

    modes: Modes
    key: int
    by_channel: bool
    has_nan: bool
    threads: int

    @property
    def random_bits(self) -> int:
        """How many random bits decide on each number."""
        return random_bit_count(self.modes.rounding)


@dataclass(frozen=True)
class Trial:
    """What one row is about.

    name: of the format. scaling, scale: as `Row` has them. bits_per_value: likewise. format: of the
    numbers once they are divided by the scale; or, where it has scales of its own, that which gives
    a piece those that it has in the whole array. tile: what no piece may cross.
    """

    name: str
    scaling: str
    scale: float
    bits_per_value: float
    element: Format
    blocks: ScaledFormat | None
    tile: Tile


def trial_of_blocks(
    fmt: ScaledFormat, shape: tuple[int, ...], survey: Survey, is_random: bool
) -> Trial:
    """The trial of a format with scales of its own."""
    # Random bits go by position in the array as a whole.
    of_chunks = None if is_random else format_of_chunks(fmt, survey.largest)
    # All of the array is one piece where no tile may be cut.
    ndim = len(shape)
    tile = (None,) * ndim if of_chunks is None else tile_of_chunks(of_chunks, ndim)
    bits = fmt.bits_of(shape)
    return Trial(fmt.name, "blocks", math.nan, bits, fmt.element, of_chunks or fmt, tile)


@dataclass(frozen=True)
class Piece:
    """A piece of an array, the position of its first value in C order, and the trials whose piece
    it is, by their numbers.
    """

    index: Index
    start: int
    trials: tuple[int, ...]


def pieces_of(shape: tuple[int, ...], trials: Sequence[Trial]) -> list[Piece]:
    """The pieces of an array for all trials, from front to back."""
    found: dict[tuple[tuple[int, int], ...], list[int]] = {}
    for number, trial in enumerate(trials):
        for chunk in chunks_of(shape, trial.tile):
            ends = tuple((part.start, part.stop) for part in chunk)
            found.setdefault(ends, []).append(number)
    return [
        Piece(tuple(slice(*part) for part in ends), _position(ends, shape), tuple(numbers))
        for ends, numbers in sorted(found.items())
    ]


def _position(ends: tuple[tuple[int, int], ...], shape: tuple[int, ...]) -> int:
    position = 0
    for (begin, _), length in zip(ends, shape, strict=True):
        position = position * length + begin
    return position


@dataclass(frozen=True)
class Sums:
    """The sums over a piece of an array, and those of squares of values and of errors over each
    index of its first axis, if they were asked for.
    """

    stats: ErrorStats
    signals: Floats
    noises: Floats


def measure_piece(x: Array, start: int, trials: Sequence[Trial], manner: Manner) -> list[Sums]:
    """The sums of each trial over a piece of an array, whose first value is at a position there."""
    x = np.ascontiguousarray(x)
    return [_measure(x, start, trial, manner) for trial in trials]


@dataclass(frozen=True)
class _Chunk:
    """A chunk of a piece before, as float32 or float64, and after; its scale and the value that
    stands for zero, one for all or one for each.
    """

    place: Index
    before: Array
    after: Floats
    scale: float | Floats
    zero: float | Floats = 0.0


def _measure(x: Array, start: int, trial: Trial, manner: Manner) -> Sums:
    channels = x.shape[0] if manner.by_channel else 0
    sums, ends = ErrorSums.of_nothing(BINS), ends_of(trial.element)
    signals, noises = np.zeros(channels), np.zeros(channels)
    if trial.blocks is None:
        chunks = _plain_chunks(x, start, trial, manner)
    else:
        chunks = _chunks_of_blocks(x, trial.blocks, manner)

    def work(make: Callable[[], _Chunk]) -> tuple[Index, ErrorSums, Floats, Floats]:
        chunk = make()
        by_channel = _sums_by_channel(chunk) if channels else (np.empty(0), np.empty(0))
        return chunk.place, _sums_of(chunk, ends), *by_channel

    for place, own, signal, noise in in_order(work, chunks, manner.threads):
        sums.add(own)
        if channels:
            signals[place[0]] += signal
            noises[place[0]] += noise
    return Sums(stats_of(sums), signals, noises)


def _plain_chunks(
    x: Array, start: int, trial: Trial, manner: Manner
) -> Iterator[Callable[[], _Chunk]]:
    """What a format makes of chunks whose values have one scale."""
    x = x if manner.by_channel else x.reshape(-1)
    for place, first in chunks_in_order(x.shape, CHUNK):
        yield partial(_plain_chunk, x[place], place, start + first, trial, manner)


def _plain_chunk(chunk: Array, place: Index, start: int, trial: Trial, manner: Manner) -> _Chunk:
    fmt, scale, modes, count = trial.element, trial.scale, manner.modes, manner.random_bits
    before = as_float(chunk)
    # Random bits go by position, so that a chunk has to get those of its own place.
    random_bits = draw(manner.key, start, chunk.size, count).reshape(chunk.shape) if count else None
    kept = np.isfinite(before)
    if not kept.all():
        chunk = np.where(kept, chunk, chunk.dtype.type(0))
    if scale != 1.0:
        is_plain = not count and is_divided_plainly(chunk.dtype, fmt, float32.precision)
        divide = np.divide if is_plain else quotient_to_odd
        chunk = divide(as_float64(np.where(kept, before, 0)), scale)
    rounded = fmt.round(chunk, modes.rounding, modes.saturation, random_bits=random_bits)
    return _Chunk(place, before, rounded.astype(np.float64) * scale, scale)


def _chunks_of_blocks(
    x: Array, fmt: ScaledFormat, manner: Manner
) -> Iterator[Callable[[], _Chunk]]:
    """What a format with its own scales makes of chunks. What is not finite does not count for
    them.
    """
    quantized = quantize(
        _infinite_for_nan(x) if manner.has_nan else x,
        fmt,
        rounding=manner.modes.rounding,
        rng=manner.key if manner.random_bits else None,
    )
    decoder = quantized.decoder()
    for place, _ in chunks_in_order(x.shape, CHUNK):
        yield partial(_chunk_of_blocks, x[place], place, decoder)


def _chunk_of_blocks(before: Array, place: Index, decoder: ChunkDecoder) -> _Chunk:
    chunk = decoder.decode(place)
    return _Chunk(place, as_float(before), chunk.numbers(), chunk.scales, chunk.zeros())


def _sums_by_channel(chunk: _Chunk) -> tuple[Floats, Floats]:
    """The sums of squares of values and of errors over each index of the first axis."""
    before = as_float64(chunk.before)
    kept = np.isfinite(before)
    within = tuple(range(1, before.ndim))
    with np.errstate(over="ignore", invalid="ignore"):
        error = np.where(np.isfinite(chunk.after), chunk.after - before, np.inf)
        signals = np.square(before).sum(axis=within, where=kept)
        noises = np.square(error).sum(axis=within, where=kept)
    return signals, noises


def _sums_of(chunk: _Chunk, ends: Ends) -> ErrorSums:
    """The sums over a chunk: what is not finite before is left out."""
    before, after, scale, zero = chunk.before, chunk.after, chunk.scale, chunk.zero
    kept = np.isfinite(before)
    if not kept.all():
        scale, zero = (np.broadcast_to(each, kept.shape)[kept] for each in (scale, zero))
        before, after = before[kept], after[kept]
    return error_sums(before, after, ends, scale, zero)


class Totals:
    """The rows of trials, from the sums of pieces that are added in their order.

    shape: of the array.
    """

    def __init__(self, trials: Sequence[Trial], shape: tuple[int, ...], manner: Manner) -> None:
        channels = shape[0] if manner.by_channel else 0
        self._trials, self._size = trials, math.prod(shape)
        self._stats = [ErrorStats() for _ in trials]
        self._signals, self._noises = np.zeros((2, len(trials), channels))

    def add(self, piece: Piece, sums: Sequence[Sums]) -> None:
        """Add those of a piece, of each of its trials."""
        for number, own in zip(piece.trials, sums, strict=True):
            self._stats[number] = self._stats[number].merge(own.stats)
            if own.signals.size:
                self._signals[number, piece.index[0]] += own.signals
                self._noises[number, piece.index[0]] += own.noises

    def rows(self) -> Iterator[Row]:
        """The rows, once all pieces have come by."""
        for number, trial in enumerate(self._trials):
            channels = _ratios(self._signals[number], self._noises[number])
            about = (trial.name, trial.scaling, trial.scale, trial.bits_per_value)
            yield Row(*about, self._stats[number], self._size, channels)


def _ratios(signals: Floats, noises: Floats) -> tuple[float, ...] | None:
    """The SQNR of each channel in decibels: NaN where there is no signal."""
    if not signals.size:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        decibels = 10 * (np.log10(signals) - np.log10(noises))
    return tuple(np.where(signals == 0, np.nan, decibels).tolist())


def _infinite_for_nan(x: Array) -> Array:
    """An array with infinity in place of NaN: no scale takes that into account, where NaN would
    make all of its tile NaN.
    """
    if x.dtype.itemsize == 1:  # of which some have no infinity
        x = x.astype(np.float32)
    return np.where(np.isnan(as_float64(x)), x.dtype.type(np.inf), x)
