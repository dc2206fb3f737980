"""Find the tensors of .safetensors files without trusting what their headers declare."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from numformats.tensor_files.packing import StoredTensor, little_endian, stored_tensor
from numformats.tensor_files.raw import (
    RawTensor,
    RefusedError,
    distinct,
    named_dtype,
    plain_tensor,
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
# Of less than a byte, with their bits. The format says that a shape counts values and that the bits
# of a tensor fill whole bytes (safetensors, tensor.rs: `bitsize`, `validate`), but not how values
# lie in bytes. They are read with the first value in the lowest bits, as ONNX has float4 and float6
# (onnx.proto, raw_data).
PACKED_DTYPES: Final = {
    "F4": ("float4_e2m1fn", 4),
    "F6_E2M3": ("float6_e2m3fn", 6),
    "F6_E3M2": ("float6_e3m2fn", 6),
}
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
        header = json.loads(stream.read(length).decode(), object_pairs_hook=distinct)
    tensors = ((name, fields) for name, fields in header.items() if name != "__metadata__")
    return [_safetensors_entry(file, 8 + length, name, fields) for name, fields in tensors]


def _safetensors_entry(file: Path, base: int, name: str, fields: Any) -> RawTensor:
    """Turn one tensor of the JSON header into a `RawTensor`; offsets count from `base`."""
    match fields:
        case {"dtype": str(code), "shape": [*lengths], "data_offsets": [int(begin), int(end)]}:
            shape = tuple(int(length) for length in lengths)
        case _:
            raise RefusedError("describes a tensor in an unknown form in its header; save it again")
    if not 0 <= begin <= end <= file.stat().st_size - base:
        raise RefusedError("places a tensor outside the file; save or fetch it again")
    if code in PACKED_DTYPES:
        dtype_name, bits = PACKED_DTYPES[code]
        storage = little_endian(named_dtype(dtype_name), bits)
        stored = StoredTensor(file, base + begin, shape, storage)
        return stored_tensor(name, dtype_name, stored, end - begin)
    if code not in DTYPES:
        fault = RefusedError(f"unknown dtype {code}; save its decoded values as F32")
        return RawTensor(name, code, shape, fault)
    dtype = named_dtype(DTYPES[code])
    return plain_tensor(name, file, base + begin, shape, dtype, end - begin)
