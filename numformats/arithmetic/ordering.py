"""Comparisons of real numbers of any dtypes, exactly."""

from __future__ import annotations

from typing import Any

import numpy as np

from numformats.codec.arguments import Array, read_real

_EXACT_INTEGERS = 2**53


def compared(ufunc: np.ufunc, x: Any, y: Any, **options: Any) -> Array:
    """The comparison of two arrays of real numbers: what `ufunc` makes of the numbers themselves.

    >>> import numpy as np
    >>> bool(compared(np.equal, 2.0**53, 2**53 + 1)), bool(np.equal(2.0**53, np.int64(2**53 + 1)))
    (False, True)
    """
    arrays = [read_real("x", x), read_real("y", y)]
    if any(_is_beyond_float64(array) for array in arrays):
        # Numbers of Python, which compare integers with floats exactly; NumPy would warn of NaN.
        with np.errstate(invalid="ignore"):
            return ufunc(*(array.astype(object) for array in arrays), **options)
    return ufunc(*(array.astype(np.float64) for array in arrays), **options)


def _is_beyond_float64(array: Array) -> bool:
    if array.dtype.kind not in "iu" or array.dtype.itemsize < 8:
        return False
    return bool(((array > _EXACT_INTEGERS) | (array < -_EXACT_INTEGERS)).any())
