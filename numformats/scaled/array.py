"""`ScaledArray`: what `quantize` returns, and how it becomes numbers, bytes and files."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from numformats.codec.arguments import is_float, prepare_out, read_dtype, read_real
from numformats.scaled.catalogue import get_scaled_format
from numformats.scaled.dequantization import CHUNK, ChunkDecoder, dequantize_into
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.granularity import Index, Tile, normalized
from numformats.scaled.layout import Layout, layout_of, read_shape
from numformats.scaled.scales import Scales, scale_values
from numformats.scaled.storage import (
    PARTS,
    packed,
    parts_of,
    read_file,
    require_part,
    unpacked,
    write_file,
)
from numformats.scaled.tiling import chunks_in_order

Array = NDArray[Any]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ScaledArray:
    """An array of elements and the scales that they share.

    Attributes
    ----------
    codes : ndarray
        The elements' codes, in the shape of the array.
    scales : ndarray
        One for each tile, without the axes that a tile spans: floats if the scale format is float16
        or float32, else codes.
    format : ScaledFormat
        What they are stored in.
    axis : int or None
        The axis that was asked for; None for the format's own.
    zero_points : ndarray or None
        Codes of the zero points of an affine format, shaped as `scales`.
    tensor_scales : ndarray or None
        The scales of the scales, where there are two levels.
    offsets : ndarray or None
        What is added to the products of elements and scales, in formats that have that: shaped and
        shown as `scales`.
    scale_mean : ndarray or None
        The mean of all scales, in formats that have that, shown as `scales`.
    micro_exponents, inner_micro_exponents : ndarray or None
        The bits that double scales, in formats that have these: one for each so many consecutive
        numbers of a block, of the wider level and of the narrower one.

    Raises
    ------
    TypeError, ValueError
        For parts that are not what the format stores an array of this shape in
        (`ScaledFormat.stored_parts`).

    Examples
    --------
    >>> import numformats as nf
    >>> q = nf.quantize([[1.0, 2.0, 3.0], [0.5, 0.25, 100.0]], "int8_channel")
    >>> q
    <ScaledArray int8_channel: shape (2, 3), 18.67 bits per value>
    >>> q.scales
    array([0.02362205, 0.78740156], dtype=float32)
    """

    codes: Array
    scales: Array
    format: ScaledFormat
    axis: int | None = None
    zero_points: Array | None = None
    tensor_scales: Array | None = None
    offsets: Array | None = None
    scale_mean: Array | None = None
    micro_exponents: Array | None = None
    inner_micro_exponents: Array | None = None

    def __post_init__(self) -> None:
        asked = parts_of(self.format, np.shape(self.codes), self.axis)
        for name in PARTS:
            part = getattr(self, name)
            if part is not None or name in asked:
                require_part(name, part, asked.get(name), self.format.name)

    @classmethod
    def from_grid(
        cls, codes: Array, scales: Scales, fmt: ScaledFormat, axis: int | None
    ) -> ScaledArray:
        """An array from its codes and the scales of its grid of tiles."""
        shown = {
            name: part.shown(getattr(scales, part.scales_name))
            for name, part in parts_of(fmt, codes.shape, axis).items()
            if part.scales_name is not None
        }
        return cls(codes=codes, format=fmt, axis=axis, **shown)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return self.codes.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.codes.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.codes.size

    @property
    def nbytes(self) -> int:
        """The bytes of all parts when they are packed, each to whole bytes."""
        parts = self._layout.values()
        return sum(-(-fmt.bits * math.prod(shape) // 8) for fmt, shape in parts)

    @property
    def bits_per_value(self) -> float:
        """The bits stored for each element, with all scales; NaN for an empty array."""
        return self.format.bits_of(self.shape, self.axis)

    def __repr__(self) -> str:
        return self.describe()

    def describe(self, original: ArrayLike | None = None) -> str:
        """A line on what this is, with the error if the original is given.

        The error is the signal to quantization noise ratio in decibels, over the finite numbers of
        the original. ValueError for an original of another shape.

        >>> import numformats as nf
        >>> x = [0.1, -0.5, 3.0, 24.0]
        >>> nf.quantize(x, "mxfp4").describe(x)
        '<ScaledArray mxfp4: shape (4,), 6.0 bits per value, SQNR 26.67 dB>'
        """
        bits = f"{self.bits_per_value:.4}"
        about = f"ScaledArray {self.format.name}: shape {self.shape}, {bits} bits per value"
        return f"<{about}>" if original is None else f"<{about}, {self._error(original)}>"

    def _error(self, original: ArrayLike) -> str:
        x = read_real("original", original)
        if x.shape != self.shape:
            raise ValueError(f"original: shape {x.shape}; expected {self.shape}")
        x = x.reshape(self.shape or (1,))
        signal = noise = 0.0
        for part, values, _, _ in self.parts(CHUNK):
            with np.errstate(all="ignore"):
                before = x[part].astype(np.float64)
                kept = np.isfinite(before)
                signal += float(np.square(before).sum(where=kept))
                noise += float(np.square(values - before).sum(where=kept))
        with np.errstate(all="ignore"):
            return f"SQNR {10 * np.log10(np.float64(signal) / noise):.4g} dB"

    def scale_values(self) -> NDArray[np.float64]:
        """The values of the scales, those of both levels multiplied, shaped as `scales`; without
        micro-exponents.
        """
        return scale_values(self._grid(), self.format).reshape(self.scales.shape)

    def dequantize(self, dtype: DTypeLike = np.float32, out: Array | None = None) -> Array:
        """The numbers that the array stands for: each element times its scale, rounded once.

        What is finite stays so: a product beyond the dtype becomes its largest number.

        Parameters
        ----------
        dtype : dtype
            float16, float32, float64 or a float dtype of ml_dtypes; with `out`, that of `out`.
        out : ndarray, optional
            Where to write them: an array of this shape.

        Raises
        ------
        TypeError, ValueError
            For an `out` that is unfit, and a dtype that is none of these.
        """
        result = prepare_out(out, self.codes.shape, read_dtype(getattr(out, "dtype", dtype)))
        _require_float(result.dtype)
        full = self.codes.shape or (1,)
        dequantize_into(
            result.reshape(full), self.codes.reshape(full), self._grid(), self.format, self.axis
        )
        return result

    def parts(self, limit: int) -> Iterator[tuple[Index, Floats, Floats, Floats]]:
        """Parts of the array with about `limit` elements at most, one after the other in C order.

        Yields the slices; the numbers as float64; the scale of each, and the value that stands for
        its zero, which broadcast with them. A scalar counts as an array of one element.
        """
        decoder = self.decoder()
        for index, _ in chunks_in_order(self.shape or (1,), limit):
            chunk = decoder.decode(index)
            yield index, chunk.numbers(), chunk.scales, chunk.zeros()

    def decoder(self) -> ChunkDecoder:
        """What decodes chunks of the array, in any order and by several threads at once."""
        codes = self.codes.reshape(self.shape or (1,))
        return ChunkDecoder.of(codes, self._grid(), self.format, self._tile())

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        return self.dequantize(np.float32 if dtype is None else dtype)

    def __getitem__(self, index: Any) -> ScaledArray:
        """A part of the array, cut along axes that tiles have an extent of 1 along.

        Slices alone, with which no axis is lost. ValueError for an axis along which values share a
        scale, unless all of it is kept.
        """
        slices = self._read_index(index)
        tile = self._tile()[: self.ndim]
        of_scales = tuple(
            part for part, extent in zip(slices, tile, strict=True) if extent is not None
        )

        def own(each: Array | None) -> Array | None:
            return None if each is None else each[of_scales]

        return replace(
            self,
            codes=self.codes[slices],
            scales=self.scales[of_scales],
            zero_points=own(self.zero_points),
            offsets=own(self.offsets),
            micro_exponents=own(self.micro_exponents),
            inner_micro_exponents=own(self.inner_micro_exponents),
        )

    def pack(self) -> dict[str, NDArray[np.uint8]]:
        """The bytes of each part, by its name: ``codes``, ``scales``, and where there are any
        ``zero_points``, ``tensor_scales``, ``offsets``, ``scale_mean``, ``micro_exponents`` and
        ``inner_micro_exponents``.

        Each part is a stream of its codes in C order, of as many bits each as the format has, the
        low bits first, as `numformats.codec.pack` lays them out: two codes of 4 bits to a byte, the
        first in its low half.
        """
        return {name: packed(getattr(self, name), fmt) for name, (fmt, _) in self._layout.items()}

    @classmethod
    def unpack(
        cls,
        parts: Mapping[str, NDArray[np.uint8]],
        fmt: str | ScaledFormat,
        shape: int | tuple[int, ...],
        axis: int | None = None,
    ) -> ScaledArray:
        """An array from the bytes that `pack` made of it.

        shape: that of the array. ValueError if a part is missing, or one too many, or has too few
        bytes.
        """
        scaled = get_scaled_format(fmt)
        shape = (shape,) if isinstance(shape, int) else read_shape(shape)
        along = None if axis is None else normalized(axis, len(shape))
        asked = parts_of(scaled, shape, along)
        if unknown_parts := set(parts) - set(asked):
            raise ValueError(f"parts: {sorted(unknown_parts)}; {scaled.name} has {list(asked)}")
        shown = {
            name: part.shown(unpacked(parts, name, part.format, part.shape))
            for name, part in asked.items()
        }
        return cls(format=scaled, axis=along, **shown)

    def save(self, path: str | Path) -> None:
        """Write a .safetensors file; its metadata has the name of the format, shape and axis.

        ValueError for a format that has no name here, which `load` could not find again.
        """
        if get_scaled_format(self.format.name) != self.format:
            raise ValueError(f"format: {self.format.name} is not the format of that name here")
        about = {"format": self.format.name, "shape": list(self.shape), "axis": self.axis}
        write_file(path, self.pack(), about)

    @classmethod
    def load(cls, path: str | Path) -> ScaledArray:
        """An array from a file that `save` wrote; ValueError for any other."""
        parts, about = read_file(path)
        return cls.unpack(parts, about["format"], tuple(about["shape"]), about["axis"])

    @property
    def _layout(self) -> Layout:
        return layout_of(self.format, self.shape, self.axis)

    def _tile(self) -> Tile:
        return self.format.granularity.tile(max(self.ndim, 1), self.axis)

    def _grid(self) -> Scales:
        """The scales with all axes of the grid, as codes; ValueError for codes out of range."""
        return Scales(
            **{
                part.scales_name: part.codes_in_grid(getattr(self, name))
                for name, part in parts_of(self.format, self.codes.shape, self.axis).items()
                if part.scales_name is not None
            }
        )

    def _read_index(self, index: Any) -> tuple[slice, ...]:
        given = index if isinstance(index, tuple) else (index,)
        if len(given) > self.ndim or not all(isinstance(part, slice) for part in given):
            raise TypeError(f"index: {index!r}; expected at most {self.ndim} slices")
        slices = (*given, *[slice(None)] * (self.ndim - len(given)))
        for axis, (part, extent, length) in enumerate(
            zip(slices, self._tile()[: self.ndim], self.shape, strict=True)
        ):
            is_whole = part.indices(length) == (0, length, 1)
            is_shared = extent != 1 or (
                self.tensor_scales is not None and self.tensor_scales.ndim > 0
            )
            if is_shared and not is_whole:
                raise ValueError(f"index: values along axis {axis} share scales; keep all of it")
        return slices


@lru_cache(maxsize=64)  # for small arrays, for which it takes long
def _require_float(dtype: np.dtype[Any]) -> None:
    if not is_float(read_real("dtype", np.empty(0, dtype)).dtype):
        raise TypeError(f"dtype: {dtype.newbyteorder('=')}; expected a float dtype")
