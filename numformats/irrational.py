"""Irrational numbers: known by intervals, which are made as narrow as a question needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import count
from typing import Any, ClassVar, TypeAlias

# An interval by its ends, of which a number in it is neither.
Ends: TypeAlias = tuple[Fraction, Fraction]

_FIRST_BITS = 64


@dataclass(frozen=True, slots=True)
class Irrational:
    """A real number that is no fraction.

    It is compared with Fractions, ints and floats exactly; `float` of it is the nearest float64,
    and a fraction less is exact, too. All ask for an interval, and for a narrower one until that
    decides, which one does, since the number is not rational.

    Attributes
    ----------
    enclose : callable
        From a number of bits to the two ends of an interval around the number: Fractions, closer
        together the more bits there are, without limit. Two numbers are equal if their `enclose`
        are.

    Examples
    --------
    >>> root_of_2 = Irrational(lambda bits: _root(2, bits))
    >>> root_of_2 > Fraction(141421356, 10**8), float(root_of_2)
    (True, 1.4142135623730951)
    """

    enclose: Callable[[int], Ends]

    # So that a NumPy scalar leaves comparisons to this class.
    __array_ufunc__: ClassVar[None] = None

    def _intervals(self) -> Iterator[Ends]:
        return (self.enclose(_FIRST_BITS << doublings) for doublings in count())

    def _is_below(self, other: Any) -> bool:
        if math.isnan(other):
            return False
        return next(high <= other for low, high in self._intervals() if not low < other < high)

    def __lt__(self, other: Fraction | float) -> bool:
        return self._is_below(other)

    def __gt__(self, other: Fraction | float) -> bool:
        return not math.isnan(other) and not self._is_below(other)

    # It equals no rational number.
    __le__ = __lt__
    __ge__ = __gt__

    def __sub__(self, other: Fraction) -> Irrational:
        return Irrational(partial(_shifted, self.enclose, other))

    def __float__(self) -> float:
        rounded = ((float(low), float(high)) for low, high in self._intervals())
        return next(low for low, high in rounded if low == high)

    def __str__(self) -> str:
        return f"about {float(self)!r}"


def _shifted(enclose: Callable[[int], Ends], by: Fraction, bits: int) -> Ends:
    low, high = enclose(bits)
    return low - by, high - by


def _root(n: int, bits: int) -> Ends:
    below = math.isqrt(n << 2 * bits)
    return Fraction(below, 1 << bits), Fraction(below + 1, 1 << bits)


def as_two_floats(number: Fraction | Irrational) -> tuple[float, float]:
    """A number as a sum of two float64: the nearest one, and the rest, rounded to odd.

    So the second is 0 where the first is the number, and nowhere else; and sums of two that have
    fewer bits are above or below the number as they are above or below this sum.

    >>> as_two_floats(Fraction(1, 2))
    (0.5, 0.0)
    """
    nearest = float(number)
    rest = number - Fraction(nearest)
    return nearest, float_to_odd(rest)


def float_to_odd(number: int | Fraction | Irrational) -> float:
    """A number as float64 if that holds it, else the neighbour in float64 whose last bit is set."""
    rounded = float(number)
    if rounded == number or int(rounded / math.ulp(rounded)) & 1:
        return rounded
    return math.nextafter(rounded, math.inf if number > rounded else -math.inf)
