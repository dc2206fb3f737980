"""`StaircaseFormat`: any finite set of values, in whatever order their codes come."""

from __future__ import annotations

import math
from abc import abstractmethod
from bisect import bisect_left, bisect_right
from fractions import Fraction
from functools import cached_property
from typing import ClassVar

from numformats.formats.float_lists import (
    greatest_divisor,
    largest_significand_bits,
    means,
    smallest_distance,
)
from numformats.formats.format import WithoutExponent
from numformats.reals import Extended, in_powers_of_two
from numformats.system import NumberSystem


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
    def codes_in_order(self) -> tuple[int, ...]:
        """The codes that are written for finite values, by these."""
        first: dict[Extended, int] = {}
        for code in range(2**self.bits):
            value = self.value(code)
            if math.isfinite(value):
                first.setdefault(float(value), code)
        return tuple(first[value] for value in sorted(first))

    @cached_property
    def _finite_values(self) -> tuple[float, ...]:
        """The finite values, each once."""
        return tuple(float(self.value(code)) for code in self.codes_in_order)

    @cached_property
    def values_in_order(self) -> tuple[float, ...]:
        """The finite values, and those in whose places infinities stand."""
        if self.value_beyond is None:
            return self._finite_values
        beyond = float(self.value_beyond)
        return -beyond, *self._finite_values, beyond

    @cached_property
    def boundaries_in_order(self) -> tuple[tuple[float, float], ...]:
        """The boundaries between these, as sums of two float64."""
        has_means = type(self).boundary is NumberSystem.boundary
        found = means(self.values_in_order) if has_means else None
        return super().boundaries_in_order if found is None else found

    @property
    def lowest_step(self) -> int:
        """0: the smallest value."""
        return 0

    @property
    def highest_step(self) -> int:
        """The step of the largest finite value."""
        return len(self._finite_values) - 1

    @property
    def rounds_beyond(self) -> bool:
        """Whether there is a place for infinity in the order, beyond the largest value."""
        return self.value_beyond is not None

    def value_of_step(self, step: int) -> Fraction:
        """The value at a place in the order."""
        return Fraction(self.values_in_order[step - self.steps[0]])

    def code_of_step(self, step: int) -> int:
        """The code at a place in the order; beyond the ends, that of infinity."""
        if self.rounds_beyond and not 0 <= step <= self.highest_step:
            return self.code_of_infinity(step < 0)
        return self.codes_in_order[step]

    def step_of(self, value: Fraction) -> int:
        """The step of a value; of what is none, the one below it, or the first."""
        first, last = self.steps[0], self.steps[-1]
        try:
            nearest = float(value)
        except OverflowError:
            return last if value > 0 else first
        # No value lies between a number and the float64 nearest to it, and values are such.
        find = bisect_right if nearest <= value else bisect_left
        return max(first + find(self.values_in_order, nearest) - 1, first)

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
        return largest_significand_bits(self._finite_values)

    @cached_property
    def quantum(self) -> Fraction:
        """What all values are multiples of."""
        return greatest_divisor(self._finite_values)

    @cached_property
    def smallest_positive_exact(self) -> Fraction:
        """The smallest magnitude other than 0, exactly."""
        return Fraction(min(abs(value) for value in self._finite_values if value != 0))

    @property
    def smallest_normal_exact(self) -> Fraction:
        """The smallest magnitude other than 0, exactly."""
        return self.smallest_positive_exact

    @cached_property
    def spacing_at_one(self) -> Fraction:
        """The smallest distance between two values, exactly."""
        return smallest_distance(self._finite_values)

    def _summary(self) -> list[tuple[str, str]]:
        return [
            ("values", str(self.highest_step + 1)),
            ("min", in_powers_of_two(self.lowest)),
            ("max", in_powers_of_two(self.highest)),
        ]
