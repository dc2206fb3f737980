"""Quantizing tiles of any form in NumPy, a chunk of the array at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.codec.arguments import code_dtype
from numformats.codec.backends import decode, encode
from numformats.codec.random_bits import draw
from numformats.error_free import quotient_to_odd, sum_to_odd
from numformats.modes import Modes, random_bit_count
from numformats.scaled.micro_exponents import with_micro_exponents
from numformats.scaled.plan import WIDE, QuantizationPlan
from numformats.scaled.scale_choice import choose_scales
from numformats.scaled.scales import Scales, divisors_of_elements
from numformats.scaled.statistics import TileStatistics
from numformats.scaled.tiling import chunks_in_order, spread_over
from numformats.system import NumberSystem

Array = NDArray[Any]

# Numbers that are divided and encoded at a time.
_CHUNK: Final = 1 << 16


def quantize_tiles(
    x: Array, plan: QuantizationPlan, key: int | None, known: Scales | None
) -> tuple[Array, Scales]:
    """The codes of an array and the scales of its tiles.

    key: of the random bits, if the modes need any. known: the scales, if they have been chosen.
    """
    scales = known or choose_scales(TileStatistics(x, plan.tile), plan.format, plan.rule)
    scales = with_micro_exponents(
        scales, lambda tile: TileStatistics(x, tile), plan.format, plan.tile
    )
    return encode_tiles(x, scales, plan, key), scales


def encode_tiles(x: Array, scales: Scales, plan: QuantizationPlan, key: int | None) -> Array:
    """The codes of the elements of an array, whose scales are known."""
    fmt, tile = plan.format, plan.tile
    codes = np.empty(x.shape, code_dtype(fmt.element))
    divisors = divisors_of_elements(scales, fmt)
    divide = quotient_to_odd if plan.division == "to_odd" else np.divide
    count = random_bit_count(plan.modes.rounding)

    def of_chunk(grid: Array, chunk: tuple[slice, ...]) -> Array:
        return np.broadcast_to(spread_over(grid, chunk, tile), x[chunk].shape)

    for chunk, start in chunks_in_order(x.shape, _CHUNK):
        with np.errstate(invalid="ignore"):
            numbers = x[chunk].astype(np.float64)
        if divisors.offsets is not None:
            numbers = sum_to_odd(numbers, -of_chunk(divisors.offsets, chunk))
        own_scales = np.broadcast_to(divisors.scales_over(chunk, tile), numbers.shape)
        quotients = _quotients(numbers, own_scales, divide)
        draws = None
        if key is not None:
            draws = draw(key, start, numbers.size, count).reshape(numbers.shape)
        own = encode(quotients, plan.target, plan.modes, draws)
        if divisors.zero_points is not None:
            own = _with_zero_points(own, of_chunk(divisors.zero_points, chunk), fmt.element)
        codes[chunk] = own
    return codes


def _quotients(numbers: Array, scales: Array, divide: Callable[[Array, Array], Array]) -> Array:
    """Exact quotients, as far as any rounding can tell; NaN where the scale is NaN."""
    finite = np.isfinite(numbers)
    divided = divide(np.where(finite, numbers, 0), np.where(np.isnan(scales), 1, scales))
    with np.errstate(invalid="ignore"):  # NumPy warns of a signaling NaN on its way
        divided = np.where(finite, divided, numbers * np.sign(scales))
    divided = np.where(np.isinf(scales), np.copysign(0, numbers), divided)
    return np.where(np.isnan(scales), np.nan, divided)


def _with_zero_points(wide: Array, zero_points: Array, element: NumberSystem) -> Array:
    """The codes of elements at a distance from that which stands for zero, from codes of `WIDE`."""
    moved = decode(wide, WIDE) + zero_points
    clipped = np.clip(moved, float(element.lowest), float(element.highest))
    return encode(clipped, element, Modes())
