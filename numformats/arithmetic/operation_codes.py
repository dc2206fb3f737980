"""Operations on arrays of formats and other numbers, as codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from numformats.arithmetic.application import write_results
from numformats.arithmetic.call import read_call
from numformats.arithmetic.coded import Array
from numformats.arithmetic.projections import ArrayProjection
from numformats.arithmetic.reading import read_sources
from numformats.codec.arguments import code_dtype
from numformats.formats.format import Format


def operation_codes(name: str, operands: Sequence[Any], fmt: Format, how: ArrayProjection) -> Array:
    """The codes of an operation of `numformats.exact.OPERATIONS`, projected once onto a format."""
    arrays, sources = read_sources(name, operands)
    call = read_call(name, arrays[0].shape, fmt, **how.words, random_bits=None)
    codes = np.empty(arrays[0].shape, code_dtype(fmt))
    write_results(call, arrays, sources, codes, None)
    return codes
