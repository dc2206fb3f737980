"""Dividing by a scale so that the projection that follows is the only rounding."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numformats.codec.codebook import two_product


def quotient_to_odd(x: NDArray[Any], scale: float | NDArray[Any]) -> NDArray[np.float64]:
    """`x` / `scale` as float64, rounded to odd: a new array of the shape of `x`.

    `x` is exact in float64, `scale` is not zero, one for all or one for each. An inexact
    quotient gets an odd last bit, so it equals no value and no midpoint of any format of 51 or
    fewer significand bits, and lies on the same side of each as the exact quotient: projecting it
    gives what projecting the exact one would.

    Source: Boldo and Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms
    using rounding to odd", IEEE Transactions on Computers 57(4), 2008.

    >>> quotient_to_odd(np.array([1.0, 3.0]), 3.0)
    array([0.33333333, 1.        ])
    """
    wide = np.asarray(x, np.float64)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        quotient = wide / scale
        product, error = two_product(quotient, np.asarray(scale, np.float64))
        remainder = (wide - product) - error
    # Near the end of float64's range the product says nothing; nor does any format that matters.
    inexact = (remainder != 0) & np.isfinite(remainder) & np.isfinite(quotient)
    is_even = quotient.view(np.int64) & 1 == 0
    # The neighbour on the side of the exact quotient has the other parity, so it is odd.
    toward = np.where((remainder > 0) == (np.asarray(scale) > 0), np.inf, -np.inf)
    # Beyond that end is the largest number, which is odd.
    toward = np.where(np.isinf(quotient), 0, toward)
    inexact |= np.isinf(quotient) & np.isfinite(wide)
    with np.errstate(over="ignore"):  # next to the largest number, where it is not asked for
        return np.where(inexact & is_even, np.nextafter(quotient, toward), quotient)
