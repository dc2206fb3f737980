"""One packed weight: what it is, found from the shapes of its parts, and its numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from numformats.codec.packing import unpack
from numformats.formats.registry import find_format
from numformats.tensor_files.packed.extents import Extent, as_matrix
from numformats.tensor_files.packed.parts import Parts
from numformats.tensor_files.packed.scale_grid import ScaleGrid
from numformats.tensor_files.packed.schemes import Scheme
from numformats.tensor_files.raw import RefusedError, named_dtype

# Numbers of a weight at a time.
_TILE: Final = 1 << 18
_SECOND: Final[dict[str, Callable[..., NDArray[Any]]]] = {
    "multiplies": np.multiply,
    "divides": np.divide,
}


@dataclass(frozen=True)
class PackedWeight:
    """A weight that parts stand for, all of whose shapes fit."""

    scheme: Scheme
    parts: Parts
    extent: Extent
    grid: ScaleGrid
    element: str
    added_to_zero: Literal[0, 1]

    @property
    def can_be_read_by_rows(self) -> bool:
        """Whether some rows of the matrix can be had with little memory for the others.

        Those that are stored transposed are packed in memory, which takes an eighth or so.
        """
        if self.scheme.is_transposed:
            return True
        is_whole_bytes = self.extent.matrix[1] * self.extent.bits % 8 == 0
        return is_whole_bytes and self.parts.in_ranges("codes")

    def load(self) -> NDArray[np.float32]:
        """The numbers of the weight, each rounded once to float32."""
        rows = self._rows(0, self.extent.matrix[0]).reshape(-1)
        return rows[: math.prod(self.extent.shape)].reshape(self.extent.shape)

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Numbers `start` to `stop` of the weight in C order, with memory for these rows alone."""
        columns = max(self.extent.matrix[1], 1)
        first = start // columns
        rows = self._rows(first, max(first, -(-stop // columns)))
        return rows.reshape(-1)[start - first * columns : stop - first * columns]

    def _rows(self, first: int, stop: int) -> NDArray[np.float32]:
        """Some rows of the matrix.

        A code's number times its scale is exact in float32 where one more scale follows, or else is
        what is rounded. Only before a division by an odd number it is kept in float64.
        """
        codes = self.scheme.read_codes(self.parts, self.extent, first, stop)
        numbers = self._numbers()
        scales, zeros = self._scales(first, stop), self._zeros(first, stop)
        second = self._second_scales()
        if self.scheme.divisor != 1:
            numbers = numbers.astype(np.float64)
        index = self._group_of_inputs(scales.shape[0 if self.scheme.is_transposed else 1])
        weight = np.empty((stop - first, self.extent.matrix[1]), np.float32)
        as_stored = weight.T if self.scheme.is_transposed else weight
        height = max(1, _TILE // max(codes.shape[1], 1))
        with np.errstate(all="ignore"):  # scales may be zero, infinite or NaN, as stored
            for top in range(0, len(codes), height):
                some = slice(top, min(top + height, len(codes)))
                # Where that is transposed, rows as stored are inputs, and all of them are here.
                begin = 0 if self.scheme.is_transposed else first
                here = slice(begin + some.start, begin + some.stop)
                tile = np.take(numbers, codes[some])
                if zeros is not None:
                    tile -= self._spread(zeros, here, index)
                tile *= self._spread(scales, here, index, first if self._has_own_scales else 0)
                if self.scheme.divisor != 1:
                    tile /= self.scheme.divisor
                if second is not None:
                    _SECOND[self.scheme.second](tile, second[here], out=tile)
                as_stored[some] = tile
        return weight

    @property
    def _has_own_scales(self) -> bool:
        """Whether each row of the matrix has a row of scales for itself, as it is stored."""
        rows = self.extent.matrix[0]
        stored = self.parts.shape("scale")
        return (
            self.scheme.read_scales is None
            and not self.scheme.is_transposed
            and self.grid.rows == 1
            and math.prod(stored) > 1
            and math.prod(stored) % max(rows, 1) == 0
        )

    def _spread(
        self, scales: NDArray[np.float32], rows: slice, index: NDArray[np.intp], first: int = 0
    ) -> NDArray[np.float32]:
        """The scale of each element in some rows as stored, one for all along an axis of 1.

        first: the row of the weight that the first of the scales is for.
        """
        if self.scheme.is_transposed:
            return scales[index[rows]]
        of_rows = scales[self.grid.row_of(rows) - first]
        return of_rows if scales.shape[1] == 1 else np.take(of_rows, index, axis=1)

    def _numbers(self) -> NDArray[np.float32]:
        """The number that each code stands for."""
        if "values" in self.parts:
            return self.parts.read("values").astype(np.float32)
        element = find_format(self.element)
        assert element is not None
        return element.values().astype(np.float32)

    def _scales(self, first: int, stop: int) -> NDArray[np.float32]:
        """The scales in rows and columns; those of some rows where each has its own."""
        if self.scheme.read_scales is not None:
            return self.scheme.read_scales(self.parts)
        dtype = named_dtype(self.scheme.scale_dtypes[self.parts.dtype("scale")])
        if self.scheme.is_transposed:
            return self.parts.read("scale")[:, first:stop].astype(np.float32)
        if not self._has_own_scales:
            return _in_rows(self.parts.read("scale").view(dtype).astype(np.float32))
        each = math.prod(self.parts.shape("scale")) // self.extent.matrix[0]
        flat = self.parts.read_range("scale", first * each, stop * each)
        return flat.view(dtype).astype(np.float32).reshape(-1, each)

    def _zeros(self, first: int, stop: int) -> NDArray[np.float32] | None:
        """The zero points in rows and columns, or None where all are zero.

        Of some rows, where they are columns as stored.
        """
        if "zero" not in self.parts:
            return None
        stored = self.parts.read("zero")
        if stored.dtype.itemsize == 1:
            return _in_rows(stored.astype(np.float32))
        zeros = _in_rows(self._numbers()[self._zero_codes(stored)])
        return zeros[:, first:stop] if self.scheme.is_transposed else zeros

    def _zero_codes(self, words: NDArray[Any]) -> NDArray[Any]:
        """The codes of packed zero points, with what they lack added.

        To whole words where no code crosses them, with a carry from a code to the next: that
        undoes GPTQModel's subtraction, with which alone a zero point of 0 can be stored.
        """
        bits, lacking = self.extent.bits, self.added_to_zero
        if lacking and 32 % bits == 0:
            ones = sum(1 << place for place in range(0, 32, bits))
            words = words.view(np.uint32) + np.uint32(ones)
            lacking = 0
        shape, axis = self.parts.shape("scale"), self.scheme.zero_axis
        codes = unpack(words, bits, shape, self.extent.layout, axis)
        return (codes + np.uint8(lacking)) & np.uint8(2**bits - 1)

    def _second_scales(self) -> NDArray[np.float32] | None:
        """One more scale for each row, or None."""
        if "second_scale" not in self.parts:
            return None
        stored = self.parts.read("second_scale").reshape(-1)
        rows = self.extent.matrix[0]
        return np.repeat(stored, rows // max(stored.size, 1)).reshape(-1, 1)

    def _group_of_inputs(self, groups: int) -> NDArray[np.intp]:
        """For each column of the weight, its inputs, the group that has a scale."""
        columns = self.extent.matrix[1]
        if "group_index" not in self.parts:
            return self.grid.column_of(columns)
        index = self.parts.read("group_index")
        if self.scheme.unset_group is not None and (index == self.scheme.unset_group).any():
            return self.grid.column_of(columns)
        if index.size and (index.min() < 0 or index.max() >= groups):
            outside = index.min() if index.min() < 0 else index.max()
            raise RefusedError(
                f"{self.parts.tensors['group_index'].name} names group {outside}, and there are "
                f"{groups} groups of scales; save or fetch it again"
            )
        return index.astype(np.intp)


def _in_rows(stored: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scales or zero points in two dimensions, all but the last axis together."""
    if stored.size == 1 or stored.ndim == 1:
        return stored.reshape(-1, 1)
    return stored.reshape(as_matrix(stored.shape))
