"""Comparisons of numbers: IEEE 754-2019 5.6.1, 5.10 and 5.11; IEEE P3109 4.12."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from numformats.checks import unknown
from numformats.exact.numbers import Number, read_operand
from numformats.exact.rules import Rules, named_rules
from numformats.system import Arithmetic

if TYPE_CHECKING:
    from numformats.reals import Real


@dataclass(frozen=True)
class Comparison:
    """A comparison of two numbers: its name here and in P3109, and whether it holds."""

    name: str
    p3109: str | None
    holds: Callable[[Rules, Number, Number], bool]


def _total_order(rules: Rules, x: Number, y: Number) -> bool:
    return _place(rules, x) <= _place(rules, y)


def _place(rules: Rules, x: Number) -> tuple[int, Fraction | float, bool]:
    """What the total order goes by: which side NaN is on, the value, and zero's sign."""
    if x.is_nan:
        return (-1 if rules.nan_is_lowest or x.negative else 1), Fraction(0), False
    return 0, x.value, not x.negative


COMPARISONS: Final[dict[str, Comparison]] = {
    comparison.name: comparison
    for comparison in (
        Comparison("less", "CompareLess", lambda _, x, y: x.value < y.value),
        Comparison("less_equal", "CompareLessEqual", lambda _, x, y: x.value <= y.value),
        Comparison("equal", "CompareEqual", lambda _, x, y: x.value == y.value),
        Comparison("not_equal", None, lambda _, x, y: x.value != y.value),
        Comparison("greater", "CompareGreater", lambda _, x, y: x.value > y.value),
        Comparison("greater_equal", "CompareGreaterEqual", lambda _, x, y: x.value >= y.value),
        Comparison("total_order", "TotalOrder", _total_order),
    )
}


def compare(name: str, x: Real, y: Real, *, rules: Arithmetic = "ieee") -> bool:
    """Whether a comparison of two numbers holds, which are read as `project` reads them.

    `name` is one of `COMPARISONS`. With NaN none holds but ``not_equal`` and ``total_order``, which
    is x <= y in an order of all values: -0 comes before 0, and NaN at the end that its sign says;
    by the rules of P3109, before all numbers. ValueError for an unknown name or unknown rules, and
    what `project` raises for what is no number.

    Source: IEEE 754-2019, clauses 5.6.1, 5.10 and 5.11; IEEE P3109 interim report v4.0, clause
    4.12.

    >>> compare("less", "0.1", 0.1), compare("equal", 0.0, -0.0), compare("total_order", 0.0, -0.0)
    (True, True, False)
    """
    if name not in COMPARISONS:
        raise ValueError(unknown("name", str(name), COMPARISONS))
    followed = named_rules(rules)
    return COMPARISONS[name].holds(followed, read_operand(x, followed), read_operand(y, followed))
