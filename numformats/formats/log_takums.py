"""Logarithmic takums.

Source: Hunhold, "Beating Posits at Their Own Game: Takum Arithmetic", 2024 (arXiv:2404.18603).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import ClassVar, Final

from numformats.checks import require_int
from numformats.exact.series import one
from numformats.formats.logarithmic import LogarithmicFormat
from numformats.formats.powers import LogOfBase
from numformats.formats.reading import Reading, fields, portion
from numformats.formats.takum_fields import cut_takum
from numformats.system import NearestRule

# From the bits before the characteristic, and one more.
MIN_BITS, MAX_BITS = 6, 16


@dataclass(frozen=True, repr=False)
class LogTakumFormat(LogarithmicFormat):
    """A logarithmic takum. See `log_takum`."""

    bits: int
    name: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        require_int("bits", self.bits, MIN_BITS, MAX_BITS)
        object.__setattr__(self, "name", f"log_takum{self.bits}")

    nearest_rule: ClassVar[NearestRule] = NearestRule(
        "where a code of one bit more would lie",
        "Hunhold, 2024, arXiv:2404.18603",
        "Hunhold, 2024, arXiv:2404.18603",
    )

    @property
    def _log_of_base(self) -> LogOfBase:
        return one

    @property
    def _exponent_bits(self) -> int:
        # One more than of logarithms in base sqrt(e), of takums of one bit more.
        return _fraction_bits(self.bits + 1) + 1

    def _exponent(self, number: int) -> int:
        # The same value has this code, with a zero at its end, among takums of one bit more.
        return takum_logarithm(2 * number, self.bits + 1)

    def _boundary_exponent(self, number: int) -> int | None:
        return takum_logarithm(2 * number + 1, self.bits + 1) if number else None

    def _code(self, number: int, negative: bool) -> int:
        return 2**self.bits - number if negative else number

    def code_of_zero(self, negative: bool) -> int:
        """0."""
        return 0

    def code_of_nan(self, negative: bool) -> int:
        """The code of NaR (not a real): the sign bit alone."""
        return 1 << (self.bits - 1)

    def _read_number(self, sign: str, rest: str) -> Reading:
        found, c, part = cut_takum(sign, rest)
        logarithm = f"({c} + {portion(part)})"
        formula = f"sqrt(e)**{logarithm}" if sign == "0" else f"-(sqrt(e)**-{logarithm})"
        return Reading(fields(*found), formula)


# The bits of a takum before its characteristic: sign, direction, regime.
_HEAD: Final = 5
_LEAST_WIDTH: Final = 12


def _fraction_bits(bits: int) -> int:
    """The bits of a takum after its head: characteristic and fraction."""
    return max(bits, _LEAST_WIDTH) - _HEAD


def takum_logarithm(code: int, bits: int) -> int:
    """l = c + f of a positive takum, times 2**_fraction_bits(bits). Source: see `log_takum`.

    >>> takum_logarithm(0b01000000, 8), takum_logarithm(0b01111111, 8) / 2**7
    (0, 239.0)
    """
    rest = _fraction_bits(bits)
    # A narrow one is read as if it were padded with zeros.
    padded = code << (rest + _HEAD - bits)
    head, tail = padded >> rest, padded % 2**rest
    direction, regime_bits = head >> 3, head & 0b111
    regime = regime_bits if direction else 7 - regime_bits
    base = 2**regime - 1 if direction else -(2 ** (regime + 1)) + 1
    # What follows the head is C + f with the point after `regime` bits.
    return (base << rest) + (tail << regime)


def log_takum(bits: int) -> LogTakumFormat:
    """The logarithmic takum of `bits` bits, 6 to 16; its name is log_takum{bits}.

    A code has a sign bit S, a direction bit D, three regime bits R, a characteristic C of r bits,
    and the rest M, of p bits, is the fraction f = M / 2**p: with r = R if D else 7 - R, and
    c = 2**r - 1 + C if D else -2**(r + 1) + 1 + C, the value is
    (-1)**S * sqrt(e)**((-1)**S * (c + f)). Codes of fewer than 12 bits are read as if they were
    padded with zeros on the right. 0...0 is zero, 10...0 is NaR (not a real), which is the NaN
    here. Codes in two's complement are in the order of their values.

    Raises
    ------
    TypeError, ValueError
        For what is no int, or beyond these limits.

    Notes
    -----
    Rounding to nearest is that of posits: the boundary between codes c and c + 1 is the value of
    code 2c + 1 of one bit more. It is irrational, so there are no ties. No real number but zero
    becomes zero in these modes, and none NaR in any: what is beyond the largest value becomes
    that. Infinities become NaR, or the largest value under the saturation modes ``finite`` and
    ``propagate``.

    The value of a code is the float64 nearest to its power (see `numformats.formats.logarithmic`).

    Source: Hunhold, "Beating Posits at Their Own Game: Takum Arithmetic", 2024 (arXiv:2404.18603).

    Examples
    --------
    >>> import numformats as nf
    >>> nf.log_takum(8).encode([1.0, -1.0, 1e-99, 0.0, float("inf")]).tolist()
    [64, 192, 1, 0, 128]
    >>> nf.log_takum8.max
    7.910256885566915e+51
    """
    return LogTakumFormat(bits)


log_takum8: Final = LogTakumFormat(8)
log_takum16: Final = LogTakumFormat(16)

FORMATS: Final = (log_takum8, log_takum16)
ALIASES: Final[dict[str, LogTakumFormat]] = {}


def from_name(name: str) -> LogTakumFormat | None:
    """The format of a name such as log_takum12, or None if the name is not of that form.

    ValueError if it is, but its numbers are not allowed.
    """
    match = re.fullmatch(r"log_takum([1-9][0-9]*)", name)
    return None if match is None else log_takum(int(match[1]))
