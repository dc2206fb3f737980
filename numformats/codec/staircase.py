"""Encoding into a system of few values, for arrays: a codebook, or one with boundaries of its own.

The two neighbours of a number are found by bisection. On which side of the boundary between them it
lies, and how far on the way, is asked exactly: differences and products of float64 numbers are kept
as sums of these, whose sign is certain (`numformats.error_free`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numformats.codec.plan import StaircasePlan
from numformats.error_free import sign_of_sum, two_product
from numformats.modes import Away, RoundingMode, Stochastic, deterministic

Floats = NDArray[np.float64]


def encode_chunk(
    x: NDArray[Any], plan: StaircasePlan, draws: NDArray[np.uint64] | None
) -> NDArray[np.int64]:
    """The codes of float64, int64 or uint64 numbers."""
    is_nan, is_infinite = np.isnan(x), np.isinf(x)
    place = places_of(np.where(is_nan | is_infinite, 0, x).astype(x.dtype), plan, draws)
    codes = np.array(plan.codes, np.int64)[place]
    for found, choice in ((is_infinite, plan.infinity), (is_nan, plan.nan)):
        by_sign = np.where(np.signbit(x[found]), choice.negative, choice.positive)
        codes[found] = by_sign
    return codes


def places_of(
    x: NDArray[Any], plan: StaircasePlan, draws: NDArray[np.uint64] | None
) -> NDArray[np.intp]:
    """The places in the order of values of what numbers become; infinities count as large ones."""
    nearest_float, rest = _as_sum(x)
    values = np.array(plan.values)
    last = len(values) - 1
    # Beyond both ends sums of large numbers would be infinite.
    ends = 2 * np.abs(values).max()
    nearest_float = np.clip(nearest_float, -ends, ends)
    index = np.searchsorted(values, nearest_float, side="right") - 1
    # A number just below a value may have that value as its nearest float64.
    index -= (values[np.maximum(index, 0)] == nearest_float) & (rest < 0)
    lower, upper = np.clip(index, 0, last), np.clip(index + 1, 0, last)
    is_value = (values[lower] == nearest_float) & (rest == 0)
    upper = np.where(is_value, lower, upper)
    negative = nearest_float < 0
    inward, outward = np.where(negative, upper, lower), np.where(negative, lower, upper)
    bracket = _Bracket(
        nearest_float, rest, values[inward], values[outward], np.minimum(inward, outward), negative
    )
    codes = np.array(plan.codes, np.int64)
    parity = _Parity(codes[inward] & 1 == 1, codes[outward] & 1 == 1)
    return np.where(_round_away(plan, bracket, parity, draws), outward, inward)


@dataclass(frozen=True)
class _Bracket:
    """Numbers x, as sums of two float64, between their inward and outward neighbours, of which the
    lower has a place in the order.
    """

    x: Floats
    rest: Floats
    inward: Floats
    outward: Floats
    place: NDArray[np.intp]
    negative: NDArray[np.bool_]

    @property
    def is_inexact(self) -> NDArray[np.bool_]:
        """Where there is something to round."""
        return self.inward != self.outward

    def side(self, boundaries: Floats) -> NDArray[np.int64]:
        """1 beyond the boundary, -1 before it, as seen from the inward neighbour, and 0 on it.

        boundaries: of all places, as two rows of float64 numbers to be added.
        """
        high, low = boundaries[:, np.minimum(self.place, boundaries.shape[1] - 1)]
        sign = sign_of_sum([self.x, self.rest, -high, -low])
        return np.where(self.outward < self.inward, -sign, sign)

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


@dataclass(frozen=True)
class _Parity:
    """Whether the codes of the neighbours are odd."""

    inward: NDArray[np.bool_]
    outward: NDArray[np.bool_]

    def chosen(self, even: Any, odd: Any, alike: Any) -> NDArray[np.bool_]:
        """One of three, by whether the inward neighbour alone is even, or odd."""
        return np.where(self.inward == self.outward, alike, np.where(self.inward, odd, even))


def _round_away(
    plan: StaircasePlan, bracket: _Bracket, parity: _Parity, draws: NDArray[np.uint64] | None
) -> NDArray[np.bool_]:
    """Whether each number is rounded away from zero: what `numformats.modes` says, on brackets."""
    decided = deterministic(plan.rounding)
    if decided is None:
        assert draws is not None
        return bracket.is_inexact & _round_away_at_random(plan.rounding, bracket, draws)
    side = bracket.side(np.array(plan.boundaries).T)

    def reaches(away: Away) -> NDArray[np.bool_]:
        return {
            Away.INEXACT: np.ones_like(side, np.bool_),
            Away.FROM_HALF: side >= 0,
            Away.ABOVE_HALF: side > 0,
            Away.NEVER: np.zeros_like(side, np.bool_),
        }[away]

    three = decided.from_even, decided.from_odd, decided.from_alike
    away = parity.chosen(*map(reaches, three))
    if decided.negative is not None:
        away = np.where(bracket.negative, reaches(decided.negative), away)
    return bracket.is_inexact & away


def _round_away_at_random(
    mode: RoundingMode, bracket: _Bracket, draws: NDArray[np.uint64]
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


def _as_sum(x: NDArray[Any]) -> tuple[Floats, Floats]:
    """Numbers as the nearest float64 and what is left, which is 0 but for large integers."""
    nearest = x.astype(np.float64)
    if x.dtype == np.float64:
        return nearest, np.zeros_like(nearest)
    upper = (x >> 32).astype(np.float64) * 2.0**32
    lower = (x & 0xFFFFFFFF).astype(np.float64)
    # Each step is exact: nearest and upper are multiples of 2**32 apart, or closer than 2**33.
    return nearest, (upper - nearest) + lower
