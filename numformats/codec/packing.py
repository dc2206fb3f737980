"""Codes of fewer bits than a byte, packed into a bit stream or into words, and back."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numformats.codec.arguments import read_codes
from numformats.codec.bit_stream import from_bytes, from_words_across, to_bytes
from numformats.codec.layouts import Layout, find_layout

# Codes of a row at a time: whole bytes, runs and words of every layout, 480 = lcm(32, 10, 6, 5, 4).
_COLUMNS = 480 * 64
# Codes of several short rows at a time.
_TILE = 1 << 17
# The dtypes of an array of words.
_ACCEPTED = {"uint8": ("uint8",), "int32": ("int32", "uint32")}


def pack(
    codes: ArrayLike, bits: int, layout: str = "dense", axis: int | None = None
) -> NDArray[Any]:
    """Codes as a dense bit stream: code i takes the bits i * bits to (i + 1) * bits - 1.

    Other layouts are those of quantized checkpoints: words of 32 bits, or codes in another order.

    Parameters
    ----------
    codes : array_like of int
        Codes of any shape, each below 2**bits.
    bits : int
        The width of a code, 1 to 32; other layouts than "dense" are for some widths only.
    layout : str, optional
        "dense", "gptq", "awq", "ggml", "bitsandbytes", "compressed_tensors" or
        "compressed_tensors_aligned". See :ref:`packed-weights` for pictures of all.
    axis : int, optional
        The axis along which codes are packed, each line for itself; the others stay. Without it
        all codes are one line, in C order, and the result has one dimension.

    Returns
    -------
    ndarray of uint8 or int32
        For "dense" ceil(count * bits / 8) bytes for each line of codes. Bit k of the stream is bit
        k % 8 of byte k // 8, counted from the lowest, so the first code is in the low bits of the
        first byte, as ONNX packs int4. The last byte is filled up with zeros. Other layouts fill
        the last run of codes with zeros, and have their words' dtype.

    Raises
    ------
    TypeError, ValueError
        For codes that are not integers or out of range, another width, layout or axis.

    Examples
    --------
    >>> import numformats as nf
    >>> nf.pack([0x1, 0x2, 0x3], bits=4)
    array([33,  3], dtype=uint8)
    >>> [hex(word) for word in nf.pack(range(1, 8), bits=4, layout="awq")]
    ['0x6427531']
    """
    width = _require_width(bits)
    way = find_layout(layout, width)
    given = read_codes(codes, width)
    shape = _shape_of_lines(given.shape, axis)
    rows = _rows(given, shape, axis)
    words = np.empty((len(rows), _words_for(rows.shape[1], width, way)), way.word)
    for some, columns in _tiles(*rows.shape):
        tile = _words_of(rows[some, columns], width, way)
        first = _words_for(columns.start, width, way)
        words[some, first : first + tile.shape[1]] = tile
    return _as_array(words, shape, axis)


def unpack(
    packed: ArrayLike,
    bits: int,
    shape: int | tuple[int, ...],
    layout: str = "dense",
    axis: int | None = None,
) -> NDArray[Any]:
    """The codes of a bit stream or of words made by `pack`.

    Parameters
    ----------
    packed : array_like of uint8, or of int32 or uint32
        The bytes of the stream, one-dimensional, or the words of the layout; along `axis` if that
        is given.
    bits : int
        The width of a code, 1 to 32.
    shape : int or tuple of int
        The shape of the codes, which the stream does not tell: its last byte may have room left.
    layout, axis
        As in `pack`.

    Returns
    -------
    ndarray of uint8, uint16 or uint32
        The codes, in the narrowest of these dtypes.

    Raises
    ------
    TypeError, ValueError
        For a stream of another dtype, or that has not just the words that the shape needs.

    Examples
    --------
    >>> import numformats as nf
    >>> nf.unpack(np.array([33, 3], np.uint8), bits=4, shape=3)
    array([1, 2, 3], dtype=uint8)
    """
    width = _require_width(bits)
    way = find_layout(layout, width)
    dimensions = _require_shape(shape)
    lines = _shape_of_lines(dimensions, axis)
    needed = (*lines[:-1], _words_for(lines[-1], width, way))
    shape_of_words = needed if axis is None else _moved_back(needed, axis)
    told = f"{math.prod(lines)} codes of {width} bits"
    words = _require_words(packed, way, shape_of_words, told)
    if (
        axis is not None
        and axis % len(dimensions) != len(dimensions) - 1
        and _is_simple(width, way)
    ):
        return _unpacked_across(words, width, way, dimensions, axis)
    rows = _rows(words, needed, axis)
    dtype = np.uint8 if width <= 8 else np.uint16 if width <= 16 else np.uint32
    codes = np.empty((len(rows), lines[-1]), dtype)
    for some, columns in _tiles(*codes.shape):
        first, end = (_words_for(column, width, way) for column in (columns.start, columns.stop))
        count = columns.stop - columns.start
        codes[some, columns] = _codes_of(rows[some, first:end], width, way, count)
    return _as_array(codes, lines, axis).reshape(dimensions)


def _is_simple(width: int, layout: Layout) -> bool:
    """Whether words hold whole runs of codes, none of which lies in two words."""
    each, rest = divmod(8 * np.dtype(layout.word).itemsize, width)
    return width <= 8 and rest == 0 and each % len(layout.order) == 0


def _unpacked_across(
    words: NDArray[Any], width: int, layout: Layout, shape: tuple[int, ...], axis: int
) -> NDArray[np.uint8]:
    """The codes of simple words along an axis that is not the last: no line is contiguous."""
    place = axis % len(shape)
    before, after = math.prod(shape[:place]), math.prod(shape[place + 1 :])
    contiguous = np.ascontiguousarray(words.view(layout.word))
    lines = contiguous.reshape(before, words.shape[place], after)
    codes = from_words_across(lines, width, layout.order)[:, : shape[place]]
    if layout.flips_top_bit:
        codes = codes ^ np.uint8(1 << (width - 1))
    return np.ascontiguousarray(codes).reshape(shape)


def _shape_of_lines(shape: tuple[int, ...], axis: int | None) -> tuple[int, ...]:
    """The shape with the axis to be packed as its last, or with all in one line."""
    if axis is None:
        return (math.prod(shape),)
    try:
        place = operator.index(axis)
    except TypeError:
        raise TypeError(f"axis: expected an int or None, got {axis!r}") from None
    if not -len(shape) <= place < len(shape):
        raise ValueError(f"axis: {place} is no axis of shape {shape}")
    others = list(shape)
    length = others.pop(place)
    return (*others, length)


def _moved_back(lines: tuple[int, ...], axis: int) -> tuple[int, ...]:
    shape = list(lines[:-1])
    shape.insert(axis % len(lines), lines[-1])
    return tuple(shape)


def _rows(array: NDArray[Any], lines: tuple[int, ...], axis: int | None) -> NDArray[Any]:
    """An array as rows, one for each of the lines to be packed."""
    turned = array if axis is None else np.moveaxis(array, axis, -1)
    return turned.reshape(math.prod(lines[:-1]), lines[-1])


def _as_array(rows: NDArray[Any], lines: tuple[int, ...], axis: int | None) -> NDArray[Any]:
    """Rows, one for each line, in the place of the lines."""
    array = rows.reshape(*lines[:-1], rows.shape[1])
    return array if axis is None else np.ascontiguousarray(np.moveaxis(array, -1, axis))


def _tiles(rows: int, count: int) -> Iterator[tuple[slice, slice]]:
    """Rows and columns to be worked on at once, so that what is needed meanwhile stays small."""
    height = max(1, _TILE // max(count, 1))
    for top in range(0, rows, height):
        for left in range(0, count, _COLUMNS):
            yield slice(top, top + height), slice(left, min(left + _COLUMNS, count))


def _words_for(count: int, width: int, layout: Layout) -> int:
    """How many words a line of so many codes takes."""
    word_bits = 8 * np.dtype(layout.word).itemsize
    slots = -(-count // len(layout.order)) * len(layout.order)
    if layout.crosses_words:
        return -(-(slots * width) // word_bits)
    return -(-slots // (word_bits // width))


def _words_of(codes: NDArray[Any], width: int, layout: Layout) -> NDArray[Any]:
    """A tile of codes as words."""
    rows = len(codes)
    if layout.flips_top_bit:
        codes = codes ^ codes.dtype.type(1 << (width - 1))
    if len(layout.order) > 1:
        runs = _filled(codes, len(layout.order)).reshape(rows, -1, len(layout.order))
        codes = runs[:, :, list(layout.order)].reshape(rows, -1)
    itemsize = np.dtype(layout.word).itemsize
    if layout.crosses_words:
        stream = to_bytes(codes, width)
    else:
        each = 8 * itemsize // width
        words = _filled(codes, each).reshape(-1, each)
        stream = _filled(to_bytes(words, width), itemsize).reshape(rows, -1)
    little_endian = np.dtype(layout.word).newbyteorder("<")
    return np.ascontiguousarray(_filled(stream, itemsize)).view(little_endian)


def _codes_of(words: NDArray[Any], width: int, layout: Layout, count: int) -> NDArray[Any]:
    """The first codes of a tile of words."""
    rows = len(words)
    little_endian = np.dtype(layout.word).newbyteorder("<")
    stream = words.astype(little_endian, order="C", copy=False).view(np.uint8)
    slots = -(-count // len(layout.order)) * len(layout.order)
    if layout.crosses_words:
        codes = from_bytes(stream, width, slots)
    else:
        itemsize = little_endian.itemsize
        each = 8 * itemsize // width
        codes = from_bytes(stream.reshape(-1, itemsize), width, each).reshape(rows, -1)
    if len(layout.order) > 1:
        places = np.argsort(layout.order)
        codes = codes.reshape(rows, -1, len(layout.order))[:, :, places].reshape(rows, -1)
    if layout.flips_top_bit:
        codes = codes ^ codes.dtype.type(1 << (width - 1))
    return codes[:, :count]


def _filled(rows: NDArray[Any], multiple: int) -> NDArray[Any]:
    """Rows with zeros after them, so that their length is a multiple."""
    lacking = -rows.shape[1] % multiple
    return np.pad(rows, ((0, 0), (0, lacking))) if lacking else rows


def _require_words(
    packed: ArrayLike, layout: Layout, needed: tuple[int, ...], told: str
) -> NDArray[Any]:
    words = np.asarray(packed)
    accepted = _ACCEPTED[layout.word]
    if words.dtype.name not in accepted:
        raise TypeError(
            f"packed: dtype {words.dtype}; layout {layout.name!r} is an array of "
            f"{' or '.join(accepted)}"
        )
    if words.shape != needed:
        raise ValueError(f"packed: shape {words.shape}, and {told} take {needed}")
    return words


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
