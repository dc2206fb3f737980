"""Where the codes of a block of GGUF are among its bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from numformats.tensor_files.packing import strata

# A structured array, with an element for each block.
Blocks: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class Layer:
    """Where `bits` bits of each code are: in layers over groups of so many bytes (`strata`)."""

    field: str
    group: int
    bits: int


class Codes(Protocol):
    """Where the codes of a block are."""

    def read(self, blocks: Blocks) -> NDArray[np.uint8]:
        """The codes of each block, in the order of its values: shape (blocks, values)."""


@dataclass(frozen=True)
class Layers:
    """Codes whose bits are in layers, the lowest ones in the first."""

    layers: tuple[Layer, ...]

    def read(self, blocks: Blocks) -> NDArray[np.uint8]:
        """Put the bits of each code together."""
        first, *rest = self.layers
        codes = _layer(first, blocks)
        width = first.bits
        for layer in rest:
            codes |= _layer(layer, blocks) << np.uint8(width)
            width += layer.bits
        return codes


def _layer(layer: Layer, blocks: Blocks) -> NDArray[Any]:
    data: NDArray[Any] = blocks[layer.field]
    return data if layer.bits == 8 else strata(data, layer.group, layer.bits)


@dataclass(frozen=True)
class Trits:
    """Codes 0, 1 and 2 that are digits in base 3: a byte b has those of b / 256, after the point.

    runs: fields, and how many digits each of their bytes has. The first digits of all bytes of a
    field are its first codes, then come the second ones; and the codes of the next field.
    """

    runs: tuple[tuple[str, int], ...]

    def read(self, blocks: Blocks) -> NDArray[np.uint8]:
        """Multiply by 3, again and again: what is 256 or more is the next digit."""
        found = []
        for field, digits in self.runs:
            rest = blocks[field].astype(np.uint16)
            for _ in range(digits):
                rest *= 3
                found.append((rest >> 8).astype(np.uint8))
                rest &= 255
        return np.concatenate(found, axis=1)
