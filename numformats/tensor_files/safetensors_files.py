"""Find the tensors of .safetensors files without trusting what their headers declare."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any, Final

from numformats.tensor_files.raw import (
    Layout,
    RawTensor,
    RefusedError,
    check_size,
    named_dtype,
    read_region,
)

DTYPES: Final = {
    "BOOL": "bool",
    "U8": "uint8",
    "U16": "uint16",
    "U32": "uint32",
    "U64": "uint64",
    "I8": "int8",
    "I16": "int16",
    "I32": "int32",
    "I64": "int64",
    "F16": "float16",
    "F32": "float32",
    "F64": "float64",
    "C64": "complex64",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "F8_E8M0": "float8_e8m0fnu",
}
PACKED_DTYPES: Final = ("F4", "F6_E2M3", "F6_E3M2")
# Parsed JSON can take 25 times its text: this bounds it, at some 150 000 tensors in a file.
MAX_JSON_BYTES: Final = 1 << 24


def safetensors_tensors(file: Path) -> list[RawTensor]:
    """Find the tensors of a .safetensors file: 8 bytes of length, a JSON header, then the data.

    The library validates the whole header first, in Rust.  Its NumPy side cannot return FP8 or
    bfloat16, so the header is parsed again here for the places of the data.
    """
    from safetensors import safe_open

    with safe_open(str(file), framework="np"):
        pass
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > MAX_JSON_BYTES:
            raise RefusedError(
                f"a header of {length} bytes, above {MAX_JSON_BYTES}; split the file"
            )
        header = json.loads(stream.read(length).decode(), object_pairs_hook=_distinct)
    tensors = ((name, fields) for name, fields in header.items() if name != "__metadata__")
    return [_safetensors_entry(file, 8 + length, name, fields) for name, fields in tensors]


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build a JSON object whose names differ: parsers disagree on which of two equal ones wins."""
    table = dict(pairs)
    if len(table) != len(pairs):
        raise RefusedError("names a tensor or a field twice in its header; save it again")
    return table


def _safetensors_entry(file: Path, base: int, name: str, fields: Any) -> RawTensor:
    """Turn one tensor of the JSON header into a `RawTensor`; offsets count from `base`."""
    match fields:
        case {"dtype": str(code), "shape": [*lengths], "data_offsets": [int(begin), int(end)]}:
            shape = tuple(int(length) for length in lengths)
        case _:
            raise RefusedError("describes a tensor in an unknown form in its header; save it again")
    if code not in DTYPES:
        kind = "packed sub-byte" if code in PACKED_DTYPES else "unknown"
        fault = RefusedError(f"{kind} dtype {code}; save its decoded values as F32")
        return RawTensor(name, code, shape, fault)
    dtype = named_dtype(DTYPES[code])
    if not 0 <= begin <= end <= file.stat().st_size - base:
        raise RefusedError("places a tensor outside the file; save or fetch it again")
    try:
        check_size(shape, dtype, end - begin)
    except RefusedError as fault:
        return RawTensor(name, dtype.name, shape, fault.with_traceback(None))
    source = partial(read_region, file, Layout(dtype, shape, "C", base + begin))
    return RawTensor(name, dtype.name, shape, source)
