"""Decoding arrays: every code against the oracle and against ml_dtypes."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from decision_points import NAMED

import numformats as nf
from numformats.codec.arguments import code_dtype

pytestmark = pytest.mark.usefixtures("both_paths")


def assert_same_values(got: Any, expected: Any) -> None:
    """Equal numbers, NaN with NaN, and zeros of one sign."""
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(
        np.signbit(got) & ~np.isnan(got), np.signbit(expected) & ~np.isnan(expected)
    )


def decoded_exactly(fmt: nf.Format) -> list[float]:
    values = [nf.exact.decode(code, fmt) for code in range(2**fmt.bits)]
    floats = [float(value) for value in values]
    assert all(f == v or math.isnan(f) for f, v in zip(floats, values, strict=True))
    return floats


@pytest.mark.parametrize("fmt", [f for f in NAMED if f.bits <= 16], ids=lambda f: f.name)
def test_every_code_of_every_named_format_equals_exact(fmt: nf.Format) -> None:
    codes = np.arange(2**fmt.bits, dtype=code_dtype(fmt))
    expected = np.array(decoded_exactly(fmt))
    assert_same_values(fmt.decode(codes), expected)
    assert_same_values(fmt.values(), expected)
    assert_same_values(fmt.decode(codes.astype(np.int64), dtype="f8"), expected)


@pytest.mark.parametrize("bits", range(3, 13))
def test_every_code_of_p3109_up_to_12_bits_equals_exact(bits: int) -> None:
    names = [name for name in nf.list_formats("p3109") if name.startswith(f"binary{bits}p")]
    for fmt in map(nf.get_format, names):
        try:
            expected = decoded_exactly(fmt)
        except (OverflowError, AssertionError):  # beyond float64
            with pytest.raises(ValueError, match="float64 cannot hold"):
                fmt.decode([0])
            continue
        assert_same_values(fmt.decode(np.arange(2**bits)), expected)


def test_p3109_formats_beyond_float64_are_refused_and_no_others() -> None:
    refused = 0
    for fmt in map(nf.get_format, nf.list_formats("p3109")):
        if fmt.smallest_positive_exact >= Fraction(1, 2**1074) and fmt.highest < 2**1024:
            fmt.decode(1)
            continue
        refused += 1
        with pytest.raises(ValueError, match="float64 cannot hold"):
            fmt.decode(1)
    assert refused > 10


@pytest.mark.parametrize(
    "fmt",
    [f for f in NAMED if f.dtype is not None and f.bits <= 16 and isinstance(f, nf.FloatFormat)],
    ids=lambda f: f.name,
)
def test_every_code_equals_ml_dtypes(fmt: nf.Format) -> None:
    codes = np.arange(2**fmt.bits, dtype=code_dtype(fmt))
    with np.errstate(invalid="ignore"):  # signaling NaNs are among the codes of float16
        expected = codes.view(fmt.dtype).astype(np.float64)
    assert_same_values(fmt.decode(codes), expected)


@pytest.mark.parametrize("name", ["int2", "int4", "uint2", "uint4", "int8", "uint8", "int16"])
def test_integers_equal_ml_dtypes_and_numpy(name: str) -> None:
    fmt = nf.get_format(name)
    assert fmt.dtype is not None
    values = fmt.decode(np.arange(2**fmt.bits))
    np.testing.assert_array_equal(values.astype(fmt.dtype).astype(np.float64), values)
    assert len(set(values.tolist())) == 2**fmt.bits


@pytest.mark.parametrize("name", ["float32", "tf32"])
def test_wide_formats_equal_exact_on_random_codes(name: str) -> None:
    fmt = nf.get_format(name)
    codes = np.random.default_rng(5).integers(0, 2**fmt.bits, 3000, dtype=np.uint32)
    codes[:4] = [0, 1, 2**fmt.bits - 1, 2 ** (fmt.bits - 1)]
    expected = [float(nf.exact.decode(code, fmt)) for code in codes.tolist()]
    assert_same_values(fmt.decode(codes), expected)


def test_float32_decodes_to_its_own_bits() -> None:
    codes = np.random.default_rng(6).integers(0, 2**32, 1 << 20, dtype=np.uint32)
    expected = codes.view(np.float32)
    assert_same_values(nf.float32.decode(codes), expected)


def test_a_narrow_integer_reads_the_unused_code_as_two_s_complement() -> None:
    assert nf.get_format("int8_narrow").decode(0x80) == -128


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("float8_e4m3fn", "float32"),
        ("float32", "float32"),
        ("binary8p1se", "float32"),
        ("binary8p1ue", "float32"),
        ("binary9p1se", "float32"),
        ("binary10p1se", "float64"),
        ("float8_e8m0fnu", "float32"),
        ("int16", "float32"),
    ],
)
def test_the_result_is_float32_where_that_is_exact(name: str, dtype: str) -> None:
    assert nf.get_format(name).decode([0, 1]).dtype == dtype


def test_a_32_bit_fixed_point_format_needs_float64() -> None:
    q = nf.FixedFormat("q15_16", 15, 16)
    assert q.decode(np.uint32([1, 2**31])).tolist() == [2.0**-16, -(2.0**15)]
    assert q.decode(0).dtype == np.float64


@pytest.mark.parametrize(
    ("name", "dtype", "fits"),
    [
        ("float8_e4m3fn", "float16", True),
        ("float8_e5m2", "float16", True),
        ("float8_e4m3fn", "bfloat16", True),
        ("bfloat16", "float16", False),
        ("float16", "bfloat16", False),
        ("float4_e2m1fn", "float8_e4m3fn", True),
        ("float4_e2m1fn", "float8_e4m3fnuz", False),  # no negative zero
        ("float8_e4m3fn", "float8_e4m3fn", True),
        ("float8_e4m3fn", "float8_e4m3", False),
        ("float8_e8m0fnu", "float8_e8m0fnu", True),
        ("float8_e8m0fnu", "bfloat16", True),
        ("float8_e8m0fnu", "float16", False),
        ("float4_e2m1fn", "int8", False),
        ("int4", "int8", True),
        ("int4", "int4", True),
        ("int8", "int4", False),
        ("uint8", "int8", False),
        ("uint8", "int16", True),
        ("int8", "bfloat16", True),
        ("uint8", "bfloat16", True),
        ("int9", "bfloat16", True),
        ("int10", "bfloat16", False),
        ("float32", "float64", True),
        ("binary8p4se", "float16", True),
    ],
)
def test_a_dtype_is_refused_unless_it_holds_every_value(name: str, dtype: str, fits: bool) -> None:
    fmt = nf.get_format(name)
    target = np.dtype(getattr(ml_dtypes, dtype, dtype))
    codes = np.arange(2**fmt.bits) if fmt.bits <= 16 else np.arange(1000)
    if not fits:
        with pytest.raises(ValueError, match=f"dtype: {dtype} cannot hold every value of {name}"):
            fmt.decode(codes, dtype=target)
        return
    got = fmt.decode(codes, dtype=target)
    assert got.dtype == target
    assert_same_values(got.astype(np.float64), fmt.decode(codes, dtype=np.float64))


def test_values_of_a_wide_format_are_refused() -> None:
    with pytest.raises(ValueError, match=r"values: float32 has 2\*\*32 codes"):
        nf.float32.values()


def test_values_are_the_caller_s_own() -> None:
    first = nf.float8_e4m3fn.values()
    first[:] = 0
    assert nf.float8_e4m3fn.values()[1] == 2.0**-9
