"""What scaled formats mean, number by number, with the oracle; and arrays to try it on."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import numformats as nf
from numformats import exact
from numformats.codec import backends
from numformats.scaled import RULES, ScaleRule
from numformats.scaled.granularity import Tile
from numformats.scaled.rules import target_of

NAMES = nf.list_scaled_formats()


SYMMETRIC = [name for name in NAMES if nf.get_scaled_format(name).is_symmetric]


NVFP4 = nf.get_scaled_format("nvfp4")


AFFINE = [name for name in NAMES if nf.get_scaled_format(name).zero_point is not None]


def numbers(shape: tuple[int, ...], dtype: Any = np.float32) -> NDArray[Any]:
    """Of many magnitudes, with zeros and ties among them."""
    rng = np.random.default_rng(math.prod(shape))
    x = rng.standard_normal(shape) * 2.0 ** rng.integers(-12, 4, (*shape[:-1], 1))
    x[rng.random(shape) < 0.1] = 0
    coarse = rng.random(shape) < 0.3
    x[coarse] = np.rint(x[coarse] * 64) / 64
    return x.astype(dtype)


def places(shape: tuple[int, ...], tile: Tile) -> dict[tuple[int, ...], list[tuple[int, ...]]]:
    """The indices of the elements of each tile."""
    found: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for index in itertools.product(*map(range, shape)):
        place = tuple(
            0 if extent is None else i // extent for i, extent in zip(index, tile, strict=True)
        )
        found.setdefault(place, []).append(index)
    return found


def stored(ideal: Fraction, fmt: nf.Format, rounding: Any) -> int:
    code = exact.project(ideal, fmt, rounding, "finite")
    if exact.decode(code, fmt) == 0:
        return 1 if ideal else exact.project(1, fmt)
    return code


def rounded_first(number: Fraction, precision: int) -> Fraction:
    quantum = Fraction(2) ** (math.floor(math.log2(number)) + 1 - precision) if number else 1
    return math.floor(number / quantum + Fraction(1, 2)) * quantum


def rounded(number: Fraction, fmt: nf.Format) -> Fraction:
    return Fraction(exact.decode(exact.project(number, fmt, "nearest_even", "finite"), fmt))


def meant(
    x: NDArray[Any], fmt: nf.ScaledFormat, rule: ScaleRule, mode: Any
) -> tuple[dict[tuple[int, ...], int], dict[tuple[int, ...], int]]:
    """The code of each element, and of each tile's scale, in Fractions."""
    tiles = places(x.shape, fmt.granularity.tile(x.ndim, None))
    value = {i: Fraction(float(x[i])) for indices in tiles.values() for i in indices}
    target = target_of(fmt.element, rule) * 2 ** len(fmt.micro_exponents)
    largest = {place: max(abs(value[i]) for i in indices) for place, indices in tiles.items()}
    if rule.rounds_first:
        largest = {p: rounded_first(n, fmt.element.precision) for p, n in largest.items()}
    ideal = {place: number / target for place, number in largest.items()}
    outer, mean = dict.fromkeys(tiles, Fraction(1)), Fraction(0)
    if fmt.scale_mean is not None:
        mean = rounded(sum(ideal.values(), mean) / len(ideal), fmt.scale_mean)
    if isinstance(fmt.scale, nf.ScaledFormat):
        inner, in_order = fmt.scale, sorted(tiles)
        size = inner.granularity.block_size or len(in_order)
        for begin in range(0, len(in_order), size):
            group = in_order[begin : begin + size]
            top = max(abs(ideal[place] - mean) for place in group) / inner.element.highest
            assert isinstance(inner.scale, nf.Format)
            scale = exact.decode(stored(top, inner.scale, "nearest_even"), inner.scale)
            outer |= dict.fromkeys(group, Fraction(scale))
    codes, scales = {}, {}
    for place, indices in tiles.items():
        if fmt.scale_mean is None:
            scales[place] = stored(ideal[place] / outer[place], fmt.scale_element, rule.rounding)
        else:
            distance = (ideal[place] - mean) / outer[place]
            scales[place] = exact.project(distance, fmt.scale_element, rule.rounding, "finite")
        if rule.target == "lowest":
            first = next(i for i in indices if abs(value[i]) == largest[place])
            if value[first] > 0:
                opposite = -Fraction(exact.decode(scales[place], fmt.scale_element))
                scales[place] = exact.project(opposite, fmt.scale_element)
        size = Fraction(exact.decode(scales[place], fmt.scale_element)) * outer[place]
        if fmt.scale_mean is not None:
            size = rounded(size + mean, fmt.scale_mean)
        doubled = doublings([value[i] for i in indices], size, fmt)
        for i, own in zip(indices, doubled, strict=True):
            if size == 0:
                codes[i] = exact.project(0, fmt.element)
                continue
            # The sign of a zero is that of the number.
            quotient = value[i] / (size * own) if value[i] else math.copysign(1, size) * float(x[i])
            codes[i] = exact.project(quotient, fmt.element, mode, "finite")
    return codes, scales


def doublings(block: list[Fraction], scale: Fraction, fmt: nf.ScaledFormat) -> list[int]:
    """By what micro-exponents multiply the scale of each number of a block."""
    found = [1] * len(block)
    power = target_of(fmt.element, ScaleRule("power"))
    for level, size in enumerate(fmt.micro_exponents):
        below = len(fmt.micro_exponents) - level
        for begin in range(0, len(block), size):
            own = slice(begin, begin + size)
            largest = max(map(abs, block[own])) / (abs(scale) * found[begin])
            if largest >= power * 2**below:
                found[own] = [2 * n for n in found[own]]
    return found


def assert_as_meant(x: NDArray[Any], fmt: nf.ScaledFormat, rule: Any, mode: Any) -> None:
    if RULES[rule].target == "lowest" and not fmt.has_signed_scales:
        with pytest.raises(ValueError, match="no negative scales"):
            nf.quantize(x, fmt, scale_rule=rule, rounding=mode)
        return
    codes, scales = meant(x, fmt, RULES[rule], mode)
    q = nf.quantize(x, fmt, scale_rule=rule, rounding=mode)
    assert {i: int(q.codes[i]) for i in codes} == codes
    got = q.scales
    if got.dtype.kind == "f":
        got = got.view(f"u{got.itemsize}")
    assert got.ravel().tolist() == [scales[place] for place in sorted(scales)]


AMAX_RULES = [name for name, rule in RULES.items() if not rule.search and rule.percentile == 100]


def offset_meant(
    values: list[Fraction],
    fmt: nf.ScaledFormat,
    mode: Any,
    ends: tuple[Fraction, Fraction] | None = None,
    rounding: Any = "nearest_even",
) -> tuple[int, int, list[int]]:
    """The codes of a tile's scale, of its offset and of its numbers, in Fractions."""
    low, high = ends or (min(values), max(values))
    assert isinstance(fmt.scale, nf.Format)
    assert fmt.offset is not None
    scale = stored((high - low) / fmt.element.highest, fmt.scale, rounding)
    offset = exact.project(low, fmt.offset, "nearest_even", "finite")
    size = Fraction(exact.decode(scale, fmt.scale))
    start = Fraction(exact.decode(offset, fmt.offset))
    codes = [exact.project((v - start) / size, fmt.element, mode, "finite") for v in values]
    return scale, offset, codes


Q5 = nf.ScaledFormat(
    "q5", nf.get_format("uint5"), nf.float32, nf.PerBlock(20), "absmax_up", offset=nf.bfloat16
)


def specials(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Numbers over sixty binades, and whatever is special, where there is room."""
    rng = np.random.default_rng(math.prod(shape))
    x = (rng.standard_normal(shape) * 2.0 ** rng.integers(-30, 30, shape)).astype(np.float32)
    if x.size > 500:
        x.flat[100:300] = 0
        x.flat[[5, 7, 400]] = -0.0, np.inf, np.nan
        x.flat[420:430] = 1e-44
    return x


def assert_same_bits(
    patch: pytest.MonkeyPatch, x: NDArray[Any], fmt: Any, mode: str, rule: Any = None
) -> None:
    """The same without compiled kernels and with them."""
    results = []
    for is_disabled in (True, False):
        patch.setattr(backends, "_IS_DISABLED", is_disabled)
        results.append(parts_of(nf.quantize(x, fmt, scale_rule=rule, rounding=mode, rng=3)))
    for expected, got in zip(*results, strict=True):
        np.testing.assert_array_equal(got, expected)


def parts_of(q: nf.ScaledArray) -> tuple[Any, ...]:
    others = q.zero_points, q.offsets, q.tensor_scales, q.scale_mean
    bits = q.micro_exponents, q.inner_micro_exponents
    return q.codes, q.scales, *others, *bits, q.dequantize()
