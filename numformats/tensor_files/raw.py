"""A tensor as it lies in a file: what every kind of file is read into, and checked against."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

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


class RefusedError(ValueError):
    """A fault in words that already hold the way out; the file's name is yet to be added."""


@dataclass(frozen=True)
class RawTensor:
    """A tensor found in a file; `source` reads it, or is the fault that forbids reading it.

    stored_as: where it is packed, a few words on how.
    """

    name: str
    dtype_name: str
    shape: tuple[int, ...]
    source: Callable[[], NDArray[Any]] | Exception
    stored_as: str | None = None


@dataclass(frozen=True)
class Layout:
    """How the values of an array lie in a stream, and the offset at which they begin."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    order: Literal["C", "F"]
    offset: int


def named_dtype(name: str) -> np.dtype[Any]:
    """Return the dtype that ml_dtypes, else NumPy, knows by this name."""
    dtype: np.dtype[Any] = np.dtype(getattr(ml_dtypes, name, name))
    return dtype


def check_size(shape: tuple[int, ...], dtype: np.dtype[Any], available: int) -> None:
    """Refuse a shape that no array can have, or whose bytes are not exactly those available."""
    if len(shape) > MAX_DIMENSIONS:
        raise RefusedError(f"has {len(shape)} dimensions, above {MAX_DIMENSIONS}; reshape it")
    if any(length < 0 or length >= 2**63 for length in shape):
        raise RefusedError("declares a dimension that is negative or beyond 2**63; save it again")
    declared = math.prod(shape) * dtype.itemsize
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
    flat = np.fromfile(file, layout.dtype, count, offset=layout.offset)
    if flat.size != count:
        raise RefusedError("was cut short while it was being read; run again")
    return shaped(flat, layout)


def shaped(flat: NDArray[Any], layout: Layout) -> NDArray[Any]:
    """Give a flat array its shape and the machine's byte order, in place."""
    if not flat.dtype.isnative:
        flat = flat.byteswap(inplace=True).view(flat.dtype.newbyteorder("="))
    return flat.reshape(layout.shape, order=layout.order)
