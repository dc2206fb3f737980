"""How far sticky float64 numbers go: what decides whether a result may pass through one.

A result rounded to odd, to float64's 53 bits, lies on the same side as the exact one of every
number of 52 bits or fewer, and equals one only if the exact result does (Boldo and Melquiond, IEEE
Transactions on Computers 57(4), 2008). So projecting it gives what projecting the exact result
would, if all points at which the projection changes have so few bits: the values of the format,
with p bits; the boundaries between them, with p + 1; and the steps of a random mode of N bits,
which are 2**-(N + 1) of the distance of two values apart, with p + N + 1. Nor may any of them lie
where float64 ends.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Final

from numformats.codec.extents import Extent
from numformats.modes import Modes, Stochastic
from numformats.reals import floor_log2, significand_bits
from numformats.system import NumberSystem

# What a sticky float64 is compared with has to be an even one, and finite.
_BITS: Final = 52
_SMALLEST: Final = Fraction(2) ** -1073
_LARGEST: Final = Fraction(2) ** 1023


@lru_cache(maxsize=1024)
def deciding_bits(fmt: NumberSystem, modes: Modes) -> int | None:
    """The bits of the points at which a projection changes; None if sticky float64 numbers are not
    enough for it.

    >>> import numformats as nf
    >>> deciding_bits(nf.float16, Modes()), deciding_bits(nf.float16, Modes(Stochastic(32)))
    (12, 44)
    """
    if fmt.lattice is None:
        return _deciding_bits_of_table(fmt, modes)
    fine = _bits_between_values(modes)
    bits = fmt.precision + fine
    reach = max(abs(fmt.lowest), abs(fmt.highest))
    fits = bits <= _BITS and fmt.quantum / 2**fine >= _SMALLEST and 2 * reach <= _LARGEST
    return bits if fits else None


def _bits_between_values(modes: Modes) -> int:
    """The bits beyond those of values that points between them have."""
    return modes.rounding.bits + 1 if isinstance(modes.rounding, Stochastic) else 1


def _deciding_bits_of_table(fmt: NumberSystem, modes: Modes) -> int | None:
    """The same where values and boundaries may lie anywhere."""
    if isinstance(modes.rounding, Stochastic):
        return None
    points = [*map(fmt.value_of_step, fmt.steps), *map(fmt.boundary, fmt.steps[:-1])]
    if not all(_is_within(point) for point in points):
        return None
    return max(map(significand_bits, points))


def _is_within(point: Fraction) -> bool:
    """Whether a number is 0 or an even float64."""
    if point == 0:
        return True
    is_binary = point.denominator & (point.denominator - 1) == 0
    return is_binary and significand_bits(point) <= _BITS and _SMALLEST <= abs(point) <= _LARGEST


@dataclass(frozen=True)
class Reach:
    """Numbers of at most `precision` significand bits, multiples of 2**lowest below 2**highest."""

    precision: int
    lowest: int
    highest: int

    @property
    def span(self) -> int:
        """The bits of a fixed-point number that holds them all."""
        return self.highest - self.lowest


def reach_of(extent: Extent) -> Reach:
    """How far the finite values of a dtype or format reach.

    >>> from numformats.codec.extents import extent_of_format
    >>> import numformats as nf
    >>> reach_of(extent_of_format(nf.float16))
    Reach(precision=11, lowest=-24, highest=16)
    """
    largest = max(abs(extent.lowest), abs(extent.highest))
    return Reach(extent.precision, floor_log2(extent.quantum), floor_log2(largest) + 1)


def wrap_limit(fmt: NumberSystem, modes: Modes) -> float:
    """How large a sticky float64 may be for the low bits that wrap, and the points between values,
    to be in it.
    """
    return math.ldexp(float(fmt.quantum), _BITS - _bits_between_values(modes))
