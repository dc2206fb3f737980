"""Arithmetic in a format: sums of products, as the exact sum or as real hardware rounds them.

`Accumulator` says how; `units` has those that have a name; `meaning` computes one sum in Fractions,
and `matrix` arrays of them, to the same bits.
"""

from __future__ import annotations

from numformats.arithmetic.accumulators import Accumulator, Result
from numformats.arithmetic.format_array import FormatArray, array
from numformats.arithmetic.matrix import dot, matmul, sum
from numformats.arithmetic.projections import Projection
from numformats.arithmetic.units import get_accumulator, list_accumulators

__all__ = [
    "Accumulator",
    "FormatArray",
    "Projection",
    "Result",
    "array",
    "dot",
    "get_accumulator",
    "list_accumulators",
    "matmul",
    "sum",
]
