"""Flush-to-zero floats: nothing but zero lies below the smallest normal value."""

from __future__ import annotations

import importlib
import itertools
import math
import pickle
from dataclasses import replace
from fractions import Fraction
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from decision_points import DETERMINISTIC, with_signed_zeros
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import numformats as nf
from numformats.codec import backends, numpy_path
from numformats.codec.arguments import code_dtype
from numformats.codec.plan import make_plan
from numformats.codec.values import decode_chunk
from numformats.modes import Modes
from numformats.testing import check_rounding, laws, strategies, vectors

calls = importlib.import_module("numformats.codec.numba.calls")

IEEE = nf.FloatFormat("e3m2", 3, 2, subnormals="flush")
FN = nf.FloatFormat("e4m3fn", 4, 3, has_inf=False, nan="top", subnormals="flush")
FNUZ = nf.FloatFormat("e4m3fnuz", 4, 3, 8, has_inf=False, nan="negative_zero", subnormals="flush")
UNSIGNED = nf.FloatFormat(
    "ue3m3", 3, 3, signed=False, has_inf=False, nan="none", subnormals="flush"
)
P3109 = nf.FloatFormat(
    "p3109", 4, 3, 8, nan="negative_zero", arithmetic="p3109", subnormals="flush"
)
ONE_BIT = nf.FloatFormat("e4m0", 4, 0, nan="top", subnormals="flush")
BY_SIGNIFICAND = nf.FloatFormat(
    "e4m0s", 4, 0, nan="top", even_ties="significand", subnormals="flush"
)
BRAIN = nf.FloatFormat("brain", 8, 7, subnormals="flush")
SINGLE = nf.FloatFormat("single", 8, 23, subnormals="flush")
WIDE_FNUZ = nf.FloatFormat("wide", 7, 14, has_inf=False, nan="negative_zero", subnormals="flush")
FAR_DOWN = nf.FloatFormat("far_down", 6, 3, bias=1022, has_inf=False, subnormals="flush", nan="top")

NARROW = [IEEE, FN, FNUZ, UNSIGNED, P3109, ONE_BIT, BY_SIGNIFICAND]
ALL = [*NARROW, BRAIN, SINGLE, WIDE_FNUZ, FAR_DOWN]
of_each = pytest.mark.parametrize("fmt", ALL, ids=lambda f: f.name)
of_narrow = pytest.mark.parametrize("fmt", NARROW, ids=lambda f: f.name)
RANDOM = ("stochastic_equal", *(nf.Stochastic(bits, v) for bits in (1, 4, 32) for v in "ABC"))


# The meaning, from the fields of a code alone


def meaning(fmt: nf.FloatFormat, code: int) -> Fraction | float:
    """The value of a code that is neither infinity nor NaN."""
    trailing = code % 2**fmt.mantissa_bits
    field = (code >> fmt.mantissa_bits) % 2**fmt.exponent_bits
    negative = fmt.signed and code >> (fmt.exponent_bits + fmt.mantissa_bits) == 1
    if field == 0:
        return -0.0 if negative and fmt.nan != "negative_zero" else Fraction(0)
    significand = 1 + Fraction(trailing, 2**fmt.mantissa_bits)
    return (-1) ** negative * significand * Fraction(2) ** (field - fmt.bias)


def rounded(x: Fraction, smallest: Fraction, mode: str) -> Fraction:
    """What a mode makes of a number from -smallest to smallest."""
    size = abs(x)
    up = {
        "nearest_even": 2 * size > smallest,
        "nearest_away": 2 * size >= smallest,
        "nearest_zero": 2 * size > smallest,
        "toward_zero": False,
        "away_from_zero": size > 0,
        "toward_positive": x > 0,
        "toward_negative": x < 0,
        # Zero and the smallest normal value have even codes, and so neither is chosen for its own.
        "to_odd": False,
    }[mode] or size == smallest
    return up * (smallest if x > 0 else -smallest)


def around_zero(fmt: nf.FloatFormat, dtype: Any = np.float64) -> NDArray[Any]:
    """Zero, the smallest normal value, half of it, and others between, with their neighbours in a
    dtype; of both signs where the format has them."""
    smallest = math.ldexp(1.0, 1 - fmt.bias)
    parts = [k / 64 for k in range(1, 65)] + [1 / 3, 1 - 2.0**-20, 2.0**-33, 2.0**-70]
    points = np.array([smallest * part for part in parts] + [5e-324]).astype(dtype)
    near = [np.nextafter(points, dtype(end)) for end in (-np.inf, np.inf)]
    found = np.unique(np.concatenate([points, *near]))
    found = found[np.abs(found) <= dtype(smallest)]
    return np.concatenate([found, -found]) if fmt.signed else np.abs(found)


def codes_by_path(x: NDArray[Any], fmt: nf.Format, modes: Modes, **draws: Any) -> NDArray[Any]:
    """The codes from NumPy, after those of the compiled loops were found to be the same."""
    plan = make_plan(fmt, modes)
    of_numpy, compiled = (np.empty(x.shape, code_dtype(fmt)) for _ in range(2))
    numpy_path.project_into(of_numpy, x, plan, **draws)
    kernel = calls.kernel_for(plan, x.dtype)
    assert kernel is not None or fmt is FAR_DOWN
    if kernel is not None:
        calls.project_into(compiled, x, kernel, **draws)
        np.testing.assert_array_equal(compiled, of_numpy)
    return of_numpy


# Values


@of_each
def test_values_are_those_of_the_fields(fmt: nf.FloatFormat) -> None:
    every = np.arange(2**fmt.bits) if fmt.bits <= 16 else np.unique(
        np.concatenate([
            np.arange(2**12),
            2**fmt.mantissa_bits + np.arange(-(2**10), 2**10),
            2 ** (fmt.bits - 1) + np.arange(2**12),
            2 ** (fmt.bits - 1) + 2**fmt.mantissa_bits + np.arange(-(2**10), 2**10),
            np.random.default_rng(1).integers(0, 2**fmt.bits, 2**12),
        ])
    )  # fmt: skip
    codes = every.astype(code_dtype(fmt))
    finite = [fmt.is_nan_code(code) or (code & fmt.top_code) == fmt.inf_code for code in every]
    codes = codes[~np.array(finite)]
    expected = [meaning(fmt, int(code)) for code in codes]
    assert [nf.exact.decode(int(code), fmt) for code in codes] == expected
    as_floats = np.array([float(value) for value in expected])
    for dtype in ("f4", "f8"):
        if dtype == "f4" and fmt is FAR_DOWN:
            continue
        word = f"u{dtype[1]}"
        right = as_floats.astype(dtype)
        of_numpy = decode_chunk(codes, fmt, np.dtype(dtype))
        np.testing.assert_array_equal(of_numpy.view(word), right.view(word))
        decoder = calls.decoder_for(fmt, np.dtype(dtype))
        assert (decoder is None) == (fmt is WIDE_FNUZ)
        if decoder is not None:
            compiled = np.empty(codes.shape, dtype)
            assert calls.decode_into(compiled, codes, decoder)
            np.testing.assert_array_equal(compiled.view(word), right.view(word))


@of_each
def test_values_of_note(fmt: nf.FloatFormat) -> None:
    assert not fmt.has_subnormals
    assert fmt.smallest_normal_exact == fmt.smallest_positive_exact == Fraction(2) ** (1 - fmt.bias)
    assert "subnormals flush" in repr(fmt)
    twin = replace(fmt, has_subnormals=True, subnormals="gradual")
    assert (fmt.max, fmt.min, fmt.eps) == (twin.max, twin.min, twin.eps)
    assert twin.has_subnormals
    assert "subnormals flush" not in repr(twin)


# Rounding


@of_narrow
def test_a_code_becomes_itself_unless_it_is_a_zero_that_is_not_written(fmt: nf.FloatFormat) -> None:
    codes = np.arange(2**fmt.bits, dtype=np.uint8)
    values = fmt.values()
    kept = codes[~np.isnan(values)]
    is_zero = values[kept] == 0
    assert np.count_nonzero(is_zero) == (1 + fmt.signed) * 2**fmt.mantissa_bits - (
        fmt.nan == "negative_zero"
    )
    written = np.where(is_zero, kept & (fmt.sign_bit if fmt.has_negative_zero else 0), kept)
    np.testing.assert_array_equal(fmt.encode(fmt.decode(kept)), written)


@of_each
@pytest.mark.parametrize("mode", DETERMINISTIC)
def test_below_the_smallest_normal_value_the_mode_decides(fmt: nf.FloatFormat, mode: str) -> None:
    smallest, sign = Fraction(2) ** (1 - fmt.bias), 1 << (fmt.bits - 1)
    if mode == "to_odd" and fmt.mantissa_bits == 0:
        pytest.skip(
            "the smallest normal value has an odd code there, and is what all others become"
        )
    for dtype in (np.float64, np.float32):
        x = around_zero(fmt, dtype)
        expected = []
        for number in x:
            value = rounded(Fraction(float(number)), smallest, mode)
            code = 2**fmt.mantissa_bits if value else 0
            keeps_sign = np.signbit(number) and (value or fmt.has_negative_zero)
            expected.append(code | (sign if keeps_sign else 0))
        assert codes_by_path(x, fmt, Modes(mode)).tolist() == expected  # type: ignore[arg-type]
        assert [nf.exact.project(number, fmt, mode) for number in x] == expected


def test_to_odd_goes_to_the_odd_code_if_there_is_one() -> None:
    for fmt in (ONE_BIT, BY_SIGNIFICAND):
        x = around_zero(fmt)
        assert set(codes_by_path(x[x > 0], fmt, Modes("to_odd")).tolist()) == {1}
        assert {nf.exact.project(number, fmt, "to_odd") for number in x[x > 0]} == {1}


@of_narrow
@pytest.mark.parametrize("saturation", ["none", "finite", "propagate"])
def test_all_paths_agree_with_the_oracle_everywhere(fmt: nf.FloatFormat, saturation: Any) -> None:
    values = sorted({Fraction(v) for v in fmt.values()[np.isfinite(fmt.values())].tolist()})
    points = {float(v) for v in values} | {float(a + b) / 2 for a, b in itertools.pairwise(values)}
    points |= {2 * fmt.max, -2 * fmt.max, math.inf, -math.inf, 1e300, 1e-300}
    x = np.array(sorted(points))
    with np.errstate(over="ignore"):
        x = np.concatenate([x, np.nextafter(x, -np.inf), np.nextafter(x, np.inf)])
    x = with_signed_zeros(np.append(x, np.nan))
    for mode in DETERMINISTIC:
        codes = codes_by_path(x, fmt, Modes(mode, saturation, "zero"))
        expected = [nf.exact.project(v, fmt, mode, saturation, nan="zero") for v in x.tolist()]
        assert codes.tolist() == expected, mode
        is_field_zero = (codes & fmt.top_code) < 2**fmt.mantissa_bits
        assert not (codes[is_field_zero] & fmt.top_code).any()


@of_each
@pytest.mark.parametrize("mode", RANDOM, ids=str)
def test_nu_is_the_part_of_the_way_to_the_smallest_normal_value(fmt: Any, mode: Any) -> None:
    x = around_zero(fmt)
    x = x[x > 0]
    bits = 1 if mode == "stochastic_equal" else mode.bits
    rng = np.random.default_rng(3)
    draws = np.concatenate([
        np.zeros(x.size), np.full(x.size, 2**bits - 1), rng.integers(0, 2**bits, 4 * x.size)
    ]).astype(np.uint32)  # fmt: skip
    x = np.tile(x, 6)
    codes = codes_by_path(x, fmt, Modes(mode), random_bits=draws)
    assert codes.tolist() == [
        nf.exact.project(number, fmt, mode, random_bits=int(draw))
        for number, draw in zip(x, draws, strict=True)
    ]
    if mode == nf.Stochastic(4, "A"):
        nu = [Fraction(float(number)) / Fraction(2) ** (1 - fmt.bias) for number in x]
        is_up = [
            part == 1 or math.floor(part * 16) + int(draw) >= 16
            for part, draw in zip(nu, draws, strict=True)
        ]
        assert (codes != 0).tolist() == is_up


@pytest.mark.parametrize("fmt", [IEEE, FNUZ, BRAIN, SINGLE], ids=lambda f: f.name)
@pytest.mark.parametrize("mode", ["sr", nf.Stochastic(7, "C"), "stochastic_equal"], ids=str)
def test_random_bits_of_a_key_are_the_same_on_both_paths(fmt: Any, mode: Any) -> None:
    rng = np.random.default_rng(5)
    for dtype in (np.float32, np.float64, np.float16, ml_dtypes.bfloat16):
        smallest = math.ldexp(1.0, 1 - fmt.bias)
        x = (rng.standard_normal(5000) * smallest * 2.0 ** rng.integers(-9, 3, 5000)).astype(dtype)
        modes = Modes("stochastic_equal") if mode == "stochastic_equal" else Modes(
            nf.Stochastic() if mode == "sr" else mode
        )  # fmt: skip
        codes_by_path(x, fmt, modes, key=9)
        both = []
        for is_disabled in (True, False):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(backends, "_IS_DISABLED", is_disabled)
                both.append(fmt.round(x, mode, rng=9))
        np.testing.assert_array_equal(both[0], both[1])


def test_float32_by_hand() -> None:
    rng = np.random.default_rng(7)
    x = rng.integers(0, 2**32, 1 << 16, np.uint32).view(np.float32)
    near = (rng.uniform(-2, 2, 1 << 14) * 2.0**-126).astype(np.float32)
    x = np.concatenate([x[np.isfinite(x)], near, [2.0**-127, -(2.0**-127)]]).astype(np.float32)
    with np.errstate(over="ignore"):
        by_hand = x.astype(ml_dtypes.bfloat16).astype(np.float32)
    is_small = np.abs(x) < 2.0**-126
    nearest = np.where(np.abs(x) > 2.0**-127, np.float32(2.0**-126), np.float32(0))
    by_hand[is_small] = np.copysign(nearest, x)[is_small]
    for is_disabled in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(backends, "_IS_DISABLED", is_disabled)
            np.testing.assert_array_equal(BRAIN.round(x).view("u4"), by_hand.view("u4"))
            codes = BRAIN.encode(x)
            np.testing.assert_array_equal(BRAIN.decode(codes).view("u4"), by_hand.view("u4"))
    # A number of float32 itself is kept, unless it is subnormal.
    kept = np.where(is_small, np.copysign(nearest, x), x)
    np.testing.assert_array_equal(SINGLE.round(x).view("u4"), kept.view("u4"))


# The format as an object


def test_parameters_and_equality() -> None:
    gradual = nf.FloatFormat("e3m2", 3, 2)
    none = nf.FloatFormat("e3m2", 3, 2, has_subnormals=False)
    assert len({gradual, none, IEEE}) == 3
    assert none.smallest_normal < IEEE.smallest_normal == gradual.smallest_normal
    for fmt in (gradual, none, IEEE):
        assert pickle.loads(pickle.dumps(fmt)) == fmt
        assert replace(fmt, name="e3m2") == fmt
    assert replace(gradual, subnormals="flush") == replace(none, subnormals="flush") == IEEE
    assert replace(gradual, has_subnormals=False) == none
    assert replace(none, has_subnormals=True) == gradual
    positional = nf.FloatFormat("e3m2", 3, 2, 3, True, True, "ieee", False, True)
    assert positional == none
    # Unless the exponent field has one bit more than it takes, nothing is left.
    with pytest.raises(ValueError, match="leave no code"):
        nf.FloatFormat("tiny", 1, 2, subnormals="flush")
    with pytest.raises(ValueError, match="subnormals: expected one of gradual, flush"):
        nf.FloatFormat("f", 3, 2, subnormals="none")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="subnormals: 'flush' in a format without zero"):
        nf.FloatFormat("f", 3, 2, signed=False, has_inf=False, nan="top", has_zero=False,
                       subnormals="flush")  # fmt: skip


def test_a_format_pickled_before_there_was_the_parameter() -> None:
    none = nf.FloatFormat("e3m2", 3, 2, has_subnormals=False)
    old = object.__new__(nf.FloatFormat)
    old.__dict__.update({k: v for k, v in none.__getstate__().items() if k != "subnormals"})
    assert old == none
    assert hash(old) == hash(none)
    assert old.encode(0.1) == none.encode(0.1)


def test_neighbours_and_classes() -> None:
    def up(code: int) -> int:
        return nf.exact.next_up(code, IEEE)

    def down(code: int) -> int:
        return nf.exact.next_down(code, IEEE)

    # -0.25, -0, 0, 0.25, 0.3125, and a zero that is not written.
    assert [up(code) for code in (36, 32, 0, 4, 3, 35)] == [32, 4, 4, 5, 4, 4]
    assert [down(code) for code in (36, 32, 0, 4, 3, 35)] == [37, 36, 36, 0, 36, 36]
    assert [nf.exact.classify(code, IEEE) for code in (3, 35, 4)] == [
        "positive_zero", "negative_zero", "positive_normal"
    ]  # fmt: skip
    np.testing.assert_array_equal(nf.arithmetic.next_up([0.0, 0.25], IEEE), [0.25, 0.3125])
    flags = nf.exact.Flags
    underflow = flags.INEXACT | flags.UNDERFLOW
    assert nf.exact.flags(0.1, IEEE) == nf.exact.flags("0.2", IEEE) == underflow
    assert nf.exact.flags("0.2499", IEEE) == flags.INEXACT
    assert nf.exact.flags("0.2499", IEEE, tininess="before") == underflow
    found = nf.exact.trace(0.15, IEEE)
    assert (found.inward, found.outward, found.boundary) == (0, Fraction(1, 4), Fraction(1, 8))
    assert nf.exact.trace(Fraction(3, 16), IEEE).part == Fraction(3, 4)


def test_arithmetic_is_exact_and_projected_once() -> None:
    a, b = nf.array([0.25, 0.3125, 0.3125], IEEE), nf.array([0.3125, 0.25, 0.4375], IEEE)
    # The differences 1/16 and 1/8 are no values.
    assert (a - b).values().tolist() == [-0.0, 0.0, 0.0]
    assert np.signbit((a - b).values()).tolist() == [True, False, True]
    assert (a * b).codes.tolist() == [0, 0, 4]
    values = IEEE.values()[np.isfinite(IEEE.values())]
    x, y = np.meshgrid(values, values)
    for mode in ("nearest_even", "to_odd", "toward_positive"):
        got = nf.arithmetic.multiply(x, y, fmt=IEEE, rounding=mode)
        expected = IEEE.round(x * y, mode)  # float64 has the products
        np.testing.assert_array_equal(got, expected)
    # Codes that are not written are zeros like others.
    zeros = nf.FormatArray(np.array([3, 35, 0], np.uint8), IEEE)
    assert (zeros == nf.array([0.0, 0.0, 0.0], IEEE)).tolist() == [True] * 3
    assert (zeros + zeros).codes.tolist() == [0, 32, 0]


# The testing kit


@of_narrow
def test_the_kit_proves_and_refutes(fmt: nf.FloatFormat) -> None:
    proof = check_rounding(fmt.encode, fmt, dtype=np.float16, budget="exhaustive")
    assert proof.is_proof
    assert check_rounding(fmt.round, fmt, kind="round", raise_on_failure=True)

    def to_zero(x: Any) -> Any:  # as hardware does, whatever the mode
        return np.where(
            np.abs(x) < fmt.smallest_normal, np.copysign(x.dtype.type(0), x), fmt.round(x)
        )

    assert not check_rounding(to_zero, fmt, kind="round")


@pytest.mark.parametrize("fmt", [FN, FNUZ, SINGLE, ONE_BIT], ids=lambda f: f.name)
def test_laws_hold(fmt: nf.FloatFormat) -> None:
    x = np.concatenate([around_zero(fmt), [3.0, -1.7, 0.0, -0.0]])
    laws.exactness(fmt.round, fmt)
    laws.idempotence(fmt.round, x)
    laws.monotonicity(fmt.round, x)
    laws.sign_symmetry(fmt.round, x[x != 0])
    laws.containment(fmt.round, x, fmt)
    laws.nearest_is_nearest(fmt.round, x, fmt)
    for rule in laws.TIE_RULES:
        mode = f"nearest_{rule}"
        laws.ties(lambda x, mode=mode: fmt.round(x, mode), fmt, rule=rule)
    smallest = fmt.smallest_normal
    found = nf.testing.laws.ties_of(fmt)
    assert smallest / 2 in found.boundary
    with pytest.raises(laws.LawError):
        laws.ties(lambda x: fmt.round(x, "nearest_zero"), fmt, rule="away")


@settings(max_examples=60)
@given(st.data())
def test_strategies_draw_from_them(data: st.DataObject) -> None:
    fmt = data.draw(st.sampled_from([*NARROW, BRAIN, SINGLE]))
    projection = data.draw(strategies.projections(st.just(fmt)))
    x = data.draw(strategies.inputs(fmt, np.float32, nan=False))
    draw = None
    if projection.random_bit_count:
        draw = data.draw(st.integers(0, 2**projection.random_bit_count - 1))
    modes = projection.rounding, projection.saturation
    code = fmt.encode(x, *modes, random_bits=draw)
    assert code == nf.exact.project(x, fmt, *modes, random_bits=draw)


def test_vectors_are_made_for_them() -> None:
    source = vectors.Source.parse("float16")
    projection = nf.testing.Projection(FN)
    lines = [line for chunk in vectors.vectors(projection, source, 1)
             for line in vectors.lines(chunk, source, projection)]  # fmt: skip
    # 2**-7 is the tie; the next number becomes the smallest normal value.
    assert "2000 00 03" in lines
    assert "2001 08 03" in lines


# Scaled formats


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [nf.float8_e8m0fnu, FN, nf.float32], ids=lambda f: f.name)
@pytest.mark.parametrize("mode", ["nearest_even", "toward_positive", "sr"])
def test_scaled_formats_have_the_same_bits_on_both_paths(dtype: Any, scale: Any, mode: str) -> None:
    rng = np.random.default_rng(11)
    x = rng.standard_normal((16, 64)) * 2.0 ** rng.integers(-30, 3, (16, 1))
    x[3], x[4, :32] = 0, 0
    x = x.astype(dtype)
    fmt = nf.ScaledFormat("flushed", IEEE if scale is FN else FN, scale, nf.PerBlock(32))
    results = []
    for is_disabled in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(backends, "_IS_DISABLED", is_disabled)
            q = nf.quantize(x, fmt, rounding=mode, rng=1 if mode == "sr" else None)
            results.append((q.codes, q.scales, q.dequantize(np.float64)))
    for of_numpy, compiled in zip(*results, strict=True):
        np.testing.assert_array_equal(of_numpy, compiled)
    codes, scales, values = results[0]
    # A scale is never zero, and no code is one that is not written.
    if scale is FN:
        assert scales.min() >= 8
    element = fmt.element
    field_zero = codes & element.top_code < 2**element.mantissa_bits
    assert not (codes[field_zero] & element.top_code).any()
    sizes = scales if scale is nf.float32 else scale.decode(scales)
    each = np.repeat(np.asarray(sizes), 32, axis=-1).astype(np.float64)
    np.testing.assert_array_equal(values, element.decode(codes).astype(np.float64) * each)
