"""A small rounding function with a switch for each bug that such functions have in the field."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import numformats as nf

Array = NDArray[Any]


@dataclass(frozen=True)
class Rounder:
    """Encodes floats as a textbook would, step by step; each field after the second is a bug."""

    fmt: nf.FloatFormat
    mode: Any = "nearest_even"
    saturation: str = "none"
    through: Any = None  # a dtype that inputs pass first
    kept_bits: int = 53  # of the input's significand: the rest is not even sticky
    flushes_input: bool = False
    flushes_result: bool = False
    quantum_shift: int = 0
    subnormal_shift: int = 0
    normal_precision_below: bool = False
    emin_shift: int = 0
    ties: str = ""  # another rule for ties
    threshold: float = 0.5  # another place for them
    ignores_sign: bool = False
    mirrors_sign: bool = False
    loses_carry: bool = False
    limit_steps: int = 0  # overflows that many values early or late
    overflow: str = ""  # to "max", "infinity", "nan"
    overflows_before_rounding: bool = False
    infinity: str = ""
    nan: str = ""
    zero_sign: str = ""  # "lost", "kept" on results alone
    sign_lost: bool = False
    bias_shift: int = 0
    away_when_exact: bool = False
    adds_half: bool = False
    uses_next_bit_only: bool = False
    drops_small: float = 0.0

    def but(self, **bugs: Any) -> Rounder:
        return replace(self, **bugs)

    def __call__(self, x: Array, draws: Array | None = None) -> Array:
        with np.errstate(all="ignore"):
            return self._encode(x, draws)

    def _encode(self, x: Array, draws: Array | None) -> Array:
        fmt = self.fmt
        x = x if self.through is None else x.astype(self.through)
        x = x.astype(np.float64)
        negative, magnitude = np.signbit(x), np.abs(x)
        magnitude = self._prepared(magnitude)
        fraction, exponent = np.frexp(np.where(np.isfinite(magnitude), magnitude, 1.0))
        if self.kept_bits < 53:
            scale = 2.0**self.kept_bits
            magnitude = np.where(
                np.isfinite(magnitude),
                np.ldexp(np.floor(fraction * scale) / scale, exponent),
                magnitude,
            )
        emin = fmt.emin + self.emin_shift
        exponent = exponent - 1
        if not self.normal_precision_below:
            exponent = np.maximum(exponent, emin)
        is_subnormal = magnitude < fmt.smallest_normal
        quantum = exponent - fmt.mantissa_bits + self.quantum_shift
        quantum = quantum + np.where(is_subnormal, self.subnormal_shift, 0)
        scaled = np.where(np.isfinite(magnitude), np.ldexp(magnitude, -quantum), 0)
        down = np.floor(scaled)
        away = self._away(scaled - down, down, quantum, negative, draws)
        significand = down + away
        if self.loses_carry:
            # The significand's bits turn to zeros, and the exponent does not learn of it.
            carries = (significand == 2.0 ** (fmt.mantissa_bits + 1)) & ~is_subnormal
            significand = np.where(carries, 2.0**fmt.mantissa_bits, significand)
        rounded = np.ldexp(significand, quantum)
        if self.flushes_result:
            rounded = np.where(rounded < fmt.smallest_normal, 0, rounded)
        return self._finish(x, magnitude, rounded, negative)

    def _prepared(self, magnitude: Array) -> Array:
        if self.flushes_input:
            magnitude = np.where(magnitude < self.fmt.smallest_normal, 0, magnitude)
        return np.where(magnitude < self.drops_small, 0, magnitude)

    def _away(
        self, part: Array, down: Array, quantum: Array, negative: Array, draws: Array | None
    ) -> Array:
        if isinstance(self.mode, nf.Stochastic):
            return self._drawn(part, negative, draws)
        if self.uses_next_bit_only:
            part = np.floor(part * 2) / 2
        if self.mirrors_sign:
            negative = ~negative
        if self.ignores_sign:
            negative = np.zeros_like(negative)
        inexact = part > 0 if not self.away_when_exact else part >= 0
        code_is_odd = down % 2 == 1
        if self.fmt.precision == 1:
            code_is_odd = (down > 0) & ((quantum + self.fmt.bias) % 2 == 1)
        half = self.threshold
        tie = {
            "even": code_is_odd,
            "odd": ~code_is_odd,
            "away": np.ones_like(negative),
            "zero": np.zeros_like(negative),
            "up": ~negative,
            "down": negative,
        }
        ties = {"nearest_even": "even", "nearest_away": "away", "nearest_zero": "zero"}
        if self.mode in ties:
            at_half = tie[self.ties or ties[self.mode]]
            return (part > half) | ((part == half) & at_half)
        choices: dict[str, Array] = {
            "toward_zero": np.zeros_like(negative),
            "away_from_zero": inexact,
            "toward_positive": inexact & ~negative,
            "toward_negative": inexact & negative,
            "to_odd": inexact & ~code_is_odd,
        }
        return choices[self.mode]

    def _drawn(self, part: Array, negative: Array, draws: Array | None) -> Array:
        whole = 2.0**self.mode.bits
        assert draws is not None
        kept = part * whole
        kept = np.rint(kept) if self.mode.variant == "C" else kept
        kept = np.floor(kept + 0.5) if self.mode.variant == "B" else np.floor(kept)
        drawn = draws.astype(np.float64)
        if self.adds_half:
            kept = kept + 1
        away = kept + drawn >= whole
        # As if it were the distance from the neighbour below: no longer that from zero.
        return np.where(negative & (part > 0), ~away, away) if self.ignores_sign else away

    def _finish(self, x: Array, magnitude: Array, rounded: Array, negative: Array) -> Array:
        fmt = self.fmt
        values = fmt.values()
        table = np.sort(np.unique(np.abs(values[np.isfinite(values)])))
        largest = table[len(table) - 1 - max(self.limit_steps, 0)]
        compared = magnitude if self.overflows_before_rounding else rounded
        over = compared > largest
        if self.limit_steps < 0:
            over = compared > largest + (table[-1] - table[-2])
        place = np.clip(np.searchsorted(table, rounded, side="right") - 1, 0, len(table) - 1)
        place = np.clip(place + self.bias_shift * (1 << fmt.mantissa_bits), 0, len(table) - 1)
        codes = place.astype(np.int64)
        towards = {"toward_positive": negative, "toward_negative": ~negative}
        inward = self.mode == "toward_zero" or towards.get(str(self.mode), np.zeros(x.shape, bool))
        if self.mode == "to_odd" and fmt.max_code % 2 == 1:
            inward = np.ones(x.shape, bool)
        if self.saturation == "finite":
            inward = np.ones(x.shape, bool)
        beyond = self._special(self.overflow or fmt.overflow)
        codes = np.where(over, np.where(inward, fmt.max_code, beyond), codes)
        at_infinity = self._special(self.infinity or fmt.overflow)
        if self.saturation == "finite" and not self.infinity:
            at_infinity = fmt.max_code
        codes = np.where(np.isinf(x), at_infinity, codes)
        signed = np.where(negative & (not self.sign_lost), fmt.sign_bit, 0)
        is_zero = codes == 0
        if not fmt.has_negative_zero and self.zero_sign != "kept":
            signed = np.where(is_zero, 0, signed)
        if self.zero_sign == "lost":
            signed = np.where(is_zero, 0, signed)
        if fmt.nan == "negative_zero":
            signed = np.where(codes == fmt.sign_bit, 0, signed)
        codes = codes | signed
        nan_code = self._special(self.nan or "nan") if fmt.has_nan else 0
        return np.where(np.isnan(x), nan_code, codes).astype(np.uint32)

    def _special(self, word: str) -> int:
        fmt = self.fmt
        found = {"infinity": fmt.inf_code, "nan": fmt.nan_code, "max": fmt.max_code, "zero": 0}
        code = found[word]
        return fmt.max_code if code is None else code
