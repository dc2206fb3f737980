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
from abc import abstractmethod
from fractions import Fraction
from functools import cached_property
from typing import ClassVar, NamedTuple

from numformats.exact.series import log_of_2
from numformats.formats.powers import (
    LogOfBase,
    PowerEnclosure,
    powers_as_floats,
    powers_as_two_floats,
)
from numformats.formats.reading import Reading, fields
from numformats.formats.staircase import StaircaseFormat
from numformats.irrational import Irrational
from numformats.reals import Extended, power_of_two
from numformats.system import Overflow


class Powers(NamedTuple):
    """The positive values of a logarithmic format, and the boundaries between them: `base` (``"2"``
    or ``"e"``) to the power of each of `exponents`, times 2**-fraction_bits. The first is the
    boundary above zero (None for one at zero), the next the smallest value, and so on in turn.
    """

    base: str
    fraction_bits: int
    exponents: tuple[int | None, ...]


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

    @property
    def powers(self) -> Powers:
        """Which powers its values are near, and its boundaries are."""
        inner = range(1, self._count + 1)
        values = [self._exponent(number) for number in inner]
        above = [self._boundary_exponent(number) for number in inner[:-1]]
        in_turn = (exponent for pair in zip(values, above, strict=False) for exponent in pair)
        exponents = (self._boundary_exponent(0), *in_turn, values[-1])
        base = "2" if self._log_of_base is log_of_2 else "e"
        return Powers(base, self._exponent_bits, exponents)

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

    def _read(self, code: int) -> Reading:
        sign, rest = f"{code:0{self.bits}b}"[0], f"{code:0{self.bits}b}"[1:]
        if code in (self.code_of_zero(False), self.code_of_nan(False)):
            is_nan = sign == "1"
            what = "set aside: NaN" if is_nan else "set aside: zero"
            return Reading(
                fields(("sign", sign, what), ("rest", rest, "no logarithm")),
                "NaN" if is_nan else "0",
            )
        return self._read_number(sign, rest)

    @abstractmethod
    def _read_number(self, sign: str, rest: str) -> Reading:
        """The fields of a code that is neither zero nor NaN, from its sign and its other bits."""

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
