"""The sums of one product of matrices: by compiled loops where they pay, else in NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numformats.arithmetic.accumulators import Accumulator, Result
from numformats.arithmetic.block_sums import Factors, aligned_sums
from numformats.arithmetic.compiled import compiled_sums
from numformats.arithmetic.exact_sums import exact_products
from numformats.arithmetic.operands import Operand
from numformats.arithmetic.rounding import make_rounding, round_to, rounded_sum
from numformats.arithmetic.tree_sums import exact_block_sums, rounded_sums

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MatrixSums:
    """An accumulator and what its results are."""

    acc: Accumulator
    result: Result

    def of(self, a: Operand, b: Operand, c: Floats) -> Floats:
        """The sums of matrices (m, k) and (k, n) on top of c (m, n), as float64."""
        count = a.values.shape[1]
        if not count or not c.size:
            return round_to(c, make_rounding(self.result))
        every = self.acc.promote_every
        if every is None:
            return self._total(a, b, c)
        nearest, zeros = make_rounding(Result(self.result.format)), np.zeros(c.shape)
        for begin in range(0, count, every):
            some = slice(begin, begin + every)
            c = rounded_sum(c, self._total(a[:, some], b[some], zeros), nearest)
        return c

    def _total(self, a: Operand, b: Operand, c: Floats) -> Floats:
        acc, result = self.acc, self.result
        if acc.summation == "exact" and acc.block is None:
            total = exact_products(a.values, b.values, c)
            return round_to(total, make_rounding(result))
        if acc.summation == "exact":
            return exact_block_sums(a.values, b.values, c, acc, result)
        compiled = compiled_sums(a, b, c, acc, result)
        if compiled is not None:
            return compiled
        if acc.summation == "rounded":
            is_wide = a.is_wide or b.is_wide
            return rounded_sums(a.values, b.values, c, acc, result, is_wide=is_wide)
        assert a.powers is not None
        assert b.powers is not None
        return aligned_sums(Factors(a.values, b.values, a.powers, b.powers), c, acc, result)
