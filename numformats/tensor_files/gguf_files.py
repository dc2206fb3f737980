"""Find the tensors of .gguf files without trusting what their headers declare.

A file is: a header of fixed size; keys with values (a model's facts, its whole vocabulary among
them); a description of each tensor; and the data, each tensor's from a multiple of the alignment on
(ggml, docs/gguf.md). Of the keys only the alignment matters here: the rest is stepped over, and
nothing of it is kept.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, Final

from numformats.tensor_files.gguf_blocks import BLOCK_TYPES
from numformats.tensor_files.packing import Storage, StoredTensor, little_endian, stored_tensor
from numformats.tensor_files.raw import (
    MAX_DIMENSIONS,
    RawTensor,
    RefusedError,
    check_shape,
    named_dtype,
    plain_tensor,
)

MAGIC: Final = b"GGUF"
VERSIONS: Final = (2, 3)
# What is read of a header: a vocabulary of 262 144 tokens with its merges has some 15 MB.
MAX_HEADER_BYTES: Final = 1 << 26
PIECE_BYTES: Final = 1 << 16
MAX_TENSORS: Final = 1 << 18
MAX_NAME_BYTES: Final = 1 << 16
# Arrays may hold arrays; nobody nests them deeper.
MAX_NESTING: Final = 4
DEFAULT_ALIGNMENT: Final = 32
ALIGNMENT_KEY: Final = b"general.alignment"

# Bytes of a value of each type of metadata that has a fixed size; the others are text and arrays.
VALUE_BYTES: Final = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
UINT32, TEXT, ARRAY = 4, 8, 9

# `enum ggml_type` in ggml.h.
PLAIN_TYPES: Final = {
    0: "float32",
    1: "float16",
    24: "int8",
    25: "int16",
    26: "int32",
    27: "int64",
    28: "float64",
    30: "bfloat16",
}
BLOCKS: Final = {kind.number: kind for kind in BLOCK_TYPES}
# Types that are known, but not decoded here: their codes are places in tables of hundreds of
# vectors, or of a kind that no file has.
OTHER_TYPES: Final = {
    9: "Q8_1",
    15: "Q8_K",
    16: "IQ2_XXS",
    17: "IQ2_XS",
    18: "IQ3_XXS",
    19: "IQ1_S",
    21: "IQ3_S",
    22: "IQ2_S",
    29: "IQ1_M",
    41: "Q1_0",
}


@dataclass(frozen=True)
class _Described:
    """What the header says of one tensor; its offset counts from the beginning of the data."""

    name: str
    shape: tuple[int, ...]
    kind: int
    offset: int


class _Header:
    """The header, of which no more is read than is asked for, a piece at a time."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self.stream = stream
        self.size = size
        self.place = 0
        self._read = bytearray()

    def skip(self, count: int) -> None:
        """Step over so many bytes."""
        end = self.place + count
        if end > len(self._read):
            self._read_up_to(end)
        self.place = end

    def take(self, count: int) -> bytes:
        """Read so many bytes."""
        begin = self.place
        self.skip(count)
        return bytes(self._read[begin : self.place])

    def uint32(self) -> int:
        """Read a number of four bytes."""
        return int.from_bytes(self.take(4), "little")

    def uint64(self) -> int:
        """Read a number of eight bytes."""
        return int.from_bytes(self.take(8), "little")

    def name(self) -> bytes:
        """Read a text whose length stands before it."""
        length = self.uint64()
        if length > MAX_NAME_BYTES:
            raise RefusedError(f"a name of {length} bytes, above {MAX_NAME_BYTES}; save it again")
        return self.take(length)

    def _read_up_to(self, end: int) -> None:
        if end > self.size:
            raise RefusedError("ends within its header; save or fetch it again")
        if end > MAX_HEADER_BYTES:
            raise RefusedError(f"a header of more than {MAX_HEADER_BYTES} bytes; split the file")
        while len(self._read) < end:
            piece = self.stream.read(PIECE_BYTES)
            if not piece:
                raise RefusedError("was cut short while it was being read; run again")
            self._read += piece


def gguf_tensors(file: Path) -> list[RawTensor]:
    """Find the tensors of a .gguf file of version 2 or 3.

    Types of blocks become float32, as ggml decodes them. A type that is unknown or not decoded is
    its tensor's fault; what overlaps or lies outside the file is the file's.
    """
    size = file.stat().st_size
    with file.open("rb") as stream:
        header = _Header(stream, size)
        tensors, keys = _counts(header)
        alignment = _alignment(header, keys)
        described = [_described(header) for _ in range(tensors)]
        base = -(-header.place // alignment) * alignment
    if len({tensor.name for tensor in described}) != len(described):
        raise RefusedError("names a tensor twice; save it again")
    if any(tensor.offset % alignment for tensor in described):
        raise RefusedError(f"places a tensor off its alignment of {alignment}; save it again")
    found = [_found(file, tensor, base) for tensor in described]
    _check_places([span for _, span in found if span is not None], size)
    return [tensor for tensor, _ in found]


def _counts(header: _Header) -> tuple[int, int]:
    """Read what stands at the beginning: how many tensors and keys there are."""
    if header.take(4) != MAGIC:
        raise RefusedError("does not begin as a GGUF file does; check what it is")
    version = header.uint32()
    if version not in VERSIONS:
        swapped = int.from_bytes(version.to_bytes(4, "little"), "big")
        if swapped in VERSIONS:
            raise RefusedError(
                "is big-endian; run gguf-convert-endian FILE little on it (pip install gguf)"
            )
        raise RefusedError(f"GGUF version {version}; 2 and 3 are read: convert the model again")
    tensors, keys = header.uint64(), header.uint64()
    if tensors > MAX_TENSORS:
        raise RefusedError(f"declares {tensors} tensors, above {MAX_TENSORS}; split the file")
    return tensors, keys


def _alignment(header: _Header, keys: int) -> int:
    """Step over the keys and their values; what they say of the alignment."""
    found = []
    # Each takes bytes, and so a count that lies ends with the file.
    for _ in range(keys):
        key, kind = header.name(), header.uint32()
        if key == ALIGNMENT_KEY:
            if kind != UINT32:
                raise RefusedError("has an alignment that is no uint32; save it again")
            found.append(header.uint32())
        else:
            _skip_value(header, kind, MAX_NESTING)
    alignment = found[0] if found else DEFAULT_ALIGNMENT
    if len(found) > 1 or alignment.bit_count() != 1:
        raise RefusedError("has an alignment that is no power of two, or two; save it again")
    return alignment


def _skip_value(header: _Header, kind: int, nesting: int) -> None:
    if kind in VALUE_BYTES:
        header.skip(VALUE_BYTES[kind])
    elif kind == TEXT:
        header.skip(header.uint64())
    elif kind == ARRAY and nesting > 0:
        _skip_array(header, nesting)
    else:
        raise RefusedError(f"has metadata of an unknown type ({kind}); save it again")


def _skip_array(header: _Header, nesting: int) -> None:
    kind, count = header.uint32(), header.uint64()
    if kind in VALUE_BYTES:
        header.skip(VALUE_BYTES[kind] * count)
        return
    for _ in range(count):
        _skip_value(header, kind, nesting - 1)


def _described(header: _Header) -> _Described:
    """Read the description of one tensor. GGUF names the axis of consecutive values first."""
    name = header.name().decode()
    dimensions = header.uint32()
    if dimensions > MAX_DIMENSIONS:
        raise RefusedError(f"a tensor of {dimensions} dimensions; save or fetch it again")
    lengths = struct.unpack(f"<{dimensions}Q", header.take(8 * dimensions))
    return _Described(name, lengths[::-1], header.uint32(), header.uint64())


def _found(file: Path, tensor: _Described, base: int) -> tuple[RawTensor, tuple[int, int] | None]:
    """A tensor to read or its fault, and where in the file it lies, as far as that is known."""
    kind, shape, begin = tensor.kind, tensor.shape, base + tensor.offset
    label = PLAIN_TYPES.get(kind) or _block_name(kind)
    try:
        check_shape(shape)
        storage = _storage(kind, shape)
    except RefusedError as fault:
        return RawTensor(tensor.name, label, shape, fault.with_traceback(None)), None
    nbytes = storage.size(math.prod(shape))
    span = (begin, begin + nbytes)
    if storage.is_plain:
        return plain_tensor(tensor.name, file, begin, shape, storage.dtype, nbytes), span
    stored = StoredTensor(file, begin, shape, storage)
    return stored_tensor(tensor.name, label, stored, nbytes), span


def _block_name(kind: int) -> str:
    return BLOCKS[kind].name if kind in BLOCKS else OTHER_TYPES.get(kind, f"type {kind}")


def _storage(kind: int, shape: tuple[int, ...]) -> Storage:
    """How values of a type lie in bytes."""
    if kind in PLAIN_TYPES:
        dtype = named_dtype(PLAIN_TYPES[kind])
        return little_endian(dtype, 8 * dtype.itemsize)
    if kind not in BLOCKS:
        fault = "is not decoded" if kind in OTHER_TYPES else "is unknown"
        decoded = ", ".join(block.name for block in BLOCK_TYPES)
        raise RefusedError(f"{_block_name(kind)} {fault}; these types of blocks are: {decoded}")
    values = BLOCKS[kind].values
    if not shape or shape[-1] % values:
        raise RefusedError(
            f"has rows of {shape[-1] if shape else 1} values in blocks of {values}; save it again"
        )
    return BLOCKS[kind].storage


def _check_places(spans: list[tuple[int, int]], size: int) -> None:
    """Refuse tensors that lie outside the file, or in each other."""
    if any(end > size for _, end in spans):
        raise RefusedError("places a tensor outside the file; save or fetch it again")
    ordered = sorted(span for span in spans if span[0] < span[1])
    if any(end > begin for (_, end), (begin, _) in pairwise(ordered)):
        raise RefusedError("places two tensors in the same bytes; save it again")
