"""Logarithmic number systems with a logarithm to base 2 in fixed point."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import ClassVar, Final

from numformats.checks import require_int
from numformats.exact.series import log_of_2
from numformats.formats.logarithmic import LogarithmicFormat
from numformats.formats.powers import LogOfBase
from numformats.formats.reading import Reading, fields, number, portion, sign_field
from numformats.system import NearestRule

MIN_BITS, MAX_BITS = 3, 16
# Logarithms may be as large as this, for values and their products to be float64.
MAX_EXPONENT: Final = 512


@dataclass(frozen=True, repr=False)
class LnsFormat(LogarithmicFormat):
    """A logarithmic number system with a fixed-point logarithm to base 2. See `lns`."""

    bits: int
    fraction_bits: int
    name: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        require_int("bits", self.bits, MIN_BITS, MAX_BITS)
        least = max(0, self.bits - 2 - (MAX_EXPONENT.bit_length() - 1))
        require_int(
            "fraction_bits",
            self.fraction_bits,
            least,
            self.bits - 1,
            f"a logarithm has bits - 1 bits, and may reach from -{MAX_EXPONENT} to {MAX_EXPONENT}",
        )
        object.__setattr__(self, "name", f"lns{self.bits}_{self.fraction_bits}")

    nearest_rule: ClassVar[NearestRule] = NearestRule(
        "halfway between their logarithms", "Swartzlander and Alexopoulos, 1975"
    )

    @property
    def _log_of_base(self) -> LogOfBase:
        return log_of_2

    @property
    def _exponent_bits(self) -> int:
        # Boundaries are half a step from values.
        return self.fraction_bits + 1

    @property
    def _lowest(self) -> int:
        """What stands in a code for the smallest logarithm but the one of zero and NaN."""
        return -(2 ** (self.bits - 2)) + 1

    def _exponent(self, number: int) -> int:
        return 2 * (self._lowest + number - 1)

    def _boundary_exponent(self, number: int) -> int:
        return 2 * (self._lowest + number - 1) + 1

    def _code(self, number: int, negative: bool) -> int:
        sign_bit: int = 1 << (self.bits - 1)
        logarithm = (self._lowest + number - 1) % sign_bit
        return logarithm + (sign_bit if negative else 0)

    def _read_number(self, sign: str, rest: str) -> Reading:
        whole_bits = self.bits - 1 - self.fraction_bits
        # A logarithm with all its bits after the point has its sign among them.
        whole, part = rest[:whole_bits], rest[whole_bits:]
        integer = number(whole) - (2**whole_bits if rest[0] == "1" else 0)
        power = f"2**({integer} + {portion(part)})"
        return Reading(
            fields(
                sign_field(sign),
                ("integer of the logarithm", whole, f"{integer}, in two's complement"),
                ("fraction of the logarithm", part, portion(part)),
            ),
            f"-({power})" if sign == "1" else power,
        )

    def code_of_zero(self, negative: bool) -> int:
        """The code of sign 0 and the most negative logarithm, whatever the sign."""
        return 1 << (self.bits - 2)

    def code_of_nan(self, negative: bool) -> int:
        """The code of sign 1 and the most negative logarithm, whatever the sign."""
        return 3 << (self.bits - 2)


def lns(bits: int, fraction_bits: int) -> LnsFormat:
    """The logarithmic number system of `bits` bits (3 to 16) whose logarithms have `fraction_bits`
    bits after the point; its name is lns{bits}_{fraction_bits}.

    A code is a sign bit and a logarithm to base 2, in two's complement and fixed point, of
    bits - 1 bits: (-1)**s * 2**(k / 2**fraction_bits). The most negative k, of which the bits are
    10...0, is set aside: with sign 0 it is zero, with sign 1 NaN. There is no negative zero and no
    infinity.

    Parameters
    ----------
    bits : int
        The width of a code.
    fraction_bits : int
        At most bits - 1, and so many that no logarithm is beyond -512 or 512.

    Raises
    ------
    TypeError, ValueError
        For what is no int, or beyond these limits.

    Notes
    -----
    Rounding to nearest rounds the logarithm, in its own domain: the boundary between k and k + 1 is
    2**((k + 1/2) / 2**fraction_bits), which is irrational, so there are no ties. Zero has no
    logarithm; the boundary between it and the smallest value 2**(k / 2**fraction_bits) is where
    that of k - 1 and k would be, at 2**((k - 1/2) / 2**fraction_bits), and what is smaller becomes
    zero. What is beyond the largest value becomes that in every mode; infinities become NaN, or the
    largest value under the saturation modes ``finite`` and ``propagate``.

    The value of a code is the float64 nearest to its power (see `numformats.formats.logarithmic`).

    Sources: Kingsbury and Rayner, "Digital filtering using logarithmic arithmetic", Electronics
    Letters 7(2), 1971; Swartzlander and Alexopoulos, "The sign/logarithm number system", IEEE
    Transactions on Computers C-24(12), 1975. No standard says which codes are zero and NaN.

    Examples
    --------
    >>> import numformats as nf
    >>> f = nf.lns(8, 3)
    >>> f.encode([1.0, 2.0, -2.0, 0.0, float("nan")]).tolist()
    [0, 8, 136, 64, 192]
    >>> f.round([1.04, 1.05, 1e-30])
    array([1.        , 1.09050773, 0.        ])
    """
    return LnsFormat(bits, fraction_bits)


def from_name(name: str) -> LnsFormat | None:
    """The format of a name such as lns8_3, or None if the name is not of that form.

    ValueError if it is, but its numbers are not allowed.
    """
    match = re.fullmatch(r"lns([1-9][0-9]*)_(0|[1-9][0-9]*)", name)
    return None if match is None else lns(int(match[1]), int(match[2]))
