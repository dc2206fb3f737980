"""Elements whose scales are known, a part of the array at a time: plain NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats import codec
from numformats.codec.arguments import code_dtype
from numformats.codec.random_bits import draw
from numformats.error_free import quotient_to_odd, sum_to_odd
from numformats.formats.format import Format
from numformats.modes import RoundingMode, random_bit_count
from numformats.scaled.elements import WIDE, Projection, can_divide
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.granularity import Tile, slabs
from numformats.scaled.scales import Scales, divisors_for_elements, spread_over, values_of

Array = NDArray[Any]

# Elements that are divided and encoded at a time.
_CHUNK: Final = 1 << 16


def encode_elements(
    x: Array,
    fmt: ScaledFormat,
    scales: Scales,
    tile: Tile,
    how: Projection,
) -> Array:
    """The codes of the elements, whose scales are known."""
    element = fmt.element
    codes = np.empty(x.shape, code_dtype(element))
    sizes = divisors_for_elements(scales, fmt)
    count = random_bit_count(how.rounding)
    zeros = offsets = None
    if scales.offsets is not None:
        assert fmt.offset is not None
        offsets = values_of(scales.offsets, fmt.offset)
    if scales.zero_points is not None:
        assert fmt.zero_point is not None
        zeros = values_of(scales.zero_points, fmt.zero_point)
    divide = np.divide if can_divide(x.dtype, fmt, how.key) else quotient_to_odd
    for part, start in slabs(x.shape, _CHUNK):
        with np.errstate(invalid="ignore"):
            values = x[part].astype(np.float64)
        if offsets is not None:
            offset = np.broadcast_to(spread_over(offsets, part, tile), values.shape)
            values = sum_to_odd(values, -offset)
        size = np.broadcast_to(spread_over(sizes, part, tile), values.shape)
        quotient = _quotients(values, size, divide)
        draws = None
        if how.key is not None:
            draws = draw(how.key, start, values.size, count).reshape(values.shape)
        if zeros is None:
            nan = "raise" if element.has_nan else "zero"
            codes[part] = codec.encode(
                quotient, element, how.rounding, how.saturation, nan, random_bits=draws
            )
        else:
            zero = np.broadcast_to(spread_over(zeros, part, tile), values.shape)
            codes[part] = _affine_codes(quotient, zero, element, how.rounding, draws)
    return codes


def _quotients(values: Array, sizes: Array, divide: Callable[[Array, Array], Array]) -> Array:
    """Exact quotients, as far as any rounding can tell; NaN where the scale is NaN."""
    finite = np.isfinite(values)
    divided = divide(np.where(finite, values, 0), np.where(np.isnan(sizes), 1, sizes))
    with np.errstate(invalid="ignore"):  # NumPy warns of a signaling NaN on its way
        divided = np.where(finite, divided, values * np.sign(sizes))
    divided = np.where(np.isinf(sizes), np.copysign(0, values), divided)
    return np.where(np.isnan(sizes), np.nan, divided)


def _affine_codes(
    quotient: Array, zero: Array, element: Format, rounding: RoundingMode, draws: Array | None
) -> Array:
    """Codes of integers at a distance from that which stands for zero."""
    integers = codec.decode(
        codec.encode(quotient, WIDE, rounding, "finite", "zero", random_bits=draws), WIDE
    )
    moved = np.clip(integers + zero, float(element.lowest), float(element.highest))
    return np.asarray(codec.encode(moved, element))
