"""Sums and products of narrow operands in float32, which takes half the time.

They are not rounded to odd: either they are exact, or the rounding after them is to nearest and
float32 has bits enough for two roundings to be as good as one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from numformats.arithmetic import algebra
from numformats.arithmetic.context import Context, Found

Singles: TypeAlias = NDArray[np.float32]

# float32's precision, the exponent of its largest numbers, and of its smallest.
_PRECISION, _HIGHEST, _LOWEST = 24, 128, -149
_SMALLEST_NORMAL: Final = np.float32(2.0**-126)


def can_add(context: Context, overflow_is_infinity: bool) -> bool:
    """Whether sums may be float32: see `algebra.add`."""
    highest = max(reach.highest for reach in context.reaches)
    return (
        context.is_nearest_of_values
        and 2 * context.bits <= _PRECISION
        and min(reach.lowest for reach in context.reaches) >= _LOWEST
        and (highest + 1 < _HIGHEST or (highest <= _HIGHEST and overflow_is_infinity))
    )


def can_multiply(context: Context) -> bool:
    """Whether products are exact in float32, where they neither overflow nor underflow."""
    return context.product_bits <= _PRECISION and all(
        reach.lowest >= _LOWEST and reach.highest <= _HIGHEST for reach in context.reaches
    )


def _add(context: Context, x: Singles, y: Singles) -> Any:
    return x + y, None


def _subtract(context: Context, x: Singles, y: Singles) -> Any:
    return x - y, None


def _multiply(context: Context, x: Singles, y: Singles) -> Any:
    product = x * y
    lowest = sum(reach.lowest for reach in context.reaches)
    highest = sum(reach.highest for reach in context.reaches)
    if lowest >= _LOWEST and highest <= _HIGHEST:
        return product, None
    magnitude = np.abs(product)
    if magnitude.min(initial=1) >= _SMALLEST_NORMAL and magnitude.max(initial=1) < np.inf:
        return product, None
    is_exact = (magnitude >= _SMALLEST_NORMAL) & (magnitude < np.inf)
    if (is_exact | (x == 0) | (y == 0)).all():
        return product, None
    return algebra.multiply(context, x.astype(np.float64), y.astype(np.float64))


SINGLE: Final[dict[str, Callable[..., Found]]] = {
    "add": _add,
    "subtract": _subtract,
    "multiply": _multiply,
}
