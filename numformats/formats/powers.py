"""Powers of e or 2 with rational exponents, as float64 numbers: thousands of them at a time.

The exponents of one list are integers over one power of two. A power is the product of three, of
the integer's low bits, its next ones and the rest, which are few, and are enclosed by their series
once. So is the power, then, by integers; where these leave a doubt about a float64, that power is
asked for itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, reduce
from typing import Final, TypeAlias

from numformats.exact.series import power
from numformats.irrational import Ends, Irrational, as_two_floats, float_to_odd
from numformats.reals import floor_log2, power_of_two

# The natural logarithm of a base, in fixed point: `log_of_2` or `one` of `numformats.exact.series`.
LogOfBase: TypeAlias = Callable[[int], int]

# Of the first factors of a power: enough for two float64 of most products.
_BITS: Final = 192
# Of the exponent that a factor takes. Three such factors have few hundred different values.
_DIGIT: Final = 7


@dataclass(frozen=True, slots=True)
class PowerEnclosure:
    """How a power of a base, or its negative, is enclosed: what an `Irrational` is made of."""

    log_of_base: LogOfBase
    exponent: Fraction
    negative: bool = False

    def __call__(self, bits: int) -> Ends:
        """Fractions around the power."""
        interval = power(self.log_of_base, self.exponent, bits)
        low, high = Fraction(interval.low), Fraction(interval.high)
        return (-high, -low) if self.negative else (low, high)


def irrational_power(log_of_base: LogOfBase, exponent: Fraction) -> Irrational:
    """A power of a base that is irrational."""
    return Irrational(PowerEnclosure(log_of_base, exponent))


def powers_as_floats(
    log_of_base: LogOfBase, numerators: Iterable[int], bits: int
) -> Iterator[float]:
    """For each integer n, the float64 nearest to the power with exponent n * 2**-bits.

    >>> from numformats.exact.series import log_of_2
    >>> list(powers_as_floats(log_of_2, [-2, 0, 1], 1))
    [0.5, 1.0, 1.4142135623730951]
    """
    numerators = list(numerators)
    for n, (low, high, scale) in zip(
        numerators, _enclosed(log_of_base, numerators, bits), strict=True
    ):
        nearest = float(low)
        if nearest == float(high):
            yield math.ldexp(nearest, -scale)
        else:
            yield float(irrational_power(log_of_base, n * power_of_two(-bits)))


def powers_as_two_floats(
    log_of_base: LogOfBase, numerators: Iterable[int], bits: int
) -> Iterator[tuple[float, float]]:
    """The same for powers that are irrational, as `as_two_floats` gives them."""
    numerators = list(numerators)
    for n, (low, high, scale) in zip(
        numerators, _enclosed(log_of_base, numerators, bits), strict=True
    ):
        nearest = float(low)
        whole = int(nearest)
        rest = float_to_odd(low - whole)
        # Whatever lies between two numbers that are rounded alike is rounded so, too.
        if nearest == float(high) and rest == float_to_odd(high - whole):
            yield math.ldexp(nearest, -scale), math.ldexp(rest, -scale)
        else:
            yield as_two_floats(irrational_power(log_of_base, n * power_of_two(-bits)))


def _enclosed(
    log_of_base: LogOfBase, numerators: list[int], bits: int
) -> Iterator[tuple[int, int, int]]:
    """For each power two integers between which it lies, times 2**scale."""

    @cache
    def factor(n: int) -> tuple[int, int, int]:
        if n == 0:
            return 1, 1, 0
        low, high = PowerEnclosure(log_of_base, n * power_of_two(-bits))(_BITS)
        scale = _BITS - floor_log2(low)
        unit = power_of_two(scale)
        return math.floor(low * unit), math.ceil(high * unit), scale

    for n in numerators:
        first, second = n % 2**_DIGIT, n % 2 ** (2 * _DIGIT)
        parts = map(factor, (first, second - first, n - second))
        yield reduce(_product, parts)


def _product(a: tuple[int, int, int], b: tuple[int, int, int]) -> tuple[int, int, int]:
    return a[0] * b[0], a[1] * b[1], a[2] + b[2]
