"""`quantize`: an array as elements and scales."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numformats import codec
from numformats.codec.arguments import code_dtype, is_float, read_real, refuse_where
from numformats.codec.division import quotient_to_odd
from numformats.codec.random_bits import RandomSource, draw, key_of
from numformats.codec.values import require_dtype
from numformats.formats import get_format
from numformats.formats.base import Format
from numformats.formats.ieee import float32
from numformats.rounding import (
    RoundingMode,
    SaturationMode,
    Stochastic,
    parse_rounding,
    parse_saturation,
    random_bit_count,
)
from numformats.scaled.addition import sum_to_odd
from numformats.scaled.arrays import ScaledArray
from numformats.scaled.conventions import parse_convention, quantize_as
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.fused import WIDE, can_divide, can_quantize, quantize_runs
from numformats.scaled.granularity import PerTensor, Tile, normalized, slabs
from numformats.scaled.named import NAMED, get_scaled_format
from numformats.scaled.rules import ScaleRule, get_rule
from numformats.scaled.scales import (
    Scales,
    choose_scales,
    divisors_for_elements,
    magnitudes,
    scale_values,
    scales_of_magnitudes,
    spread,
    spread_over,
    sums,
    values_of,
)

Array = NDArray[Any]

# Elements that are divided and encoded at a time.
_CHUNK: Final = 1 << 16


def quantize(
    x: ArrayLike,
    fmt: str | ScaledFormat | Format,
    axis: int | None = None,
    scale_rule: str | ScaleRule | None = None,
    rounding: str | Stochastic = "nearest_even",
    saturation: str = "finite",
    rng: RandomSource = None,
    convention: str = "ocp",
) -> ScaledArray:
    """An array as elements and the scales that they share.

    Parameters
    ----------
    x : array_like of real numbers
        Any dtype that `numformats.codec.encode` takes (integers up to 2**53), any shape and layout.
    fmt : str, ScaledFormat or Format
        A scaled format or the name of one; an element format, or the name of one, stands for one
        float32 scale for all of `x`.
    axis : int, optional
        The axis that blocks run along, by default the last; that of the channels, by default the
        first. The last block may be shorter than the others.
    scale_rule : str or ScaleRule, optional
        How each scale is chosen, by default as the format says; see ``numformats.scaled.RULES``.
    rounding, saturation, rng
        How the quotients of values and scales are projected onto the element format, as for
        `numformats.codec.encode`.
    convention : {"ocp", "torchao", "gguf", "bitsandbytes", "torch", "ml_dtypes", "cuda", "onnx"}
        Whose bits: the exact rule's, or another library's, which rounds on the way and treats the
        ends of the range, NaN and infinity in its own manner. "torchao" (0.18) is for the MX
        formats, and NVFP4 with and without tensor scale; "gguf" (0.19) for q8_0, q4_0 and q4_1;
        "bitsandbytes" (0.50) for nf4 and fp4_bnb, with and without double quantization. The others
        have casts alone: the rule's scales, quotients in float32, then that cast
        (`numformats.cast`). Affine formats with float32 scales are those of ONNX's
        `DynamicQuantizeLinear` under "onnx". Each library has its own rounding
        and saturation, so that those of the call have to be the defaults.

    Returns
    -------
    ScaledArray
        Codes in the shape of `x`, one scale for each tile.

    Raises
    ------
    TypeError, ValueError
        For values that are not real numbers, or integers beyond 2**53; an unknown format, rule or
        mode; an axis that is not there; NaN, where the scale has no code for it.

    Notes
    -----
    Each quotient is exact until it is rounded once. A tile with NaN gets a scale that is NaN, so
    that all of it is NaN; infinity does not count for the scale, and is projected by itself. The
    scale of a tile of zeros is 1, or the smallest there is if the scale format has no zero; one
    that would round to zero is the smallest positive one; one too large is the largest. A scale
    that is stored as a distance from the mean may be zero, and what is divided by it becomes zero.

    Source: OCP Microscaling Formats (MX) v1.0, clause 6.3, for the MX formats.

    Examples
    --------
    >>> import numformats as nf
    >>> q = nf.quantize([0.1, -0.5, 3.0, 24.0], "mxfp4")
    >>> q.codes, q.scales
    (array([0, 8, 2, 7], dtype=uint8), array([129], dtype=uint8))
    >>> q.dequantize()
    array([ 0., -0.,  4., 24.], dtype=float32)
    """
    array = _read(x)
    scaled = read_scaled_format(fmt)
    rule = scaled.rule if scale_rule is None else get_rule(scale_rule)
    mode, saturation_mode = parse_rounding(rounding), parse_saturation(saturation)
    require_dtype(scaled.element, np.dtype(np.float64))
    shape = array.shape
    array = array.reshape(1) if array.ndim == 0 else array
    along = None if axis is None else normalized(axis, array.ndim)
    tile = scaled.granularity.tile(array.ndim, along)
    key = key_of(rng) if random_bit_count(mode) else None
    if rule.largest is not None:
        _require_known(array, scaled)
    if parse_convention(convention) != "ocp":
        if (mode, saturation_mode) != ("nearest_even", "finite"):
            raise ValueError(f"convention: {convention} has its own rounding and saturation")
        codes, scales = quantize_as(convention, array, scaled, rule, tile, along)
        return ScaledArray.from_grid(codes.reshape(shape), scales, scaled, along)
    asked = (array, scaled, rule, tile, mode, saturation_mode, key)
    if can_quantize(*asked):
        codes, scales = quantize_runs(*asked)
        return ScaledArray.from_grid(codes.reshape(shape), scales, scaled, along)
    if rule.search:
        scales = _best_scales(array, scaled, rule, tile, mode, saturation_mode)
    else:
        scales = choose_scales(array, scaled, rule, tile)
    codes = encode_elements(array, scaled, scales, tile, mode, saturation_mode, key)
    return ScaledArray.from_grid(codes.reshape(shape), scales, scaled, along)


def _require_known(x: Array, fmt: ScaledFormat) -> None:
    """Refuse what a largest magnitude that is known beforehand does not fit."""
    if not fmt.is_symmetric:
        raise ValueError(f"scale_rule: the scales of {fmt.name} do not go by a largest magnitude")
    if not fmt.element.has_nan and is_float(x.dtype):
        # The scale of its tile, which stands for it elsewhere, says nothing of it here.
        refuse_where("x", x, np.isnan, "NaN", f"{fmt.element.name} has no code for it")


def read_scaled_format(fmt: str | ScaledFormat | Format) -> ScaledFormat:
    """A scaled format, from what `quantize` takes for one."""
    if isinstance(fmt, ScaledFormat) or (isinstance(fmt, str) and fmt.lower() in NAMED):
        return get_scaled_format(fmt)
    try:
        element = get_format(fmt)
    except ValueError:
        if isinstance(fmt, str):
            get_scaled_format(fmt)  # whose message has the nearest name
        raise
    return ScaledFormat(element.name, element, float32, PerTensor(), "absmax_up")


def encode_elements(
    x: Array,
    fmt: ScaledFormat,
    scales: Scales,
    tile: Tile,
    rounding: RoundingMode,
    saturation: SaturationMode,
    key: int | None,
) -> Array:
    """The codes of the elements, whose scales are known."""
    element = fmt.element
    codes = np.empty(x.shape, code_dtype(element))
    sizes = divisors_for_elements(scales, fmt)
    count = random_bit_count(rounding)
    zeros = offsets = None
    if scales.offsets is not None:
        assert fmt.offset is not None
        offsets = values_of(scales.offsets, fmt.offset)
    if scales.zero_points is not None:
        assert fmt.zero_point is not None
        zeros = values_of(scales.zero_points, fmt.zero_point)
    divide = np.divide if can_divide(x.dtype, fmt, key) else quotient_to_odd
    for part, start in slabs(x.shape, _CHUNK):
        with np.errstate(invalid="ignore"):
            values = x[part].astype(np.float64)
        if offsets is not None:
            offset = np.broadcast_to(spread_over(offsets, part, tile), values.shape)
            values = sum_to_odd(values, -offset)
        size = np.broadcast_to(spread_over(sizes, part, tile), values.shape)
        quotient = _quotients(values, size, divide)
        draws = None
        if key is not None:
            draws = draw(key, start, values.size, count).reshape(values.shape)
        if zeros is None:
            nan = "raise" if element.has_nan else "zero"
            codes[part] = codec.encode(
                quotient, element, rounding, saturation, nan, random_bits=draws
            )
        else:
            zero = np.broadcast_to(spread_over(zeros, part, tile), values.shape)
            codes[part] = _affine_codes(quotient, zero, element, rounding, draws)
    return codes


def _quotients(values: Array, sizes: Array, divide: Callable[[Array, Array], Array]) -> Array:
    """Exact quotients, as far as any rounding can tell; NaN where the scale is NaN."""
    finite = np.isfinite(values)
    divided = divide(np.where(finite, values, 0), np.where(np.isnan(sizes), 1, sizes))
    divided = np.where(finite, divided, values * np.sign(sizes))
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


def _best_scales(
    x: Array,
    fmt: ScaledFormat,
    rule: ScaleRule,
    tile: Tile,
    rounding: RoundingMode,
    saturation: SaturationMode,
) -> Scales:
    """Of the scales that the rule gives for shares of the largest magnitude, from all of it down to
    half, those with the smallest sum of squared errors in each tile.
    """
    if not fmt.is_symmetric or isinstance(fmt.scale, ScaledFormat):
        raise ValueError("scale_rule: a search is for symmetric formats with scales of one level")
    if random_bit_count(rounding):
        raise ValueError("scale_rule: a search is for deterministic rounding modes")
    largest = magnitudes(x, tile, rule.percentile)
    best = scales_of_magnitudes(largest, fmt, rule)
    least = _squared_errors(x, fmt, best, tile, rounding, saturation)
    for step in range(1, rule.search + 1):
        share = 1 - step / (2 * rule.search)
        tried = scales_of_magnitudes(largest * share, fmt, rule)
        errors = _squared_errors(x, fmt, tried, tile, rounding, saturation)
        is_better = errors < least
        best = Scales(np.where(is_better, tried.codes, best.codes))
        least = np.where(is_better, errors, least)
    return best


def _squared_errors(
    x: Array,
    fmt: ScaledFormat,
    scales: Scales,
    tile: Tile,
    rounding: RoundingMode,
    saturation: SaturationMode,
) -> Array:
    """The sum of squared errors of each tile, infinities left out."""
    codes = encode_elements(x, fmt, scales, tile, rounding, saturation, None)
    sizes = spread(scale_values(scales, fmt), x.shape, tile)
    with np.errstate(invalid="ignore", over="ignore"):
        error = x.astype(np.float64) - values_of(codes, fmt.element) * sizes
    error[np.isinf(error)] = 0
    return sums(np.square(error), tile)


def _read(x: ArrayLike) -> Array:
    array = read_real("x", x)
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8:
        refuse_where(
            "x",
            array,
            lambda n: (n > 2**53) | (n < -(2**53)) if n.dtype.kind == "i" else n > 2**53,
            "beyond 2**53",
            "round it to float64 first, with astype",
        )
    return array
