"""Numbers from elements and scales: each product rounded once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.codec.arguments import read_codes
from numformats.codec.backends import compiled_path, decode, encode
from numformats.error_free import sum_to_odd
from numformats.formats.format import Format
from numformats.formats.registry import read_format
from numformats.modes import Modes
from numformats.scaled.catalogue import unknown_format
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.granularity import Index, Tile
from numformats.scaled.plan import DequantizationPlan, plan_dequantization
from numformats.scaled.scales import Scales, ScaleValues
from numformats.scaled.tiling import chunks_in_order, spread_over

Array = NDArray[Any]
Floats = NDArray[np.float64]

# Elements that are decoded at a time.
CHUNK: Final = 1 << 16
_LARGEST: Final = float(np.finfo(np.float64).max)


def dequantize_into(
    out: Array, codes: Array, scales: Scales, fmt: ScaledFormat, axis: int | None
) -> None:
    """Write the numbers that an array of one axis or more stands for to `out`, of its shape and a
    float dtype. ValueError for codes that are out of range, and for NaN where the dtype has none.
    """
    calls = compiled_path(codes.size) if _are_plain(codes, out) else None
    plan = plan_dequantization(codes.shape, fmt, axis, out.dtype, calls=calls)
    if plan.is_compiled:
        _compiled_way()(out, codes, scales, plan)
        return
    dtype = out.dtype.newbyteorder("=")
    tile = fmt.granularity.tile(codes.ndim, axis)
    for chunk in decoded_chunks(codes, scales, fmt, tile, CHUNK):
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            if chunk.offsets is None or dtype == np.float64:
                numbers = chunk.numbers()
            else:
                offsets = np.broadcast_to(chunk.offsets, chunk.products.shape)
                numbers = sum_to_odd(chunk.products, offsets)
            out[chunk.index] = _rounded_to(dtype, numbers)


@cache  # since an import takes a while, even of what is there
def _compiled_way() -> Callable[[Array, Array, Scales, DequantizationPlan], None]:
    # What imports Numba is loaded where it is to be used.
    from numformats.scaled.block_dequantization import dequantize_blocks

    return dequantize_blocks


@cache
def _compiled_way_of_products() -> Callable[[Array, Format, Floats, int, Floats, Floats], bool]:
    from numformats.scaled.block_dequantization import write_products_of_blocks

    return write_products_of_blocks


def _are_plain(codes: Array, out: Array) -> bool:
    """Whether loops can read the one and write the other as they are."""
    return bool(
        out.flags.c_contiguous
        and codes.flags.c_contiguous
        and out.flags.aligned
        and not np.may_share_memory(codes, out)
    )


@dataclass(frozen=True)
class DecodedChunk:
    """A chunk of an array, with its numbers as products of elements and scales.

    scales, zero_points: the scale of each number, and the element that stands for its zero, in a
    shape that broadcasts with the numbers; offsets: what is to be added, or None.
    """

    index: Index
    products: Floats
    scales: Floats
    zero_points: Floats
    offsets: Floats | None

    def numbers(self) -> Floats:
        """The numbers as float64, rounded once."""
        with np.errstate(invalid="ignore"):
            return self.products if self.offsets is None else self.products + self.offsets

    def zeros(self) -> Floats:
        """The element that stands for the zero of each number, in a shape that broadcasts."""
        with np.errstate(invalid="ignore"):
            return self.zero_points if self.offsets is None else -self.offsets / self.scales


@dataclass(frozen=True)
class ChunkDecoder:
    """What chunks of an array are decoded from: its codes, which are in range, and the values that
    tiles share.
    """

    codes: Array
    values: ScaleValues
    element: Format
    tile: Tile

    @classmethod
    def of(cls, codes: Array, scales: Scales, fmt: ScaledFormat, tile: Tile) -> ChunkDecoder:
        """That of codes and scales; ValueError for codes that are out of range."""
        read_codes(codes, fmt.element.bits)
        return cls(codes, ScaleValues.of(scales, fmt), fmt.element, tile)

    def decode(self, index: Index) -> DecodedChunk:
        """The numbers of a chunk."""
        found = self._decode_blocks(index)
        return self._decode_any(index) if found is None else found

    def _decode_blocks(self, index: Index) -> DecodedChunk | None:
        """The same in one compiled call, in which other threads of Python go on: where the numbers
        of a scale are consecutive, and scales are all that there is; None elsewhere.
        """
        values, span = self.values, index[-1]
        length = self.tile[-1] or self.codes.shape[-1]
        is_whole = span.start % length == 0 and (span.stop - span.start) % length == 0
        is_plain = values.zero_points is None and values.offsets is None and not values.powers
        is_by_rows = all(extent == 1 for extent in self.tile[:-1])
        if not (is_whole and is_plain and is_by_rows and self.codes.dtype == np.uint8):
            return None
        if compiled_path(self.codes.size) is None:
            return None
        blocks = slice(span.start // length, span.stop // length)
        codes, scales = self.codes[index], values.scales[(*index[:-1], blocks)]
        products, own = np.empty((2, *codes.shape))
        if _compiled_way_of_products()(codes, self.element, scales, length, products, own):
            return None
        return DecodedChunk(index, products, own, np.zeros((1,) * len(self.tile)), None)

    def _decode_any(self, index: Index) -> DecodedChunk:
        own, values = self.values.scales_over(index, self.tile), self.values
        zeros, offsets = np.zeros((1,) * len(self.tile)), None
        elements = decode(self.codes[index], self.element)
        if values.zero_points is not None:
            zeros = spread_over(values.zero_points, index, self.tile)
            elements = elements - zeros
        if values.offsets is not None:
            offsets = spread_over(values.offsets, index, self.tile)
        with np.errstate(invalid="ignore", over="ignore"):
            products = np.multiply(elements, own, out=elements)
        if np.isinf(products).any():
            elements = decode(self.codes[index], self.element)
            is_beyond = np.isinf(products) & np.isfinite(elements) & np.isfinite(own)
            products[is_beyond] = np.copysign(_LARGEST, products[is_beyond])
        return DecodedChunk(index, products, own, zeros, offsets)


def decoded_chunks(
    codes: Array, scales: Scales, fmt: ScaledFormat, tile: Tile, limit: int
) -> Iterator[DecodedChunk]:
    """Chunks of an array with about `limit` elements at most, one after the other in C order."""
    decoder = ChunkDecoder.of(codes, scales, fmt, tile)
    for index, _ in chunks_in_order(codes.shape, limit):
        yield decoder.decode(index)


def _rounded_to(dtype: np.dtype[Any], numbers: Floats) -> Array:
    """Numbers in a float dtype, rounded once, finite ones to finite ones; ValueError for NaN where
    it has none.
    """
    if dtype == np.float64:
        return numbers
    fmt = read_format(dtype, unknown_format)
    if not fmt.has_nan and np.isnan(numbers).any():
        raise ValueError(f"dtype: {dtype} has no NaN, and there is NaN in the array")
    if (np.abs(numbers) > fmt.max).any():
        # Those that are not finite stay as they are, where there is a code for them.
        numbers = np.where(np.isfinite(numbers), np.clip(numbers, -fmt.max, fmt.max), numbers)
    return numbers if dtype.kind == "f" else encode(numbers, fmt, Modes()).view(dtype)
