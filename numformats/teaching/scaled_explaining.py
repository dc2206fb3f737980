"""`explain` for one number of an array in a scaled format: `quantize` is asked, and followed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from operator import index as as_int
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numformats.codec.arguments import read_real
from numformats.formats.format import Format
from numformats.modes import Stochastic, parse_rounding, random_bit_count
from numformats.reals import Extended, read_number
from numformats.scaled.array import ScaledArray
from numformats.scaled.describing import rule_text
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.granularity import Index, Tile
from numformats.scaled.plan import WIDE
from numformats.scaled.quantization import quantize
from numformats.scaled.rules import ScaleRule, get_rule
from numformats.scaled.scales import ScaleValues, tensor_scale_values
from numformats.scaled.tiling import spread_over
from numformats.teaching.explaining import error_of, explain_number
from numformats.teaching.explanation import Explanation
from numformats.teaching.numbers import is_finite, short
from numformats.teaching.scaled import ScaledExplanation

Array = NDArray[Any]

# What quotients are rounded to before a zero point is added.
_INTEGERS: Final = replace(WIDE, name="integers")


def explain_scaled(
    x: ArrayLike,
    fmt: ScaledFormat,
    index: int | Sequence[int] | None,
    axis: int | None,
    scale_rule: str | ScaleRule | None,
    rounding: str | Stochastic,
    saturation: str,
    random_bits: int | None,
) -> ScaledExplanation:
    """How one number of an array is stored in a scaled format. See `explain`."""
    if isinstance(x, str):
        raise TypeError(f"x: {x!r}; {fmt.name} has scales, so give numbers and the index of one")
    array = read_real("x", x)
    place = _read_index(index, array.shape)
    rule = fmt.rule if scale_rule is None else get_rule(scale_rule)
    # Scales do not depend on random bits.
    is_random = random_bit_count(parse_rounding(rounding)) > 0
    of_quantize = "nearest_even" if is_random else rounding
    q = quantize(array, fmt, axis, rule, of_quantize, saturation)
    parts = _Parts.of(q, place)
    number, negative = read_number(array[place])
    block = _block_around(array, place, fmt.granularity.tile(max(array.ndim, 1), q.axis))
    largest = _largest(block)
    of_scale = _scale_explained(largest, fmt, rule, parts, block)
    element, code = None, int(q.codes[place])
    if is_finite(parts.scale) and parts.scale != 0:
        signed = -0.0 if number == 0 and negative else number
        element = _element_explained(signed, fmt, parts, rounding, saturation, random_bits)
        code = _code_of(element, fmt, parts)
    value = _value(fmt.element.value(code), parts)
    target = fmt.target(rule) if fmt.is_symmetric else None
    return ScaledExplanation(
        format=fmt,
        index=place,
        number=number,
        shared_with=block.size,
        largest=largest,
        target=target,
        rule=rule_text(rule),
        sentence=_sentence(fmt, rule, of_scale, parts),
        of_scale=of_scale,
        tensor_scale=parts.tensor,
        scale=parts.scale,
        of_element=element,
        zero_point=parts.zero_point,
        offset=parts.offset,
        code=code,
        value=value,
        error=error_of(number, value, None),
    )


def _read_index(index: int | Sequence[int] | None, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The place of a number in an array, counted from the front."""
    if index is None:
        if shape:
            raise ValueError(f"index: missing; say which number of the array of shape {shape}")
        return ()
    given = (index,) if hasattr(index, "__index__") else tuple(index)
    try:
        place = tuple(map(as_int, given))
    except TypeError:
        raise TypeError(f"index: expected an int, or one for each axis, got {index!r}") from None
    is_inside = len(place) == len(shape) and all(
        -length <= i < length for i, length in zip(place, shape, strict=True)
    )
    if not is_inside:
        raise IndexError(f"index: {index!r} is not in an array of shape {shape}")
    return tuple(i % length for i, length in zip(place, shape, strict=True))


@dataclass(frozen=True)
class _Parts:
    """What one number's tile has: its scale, with and without micro-exponents; the scale of that;
    a zero point; an offset.
    """

    scale: Extended
    own: Extended
    tensor: Fraction | None
    zero_point: int | None
    offset: Fraction | None

    @classmethod
    def of(cls, q: ScaledArray, place: tuple[int, ...]) -> _Parts:
        """Those of a number of an array."""
        fmt, grid = q.format, q._grid()
        values = ScaleValues.of(grid, fmt)
        tile = fmt.granularity.tile(max(q.ndim, 1), q.axis)
        where: Index = tuple(slice(i, i + 1) for i in place or (0,))

        def at(of_tiles: Array, own_tile: Tile = tile) -> Extended:
            return read_number(float(spread_over(of_tiles, where, own_tile).reshape(-1)[0]))[0]

        scale = read_number(float(np.ravel(values.scales_over(where, tile))[0]))[0]
        tensor = None
        if q.tensor_scales is not None:
            of_scales = tensor_scale_values(grid.tensor, fmt, grid.codes.shape)
            assert of_scales is not None
            factor = at(np.broadcast_to(of_scales, grid.codes.shape))
            tensor = factor if isinstance(factor, Fraction) else None
        zero_point = None if values.zero_points is None else int(at(values.zero_points))
        offset = None if values.offsets is None else at(values.offsets)
        return cls(
            scale=scale,
            own=at(values.scales),
            tensor=tensor,
            zero_point=zero_point,
            offset=offset if isinstance(offset, Fraction) else None,
        )


def _block_around(array: Array, place: tuple[int, ...], tile: Tile) -> Array:
    """The numbers that share a scale with one."""
    if not place:
        return array.reshape(1)
    slices = []
    for i, length, extent in zip(place, array.shape, tile, strict=True):
        step = length if extent is None else extent
        slices.append(slice(i // step * step, i // step * step + step))
    return array[tuple(slices)]


def _largest(block: Array) -> Fraction | None:
    finite = block[np.isfinite(block)]
    if not finite.size or np.isnan(block).any():
        return None
    return max(abs(Fraction(read_number(end)[0])) for end in (finite.min(), finite.max()))


# The scale


def _scale_explained(
    largest: Fraction | None, fmt: ScaledFormat, rule: ScaleRule, parts: _Parts, block: Array
) -> Explanation | None:
    """How the largest magnitude became a scale, where a rule goes by it alone."""
    goes_by_magnitude = fmt.is_symmetric and fmt.scale_mean is None and rule.goes_by_magnitude
    if not goes_by_magnitude or largest is None:
        return None
    if rule.largest is not None:
        largest = Fraction(rule.largest)
    if largest == 0:
        return None
    text = short(largest)
    if rule.rounds_first:
        largest = _rounded_to_precision(largest, fmt.element.precision)
        text = short(largest)
    target = fmt.target(rule)
    quotient, text = largest / target, f"{text} / {short(target)}"
    if parts.tensor is not None:
        if parts.tensor == 0:
            return None
        quotient, text = quotient / parts.tensor, f"{text} / {_factor(parts.tensor)}"
    return explain_number(quotient, fmt.scale_element, rule.rounding, "finite", text=text)


def _rounded_to_precision(largest: Fraction, precision: int) -> Fraction:
    """A magnitude with so many significant bits, ties away from zero."""
    wide = float(largest)
    fraction, exponent = math.frexp(wide)
    return Fraction(math.floor(fraction * 2**precision + 0.5)) * Fraction(2) ** (
        exponent - precision
    )


def _sentence(
    fmt: ScaledFormat, rule: ScaleRule, of_scale: Explanation | None, parts: _Parts
) -> str:
    name = rule_text(rule)
    doubled = _doublings(parts, fmt)
    if of_scale is not None:
        what = {
            "max": "the largest value of the element",
            "power": "the largest power of two among the elements",
            "lowest": "the lowest element",
        }[rule.target]
        text = f"Rule {name}: the largest magnitude becomes {what}, {short(fmt.target(rule))}"
        if fmt.micro_exponents:
            text += f", times {2 ** len(fmt.micro_exponents)} by micro-exponents"
        if of_scale.value == 0:
            text += f"; a scale of zero is none, so it is the smallest, {short(parts.own)}"
        return f"{text}.{doubled}"
    return f"{_why_no_quotient(fmt, rule, name)} It is {short(parts.own)}.{doubled}"


def _why_no_quotient(fmt: ScaledFormat, rule: ScaleRule, name: str) -> str:
    if fmt.zero_point is not None:
        return "The range of these numbers, with zero in it, over the steps of the element."
    if fmt.offset is not None:
        return "The range of these numbers over the steps of the element."
    if fmt.scale_mean is not None:
        return f"Rule {name}; stored as its distance from the mean of all scales."
    if rule.search:
        return f"Rule {name}: of many scales that were tried, the one with the least squared error."
    if rule.percentile < 100:
        return (
            f"Rule {name}: percentile {rule.percentile} of the magnitudes stands for the largest."
        )
    if rule.target == "lowest":
        return (
            f"Rule {name}: the number farthest from zero becomes the lowest element, "
            f"{short(fmt.element.lowest)}, whatever its sign."
        )
    return f"Rule {name}, of numbers that have no largest magnitude, or one of zero."


def _doublings(parts: _Parts, fmt: ScaledFormat) -> str:
    if not fmt.micro_exponents or not (isinstance(parts.own, Fraction) and parts.own):
        return ""
    factor = Fraction(parts.scale) / parts.own
    times = {1: "no", 2: "one", 4: "two"}.get(int(factor), str(factor))
    return (
        f" Micro-exponents: {times} of {len(fmt.micro_exponents)} doublings: {short(parts.scale)}."
    )


# The element


def _element_explained(
    number: Extended,
    fmt: ScaledFormat,
    parts: _Parts,
    rounding: str | Stochastic,
    saturation: str,
    random_bits: int | None,
) -> Explanation:
    """How the quotient of a number and its scale became an element."""
    scale = Fraction(parts.scale)
    text = short(number)
    quotient: Extended = float(number) * (1 if scale > 0 else -1)
    if isinstance(number, Fraction) or (number == 0 and parts.offset):
        exact = Fraction(number)
        if parts.offset is not None:
            exact, text = exact - parts.offset, f"({text} - {_factor(parts.offset)})"
        quotient = exact / scale
    target: Format = fmt.element if fmt.zero_point is None else _INTEGERS
    return explain_number(
        quotient,
        target,
        rounding,
        saturation if fmt.zero_point is None else "finite",
        nan="raise" if target.has_nan else "zero",
        random_bits=random_bits,
        text=f"{text} / {_factor(scale)}",
    )


def _code_of(element: Explanation, fmt: ScaledFormat, parts: _Parts) -> int:
    """The code of the element: of affine formats, with the zero point added."""
    if parts.zero_point is None:
        return element.code
    moved = Fraction(element.value) + parts.zero_point
    clipped = min(max(moved, fmt.element.lowest), fmt.element.highest)
    return fmt.element.code_of_step(fmt.element.step_of(clipped))


def _value(element: Extended, parts: _Parts) -> Extended:
    """Element times scale, exactly."""
    if not (is_finite(element) and is_finite(parts.scale)) or isinstance(element, float):
        return float(element) * float(parts.scale) + float(parts.offset or 0)
    own = element - (parts.zero_point or 0)
    return own * Fraction(parts.scale) + (parts.offset or 0)


def _factor(number: Extended) -> str:
    """A number in a product or a quotient."""
    found = short(number)
    return f"({found})" if " " in found or found.startswith("-") else found
