"""The tensors of files that can be compared: those of weights, with finite values among them."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from numformats.analysis.streaming import Streamable, StreamedArray
from numformats.codec.arguments import is_float, read_real
from numformats.scaled.catalogue import with_scales
from numformats.tensor_files.opening import TensorEntry

# Tensors of more values are never whole in memory: as float32 they would take 64 MiB.
STREAMED_VALUES: Final = 1 << 24


class NothingToCompareError(ValueError):
    """A tensor that was read, but has nothing whose error could be measured."""


def weights_of(entry: TensorEntry) -> Streamable:
    """The values of a tensor; `NothingToCompareError` if there is no error to be measured."""
    if entry.problem is not None:
        raise NothingToCompareError(entry.problem)
    if 0 in entry.shape:
        raise NothingToCompareError("empty")
    values = _values(entry)
    _require_float(values.dtype)
    if not _has_finite(values):
        raise NothingToCompareError("all NaN or infinite")
    return values


def stored_bits(entry: TensorEntry) -> float:
    """The bits that a tensor is stored in; NaN where neither its file nor its dtype says."""
    if entry.nbytes is not None:
        return 8.0 * entry.nbytes
    size = math.prod(entry.shape)
    try:
        fmt = with_scales(entry.dtype_name)
    except ValueError:
        return 8.0 * size * _item_bytes(entry.dtype_name)
    is_plain = fmt.name == fmt.element.name
    return size * (fmt.element.bits if is_plain else fmt.bits_of(entry.shape))


def _item_bytes(dtype_name: str) -> float:
    """The bytes of a value of one of NumPy's dtypes that is no format, as int64; NaN of others."""
    try:
        return np.dtype(dtype_name).itemsize
    except TypeError:
        return math.nan


def _values(entry: TensorEntry) -> Streamable:
    """The values of a tensor: in memory if they are few, else read a range at a time."""
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
    chunks = (flat[start : start + (1 << 16)] for start in range(0, flat.size, 1 << 16))
    with np.errstate(invalid="ignore"):  # NumPy warns of a signaling NaN on its way
        return any(np.isfinite(chunk.astype(np.float64)).any() for chunk in chunks)
