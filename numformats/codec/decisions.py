"""Which way to round, for arrays: what `numformats.modes` says, on 64-bit fractions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numformats.modes import Away, RoundingMode, Stochastic, deterministic

_HALF = np.uint64(1 << 63)


def round_away(
    mode: RoundingMode,
    fraction: NDArray[np.uint64],
    *,
    negative: NDArray[np.bool_],
    tie_is_odd: NDArray[np.bool_],
    step_is_odd: NDArray[np.bool_],
    draws: NDArray[np.uint64] | None,
) -> NDArray[np.bool_]:
    """Whether each number is rounded away from zero.

    `fraction` is nu in units of 2**-64, its lowest bit set if any lower one was; `draws` is R. The
    neighbour nearer to zero is odd in the sense of the code, or of what ties to even look at.
    """
    decided = deterministic(mode)
    if decided is None:
        assert draws is not None
        return _round_away_at_random(mode, fraction, draws)
    is_odd = tie_is_odd if decided.breaks_ties_by_parity else step_is_odd
    away = _exceeds(fraction, decided.from_even)
    if decided.depends_on_parity:
        away = np.where(is_odd, _exceeds(fraction, decided.from_odd), away)
    if decided.negative is not None:
        away = np.where(negative, _exceeds(fraction, decided.negative), away)
    return away


def _exceeds(fraction: NDArray[np.uint64], away: Away) -> NDArray[np.bool_]:
    match away:
        case Away.INEXACT:
            return fraction > 0
        case Away.FROM_HALF:
            return fraction >= _HALF
        case Away.ABOVE_HALF:
            return fraction > _HALF
        case Away.NEVER:
            return np.zeros(fraction.shape, np.bool_)


def _round_away_at_random(
    mode: RoundingMode, fraction: NDArray[np.uint64], draws: NDArray[np.uint64]
) -> NDArray[np.bool_]:
    if mode == "stochastic_equal":
        return (fraction > 0) & (draws == 1)
    assert isinstance(mode, Stochastic)
    return stochastic_sum(mode, fraction) + _scaled_draws(mode, draws) >= _one(mode)


def stochastic_sum(mode: Stochastic, fraction: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """What P3109 adds R to: nu in N bits (A, C) or N + 1 bits (B)."""
    bits = np.uint64(mode.bits)
    if mode.variant == "B":
        return fraction >> (np.uint64(63) - bits)
    # N bits are at the most 32, so the lowest bit with its hint of more is never among them.
    kept = fraction >> (np.uint64(64) - bits)
    if mode.variant == "A":
        return kept
    rest = fraction << bits
    up = (rest > _HALF) | ((rest == _HALF) & (kept % np.uint64(2) == 1))
    return kept + up.astype(np.uint64)


def _scaled_draws(mode: Stochastic, draws: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return draws * np.uint64(2) + np.uint64(1) if mode.variant == "B" else draws


def _one(mode: Stochastic) -> Any:
    return np.uint64(2 ** (mode.bits + (mode.variant == "B")))
