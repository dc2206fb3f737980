"""Decoding formats too wide for a table of their values: the value of each code by arithmetic."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy import bitwise_and, left_shift, maximum

from numformats.codec.numba.bits import float_of
from numformats.codec.numba.encode import L1_CHUNK, look_up
from numformats.codec.numba.lanes import LANE64
from numformats.codec.numba.steps import kernel, step
from numformats.codec.values import special_codes
from numformats.system import NumberSystem

# More than any code: what a format lacks begins there.
_NEVER = 1 << 40


class FloatFields(NamedTuple):
    """Where the parts of a float's code lie, and which codes are special; uint64 scalars."""

    magnitude_mask: Any
    sign_bit: Any
    # Codes below this are multiples of the quantum.
    first_normal: Any
    quantum: Any  # float64
    # The trailing significand goes up by this much, and the exponent's bias becomes float64's.
    up: Any
    rebias: Any
    infinity: Any
    first_nan: Any
    lone_nan: Any


class FixedFields(NamedTuple):
    """The sign bit of a two's complement code, as int64, and the value of its last bit."""

    sign_bit: Any
    quantum: Any


def fields_of(fmt: NumberSystem) -> FloatFields | FixedFields | None:
    """What the kernels below need to know of a system, or None if they cannot decode it."""
    lattice = fmt.lattice
    if lattice is None:
        return None
    sign_bit = 1 << (fmt.bits - 1) if fmt.signed else 0
    quantum = 2.0**lattice.lowest_quantum if lattice.lowest_quantum > -1075 else 0.0
    if lattice.complement:
        return FixedFields(np.int64(sign_bit), quantum)
    # What is subtracted from the exponent field, all of whose binades float64 has to have.
    bias = 1 - lattice.lowest_quantum - lattice.trailing_bits
    if -bias < 1 - LANE64.bias:
        return None
    special = special_codes(fmt)
    first_normal = 1 << lattice.trailing_bits if lattice.gradual else lattice.has_zero
    first_nan = fmt.highest_step + 1 + fmt.has_inf
    return FloatFields(
        magnitude_mask=np.uint64((1 << (fmt.bits - fmt.signed)) - 1),
        sign_bit=np.uint64(sign_bit),
        first_normal=np.uint64(first_normal),
        quantum=quantum,
        up=np.uint64(LANE64.trailing_bits - lattice.trailing_bits),
        rebias=np.uint64((LANE64.bias - bias) << LANE64.trailing_bits),
        infinity=np.uint64(_NEVER if special.infinity < 0 else special.infinity),
        first_nan=np.uint64(first_nan),
        lone_nan=np.uint64(_NEVER if special.lone_nan < 0 else special.lone_nan),
    )


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
        code = np.uint64(codes[i])
        magnitude = bitwise_and(code, fields.magnitude_mask)
        # float64's layout is the same but for the width of its fields and the bias.
        normal = float_of(left_shift(magnitude, fields.up) + fields.rebias)
        is_normal = magnitude >= fields.first_normal
        value = normal if is_normal else np.float64(magnitude) * fields.quantum
        value = np.inf if magnitude == fields.infinity else value
        value = -value if bitwise_and(code, fields.sign_bit) != 0 else value
        is_nan = (magnitude >= fields.first_nan) | (code == fields.lone_nan)
        out[i] = np.nan if is_nan else value
    return True


@kernel
def decode_fixed(codes: Any, out: Any, fields: Any, limit: Any) -> bool:
    """The values of integer and fixed-point codes, written to `out`. Returns whether all codes are
    up to the limit.
    """
    if codes.size > 0 and largest_code(codes) > limit:
        return False
    for i in range(codes.size):
        # Flipping the sign bit and subtracting it extends the sign.
        signed = (np.int64(codes[i]) ^ fields.sign_bit) - fields.sign_bit
        out[i] = signed * fields.quantum
    return True
