"""Which way to round, for arrays: what `numformats.modes` says, on 64-bit fractions."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.modes import DETERMINISTIC, Away, RoundingMode, Stochastic, deterministic

_HALF: Final = np.uint64(1 << 63)

# A fraction above this is large enough, in units of 2**-64.
_THRESHOLDS: Final = {
    Away.INEXACT: np.uint64(0),
    Away.FROM_HALF: _HALF - np.uint64(1),
    Away.ABOVE_HALF: _HALF,
    Away.NEVER: np.uint64(2**64 - 1),
}
# The same by the parity of the neighbour nearer to zero: even, odd, even as the other one is.
_BY_PARITY: Final[dict[RoundingMode, NDArray[np.uint64]]] = {
    mode: np.array([_THRESHOLDS[way] for way in (one.from_even, one.from_odd, one.from_alike)])
    for mode, one in DETERMINISTIC.items()
}


def round_away(
    mode: RoundingMode,
    fraction: NDArray[np.uint64],
    *,
    negative: NDArray[np.bool_],
    inward: NDArray[np.int64],
    draws: NDArray[np.uint64] | None,
    alike: NDArray[np.intp] | None = None,
) -> NDArray[np.bool_]:
    """Whether each number is rounded away from zero.

    `fraction` is nu in units of 2**-64, its lowest bit set if any lower one was; `draws` is R.
    `inward` is the neighbour nearer to zero, as an integer with the parity that the mode looks at;
    `alike`, where both neighbours have the same.
    """
    decided = deterministic(mode)
    if decided is None:
        assert draws is not None
        return _round_away_at_random(mode, fraction, draws)
    if decided.depends_on_parity:
        parity = inward & 1
        if alike is not None:
            parity[alike] = 2
        away = fraction > _BY_PARITY[mode].take(parity)
    else:
        away = fraction > _THRESHOLDS[decided.from_even]
    if decided.negative is not None:
        away = np.where(negative, fraction > _THRESHOLDS[decided.negative], away)
    return away


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
