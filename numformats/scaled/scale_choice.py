"""Choosing the scales of an array's tiles by a rule."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats import exact
from numformats.codec.arguments import code_dtype
from numformats.codec.backends import decode, encode
from numformats.error_free import exact_sum, quotient_to_odd, sum_to_odd
from numformats.modes import Modes, NanPolicy
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.rules import ScaleRule, target_of
from numformats.scaled.scales import Scales, tensor_scale_values
from numformats.scaled.statistics import Statistics, TileStatistics
from numformats.system import NumberSystem

Array = NDArray[Any]
Floats = NDArray[np.float64]

_SATURATED: Final = Modes(saturation="finite")


def choose_scales(tiles: Statistics, fmt: ScaledFormat, rule: ScaleRule) -> Scales:
    """The scales of an array by a rule, from the statistics of its tiles."""
    if not fmt.is_symmetric:
        return scales_of_ends(*tiles.ends(with_zero=fmt.offset is None), fmt, rule)
    if rule.target == "lowest":
        return _scales_of_signed_absmax(tiles.signed_absmax(), fmt, rule)
    return scales_of_absmax(absmax_of(tiles, rule), fmt, rule)


def absmax_of(tiles: Statistics, rule: ScaleRule) -> Floats:
    """The largest magnitude of each tile, or the number that stands for it."""
    if rule.largest is not None:
        return np.full(tiles.grid, rule.largest, np.float64)
    return tiles.absmax()


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


def _affine_scales(
    low: Floats, high: Floats, fmt: ScaledFormat, rule: ScaleRule, zero_point: NumberSystem
) -> Scales:
    """The range of a tile, with zero in it, over that of the element; and the code of zero.

    Source: ONNX, DynamicQuantizeLinear.
    """
    lowest, highest = float(fmt.element.lowest), float(fmt.element.highest)
    steps = np.asarray(highest - lowest)
    codes = _stored(sum_to_odd(high, 0.0 - low), steps, fmt.scale_element, rule)
    scale = decode(codes, fmt.scale_element)
    with np.errstate(invalid="ignore"):
        below = np.rint(quotient_to_odd(low, np.where(np.isnan(scale), 1, scale)))
    zero = np.clip(lowest - below, lowest, highest)
    return Scales(codes, zero_points=encode(np.where(np.isnan(zero), 0, zero), zero_point, Modes()))


def _offset_scales(
    low: Floats, high: Floats, fmt: ScaledFormat, rule: ScaleRule, offset: NumberSystem
) -> Scales:
    """The range of a tile over that of the element; and the tile's smallest number.

    Source: ggml's Q4_1 (ggml-quants.c).
    """
    steps = np.asarray(float(fmt.element.highest))
    codes = _stored(sum_to_odd(high, 0.0 - low), steps, fmt.scale_element, rule)
    return Scales(codes, offsets=encode(low, offset, _SATURATED))


def _scales_of_signed_absmax(farthest: Floats, fmt: ScaledFormat, rule: ScaleRule) -> Scales:
    """The scales of tiles with these numbers farthest from zero, which are to become the lowest
    element: negative for positive ones.
    """
    scale = fmt.scale_element
    scales = scales_of_absmax(np.abs(farthest), fmt, rule)
    values = decode(scales.codes, scale)
    return Scales(encode(np.where(farthest > 0, -values, values), scale, Modes()), scales.tensor)


def scales_of_absmax(largest: Floats, fmt: ScaledFormat, rule: ScaleRule) -> Scales:
    """The scales of tiles with these largest magnitudes."""
    if fmt.scale_mean is not None:
        return _scales_about_mean(largest, fmt, rule, fmt.scale_mean)
    divisors, tensor = divisors_of(largest, fmt, rule)
    return Scales(stored(largest, divisors, fmt, rule), tensor)


def _scales_about_mean(
    largest: Floats, fmt: ScaledFormat, rule: ScaleRule, mean_format: NumberSystem
) -> Scales:
    """The distances of scales from the mean of all, as they are stored.

    Source: Dettmers et al., "QLoRA: efficient finetuning of quantized LLMs", 2023, section 3.
    """
    rounded, target = _rounded_first(largest, fmt, rule), fmt.target(rule)
    mean = mean_of(rounded, target, mean_format)
    # The distances are those of the largest magnitudes, so that a scale is divided once.
    middle = decode(mean, mean_format) * float(target)
    distances = sum_to_odd(rounded, np.broadcast_to(-middle, rounded.shape))
    divisors, tensor = _divisors_of_two_levels(np.abs(distances), fmt, float(target))
    quotients = quotient_to_odd(distances, np.broadcast_to(divisors, distances.shape))
    # What has no code for NaN may have any: the sum with the mean is NaN, for all of the array.
    nan: NanPolicy = "raise" if fmt.scale_element.has_nan else "zero"
    codes = encode(quotients, fmt.scale_element, Modes(rule.rounding, "finite", nan))
    return Scales(codes, tensor, mean=mean)


def mean_of(numbers: Floats, divisor: Fraction, fmt: NumberSystem) -> Array:
    """The code of the mean of numbers over a divisor; that of zero if there are no numbers."""
    if not np.isfinite(numbers).all():
        return encode(np.asarray(np.nan), fmt, Modes())
    mean = exact_sum(numbers) / (max(numbers.size, 1) * divisor)
    return np.array(exact.project(mean, fmt, "nearest_even", "finite"), code_dtype(fmt))


def divisors_of(largest: Floats, fmt: ScaledFormat, rule: ScaleRule) -> tuple[Floats, Array | None]:
    """What the largest magnitudes are to be divided by to give the scales as they are stored, in a
    shape that broadcasts with theirs; and the scales of the scales.
    """
    target = float(fmt.target(rule))
    if fmt.scaled_scale is None:
        return np.full((1,) * largest.ndim, target), None
    known = fmt.scaled_scale.rule.largest
    if known is not None:
        largest = np.full(largest.shape, known, np.float64)
    return _divisors_of_two_levels(_rounded_first(largest, fmt, rule), fmt, target)


def _divisors_of_two_levels(
    largest: Floats, fmt: ScaledFormat, target: float
) -> tuple[Floats, Array]:
    """What numbers of these magnitudes are to be divided by to give scales that have scales, of
    elements whose largest is to be the target; and the scales of the scales.
    """
    # What the scales would be, is what is scaled once more, by its largest value. That is divided
    # by one product, lest it be rounded twice.
    inner = fmt.scaled_scale
    assert inner is not None
    divisor = np.asarray(float(target_of(inner.element, inner.rule)) * target)
    shape, tile = fmt.tiling_of_scales(largest.shape)
    of_all = TileStatistics(largest.reshape(shape), tile, inner.rule.percentile).absmax()
    tensor = _stored(of_all, divisor, inner.scale_element, inner.rule)
    factors = tensor_scale_values(tensor, fmt, largest.shape)
    assert factors is not None
    return factors * target, tensor


def stored(largest: Floats, divisors: Floats, fmt: ScaledFormat, rule: ScaleRule) -> Array:
    """The codes of the scales of tiles, from their largest magnitudes and the divisors for them."""
    return _stored(_rounded_first(largest, fmt, rule), divisors, fmt.scale_element, rule)


def _rounded_first(largest: Floats, fmt: ScaledFormat, rule: ScaleRule) -> Floats:
    if not rule.rounds_first:
        return largest
    return _rounded_to_precision(largest, fmt.element.precision)


def _rounded_to_precision(x: Floats, precision: int) -> Floats:
    """Positive numbers rounded to so many significant bits, ties away from zero."""
    fraction, exponent = np.frexp(x)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(
            np.ldexp(np.floor(np.ldexp(fraction, precision) + 0.5), exponent - precision)
        )


def _stored(numerator: Floats, divisor: Floats, fmt: NumberSystem, rule: ScaleRule) -> Array:
    """Codes of quotients. A scale that would be zero is the smallest there is, or 1 if nothing is
    scaled by it but zeros.
    """
    quotient = quotient_to_odd(numerator, np.broadcast_to(divisor, numerator.shape))
    codes = encode(quotient, fmt, Modes(rule.rounding, "finite"))
    of_zeros = scale_of_zeros(fmt)
    if of_zeros == 0:
        return codes
    is_zero = codes == 0
    if is_zero.any():
        codes[is_zero] = np.where(numerator[is_zero] == 0, of_zeros, smallest_scale(fmt))
    return codes


@lru_cache(maxsize=64)
def scale_of_zeros(fmt: NumberSystem) -> int:
    """The code of the scale of a tile of zeros, or 0 if the format has no zero that it had to be
    instead of: that of 1, or of the positive value next to it.
    """
    if not fmt.has_zero:
        return 0
    return exact.project(1, fmt, "nearest_even", "finite") or smallest_scale(fmt)


def smallest_scale(fmt: NumberSystem) -> int:
    """The code of the smallest positive scale, where there is a zero that it is instead of."""
    return 1 if fmt.lattice is None else fmt.lattice.smallest_step
