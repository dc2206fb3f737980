"""Exponential, logarithm, angles, sine and cosine: enclosed by their series, in integers.

A number x is held as the integer floor(x * 2**w) with a working precision w of more bits than are
asked for. Each step of a series cuts off less than a unit of the last place, and what all of them
cut off is counted: the intervals are as wide as that, so that they hold what they are to hold.
Arguments are first brought to where the series falls off fast.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache, partial
from typing import Final

from numformats.exact.intervals import Interval, around
from numformats.reals import floor_log2, power_of_two

# Bits that are worked with beyond those asked for. The errors below are less than 2**16 units.
GUARD: Final = 32
# All formats are between 2**-LIMIT and 2**LIMIT, which powers beyond are not computed.
LIMIT: Final = 2**18


def _reciprocal_series(n: int, bits: int, sign: int) -> int:
    """arctan(1/n) if the terms have alternating signs (-1), artanh(1/n) if not (1)."""
    power = (1 << bits) // n
    total, k, factor = 0, 1, 1
    while power:
        total += factor * (power // k)
        power //= n * n
        k += 2
        factor *= sign
    return total


# Integers c with |c - constant * 2**bits| < 2, kept since most calls want the same few.


def pi(bits: int) -> int:
    """The circle's constant."""
    more = _rounded_up(bits)
    return _pi(more) >> (more - bits)


def log_of_2(bits: int) -> int:
    """The natural logarithm of 2."""
    more = _rounded_up(bits)
    return _log_of_2(more) >> (more - bits)


def log_of_10(bits: int) -> int:
    """The natural logarithm of 10, which is 2**3 * 5/4."""
    more = _rounded_up(bits)
    return _log_of_10(more) >> (more - bits)


def one(bits: int) -> int:
    """The natural logarithm of e."""
    return 1 << bits


def _rounded_up(bits: int) -> int:
    return -(-bits // 256) * 256


@lru_cache(maxsize=32)
def _pi(bits: int) -> int:
    # John Machin, 1706: pi/4 = 4 arctan(1/5) - arctan(1/239).
    more = bits + GUARD
    arctan = partial(_reciprocal_series, bits=more, sign=-1)
    return (16 * arctan(5) - 4 * arctan(239)) >> GUARD


@lru_cache(maxsize=32)
def _log_of_2(bits: int) -> int:
    # 2 = (27/25)**9 (4802/4800)**-1 (8750/8748)**4, and log((n+1)/(n-1)) = 2 artanh(1/n).
    more = bits + GUARD
    artanh = partial(_reciprocal_series, bits=more, sign=1)
    return (18 * artanh(26) - 2 * artanh(4801) + 8 * artanh(8749)) >> GUARD


@lru_cache(maxsize=32)
def _log_of_10(bits: int) -> int:
    more = bits + GUARD
    return (3 * log_of_2(more) + 2 * _reciprocal_series(9, more, 1)) >> GUARD


def constant(fixed: Callable[[int], int], bits: int) -> Interval:
    """One of the constants above as an interval."""
    return around(fixed(bits), 2, bits)


def power(log_of_base: Callable[[int], int], x: Fraction, bits: int) -> Interval:
    """e, 2 or 10 to the power of a number other than 0; beyond 2**LIMIT, no more than that."""
    if abs(x) >= LIMIT:
        if x > 0:
            return Interval(power_of_two(LIMIT), math.inf)
        return Interval(Fraction(0), power_of_two(-LIMIT))
    # |x| < 2**size, so that x log(base) is wrong by less than 2**(size + 2) units, ...
    size = max(0, floor_log2(x if x > 0 else -x) + 1)
    work = bits + GUARD + size
    exponent = (x.numerator * log_of_base(work)) // x.denominator
    # ... and the rest, after as many log(2), of which there are less than 2**(size + 2), by four
    # times as many. The power of the rest is less than 2.
    doublings, rest = divmod(exponent, log_of_2(work))
    error = (1 << (size + 6)) + 2 * (work + 2)
    return around(_exp(rest, work), error, work - doublings)


def _exp(x: int, work: int) -> int:
    """The exponential of 0 <= x <= log(2), from below: no more than two units wrong for each term,
    and each is less than half of the one before.
    """
    total = term = 1 << work
    n = 1
    while term:
        term = term * x // (n << work)
        total += term
        n += 1
    return total


def logarithm(x: Fraction, bits: int) -> Interval:
    """The natural logarithm of a positive number other than 1."""
    # x = 2**doublings * m, and log(m) = 2 artanh(z) with z = (m-1)/(m+1) from -1/5 to 1/7.
    numerator, denominator = x.numerator, x.denominator
    doublings = floor_log2(x)
    if doublings >= 0:
        denominator <<= doublings
    else:
        numerator <<= -doublings
    if 3 * numerator > 4 * denominator:
        doublings, denominator = doublings + 1, 2 * denominator
    difference, total = numerator - denominator, numerator + denominator
    # Near 1 the logarithm is small, and is to have its bits still.
    small = 0 if doublings else total.bit_length() - abs(difference).bit_length() + 1
    work = bits + GUARD + small
    z = (abs(difference) << work) // total
    artanh = _odd_series(z, work, 1)
    log_of_m = 2 * artanh if difference >= 0 else -2 * artanh
    error = 4 * work + 2 * abs(doublings) + 4
    return around(doublings * log_of_2(work) + log_of_m, error, work)


def _odd_series(x: int, work: int, sign: int) -> int:
    """The sum of x**k / k over odd k, with alternating signs (arctan) or not (artanh).

    x is less than 1/4, so that each of at most work/4 terms is wrong by less than 4 units.
    """
    square = x * x >> work
    total, term, k, factor = 0, x, 1, 1
    while term:
        total += factor * (term // k)
        term = term * square >> work
        k += 2
        factor *= sign
    return total


def angle(squared_tangent: Fraction, bits: int) -> Interval:
    """The angle from 0 to pi/4 with a tangent from 0 to 1, which is given by its square."""
    numerator, denominator = squared_tangent.numerator, squared_tangent.denominator
    small = (denominator.bit_length() - numerator.bit_length()) // 2 + 1
    work = bits + GUARD + small
    tangent = math.isqrt((numerator << (2 * work)) // denominator)
    halvings = 0
    while tangent >> (work - 3):
        # tan(a/2) = tan(a) / (1 + sqrt(1 + tan(a)**2)), half as wrong as tan(a) and by two units.
        secant = math.isqrt((1 << (2 * work)) + tangent * tangent)
        tangent = (tangent << work) // ((1 << work) + secant)
        halvings += 1
    error = (work + 8) << halvings
    return around(_odd_series(tangent, work, -1) << halvings, error, work)


def sine_and_cosine(x: int, work: int) -> tuple[int, int]:
    """Both of 0 <= x < 1, each wrong by less than 2 * work units, and by x's own error."""
    square = x * x >> work
    sums = []
    for term, n in ((x, 1), (1 << work, 0)):
        total, factor = 0, 1
        while term:
            total += factor * term
            term = term * square // ((n + 1) * (n + 2) << work)
            n += 2
            factor = -factor
        sums.append(total)
    return sums[0], sums[1]
