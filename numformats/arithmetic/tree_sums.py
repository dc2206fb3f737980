"""Sums that round each product or addition, and exact sums of small blocks, for arrays in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numformats.arithmetic.accumulators import Accumulator, Result
from numformats.arithmetic.rounding import Rounding, add, make_rounding, round_to, rounded_sum
from numformats.error_free import sum_to_odd, two_product, two_sum

Floats = NDArray[np.float64]


def rounded_sums(
    a: Floats, b: Floats, c: Floats, acc: Accumulator, result: Result, *, is_wide: bool
) -> Floats:
    """The sums of all blocks on top of c, each addition rounded: (m, k), (k, n) and (m, n).

    is_wide: whether products may have more bits than float64.
    """
    how = make_rounding(result, flush_subnormals=acc.flush_subnormals)
    if acc.flush_subnormals:
        c = np.where(np.abs(c) < how.kept_from, 0.0, c)
    count = a.shape[1]
    size = acc.block or max(count, 1)
    for begin in range(0, count, size):
        end = min(begin + size, count)
        if size == 1 and not acc.round_products and is_wide:
            c = _fused(a[:, begin, None], b[begin], c, how)
            continue
        c = rounded_sum(c, _tree(a, b, begin, end, acc, how, is_wide), how)
    return c


def _tree(
    a: Floats, b: Floats, begin: int, end: int, acc: Accumulator, how: Rounding, is_wide: bool
) -> Floats:
    """The sum of a block in pairs of neighbours. Subtrees are kept as a binary counter keeps ones,
    which needs room for few, and what is left over goes up a level.
    """
    waiting: list[tuple[int, Floats]] = []
    for k in range(begin, end):
        own = _product(a[:, k, None], b[k], is_wide)
        subtree, size = round_to(own, how) if acc.round_products else own, 1
        while waiting and waiting[-1][0] == size:
            subtree, size = rounded_sum(waiting.pop()[1], subtree, how), 2 * size
        waiting.append((size, subtree))
    _, total = waiting.pop()
    while waiting:
        total = rounded_sum(waiting.pop()[1], total, how)
    return total


def _product(a: Floats, b: Floats, is_wide: bool) -> Floats:
    """Products, rounded to odd where they have more bits than float64."""
    if not is_wide:
        return a * b
    product, error = two_product(*np.broadcast_arrays(a, b))
    return np.where(np.isfinite(error), sum_to_odd(product, error), product)


def _fused(a: Floats, b: Floats, c: Floats, how: Rounding) -> Floats:
    """a * b + c, rounded once: two exact sums, and one of what they leave. Boldo and Melquiond."""
    product, error = two_product(*np.broadcast_arrays(a, b))
    error = np.where(np.isfinite(error), error, 0.0)
    total, rest = two_sum(c, product)
    rest = np.where(np.isfinite(rest), rest, 0.0)
    below = sum_to_odd(rest, error)
    fused = np.where(below == 0, add(c, product, how), sum_to_odd(total, below))
    return round_to(fused, how)


def exact_block_sums(a: Floats, b: Floats, c: Floats, acc: Accumulator, result: Result) -> Floats:
    """The exact sums of all blocks and what is before them, each rounded once: products are
    exact in float64.
    """
    how, size = make_rounding(result), acc.block or 1
    for begin in range(0, a.shape[1], size):
        places = range(begin, min(begin + size, a.shape[1]))
        terms = [c, *(_product(a[:, k, None], b[k], False) for k in places)]
        c = round_to(sum_of_terms_to_odd(terms), how)
    return c


def sum_of_terms_to_odd(terms: list[Any]) -> Floats:
    """The exact sums of arrays, rounded to odd; a zero sum is +0."""
    plain: Floats = np.zeros(np.broadcast_shapes(*(np.shape(term) for term in terms)))
    plain = plain + sum(terms)
    is_finite = np.isfinite(plain)
    # An expansion: parts that do not overlap, from the smallest to the largest (Shewchuk).
    expansion: list[Floats] = []
    for term in terms:
        rest = np.where(is_finite, term, 0.0)
        grown = []
        for part in expansion:
            rest, error = two_sum(rest, part)
            grown.append(error)
        expansion = [*grown, rest]
    total = expansion[0]
    for part in expansion[1:]:
        total = sum_to_odd(part, total)
    return np.where(is_finite, total + 0.0, plain)
