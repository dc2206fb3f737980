"""Which way to round, for arrays: `_round_away` of `numformats.exact`, on 64-bit fractions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from numformats.rounding import RoundingMode, Stochastic

_HALF = np.uint64(1 << 63)


def round_away(
    mode: RoundingMode,
    fraction: NDArray[np.uint64],
    *,
    negative: NDArray[np.bool_],
    tie_goes_outward: NDArray[np.bool_],
    odd_is_outward: NDArray[np.bool_],
    draws: NDArray[np.uint64] | None,
) -> NDArray[np.bool_]:
    """Whether each number is rounded away from zero.

    `fraction` is nu in units of 2**-64, its lowest bit set if any lower one was; `draws` is R.
    """
    match mode:
        case "toward_zero":
            return np.zeros(fraction.shape, np.bool_)
        case "away_from_zero":
            return fraction > 0
        case "toward_positive":
            return (fraction > 0) & ~negative
        case "toward_negative":
            return (fraction > 0) & negative
        case "nearest_away":
            return fraction >= _HALF
        case "nearest_zero":
            return fraction > _HALF
        case "nearest_even":
            is_tie: NDArray[np.bool_] = fraction == _HALF
            return (fraction > _HALF) | (is_tie & tie_goes_outward)
        case "to_odd":
            return (fraction > 0) & odd_is_outward
    assert draws is not None
    if mode == "stochastic_equal":
        is_one: NDArray[np.bool_] = draws == 1
        return (fraction > 0) & is_one
    assert isinstance(mode, Stochastic)
    return stochastic_sum(mode, fraction) + _scaled_draws(mode, draws) >= _one(mode)


def stochastic_sum(mode: Stochastic, fraction: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """What P3109 adds R to: nu in N bits (A, C) or N + 1 bits (B)."""
    bits = np.uint64(mode.bits)
    if mode.variant == "B":
        return fraction >> (np.uint64(63) - bits)
    # N bits are at the most 32, so the lowest bit with its hint of more is never among them.
    kept: NDArray[np.uint64] = fraction >> (np.uint64(64) - bits)
    if mode.variant == "A":
        return kept
    rest = fraction << bits
    up: NDArray[np.bool_] = (rest > _HALF) | ((rest == _HALF) & (kept % np.uint64(2) == 1))
    return kept + up.astype(np.uint64)


def _scaled_draws(mode: Stochastic, draws: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return draws * np.uint64(2) + np.uint64(1) if mode.variant == "B" else draws


def _one(mode: Stochastic) -> np.uint64:
    return np.uint64(2 ** (mode.bits + (mode.variant == "B")))
