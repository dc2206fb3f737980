"""Operations on arrays of formats and other numbers, as codes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numformats.arithmetic.application import as_float64_holds, write_results
from numformats.arithmetic.call import read_call, read_operands
from numformats.arithmetic.coded import Array, Coded, signs_of_nan
from numformats.arithmetic.projections import ArrayProjection
from numformats.arithmetic.sources import Codes, Source, Values
from numformats.codec.arguments import code_dtype
from numformats.exact import OPERATIONS
from numformats.formats.format import Format


def operation_codes(name: str, operands: Sequence[Any], fmt: Format, how: ArrayProjection) -> Array:
    """The codes of an operation of `numformats.exact.OPERATIONS`, projected once onto a format."""
    arrays = read_operands(name, [x.codes if isinstance(x, Coded) else x for x in operands])
    # Of an operation that looks at signs, NaN's is part of the result.
    kind = SignedCodes if OPERATIONS[name].kind == "sign" else Codes
    sources: list[Source] = []
    for i, (x, own) in enumerate(zip(operands, arrays, strict=True)):
        if isinstance(x, Coded):
            sources.append(kind(x.format))
        else:
            arrays[i] = as_float64_holds(own)
            sources.append(Values(arrays[i].dtype.newbyteorder("=")))
    call = read_call(name, arrays[0].shape, fmt, **how.words, random_bits=None)
    codes = np.empty(arrays[0].shape, code_dtype(fmt))
    write_results(call, arrays, tuple(sources), codes, None)
    return codes


class SignedCodes(Codes):
    """Codes of a format, and the signs of their NaNs."""

    def numbers(self, elements: Array, dtype: np.dtype[Any]) -> NDArray[Any]:
        """The numbers of elements, in a dtype that holds them."""
        values = super().numbers(elements, dtype)
        return np.where(signs_of_nan(elements, values, self.fmt), -values, values)

    def number(self, element: Any) -> Any:
        """The number of one element, exactly."""
        value = super().number(element)
        if value == value or not signs_of_nan(element, value, self.fmt):
            return value
        return math.copysign(math.nan, -1)
