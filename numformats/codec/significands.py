"""Taking numbers apart: any finite nonzero input is (-1)**negative * significand * 2**(e - 64).

The significand is a uint64 with its top bit set: a number from 1/2 to 1 in units of 2**-64, and e
its exponent, as `numpy.frexp` has them. So 1.0 is 2**63 with e = 1. No input dtype has more than 64
significand bits, so nothing is lost, and all of them are projected by one algorithm.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

_TAKEN_APART: Final = tuple(map(np.dtype, (np.float32, np.float64, np.int64, np.uint64)))

# Arrays without dimensions: to read a Python number takes NumPy as long as to shift a small array.
_ONE: Final = np.array(1, np.uint64)
_WORD: Final = np.array(64, np.uint64)


class Parts(NamedTuple):
    """Numbers taken apart, and the places of those of which exponent and significand say nothing:
    zeros, infinities and NaNs.
    """

    negative: NDArray[np.bool_]
    exponent: NDArray[np.int64]
    significand: NDArray[np.uint64]
    special: NDArray[np.intp]


def working_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype in which numbers of a dtype are taken apart: their own, or else float64, which
    holds them all.
    """
    native = dtype.newbyteorder("=")
    return native if native in _TAKEN_APART else np.dtype(np.float64)


def take_apart(x: NDArray[Any]) -> Parts:
    """The parts of numbers of a working dtype: float32, float64, int64 or uint64."""
    return _parts_of_floats(x) if x.dtype.kind == "f" else _parts_of_integers(x)


def _parts_of_floats(x: NDArray[np.floating]) -> Parts:
    magnitude = np.abs(x)
    (special,) = ((x == 0) | ~np.isfinite(x)).nonzero()
    if special.size:
        # A stand-in keeps special values from raising floating-point flags on the way.
        magnitude[special] = 1.0
    fraction, exponent = np.frexp(magnitude)
    significand = (fraction * 2.0**64).astype(np.uint64)
    return Parts(np.signbit(x), exponent.astype(np.int64), significand, special)


def _parts_of_integers(x: NDArray[Any]) -> Parts:
    negative = x < 0
    magnitude = x.astype(np.uint64)
    # Modulo 2**64 this negates int64's lowest value as well, whose magnitude int64 does not have.
    magnitude = np.where(negative, np.uint64(0) - magnitude, magnitude)
    (special,) = (magnitude == 0).nonzero()
    if special.size:
        magnitude[special] = 1
    # With a zero as its second bit, no number is rounded up to a power of two by float64.
    lowered = magnitude & ~(magnitude >> 1)
    exponent = np.frexp(lowered.astype(np.float64))[1].astype(np.int64)
    significand = magnitude << (64 - exponent).astype(np.uint64)
    return Parts(negative, exponent, significand, special)


def shift_right(
    significand: NDArray[np.uint64], distance: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """significand / 2**distance, for distances of 1 or more, as (floor, fraction).

    The fraction is in units of 2**-64. Bits below that are not lost: if any is set, so is the
    lowest bit of the fraction, by which it stays on the right side of all that it is compared with.
    """
    bits = distance.astype(np.uint64)
    to_point = np.minimum(bits, _WORD)
    past_point = bits - to_point
    # Shifts by 64 and more are not defined everywhere, so that none here is by more than 63.
    floor = (significand >> _ONE) >> (to_point - _ONE)
    fraction = significand << (_WORD - to_point)
    if np.count_nonzero(past_point):
        fraction = _jam(fraction, past_point)
    return floor, fraction


def _jam(number: NDArray[np.uint64], distance: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """number / 2**distance, for numbers with their top bit set wherever they are shifted, the
    lowest bit of the result set if any was lost. (SoftFloat calls this a jamming shift.)
    """
    # From distance 63 on this leaves the top bit in the lowest place, which is then the hint.
    bits = np.minimum(distance, _WORD - _ONE)
    shifted = number >> bits
    return shifted | (shifted << bits != number)
