"""A tensor as it lies in a file: what every kind of file is read into, and checked against."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

# What is copied into memory is smaller than this, if it can be helped.
MAPPED_BYTES: Final = 1 << 28
MAX_DIMENSIONS: Final = 64
PICKLE_ADVICE: Final = (
    "loading a pickle runs the code inside it, so it is never loaded; where you trust it, run "
    'safetensors.torch.save_file(model.state_dict(), "model.safetensors") and report on that'
)


# Gives values `start` to `stop` of an array that is flat in C order, in memory for these alone.
Reader: TypeAlias = Callable[[int, int], NDArray[Any]]


class RefusedError(ValueError):
    """A fault in words that already hold the way out; the file's name is yet to be added."""


@dataclass(frozen=True)
class RawTensor:
    """A tensor found in a file; `source` reads it, or is the fault that forbids reading it.

    read: gives a range of it; None where nothing less than the whole can be read.
    stored_as: where it is packed, a few words on how.
    nbytes: what it takes in its files; None where that is what its dtype says.
    """

    name: str
    dtype_name: str
    shape: tuple[int, ...]
    source: Callable[[], NDArray[Any]] | Exception
    read: Reader | None = None
    stored_as: str | None = None
    nbytes: int | None = None

    @property
    def stored_bytes(self) -> int:
        """The bytes that it takes in its files."""
        if self.nbytes is not None:
            return self.nbytes
        return math.prod(self.shape) * named_dtype(self.dtype_name).itemsize


@dataclass(frozen=True)
class Layout:
    """How the values of an array lie in a stream, and the offset at which they begin."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    order: Literal["C", "F"]
    offset: int


def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build a JSON object whose names differ: parsers disagree on which of two equal ones wins."""
    table = dict(pairs)
    if len(table) != len(pairs):
        raise RefusedError("names a tensor or a field twice in its header; save it again")
    return table


def named_dtype(name: str) -> np.dtype[Any]:
    """Return the dtype that ml_dtypes, else NumPy, knows by this name."""
    dtype: np.dtype[Any] = np.dtype(getattr(ml_dtypes, name, name))
    return dtype


def check_size(shape: tuple[int, ...], dtype: np.dtype[Any], available: int) -> None:
    """Refuse a shape that no array can have, or whose bytes are not exactly those available."""
    check_shape(shape)
    check_bytes(math.prod(shape) * dtype.itemsize, available)


def check_shape(shape: tuple[int, ...]) -> None:
    """Refuse a shape that no array can have."""
    if len(shape) > MAX_DIMENSIONS:
        raise RefusedError(f"has {len(shape)} dimensions, above {MAX_DIMENSIONS}; reshape it")
    if any(length < 0 or length >= 2**63 for length in shape):
        raise RefusedError("declares a dimension that is negative or beyond 2**63; save it again")


def check_bytes(declared: int, available: int) -> None:
    """Refuse data whose bytes are not exactly those available."""
    if declared != available:
        raise RefusedError(
            f"declares {declared} bytes of data where {available} exist; save or fetch it again"
        )


def read_region(file: Path, layout: Layout) -> NDArray[Any]:
    """Read the array that lies in `file` as `layout` says, and no other byte of the file.

    One of `MAPPED_BYTES` or more is mapped instead, for reading alone, and so need not fit into
    memory. That is the one case in which a file that shrinks meanwhile ends the process.
    """
    count = math.prod(layout.shape)
    if count * layout.dtype.itemsize >= MAPPED_BYTES and layout.dtype.isnative:
        mapped = np.memmap(file, np.uint8, "r", layout.offset, (count * layout.dtype.itemsize,))
        return np.asarray(mapped).view(layout.dtype).reshape(layout.shape, order=layout.order)
    return shaped(_exactly(file, layout.dtype, count, layout.offset), layout)


def plain_tensor(
    name: str,
    file: Path,
    offset: int,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    available: int,
) -> RawTensor:
    """A tensor of whole bytes in C order from `offset` on, or its fault.

    available: the bytes that there are for it.
    """
    try:
        check_size(shape, dtype, available)
    except RefusedError as fault:
        return RawTensor(name, dtype.name, shape, fault.with_traceback(None))
    layout = Layout(dtype, shape, "C", offset)
    source, read = partial(read_region, file, layout), partial(read_range, file, layout)
    return RawTensor(name, dtype.name, shape, source, read)


def read_range(file: Path, layout: Layout, start: int, stop: int) -> NDArray[Any]:
    """Read values `start` to `stop` of an array in C order, and no other byte of the file."""
    offset = layout.offset + start * layout.dtype.itemsize
    flat = _exactly(file, layout.dtype, stop - start, offset)
    return shaped(flat, Layout(layout.dtype, flat.shape, "C", offset))


def read_bytes(file: Path, offset: int, count: int) -> NDArray[np.uint8]:
    """Read so many bytes from `offset` on."""
    return _exactly(file, np.dtype(np.uint8), count, offset)


def _exactly(file: Path, dtype: np.dtype[Any], count: int, offset: int) -> NDArray[Any]:
    flat: NDArray[Any] = np.fromfile(file, dtype, count, offset=offset)
    if flat.size != count:
        raise RefusedError("was cut short while it was being read; run again")
    return flat


def shaped(flat: NDArray[Any], layout: Layout) -> NDArray[Any]:
    """Give a flat array its shape and the machine's byte order, in place."""
    if not flat.dtype.isnative:
        flat = flat.byteswap(inplace=True).view(flat.dtype.newbyteorder("="))
    return flat.reshape(layout.shape, order=layout.order)
