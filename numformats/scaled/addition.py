"""Adding so that the projection that follows is the only rounding."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Numbers that are Python's at a time.
_CHUNK: Final = 1 << 12


def sum_to_odd(a: Floats, b: Floats) -> Floats:
    """Sums rounded to odd, as `quotient_to_odd` rounds.

    >>> sum_to_odd(np.float64([1.0]), np.float64([2.0**-60])) > 1
    array([ True])
    """
    with np.errstate(invalid="ignore", over="ignore"):
        total = a + b
        # The error of a sum, exactly (Knuth's TwoSum).
        back = total - a
        error = (a - (total - back)) + (b - back)
    is_even = total.view(np.int64) & 1 == 0
    toward = np.where(error > 0, np.inf, -np.inf)
    inexact = (error != 0) & np.isfinite(error)
    with np.errstate(over="ignore"):  # next to the largest number, where it is not asked for
        return np.where(inexact & is_even, np.nextafter(total, toward), total)


def exact_sum(x: NDArray[Any]) -> Fraction:
    """The sum of all numbers of an array; they are finite.

    >>> exact_sum(np.array([1e16, 1.0, -1e16]))
    Fraction(1, 1)
    """
    # `math.fsum` rounds once. What it rounds away is the sum of the same numbers less the result,
    # and so on until nothing is left.
    parts: list[float] = []
    try:
        while part := math.fsum(chain(_numbers(x), parts)):
            parts.append(-part)
    except OverflowError:
        return sum(map(Fraction, _numbers(x)), Fraction(0))
    return -sum(map(Fraction, parts), Fraction(0))


def _numbers(x: NDArray[Any]) -> Iterator[float]:
    flat = x.reshape(-1)
    pieces = (flat[begin : begin + _CHUNK] for begin in range(0, flat.size, _CHUNK))
    return chain.from_iterable(piece.tolist() for piece in pieces)
