"""Floats in order: the key of a float is its place among all floats of its dtype.

Keys of neighbours differ by one, so that the next float up or down, all floats of an interval, or
the middle of one, are integer arithmetic. Negative zero has the key before that of zero.
"""

from __future__ import annotations

from collections.abc import Callable
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


def changes_of(function: Callable[[Array], Array], low: int, high: int) -> tuple[Array, Array]:
    """The integers from `low` to `high` at which a function of them changes, and its results from
    there on; `low` is the first of them. Found by bisection.

    function: from an array of uint64 to an array of results, which never comes back to a result
    that it has left. So a rounding of floats in their order is found by its steps alone.

    >>> places, results = changes_of(lambda n: n // 10, 5, 31)
    >>> places.tolist(), results.tolist()
    ([5, 10, 20, 30], [0, 1, 2, 3])
    """
    before, after = np.array([low], np.uint64), np.array([high], np.uint64)
    of_before, of_after = function(before), function(after)
    places, results = [before], [of_before]
    while before.size:
        # Intervals in which nothing changes are dropped, those of two neighbours are done.
        is_step = of_before != of_after
        is_done = is_step & (after - before <= 1)
        places.append(after[is_done])
        results.append(of_after[is_done])
        goes_on = is_step & ~is_done
        before, after, of_before, of_after = (
            kept[goes_on] for kept in (before, after, of_before, of_after)
        )
        middle = before + (after - before) // np.uint64(2)
        of_middle = function(middle)
        # In ascending order, in which numbers are found fastest among others.
        before, after = _alternating(before, middle), _alternating(middle, after)
        of_before = _alternating(of_before, of_middle)
        of_after = _alternating(of_middle, of_after)
    found = np.concatenate(places)
    order = np.argsort(found)
    return found[order], np.concatenate(results)[order]


def _alternating(a: Array, b: Array) -> Array:
    return np.stack([a, b], axis=1).ravel()
