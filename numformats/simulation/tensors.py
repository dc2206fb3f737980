"""One tensor as a format would hold it, a part at a time: quantized, and back in its own dtype."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.analysis.streaming import (
    QUANTIZED_CHUNK,
    as_float64,
    chunks_of,
    format_of_chunks,
    survey_of,
    tile_of_chunks,
)
from numformats.modes import RoundingMode, random_bit_count
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.granularity import Tile
from numformats.scaled.quantization import quantize
from numformats.scaled.rules import ScaleRule
from numformats.simulation.results import total
from numformats.tensor_files.safetensors_header import PlacedTensor

# Values whose errors are summed at a time: what is allocated for them fits into the cache.
_SUMMED: Final = 1 << 15


@dataclass(frozen=True)
class Way:
    """How numbers become elements and scales: what `quantize` is told besides the format."""

    axis: int | None = None
    scale_rule: ScaleRule | None = None
    rounding: RoundingMode = "nearest_even"
    seed: int = 0

    @property
    def is_random(self) -> bool:
        """Whether random bits decide."""
        return random_bit_count(self.rounding) > 0


@dataclass(frozen=True)
class Part:
    """A part of a tensor: consecutive values in C order, from a position on, in a shape of as many
    axes as the tensor has; and the format that gives them their scales, None if they stay.
    """

    tensor: PlacedTensor
    first: int
    shape: tuple[int, ...]
    format: ScaledFormat | None

    @property
    def size(self) -> int:
        """How many values it has."""
        return math.prod(self.shape)

    @property
    def is_last(self) -> bool:
        """Whether its tensor ends with it."""
        return self.first + self.size == self.tensor.size


@dataclass(frozen=True)
class Changed:
    """A part that was changed, with the sums of squares of its values and of their errors."""

    values: NDArray[Any]
    signal: float
    noise: float


@dataclass(frozen=True)
class Refused:
    """What to say of a part that its format cannot hold."""

    reason: str


def seed_of(seed: int, name: str) -> int:
    """The seed of the random bits of a tensor: of its own, since errors of tensors that are rounded
    by the same bits would not be independent.

    It is the first 8 bytes, low ones first, of the SHA-256 of the seed in decimal, a colon and the
    name.

    >>> seed_of(0, "a.weight") != seed_of(0, "b.weight")
    True
    """
    text = f"{seed}:{name}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "little")


def parts_of(tensor: PlacedTensor, fmt: ScaledFormat, way: Way) -> Iterator[Part]:
    """The parts that a tensor can be changed in one by one, as if it were changed as a whole.

    Reads all of a large tensor where its scales depend on its largest magnitude.
    """
    of_chunks, tile = _cut(tensor, fmt, way)
    for chunk in chunks_of(tensor.shape, tile):
        first = int(np.ravel_multi_index([part.start for part in chunk], tensor.shape))
        yield Part(tensor, first, tuple(part.stop - part.start for part in chunk), of_chunks)


def _cut(tensor: PlacedTensor, fmt: ScaledFormat, way: Way) -> tuple[ScaledFormat, Tile]:
    """The format of the parts of a tensor, and what none of them may cross."""
    if way.scale_rule is not None:
        fmt.require_rule(way.scale_rule)
        fmt = replace(fmt, scale_rule=way.scale_rule)
    ndim = len(tensor.shape)
    whole = fmt, (None,) * ndim
    # Random bits go by position in the whole tensor.
    if tensor.size <= QUANTIZED_CHUNK or way.is_random:
        return whole
    of_chunks = format_of_chunks(fmt, 1.0)
    if of_chunks is not None and of_chunks != fmt:
        surveys = [survey_of(tensor.read(*ends)) for ends in _stretches(tensor.size)]
        # A scale that is known beforehand says nothing of NaN, which would make all of it NaN.
        is_known = not any(survey.nan for survey in surveys)
        largest = max(survey.largest for survey in surveys)
        of_chunks = format_of_chunks(fmt, largest) if is_known else None
    return whole if of_chunks is None else (of_chunks, tile_of_chunks(of_chunks, ndim, way.axis))


def _stretches(size: int) -> Iterator[tuple[int, int]]:
    for first in range(0, size, QUANTIZED_CHUNK):
        yield first, min(first + QUANTIZED_CHUNK, size)


def changed(part: Part, way: Way) -> Changed | Refused:
    """A part as its format holds it, in its own dtype, each product of element and scale rounded
    once.
    """
    assert part.format is not None
    values = part.tensor.read(part.first, part.first + part.size)
    try:
        quantized = quantize(
            values.reshape(part.shape),
            part.format,
            axis=way.axis,
            rounding=way.rounding,
            rng=seed_of(way.seed, part.tensor.name) if way.is_random else None,
        )
    except ValueError as error:
        return Refused(str(error))
    found = quantized.dequantize(values.dtype).reshape(-1)
    return Changed(found, *_sums(values, found))


def _sums(before: NDArray[Any], after: NDArray[Any]) -> tuple[float, float]:
    """The sums of squares of the values that are finite, and of their errors."""
    signals, noises = [], []
    for first in range(0, before.size, _SUMMED):
        x, y = (as_float64(each[first : first + _SUMMED]) for each in (before, after))
        with np.errstate(all="ignore"):
            error = y - x
            signal, noise = float(np.sum(x * x)), float(np.sum(error * error))
            if not math.isfinite(signal + noise):
                kept = np.isfinite(x)
                error = np.where(np.isfinite(y), error, np.inf)
                signal = float(np.square(x).sum(where=kept))
                noise = float(np.square(error).sum(where=kept))
        signals.append(signal)
        noises.append(noise)
    return total(signals), total(noises)
