"""What the laws take and give: positive numbers of any shape in, float64 out."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = NDArray[np.float64]
# What a law answers: a Python float for scalars, an array for arrays.
Answer: TypeAlias = float | Floats


def positive(argument: str, given: ArrayLike) -> Floats:
    """An argument as float64; ValueError unless all of it is finite and above 0, TypeError for what
    are no real numbers.

    >>> positive("tokens", [1, 2e9])
    array([1.e+00, 2.e+09])
    """
    numbers = finite(argument, given)
    if not (numbers > 0).all():
        raise ValueError(f"{argument}: {numbers.min():g}; expected numbers above 0")
    return numbers


def not_negative(argument: str, given: ArrayLike) -> Floats:
    """An argument as float64; ValueError unless all of it is finite and not below 0."""
    numbers = finite(argument, given)
    if not (numbers >= 0).all():
        raise ValueError(f"{argument}: {numbers.min():g}; expected no number below 0")
    return numbers


def finite(argument: str, given: ArrayLike) -> Floats:
    """An argument as float64; ValueError for NaN and infinities, TypeError for other things."""
    array = np.asarray(given)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{argument}: expected real numbers, got {array.dtype} {given!r}")
    numbers = array.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError(f"{argument}: has NaN or infinities; leave these rows out")
    return numbers


def answer(numbers: Floats | np.float64) -> Answer:
    """Numbers as they are given back: one number as a Python float."""
    array = np.asarray(numbers, dtype=np.float64)
    return float(array) if array.ndim == 0 else array
