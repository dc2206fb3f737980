"""Values that are not a whole number of bytes each, or that bytes have to be decoded to.

A `Storage` says how values lie in bytes: in units of so many bytes that stand for so many values.
A nibble format has units of a byte for two values, a block of ggml's Q4_K 144 bytes for 256. A unit
is read without its neighbours, and so any range of a tensor without the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from numformats.codec.packing import unpack
from numformats.tensor_files.raw import (
    RawTensor,
    RefusedError,
    check_bytes,
    check_shape,
    read_bytes,
)

# Values that are decoded at a time, so that what is made on the way fits into the cache.
DECODED_AT_ONCE: Final = 1 << 16


@dataclass(frozen=True)
class Storage:
    """How values lie in bytes.

    values, nbytes: how many values a unit stands for, and in how many bytes. dtype: of the values.
    decode: turns units, uint8 of shape (n, nbytes), into the n * values values, flat.
    """

    values: int
    nbytes: int
    dtype: np.dtype[Any]
    decode: Callable[[NDArray[np.uint8]], NDArray[Any]]

    @property
    def is_plain(self) -> bool:
        """Whether the bytes are those of an array of the dtype."""
        return self.values == 1

    def size(self, count: int) -> int:
        """The bytes of so many values; the last unit ends with its last value."""
        return -(-count * self.nbytes // self.values)


@dataclass(frozen=True)
class StoredTensor:
    """A tensor that lies in a file as a storage says, from an offset on."""

    file: Path
    offset: int
    shape: tuple[int, ...]
    storage: Storage

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Values `start` to `stop` in C order, with memory for these alone."""
        storage = self.storage
        out = np.empty(stop - start, storage.dtype)
        step = max(DECODED_AT_ONCE // storage.values, 1) * storage.values
        begin = start // storage.values * storage.values
        end = min(-(-stop // storage.values) * storage.values, math.prod(self.shape))
        first = self.offset + storage.size(begin)
        data = read_bytes(self.file, first, storage.size(end) - storage.size(begin))
        for place in range(begin, end, step):
            at = (place - begin) // storage.values * storage.nbytes
            values = storage.decode(_units(data[at : at + storage.size(step)], storage.nbytes))
            lower, upper = max(place, start), min(place + step, stop)
            out[lower - start : upper - start] = values[lower - place : upper - place]
        return out

    def load(self) -> NDArray[Any]:
        """The whole tensor."""
        return self.read(0, math.prod(self.shape)).reshape(self.shape)


def _units(data: NDArray[np.uint8], nbytes: int) -> NDArray[np.uint8]:
    """Bytes as whole units, the last one filled up with zeros."""
    missing = -data.size % nbytes
    whole = np.concatenate([data, np.zeros(missing, np.uint8)]) if missing else data
    return whole.reshape(-1, nbytes)


def stored_tensor(
    name: str,
    dtype_name: str,
    tensor: StoredTensor,
    available: int,
) -> RawTensor:
    """A tensor to read as it is stored, or its fault: `available` are the bytes that it has."""
    try:
        check_shape(tensor.shape)
        check_bytes(tensor.storage.size(math.prod(tensor.shape)), available)
    except RefusedError as fault:
        return RawTensor(name, dtype_name, tensor.shape, fault.with_traceback(None))
    return RawTensor(name, dtype_name, tensor.shape, tensor.load, tensor.read, nbytes=available)


def strata(data: NDArray[np.uint8], group: int, bits: int) -> NDArray[np.uint8]:
    """Codes of 1, 2 or 4 bits that lie in layers over each group of so many bytes.

    The lowest bits of a group's bytes are its first codes, one for each byte; the next bits the
    codes after these. With a group of one byte that is a stream of bits, the lowest first.

    data: uint8 of shape (n, bytes). Returns uint8 of shape (n, bytes * 8 // bits).

    >>> data = np.array([[0x21, 0x43, 0x65, 0x87]], np.uint8)
    >>> strata(data, group=1, bits=4).tolist(), strata(data, group=2, bits=4).tolist()
    ([[1, 2, 3, 4, 5, 6, 7, 8]], [[1, 3, 2, 4, 5, 7, 6, 8]])
    """
    word = np.dtype(f"u{math.gcd(group, 8)}")
    count, nbytes = data.shape
    by_group = (count, nbytes // group, group // word.itemsize)
    words = np.ascontiguousarray(data).view(word).reshape(by_group)
    # The same mask in each byte of a word: what a shift brings from the next byte is masked away.
    mask = word.type(int.from_bytes(bytes([2**bits - 1] * word.itemsize), "little"))
    layers = 8 // bits
    out = np.empty((*by_group[:2], layers, by_group[2]), word)
    for layer in range(layers):
        np.bitwise_and(words >> word.type(layer * bits), mask, out=out[:, :, layer])
    return out.reshape(-1).view(np.uint8).reshape(count, nbytes * layers)


def _streamed(bits: int, dtype: np.dtype[Any], units: NDArray[np.uint8]) -> NDArray[Any]:
    return strata(units, 1, bits).reshape(-1).view(dtype)


def _six_bits(dtype: np.dtype[Any], units: NDArray[np.uint8]) -> NDArray[Any]:
    return unpack(units.reshape(-1), 6, (len(units) * 4,)).view(dtype)


def _whole_bytes(dtype: np.dtype[Any], units: NDArray[np.uint8]) -> NDArray[Any]:
    return units.reshape(-1).view(dtype.newbyteorder("<")).astype(dtype, copy=False)


_Decode: TypeAlias = Callable[[np.dtype[Any], NDArray[np.uint8]], NDArray[Any]]
_UNITS: Final[dict[int, tuple[int, int, _Decode]]] = {
    2: (4, 1, partial(_streamed, 2)),
    4: (2, 1, partial(_streamed, 4)),
    6: (4, 3, _six_bits),
}


def little_endian(dtype: np.dtype[Any], bits: int) -> Storage:
    """Values one after the other, of whole bytes or in a stream of bits with the lowest first.

    dtype: of NumPy or ml_dtypes; narrow ones of the latter have a byte for each code in memory.
    """
    if bits % 8 == 0:
        return Storage(1, dtype.itemsize, dtype, partial(_whole_bytes, dtype))
    values, nbytes, decode = _UNITS[bits]
    return Storage(values, nbytes, dtype, partial(decode, dtype))
