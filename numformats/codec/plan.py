"""A plan: everything about a projection that does not depend on the number projected.

What happens at the ends of a format (overflow, infinity, NaN, zero) depends on the modes and the
sign alone. A plan asks `numformats.exact` once and keeps the codes, so that this is written once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TypeAlias

from numformats import exact
from numformats.exact.saturation import require_saturation
from numformats.modes import Modes, RoundingMode, random_bit_count
from numformats.system import Lattice, NumberSystem, Taper


@dataclass(frozen=True)
class BySign:
    """The same thing for positive and for negative numbers."""

    positive: int
    negative: int


# Plans are compared by identity: `make_plan` gives the same one for the same arguments, and what is
# kept for a plan is then found without hashing all that it holds.
@dataclass(frozen=True, eq=False)
class EncodePlan:
    """The parameters of encoding into a system whose values are a lattice."""

    lattice: Lattice
    rounding: RoundingMode
    bits: int
    # Whether an even tie asks for the parity of the significand, not of the code.
    ties_by_significand: bool
    wrap: bool
    # The largest step of a magnitude in range. What rounds to more gets the code of `overflow`.
    largest: BySign
    overflow: BySign
    infinity: BySign
    nan: BySign
    zero: BySign
    # The code that is set, or not, for what rounds to zero from below.
    negative_zero: int


@dataclass(frozen=True, eq=False)
class StaircasePlan:
    """The parameters of encoding into a system of few values: these in ascending order, and those
    beyond the ends that rounding knows.

    codes: what is written for each, and is_odd, whether its own is odd: beyond the ends, what is
    written is decided by the modes.
    boundaries: where rounding to nearest changes sides between each two values, as sums of two
    float64 numbers: see `numformats.irrational.as_two_floats`.
    """

    rounding: RoundingMode
    values: tuple[float, ...]
    codes: tuple[int, ...]
    is_odd: tuple[bool, ...]
    boundaries: tuple[tuple[float, float], ...]
    infinity: BySign
    nan: BySign


@dataclass(frozen=True, eq=False)
class TaperedPlan:
    """The parameters of encoding into a system whose precision changes from binade to binade."""

    rounding: RoundingMode
    taper: Taper
    bits: int
    # The largest step of a magnitude, to which everything beyond goes.
    highest_step: int
    # The step that the smallest numbers become: 1 where no number but zero becomes zero.
    lowest_step: BySign
    infinity: BySign
    nan: BySign


Plan: TypeAlias = EncodePlan | StaircasePlan | TaperedPlan


@lru_cache(maxsize=512)
def make_plan(system: NumberSystem, modes: Modes) -> Plan:
    """The plan of a projection. ValueError where the modes do not fit the system."""
    # Any draw will do: the numbers asked about below are exact, and so need no rounding.
    draw = 0 if random_bit_count(modes.rounding) else None

    def code(value: Fraction | float) -> int:
        return exact.project(
            value, system, modes.rounding, modes.saturation, nan=modes.nan, random_bits=draw
        )

    def by_sign(value: Fraction | float) -> BySign:
        return BySign(code(value), code(-value))

    require_saturation(system, modes.saturation)
    # Unused where NaN is refused on the way in; and infinity does not wrap.
    nan = by_sign(math.nan) if system.has_nan or modes.nan != "raise" else BySign(0, 0)
    wrap = modes.saturation == "wrap"
    infinity = BySign(0, 0) if wrap else by_sign(math.inf)
    lattice, taper = system.lattice, system.taper
    if taper is not None:
        tiny = by_sign(system.smallest_positive_exact / 2**64)
        return TaperedPlan(
            rounding=modes.rounding,
            taper=taper,
            bits=system.bits,
            highest_step=system.highest_step,
            lowest_step=BySign(tiny.positive, -tiny.negative % 2**system.bits),
            infinity=infinity,
            nan=nan,
        )
    if lattice is None:
        return StaircasePlan(
            rounding=modes.rounding,
            values=system.values_in_order,
            codes=_codes_of_steps(system, code),
            is_odd=tuple(map(system.is_odd, system.steps)),
            boundaries=system.boundaries_in_order,
            infinity=infinity,
            nan=nan,
        )
    return EncodePlan(
        lattice=lattice,
        rounding=modes.rounding,
        bits=system.bits,
        ties_by_significand=system.even_ties == "significand",
        wrap=wrap,
        largest=_largest(system),
        overflow=by_sign(_power_of_two_beyond(system)),
        infinity=infinity,
        nan=nan,
        zero=by_sign(0.0),
        negative_zero=1 << (system.bits - 1) if system.has_negative_zero else 0,
    )


def _codes_of_steps(
    system: NumberSystem, code: Callable[[Fraction | float], int]
) -> tuple[int, ...]:
    """What is written for each step; beyond the ends, what a projection makes of its value."""
    if not system.rounds_beyond:
        return system.codes_in_order
    below, above = (code(system.value_of_step(system.steps[end])) for end in (0, -1))
    return below, *system.codes_in_order, above


def _power_of_two_beyond(system: NumberSystem) -> Fraction:
    """A number out of range on both sides that needs no rounding."""
    reach = max(abs(system.lowest), abs(system.highest))
    # One more than the bits of its integer part, and 1 at the least.
    return Fraction(2) ** max(math.floor(reach).bit_length() + 1, 1)


def _largest(system: NumberSystem) -> BySign:
    # Without zero no negative number is in range, even what rounds to it.
    return BySign(system.highest_step, -system.lowest_step if system.has_zero else -1)
