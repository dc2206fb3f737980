"""Stochastic rounding: P3109's A, B and C with given bits, and seeded draws."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from decision_points import decision_points

import numformats as nf
from numformats.codec.random_bits import draw, key_of, threefry2x32

pytestmark = pytest.mark.usefixtures("both_paths")

VARIANTS = ("A", "B", "C")
FORMATS: list[nf.Format] = [
    nf.float8_e4m3fn,
    nf.float8_e5m2,
    nf.float4_e2m1fn,
    nf.dlfloat16,
    nf.get_format("int4"),
    nf.get_format("binary6p1se"),
    nf.get_format("binary6p3uf"),
    nf.TableFormat("table", (-1.0, -0.3, 0.1, 0.7)),
]


def interesting(fmt: nf.Format) -> list[float]:
    """Values in the range at many places between neighbours, negative and subnormal ones too."""
    values = np.unique(fmt.values()[np.isfinite(fmt.values())])
    chosen = values[:: max(1, values.size // 12)]
    places = [0.0, 1 / 3, 1 / 2, 1 / 4, 0.3, 1 / 16 + 1e-9, 1 - 1e-9, 2.0**-40]
    smallest = float(fmt.smallest_positive_exact)
    found = [
        low + (high - low) * place for low, high in itertools.pairwise(chosen) for place in places
    ]
    found += [sign * smallest * place for sign in (1, -1) for place in places]
    lowest = float(fmt.lowest)
    return [x for x in found if lowest <= x <= fmt.max and x != 0]


def round_up_count(nu: Fraction, bits: int, variant: str) -> int:
    """How many R of 2**bits satisfy the report's inequality, solved for R. 4.7.4."""
    ulp = 2**bits
    if variant == "A":
        return math.floor(nu * ulp)  # R >= ulp - floor(nu ulp)
    if variant == "B":
        # 2 R + 1 >= 2 ulp - floor(2 nu ulp)
        return ulp - math.ceil(Fraction(2 * ulp - math.floor(2 * nu * ulp) - 1, 2))
    return round(nu * ulp)


def place_between_neighbours(x: Fraction, fmt: nf.Format) -> tuple[Fraction, int, int]:
    """nu of x, and the codes toward and away from zero."""
    inward = nf.exact.project(x, fmt, "toward_zero", "finite")
    outward = nf.exact.project(x, fmt, "away_from_zero", "finite")
    low, high = nf.exact.decode(inward, fmt), nf.exact.decode(outward, fmt)
    assert isinstance(low, (Fraction, float))
    if inward == outward or low == high:
        return Fraction(0), inward, outward
    return (x - Fraction(low)) / (Fraction(high) - Fraction(low)), inward, outward


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("bits", [1, 2, 3, 8])
@pytest.mark.parametrize("fmt", FORMATS, ids=lambda f: f.name)
def test_the_count_over_all_random_numbers_is_the_exact_one(
    fmt: nf.Format, bits: int, variant: Any
) -> None:
    mode = nf.Stochastic(bits, variant)
    every_r = np.arange(2**bits)
    points = interesting(fmt)
    assert any(x < 0 for x in points) or not fmt.signed
    for x in points:
        nu, inward, outward = place_between_neighbours(Fraction(x), fmt)
        codes = fmt.encode(np.full(2**bits, x), mode, "finite", random_bits=every_r)
        assert set(codes.tolist()) <= {inward, outward}
        up = np.count_nonzero(codes == outward) if inward != outward else 0
        assert up == round_up_count(nu, bits, variant), x


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("fmt", FORMATS, ids=lambda f: f.name)
def test_arrays_equal_exact_for_any_random_bits(fmt: nf.Format, variant: Any) -> None:
    rng = np.random.default_rng(3)
    x = np.array(interesting(fmt))
    if fmt.bits <= 8:
        x = np.concatenate([decision_points(fmt), x])
    for bits in (1, 7, 24, 32):
        mode = nf.Stochastic(bits, variant)
        r = rng.integers(0, 2**bits, x.size)
        for saturation in ("none", "finite"):
            got = fmt.encode(x, mode, saturation, random_bits=r)
            expected = [
                nf.exact.project(a, fmt, mode, saturation, random_bits=b)
                for a, b in zip(x.tolist(), r.tolist(), strict=True)
            ]
            np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("fmt", FORMATS, ids=lambda f: f.name)
def test_equal_probability_is_one_fair_bit(fmt: nf.Format) -> None:
    x = np.array(interesting(fmt))
    down = fmt.encode(x, "stochastic_equal", "finite", random_bits=0)
    up = fmt.encode(x, "stochastic_equal", "finite", random_bits=1)
    np.testing.assert_array_equal(down, fmt.encode(x, "toward_zero", "finite"))
    np.testing.assert_array_equal(up, fmt.encode(x, "away_from_zero", "finite"))


def test_what_is_exact_never_moves() -> None:
    values = nf.float8_e4m3fn.values()
    values = values[np.isfinite(values)]
    for mode in ("stochastic", "stochastic_equal", nf.Stochastic(1, "B"), nf.Stochastic(8, "C")):
        np.testing.assert_array_equal(nf.float8_e4m3fn.round(values, mode, rng=1), values)


DRAWS = 10**6


@pytest.mark.parametrize(
    ("fmt", "x"),
    [
        (nf.float8_e4m3fn, 1.03),
        (nf.float8_e4m3fn, -1.03),
        (nf.float8_e4m3fn, 2.0**-11),  # below the smallest subnormal
        (nf.float8_e4m3fn, -(2.0**-9) * 1.3),
        (nf.float4_e2m1fn, -4.1),
        (nf.get_format("int4"), 2.9),
        (nf.get_format("binary8p1se"), 1.25),
        (nf.TableFormat("table", (-1.0, -0.3, 0.1, 0.7)), -0.8),
    ],
)
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_mean_is_the_value(fmt: nf.Format, x: float, variant: Any) -> None:
    drawn = fmt.round(np.full(DRAWS, x), nf.Stochastic(32, variant), rng=2026)
    low, high = np.unique(drawn)
    p = (x - low) / (high - low)
    standard_error = (high - low) * math.sqrt(p * (1 - p) / DRAWS)
    assert abs(drawn.mean() - x) < 5 * standard_error


def test_equal_probability_means_the_middle() -> None:
    drawn = nf.float8_e4m3fn.round(np.full(DRAWS, -1.001), "stochastic_equal", rng=7)
    share = np.mean(drawn == -1.125)
    assert abs(share - 0.5) < 5 * 0.5 / math.sqrt(DRAWS)


@pytest.mark.parametrize("mode", ["sr", "stochastic_equal", nf.Stochastic(5, "C")])
def test_a_seed_gives_the_same_codes_for_any_layout_and_chunking(mode: Any) -> None:
    f = nf.float8_e4m3fn
    x = np.random.default_rng(0).standard_normal((37, 1001))
    codes = f.encode(x, mode, rng=99)
    np.testing.assert_array_equal(codes, f.encode(np.asfortranarray(x), mode, rng=99))
    np.testing.assert_array_equal(codes, f.encode(x.astype(">f8"), mode, rng=99))
    np.testing.assert_array_equal(codes.ravel(), f.encode(x.ravel(), mode, rng=99))
    np.testing.assert_array_equal(codes.ravel()[:10], f.encode(x.ravel()[:10], mode, rng=99))
    np.testing.assert_array_equal(f.decode(codes), f.round(x, mode, rng=99))
    strided = np.zeros((37, 2002))[:, ::2]
    strided[...] = x
    np.testing.assert_array_equal(codes, f.encode(strided, mode, rng=99))
    assert (codes != f.encode(x, mode, rng=100)).any()
    # Each element's bits are those of its position in C order.
    count = 1 if mode == "stochastic_equal" else (32 if mode == "sr" else 5)
    bits = draw(99, 0, x.size, count).reshape(x.shape)
    np.testing.assert_array_equal(codes, f.encode(x, mode, random_bits=bits))


def test_draws_go_by_position_alone() -> None:
    whole = draw(5, 0, 1000, 32)
    for start, count in ((0, 1), (1, 1), (7, 100), (500, 499), (999, 1), (3, 0)):
        np.testing.assert_array_equal(draw(5, start, count, 32), whole[start : start + count])
    np.testing.assert_array_equal(draw(5, 0, 1000, 8), whole >> np.uint64(24))
    beyond = draw(5, 2**33 - 1, 3, 32)
    assert beyond[0] == draw(5, 2**33 - 1, 1, 32)[0]


# Random123's kat_vectors for threefry2x32 with 13 rounds: counter, key, result, low word first.
KNOWN_ANSWERS = [
    ((0x00000000, 0x00000000), (0x00000000, 0x00000000), (0x9D1C5EC6, 0x8BD50731)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0xFD36D048, 0x2D17272C)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xBA3E4725, 0xF27D669E)),
]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN_ANSWERS)
def test_threefry_gives_the_known_answers(
    counter: tuple[int, int], key: tuple[int, int], expected: tuple[int, int]
) -> None:
    counters = np.array([counter[0] | counter[1] << 32], np.uint64)
    first, second = threefry2x32(key[0] | key[1] << 32, counters)
    assert (int(first[0]), int(second[0])) == expected


def test_rng_follows_spec_7() -> None:
    f, x = nf.float8_e4m3fn, np.full(2000, 1.03)
    one, two = np.random.default_rng(4), np.random.default_rng(4)
    first = f.encode(x, "sr", rng=one)
    np.testing.assert_array_equal(first, f.encode(x, "sr", rng=two))
    assert (first != f.encode(x, "sr", rng=one)).any()  # a generator moves on
    assert (f.encode(x, "sr") != f.encode(x, "sr")).any()  # None is fresh each time
    np.testing.assert_array_equal(f.encode(x, "sr", rng=4), f.encode(x, "sr", rng=np.int64(4)))
    assert key_of(2**64 - 1) == 2**64 - 1
    assert key_of(np.random.PCG64(1)) == key_of(np.random.Generator(np.random.PCG64(1)))


def test_scalars_draw_the_first_bits() -> None:
    f = nf.float8_e4m3fn
    assert f.encode(1.03, "sr", rng=12) == f.encode([1.03], "sr", rng=12)[0]


def test_nan_becomes_the_same_whatever_is_drawn() -> None:
    fmt = nf.TableFormat("no_zero", (-1.0, 1.0))
    mode = nf.Stochastic(1)
    for drawn in (0, 1):
        got = fmt.encode([np.nan], mode, nan="zero", random_bits=drawn)
        assert got == nf.exact.project(np.nan, fmt, mode, nan="zero", random_bits=drawn)
