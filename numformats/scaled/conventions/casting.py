"""The conventions of libraries that have casts, and leave the choice of scales to their callers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numformats.codec.arguments import code_dtype, refuse_where
from numformats.codec.backends import encode
from numformats.formats.ieee import float32
from numformats.modes import Modes
from numformats.scaled.conventions.casts import cast_of, to_float32
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.granularity import Tile
from numformats.scaled.rules import ScaleRule
from numformats.scaled.scale_choice import choose_scales
from numformats.scaled.scales import Scales, scale_values
from numformats.scaled.statistics import TileStatistics
from numformats.scaled.tiling import chunks_in_order, spread_over
from numformats.system import NumberSystem

Array = NDArray[Any]

# Elements that are worked on at a time.
_CHUNK = 1 << 16


def quantize_by_cast(
    x: Array, fmt: ScaledFormat, rule: ScaleRule, tile: Tile, convention: str
) -> tuple[Array, Scales]:
    """Codes and scales: the scales of the rule, quotients in float32, and the library's cast.

    For affine formats the scales, too, are computed in float32: that is ONNX's
    `DynamicQuantizeLinear`. ValueError for what the library does not have.
    """
    how = cast_of(fmt.element, convention)
    if fmt.offset is not None or rule.search:
        raise ValueError(f"convention: {convention} has neither offsets nor a search for scales")
    if fmt.micro_exponents:
        raise ValueError(f"convention: {convention} has no micro-exponents")
    numbers = to_float32(x)
    if not fmt.element.has_nan and how.nan_codes is None:
        refuse_where("x", numbers, np.isnan, "NaN", f"it has no code in {fmt.element.name}")
    if fmt.zero_point is not None:
        if convention != "onnx" or fmt.scale != float32 or rule != ScaleRule():
            raise ValueError(f"convention: {convention} has no {fmt.name} with this scale rule")
        scales = _dynamic_scales(numbers, fmt, tile, fmt.zero_point)
    else:
        scales = choose_scales(TileStatistics(numbers, tile, rule.percentile), fmt, rule)
    values = scale_values(scales, fmt)
    codes = np.empty(x.shape, code_dtype(fmt.element))
    zeros = scales.zero_points
    for chunk, _ in chunks_in_order(x.shape, _CHUNK):
        with np.errstate(all="ignore"):
            quotients = numbers[chunk] / spread_over(values, chunk, tile).astype(np.float32)
        if zeros is None:
            codes[chunk] = how.apply(quotients.reshape(-1), fmt.element).reshape(quotients.shape)
        else:
            codes[chunk] = _moved(quotients, spread_over(zeros, chunk, tile), fmt.element)
    return codes, scales


def _dynamic_scales(x: Array, fmt: ScaledFormat, tile: Tile, zero_point: NumberSystem) -> Scales:
    """Source: ONNX, `DynamicQuantizeLinear`, here for each tile and any width."""
    ends = TileStatistics(x, tile).ends(with_zero=True)
    low, high = (end.astype(np.float32) for end in ends)
    lowest, highest = np.float32(fmt.element.lowest), np.float32(fmt.element.highest)
    with np.errstate(all="ignore"):
        span = np.where(high == low, np.float32(1), high - low)
        size = span / (highest - lowest)
        zero = np.rint(np.clip(lowest - low / size, lowest, highest))
    zeros = encode(zero, zero_point, Modes())
    return Scales(encode(size, float32, Modes()), zero_points=zeros)


def _moved(quotients: Array, zeros: Array, element: NumberSystem) -> Array:
    integers = np.rint(quotients) + zeros
    moved = np.clip(integers, float(element.lowest), float(element.highest))
    # Infinity over a range that float32 does not have.
    refuse_where("x", moved, np.isnan, "NaN", "its range is beyond float32")
    return encode(moved, element, Modes())
