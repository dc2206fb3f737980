"""The conventions of libraries that have casts, and leave the choice of scales to their callers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numformats import codec
from numformats.codec.arguments import code_dtype, refuse_where
from numformats.formats.format import Format
from numformats.formats.ieee import float32
from numformats.formats.integers import IntFormat
from numformats.scaled.conventions.casts import cast_of, to_float32
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.granularity import Tile, slabs
from numformats.scaled.rules import ScaleRule
from numformats.scaled.scales import Scales, choose_scales, scale_values, spread_over, tile_ends

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
    numbers = to_float32(x)
    if isinstance(fmt.element, IntFormat):
        refuse_where("x", numbers, np.isnan, "NaN", f"it has no code in {fmt.element.name}")
    if fmt.zero_point is not None:
        if convention != "onnx" or fmt.scale != float32 or rule != ScaleRule():
            raise ValueError(f"convention: {convention} has no {fmt.name} with this scale rule")
        scales = _dynamic_scales(numbers, fmt, tile, fmt.zero_point)
    else:
        scales = choose_scales(numbers, fmt, rule, tile)
    sizes = scale_values(scales, fmt)
    codes = np.empty(x.shape, code_dtype(fmt.element))
    zeros = scales.zero_points
    for part, _ in slabs(x.shape, _CHUNK):
        with np.errstate(all="ignore"):
            quotients = numbers[part] / spread_over(sizes, part, tile).astype(np.float32)
        if zeros is None:
            codes[part] = how.apply(quotients.reshape(-1), fmt.element).reshape(quotients.shape)
        else:
            codes[part] = _moved(quotients, spread_over(zeros, part, tile), fmt.element)
    return codes, scales


def _dynamic_scales(x: Array, fmt: ScaledFormat, tile: Tile, zero_point: IntFormat) -> Scales:
    """Source: ONNX, `DynamicQuantizeLinear`, here for each tile and any width."""
    low, high = (ends.astype(np.float32) for ends in tile_ends(x, tile))
    lowest, highest = np.float32(fmt.element.lowest), np.float32(fmt.element.highest)
    with np.errstate(all="ignore"):
        span = np.where(high == low, np.float32(1), high - low)
        size = span / (highest - lowest)
        zero = np.rint(np.clip(lowest - low / size, lowest, highest))
    zeros = codec.encode(zero, zero_point)
    return Scales(np.asarray(codec.encode(size, float32)), zero_points=np.asarray(zeros))


def _moved(quotients: Array, zeros: Array, element: Format) -> Array:
    integers = np.rint(quotients) + zeros
    return np.asarray(codec.encode(np.clip(integers, element.min, element.max), element))
