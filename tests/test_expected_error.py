"""Expected errors, beside numeric integration, what is drawn, and the tables of the field."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import numformats as nf
from numformats.analysis import (
    Histogram,
    Laplace,
    Normal,
    StudentT,
    Uniform,
    beside_expected,
    best_format,
    best_scale,
    compare,
    expected_error,
    lloyd_max,
)

DISTRIBUTIONS = [
    Normal(),
    Normal(0.3, 2.0),
    Laplace(),
    Laplace(-0.2, 0.7),
    Uniform(),
    Uniform(-0.7, 2.9),
    StudentT(),
    StudentT(2.5),
    Histogram([1, 5, 0, 2], [-2.0, -0.5, 0.1, 0.6, 3.0]),
]
MODES = [
    "nearest_even",
    "nearest_zero",
    "toward_zero",
    "away_from_zero",
    "toward_negative",
    "to_odd",
]


def textbook_density(distribution: Any) -> Any:
    """A density of SciPy's, by its own parameters."""
    stats = pytest.importorskip("scipy.stats")
    match distribution:
        case Normal(mean, deviation):
            return stats.norm(mean, deviation)
        case Laplace(mean, scale):
            return stats.laplace(mean, scale)
        case Uniform(low, high):
            return stats.uniform(low, high - low)
        case StudentT(degrees):
            return stats.t(degrees)
        case Histogram():
            pair = np.array(distribution.counts), np.array(distribution.edges)
            return stats.rv_histogram(pair, density=False)
    raise AssertionError(distribution)


def integrated(fmt: nf.Format, source: Any, scale: float, mode: str) -> tuple[float, float]:
    """The mean squared error and the mean error by SciPy, over pieces between all decision points,
    which are found without our own cells: the values and the means of neighbours.
    """
    integrate = pytest.importorskip("scipy.integrate")
    values = np.unique([v for v in fmt.values() if math.isfinite(v)])
    points = np.union1d(values, (values[:-1] + values[1:]) / 2) * scale
    kinks = source.panels if isinstance(source, Histogram | Uniform) else [source_middle(source)]
    ends = np.union1d(points, kinks)
    density = textbook_density(source).pdf

    def part(low: float, high: float) -> tuple[float, float]:
        middle = (max(low, high - 2) + min(high, low + 2)) / 2
        y = float(fmt.round(middle / scale, mode, "finite")) * scale
        options = {"epsabs": 1e-16, "epsrel": 1e-13, "limit": 400}
        square, _ = integrate.quad(lambda x: (x - y) ** 2 * density(x), low, high, **options)
        bias, _ = integrate.quad(lambda x: (y - x) * density(x), low, high, **options)
        return square, bias

    whole = [-math.inf, *ends.tolist(), math.inf]
    found = [part(low, high) for low, high in pairwise(whole)]
    return math.fsum(square for square, _ in found), math.fsum(bias for _, bias in found)


def source_middle(source: Any) -> float:
    return float(getattr(source, "mean", 0.0))


@pytest.mark.filterwarnings("ignore::scipy.integrate.IntegrationWarning")
@pytest.mark.parametrize("source", DISTRIBUTIONS, ids=repr)
@pytest.mark.parametrize("name", ["float4_e2m1fn", "int4", "uint3", "binary6p3se"])
def test_numeric_integration_finds_the_same(source: Any, name: str) -> None:
    fmt = nf.get_format(name) if name != "uint3" else nf.IntFormat("uint3", 3, signed=False)
    for scale, mode in ((0.11, "nearest_even"), (0.5, "toward_negative"), (0.3, "to_odd")):
        found = expected_error(fmt, source, scale=scale, rounding=mode)
        noise, bias = integrated(fmt, source, scale, mode)
        assert found.noise == pytest.approx(noise, rel=1e-10, abs=1e-13)
        assert found.mean_error == pytest.approx(bias, rel=1e-8, abs=1e-10)
    assert found.signal == pytest.approx(textbook_density(source).moment(2), rel=1e-9)


def test_uniform_numbers_over_whole_steps_have_a_twelfth_of_the_square_of_a_step() -> None:
    found = expected_error("int8", Uniform(-128, 127))
    assert found.noise == pytest.approx(1 / 12, rel=1e-13)
    assert expected_error("int8", Uniform(-128, 127), rounding="toward_zero").noise == (
        pytest.approx(1 / 3, rel=1e-13)
    )
    # Stochastic: f (1 - f) on the average.
    assert expected_error("int8", Uniform(-128, 127), rounding="stochastic").noise == (
        pytest.approx(1 / 6, rel=1e-9)
    )


@pytest.mark.parametrize(
    "name",
    ["e4m3fn", "int4", "float4_e2m1fn", "posit8", "takum8", "log_takum8", "hifloat8", "nf4_values",
     "binary8p3se", "float8_e8m0fnu", "float16", "bfloat16"],
)  # fmt: skip
@pytest.mark.parametrize(
    "mode", [*MODES, nf.Stochastic(3, "A"), nf.Stochastic(3, "B"), nf.Stochastic(3, "C"),
             "stochastic", "stochastic_equal"], ids=str,
)  # fmt: skip
def test_numbers_that_are_drawn_have_about_this_error(name: str, mode: Any) -> None:
    table = (-1.0, -0.7, -0.53, -0.39, -0.28, -0.18, -0.09, 0.0)
    fmt = nf.TableFormat("table", table) if name == "nf4_values" else nf.get_format(name)
    source = Normal(0.1, 1.0) if fmt.signed else Uniform(0.01, 3.0)
    scale = 0.23
    expected = expected_error(fmt, source, scale=scale, rounding=mode)
    x = source.draw(np.random.default_rng(2), (200_000,))
    y = fmt.round(x / scale, mode, "finite", rng=3) * scale
    error, root = y - x, math.sqrt(x.size)
    square = error * error
    # Five standard errors: in one of two million such tests they are passed by chance.
    assert abs(square.mean() - expected.noise) <= 5 * square.std() / root + 1e-15
    assert abs(error.mean() - expected.mean_error) <= 5 * error.std() / root + 1e-15
    assert abs((y == 0).mean() - expected.zeroed) <= 5 * math.sqrt(expected.zeroed / x.size) + 1e-4
    beyond = (x > fmt.max * scale) | (x < fmt.min * scale)
    assert abs(beyond.mean() - expected.overflowed) <= 0.005


def test_parts_of_the_noise_are_those_that_compare_measures() -> None:
    x = Normal().draw(np.random.default_rng(0), (400_000,))
    row = compare(x, ["float4_e2m1fn"], saturation="finite").rows[1]
    found = expected_error("float4_e2m1fn", "normal", saturation="finite")
    assert row.scaling == "none"
    clipping, rounding, underflow = row.stats.noise_shares
    assert found.underflow_noise / found.noise == pytest.approx(underflow, rel=0.02)
    assert found.clipping_noise / found.noise == pytest.approx(clipping, abs=1e-6)
    assert found.rounding_noise / found.noise == pytest.approx(rounding, rel=0.02)
    assert found.sqnr_db == pytest.approx(row.stats.sqnr_db, abs=0.02)


def test_expected_beside_measured() -> None:
    formats = ["float4_e2m1fn", "int8", "mxfp4", "float32"]
    x = 0.7 * np.random.default_rng(1).standard_normal((128, 256))
    plain = compare(x, formats, saturation="finite")
    found = beside_expected(plain, formats, saturation="finite")
    assert "normal dB" not in str(plain)
    assert "normal dB" in str(found)
    for row in found.rows:
        if row.format == "float32":
            assert math.isnan(row.expected_db)
        else:
            assert row.expected_db == pytest.approx(row.stats.sqnr_db, abs=0.1)
    # Of two tensors, noises add up as signals do.
    twice = beside_expected(compare(2 * x, formats, saturation="finite"), formats)
    merged = found.merge(twice).rows[1]
    noises = [r.stats.signal * 10 ** (-r.expected_db / 10) for r in (found.rows[1], twice.rows[1])]
    signals = found.rows[1].stats.signal + twice.rows[1].stats.signal
    assert merged.expected_db == pytest.approx(10 * math.log10(signals / sum(noises)))
    with pytest.raises(ValueError, match="formats: float4_e2m1fn is compared"):
        beside_expected(plain, formats[1:])


def test_a_number_that_may_become_infinite_makes_the_error_infinite() -> None:
    found = expected_error("float8_e5m2", "student_t", scale=1e-4, saturation="none")
    assert found.noise == math.inf
    assert found.sqnr_db == -math.inf
    assert math.isnan(found.rounding_noise)
    # And one that cannot does not.
    assert math.isfinite(expected_error("float8_e5m2", Uniform(), saturation="none").noise)
    for mode in ("stochastic", "stochastic_equal", "toward_positive"):
        fmt = nf.float8_e5m2
        above = Uniform(fmt.max, fmt.max * 1.01)
        assert expected_error(fmt, above, rounding=mode, saturation="none").noise == math.inf


def test_scaled_formats_are_measured_on_drawn_numbers() -> None:
    found = expected_error("mxfp4", "normal")
    assert 0 < found.standard_error < 0.01 * found.noise
    x = Normal().draw(np.random.default_rng(9), (256, 2048))
    again = np.mean((nf.quantize(x, "mxfp4").dequantize() - x) ** 2)
    assert abs(again - found.noise) < 6 * found.standard_error


def test_codebooks_are_those_of_the_tables() -> None:
    # J. Max (1960), Table I, to the digits that later tables agree on.
    for bits, noise in ((1, 0.3634), (2, 0.1175), (3, 0.03454), (5, 0.002505)):
        assert lloyd_max("normal", bits).noise == pytest.approx(noise, rel=4e-4)
    assert lloyd_max("normal", 1).values == pytest.approx(
        [-math.sqrt(2 / math.pi), math.sqrt(2 / math.pi)], rel=1e-12
    )
    # Uniform numbers: even steps, and 6.02 dB a bit.
    for bits in (1, 4, 8):
        book = lloyd_max("uniform", bits)
        assert np.diff(book.values) == pytest.approx(2 / 2**bits)
        assert book.sqnr_db == pytest.approx(20 * bits * math.log10(2))


@pytest.mark.parametrize("source", ["normal", "laplace", "student_t"])
def test_no_format_does_better_than_the_codebook_and_it_meets_its_conditions(source: str) -> None:
    book = lloyd_max(source, 4)
    fmt = nf.TableFormat("book", tuple(book.values.tolist()))
    assert expected_error(fmt, source).noise == pytest.approx(book.noise, rel=1e-9)
    assert best_scale(source, fmt).sqnr_db == pytest.approx(book.sqnr_db, abs=1e-6)
    for found in best_format(source, 4):
        assert found.sqnr_db < book.sqnr_db
    for name in ("int4", "float4_e2m1fn"):
        assert best_scale(source, name).sqnr_db < book.sqnr_db
    # No value can be moved for the better.
    for place in range(16):
        for move in (-1e-3, 1e-3):
            moved = book.values.copy()
            moved[place] += move
            other = nf.TableFormat("moved", tuple(moved.tolist()))
            assert expected_error(other, source).noise > book.noise


def test_the_best_scale_is_better_than_those_around_it() -> None:
    for name in ("int4", "float4_e2m1fn", "e4m3fn", "posit8"):
        found = best_scale("laplace", name)
        best = expected_error(name, "laplace", scale=found.scale)
        assert best.sqnr_db == pytest.approx(found.sqnr_db, abs=1e-9)
        for octave in np.linspace(-3, 3, 97):
            other = expected_error(name, "laplace", scale=found.scale * 2**octave)
            assert best.noise <= other.noise * (1 + 1e-6)


def test_the_best_scale_of_numbers_at_hand() -> None:
    x = np.random.default_rng(4).laplace(size=(40, 50)).astype(np.float32)
    x[3, 4], x[0, 0] = np.nan, np.inf
    finite = x[np.isfinite(x)].astype(np.float64)
    for name in ("int4", "float4_e2m1fn", "binary8p4se"):
        fmt = nf.get_format(name)

        def noise(scale: float, fmt: Any = fmt) -> float:
            y = fmt.round(finite / scale, saturation="finite") * scale
            return float(np.mean((y - finite) ** 2))

        found = best_scale(x, name)
        decibels = 10 * math.log10(np.mean(finite**2) / noise(found.scale))
        assert found.sqnr_db == pytest.approx(decibels, abs=1e-6)
        tried = [noise(found.scale * 2**octave) for octave in np.linspace(-2, 2, 81)]
        assert noise(found.scale) <= min(tried) * 1.01
    # Many of them are like their distribution.
    many = np.random.default_rng(5).standard_normal(100_000)
    assert best_scale(many, "int4").clip == pytest.approx(
        best_scale("normal", "int4").clip, abs=0.05
    )


def test_the_best_split_of_bits() -> None:
    # Light tails want more significand, heavy ones more exponent.
    assert best_format("uniform", 4)[0].format.name == "e1m2"
    assert best_format("normal", 4)[0].format.name == "e2m1"
    assert best_format("normal", 8)[0].format.name == "e2m5"
    assert best_format(StudentT(3.0), 8)[0].format.exponent_bits > 2
    found = best_format("normal", 6)
    assert [each.sqnr_db for each in found] == sorted((f.sqnr_db for f in found), reverse=True)
    assert {each.format.name for each in found} == {"e1m4", "e2m3", "e3m2", "e4m1", "e5m0"}


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: expected_error("e4m3fn", "gauss"), ValueError, "distribution: unknown 'gauss'"),
        (lambda: expected_error("e4m3fn", 3), TypeError, "distribution: expected a name"),
        (lambda: expected_error("float32"), ValueError, "float32 has 32 bits"),
        (lambda: expected_error("e4m3fn", scale=0), ValueError, "scale: 0"),
        (lambda: expected_error("e4m3fn", scale="1"), TypeError, "scale: expected"),
        (lambda: expected_error("mxfp4", scale=2), ValueError, "mxfp4 has scales of its own"),
        (lambda: expected_error("int8", saturation="wrap"), ValueError, "'wrap' makes errors"),
        (lambda: StudentT(2), ValueError, "the mean of the squares is infinite"),
        (lambda: Normal(0, -1), ValueError, "deviation: -1"),
        (lambda: Uniform(1, 1), ValueError, "expected low < high"),
        (lambda: Histogram([1, 2], [0, 1]), ValueError, "expected n and n"),
        (lambda: Histogram([1, -2], [0, 1, 2]), ValueError, "none negative"),
        (lambda: Histogram([1, 2], [0, 2, 1]), ValueError, "that ascend"),
        (lambda: best_scale([0.0, np.nan], "int8"), ValueError, "no finite number but zero"),
        (lambda: best_format("normal", 17), ValueError, "budget_bits: 17"),
        (lambda: lloyd_max("normal", 0), ValueError, "bits: 0"),
    ],
)
def test_what_makes_no_sense_is_refused(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words.replace("(", r"\(")):
        call()
