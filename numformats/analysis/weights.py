"""The tensors of a checkpoint whose errors can be measured, and what they are stored in."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from numformats.analysis.streaming import Streamable, StreamedArray
from numformats.codec.arguments import is_float, read_real
from numformats.scaled.catalogue import with_scales
from numformats.tensor_files.opening import TensorEntry, open_tensors
from numformats.tensor_files.selection import Selection

# Tensors of more values are never whole in memory: as float32 they would take 64 MiB.
STREAMED_VALUES: Final = 1 << 24
_LOOKED_AT: Final = 1 << 16


class NothingToCompareError(ValueError):
    """A tensor that was read, but has nothing whose error could be measured."""


def usual_matrices(path: str | os.PathLike[str]) -> Iterator[tuple[str, Streamable]]:
    """The names and values of the tensors that `simulate` changes if it is told no others.

    Raises `TensorFileError`, and `NothingToCompareError` for one without finite values.
    """
    usual = Selection()
    for entry in open_tensors(path):
        if usual.reason_to_leave(entry.name, entry.dtype_name, entry.shape) is None:
            yield entry.name, values_of(entry)


def values_of(entry: TensorEntry) -> Streamable:
    """The values of a tensor whose error can be measured.

    They are in memory if they are few, else read a range at a time. Raises `NothingToCompareError`,
    and `TensorFileError` where they cannot be read.
    """
    if entry.problem is not None:
        raise NothingToCompareError(entry.problem)
    if 0 in entry.shape:
        raise NothingToCompareError("empty")
    values = _load(entry)
    _require_float(values.dtype)
    if not _has_finite(values):
        raise NothingToCompareError("all NaN or infinite")
    return values


def stored_bits(entry: TensorEntry) -> float:
    """The bits that a tensor is stored in; NaN where its dtype does not say."""
    if entry.dtype_name == "float64":
        return 64.0 * math.prod(entry.shape)
    try:
        fmt = with_scales(entry.dtype_name)
    except ValueError:
        return math.nan
    bits = fmt.element.bits if fmt.name == fmt.element.name else fmt.bits_of(entry.shape)
    return bits * math.prod(entry.shape)


def _load(entry: TensorEntry) -> Streamable:
    if entry.read is None or math.prod(entry.shape) < STREAMED_VALUES:
        return entry.load()
    return StreamedArray(entry.shape, entry.read(0, 0).dtype, entry.read)


def _require_float(dtype: np.dtype[Any]) -> None:
    if dtype.kind in "iub" or not is_float(dtype):
        raise NothingToCompareError(f"{dtype}: integers, not weights")
    try:
        read_real(str(dtype), np.empty(0, dtype))
    except TypeError:
        raise NothingToCompareError(f"{dtype}: not a dtype of weights") from None


def _has_finite(values: Streamable) -> bool:
    flat = values.ravel(order="K")
    # Chunk by chunk, since the first one nearly always settles it.
    chunks = (flat[start : start + _LOOKED_AT] for start in range(0, flat.size, _LOOKED_AT))
    with np.errstate(invalid="ignore"):  # NumPy warns of a signaling NaN on its way
        return any(np.isfinite(chunk.astype(np.float64)).any() for chunk in chunks)
