"""`TaperedFormat`: numbers whose precision tapers off from 1 toward both ends of the range."""

from __future__ import annotations

import math
from abc import abstractmethod
from fractions import Fraction
from functools import cached_property
from typing import ClassVar

from numformats.formats.format import WithoutExponent
from numformats.formats.reading import Reading, fields, number
from numformats.reals import Extended, in_powers_of_two, power_of_two
from numformats.system import Overflow, Taper


class TaperedFormat(WithoutExponent):
    """A format that is told by its width and its `taper`: all else follows.

    Codes are in two's complement, and in that order their values grow. The code 10...0 is NaR (not
    a real), which stands for NaN and for infinities. Between two neighbours rounding to nearest
    changes sides at the value of the code between them that has one bit more; that is their mean,
    except where exponents are cut short. No number but zero is rounded to zero that way, and what
    is beyond the largest value becomes that value.
    """

    # What infinities become: NaR. No other number does.
    overflow: Overflow = "nan"
    signed: ClassVar[bool] = True
    has_zero: ClassVar[bool] = True
    has_negative_zero: ClassVar[bool] = False
    has_inf: ClassVar[bool] = False
    has_nan: ClassVar[bool] = True

    @property
    @abstractmethod
    def taper(self) -> Taper:
        """Where the positive values lie."""

    def _read(self, code: int) -> Reading:
        sign, rest = f"{code:0{self.bits}b}"[0], f"{code:0{self.bits}b}"[1:]
        if number(rest) == 0:
            what, formula = ("not a real: NaR", "NaN") if number(sign) else ("zero", "0")
            return Reading(fields(("sign", sign, what), ("rest", rest, "all zeros")), formula)
        return self._read_number(sign, rest)

    @abstractmethod
    def _read_number(self, sign: str, rest: str) -> Reading:
        """The fields of a code that is neither zero nor NaR, from its sign and its other bits."""

    # Values in their order

    @property
    def highest_step(self) -> int:
        """The largest code without a sign bit."""
        highest: int = 2 ** (self.bits - 1) - 1
        return highest

    @property
    def lowest_step(self) -> int:
        """The negative of the largest step."""
        return -self.highest_step

    def value_of_step(self, step: int) -> Fraction:
        """The value at a place of the staircase."""
        if step == 0:
            return Fraction(0)
        magnitude = self.taper.magnitude(Fraction(abs(step)))
        return magnitude if step > 0 else -magnitude

    def step_of(self, value: Fraction) -> int:
        """The step of a value; of what is none, the one below it."""
        place = self.taper.place(abs(value))
        step = math.floor(place) if value >= 0 else math.floor(-place)
        # A place between zero and the smallest value may be 0, too.
        step -= value < 0 and place == 0
        return min(max(step, self.lowest_step), self.highest_step)

    def code_of_step(self, step: int) -> int:
        """The step in two's complement."""
        return step % 2**self.bits

    def boundary(self, step: int) -> Fraction:
        """The value halfway, which is that of a code of one bit more; 0 beside zero."""
        if step in (-1, 0):
            return Fraction(0)
        halfway = self.taper.magnitude(Fraction(abs(2 * step + 1), 2))
        return halfway if step > 0 else -halfway

    # Codes

    def value(self, code: int) -> Extended:
        """The value of a code, or NaN."""
        sign_bit = 2 ** (self.bits - 1)
        if code == sign_bit:
            return math.nan
        return self.value_of_step(code - (2 * sign_bit if code > sign_bit else 0))

    def code_of_zero(self, negative: bool) -> int:
        """0."""
        return 0

    def code_of_nan(self, negative: bool) -> int:
        """The code of NaR."""
        code: int = 2 ** (self.bits - 1)
        return code

    # Values of note

    @cached_property
    def precision(self) -> int:
        """The most significand bits that any value has, those about 1."""
        return max(0, *(binade.width for binade in self.taper.binades)) + 1

    @cached_property
    def quantum(self) -> Fraction:
        """What all finite values are multiples of, the largest such number."""
        taper = self.taper
        exponents = (
            taper.lowest_exponent + i - max(binade.width, 0)
            for i, binade in enumerate(taper.binades)
        )
        return power_of_two(min(exponents))

    @property
    def smallest_positive_exact(self) -> Fraction:
        """The smallest positive value, exactly."""
        return self.value_of_step(1)

    @property
    def smallest_normal_exact(self) -> Fraction:
        """The smallest positive value, exactly: there is no lowest normal one."""
        return self.value_of_step(1)

    @property
    def spacing_at_one(self) -> Fraction:
        """The distance from 1 to the next larger value, exactly."""
        return self.value_of_step(self.step_of(Fraction(1)) + 1) - 1

    def _summary(self) -> list[tuple[str, str]]:
        return [
            ("precision", f"up to {self.precision}"),
            ("min positive", in_powers_of_two(self.smallest_positive_exact)),
            ("max", in_powers_of_two(self.highest)),
        ]
