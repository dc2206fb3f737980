"""Codes of fewer bits than a byte, packed into a dense bit stream and back."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numformats.codec.arguments import read_codes

# Codes at a time, a multiple of 8 so that each group ends at a byte's end.
_GROUP = 1 << 15


def pack(codes: ArrayLike, bits: int) -> NDArray[np.uint8]:
    """Codes as a dense bit stream: code i takes the bits i * bits to (i + 1) * bits - 1.

    Parameters
    ----------
    codes : array_like of int
        Codes of any shape, in C order, each below 2**bits.
    bits : int
        The width of a code, 1 to 32.

    Returns
    -------
    ndarray of uint8
        ceil(codes.size * bits / 8) bytes. Bit k of the stream is bit k % 8 of byte k // 8, counted
        from the lowest, so the first code is in the low bits of the first byte, as ONNX packs int4.
        The last byte is filled up with zeros.

    Raises
    ------
    TypeError, ValueError
        For codes that are not integers or out of range, or another width.

    Examples
    --------
    >>> import numformats as nf
    >>> nf.pack([0x1, 0x2, 0x3], bits=4)
    array([33,  3], dtype=uint8)
    """
    width = _require_width(bits)
    flat = read_codes(codes, width).ravel()
    packed = np.empty(math.ceil(flat.size * width / 8), np.uint8)
    for start in range(0, flat.size, _GROUP):
        little_endian = flat[start : start + _GROUP].astype("<u4").view(np.uint8).reshape(-1, 4)
        stream = np.unpackbits(little_endian, axis=1, count=width, bitorder="little")
        group = np.packbits(stream.ravel(), bitorder="little")
        first = start * width // 8
        packed[first : first + group.size] = group
    return packed


def unpack(packed: ArrayLike, bits: int, shape: int | tuple[int, ...]) -> NDArray[Any]:
    """The codes of a bit stream made by `pack`.

    Parameters
    ----------
    packed : array_like of uint8
        The bytes of the stream, one-dimensional.
    bits : int
        The width of a code, 1 to 32.
    shape : int or tuple of int
        The shape of the codes, which the stream does not tell: its last byte may have room left.

    Returns
    -------
    ndarray of uint8, uint16 or uint32
        The codes, in the narrowest of these dtypes.

    Raises
    ------
    TypeError, ValueError
        For a stream that is not of bytes, or has not just the bytes that the shape needs.

    Examples
    --------
    >>> import numformats as nf
    >>> nf.unpack(np.array([33, 3], np.uint8), bits=4, shape=3)
    array([1, 2, 3], dtype=uint8)
    """
    width = _require_width(bits)
    stream = np.asarray(packed)
    if stream.dtype != np.uint8:
        raise TypeError(f"packed: dtype {stream.dtype}; a packed stream is an array of uint8")
    dimensions = _require_shape(shape)
    size = math.prod(dimensions)
    needed = math.ceil(size * width / 8)
    if stream.shape != (needed,):
        raise ValueError(
            f"packed: shape {stream.shape}, and {size} codes of {width} bits take ({needed},)"
        )
    codes = np.empty(size, np.uint8 if width <= 8 else np.uint16 if width <= 16 else np.uint32)
    for start in range(0, size, _GROUP):
        count = min(_GROUP, size - start)
        first = start * width // 8
        group = stream[first : first + math.ceil(count * width / 8)]
        by_code = np.unpackbits(group, count=count * width, bitorder="little").reshape(-1, width)
        little_endian = np.packbits(by_code, axis=1, bitorder="little")
        whole = np.zeros((count, 4), np.uint8)
        whole[:, : little_endian.shape[1]] = little_endian
        codes[start : start + count] = whole.view("<u4")[:, 0]
    return codes.reshape(dimensions)


def _require_width(bits: int) -> int:
    try:
        width = operator.index(bits)
    except TypeError:
        raise TypeError(f"bits: expected an int from 1 to 32, got {bits!r}") from None
    if not 1 <= width <= 32:
        raise ValueError(f"bits: {width} is outside 1 to 32")
    return width


def _require_shape(shape: int | tuple[int, ...]) -> tuple[int, ...]:
    try:
        dimensions = tuple(map(operator.index, shape if isinstance(shape, tuple) else (shape,)))
    except TypeError:
        raise TypeError(f"shape: expected an int or a tuple of int, got {shape!r}") from None
    if any(dimension < 0 for dimension in dimensions):
        raise ValueError(f"shape: {shape} has a negative dimension")
    return dimensions
