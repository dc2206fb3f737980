"""Arrays as compiled loops take them."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def read_only(view: Array) -> Array:
    """A view that may not be written, as all that kernels read: for Numba it is another type, and
    each type is another kernel.
    """
    view.setflags(write=False)
    return view


def as_words(array: Array) -> Array:
    """The bits of an array's elements as unsigned integers."""
    return array.view(word_dtype(array.dtype))


def word_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The unsigned integers as wide as a dtype."""
    return _word_dtype(dtype.itemsize)


@cache
def _word_dtype(size: int) -> np.dtype[Any]:
    return np.dtype(f"u{size}")


NO_WORDS: Final = read_only(np.empty(0, np.uint32))
