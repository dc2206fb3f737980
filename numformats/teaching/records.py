"""The records that an explanation consists of. All numbers in them are exact."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias

from numformats.reals import Extended

Stage: TypeAlias = Literal["operand", "rounding", "saturation"]


@dataclass(frozen=True)
class Neighbour:
    """One of the two values that enclose a number.

    value : Fraction
        The value itself, of a range without end where the format has none there.
    code : int or None
        Its code; None for one beyond the ends.
    is_odd : bool
        Whether the code is odd; of one beyond the ends, whether it would be.
    """

    value: Fraction
    code: int | None
    is_odd: bool


@dataclass(frozen=True)
class Decision:
    """One step at which something was decided.

    stage : {"operand", "rounding", "saturation"}
        What the number is; which neighbour it becomes; what becomes of that beyond the ends.
    rule : str
        The rule in a word or two.
    sentence : str
        What it decided here, and why.
    source : str
        The clause that has the rule.
    """

    stage: Stage
    rule: str
    sentence: str
    source: str


@dataclass(frozen=True)
class Error:
    """How far a value is from the number that it stands for.

    absolute : Fraction
        The value less the number.
    relative : Fraction or None
        That, over the magnitude of the number; None for zero.
    ulps : Fraction or None
        Its magnitude in units of the distance between the two neighbours; None where there are not
        two.
    """

    absolute: Fraction
    relative: Fraction | None
    ulps: Fraction | None


@dataclass(frozen=True)
class Computation:
    """An operation whose exact result was projected.

    text : str
        As it was asked for.
    name : str
        The operation, by its name in `numformats.exact.OPERATIONS`.
    operands : tuple of Fraction or float
        What it was applied to, exactly.
    is_irrational : bool
        Whether its result is; the number that an explanation shows then agrees with it in the first
        60 digits.
    rounded_operands : tuple of Fraction or float, or None
        What the operands become, if they are projected first; None if the format has nothing for
        one, or random bits decide.
    rounded_first : int or None
        The code that the operation on these gives.
    """

    text: str
    name: str
    operands: tuple[Extended, ...]
    is_irrational: bool
    rounded_operands: tuple[Extended, ...] | None
    rounded_first: int | None
