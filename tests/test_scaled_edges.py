"""Scaled formats where something is large, small, infinite or wrong: both paths alike."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import numformats as nf
from numformats import exact
from numformats.scaled import ScaledArray, ScaleRule

pytestmark = pytest.mark.usefixtures("both_paths")
FLOAT32 = nf.float32
E2M1 = nf.float4_e2m1fn


@pytest.mark.parametrize("name", ["int16", "uint16", "int15"])
def test_zero_points_of_sixteen_bits_leave_the_whole_range(name: str) -> None:
    element = nf.get_format(name)
    fmt = nf.ScaledFormat("wide", element, FLOAT32, zero_point=element)
    for shift in (-1.0, -0.7, 0.0):
        x = np.linspace(0, 1, 300).astype("f4") + np.float32(shift)
        q = nf.quantize(x, fmt)
        np.testing.assert_allclose(q.dequantize(), x, rtol=0, atol=0.6 * float(q.scales))


@pytest.mark.parametrize("name", ["mxfp4", "nvfp4", "int4_g32", "int4_g32_asym", "q4_1", "nf4_dq"])
def test_codes_that_are_none_are_refused(name: str) -> None:
    q = nf.quantize(np.arange(300.0), name)
    q.codes[270] = 99
    with pytest.raises(ValueError, match=r"codes: 99 at index \(270,\) is above 15"):
        q.dequantize()


def test_scales_that_are_none_are_refused() -> None:
    fmt = nf.ScaledFormat("small", E2M1, nf.float6_e3m2fn, nf.PerBlock(2))
    q = nf.quantize(np.arange(4.0), fmt)
    q.scales[1] = 64
    with pytest.raises(ValueError, match=r"codes: 64 at index \(1,\) is above 63"):
        q.dequantize()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"codes": np.zeros(40, np.int64)}, "codes: int64; int4_g32_asym has an array of uint8"),
        ({"codes": [1, 2]}, "codes: list; int4_g32_asym has"),
        ({"scales": np.ones(2, "f4")}, "scales: float32; int4_g32_asym has an array of float16"),
        ({"scales": np.ones(3, "f2")}, r"scales: shape \(3,\); int4_g32_asym has \(2,\) here"),
        ({"zero_points": None}, "zero_points: NoneType; int4_g32_asym has an array of uint8"),
        ({"tensor_scales": np.ones((), "f4")}, "tensor_scales: given, and int4_g32_asym has none"),
    ],
)
def test_parts_that_are_not_the_format_s_are_refused(changes: Any, message: str) -> None:
    q = nf.quantize(np.arange(40.0), "int4_g32_asym")
    with pytest.raises((TypeError, ValueError), match=message):
        replace(q, **changes)


@pytest.mark.parametrize("name", ["mxfp8_e5m2", "mxfp8_e4m3", "mxfp4"])
@pytest.mark.parametrize("saturation", ["none", "propagate", "finite"])
@pytest.mark.parametrize("mode", ["toward_zero", "nearest_even", "to_odd"])
def test_quotients_beyond_float32_are_not_infinite(name: str, saturation: Any, mode: Any) -> None:
    x = np.float32([1e38, 1, 3e38, -3e38, 1e-44, np.inf])
    rule = ScaleRule(largest=1e-6)
    q = nf.quantize(x, name, scale_rule=rule, saturation=saturation, rounding=mode)
    size, element = q.scale_values()[0], q.format.element
    expected = [
        exact.project(Fraction(float(n)) / Fraction(size), element, mode, saturation)
        for n in x[:-1]
    ]
    expected.append(exact.project(np.inf, element, mode, saturation))
    assert q.codes.tolist() == expected


def test_powers_of_two_whose_reciprocals_float32_has_not() -> None:
    scale = replace(nf.float8_e8m0fnu, name="e9m0", exponent_bits=9, bias=390, dtype_name=None)
    fmt = nf.ScaledFormat("low", E2M1, scale, nf.PerBlock(4), "floor")
    q = nf.quantize(np.float32([2**-145, 2**-144, -3 * 2**-145, 0]), fmt)
    assert q.codes.tolist() == [4, 6, 15, 0]
    assert q.dequantize().tolist() == [2**-145, 2**-144, -3 * 2**-145, 0]


def test_infinity_over_a_scale_of_zero_is_zero() -> None:
    x = np.float32([np.inf, -np.inf, *[0] * 62])
    e5m2 = replace(nf.get_scaled_format("nf4_dq"), element=nf.float8_e5m2)
    for fmt in ("nf4_dq", e5m2):
        for saturation in ("finite", "none"):
            q = nf.quantize(x, fmt, saturation=saturation)
            assert q.scale_values().tolist() == [0]
            assert q.dequantize().tolist() == [0] * 64
            assert nf.quantize(x, fmt, rounding="toward_positive").dequantize().tolist() == [0] * 64


def test_scales_that_float32_does_not_hold() -> None:
    fmt = nf.ScaledFormat("low", nf.get_format("int8"), nf.FloatFormat("e11m4", 11, 4))
    q = nf.quantize(np.float64([2.0**-148, 1.5 * 2.0**-145]), fmt)
    expected = [np.float32(float(n) * 1.0) for n in q.dequantize(np.float64)]
    assert q.dequantize().tolist() == expected != [0, 0]


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn", "float8_e5m2", "float6_e3m2fn"])
def test_numbers_are_rounded_once_to_dtypes_of_ml_dtypes(dtype: str) -> None:
    size = np.float32(0.33463544)  # 3 of it lie just above a midpoint of bfloat16
    fmt = nf.ScaledFormat("i", nf.get_format("int8"), FLOAT32)
    q = nf.quantize([127 * float(size), 3 * float(size), -float(size)], fmt)
    assert q.scales == size
    got = q.dequantize(getattr(ml_dtypes, dtype))
    exactly = [nf.exact.project(int(n) * Fraction(float(size)), nf.get_format(dtype))
               for n in (127, 3, -1)]  # fmt: skip
    assert got.view(f"u{got.itemsize}").tolist() == exactly


def test_nan_is_refused_where_the_dtype_has_none() -> None:
    q = nf.quantize(np.float32([np.nan, 1]), "mxfp4")
    with pytest.raises(ValueError, match="dtype: float4_e2m1fn has no NaN"):
        q.dequantize(ml_dtypes.float4_e2m1fn)


@pytest.mark.parametrize("number", [1e-4, 1e4, -1e4])
def test_a_percentile_of_zeros_is_not_the_scale(number: float) -> None:
    x = np.float32([0] * 995 + [number] * 5)
    for name in ("int8_tensor", "fp8_e4m3_tensor", "int8_tensor_asym"):
        q = nf.quantize(x, name, scale_rule=ScaleRule(percentile=99))
        np.testing.assert_allclose(q.dequantize(), x, rtol=0.01)


BARE = nf.FloatFormat("bare", 5, 2, has_inf=False, nan="none")
UINT4 = nf.get_format("uint4")


@pytest.mark.parametrize(
    ("message", "call"),
    [
        ("saturation: 'wrap'; int4_g32_asym clips", lambda: nf.quantize(
            [1.0], "int4_g32_asym", saturation="wrap")),
        ("rounding: .* no random mode", lambda: ScaleRule(rounding="sr")),
        ("uint4 goes from 0.0 to 15.0, .* cannot become 0", lambda: nf.ScaledFormat(
            "f", UINT4, nf.float16, nf.PerBlock(32), "lowest")),
        ("int1 goes from -1.0 to 0.0", lambda: nf.ScaledFormat(
            "f", nf.get_format("int1"), nf.float16)),
        ("percentile: expected a number, got str '99'", lambda: ScaleRule(percentile="99")),
        ("largest: expected a number, got bool", lambda: ScaleRule(largest=True)),
        ("search: expected an int, got float 2.5", lambda: ScaleRule(search=2.5)),
        ("search: expected an int, got bool", lambda: ScaleRule(search=True)),
        ("target: expected a str", lambda: ScaleRule(target=3)),
        ("rounds_first: expected True or False", lambda: ScaleRule(rounds_first="no")),
        ("granularity: expected PerTensor, .* got 32", lambda: nf.ScaledFormat(
            "f", UINT4, nf.float16, 32)),
        ("granularity: expected PerTensor", lambda: nf.ScaledFormat(
            "f", UINT4, nf.float16, nf.PerBlock)),
        ("name: expected a str", lambda: nf.ScaledFormat(3, UINT4, nf.float16)),
        ("x: nan at index .2,. is NaN; the scales of f have no code", lambda: nf.quantize(
            [1.0, 2.0, np.nan], nf.ScaledFormat("f", UINT4, nf.float16, offset=BARE))),
        ("parts: .'more'.; mxfp4 has .'codes', 'scales'.", lambda: ScaledArray.unpack(
            {**nf.quantize([1.0], "mxfp4").pack(), "more": np.zeros(1, np.uint8)}, "mxfp4", 1)),
        ("parts.'scales'.: ", lambda: ScaledArray.unpack(
            {**nf.quantize([1.0], "mxfp4").pack(), "scales": np.zeros(9, np.uint8)}, "mxfp4", 1)),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(message: str, call: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        call()


def test_a_single_number_is_its_own_part() -> None:
    q = nf.quantize(1.5, "mxfp4")
    assert q[()].dequantize() == q.dequantize() == 1.5
    assert ScaledArray.unpack(nf.quantize([1.0, 2.0], "mxfp4").pack(), "mxfp4", 2).shape == (2,)


@pytest.mark.parametrize(
    "about",
    [
        None,
        "{}",
        "[]",
        "3",
        "no json",
        '{"format": "mxfp4"}',
        '{"format": "mxfp4", "shape": 3, "axis": null}',
    ],
)
def test_files_of_others_are_refused(tmp_path: Path, about: str | None) -> None:
    from safetensors.numpy import save_file

    path = tmp_path / "q.safetensors"
    metadata = None if about is None else {"numformats": about}
    save_file({"codes": np.zeros(16, np.uint8)}, path, metadata=metadata)
    with pytest.raises(ValueError, match=r"was not written by ScaledArray\.save"):
        ScaledArray.load(path)
    path.write_bytes(b"\xff" * 20)
    with pytest.raises(ValueError, match=r"was not written by ScaledArray\.save"):
        ScaledArray.load(path)


def test_a_search_in_one_long_block_that_is_cut_off() -> None:
    x = np.random.default_rng(2).standard_normal(50_000).astype(np.float32)
    fmt = nf.ScaledFormat("long", nf.get_format("int4"), nf.float16, nf.PerBlock(40_000))
    whole = nf.quantize(x, fmt, scale_rule="mse")
    for part, scale in zip((x[:40_000], x[40_000:]), whole.scales, strict=True):
        assert nf.quantize(part, fmt, scale_rule="mse").scales == scale


def test_odd_numbers_warn_of_nothing() -> None:
    nf.quantize(np.float64([1.79e308]), "mxfp4", scale_rule="even")
    signaling = np.array([0x7D00, 0x3C00], np.uint16).view(np.float16)
    for name in ("mxfp4", "int4_g32_asym", "q4_1", "nvfp4"):
        for dtype in ("f2", "f8"):
            x = np.array([0x7FF4 << 48, 0x3FF << 52], np.uint64).view("f8")
            q = nf.quantize(signaling if dtype == "f2" else x, name)
            assert np.isnan(q.dequantize()).all()


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ml_dtypes.bfloat16])
@pytest.mark.parametrize("name", nf.list_scaled_formats())
def test_a_tile_with_nan_of_either_sign_is_the_one_nan_without_sign(name: str, dtype: Any) -> None:
    for numbers in ((1, -np.nan), (np.nan, -np.nan, 3), (-np.inf, 2, -np.nan), (-np.nan, -2, -1)):
        x = np.resize(np.array(numbers), (1, 64)).astype(dtype)
        q, positive = nf.quantize(x, name), nf.quantize(np.abs(x), name)
        values = q.dequantize()
        assert np.isnan(values).all()
        assert not np.signbit(values).any()
        assert not np.signbit(q.scale_values()).any()
        assert q.codes.tobytes() == positive.codes.tobytes()
        assert q.scales.tobytes() == positive.scales.tobytes()


@pytest.mark.parametrize("name", nf.list_scaled_formats())
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ml_dtypes.bfloat16])
def test_a_finite_number_stays_finite(name: str, dtype: Any) -> None:
    most = float(ml_dtypes.finfo(dtype).max)
    into = "f4" if dtype == "f8" else dtype
    for numbers in ((-most,), (most, 1.0), (-most, most), (0.999 * most, 0.0, -1.0)):
        x = np.resize(np.array(numbers), (2, 64)).astype(dtype)
        back = nf.quantize(x, name).dequantize(into)
        assert np.isfinite(back.astype(np.float64)).all()


def test_what_is_infinite_stays_infinite() -> None:
    fmt = nf.ScaledFormat("inf", nf.float8_e5m2, FLOAT32, nf.PerBlock(4))
    x = np.float32([np.inf, 3e38, -np.inf, 1])
    q = nf.quantize(x, fmt, saturation="propagate")
    np.testing.assert_array_equal(np.isinf(q.dequantize()), np.isinf(x))


def test_mxint8_of_the_largest_magnitude() -> None:
    q = nf.quantize(np.float32([-3.4e38]), "mxint8")
    assert q.dequantize() == -np.finfo(np.float32).max
    assert q.dequantize(np.float64) == -(2.0**128)


@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        (nf.FloatFormat("far_up", 3, 2, bias=-126), 1),  # 1 would be zero
        (nf.FloatFormat("far_down", 3, 2, bias=130), 0b01111_0 - 3),  # 1 would be infinity
        (nf.float8_e4m3fn, 0x38),
    ],
)
def test_the_scale_of_zeros_is_the_positive_one_next_to_one(
    scale: nf.FloatFormat, expected: int
) -> None:
    q = nf.quantize(np.zeros(4, "f4"), nf.ScaledFormat("z", E2M1, scale, nf.PerBlock(4)))
    assert q.scales == expected
    assert exact.decode(expected, scale) > 0
    np.testing.assert_array_equal(q.dequantize(np.float64), np.zeros(4))


@pytest.mark.parametrize("name", ["float16", "float32", "bfloat16"])
def test_elements_that_numpy_has_are_codes_all_the_same(name: str, tmp_path: Path) -> None:
    x = np.float32([1.0, -0.1, 3e4])
    q = nf.quantize(x, name)
    assert q.codes.dtype.kind == "u"
    np.testing.assert_allclose(q.dequantize(), x, rtol=2**-7)
    again = nf.ScaledArray.unpack(q.pack(), q.format, 3)
    np.testing.assert_array_equal(again.codes, q.codes)


def test_scales_of_scales_beyond_float64_are_refused() -> None:
    tiny = nf.FloatFormat("tiny", 4, 2, bias=900)
    with pytest.raises(ValueError, match="products of tiny and tiny are out of the range"):
        nf.ScaledFormat("twice", E2M1, nf.ScaledFormat("s", tiny, tiny))
    # Largest magnitudes would be divided by a product that is zero in float64.
    small, large = nf.FloatFormat("small", 3, 2, bias=900), nf.FloatFormat("large", 3, 2, bias=-200)
    with pytest.raises(ValueError, match="products of small and tiny are out of the range"):
        nf.ScaledFormat("twice", small, nf.ScaledFormat("s", large, tiny))


def test_scales_of_too_many_bits_for_a_table_and_a_kernel() -> None:
    # Its smallest values are below those that the decoding kernel counts from.
    scale = nf.FloatFormat("wide", 11, 7, bias=1030)
    fmt = nf.ScaledFormat("own", E2M1, scale, nf.PerBlock(4))
    x = np.float32([1, 2, 3, 6])
    np.testing.assert_array_equal(nf.quantize(x, fmt).dequantize(), x)


def test_quotients_next_to_a_value_of_a_codebook_are_on_their_side_of_it() -> None:
    # The values are -2 + v, -v, v and 2 - v: of many bits, and the boundaries between them of one.
    scale, bits = 2**24 - 5, 40
    numerator = pow(scale, -1, 2**bits)  # times the scale, it is 1 above a multiple of 2**bits
    number, value = (numerator * scale - 1) >> bits, numerator / 2**bits
    table = nf.TableFormat("t", (value - 2, -value, value, 2 - value))
    rule = ScaleRule(largest=scale * (2 - value))
    q = nf.quantize(
        np.float32([number]), nf.ScaledFormat("t", table, FLOAT32), scale_rule=rule, rounding="rtz"
    )
    assert q.scales == scale
    assert q.codes[0] == exact.project(Fraction(number, scale), table, "toward_zero", "finite") == 1


@pytest.mark.parametrize("name", ["int8_tensor", "int4_g32", "q8_0"])
def test_infinity_does_not_wrap(name: str) -> None:
    x = np.float32([1.0, 2.0, -np.inf, 4.0])
    with pytest.raises(
        ValueError, match=r"x: -inf at index \(2,\) is infinite; it has no low bits"
    ):
        nf.quantize(x, name, saturation="wrap")
    nf.quantize(x[:2], name, saturation="wrap")


@pytest.mark.parametrize("rule", ["absmax", "percentile", "mse"])
def test_nothing_at_all_has_no_scales(rule: str) -> None:
    for name in ("mxfp4", "nvfp4", "int4_g32_asym", "q4_1", "fp8_e4m3_128x128"):
        q = nf.quantize(np.zeros((0, 4), np.float32), name, scale_rule=rule)
        assert q.dequantize().shape == (0, 4)
