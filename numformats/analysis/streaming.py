"""Arrays of any size a chunk at a time: what has to be known of the whole first, and the chunks.

So the memory that a comparison takes does not grow with the array, which may lie in a file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from numformats.analysis.ordered import in_order
from numformats.codec.float_order import word_dtype
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.granularity import Index, PerBlock, PerTensor, Tile
from numformats.scaled.rules import ScaleRule

# Elements that are measured at a time: so many that the calls for them cost little beside the work,
# and so few that what is allocated for them mostly stays in the cache.
CHUNK: Final = 1 << 17
# Elements of which the largest is found at a time, which takes so little that calls count.
SURVEYED_CHUNK: Final = 1 << 20
# Elements that are quantized at a time, about: enough for threads, and little memory.
QUANTIZED_CHUNK: Final = 1 << 22
# Elements that are read ahead, since few at a time take long to find.
READ_AHEAD: Final = 1 << 20


# Dtypes whose magnitudes are in order by their bits.
_SIGN_AND_MAGNITUDE: Final = tuple(
    map(np.dtype, (np.float16, ml_dtypes.bfloat16, np.float32, np.float64))
)


class StreamedArray:
    """An array that is read a range at a time: what `compare` takes for one that is never whole.

    Parameters
    ----------
    shape : tuple of int
        Its shape.
    dtype : dtype
        What `read` gives.
    read : callable
        `read(start, stop)` gives values `start` to `stop` of the array flattened in C order, as
        `TensorEntry.read` does. It is called many times over the same values: once for each format.

    Examples
    --------
    >>> import numformats as nf
    >>> values = np.linspace(-1, 1, 12, dtype=np.float32)
    >>> x = StreamedArray((3, 4), values.dtype, lambda start, stop: values[start:stop])
    >>> x[1:2].tolist() == values.reshape(3, 4)[1:2].tolist()
    True
    >>> nf.compare(x, ["int8"]).rows == nf.compare(values, ["int8"]).rows
    True
    """

    def __init__(
        self, shape: tuple[int, ...], dtype: np.dtype[Any], read: Callable[[int, int], NDArray[Any]]
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self.ndim = len(shape)
        self.size = math.prod(shape)
        self._read = read
        self._begin = 0
        self._ahead: NDArray[Any] = np.empty(0, dtype)

    def __getitem__(self, index: slice | Index) -> NDArray[Any]:
        """The values of slices that have no gap in C order; IndexError for others."""
        slices = index if isinstance(index, tuple) else (index,)
        slices += (slice(None),) * (self.ndim - len(slices))
        spans = [own.indices(length) for own, length in zip(slices, self.shape, strict=True)]
        shape = tuple(max(stop - start, 0) for start, stop, _ in spans)
        count = math.prod(shape)
        if count == 0:
            return np.empty(shape, self.dtype)
        first, last = 0, 0
        for (start, stop, _), length in zip(spans, self.shape, strict=True):
            first, last = first * length + start, last * length + stop - 1
        if last - first + 1 != count:
            raise IndexError(f"index: {index} has gaps in an array of shape {self.shape}")
        return self._range(first, first + count).reshape(shape)

    def ravel(self, order: str = "C") -> StreamedArray:
        """The array flattened in C order, which is the order in which it lies, too."""
        return self.reshape((self.size,))

    def reshape(self, shape: tuple[int, ...]) -> StreamedArray:
        """The array in another shape of the same size."""
        return StreamedArray(shape, self.dtype, self._read)

    def _range(self, start: int, stop: int) -> NDArray[Any]:
        if stop - start >= READ_AHEAD:
            return self._read(start, stop)
        if not self._begin <= start <= stop <= self._begin + self._ahead.size:
            self._begin = start
            self._ahead = self._read(start, min(start + READ_AHEAD, self.size))
        return self._ahead[start - self._begin : stop - self._begin]


Streamable: TypeAlias = NDArray[Any] | StreamedArray


@dataclass(frozen=True)
class Survey:
    """The largest finite magnitude, and the counts of NaN and of infinite values."""

    largest: float
    nan: int
    infinite: int


def survey_of(x: Streamable, threads: int = 1) -> Survey:
    """The survey of an array of any shape, made by so many threads, with memory for a few of its
    values.

    >>> survey_of(np.array([1.0, -2.0, np.inf]))
    Survey(largest=2.0, nan=0, infinite=1)
    """
    flat = x.ravel(order="K")
    starts = range(0, flat.size, SURVEYED_CHUNK)
    chunks = (flat[start : start + SURVEYED_CHUNK] for start in starts)
    return merged(in_order(_survey_of_chunk, chunks, threads))


def _survey_of_chunk(chunk: NDArray[Any]) -> Survey:
    largest = float(largest_magnitudes(chunk))
    if math.isfinite(largest):
        return Survey(largest, 0, 0)
    magnitude = np.abs(as_float(chunk))
    largest = float(magnitude.max(initial=0.0, where=np.isfinite(magnitude)))
    nan, infinite = np.count_nonzero(np.isnan(magnitude)), np.count_nonzero(np.isinf(magnitude))
    return Survey(largest, int(nan), int(infinite))


def merged(surveys: Iterable[Survey]) -> Survey:
    """The survey of an array from those of its pieces.

    >>> merged([Survey(2.0, 1, 0), Survey(3.0, 0, 1)])
    Survey(largest=3.0, nan=1, infinite=1)
    """
    found = Survey(0.0, 0, 0)
    for own in surveys:
        largest = max(found.largest, own.largest)
        found = Survey(largest, found.nan + own.nan, found.infinite + own.infinite)
    return found


def largest_magnitudes(
    x: NDArray[Any], axis: int | tuple[int, ...] | None = None
) -> NDArray[np.float64]:
    """The largest magnitude of an array, or those along axes; NaN or infinity where there is any.

    >>> largest_magnitudes(np.float32([[1.0, -3.0], [2.0, np.inf]]), axis=1).tolist()
    [3.0, inf]
    """
    if x.dtype not in _SIGN_AND_MAGNITUDE:
        return np.asarray(np.abs(as_float(x)).max(axis=axis, initial=0.0), np.float64)
    # Without their signs, the bits of floats are in order as integers, and NaN above infinity:
    # fewer steps, and narrower ones, than with floats.
    words = x.view(word_dtype(x.dtype))
    found = (words & words.dtype.type(np.iinfo(words.dtype).max >> 1)).max(axis=axis, initial=0)
    return as_float64(np.asarray(found, words.dtype).view(x.dtype))


def as_float(x: NDArray[Any]) -> NDArray[Any]:
    """Values as float32, if that holds all of their dtype; else as float64, rounded if need be."""
    return _cast(x, np.float32 if np.can_cast(x.dtype, np.float32) else np.float64)


def as_float64(x: NDArray[Any]) -> NDArray[np.float64]:
    """Values as float64, rounded if need be."""
    # By way of float32, which ml_dtypes is quicker in, and which holds all of its numbers.
    return _cast(as_float(x), np.float64)


def _cast(x: NDArray[Any], dtype: type[np.floating[Any]]) -> NDArray[Any]:
    with np.errstate(invalid="ignore"):  # NumPy warns of a signaling NaN on its way
        return x.astype(dtype, copy=False)


def chunks_of(shape: tuple[int, ...], tile: Tile) -> Iterator[Index]:
    """Chunks of an array that no tile crosses, each consecutive in C order, one after the other.

    They are cut along the first axis, and along the next ones where an index of it is too much.

    >>> [chunk[0] for chunk in chunks_of((4096, 4096), (128, 128))][:2]
    [slice(0, 1024, None), slice(1024, 2048, None)]
    >>> next(chunks_of((8, 16384, 4096), (1, 1, 32)))
    (slice(0, 1, None), slice(0, 1024, None), slice(0, 4096, None))
    """
    axis = _cut_axis(shape, tile)
    extent, rest = _extent(shape, tile, axis), max(math.prod(shape[axis + 1 :]), 1)
    step = max(QUANTIZED_CHUNK // rest // extent, 1) * extent
    after = [slice(0, length) for length in shape[axis + 1 :]]
    for index in np.ndindex(*shape[:axis]):
        before = [slice(at, at + 1) for at in index]
        for begin in range(0, shape[axis], step):
            yield *before, slice(begin, min(begin + step, shape[axis])), *after


def _cut_axis(shape: tuple[int, ...], tile: Tile) -> int:
    """The axis that chunks are cut along: the first one whose tiles are small enough, or the first
    one whose tiles have more than one index of it.
    """
    for axis in range(len(shape) - 1):
        extent = _extent(shape, tile, axis)
        if extent > 1 or math.prod(shape[axis + 1 :]) <= QUANTIZED_CHUNK:
            return axis
    return len(shape) - 1


def _extent(shape: tuple[int, ...], tile: Tile, axis: int) -> int:
    """How many indices of an axis a tile has, 1 at least."""
    extent = tile[axis]
    return max(shape[axis] if extent is None else min(extent, shape[axis]), 1)


def format_of_chunks(fmt: ScaledFormat, largest: float) -> ScaledFormat | None:
    """A format that gives each chunk the scales that `fmt` gives it in the whole array; None if
    that takes more than to know the whole array's largest magnitude.
    """
    if isinstance(fmt.granularity, PerTensor):
        if not fmt.is_symmetric or not fmt.rule.goes_by_magnitude:
            return None
        fmt = replace(fmt, scale_rule=_with_largest(fmt.rule, largest))
    inner = fmt.scaled_scale
    if inner is None or fmt.rule.largest is not None:
        # With one magnitude for all tiles, the scale of their scales is the same everywhere, too.
        return fmt
    if fmt.scale_mean is not None or isinstance(inner.granularity, PerBlock):
        return None
    if not isinstance(inner.granularity, PerTensor):
        return fmt
    if not (fmt.rule.goes_by_magnitude and inner.rule.goes_by_magnitude):
        return None
    return replace(fmt, scale=replace(inner, scale_rule=_with_largest(inner.rule, largest)))


def tile_of_chunks(fmt: ScaledFormat, ndim: int, axis: int | None = None) -> Tile:
    """What no chunk may cross, of an array that is quantized to a format of chunks by blocks or
    channels along an axis.

    >>> import numformats as nf
    >>> nvfp4 = nf.get_scaled_format("nvfp4")
    >>> tile_of_chunks(format_of_chunks(nvfp4, 3.0), ndim=2)
    (1, 16)
    """
    if isinstance(fmt.granularity, PerTensor):
        return (1,) * ndim
    tile, inner = fmt.granularity.tile(ndim, axis), fmt.scaled_scale
    if inner is None or fmt.rule.largest is not None or isinstance(inner.granularity, PerTensor):
        return tile
    of_scales = inner.granularity.tile(ndim, None)
    pairs = zip(tile, of_scales, strict=True)
    return tuple(None if own is None or of is None else own * of for own, of in pairs)


def _with_largest(rule: ScaleRule, largest: float) -> ScaleRule:
    """A rule that knows a largest magnitude, if it does not yet."""
    return rule if rule.largest is not None else replace(rule, largest=largest)
