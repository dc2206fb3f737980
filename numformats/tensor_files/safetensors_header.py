"""The header of a .safetensors file as it stands: what a copy of the file begins with.

`safetensors_files.py` finds tensors that can be read as numbers. A copy needs less, and keeps more:
where the bytes of each tensor lie, in whatever dtype, and what the header says besides.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.tensor_files.opening import faults_named
from numformats.tensor_files.raw import Layout, RefusedError, named_dtype, read_bytes, read_range
from numformats.tensor_files.safetensors_files import DTYPES, MAX_JSON_BYTES

_METADATA: Final = "__metadata__"
# The data begins at a multiple of this, so that what is mapped is aligned.
_ALIGNMENT: Final = 8


@dataclass(frozen=True)
class PlacedTensor:
    """A tensor as a file has it: its dtype in the file's own word, and where its bytes lie."""

    file: Path
    name: str
    code: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def dtype_name(self) -> str:
        """NumPy's or ml_dtypes' name of the dtype, or the file's own where neither has one."""
        return DTYPES.get(self.code, self.code)

    @property
    def size(self) -> int:
        """How many values there are."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """How many bytes they take."""
        return self.end - self.begin

    def read(self, first: int, last: int) -> NDArray[Any]:
        """The values from position `first` to before `last` in C order, in one axis.

        Raises `TensorFileError` where the file has changed since.
        """
        dtype = named_dtype(DTYPES[self.code])
        place = Layout(dtype, (self.size,), "C", self.begin)
        with faults_named(f"{self.file}: {self.name}"):
            return read_range(self.file, place, first, last)

    def stretches(self, count: int) -> Iterator[memoryview]:
        """All of its bytes, so many at a time; raises as `read` does."""
        for first in range(self.begin, self.end, count):
            with faults_named(f"{self.file}: {self.name}"):
                found = read_bytes(self.file, first, min(count, self.end - first))
            yield found.data


@dataclass(frozen=True)
class Header:
    """What stands before the data of a .safetensors file, whose JSON is `fields`.

    tensors: in the order of the header. data_begin: the offset of the data in the file.
    """

    fields: Mapping[str, Any]
    tensors: tuple[PlacedTensor, ...]
    data_begin: int

    @property
    def metadata(self) -> Mapping[str, str]:
        """The texts that the file has besides its tensors."""
        found: Mapping[str, str] = self.fields.get(_METADATA) or {}
        return found

    def with_metadata(self, key: str, text: str) -> bytes:
        """The bytes of a header for the same tensors, with one text more in its metadata."""
        metadata = {**self.metadata, key: text}
        fields = {_METADATA: metadata, **{n: f for n, f in self.fields.items() if n != _METADATA}}
        content = json.dumps(fields, separators=(",", ":")).encode()
        content += b" " * (-len(content) % _ALIGNMENT)
        return len(content).to_bytes(8, "little") + content


def read_header(file: Path) -> Header:
    """The header of a file that `open_tensors` has found to be sound.

    Raises `TensorFileError` where it has changed since, as far as that can be told.
    """
    with faults_named(str(file)), file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > MAX_JSON_BYTES:
            raise RefusedError("was changed while it was being read; run again")
        fields = json.loads(stream.read(length).decode())
    base = 8 + length
    tensors = [
        PlacedTensor(
            file,
            name,
            described["dtype"],
            tuple(described["shape"]),
            base + described["data_offsets"][0],
            base + described["data_offsets"][1],
        )
        for name, described in fields.items()
        if name != _METADATA
    ]
    return Header(fields, tuple(tensors), base)


def bytes_of(values: NDArray[Any]) -> memoryview:
    """The bytes of an array in C order, as a file has them."""
    return np.ascontiguousarray(values).reshape(-1).view(np.uint8).data
