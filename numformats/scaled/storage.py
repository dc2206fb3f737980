"""The parts of a scaled array as they are shown, as bytes, and as a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats import codec
from numformats.codec.arguments import code_dtype
from numformats.formats.base import Format

Array = NDArray[Any]
Bytes = NDArray[np.uint8]

# Formats of scales that NumPy has, too.
_FLOATS: Final = ("float16", "float32")
# All that a scaled array may have, as `ScaledArray` calls it.
PARTS: Final = ("codes", "scales", "zero_points", "tensor_scales", "offsets", "scale_mean")
# What the metadata of a file has its description under.
_KEY: Final = "numformats"
_DESCRIPTION: Final = {"format", "shape", "axis"}


def as_floats(codes: Array, fmt: Format) -> Array:
    """Codes as they are shown: floats, where NumPy has their format."""
    if fmt.name not in _FLOATS or fmt.dtype is None:
        return codes
    return codes.astype(f"u{fmt.dtype.itemsize}").view(fmt.dtype)


def as_codes(shown: Array) -> Array:
    """The codes of what is shown."""
    return shown.view(f"u{shown.dtype.itemsize}") if shown.dtype.kind == "f" else shown


def require_part(
    name: str, part: object, asked: tuple[Format, tuple[int, ...]] | None, format_name: str
) -> None:
    """Refuse a part of an array that is not of the format and the shape that are asked for."""
    if asked is None:
        if part is not None:
            raise ValueError(f"{name}: given, and {format_name} has none")
        return
    fmt, shape = asked
    # Elements are codes in any format, and all else is shown.
    codes = np.empty(0, code_dtype(fmt))
    dtype = codes.dtype if name == "codes" else as_floats(codes, fmt).dtype
    if not isinstance(part, np.ndarray | np.generic) or part.dtype != dtype:
        kind = part.dtype if isinstance(part, np.ndarray) else type(part).__name__
        raise TypeError(f"{name}: {kind}; {format_name} has an array of {dtype}")
    if part.shape != shape:
        raise ValueError(f"{name}: shape {part.shape}; {format_name} has {shape} here")


def packed(part: Array, fmt: Format) -> Bytes:
    """A part as a stream of codes in C order, each of the bits that its format has."""
    return np.asarray(codec.pack(as_codes(np.ascontiguousarray(part).reshape(-1)), fmt.bits))


def unpacked(parts: Mapping[str, Bytes], name: str, fmt: Format, shape: tuple[int, ...]) -> Array:
    """The codes of a part from its bytes; ValueError if it is not there, or has too few."""
    if name not in parts:
        raise ValueError(f"parts: no {name!r} among {sorted(parts)}")
    try:
        return codec.unpack(parts[name], fmt.bits, shape).astype(code_dtype(fmt))
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
