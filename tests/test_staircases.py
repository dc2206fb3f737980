"""Staircases of many values: made once, exactly, and then at hand."""

from __future__ import annotations

import itertools
import math
import pickle
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import numformats as nf
from numformats.arithmetic.limits import deciding_bits
from numformats.codec.plan import StaircasePlan, make_plan
from numformats.formats.staircase import StaircaseFormat
from numformats.irrational import as_two_floats
from numformats.modes import Modes
from numformats.reals import Extended, significand_bits
from numformats.system import NumberSystem

RNG = np.random.default_rng(19)


def table(name: str, values: Any) -> nf.TableFormat:
    numbers = np.asarray(values, np.float64)
    return nf.TableFormat(name, RNG.permutation(numbers).tolist())


TABLES = [
    nf.TableFormat("pair", [3.0, -1.0]),
    nf.TableFormat("twice", [0.0, 1.0, 1.0, -2.0]),
    table("multiples of 3/8", np.arange(-8, 8) * 0.375),
    table("float32", RNG.standard_normal(64).astype("f4")),
    table("float64", RNG.standard_normal(64)),
    table("far apart", RNG.standard_normal(64) * 2.0 ** RNG.integers(-890, 890, 64)),
    table("powers", 2.0 ** np.arange(-8, 8)),
    table("close", 1 + np.arange(16) * 2.0**-52),
    table("far and close", [0.0, *(2.0**899 - np.arange(6) * 2.0**846), 2.0**-900]),
]


@dataclass(frozen=True, repr=False)
class Listed(StaircaseFormat):
    """Any values at all, and how often they were asked for."""

    name: str
    listed: tuple[Extended, ...]
    dtype_name: str | None = None
    asked: list[int] = field(default_factory=list, compare=False)

    @property
    def bits(self) -> int:
        return len(self.listed).bit_length() - 1

    def value(self, code: int) -> Extended:
        self.asked.append(code)
        value = self.listed[code]
        return value if isinstance(value, float) and not math.isfinite(value) else Fraction(value)


class Doubling(Listed):
    """One with boundaries of its own."""

    def boundary(self, step: int) -> Fraction:
        return (self.value_of_step(step) + 2 * self.value_of_step(step + 1)) / 3


EXTREME = Listed("extreme", (5e-324, -5e-324, 1.5e-323, 0.0, 1.7e308, -1.7e308, 1.6e308, 2e-308))
SPECIAL = Listed("special", (1.0, math.nan, -math.inf, 2.0, math.inf, 2.0, 0.5, math.nan))
OTHERS = [EXTREME, SPECIAL, Doubling("thirds", (1.0, 2.0, 4.0, 7.0))]
ALL = [*TABLES, *OTHERS]


@pytest.mark.parametrize("fmt", ALL, ids=lambda fmt: fmt.name)
def test_what_is_made_at_once_is_what_the_definition_says(fmt: StaircaseFormat) -> None:
    exact = sorted({Fraction(nf.exact.decode(code, fmt)) for code in range(2**fmt.bits)
                    if math.isfinite(nf.exact.decode(code, fmt))})  # fmt: skip
    steps = range(len(exact))
    assert fmt.highest_step == len(exact) - 1
    assert list(fmt.values_in_order) == exact == list(map(fmt.value_of_step, steps))
    by_code = [nf.exact.decode(code, fmt) for code in range(2**fmt.bits)]
    assert list(fmt.codes_in_order) == [by_code.index(value) for value in exact]
    # One by one, as `NumberSystem` makes them of any system.
    slow = NumberSystem.boundaries_in_order.fget(fmt)  # type: ignore[attr-defined]
    assert fmt.boundaries_in_order == slow
    assert slow == tuple(as_two_floats(fmt.boundary(step)) for step in steps[:-1])
    assert fmt.precision == max(map(significand_bits, exact))
    assert fmt.spacing_at_one == min(b - a for a, b in itertools.pairwise(exact))
    assert fmt.smallest_positive_exact == min(abs(value) for value in exact if value)
    denominator = max(value.denominator for value in exact)
    numerators = [int(value * denominator) for value in exact]
    assert fmt.quantum == Fraction(math.gcd(*numerators), denominator)


@pytest.mark.parametrize("fmt", ALL, ids=lambda fmt: fmt.name)
def test_the_step_below_any_number_is_found(fmt: StaircaseFormat) -> None:
    values = [fmt.value_of_step(step) for step in range(fmt.highest_step + 1)]
    tiny = Fraction(1, 2**1200)
    near = [value + delta for value in values for delta in (-tiny, 0, tiny)]
    middle = [(a + b) / 2 for a, b in itertools.pairwise(values)]
    for x in [
        *near,
        *middle,
        Fraction(0),
        tiny,
        -tiny,
        Fraction(10) ** 400,
        -(Fraction(10) ** 400),
    ]:
        below = [step for step, value in enumerate(values) if value <= x]
        assert fmt.step_of(x) == max(below, default=0) == NumberSystem.step_of(fmt, x)


@pytest.mark.parametrize("fmt", ALL, ids=lambda fmt: fmt.name)
def test_sticky_numbers_are_enough_where_all_points_have_52_bits(fmt: StaircaseFormat) -> None:
    steps = range(fmt.highest_step + 1)
    points = [*map(fmt.value_of_step, steps), *map(fmt.boundary, steps[:-1])]
    magnitudes = [Fraction(abs(point)) for point in points if point != 0]
    fits = all(
        number.denominator & (number.denominator - 1) == 0
        and significand_bits(number) <= 52
        and Fraction(1, 2**1073) <= number <= Fraction(2) ** 1023
        for number in magnitudes
    )
    expected = max(map(significand_bits, magnitudes)) if fits else None
    assert deciding_bits(fmt, Modes()) == expected


def test_a_value_is_asked_for_a_few_times_and_no_more() -> None:
    numbers = tuple(float(n) for n in RNG.permutation(np.arange(-500, 524)))
    fmt = Listed("numbers", numbers)

    def use() -> None:
        for mode in ("nearest_even", "toward_zero"):
            fmt.encode(np.float32([0.3, 7.0]), mode)
            nf.exact.project("0.3", fmt, mode)
        fmt.decode(np.array([7]))
        assert fmt.precision == 10
        assert fmt.eps == fmt.quantum == 1
        assert fmt.has_zero
        assert not fmt.has_nan
        assert deciding_bits(fmt, Modes()) is not None

    use()
    assert len(fmt.asked) <= 5 * len(numbers)
    fmt.asked.clear()
    use()
    assert not fmt.asked


def test_plans_share_what_a_table_keeps() -> None:
    fmt = TABLES[4]
    plans = [make_plan(fmt, Modes(mode)) for mode in ("nearest_even", "nearest_zero", "to_odd")]
    assert all(isinstance(plan, StaircasePlan) for plan in plans)
    assert all(plan.boundaries is fmt.boundaries_in_order for plan in plans)  # type: ignore[union-attr]


def test_a_subclass_that_has_other_boundaries_is_heard() -> None:
    class Downward(nf.TableFormat):
        def boundary(self, step: int) -> Fraction:
            return self.value_of_step(step + 1) - Fraction(1, 1024)

    values = [0.0, 1.0, 2.0, 3.0]
    assert nf.TableFormat("upward", values).encode([0.75, 1.75]).tolist() == [1, 2]
    assert Downward("downward", values).encode([0.75, 1.75]).tolist() == [0, 1]


def test_what_is_kept_is_not_pickled() -> None:
    fmt = table("many", np.arange(4096))
    size = len(pickle.dumps(fmt))
    fmt.encode([1.2])
    assert fmt.quantum == 1
    assert len(pickle.dumps(fmt)) == size
    assert pickle.loads(pickle.dumps(fmt)).encode([1.2]) == fmt.encode([1.2])


def test_a_table_of_16_bits_is_projected_as_the_oracle_says() -> None:
    values = np.unique(RNG.standard_normal(80000))[: 2**16]
    assert values.size == 2**16
    fmt = table("wide", values)
    means = values[:-1] / 2 + values[1:] / 2
    few = np.concatenate([RNG.choice(means, 300), RNG.choice(values, 100), [9.0, -9.0]])
    x = np.concatenate([few, np.nextafter(few, np.inf), np.nextafter(few, -np.inf)])
    for mode in ("nearest_even", "nearest_away", "toward_positive", nf.Stochastic(5)):
        draws = np.arange(x.size) % 32 if isinstance(mode, nf.Stochastic) else None
        expected = [
            nf.exact.project(number, fmt, mode, random_bits=None if draws is None else i % 32)
            for i, number in enumerate(x.tolist())
        ]
        np.testing.assert_array_equal(fmt.encode(x, mode, random_bits=draws), expected)
