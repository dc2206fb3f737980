"""Posits: a sign, a regime that grows toward both ends of the range, an exponent, a fraction.

Source: Posit Working Group, "Standard for Posit Arithmetic (2022)", clauses 3.4, 3.5 and 4.1, whose
posits have two exponent bits; other numbers of them as in Gustafson and Yonemoto, "Beating Floating
Point at its Own Game", Supercomputing Frontiers and Innovations 4(2), 2017.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final

from numformats.checks import require_int
from numformats.formats.reading import Reading, fields, number, portion, sign_field
from numformats.formats.tapered import TaperedFormat
from numformats.reals import power_of_two
from numformats.system import Binade, NearestRule, Taper

MIN_WIDTH, MAX_WIDTH = 3, 32
STANDARD_EXPONENT_BITS: Final = 2
# With more, values would lie beyond float64.
MAX_EXPONENT_BITS: Final = 5


@dataclass(frozen=True, repr=False)
class PositFormat(TaperedFormat):
    """A posit format of a width and a number of exponent bits. See `posit`."""

    name: str
    bits: int
    es: int = STANDARD_EXPONENT_BITS
    dtype_name: None = None

    nearest_rule: ClassVar[NearestRule] = NearestRule(
        "where a code of one bit more would lie",
        "Posit Standard (2022), 4.1",
        "Posit Standard (2022), 4.1",
    )

    @cached_property
    def taper(self) -> Taper:
        """A binade for each regime and exponent.

        A regime of r equal bits and the bit that ends it leaves the other bits of a code, of which
        the first are the exponent. What does not fit is cut off, and counts as zero.
        """
        binades = []
        for regime in range(2 - self.bits, self.bits - 1):
            # As fractions of 1, the bits after the sign: 1...10, or 0...01.
            run = regime + 1 if regime >= 0 else -regime
            end = power_of_two(-run - 1)
            first = 1 - 2 * end if regime >= 0 else end
            width = self.bits - 1 - (run + 1) - self.es
            for exponent in range(2**self.es):
                part = first + end * exponent / 2**self.es
                binades.append(Binade(part * 2 ** (self.bits - 1), width))
                if regime == self.bits - 2:
                    break  # all bits are regime: the largest value
        return Taper((2 - self.bits) * 2**self.es, tuple(binades))

    def _read_number(self, sign: str, rest: str) -> Reading:
        """By the formula of clause 3.4, which reads negative codes as they stand."""
        first = rest[0]
        run = len(rest) - len(rest.lstrip(first))
        regime = run - 1 if first == "1" else -run
        written = rest[run + 1 :]
        exponent, part = written[: self.es], written[self.es :]
        # Bits that are cut off count as zero.
        e = number(exponent.ljust(self.es, "0"))
        power = f"{2**self.es} * {regime} + {e}"
        negative = sign == "1"
        return Reading(
            fields(
                sign_field(sign),
                ("regime", rest[: run + 1], f"{run} times {first}: r = {regime}"),
                ("exponent", exponent, f"e = {e}"),
                ("fraction", part, f"f = {portion(part)}"),
            ),
            f"(-2 + {portion(part)}) * 2**-({power} + 1)"
            if negative
            else f"(1 + {portion(part)}) * 2**({power})",
        )


def posit(n: int, es: int = STANDARD_EXPONENT_BITS) -> PositFormat:
    """The posit format of `n` bits, 3 to 32, with `es` exponent bits, 0 to 5.

    TypeError or ValueError for anything else. Its name is ``posit16``, or ``posit16_es1`` where
    `es` is not the 2 of the standard.

    To nearest means to the posit whose code is nearest, as one bit more tells: between two
    neighbours the decision point is the value of the code between them; a tie goes to the even
    code. No number but zero becomes zero, and none becomes NaR; infinities and NaN do. Directed
    modes go by value, toward zero to zero, too.

    >>> import numformats as nf
    >>> f = nf.posit(16)
    >>> f.max == 2.0**56, f.eps == 2.0**-11
    (True, True)
    >>> nf.posit8.encode([1.0, -2.5, 1e-20, 0.0])
    array([ 64, 182,   1,   0], dtype=uint8)
    """
    require_int("n", n, MIN_WIDTH, MAX_WIDTH, "the widths that numformats has of posits")
    require_int("es", es, 0, MAX_EXPONENT_BITS, "with more, values would lie beyond float64")
    suffix = "" if es == STANDARD_EXPONENT_BITS else f"_es{es}"
    return PositFormat(f"posit{n}{suffix}", n, es)


def from_name(name: str) -> PositFormat | None:
    """The posit format of a name, or None if the name is not of that form.

    ValueError if it is, but its numbers are not allowed.
    """
    match = re.fullmatch(r"posit([1-9][0-9]*)(?:_es([0-9]))?", name)
    if match is None:
        return None
    return posit(int(match[1]), int(match[2] or STANDARD_EXPONENT_BITS))


FORMATS: Final = (posit(8), posit(16), posit(32))
ALIASES: Final[dict[str, PositFormat]] = {"p8": posit(8), "p16": posit(16), "p32": posit(32)}
