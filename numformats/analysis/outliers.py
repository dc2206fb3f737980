"""Channels so much larger than the others that a scale which follows them fails the others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.analysis.ordered import in_order, threads_for
from numformats.analysis.streaming import (
    SURVEYED_CHUNK,
    Streamable,
    as_float,
    largest_magnitudes,
)
from numformats.scaled.granularity import Index
from numformats.scaled.tiling import chunks_in_order

# Under an evenly spaced format with one scale, the median channel has lost two bits.
OUTLIER_RATIO: Final = 4.0
# What is typical of fewer channels is hard to say.
_FEWEST_CHANNELS: Final = 8
# Output and input channels, in the layout of most checkpoints.
_AXES: Final = 2


@dataclass(frozen=True)
class OutlierChannel:
    """The loudest channel of a tensor.

    axis, index: where it is. ratio: its largest magnitude over that of the median channel.
    """

    axis: int
    index: int
    ratio: float


def outlier_channel(x: Streamable) -> OutlierChannel | None:
    """The loudest channel of an array, along the first or the second axis; None if none stands out.

    One stands out whose largest magnitude is at least four times that of the median channel, so
    that a scale which follows it costs that one two bits of an evenly spaced format. Channels of
    zeros, and values that are not finite, do not count.

    >>> w = np.random.default_rng(0).standard_normal((16, 64))
    >>> w[:, 5] *= 20
    >>> found = outlier_channel(w)
    >>> found.axis, found.index, found.ratio > 10
    (1, 5, True)
    """
    axes = range(min(x.ndim, _AXES)) if x.ndim > 1 else ()
    largest = {n: np.zeros(x.shape[n]) for n in axes if x.shape[n] >= _FEWEST_CHANNELS}
    if not largest:
        return None
    chunks = ((place, x[place]) for place, _ in chunks_in_order(x.shape, SURVEYED_CHUNK))
    work = partial(_largest_of_chunk, tuple(largest))
    for place, maxima in in_order(work, chunks, threads_for(x.size)):
        for (axis, own), each in zip(largest.items(), maxima, strict=True):
            np.maximum(own[place[axis]], each, out=own[place[axis]])
    found = [_loudest(axis, own) for axis, own in largest.items() if own.any()]
    loudest = max(found, key=lambda channel: channel.ratio, default=None)
    return loudest if loudest is not None and loudest.ratio >= OUTLIER_RATIO else None


def _largest_of_chunk(
    axes: tuple[int, ...], chunk: tuple[Index, NDArray[Any]]
) -> tuple[Index, list[NDArray[Any]]]:
    """The largest finite magnitude at each index of each axis."""
    place, x = chunk
    others = [tuple(n for n in range(x.ndim) if n != axis) for axis in axes]
    found = [largest_magnitudes(x, axis=each) for each in others]
    if not all(np.isfinite(each).all() for each in found):
        finite = np.where(np.isfinite(as_float(x)), x, x.dtype.type(0))
        found = [largest_magnitudes(finite, axis=each) for each in others]
    return place, found


def _loudest(axis: int, largest: np.ndarray) -> OutlierChannel:
    index = int(largest.argmax())
    return OutlierChannel(axis, index, float(largest[index] / np.median(largest[largest > 0])))
