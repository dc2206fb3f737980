"""Operands of operations, as arrays and how their elements are to be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numformats.arithmetic.call import Array, read_operands
from numformats.arithmetic.coded import Coded
from numformats.arithmetic.sources import Codes, SignedCodes, Source, Values
from numformats.exact import OPERATIONS


def read_sources(name: str, operands: Sequence[Any]) -> tuple[list[Array], list[Source]]:
    """The operands of an operation as arrays of one shape: numbers of any real dtype, and codes for
    arrays of a format. Raises what `read_operands` raises.
    """
    arrays = read_operands(name, [x.codes if isinstance(x, Coded) else x for x in operands])
    # Of an operation that looks at signs, NaN's is part of the result.
    codes = SignedCodes if OPERATIONS[name].kind == "sign" else Codes
    return arrays, [
        codes(x.format) if isinstance(x, Coded) else Values(array.dtype.newbyteorder("="))
        for x, array in zip(operands, arrays, strict=True)
    ]
