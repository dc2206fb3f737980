"""The steps of encoding one number, on the bits of a float in a lane; all branchless.

They are NumPy functions on scalars, because those keep the lane's type: in Numba, as in NumPy, the
operator `a + b` of two uint32 may be wider. `p` is `Parameters`. LLVM inlines all of it and works
on as many lanes as the machine has.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from numba import config, njit
from numba.core.compiler_lock import global_compiler_lock
from numpy import (
    add,
    bitwise_and,
    bitwise_or,
    bitwise_xor,
    left_shift,
    maximum,
    minimum,
    right_shift,
    subtract,
)

from numformats.codec.numba.kernel_files import kernel_cache
from numformats.codec.uninterrupted import uninterrupted

if config.DISABLE_JIT:
    raise ImportError("NUMBA_DISABLE_JIT: without Numba's compiler there are no kernels")


# Reading arguments from objects of Python takes the compiler longer than the work, where they are
# rows of words.
_INNER: Final = {"nogil": True, "no_cfunc_wrapper": True, "no_cpython_wrapper": True}


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function when Python calls it, for the types that it is called with."""
    return _kept(njit(nogil=True, no_cfunc_wrapper=True)(function), function)


def step(function: Callable[..., Any]) -> Any:
    """Compile a function for kernels to call. Called by Python it would crash."""
    return _kept(njit(**_INNER)(function), function)


def inlined(function: Callable[..., Any]) -> Any:
    """`step`, for what LLVM finds too long to inline, and must, or its loop would not become
    vectors.
    """
    return _kept(njit(forceinline=True, **_INNER)(function), function)


def _kept(dispatcher: Any, function: Callable[..., Any]) -> Any:
    # What Numba's option `cache` does, but for the kind of cache.
    dispatcher._cache = kernel_cache(function)
    dispatcher.compile = partial(_compile, dispatcher.compile)
    return dispatcher


def _compile(compile_now: Callable[[Any], Any], signature: Any) -> Any:
    if global_compiler_lock.is_locked():  # by this thread, in the midst of what calls this function
        return compile_now(signature)
    return uninterrupted(partial(compile_now, signature))


@step
def sign_mask(word: Any, p: Any) -> Any:
    """All ones for a negative number, else zero."""
    # 0 - 1 is all ones: a mask costs less than a choice.
    return subtract(p.zero, right_shift(word, p.sign_place))


@step
def by_sign(positive: Any, flip: Any, negative: Any) -> Any:
    """One of two words: the flip turns the first into the second where the mask is set."""
    return bitwise_xor(positive, bitwise_and(negative, flip))


@step
def place(magnitude: Any, p: Any) -> Any:
    """The significand of a magnitude, the distance to its quantum, and the binade's code."""
    # What is bounded overflows anyway; the bound keeps the distances below in range.
    bounded = minimum(magnitude, p.bound)
    # Subnormal inputs have the exponent of the smallest normal ones, and no hidden bit.
    exponent = maximum(right_shift(bounded, p.input_trailing), p.one)
    # E - 1 taken from the exponent field leaves 1 there, which is the hidden bit, or 0.
    hidden_bit_in = left_shift(subtract(exponent, p.one), p.input_trailing)
    significand = subtract(bounded, hidden_bit_in)
    # Below the smallest normal exponent the quantum stays.
    of_quantum = maximum(exponent, p.clamp)
    distance = add(p.shift, subtract(of_quantum, exponent))
    binade = left_shift(subtract(of_quantum, p.emin), p.trailing)
    return significand, distance, binade


@step
def floor_and_fraction(significand: Any, distance: Any, p: Any) -> Any:
    """The significand cut at a distance: what is left, and what is cut off in units of 2**-bits.

    Beyond the lane's width the fraction is too large, but still neither zero nor one half.
    """
    near = minimum(distance, p.sign_place)
    floor = right_shift(significand, near)
    # Two shifts, since one by the whole width, for distance 0, is not defined.
    fraction = left_shift(left_shift(significand, subtract(p.sign_place, near)), p.one)
    return floor, fraction


@step
def threshold(floor: Any, binade: Any, negative: Any, p: Any) -> Any:
    """What the fraction must exceed for the number to be rounded away from zero."""
    # The parity of the code, floor + binade; or of the significand alone, if so asked.
    parity = bitwise_xor(floor, bitwise_and(binade, p.code_parity))
    odd = subtract(p.zero, bitwise_and(parity, p.one))
    return by_sign(by_sign(p.threshold, p.threshold_odd_flip, odd), p.threshold_flip, negative)


@step
def shifted_down(word: Any, distance: Any, p: Any) -> Any:
    """A word shifted right, at any distance."""
    # Machines with vectors shift by any distance, which LLVM knows; others need the comparison.
    return right_shift(word, distance) if distance <= p.sign_place else p.zero


@step
def shifted_up(word: Any, distance: Any, p: Any) -> Any:
    """A word shifted left, at any distance."""
    return left_shift(word, distance) if distance <= p.sign_place else p.zero


@step
def small_fraction(significand: Any, distance: Any, p: Any) -> Any:
    """The fraction in units of 2**-bits at any distance, cut off."""
    width = add(p.sign_place, p.one)
    # Differences below zero are very large, and so one of the two is always zero.
    upper = shifted_up(significand, subtract(width, distance), p)
    return bitwise_or(upper, shifted_down(significand, subtract(distance, width), p))


@step
def jammed(fraction: Any, significand: Any, distance: Any, p: Any) -> Any:
    """The fraction with its last bit set if any bit was cut off after it.

    SoftFloat calls this jamming: what is compared with even numbers then compares like the whole.
    """
    twice_width = left_shift(add(p.sign_place, p.one), p.one)
    # What is cut off is the second word of a fraction in two; it has the significand at the least.
    beyond = subtract(twice_width, minimum(distance, twice_width))
    second = shifted_up(significand, beyond, p)
    return bitwise_or(fraction, p.one if second != p.zero else p.zero)


@step
def random_threshold(kept: Any, p: Any) -> Any:
    """What the fraction must exceed to be rounded away from zero, given a random number.

    kept: R in the upper N bits. P3109's condition is K + R >= 2**N, where K is the fraction F in
    units of 2**-N, cut off (A), or rounded half up (B) or half to even (C). For A this says
    F >= (2**N - R) * 2**-N, for B and C half a unit less.
    """
    # In units of 2**-bits, 2**bits - R is ~R + 1, and "at least" is "more than that less one".
    return subtract(bitwise_xor(kept, p.ones), p.half_unit)


@step
def threshold_with_ties(threshold: Any, kept: Any, p: Any) -> Any:
    """The random threshold of variant C, and that of equal chances."""
    # For C half a unit less is not enough if K is rounded to the even number below 2**N - R.
    tie_falls = bitwise_and(right_shift(kept, p.dropped), p.ties_to_even)
    # With equal chances the fraction does not count: a draw of 1 takes all that is inexact.
    certain = bitwise_and(sign_mask(kept, p), p.equal)
    return bitwise_and(add(threshold, tie_falls), bitwise_xor(certain, p.ones))


@step
def code_of(floor: Any, binade: Any, p: Any) -> Any:
    """The truncated magnitude code where overflow may wrap: then all bits of `floor` count."""
    # Then `binade` is how far the last bit of the number lies above the quantum. Bits above those
    # of a code do not count, and no code has a bit as high as `sign_place`.
    up = minimum(bitwise_and(binade, p.wrap), p.sign_place)
    low_bits = bitwise_and(left_shift(floor, up), p.wrap_mask)
    return add(low_bits, bitwise_and(binade, bitwise_xor(p.wrap, p.ones)))


@step
def value_in_place(magnitude: Any, distance: Any, away: Any, p: Any) -> Any:
    """The bits of the rounded magnitude itself: cut off at the distance, and a quantum added."""
    bounded = minimum(magnitude, p.bound)
    near = minimum(distance, p.sign_place)
    truncated = left_shift(right_shift(bounded, near), near)
    # A carry out of the trailing bits goes into the exponent, which is the next binade, as it must.
    quantum = left_shift(p.one, near)
    value = add(truncated, quantum if away else p.zero)
    # If even the hidden bit is cut off, what is left is nothing, or one quantum.
    lone = p.lowest_value if away else p.zero
    return lone if distance > p.input_trailing else value


@step
def is_low(code: Any, p: Any) -> bool:
    """Whether a truncated magnitude code is below the codes of a format without subnormals."""
    # There it lies below the lowest, or is negative: it has the sign bit.
    return bool(subtract(code, p.low_code) > p.magnitude_mask)


@step
def low_distance(code: Any, distance: Any, p: Any) -> Any:
    """The distance to the smallest value, which is a power of two, in place of that to the quantum,
    where there is none but zero below it.
    """
    return add(distance, p.trailing if is_low(code, p) else p.zero)


@step
def passes_low_threshold(magnitude: Any, negative: Any, p: Any) -> bool:
    """Whether a number below the codes of a format without subnormals is rounded to the lowest."""
    return bool(magnitude > by_sign(p.low_threshold, p.threshold_flip, negative))


@step
def low_end(code: Any, rounded: Any, away: Any, p: Any) -> Any:
    """The rounded magnitude code, put right below the codes of a format without subnormals."""
    in_gap = p.low_code if away else p.zero
    return in_gap if is_low(code, p) else rounded


@step
def finish(rounded: Any, magnitude: Any, negative: Any, p: Any) -> Any:
    """The code of a rounded magnitude code: sign, range, infinity and NaN."""
    # (r ^ -1) - (-1) is -r, and (r ^ 0) - 0 is r.
    complement = bitwise_and(negative, p.twos_complement)
    value = subtract(bitwise_xor(rounded, complement), complement)
    sign = p.zero_sign if rounded == p.zero else p.sign
    code = bitwise_and(bitwise_or(value, bitwise_and(negative, sign)), p.code_mask)
    in_range = rounded < by_sign(p.limit, p.limit_flip, negative)
    code = code if in_range else by_sign(p.overflow, p.overflow_flip, negative)
    is_finite = magnitude < p.infinity_word
    code = code if is_finite else by_sign(p.infinity, p.infinity_flip, negative)
    is_number = magnitude <= p.infinity_word
    return code if is_number else by_sign(p.nan, p.nan_flip, negative)
