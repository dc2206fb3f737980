"""Linear takums: a sign, a direction, three bits that tell the exponent's length, a fraction.

Source: Hunhold, "Beating Posits at Their Own Game: Takum Arithmetic", 2024 (arXiv:2404.18603),
whose linear variant this is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import ClassVar, Final

from numformats.checks import require_int
from numformats.formats.reading import Reading, fields, portion
from numformats.formats.takum_fields import cut_takum
from numformats.formats.tapered import TaperedFormat
from numformats.system import Binade, NearestRule, Taper

MIN_WIDTH, MAX_WIDTH = 6, 16
# The exponents that a direction, three bits and up to seven more can say.
_LOWEST, _HIGHEST = -255, 254


@dataclass(frozen=True, repr=False)
class TakumFormat(TaperedFormat):
    """A linear takum format of a width. See `takum`."""

    name: str
    bits: int
    dtype_name: None = None

    nearest_rule: ClassVar[NearestRule] = NearestRule(
        "where a code of one bit more would lie",
        "Hunhold, 2024, arXiv:2404.18603",
        "Hunhold, 2024, arXiv:2404.18603",
    )

    @cached_property
    def taper(self) -> Taper:
        """A binade for each exponent c, of which r bits are written after D and R."""
        return Taper(_LOWEST, tuple(map(self._binade, range(_LOWEST, _HIGHEST + 1))))

    def _binade(self, c: int) -> Binade:
        if c >= 0:
            length = (c + 1).bit_length() - 1
            direction, regime, rest = 1, length, c + 1 - 2**length
        else:
            length = (-c).bit_length() - 1
            direction, regime, rest = 0, 7 - length, c + 2 ** (length + 1) - 1
        # The bits after the sign: D, three of R, and as many of C as R says.
        written = (direction * 8 + regime) * 2**length + rest
        width = self.bits - 5 - length
        return Binade(written * Fraction(2) ** width, width)

    def _read_number(self, sign: str, rest: str) -> Reading:
        found, c, part = cut_takum(sign, rest)
        formula = f"(1 + {portion(part)}) * 2**{c}"
        if sign == "1":
            formula = f"(-2 + {portion(part)}) * 2**-({c} + 1)"
        return Reading(fields(*found), formula)


def takum(n: int) -> TakumFormat:
    """The linear takum format of `n` bits, 6 to 16. TypeError or ValueError for another width.

    What fewer than 12 bits cut off of an exponent counts as zero. To nearest means what it means
    for posits; see `numformats.posit`.

    >>> import numformats as nf
    >>> f = nf.takum(16)
    >>> f.eps == 2.0**-11, f.max == (2 - 2.0**-4) * 2.0**254
    (True, True)
    >>> nf.takum8.encode([1.0, -2.5, 0.0])
    array([ 64, 183,   0], dtype=uint8)
    """
    require_int("n", n, MIN_WIDTH, MAX_WIDTH, "the widths that numformats has of takums")
    return TakumFormat(f"takum{n}", n)


def from_name(name: str) -> TakumFormat | None:
    """The takum format of a name, or None if the name is not of that form.

    ValueError if it is, but its width is not allowed.
    """
    match = re.fullmatch(r"takum([1-9][0-9]*)", name)
    return None if match is None else takum(int(match[1]))


FORMATS: Final = (takum(8), takum(16))
ALIASES: Final[dict[str, TakumFormat]] = {}
