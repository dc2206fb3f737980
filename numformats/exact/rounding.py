"""Which of its two neighbours a number becomes: IEEE P3109 clause 4.7.4, and our further modes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from numformats.irrational import Irrational
from numformats.modes import RoundingMode, Stochastic
from numformats.system import NumberSystem


@dataclass(frozen=True)
class Neighbours:
    """The two values that enclose a number, of a system whose range has no upper end.

    `inward` is the one nearer to zero. Where the number is itself a value both are that. The steps
    of a lattice are those of magnitudes.
    """

    system: NumberSystem
    inward_step: int
    outward_step: int
    inward: Fraction
    outward: Fraction

    @property
    def are_one(self) -> bool:
        """Whether there is nothing to round."""
        return self.inward == self.outward

    @property
    def boundary(self) -> Fraction | Irrational | None:
        """Where rounding to nearest changes sides."""
        if self.are_one:
            return None
        if self.system.lattice is not None:
            return (self.inward + self.outward) / 2
        return self.system.boundary(min(self.inward_step, self.outward_step))

    @property
    def tie_goes_outward(self) -> bool:
        """What nearest-even does with a tie."""
        lattice = self.system.lattice
        if lattice is not None and self.system.even_ties == "significand":
            return lattice.significand_is_odd(self.inward_step)
        return self.system.is_odd(self.inward_step) and not self.system.is_odd(self.outward_step)

    @property
    def odd_is_outward(self) -> bool:
        """Whether the outward neighbour is the odd one of the two."""
        return self.system.is_odd(self.outward_step) and not self.system.is_odd(self.inward_step)

    def part(self, x: Fraction) -> Fraction:
        """nu, the part of the way from the inward to the outward neighbour at which x lies."""
        return Fraction(0) if self.are_one else (x - self.inward) / (self.outward - self.inward)


def neighbours(x: Fraction, system: NumberSystem) -> Neighbours:
    """The neighbours of a number; beyond the last steps of what is no lattice, the last one."""
    if system.lattice is None:
        return _staircase_neighbours(x, system)
    lattice, magnitude = system.lattice, abs(x)
    if x == 0:  # which needs no rounding; where there is no zero, it is out of range
        return Neighbours(system, 0, 0, x, x)
    below = lattice.step_below(magnitude)
    inward = lattice.magnitude(below)
    is_value = inward == magnitude
    above = below if is_value else lattice.step_beside(below, 1)
    sign = -1 if x < 0 else 1
    return Neighbours(system, below, above, sign * inward, sign * lattice.magnitude(above))


def _staircase_neighbours(x: Fraction, system: NumberSystem) -> Neighbours:
    lower = upper = system.step_of(x)
    if system.value_of_step(lower) < x and lower < system.steps[-1]:
        upper = lower + 1
    inward, outward = (upper, lower) if x < 0 else (lower, upper)
    return Neighbours(
        system, inward, outward, system.value_of_step(inward), system.value_of_step(outward)
    )


def rounded(x: Fraction, near: Neighbours, mode: RoundingMode, draw: int) -> Fraction:
    """RoundToPrecision: the neighbour of x that the mode chooses."""
    if near.are_one:
        return near.inward
    return near.outward if _round_away(x, near, mode, draw) else near.inward


def _round_away(x: Fraction, near: Neighbours, mode: RoundingMode, draw: int) -> bool:
    """RoundAway: whether to take the outward neighbour. x is neither of them.

    The column RoundAway of P3109 clause 4.7.4, and our further modes.
    """
    if isinstance(mode, Stochastic):
        nu, ulp = near.part(x), 2**mode.bits
        if mode.variant == "A":
            return math.floor(nu * ulp) + draw >= ulp
        if mode.variant == "B":
            return math.floor(nu * ulp * 2) + (2 * draw + 1) >= ulp * 2
        # round() of a Fraction is to the nearest integer, ties to even.
        return round(nu * ulp) + draw >= ulp
    if mode == "stochastic_equal":
        return draw == 1
    match mode:
        case "toward_zero":
            return False
        case "away_from_zero":
            return True
        case "toward_positive":
            return near.outward > near.inward
        case "toward_negative":
            return near.outward < near.inward
        case "to_odd":
            return near.odd_is_outward
        case "nearest_away":
            return _is_beyond_boundary(x, near) >= 0
        case "nearest_zero":
            return _is_beyond_boundary(x, near) > 0
        case "nearest_even":
            side = _is_beyond_boundary(x, near)
            return side > 0 or (side == 0 and near.tie_goes_outward)


def _is_beyond_boundary(x: Fraction, near: Neighbours) -> int:
    """1 if x is on the side of the outward neighbour, -1 if on that of the inward one, 0 on neither
    side.
    """
    boundary = near.boundary
    assert boundary is not None
    if x == boundary:
        return 0
    return 1 if (x > boundary) == (near.outward > near.inward) else -1
