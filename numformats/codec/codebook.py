"""Encoding into a table of values, for arrays.

The two neighbours of a number are found by bisection. Which is nearer, and by how much, is asked
exactly: table values are float64 numbers at any distance from each other, so differences and
products are kept as unevaluated sums of float64 numbers (an expansion), whose sign is certain.
Source: Shewchuk, "Adaptive precision floating-point arithmetic and fast robust geometric
predicates", Discrete & Computational Geometry 18, 1997: TwoSum, Split, TwoProduct, GrowExpansion.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numformats.codec.plan import TablePlan
from numformats.rounding import RoundingMode, Stochastic

Floats = NDArray[np.float64]


def encode_chunk(
    x: NDArray[Any], plan: TablePlan, draws: NDArray[np.uint64] | None
) -> NDArray[np.int64]:
    """The codes of float64, int64 or uint64 numbers."""
    is_nan = np.isnan(x)
    nearest_float, rest = _as_sum(np.where(is_nan, 0, x).astype(x.dtype))
    values, codes = np.array(plan.values), np.array(plan.codes, np.int64)
    # Infinity is beyond both ends like any number that large, and sums of it would be NaN.
    ends = 2 * np.abs(values).max()
    nearest_float = np.clip(nearest_float, -ends, ends)
    index = np.searchsorted(values, nearest_float, side="right") - 1
    # A number just below a table value may have that value as its nearest float64.
    index -= (values[np.maximum(index, 0)] == nearest_float) & (rest < 0)
    lower = np.clip(index, 0, len(values) - 1)
    upper = np.clip(index + 1, 0, len(values) - 1)
    exact = (values[lower] == nearest_float) & (rest == 0)
    upper = np.where(exact, lower, upper)
    negative = nearest_float < 0
    inward = np.where(negative, upper, lower)
    outward = np.where(negative, lower, upper)
    inward_is_odd, outward_is_odd = codes[inward] & 1 == 1, codes[outward] & 1 == 1
    away = _round_away(
        plan.rounding,
        _Bracket(nearest_float, rest, values[inward], values[outward], negative),
        tie_goes_outward=inward_is_odd & ~outward_is_odd,
        odd_is_outward=outward_is_odd & ~inward_is_odd,
        draws=draws,
    )
    return np.where(is_nan, plan.nan, codes[np.where(away, outward, inward)])


class _Bracket:
    """Numbers x, as sums of two float64, between their inward and outward neighbours."""

    def __init__(
        self, x: Floats, rest: Floats, inward: Floats, outward: Floats, negative: NDArray[np.bool_]
    ) -> None:
        self.x, self.rest, self.inward, self.outward = x, rest, inward, outward
        self.negative: NDArray[np.bool_] = negative
        self.is_inexact: NDArray[np.bool_] = inward != outward

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


def _round_away(
    mode: RoundingMode,
    bracket: _Bracket,
    *,
    tie_goes_outward: NDArray[np.bool_],
    odd_is_outward: NDArray[np.bool_],
    draws: NDArray[np.uint64] | None,
) -> NDArray[np.bool_]:
    """`_round_away` of `numformats.exact`, on brackets."""
    inexact: NDArray[np.bool_] = bracket.is_inexact
    match mode:
        case "toward_zero":
            return np.zeros(inexact.shape, np.bool_)
        case "away_from_zero":
            return inexact
        case "toward_positive":
            return inexact & ~bracket.negative
        case "toward_negative":
            return inexact & bracket.negative
        case "to_odd":
            return inexact & odd_is_outward
        case "nearest_away":
            return bracket.compare(1.0, 2.0) >= 0
        case "nearest_zero":
            return bracket.compare(1.0, 2.0) > 0
        case "nearest_even":
            to_half = bracket.compare(1.0, 2.0)
            is_tie: NDArray[np.bool_] = to_half == 0
            return (to_half > 0) | (is_tie & tie_goes_outward)
    assert draws is not None
    if mode == "stochastic_equal":
        is_one: NDArray[np.bool_] = draws == 1
        return inexact & is_one
    assert isinstance(mode, Stochastic)
    return _stochastic(mode, bracket, draws)


def _stochastic(
    mode: Stochastic, bracket: _Bracket, draws: NDArray[np.uint64]
) -> NDArray[np.bool_]:
    """P3109's RoundAway, solved for nu: each variant compares it with a multiple of 2**-(N+1).

    A: floor(nu 2**N) + R >= 2**N says nu >= (2**N - R) / 2**N; B the same half a unit lower; C as
    B, but nu on the border rounds down to even unless 2**N - R is even.
    """
    whole = 2.0 ** (mode.bits + 1)
    needed = 2.0**mode.bits - draws.astype(np.float64)
    part = 2 * needed - (mode.variant != "A")
    difference = bracket.compare(part, whole)
    at_border: NDArray[np.bool_] = difference == 0
    if mode.variant == "C":
        at_border &= needed % 2 == 0
    return bracket.is_inexact & ((difference > 0) | at_border)


def _as_sum(x: NDArray[Any]) -> tuple[Floats, Floats]:
    """Numbers as the nearest float64 and what is left, which is 0 but for large integers."""
    nearest = x.astype(np.float64)
    if x.dtype == np.float64:
        return nearest, np.zeros_like(nearest)
    upper = (x >> 32).astype(np.float64) * 2.0**32
    lower = (x & 0xFFFFFFFF).astype(np.float64)
    # Each step is exact: nearest and upper are multiples of 2**32 apart, or closer than 2**33.
    return nearest, (upper - nearest) + lower


def two_sum(a: Any, b: Any) -> tuple[Any, Any]:
    """a + b as the rounded sum and its error: together exactly a + b."""
    total = a + b
    b_part = total - a
    return total, (a - (total - b_part)) + (b - b_part)


def two_product(a: Any, b: Any) -> tuple[Any, Any]:
    """a * b as the rounded product and its error: together exactly a * b."""
    product = a * b
    (a_high, a_low), (b_high, b_low) = _split(a), _split(b)
    error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, error


def _split(a: Any) -> tuple[Any, Any]:
    """a as a sum of two numbers of at most 26 significand bits, whose products are exact."""
    spread = a * (2.0**27 + 1)
    high = spread - (spread - a)
    return high, a - high


def sign_of_sum(terms: list[Any]) -> NDArray[np.int64]:
    """The sign of an exact sum of float64 arrays: -1, 0 or 1."""
    expansion: list[Any] = reduce(_grow, terms, [])
    # The parts do not overlap and grow in magnitude, so the last that is not zero decides.
    sign: NDArray[np.float64] = np.zeros(np.broadcast_shapes(*(np.shape(t) for t in terms)))
    for part in expansion:
        sign = np.where(part != 0, np.sign(part), sign)
    return sign.astype(np.int64)


def _grow(expansion: list[Any], term: Any) -> list[Any]:
    """The expansion of a sum with one term more."""
    grown = []
    for part in expansion:
        term, error = two_sum(term, part)
        grown.append(error)
    return [*grown, term]
