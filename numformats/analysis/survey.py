"""What has to be known of all values of an array before any of them is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# Elements that are looked at at a time.
_CHUNK: Final = 1 << 15


@dataclass(frozen=True)
class Survey:
    """The largest finite magnitude, and the counts of NaN and of infinite values."""

    largest: float
    nan: int
    infinite: int


def survey_of(x: NDArray[Any]) -> Survey:
    """The survey of an array of any shape, with memory for a few of its values.

    >>> survey_of(np.array([1.0, -2.0, np.inf]))
    Survey(largest=2.0, nan=0, infinite=1)
    """
    largest, nan, infinite = 0.0, 0, 0
    flat = x.ravel(order="K")
    for start in range(0, flat.size, _CHUNK):
        magnitude = np.abs(as_float64(flat[start : start + _CHUNK]))
        nan += int(np.count_nonzero(np.isnan(magnitude)))
        infinite += int(np.count_nonzero(np.isinf(magnitude)))
        largest = max(largest, float(magnitude.max(initial=0.0, where=np.isfinite(magnitude))))
    return Survey(largest, nan, infinite)


def as_float64(x: NDArray[Any]) -> NDArray[np.float64]:
    """Values as float64, rounded if need be."""
    with np.errstate(invalid="ignore"):  # NumPy warns of a signaling NaN on its way
        return x.astype(np.float64)
