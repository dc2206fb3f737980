"""Scaled formats: against a transcription of what they mean, number by number, with the oracle."""

from __future__ import annotations

import importlib
import itertools
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from decision_points import DETERMINISTIC
from numpy.typing import NDArray

import numformats as nf
from numformats import exact
from numformats.codec import paths
from numformats.codec.division import quotient_to_odd
from numformats.scaled import RULES, ScaleRule
from numformats.scaled.addition import exact_sum, sum_to_odd
from numformats.scaled.elements import Projection
from numformats.scaled.fused import can_quantize
from numformats.scaled.granularity import Tile
from numformats.scaled.rules import target_of
from numformats.scaled.runs import run_length

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
    target = target_of(fmt.element, rule)
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
        for i in indices:
            if size == 0:
                codes[i] = exact.project(0, fmt.element)
                continue
            # The sign of a zero is that of the number.
            quotient = value[i] / size if value[i] else math.copysign(1, size) * float(x[i])
            codes[i] = exact.project(quotient, fmt.element, mode, "finite")
    return codes, scales


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


@pytest.mark.parametrize("name", SYMMETRIC)
@pytest.mark.parametrize("rule", AMAX_RULES)
def test_every_scheme_and_rule_is_as_meant(name: str, rule: str) -> None:
    assert_as_meant(numbers((6, 170)), nf.get_scaled_format(name), rule, "nearest_even")


@pytest.mark.parametrize("name", SYMMETRIC)
def test_every_mode_is_as_meant(name: str) -> None:
    fmt = nf.get_scaled_format(name)
    for mode in DETERMINISTIC:
        assert_as_meant(numbers((2, 70)), fmt, "absmax", mode)
    # Integers, and float64, whose quotients may lie next to a midpoint.
    assert_as_meant(np.arange(-50, 90).reshape(2, 70), fmt, "absmax", "nearest_even")
    assert_as_meant(numbers((2, 70), np.float64) / 3, fmt, "absmax", "nearest_even")


@pytest.mark.slow
@pytest.mark.parametrize("name", SYMMETRIC)
def test_every_scheme_is_as_meant_on_many_values(name: str) -> None:
    fmt = nf.get_scaled_format(name)
    for rule in AMAX_RULES:
        for mode in DETERMINISTIC:
            assert_as_meant(numbers((16, 256)), fmt, rule, mode)


@pytest.mark.parametrize("name", AFFINE)
@pytest.mark.parametrize("mode", DETERMINISTIC)
def test_affine_schemes_are_as_meant(name: str, mode: Any) -> None:
    assert_affine_as_meant(numbers((3, 150)) + np.float32(0.25), nf.get_scaled_format(name), mode)


@pytest.mark.slow
@pytest.mark.parametrize("name", AFFINE)
def test_affine_schemes_are_as_meant_on_many_values(name: str) -> None:
    for mode in DETERMINISTIC:
        x = numbers((16, 256)) + np.float32(0.25)
        assert_affine_as_meant(x, nf.get_scaled_format(name), mode)


def assert_affine_as_meant(x: NDArray[Any], fmt: nf.ScaledFormat, mode: Any) -> None:
    q = nf.quantize(x, fmt, rounding=mode)
    integer = nf.get_format("int16")
    levels = 2**fmt.element.bits - 1
    assert q.zero_points is not None
    scales, zeros = q.scales.ravel(), q.zero_points.ravel()
    tiles = places(x.shape, fmt.granularity.tile(2, None))
    for k, place in enumerate(sorted(tiles)):
        values = [Fraction(float(x[i])) for i in tiles[place]]
        low, high = min(*values, Fraction(0)), max(*values, Fraction(0))
        assert isinstance(fmt.scale, nf.Format)
        code = stored((high - low) / levels, fmt.scale, "nearest_even")
        assert scales[k].view(f"u{scales.itemsize}") == code
        size = Fraction(float(scales[k]))
        zero = min(max(round(-low / size), 0), levels)
        assert zeros[k] == zero
        for i, value in zip(tiles[place], values, strict=True):
            quotient = exact.decode(exact.project(value / size, integer, mode, "finite"), integer)
            assert q.codes[i] == min(max(quotient + zero, 0), levels)


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


@pytest.mark.parametrize("mode", DETERMINISTIC)
@pytest.mark.parametrize(
    ("dtype", "shape"),
    [("f4", (3, 150)), ("f8", (3, 150)), pytest.param("f4", (16, 256), marks=pytest.mark.slow)],
)
def test_a_format_with_offsets_is_as_meant(mode: Any, dtype: str, shape: tuple[int, ...]) -> None:
    fmt = nf.get_scaled_format("q4_1")
    x = (numbers(shape, np.float64) * 1.1 + 0.3).astype(dtype)
    q = nf.quantize(x, fmt, rounding=mode)
    assert q.offsets is not None
    tiles = places(x.shape, fmt.granularity.tile(2, None))
    words = zip(q.scales.view("u2").ravel(), q.offsets.view("u2").ravel(), strict=True)
    values = q.dequantize(np.float64)
    for place, (scale, offset) in zip(sorted(tiles), words, strict=True):
        got = [int(q.codes[i]) for i in tiles[place]]
        assert (scale, offset, got) == offset_meant(
            [Fraction(float(x[i])) for i in tiles[place]], fmt, mode
        )
        for i in tiles[place]:
            start = Fraction(exact.decode(int(offset), nf.float16))
            size = Fraction(exact.decode(int(scale), nf.float16))
            assert Fraction(float(values[i])) == start + int(q.codes[i]) * size


def test_the_sum_with_an_offset_is_rounded_once() -> None:
    # 1 + 2**-24, a midpoint of float32, and a little more, below float64's reach.
    fmt = nf.ScaledFormat(
        "wide", nf.get_format("uint2"), nf.float32, nf.PerBlock(2), offset=nf.float32
    )
    tiny = np.float32(2.0**-24 * (1 + 2.0**-23) / 3)
    q = nf.ScaledArray(np.uint8([3, 0]), np.array([tiny]), fmt, offsets=np.float32([1]))
    value = 1 + 3 * Fraction(float(tiny))
    expected = [exact.decode(exact.project(value, nf.float32), nf.float32), 1]
    assert q.dequantize().tolist() == expected
    q = nf.ScaledArray(np.uint8([3, 0]), np.float32([2.0**-60]), fmt, offsets=np.float32([1]))
    up = nf.ScaledArray(np.uint8([1, 0]), np.float32([2.0**-24]), fmt, offsets=np.float32([1]))
    assert q.dequantize().tolist() == up.dequantize().tolist() == [1, 1]


ABOUT_MEAN = nf.ScaledFormat(
    "about_mean",
    nf.float4_e2m1fn,
    nf.ScaledFormat("scales", nf.float8_e4m3fn, nf.float16, nf.PerBlock(16)),
    nf.PerBlock(4),
    scale_mean=nf.bfloat16,
)


@pytest.mark.parametrize("shape", [(6, 70), (5, 256), (4096,), (2, 40, 6)])
@pytest.mark.parametrize("rule", AMAX_RULES)
def test_a_format_with_scales_about_their_mean_is_as_meant(
    rule: str, shape: tuple[int, ...]
) -> None:
    # Blocks of 16 scales run on from row to row; many scales are zero, and some negative.
    for dtype in ("f4", "f8"):
        x = numbers(shape).astype(dtype)
        x.flat[: x.size // 3] /= 3
        x.flat[x.size // 2 :: 3] *= 2.0**-9
        for mode in ("nearest_even", "toward_positive"):
            assert_as_meant(x, ABOUT_MEAN, rule, mode)


def test_scales_about_their_mean_may_be_zero_or_negative() -> None:
    # Scales of 0 and 3.5: 448 / 256 below and above their mean.
    x = np.float32([0, -0.0, 0, 0, 21, -21, 3.5, 0])
    q = nf.quantize(x, ABOUT_MEAN)
    assert q.scale_values().tolist() == [0, 3.5]
    assert q.codes[:4].tolist() == [0, 8, 0, 0]
    assert q.dequantize().tolist() == x.tolist()
    # 2.25 / 448 in float16 is too large, so that 448 of it are more than the mean.
    q = nf.quantize(np.float32([0, 1e-6, 0, -1e-3, 27, -27, 2, 0]), ABOUT_MEAN)
    assert np.sign(q.scale_values()).tolist() == [-1, 1]
    assert q.dequantize()[3] < 0 < q.dequantize()[4]


def test_scales_about_their_mean_and_what_is_not_there() -> None:
    nothing = nf.quantize(np.zeros((3, 100), np.float32), "nf4_dq")
    assert nothing.scale_mean == 0
    assert not nothing.dequantize().any()
    assert np.isnan(nf.quantize([1.0, np.nan], "nf4_dq").dequantize()).all()
    assert nf.quantize([1.0, np.inf], "nf4_dq").dequantize().tolist() == [1, 1]


def test_the_mean_of_scales_is_exact() -> None:
    rng = np.random.default_rng(8)
    x = rng.standard_normal(10_000) * 2.0 ** rng.integers(-1000, 900, 10_000)
    assert exact_sum(x) == sum(map(Fraction, x.tolist()))
    assert exact_sum(np.full(9, 1.7e308)) == 9 * Fraction(1.7e308)
    assert exact_sum(np.zeros(0)) == 0


def test_the_sum_of_scale_and_mean_is_rounded_once() -> None:
    fmt = nf.get_scaled_format("nf4_dq")
    table = fmt.scale_element.values()
    # Factors with which a scale is 2**-24, next to 1 a midpoint of float32, and so little more that
    # float64 would lose it.
    outer = np.float32(2.0**-24 / table[129:])
    pairs = zip(table[129:].tolist(), outer.tolist(), strict=True)
    over = [Fraction(t) * Fraction(s) * 2**24 - 1 for t, s in pairs]
    code, least = min(enumerate(over), key=lambda pair: pair[1] if pair[1] > 0 else 1)
    assert 0 < least < 2.0**-29
    codes, scales = np.zeros(64, np.uint8), np.uint8([129 + code])
    q = nf.ScaledArray(
        codes, scales, fmt, tensor_scales=outer[code : code + 1], scale_mean=np.float32(1)
    )
    assert q.scale_values().tolist() == [1 + 2.0**-23]
    assert (q.dequantize() == -np.float32(1 + 2.0**-23)).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scale_mean": nf.get_format("int8")}, "float format"),
        ({"scale": nf.float8_e4m3fn}, "two levels"),
        ({"scale": nf.ScaledFormat("s", nf.float8_e8m0fnu, nf.float32)}, "signed"),
        ({"scale": replace(ABOUT_MEAN.scale, scale_rule="mse")}, "distance"),
        ({"scale_rule": "lowest"}, "no negative scales"),
        ({"scale_mean": None, "scale": nf.get_scaled_format("nf4_dq").scale}, "float format"),
    ],
)
def test_means_of_scales_that_make_no_sense(changes: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        replace(ABOUT_MEAN, **changes)


@pytest.mark.parametrize("special", [np.inf, -np.inf, np.nan])
def test_offsets_and_what_is_not_finite(special: float) -> None:
    x = np.float32([1, 2, special, 4])
    got = nf.quantize(x, "q4_1").dequantize().tolist()
    if np.isnan(special):
        assert np.isnan(got).all()
    else:
        assert got == pytest.approx([1, 2, 4 if special > 0 else 1, 4], abs=0.01)
    assert nf.quantize(np.float32([special, special]), "q4_1").codes.shape == (2,)


def test_equal_numbers_are_their_offset() -> None:
    for number in (0.0, 0.1, -300.0):
        x = np.full(32, number, np.float32)
        np.testing.assert_array_equal(nf.quantize(x, "q4_1").dequantize(), x.astype("f2"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"offset": nf.get_format("int8")}, "float format"),
        ({"element": nf.get_format("int4")}, "unsigned"),
        ({"zero_point": nf.get_format("uint5")}, "no zero point"),
        ({"scale": nf.ScaledFormat("s", nf.float16, nf.float32)}, "one level"),
        ({"scale": nf.float8_e8m0fnu, "scale_rule": "lowest"}, "no negative scales"),
    ],
)
def test_offsets_that_make_no_sense(changes: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        replace(Q5, **changes)


def test_the_farthest_number_becomes_the_lowest_element() -> None:
    q = nf.quantize(np.float32([0.5, 4, -4, 1]), "q4_0")
    assert q.scales.tolist() == [-0.5]
    assert q.codes.tolist() == [15, 8, 7, 14]  # two's complement: -1, -8, 7 for 8, -2
    assert q.dequantize().tolist() == [0.5, 4, -3.5, 1]
    q = nf.quantize(np.float32([4, np.inf, -np.inf]), "q4_0")
    assert q.dequantize().tolist() == [4, 4, -3.5]


def test_the_error_is_told_if_the_original_is_given() -> None:
    x = numbers((3, 40))
    x[0, 3] = np.inf
    q = nf.quantize(x, "int4_g32_asym")
    kept = np.isfinite(x)
    error = q.dequantize(np.float64)[kept] - x[kept]
    decibels = 10 * np.log10(np.square(x[kept].astype("f8")).sum() / np.square(error).sum())
    assert f", SQNR {decibels:.4g} dB>" in q.describe(x)
    assert repr(q) == q.describe() == f"{q.describe(x).partition(', SQNR')[0]}>"
    assert "SQNR inf dB" in nf.quantize(np.float32(1.0), "q4_0").describe(1.0)
    with pytest.raises(ValueError, match=r"original: shape \(40,\); expected \(3, 40\)"):
        q.describe(x[0])


def test_nvfp4_is_a_scale_of_scales() -> None:
    x = numbers((4, 32))
    q = nf.quantize(x, "nvfp4")
    assert q.scales.dtype == np.uint8
    assert q.tensor_scales is not None
    assert q.tensor_scales.shape == ()
    assert q.tensor_scales == np.float32(np.abs(x).max() / np.float32(6 * 448))
    assert nf.float8_e4m3fn.decode(q.scales).max() == 448
    assert q.bits_per_value == (4 * 128 + 8 * 8 + 32) / 128


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (5, 0), (33,), (3, 40), (2, 3, 17)])
def test_any_shape_goes_there_and_back(name: str, shape: tuple[int, ...]) -> None:
    x = numbers(shape) if shape else np.float32(0.7)
    q = nf.quantize(x, name)
    assert q.shape == q.dequantize().shape == shape
    again = nf.ScaledArray.unpack(q.pack(), name, shape)
    np.testing.assert_array_equal(again.codes, q.codes)
    np.testing.assert_array_equal(again.scales, q.scales)
    np.testing.assert_array_equal(again.dequantize(), q.dequantize())
    assert q.nbytes == sum(len(part) for part in q.pack().values())


@pytest.mark.parametrize("name", ["mxfp4", "nvfp4", "int4_g32_asym", "fp8_e4m3_tile128"])
def test_layout_does_not_matter(name: str) -> None:
    x = numbers((6, 70))
    expected = nf.quantize(x, name)
    spread = np.zeros((6, 140), np.float32)
    spread[:, ::2] = x
    for same in (np.asfortranarray(x), spread[:, ::2], x[::-1][::-1], x.astype(">f4"), x.tolist()):
        q = nf.quantize(same, name)
        np.testing.assert_array_equal(q.codes, expected.codes)
        np.testing.assert_array_equal(q.scales, expected.scales)


@pytest.mark.parametrize("name", ["mxfp6_e2m3", "nvfp4", "int8_channel", "fp8_e4m3_tile128"])
def test_any_axis(name: str) -> None:
    x = numbers((4, 5, 40))
    along_first = nf.quantize(x, name, axis=0)
    moved = np.moveaxis(x, 0, -1) if "tile" not in name and "channel" not in name else None
    if moved is not None:
        last = nf.quantize(moved, name)
        np.testing.assert_array_equal(np.moveaxis(along_first.codes, 0, -1), last.codes)
        np.testing.assert_array_equal(np.moveaxis(along_first.scales, 0, -1), last.scales)
    assert along_first.dequantize().shape == x.shape
    np.testing.assert_array_equal(nf.quantize(x, name, axis=-3).codes, along_first.codes)


def test_random_rounding_does_not_depend_on_the_layout_and_has_the_right_mean() -> None:
    x = numbers((8, 70))
    q = nf.quantize(x, "mxfp4", rounding="sr", rng=5)
    again = nf.quantize(np.asfortranarray(x), "mxfp4", rounding="sr", rng=5)
    np.testing.assert_array_equal(q.codes, again.codes)
    many = np.broadcast_to(np.float32([1.3, 6.0] * 8), (4000, 16))
    mean = nf.quantize(many, "mxfp4", rounding="sr", rng=1).dequantize()[:, ::2].mean()
    assert abs(mean - 1.3) < 0.01
    big = np.tile(np.float32(0.3), (2, 1 << 16))
    big[:, 0] = 1
    codes = nf.quantize(big, "int4_g32", rounding="sr", rng=2).codes
    assert not np.array_equal(codes[0], codes[1])


def test_zeros_nan_infinity_and_the_ends_of_scales() -> None:
    zeros = nf.quantize(np.zeros(16, np.float32), "nvfp4_block")
    assert zeros.scale_values() == 1
    assert nf.quantize(np.zeros(32), "mxfp4").scales == 0  # E8M0 has no zero: the smallest
    assert nf.quantize(np.full(32, 1e-30), "int4_g32").scale_values() == 2.0**-24
    huge = nf.quantize(np.full(32, 1e30), "int4_g32")
    assert huge.scale_values() == 65504
    assert (huge.codes == 7).all()
    x = np.ones(64, np.float32)
    x[3], x[40] = np.nan, np.inf
    y = nf.quantize(x, "mxfp4").dequantize()
    assert np.isnan(y[:32]).all()
    assert y[40] == 6 / 4  # the largest element, times the scale of the others
    np.testing.assert_array_equal(np.delete(y[32:], 8), 1)
    assert np.isinf(nf.quantize(x, "mxfp8_e5m2", saturation="none").dequantize()[40])
    assert np.isnan(nf.quantize(x, "int8_tensor").dequantize()).all()
    assert np.isnan(nf.quantize(x, "int4_g32_asym").dequantize()[:32]).all()


def test_percentile_clips_and_search_lowers_the_error() -> None:
    x = numbers((8, 256))
    x[:, 0] *= 30
    for name in ("int4_g64", "mxfp4"):
        error = {
            rule: float(np.square(nf.quantize(x, name, scale_rule=rule).dequantize() - x).sum())
            for rule in ("absmax", "rceil", "mse")
        }
        assert error["mse"] < error["absmax"]
        assert error["mse"] <= error["rceil"]
    rule = nf.ScaleRule(percentile=50)
    q = nf.quantize(np.arange(1.0, 9), nf.ScaledFormat("t", nf.int8, nf.float32), scale_rule=rule)
    assert q.scale_values() == np.float32(5 / 127)


def error_of(numbers: list[Fraction], size: Fraction, element: nf.Format) -> Fraction:
    codes = [exact.project(n / size, element, "nearest_even", "finite") for n in numbers]
    values = [Fraction(exact.decode(code, element)) for code in codes]
    return sum(((n - v * size) ** 2 for n, v in zip(numbers, values, strict=True)), Fraction(0))


@pytest.mark.parametrize("name", ["mxfp4", "nvfp4_block", "int4_g32", "nf4", "msfp12", "q8_0"])
def test_the_search_finds_the_least_error(name: str) -> None:
    fmt, rule = nf.get_scaled_format(name), RULES["mse"]
    x = numbers((3, 128))
    q = nf.quantize(x, fmt, scale_rule="mse")
    tiles = places(x.shape, fmt.granularity.tile(2, None))
    for size, place in zip(q.scale_values().ravel(), sorted(tiles), strict=True):
        values = [Fraction(float(x[i])) for i in tiles[place]]
        whole = max(map(abs, values)) / target_of(fmt.element, rule)
        ideal = [whole * (1 - Fraction(step, 128)) for step in range(65)]
        tried = [
            Fraction(exact.decode(stored(one, fmt.scale_element, rule.rounding), fmt.scale_element))
            for one in ideal
        ]
        errors = {one: error_of(values, one, fmt.element) for one in dict.fromkeys(tried)}
        best = min(errors, key=lambda one: errors[one])
        # Sums in float64 might not tell two apart; where the errors are far enough, there is one.
        assert errors[Fraction(size)] <= errors[best] * (1 + Fraction(2) ** -48)
        assert size == best or errors[Fraction(size)] != errors[best]


@pytest.mark.parametrize("rounding", ["toward_positive", "nearest_even"])
def test_the_search_below_a_scale_of_scales(rounding: Any) -> None:
    # The scale of scales is that of the largest of all, and the tiles' own are searched for.
    x, whole = numbers((4, 64)), nf.quantize(numbers((4, 64)), "nvfp4")
    q = nf.quantize(x, "nvfp4", scale_rule=ScaleRule(rounding=rounding, search=64))
    assert q.tensor_scales == whole.tensor_scales
    outer = Fraction(float(q.tensor_scales))
    for place, size in np.ndenumerate(q.scale_values()):
        values = [Fraction(float(n)) for n in x.reshape(4, 4, 16)[place]]
        whole_size = max(map(abs, values)) / 6 / outer
        tried = {
            Fraction(exact.decode(stored(one, nf.float8_e4m3fn, rounding), nf.float8_e4m3fn))
            for one in (whole_size * (1 - Fraction(step, 128)) for step in range(65))
        }
        errors = {one * outer: error_of(values, one * outer, nf.float4_e2m1fn) for one in tried}
        assert errors[Fraction(size)] <= min(errors.values()) * (1 + Fraction(2) ** -48)


@pytest.mark.parametrize("name", ["int4_g32_asym", "int4_g128_asym", "int8_channel_asym", "q4_1"])
def test_the_search_for_a_range_finds_the_least_error(name: str) -> None:
    fmt, x = nf.get_scaled_format(name), numbers((3, 64)) + np.float32(0.25)
    q = nf.quantize(x, fmt, scale_rule="mse")
    tiles = places(x.shape, fmt.granularity.tile(2, None))
    got = q.dequantize(np.float64)
    for place in sorted(tiles):
        values = [Fraction(float(x[i])) for i in tiles[place]]
        errors = [
            sum((v - w) ** 2 for v, w in zip(values, one, strict=True))
            for one in (in_range(values, share, fmt) for share in range(128, 63, -1))
        ]
        error = sum(
            (v - Fraction(float(got[i]))) ** 2 for v, i in zip(values, tiles[place], strict=True)
        )
        assert error <= min(errors) * (1 + Fraction(2) ** -48)
        assert min(errors) < errors[0] or error == errors[0]


def in_range(values: list[Fraction], share: int, fmt: nf.ScaledFormat) -> list[Fraction]:
    """What numbers become if their range is cut to so many 128ths."""
    low, high = min(values), max(values)
    assert isinstance(fmt.scale, nf.Format)
    if fmt.offset is not None:
        inset = (high - low) / 2 * (1 - Fraction(share, 128))
        ends = low + inset, high - inset
        scale, offset, codes = offset_meant(values, fmt, "nearest_even", ends, "toward_positive")
        size = Fraction(exact.decode(scale, fmt.scale))
        return [Fraction(exact.decode(offset, fmt.offset)) + code * size for code in codes]
    levels = 2**fmt.element.bits - 1
    low, high = min(low, Fraction(0)) * share / 128, max(high, Fraction(0)) * share / 128
    code = stored((high - low) / levels, fmt.scale, "toward_positive")
    size = Fraction(exact.decode(code, fmt.scale))
    zero = min(max(round(-low / size), 0), levels)
    return [(min(max(round(v / size) + zero, 0), levels) - zero) * size for v in values]


@pytest.mark.parametrize("percentile", [99.9, 75.0, 50.0])
def test_percentiles_of_ranges(percentile: float) -> None:
    rule = ScaleRule(percentile=percentile)
    x = np.random.default_rng(3).permutation(np.arange(-20.0, 81))  # 101 numbers
    low, high = np.quantile(x, [1 - percentile / 100, percentile / 100])
    low, high = math.floor(low), math.ceil(high)
    affine = nf.ScaledFormat(
        "a", nf.get_format("uint4"), nf.float32, zero_point=nf.get_format("uint4")
    )
    q = nf.quantize(x, affine, scale_rule=rule)
    assert q.scales == np.float32((max(high, 0) - min(low, 0)) / 15)
    offset = nf.ScaledFormat("o", nf.get_format("uint4"), nf.float32, offset=nf.float32)
    q = nf.quantize(x, offset, scale_rule=rule)
    if low == high:
        low, high = -20, 80  # no range at all: that of all numbers
    assert (q.offsets, q.scales) == (low, np.float32((high - low) / 15))
    # Infinity counts as the end that it lies beyond; NaN makes all of it NaN.
    x[np.flatnonzero(x == 80)], x[np.flatnonzero(x == -20)] = np.inf, -np.inf
    again = nf.quantize(x, offset, scale_rule=rule)
    if percentile == 75:
        assert (again.offsets, again.scales) == (q.offsets, q.scales)
    x[5] = np.nan
    assert np.isnan(nf.quantize(x, offset, scale_rule=rule).dequantize()).all()
    only = nf.quantize([np.inf, -np.inf], offset, scale_rule=rule)
    assert (only.offsets, only.scales) == (0, 1)


def test_a_percentile_of_scales() -> None:
    # Of 100 blocks' scales the largest does not count, and saturates.
    x = np.repeat(np.arange(1.0, 101), 16).reshape(100, 16)
    x[-1] = 1e6
    inner = replace(NVFP4.scale, scale_rule=ScaleRule(percentile=50))
    q = nf.quantize(x, replace(NVFP4, scale=inner))
    assert q.tensor_scales == np.float32(51 / 6 / 448)
    assert nf.float8_e4m3fn.decode(q.scales).max() == 448


@pytest.mark.parametrize(
    "name",
    [
        "mxfp4",
        "nvfp4_block",
        "int4_g128",
        "fp8_e4m3_tile128",
        "nf4",
        "nvfp4",
        "q4_1",
        "int4_g64_asym",
    ],
)
@pytest.mark.parametrize("rule", ["mse", "percentile", ScaleRule(rounding="toward_zero", search=5)])
def test_the_compiled_search_has_the_bits_of_numpy(
    name: str, rule: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numba")
    importlib.import_module("numformats.codec.compiled.dispatch")
    threads = importlib.import_module("numformats.codec.compiled.threads")
    monkeypatch.setattr(threads, "thread_count", lambda: 3)
    monkeypatch.setattr(threads, "ELEMENTS_PER_THREAD", 10_000)
    # Rows of whole runs, of runs that are cut off, and what several threads share.
    for shape in ((4096,), (64, 256), (5, 3, 40), (70,), (300, 128), (120_000,)):
        dtypes = (np.float32,) if len(shape) == 1 else (np.float16, np.float32, np.float64)
        for dtype in dtypes:
            x = specials(shape) if dtype == np.float32 else (numbers(shape, "f8") / 3).astype(dtype)
            assert_same_bits(monkeypatch, x, name, "rne", rule)


@pytest.mark.parametrize("rule", ["absmax", "mse", "percentile"])
@pytest.mark.parametrize("size", [100, 1 << 20])
def test_scales_without_nan_refuse_it(size: int, rule: str) -> None:
    fmt = nf.ScaledFormat("f", nf.float4_e2m1fn, nf.float6_e3m2fn, nf.PerBlock(32))
    x = np.ones(size, np.float32)
    nf.quantize(x, fmt, scale_rule=rule)
    x[-5] = np.nan
    with pytest.raises(ValueError, match=rf"^x: nan at index \({size - 5},\) .* scales of f have"):
        nf.quantize(x, fmt, scale_rule=rule)


def test_an_element_format_has_one_scale() -> None:
    x = numbers((4, 40))
    q = nf.quantize(x, "int8")
    assert q.scales.shape == ()
    np.testing.assert_array_equal(nf.quantize(x, nf.int8).codes, q.codes)
    assert nf.quantize(x, "e4m3fn").format.element is nf.float8_e4m3fn


def test_dequantize_rounds_once_and_fills_out() -> None:
    x = numbers((4, 32))
    q = nf.quantize(x, "nvfp4")
    wide = q.dequantize(np.float64)
    np.testing.assert_array_equal(wide, nf.float4_e2m1fn.decode(q.codes) * np.repeat(
        q.scale_values(), 16, axis=1))  # fmt: skip
    for dtype in (np.float32, np.float16, ml_dtypes.bfloat16):
        out = np.empty((4, 32), dtype)
        assert q.dequantize(out=out) is out
        np.testing.assert_array_equal(out, q.dequantize(dtype))
    np.testing.assert_array_equal(np.asarray(q), q.dequantize())
    with pytest.raises(ValueError, match="out: shape"):
        q.dequantize(out=np.empty(3, np.float32))


def test_slices_along_axes_that_share_no_scale() -> None:
    x = numbers((6, 4, 70))
    q = nf.quantize(x, "mxfp4")
    np.testing.assert_array_equal(q[1:3].dequantize(), q.dequantize()[1:3])
    np.testing.assert_array_equal(q[::2, 3:].dequantize(), q.dequantize()[::2, 3:])
    affine = nf.quantize(x, "int4_g32_asym", axis=1)
    np.testing.assert_array_equal(affine[:, :, 5:].dequantize(), affine.dequantize()[:, :, 5:])
    channel = nf.quantize(x, "int8_channel")
    np.testing.assert_array_equal(channel[2:4].dequantize(), channel.dequantize()[2:4])
    with pytest.raises(ValueError, match="axis 2 share"):
        q[:, :, :32]
    with pytest.raises(TypeError, match="expected at most 3 slices"):
        q[0]


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "q.safetensors"
    for name in ("nvfp4", "int4_g32_asym", "nf4_dq", "int8_channel"):
        q = nf.quantize(numbers((5, 70)), name, axis=1)
        q.save(path)
        loaded = nf.ScaledArray.load(path)
        assert loaded.format == q.format
        assert loaded.axis == 1
        np.testing.assert_array_equal(loaded.dequantize(), q.dequantize())
    mine = nf.ScaledFormat("mxfp4", nf.int4, nf.float32)
    with pytest.raises(ValueError, match="not the format of that name"):
        nf.quantize([1.0], mine).save(path)
    from safetensors.numpy import save_file

    save_file({"a": np.zeros(2)}, path)
    with pytest.raises(ValueError, match=r"not written by ScaledArray\.save"):
        nf.ScaledArray.load(path)


@pytest.mark.parametrize(
    ("message", "call"),
    [
        ("format: unknown 'mxfp5'; did you mean 'mxfp", lambda: nf.quantize([1.0], "mxfp5")),
        ("scale_rule: unknown 'flor'; did you mean 'floor'",
         lambda: nf.quantize([1.0], "mxfp4", scale_rule="flor")),
        ("scale_rule: expected a str", lambda: nf.quantize([1.0], "mxfp4", scale_rule=3)),
        ("axis: 2 of an array of 1", lambda: nf.quantize([1.0], "mxfp4", axis=2)),
        ("axis: expected an int", lambda: nf.quantize([1.0], "mxfp4", axis="a")),
        ("x: .*is beyond 2", lambda: nf.quantize(np.array([2**60]), "mxfp4")),
        ("x: dtype complex128", lambda: nf.quantize([1j], "mxfp4")),
        ("search takes each tile by itself",
         lambda: nf.quantize([1.0], "nf4_dq", scale_rule="mse")),
        ("do not go by a largest", lambda: nf.quantize([1.0], "q4_1", scale_rule="floor")),
        ("do not go by a largest", lambda: nf.quantize([1.0], "int4_g32_asym", scale_rule="even")),
        ("no negative scales", lambda: nf.quantize([1.0], "mxfp4", scale_rule="lowest")),
        ("do not go by a largest", lambda: replace(Q5, scale_rule="floor")),
        ("percentile: 49; below 50 there is no range", lambda: nf.quantize(
            [1.0], "q4_1", scale_rule=ScaleRule(percentile=49))),
        *[("scale: scales are scaled by", lambda rule=rule: replace(
            NVFP4, scale=replace(NVFP4.scale, scale_rule=rule)))
          for rule in ("mse", "even", "lowest")],
        ("search is for deterministic",
         lambda: nf.quantize([1.0], "mxfp4", scale_rule="mse", rounding="sr")),
        ("scale: expected a float format", lambda: nf.ScaledFormat("f", nf.int4, nf.int8)),
        ("is scaled twice", lambda: nf.ScaledFormat("f", nf.int4, nf.ScaledFormat(
            "g", nf.float16, nf.nvfp4.scale))),
        ("zero_point: it needs integers", lambda: nf.ScaledFormat(
            "f", nf.float16, nf.float32, zero_point=nf.uint8)),
        ("zero_point: uint4 does not hold", lambda: nf.ScaledFormat(
            "f", nf.uint8, nf.float32, zero_point=nf.uint4)),
        ("size: 0; expected 1 or more", lambda: nf.PerBlock(0)),
        ("rows: expected an int", lambda: nf.PerTile(1.5, 2)),
        ("percentile: 0", lambda: nf.ScaleRule(percentile=0)),
        ("search: -1", lambda: nf.ScaleRule(search=-1)),
        ("target: unknown 'top'", lambda: nf.ScaleRule("top")),
        ("parts: no 'scales'", lambda: nf.ScaledArray.unpack(
            {"codes": np.zeros(16, np.uint8)}, "mxfp4", (32,))),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(message: str, call: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        call()


def specials(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Numbers over sixty binades, and whatever is special, where there is room."""
    rng = np.random.default_rng(math.prod(shape))
    x = (rng.standard_normal(shape) * 2.0 ** rng.integers(-30, 30, shape)).astype(np.float32)
    if x.size > 500:
        x.flat[100:300] = 0
        x.flat[[5, 7, 400]] = -0.0, np.inf, np.nan
        x.flat[420:430] = 1e-44
    return x


@pytest.mark.parametrize("name", NAMES)
def test_compiled_runs_give_the_bits_of_numpy(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    importlib.import_module("numformats.codec.compiled.dispatch")
    shapes = [(4096,), (64, 256), (3, 5, 128), (70,), (2, 100_000), (1 << 17,), (300_000,), (3, 70)]
    cases = [("rne", None), ("rtp", "floor"), ("sr", "rceil"), ("to_odd", "even"), ("rnz", "ceil")]
    if not nf.get_scaled_format(name).is_symmetric:
        rules = None, "absmax_down", "absmax_up", "percentile", "absmax"
        cases = [(mode, rule) for (mode, _), rule in zip(cases, rules, strict=True)]
    for shape in shapes:
        x = specials(shape)
        for mode, rule in cases:
            results = []
            for is_disabled in (True, False):
                monkeypatch.setattr(paths, "_IS_DISABLED", is_disabled)
                q = nf.quantize(x, name, rounding=mode, scale_rule=rule, rng=3)
                results.append(parts_of(q))
            for expected, got in zip(*results, strict=True):
                np.testing.assert_array_equal(got, expected, f"{shape} {mode} {rule}")


def assert_same_bits(
    patch: pytest.MonkeyPatch, x: NDArray[Any], fmt: Any, mode: str, rule: Any = None
) -> None:
    """The same without compiled kernels and with them."""
    results = []
    for is_disabled in (True, False):
        patch.setattr(paths, "_IS_DISABLED", is_disabled)
        results.append(parts_of(nf.quantize(x, fmt, scale_rule=rule, rounding=mode, rng=3)))
    for expected, got in zip(*results, strict=True):
        np.testing.assert_array_equal(got, expected)


def parts_of(q: nf.ScaledArray) -> tuple[Any, ...]:
    others = q.zero_points, q.offsets, q.tensor_scales, q.scale_mean
    return q.codes, q.scales, *others, q.dequantize()


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["f2", ">f4", "f8", "i1", "u2", "i8", ml_dtypes.bfloat16])
def test_compiled_runs_of_every_dtype_and_layout(
    name: str, dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numba")
    importlib.import_module("numformats.codec.compiled.dispatch")
    x = numbers((6, 2, 90), np.float64) * 20
    if np.dtype(dtype).kind in "iu":
        x = np.clip(x, 0, 100)
    x = x.astype(dtype)
    for axis, mode in itertools.product((None, 0, -2), ("rne", "sr")):
        results = []
        for is_disabled in (True, False):
            monkeypatch.setattr(paths, "_IS_DISABLED", is_disabled)
            q = nf.quantize(x, name, axis=axis, rounding=mode, rng=3)
            turned = nf.quantize(x.transpose(2, 0, 1)[::-1], name, rounding=mode, rng=3)
            results.append(parts_of(q) + parts_of(turned))
        for expected, got in zip(*results, strict=True):
            np.testing.assert_array_equal(got, expected, f"{axis} {mode}")


@pytest.mark.parametrize("shape", [(12, 64), (3, 10, 64), (9, 70), (200, 8), (1, 16)])
@pytest.mark.parametrize("tile", [nf.PerTile(4, 8), nf.PerTile(3, 2), nf.PerTile(2, 64)])
def test_tiles_of_several_rows_are_those_of_numpy(
    tile: nf.PerTile, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    importlib.import_module("numformats.codec.compiled.dispatch")
    int4, uint4 = nf.get_format("int4"), nf.get_format("uint4")
    formats = [
        nf.ScaledFormat("plain", nf.float8_e4m3fn, nf.float32, tile),
        nf.ScaledFormat("mx", nf.float4_e2m1fn, nf.float8_e8m0fnu, tile, "floor"),
        nf.ScaledFormat("double", nf.float4_e2m1fn, nf.ScaledFormat(
            "s", nf.float8_e4m3fn, nf.float32), tile),
        nf.ScaledFormat("twice", nf.float4_e2m1fn, nf.ScaledFormat(
            "s", nf.float8_e4m3fn, nf.float32, nf.PerBlock(2)), tile),
        nf.ScaledFormat("affine", int4, nf.float16, tile, zero_point=int4),
        nf.ScaledFormat("offset", uint4, nf.float16, tile, offset=nf.float16),
    ]  # fmt: skip
    for fmt in formats:
        assert_same_bits(monkeypatch, numbers(shape) + np.float32(0.5), fmt, "rne")


@pytest.mark.parametrize("rule", ["absmax", "absmax_up", "even", "floor"])
@pytest.mark.parametrize(
    "scale", ["float8_e4m3fn", "float8_e8m0fnu", "float16", "float32", "float8_e5m2", "tensor"]
)
def test_scales_of_many_sizes_are_those_of_numpy(
    scale: str, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    importlib.import_module("numformats.codec.compiled.dispatch")
    rng = np.random.default_rng(1)
    x = rng.standard_normal((640, 96)) * 2.0 ** rng.integers(-60, 60, (640, 1))
    x[rng.integers(0, 2, 640) == 0, ::2] = 0
    x[40:80] = 0
    x[100:140, 16:32] = 0
    x[[3, 170, 400], 5] = np.inf, np.nan, -np.inf
    inner = nf.get_format("float8_e4m3fn" if scale == "tensor" else scale)
    scales = nf.ScaledFormat("s", inner, nf.float32) if scale == "tensor" else inner
    for block in (3, 4, 8, 16, 32, 96):
        fmt = nf.ScaledFormat("own", nf.float4_e2m1fn, scales, nf.PerBlock(block), rule)
        assert_same_bits(monkeypatch, x.astype(np.float32), fmt, "rne")


def test_a_scale_without_nan_refuses_a_tile_with_nan() -> None:
    importlib.import_module("numformats.codec.compiled.dispatch")
    scale = nf.FloatFormat("bare", 5, 2, has_inf=False, nan="none")
    fmt = nf.ScaledFormat("own", nf.float4_e2m1fn, scale, nf.PerBlock(4))
    x = np.full((8, 8), 6, np.float32)
    assert (nf.quantize(x, fmt).dequantize() == 6).all()
    x[5, 5] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        nf.quantize(x, fmt)


@pytest.mark.parametrize("shape", [(900, 384), (3, 131_072), (200, 3000), (3, 1 << 19)])
@pytest.mark.parametrize("name", ["int8_channel", "fp8_e4m3_tensor", "int8_channel_asym", "q4_0"])
def test_runs_that_do_not_fill_the_parts_worked_on(
    name: str, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    importlib.import_module("numformats.codec.compiled.dispatch")
    x = specials(shape)
    for mode in ("rne", "sr"):
        assert_same_bits(monkeypatch, x, name, mode)


@pytest.mark.parametrize(
    "fmt",
    [
        nf.ScaledFormat(
            "t", nf.TableFormat("t", (0.0, 0.1, 0.7, -1.0)), nf.float32, nf.PerBlock(8)
        ),
        nf.ScaledFormat(
            "two",
            nf.get_format("int8"),
            nf.ScaledFormat("s", nf.float32, nf.float32),
            nf.PerBlock(8),
        ),
        nf.ScaledFormat("wide", nf.FixedFormat("q", 15, 16), nf.float32, nf.PerBlock(8)),
        nf.ScaledFormat(
            "long",
            nf.TableFormat("l", tuple(i / 256 for i in range(-256, 256))),
            nf.bfloat16,
            nf.PerBlock(8),
        ),
    ],
)
def test_formats_of_many_bits_are_compiled_as_meant(
    fmt: nf.ScaledFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    importlib.import_module("numformats.codec.compiled.dispatch")
    x = numbers((5, 80))
    for mode in ("rne", "rtz", "sr"):
        assert_same_bits(monkeypatch, x, fmt, mode)
    assert_as_meant(x, fmt, "absmax", "nearest_even")


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4"])
def test_of_numbers_as_far_from_zero_the_first_counts(
    dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    importlib.import_module("numformats.codec.compiled.dispatch")
    rng = np.random.default_rng(6)
    x = rng.choice([-2, -1, 0, 1, 2], (64, 256)).astype(dtype)
    x[:4], x[4:8] = 0, 1
    if dtype != "i4":
        x[:4, ::3], x[10, 3], x[11, 5] = -0.0, np.inf, -np.inf
        x[12], x[13, 40:] = np.inf, -np.inf
    for name in ("q4_0", "q4_1", "int4_g32_asym"):
        assert_same_bits(monkeypatch, x, name, "rne")
    first = x[np.arange(20, 64), np.abs(x[20:, :32]).argmax(axis=1)]
    signs = np.sign(nf.quantize(x, "q4_0").scales[20:, 0])
    np.testing.assert_array_equal(signs, -np.sign(first))


def test_loops_that_round_to_odd_are_exact() -> None:
    pytest.importorskip("numba")
    from numformats.codec.compiled import arithmetic

    rng = np.random.default_rng(4)
    x = numbers((1000,)) + np.float32(1e-3)
    sizes = rng.integers(1, 1 << 53, 1000) * 2.0 ** rng.integers(-60, 20, 1000)
    sizes *= rng.choice([-1, 1], 1000)
    for numerators in (x, x.astype("f8") / 3):
        found = np.empty(1000)
        arithmetic.divide_runs_to_odd(numerators, sizes, 1, 0, found)
        np.testing.assert_array_equal(found, quotient_to_odd(numerators, sizes))
        arithmetic.add_runs_to_odd(numerators, sizes, 1, 0, found)
        np.testing.assert_array_equal(found, sum_to_odd(numerators.astype("f8"), sizes))
        exact_sums = (
            Fraction(n) + Fraction(s)
            for n, s in zip(numerators.tolist(), sizes.tolist(), strict=True)
        )
        for total, meant in zip(found.tolist(), exact_sums, strict=True):
            # Odd, unless it is the sum itself; and a neighbour of it.
            significand = int(math.frexp(total)[0] * 2**53)
            assert Fraction(total) == meant or significand % 2
            assert abs(Fraction(total) - meant) < Fraction(math.ulp(total))


def test_quotients_to_odd_at_the_ends_of_float64() -> None:
    pytest.importorskip("numba")
    from numformats.codec.compiled import arithmetic

    tiny, top = 5e-324, np.finfo(np.float64).max
    cases = [
        # What is too small is not zero, and what is too large not infinite.
        (1e-300, 1e200, tiny), (-1e-300, 1e200, -tiny), (1e-300, -1e200, -tiny),
        (-1e-300, -1e200, tiny), (1e300, 1e-200, top), (-1e300, 1e-200, -top),
        (3 * tiny, 2.0, tiny), (1e300, 1e300, 1.0), (0.0, 3.0, 0.0), (-0.0, 3.0, -0.0),
        (np.inf, 3.0, np.inf), (-np.inf, 3.0, -np.inf), (np.nan, 3.0, np.nan),
        (1.0, np.nan, np.nan), (1.0, np.inf, 0.0), (-1.0, np.inf, -0.0),
    ]  # fmt: skip
    x, sizes, expected = (np.array(column) for column in zip(*cases, strict=True))
    found = np.empty(x.size)
    arithmetic.divide_runs_to_odd(x, sizes, 1, 0, found)
    for got in (found, quotient_to_odd(x, sizes)):
        np.testing.assert_array_equal(got, expected)
        np.testing.assert_array_equal(np.signbit(got), np.signbit(expected))


def wide_specials(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Numbers over nearly all of float64's range, and next to the midpoints between elements."""
    rng = np.random.default_rng(math.prod(shape))
    x = rng.standard_normal(shape) * 2.0 ** rng.integers(-1060, 1020, (*shape[:-1], 1))
    near = np.float64(rng.integers(-40, 40, shape) / 8) * rng.choice([1, 1.1], (*shape[:-1], 1))
    is_near = rng.random(shape) < 0.5
    steps = rng.integers(-1, 2, shape)
    near = np.where(steps == 0, near, np.nextafter(near, np.where(steps > 0, np.inf, -np.inf)))
    x[is_near] = near[is_near]
    x.flat[[3, 9, 11]] = -0.0, np.inf, -np.inf
    x.flat[-7] = np.nan
    return x


@pytest.mark.parametrize("name", NAMES)
def test_compiled_runs_of_float64(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    importlib.import_module("numformats.codec.compiled.dispatch")
    for shape, mode in itertools.product([(40, 256), (6, 70)], ("rne", "rtp", "raz", "sr")):
        assert_same_bits(monkeypatch, wide_specials(shape), name, mode)
    fmt, x = nf.get_scaled_format(name), wide_specials((4, 128))
    if fmt.is_symmetric:
        x[~np.isfinite(x)] = 0
        how = Projection("nearest_even", "finite")
        assert can_quantize(x, fmt, fmt.rule, fmt.granularity.tile(2, None), how)
        for rule in ("absmax", "absmax_up", "even"):
            assert_as_meant(x, fmt, rule, "nearest_even")


@pytest.mark.parametrize("name", ["mxfp4", "nvfp4", "int4_g128_asym", "q4_1", "q4_0", "nf4_dq"])
def test_many_float64_on_threads(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    importlib.import_module("numformats.codec.compiled.dispatch")
    x = wide_specials((1 << 12, 1 << 8))
    assert_same_bits(monkeypatch, x, name, "rne")
    assert_same_bits(monkeypatch, np.rint(numbers(x.shape) * 1e5).astype("i8"), name, "rne")


def test_compiled_runs_on_threads() -> None:
    importlib.import_module("numformats.codec.compiled.dispatch")
    x = specials((1 << 10, 1 << 11))
    for name in ("mxfp4", "nvfp4", "fp8_e4m3_channel", "int8_tensor", "int4_g128"):
        whole = nf.quantize(x, name, rounding="sr", rng=1)
        expected = np.asarray(whole.dequantize())
        if name in ("mxfp4", "int4_g128"):  # whose rows do not depend on each other
            part = nf.quantize(x[512:], name)
            np.testing.assert_array_equal(part.codes, nf.quantize(x, name).codes[512:])
        values = nf.get_scaled_format(name).element.decode(whole.codes, dtype=np.float64)
        block = x.size // whole.scales.size
        sizes = np.repeat(whole.scale_values().ravel(), block).reshape(x.shape)
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(expected, (values * sizes).astype(np.float32))


@pytest.mark.parametrize(
    ("shape", "tile", "expected"),
    [
        ((4, 64), (1, 32), 32),
        ((4, 70), (1, 32), None),
        ((1, 70), (1, 32), 32),
        ((70,), (32,), 32),
        ((4, 6), (1, None), 6),
        ((4, 6), (None, 1), None),
        ((4, 6), (None, None), 24),
        ((4, 6, 5), (1, None, None), 30),
        ((4, 6, 5), (1, 3, 1), None),
        ((4, 6, 5), (1, 3, 5), 15),
        ((256, 256), (128, 128), None),
        ((256, 128), (128, 128), 128 * 128),
        ((3, 1), (1, 32), 1),
    ],
)
def test_tiles_that_are_runs(shape: tuple[int, ...], tile: Tile, expected: int | None) -> None:
    assert run_length(shape, tile) == expected
