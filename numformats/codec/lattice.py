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
from numformats.system import Lattice

# Bits of the quotient that tells a place in the gap above zero; the last is a hint of more.
_GAP_BITS = 33


def encode_chunk(
    x: NDArray[Any], plan: EncodePlan, draws: NDArray[np.uint64] | None
) -> NDArray[np.int64]:
    """The codes of float64, int64 or uint64 numbers."""
    parts = take_apart(x)
    distance, binade = _place(parts.exponent, plan.lattice)
    floor, fraction = shift_right(parts.significand, np.maximum(distance, 0))
    magnitude = binade + floor.astype(np.int64)
    if plan.lattice.gap:
        inside = _fill_gap(magnitude, fraction, parts, plan.lattice)
        floor[inside] = 0
    parity = floor.astype(np.int64) if plan.ties_by_significand else magnitude
    magnitude += round_away(
        plan.rounding,
        fraction,
        negative=parts.negative,
        tie_is_odd=parity & 1 == 1,
        step_is_odd=magnitude & 1 == 1,
        draws=draws,
    )
    # A distance below 1 is that of a fixed-point number of 64 bits or more, which int64 is not.
    if plan.wrap:
        low_bits = parts.significand << np.clip(-distance, 0, 63).astype(np.uint64)
        low_bits[distance < -63] = 0
        magnitude = np.where(distance < 0, low_bits.astype(np.int64), magnitude)
        codes = _twos_complement(magnitude, parts.negative, plan.bits)
    else:
        codes = _in_range(magnitude, distance < 1, parts.negative, plan)
    if parts.special.any():
        _put_specials(codes, x, parts, plan)
    return codes


def _place(
    exponent: NDArray[np.int64], lattice: Lattice
) -> tuple[NDArray[np.int64], NDArray[np.int64] | int]:
    """How far the binary point lies right of the quantum, and the code at the binade's foot.

    The first is the distance to shift a significand right, so that its units are quanta. The second
    is short by the hidden bit, which the shifted significand brings along.
    """
    if not lattice.floating:
        return 63 + lattice.lowest_quantum - exponent, 0
    quantum = exponent - lattice.trailing_bits
    if lattice.gradual:
        quantum = np.maximum(quantum, lattice.lowest_quantum)
    return 63 + quantum - exponent, (quantum - lattice.lowest_quantum) << lattice.trailing_bits


def _fill_gap(
    magnitude: NDArray[np.int64], fraction: NDArray[np.uint64], parts: Parts, lattice: Lattice
) -> NDArray[np.intp]:
    """Truncate anew, to 0, what lies between zero and the smallest value of a format without
    subnormals; that value is no power of two, so the fraction takes a division. Returns where.
    """
    inside = np.flatnonzero(magnitude < 1)
    unit = lattice.lowest_quantum - 1  # the smallest value is lattice.gap * 2**unit
    distance = 63 + unit - _GAP_BITS - parts.exponent[inside]
    scaled, rest = shift_right(parts.significand[inside], distance)
    quotient, remainder = np.divmod(scaled, np.uint64(lattice.gap))
    inexact = (remainder > 0) | (rest > 0)
    magnitude[inside] = 0
    fraction[inside] = (quotient << np.uint64(64 - _GAP_BITS)) | inexact.astype(np.uint64)
    return inside


def _in_range(
    magnitude: NDArray[np.int64],
    too_large: NDArray[np.bool_],
    negative: NDArray[np.bool_],
    plan: EncodePlan,
) -> NDArray[np.int64]:
    """The codes of rounded magnitudes, with what is beyond the largest replaced."""
    # Only a format without zero has magnitudes below its codes; they go to the smallest.
    magnitude = np.maximum(magnitude, 0)
    too_large |= magnitude > _by_sign(plan.largest, negative)
    if plan.lattice.complement:
        codes = _twos_complement(magnitude, negative, plan.bits)
    else:
        sign = np.where(magnitude == 0, plan.negative_zero, 1 << (plan.bits - 1))
        codes = magnitude + np.where(negative, sign, 0)
    return np.where(too_large, _by_sign(plan.overflow, negative), codes)


def _twos_complement(
    magnitude: NDArray[np.int64], negative: NDArray[np.bool_], bits: int
) -> NDArray[np.int64]:
    return np.where(negative, -magnitude, magnitude) & ((1 << bits) - 1)


def _by_sign(choice: BySign, negative: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.where(negative, choice.negative, choice.positive)


def _put_specials(
    codes: NDArray[np.int64], x: NDArray[Any], parts: Parts, plan: EncodePlan
) -> None:
    """Put in place the codes of zeros, infinities and NaNs."""
    for found, choice in (
        (x == 0, plan.zero),
        (np.isinf(x), plan.infinity),
        (np.isnan(x), plan.nan),
    ):
        codes[found] = _by_sign(choice, parts.negative)[found]
