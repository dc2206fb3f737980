"""Aligned sums of blocks for arrays, in NumPy: what a tensor core makes of each row and column.

All of it is done in float64, where it is exact: products of values of 26 bits are; powers of two
stand for exponents; a term cut to a multiple of 2**(emax - F) is an integer below 2**51 in units of
that, and so is a sum of terms. The limits are those that `Accumulator` has.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from numformats.arithmetic.accumulators import Accumulator, Result, smallest_exponent
from numformats.arithmetic.operands import powers_of
from numformats.arithmetic.rounding import make_rounding, round_to, rounded_sum

Floats = NDArray[np.float64]

# Products at a time: their arrays fit a cache.
_CHUNK = 1 << 16


class Factors(NamedTuple):
    """The operands of a product of matrices, (m, k) and (k, n): values, and two to the power of
    their exponents; scales are in both.
    """

    a: Floats
    b: Floats
    a_powers: Floats
    b_powers: Floats


def aligned_sums(factors: Factors, c: Floats, acc: Accumulator, result: Result) -> Floats:
    """The sums of all blocks on top of c, an array (m, n) of values of the result's format."""
    rows, columns = c.shape
    total = np.empty_like(c)
    height = max(1, _CHUNK // max(1, (acc.block or 1) * columns))
    sums = _Blocks(acc, result)
    for top in range(0, rows, height):
        some = slice(top, top + height)
        own = factors._replace(a=factors.a[some], a_powers=factors.a_powers[some])
        total[some] = sums.of_rows(own, c[some])
    return total


class _Blocks:
    """What does not depend on the operands."""

    def __init__(self, acc: Accumulator, result: Result) -> None:
        self._acc = acc
        self._how = make_rounding(result)
        self._nearest = make_rounding(Result(result.format))
        self._zero_power = 0.0
        if result.zero_exponent is not None:
            self._zero_power = math.ldexp(1.0, result.zero_exponent)
        self._lowest = smallest_exponent(result.number_format)
        self._scale = 2.0 ** (acc.alignment_bits or 0)

    def of_rows(self, factors: Factors, c: Floats) -> Floats:
        size = self._acc.block or 1
        for begin in range(0, factors.a.shape[1], size):
            parts = list(self._parts(factors, begin))
            if self._acc.addend == "floored":
                c = round_to(self._floored(parts, c), self._how)
                continue
            total = c if self._acc.addend == "first" else np.zeros_like(c)
            for terms, powers in parts:
                total = self._chained(terms, powers, total)
            c = total if self._acc.addend == "first" else rounded_sum(c, total, self._nearest)
        return c

    def _parts(self, factors: Factors, begin: int) -> Iterator[tuple[Floats, Floats]]:
        """The products of each part of a block, and the powers of their exponents: (k, m, n)."""
        acc = self._acc
        period = sum(map(len, acc.order))
        size = acc.block or 1
        for part in acc.order:
            inside = [k for k in range(size) if k % period in part]
            places = [begin + k for k in inside if begin + k < factors.a.shape[1]]
            values = _products(factors.a, factors.b, places)
            powers = _products(factors.a_powers, factors.b_powers, places)
            if acc.group > 1:
                values, powers = _grouped(values, powers, acc.group)
            # A zero has an exponent of its own; and so have those that fill up the block.
            powers[values == 0] = self._zero_power
            if len(values) * acc.group < len(inside):
                zeros = np.full((1, *powers.shape[1:]), self._zero_power)
                powers = np.concatenate([powers, zeros])
            yield values, powers

    def _chained(self, terms: Floats, powers: Floats, c: Floats) -> Floats:
        """The rounded sum of a part and what is before it."""
        greatest = np.maximum(powers.max(axis=0), self._powers_of_accumulator(c))
        sums = self._cut(terms, greatest) + self._cut(c[None], greatest)
        return round_to(_unscaled(sums, greatest, self._scale), self._how)

    def _cut(self, terms: Floats, greatest: Floats) -> Floats:
        """The sum of terms cut toward zero, in units of 2**(emax - F)."""
        scaled = terms * (self._scale / np.where(_is_power(greatest), greatest, 1.0))
        # From +0 on, so that a zero sum is +0.
        return np.trunc(scaled).sum(axis=0) + 0.0

    def _floored(self, parts: list[tuple[Floats, Floats]], c: Floats) -> Floats:
        scale, sum_scale = self._scale, 2.0 ** (self._acc.sum_bits or 0)
        own = [powers.max(axis=0) for _, powers in parts]
        joint = np.maximum.reduce(own)
        both = np.maximum(joint, self._powers_of_accumulator(c))
        # The quotients of powers are 1 or less, and exact.
        cut = [self._cut(terms, powers) for (terms, _), powers in zip(parts, own, strict=True)]
        products = sum(
            np.floor(one * _quotient(powers, joint)) for one, powers in zip(cut, own, strict=True)
        )
        of_sum = np.floor(products * _quotient(joint, both) * (sum_scale / scale))
        of_c = np.floor(c * (scale / np.where(_is_power(both), both, 1.0)))
        return _unscaled(of_sum + of_c * (sum_scale / scale), both, sum_scale)

    def _powers_of_accumulator(self, c: Floats) -> Floats:
        powers = powers_of(c, self._lowest)
        powers[c == 0] = self._zero_power
        return powers


def _products(a: Floats, b: Floats, places: list[int]) -> Floats:
    """a[i, k] * b[k, j] by k, i and j."""
    product: Floats = a.T[places][:, :, None] * b[places][:, None, :]
    return product


def _grouped(values: Floats, powers: Floats, group: int) -> tuple[Floats, Floats]:
    """The exact sums of groups of products with the same scales, and the powers of those."""
    begins = np.arange(0, len(values), group)
    if not len(begins):
        return values, powers
    return np.add.reduceat(values, begins, axis=0), np.maximum.reduceat(powers, begins, axis=0)


def _is_power(powers: Floats) -> NDArray[np.bool_]:
    """Where an exponent is that of something: not where all is zero, or something infinite."""
    return (powers > 0) & np.isfinite(powers)


def _quotient(a: Floats, b: Floats) -> Floats:
    """a / b of powers of two."""
    return np.where(_is_power(a) & _is_power(b), a / np.where(_is_power(b), b, 1.0), 1.0)


def _unscaled(sums: Floats, greatest: Floats, scale: float) -> Floats:
    """Sums in units of 2**(emax - F) as numbers."""
    return sums * (np.where(_is_power(greatest), greatest, 1.0) / scale)
