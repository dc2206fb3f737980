"""Rows of codes as rows of bytes, and back: the first code in the lowest bits of the first byte.

And back from words that lie across rows, for packing along an axis that is not the last.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Words at a time.
_WORDS = 1 << 16


def to_bytes(codes: NDArray[Any], width: int) -> NDArray[np.uint8]:
    """Each row of `codes`, all below 2**width, as the fewest whole bytes that hold it."""
    if 8 % width == 0:
        return _joined(codes.astype(np.uint8), width)
    rows, count = codes.shape
    little_endian = codes.astype("<u4", order="C").view(np.uint8).reshape(-1, 4)
    stream = np.unpackbits(little_endian, axis=1, count=width, bitorder="little")
    return np.packbits(stream.reshape(rows, count * width), axis=1, bitorder="little")


def from_bytes(stream: NDArray[np.uint8], width: int, count: int) -> NDArray[Any]:
    """The first `count` codes of each row of bytes: uint8 up to 8 bits, else uint32."""
    if 8 % width == 0:
        return _parted(stream, width)[:, :count]
    rows = stream.shape[0]
    used = stream[:, : -(-(count * width) // 8)]
    bits = np.unpackbits(used, axis=1, count=count * width, bitorder="little")
    little_endian = np.packbits(bits.reshape(rows * count, width), axis=1, bitorder="little")
    if width <= 8:
        return little_endian.reshape(rows, count)
    whole = np.zeros((rows * count, 4), np.uint8)
    whole[:, : little_endian.shape[1]] = little_endian
    return whole.view("<u4").reshape(rows, count)


def _joined(codes: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """`to_bytes` where no code crosses from one byte to the next."""
    each = 8 // width
    rows, count = codes.shape
    joined = np.zeros((rows, -(-count // each)), np.uint8)
    for place in range(each):
        part = codes[:, place::each]
        joined[:, : part.shape[1]] |= part << (place * width)
    return joined


def _parted(stream: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """`from_bytes` where no code crosses from one byte to the next: all codes there is room for."""
    each = 8 // width
    parted = np.empty((*stream.shape, each), np.uint8)
    for place in range(each):
        parted[..., place] = (stream >> (place * width)) & (2**width - 1)
    return parted.reshape(stream.shape[0], -1)


def from_words_across(words: NDArray[Any], width: int, order: tuple[int, ...]) -> NDArray[np.uint8]:
    """The codes of words along the second of three axes, each in slots of one word alone.

    order: slot k of each run holds the code `order[k]` of that run; a word holds whole runs.
    """
    unsigned = words.view(f"u{words.itemsize}")
    each = 8 * words.itemsize // width
    before, count, after = words.shape
    codes = np.empty((before, count, each, after), np.uint8)
    height = max(1, _WORDS // max(before * after, 1))
    for slot in range(each):
        run, place = divmod(slot, len(order))
        code = run * len(order) + order[place]
        for start in range(0, count, height):
            some = slice(start, start + height)
            codes[:, some, code] = (unsigned[:, some] >> (slot * width)) & (2**width - 1)
    return codes.reshape(before, count * each, after)
