"""Encoding into floating and fixed point, for arrays: one algorithm for all of them, in NumPy.

The magnitude codes of a format count its values upward from zero. So a number is rounded by
truncating it to the code below and adding 1 or 0. A carry from one binade into the next, or past
the largest value, needs no care: it is the next code.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numformats.codec.decisions import round_away
from numformats.codec.plan import BySign, EncodePlan
from numformats.codec.significands import Parts, shift_right, take_apart
from numformats.modes import deterministic
from numformats.system import Lattice

# Bits of the quotient that tells a place in the gap above zero; the last is a hint of more.
_GAP_BITS = 33


def encode_chunk(
    x: NDArray[Any], plan: EncodePlan, draws: NDArray[np.uint64] | None
) -> NDArray[np.int64]:
    """The codes of numbers of a working dtype: float32, float64, int64 or uint64."""
    parts = take_apart(x)
    distance, binade = _place(parts.exponent, plan)
    floor, fraction = shift_right(parts.significand, distance)
    significand = floor.astype(np.int64)
    magnitude = significand + binade
    inside = None
    if plan.lattice.gap:
        inside = _fill_gap(magnitude, fraction, parts, plan.lattice)
        significand[inside] = 0
    away = round_away(
        plan.rounding,
        fraction,
        negative=parts.negative,
        inward=significand if _counts_significands(plan) else magnitude,
        draws=draws,
        alike=inside if plan.lattice.ends_of_gap_are_even else None,
    )
    magnitude += away
    if inside is not None:
        magnitude[inside] *= plan.lattice.smallest_step
    codes = _wrapped(magnitude, parts, plan) if plan.wrap else _in_range(magnitude, parts, plan)
    if parts.special.size:
        _put_specials(codes, x, parts, plan)
    return codes


def _place(
    exponent: NDArray[np.int64], plan: EncodePlan
) -> tuple[NDArray[np.int64], NDArray[np.int64] | int]:
    """How far the binary point lies right of the quantum, and the code at the binade's foot.

    The first is the distance to shift a significand right, so that its units are quanta. The second
    is short by the hidden bit, which the shifted significand brings along.
    """
    lattice = plan.lattice
    to_lowest = 64 + lattice.lowest_quantum - exponent
    if not lattice.floating:
        # From 2**62 quanta on all is out of range, and half of it, too; so int64 has room for what
        # is rounded. If it is wrapped, every bit counts.
        return np.maximum(to_lowest, 1 if plan.wrap else 2), 0
    distance = np.full(exponent.shape, 63 - lattice.trailing_bits)
    if lattice.gradual:
        distance = np.maximum(to_lowest, distance)
    return distance, (distance - to_lowest) << lattice.trailing_bits


def _counts_significands(plan: EncodePlan) -> bool:
    """Whether what is even or odd is the significand, and not the code."""
    if not plan.ties_by_significand:
        return False
    decided = deterministic(plan.rounding)
    return decided is not None and decided.breaks_ties_by_parity


def _fill_gap(
    magnitude: NDArray[np.int64], fraction: NDArray[np.uint64], parts: Parts, lattice: Lattice
) -> NDArray[np.intp]:
    """Truncate anew, to 0, what lies between zero and the smallest value of a format without
    subnormals; that value may be no power of two, so the fraction takes a division. Returns where.
    """
    (inside,) = (magnitude < lattice.smallest_step).nonzero()
    unit = lattice.lowest_quantum - 1  # the smallest value is lattice.gap * 2**unit
    distance = 64 + unit - _GAP_BITS - parts.exponent[inside]
    scaled, rest = shift_right(parts.significand[inside], distance)
    quotient, remainder = np.divmod(scaled, np.uint64(lattice.gap))
    inexact = (remainder > 0) | (rest > 0)
    magnitude[inside] = 0
    fraction[inside] = (quotient << np.uint64(64 - _GAP_BITS)) | inexact
    return inside


def _in_range(magnitude: NDArray[np.int64], parts: Parts, plan: EncodePlan) -> NDArray[np.int64]:
    """The codes of rounded magnitudes, with what is beyond the largest replaced."""
    negative = parts.negative
    if not plan.lattice.has_zero:
        # There alone magnitudes may lie below the codes; they go to the smallest.
        magnitude = np.maximum(magnitude, 0)
    if plan.lattice.complement:
        codes = _twos_complement(magnitude, negative, plan.bits)
    else:
        # What becomes zero keeps its sign where there is a negative zero.
        has_sign = negative if plan.negative_zero else negative & (magnitude != 0)
        codes = magnitude | np.where(has_sign, 1 << (plan.bits - 1), 0)
    too_large = magnitude > _by_sign(plan.largest, negative)
    if np.count_nonzero(too_large):
        codes = np.where(too_large, _by_sign(plan.overflow, negative), codes)
    return codes


def _wrapped(magnitude: NDArray[np.int64], parts: Parts, plan: EncodePlan) -> NDArray[np.int64]:
    """The low bits of rounded magnitudes, negative ones as two's complement."""
    # What has 64 bits or more was cut short; it is its significand, shifted to the left.
    distance = parts.exponent - (64 + plan.lattice.lowest_quantum)
    low_bits = parts.significand << np.clip(distance, 0, 63).astype(np.uint64)
    low_bits[distance > 63] = 0
    magnitude = np.where(distance < 0, magnitude, low_bits.astype(np.int64))
    return _twos_complement(magnitude, parts.negative, plan.bits)


def _twos_complement(
    magnitude: NDArray[np.int64], negative: NDArray[np.bool_], bits: int
) -> NDArray[np.int64]:
    return np.where(negative, -magnitude, magnitude) & ((1 << bits) - 1)


def _by_sign(choice: BySign, negative: NDArray[np.bool_]) -> NDArray[np.int64] | int:
    if choice.positive == choice.negative:
        return choice.positive
    return np.where(negative, choice.negative, choice.positive)


def _put_specials(
    codes: NDArray[np.int64], x: NDArray[Any], parts: Parts, plan: EncodePlan
) -> None:
    """Put in place the codes of zeros, infinities and NaNs."""
    at = parts.special
    x, negative = x[at], parts.negative[at]
    for found, choice in (
        (x == 0, plan.zero),
        (np.isinf(x), plan.infinity),
        (np.isnan(x), plan.nan),
    ):
        if np.count_nonzero(found):
            codes[at[found]] = _by_sign(choice, negative[found])
