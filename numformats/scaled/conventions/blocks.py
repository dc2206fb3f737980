"""An array cut into the blocks of one axis, and put together again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numformats.scaled.conventions.casts import to_float32

Array = NDArray[Any]


def in_blocks(x: Array, axis: int, size: int) -> NDArray[np.float32]:
    """Blocks along an axis as the last axis of float32 numbers, and their count as the one before.

    A block that is not full is filled up with its last number, which leaves its ends as they are.
    """
    moved = np.moveaxis(to_float32(x), axis, -1)
    length = moved.shape[-1]
    missing = -length % size
    padded = np.pad(moved, [(0, 0)] * (moved.ndim - 1) + [(0, missing)], "edge")
    return padded.reshape(*moved.shape[:-1], (length + missing) // size, size)


def from_blocks(blocks: Array, axis: int, length: int) -> Array:
    """What was cut into blocks, without what they were filled up with."""
    joined = blocks.reshape(*blocks.shape[:-2], blocks.shape[-2] * blocks.shape[-1])[..., :length]
    return np.ascontiguousarray(np.moveaxis(joined, -1, axis))
