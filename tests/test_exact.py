"""The oracle against what does not share its equations: definitions, published tables, peers."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from decimal import Decimal
from fractions import Fraction
from typing import Any

import gfloat
import gfloat.formats
import ml_dtypes
import numpy as np
import pytest
from decision_points import NAMED, decision_points, finite_values

import numformats as nf
from numformats import exact
from numformats.modes import RoundingMode

INF, NAN = math.inf, math.nan

# Rounding by definition: the neighbours are found among the values of the format themselves.
SMALL = [
    *(f for f in NAMED if f.bits <= 6 and not (isinstance(f, nf.IntFormat) and f.narrow)),
    *map(
        nf.get_format, ["binary6p3se", "binary5p1sf", "binary5p1ue", "binary4p4uf", "binary6p2uf"]
    ),
    nf.FixedFormat("q2_3", 2, 3),
    nf.FloatFormat("no_subnormals", 3, 2, has_inf=False, nan="none", has_subnormals=False),
]


def by_definition(x: Fraction, values: list[Fraction], mode: RoundingMode, code: Any) -> Fraction:
    """What a mode does with x between two neighbours, in words turned into comparisons."""
    lower = values[bisect_right(values, x) - 1]
    upper = values[bisect_left(values, x)]
    if lower == upper:
        return x
    inward, outward = (lower, upper) if x > 0 else (upper, lower)
    middle = (lower + upper) / 2
    nearest = lower if x < middle else upper
    even, odd = (lower, upper) if code(lower) % 2 == 0 else (upper, lower)
    tie = x == middle
    return {
        "toward_zero": inward,
        "away_from_zero": outward,
        "toward_positive": upper,
        "toward_negative": lower,
        "nearest_away": outward if tie else nearest,
        "nearest_zero": inward if tie else nearest,
        "nearest_even": even if tie else nearest,
        "to_odd": odd,
    }[str(mode)]


@pytest.mark.parametrize("fmt", SMALL, ids=lambda f: f.name)
def test_within_the_range_each_mode_does_what_its_name_says(fmt: nf.Format) -> None:
    values = finite_values(fmt)

    def code(value: Fraction) -> int:
        found = [c for c in range(2**fmt.bits) if exact.decode(c, fmt) == value]
        return found[0]

    codes = {value: code(value) for value in values}
    points = {Fraction(point) for point in decision_points(fmt).tolist() if math.isfinite(point)}
    points |= {point / 3 for point in points}
    inside = [x for x in points if values[0] <= x <= values[-1]]
    assert len(inside) > len(values)
    for mode in (
        "toward_zero",
        "away_from_zero",
        "toward_positive",
        "toward_negative",
        "nearest_away",
        "nearest_zero",
        "nearest_even",
        "to_odd",
    ):
        for x in inside:
            expected = by_definition(x, values, mode, codes.__getitem__)
            assert exact.decode(exact.project(x, fmt, mode), fmt) == expected, (mode, x)


# Saturation: the table of P3109 clause 4.7.5, row by row, on formats of 4 bits.
# Columns: none, finite, propagate. "lo" and "hi" stand for the ends.
EXTENDED_SIGNED: dict[tuple[float, str], tuple[Any, Any, Any]] = {
    (INF, "nearest_even"): (INF, "hi", INF),
    (-INF, "nearest_even"): (-INF, "lo", -INF),
    (1e9, "nearest_even"): (INF, "hi", "hi"),
    (1e9, "toward_zero"): ("hi", "hi", "hi"),
    (1e9, "toward_negative"): ("hi", "hi", "hi"),
    (1e9, "toward_positive"): (INF, "hi", "hi"),
    (1e9, "to_odd"): (INF, "hi", "hi"),
    (-1e9, "nearest_even"): (-INF, "lo", "lo"),
    (-1e9, "toward_zero"): ("lo", "lo", "lo"),
    (-1e9, "toward_positive"): ("lo", "lo", "lo"),
    (-1e9, "toward_negative"): (-INF, "lo", "lo"),
    (-1e9, "to_odd"): (-INF, "lo", "lo"),
}
EXTENDED_UNSIGNED: dict[tuple[float, str], tuple[Any, Any, Any]] = {
    (INF, "toward_zero"): (INF, "hi", INF),
    (-INF, "toward_zero"): (NAN, "lo", "lo"),
    (1e9, "nearest_even"): (INF, "hi", "hi"),
    (1e9, "to_odd"): ("hi", "hi", "hi"),
    (1e9, "toward_negative"): ("hi", "hi", "hi"),
    (-1e9, "nearest_even"): (NAN, "lo", "lo"),
    (-1e9, "toward_negative"): (NAN, "lo", "lo"),
    (-1e9, "toward_zero"): ("lo", "lo", "lo"),
    (-1e9, "toward_positive"): ("lo", "lo", "lo"),
    (-1e9, "to_odd"): (NAN, "lo", "lo"),
    (-1e-9, "nearest_even"): ("lo", "lo", "lo"),
    (-1e-9, "away_from_zero"): (NAN, "lo", "lo"),
}
FINITE_SIGNED: dict[tuple[float, str], tuple[Any, Any, Any]] = {
    (INF, "nearest_even"): ("hi", "hi", "hi"),
    (-INF, "nearest_even"): ("lo", "lo", "lo"),
    (1e9, "toward_positive"): ("hi", "hi", "hi"),
    (-1e9, "toward_negative"): ("lo", "lo", "lo"),
}
FINITE_UNSIGNED: dict[tuple[float, str], tuple[Any, Any, Any]] = {
    (INF, "nearest_even"): ("hi", "hi", "hi"),
    (-INF, "nearest_even"): (NAN, "lo", "lo"),
    (1e9, "to_odd"): ("hi", "hi", "hi"),
    (-1e9, "nearest_even"): (NAN, "lo", "lo"),
    (-1e9, "toward_positive"): ("lo", "lo", "lo"),
}
# IEEE 754 7.4 for the directed modes; the odd one of the largest value's code and infinity's.
BINARY16: dict[tuple[float, str], tuple[Any, Any, Any]] = {
    (1e9, "nearest_even"): (INF, "hi", "hi"),
    (1e9, "nearest_away"): (INF, "hi", "hi"),
    (1e9, "nearest_zero"): (INF, "hi", "hi"),
    (1e9, "away_from_zero"): (INF, "hi", "hi"),
    (1e9, "toward_zero"): ("hi", "hi", "hi"),
    (1e9, "to_odd"): ("hi", "hi", "hi"),
    (-1e9, "to_odd"): ("lo", "lo", "lo"),
    (-1e9, "toward_negative"): (-INF, "lo", "lo"),
    (INF, "to_odd"): (INF, "hi", INF),
    (INF, "toward_zero"): (INF, "hi", INF),
}
E4M3FN: dict[tuple[float, str], tuple[Any, Any, Any]] = {
    (1e9, "nearest_even"): (NAN, "hi", "hi"),
    (465.0, "nearest_even"): (NAN, "hi", "hi"),
    (464.0, "nearest_even"): ("hi", "hi", "hi"),
    (464.0, "nearest_away"): (NAN, "hi", "hi"),
    (465.0, "toward_zero"): ("hi", "hi", "hi"),
    (1e9, "to_odd"): (NAN, "hi", "hi"),
    (INF, "nearest_even"): (NAN, "hi", "hi"),
    (-INF, "nearest_even"): (NAN, "lo", "lo"),
}
E2M1FN: dict[tuple[float, str], tuple[Any, Any, Any]] = {
    (1e9, "away_from_zero"): ("hi", "hi", "hi"),
    (-INF, "nearest_even"): ("lo", "lo", "lo"),
}
E8M0: dict[tuple[float, str], tuple[Any, Any, Any]] = {
    (0.0, "nearest_even"): (NAN, "lo", "lo"),
    (0.0, "toward_positive"): ("lo", "lo", "lo"),
    (-1.0, "nearest_even"): (NAN, "lo", "lo"),
    (2.0**-149, "nearest_even"): ("lo", "lo", "lo"),
    (2.0**-149, "toward_zero"): ("lo", "lo", "lo"),
    (1.5 * 2.0**127, "nearest_even"): (NAN, "hi", "hi"),
    (1.4 * 2.0**127, "nearest_even"): ("hi", "hi", "hi"),
    (INF, "nearest_even"): (NAN, "hi", "hi"),
}
SATURATION = {
    "binary4p2se": EXTENDED_SIGNED,
    "binary4p1se": EXTENDED_SIGNED,
    "binary4p2ue": EXTENDED_UNSIGNED,
    "binary4p2sf": FINITE_SIGNED,
    "binary4p2uf": FINITE_UNSIGNED,
    "float16": BINARY16,
    "float8_e4m3fn": E4M3FN,
    "float4_e2m1fn": E2M1FN,
    "int8": E2M1FN,
    "float8_e8m0fnu": E8M0,
}


@pytest.mark.parametrize("name", SATURATION)
def test_saturation_is_the_published_table(name: str) -> None:
    fmt = nf.get_format(name)
    ends = {"hi": fmt.highest, "lo": fmt.lowest}
    for (x, mode), expected in SATURATION[name].items():
        for saturation, outcome in zip(("none", "finite", "propagate"), expected, strict=True):
            got = exact.decode(exact.project(x, fmt, mode, saturation), fmt)
            wanted = ends.get(outcome, outcome)
            assert got == wanted or (math.isnan(got) and math.isnan(wanted)), (x, mode, saturation)


def test_ties_to_even_at_one_bit_of_precision() -> None:
    # P3109: the even code. binary4p1se has 1/8 .. at the codes 1, 2, ...
    p1 = nf.get_format("binary4p1se")
    for code in range(1, 6):
        low, high = exact.decode(code, p1), exact.decode(code + 1, p1)
        assert exact.project((low + high) / 2, p1) == (code if code % 2 == 0 else code + 1)
    # IEEE 754 4.3.1: neither significand is even, so the larger. So does ml_dtypes.
    assert [exact.project(x, nf.float8_e8m0fnu) for x in (1.5, 3, 6)] == [128, 129, 130]


def test_wrap_keeps_the_low_bits() -> None:
    i4 = nf.get_format("int4")
    for x in (-100, -9, -8, 7, 8, 9, 10**30 + 5, -(10**30) - 5):
        assert exact.project(x, i4, saturation="wrap") == x % 16
    assert exact.project("7.5", i4, saturation="wrap") == 8
    q = nf.FixedFormat("q1_2", 1, 2)
    assert exact.project("2.25", q, saturation="wrap") == 0b1001
    assert exact.decode(0b1001, q) == Fraction(-7, 4)


def test_numbers_of_every_kind_are_read_exactly() -> None:
    f = nf.float32
    third = exact.project(Fraction(1, 3), f)
    assert exact.decode(third, f) == Fraction(np.float32(1 / 3).item())
    for value in ("1/3", Decimal(1) / Decimal(3), Fraction(1, 3)):
        assert exact.project(value, f) == third
    for value in (
        1,
        1.0,
        "1",
        "1.0",
        "1e0",
        "0x1p0",
        " +1 ",
        Decimal(1),
        np.float32(1),
        np.int8(1),
    ):
        assert exact.project(value, f) == 0x3F800000
    for value in (-0.0, "-0", "-0.0", Decimal("-0"), np.float16(-0.0)):
        assert exact.project(value, f) == 0x80000000
    for value in (-1e-300, "-1e-999", Fraction(-1, 10**400)):
        assert exact.project(value, f) == 0x80000000
    assert exact.project(10**400, f) == 0x7F800000
    assert exact.project("-inf", f) == 0xFF800000
    assert exact.project("nan", f) == exact.project(NAN, f) == 0x7FC00000
    assert exact.project("-nan", f) == exact.project(-NAN, f) == 0xFFC00000
    # Just above the midpoint of 1 and the next: any intermediate rounding would lose it.
    assert exact.project(1 + Fraction(1, 2**24) + Fraction(1, 2**900), f) == 0x3F800001


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("1.x", nf.float16), "value: '1.x' is not a number"),
        ((None, nf.float16), "value: expected a real number"),
        ((1j, nf.float16), "value: expected a real number"),
        ((True, nf.float16), "value: expected a real number"),
        ((NAN, nf.float4_e2m1fn), "value: NaN, and float4_e2m1fn has no NaN"),
        ((1, nf.float16, "up"), "rounding: unknown 'up'"),
        ((1, nf.float16, 3), "rounding: expected a str or numformats.Stochastic"),
        ((1, nf.float16, "rne", "clip"), "saturation: unknown 'clip'"),
        ((1, nf.float16, "rne", "wrap"), "saturation: 'wrap' is for integers"),
        ((INF, nf.get_format("int8"), "rne", "wrap"), "value: infinity has no low bits"),
        ((1, nf.get_format("int8_narrow"), "rne", "wrap"), "'wrap' needs the full range"),
        ((1, nf.float16, "sr"), "random_bits: .* needs an int from 0"),
    ],
)
def test_what_has_no_meaning_is_refused(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        exact.project(*arguments)


@pytest.mark.parametrize(
    ("rounding", "bits", "message"),
    [
        ("rne", 0, "random_bits: 0 given, but 'nearest_even' uses none"),
        ("sr", 2**32, "random_bits: 4294967296 is outside"),
        ("sr", -1, "random_bits: -1 is outside"),
        ("sr", 0.5, "random_bits: expected an int"),
        ("stochastic_equal", 2, "random_bits: 2 is outside 0 to 1"),
    ],
)
def test_random_bits_out_of_place_are_refused(rounding: str, bits: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        exact.project(1, nf.float16, rounding, random_bits=bits)


def test_codes_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="code: 256 is outside 0 to 255"):
        exact.decode(256, nf.float8_e4m3fn)
    with pytest.raises(ValueError, match="code: -1 is outside"):
        exact.decode(-1, nf.float8_e4m3fn)
    with pytest.raises(TypeError, match=r"code: expected an int, got float 1\.0"):
        exact.decode(1.0, nf.float8_e4m3fn)


def test_nan_policies() -> None:
    e2m1 = nf.float4_e2m1fn
    assert exact.project(NAN, e2m1, nan="max") == exact.project(-NAN, e2m1, nan="max") == 7
    assert exact.project(NAN, e2m1, nan="zero") == exact.project(-NAN, e2m1, nan="zero") == 0
    # A format that has NaN keeps it.
    assert exact.project(NAN, nf.float8_e5m2, nan="zero") == 0x7E


# A peer with equations of its own. It has one saturation mode in common with P3109, and by clause
# 4.7.4 rounds in the same way.
GFLOAT = {
    "float8_e4m3fn": gfloat.formats.format_info_ocp_e4m3,
    "float8_e5m2": gfloat.formats.format_info_ocp_e5m2,
    "float6_e2m3fn": gfloat.formats.format_info_ocp_e2m3,
    "float6_e3m2fn": gfloat.formats.format_info_ocp_e3m2,
    "float4_e2m1fn": gfloat.formats.format_info_ocp_e2m1,
    "float16": gfloat.formats.format_info_binary16,
}
GFLOAT_MODES = {
    "nearest_even": gfloat.RoundMode.TiesToEven,
    "nearest_away": gfloat.RoundMode.TiesToAway,
    "toward_zero": gfloat.RoundMode.TowardZero,
    "toward_positive": gfloat.RoundMode.TowardPositive,
    "toward_negative": gfloat.RoundMode.TowardNegative,
}


@pytest.mark.parametrize("name", GFLOAT)
def test_agrees_with_gfloat(name: str) -> None:
    fmt, info = nf.get_format(name), GFLOAT[name]
    if fmt.bits > 8:
        exponents = np.arange(-30, 18).repeat(10)
        points = np.random.default_rng(0).standard_normal(exponents.size) * 2.0**exponents
    else:
        points = decision_points(fmt)
    # gfloat 0.5.2 rounds the float64 just below half the smallest subnormal up: it adds 1/2 first.
    points = points[(np.abs(points) >= fmt.smallest_subnormal / 2) | (points == 0)]
    for mode, peer_mode in GFLOAT_MODES.items():
        for x in points[np.isfinite(points)].tolist():
            expected = gfloat.round_float(info, x, peer_mode, sat=True)
            got = exact.decode(exact.project(x, fmt, mode, "finite"), fmt)
            assert got == expected, (mode, x)


def test_agrees_with_ml_dtypes_on_every_float16() -> None:
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    with np.errstate(invalid="ignore"):  # signaling NaNs are among them
        expected = halves.astype(ml_dtypes.float8_e4m3fn).view(np.uint8)
    got = [exact.project(x, nf.float8_e4m3fn) for x in halves[::3]]
    np.testing.assert_array_equal(got, expected[::3])


def test_hexadecimal_numbers_are_read_exactly() -> None:
    above = Fraction(17, 16) + Fraction(1, 2**72)
    assert exact.project("0x1.100000000000000001p0", nf.float8_e4m3fn) == 57
    assert exact.project("0x1.100000000000000001", nf.float8_e4m3fn) == exact.project(
        above, nf.float8_e4m3fn
    )
    assert exact.project("0x1p-2000", nf.float8_e4m3fn, "toward_positive") == 1
    assert exact.project("-0x1p99999", nf.float16) == 0xFC00
    assert exact.project("-0x0p0", nf.float16) == 0x8000
    assert exact.project("0x.8p1", nf.float16) == 0x3C00
    for text in ("0x", "0x.p1", "0x1p", "0xg", "0x1p9999999", "1e999999999"):
        with pytest.raises(ValueError, match="is not a number"):
            exact.project(text, nf.float16)


def test_scalars_of_ml_dtypes_and_arrays_of_no_dimension_are_numbers() -> None:
    f = nf.float8_e4m3fn
    for scalar in (ml_dtypes.bfloat16(1.5), ml_dtypes.float8_e5m2(1.5), np.array(1.5)):
        assert exact.project(scalar, f) == 0x3C
    assert exact.project(ml_dtypes.int4(-3), f) == exact.project(-3, f)
    with pytest.raises(TypeError, match="expected a real number"):
        exact.project(np.array([1.5]), f)


def test_a_name_is_not_a_format() -> None:
    for call in (
        lambda: exact.project(1.0, "float16"),
        lambda: exact.decode(1, "float16"),
        lambda: nf.codec.encode(1.0, "float16"),
        lambda: nf.codec.round(1.0, "float16"),
        lambda: nf.codec.decode(1, "float16"),
    ):
        with pytest.raises(TypeError, match=r"fmt: expected a format, got str 'float16'; .*get_f"):
            call()


def test_flags_refuse_what_project_refuses() -> None:
    with pytest.raises(TypeError, match="get_format finds one by name"):
        nf.exact.flags(math.nan, "float4_e2m1fn")  # type: ignore[arg-type]
    for value in (1.0, math.nan):
        with pytest.raises(ValueError, match="tininess: 'never'"):
            nf.exact.flags(value, nf.float4_e2m1fn, tininess="never")  # type: ignore[arg-type]
