"""Sums, products, quotients and roots as sticky float64 numbers: rounded to odd.

A number is rounded to odd by cutting it toward zero and setting the last bit if anything was cut.
What the machine gives is rounded to nearest; its error, which error-free transformations tell, says
whether that is to be undone. Source: Boldo and Melquiond, "Emulation of FMA and correctly rounded
sums: proved algorithms using rounding to odd", IEEE Transactions on Computers 57(4), 2008.

All here are functions of float64 arrays. Near the ends of float64's range the errors are not exact;
`is_tame` says where they are.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.error_free import two_product, two_sum

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# float64's precision.
PRECISION: Final = 53
# Magnitudes between these, or 0, make products and quotients with exact errors.
_TAME: Final = (2.0**-400, 2.0**400)


def is_tame(*arrays: Floats) -> Bools:
    """Where all numbers are zero, or far from both ends of float64's range."""
    magnitudes = [np.abs(array) for array in arrays]
    low, high = _TAME
    return np.logical_and.reduce(
        np.broadcast_arrays(*((m == 0) | ((m >= low) & (m <= high)) for m in magnitudes))
    )


def to_odd(nearest: Floats, error: Any) -> Floats:
    """Numbers rounded to odd, from the same rounded to nearest and what is missing, or its sign."""
    is_inexact = (error != 0) & np.isfinite(error)
    words = nearest.view(np.int64)
    # One less is the neighbour toward zero. The signs differ where the words' top bits do.
    is_beyond = (np.signbit(error) != np.signbit(nearest)) & is_inexact
    return ((words - is_beyond) | is_inexact).view(np.float64)


def sum_to_odd(x: Floats, y: Floats) -> Floats:
    """x + y, if it does not overflow."""
    return to_odd(*two_sum(x, y))


def sum_of_three_to_odd(x: Floats, y: Floats, z: Floats) -> Floats:
    """x + y + z, if it does not overflow: two exact sums leave one number and two errors, and of
    these the sum, rounded to odd, is small enough for its last bit to be below that of the result.
    """
    low_sum, low_error = two_sum(y, z)
    high_sum, high_error = two_sum(x, low_sum)
    return sum_to_odd(high_sum, sum_to_odd(high_error, low_error))


def product_to_odd(x: Floats, y: Floats) -> Floats:
    """x y, where both and the product are tame."""
    return to_odd(*two_product(x, y))


def quotient_to_odd(x: Floats, y: Floats) -> Floats:
    """x / y, where both and the quotient are tame, and y is not 0."""
    quotient = x / y
    product, error = two_product(quotient, y)
    remainder = (x - product) - error
    # The quotient misses the remainder over y.
    return to_odd(quotient, np.where(np.signbit(y), -remainder, remainder))


def root_to_odd(x: Floats) -> Floats:
    """The square root of x, where x is tame and not negative."""
    root = np.sqrt(x)
    square, error = two_product(root, root)
    return to_odd(root, (x - square) - error)
