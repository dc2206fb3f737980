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
from functools import lru_cache
from typing import Final

from numformats.codec.extents import Extent
from numformats.formats.float_lists import largest_significand_bits
from numformats.modes import Modes, Stochastic
from numformats.reals import floor_log2
from numformats.system import NumberSystem

# What a sticky float64 is compared with has to be an even one, and finite.
_BITS: Final = 52
_SMALLEST: Final = 2.0**-1073
_LARGEST: Final = 2.0**1023


@lru_cache(maxsize=1024)
def deciding_bits(fmt: NumberSystem, modes: Modes) -> int | None:
    """The bits of the points at which a projection changes; None if sticky float64 numbers are not
    enough for it.

    >>> import numformats as nf
    >>> deciding_bits(nf.float16, Modes()), deciding_bits(nf.float16, Modes(Stochastic(32)))
    (12, 44)
    """
    is_random = isinstance(modes.rounding, Stochastic)
    # Where neighbours are binades apart, the steps of a random mode have many bits.
    if fmt.taper is not None and is_random:
        return None
    if fmt.lattice is None and fmt.taper is None:
        return None if is_random else _deciding_bits_of_table(fmt)
    fine = _bits_between_values(modes)
    bits = fmt.precision + fine
    reach = max(abs(fmt.lowest), abs(fmt.highest))
    fits = bits <= _BITS and fmt.quantum / 2**fine >= _SMALLEST and 2 * reach <= _LARGEST
    return bits if fits else None


def _bits_between_values(modes: Modes) -> int:
    """The bits beyond those of values that points between them have."""
    return modes.rounding.bits + 1 if isinstance(modes.rounding, Stochastic) else 1


def _deciding_bits_of_table(fmt: NumberSystem) -> int | None:
    """The same where values and boundaries may lie anywhere."""
    boundaries = fmt.boundaries_in_order
    # A boundary that one float64 does not hold is between an even and an odd one.
    if any(rest for _, rest in boundaries):
        return None
    points = (*fmt.values_in_order, *(boundary for boundary, _ in boundaries))
    magnitudes = [abs(point) for point in points if point]
    if not all(_SMALLEST <= magnitude <= _LARGEST for magnitude in magnitudes):
        return None
    bits = largest_significand_bits(points)
    return bits if bits <= _BITS else None


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
