"""Sums that round each product or addition: one after another, or in trees of neighbours."""

from __future__ import annotations

from typing import Any

from numformats.codec.numba.matrix.rounding import round_to, sum_to_odd
from numformats.codec.numba.steps import step


@step
def rounded_sums(
    a: Any, b: Any, c: Any, size: int, rounds_products: bool, how: Any, scratch: Any
) -> None:
    """Add the products of a (m, k) and b (k, n), in blocks of `size` of k, to c (m, n).

    scratch: rows as long as a tile of columns, as many as a tree of a block is high, and one more.
    """
    rows, count = a.shape
    columns, tile = b.shape[1], scratch.shape[1]
    for left in range(0, columns, tile):
        right = left + tile if left + tile <= columns else columns
        for i in range(rows):
            total = c[i, left:right]
            for begin in range(0, count, size):
                end = begin + size if begin + size <= count else count
                if size == 1:
                    _add_product(total, a[i, begin], b[begin, left:right], rounds_products, how)
                    continue
                top = 0
                for k in range(begin, end):
                    _multiply(scratch[top], a[i, k], b[k, left:right], rounds_products, how)
                    top += 1
                    # As a binary counter carries: two subtrees of one size become one.
                    carries = k - begin
                    while carries & 1:
                        top -= 1
                        _add(scratch[top - 1], scratch[top], how)
                        carries >>= 1
                while top > 1:
                    top -= 1
                    _add(scratch[top - 1], scratch[top], how)
                _add(total, scratch[0, : right - left], how)


@step
def machine_sums(a: Any, b: Any, c: Any, tile: int) -> None:
    """Add the products of a (m, k) and b (k, n), one after another, to c (m, n): in float32, as the
    machine rounds products and sums.
    """
    rows, count = a.shape
    columns = b.shape[1]
    for left in range(0, columns, tile):
        right = left + tile if left + tile <= columns else columns
        for i in range(rows):
            total = c[i, left:right]
            for k in range(count):
                x, row = a[i, k], b[k, left:right]
                for j in range(right - left):
                    total[j] = total[j] + x * row[j]


@step
def _add_product(total: Any, x: float, row: Any, rounds_products: bool, how: Any) -> None:
    """Add products to sums."""
    if rounds_products:
        for j in range(len(total)):
            total[j] = round_to(sum_to_odd(total[j], round_to(x * row[j], how), how), how)
    else:
        for j in range(len(total)):
            total[j] = round_to(sum_to_odd(total[j], x * row[j], how), how)


@step
def _multiply(into: Any, x: float, row: Any, rounds_products: bool, how: Any) -> None:
    """Write products to the begin of a row."""
    if rounds_products:
        for j in range(len(row)):
            into[j] = round_to(x * row[j], how)
    else:
        for j in range(len(row)):
            into[j] = x * row[j]


@step
def _add(into: Any, other: Any, how: Any) -> None:
    """Add a row to another of its length."""
    for j in range(len(into)):
        into[j] = round_to(sum_to_odd(into[j], other[j], how), how)
