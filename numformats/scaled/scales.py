"""Choosing the scales of an array's tiles, and their values."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numformats import codec, exact
from numformats.codec.arguments import code_dtype
from numformats.error_free import exact_sum, quotient_to_odd, sum_to_odd
from numformats.formats.floating import FloatFormat
from numformats.formats.format import Format
from numformats.formats.integers import IntFormat
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.granularity import Tile, grid_shape, regions
from numformats.scaled.rules import ScaleRule, target_of

Array = NDArray[Any]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scales:
    """The scales of a grid of tiles, as they are stored.

    codes: of the scale's element format. tensor: those of the scales' own scales, or None.
    zero_points, offsets, mean of all scales: codes of the formats of these, or None.
    """

    codes: Array
    tensor: Array | None = None
    zero_points: Array | None = None
    offsets: Array | None = None
    mean: Array | None = None


def choose_scales(x: Array, fmt: ScaledFormat, rule: ScaleRule, tile: Tile) -> Scales:
    """The scales of an array by a rule, in the shape of its grid of tiles."""
    if rule.largest is not None:
        largest = np.full(grid_shape(x.shape, tile), rule.largest, np.float64)
        return scales_of_magnitudes(largest, fmt, rule)
    if not fmt.is_symmetric:
        ends = tile_ends(x, tile, with_zero=fmt.offset is None, percentile=rule.percentile)
        return scales_of_ends(*ends, fmt, rule)
    largest = magnitudes(x, tile, rule.percentile)
    if rule.target == "lowest":
        return scales_of_farthest(
            np.where(are_largest_positive(x, tile), largest, -largest), fmt, rule
        )
    return scales_of_magnitudes(largest, fmt, rule)


def scales_of_ends(low: Floats, high: Floats, fmt: ScaledFormat, rule: ScaleRule) -> Scales:
    """The scales of tiles with these smallest and largest numbers, in a format that is not
    symmetric; zero is among them where a zero point is to stand for it.
    """
    # Which of two zeros is the smaller is left to chance; the sum with zero is the positive one.
    # So it is with the sign of NaN.
    with np.errstate(invalid="ignore"):  # NumPy warns of a signaling NaN on its way
        low, high = (np.where(np.isnan(end), np.nan, end + 0.0) for end in (low, high))
    if fmt.zero_point is not None:
        return _affine_scales(low, high, fmt, rule, fmt.zero_point)
    assert fmt.offset is not None
    return _offset_scales(low, high, fmt, rule, fmt.offset)


def scales_of_farthest(farthest: Floats, fmt: ScaledFormat, rule: ScaleRule) -> Scales:
    """The scales of tiles with these numbers farthest from zero, which are to become the lowest
    element: negative for positive ones.
    """
    scale = fmt.scale_element
    scales = scales_of_magnitudes(np.abs(farthest), fmt, rule)
    values = values_of(scales.codes, scale)
    codes = np.asarray(codec.encode(np.where(farthest > 0, -values, values), scale))
    return Scales(codes, scales.tensor)


def scales_of_magnitudes(largest: Floats, fmt: ScaledFormat, rule: ScaleRule) -> Scales:
    """The scales of tiles with these largest magnitudes."""
    if fmt.scale_mean is not None:
        return _scales_about_mean(largest, fmt, rule, fmt.scale_mean)
    divisors, tensor = divisors_of(largest, fmt, rule)
    return Scales(stored(largest, divisors, fmt, rule), tensor)


def _scales_about_mean(
    largest: Floats, fmt: ScaledFormat, rule: ScaleRule, mean_format: FloatFormat
) -> Scales:
    """The distances of scales from the mean of all, as they are stored.

    Source: Dettmers et al., "QLoRA: efficient finetuning of quantized LLMs", 2023, section 3.
    """
    rounded, target = _rounded_first(largest, fmt, rule), target_of(fmt.element, rule)
    mean = mean_of(rounded, target, mean_format)
    # All of it times the target, so that a scale is divided once.
    middle = values_of(mean, mean_format) * float(target)
    distances = sum_to_odd(rounded, np.broadcast_to(-middle, rounded.shape))
    divisors, tensor = _divisors_of_scaled(np.abs(distances), fmt, float(target))
    quotients = quotient_to_odd(distances, np.broadcast_to(divisors, distances.shape))
    # What has no code for NaN may have any: the sum with the mean is NaN, for all of the array.
    nan = "raise" if fmt.scale_element.has_nan else "zero"
    codes = codec.encode(quotients, fmt.scale_element, rule.rounding, "finite", nan)
    return Scales(np.asarray(codes), tensor, mean=mean)


def mean_of(numbers: Floats, divisor: Fraction, fmt: FloatFormat) -> Array:
    """The code of the mean of numbers over a divisor; that of zero if there are no numbers."""
    if not np.isfinite(numbers).all():
        return np.asarray(codec.encode(np.nan, fmt))
    mean = exact_sum(numbers) / (max(numbers.size, 1) * divisor)
    return np.array(exact.project(mean, fmt, "nearest_even", "finite"), code_dtype(fmt))


def divisors_of(largest: Floats, fmt: ScaledFormat, rule: ScaleRule) -> tuple[Floats, Array | None]:
    """What the largest magnitudes are to be divided by to give the scales as they are stored, in a
    shape that broadcasts with theirs; and the scales of the scales.
    """
    target = float(target_of(fmt.element, rule))
    if not isinstance(fmt.scale, ScaledFormat):
        return np.full((1,) * largest.ndim, target), None
    known = fmt.scale.rule.largest
    if known is not None:
        largest = np.full(largest.shape, known, np.float64)
    return _divisors_of_scaled(_rounded_first(largest, fmt, rule), fmt, target)


def _divisors_of_scaled(largest: Floats, fmt: ScaledFormat, target: float) -> tuple[Floats, Array]:
    """What numbers of these magnitudes are to be divided by to give scales that have scales, of
    elements whose largest is to be the target; and the scales of the scales.
    """
    # What the scales would be, is what is scaled once more, by its largest value. That is divided
    # by one product, lest it be rounded twice.
    inner = fmt.scale
    assert isinstance(inner, ScaledFormat)
    assert isinstance(inner.scale, Format)
    inner_target = float(target_of(inner.element, inner.rule)) * target
    shape, tile = fmt.tiling_of_scales(largest.shape)
    largest_of_all = magnitudes(largest.reshape(shape), tile, inner.rule.percentile)
    tensor = _stored(largest_of_all, np.asarray(inner_target), inner.scale, inner.rule)
    return _outer_values(tensor, fmt, largest.shape) * target, tensor


def stored(largest: Floats, divisors: Floats, fmt: ScaledFormat, rule: ScaleRule) -> Array:
    """The codes of the scales of tiles, from their largest magnitudes and the divisors for them."""
    return _stored(_rounded_first(largest, fmt, rule), divisors, fmt.scale_element, rule)


def _rounded_first(largest: Floats, fmt: ScaledFormat, rule: ScaleRule) -> Floats:
    if not rule.rounds_first:
        return largest
    return _rounded_to_precision(largest, fmt.element.precision)


def scale_values(scales: Scales, fmt: ScaledFormat) -> Floats:
    """The values of the scales of a grid, exactly; about a mean, rounded once to its format."""
    own = values_of(scales.codes, fmt.scale_element)
    outer = outer_values(scales.tensor, fmt, scales.codes.shape)
    if outer is None:
        return own
    with np.errstate(invalid="ignore"):
        products = own * outer
    if scales.mean is None:
        return products
    assert fmt.scale_mean is not None
    mean = np.broadcast_to(values_of(scales.mean, fmt.scale_mean), products.shape)
    sums = codec.encode(sum_to_odd(products, mean), fmt.scale_mean, saturation="finite")
    return values_of(np.asarray(sums), fmt.scale_mean)


def divisors_for_elements(scales: Scales, fmt: ScaledFormat) -> Floats:
    """The values of the scales of a grid, but infinity for zero: numbers that are to be multiplied
    by zero are stored as zero.
    """
    sizes = scale_values(scales, fmt)
    # About a mean alone; a scale by itself is never chosen to be zero.
    return sizes if scales.mean is None else np.where(sizes == 0, np.inf, sizes)


def outer_values(tensor: Array | None, fmt: ScaledFormat, grid: tuple[int, ...]) -> Floats | None:
    """What the values of the codes of a grid are to be multiplied by, in a shape that broadcasts
    with it; None for scales that have no scale.
    """
    return None if tensor is None else _outer_values(tensor, fmt, grid)


def _outer_values(tensor: Array, fmt: ScaledFormat, grid: tuple[int, ...]) -> Floats:
    assert fmt.tensor_scale is not None
    shape, tile = fmt.tiling_of_scales(grid)
    found = spread(values_of(tensor, fmt.tensor_scale), shape, tile)
    return found if len(shape) == len(grid) else found.reshape(grid)


def values_of(codes: Array, fmt: Format) -> Floats:
    """The values of codes as float64."""
    return np.asarray(codec.decode(codes, fmt, dtype=np.float64))


def flat_values(codes: Array | None, fmt: Format | None) -> Floats | None:
    """The values of codes in a row, if there are any."""
    return None if codes is None or fmt is None else values_of(codes, fmt).reshape(-1)


def magnitudes(x: Array, tile: Tile, percentile: float) -> Floats:
    """The largest finite magnitude of each tile, or a percentile of the finite ones if that is not
    zero; NaN where there is NaN.
    """
    found = np.zeros(grid_shape(x.shape, tile))
    for part, place, extents in regions(x.shape, tile):
        tiles, within = _as_tiles(x[part], extents)
        largest = _largest(tiles, within)
        if percentile < 100 or np.isinf(largest).any():
            wide = np.abs(as_float64(tiles))
            wide = np.where(np.isinf(wide), 0, wide)
            largest = wide.max(axis=within)
        if percentile < 100:
            # A magnitude that occurs, not one in between, which might have to be rounded.
            lower = np.percentile(wide, percentile, axis=within, method="higher")
            largest = np.where(lower == 0, largest, lower)
        found[place] = largest
    return found


def are_largest_positive(x: Array, tile: Tile) -> NDArray[np.bool_]:
    """Whether the number of the largest finite magnitude of each tile is positive; of several, the
    first.
    """
    found = np.zeros(grid_shape(x.shape, tile), np.bool_)
    for part, place, extents in regions(x.shape, tile):
        tiles, within = _as_tiles(x[part], extents)
        wide = as_float64(tiles)
        wide = np.where(np.isinf(wide), 0, wide).reshape(*tiles.shape[: len(within)], -1)
        first = np.abs(wide).argmax(axis=-1)[..., np.newaxis]
        found[place] = np.take_along_axis(wide, first, axis=-1)[..., 0] > 0
    return found


def sums(x: Floats, tile: Tile) -> Floats:
    """The sum of each tile: of pairs of neighbours in C order, of pairs of these, and so on.

    The order matters to the last bits, which compiled loops have to have, too.
    """
    found = np.zeros(grid_shape(x.shape, tile))
    for part, place, extents in regions(x.shape, tile):
        tiles, within = _as_tiles(x[part], extents)
        left = tiles.reshape(*tiles.shape[: len(within)], -1)
        while left.shape[-1] > 1:
            odd = left[..., left.shape[-1] & ~1 :]
            left = np.concatenate([left[..., :-1:2] + left[..., 1::2], odd], axis=-1)
        found[place] = left[..., 0]
    return found


def spread(grid: Array, shape: tuple[int, ...], tile: Tile) -> Array:
    """For each element of an array the entry of its tile."""
    slices = tuple(slice(0, length) for length in shape)
    return spread_over(grid, slices, tile)


def spread_over(grid: Array, part: tuple[slice, ...], tile: Tile) -> Array:
    """For each element of a part of an array the entry of its tile."""
    for axis, (span, extent) in enumerate(zip(part, tile, strict=True)):
        if extent is None:
            continue  # one entry, which broadcasts
        if extent == 1:
            grid = grid[(slice(None),) * axis + (span,)]
        else:
            grid = grid.take(np.arange(span.start, span.stop) // extent, axis=axis)
    return grid


def _stored(numerator: Floats, divisor: Floats, fmt: Format, rule: ScaleRule) -> Array:
    """Codes of quotients. A scale that would be zero is the smallest there is, or 1 if nothing is
    scaled by it but zeros.
    """
    quotient = quotient_to_odd(numerator, np.broadcast_to(divisor, numerator.shape))
    codes = np.asarray(codec.encode(quotient, fmt, rule.rounding, "finite"))
    of_zeros = scale_of_zeros(fmt)
    if of_zeros == 0:
        return codes
    # Zero is code 0, and the smallest positive value code 1.
    is_zero = codes == 0
    if is_zero.any():
        codes[is_zero] = np.where(numerator[is_zero] == 0, of_zeros, 1)
    return codes


def scale_of_zeros(fmt: Format) -> int:
    """The code of the scale of a tile of zeros, or 0 if the format has no zero that it had to be
    instead of: that of 1, or of the positive value next to it.
    """
    if not getattr(fmt, "has_zero", False):
        return 0
    return int(codec.encode(1.0, fmt, saturation="finite")) or 1


def _affine_scales(
    low: Floats, high: Floats, fmt: ScaledFormat, rule: ScaleRule, zero_point: IntFormat
) -> Scales:
    """The range of a tile, with zero in it, over that of the element; and the code of zero.

    Source: ONNX, DynamicQuantizeLinear.
    """
    element, scale = fmt.element, fmt.scale
    assert isinstance(scale, Format)
    steps = np.asarray(float(element.highest - element.lowest))
    codes = _stored(sum_to_odd(high, 0.0 - low), steps, scale, rule)
    size = values_of(codes, scale)
    with np.errstate(invalid="ignore"):
        below = np.rint(quotient_to_odd(low, np.where(np.isnan(size), 1, size)))
    zero = np.clip(float(element.lowest) - below, float(element.lowest), float(element.highest))
    zeros = codec.encode(np.where(np.isnan(zero), 0, zero), zero_point)
    return Scales(codes, zero_points=np.asarray(zeros))


def _offset_scales(
    low: Floats, high: Floats, fmt: ScaledFormat, rule: ScaleRule, offset: Format
) -> Scales:
    """The range of a tile over that of the element; and the tile's smallest number.

    Source: ggml's Q4_1 (ggml-quants.c).
    """
    scale = fmt.scale
    assert isinstance(scale, Format)
    codes = _stored(sum_to_odd(high, 0.0 - low), np.asarray(fmt.element.max), scale, rule)
    return Scales(codes, offsets=np.asarray(codec.encode(low, offset, saturation="finite")))


def tile_ends(
    x: Array, tile: Tile, *, with_zero: bool = True, percentile: float = 100.0
) -> tuple[Floats, Floats]:
    """The smallest and the largest finite value of each tile; NaN where there is NaN, zero where
    there is nothing else.

    with_zero: whether zero counts besides, so that the range has it.
    percentile: which one stands for the largest, and its counterpart for the smallest, if they
    differ. Infinity counts for these as the end that it lies beyond.
    """
    low, high = np.zeros(grid_shape(x.shape, tile)), np.zeros(grid_shape(x.shape, tile))
    for part, place, extents in regions(x.shape, tile):
        tiles, within = _as_tiles(x[part], extents)
        wide = as_float64(tiles)
        counts = ~np.isinf(wide)
        least = wide.min(axis=within, initial=np.inf, where=counts)
        most = wide.max(axis=within, initial=-np.inf, where=counts)
        if percentile < 100:
            of_tile = (..., *(np.newaxis for _ in within))
            inside = np.clip(wide, least[of_tile], most[of_tile])
            # Values that occur, not some in between, which might have to be rounded.
            lower = np.percentile(inside, 100 - percentile, axis=within, method="lower")
            upper = np.percentile(inside, percentile, axis=within, method="higher")
            # Of zeros but for a few others there would be none.
            is_range = (lower < 0) | (upper > 0) if with_zero else lower != upper
            least, most = np.where(is_range, lower, least), np.where(is_range, upper, most)
        if with_zero:
            least, most = np.minimum(least, 0), np.maximum(most, 0)
        low[place] = np.where(np.isinf(least), 0, least)
        high[place] = np.where(np.isinf(most), 0, most)
    return low, high


def _as_tiles(x: Array, extents: tuple[int, ...]) -> tuple[Array, tuple[int, ...]]:
    """An array that tiles fill as a view with the grid's axes first; and the axes within a tile."""
    split: list[int] = []
    for length, extent in zip(x.shape, extents, strict=True):
        split += [length // extent, extent]
    ndim = x.ndim
    view = x.reshape(split).transpose([*range(0, 2 * ndim, 2), *range(1, 2 * ndim, 2)])
    return view, tuple(range(ndim, 2 * ndim))


def _largest(tiles: Array, within: tuple[int, ...]) -> Floats:
    # Without an array of magnitudes beside.
    with np.errstate(invalid="ignore"):
        high = as_float64(tiles.max(axis=within))
        low = as_float64(tiles.min(axis=within))
        # Of zeros alone it might be a negative zero.
        return np.abs(np.maximum(high, -low))


def _rounded_to_precision(x: Floats, precision: int) -> Floats:
    """Positive numbers rounded to so many significant bits, ties away from zero."""
    fraction, exponent = np.frexp(x)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(
            np.ldexp(np.floor(np.ldexp(fraction, precision) + 0.5), exponent - precision)
        )


def as_float64(x: Any) -> Floats:
    """Numbers as float64, which holds them."""
    with np.errstate(invalid="ignore"):  # NumPy warns of a signaling NaN on its way
        return np.asarray(x).astype(np.float64)
