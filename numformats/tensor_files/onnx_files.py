"""Find the initialisers of .onnx models without trusting what they declare.

A model is a message of Protocol Buffers; its weights are TensorProtos in its graph (onnx.proto).
Their values lie in `raw_data`, in a field for their type, or in a file beside the model. Only their
places are kept, so that no memory is needed for the weights, nor the `onnx` package. What is read
are the initialisers of the main graph: not those of graphs within nodes, and no constants of nodes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.tensor_files.folders import within
from numformats.tensor_files.onnx_messages import Described, TensorField, read_model
from numformats.tensor_files.packing import Storage, StoredTensor, little_endian, stored_tensor
from numformats.tensor_files.protobuf import LENGTH, Field, decode_varints
from numformats.tensor_files.raw import (
    RawTensor,
    RefusedError,
    check_shape,
    named_dtype,
    plain_tensor,
    read_bytes,
)

# The longest number that an offset or a length of an external file can be.
MAX_DIGITS: Final = 19


@dataclass(frozen=True)
class OnnxType:
    """A type of values: the name of its dtype, its bits, and the field for values one by one."""

    dtype_name: str
    bits: int
    typed_field: TensorField = TensorField.INT32_DATA


# `TensorProto.DataType`, and the comments of the fields that end in _data.
TYPES: Final = {
    1: OnnxType("float32", 32, TensorField.FLOAT_DATA),
    2: OnnxType("uint8", 8),
    3: OnnxType("int8", 8),
    4: OnnxType("uint16", 16),
    5: OnnxType("int16", 16),
    6: OnnxType("int32", 32),
    7: OnnxType("int64", 64, TensorField.INT64_DATA),
    9: OnnxType("bool", 8),
    10: OnnxType("float16", 16),
    11: OnnxType("float64", 64, TensorField.DOUBLE_DATA),
    12: OnnxType("uint32", 32, TensorField.UINT64_DATA),
    13: OnnxType("uint64", 64, TensorField.UINT64_DATA),
    14: OnnxType("complex64", 64, TensorField.FLOAT_DATA),
    15: OnnxType("complex128", 128, TensorField.DOUBLE_DATA),
    16: OnnxType("bfloat16", 16),
    17: OnnxType("float8_e4m3fn", 8),
    18: OnnxType("float8_e4m3fnuz", 8),
    19: OnnxType("float8_e5m2", 8),
    20: OnnxType("float8_e5m2fnuz", 8),
    21: OnnxType("uint4", 4),
    22: OnnxType("int4", 4),
    23: OnnxType("float4_e2m1fn", 4),
    24: OnnxType("float8_e8m0fnu", 8),
    25: OnnxType("uint2", 2),
    26: OnnxType("int2", 2),
    27: OnnxType("float6_e2m3fn", 6),
    28: OnnxType("float6_e3m2fn", 6),
}
# Fields whose numbers are as wide as the values, and lie as those of raw_data do.
FIXED_WIDTH: Final = (TensorField.FLOAT_DATA, TensorField.DOUBLE_DATA)


def onnx_tensors(file: Path) -> list[RawTensor]:
    """Find the initialisers of the main graph of a .onnx model.

    A type that is not a number's, a file that is missing and values that are too few are faults of
    their tensor; what is no message of Protocol Buffers, or has no graph, is the file's.
    """
    dense, sparse = read_model(file)
    names = [tensor.name for tensor in dense] + sparse
    if len(set(names)) != len(names):
        raise RefusedError("names a tensor twice; export it again")
    fault = RefusedError("is sparse; export it as a dense initialiser")
    return [
        *(_found(file, tensor) for tensor in dense),
        *(RawTensor(name, "unknown", (), fault) for name in sparse),
    ]


def _found(file: Path, tensor: Described) -> RawTensor:
    """A tensor to read, or its fault."""
    shape, kind = tuple(tensor.dims), TYPES.get(tensor.type_number)
    label = f"type {tensor.type_number}" if kind is None else kind.dtype_name
    try:
        if kind is None:
            raise RefusedError(f"ONNX type {tensor.type_number} is not of numbers; it is skipped")
        check_shape(shape)
        return _placed(file, tensor, kind, shape)
    # One damaged tensor says nothing of the others.
    except (RefusedError, OSError) as error:
        return RawTensor(tensor.name, label, shape, error.with_traceback(None))


def _placed(file: Path, tensor: Described, kind: OnnxType, shape: tuple[int, ...]) -> RawTensor:
    """A tensor where its values are: in another file, in raw_data, or in the field for its type."""
    if tensor.is_segment:
        raise RefusedError("is in segments; export it in one piece")
    storage = little_endian(named_dtype(kind.dtype_name), kind.bits)
    if tensor.is_external:
        place, offset, available = _external(file.parent, tensor.external)
        return _stored(tensor.name, place, offset, shape, storage, available)
    if TensorField.RAW_DATA in tensor.data:
        part = tensor.data[TensorField.RAW_DATA][-1]
        return _stored(tensor.name, file, part.begin, shape, storage, part.end - part.begin)
    parts = tensor.data.get(kind.typed_field, [])
    if not parts and 0 not in shape:
        raise RefusedError("has no values; export it again")
    if len(parts) > 1 or any(part.kind != LENGTH for part in parts):
        raise RefusedError("has its values one by one; export it with raw_data")
    part = parts[0] if parts else Field(0, LENGTH, 0, 0)
    if kind.typed_field in FIXED_WIDTH:
        return _stored(tensor.name, file, part.begin, shape, storage, part.end - part.begin)
    source = partial(_read_varints, file, part, kind, storage, shape)
    _check_count(part, _entries(kind, storage, math.prod(shape)))
    return RawTensor(tensor.name, kind.dtype_name, shape, source)


def _stored(
    name: str, file: Path, offset: int, shape: tuple[int, ...], storage: Storage, available: int
) -> RawTensor:
    """A tensor that lies in a file as raw_data lies."""
    if storage.is_plain:
        return plain_tensor(name, file, offset, shape, storage.dtype, available)
    stored = StoredTensor(file, offset, shape, storage)
    return stored_tensor(name, storage.dtype.name, stored, available)


def _external(folder: Path, words: dict[str, str]) -> tuple[Path, int, int]:
    """The file, the offset and the bytes of values beside the model; no check sum is tested."""
    file = within(folder, words.get("location", ""))
    if not file.is_file():
        raise RefusedError(f"is in {words['location'][:200]!r}, which is missing; fetch it, too")
    size = file.stat().st_size
    offset = _number(words.get("offset", "0"))
    length = _number(words["length"]) if "length" in words else max(size - offset, 0)
    if offset + length > size:
        raise RefusedError(f"is placed outside {words['location'][:200]!r}; fetch it again")
    return file, offset, length


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
        raise RefusedError(f"has {text[:40]!r} for an offset or a length; export it again")
    return int(text)


def _entries(kind: OnnxType, storage: Storage, count: int) -> int:
    """How many numbers of a typed field so many values take: one for each, or for each byte."""
    return storage.size(count) if kind.bits in (2, 4) else count


def _check_count(part: Field, count: int) -> None:
    """Refuse a field of varints that cannot hold so many: each is of one byte at least, and of ten
    at most.
    """
    if not count <= part.end - part.begin <= 10 * count:
        raise RefusedError(
            f"declares {count} numbers where {part.end - part.begin} bytes exist; export it again"
        )


def _read_varints(
    file: Path, part: Field, kind: OnnxType, storage: Storage, shape: tuple[int, ...]
) -> NDArray[Any]:
    """Read values that are varints, of which none can be found without those before it."""
    count = math.prod(shape)
    data = read_bytes(file, part.begin, part.end - part.begin)
    numbers = decode_varints(data, _entries(kind, storage, count))
    if kind.bits < 8:
        codes = _narrowed(numbers, np.dtype(np.uint8))
        if kind.bits in (2, 4):
            return storage.decode(codes.reshape(-1, 1))[:count].reshape(shape)
        if codes.size and codes.max() >= 1 << kind.bits:
            raise RefusedError(f"has a code of more than {kind.bits} bits; export it again")
        return codes.view(storage.dtype).reshape(shape)
    dtype = storage.dtype
    # Numbers that are no integers are written as their bits.
    integers = dtype if dtype.kind in "iu" else np.dtype(f"u{dtype.itemsize}")
    return _narrowed(numbers, integers).view(dtype).reshape(shape)


def _narrowed(numbers: NDArray[np.uint64], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Varints as integers of a dtype, which has to hold them."""
    wide = numbers.view(np.int64) if dtype != np.uint64 else numbers
    narrow = wide.astype(dtype)
    if not np.array_equal(narrow.astype(wide.dtype), wide):
        raise RefusedError(f"has a number that {dtype.name} does not hold; export it again")
    return narrow
