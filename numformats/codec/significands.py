"""Taking numbers apart: any finite nonzero input is (-1)**negative * significand * 2**(e - 63).

The significand is a uint64 with its top bit set, so 1.0 is 2**63 with e = 0. No input dtype has
more than 64 significand bits, so nothing is lost, and all of them are projected by one algorithm.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Parts(NamedTuple):
    """Numbers taken apart. Where `special`, the other two say nothing: zero, infinity, NaN."""

    negative: NDArray[np.bool_]
    exponent: NDArray[np.int64]
    significand: NDArray[np.uint64]
    special: NDArray[np.bool_]


def working_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype in which numbers of a dtype are taken apart: float64 if that holds them all, else
    their own, int64 or uint64.
    """
    native = dtype.newbyteorder("=")
    return native if native in (np.int64, np.uint64) else np.dtype(np.float64)


def take_apart(x: NDArray[Any]) -> Parts:
    """The parts of float64, int64 or uint64 numbers."""
    return _parts_of_floats(x) if x.dtype == np.float64 else _parts_of_integers(x)


def _parts_of_floats(x: NDArray[np.float64]) -> Parts:
    special = (x == 0) | ~np.isfinite(x)
    # A stand-in keeps special values from raising floating-point flags on the way.
    fraction, exponent = np.frexp(np.where(special, 1.0, np.abs(x)))
    # frexp has the point before the first bit; here it stands behind it.
    significand = (fraction * 2.0**64).astype(np.uint64)
    return Parts(np.signbit(x), exponent.astype(np.int64) - 1, significand, special)


def _parts_of_integers(x: NDArray[Any]) -> Parts:
    negative = x < 0
    magnitude = x.astype(np.uint64)
    # Modulo 2**64 this negates int64's lowest value as well, whose magnitude int64 does not have.
    magnitude = np.where(negative, np.uint64(0) - magnitude, magnitude)
    special = magnitude == 0
    exponent = np.frexp(magnitude.astype(np.float64))[1].astype(np.int64) - 1
    # float64 rounds numbers just below a power of two up to it.
    exponent -= magnitude >> np.clip(exponent, 0, 63).astype(np.uint64) == 0
    exponent = np.clip(exponent, 0, 63)
    significand = magnitude << (63 - exponent).astype(np.uint64)
    return Parts(negative, exponent, significand, special)


def shift_right(
    significand: NDArray[np.uint64], distance: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """significand / 2**distance, for distances of 0 or more, as (floor, fraction).

    The fraction is in units of 2**-64. Bits below that are not lost: if any is set, so is the
    lowest bit of the fraction, by which it stays on the right side of all that it is compared with.
    (SoftFloat calls this a jamming shift.)
    """
    # Shifts by 64 and more are not defined everywhere, so each is cut to 63, or made in two.
    in_reach = distance < 64
    to_point = np.clip(distance, 0, 63).astype(np.uint64)
    past_point = np.clip(distance - 64, 0, 63).astype(np.uint64)
    floor = np.where(in_reach, significand >> to_point, np.uint64(0))
    near_fraction = (significand << (np.uint64(63) - to_point)) << np.uint64(1)
    far_fraction = significand >> past_point
    # From distance 127 on this leaves the top bit in the lowest place, which is then the hint.
    lost = (far_fraction << past_point) != significand
    return floor, np.where(in_reach, near_fraction, far_fraction | lost.astype(np.uint64))
