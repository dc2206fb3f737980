"""The tensors that make up one weight, by what each of them is for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from numpy.typing import NDArray

from numformats.tensor_files.packed.configuration import PackingConfig
from numformats.tensor_files.raw import RawTensor, RefusedError

Role: TypeAlias = Literal[
    "codes",
    "scale",
    "second_scale",
    "zero",
    "group_index",
    "shape",
    "values",
    "nested_scale",
    "nested_values",
    "state",
]
# What is read while a file is only being opened is no longer than this.
MAX_READ_AT_OPENING: Final = 1 << 16


@dataclass(frozen=True)
class Parts:
    """The tensors of one weight, each by its role, and what is told beside the file."""

    tensors: Mapping[Role, RawTensor]
    config: PackingConfig

    def __contains__(self, role: Role) -> bool:
        return role in self.tensors

    @property
    def nbytes(self) -> int:
        """What all of them take in their files."""
        return sum(tensor.stored_bytes for tensor in self.tensors.values())

    def shape(self, role: Role) -> tuple[int, ...]:
        """The shape of a tensor as stored."""
        return self.tensors[role].shape

    def size(self, role: Role) -> int:
        """The number of elements of a tensor as stored."""
        return math.prod(self.shape(role))

    def dtype(self, role: Role) -> str:
        """The name of the dtype of a tensor as stored."""
        return self.tensors[role].dtype_name

    def read(self, role: Role) -> NDArray[Any]:
        """The data of a tensor; a fault in it is raised with the tensor's name."""
        tensor = self.tensors[role]
        if isinstance(tensor.source, Exception):
            raise RefusedError(f"{tensor.name}: {tensor.source}")
        return tensor.source()

    def in_ranges(self, role: Role) -> bool:
        """Whether a range of a tensor can be read without the rest."""
        return self.tensors[role].read is not None

    def read_range(self, role: Role, start: int, stop: int) -> NDArray[Any]:
        """Elements `start` to `stop`, or to the end, of a tensor in C order."""
        size = self.size(role)
        read = self.tensors[role].read
        if read is None or (start == 0 and stop >= size):
            return self.read(role).reshape(-1)[start:stop]
        return read(start, min(stop, size))

    def read_small(self, role: Role) -> NDArray[Any]:
        """As `read`, of a tensor that tells what the others are, and so is read at opening."""
        tensor = self.tensors[role]
        if len(tensor.shape) != 1 or tensor.shape[0] > MAX_READ_AT_OPENING:
            raise RefusedError(f"{tensor.name} has shape {tensor.shape}; expected a short list")
        return self.read(role)

    def misfit(self, role: Role, expected: str) -> RefusedError:
        """A fault of the shape of one tensor."""
        tensor = self.tensors[role]
        return RefusedError(
            f"{tensor.name} has shape {tensor.shape}; expected {expected}; save or fetch it again"
        )
