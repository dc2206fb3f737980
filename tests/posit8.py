"""A number system in one file: posits, of which the package has none yet.

Source: Posit Working Group, "Standard for Posit Arithmetic", 2022, clauses 3 and 5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from numformats.formats.staircase import StaircaseFormat
from numformats.reals import Extended
from numformats.system import Overflow


@dataclass(frozen=True, repr=False)
class Posit(StaircaseFormat):
    """A posit: sign, regime, exponent of two bits, fraction; NaR is the NaN."""

    name: str
    bits: int
    dtype_name: str | None = None
    # Infinity becomes NaR, and no real number does.
    overflow: Overflow = "nan"

    def value(self, code: int) -> Extended:
        """The value of a code: clause 3.4, by its magnitude."""
        return posit_value(code, self.bits)

    def boundary(self, step: int) -> Fraction:
        """The value, in posits of one bit more, of the code between: clause 4.1. Nothing but zero
        becomes zero, to either side of which there is none.
        """
        lower, upper = self.value_of_step(step), self.value_of_step(step + 1)
        if 0 in (lower, upper):
            return Fraction(0)
        between = posit_value(2 * self.code_of_step(step) + 1, self.bits + 1)
        assert isinstance(between, Fraction)
        return between


def posit_value(code: int, bits: int) -> Extended:
    sign_bit = 1 << (bits - 1)
    if code == 0:
        return Fraction(0)
    if code == sign_bit:
        return math.nan
    if code & sign_bit:
        return -Fraction(posit_value((1 << bits) - code, bits))
    text = f"{code:0{bits}b}"[1:]
    run = len(text) - len(text.lstrip(text[0]))
    regime = run - 1 if text[0] == "1" else -run
    rest = text[run + 1 :]
    # What is cut off the exponent counts as zero.
    exponent = int(rest[:2].ljust(2, "0"), 2)
    fraction = rest[2:]
    significand = 1 + Fraction(int(fraction or "0", 2), 2 ** len(fraction))
    return significand * Fraction(2) ** (4 * regime + exponent)


POSIT8 = Posit("posit8", 8)
