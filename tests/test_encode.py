"""Encoding arrays: against ml_dtypes where it is right, and against the oracle everywhere."""

from __future__ import annotations

import math
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from decision_points import (
    DETERMINISTIC,
    NAMED,
    NARROW_FORMATS,
    decision_points,
    project_all,
    saturations,
    with_signed_zeros,
)
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

import numformats as nf
from numformats.codec.arguments import code_dtype

pytestmark = pytest.mark.usefixtures("both_paths")

ML_DTYPES = [f for f in NAMED if f.dtype is not None and isinstance(f, nf.FloatFormat)]

# Formats that no named one resembles: every branch of the descriptions.
UNUSUAL: list[nf.Format] = [
    nf.FixedFormat("q3_4", 3, 4),
    nf.FixedFormat("uq0_5", 0, 5, signed=False),
    *map(
        nf.get_format, ["binary8p1se", "binary8p1uf", "binary6p2ue", "binary5p5uf", "binary3p1se"]
    ),
    nf.FloatFormat("no_subnormals", 3, 2, has_inf=False, nan="none", has_subnormals=False),
    nf.FloatFormat("no_subnormals_p1", 4, 0, nan="top", has_subnormals=False),
    nf.FloatFormat(
        "no_subnormals_ties_by_significand",
        2,
        3,
        has_inf=False,
        nan="none",
        has_subnormals=False,
        even_ties="significand",
    ),
    nf.FloatFormat("p1_ties_by_significand", 4, 0, nan="top", even_ties="significand"),
    nf.FloatFormat("unsigned_no_nan", 3, 2, signed=False, has_inf=False, nan="none"),
    nf.FloatFormat("tiny", 4, 3, bias=1072, has_inf=False, nan="top"),
    nf.TableFormat("even", (-1.0, -0.7, -0.5, -0.3, -0.1, 0.0, 0.2, 1.0)),
    nf.TableFormat("no_zero", (-1.0, 1.0, 0.3, -0.1)),
    nf.TableFormat("far_apart", (0.0, 1e-200, 1e200, -3.0)),
]


def everything(dtype: Any) -> NDArray[Any]:
    """Every value of a 16-bit dtype."""
    return np.arange(2**16, dtype=np.uint16).view(dtype)


def random_float32() -> NDArray[np.float32]:
    bits = np.random.default_rng(20260626).integers(0, 2**32, 1 << 24, dtype=np.uint32)
    return bits.view(np.float32)


@np.errstate(all="ignore")  # NumPy warns of signaling NaNs and of overflow, which are meant here
def assert_equals_ml_dtypes(x: NDArray[Any], fmt: nf.FloatFormat) -> None:
    """The codes are ml_dtypes' codes, but for the departures that the docs name."""
    nan = np.isnan(x.astype(np.float64))
    if not fmt.has_nan:  # refused here, a number there
        x, nan = x[~nan], nan[~nan]
    got, dtype = fmt.encode(x), code_dtype(fmt)
    assert fmt.dtype is not None
    expected = x.astype(fmt.dtype).view(dtype)
    if fmt.bits >= 16:  # NaN payloads survive there, and here only the sign
        sign = np.signbit(x[nan].astype(np.float64))
        assert fmt.nan_code is not None
        expected[nan] = np.where(sign, fmt.nan_code | fmt.sign_bit, fmt.nan_code)
    if fmt == nf.float8_e8m0fnu:
        wide = x.astype(np.float64)
        bottom = (wide > 2.0**-127) & (wide < 1.5 * 2.0**-127)
        np.testing.assert_array_equal(expected[bottom], 1)
        np.testing.assert_array_equal(got[bottom], 0)
        expected[bottom] = 0
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("fmt", ML_DTYPES, ids=lambda f: f.name)
class TestTheDefaultProjectionIsThatOfMlDtypes:
    def test_on_every_float16(self, fmt: nf.FloatFormat) -> None:
        assert_equals_ml_dtypes(everything(np.float16), fmt)

    def test_on_every_bfloat16(self, fmt: nf.FloatFormat) -> None:
        assert_equals_ml_dtypes(everything(ml_dtypes.bfloat16), fmt)

    def test_on_random_float32(self, fmt: nf.FloatFormat) -> None:
        assert_equals_ml_dtypes(random_float32(), fmt)


@pytest.mark.parametrize("fmt", [*NARROW_FORMATS, *UNUSUAL], ids=lambda f: f.name)
def test_every_mode_equals_exact_on_every_decision_point(fmt: nf.Format) -> None:
    points = with_signed_zeros(decision_points(fmt))
    for saturation in saturations(fmt):
        x = points[np.isfinite(points)] if saturation == "wrap" else points
        for mode in DETERMINISTIC:
            got = fmt.encode(x, mode, saturation)
            expected = project_all(x, fmt, mode, saturation)
            np.testing.assert_array_equal(got, expected, f"{mode} {saturation}")


@pytest.mark.parametrize("fmt", [*NARROW_FORMATS, *UNUSUAL], ids=lambda f: f.name)
def test_nan_equals_exact(fmt: nf.Format) -> None:
    nans = np.array([math.nan, -math.nan])
    for policy in ("max", "zero"):
        expected = [nf.exact.project(x, fmt, nan=policy) for x in nans]
        np.testing.assert_array_equal(fmt.encode(nans, nan=policy), expected)


WIDE = [f for f in NAMED if f.bits > 8 and isinstance(f, nf.FloatFormat)]
WIDE_OF_ALL_KINDS: list[nf.Format] = [
    *WIDE,
    *map(nf.get_format, ["int16", "uint12", "int16_narrow", "binary16p8se", "binary11p1ue"]),
    nf.FixedFormat("q15_16", 15, 16),
    nf.TableFormat("cubes", tuple(float(i) ** 3 / 7 for i in range(-128, 128))),
]
ANY_FORMAT = st.sampled_from([*NARROW_FORMATS, *UNUSUAL, *WIDE_OF_ALL_KINDS])
MODES = st.sampled_from(DETERMINISTIC)


@st.composite
def near_decisions(draw: Any, fmt: nf.Format) -> float:
    """Values, midpoints and their float64 neighbours, for formats too wide to list them all."""
    code = draw(st.integers(0, 2**fmt.bits - 2))
    low, high = (nf.exact.decode(c, fmt) for c in (code, code + 1))
    if not (math.isfinite(low) and math.isfinite(high)):
        return float(low)
    point = float((low + high) / 2) if draw(st.booleans()) else float(low)
    return draw(st.sampled_from([point, math.nextafter(point, math.inf), math.nextafter(point, 0)]))


def check(x: NDArray[Any], fmt: nf.Format, mode: Any, saturation: str) -> None:
    got = fmt.encode(x, mode, saturation, nan="zero")
    policy: Any = "zero"
    expected = [nf.exact.project(v, fmt, mode, saturation, nan=policy) for v in x]
    np.testing.assert_array_equal(got, expected)


@given(st.data(), MODES)
def test_float64_near_decisions_equals_exact(data: st.DataObject, mode: Any) -> None:
    fmt = data.draw(st.sampled_from(WIDE_OF_ALL_KINDS))
    saturation = data.draw(st.sampled_from(["none", "finite", "propagate"]))
    values = data.draw(st.lists(near_decisions(fmt), min_size=1, max_size=20))
    check(np.array(values), fmt, mode, saturation)


@pytest.mark.parametrize(
    "dtype", ["f8", "f4", "f2", "i8", "u8", "i4", "u4", "i2", "u2", "i1", "u1"]
)
@given(st.data())
def test_inputs_of_every_dtype_equal_exact(dtype: str, data: st.DataObject) -> None:
    fmt, mode = data.draw(ANY_FORMAT), data.draw(MODES)
    saturation = data.draw(st.sampled_from(saturations(fmt)))
    x = data.draw(hnp.arrays(dtype, st.integers(1, 20)))
    if saturation == "wrap":
        x = x[np.isfinite(x)]
    check(x, fmt, mode, saturation)


@pytest.mark.parametrize("name", ["int1", "uint1", "int2", "int4", "uint4"])
def test_small_integer_dtypes_equal_exact(name: str) -> None:
    if not hasattr(ml_dtypes, name):
        pytest.skip(f"this ml_dtypes has no {name}")
    dtype = np.dtype(getattr(ml_dtypes, name))
    wide = nf.get_format(name).values()
    x = wide.astype(dtype)
    for fmt in (nf.float4_e2m1fn, nf.float8_e4m3fn, nf.get_format("int3"), nf.float8_e8m0fnu):
        np.testing.assert_array_equal(fmt.encode(x), project_all(wide, fmt, "nearest_even"))


@pytest.mark.parametrize("source", ML_DTYPES, ids=lambda f: f.name)
def test_codes_of_ml_dtypes_are_read_as_their_values(source: nf.FloatFormat) -> None:
    if source.bits > 16:
        return
    assert source.dtype is not None
    x = np.arange(2**source.bits, dtype=code_dtype(source)).view(source.dtype)
    wide = source.values()
    for fmt in (nf.float8_e5m2, nf.float8_e4m3fnuz, nf.get_format("binary8p3uf")):
        got, expected = fmt.encode(x), fmt.encode(wide)
        same = (got == expected) | np.isnan(wide)  # float16's NaN has a sign, values()'s has none
        assert same.all()


BEYOND_53_BITS = [2**53 + 1, 2**62 + 1, 2**63 - 1, -(2**63), -(2**63) + 1, -(2**53) - 1]


@example(2**63 - 1)
@example(-(2**63))
@given(st.integers(-(2**63), 2**63 - 1))
def test_int64_is_rounded_once(value: int) -> None:
    for fmt in (nf.float32, nf.float8_e5m2, nf.get_format("int16"), nf.get_format("binary16p11se")):
        for mode in DETERMINISTIC:
            expected = nf.exact.project(value, fmt, mode)
            assert fmt.encode(np.int64(value), mode) == expected


@example(2**64 - 1)
@given(st.integers(0, 2**64 - 1))
def test_uint64_is_rounded_once(value: int) -> None:
    for fmt in (nf.float32, nf.get_format("uint16"), nf.FixedFormat("q31", 31, 0)):
        for mode in ("nearest_even", "toward_zero", "toward_positive"):
            expected = nf.exact.project(value, fmt, mode)
            assert fmt.encode(np.uint64(value), mode) == expected


@given(st.integers(-(2**63), 2**63 - 1))
def test_int64_against_a_table_is_exact(value: int) -> None:
    near = float(value)
    fmt = nf.TableFormat("near", (near, near + 2.0**12, near - 2.0**12, -near - 1.0))
    for mode in DETERMINISTIC:
        expected = nf.exact.project(value, fmt, mode)
        assert fmt.encode(np.int64(value), mode) == expected


def test_int64_beyond_2_53_is_not_float64() -> None:
    # Halfway between two float32 numbers, and one more: float64 would lose the one.
    tie = 2**60 + 2**36
    assert nf.float32.decode(nf.float32.encode(np.int64(tie))) == 2.0**60
    assert nf.float32.decode(nf.float32.encode(np.int64(tie + 1))) == 2.0**60 + 2.0**37


def test_float64_does_not_pass_through_float32() -> None:
    x = np.nextafter(1.0625, 2)
    assert nf.float8_e4m3fn.round(x) == 1.125
    assert float(x.astype(ml_dtypes.float8_e4m3fn)) == 1.0  # the trap


def test_the_traps_by_name() -> None:
    e4m3 = nf.float8_e4m3fn
    # Subnormals have their own spacing: 2**-9, not a quarter of 2**-7.
    assert e4m3.round(2.0**-9 * 1.4) == 2.0**-9
    # The carry out of the trailing significand, into the next binade and into overflow.
    assert e4m3.round(1.97) == 2.0
    assert np.isnan(e4m3.round(464.1))
    assert nf.float8_e5m2.round(61440.0) == math.inf
    # Toward zero never overflows.
    assert e4m3.round(1e30, "toward_zero") == 448
    assert nf.float8_e5m2.round(1e30, "toward_negative") == 57344
    assert nf.float8_e5m2.round(-1e30, "toward_negative") == -math.inf
    # Negative zero where there is none; kept where there is one.
    assert nf.float8_e4m3fnuz.encode(-0.0) == 0
    assert nf.float8_e4m3fnuz.encode(-1e-9) == 0
    assert e4m3.encode(-1e-9) == 0x80
    # Just below half the smallest subnormal.
    assert e4m3.round(np.nextafter(2.0**-10, 0)) == 0
    assert e4m3.round(2.0**-10) == 0
    assert e4m3.round(2.0**-10, "nearest_away") == 2.0**-9
    assert e4m3.round(np.nextafter(2.0**-10, 1)) == 2.0**-9


@pytest.mark.parametrize("fmt", [f for f in NAMED if f.bits <= 16], ids=lambda f: f.name)
def test_encoding_the_values_gives_back_their_codes(fmt: nf.Format) -> None:
    values = fmt.values()
    codes = np.arange(2**fmt.bits)
    for mode in ("nearest_even", "toward_zero", "to_odd", "nearest_away"):
        got = fmt.encode(values, mode, nan="zero")
        same = (got == codes) | np.isnan(values)
        if isinstance(fmt, nf.IntFormat) and fmt.narrow:
            same[2 ** (fmt.bits - 1)] = True  # the code below the range is never written
        assert same.all()


@pytest.mark.parametrize("fmt", [*NARROW_FORMATS, *UNUSUAL], ids=lambda f: f.name)
def test_round_is_decode_of_encode(fmt: nf.Format) -> None:
    x = decision_points(fmt)
    for mode in DETERMINISTIC:
        rounded = fmt.round(x, mode)
        np.testing.assert_array_equal(rounded, fmt.decode(fmt.encode(x, mode), dtype="f8"))
        assert rounded.dtype == np.float64
