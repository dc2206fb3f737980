"""What a compiled kernel is told at run time: a plan as a row of machine words.

A kernel works on lanes: float32 bits in 32-bit lanes, or float64 bits in 64-bit lanes where float32
bits would not do. It knows no format and no mode. All it needs is here, as numbers of the lane's
width, so that one kernel serves every format and adding a format compiles nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numformats.codec.plan import BySign, EncodePlan
from numformats.codec.values import decode_chunk
from numformats.modes import Away, Stochastic, deterministic, random_bit_count
from numformats.system import Lattice, NumberSystem


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
    def float_dtype(self) -> np.dtype[Any]:
        """The dtype of the floats."""
        return np.dtype(f"f{self.bits // 8}")

    @property
    def ones(self) -> int:
        """All bits set: as a threshold, never; as a mask, always."""
        return (1 << self.bits) - 1

    @property
    def sign_bit(self) -> int:
        """The highest bit."""
        return 1 << (self.bits - 1)

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
    ones: int
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
    # All ones if overflow wraps, and the bits that it leaves.
    wrap: int
    wrap_mask: int
    # Stochastic rounding: N bits are kept of the fraction, those of the mask.
    kept: int
    dropped: int
    half_unit: int
    ties_to_even: int
    equal: int
    # Values in place of codes: the smallest above zero.
    lowest_value: int


def lane_of(plan: EncodePlan, input_bits: int) -> Lane | None:
    """The lane in which a plan is carried out for floats of a width, or None if in neither."""
    for lane in (LANE32, LANE64):
        if lane.bits >= input_bits and _serves(lane, plan):
            return lane
    return None


def _serves(lane: Lane, plan: EncodePlan) -> bool:
    lattice, rounding = plan.lattice, plan.rounding
    if not (_reaches_down(lane, lattice) and _counts_down(lane, lattice)):
        return False
    if not _holds_fixed_point(lane, plan):
        return False
    draws = random_bit_count(rounding)
    # The low end rounds by a threshold of its own, which cannot be random. But where the smallest
    # value is a power of two, what is below it has a fraction like others.
    if draws and _low_code(lane, lattice) and not lattice.flushes:
        return False
    # Thresholds are whole numbers, which half a unit of the draws may not be; C wants them even.
    variant = rounding.variant if isinstance(rounding, Stochastic) else "A"
    return draws + {"A": 0, "B": 1, "C": 2}[variant] <= lane.bits


def _reaches_down(lane: Lane, lattice: Lattice) -> bool:
    """Whether all that subnormal words can become is known without a leading one to count from."""
    distance = lowest_exponent(lattice) - (1 - lane.bias)
    if lattice.quantum_stops:
        return distance >= 0
    if lattice.gap:
        # Half the smallest value is a threshold.
        return distance >= 2
    # There is a binade more of values; or one value, which the low end looks after.
    return distance >= 1 or (distance == 0 and lattice.trailing_bits == 0)


def _counts_down(lane: Lane, lattice: Lattice) -> bool:
    """Whether the truncated codes of all that lies below the values, which are negative where there
    are no subnormals, have the sign bit set in the lane.
    """
    lowest_code = (1 - (lowest_exponent(lattice) + lane.bias)) << lattice.trailing_bits
    return lattice.quantum_stops or lowest_code - _low_code(lane, lattice) >= -lane.sign_bit


def _holds_fixed_point(lane: Lane, plan: EncodePlan) -> bool:
    """Whether fixed-point magnitudes just out of range are whole numbers of the quantum here."""
    if plan.lattice.floating:
        return True
    beyond = plan.bits + 1
    lowest_exponent = plan.lattice.lowest_quantum
    return (
        beyond < lane.trailing_bits
        and 1 - lane.bias <= lowest_exponent
        and lowest_exponent + lane.trailing_bits <= lane.bias
    )


def is_uncommon(plan: EncodePlan) -> bool:
    """Whether the kernel must look after the smallest numbers apart, or after overflow that wraps.

    Both are rare, and share the kernels that can do either.
    """
    return plan.wrap or not plan.lattice.gradual


def looks_at_ties(plan: EncodePlan) -> bool:
    """Whether a random mode tells numbers apart that only the bits after those kept do."""
    variant = plan.rounding.variant if isinstance(plan.rounding, Stochastic) else None
    return variant == "C" or plan.rounding == "stochastic_equal"


def words_of(plan: EncodePlan, lane: Lane, fmt: NumberSystem | None = None) -> NDArray[Any]:
    """The parameters of a plan as an array of lane words; with a format, for values in place."""
    return np.array([word & lane.ones for word in parameters_of(plan, lane, fmt)], lane.dtype)


def parameters_of(plan: EncodePlan, lane: Lane, fmt: NumberSystem | None = None) -> Parameters:
    """The parameters of a plan, words that may be negative; with a format, for values in place."""
    parameters = _parameters(plan, lane)
    return parameters if fmt is None else _with_values(parameters, plan, lane, fmt)


def _parameters(plan: EncodePlan, lane: Lane) -> Parameters:
    lattice = plan.lattice
    emin = _emin_for(plan, lane) + lane.bias
    threshold, odd_flip, negative_flip = _thresholds(plan, lane)
    stochastic = plan.rounding if isinstance(plan.rounding, Stochastic) else Stochastic(1)
    variant = stochastic.variant
    dropped = lane.bits - stochastic.bits
    is_equal = plan.rounding == "stochastic_equal"
    # One more than the largest, since that of negative numbers may be -1: none is in range. Codes
    # of a whole lane's width end beyond all that its floats become.
    limits = BySign(min(plan.largest.positive + 1, lane.ones), plan.largest.negative + 1)
    if plan.wrap:
        limits = BySign(lane.ones, lane.ones)
    return Parameters(
        zero=0,
        one=1,
        ones=lane.ones,
        sign_place=lane.bits - 1,
        input_trailing=lane.trailing_bits,
        magnitude_mask=lane.ones >> 1,
        infinity_word=lane.infinity_word,
        bound=_bound(plan, lane),
        shift=lane.trailing_bits - _trailing_bits(plan, lane),
        clamp=emin if lattice.quantum_stops else 0,
        emin=emin,
        trailing=lattice.trailing_bits,
        code_parity=0 if _ties_by_significand(plan) else lane.ones,
        threshold=threshold,
        threshold_odd_flip=odd_flip,
        threshold_flip=negative_flip,
        limit=limits.positive,
        limit_flip=_flip(limits),
        overflow=plan.overflow.positive,
        overflow_flip=_flip(plan.overflow),
        infinity=plan.infinity.positive,
        infinity_flip=_flip(plan.infinity),
        nan=plan.nan.positive,
        nan_flip=_flip(plan.nan),
        twos_complement=lane.ones if plan.lattice.complement else 0,
        sign=0 if plan.lattice.complement else 1 << (plan.bits - 1),
        zero_sign=plan.negative_zero,
        code_mask=(1 << plan.bits) - 1,
        low_code=_low_code(lane, lattice),
        low_threshold=_low_threshold(plan, lane),
        zero_code=plan.zero.positive,
        zero_code_flip=_flip(plan.zero),
        wrap=lane.ones if plan.wrap else 0,
        wrap_mask=(1 << plan.bits) - 1 if plan.wrap else lane.ones,
        kept=lane.ones - ((1 << dropped) - 1),
        dropped=dropped,
        half_unit=0 if variant == "A" else 1 << (dropped - 1),
        ties_to_even=1 if variant == "C" else 0,
        equal=lane.ones if is_equal else 0,
        lowest_value=0,
    )


def _with_values(p: Parameters, plan: EncodePlan, lane: Lane, fmt: NumberSystem) -> Parameters:
    """Parameters for values in place of codes: the bits of floats in all that ends up in a result.

    The magnitude is compared with the largest value then, not with its code.
    """

    def choice(codes: BySign) -> tuple[int, int]:
        values = _value_words([codes.positive, codes.negative], lane, fmt)
        return values[0], values[0] ^ values[1]

    def limit(largest: int) -> int:
        return _magnitude_word(plan.lattice, largest, lane) + 1 if largest >= 0 else 0

    overflow, overflow_flip = choice(plan.overflow)
    infinity, infinity_flip = choice(plan.infinity)
    nan, nan_flip = choice(plan.nan)
    limits = BySign(limit(plan.largest.positive), limit(plan.largest.negative))
    sign = 1 << p.sign_place
    return p._replace(
        limit=limits.positive,
        limit_flip=_flip(limits),
        overflow=overflow,
        overflow_flip=overflow_flip,
        infinity=infinity,
        infinity_flip=infinity_flip,
        nan=nan,
        nan_flip=nan_flip,
        twos_complement=0,
        sign=sign,
        zero_sign=sign if plan.negative_zero else 0,
        code_mask=lane.ones,
        lowest_value=_magnitude_word(plan.lattice, 1, lane),
    )


def _value_words(codes: list[int], lane: Lane, fmt: NumberSystem) -> list[int]:
    values = decode_chunk(np.array(codes), fmt, lane.float_dtype)
    return [int(word) for word in values.view(lane.dtype)]


def _magnitude_word(lattice: Lattice, code: int, lane: Lane) -> int:
    """The bits of the value at a magnitude code of a lattice with subnormals."""
    # What a code counts: `Lattice` has the equation.
    binade = max((code >> lattice.trailing_bits) - 1, 0) if lattice.floating else 0
    significand = code - (binade << lattice.trailing_bits)
    value = np.ldexp(float(significand), binade + lattice.lowest_quantum)
    return int(np.array(value, lane.float_dtype).view(lane.dtype))


# A fixed-point number is a float all of whose values are subnormal: with its smallest normal
# exponent beyond all that is in range, and as many trailing bits as bring the quantum there.
_FIXED_EMIN = 64


def lowest_exponent(lattice: Lattice) -> int:
    """The exponent from which on the quantum grows with the number."""
    if not lattice.floating:
        return _FIXED_EMIN
    return lattice.lowest_quantum + lattice.trailing_bits


def _emin_for(plan: EncodePlan, lane: Lane) -> int:
    """The smallest normal exponent; if overflow wraps, that from which on words are integers.

    Nothing is cut off these, and the binade tells how far up they belong.
    """
    return (
        plan.lattice.lowest_quantum + lane.trailing_bits
        if plan.wrap
        else lowest_exponent(plan.lattice)
    )


def _trailing_bits(plan: EncodePlan, lane: Lane) -> int:
    return _emin_for(plan, lane) - plan.lattice.lowest_quantum


def _bound(plan: EncodePlan, lane: Lane) -> int:
    """The bits of infinity; in fixed point, of a power of two just out of range."""
    if plan.lattice.floating or plan.wrap:
        return lane.infinity_word
    exponent = plan.bits + 1 + plan.lattice.lowest_quantum
    return (exponent + lane.bias) << lane.trailing_bits


def _ties_by_significand(plan: EncodePlan) -> bool:
    decided = deterministic(plan.rounding)
    return plan.ties_by_significand and decided is not None and decided.breaks_ties_by_parity


def _thresholds(plan: EncodePlan, lane: Lane) -> tuple[int, int, int]:
    """The threshold for a positive number above an even code, and its flips for odd and negative.

    Fractions are in units of 2**-bits of the lane: away from zero if above this.
    """
    decided = deterministic(plan.rounding)
    if decided is None:
        return lane.ones, 0, 0
    even = _threshold(decided.from_even, lane)
    negative = even if decided.negative is None else _threshold(decided.negative, lane)
    return even, even ^ _threshold(decided.from_odd, lane), even ^ negative


def _threshold(away: Away, lane: Lane) -> int:
    half = lane.sign_bit
    return {
        Away.INEXACT: 0,
        Away.FROM_HALF: half - 1,
        Away.ABOVE_HALF: half,
        Away.NEVER: lane.ones,
    }[away]


def _low_code(lane: Lane, lattice: Lattice) -> int:
    """The code below which there is nothing but zero, or one value among the lane's subnormals."""
    if lattice.gap:
        return lattice.smallest_step
    alone = not lattice.gradual and lowest_exponent(lattice) == 1 - lane.bias
    return 1 if alone else 0


def _low_threshold(plan: EncodePlan, lane: Lane) -> int:
    """What a number must exceed to be rounded up to the low code, on the bits of the number itself.

    It lies between the two neighbours, at half the way, or at either end.
    """
    lattice = plan.lattice
    if not _low_code(lane, lattice):
        return lane.ones
    threshold, odd_flip, _ = _thresholds(plan, lane)
    # The code 0 is even, and so is zero, but the significand of a value with this code is not.
    if _ties_by_significand(plan) and not lattice.gap:
        threshold ^= odd_flip
    decided = deterministic(plan.rounding)
    if decided is not None and lattice.gap and lattice.ends_of_gap_are_even:
        threshold = _threshold(decided.from_alike, lane)
    half = 1 << (lane.bits - 1)
    low, middle = 0, _half_smallest(lattice, lane)
    if not lattice.gap:
        # 2**(1 - bias) is the first number with a leading one. The value is half of it.
        smallest_normal = 1 << lane.trailing_bits
        low, middle = smallest_normal // 2, smallest_normal * 3 // 4
    if threshold in (half, half - 1):
        return middle - (half - threshold)
    return low if threshold == 0 else lane.ones


def _half_smallest(lattice: Lattice, lane: Lane) -> int:
    """The bits of half the smallest value above a gap: gap * 2**(lowest_quantum - 2).

    Those of infinity, if no number of the lane comes that far.
    """
    if lattice.flushes:
        field = lowest_exponent(lattice) + lane.bias  # of the smallest value, a power of two
        half = (field - 1) << lane.trailing_bits if field > 1 else 1 << (lane.trailing_bits - 1)
        return min(half, lane.infinity_word)
    exponent = lattice.lowest_quantum + lattice.trailing_bits - 2 + lane.bias
    # gap is 2**trailing_bits + 1: its leading one is the hidden bit.
    last_bit = 1 << (lane.trailing_bits - lattice.trailing_bits)
    return min((exponent << lane.trailing_bits) + last_bit, lane.infinity_word)


def _flip(choice: BySign) -> int:
    return choice.positive ^ choice.negative
