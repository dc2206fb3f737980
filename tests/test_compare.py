"""Error figures and the comparison of formats."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from decision_points import DETERMINISTIC
from hypothesis import given
from hypothesis import strategies as st

import numformats as nf
from numformats.analysis import DEFAULT_FORMATS, ErrorStats, LogHistogram, measure
from numformats.analysis.asking import absmax_scale
from numformats.analysis.results import FIGURES
from numformats.error_free import quotient_to_odd

F = nf.float8_e4m3fn


def test_figures_equal_their_definitions() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal(5000) * 2.0 ** rng.integers(-14, 12, 5000)
    y = F.round(x, saturation="finite")
    stats = measure(x, y, F)
    error = y - x
    assert stats.finite == 5000
    assert stats.sqnr_db == pytest.approx(10 * np.log10(np.sum(x**2) / np.sum(error**2)))
    assert stats.max_absolute_error == np.abs(error).max()
    assert stats.mean_absolute_error == pytest.approx(np.abs(error).mean())
    assert stats.mean_error == pytest.approx(error.mean())
    normal = (np.abs(x) >= 2.0**-6) & (np.abs(x) <= 448)
    assert stats.max_relative_error == np.abs(error / x)[normal].max() <= 1 / 16
    assert stats.overflowed_share == np.mean(np.abs(x) > 448) > 0
    assert stats.zeroed_share == np.mean((y == 0) & (x != 0)) > 0
    assert stats.subnormal_share == np.mean((y != 0) & (np.abs(y) < 2.0**-6)) > 0
    cosine = np.dot(x, y) / (np.linalg.norm(x) * np.linalg.norm(y))
    assert stats.cosine == pytest.approx(cosine)
    noise = np.sum(error**2)
    clipping, rounding, underflow = stats.noise_shares
    assert clipping == pytest.approx(np.sum(error[np.abs(x) > 448] ** 2) / noise)
    assert underflow == pytest.approx(np.sum(error[y == 0] ** 2) / noise)
    assert clipping + rounding + underflow == pytest.approx(1)
    relative = np.sort(np.abs(error / x))
    for percent in (50, 99, 99.9, 100):
        exact = relative[math.ceil(percent / 100 * 5000) - 1]
        assert exact * (1 - 1 / 128) <= stats.relative_errors.percentile(percent) <= exact


def test_percentiles_of_all_sizes() -> None:
    ends = [0.0, 5e-324, 2.0**-64, 2.0**-63, 1.0, 2.0**63, 1e300, math.inf]
    histogram = LogHistogram.of(np.array(ends))
    found = [histogram.percentile(100 * k / 8) for k in range(1, 9)]
    top = 2.0**64 * (1 - 2.0**-8)
    assert found == [0, 2.0**-64, 2.0**-64, 2.0**-63, 1, 2.0**63, top, math.inf]
    assert math.isnan(LogHistogram().percentile(50))
    assert histogram == LogHistogram.of(np.array(ends[:3])).merge(
        LogHistogram.of(np.array(ends[3:]))
    )
    assert hash(histogram) != hash(LogHistogram())


def test_cosine_and_shares_without_meaning_are_nan() -> None:
    zero = np.zeros(3)
    assert math.isnan(measure(zero, zero, F).cosine)
    assert all(map(math.isnan, measure(zero, zero, F).noise_shares))
    lost = measure(np.array([1.0]), np.array([math.nan]), F)
    assert math.isnan(lost.cosine)
    assert all(map(math.isnan, lost.noise_shares))


def test_channels_have_their_own_ratio() -> None:
    x = np.random.default_rng(1).standard_normal((7, 300))
    x[2] *= 1e-3
    x[4] = 0
    x[5, 3] = math.nan
    rows = nf.compare(x, ["int8", "int8_channel", "nvfp4"], by_channel=True, rounding="rtz").rows
    for row in rows:
        assert row.channels is not None
        for c in (0, 1, 2, 3, 6):
            fmt = row.format
            if row.scaling == "blocks":
                y = nf.quantize(np.nan_to_num(x), fmt, rounding="rtz").dequantize("f8")[c]
            else:
                y = nf.int8.round(x[c] / row.scale, "rtz").astype("f8") * row.scale
            expected = 10 * np.log10(np.sum(x[c] ** 2) / np.sum((y - x[c]) ** 2))
            assert row.channels[c] == pytest.approx(expected)
        assert math.isnan(row.channels[4])
        assert len(row.worst_channels(10)) == 6
    assert [channel for channel, _ in rows[0].worst_channels(1)] == [2]
    with pytest.raises(ValueError, match="by_channel: "):
        nf.compare(x[0], by_channel=True)


def test_comparisons_of_parts_merge_into_that_of_the_whole() -> None:
    x = np.random.default_rng(1).standard_normal((40, 64))
    x[30, 2] = math.inf
    names = ["mxfp4", "int4_g32", nf.get_scaled_format("fp8_e4m3_channel")]
    whole = nf.compare(x, names)
    parts = nf.compare(x[:10], names).merge(nf.compare(x[10:], names))
    assert parts.infinite == whole.infinite == 1
    for a, b in zip(parts.rows, whole.rows, strict=True):
        assert a.values == b.values == x.size
        assert a.bits_per_value == pytest.approx(b.bits_per_value)
        assert a.stats.sqnr_db == pytest.approx(b.stats.sqnr_db)
        assert a.stats.relative_errors == b.stats.relative_errors
    with pytest.raises(ValueError, match="other: "):
        whole.merge(nf.compare(x, ["mxfp8_e4m3", "int4_g32", "nf4"]))
    with pytest.raises(ValueError, match="other: 2 rows; expected 3, as here"):
        whole.merge(nf.compare(x, names[:2]))


def test_rows_in_order_and_the_best_within_a_budget() -> None:
    x = np.random.default_rng(1).standard_normal((64, 64))
    comparison = nf.compare(x, ["int8", "int4_g32", "mxfp4", "nvfp4", "mxfp8_e4m3"])
    ratios = [row.stats.sqnr_db for row in comparison.sorted().rows]
    assert ratios == sorted(ratios, reverse=True)
    bits = [row.bits_per_value for row in comparison.sorted("bits_per_value").rows]
    assert bits == sorted(bits)
    best = comparison.best(4.51)
    assert best is not None
    assert best.format == "nvfp4"
    assert comparison.best(3) is None
    with pytest.raises(ValueError, match="figure"):
        comparison.sorted("beauty")
    best = comparison.best(math.inf)
    assert best is not None
    assert best.stats.sqnr_db == max(ratios)
    for bits in (math.nan, -3, 0, -math.inf):
        with pytest.raises(ValueError, match=f"bits: {bits}; expected bits per value above 0"):
            comparison.best(bits)


def test_records_are_plain_and_have_the_same_keys() -> None:
    x = np.random.default_rng(1).standard_normal((6, 40)).astype(np.float32)
    x[0, :3] = [math.nan, math.inf, -math.inf]
    one = nf.compare(x, list(DEFAULT_FORMATS), by_channel=True)
    comparisons = [
        one,
        one.sorted("cosine"),
        one.merge(one).merge(one),
        nf.compare(np.float32(0), list(DEFAULT_FORMATS)),
        nf.compare([1e300, 1.0], list(DEFAULT_FORMATS)),
    ]
    keys = [*FIGURES, "nan", "infinite"]
    for comparison in comparisons:
        records = comparison.to_records()
        assert [list(record) for record in records] == [keys] * len(comparison.rows)
        for record, row in zip(records, comparison.rows, strict=True):
            assert type(record) is dict
            assert {type(record[key]) for key in ("format", "scaling")} == {str}
            assert {type(record[key]) for key in ("nan", "infinite")} == {int}
            assert {type(record[key]) for key in FIGURES[2:]} == {float}
            np.testing.assert_equal({key: record[key] for key in FIGURES}, row.figures())
        np.testing.assert_equal(json.loads(json.dumps(records)), records)
    assert [comparison.to_records()[0]["nan"] for comparison in comparisons] == [1, 1, 3, 0, 0]
    assert [comparison.to_records()[0]["infinite"] for comparison in comparisons] == [2, 2, 6, 0, 0]
    records = one.to_records()
    records[0]["format"] = "changed"
    assert one.to_records()[0]["format"] == DEFAULT_FORMATS[0]


def test_records_make_a_table_of_numpy() -> None:
    records = nf.compare([0.02, -0.7, 1.3], ["int8", "mxfp4"]).to_records()
    rows = [tuple(record.values()) for record in records]
    table = np.rec.fromrecords(rows, names=list(records[0]))
    assert table["format"].tolist() == ["int8", "int8", "mxfp4"]
    assert table["sqnr_db"].dtype == table["bits_per_value"].dtype == np.float64


@given(st.lists(st.floats(-1e6, 1e6), max_size=40), st.integers(0, 40))
def test_the_sums_of_parts_are_those_of_the_whole(values: list[float], cut: int) -> None:
    x = np.array(values)
    y = F.round(x)
    whole = measure(x, y, F)
    parts = measure(x[:cut], y[:cut], F).merge(measure(x[cut:], y[cut:], F))
    for name in ("finite", "overflowed", "zeroed", "subnormal", "max_absolute_error"):
        assert getattr(parts, name) == getattr(whole, name)
    np.testing.assert_equal(parts.max_relative_error, whole.max_relative_error)
    np.testing.assert_allclose(parts.noise, whole.noise)
    assert str(ErrorStats().merge(whole)) == str(whole)


def test_what_became_infinite_or_nan_is_an_infinite_error() -> None:
    x = np.array([1.0, 1e6])
    stats = measure(x, F.round(x), F)
    assert stats.sqnr_db == -math.inf
    assert stats.max_absolute_error == stats.mean_absolute_error == math.inf
    assert stats.overflowed == 1


def test_no_error_is_an_infinite_ratio() -> None:
    x = np.array([1.0, 2.0])
    assert measure(x, x, F).sqnr_db == math.inf
    assert math.isnan(ErrorStats().sqnr_db)
    assert math.isnan(ErrorStats().mean_error)


def test_rows_of_a_comparison() -> None:
    x = np.random.default_rng(0).standard_normal((100, 30)).astype(np.float32)
    comparison = nf.compare(x, [F, "int4"])
    assert [(row.format, row.scaling) for row in comparison.rows] == [
        ("float8_e4m3fn", "absmax"),
        ("float8_e4m3fn", "none"),
        ("int4", "absmax"),
        ("int4", "none"),
    ]
    scaled, plain = comparison.rows[:2]
    assert scaled.bits_per_value == 8 + 32 / 3000
    assert plain.bits_per_value == 8
    assert np.float32(scaled.scale) == scaled.scale
    wide = x.astype(np.float64)
    by_hand = F.round(wide / scaled.scale) * scaled.scale
    assert scaled.stats.max_absolute_error == np.abs(by_hand - wide).max()
    assert plain.stats.max_absolute_error == np.abs(F.round(wide) - wide).max()
    assert scaled.stats.overflowed == 0


def test_it_prints_as_a_table() -> None:
    comparison = nf.compare([0.5, math.nan, math.inf, -2.0], "int8")
    lines = str(comparison).splitlines()
    assert lines[0].split()[:3] == ["format", "scale", "bits"]
    assert len({len(line) for line in lines[1:3]}) == 1
    assert lines[3:] == [
        "1 NaN left out of the figures.",
        "1 infinite value left out of the figures.",
    ]
    assert repr(comparison) == str(comparison)
    assert comparison._repr_html_().count("<tr>") == 3


def test_chunks_do_not_show() -> None:
    x = np.random.default_rng(0).standard_normal(200_000)
    whole = nf.compare(x, ["float8_e4m3fn"], rounding="sr", rng=3)
    row = whole.rows[1]
    expected = F.round(x, "sr", rng=3)
    assert row.stats.max_absolute_error == np.abs(expected - x).max()
    assert row.stats.error_sum == pytest.approx(np.sum(expected - x), rel=1e-6)


def test_nan_does_not_move_the_random_bits_of_others() -> None:
    x = np.full(100, 1.03)
    x[50] = math.nan
    stats = nf.compare(x, ["float8_e4m3fn"], rounding="sr", rng=3).rows[1].stats
    expected = np.delete(F.round(x, "sr", rng=3) - x, 50)
    assert stats.error_sum == pytest.approx(expected.sum())
    assert stats.finite == 99


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i8", "u1"])
def test_every_dtype_and_layout_is_measured(dtype: str) -> None:
    x = np.arange(60).reshape(6, 10).astype(dtype)
    expected = nf.compare(x.astype("f8"))
    assert str(nf.compare(x[::-1, ::2][::-1])) == str(nf.compare(x[:, ::2].astype("f8")))
    assert str(nf.compare(x)) == str(expected)
    plain = [name for name in DEFAULT_FORMATS if name not in nf.list_scaled_formats()]
    assert len(expected.rows) == len(DEFAULT_FORMATS) + len(plain)


def test_zeros_and_extremes_have_a_scale() -> None:
    assert absmax_scale(0.0, F) == 1.0
    assert absmax_scale(1e-45, F) == 2.0**-149
    assert absmax_scale(1.7e308, F) == float(np.finfo(np.float32).max)
    assert nf.compare([0.0, 0.0], ["int8"]).rows[0].stats.sqnr_db == math.inf
    assert nf.compare([1.7e308, 1.0], ["int8"]).rows[0].stats.overflowed == 1
    assert nf.compare([-1.0, 0.0], ["int1"]).rows[0].stats.max_absolute_error == 0


@given(st.floats(1e-30, 1e30))
def test_the_scale_brings_the_largest_just_within(largest: float) -> None:
    scale = Fraction(absmax_scale(largest, F))
    assert Fraction(largest) / scale <= 448
    below = Fraction(float(np.nextafter(np.float32(scale), np.float32(0))))
    assert Fraction(largest) / below > 448


@given(
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e200, max_value=1e200),
    st.floats(2.0**-100, 2.0**100, width=32),
    st.sampled_from(DETERMINISTIC),
)
def test_a_scaled_value_is_rounded_once(x: float, scale: float, mode: Any) -> None:
    for fmt in (F, nf.float32, nf.get_format("int8")):
        got = fmt.encode(quotient_to_odd(np.array(x), scale), mode)
        if x == 0:
            continue
        assert got == nf.exact.project(Fraction(x) / Fraction(scale), fmt, mode)


def test_quotients_near_a_tie_are_rounded_once() -> None:
    # The quotient is a midpoint plus less than float64 can tell.
    scale = float(np.float32(1.1))
    tie = Fraction(17, 16) * Fraction(scale)
    for neighbour in (np.nextafter(float(tie), 9), np.nextafter(float(tie), 0), float(tie)):
        expected = nf.exact.project(Fraction(float(neighbour)) / Fraction(scale), F)
        assert F.encode(quotient_to_odd(np.array([neighbour]), scale))[0] == expected


def test_integers_are_projected_as_they_are() -> None:
    # Halfway between two bfloat16 numbers and one more, which float64 would lose.
    x = np.array([2**60 + 2**52 + 1])
    plain = nf.compare(x, ["bfloat16"]).rows[1]
    assert plain.stats.error_sum == float(2**60 + 2**53) - float(2**60 + 2**52)


def test_squares_too_small_for_float64_are_no_perfect_score() -> None:
    stats = nf.compare([1.1e-170, 3.3e-171], ["int4"]).rows[1].stats
    assert stats.zeroed == 2
    assert math.isnan(stats.sqnr_db)


@pytest.mark.parametrize("name", ["mxfp4", "nvfp4", "int4_g32_asym", "int8_channel", "nf4_dq"])
def test_a_scaled_format_has_a_row_of_its_own(name: str) -> None:
    x = np.random.default_rng(3).standard_normal((6, 70)).astype(np.float32)
    comparison = nf.compare(x, [name, "int8"])
    assert [row.scaling for row in comparison.rows] == ["blocks", "absmax", "none"]
    row = comparison.rows[0]
    q = nf.quantize(x, name)
    error = q.dequantize(np.float64) - x
    assert row.bits_per_value == q.bits_per_value
    assert row.stats.max_absolute_error == np.abs(error).max()
    assert np.isclose(
        row.stats.sqnr_db, 10 * np.log10(np.square(x, dtype=float).sum() / np.square(error).sum())
    )
    assert row.stats.zeroed == np.count_nonzero((q.dequantize() == 0) & (x != 0))
    by_draws = nf.compare(x, [name], rounding="sr", rng=4).rows[0].stats
    again = nf.quantize(x, name, rounding="sr", rng=4).dequantize(np.float64)
    assert by_draws.max_absolute_error == np.abs(again - x).max()


def test_specials_leave_the_scales_of_their_block_alone() -> None:
    x = np.random.default_rng(3).standard_normal((2, 64)).astype(np.float32)
    x[0, 3], x[1, 40] = np.nan, np.inf
    comparison = nf.compare(x, [nf.mxfp4])
    assert (comparison.nan, comparison.infinite) == (1, 1)
    stats = comparison.rows[0].stats
    assert stats.finite == 126
    assert np.isfinite(stats.noise)
    assert stats.sqnr_db > 15
    assert nf.compare(np.float32(3.0), ["mxfp8_e4m3"]).rows[0].stats.noise == 0


@pytest.mark.parametrize("special", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, ml_dtypes.bfloat16, np.float16])
def test_specials_are_left_out_as_if_they_were_not_there(special: float, dtype: Any) -> None:
    # All on one side of zero, so that formats with an offset would notice a zero in their place.
    x = (5 + np.random.default_rng(4).random(32)).astype(dtype)
    x[-1] = special
    names = [*nf.list_scaled_formats(), "int8", "float8_e4m3fn"]
    found, expected = nf.compare(x, names), nf.compare(x[:-1], names)
    assert (found.nan, found.infinite) == (math.isnan(special), math.isinf(special))
    for a, b in zip(found.rows, expected.rows, strict=True):
        assert (a.values, b.values) == (32, 31)
        np.testing.assert_equal(vars(a.stats), vars(b.stats), a.format)


@pytest.mark.parametrize("name", ["float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2"])
def test_nan_of_dtypes_without_infinity_is_left_out(name: str) -> None:
    x = (5 + np.arange(32) % 3).astype(getattr(ml_dtypes, name))
    x[-1] = math.nan
    for row, expected in zip(
        nf.compare(x, nf.list_scaled_formats()).rows,
        nf.compare(x[:-1], nf.list_scaled_formats()).rows,
        strict=True,
    ):
        np.testing.assert_equal(vars(row.stats), vars(expected.stats), row.format)


def test_nan_is_noted_where_it_costs_a_block() -> None:
    note = (
        "Those of `blocks` do not show that `quantize` makes NaN of all values that share a scale"
    )
    x = np.linspace(1, 2, 64, dtype=np.float32)
    assert nf.compare(x, ["mxfp4", "int8"]).notes() == []
    x[3] = math.inf
    assert len(nf.compare(x, ["mxfp4", "int8"]).notes()) == 1
    x[5] = math.nan
    assert not any(note in text for text in nf.compare(x, ["int8"]).notes())
    comparison = nf.compare(x, ["mxfp4", "mxfp8_e4m3", "nvfp4"])
    assert comparison.notes()[-1].startswith(note)
    assert note in str(comparison)
    assert note in comparison._repr_html_()
    lost = [np.isnan(nf.quantize(x, row.format).dequantize()).sum() for row in comparison.rows]
    assert lost == [32, 32, 64]
    assert all(row.stats.sqnr_db > 15 for row in comparison.rows)


@pytest.mark.parametrize("name", ["mxfp5", "fp8_e4m3_tile128"])
def test_names_that_are_none_say_the_way_out(name: str) -> None:
    with pytest.raises(ValueError, match=f"format: .*{name}"):
        nf.compare([1.0], name)


@pytest.mark.parametrize(
    "name", ["e4m3fn", "int8", "posit8", "float16", "bfloat16", "int4", "e5m2"]
)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64", "float16"])
@pytest.mark.parametrize("rounding", ["nearest_even", "toward_positive", "to_odd"])
def test_quotients_are_rounded_as_exact_ones(name: str, dtype: str, rounding: str) -> None:
    f = nf.get_format(name)
    # Near decision points times the scale, which is not a power of two.
    steps = np.unique(f.values()[np.abs(f.values()) < 1000])[-400:]
    points = np.concatenate([steps, (steps[1:] + steps[:-1]) / 2]) * np.float32(1.1)
    x = points.astype(np.dtype(getattr(ml_dtypes, dtype, dtype)))
    row = nf.compare(x, [f], rounding).rows[0]
    wide = x.astype(np.float64)
    rounded = np.array([
        float(nf.exact.decode(nf.exact.project(Fraction(v) / Fraction(row.scale), f, rounding), f))
        for v in wide.tolist()
    ])  # fmt: skip
    expected = measure(wide, rounded * row.scale, f, row.scale)
    assert row.stats.noise == pytest.approx(expected.noise, rel=1e-13)
    assert row.stats.max_absolute_error == expected.max_absolute_error
    assert row.stats.relative_errors == expected.relative_errors
