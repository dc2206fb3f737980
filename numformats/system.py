"""What a number system has to say of itself, for all that is above to be written once.

A rounding is a staircase: the values in their order, which are its steps, and between every two a
boundary, at which a number to be rounded to the nearest changes sides. So a system says what its
steps are, which codes stand for them, where the boundaries lie, and what is beyond both ends.

Steps are counted so that the arithmetic of codes is theirs. Where the values of each binade are
evenly spaced, a `Lattice` says all of them at once: zero is step 0, the smallest positive value
step 1, and so on upward beyond the largest value too; negative values have negative steps. Where
they are not, the steps are as many as there are values, from 0 on.

Nothing here knows a format by name, an array or a rounding mode.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, TypeAlias

from numformats.irrational import Irrational, as_two_floats
from numformats.reals import Extended, floor_log2, power_of_two

if TYPE_CHECKING:
    import numpy as np

Overflow: TypeAlias = Literal["infinity", "nan", "max"]
EvenTies: TypeAlias = Literal["code", "significand"]
# Whose rules for zeros, infinities and NaN: those of IEEE 754-2019, or of IEEE P3109.
Arithmetic: TypeAlias = Literal["ieee", "p3109"]


@dataclass(frozen=True)
class Lattice:
    """Where the values of a system lie, if it had no upper end.

    Between powers of two 2**e and 2**(e+1) they are multiples of the quantum 2**Q, with
    Q = e - trailing_bits, but not below `lowest_quantum`. The step below a magnitude m is then
    (Q - lowest_quantum) * 2**trailing_bits + floor(m / 2**Q).
    """

    trailing_bits: int
    # Log2 of the quantum of the subnormals; of all values, in fixed point.
    lowest_quantum: int
    # Whether the quantum grows with the number (floating point) or not (fixed point).
    floating: bool = True
    # Whether there are subnormals: values below the smallest normal one, at the lowest quantum.
    gradual: bool = True
    # Whether step 0 is zero. If not, it is a value like all others.
    has_zero: bool = True
    # Whether the codes of negative steps are the two's complement of those of positive ones, or
    # have a sign bit instead.
    complement: bool = False
    # Without subnormals, whether the steps that would be theirs are zero, too, and not written; or
    # values of a binade more.
    flushes: bool = False

    @property
    def quantum_stops(self) -> bool:
        """Whether Q stops at lowest_quantum, or goes on one binade below."""
        return self.gradual or self.flushes

    @property
    def smallest_step(self) -> int:
        """The step of the smallest positive value."""
        if self.flushes:
            return 2**self.trailing_bits
        return 1 if self.has_zero else 0

    @property
    def gap(self) -> int:
        """Without subnormals but with zero, the smallest value in units of
        2**(lowest_quantum - 1); else 0.
        """
        if self.gradual or not self.has_zero:
            return 0
        return 2 ** (self.trailing_bits + 1) if self.flushes else 2**self.trailing_bits + 1

    @property
    def ends_of_gap_are_even(self) -> bool:
        """Whether the smallest value has an even code, as zero has, so that parity does not decide
        between them.
        """
        return self.smallest_step % 2 == 0

    @property
    def quantum(self) -> Fraction:
        """What all values are multiples of."""
        return power_of_two(self.lowest_quantum - (not self.quantum_stops))

    def magnitude(self, step: int) -> Fraction:
        """The value of a step that is not negative, exactly; of steps beyond the largest, too.

        >>> Lattice(trailing_bits=2, lowest_quantum=-4).magnitude(5)
        Fraction(5, 16)
        """
        field, trailing = divmod(step, 2**self.trailing_bits) if self.floating else (0, step)
        if self.has_zero and step < self.smallest_step:
            return Fraction(0)
        if field == 0 and self.gradual:
            return trailing * power_of_two(self.lowest_quantum)
        significand = trailing + 2**self.trailing_bits
        return significand * power_of_two(self.lowest_quantum + field - 1)

    def step_below(self, magnitude: Fraction) -> int:
        """The largest step whose value is no larger than a magnitude. IEEE P3109 4.7.4, where
        Q and floor(S) are its exponent and its significand.

        >>> Lattice(trailing_bits=2, lowest_quantum=-4).step_below(Fraction(1, 3))
        5
        """
        if not self.floating:
            return magnitude // power_of_two(self.lowest_quantum)
        if magnitude == 0:
            return 0
        lowest_normal = self.lowest_quantum + self.trailing_bits
        exponent = floor_log2(magnitude)
        quantum = (max(exponent, lowest_normal) if self.gradual else exponent) - self.trailing_bits
        binade = (quantum - self.lowest_quantum) << self.trailing_bits
        step = binade + magnitude // power_of_two(quantum)
        # Nothing lies between zero and the smallest value without subnormals.
        return 0 if self.has_zero and step < self.smallest_step else step

    def step_beside(self, step: int, towards: int) -> int:
        """The step of the value next to that of a step: of the next larger one if `towards` is 1,
        of the next smaller one if it is -1.

        >>> Lattice(2, lowest_quantum=-4, gradual=False, flushes=True).step_beside(0, towards=1)
        4
        """
        beside = step + towards
        if self.has_zero and 0 < abs(beside) < self.smallest_step:
            return 0 if step else towards * self.smallest_step
        return beside

    def significand_is_odd(self, step: int) -> bool:
        """Whether the last bit of the significand is set: of precision 1, but for zero, always."""
        return step % 2 == 1 if self.trailing_bits else step != 0 or not self.has_zero


class Binade(NamedTuple):
    """Where the magnitudes from 2**e up to 2**(e + 1) lie on a staircase: from the place `start`
    on, over 2**width steps. A value lies at each whole place. Where exponents are cut short, a
    binade is a part of a step, and `width` negative.
    """

    start: Fraction
    width: int


@dataclass(frozen=True)
class Taper:
    """Where the values of a system lie whose precision changes from binade to binade, as it does
    in posits and takums: a straight piece of a staircase for each exponent from `lowest_exponent`
    on, one after the other. Negative values mirror the positive ones, and zero is step 0.

    Halfway between two whole places lies the boundary between their values: what a code one bit
    longer would stand for. It is their mean where a binade has whole steps.
    """

    lowest_exponent: int
    binades: tuple[Binade, ...]

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        # Kept, since hundreds of fractions take a while.
        return hash((self.lowest_exponent, self.binades))

    @cached_property
    def _starts(self) -> list[Fraction]:
        return [binade.start for binade in self.binades]

    def magnitude(self, place: Fraction) -> Fraction:
        """The magnitude at a place above 0.

        >>> binades = Binade(Fraction(0), 0), Binade(Fraction(1), 1), Binade(Fraction(3), 2)
        >>> Taper(-1, binades).magnitude(Fraction(2))
        Fraction(3, 2)
        """
        found = bisect_right(self._starts, place) - 1
        start, width = self.binades[found]
        significand = 1 + (place - start) / power_of_two(width)
        return significand * power_of_two(self.lowest_exponent + found)

    def place(self, magnitude: Fraction) -> Fraction:
        """The place of a magnitude: the last one's end beyond it, and 0 below the first.

        >>> binades = Binade(Fraction(0), 0), Binade(Fraction(1), 1), Binade(Fraction(3), 2)
        >>> Taper(-1, binades).place(Fraction(3, 2))
        Fraction(2, 1)
        """
        if magnitude < power_of_two(self.lowest_exponent):
            return Fraction(0)
        exponent = floor_log2(magnitude)
        index = exponent - self.lowest_exponent
        if index >= len(self.binades):
            start, width = self.binades[-1]
            return start + power_of_two(width)
        start, width = self.binades[index]
        return start + (magnitude / power_of_two(exponent) - 1) * power_of_two(width)


class NearestRule(NamedTuple):
    """Where the boundary between two neighbours lies, in words, and who says so; None if it is
    where the standards of floating point have it. And who says what is beyond the ends, if anybody.
    """

    boundary: str
    source: str | None = None
    ends: str | None = None


class NumberSystem(ABC):
    """The values of a system in their order, and the codes that stand for them.

    A code is an unsigned integer. All numbers here are exact.
    """

    name: str
    # The dtype of NumPy or ml_dtypes that has these values and codes, by name.
    dtype_name: str | None
    # Whether ties to even look at the code or at the significand. They differ for precision 1.
    even_ties: EvenTies = "code"
    # Where a number goes that is beyond the largest value and not saturated.
    overflow: Overflow = "max"
    # What `boundary` says, for readers.
    nearest_rule: ClassVar[NearestRule] = NearestRule("in the middle of the two")
    # Whose rules operations follow whose result is of this system. See `numformats.exact.apply`.
    arithmetic: Arithmetic = "ieee"

    # Properties in some systems, fields in others, whose default a property here would be.
    if TYPE_CHECKING:

        @property
        def bits(self) -> int:
            """The width of a code in bits."""

        @property
        def signed(self) -> bool:
            """Whether there are negative values."""

        @property
        def precision(self) -> int:
            """p, the bits of a significand with the hidden bit."""

        @property
        def has_zero(self) -> bool:
            """Whether a code stands for zero."""

        @property
        def has_negative_zero(self) -> bool:
            """Whether -0 has a code of its own."""

        @property
        def has_inf(self) -> bool:
            """Whether a code stands for infinity."""

        @property
        def has_nan(self) -> bool:
            """Whether a code stands for NaN (not a number)."""

        @property
        def has_subnormals(self) -> bool:
            """Whether there are values below the smallest normal one, at reduced precision."""

    # Values in their order

    @property
    def lattice(self) -> Lattice | None:
        """How the values are spaced, if evenly in each binade, and alike in all of them."""
        return None

    @property
    def taper(self) -> Taper | None:
        """How the values are spaced, if evenly in each binade, but not alike in all of them."""
        return None

    @property
    @abstractmethod
    def lowest_step(self) -> int:
        """The step of the smallest (most negative) finite value."""

    @property
    @abstractmethod
    def highest_step(self) -> int:
        """The step of the largest finite value."""

    @abstractmethod
    def value_of_step(self, step: int) -> Fraction:
        """The value of a step between the ends, and of those beyond that rounding knows."""

    @abstractmethod
    def code_of_step(self, step: int) -> int:
        """The code that is written for that value."""

    @property
    def rounds_beyond(self) -> bool:
        """Whether rounding goes on beyond the ends, as if there were more values: what becomes one
        of these overflows. If not, the ends are where all numbers beyond are rounded to.
        """
        return self.lattice is not None

    @property
    def steps(self) -> range:
        """The steps that rounding knows where there is no lattice: one for each value, and one
        beyond each end if rounding goes on there.
        """
        beyond = int(self.rounds_beyond)
        return range(self.lowest_step - beyond, self.highest_step + 1 + beyond)

    def step_of(self, value: Fraction) -> int:
        """The step of a value; of what is none, the one below it (in a lattice: nearer to zero)."""
        if self.lattice is not None:
            below = self.lattice.step_below(abs(value))
            return -below if value < 0 else below
        low, high = self.steps[0], self.steps[-1]
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.value_of_step(middle) <= value else (low, middle - 1)
        return low

    def step_beside(self, step: int, towards: int) -> int:
        """The step of the next larger value (`towards` 1) or the next smaller one (-1); it may lie
        beyond the ends.
        """
        return step + towards if self.lattice is None else self.lattice.step_beside(step, towards)

    def boundary(self, step: int) -> Fraction | Irrational:
        """The number between a step and the next at which rounding to nearest changes sides."""
        return (self.value_of_step(step) + self.value_of_step(step + 1)) / 2

    def is_odd(self, step: int) -> bool:
        """Whether the code of a step is odd; in a lattice, of one beyond the ends, too."""
        code = step if self.lattice is not None else self.code_of_step(step)
        return code % 2 == 1

    # All steps at once, of a system without lattice, whose values float64 holds. Whoever knows a
    # faster way to the same numbers, and keeps them, says these, too.

    @property
    def values_in_order(self) -> tuple[float, ...]:
        """The value of each of `steps`."""
        return tuple(float(self.value_of_step(step)) for step in self.steps)

    @property
    def codes_in_order(self) -> tuple[int, ...]:
        """The code of each step between the ends."""
        return tuple(map(self.code_of_step, range(self.lowest_step, self.highest_step + 1)))

    @property
    def boundaries_in_order(self) -> tuple[tuple[float, float], ...]:
        """The boundary above each of `steps` but the last, as a sum of two float64: see
        `numformats.irrational.as_two_floats`.
        """
        return tuple(as_two_floats(self.boundary(step)) for step in self.steps[:-1])

    # Codes

    @abstractmethod
    def value(self, code: int) -> Extended:
        """The value of a code in range: a Fraction, or the float inf, -inf, nan or -0.0."""

    @abstractmethod
    def code_of_zero(self, negative: bool) -> int:
        """The code of a zero of either sign, where there is one."""

    def code_of_infinity(self, negative: bool) -> int:
        """The code of an infinity of either sign, where there is one."""
        raise ValueError(f"{self.name} has no infinity")

    def code_of_nan(self, negative: bool) -> int:
        """The code of NaN with either sign, where there is one; the quiet one."""
        raise ValueError(f"{self.name} has no NaN")

    # Values of note

    @property
    def highest(self) -> Fraction:
        """The largest finite value, exactly."""
        return self.value_of_step(self.highest_step)

    @property
    def lowest(self) -> Fraction:
        """The smallest (most negative) finite value, exactly."""
        return self.value_of_step(self.lowest_step)

    @property
    @abstractmethod
    def quantum(self) -> Fraction:
        """What all finite values are multiples of, the largest such number."""

    @property
    @abstractmethod
    def smallest_positive_exact(self) -> Fraction:
        """The smallest positive value, exactly."""

    @property
    @abstractmethod
    def smallest_normal_exact(self) -> Fraction:
        """The smallest positive value of full precision, exactly."""

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """The NumPy or ml_dtypes dtype with these values and these codes, or None.

        >>> import numformats as nf
        >>> nf.bfloat16.dtype, nf.binary8p4se.dtype
        (dtype(bfloat16), None)
        """
        if self.dtype_name is None:
            return None
        import ml_dtypes
        import numpy as np

        if hasattr(ml_dtypes, self.dtype_name):
            return np.dtype(getattr(ml_dtypes, self.dtype_name))
        try:
            return np.dtype(self.dtype_name)
        except TypeError:  # older ml_dtypes lack the narrowest integers
            return None


def require_system(fmt: object, argument: str = "fmt") -> None:
    """Refuse what is not a number system, a name of one included."""
    if not isinstance(fmt, NumberSystem):
        raise TypeError(
            f"{argument}: expected a format, got {type(fmt).__name__} {fmt!r}; "
            "numformats.get_format finds one by name"
        )
