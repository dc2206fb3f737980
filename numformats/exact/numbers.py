"""What operations work on, and what comes of them: numbers, and reals that intervals enclose."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final, NamedTuple, TypeAlias

from numformats.exact.intervals import Interval
from numformats.exact.rules import Rules
from numformats.reals import Extended, read_number


class Number(NamedTuple):
    """A rational number, an infinity or NaN.

    `negative` is the sign, which zero and NaN have, too. That of a zero sum is None until the
    rounding mode is known.
    """

    value: Extended
    negative: bool | None

    @property
    def is_nan(self) -> bool:
        """Whether it is NaN."""
        return self.value != self.value

    @property
    def magnitude(self) -> Number:
        """It without its sign."""
        value = self.value
        return Number(-value if value < 0 else value, False)

    @property
    def is_infinite(self) -> bool:
        """Whether it is an infinity."""
        return isinstance(self.value, float) and math.isinf(self.value)

    @property
    def fraction(self) -> Fraction:
        """The value of a finite number."""
        assert isinstance(self.value, Fraction)
        return self.value


# An irrational number: an interval that has it inside, the smaller the more bits are asked for. Its
# relative width is about 2**-bits.
Enclosure: TypeAlias = Callable[[int], Interval]
Outcome: TypeAlias = Number | Enclosure

ZERO: Final = Fraction(0)
NAN: Final = Number(math.nan, False)


def rational(value: Fraction | int) -> Number:
    """A rational number; zero is positive."""
    return Number(Fraction(value), value < 0)


def zero(negative: bool | None) -> Number:
    """A zero of either sign."""
    return Number(ZERO, negative)


def infinity(negative: bool | None) -> Number:
    """An infinity of either sign."""
    return Number(-math.inf if negative else math.inf, negative)


def at_pole(rules: Rules, negative: bool | None) -> Number:
    """What a function is where its values grow beyond all bounds on both sides."""
    return infinity(negative) if rules.poles else NAN


def read_operand(operand: Any, rules: Rules) -> Number:
    """An operand exactly. Raises what `numformats.reals.read_number` raises.

    IEEE P3109 4.8: without signs of zero, -0 is read as 0.
    """
    value, negative = read_number(operand)
    has_sign = rules.signs or (value == value and value != 0)
    return Number(value, negative and has_sign)
