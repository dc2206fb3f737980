"""What a staircase asks about thousands of float64 numbers at once, answered exactly."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numformats.error_free import two_sum
from numformats.reals import power_of_two

# Sums and their errors are float64, too, of numbers within these bounds.
_SMALLEST, _LARGEST = 2.0**-900, 2.0**900


def largest_significand_bits(numbers: tuple[float, ...]) -> int:
    """The bits of the longest significand, without the zeros at both ends; 0 of zeros alone.

    >>> largest_significand_bits((20.0, 0.375, 0.0))
    3
    """
    significands, _ = _in_integers(numbers)
    lowest_bits = np.maximum(significands & -significands, 1)
    # Exact, as are all integers of 53 bits.
    _, bits = np.frexp((np.abs(significands) // lowest_bits).astype(np.float64))
    return int(bits.max())


def greatest_divisor(numbers: tuple[float, ...]) -> Fraction:
    """The largest number that all are multiples of.

    >>> greatest_divisor((0.75, 3.0, 1.5))
    Fraction(3, 4)
    """
    significands, exponents = _in_integers(numbers)
    lowest = int(exponents.min())
    shifts = (exponents - lowest).tolist()
    common = (n << shift for n, shift in zip(significands.tolist(), shifts, strict=True))
    return math.gcd(*common) * power_of_two(lowest)


def _in_integers(numbers: tuple[float, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Integers and exponents with numbers = integers * 2**exponents."""
    fractions, exponents = np.frexp(np.array(numbers))
    integers = np.ldexp(fractions, 53).astype(np.int64)
    # Zero, which is a multiple of anything, has no exponent of its own.
    smallest = exponents[integers != 0].min() if integers.any() else 0
    return integers, np.where(integers == 0, smallest, exponents).astype(np.int64) - 53


def smallest_distance(numbers: tuple[float, ...]) -> Fraction:
    """The smallest distance between two neighbours of an ascending order.

    >>> smallest_distance((-1.0, 0.5, 0.75))
    Fraction(1, 4)
    """
    ascending = np.array(numbers)
    with np.errstate(over="ignore", invalid="ignore"):
        distance, error = two_sum(ascending[1:], -ascending[:-1])
    # Where sums overflow there is no error; these are no smallest distances, or all are.
    place = int(np.lexsort((np.nan_to_num(error), distance))[0])
    return Fraction(numbers[place + 1]) - Fraction(numbers[place])


def means(numbers: tuple[float, ...]) -> tuple[tuple[float, float], ...] | None:
    """The mean of every two neighbours as a sum of two float64; None where that may be inexact.

    >>> means((1.0, 1.0 + 2.0**-52))
    ((1.0, 1.1102230246251565e-16),)
    """
    halves = np.array(numbers) / 2
    magnitudes = np.abs(halves[halves != 0])
    if not ((magnitudes >= _SMALLEST) & (magnitudes <= _LARGEST)).all():
        return None
    mean, error = two_sum(halves[1:], halves[:-1])
    return _pairs(mean, error)


def _pairs(first: NDArray[Any], second: NDArray[Any]) -> tuple[tuple[float, float], ...]:
    return tuple(zip(first.tolist(), second.tolist(), strict=True))
