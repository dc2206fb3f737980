"""Granularity: which values of an array share a scale.

Whatever its name, a granularity is a tile: how far along each axis values share a scale. A tile as
long as an axis (None here) spans all of it, and there is no scale axis for it.

Here, as in OCP MX, a block runs along one axis, and a tile has rows and columns. Others use these
words otherwise: DeepSeek-V3's tiles are blocks here and its blocks tiles, and so are torchao's
`PerGroup` and `PerBlock`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Tile: TypeAlias = tuple[int | None, ...]
Index: TypeAlias = tuple[slice, ...]


@dataclass(frozen=True)
class PerTensor:
    """One scale for all values."""

    def tile(self, ndim: int, axis: int | None) -> Tile:
        """The tile in an array of `ndim` axes; `axis` makes no difference here."""
        return (None,) * ndim

    @property
    def block_size(self) -> int | None:
        """How many values share a scale; None where that depends on the array."""
        return None


@dataclass(frozen=True)
class PerChannel:
    """One scale for each index of an axis: by default the first, the output channels of weights.

    What torchao calls `PerAxis`, and for matrices `PerRow`.
    """

    axis: int = 0

    def tile(self, ndim: int, axis: int | None) -> Tile:
        """The tile in an array of `ndim` axes; `axis` is the channels', if given."""
        channel = normalized(self.axis if axis is None else axis, ndim)
        return tuple(1 if i == channel else None for i in range(ndim))

    @property
    def block_size(self) -> int | None:
        """How many values share a scale; None where that depends on the array."""
        return None


@dataclass(frozen=True)
class PerBlock:
    """One scale for each `size` consecutive values along an axis, the last one by default.

    The block of OCP MX; also called a group (torchao's `PerGroup`, GPTQ's group size) and, in
    DeepSeek-V3, a tile of 1 x `size`.
    """

    size: int

    def __post_init__(self) -> None:
        _require_positive("size", self.size)

    def tile(self, ndim: int, axis: int | None) -> Tile:
        """The tile in an array of `ndim` axes; blocks run along `axis`."""
        along = normalized(-1 if axis is None else axis, ndim)
        return tuple(self.size if i == along else 1 for i in range(ndim))

    @property
    def block_size(self) -> int | None:
        """How many values share a scale."""
        return self.size


@dataclass(frozen=True)
class PerTile:
    """One scale for each rectangle of rows and columns, of the last two axes by default.

    `columns` run along the axis that blocks would run along, and `rows` along the axis before it
    (after it, if it is the first). Also called a block (torchao's `PerBlock`, the 128 x 128 of
    DeepSeek-V3's weights).
    """

    rows: int
    columns: int

    def __post_init__(self) -> None:
        _require_positive("rows", self.rows)
        _require_positive("columns", self.columns)

    def tile(self, ndim: int, axis: int | None) -> Tile:
        """The tile in an array of `ndim` axes; an array of one axis has a single row."""
        along = normalized(-1 if axis is None else axis, ndim)
        across = along - 1 if along > 0 else along + 1
        extents = {along: self.columns, across: self.rows}
        return tuple(extents.get(i, 1) for i in range(ndim))

    @property
    def block_size(self) -> int | None:
        """How many values share a scale."""
        return self.rows * self.columns


Granularity: TypeAlias = PerTensor | PerChannel | PerBlock | PerTile


def normalized(axis: int, ndim: int) -> int:
    """An axis counted from the front; ValueError if there is none. A scalar has axis 0 and -1."""
    count = max(ndim, 1)
    if not isinstance(axis, int) or isinstance(axis, bool):
        raise TypeError(f"axis: expected an int, got {type(axis).__name__} {axis!r}")
    if not -count <= axis < count:
        raise ValueError(f"axis: {axis} of an array of {ndim} dimensions")
    return axis % count


def _require_positive(argument: str, number: int) -> None:
    if not isinstance(number, int) or isinstance(number, bool):
        raise TypeError(f"{argument}: expected an int, got {type(number).__name__} {number!r}")
    if number < 1:
        raise ValueError(f"{argument}: {number}; expected 1 or more")
