"""What an ONNX model says of its initialisers: the messages of onnx.proto, without the weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Final

from numformats.tensor_files.protobuf import LENGTH, VARINT, Field, Messages, signed
from numformats.tensor_files.raw import MAX_DIMENSIONS, RefusedError

MAX_TENSORS: Final = 1 << 18
MAX_TEXT_BYTES: Final = 1 << 16

# Numbers of fields in onnx.proto (IR version 14): of ModelProto, GraphProto, SparseTensorProto and
# StringStringEntryProto.
GRAPH: Final = 7
INITIALIZER: Final = 5
SPARSE_INITIALIZER: Final = 15
SPARSE_VALUES: Final = 1
KEY: Final = 1
VALUE: Final = 2
# `TensorProto.DataLocation`.
EXTERNAL: Final = 1


class TensorField(IntEnum):
    """The fields of a TensorProto that matter here, by their numbers."""

    DIMS = 1
    DATA_TYPE = 2
    SEGMENT = 3
    FLOAT_DATA = 4
    INT32_DATA = 5
    INT64_DATA = 7
    NAME = 8
    RAW_DATA = 9
    DOUBLE_DATA = 10
    UINT64_DATA = 11
    EXTERNAL_DATA = 13
    DATA_LOCATION = 14


DATA_FIELDS: Final = frozenset(
    {
        TensorField.FLOAT_DATA,
        TensorField.INT32_DATA,
        TensorField.INT64_DATA,
        TensorField.RAW_DATA,
        TensorField.DOUBLE_DATA,
        TensorField.UINT64_DATA,
    }
)


@dataclass
class Described:
    """What a TensorProto says of a tensor.

    data: the places of its values, by the number of the field that they are in. external: words
    about the file that they are in, if `is_external`.
    """

    name: str = ""
    dims: list[int] = field(default_factory=list)
    type_number: int = 0
    is_segment: bool = False
    is_external: bool = False
    data: dict[int, list[Field]] = field(default_factory=dict)
    external: dict[str, str] = field(default_factory=dict)

    def take(self, messages: Messages, part: Field) -> None:
        """Note one field of the message."""
        match part.number:
            case number if number in DATA_FIELDS:
                self.data.setdefault(number, []).append(part)
            case TensorField.DIMS:
                self.dims += _dims(messages, part)
                if len(self.dims) > MAX_DIMENSIONS:
                    raise RefusedError(f"a tensor of above {MAX_DIMENSIONS} dimensions; reshape it")
            case TensorField.DATA_TYPE:
                self.type_number = part.value
            case TensorField.SEGMENT:
                self.is_segment = True
            case TensorField.NAME:
                self.name = _text(messages, part)
            case TensorField.EXTERNAL_DATA:
                key, value = _entry(messages, part)
                self.external[key] = value
            case TensorField.DATA_LOCATION:
                self.is_external = part.value == EXTERNAL


def read_model(file: Path) -> tuple[list[Described], list[str]]:
    """Read what a model says of the initialisers of its main graph, and the names of sparse ones.

    RefusedError for what is no message, has no graph or has more initialisers than `MAX_TENSORS`.
    """
    dense: list[Described] = []
    sparse: list[str] = []
    size = file.stat().st_size
    with file.open("rb") as stream:
        messages = Messages(stream, size)
        graphs = _inner(messages, Field(0, LENGTH, 0, size), GRAPH)
        if not graphs:
            raise RefusedError("has no graph: it is no ONNX model, or cut short; export it again")
        for graph in graphs:
            for part in messages.fields(graph.begin, graph.end):
                if part.number == INITIALIZER:
                    dense.append(_described(messages, part))
                elif part.number == SPARSE_INITIALIZER:
                    values = _inner(messages, part, SPARSE_VALUES)
                    sparse += [_described(messages, value).name for value in values]
                if len(dense) + len(sparse) > MAX_TENSORS:
                    raise RefusedError(f"has above {MAX_TENSORS} initialisers; split the model")
    return dense, sparse


def _inner(messages: Messages, message: Field, number: int) -> list[Field]:
    """The messages in a message that have a number."""
    parts = messages.fields(message.begin, message.end)
    return [part for part in parts if part.number == number and part.kind == LENGTH]


def _described(messages: Messages, tensor: Field) -> Described:
    found = Described()
    for part in messages.fields(tensor.begin, tensor.end):
        found.take(messages, part)
    return found


def _dims(messages: Messages, part: Field) -> list[int]:
    """The lengths in one field: a single one, or several that are packed."""
    if part.kind == VARINT:
        return [signed(part.value)]
    return [signed(value) for value in messages.varints(part, MAX_DIMENSIONS)]


def _entry(messages: Messages, entry: Field) -> tuple[str, str]:
    """The key and the value of a StringStringEntryProto."""
    texts = {KEY: "", VALUE: ""}
    for part in messages.fields(entry.begin, entry.end):
        if part.number in texts:
            texts[part.number] = _text(messages, part)
    return texts[KEY], texts[VALUE]


def _text(messages: Messages, part: Field) -> str:
    return messages.content(part, MAX_TEXT_BYTES).decode()
