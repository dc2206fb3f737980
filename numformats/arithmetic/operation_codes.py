"""Operations on arrays of formats and other numbers, as codes: what values say, and NaN's sign."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numformats.arithmetic import one_by_one
from numformats.arithmetic.call import read_call, read_operands
from numformats.arithmetic.coded import Array, plain
from numformats.arithmetic.projections import Projection
from numformats.formats.format import Format


def operation_codes(name: str, operands: Sequence[Any], fmt: Format, how: Projection) -> Array:
    """The codes of an operation of `numformats.exact.OPERATIONS`, projected once onto a format."""
    arrays = read_operands([plain(operand) for operand in operands])
    call = read_call(name, arrays[0].shape, fmt, **how.words, random_bits=None)
    flat = [array.reshape(-1) for array in arrays]
    codes = one_by_one.codes_of(call, flat, call.draws(0, flat[0].size))
    return codes.reshape(arrays[0].shape)
