"""Aligned sums of blocks: terms cut to F bits below the greatest exponent, and summed exactly."""

from __future__ import annotations

from typing import Any

import numpy as np

from numformats.codec.numba.matrix.rounding import inverse, power_below, round_to, sum_to_odd
from numformats.codec.numba.steps import step


@step
def aligned_sums(
    a: Any,
    a_powers: Any,
    b: Any,
    b_powers: Any,
    c: Any,
    size: int,
    restart: int,
    scale: float,
    zero_power: float,
    how: Any,
    of_register: Any,
    scratch: Any,
) -> None:
    """Add the products of a (m, k) and b (k, n), in blocks of `size` of k, to c (m, n).

    k is a multiple of `size`. powers: 2 to the exponents of values, 0 for zeros. restart: after so
    many blocks the sum is added to c and begins again from zero; 0 for never. scale: 2**F. scratch:
    three rows as long as a tile of columns.
    """
    rows, count = a.shape
    columns, tile = b.shape[1], scratch.shape[1]
    sums, greatest, factors = scratch[0], scratch[1], scratch[2]
    total = np.zeros((rows, tile))
    for left in range(0, columns, tile):
        width = tile if left + tile <= columns else columns - left
        for i in range(rows):
            for j in range(width):
                total[i, j] = 0.0 if restart else c[i, left + j]
        for begin in range(0, count, size):
            is_last = restart > 0 and (begin // size + 1) % restart == 0
            for i in range(rows):
                _block(
                    a[i], a_powers[i], b, b_powers, left, begin, size, width, total[i],
                    scale, zero_power, how, sums, greatest, factors,
                )  # fmt: skip
                if is_last:
                    for j in range(width):
                        into = c[i, left + j]
                        c[i, left + j] = round_to(
                            sum_to_odd(into, total[i, j], of_register), of_register
                        )
                        total[i, j] = 0.0
        if restart == 0:
            for i in range(rows):
                for j in range(width):
                    c[i, left + j] = total[i, j]


@step
def _block(
    a: Any, a_powers: Any, b: Any, b_powers: Any, left: int, begin: int, size: int, width: int,
    total: Any, scale: float, zero_power: float, how: Any, sums: Any, greatest: Any, factors: Any,
) -> None:  # fmt: skip
    """Add a block of a row to its sums, one for each column."""
    for j in range(width):
        power = power_below(total[j])
        power = power if power > how[0] else how[0]
        greatest[j] = zero_power if total[j] == 0.0 else power
    for k in range(begin, begin + size):
        x = a_powers[k]
        for j in range(width):
            power = x * b_powers[k, left + j]
            power = zero_power if power == 0.0 else power
            greatest[j] = power if power > greatest[j] else greatest[j]
    for j in range(width):
        # The exponent of infinity and NaN, whose sum is neither cut nor finite.
        greatest[j] = greatest[j] if 0.0 < greatest[j] < np.inf else 1.0
        factors[j] = scale * inverse(greatest[j])
        sums[j] = np.trunc(total[j] * factors[j]) + 0.0
    for k in range(begin, begin + size):
        x = a[k]
        for j in range(width):
            sums[j] += np.trunc(x * b[k, left + j] * factors[j])
    for j in range(width):
        total[j] = round_to(sums[j] * inverse(factors[j]), how)
