"""Floats in order: the key of a float is its place among all floats of its dtype.

Keys of neighbours differ by one, so that the next float up or down, all floats of an interval, or
the middle of one, are integer arithmetic. Negative zero has the key before that of zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def word_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The unsigned integers as wide as a dtype."""
    return np.dtype(f"u{dtype.itemsize}")


def keys_of(x: Array) -> Array:
    """The keys of floats, as unsigned integers of their width.

    >>> two = keys_of(np.float32([-0.0, 0.0]))
    >>> int(two[1] - two[0])
    1
    """
    words = x.view(word_dtype(x.dtype))
    sign = words.dtype.type(1 << (8 * x.dtype.itemsize - 1))
    # The bits of negative floats grow as the floats fall.
    return np.where(words & sign, ~words, words | sign)


def floats_of(keys: Array, dtype: np.dtype[Any]) -> Array:
    """The floats that have these keys.

    >>> floats_of(keys_of(np.float32([1.5, -2.0])), np.dtype(np.float32))
    array([ 1.5, -2. ], dtype=float32)
    """
    sign = keys.dtype.type(1 << (8 * dtype.itemsize - 1))
    return np.where(keys & sign, keys ^ sign, ~keys).view(dtype)


def with_neighbours(x: Array) -> Array:
    """Floats other than NaN, and those just above and below; without order or repetition."""
    keys = keys_of(x)
    ends = keys_of(np.array([-np.inf, np.inf]).astype(x.dtype))
    above, below = np.minimum(keys, ends[1] - 1) + 1, np.maximum(keys, ends[0] + 1) - 1
    around = np.concatenate([keys, above.astype(keys.dtype), below.astype(keys.dtype)])
    return floats_of(np.unique(around), x.dtype)
