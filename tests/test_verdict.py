"""The answer for a checkpoint: against figures that are computed here, tensor by tensor."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import reduce

import numpy as np
import pytest

import numformats as nf
from numformats.analysis import Comparison, outlier_channel, verdict_on
from numformats.analysis.streaming import StreamedArray
from numformats.analysis.verdicts import BUDGETS, TensorFigures
from numformats.analysis.weights import stored_bits
from numformats.tensor_files.opening import TensorEntry

RNG = np.random.default_rng(3)
LOUD = RNG.standard_normal((32, 64)) * np.where(np.arange(64) == 7, 90, 1)
MODEL = {
    "plain": RNG.standard_normal((32, 64)),
    "loud": LOUD,
    "tails": RNG.standard_t(3, (16, 64)) * 0.1,
    "bias": RNG.standard_normal(16),
}
FORMATS = ["float16", "bfloat16", "float8_e4m3fn", "int8", "mxfp8_e4m3", "int4", "nvfp4", "nf4"]


def measured(model: dict[str, np.ndarray]) -> tuple[Comparison, list[TensorFigures]]:
    found = {name: nf.compare(x, FORMATS) for name, x in model.items()}
    kept = [
        TensorFigures.of(name, own, 32.0 * model[name].size, outlier_channel(model[name]))
        for name, own in found.items()
    ]
    return reduce(Comparison.merge, found.values()), kept


def rounded(x: np.ndarray, fmt: str, scaling: str) -> np.ndarray:
    if scaling == "none":
        return np.asarray(nf.get_format(fmt).round(x), np.float64)
    return nf.quantize(x, fmt).dequantize(np.float64)


def decibels(model: dict[str, np.ndarray], fmt: str, scaling: str) -> float:
    """The ratio of all tensors together, by rounding them."""
    noise = sum(np.sum((rounded(x, fmt, scaling) - x) ** 2) for x in model.values())
    return 10 * math.log10(sum(np.sum(x**2) for x in model.values()) / noise)


def bits(model: dict[str, np.ndarray], fmt: str, scaling: str) -> float:
    values = sum(x.size for x in model.values())
    if scaling == "none":
        return nf.get_format(fmt).bits
    return (
        sum(nf.quantize(x, fmt).format.bits_of(x.shape) * x.size for x in model.values()) / values
    )


def test_the_best_format_of_each_budget() -> None:
    verdict = verdict_on(*measured(MODEL))
    scaled = {"mxfp8_e4m3", "nvfp4", "nf4"}
    ways = [(f, s) for f in FORMATS for s in (["blocks"] if f in scaled else ["absmax", "none"])]
    level = {way: decibels(MODEL, *way) for way in ways}
    size = {way: bits(MODEL, *way) for way in ways}
    assert [answer.budget_bits for answer in verdict.answers] == [16.75, 8.75, 4.75]
    for answer in verdict.answers:
        within = [way for way in ways if size[way] <= answer.budget_bits]
        best = max(within, key=lambda way: level[way])
        assert (answer.format, answer.scaling) == best
        assert answer.sqnr_db == pytest.approx(level[best], abs=1e-6)
        assert answer.bits_per_value == pytest.approx(size[best])
        assert answer.nbytes == pytest.approx(size[best] * verdict.values / 8)
        assert answer.share == pytest.approx(size[best] / 32)
        assert answer.relative_error == pytest.approx(10 ** (-level[best] / 20), rel=1e-6)
        alone = {name: decibels({name: x}, *best) for name, x in MODEL.items()}
        assert answer.worst_tensor == min(alone, key=lambda name: alone[name])
        assert answer.worst_sqnr_db == pytest.approx(min(alone.values()), abs=1e-6)


def test_what_to_avoid_is_a_bit_behind_in_the_same_budget() -> None:
    verdict = verdict_on(*measured(MODEL))
    below = dict(zip(BUDGETS, [*BUDGETS[1:], 0.0], strict=True))
    scaled = {"mxfp8_e4m3", "nvfp4", "nf4"}
    for answer in verdict.answers:
        expected = set()
        for fmt in FORMATS:
            ways = ["blocks"] if fmt in scaled else ["absmax", "none"]
            sizes = {way: bits(MODEL, fmt, way) for way in ways}
            low = below[answer.budget_bits]
            ways = [way for way in ways if low < sizes[way] <= answer.budget_bits]
            levels = [decibels(MODEL, fmt, way) for way in ways]
            if levels and max(levels) < min(answer.sqnr_db - 20 * math.log10(2), 40):
                expected.add(fmt)
        assert {each.format for each in answer.avoided} == expected
        for each in answer.avoided:
            assert each.behind_db == pytest.approx(answer.sqnr_db - each.sqnr_db)
    assert any(answer.avoided for answer in verdict.answers)


def test_why_a_format_is_to_be_avoided() -> None:
    verdict = verdict_on(*measured(MODEL))
    reasons = {each.format: each.reason for a in verdict.answers for each in a.avoided}
    alone = verdict_on(*measured({"plain": MODEL["plain"]}))
    plain = {each.format: each.reason for a in alone.answers for each in a.avoided}
    assert plain["float8_e4m3fn"] == "too few significand bits"
    assert "bfloat16" not in reasons  # far behind float16, and yet close to the values
    # One scale follows the loud channel, and most values of its tensor become 0.
    assert "underflow" in reasons["int4"]
    assert "loud, channel 7 of axis 1" in reasons["int4"]
    name, channel = verdict.outliers[0]
    assert (name, channel.axis, channel.index) == ("loud", 1, 7)


def test_values_that_overflow_and_clip_are_told_of() -> None:
    wide = {"wide": np.concatenate([np.full(60, 1e5), np.ones(4)]).reshape(4, 16)}
    formats = ["float16", "bfloat16"]
    found = nf.compare(wide["wide"], formats)
    only = Comparison(tuple(row for row in found.rows if row.scaling == "none"), 0, 0)
    own = TensorFigures.of("wide", only, math.nan, None)
    (answer,) = verdict_on(only, [own]).answers
    assert answer.format == "bfloat16"
    assert math.isnan(answer.share)
    (avoided,) = answer.avoided
    assert avoided.sqnr_db == -math.inf
    assert avoided.reason == "60 values overflow, and become infinite or NaN"
    clipped = nf.compare(wide["wide"], formats, saturation="finite")
    only = Comparison(tuple(row for row in clipped.rows if row.scaling == "none"), 0, 0)
    (answer,) = verdict_on(only, [TensorFigures.of("wide", only, math.nan, None)]).answers
    assert "clipping (100% of the noise)" in answer.avoided[0].reason


def test_a_budget_of_ones_own_and_one_that_nothing_is_within() -> None:
    whole, kept = measured(MODEL)
    (answer,) = verdict_on(whole, kept, (4.6,)).answers
    best = whole.best(4.6)
    assert best is not None
    assert answer.format == best.format
    assert verdict_on(whole, kept, (1.0,)).answers == ()
    (answer,) = verdict_on(whole, kept, (math.inf,)).answers
    assert answer.format == "float16"


def test_tensors_of_zeros_have_no_worst_one() -> None:
    x = np.zeros((4, 32))
    found = nf.compare(x, ["int8", "nvfp4"])
    verdict = verdict_on(found, [TensorFigures.of("a", found, 32 * 128, outlier_channel(x))])
    assert all(answer.sqnr_db == math.inf for answer in verdict.answers)
    assert all(not answer.avoided for answer in verdict.answers)
    assert verdict.answers[0].relative_error == 0


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shape", [(16, 32), (16, 32, 3, 3), (512, 128)])
def test_the_loudest_channel(axis: int, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).uniform(-1, 1, shape)
    assert outlier_channel(x) is None
    x[(slice(None),) * axis + (5,)] *= 30
    found = outlier_channel(x)
    assert found is not None
    largest = np.abs(x).max(axis=tuple(n for n in range(x.ndim) if n != axis))
    assert (found.axis, found.index) == (axis, 5)
    assert found.ratio == pytest.approx(largest[5] / np.median(largest))
    for other in (x.astype(np.float32), np.asfortranarray(x), x[::-1][::-1]):
        assert replace(outlier_channel(other), ratio=0.0) == replace(found, ratio=0.0)  # type: ignore[type-var]
    flat = x.ravel()
    streamed = StreamedArray(x.shape, x.dtype, lambda start, stop: flat[start:stop])
    assert outlier_channel(streamed) == found


def test_what_is_not_finite_and_channels_of_zeros_do_not_stand_out() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (16, 32))
    x[3, 4], x[2, 2] = np.inf, np.nan
    assert outlier_channel(x) is None
    x[5:] = 0
    assert outlier_channel(x) is None
    assert outlier_channel(np.zeros((16, 16))) is None
    assert outlier_channel(np.arange(100.0)) is None
    assert outlier_channel(np.diag(np.arange(1.0, 5))) is None  # too few to tell


@pytest.mark.parametrize(
    ("dtype", "per_value"),
    [
        *[("float32", 32), ("bfloat16", 16), ("float64", 64), ("int64", 64), ("bool", 8)],
        *[("float4_e2m1fn", 4), ("float8_e8m0fnu", 8), ("Q4_0", 4.5), ("whatever", math.nan)],
    ],
)
def test_what_tensors_are_stored_in(dtype: str, per_value: float) -> None:
    entry = TensorEntry("w", dtype, (4, 64), lambda: np.empty(0))
    assert stored_bits(entry) == pytest.approx(256 * per_value, nan_ok=True)
