"""What the loops for regular numbers are told: a projection as a row of words, as
`lanes.Parameters` are, but fewer.

A number is regular if it is finite and, where overflow is not simply clipped, within the range.
Nearly all numbers are; what becomes of the others takes as many instructions as the rest.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numformats.codec.numba.lanes import Lane, Parameters, lowest_exponent, parameters_of
from numformats.codec.plan import BySign, EncodePlan
from numformats.modes import deterministic
from numformats.reals import power_of_two
from numformats.system import NumberSystem


class RegularWords(NamedTuple):
    """The words, in the order in which kernels unpack them."""

    # The lane, as in `Parameters`.
    zero: int
    one: int
    width: int
    sign_place: int
    input_trailing: int
    magnitude_mask: int
    hidden_bit: int
    # The largest magnitude that is regular; magnitudes are clipped at the bounds.
    limit: int
    bound: int
    negative_bound: int
    # The exponent field below which the quantum stays, and the distance to the quantum from there.
    clamp: int
    distance: int
    # What is added before bits are cut off, with its highest bit at the top of the word; and 1 if
    # an odd code gets one more.
    bias: int
    negative_bias: int
    ties: int
    # How a negative code is made from the code of its magnitude: flips, and then a sum.
    complement: int
    sign: int
    zero_sign: int
    code_mask: int
    # Values in place of codes: the smallest above zero.
    lowest_value: int
    # Whether the loop for all regular numbers serves, and that for normal ones.
    any_serves: int
    normal_serves: int
    # Normal numbers: their range, as magnitudes, or as words if no negative number is in it; and
    # whether zeros are taken for normal.
    range_mask: int
    normal_limit: int
    zero_is_regular: int
    lowest_normal: int
    rebias: int
    shift: int
    normal_bias: int
    negative_normal_bias: int
    sign_shift: int
    normal_sign: int


# How many words there are, which has to be known when kernels are compiled.
REGULAR_COUNT: Final = len(RegularWords._fields)


def regular_words_of(
    plan: EncodePlan, lane: Lane, fmt: NumberSystem | None = None
) -> NDArray[Any] | None:
    """The words of a plan, for values in place of codes if a format is given; None where none of
    the loops serves.
    """
    words = _words(plan, lane, parameters_of(plan, lane, fmt), is_value=fmt is not None)
    if not (words.any_serves or words.normal_serves):
        return None
    return np.array([word & lane.ones for word in words], lane.dtype)


def _words(plan: EncodePlan, lane: Lane, p: Parameters, *, is_value: bool) -> RegularWords:
    lattice = plan.lattice
    emin = lowest_exponent(lattice) + lane.bias
    shift = lane.trailing_bits - (lowest_exponent(lattice) - lattice.lowest_quantum)
    largest, negative_largest = _largest_words(plan, lane)
    limit, clips, signed = min(largest, negative_largest), _clips(plan), plan.largest.negative > 0
    # A fraction above a threshold carries into the next code, if all ones less that is added to it.
    bias = lane.ones ^ p.threshold
    negative_bias = bias ^ p.threshold_flip
    serves = _rounds_by_bias(plan) and (shift >= 1 or not lattice.floating)
    has_binades = lattice.floating and emin < 2 * lane.bias + 1
    negates = lattice.complement and not is_value
    return RegularWords(
        zero=0,
        one=1,
        width=lane.bits,
        sign_place=lane.bits - 1,
        input_trailing=lane.trailing_bits,
        magnitude_mask=lane.ones >> 1,
        hidden_bit=1 << lane.trailing_bits,
        limit=lane.infinity_word - 1 if clips else limit,
        bound=largest if clips else lane.infinity_word,
        negative_bound=negative_largest if clips else lane.infinity_word,
        clamp=emin,
        distance=shift + emin,
        bias=bias,
        negative_bias=negative_bias,
        ties=1 if p.threshold_odd_flip else 0,
        complement=p.twos_complement,
        sign=1 if negates else p.sign,
        zero_sign=1 if negates else p.zero_sign,
        code_mask=p.code_mask,
        lowest_value=p.lowest_value,
        any_serves=serves and lattice.gradual and (clips or limit > 0),
        normal_serves=serves and has_binades,
        range_mask=lane.ones >> 1 if signed else lane.ones,
        normal_limit=limit if signed else largest,
        zero_is_regular=signed and lattice.has_zero and p.zero_sign == p.sign,
        lowest_normal=emin << lane.trailing_bits,
        rebias=(emin - 1) << lane.trailing_bits,
        shift=shift,
        normal_bias=bias >> (lane.bits - shift) if serves and has_binades else 0,
        negative_normal_bias=negative_bias >> (lane.bits - shift) if serves and has_binades else 0,
        sign_shift=lane.bits - plan.bits if plan.bits < lane.bits else 0,
        normal_sign=p.sign if signed else 0,
    )


def _rounds_by_bias(plan: EncodePlan) -> bool:
    """Whether rounding is to add a number that depends on the sign alone, and one more to odd codes
    if ties are broken by parity, and then to cut bits off.
    """
    decided = deterministic(plan.rounding)
    if decided is None or plan.wrap:
        return False
    if not decided.depends_on_parity:
        return True
    # Of precision 1, codes are odd and even in turn, but significands are always odd.
    parity_is_of_code = plan.lattice.trailing_bits > 0 or not plan.ties_by_significand
    return decided.breaks_ties_by_parity and parity_is_of_code


def _clips(plan: EncodePlan) -> bool:
    """Whether what overflows gets the code of the largest number of its sign."""
    step, negative_step = plan.largest.positive, plan.largest.negative
    if negative_step < 0:
        return False
    if plan.lattice.complement:
        code = -negative_step % (1 << plan.bits)
    else:
        code = negative_step | (1 << (plan.bits - 1)) if negative_step else plan.zero.negative
    return plan.overflow == BySign(step, code)


def _largest_words(plan: EncodePlan, lane: Lane) -> tuple[int, int]:
    """The bits of the largest magnitude of either sign; of the largest float if that is smaller."""

    def word(step: int) -> int:
        magnitude = plan.lattice.magnitude(max(step, 0))
        if magnitude >= power_of_two(lane.bias + 1):
            return lane.infinity_word - 1
        return int(np.array(float(magnitude), lane.float_dtype).view(lane.dtype))

    return word(plan.largest.positive), word(plan.largest.negative)
