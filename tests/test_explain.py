"""Explanations: what they say is what `exact` does, and why it does it."""

from __future__ import annotations

import ast
import itertools
import json
import math
import xml.etree.ElementTree as ET
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from posit8 import POSIT8

import numformats as nf
from numformats.formats.registry import NAMED
from numformats.irrational import Irrational
from numformats.modes import ROUNDING_NAMES, random_bit_count
from numformats.teaching import Explanation, Neighbour
from numformats.teaching.expressions import read_expression
from numformats.teaching.numbers import short

MADE_BY_RULE = ("lns8_4", "lns12_6", "posit5", "posit8_es0", "takum6", "log_takum10")
OF_P3109 = (
    "binary8p3se",
    "binary8p1uf",
    "binary4p2sf",
    "binary8p4uf",
    "binary16p11ue",
    "binary16p2ue",
)
OWN = (
    nf.FloatFormat("flush", 3, 2, subnormals="flush"),
    nf.FloatFormat("abrupt", 2, 1, has_inf=False, nan="none", has_subnormals=False),
    nf.FixedFormat("q3_4", 3, 4),
    nf.TableFormat("ternary", [0.0, 1.0, -1.0, -1.0]),
    nf.TableFormat("alike", [-3.0, 5.0, 1.0, 2.5, -1.0, 4.0, 0.25, -8.0]),
)
FORMATS = {
    fmt.name: fmt
    for fmt in (*NAMED.values(), *map(nf.get_format, (*MADE_BY_RULE, *OF_P3109)), *OWN)
}
MODES = (*ROUNDING_NAMES, *(nf.Stochastic(8, variant) for variant in ("A", "B", "C")))
SATURATIONS = ("none", "finite", "propagate", "wrap")
TELLING = (
    "0",
    "-0.0",
    "nan",
    "inf",
    "-inf",
    "0.1",
    "-1/3",
    "1e30",
    "-1e400",
    "1e-30",
    "465",
    "3.5",
)


def draw_for(mode: Any, i: int) -> int | None:
    count = random_bit_count(mode)
    return (37 * i) % 2**count if count else None


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=FORMATS)
def test_its_code_is_that_of_the_oracle_and_it_fits_the_page(fmt: nf.Format) -> None:
    for i, (mode, text) in enumerate(itertools.product(MODES, TELLING)):
        saturation = SATURATIONS[i % 3]
        draw = draw_for(mode, i)
        why = nf.explain(text, fmt, mode, saturation, nan="max", random_bits=draw)
        assert why.code == nf.exact.project(
            text, fmt, mode, saturation, nan="max", random_bits=draw
        )
        value = nf.exact.decode(why.code, fmt)
        assert why.value == value or math.isnan(why.value)
        assert why.flags == nf.exact.flags(text, fmt, mode, saturation, random_bits=draw)
        lines = str(why).split("\n")
        assert max(map(len, lines)) <= 80
        assert all(line == line.rstrip() for line in lines)
        if i % 5 == 0:
            assert_well_formed(why)
            json.dumps(why.as_dict())


@pytest.mark.parametrize("mode", MODES)
def test_the_text_marks_the_neighbour_that_was_taken(mode: Any) -> None:
    for x in ("2.4", "2.6", "-2.4", "-2.6"):
        why = nf.explain(x, "e2m1fn", mode, random_bits=draw_for(mode, 3))
        (marked,) = (line for line in str(why).split("\n") if "<- rounded to" in line)
        assert f"0x{why.code:x}" in marked
        arrows = ">" if why.value > why.number else "<"
        assert f"x{arrows}" in str(why) or f"{arrows}x" in str(why)


def test_numbers_of_thousands_of_digits() -> None:
    for x in (10**5000, Fraction(1, 3**9000), "-1e99999"):
        why = nf.explain(x, "e4m3fn")
        assert max(map(len, str(why).split("\n"))) <= 80
        record = why.as_dict()["number"]
        if "0x" in record:
            above, _, below = record.partition("/")
            assert Fraction(int(above, 16), int(below or "1", 16)) == why.number


def test_wrapped_integers_are_explained() -> None:
    why = nf.explain(200, "int8", saturation="wrap")
    assert why.value == -56
    assert why.decided_by.rule == "wrap"
    assert "256 away" in why.decided_by.sentence


def assert_well_formed(thing: Any) -> None:
    html = thing._repr_html_()
    root = ET.fromstring(html)
    assert root.tag == "pre"
    assert root.get("aria-label")
    # The same text, whatever the colours.
    assert "".join(root.itertext()) == str(thing)


# Neighbours and position


@pytest.mark.parametrize(
    "fmt", [fmt for fmt in FORMATS.values() if fmt.bits <= 8], ids=lambda fmt: fmt.name
)
def test_neighbours_are_the_values_around_and_the_position_is_exact(fmt: nf.Format) -> None:
    values = sorted({Fraction(v) for v in map(fmt.value, range(2**fmt.bits)) if math.isfinite(v)})
    if getattr(fmt, "narrow", False):
        values = values[1:]  # the code that is never written
    for low, high in itertools.pairwise(values):
        for part in (Fraction(1, 3), Fraction(1, 2), Fraction(9, 10)):
            x = low + (high - low) * part
            why = nf.explain(x, fmt)
            assert why.lower is not None
            assert why.upper is not None
            assert (why.lower.value, why.upper.value, why.position) == (low, high, part)
            for one in (why.lower, why.upper):
                assert one.code is not None
                assert fmt.value(one.code) == one.value
                assert fmt.lattice is None or one.is_odd == (one.code % 2 == 1)
            assert why.error is not None
            assert why.error.absolute == Fraction(why.value) - x
            assert why.error.ulps in (part, 1 - part)
            assert x == 0 or why.error.relative == why.error.absolute / abs(x)
    for value in values:
        why = nf.explain(value, fmt)
        assert why.position is None
        assert why.decided_by.rule == "exact"
        assert why.error is not None
        assert why.error.absolute == 0


def test_neighbours_beyond_the_range_have_no_code() -> None:
    why = nf.explain(465, "e4m3fn")
    assert why.lower == Neighbour(Fraction(448), 0x7E, False)
    assert why.upper == Neighbour(Fraction(480), None, True)
    assert why.rounded == 480
    assert [one.rule for one in why.decisions] == ["nearest", "overflow"]


# The decision, derived anew from the record


def derived(why: Explanation) -> tuple[str, str]:
    """The rule, and the side that it takes, from neighbours, position, boundary and mode alone."""
    lower, upper, x = why.lower, why.upper, why.number
    assert lower is not None
    assert upper is not None
    assert why.position is not None
    assert why.boundary is not None
    # The side nearer to zero.
    inward, outward = ("upper", "lower") if x < 0 else ("lower", "upper")
    is_odd = {"lower": lower.is_odd, "upper": upper.is_odd}
    mode = why.modes.rounding
    if isinstance(mode, nf.Stochastic):
        nu, draw, whole = (
            why.position if x >= 0 else 1 - why.position,
            why.random_bits,
            2**mode.bits,
        )
        assert draw is not None
        away = {
            "A": (nu * whole).__floor__() + draw >= whole,
            "B": (2 * nu * whole).__floor__() + 2 * draw + 1 >= 2 * whole,
            "C": round(nu * whole) + draw >= whole,
        }[mode.variant]
        return f"stochastic {mode.variant}", outward if away else inward
    if mode == "stochastic_equal":
        return "random", outward if why.random_bits else inward
    directed = {
        "toward_zero": ("toward zero", inward),
        "away_from_zero": ("away from zero", outward),
        "toward_positive": ("toward +infinity", "upper"),
        "toward_negative": ("toward -infinity", "lower"),
    }
    if mode in directed:
        return directed[str(mode)]
    if mode == "to_odd":
        return "odd", outward if is_odd[outward] and not is_odd[inward] else inward
    if x != why.boundary:
        return "nearest", "upper" if x > why.boundary else "lower"
    tie = {"nearest_away": outward, "nearest_zero": inward}.get(str(mode))
    if tie is None and is_odd[inward] == is_odd[outward]:
        tie = inward
    if tie is None and why.format.even_ties == "significand":
        tie = outward if why.format.precision == 1 else None
    return "tie", tie or (inward if is_odd[outward] else outward)


def asked(draw: Any) -> tuple[Fraction, nf.Format, Any, str, int | None]:
    fmt = FORMATS[draw(st.sampled_from(sorted(FORMATS)))]
    mode = draw(st.sampled_from(MODES))
    saturation = draw(st.sampled_from(SATURATIONS[:3]))
    count = random_bit_count(mode)
    random_bits = draw(st.integers(0, 2**count - 1)) if count else None
    code = draw(st.integers(0, 2**fmt.bits - 1))
    value = fmt.value(code)
    is_number = isinstance(value, Fraction) or math.isfinite(value)
    base = Fraction(value) if is_number else fmt.highest * draw(st.sampled_from((1, 3)))
    gap = Fraction(draw(st.sampled_from((0, 1, 3, 8, 9))), 16)
    beside = fmt.step_beside(fmt.step_of(base), 1)
    is_known = fmt.lattice is not None or beside in fmt.steps
    width = fmt.value_of_step(beside) - base if is_known else fmt.spacing_at_one
    return base + gap * width, fmt, mode, saturation, random_bits


@settings(max_examples=600)
@given(st.data())
def test_the_sentence_tells_the_rule_that_decided(data: st.DataObject) -> None:
    x, fmt, mode, saturation, draw = asked(data.draw)
    why = nf.explain(x, fmt, mode, saturation, random_bits=draw)
    first = why.decisions[0]
    assert first.stage == "rounding"
    if why.position is None:
        assert first.rule in ("exact", "end", "no zero")
    else:
        rule, side = derived(why)
        assert first.rule == rule
        assert f"the {side} neighbour" in first.sentence
        taken = why.lower if side == "lower" else why.upper
        assert why.taken is taken
        assert taken is not None
        assert why.rounded == taken.value
        assert short(taken.value) in first.sentence
    assert_saturated(why)


def assert_saturated(why: Explanation) -> None:
    """The second decision stands there if and only if there was something beyond an end, and says
    what became of it.
    """
    fmt, z = why.format, why.rounded
    is_beyond = not fmt.lowest <= z <= fmt.highest
    assert (len(why.decisions) == 2) == is_beyond
    if not is_beyond:
        assert why.value == z
        return
    last = why.decided_by
    assert last.stage == "saturation"
    if last.rule == "smallest":
        assert 0 < z < fmt.lowest == why.value
        return
    end = fmt.highest if z > fmt.highest else fmt.lowest
    expected = {
        "saturate": end,
        "stay inside": end,
        "overflow": {
            "infinity": math.inf if z > fmt.highest else -math.inf,
            "nan": math.nan,
            "max": end,
        }[fmt.overflow],
        "no sign": math.nan,
    }[last.rule]
    assert why.value == expected or (why.value != why.value and expected != expected)
    word = "above the largest" if z > fmt.highest else "below the smallest"
    assert word in last.sentence
    assert short(why.value) in last.sentence
    inward = "toward_negative" if z > fmt.highest else "toward_positive"
    if last.rule == "stay inside":
        assert why.modes.saturation == "none"
        assert why.modes.rounding in ("toward_zero", "to_odd", inward)
    elif why.modes.saturation == "none" and fmt.overflow != "max" and z > fmt.highest:
        assert last.rule == "overflow"


@pytest.mark.parametrize(
    ("x", "fmt", "mode", "words"),
    [
        ("0.1", "e4m3fn", "nearest_even", "Above the boundary 0.09765625"),
        ("2.5", "e2m1fn", "nearest_even", "Ties go to the even code, to the lower neighbour 2"),
        ("2.5", "e2m1fn", "rna", "Ties go away from zero, to the upper neighbour 3"),
        ("1.5", "e8m0", "rne", "No significand is even, so it goes away from zero"),
        ("1e-30", "posit8", "rne", "where a code of one bit more would lie"),
        ("1e300", "posit8", "rne", "the nearest there is, in every mode"),
        ("1e-40", "e8m0", "rne", "there is no zero"),
        ("-1", "binary8p1uf", "rne", "There are no negative values, and it becomes NaN"),
        ("1000", "e5m2", "rto", "the odd code"),
        ("70000", "e5m2", "rtz", "`toward_zero` does not go beyond the end"),
        ("1000", "int8", "rne", "the format has nothing beyond, and it becomes 127"),
        ("nan", "e4m3fn", "rne", "NaN is the NaN of float8_e4m3fn"),
        ("inf", "e5m2", "rne", "Saturation `none` keeps what was an infinity before"),
        ("inf", "e4m3fn", "rne", "Infinity is above the largest value 448"),
        ("-3", "binary8p1uf", "rtz", "`toward_zero` does not go beyond the end"),
        ("-3", "uint8", "rne", "A value, if the range had no end"),
        ("60000", "hifloat8", "rne", "Beyond 49152, in whose place infinity stands"),
        ("4.5", "alike", "rne", "Both codes are odd, so it goes toward zero"),
    ],
)
def test_sentences(x: str, fmt: str, mode: str, words: str) -> None:
    why = nf.explain(x, FORMATS.get(fmt, fmt), mode)
    assert words in " ".join(one.sentence for one in why.decisions)


def test_propagate_tells_infinities_from_numbers() -> None:
    kept = nf.explain("inf", "e5m2", saturation="propagate")
    assert (kept.value, kept.decided_by.rule) == (math.inf, "keep")
    finite = nf.explain("1e9", "e5m2", saturation="propagate").decided_by
    assert "it was finite: it becomes 57344" in finite.sentence
    none = nf.explain("inf", "e4m3fn", saturation="propagate").decided_by
    assert "there is no infinity: it becomes 448" in none.sentence


def test_clauses_stand_beside_decisions() -> None:
    overflow = nf.explain(465, "e4m3fn").decided_by
    assert "IEEE 754-2019, 7.4" in overflow.source
    assert "4.7.5, SatNone" in overflow.source
    stochastic = nf.explain("2.6", "e2m1fn", nf.Stochastic(8), random_bits=90).decided_by
    assert "StochasticA" in stochastic.source
    assert "153 + 90 = 243 is below 2**8 = 256: toward zero" in stochastic.sentence
    assert "Posit Standard (2022), 4.1" in nf.explain("0.1", "posit8").decided_by.source


# Inputs


@pytest.mark.parametrize(
    ("x", "text", "number"),
    [
        (1, "1", Fraction(1)),
        (0.1, "float(0.1)", Fraction(0.1)),
        (0.5, "0.5", Fraction(1, 2)),
        (np.float32(0.1), "float32(0.1)", Fraction(float(np.float32(0.1)))),
        (Fraction(1, 3), "1/3", Fraction(1, 3)),
        (" 0x1.8p-3 ", "0x1.8p-3", Fraction(3, 16)),
        ("-inf", "-inf", -math.inf),
    ],
)
def test_what_was_given_is_told(x: Any, text: str, number: Any) -> None:
    why = nf.explain(x, "float16")
    assert (why.text, why.number) == (text, number)
    assert text in str(why)


def test_the_sign_of_zero_is_told() -> None:
    assert nf.explain(-0.0, "e4m3fn").negative
    assert nf.explain(-0.0, "e4m3fn").code == 0x80
    assert "value      -0" in str(nf.explain(-0.0, "e4m3fn"))


@pytest.mark.parametrize(
    ("x", "fmt", "options", "words"),
    [
        ("0.1.2", "e4m3fn", {}, "is no number and no operation"),
        ("0.1 + 0.2 + 0.3", "e4m3fn", {}, "one operation on numbers"),
        ("sqtr(2)", "e4m3fn", {}, "did you mean 'sqrt'"),
        ("sqrt(x)", "e4m3fn", {}, "'x' is no number"),
        ("sqrt(1, 2)", "e4m3fn", {}, "sqrt takes 1, got 2"),
        ("0.1", "e4m3fm", {}, "did you mean 'e4m3fn'"),
        ("nan", "int8", {}, "int8 has no NaN"),
        ("0.1", "e4m3fn", {"rounding": "nearest"}, "rounding: unknown 'nearest'"),
        ("0.1", "e4m3fn", {"rounding": "sr"}, "needs an int from 0"),
        ("0.1", "e4m3fn", {"random_bits": 1}, "uses none"),
        ("0.1", "e4m3fn", {"saturation": "wrap"}, "'wrap' is for integers"),
        ("0.1", "e4m3fn", {"axis": 0}, "axis: 0; float8_e4m3fn has no scales"),
        ([0.1, 0.2], "mxfp4", {}, "index: missing"),
        ([0.1, 0.2], "mxfp4", {"index": 2}, "not in an array of shape (2,)"),
        ("0.1", "mxfp4", {"index": 0}, "give numbers and the index"),
        ([0.1, 0.2], "e4m3fn", {}, "expected a real number"),
    ],
)
def test_bad_input_is_refused_with_the_way_out(
    x: Any, fmt: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises((ValueError, TypeError, IndexError)) as caught:
        nf.explain(x, fmt, **options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


# Operations


@pytest.mark.parametrize(
    ("text", "name", "operands"),
    [
        ("0.1 + 0.2", "add", ["0.1", "0.2"]),
        ("0.1+0.2", "add", ["0.1", "0.2"]),
        ("1e-3-2", "subtract", ["1e-3", "2"]),
        ("-1 - -2", "subtract", ["-1", "-2"]),
        ("1.5/3", "divide", ["1.5", "3"]),
        ("1/3/2", "divide", ["1/3", "2"]),
        ("2/3*4", "multiply", ["2/3", "4"]),
        ("0x1p-3 * inf", "multiply", ["0x1p-3", "inf"]),
        ("sqrt(2)", "sqrt", ["2"]),
        ("FMA(0.1, 10, -1)", "fma", ["0.1", "10", "-1"]),
        ("exp(1e-3)", "exp", ["1e-3"]),
        ("1/0", "divide", ["1", "0"]),
    ],
)
@pytest.mark.parametrize("fmt", ["float16", "e4m3fn", "posit8", "binary8p4se", "lns8_4"])
def test_operations_are_those_of_apply(text: str, name: str, operands: list[str], fmt: str) -> None:
    system = nf.get_format(fmt)
    why = nf.explain(text, system)
    assert why.code == nf.exact.apply(name, operands, system)
    assert why.computation is not None
    assert why.computation.name == name
    rounded = [system.value(nf.exact.project(one, system)) for one in operands]
    first = nf.exact.apply(name, rounded, system)
    assert why.computation.rounded_first == first
    assert max(map(len, str(why).split("\n"))) <= 80
    assert_well_formed(why)


def test_rounding_operands_first_is_told_apart() -> None:
    text = " ".join(str(nf.explain("0.1 + 0.2", "float16")).split())
    assert "give 0.2998046875 (0x34cc): another code" in text
    assert "the same code" in " ".join(str(nf.explain("0.1 * 0.3", "float16")).split())
    assert "They are values of float16" in " ".join(str(nf.explain("1 / 3.0", "float16")).split())


@pytest.mark.parametrize("text", ["sqrt(2)", "exp(1)", "sin(3)", "log(0.1)", "tanh(0.001)"])
def test_irrational_results_are_right_to_60_digits(text: str) -> None:
    why = nf.explain(text, "float32")
    assert isinstance(why.number, Fraction)
    assert why.computation is not None
    assert why.computation.is_irrational
    name, operand = text.rstrip(")").split("(")
    with mpmath.workdps(70):
        exact = getattr(mpmath, name)(mpmath.mpf(operand))
        found = mpmath.mpf(why.number.numerator) / why.number.denominator
        assert abs(found / exact - 1) < mpmath.mpf(10) ** -60
    assert "which is irrational" in " ".join(str(why).split())


@pytest.mark.parametrize("mode", ROUNDING_NAMES)
@pytest.mark.parametrize("text", ["exp(1e-100)", "exp(-1e-100)", "cos(1e-100)", "tanh(1e4)"])
def test_results_next_to_a_value_are_not_taken_for_it(text: str, mode: str) -> None:
    draw = draw_for(mode, 1)
    name, operand = text.rstrip(")").split("(")
    why = nf.explain(text, "float32", mode, random_bits=draw)
    assert why.code == nf.exact.apply(name, [operand], nf.float32, mode, random_bits=draw)
    assert why.position is not None
    assert why.number != 1
    assert (why.number > 1) == (text == "exp(1e-100)")
    assert derived(why)[0] == why.decisions[0].rule


def test_results_far_beyond_the_range_are_explained() -> None:
    why = nf.explain("exp(1000)", "e4m3fn", saturation="finite")
    assert why.value == 448
    assert why.decided_by.rule == "saturate"
    assert nf.explain("exp(-1000)", "e4m3fn").value == 0
    assert nf.explain("exp(-1000)", "e4m3fn", "rtp").code == 1
    assert why.number > 10**400


@settings(max_examples=200)
@given(st.text(alphabet="0123456789+-*/.einfxpsqrt(), ", max_size=14))
def test_expressions_are_read_or_refused(text: str) -> None:
    try:
        read_expression(text)
    except ValueError as error:
        assert "\n" not in str(error) or "\n" in text


# Codes


@pytest.mark.parametrize(
    "fmt", [fmt for fmt in FORMATS.values() if fmt.bits <= 8], ids=lambda fmt: fmt.name
)
def test_codes_are_explained_with_the_numbers_that_become_them(fmt: nf.Format) -> None:
    for code in range(2**fmt.bits):
        about = nf.explain_code(code, fmt)
        assert about.value == fmt.value(code) or math.isnan(about.value)
        assert max(map(len, str(about).split("\n"))) <= 80
        if code % 16 == 0:
            assert_well_formed(about)
        if not math.isfinite(about.value):
            assert about.lower is None
            continue
        if about.written_as is None:
            assert not fmt.lowest <= about.value <= fmt.highest
            continue
        assert fmt.value(about.written_as) == about.value
        value = Fraction(about.value)
        for end, beside in (
            (about.lowest_rounded_to_it, about.lower),
            (about.highest_rounded_to_it, about.upper),
        ):
            if end is None:
                # There is no number beyond that does not become it.
                assert beside is None
                towards = -1 if end is about.lowest_rounded_to_it and value <= 0 else 1
                far = nf.exact.project(towards * 10**90, fmt)
                assert fmt.value(far) == about.value
                continue
            at = Fraction(float(end)) if isinstance(end, Irrational) else end
            towards = (at - value) / 10**9
            is_negative_zero = isinstance(about.value, float)
            if isinstance(end, Irrational) or at == value:
                continue
            inside = nf.exact.project(at - towards, fmt)
            assert fmt.value(inside) == about.value
            if not is_negative_zero:
                outside = fmt.value(nf.exact.project(at + towards, fmt))
                assert outside != about.value
    json.dumps(about.as_dict())


def test_bad_codes_are_refused() -> None:
    with pytest.raises(ValueError, match="code: 256 is outside 0 to 255 of float8_e4m3fn"):
        nf.explain_code(256, "e4m3fn")
    with pytest.raises(TypeError, match="code: expected an int"):
        nf.explain_code("0x1d", "e4m3fn")  # type: ignore[arg-type]


# Scales


def scaled_input() -> np.ndarray[Any, np.dtype[np.float32]]:
    x = np.random.default_rng(0).standard_normal((4, 150)).astype(np.float32)
    x[0, 3], x[1, :40], x[2, 5], x[3, 7], x[3, 100] = 0, 0, np.inf, -0.0, 1e-30
    return x


@pytest.mark.parametrize("name", [*nf.list_scaled_formats(), "int8", "posit8"])
def test_scaled_formats_are_explained_as_they_are_quantized(name: str) -> None:
    x = scaled_input()
    for rule, rounding in [(None, "nearest_even"), ("absmax_up", "rtz"), ("even", "rne"),
                           ("percentile", "rne"), ("mse", "rne")]:  # fmt: skip
        try:
            q = nf.quantize(x, name, scale_rule=rule, rounding=rounding)
        except ValueError:
            continue  # a rule that is not for the format
        y = q.dequantize(np.float64)
        for place in [(0, 0), (0, 3), (1, 5), (2, 5), (2, 6), (3, 7), (3, 100), (3, -1)]:
            why = nf.explain(x, name, rounding, index=place, scale_rule=rule)
            assert why.code == q.codes[place]
            assert float(why.value) == pytest.approx(y[place], rel=2.0**-52, nan_ok=True)
            assert max(map(len, str(why).split("\n"))) <= 80
            assert_well_formed(why)
            json.dumps(why.as_dict())
            if why.of_scale is not None and why.of_scale.value != 0:
                own = Fraction(why.of_scale.value) * (why.tensor_scale or 1)
                assert why.scale / own in (1, 2, 4)


def test_a_block_is_told_with_the_rule_of_its_scale() -> None:
    why = nf.explain([0.1, -0.5, 3.0, 24.0], "mxfp4", index=2)
    assert why.shared_with == 4
    assert (why.largest, why.target, why.scale) == (24, 4, 4)
    assert why.of_scale is not None
    assert (why.of_scale.number, why.of_scale.value) == (6, 4)
    assert why.of_element is not None
    assert why.of_element.number == Fraction(3, 4)
    assert why.value == 4
    assert "Rule floor" in why.sentence


def test_random_bits_of_an_element() -> None:
    mode = nf.Stochastic(4)
    for draw in (0, 15):
        why = nf.explain([0.1, -0.5, 3.1, 24.0], "mxfp4", mode, index=2, random_bits=draw)
        assert why.value == (2 if draw == 0 else 4)


# Fields


def evaluated(formula: str, fmt: Any) -> Any:
    """A formula, as Python would, with Fractions."""
    specials = {"NaN": math.nan, "infinity": math.inf, "-infinity": -math.inf}
    if formula in specials:
        return specials[formula]

    def go(node: Any) -> Any:
        if isinstance(node, ast.Constant):
            return Fraction(node.value)
        if isinstance(node, ast.UnaryOp):
            return -go(node.operand)
        if isinstance(node, ast.Call):
            return math.sqrt(math.e)
        if isinstance(node, ast.Subscript):
            return Fraction(fmt.table[go(node.slice).numerator])
        left, right = go(node.left), go(node.right)
        name = type(node.op).__name__
        return {
            "Add": lambda: left + right,
            "Sub": lambda: left - right,
            "Mult": lambda: left * right,
            "Div": lambda: left / right,
            "Pow": lambda: left**right,
        }[name]()

    return go(ast.parse(formula, mode="eval").body)


EVERY_8_BITS = [
    *FORMATS.values(),
    *(nf.get_format(name) for name in nf.list_formats("p3109")),
    *(nf.lns(8, bits) for bits in (0, 7)),
    *(nf.posit(8, es) for es in (0, 1, 5)),
    nf.posit(3),
    nf.FixedFormat("q0_7", 0, 7),
    nf.FixedFormat("u4_4", 4, 4, signed=False),
]


def test_fields_make_up_the_code_and_the_value_of_every_code() -> None:
    count = 0
    for fmt in EVERY_8_BITS:
        codes = range(2**fmt.bits) if fmt.bits <= 8 else range(0, 2**fmt.bits, 2**fmt.bits // 97)
        for code in codes:
            reading, value = fmt.reading(code), fmt.value(code)
            assert "".join(field.bits for field in reading.fields) == f"{code:0{fmt.bits}b}"
            found = evaluated(reading.formula, fmt)
            if isinstance(found, float) and math.isfinite(found):
                assert math.isclose(found, value, rel_tol=1e-12)
            else:
                assert found == value or (found != found and value != value)
            count += 1
    assert count > 60_000


def test_a_system_without_fields_is_one_field() -> None:
    reading = POSIT8.reading(0x25)
    assert [(field.name, field.bits) for field in reading.fields] == [("code", "00100101")]
    why = nf.explain("0.1", POSIT8)
    assert why.code == nf.exact.project("0.1", POSIT8)
    assert why.format is POSIT8
