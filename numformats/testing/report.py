"""What a check found: mismatches told as stories, grouped by their cause."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from numformats.formats.format import Format
from numformats.irrational import Irrational
from numformats.modes import RoundingMode, rule_of
from numformats.reals import in_powers_of_two, read_number


@dataclass(frozen=True, repr=False)
class Mismatch:
    """One input for which a function departs from the format's meaning. `str` tells its story.

    `input` is the NumPy scalar (a code, if decoding was checked); `lower` and `upper` are the
    finite values that enclose it, or None beyond an end; `expected` and `given` are values, and
    `flags` the flags expected and given, where these are what is wrong.
    """

    fmt: Format
    rounding: RoundingMode
    saturation: str
    cause: str
    input: Any
    lower: float | None
    upper: float | None
    expected: float
    given: float
    random_bits: int | None = None
    flags: tuple[str, str] | None = None

    def __repr__(self) -> str:
        expected, given = self._expected_and_given
        number = f"{hexadecimal(self.input)} = {exactly(self.input)}"
        return f"<Mismatch {self.cause}: {number}, expected {expected}, given {given}>"

    def __str__(self) -> str:
        lines = [
            f"{self.fmt.name}, {self.rounding}, saturation {self.saturation}: {self.cause}",
            f"  input     {hexadecimal(self.input)} = {exactly(self.input)}",
            f"  between   {_end(self.lower)} and {_end(self.upper)}",
            *self._boundary,
            f"  rule      {_rule(self.fmt, self.rounding)}",
        ]
        if self.random_bits is not None:
            lines.append(f"  drawn     R = {self.random_bits}")
        expected, given = self._expected_and_given
        return "\n".join([*lines, f"  expected  {expected}", f"  given     {given}"])

    @property
    def _boundary(self) -> list[str]:
        """A line on where its neighbours change sides, if that is not in their middle."""
        lower, upper = self.lower, self.upper
        is_lattice = self.fmt.lattice is not None  # where it always is
        if is_lattice or lower is None or upper is None or lower == upper:
            return []
        boundary = self.fmt.boundary(self.fmt.step_of(Fraction(lower)))
        is_mean = boundary == (Fraction(lower) + Fraction(upper)) / 2
        return [] if is_mean else [f"  boundary  {_boundary_in_words(boundary)}"]

    @property
    def _expected_and_given(self) -> tuple[str, str]:
        return self.flags or (exactly(self.expected), exactly(self.given))


@dataclass(frozen=True)
class Group:
    """The mismatches of one cause: how many, and some of them, the simplest first."""

    count: int
    examples: tuple[Mismatch, ...]


@dataclass(frozen=True, repr=False)
class Report:
    """What `check_rounding` found; as a truth value, whether that is nothing.

    tried: how many inputs were compared. mismatches: a `Group` for each cause that there is.
    is_proof: whether every input of the dtype was among them. `str` tells the story.
    """

    fmt: Format
    rounding: RoundingMode
    tried: int
    mismatches: Mapping[str, Group]
    is_proof: bool = False

    @property
    def passed(self) -> bool:
        """Whether nothing was found."""
        return not self.mismatches

    def __bool__(self) -> bool:
        # So that `assert check_rounding(...)` is what it looks like.
        return self.passed

    @property
    def simplest(self) -> Mismatch | None:
        """The mismatch with the simplest input, if there is one."""
        examples = [group.examples[0] for group in self.mismatches.values()]
        return min(examples, key=lambda found: simplicity(found.input), default=None)

    @property
    def _head(self) -> str:
        verdict = "passed" if self.passed else "failed"
        scope = "all " if self.is_proof else ""
        return f"{self.fmt.name}, {self.rounding}: {verdict}, {scope}{self.tried:,} inputs"

    def __repr__(self) -> str:
        counts = (f"{group.count:,} {cause}" for cause, group in sorted(self.mismatches.items()))
        return f"<Report {', '.join([self._head, *counts])}>"

    def __str__(self) -> str:
        head = self._head
        if self.simplest is None:
            return head
        groups = [
            f"  {group.count:>9,}  {cause}" for cause, group in sorted(self.mismatches.items())
        ]
        return "\n".join([head, *groups, str(self.simplest)])


class RoundingError(AssertionError):
    """A function departs from the meaning of a format; `report` has all that was found."""

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report


class OracleError(AssertionError):
    """The fast codec and `numformats.exact` differ: numformats itself is wrong."""


def simplicity(x: Any) -> tuple[int, int, bool, Fraction]:
    """A key by which simpler numbers come first: fewer bits, nearer to 1, positive."""
    value, negative = read_number(x)
    if not isinstance(value, Fraction):
        return 2 if math.isnan(value) else 1, 0, negative, Fraction(0)
    top = abs(value.numerator)
    bits = top.bit_length() - max((top & -top).bit_length() - 1, 0)
    scale = abs(top.bit_length() - value.denominator.bit_length())
    return 0, bits + scale, negative, abs(value)


def hexadecimal(x: Any) -> str:
    """The bits of a NumPy scalar.

    >>> import numpy as np
    >>> hexadecimal(np.float32(1.0))
    '0x3f800000'
    """
    data: bytes = x.tobytes()
    return "0x" + data[::-1].hex()


def exactly(x: Any) -> str:
    """A number in decimal, with all its digits.

    >>> exactly(0.1)
    '0.1000000000000000055511151231257827021181583404541015625'
    """
    value = x.item() if hasattr(x, "item") else x
    if isinstance(value, float) and (not math.isfinite(value) or value == 0):
        return str(value)
    # Beyond this the digits tell less than the exponent.
    return f"{Decimal(value):f}" if abs(value) < 10**30 else f"{Decimal(value):e}"


def _boundary_in_words(boundary: Fraction | Irrational) -> str:
    return in_powers_of_two(boundary) if isinstance(boundary, Fraction) else str(boundary)


def _end(value: float | None) -> str:
    return "nothing" if value is None else exactly(value)


def _rule(fmt: Format, rounding: RoundingMode) -> str:
    if rounding == "nearest_even" and fmt.even_ties == "significand":
        return "the nearer neighbour; of two equally near, the one with the even significand"
    return rule_of(rounding)
