"""Sums, products and quotients of float64 without an error, or so rounded that it does not count.

A sum or a product of two float64 numbers is kept as two: what the machine gives, and its error. A
sum of many is an expansion, numbers that do not overlap, whose sign is certain. Source: Shewchuk,
"Adaptive precision floating-point arithmetic and fast robust geometric predicates", Discrete &
Computational Geometry 18, 1997: TwoSum, Split, TwoProduct, GrowExpansion.

What is rounded to odd may be rounded once more, to fewer bits, as if it never had been rounded.
Source: Boldo and Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using
rounding to odd", IEEE Transactions on Computers 57(4), 2008.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from functools import reduce
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Numbers that are Python's at a time.
_CHUNK: Final = 1 << 12


def two_sum(a: Any, b: Any) -> tuple[Any, Any]:
    """a + b as the rounded sum and its error: together exactly a + b."""
    total = a + b
    b_part = total - a
    return total, (a - (total - b_part)) + (b - b_part)


def two_product(a: Any, b: Any) -> tuple[Any, Any]:
    """a * b as the rounded product and its error: together exactly a * b."""
    product = a * b
    (a_high, a_low), (b_high, b_low) = _split(a), _split(b)
    error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, error


def _split(a: Any) -> tuple[Any, Any]:
    """a as a sum of two numbers of at most 26 significand bits, whose products are exact."""
    spread = a * (2.0**27 + 1)
    high = spread - (spread - a)
    return high, a - high


def sign_of_sum(terms: list[Any]) -> NDArray[np.int64]:
    """The sign of an exact sum of float64 arrays: -1, 0 or 1."""
    expansion: list[Any] = reduce(_grow, terms, [])
    # The parts do not overlap and grow in magnitude, so the last that is not zero decides.
    sign: NDArray[np.float64] = np.zeros(np.broadcast_shapes(*(np.shape(t) for t in terms)))
    for part in expansion:
        sign = np.where(part != 0, np.sign(part), sign)
    return sign.astype(np.int64)


def _grow(expansion: list[Any], term: Any) -> list[Any]:
    """The expansion of a sum with one term more."""
    grown = []
    for part in expansion:
        term, error = two_sum(term, part)
        grown.append(error)
    return [*grown, term]


def quotient_to_odd(x: NDArray[Any], scale: float | NDArray[Any]) -> NDArray[np.float64]:
    """`x` / `scale` as float64, rounded to odd: a new array of the shape of `x`.

    `x` is exact in float64, `scale` is not zero, one for all or one for each. An inexact
    quotient gets an odd last bit, so it equals no value and no midpoint of any format of 51 or
    fewer significand bits, and lies on the same side of each as the exact quotient: projecting it
    gives what projecting the exact one would.

    >>> quotient_to_odd(np.array([1.0, 3.0]), 3.0)
    array([0.33333333, 1.        ])
    """
    wide = np.asarray(x, np.float64)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        quotient = wide / scale
        product, error = two_product(quotient, np.asarray(scale, np.float64))
        remainder = (wide - product) - error
        # Near the end of float64's range the product says nothing; nor does any format that
        # matters. What overflows is less than the infinity that it became.
        is_inexact = (remainder != 0) & np.isfinite(remainder) & np.isfinite(quotient)
        is_inexact |= np.isinf(quotient) & np.isfinite(wide)
    return _to_odd(quotient, is_inexact, (remainder > 0) == (np.asarray(scale) > 0))


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
    return _to_odd(total, (error != 0) & np.isfinite(error), error > 0)


def _to_odd(rounded: Floats, is_inexact: NDArray[np.bool_], is_below: NDArray[np.bool_]) -> Floats:
    """Results rounded to odd, from results rounded to nearest, and whether they lie below what they
    should be, where they are inexact.
    """
    is_even = rounded.view(np.int64) & 1 == 0
    # The neighbour on the side of the exact result has the other parity, so it is odd. Beyond the
    # end of float64 it is the largest number.
    toward = np.where(np.isinf(rounded), 0, np.where(is_below, np.inf, -np.inf))
    with np.errstate(over="ignore"):  # next to the largest number, where it is not asked for
        return np.where(is_inexact & is_even, np.nextafter(rounded, toward), rounded)


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
