"""Scale rules that look at every number of a tile: percentiles and searches."""

from __future__ import annotations

import importlib
import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scaled_meaning import NVFP4, assert_same_bits, numbers, offset_meant, places, specials, stored

import numformats as nf
from numformats import exact
from numformats.scaled import RULES, ScaleRule
from numformats.scaled.rules import target_of


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


@pytest.mark.parametrize(
    "name", ["mxfp4", "nvfp4_single_level", "int4_g32", "nf4", "msfp12", "q8_0"]
)
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
        "nvfp4_single_level",
        "int4_g128",
        "fp8_e4m3_128x128",
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
