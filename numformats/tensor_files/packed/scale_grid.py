"""Which scale is for which element of a weight, told by the shapes of both."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from numformats.tensor_files.packed.configuration import PackingConfig
from numformats.tensor_files.packed.extents import as_matrix
from numformats.tensor_files.raw import RefusedError

# DeepSeek-V3's blocks, and what llm-compressor takes unless told otherwise.
_COMMON_BLOCK: Final = 128


@dataclass(frozen=True)
class ScaleGrid:
    """A matrix of scales over the rows and columns of a weight.

    rows: how many rows share a scale, in each of `matrices` that lie one above the other.
    columns: how many columns share one.
    """

    matrices: int
    matrix_rows: int
    rows: int
    columns: int

    def row_of(self, rows: slice) -> NDArray[np.intp]:
        """For some rows of the weight, the row of the scales."""
        matrix, row = np.divmod(np.arange(rows.start, rows.stop), self.matrix_rows)
        return matrix * -(-self.matrix_rows // self.rows) + row // self.rows

    def column_of(self, columns: int) -> NDArray[np.intp]:
        """For each column of the weight, the column of the scales."""
        return np.arange(columns) // self.columns


def scale_grid(shape: tuple[int, ...], scales: tuple[int, ...], config: PackingConfig) -> ScaleGrid:
    """How scales of a shape go over a weight of a shape.

    One scale is for all; a list is for rows; else there are as many axes as in the weight, and the
    scales of the last two are for rows, blocks of columns, or blocks of both.
    """
    *outer, rows, columns = shape if len(shape) > 1 else as_matrix(shape)
    if math.prod(scales) == 1:
        all_rows = math.prod(outer) * rows
        return ScaleGrid(1, all_rows, max(all_rows, 1), max(columns, 1))
    if len(scales) == 1:
        scales = (*scales, 1)
    if len(scales) != len(outer) + 2 or list(scales[:-2]) != outer:
        raise RefusedError(f"scales of shape {scales} for a weight of shape {shape}")
    down, across = scales[-2:]
    told_rows, told_columns = config.block or (_COMMON_BLOCK, _COMMON_BLOCK)
    in_rows = _sharing(rows, down, [1, told_rows, rows])
    in_columns = _sharing(columns, across, [columns, told_columns])
    if down == rows:
        # Where no size of groups is told, they are of one size only if they end where rows end.
        exact = columns // across if across and columns % across == 0 else 0
        in_columns = _sharing(columns, across, [columns, config.group_size or exact])
    if in_rows is None or in_columns is None:
        raise RefusedError(
            f"scales of shape {scales} for a weight of shape {shape}: blocks of unknown size; put "
            "its config.json, with the size of groups or blocks, beside it"
        )
    return ScaleGrid(math.prod(outer), rows, in_rows, in_columns)


def _sharing(length: int, count: int, choices: Iterable[int]) -> int | None:
    """The first choice for how many neighbours share a scale that makes `count` of them."""
    fits = (size for size in choices if size > 0 and -(-length // size) == count)
    return next(fits, None)
