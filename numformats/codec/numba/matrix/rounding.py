"""Rounding one float64 to what an accumulator keeps, and sums rounded to odd; all branchless.

`how` is `Rounding.as_numbers` of `numformats.arithmetic.rounding`, which has the same in NumPy.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy import int64

from numformats.codec.numba.steps import inlined

_EXPONENT: Final = int64(0x7FF0000000000000)
_SIGN: Final = int64(-0x8000000000000000)
# The bits of 1 / 2**e are this less those of 2**e.
_TWO_FIELDS: Final = int64(0x7FE0000000000000)

# Places in `how`.
SMALLEST, UNIT, LARGEST, THRESHOLD, OVERFLOW, INFINITY = 0, 1, 2, 3, 7, 9
KEPT_FROM, CANCELLED, LOWEST_ZERO = 11, 12, 13


@inlined
def word_of(x: Any) -> Any:
    """The bits of a float64."""
    # Numba asks for the type's name in front of `view`.
    return np.float64(x).view(np.int64)


@inlined
def float_of(word: Any) -> Any:
    """The float64 of some bits."""
    return np.int64(word).view(np.float64)


@inlined
def power_below(x: Any) -> Any:
    """The largest power of two not above the magnitude: 0 for subnormals, infinity for NaN."""
    return float_of(word_of(x) & _EXPONENT)


@inlined
def inverse(power: Any) -> Any:
    """1 / power, for a power of two and far from the ends of float64."""
    return float_of(_TWO_FIELDS - word_of(power))


@inlined
def round_to(x: Any, how: Any) -> Any:
    """A number rounded as a result is."""
    magnitude = np.abs(x)
    power = power_below(x)
    quantum = (power if power > how[SMALLEST] else how[SMALLEST]) * how[UNIT]
    steps = magnitude * inverse(quantum)
    inward = np.floor(steps)
    half = inward * 0.5
    is_odd = np.floor(half) != half
    is_negative = word_of(x) < 0
    even = how[THRESHOLD + 2] if is_negative else how[THRESHOLD]
    odd = how[THRESHOLD + 3] if is_negative else how[THRESHOLD + 1]
    outward = inward + (1.0 if steps - inward > (odd if is_odd else even) else 0.0)
    rounded = outward * quantum
    rounded = rounded if rounded >= how[KEPT_FROM] else 0.0
    signed = float_of(word_of(rounded) | (word_of(x) & _SIGN))
    overflow = how[OVERFLOW + 1] if is_negative else how[OVERFLOW]
    signed = overflow if rounded > how[LARGEST] else signed
    infinity = how[INFINITY + 1] if is_negative else how[INFINITY]
    signed = infinity if magnitude == np.inf else signed
    return x if x != x else signed + how[LOWEST_ZERO]


@inlined
def sum_to_odd(a: Any, b: Any, how: Any) -> Any:
    """a + b rounded to odd; the sign of a zero sum by IEEE 754 6.3."""
    total = a + b
    back = total - a
    error = (a - (total - back)) + (b - back)
    word = word_of(total)
    # Away from zero if the error has the sign of the sum. An error of NaN is none.
    outward = int64(1) if (error > 0.0) == (total > 0.0) else int64(-1)
    is_wrong = (np.abs(error) > 0.0) & ((word & int64(1)) == int64(0))
    odd = float_of(word + (outward if is_wrong else int64(0)))
    # Zeros of one sign have it in their sum, and are the only equal terms whose sum is zero.
    is_cancelled = (total == 0.0) & (word_of(a) != word_of(b))
    return how[CANCELLED] if is_cancelled else odd
