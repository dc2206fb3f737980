"""The parts of a scaled array as they are shown, as bytes, and as a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numformats.codec import packing
from numformats.codec.arguments import code_dtype, read_codes
from numformats.formats.format import Format
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.layout import MICRO_EXPONENTS, layout_of
from numformats.scaled.tiling import grid_shape, micro_tile

Array = NDArray[Any]
Bytes = NDArray[np.uint8]

# Formats of scales that NumPy has, too.
_FLOATS: Final = ("float16", "float32")
# All that a scaled array may have, as `ScaledArray` calls it.
PARTS: Final = (
    *("codes", "scales", "zero_points", "tensor_scales", "offsets", "scale_mean"),
    *MICRO_EXPONENTS,
)
_NAMES_IN_SCALES: Final = {
    "scales": "codes",
    "zero_points": "zero_points",
    "tensor_scales": "tensor",
    "offsets": "offsets",
    "scale_mean": "mean",
    "micro_exponents": "micro",
    "inner_micro_exponents": "inner_micro",
}
# What the metadata of a file has its description under.
_KEY: Final = "numformats"
_DESCRIPTION: Final = {"format", "shape", "axis"}


class StoredPart(NamedTuple):
    """What an array of a shape has by one of the names of `PARTS`.

    format: of its codes. shape: as it is shown; grid: with the axes that tiles span, too. dtype,
    code_dtype: that in which it is shown, and that of its codes, which may hold more than these:
    has_room. scales_name: what `Scales` calls it; None for the elements.
    """

    format: Format
    shape: tuple[int, ...]
    grid: tuple[int, ...]
    dtype: np.dtype[Any]
    code_dtype: np.dtype[Any]
    has_room: bool
    scales_name: str | None

    def shown(self, codes: Array) -> Array:
        """The part as it is shown, from its codes: floats, where NumPy has their format."""
        if self.dtype != self.code_dtype:
            codes = codes.astype(self.code_dtype, copy=False).view(self.dtype)
        return codes.reshape(self.shape)

    def codes_in_grid(self, shown: Array) -> Array:
        """The codes of the part, with all axes of the grid; ValueError for those out of range."""
        codes = shown.view(self.code_dtype)
        if self.has_room:
            read_codes(codes, self.format.bits)
        return codes.reshape(self.grid)


# Kept for small arrays, for which it takes long; by types, too, since an axis of 1 equals one of
# True, which is none.
@lru_cache(maxsize=512, typed=True)
def parts_of(
    fmt: ScaledFormat, shape: tuple[int, ...], axis: int | None
) -> Mapping[str, StoredPart]:
    """What an array of a shape has, by the names in `ScaledArray`; not to be changed."""
    full = shape or (1,)
    tile = fmt.granularity.tile(len(full), axis)
    grid = grid_shape(full, tile)
    grids: dict[str, tuple[int, ...]] = {"codes": full, "scale_mean": ()}
    if fmt.scaled_scale is not None:
        grids["tensor_scales"] = grid_shape(*fmt.tiling_of_scales(grid))
    for name, size in zip(MICRO_EXPONENTS, fmt.micro_exponents, strict=False):
        grids[name] = grid_shape(full, micro_tile(tile, size))
    found = {}
    for name, (own, of) in layout_of(fmt, shape, axis).items():
        # Elements are codes in any format, and all else is shown.
        is_float = name != "codes" and own.name in _FLOATS
        of_codes = code_dtype(own)
        dtype = own.dtype if is_float else of_codes
        assert dtype is not None
        found[name] = StoredPart(
            format=own,
            shape=of,
            grid=grids.get(name, grid),
            dtype=dtype,
            code_dtype=of_codes,
            has_room=own.bits < 8 * of_codes.itemsize,
            scales_name=_NAMES_IN_SCALES.get(name),
        )
    return MappingProxyType(found)


def as_codes(shown: Array) -> Array:
    """The codes of what is shown."""
    return shown.view(f"u{shown.dtype.itemsize}") if shown.dtype.kind == "f" else shown


def require_part(name: str, part: object, asked: StoredPart | None, format_name: str) -> None:
    """Refuse a part of an array that is not of the format and the shape that are asked for."""
    if asked is None:
        if part is not None:
            raise ValueError(f"{name}: given, and {format_name} has none")
        return
    if not isinstance(part, (np.ndarray, np.generic)) or part.dtype != asked.dtype:
        kind = part.dtype if isinstance(part, np.ndarray) else type(part).__name__
        raise TypeError(f"{name}: {kind}; {format_name} has an array of {asked.dtype}")
    if part.shape != asked.shape:
        raise ValueError(f"{name}: shape {part.shape}; {format_name} has {asked.shape} here")


def packed(part: Array, fmt: Format) -> Bytes:
    """A part as a stream of codes in C order, each of the bits that its format has."""
    return np.asarray(packing.pack(as_codes(np.ascontiguousarray(part).reshape(-1)), fmt.bits))


def unpacked(parts: Mapping[str, Bytes], name: str, fmt: Format, shape: tuple[int, ...]) -> Array:
    """The codes of a part from its bytes; ValueError if it is not there, or has too few."""
    if name not in parts:
        raise ValueError(f"parts: no {name!r} among {sorted(parts)}")
    try:
        return packing.unpack(parts[name], fmt.bits, shape).astype(code_dtype(fmt))
    except (TypeError, ValueError) as error:
        raise type(error)(f"parts[{name!r}]: {error}") from error


def write_file(path: str | Path, parts: dict[str, Bytes], about: dict[str, Any]) -> None:
    """Write parts and a description to a .safetensors file."""
    from safetensors.numpy import save_file

    save_file(parts, path, metadata={_KEY: json.dumps(about)})


def read_file(path: str | Path) -> tuple[dict[str, Bytes], dict[str, Any]]:
    """The parts and the description in a file that `write_file` wrote; ValueError for any other."""
    from safetensors import SafetensorError, safe_open

    refusal = f"path: {path} was not written by ScaledArray.save"
    try:
        with safe_open(path, framework="numpy") as file:
            about = json.loads((file.metadata() or {})[_KEY])
            parts = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, ValueError) as error:
        raise ValueError(refusal) from error
    is_ours = isinstance(about, dict) and about.keys() == _DESCRIPTION
    if not is_ours or not isinstance(about["shape"], list):
        raise ValueError(refusal)
    return parts, about
