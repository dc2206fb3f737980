"""Numbers that are no fractions: compared exactly, whatever that takes."""

from __future__ import annotations

import math
import pickle
from fractions import Fraction

import numpy as np
import pytest

from numformats.exact.series import log_of_2, one
from numformats.formats.powers import (
    PowerEnclosure,
    irrational_power,
    powers_as_floats,
    powers_as_two_floats,
)
from numformats.irrational import Irrational, as_two_floats, float_to_odd

minus_root = Irrational(PowerEnclosure(log_of_2, Fraction(1, 2), negative=True))
root = irrational_power(log_of_2, Fraction(1, 2))


def test_it_lies_between_its_neighbours_in_any_precision() -> None:
    for bits in (0, 10, 60, 500, 2000):
        below = Fraction(math.isqrt(2 << 2 * bits), 1 << bits)
        above = below + Fraction(1, 1 << bits)
        assert below < root < above
        assert below <= root <= above
        assert above > root > below
        assert not root < below
        assert not root >= above
        assert root not in (below, above)


@pytest.mark.parametrize("of", [float, np.float64, np.float32])
def test_it_is_compared_with_floats_as_they_are(of: type) -> None:
    number = of(2**0.5)
    is_below = Fraction(float(number)) ** 2 < 2
    assert (number < root) is (root > number) is is_below
    assert (number >= root) is (root <= number) is not is_below
    assert number != root
    assert root != number
    assert of("-inf") < root < of("inf")
    nan = of("nan")
    assert not any([root < nan, root > nan, root <= nan, root >= nan, nan < root, nan >= root])
    assert 1 < root < 2


def test_float_is_to_nearest() -> None:
    # This close to a tie 64 bits do not tell on which side.
    tie = Fraction(1) + Fraction(1, 2**53)
    for sign in (-1, 1):
        close = Irrational(lambda bits, at=tie + sign * Fraction(1, 2**300): _around(at, bits))
        assert float(close) == (1.0 if sign < 0 else 1 + 2.0**-52)
        assert (close > tie) is (sign > 0)
        assert float(close - tie) == sign * 2.0**-300


def _around(at: Fraction, bits: int) -> tuple[Fraction, Fraction]:
    # Whatever the number is, it is not what it is compared with.
    return at - Fraction(1, 2**bits), at + Fraction(2, 3 * 2**bits)


def test_two_floats_tell_all_that_have_fewer_bits_apart() -> None:
    nearest, rest = as_two_floats(root)
    assert nearest == 2**0.5
    assert Fraction(nearest) + Fraction(rest) != root
    assert abs(float(root - Fraction(nearest)) - rest) <= math.ulp(rest)
    assert int(rest / math.ulp(rest)) % 2 == 1
    assert as_two_floats(minus_root) == (-nearest, -rest)
    assert as_two_floats(Fraction(3, 4)) == (0.75, 0.0)
    third = as_two_floats(Fraction(1, 3))
    assert third[0] == 1 / 3
    assert int(third[1] / math.ulp(third[1])) % 2 == 1


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, 0.0),
        (3, 3.0),
        (2**53 + 2, 2.0**53 + 2),
        # Between an even float64 and an odd one, near either.
        (2**54 + 1, 2.0**54 + 4),
        (2**54 + 3, 2.0**54 + 4),
        (-(2**54) - 1, -(2.0**54) - 4),
        (2**54 + 7, 2.0**54 + 4),
        (Fraction(1, 2**2000), 5e-324),
        (-Fraction(1, 2**2000), -5e-324),
    ],
)
def test_rounding_to_odd(number: int | Fraction, expected: float) -> None:
    assert float_to_odd(number) == expected


def test_equal_enclosures_are_equal_numbers_and_pickle() -> None:
    again = pickle.loads(pickle.dumps(root))
    assert again == root
    assert hash(again) == hash(root)
    assert irrational_power(log_of_2, Fraction(1, 3)) != root
    assert str(root) == "about 1.4142135623730951"
    assert -2 < minus_root < -1


@pytest.mark.parametrize("log_of_base", [one, log_of_2])
def test_powers_of_a_list_are_those_made_one_by_one(log_of_base: object) -> None:
    bits = 9
    numerators = [*range(-3001, 3001, 70), 1, -1, 2**bits - 1, 400 * 2**bits + 1]
    expected = [irrational_power(log_of_base, Fraction(n, 2**bits)) for n in numerators]  # type: ignore[arg-type]
    floats = list(powers_as_floats(log_of_base, numerators, bits))  # type: ignore[arg-type]
    assert floats == [float(number) for number in expected]
    pairs = list(powers_as_two_floats(log_of_base, numerators, bits))  # type: ignore[arg-type]
    assert pairs == [as_two_floats(number) for number in expected]


def test_doubts_are_settled_by_narrower_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    numerators = [*range(1, 2000, 37)]
    expected = list(powers_as_two_floats(one, numerators, 9))
    nearest = list(powers_as_floats(one, numerators, 9))
    # With so few bits many products leave a doubt.
    monkeypatch.setattr("numformats.formats.powers._BITS", 56)
    assert list(powers_as_two_floats(one, numerators, 9)) == expected
    assert list(powers_as_floats(one, numerators, 9)) == nearest
