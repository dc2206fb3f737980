"""ONNX models for tests, byte by byte: messages of Protocol Buffers, as onnx.proto has them."""

from __future__ import annotations

from collections.abc import Iterable

VARINT, LENGTH = 0, 2


def varint(value: int) -> bytes:
    """A number, seven bits in each byte."""
    value %= 1 << 64
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number: int, content: int | bytes) -> bytes:
    """A field with a number or bytes."""
    if isinstance(content, int):
        return varint(number << 3 | VARINT) + varint(content)
    return varint(number << 3 | LENGTH) + varint(len(content)) + content


def tensor(name: str, shape: Iterable[int], kind: int, *fields: bytes) -> bytes:
    """A TensorProto whose values are in further fields."""
    dims = b"".join(field(1, length) for length in shape)
    return dims + field(2, kind) + field(8, name.encode()) + b"".join(fields)


def external(**words: str) -> bytes:
    """The fields of a tensor whose values are in another file."""
    pairs = (field(1, key.encode()) + field(2, value.encode()) for key, value in words.items())
    return b"".join(field(13, pair) for pair in pairs) + field(14, 1)


def model(*tensors: bytes, extra: bytes = b"") -> bytes:
    """A model with these initialisers."""
    graph = field(2, b"g") + b"".join(field(5, each) for each in tensors) + extra
    return field(1, 8) + field(2, b"tests") + field(7, graph) + field(8, field(2, 21))


def raw(data: bytes) -> bytes:
    """Values as they are in memory."""
    return field(9, data)
