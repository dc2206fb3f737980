"""Logarithmic number systems: what a code holds is the logarithm of its value.

The number that a code means is a power with a rational exponent, and nearly all of these are
irrational. In numformats

- the value of a code is the float64 nearest to its power, so that values can be decoded, and
  rounding one gives that one, in every mode;
- the boundaries, at which the nearest modes change sides, are the powers themselves: no float64
  stands for one, and a number is compared with them exactly. They are those of the logarithm:
  halfway between two logarithms, not between two values.

Neither tells two codes apart less than the definition does: all values are different float64
numbers. Values have up to 53 significand bits, which is what `precision` says of them.
"""

from __future__ import annotations

import math
import re
from abc import abstractmethod
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import ClassVar, Final

from numformats.checks import require_int
from numformats.exact.series import log_of_2, one
from numformats.formats.powers import (
    LogOfBase,
    PowerEnclosure,
    powers_as_floats,
    powers_as_two_floats,
)
from numformats.formats.staircase import StaircaseFormat
from numformats.irrational import Irrational
from numformats.reals import Extended, power_of_two
from numformats.system import Overflow

MAX_BITS: Final = 16
# The bits before the characteristic, and one more.
MIN_TAKUM_BITS: Final = 6
MIN_LNS_BITS: Final = 3
# Logarithms to base 2 may be as large as this, for values and their products to be float64.
MAX_LNS_EXPONENT: Final = 512


class LogarithmicFormat(StaircaseFormat):
    """Zero, NaN, and positive and negative powers of a base.

    The positive values are counted from 1, the smallest, to 2**(bits - 1) - 1; zero is number 0.
    A kind says which codes they have, their exponents, and those of the boundaries between.
    """

    # Of an infinity that is not saturated; of finite numbers none is.
    overflow: Overflow = "nan"
    dtype_name: str | None = None
    has_inf: ClassVar[bool] = False
    has_nan: ClassVar[bool] = True
    has_zero: ClassVar[bool] = True
    signed: ClassVar[bool] = True

    @property
    @abstractmethod
    def _log_of_base(self) -> LogOfBase:
        """The natural logarithm of the base."""

    @property
    @abstractmethod
    def _exponent_bits(self) -> int:
        """The bits after the point of all exponents, of values and boundaries."""

    @abstractmethod
    def _exponent(self, number: int) -> int:
        """The exponent of a positive value, times 2**_exponent_bits."""

    @abstractmethod
    def _boundary_exponent(self, number: int) -> int | None:
        """That of the boundary above a value which is not negative; None for a boundary of 0."""

    @abstractmethod
    def _code(self, number: int, negative: bool) -> int:
        """The code of a positive value, or of its negative."""

    @property
    def _count(self) -> int:
        """How many values are positive."""
        return 2 ** (self.bits - 1) - 1

    @property
    def highest_step(self) -> int:
        """The step of the largest value."""
        return 2 * self._count

    @cached_property
    def values_in_order(self) -> tuple[float, ...]:
        """The values: float64 numbers nearest to the powers."""
        exponents = map(self._exponent, range(1, self._count + 1))
        positive = list(powers_as_floats(self._log_of_base, exponents, self._exponent_bits))
        return (*(-value for value in reversed(positive)), 0.0, *positive)

    @cached_property
    def codes_in_order(self) -> tuple[int, ...]:
        """The codes of these."""
        numbers = range(1, self._count + 1)
        positive = (self._code(number, False) for number in numbers)
        negative = (self._code(number, True) for number in reversed(numbers))
        return (*negative, self.code_of_zero(False), *positive)

    @cached_property
    def boundaries_in_order(self) -> tuple[tuple[float, float], ...]:
        """The boundaries between the values, as sums of two float64."""
        exponents = [self._boundary_exponent(number) for number in range(self._count)]
        known = [exponent for exponent in exponents if exponent is not None]
        powers = list(powers_as_two_floats(self._log_of_base, known, self._exponent_bits))
        positive = [(0.0, 0.0)] * (len(exponents) - len(known)) + powers
        return (*((-first, -rest) for first, rest in reversed(positive)), *positive)

    def boundary(self, step: int) -> Fraction | Irrational:
        """The power halfway, as the kind has it, between the logarithms of a step and the next."""
        above_zero = step - self._count
        negative = above_zero < 0
        exponent = self._boundary_exponent(-1 - above_zero if negative else above_zero)
        if exponent is None:
            return Fraction(0)
        exact = exponent * power_of_two(-self._exponent_bits)
        return Irrational(PowerEnclosure(self._log_of_base, exact, negative))

    @cached_property
    def _values_by_code(self) -> tuple[float, ...]:
        values = [math.nan] * 2**self.bits
        for value, code in zip(self.values_in_order, self.codes_in_order, strict=True):
            values[code] = value
        return tuple(values)

    def value(self, code: int) -> Extended:
        """The float64 nearest to the power of a code, as a Fraction; 0; or NaN."""
        value = self._values_by_code[code]
        return value if math.isnan(value) else Fraction(value)

    @property
    def spacing_at_one(self) -> Fraction:
        """The distance from 1 to the next larger value."""
        return self.value_of_step(self.step_of(Fraction(1)) + 1) - 1

    def _summary(self) -> list[tuple[str, str]]:
        return [
            ("values", str(self.highest_step + 1)),
            ("max", f"{self.max:.6g}"),
            ("smallest positive", f"{self.smallest_subnormal:.6g}"),
        ]


@dataclass(frozen=True, repr=False)
class LnsFormat(LogarithmicFormat):
    """A logarithmic number system with a fixed-point logarithm to base 2. See `lns`."""

    bits: int
    fraction_bits: int
    name: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        require_int("bits", self.bits, MIN_LNS_BITS, MAX_BITS)
        least = max(0, self.bits - 2 - (MAX_LNS_EXPONENT.bit_length() - 1))
        require_int(
            "fraction_bits",
            self.fraction_bits,
            least,
            self.bits - 1,
            f"a logarithm has bits - 1 bits, and may reach from -{MAX_LNS_EXPONENT} to "
            f"{MAX_LNS_EXPONENT}",
        )
        object.__setattr__(self, "name", f"lns{self.bits}_{self.fraction_bits}")

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

    def code_of_zero(self, negative: bool) -> int:
        """The code of sign 0 and the most negative logarithm, whatever the sign."""
        return 1 << (self.bits - 2)

    def code_of_nan(self, negative: bool) -> int:
        """The code of sign 1 and the most negative logarithm, whatever the sign."""
        return 3 << (self.bits - 2)


@dataclass(frozen=True, repr=False)
class LogTakumFormat(LogarithmicFormat):
    """A logarithmic takum. See `log_takum`."""

    bits: int
    name: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        require_int("bits", self.bits, MIN_TAKUM_BITS, MAX_BITS)
        object.__setattr__(self, "name", f"log_takum{self.bits}")

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

    The value of a code is the float64 nearest to its power (see this module).

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

    The value of a code is the float64 nearest to its power (see this module).

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
ALIASES: Final[dict[str, LogarithmicFormat]] = {}


def from_name(name: str) -> LogarithmicFormat | None:
    """The format of a name such as lns8_3 or log_takum12, or None if the name is not of that form.

    ValueError if it is, but its numbers are not allowed.
    """
    match = re.fullmatch(r"log_takum([1-9][0-9]*)", name)
    if match is not None:
        return log_takum(int(match[1]))
    match = re.fullmatch(r"lns([1-9][0-9]*)_(0|[1-9][0-9]*)", name)
    return None if match is None else lns(int(match[1]), int(match[2]))
