"""What a compiled kernel is told at run time: a plan as a row of machine words.

A kernel works on lanes: float32 bits in 32-bit lanes, or float64 bits in 64-bit lanes where float32
bits would not do. It knows no format and no mode. All it needs is here, as numbers of the lane's
width, so that one kernel serves every format and adding a format compiles nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numformats.codec.plan import BySign, EncodePlan, Lattice
from numformats.rounding import RoundingMode, Stochastic, random_bit_count


class Lane(NamedTuple):
    """The layout of the floats whose bits a lane holds."""

    bits: int
    trailing_bits: int
    bias: int

    @property
    def dtype(self) -> np.dtype[Any]:
        """The unsigned integer dtype of the lane."""
        return np.dtype(f"u{self.bits // 8}")

    @property
    def ones(self) -> int:
        """All bits set: as a threshold, never; as a mask, always."""
        return (1 << self.bits) - 1

    @property
    def infinity_word(self) -> int:
        """The bits of infinity: above them are NaNs, below them finite numbers."""
        return ((1 << (self.bits - 1 - self.trailing_bits)) - 1) << self.trailing_bits


LANE32 = Lane(32, 23, 127)
LANE64 = Lane(64, 52, 1023)


class Parameters(NamedTuple):
    """The words, in the order in which kernels unpack them.

    A pair `name`, `name_flip` is a choice by sign: for negative numbers the flip is applied by XOR.
    """

    # The lane: constants of its width, which spare the kernels one version for each.
    zero: int
    one: int
    sign_place: int
    input_trailing: int
    magnitude_mask: int
    infinity_word: int
    # The lattice. Magnitudes above `bound` overflow whatever their exact size.
    bound: int
    shift: int
    clamp: int
    emin: int
    trailing: int
    code_parity: int
    # Deterministic rounding: away from zero if the fraction exceeds a threshold.
    threshold: int
    threshold_odd_flip: int
    threshold_flip: int
    # The ends of the range.
    limit: int
    limit_flip: int
    overflow: int
    overflow_flip: int
    infinity: int
    infinity_flip: int
    nan: int
    nan_flip: int
    # The sign.
    twos_complement: int
    sign: int
    zero_sign: int
    code_mask: int
    # The low end of formats without subnormals.
    low_code: int
    low_threshold: int
    zero_code: int
    zero_code_flip: int
    # Stochastic rounding: N bits are kept of the fraction.
    dropped: int
    kept_less_one: int
    all_kept: int
    increment_threshold: int
    ties_look_at_rest: int
    equal: int


def lane_of(plan: EncodePlan, input_bits: int) -> Lane | None:
    """The lane in which a plan is carried out for floats of a width, or None if in neither.

    In 32-bit lanes float32's subnormals must be subnormal in the format, too, or below: their
    significands have no leading one to count from. What float64 cannot serve is left to NumPy.
    """
    lattice = plan.lattice
    if plan.wrap or (lattice.gap and random_bit_count(plan.rounding)):
        return None
    if input_bits < 64 and lattice.gradual and _emin(lattice) >= 1 - LANE32.bias and _fits32(plan):
        return LANE32
    return LANE64 if _emin(lattice) >= 1 - LANE64.bias else None


def has_low_end(plan: EncodePlan) -> bool:
    """Whether the kernel must look after the smallest numbers apart."""
    return not plan.lattice.gradual


def words_of(plan: EncodePlan, lane: Lane) -> NDArray[Any]:
    """The parameters of a plan as an array of lane words."""
    return np.array([word & lane.ones for word in _parameters(plan, lane)], lane.dtype)


def _parameters(plan: EncodePlan, lane: Lane) -> Parameters:
    lattice = plan.lattice
    emin = _emin(lattice) + lane.bias
    threshold, odd_flip, negative_flip = _thresholds(plan, lane)
    stochastic = plan.rounding if isinstance(plan.rounding, Stochastic) else Stochastic(1)
    variant = stochastic.variant
    by_significand = plan.ties_by_significand and plan.rounding == "nearest_even"
    half = 1 << (lane.bits - 1)
    return Parameters(
        zero=0,
        one=1,
        sign_place=lane.bits - 1,
        input_trailing=lane.trailing_bits,
        magnitude_mask=lane.ones >> 1,
        infinity_word=lane.infinity_word,
        bound=_bound(plan, lane),
        shift=lane.trailing_bits - _trailing_bits(lattice),
        clamp=emin if lattice.gradual else 0,
        emin=emin,
        trailing=_trailing_bits(lattice) if lattice.floating else 0,
        code_parity=0 if by_significand else lane.ones,
        threshold=threshold,
        threshold_odd_flip=odd_flip,
        threshold_flip=negative_flip,
        # One more than the largest, since that of negative numbers may be -1: none is in range.
        limit=plan.largest.positive + 1,
        limit_flip=(plan.largest.positive + 1) ^ (plan.largest.negative + 1),
        overflow=plan.overflow.positive,
        overflow_flip=_flip(plan.overflow),
        infinity=plan.infinity.positive,
        infinity_flip=_flip(plan.infinity),
        nan=plan.nan.positive,
        nan_flip=_flip(plan.nan),
        twos_complement=lane.ones if plan.twos_complement else 0,
        sign=0 if plan.twos_complement else 1 << (plan.bits - 1),
        zero_sign=plan.negative_zero,
        code_mask=(1 << plan.bits) - 1,
        low_code=1 if lattice.gap else 0,
        low_threshold=_low_threshold(plan, lane, threshold),
        zero_code=plan.zero.positive,
        zero_code_flip=_flip(plan.zero),
        dropped=lane.bits - stochastic.bits,
        kept_less_one=stochastic.bits - 1,
        all_kept=(1 << stochastic.bits) - 1,
        # A never rounds the fraction up, B from one half, C above it.
        increment_threshold={"A": lane.ones, "B": half - 1, "C": half}[variant],
        ties_look_at_rest=1 if variant == "C" else 0,
        equal=lane.ones if plan.rounding == "stochastic_equal" else 0,
    )


# A fixed-point number is a float all of whose values are subnormal: with its smallest normal
# exponent beyond all that is in range, and as many trailing bits as bring the quantum there.
_FIXED_EMIN = 64


def _emin(lattice: Lattice) -> int:
    if not lattice.floating:
        return _FIXED_EMIN
    return lattice.lowest_quantum + lattice.trailing_bits


def _trailing_bits(lattice: Lattice) -> int:
    return lattice.trailing_bits if lattice.floating else _FIXED_EMIN - lattice.lowest_quantum


def _fits32(plan: EncodePlan) -> bool:
    # Fixed-point magnitudes just out of range must still be whole in 24 bits.
    return plan.lattice.floating or plan.bits <= 22


def _bound(plan: EncodePlan, lane: Lane) -> int:
    """The bits of infinity; in fixed point, of a power of two just out of range."""
    if plan.lattice.floating:
        return lane.infinity_word
    exponent = plan.bits + 1 + plan.lattice.lowest_quantum
    return (exponent + lane.bias) << lane.trailing_bits


def _thresholds(plan: EncodePlan, lane: Lane) -> tuple[int, int, int]:
    """The threshold for a positive number above an even code, and its flips for odd and negative.

    Fractions are in units of 2**-bits of the lane: away from zero if above this.
    """
    half, never = 1 << (lane.bits - 1), lane.ones
    table: dict[RoundingMode, tuple[int, int, int]] = {
        "nearest_even": (half, half ^ (half - 1), 0),
        "nearest_away": (half - 1, 0, 0),
        "nearest_zero": (half, 0, 0),
        "toward_zero": (never, 0, 0),
        "away_from_zero": (0, 0, 0),
        "toward_positive": (0, 0, never),
        "toward_negative": (never, 0, never),
        "to_odd": (0, never, 0),
    }
    return table.get(plan.rounding, (never, 0, 0))


def _low_threshold(plan: EncodePlan, lane: Lane, threshold: int) -> int:
    """The same for the gap between zero and the smallest value, on the bits of the number itself.

    One half becomes half the smallest value, gap * 2**(lowest_quantum - 2).
    """
    half = 1 << (lane.bits - 1)
    lattice = plan.lattice
    if not lattice.gap:
        return lane.ones
    if threshold not in (half, half - 1):
        return threshold
    shift = lane.trailing_bits - lattice.trailing_bits
    exponent = lattice.lowest_quantum + lattice.trailing_bits - 2 + lane.bias
    # gap is 2**trailing_bits + 1: its leading one is the hidden bit.
    half_smallest = (exponent << lane.trailing_bits) + (1 << shift)
    return half_smallest - (half - threshold)


def _flip(choice: BySign) -> int:
    return choice.positive ^ choice.negative
