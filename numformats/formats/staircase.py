"""`StaircaseFormat`: any finite set of values, in whatever order their codes come."""

from __future__ import annotations

import math
from abc import abstractmethod
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import ClassVar

from numformats.formats.format import WithoutExponent
from numformats.reals import Extended, in_powers_of_two, significand_bits


class StaircaseFormat(WithoutExponent):
    """A format that is told by the value of each of its codes: all else follows.

    Whoever adds one says `bits` and `value`, `boundary` where it is not the mean of the two values,
    and `value_beyond` where numbers beyond the ends may overflow. It has 16 bits at the most, and
    all its finite values are exact in float64. Where a value has several codes, the first is
    written.
    """

    # The number in whose place positive infinity stands, for rounding: the value that its code
    # would have, if it were the next of the values. As far on the other side lies the negative one.
    value_beyond: ClassVar[Fraction | None] = None

    @abstractmethod
    def value(self, code: int) -> Extended:
        """The value of a code: a Fraction, or the float inf, -inf or nan."""

    @cached_property
    def _codes_in_order(self) -> tuple[int, ...]:
        """The codes that are written for finite values, by these."""
        first: dict[Extended, int] = {}
        for code in range(2**self.bits):
            value = self.value(code)
            if math.isfinite(value):
                first.setdefault(value, code)
        return tuple(first[value] for value in sorted(first))

    @property
    def lowest_step(self) -> int:
        """0: the smallest value."""
        return 0

    @property
    def highest_step(self) -> int:
        """The step of the largest finite value."""
        return len(self._codes_in_order) - 1

    @property
    def rounds_beyond(self) -> bool:
        """Whether there is a place for infinity in the order, beyond the largest value."""
        return self.value_beyond is not None

    def value_of_step(self, step: int) -> Fraction:
        """The value at a place in the order."""
        if self.value_beyond is not None and not 0 <= step <= self.highest_step:
            return -self.value_beyond if step < 0 else self.value_beyond
        return Fraction(self.value(self._codes_in_order[step]))

    def code_of_step(self, step: int) -> int:
        """The code at a place in the order; beyond the ends, that of infinity."""
        if self.rounds_beyond and not 0 <= step <= self.highest_step:
            return self.code_of_infinity(step < 0)
        return self._codes_in_order[step]

    @cached_property
    def _special_codes(self) -> dict[str, int]:
        """The first code of each value that is not finite, by what Python prints."""
        first: dict[str, int] = {}
        for code in range(2**self.bits):
            value = self.value(code)
            if not math.isfinite(value):
                first.setdefault(str(value), code)
        return first

    @property
    def has_inf(self) -> bool:
        """Whether a code stands for infinity."""
        return "inf" in self._special_codes

    @property
    def has_nan(self) -> bool:
        """Whether a code stands for NaN."""
        return "nan" in self._special_codes

    @property
    def has_zero(self) -> bool:
        """Whether a code stands for zero."""
        return self.value_of_step(self.step_of(Fraction(0))) == 0

    @property
    def has_negative_zero(self) -> bool:
        """False: zero has one code."""
        return False

    def code_of_zero(self, negative: bool) -> int:
        """The code of zero, whatever its sign."""
        return self.code_of_step(self.step_of(Fraction(0)))

    def code_of_infinity(self, negative: bool) -> int:
        """The code of an infinity of either sign."""
        return self._special_codes["-inf" if negative else "inf"]

    def code_of_nan(self, negative: bool) -> int:
        """The code of NaN, whatever its sign."""
        return self._special_codes["nan"]

    @property
    def signed(self) -> bool:
        """Whether there are negative values."""
        return self.lowest < 0

    @cached_property
    def precision(self) -> int:
        """The most significand bits that any value has."""
        return max(significand_bits(value) for value in self._values_in_order)

    @cached_property
    def quantum(self) -> Fraction:
        """What all values are multiples of: binary fractions, so that one denominator has all."""
        numerators = [abs(value * self._denominator).numerator for value in self._values_in_order]
        return Fraction(math.gcd(*numerators), self._denominator)

    @cached_property
    def smallest_positive_exact(self) -> Fraction:
        """The smallest magnitude other than 0, exactly."""
        return min(abs(value) for value in self._values_in_order if value != 0)

    @property
    def smallest_normal_exact(self) -> Fraction:
        """The smallest magnitude other than 0, exactly."""
        return self.smallest_positive_exact

    @cached_property
    def spacing_at_one(self) -> Fraction:
        """The smallest distance between two values, exactly."""
        return min(b - a for a, b in pairwise(self._values_in_order))

    @property
    def _values_in_order(self) -> list[Fraction]:
        return [self.value_of_step(step) for step in range(self.highest_step + 1)]

    @property
    def _denominator(self) -> int:
        return max(value.denominator for value in self._values_in_order)

    def _summary(self) -> list[tuple[str, str]]:
        return [
            ("values", str(self.highest_step + 1)),
            ("min", in_powers_of_two(self.lowest)),
            ("max", in_powers_of_two(self.highest)),
        ]
