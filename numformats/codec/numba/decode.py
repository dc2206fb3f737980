"""Decoding codes: the value of each by a table, or, where that would be large, by arithmetic."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy import add, bitwise_and, bitwise_or, bitwise_xor, left_shift, maximum, subtract

from numformats.codec.numba.bits import bits_of, float_of
from numformats.codec.numba.encode import L1_CHUNK, look_up
from numformats.codec.numba.lanes import LANE32, LANE64, Lane
from numformats.codec.numba.steps import kernel, step
from numformats.codec.values import special_codes
from numformats.system import Lattice, NumberSystem


class FloatFields(NamedTuple):
    """Where the parts of a float's code lie, and which codes are special; as words of a lane."""

    magnitude_mask: Any
    sign_bit: Any
    # How far the sign bit goes up.
    sign_up: Any
    # Codes below this are multiples of the quantum.
    first_normal: Any
    # A power of two whose last bit is the quantum: its bits, and the float. Where all these codes
    # are zero, a float with all bits set that they have.
    large_word: Any
    large: Any
    # The trailing significand goes up by this much, and the exponent's bias becomes the lane's.
    up: Any
    rebias: Any
    infinity: Any
    infinity_word: Any
    first_nan: Any
    lone_nan: Any
    nan_word: Any


class FixedFields(NamedTuple):
    """The sign bit of a two's complement code, and a power of two whose last bit is the quantum, as
    words of a lane; and that power of two and the value of the sign bit, as a float.
    """

    sign_bit: Any
    large_word: Any
    large: Any


def fields_of(fmt: NumberSystem, dtype: np.dtype[Any]) -> FloatFields | FixedFields | None:
    """What the loops below need to know of a system to decode to float32 or float64, or None if
    they cannot.
    """
    lattice = fmt.lattice
    if lattice is None or dtype not in (np.float32, np.float64):
        return None
    make = _fixed_fields if lattice.complement else _float_fields
    narrow = make(fmt, lattice, LANE32) if dtype == np.float32 else None
    return make(fmt, lattice, LANE64) if narrow is None else narrow


def _fixed_fields(fmt: NumberSystem, lattice: Lattice, lane: Lane) -> FixedFields | None:
    large, sign_bit = _large_exponent(lattice, lane), 1 << (fmt.bits - 1) if fmt.signed else 0
    if large is None or fmt.bits > lane.trailing_bits:
        return None
    word = lane.dtype.type(large << lane.trailing_bits)
    offset = lane.dtype.type(word + sign_bit).view(lane.float_dtype)
    return FixedFields(lane.dtype.type(sign_bit), word, offset)


def _large_exponent(lattice: Lattice, lane: Lane) -> int | None:
    """The exponent field of the power of two whose last bit is the quantum, or None."""
    # What is subnormal becomes zero in processes that have it flushed; so float32 with such values
    # is computed in float64, of which few formats have these.
    if lane == LANE32 and lattice.lowest_quantum < 1 - lane.bias:
        return None
    field = lattice.lowest_quantum + lane.trailing_bits + lane.bias
    return field if 0 < field <= 2 * lane.bias else None


def _float_fields(fmt: NumberSystem, lattice: Lattice, lane: Lane) -> FloatFields | None:
    # What is subtracted from the exponent field, all of whose binades the lane has to have.
    bias = 1 - lattice.lowest_quantum - lattice.trailing_bits
    # Where the exponents are the lane's own, bits are moved, and nothing is computed.
    is_own = bias == lane.bias and lattice.gradual
    large = _large_word(lattice, lane, is_own=is_own)
    has_binades = bias + (not lattice.quantum_stops) <= lane.bias
    has_bits = lattice.trailing_bits <= lane.trailing_bits and fmt.bits <= lane.bits
    if large is None or not has_binades or not has_bits:
        return None
    # The sign is moved, too, and zeros without one have none to be moved.
    if lattice.flushes and fmt.signed and not fmt.has_negative_zero:
        return None
    sign_bit, special = 1 << (fmt.bits - 1) if fmt.signed else 0, special_codes(fmt)
    first_normal = 1 << lattice.trailing_bits if lattice.gradual else lattice.smallest_step
    words = {
        "magnitude_mask": (1 << (fmt.bits - fmt.signed)) - 1,
        "sign_bit": sign_bit,
        "sign_up": lane.bits - fmt.bits,
        "first_normal": 0 if is_own else first_normal,
        "large_word": large,
        "up": lane.trailing_bits - lattice.trailing_bits,
        "rebias": (lane.bias - bias) << lane.trailing_bits,
        # Where there is none, more than any magnitude.
        "infinity": lane.ones if special.infinity < 0 else special.infinity,
        "infinity_word": lane.infinity_word,
        "first_nan": fmt.highest_step + 1 + fmt.has_inf,
        "lone_nan": lane.ones if special.lone_nan < 0 else special.lone_nan,
        "nan_word": lane.infinity_word | (1 << (lane.trailing_bits - 1)),
    }
    as_words = {name: lane.dtype.type(word & lane.ones) for name, word in words.items()}
    return FloatFields(large=as_words["large_word"].view(lane.float_dtype), **as_words)


def _large_word(lattice: Lattice, lane: Lane, *, is_own: bool) -> int | None:
    """The bits of a float of which codes below the first normal one are the last, so that what they
    add to it is their value; or None.
    """
    if lattice.flushes:
        # They add nothing where all of these bits are set.
        return (lane.bias << lane.trailing_bits) + 2**lattice.trailing_bits - 1
    exponent = lane.bias if is_own else _large_exponent(lattice, lane)
    return None if exponent is None else exponent << lane.trailing_bits


@step
def largest_code(codes: Any) -> Any:
    """The largest of some codes, of which there is one at least."""
    largest = codes[0]
    for i in range(codes.size):
        largest = maximum(largest, codes[i])
    return largest


@kernel
def look_up_codes(codes: Any, table: Any, out: Any) -> bool:
    """The entry of a table for each code, written to `out`. Returns whether all have one."""
    for begin in range(0, codes.size, L1_CHUNK):
        end = begin + L1_CHUNK if codes.size - begin > L1_CHUNK else codes.size
        own = codes[begin:end]
        if largest_code(own) >= table.size:
            return False
        look_up(own, table, out[begin:end])
    return True


@kernel
def decode_floats(codes: Any, out: Any, fields: Any, limit: Any) -> bool:
    """The values of float codes, written to `out`, which is float32 or float64. Returns whether
    all codes are up to the limit.
    """
    if codes.size > 0 and largest_code(codes) > limit:
        return False
    for i in range(codes.size):
        # As words of the lane, which the masks are.
        magnitude = bitwise_and(codes[i], fields.magnitude_mask)
        sign = bitwise_and(codes[i], fields.sign_bit)
        # The lane's layout is the same but for the width of its fields and the bias.
        normal = float_of(add(left_shift(magnitude, fields.up), fields.rebias))
        subnormal = subtract(float_of(bitwise_or(magnitude, fields.large_word)), fields.large)
        value = bits_of(normal if magnitude >= fields.first_normal else subnormal)
        value = fields.infinity_word if magnitude == fields.infinity else value
        signed_value = bitwise_or(value, left_shift(sign, fields.sign_up))
        is_lone_nan = bitwise_xor(magnitude, sign) == fields.lone_nan
        is_nan = (magnitude >= fields.first_nan) | is_lone_nan
        out[i] = float_of(fields.nan_word if is_nan else signed_value)
    return True


@kernel
def decode_fixed(codes: Any, out: Any, fields: Any, limit: Any) -> bool:
    """The values of integer and fixed-point codes, written to `out`. Returns whether all codes are
    up to the limit.
    """
    if codes.size > 0 and largest_code(codes) > limit:
        return False
    for i in range(codes.size):
        # With its sign bit flipped, a code counts from the lowest value on.
        place = bitwise_xor(codes[i], fields.sign_bit)
        out[i] = subtract(float_of(bitwise_or(place, fields.large_word)), fields.large)
    return True
