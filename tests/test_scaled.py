"""Scaled formats: against a transcription of what they mean, number by number, with the oracle."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from decision_points import DETERMINISTIC
from numpy.typing import NDArray
from scaled_meaning import (
    AFFINE,
    AMAX_RULES,
    NAMES,
    NVFP4,
    Q5,
    SYMMETRIC,
    assert_as_meant,
    numbers,
    offset_meant,
    places,
    stored,
)

import numformats as nf
from numformats import exact
from numformats.error_free import exact_sum
from numformats.scaled import ScaleRule


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


@pytest.mark.parametrize("name", ["mxfp4", "nvfp4", "int4_g32_asym", "fp8_e4m3_128x128"])
def test_layout_does_not_matter(name: str) -> None:
    x = numbers((6, 70))
    expected = nf.quantize(x, name)
    spread = np.zeros((6, 140), np.float32)
    spread[:, ::2] = x
    for same in (np.asfortranarray(x), spread[:, ::2], x[::-1][::-1], x.astype(">f4"), x.tolist()):
        q = nf.quantize(same, name)
        np.testing.assert_array_equal(q.codes, expected.codes)
        np.testing.assert_array_equal(q.scales, expected.scales)


@pytest.mark.parametrize("name", ["mxfp6_e2m3", "nvfp4", "int8_channel", "fp8_e4m3_128x128"])
def test_any_axis(name: str) -> None:
    x = numbers((4, 5, 40))
    along_first = nf.quantize(x, name, axis=0)
    if isinstance(along_first.format.granularity, nf.PerBlock):
        last = nf.quantize(np.moveaxis(x, 0, -1), name)
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
    zeros = nf.quantize(np.zeros(16, np.float32), "nvfp4_single_level")
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
