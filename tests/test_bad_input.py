"""Every refusal names the argument, shows the value at fault and says the way out."""

from __future__ import annotations

import math
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import numformats as nf

F = nf.float8_e4m3fn
E2M1 = nf.float4_e2m1fn
INT8 = nf.get_format("int8")
NAN_GRID = np.array([[0.0, 1.0], [math.nan, math.nan]])
READ_ONLY = np.zeros(2, np.uint8)
READ_ONLY.flags.writeable = False
SR8 = nf.Stochastic(8)

REFUSED: list[tuple[str, Any]] = [
    # Modes
    ("rounding: unknown 'nearest'; did you mean 'nearest_even'", lambda: F.encode(1, "nearest")),
    ("rounding: expected a str .* got int 3", lambda: F.encode(1, 3)),
    ("saturation: unknown 'Finite'; did you mean 'finite'", lambda: F.encode(1, "rne", "Finite")),
    ("saturation: expected a str, got NoneType", lambda: F.encode(1, "rne", None)),
    ("nan: unknown 'ignore'", lambda: F.encode(1, nan="ignore")),
    ("saturation: 'wrap' is for integers", lambda: F.encode(1, saturation="wrap")),
    (
        "'wrap' needs the full range, and int8_narrow is narrow",
        lambda: nf.get_format("int8_narrow").encode(1, saturation="wrap"),
    ),
    # Values
    (r"x: dtype complex128, first value .*1\+2j.*; pass the real", lambda: F.encode([1 + 2j])),
    ("x: dtype <U3, first value .*'1.5'.*; expected real", lambda: F.encode(["1.5"])),
    ("x: dtype object, first value None; .*exact.project", lambda: F.encode([None, 1])),
    ("x: dtype object.*exact.project for numbers of any size", lambda: F.encode([2**70])),
    ("x: dtype datetime64", lambda: F.encode(np.array(["2026-11-23"], "M8[D]"))),
    ("x: dtype timedelta64", lambda: F.encode(np.array([3], "m8[s]"))),
    ("x: dtype bool.*astype", lambda: F.encode([True, False])),
    ("x: dtype (float128|longdouble).*round to float64", lambda: F.encode(np.longdouble(1))),
    ("x: a masked array", lambda: F.encode(np.ma.masked_array([1.0, 2.0], [0, 1]))),
    ("x: cannot be made an array", lambda: F.encode([[1.0], [1.0, 2.0]])),
    ("x: an empty array of dtype complex64", lambda: F.encode(np.zeros(0, "c8"))),
    (
        r"x: nan at index \(1, 0\) is NaN, 2 such values in all; float4_e2m1fn has no NaN: pass",
        lambda: E2M1.encode(NAN_GRID),
    ),
    ("x: nan is NaN; int8 has no NaN", lambda: INT8.round(math.nan)),
    (
        r"x: nan at index \(1,\) is NaN; ",
        lambda: E2M1.encode(np.array([1, math.nan], ml_dtypes.bfloat16)),
    ),
    (
        r"x: inf at index \(1,\) is infinite; it has no low bits",
        lambda: INT8.encode([1, math.inf], saturation="wrap"),
    ),
    (
        "x: 9223372586610589697 became 9223372586610589696 in NumPy's float64; pass an int64",
        lambda: nf.float32.encode([2**63 + 2**39 + 1, -1]),
    ),
    # Codes
    (r"codes: dtype float64, first value .*1\.0.*codes are unsigned int", lambda: F.decode([1.0])),
    (
        r"codes: -1 at index \(1,\) is negative; a code is 0 or more",
        lambda: F.decode([3, -1]),
    ),
    (
        r"codes: 256 at index \(0,\) is above 255, 2 such values in all",
        lambda: F.decode([256, 7, 300]),
    ),
    ("codes: 16 is above 15; a code of 4 bits", lambda: E2M1.decode(np.uint8(16))),
    ("codes: dtype bool", lambda: F.decode([True])),
    ("codes: dtype float8_e4m3fn.*view", lambda: F.decode(np.ones(2, ml_dtypes.float8_e4m3fn))),
    ("codes: dtype object", lambda: F.decode([2**70])),
    ("dtype: int8 cannot hold every value of float8_e4m3fn", lambda: F.decode([1], dtype="i1")),
    ("dtype: float16 cannot hold .*; float32 can", lambda: nf.bfloat16.decode([1], dtype="f2")),
    ("cannot hold every value", lambda: F.decode([1], dtype="c8")),
    ("cannot hold every value", lambda: F.decode([1], dtype="O")),
    ("cannot hold every value", lambda: F.decode([1], dtype="U5")),
    ("cannot hold every value", lambda: F.decode([1], dtype="M8[s]")),
    ("cannot hold every value", lambda: F.decode([1], dtype=[("a", "f4")])),
    ("dtype: 'nonsense' is not a dtype", lambda: F.decode([1], dtype="nonsense")),
    ("dtype: (float128|longdouble) is not supported", lambda: F.decode([1], dtype=np.longdouble)),
    # out
    ("out: expected a numpy.ndarray, got list", lambda: F.encode([1.0], out=[0])),
    ("out: expected a numpy.ndarray, got list", lambda: F.decode([1], out=[0])),
    ("out: dtype int8, and the result has uint8", lambda: F.encode([1.0], out=np.zeros(1, "i1"))),
    ("out: dtype float32, .* has float64", lambda: F.round([1.0], out=np.zeros(1, "f4"))),
    (
        "out: dtype float64, .* has float32",
        lambda: F.decode([1], dtype="f4", out=np.zeros(1, "f8")),
    ),
    ("dtype: int32 cannot hold", lambda: F.decode([1], out=np.zeros(1, "i4"))),
    (r"out: shape \(2,\), .* has \(1,\)", lambda: F.encode([1.0], out=np.zeros(2, "u1"))),
    (r"out: shape \(1,\), .* has \(\)", lambda: F.encode(1.0, out=np.zeros(1, "u1"))),
    ("out: a read-only array", lambda: F.encode([1.0, 2.0], out=READ_ONLY)),
    # Randomness
    (
        "random_bits: given, .* nearest_even rounding uses none",
        lambda: F.encode([1.0], random_bits=[3]),
    ),
    (
        r"random_bits: 256 at index \(1,\) is outside 0 to 255",
        lambda: F.encode([1.0, 2.0], SR8, random_bits=[0, 256]),
    ),
    ("random_bits: -1 is outside 0 to 255", lambda: F.encode([1.0], SR8, random_bits=-1)),
    (
        r"random_bits: shape \(1,\), and x has \(2,\)",
        lambda: F.encode([1.0, 2.0], SR8, random_bits=[1]),
    ),
    ("random_bits: dtype float64", lambda: F.encode([1.0], SR8, random_bits=[0.5])),
    ("rng: given along with random_bits", lambda: F.encode([1.0], SR8, rng=1, random_bits=[1])),
    ("rng: expected None, an int seed", lambda: F.encode([1.0], "sr", rng="7")),
    ("rng: expected None, an int seed", lambda: F.encode([1.0], "sr", rng=1.5)),
    ("rng: the seed -1 is outside", lambda: F.encode([1.0], "sr", rng=-1)),
    ("rng: the seed 18446744073709551616 is", lambda: F.encode([1.0], "sr", rng=2**64)),
    # Packing
    ("codes: 16 at index", lambda: nf.pack([1, 16], 4)),
    ("codes: dtype float64", lambda: nf.pack([1.5], 4)),
    ("bits: 0 is outside 1 to 32", lambda: nf.pack([1], 0)),
    ("bits: expected an int", lambda: nf.pack([1], 4.0)),
    ("packed: dtype int64", lambda: nf.unpack([1], 4, 2)),
    (r"packed: shape \(2,\), and 5 codes", lambda: nf.unpack(np.zeros(2, "u1"), 4, 5)),
    ("shape: expected an int", lambda: nf.unpack(np.zeros(2, "u1"), 4, "x")),
    ("shape: .* negative", lambda: nf.unpack(np.zeros(2, "u1"), 4, (-1, 4))),
    # Comparing
    ("x: no values at all", lambda: nf.compare([])),
    ("x: no finite value", lambda: nf.compare([math.nan, math.inf])),
    ("x: dtype <U1", lambda: nf.compare(["a"])),
    ("format: unknown 'e9'", lambda: nf.compare([1.0], ["e9"])),
    ("formats: an empty list", lambda: nf.compare([1.0], [])),
    ("formats: expected a list", lambda: nf.compare([1.0], 3)),
    ("saturation: 'wrap' makes errors", lambda: nf.compare([1.0], saturation="wrap")),
    ("binary16p1se has values", lambda: nf.compare([1.0], ["binary16p1se"])),
]


@pytest.mark.parametrize(("message", "call"), REFUSED, ids=[row[0][:50] for row in REFUSED])
def test_it_is_refused_in_plain_words(message: str, call: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_complex_numbers_of_ml_dtypes_are_refused() -> None:
    kinds = [name for name in ("complex32", "bcomplex32") if hasattr(ml_dtypes, name)]
    if not kinds:
        pytest.skip("ml_dtypes has them from 0.6 on")
    for name in kinds:
        with pytest.raises(TypeError, match=f"x: dtype {name}"):
            F.encode(np.zeros(2, getattr(ml_dtypes, name)))


def test_an_empty_list_is_no_error() -> None:
    assert F.encode([]).shape == F.decode([]).shape == (0,)
    assert nf.pack([], 4).shape == (0,)


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.lists(st.floats(), max_size=3),
    st.lists(st.integers(), max_size=3),
    st.lists(st.text(max_size=2), max_size=2),
    st.dictionaries(st.integers(), st.floats(), max_size=1),
    hnp.arrays(hnp.scalar_dtypes(), hnp.array_shapes(min_dims=0, min_side=0, max_side=3)),
    st.sampled_from(
        ["rne", "sr", "wrap", "finite", "max", SR8, np.random.default_rng(0), object()]
    ),
)
FORMATS = st.sampled_from([F, E2M1, INT8, nf.float8_e8m0fnu, nf.TableFormat("t", (0.0, 1.0))])


# NumPy's own word on a name that it will forget.
@pytest.mark.filterwarnings("ignore:Data type alias:DeprecationWarning")
@settings(max_examples=400)
@given(
    FORMATS,
    ANYTHING,
    st.dictionaries(
        st.sampled_from(["rounding", "saturation", "nan", "rng", "random_bits", "out"]),
        ANYTHING,
        max_size=2,
    ),
)
def test_anything_ends_in_an_answer_or_a_refusal(fmt: Any, x: Any, keywords: Any) -> None:
    decode_keywords = {"dtype": keywords["rng"]} if "rng" in keywords else {}
    for call in (
        lambda: fmt.encode(x, **keywords),
        lambda: fmt.round(x, **keywords),
        lambda: fmt.decode(x, **decode_keywords),
        lambda: nf.exact.project(x, fmt),
        lambda: nf.pack(x, fmt.bits),
        lambda: nf.get_format(x),
        lambda: nf.unpack(x, fmt.bits, (1,)),
        lambda: nf.compare(x, [fmt], **{k: v for k, v in keywords.items() if k == "rounding"}),
        lambda: nf.exact.flags(x, fmt),
        lambda: nf.exact.decode(x, fmt),
        lambda: nf.testing.decision_inputs(fmt, x),
        lambda: nf.quantize([1.0], fmt).dequantize(x),
    ):
        try:
            call()
        except (TypeError, ValueError) as refusal:
            assert str(refusal)


SMALL = st.one_of(st.integers(-3, 40), st.none(), st.booleans(), st.floats(), st.text(max_size=2))


@pytest.mark.parametrize("dtype", [",", "f4,f4", "nonsense", 3.5, ["f4"]])
def test_what_is_no_dtype_of_numbers_is_refused(dtype: Any) -> None:
    for call in (
        lambda: F.decode([0], dtype=dtype),
        lambda: nf.quantize([1.0], F).dequantize(dtype),
        lambda: nf.testing.decision_inputs(F, dtype),
    ):
        with pytest.raises((TypeError, ValueError), match="dtype: "):
            call()


@pytest.mark.parametrize("dtype", [np.int32, bool, complex, np.longdouble, "V4"])
def test_scaled_numbers_are_floats(dtype: Any) -> None:
    with pytest.raises(TypeError, match="dtype: "):
        nf.quantize([1.0], F).dequantize(dtype)


@settings(max_examples=300)
@given(st.lists(SMALL, max_size=5), st.sampled_from(["ieee", "top", "negative_zero", "none", 3]))
def test_a_format_is_made_or_refused(arguments: list[Any], nan: Any) -> None:
    made = []
    for kind in (nf.FloatFormat, nf.IntFormat, nf.FixedFormat, nf.TableFormat, nf.Stochastic):
        keywords = {"nan": nan, "has_inf": nan == "ieee"} if kind is nf.FloatFormat else {}
        name = () if kind is nf.Stochastic else ("f",)
        try:
            made.append(kind(*name, *arguments, **keywords))
        except (TypeError, ValueError) as refusal:
            assert str(refusal)
    for fmt in made:
        assert repr(fmt)
        if isinstance(fmt, nf.Format):
            assert fmt.encode(1.0) in range(2**fmt.bits)


@settings(max_examples=100)
@given(FORMATS, st.sampled_from([F.encode, F.round, len, lambda x: x, lambda x: 1 / 0]), st.data())
def test_a_check_reports_or_refuses(fmt: Any, function: Any, data: Any) -> None:
    names = ["rounding", "saturation", "dtype", "kind", "budget", "nan", "draws", "seed"]
    keywords = data.draw(st.dictionaries(st.sampled_from(names), ANYTHING, max_size=2))
    if isinstance(keywords.get("budget"), int):
        keywords["budget"] = min(keywords["budget"], 1000)
    try:
        assert nf.testing.check_rounding(function, fmt, **keywords).tried >= 0
    except (TypeError, ValueError) as refusal:
        assert str(refusal)
    except ZeroDivisionError:
        pass  # what the function raises is its own
