"""`ScaledArray`: what `quantize` returns, and how it becomes numbers, bytes and files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from numformats import codec
from numformats.codec.arguments import (
    code_dtype,
    is_float,
    prepare_out,
    read_dtype,
    read_real,
)
from numformats.formats.base import Format
from numformats.scaled.addition import sum_to_odd
from numformats.scaled.dequantizing import can_dequantize, dequantize_runs
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.granularity import (
    Index,
    Tile,
    grid_shape,
    normalized,
    scale_shape,
    slabs,
)
from numformats.scaled.named import get_scaled_format
from numformats.scaled.scales import Scales, scale_values, spread_over, values_of

Array = NDArray[Any]
Floats = NDArray[np.float64]

# Elements that are decoded at a time.
_CHUNK: Final = 1 << 16
_FLOATS: Final = ("float16", "float32")


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

    @classmethod
    def from_grid(
        cls, codes: Array, scales: Scales, fmt: ScaledFormat, axis: int | None
    ) -> ScaledArray:
        """An array from its codes and the scales of its grid of tiles."""
        shape = codes.shape or (1,)
        tile = fmt.granularity.tile(len(shape), axis)
        squeezed = scale_shape(shape, tile)
        tensor = None
        if scales.tensor is not None:
            tensor_shape = scale_shape(*fmt.tiling_of_scales(scales.codes.shape))
            tensor = _as_floats(scales.tensor, fmt.tensor_scale).reshape(tensor_shape)
        zeros, offsets = scales.zero_points, scales.offsets
        return cls(
            codes,
            _as_floats(scales.codes, fmt.scale_element).reshape(squeezed),
            fmt,
            axis,
            None if zeros is None else zeros.reshape(squeezed),
            tensor,
            None if offsets is None else _as_floats(offsets, fmt.offset).reshape(squeezed),
            None if scales.mean is None else _as_floats(scales.mean, fmt.scale_mean),
        )

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
        """The bytes that elements, scales, zero points and offsets take when they are packed."""
        return sum(part.size for part in self.pack().values())

    @property
    def bits_per_value(self) -> float:
        """The bits stored for each element, with all scales; NaN for an empty array."""
        bits = sum(part.size * fmt.bits for part, fmt in self._stored_parts().values())
        return bits / self.size if self.size else float("nan")

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
        for part, values, _, _ in self.parts(_CHUNK):
            with np.errstate(all="ignore"):
                before = x[part].astype(np.float64)
                kept = np.isfinite(before)
                signal += float(np.square(before).sum(where=kept))
                noise += float(np.square(values - before).sum(where=kept))
        with np.errstate(all="ignore"):
            return f"SQNR {10 * np.log10(np.float64(signal) / noise):.4g} dB"

    def scale_values(self) -> NDArray[np.float64]:
        """The values of the scales, those of both levels multiplied, shaped as `scales`."""
        return scale_values(self._grid(), self.format).reshape(self.scales.shape)

    def dequantize(self, dtype: DTypeLike = np.float32, out: Array | None = None) -> Array:
        """The numbers that the array stands for: each element times its scale, rounded once.

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
        native = read_dtype(getattr(out, "dtype", dtype))
        result = prepare_out(out, self.shape, native)
        if not is_float(read_real("dtype", result.reshape(-1)[:0]).dtype):
            raise TypeError(f"dtype: {native}; expected a float dtype")
        fmt, tile = self.format, self._tile()
        grid = self._grid()
        codes, target = (
            self.codes.reshape(self.codes.shape or (1,)),
            result.reshape(result.shape or (1,)),
        )
        if can_dequantize(codes, fmt, tile, target):
            dequantize_runs(codes, grid, fmt, tile, target)
            return result
        for part, products, _, _, offset in self._pieces(_CHUNK):
            with np.errstate(over="ignore", under="ignore", invalid="ignore"):
                target[part] = products if offset is None else _sum(products, offset, native)
        return result

    def parts(self, limit: int) -> Iterator[tuple[Index, Floats, Floats, Floats]]:
        """Parts of the array with about `limit` elements at most, one after the other in C order.

        Yields the slices; the numbers as float64; the scale of each, and the value that stands for
        its zero, which broadcast with them. A scalar counts as an array of one element.
        """
        for part, products, own, zero, offset in self._pieces(limit):
            if offset is None:
                yield part, products, own, zero
            else:
                with np.errstate(invalid="ignore"):
                    yield part, products + offset, own, -offset / own

    def _pieces(self, limit: int) -> Iterator[tuple[Index, Floats, Floats, Floats, Floats | None]]:
        """As `parts`, with the products of elements and scales, and what is to be added to them."""
        fmt, tile, grid = self.format, self._tile(), self._grid()
        sizes, zeros = scale_values(grid, fmt), np.zeros((1,) * len(tile))
        offsets = None
        if grid.zero_points is not None and fmt.zero_point is not None:
            zeros = values_of(grid.zero_points, fmt.zero_point)
        if grid.offsets is not None and fmt.offset is not None:
            offsets = values_of(grid.offsets, fmt.offset)
        codes = self.codes.reshape(self.codes.shape or (1,))
        for part, _ in slabs(codes.shape, limit):
            own = spread_over(sizes, part, tile)
            zero = spread_over(zeros, part, tile) if zeros.size > 1 else zeros
            offset = None if offsets is None else spread_over(offsets, part, tile)
            values = values_of(codes[part], fmt.element)
            if grid.zero_points is not None:
                values = values - zero
            with np.errstate(invalid="ignore"):
                yield part, values * own, own, zero, offset

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        return self.dequantize(np.float32 if dtype is None else dtype)

    def __getitem__(self, index: Any) -> ScaledArray:
        """A part of the array, cut along axes that tiles have an extent of 1 along.

        Slices alone, with which no axis is lost. ValueError for an axis along which values share a
        scale, unless all of it is kept.
        """
        slices = self._read_index(index)
        tile = self._tile()
        of_scales = tuple(
            part for part, extent in zip(slices, tile, strict=True) if extent is not None
        )
        zeros, offsets = self.zero_points, self.offsets
        return replace(
            self,
            codes=self.codes[slices],
            scales=self.scales[of_scales],
            zero_points=None if zeros is None else zeros[of_scales],
            offsets=None if offsets is None else offsets[of_scales],
        )

    def pack(self) -> dict[str, NDArray[np.uint8]]:
        """The bytes of each part, by its name: ``codes``, ``scales``, and where there are any
        ``zero_points``, ``tensor_scales``, ``offsets`` and ``scale_mean``.

        Each part is a stream of its codes in C order, of as many bits each as the format has, the
        low bits first, as `numformats.codec.pack` lays them out: two codes of 4 bits to a byte, the
        first in its low half.
        """
        return {name: _packed(part, fmt) for name, (part, fmt) in self._stored_parts().items()}

    @classmethod
    def unpack(
        cls,
        parts: Mapping[str, NDArray[np.uint8]],
        fmt: str | ScaledFormat,
        shape: tuple[int, ...],
        axis: int | None = None,
    ) -> ScaledArray:
        """An array from the bytes that `pack` made of it.

        ValueError if a part is missing or has too few bytes.
        """
        scaled = get_scaled_format(fmt)
        full = shape or (1,)
        along = None if axis is None else normalized(axis, len(full))
        grid = scale_shape(full, scaled.granularity.tile(len(full), along))
        zeros = tensor = offsets = mean = None
        if scaled.zero_point is not None:
            zeros = _unpacked(parts, "zero_points", scaled.zero_point, grid)
        if scaled.offset is not None:
            offsets = _unpacked(parts, "offsets", scaled.offset, grid)
        if scaled.scale_mean is not None:
            mean = _unpacked(parts, "scale_mean", scaled.scale_mean, ())
        if scaled.tensor_scale is not None:
            whole = grid_shape(full, scaled.granularity.tile(len(full), along))
            outer = scale_shape(*scaled.tiling_of_scales(whole))
            tensor = _unpacked(parts, "tensor_scales", scaled.tensor_scale, outer)
        return cls(
            _unpacked(parts, "codes", scaled.element, shape, keep_codes=True),
            _unpacked(parts, "scales", scaled.scale_element, grid),
            scaled,
            along,
            zeros,
            tensor,
            offsets,
            mean,
        )

    def save(self, path: str | Path) -> None:
        """Write a .safetensors file; its metadata has the name of the format, shape and axis.

        ValueError for a format that has no name here, which `load` could not find again.
        """
        from safetensors.numpy import save_file

        if get_scaled_format(self.format.name) != self.format:
            raise ValueError(f"format: {self.format.name} is not the format of that name here")
        about = {"format": self.format.name, "shape": list(self.shape), "axis": self.axis}
        save_file(self.pack(), path, metadata={"numformats": json.dumps(about)})

    @classmethod
    def load(cls, path: str | Path) -> ScaledArray:
        """An array from a file that `save` wrote; ValueError for any other."""
        from safetensors import safe_open

        with safe_open(path, framework="numpy") as file:
            about = (file.metadata() or {}).get("numformats")
            if about is None:
                raise ValueError(f"path: {path} was not written by ScaledArray.save")
            parts = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        found = json.loads(about)
        return cls.unpack(parts, found["format"], tuple(found["shape"]), found["axis"])

    def _stored_parts(self) -> dict[str, tuple[Array, Format]]:
        """What is stored, and the format of each part, by its name."""
        fmt = self.format
        parts = {
            "codes": (self.codes, fmt.element),
            "scales": (self.scales, fmt.scale_element),
            "zero_points": (self.zero_points, fmt.zero_point),
            "tensor_scales": (self.tensor_scales, fmt.tensor_scale),
            "offsets": (self.offsets, fmt.offset),
            "scale_mean": (self.scale_mean, fmt.scale_mean),
        }
        return {
            name: (part, own)
            for name, (part, own) in parts.items()
            if part is not None and own is not None
        }

    def _tile(self) -> Tile:
        return self.format.granularity.tile(max(self.ndim, 1), self.axis)

    def _grid(self) -> Scales:
        """The scales with all axes of the grid, as codes."""
        shape, fmt = self.shape or (1,), self.format
        grid = grid_shape(shape, self._tile())
        tensor = None
        if self.tensor_scales is not None:
            codes = _as_codes(self.tensor_scales, fmt.tensor_scale)
            tensor = codes.reshape(grid_shape(*fmt.tiling_of_scales(grid)))
        zeros, offsets, mean = self.zero_points, self.offsets, self.scale_mean
        return Scales(
            _as_codes(self.scales, fmt.scale_element).reshape(grid),
            tensor,
            None if zeros is None else zeros.reshape(grid),
            None if offsets is None else _as_codes(offsets, fmt.offset).reshape(grid),
            None if mean is None else _as_codes(mean, fmt.scale_mean),
        )

    def _read_index(self, index: Any) -> tuple[slice, ...]:
        given = index if isinstance(index, tuple) else (index,)
        if len(given) > self.ndim or not all(isinstance(part, slice) for part in given):
            raise TypeError(f"index: {index!r}; expected at most {self.ndim} slices")
        slices = (*given, *[slice(None)] * (self.ndim - len(given)))
        for axis, (part, extent, length) in enumerate(
            zip(slices, self._tile(), self.shape, strict=True)
        ):
            is_whole = part.indices(length) == (0, length, 1)
            is_shared = extent != 1 or (
                self.tensor_scales is not None and self.tensor_scales.ndim > 0
            )
            if is_shared and not is_whole:
                raise ValueError(f"index: values along axis {axis} share scales; keep all of it")
        return slices


def _sum(products: Floats, offset: Floats, dtype: np.dtype[Any]) -> Floats:
    """Sums that are rounded once on their way to a dtype."""
    if dtype == np.float64:
        return products + offset
    return sum_to_odd(products, np.broadcast_to(offset, products.shape))


def _flat(codes: Array) -> Array:
    return np.ascontiguousarray(codes).reshape(-1)


def _as_floats(codes: Array, fmt: Format | None) -> Array:
    """Scales as they are shown: floats, where NumPy has their format."""
    if fmt is None or fmt.name not in _FLOATS or fmt.dtype is None:
        return codes
    return codes.astype(f"u{fmt.dtype.itemsize}").view(fmt.dtype)


def _as_codes(scales: Array, fmt: Format | None) -> Array:
    return scales.view(f"u{scales.dtype.itemsize}") if scales.dtype.kind == "f" else scales


def _packed(part: Array, fmt: Format) -> NDArray[np.uint8]:
    return np.asarray(codec.pack(_as_codes(_flat(part), fmt), fmt.bits))


def _unpacked(
    parts: Mapping[str, NDArray[np.uint8]],
    name: str,
    fmt: Format,
    shape: tuple[int, ...],
    keep_codes: bool = False,
) -> Array:
    if name not in parts:
        raise ValueError(f"parts: no {name!r} among {sorted(parts)}")
    codes = codec.unpack(parts[name], fmt.bits, shape).astype(code_dtype(fmt))
    return codes if keep_codes else _as_floats(codes, fmt)
