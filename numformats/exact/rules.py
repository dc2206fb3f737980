"""Where standards of arithmetic differ about zeros, infinities and NaN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from numformats.checks import unknown
from numformats.system import Arithmetic, NumberSystem, require_system


@dataclass(frozen=True)
class Rules:
    """What a standard says of an operation where the real function says nothing.

    Attributes
    ----------
    signs : bool
        Whether zero and NaN have a sign, in operands and in results. If not, -0 is read as 0.
    poles : bool
        Whether a function is infinite at a pole, as 1/x is at zero. If not, it is NaN there. (Where
        zero has no sign, neither would that infinity have one.)
    hypot_ignores_nan : bool
        Whether the hypotenuse of an infinity and NaN is infinite.
    arctan2_of_equals : bool
        Whether the direction of (0, 0) and of two infinities is an angle. If not, it is NaN.
    arctan2_ends_at_pi : bool
        Whether the direction of every finite (x, y) toward x = -inf is +pi, for y < 0, too.
    neighbours_end : bool
        Whether there is a neighbour beyond the ends of the range: infinity next to itself, and what
        the format has for overflow next to the largest value. If not, it is NaN.
    nan_is_lowest : bool
        Whether NaN comes before all numbers in the total order. If not, it is at the end that its
        sign says.
    """

    signs: bool
    poles: bool
    hypot_ignores_nan: bool
    arctan2_of_equals: bool
    arctan2_ends_at_pi: bool
    neighbours_end: bool
    nan_is_lowest: bool


RULES: Final[dict[Arithmetic, Rules]] = {
    # IEEE 754-2019, clauses 5.3.1, 5.10, 6.3, 7.3 and 9.2.1.
    "ieee": Rules(
        signs=True,
        poles=True,
        hypot_ignores_nan=True,
        arctan2_of_equals=True,
        arctan2_ends_at_pi=False,
        neighbours_end=True,
        nan_is_lowest=False,
    ),
    # IEEE P3109 interim report v4.0, clauses 4.7.2, 4.10.5, 4.10.8, 4.10.14 to 4.10.16, 4.12, 4.16.
    "p3109": Rules(
        signs=False,
        poles=False,
        hypot_ignores_nan=False,
        arctan2_of_equals=False,
        arctan2_ends_at_pi=True,
        neighbours_end=False,
        nan_is_lowest=True,
    ),
}


def named_rules(rules: Arithmetic) -> Rules:
    """The rules of a name. ValueError for an unknown one."""
    if rules not in RULES:
        raise ValueError(unknown("rules", str(rules), RULES))
    return RULES[rules]


def find_rules(fmt: NumberSystem, rules: Arithmetic | None) -> Rules:
    """The rules of a name, or a format's own. TypeError for what is no format, ValueError for an
    unknown name.
    """
    require_system(fmt)
    return named_rules(fmt.arithmetic if rules is None else rules)
