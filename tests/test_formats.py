"""The descriptions: parameters, names, identity, and what is refused."""

from __future__ import annotations

import dataclasses
import itertools
import math
import pickle
import re
from fractions import Fraction
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from decision_points import NAMED, finite_values

import numformats as nf
from numformats.codec.extents import dtype_holds
from numformats.formats.registry import ALIASES, p3109

# name, bits, exponent bits, precision, bias, max, smallest normal, smallest subnormal: from the
# standards' own tables.
PUBLISHED = [
    ("float16", 16, 5, 11, 15, 65504.0, 2.0**-14, 2.0**-24),
    ("float32", 32, 8, 24, 127, (2 - 2.0**-23) * 2.0**127, 2.0**-126, 2.0**-149),
    ("bfloat16", 16, 8, 8, 127, (2 - 2.0**-7) * 2.0**127, 2.0**-126, 2.0**-133),
    ("tf32", 19, 8, 11, 127, (2 - 2.0**-10) * 2.0**127, 2.0**-126, 2.0**-136),
    ("dlfloat16", 16, 6, 10, 31, 2.0**33 - 2.0**24, 2.0**-31 + 2.0**-40, 2.0**-31 + 2.0**-40),
    ("float8_e5m2", 8, 5, 3, 15, 57344.0, 2.0**-14, 2.0**-16),
    ("float8_e4m3", 8, 4, 4, 7, 240.0, 2.0**-6, 2.0**-9),
    ("float8_e3m4", 8, 3, 5, 3, 15.5, 2.0**-2, 2.0**-6),
    ("float8_e4m3fn", 8, 4, 4, 7, 448.0, 2.0**-6, 2.0**-9),
    ("float6_e3m2fn", 6, 3, 3, 3, 28.0, 2.0**-2, 2.0**-4),
    ("float6_e2m3fn", 6, 2, 4, 1, 7.5, 1.0, 2.0**-3),
    ("float4_e2m1fn", 4, 2, 2, 1, 6.0, 1.0, 0.5),
    ("float8_e8m0fnu", 8, 8, 1, 127, 2.0**127, 2.0**-127, 2.0**-127),
    ("float8_e4m3fnuz", 8, 4, 4, 8, 240.0, 2.0**-7, 2.0**-10),
    ("float8_e5m2fnuz", 8, 5, 3, 16, 57344.0, 2.0**-15, 2.0**-17),
    ("float8_e4m3b11fnuz", 8, 4, 4, 11, 30.0, 2.0**-10, 2.0**-13),
    ("binary8p4se", 8, 4, 4, 8, 224.0, 2.0**-7, 2.0**-10),
    ("binary8p3se", 8, 5, 3, 16, 49152.0, 2.0**-15, 2.0**-17),
]


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: row[0])
def test_the_published_figures(row: tuple[Any, ...]) -> None:
    name, *figures = row
    f = nf.get_format(name)
    assert [
        f.bits,
        f.exponent_bits,
        f.precision,
        f.bias,
        f.max,
        f.smallest_normal,
        f.smallest_subnormal,
    ] == figures


@pytest.mark.parametrize("fmt", [f for f in NAMED if f.bits <= 16], ids=lambda f: f.name)
def test_the_figures_follow_from_the_values(fmt: nf.Format) -> None:
    values = finite_values(fmt)
    narrow = isinstance(fmt, nf.IntFormat) and fmt.narrow
    assert values[-1] == fmt.highest == Fraction(fmt.max)
    # The code below a narrow range is read as two's complement reads it.
    assert values[1 if narrow else 0] == fmt.lowest == Fraction(fmt.min)
    positive = [value for value in values if value > 0]
    assert not positive or positive[0] == fmt.smallest_positive_exact
    decoded = [nf.exact.decode(code, fmt) for code in range(2**fmt.bits)]
    assert fmt.has_nan == any(math.isnan(v) for v in decoded if isinstance(v, float))
    assert fmt.has_inf == (math.inf in decoded)
    assert fmt.has_negative_zero == any(str(v) == "-0.0" for v in decoded)
    assert fmt.signed == any(v < 0 for v in values)


@pytest.mark.parametrize(
    "fmt",
    [f for f in NAMED if f.dtype is not None and isinstance(f, nf.FloatFormat)],
    ids=lambda f: f.name,
)
def test_the_figures_are_finfo_s(fmt: nf.FloatFormat) -> None:
    info = ml_dtypes.finfo(fmt.dtype)
    assert fmt.max == info.max
    assert fmt.smallest_normal == info.smallest_normal
    assert fmt.smallest_subnormal == info.smallest_subnormal
    assert fmt.bits == info.bits
    if fmt.precision > 1:  # of E8M0's, finfo says 0
        assert fmt.eps == info.eps


def test_p3109_checks_of_the_report() -> None:
    p4 = nf.get_format("binary8p4se")
    assert nf.exact.decode(0x48, p4) == 2
    assert nf.exact.decode(0x7F, p4) == math.inf
    assert nf.exact.decode(0xFF, p4) == -math.inf
    assert math.isnan(nf.exact.decode(0x80, p4))
    assert nf.exact.decode(0x80, nf.get_format("binary8p1uf")) == 1


@pytest.mark.parametrize("name", list(p3109.names()))
def test_every_p3109_format_follows_the_rule(name: str) -> None:
    """The clauses 3.1 and 4.7.2, written out for each parameter."""
    match = re.fullmatch(r"binary(\d+)p(\d+)([su])([ef])", name)
    assert match
    k, p, signed = int(match[1]), int(match[2]), match[3] == "s"
    extended = match[4] == "e"
    f = nf.p3109(k, p, signed=signed, extended=extended)
    assert f is not None
    assert f == nf.get_format(name)
    assert f.name == name
    assert f.bits == k
    assert f.precision == p
    assert f.bias == (2 ** (k - p - 1) if signed else 2 ** (k - p))
    assert f.nan_code == (2 ** (k - 1) if signed else 2**k - 1)
    assert f.inf_code == ((2 ** (k - 1) - 1 if signed else 2**k - 2) if extended else None)
    assert not f.has_negative_zero
    for code in {1, 2 ** (p - 1), f.max_code}:
        trailing, field = code % 2 ** (p - 1), code // 2 ** (p - 1)
        ulp = Fraction(2) ** (1 - p)
        if field == 0:
            expected = trailing * ulp * Fraction(2) ** (1 - f.bias)
        else:
            expected = (1 + trailing * ulp) * Fraction(2) ** (field - f.bias)
        assert nf.exact.decode(code, f) == expected


def test_there_are_504_p3109_formats() -> None:
    assert len(set(nf.list_formats("p3109"))) == 504


@pytest.mark.parametrize("k", range(3, 13))
def test_p3109_values_are_distinct_and_ascend(k: int) -> None:
    for name in (n for n in nf.list_formats("p3109") if n.startswith(f"binary{k}p")):
        f = nf.get_format(name)
        assert isinstance(f, nf.FloatFormat)
        magnitudes = [nf.exact.decode(code, f) for code in range(f.max_code + 1)]
        assert all(a < b for a, b in itertools.pairwise(magnitudes)), name


def test_names_aliases_and_dtypes_lead_to_one_object() -> None:
    assert nf.get_format("E4M3FN") is nf.float8_e4m3fn
    assert nf.get_format("half") is nf.float16 is nf.get_format(np.float16)
    assert nf.get_format(ml_dtypes.float8_e5m2) is nf.float8_e5m2
    assert nf.get_format(np.dtype("int8")) is nf.int8
    assert nf.get_format(nf.bfloat16) is nf.bfloat16
    for alias, fmt in ALIASES.items():
        assert nf.get_format(alias) is fmt
    for name in nf.list_formats():
        assert nf.get_format(name).name == name
        assert getattr(nf, name) is nf.get_format(name)
        assert name in dir(nf)
    assert nf.binary8p4se == nf.p3109(8, 4, signed=True, extended=True)


def test_no_alias_is_another_format_s_name() -> None:
    assert not set(ALIASES) & set(nf.list_formats())


def test_unknown_names_come_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"format: unknown 'float8_e4m3f'; did you mean"):
        nf.get_format("float8_e4m3f")
    with pytest.raises(ValueError, match="did you mean 'binary8p4"):
        nf.get_format("binary8p4es")
    with pytest.raises(ValueError, match="precision: 8 is outside 1 to 7"):
        nf.get_format("binary8p8se")
    with pytest.raises(TypeError, match="format: expected a name"):
        nf.get_format(8)
    with pytest.raises(ValueError, match="'float64' is an input, not a format"):
        nf.get_format(np.float64)
    with pytest.raises(ValueError, match="family: unknown 'iee'; did you mean 'ieee'"):
        nf.list_formats("iee")
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = nf.nonsense


def test_families_make_up_the_list() -> None:
    families = [
        nf.list_formats(name) for name in ("ieee", "ocp", "fnuz", "integers", "logarithmic")
    ]
    assert [name for family in families for name in family] == nf.list_formats()


CUSTOM: list[nf.Format] = [
    nf.FloatFormat("e3m2", exponent_bits=3, mantissa_bits=2),
    nf.FixedFormat("q3_4", 3, 4),
    nf.TableFormat("t", [0.0, 1.0, -1.0, 0.5]),
    nf.IntFormat("i", 5, narrow=True),
]


@pytest.mark.parametrize("fmt", [*NAMED, nf.get_format("binary16p1se"), *CUSTOM])
def test_formats_are_values(fmt: nf.Format) -> None:
    copy = pickle.loads(pickle.dumps(fmt))
    assert copy == fmt
    assert hash(copy) == hash(fmt)
    assert copy.name in repr(copy)
    assert f"{fmt.bits} bit" in repr(fmt)
    assert "\n" not in repr(fmt)
    assert fmt._repr_html_().startswith("<table>")
    with pytest.raises(AttributeError):
        fmt.name = "other"
    with pytest.raises(AttributeError):
        fmt.bits = 3


def test_formats_of_other_parameters_differ() -> None:
    e3m2 = nf.FloatFormat("e3m2", 3, 2)
    assert e3m2 == nf.FloatFormat("e3m2", 3, 2, bias=3, overflow="infinity")
    assert e3m2 != nf.FloatFormat("e3m2", 3, 2, bias=4)
    assert e3m2 != nf.FloatFormat("other", 3, 2)
    assert nf.IntFormat("x", 8) != nf.FixedFormat("x", 7, 0)


def test_html_is_escaped() -> None:
    assert "<script>" not in nf.IntFormat("<script>", 8)._repr_html_()


def test_values_beyond_float64_are_told_not_flushed() -> None:
    f = nf.get_format("binary16p1se")
    with pytest.raises(OverflowError, match=r"binary16p1se\.max is beyond float64"):
        _ = f.max
    with pytest.raises(OverflowError, match="smallest_normal"):
        _ = f.smallest_normal
    assert f.highest == Fraction(2) ** 16382
    for call in (f.values, lambda: f.decode([1]), lambda: f.round(1.0)):
        with pytest.raises(ValueError, match="binary16p1se has values that float64 cannot hold"):
            call()
    # Encoding needs no value of the format.
    assert f.encode(1.0) == nf.exact.project(1, f)
    assert nf.exact.decode(int(f.encode(2.0**-1070)), f) == Fraction(2) ** -1070


def test_dtypes() -> None:
    assert nf.float8_e4m3fn.dtype == ml_dtypes.float8_e4m3fn
    assert nf.float32.dtype == np.float32
    assert nf.int4.dtype == ml_dtypes.int4
    assert nf.tf32.dtype is None
    assert nf.int3.dtype is None


REFUSED: list[tuple[str, Any]] = [
    ("exponent_bits: 0 is outside 1 to 16", lambda: nf.FloatFormat("x", 0, 3)),
    ("exponent_bits: 17 is outside 1 to 16", lambda: nf.FloatFormat("x", 17, 3)),
    ("mantissa_bits: 24 is outside 0 to 23: the prec", lambda: nf.FloatFormat("x", 4, 24)),
    ("33 bits in all", lambda: nf.FloatFormat("x", 9, 23)),
    ("exponent_bits: expected an int, got float", lambda: nf.FloatFormat("x", 4.0, 3)),
    ("mantissa_bits: expected an int, got bool", lambda: nf.FloatFormat("x", 4, True)),
    ("name: expected a str", lambda: nf.FloatFormat(3, 4, 3)),
    ("name: an empty name", lambda: nf.FloatFormat("", 4, 3)),
    ("bias: 70000 is outside", lambda: nf.FloatFormat("x", 4, 3, bias=70000)),
    ("signed: expected True or False, got 1", lambda: nf.FloatFormat("x", 4, 3, signed=1)),
    ("nan: expected one of ieee, top", lambda: nf.FloatFormat("x", 4, 3, nan="quiet")),
    ("nan: 'ieee' needs a trailing", lambda: nf.FloatFormat("x", 4, 0)),
    ("nan: 'ieee' sets the whole", lambda: nf.FloatFormat("x", 4, 3, has_inf=False)),
    (
        "nan: 'negative_zero' needs a signed",
        lambda: nf.FloatFormat("x", 4, 3, signed=False, nan="negative_zero"),
    ),
    ("has_zero: a format without zero", lambda: nf.FloatFormat("x", 4, 3, has_zero=False)),
    (
        "overflow: 'infinity' in a format without",
        lambda: nf.FloatFormat("x", 4, 3, has_inf=False, nan="top", overflow="infinity"),
    ),
    (
        "overflow: 'nan' in a format without",
        lambda: nf.FloatFormat("x", 4, 3, has_inf=False, nan="none", overflow="nan"),
    ),
    ("leave no code for a positive", lambda: nf.FloatFormat("x", 1, 0, nan="top")),
    ("bits: 17 is outside 1 to 16", lambda: nf.IntFormat("x", 17)),
    ("bits: 0 is outside 1 to 16", lambda: nf.IntFormat("x", 0)),
    ("narrow: an unsigned range", lambda: nf.IntFormat("x", 8, signed=False, narrow=True)),
    ("narrow: 1 bit leaves only zero", lambda: nf.IntFormat("x", 1, narrow=True)),
    ("fraction_bits: 33 is outside 0 to 32", lambda: nf.FixedFormat("x", 0, 33)),
    (r"fraction_bits \+ sign: 33 is outside 1 to 32", lambda: nf.FixedFormat("x", 16, 16)),
    (r"sign: 0 is outside 1 to 32", lambda: nf.FixedFormat("x", 0, 0, signed=False)),
    ("table: 3 values; a table has 2, 4, 8", lambda: nf.TableFormat("x", (0.0, 1.0, 2.0))),
    ("table: entry 1 is nan; the values of a", lambda: nf.TableFormat("x", (0.0, math.nan))),
    ("table: entry 1 is '1'; expected a real", lambda: nf.TableFormat("x", (0.0, "1"))),
    ("table: entry 1 is 9007199254740993, which", lambda: nf.TableFormat("x", (0.0, 2**53 + 1))),
    ("table: entry 0 is 1e-300, outside 2", lambda: nf.TableFormat("x", (1e-300, 1.0))),
    ("table: entry 1 is 1000", lambda: nf.TableFormat("x", (1.0, 10**400))),
    ("table: expected a sequence of numbers, got 5", lambda: nf.TableFormat("x", 5)),
    ("table: entry 0 is ", lambda: nf.TableFormat("x", np.zeros((2, 2)))),
    ("dtype_name: 'bogus' is no dtype", lambda: nf.FloatFormat("x", 3, 2, dtype_name="bogus")),
    (
        "dtype_name: 'float8_e4m3fn' is no dtype of .* with 6 bits",
        lambda: nf.FloatFormat("x", 3, 2, dtype_name="float8_e4m3fn"),
    ),
    ("table: all values are 1.0", lambda: nf.TableFormat("x", (1.0, 1.0))),
    ("bits: 2 is outside 3 to 16", lambda: nf.p3109(2, 1, signed=True, extended=True)),
    ("precision: 0 is outside 1 to 7", lambda: nf.p3109(8, 0, signed=True, extended=True)),
    ("extended: expected True or False", lambda: nf.p3109(8, 4, signed=True, extended=1)),
    ("bits: 33 is outside 1 to 32", lambda: nf.Stochastic(33)),
    ("variant: expected 'A', 'B' or 'C', got 'D'", lambda: nf.Stochastic(8, "D")),
    ("bits: expected an int from 1 to 32", lambda: nf.Stochastic("8")),
]


@pytest.mark.parametrize(("message", "make"), REFUSED, ids=[row[0][:40] for row in REFUSED])
def test_impossible_descriptions_are_refused_with_the_reason(message: str, make: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_what_a_dtype_holds_does_not_depend_on_the_dtype_that_a_format_names() -> None:
    named = nf.float8_e8m0fnu
    unnamed = dataclasses.replace(named, dtype_name=None)
    assert named == unnamed
    assert named.dtype is not None
    for fmt in (unnamed, named):
        dtype_holds.cache_clear()
        assert dtype_holds(named.dtype, fmt)
        assert not dtype_holds(named.dtype, nf.get_format("binary8p1se"))
