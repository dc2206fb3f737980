"""Encoding into a system of few values, for arrays: a codebook, or one with boundaries of its own.

As numbers grow, so do the values that they become: a deterministic projection is known by the
numbers from which on each step is taken, and these are searched. Random modes ask how far on the
way between its neighbours a number lies.

Both are exact. A number, and a boundary, is a sum of two float64: the nearest one, and what is left
of it. Here it is a complex number, since NumPy orders these as such sums are: by their first part
and, where that is the same, by their second.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numformats.codec.plan import StaircasePlan
from numformats.error_free import sign_of_sum, two_product
from numformats.modes import Away, RoundingMode, Stochastic, deterministic

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
Sums = NDArray[np.complex128]


def encode_chunk(
    x: NDArray[Any], plan: StaircasePlan, draws: NDArray[np.uint64] | None
) -> NDArray[np.int64]:
    """The codes of numbers of a working dtype: float32, float64, int64 or uint64."""
    (special,) = (~np.isfinite(x)).nonzero()
    finite = x
    if special.size:
        finite = x.copy()
        finite[special] = 0
    codes = _listed(plan).codes.take(places_of(finite, plan, draws))
    if special.size:
        codes[special] = _codes_of_specials(x[special], plan)
    return codes


def _codes_of_specials(x: Floats, plan: StaircasePlan) -> NDArray[np.int64]:
    """The codes of infinities and NaNs."""
    infinity, nan = (
        np.where(np.signbit(x), choice.negative, choice.positive)
        for choice in (plan.infinity, plan.nan)
    )
    return np.where(np.isnan(x), nan, infinity)


def places_of(x: NDArray[Any], plan: StaircasePlan, draws: NDArray[np.uint64] | None) -> Places:
    """The places in the order of values of what numbers become; infinities count as large ones."""
    numbers = as_sums(x)
    if draws is not None:
        return _places_at_random(numbers, plan, draws)
    stairs = _stairs(plan)
    return stairs.places.take(stairs.starts.searchsorted(numbers, side="right"))


def as_sums(x: NDArray[Any]) -> Sums:
    """Numbers, of which all but large integers are float64 themselves."""
    sums = x.astype(np.complex128)
    if x.dtype.kind != "f":
        upper = (x >> 32).astype(np.float64) * 2.0**32
        lower = (x & 0xFFFFFFFF).astype(np.float64)
        # Each step is exact: the real part and `upper` are multiples of 2**32 apart, or closer than
        # 2**33.
        sums.imag = (upper - sums.real) + lower
    return sums


class _Listed(NamedTuple):
    """The values of a plan in their order, and their codes."""

    values: Floats
    codes: NDArray[np.int64]


# Kept, since to make arrays of so many numbers takes longer than to encode a few.
@lru_cache(maxsize=64)
def _listed(plan: StaircasePlan) -> _Listed:
    return _Listed(np.array(plan.values), np.array(plan.codes, np.int64))


class _Stairs(NamedTuple):
    """Where the steps of a deterministic projection begin, and the places that they are at: one
    before them all, and one from each on.
    """

    starts: Sums
    places: Places


@lru_cache(maxsize=64)
def _stairs(plan: StaircasePlan) -> _Stairs:
    values, _ = _listed(plan)
    below, above = _starts(plan, negative=True), _starts(plan, negative=False)
    places = np.arange(len(values))
    (crossed,) = ((values[:-1] < 0) & (values[1:] > 0)).nonzero()
    if not crossed.size:
        return _Stairs(np.where(values[1:] <= 0, below, above), places)
    # Where zero is no value, "away from zero" turns round between its neighbours: numbers below it
    # may end at the upper one, and those above it at the lower.
    gap = int(crossed[0])
    around_zero = np.minimum(below[gap], 0), 0, np.maximum(above[gap], 0)
    starts = np.concatenate([below[:gap], around_zero, above[gap + 1 :]])
    return _Stairs(starts, np.insert(places, gap + 1, [gap + 1, gap]))


def _starts(plan: StaircasePlan, *, negative: bool) -> Sums:
    """Between each two values, the first number that becomes the upper one, if the numbers there
    have that sign.
    """
    values, is_odd = _listed(plan).values, np.array(plan.is_odd)
    decided = deterministic(plan.rounding)
    assert decided is not None
    lower, upper = values[:-1].astype(np.complex128), values[1:].astype(np.complex128)
    boundary = np.array(plan.boundaries).reshape(-1, 2).view(np.complex128)[:, 0]
    # No boundary takes a value away from itself.
    at, past = (np.clip(number, _next(lower), upper) for number in (boundary, _next(boundary)))
    start = {
        Away.INEXACT: _next(lower),
        Away.FROM_HALF: at,
        Away.ABOVE_HALF: past,
        Away.NEVER: upper,
    }
    lower_is_odd, upper_is_odd = is_odd[:-1], is_odd[1:]
    inward_is_odd = lower_is_odd
    if negative:
        # There the way from zero leads down: what goes down from half the way on goes up just above
        # it, and so each of the four turns into the one across from it.
        start = dict(zip(start, reversed(start.values()), strict=True))
        inward_is_odd = upper_is_odd
        if decided.negative is not None:
            return start[decided.negative]
    from_one = np.where(inward_is_odd, start[decided.from_odd], start[decided.from_even])
    return np.where(lower_is_odd == upper_is_odd, start[decided.from_alike], from_one)


def _next(sums: Sums) -> Sums:
    """The sums just above."""
    above = sums.copy()
    above.imag = np.nextafter(sums.imag, np.inf)
    return above


def _places_at_random(numbers: Sums, plan: StaircasePlan, draws: NDArray[np.uint64]) -> Places:
    values, _ = _listed(plan)
    last = len(values) - 1
    place = values.astype(np.complex128).searchsorted(numbers, side="right") - 1
    lower, upper = np.clip(place, 0, last), np.clip(place + 1, 0, last)
    upper = np.where(values[lower] == numbers, lower, upper)
    negative = numbers.real < 0
    inward, outward = np.where(negative, upper, lower), np.where(negative, lower, upper)
    # Beyond both ends sums of large numbers would be infinite.
    ends = 2 * np.abs(values).max()
    nearest = np.clip(numbers.real, -ends, ends)
    bracket = Bracket(nearest, numbers.imag, values[inward], values[outward])
    away = (inward != outward) & round_away_at_random(plan.rounding, bracket, draws)
    return np.where(away, outward, inward)


@dataclass(frozen=True)
class Bracket:
    """Numbers x, as sums of two float64, between their inward and outward neighbours."""

    x: Floats
    rest: Floats
    inward: Floats
    outward: Floats

    def compare(self, part: Any, whole: float) -> NDArray[np.int64]:
        """The sign of nu - part / whole, where nu = (x - inward) / (outward - inward).

        That is the sign of whole * x - (whole - part) * inward - part * outward, turned round where
        outward lies below inward. `part` and `whole` are integers that float64 holds, and `whole`
        is a power of two.
        """
        terms = [
            self.x * whole,
            self.rest * whole,
            *two_product(self.inward, np.asarray(part - whole, np.float64)),
            *two_product(self.outward, np.asarray(-part, np.float64)),
        ]
        sign = sign_of_sum(terms)
        return np.where(self.outward < self.inward, -sign, sign)


def round_away_at_random(
    mode: RoundingMode, bracket: Bracket, draws: NDArray[np.uint64]
) -> NDArray[np.bool_]:
    """P3109's RoundAway, solved for nu: each variant compares it with a multiple of 2**-(N+1).

    A: floor(nu 2**N) + R >= 2**N says nu >= (2**N - R) / 2**N; B the same half a unit lower; C as
    B, but nu on the border rounds down to even unless 2**N - R is even.
    """
    if mode == "stochastic_equal":
        return draws == 1
    assert isinstance(mode, Stochastic)
    whole = 2.0 ** (mode.bits + 1)
    needed = 2.0**mode.bits - draws.astype(np.float64)
    part = 2 * needed - (mode.variant != "A")
    difference = bracket.compare(part, whole)
    at_border = difference == 0
    if mode.variant == "C":
        at_border &= needed % 2 == 0
    return (difference > 0) | at_border
