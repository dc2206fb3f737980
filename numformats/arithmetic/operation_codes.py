"""Operations on arrays of formats and other numbers, as codes: what values say, and NaN's sign."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from numformats.arithmetic.application import write_results
from numformats.arithmetic.call import read_call, read_operands
from numformats.arithmetic.coded import Array, Coded, plain
from numformats.arithmetic.projections import Projection
from numformats.codec.arguments import code_dtype
from numformats.codec.extents import extent_of_format
from numformats.formats.format import Format


def operation_codes(name: str, operands: Sequence[Any], fmt: Format, how: Projection) -> Array:
    """The codes of an operation of `numformats.exact.OPERATIONS`, projected once onto a format."""
    arrays = read_operands(name, [plain(operand) for operand in operands])
    call = read_call(name, arrays[0].shape, fmt, **how.words, random_bits=None)
    codes = np.empty(arrays[0].shape, code_dtype(fmt))
    extents = [extent_of_format(x.format) if isinstance(x, Coded) else None for x in operands]
    write_results(call, arrays, codes, None, extents)
    return codes
