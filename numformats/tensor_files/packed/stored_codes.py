"""The codes of some rows of a packed weight, by how they are stored.

Each function takes the first row and the one after the last. What is stored as (inputs, outputs)
is given so, with all inputs: its rows are the outputs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from numformats.codec.packing import unpack
from numformats.tensor_files.packed.extents import Extent
from numformats.tensor_files.packed.parts import Parts


def one_in_each_element(parts: Parts, extent: Extent, first: int, stop: int) -> NDArray[np.uint8]:
    """Codes of 8 bits, as int8 and float8 are."""
    columns = extent.matrix[1]
    flat = parts.read_range("codes", first * columns, stop * columns)
    return flat.view(np.uint8).reshape(stop - first, columns)


def in_rows(parts: Parts, extent: Extent, first: int, stop: int) -> NDArray[np.uint8]:
    """Words along the last axis, each row for itself."""
    shape = stop - first, extent.matrix[1]
    if not shape[0]:
        return np.empty(shape, np.uint8)
    words = parts.size("codes") // extent.matrix[0]
    flat = parts.read_range("codes", first * words, stop * words)
    return unpack(flat.reshape(shape[0], words), extent.bits, shape, extent.layout, axis=1)


def in_one_line(parts: Parts, extent: Extent, first: int, stop: int) -> NDArray[np.uint8]:
    """Two codes in each byte, wherever rows end; zeros where the last row has no more."""
    columns = extent.matrix[1]
    count = (stop - first) * columns
    flat = parts.read_range("codes", first * columns // 2, -(-stop * columns // 2))
    codes = unpack(flat.reshape(-1), extent.bits, 2 * flat.size, extent.layout)
    filled = np.pad(codes, (0, max(0, count - codes.size)))
    return filled[:count].reshape(stop - first, columns)


def in_pairs_of_rows(parts: Parts, extent: Extent, first: int, stop: int) -> NDArray[np.uint8]:
    """Two rows in each byte."""
    columns = extent.matrix[1]
    begin, end = first // 2, -(-stop // 2)
    flat = parts.read_range("codes", begin * columns, end * columns)
    shape = 2 * (end - begin), columns
    codes = unpack(flat.reshape(end - begin, columns), extent.bits, shape, extent.layout, axis=0)
    return codes[first - 2 * begin : stop - 2 * begin]


def along_inputs(parts: Parts, extent: Extent, first: int, stop: int) -> NDArray[np.uint8]:
    """Words of (inputs, outputs), each of several inputs."""
    words = parts.read("codes")[:, first:stop]
    shape = extent.matrix[1], stop - first
    return unpack(words, extent.bits, shape, extent.layout, axis=0)


def along_outputs(parts: Parts, extent: Extent, first: int, stop: int) -> NDArray[np.uint8]:
    """Words of (inputs, outputs), each of several outputs."""
    each = 32 // extent.bits
    words = parts.read("codes")[:, first // each : -(-stop // each)]
    shape = extent.matrix[1], words.shape[1] * each
    codes = unpack(words, extent.bits, shape, extent.layout, axis=1)
    return codes[:, first % each : first % each + stop - first]
