"""The loops for sums of products, called on arrays and split over threads by rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.codec.numba.matrix.aligned import aligned_sums as aligned_loop
from numformats.codec.numba.matrix.trees import machine_sums as machine_loop
from numformats.codec.numba.matrix.trees import rounded_sums as rounded_loop
from numformats.codec.numba.threads import run_split
from numformats.codec.numba.views import read_only

Floats = NDArray[np.float64]

# Columns side by side: a block of so many stays in the first cache.
_TILE: Final = 64
# Products that are worth as much as one element of the codec.
_PRODUCTS_PER_ELEMENT: Final = 4


def aligned_sums(
    a: Floats,
    a_powers: Floats,
    b: Floats,
    b_powers: Floats,
    c: Floats,
    *,
    size: int,
    restart: int,
    scale: float,
    zero_power: float,
    how: tuple[float, ...],
    of_register: tuple[float, ...],
) -> Floats:
    """Aligned sums in blocks of `size` on top of c: see the loop. k is a multiple of `size`."""
    arrays = [_for_reading(x) for x in (a, a_powers, b, b_powers)]
    total = np.array(c, order="C")

    def work(top: int, bottom: int) -> None:
        scratch = np.empty((3, _TILE))
        own, own_powers = arrays[0][top:bottom], arrays[1][top:bottom]
        aligned_loop(
            *(own, own_powers, arrays[2], arrays[3], total[top:bottom]),
            *(size, restart, scale, zero_power, how, of_register, scratch),
        )

    _run_rows(work, a.shape[0], a.shape[1] * b.shape[1])
    return total


def rounded_sums(
    a: Floats, b: Floats, c: Floats, *, size: int, rounds_products: bool, how: tuple[float, ...]
) -> Floats:
    """Rounded sums in blocks of `size` on top of c: see the loop."""
    left, right = _for_reading(a), _for_reading(b)
    total = np.array(c, order="C")
    height = min(size, max(a.shape[1], 1)).bit_length() + 1

    def work(top: int, bottom: int) -> None:
        scratch = np.empty((height, _TILE))
        rounded_loop(
            left[top:bottom], right, total[top:bottom], size, rounds_products, how, scratch
        )

    _run_rows(work, a.shape[0], a.shape[1] * b.shape[1])
    return total


def machine_sums(a: Floats, b: Floats, c: Floats) -> Floats:
    """Sums one after another on top of c, all in float32, whose values these are."""
    left, right, total = (np.array(x, np.float32, order="C") for x in (a, b, c))

    def work(top: int, bottom: int) -> None:
        machine_loop(left[top:bottom], right, total[top:bottom], _TILE)

    _run_rows(work, a.shape[0], a.shape[1] * b.shape[1])
    return total.astype(np.float64)


def _for_reading(x: Floats) -> Floats:
    """An array as loops take it: of one type, whatever it is a view of."""
    return read_only(np.ascontiguousarray(x).view())


def _run_rows(work: Callable[[int, int], Any], rows: int, products: int) -> None:
    """Call `work` for parts of all rows, of so many products each."""
    weight = max(1, products // _PRODUCTS_PER_ELEMENT)

    def part(begin: int, end: int) -> bool:
        work(begin // weight, -(-end // weight))
        return True

    run_split(part, rows * weight, weight)
