"""The testing kit as its users meet it: its names, what it refuses, and how reports read."""

from __future__ import annotations

import math
import re
import subprocess
import sys
import warnings
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from decision_points import DETERMINISTIC
from hypothesis import given, settings
from hypothesis import strategies as st

import numformats as nf
from numformats import testing
from numformats.formats.staircase import StaircaseFormat
from numformats.reals import Extended
from numformats.testing import (
    Projection,
    assert_rounded,
    check_rounding,
    decision_inputs,
    laws,
    strategies,
    vectors,
    verify,
)
from numformats.testing.report import OracleError

F = nf.float8_e4m3fn
INT8 = nf.get_format("int8")
INT4 = nf.get_format("int4")
SR8 = nf.Stochastic(8)
X = np.linspace(-4, 4, 33, dtype=np.float32)
SOURCE = vectors.Source.parse("float32")


# Names


@pytest.mark.parametrize("module", [testing, strategies, laws, vectors])
def test_dir_shows_the_public_names_and_no_others(module: Any) -> None:
    assert dir(module) == sorted(module.__all__)
    for name in dir(module):
        assert hasattr(module, name)


def test_strategies_and_laws_are_among_them() -> None:
    assert {"strategies", "laws", "vectors", "check_rounding"} <= set(dir(testing))
    laws_in_docs = {name for name in dir(laws) if name != "LawError"}
    assert laws_in_docs == {name for name in vars(laws) if _is_law(name)}


def _is_law(name: str) -> bool:
    made_here = getattr(getattr(laws, name), "__module__", None) == laws.__name__
    return made_here and not name.startswith("_") and name != "LawError"


FIRST_USE = """
import sys, threading
import numformats.testing

def use():
    start.wait()
    try:
        strategies = numformats.testing.strategies
        assert strategies.arrays and strategies.values
        found.append(strategies)
    except BaseException as error:
        found.append(error)

assert "hypothesis" not in sys.modules
start, found = threading.Barrier(8), []
sys.setswitchinterval(1e-6)
threads = [threading.Thread(target=use) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert found == [numformats.testing.strategies] * 8, found
"""


def test_many_threads_may_use_the_strategies_first() -> None:
    subprocess.run([sys.executable, "-c", FIRST_USE], check=True)


WITHOUT_HYPOTHESIS = """
import sys
sys.modules["hypothesis"] = None
from numformats import testing
testing.laws, testing.check_rounding
testing.strategies
"""


def test_without_hypothesis_the_error_says_what_to_install() -> None:
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_HYPOTHESIS], capture_output=True, text=True, check=False
    )
    assert result.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: numformats.testing.strategies needs hypothesis: "
        "pip install 'numformats[testing]'"
    )


# Errors


def check(function: Any, fmt: nf.Format = F, **keywords: Any) -> Any:
    return check_rounding(function, fmt, **{"budget": 100, **keywords})


def prove(function: Any, **keywords: Any) -> Any:
    return check(function, **{"budget": "exhaustive", "dtype": np.float16, **keywords})


def in_dtype(dtype: Any) -> Any:
    def function(x: Any) -> Any:
        with np.errstate(all="ignore"):
            return x.astype(dtype)

    return function


VALUES = r"function: its result has dtype float32, and codes are integers \(or of dtype " + (
    r"float8_e4m3fn\); if these are values, pass kind='round'"
)
CODES = "function: its result has dtype uint8, and values of float8_e4m3fn have fractions; " + (
    "return them as floats; if these are codes, pass kind='encode'"
)
SHAPE = r"function: its result has shape \({}\), and the input has \(\d+,\); expected a {}"

REFUSED: list[tuple[str, Any]] = [
    # Values for codes, and codes for values
    (VALUES, lambda: check(F.round)),
    (VALUES, lambda: check(lambda x: F.round(x, SR8), rounding=SR8)),
    (VALUES, lambda: check(lambda x, r: F.round(x, SR8, random_bits=r), rounding=SR8,
                           draws="given")),
    (VALUES.replace("float32", "float16"), lambda: prove(F.round)),
    (VALUES.replace("float32", "float64"), lambda: check(lambda x: F.round(x).tolist())),
    ("dtype float8_e5m2, and codes are integers .*kind='round'",
     lambda: check(in_dtype(ml_dtypes.float8_e5m2))),
    (r"dtype float32, and codes are integers; if", lambda: check(
        lambda x: x, nf.get_format("binary8p4se"))),
    (r"dtype bool, and codes are integers .*; return integers", lambda: check(lambda x: x > 0)),
    (r"dtype complex64, and codes are .*; return integers", lambda: check(in_dtype("c8"))),
    ("its result has integers: -1 at index .* negative, .* such values in all; a code is a bit "
     "pattern, which `& 255` gives", lambda: check(lambda x: F.encode(x).view(np.int8))),
    (r"its result has integers: 256 at index \(0,\) is above 255, .*; codes of float8_e4m3fn have "
     "8 bits; if these are values, pass kind='round'",
     lambda: check(lambda x: np.full(x.shape, 256))),
    (CODES, lambda: check(F.encode, kind="round")),
    (CODES, lambda: prove(F.encode, kind="round")),
    ("function: its result has dtype uint32, .* have fractions; return them as floats$",
     lambda: check(lambda codes: codes, kind="decode")),
    ("dtype complex64, and values are real numbers of up to 64 bits; return them as float64",
     lambda: check(in_dtype("c8"), kind="round")),
    ("dtype <U32, and values are real", lambda: check(in_dtype(str), kind="round")),
    ("dtype object, and values are real", lambda: check(in_dtype(object), kind="round")),
    # No array, or one of another shape
    ("function: its result is None; expected an array with a code for each number",
     lambda: check(lambda x: None)),
    ("function: its result is None", lambda: prove(lambda x: None)),
    ("its result is None; .* a value for each", lambda: check(lambda c: None, kind="decode")),
    ("function: its result is no array of numbers: ", lambda: check(lambda x: [[1], [1, 2]])),
    (SHAPE.format("", "code for each number; numpy.vectorize"), lambda: check(lambda x: 3)),
    (SHAPE.format("", "code"), lambda: check(lambda x: {1: 2})),
    (SHAPE.format(r"\d+, 1", "code for each number$"),
     lambda: check(lambda x: F.encode(x)[:, None])),
    (SHAPE.format(r"\d+,", "value"), lambda: check(lambda x: x[1:], kind="round")),
    (SHAPE.format(r"\d+,", "code"), lambda: prove(lambda x: F.encode(x)[1:])),
    # Other arguments of check_rounding
    ("fmt: expected a format, got str 'e4m3fn'; numformats.get_format",
     lambda: check(F.encode, "e4m3fn")),  # type: ignore[arg-type]
    ("function: expected a function of arrays, got ndarray; assert_rounded", lambda: check(X)),
    ("draws: 'given', and nearest_even rounding draws nothing", lambda: check(
        F.encode, draws="given")),
    (r"budget: 1\.5; expected a number of inputs \(an int\) or 'exh",
     lambda: check(F.encode, budget=1.5)),
    ("budget: True", lambda: check(F.encode, budget=True)),
    (r"budget: 'exhaustive', and only what .* rounding is Stochastic\(bits=8.*: give a number",
     lambda: prove(F.encode, rounding=SR8)),
    ("dtype: float64 has too many values for budget 'exhaustive'; float32, float16 and",
     lambda: prove(F.encode, dtype="f8")),
    ("budget: 'exhaustive' is for .* float32 has 32, saturation is 'none': give a number",
     lambda: prove(nf.float32.encode, fmt=nf.float32)),
    ("seed: 'a'; expected an int, 0 or more", lambda: check(F.encode, seed="a")),
    ("seed: -1; expected an int, 0", lambda: check(F.encode, seed=-1)),
    # assert_rounded
    (r"given: it has shape \(2,\), and the input has \(3,\); expected a code",
     lambda: assert_rounded([1, 2], [1.0, 2, 3], F)),
    (r"given: it has dtype float32, and codes .*kind='round'",
     lambda: assert_rounded(F.round(X), X, F)),
    ("given: it has dtype uint8, .*kind='encode'",
     lambda: assert_rounded(F.encode(X), X, F, kind="round")),
    ("given: it is None", lambda: assert_rounded(None, X, F)),
    ("kind: 'decode'; expected one of encode, round",
     lambda: assert_rounded([1], [1.0], F, kind="decode")),  # type: ignore[arg-type]
    ("x: dtype <U1", lambda: assert_rounded([1], ["a"], F)),
    ("fmt: expected a format", lambda: assert_rounded([1], [1.0], "e4m3fn")),  # type: ignore[arg-type]
    (r"random_bits: none given, and Stochastic\(.*takes 8 for each number; give those",
     lambda: assert_rounded([1], [1.0], F, SR8)),
    (r"random_bits: shape \(3,\), and x has \(1,\)",
     lambda: assert_rounded([1], [1.0], F, SR8, random_bits=[1, 2, 3])),
    ("random_bits: given, .*nearest_even rounding uses none",
     lambda: assert_rounded([1], [1.0], F, random_bits=[1])),
    # Points, projections and vectors
    ("fmt: expected a format", lambda: decision_inputs("e4m3fn")),  # type: ignore[arg-type]
    ("format: expected a format, got str", lambda: Projection("e4m3fn")),  # type: ignore[arg-type]
    ("rounding: unknown 'nearest'", lambda: Projection(F, "nearest")),  # type: ignore[arg-type]
    ("saturation: unknown 'off'", lambda: Projection(F, "rtz", "off")),  # type: ignore[arg-type]
    ("nan: unknown 'off'", lambda: Projection(F, nan="off")),  # type: ignore[arg-type]
    ("projection: expected a Projection, got FloatFormat .* makes one",
     lambda: verify([], F, SOURCE)),  # type: ignore[arg-type]
    (r"source: expected a Source, got str 'float32'; Source\.parse\('float32'\)",
     lambda: verify([], Projection(F), "float32")),  # type: ignore[arg-type]
    ("projection: expected", lambda: next(vectors.vectors(F, SOURCE))),  # type: ignore[arg-type]
    ("level: 3; expected 1 or 2",
     lambda: next(vectors.vectors(Projection(F), SOURCE, 3))),  # type: ignore[arg-type]
    ("level: 0; expected 1 or 2",
     lambda: verify([], Projection(F), SOURCE, 0)),  # type: ignore[arg-type]
    ("tininess: 'never'; expected 'after' or 'before'",
     lambda: verify([], Projection(F), SOURCE, tininess="never")),  # type: ignore[arg-type]
    ("lines: expected lines, got all in one; pass text.splitlines",
     lambda: verify("3f800000 38", Projection(F), SOURCE)),
    ("lines: line 2 is b'3f800000 38', and no str; open",
     lambda: verify(["3f800000 38", b"3f800000 38"], Projection(F), SOURCE)),  # type: ignore[list-item]
    # Laws
    ("function: its result has dtype uint8, and values of float8_e4m3fn have fractions; a law is",
     lambda: laws.containment(F.encode, X, F)),
    ("function: its result has dtype uint8", lambda: laws.ties(F.encode, F)),
    (r"function: its result has shape \(\), .* a value for each number; numpy\.vectorize",
     lambda: laws.idempotence(lambda x: 3.0, X)),
    ("function: its result is None", lambda: laws.monotonicity(lambda x: None, X)),
    ("mirrored: its result is None", lambda: laws.sign_symmetry(F.round, X, lambda x: None)),
    ("encode: its result is None", lambda: laws.round_is_decode_of_encode(
        F.round, lambda x: None, F.decode, X)),
    ("decode: its result has shape", lambda: laws.round_is_decode_of_encode(
        F.round, F.encode, lambda c: 3, X)),
    ("function: its result has dtype complex", lambda: laws.exactness(lambda x: x + 0j, F)),
    ("rule: unknown 'evn'; did you mean 'even'", lambda: laws.ties(F.round, F, rule="evn")),
    ("dtype: 'f5' is not a dtype", lambda: laws.ties(F.round, F, dtype="f5")),
    ("x: dtype <U1", lambda: laws.monotonicity(F.round, ["a"])),  # type: ignore[arg-type]
    ("x: dtype uint8 has no negative", lambda: laws.sign_symmetry(F.round, np.uint8([1]))),
    ("narrow: expected a format", lambda: laws.agreement(F.round, "int4", F)),  # type: ignore[arg-type]
    ("fmt: expected a format", lambda: laws.ties(F.round, "e4m3fn")),  # type: ignore[arg-type]
    ("fmt: expected a format", lambda: laws.exactness(F.round, "e4m3fn")),  # type: ignore[arg-type]
    *[("fmt: expected a format", lambda law=law: law(F.round, X, "e4m3fn"))
      for law in (laws.containment, laws.nearest_is_nearest, laws.saturation_bounds)],
    # Strategies
    ("kinds: expected a tuple of words, got 'float'", lambda: strategies.formats(kinds="float")),  # type: ignore[arg-type]
    ("kinds: unknown 'floats'; did you mean 'float'",
     lambda: strategies.formats(kinds=("floats",))),  # type: ignore[arg-type]
    ("sources: unknown 'mine'.* Known: named", lambda: strategies.formats(sources=("mine",))),  # type: ignore[arg-type]
    ("kinds, sources: no format of .*allow others",
     lambda: strategies.formats(kinds=("fixed",), sources=("named",))),
    ("layout: unknown 'odd'", lambda: strategies.arrays(F, 3, layout="odd").example()),  # type: ignore[arg-type]
    *[("fmt: expected a format, got str", lambda make=make: make("e4m3fn"))
      for make in (strategies.codes, strategies.values, strategies.inputs,
                   strategies.saturation_modes)],
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")
@pytest.mark.parametrize(("message", "call"), REFUSED)
def test_it_is_refused_with_argument_finding_and_way_out(message: str, call: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def raises(x: Any) -> Any:
    raise RuntimeError("mine")


def warns(x: Any) -> Any:
    warnings.warn("mine", RuntimeWarning, stacklevel=1)
    return F.encode(x)


SPECIAL = ", infinities or NaNs among them"
CALLED = rf"function: called with an array of \d+ float32 numbers{SPECIAL}"
SINGLE = "; if it takes single numbers, pass numpy.vectorize"


@pytest.mark.parametrize(
    ("kind", "note", "call"),
    [
        (RuntimeError, CALLED + SINGLE, lambda: check(raises)),
        (RuntimeError, f"31745 float16 numbers{SPECIAL}{SINGLE}", lambda: prove(raises, fmt=INT8)),
        (RuntimeError, "256 uint32 numbers" + SINGLE, lambda: check(raises, kind="decode")),
        (TypeError, CALLED + SINGLE, lambda: check(lambda x: math.floor(x))),
        (ValueError, CALLED + SINGLE, lambda: check(lambda x: x if x > 0 else -x)),
        (RuntimeWarning, r"if it may warn, numpy.errstate\(all='ignore'\)", lambda: check(warns)),
        (TypeError, ", and one of as many random integers; with draws='own' it gets the numbers",
         lambda: check(lambda x: x, rounding=SR8, draws="given")),
        (TypeError, "if it takes random integers, too, pass draws='given'",
         lambda: check(lambda x, random_bits: x, rounding=SR8)),
        (RuntimeError, r"function: called with an array of 33 float32 numbers; if",
         lambda: laws.idempotence(raises, X)),
    ],
)  # fmt: skip
def test_what_a_function_raises_is_its_own_with_a_note(kind: Any, note: str, call: Any) -> None:
    with pytest.raises(kind) as caught:
        call()
    (added,) = caught.value.__notes__
    assert re.search(note, added), added


def test_results_that_are_right_are_taken_in_any_guise() -> None:
    assert check(lambda x: F.encode(x).tolist()).passed
    assert prove(lambda x: F.encode(x).tolist()).passed
    assert check(lambda x: F.encode(x).astype(np.int64)).passed
    assert check(lambda x: F.encode(x).astype(">u4")).passed
    assert check(lambda x: F.round(x).tolist(), kind="round").passed
    assert check(in_dtype(ml_dtypes.float8_e4m3fn), kind="round").passed
    # Values of integer formats are integers, and so are rounded integers.
    clipped = check(lambda x: INT4.round(x).astype(np.int8), INT4, kind="round")
    assert clipped.passed
    assert check(lambda c: INT4.decode(c).astype(np.int8), INT4, kind="decode").passed
    assert check(F.round, kind="round", dtype=np.int16).passed
    laws.saturation_bounds(lambda x: INT4.round(x).astype(np.int8), X, INT4)
    assert_rounded(F.encode(X).tolist(), X.tolist(), F)
    assert_rounded(F.encode(2.0), 2.0, F)


def test_laws_take_lists_and_any_shape_and_wide_formats() -> None:
    laws.idempotence(F.round, X.tolist())
    laws.monotonicity(F.round, X.reshape(3, 11))
    with pytest.raises(laws.LawError, match=r"But -1 became 1\.$"):
        laws.containment(lambda x: np.where(x == -1, 1, F.round(x)), X.reshape(3, 11), F)
    laws.exactness(nf.float32.round, nf.float32)
    with pytest.raises(laws.LawError, match=r"But -?0\.0 became -?0\.0\."):
        laws.exactness(lambda x: x + 0.0, nf.float32)
    # What a dtype does not hold is left out, without a warning.
    laws.exactness(nf.bfloat16.round, nf.bfloat16, dtype=np.float16)


# Reports


def bad(x: Any) -> Any:
    return F.encode(x, "toward_zero")


def test_a_report_is_a_line_and_a_truth_value() -> None:
    good, wrong = check(F.encode), check(bad, dtype=np.float16, budget="exhaustive")
    assert good
    assert not wrong
    assert repr(good) == f"<Report float8_e4m3fn, nearest_even: passed, {good.tried:,} inputs>"
    counts = ", ".join(
        f"{group.count:,} {cause}" for cause, group in sorted(wrong.mismatches.items())
    )
    assert repr(wrong) == (
        f"<Report float8_e4m3fn, nearest_even: failed, all 65,536 inputs, {counts}>"
    )
    assert "ties" in counts
    story = [line.split(maxsplit=1)[1] for line in str(wrong.simplest).splitlines()[1:]]
    assert repr(wrong.simplest) == (
        f"<Mismatch {wrong.simplest.cause}: {story[0]}, expected {story[3]}, given {story[4]}>"
    )


def test_a_verification_is_a_truth_value() -> None:
    lines = ["3f800000 38"]
    assert verify(lines, Projection(F), SOURCE)
    assert not verify(lines, Projection(F), SOURCE, level=1)
    assert not verify(["3f800000 39"], Projection(F), SOURCE)


def test_a_projection_knows_the_aliases() -> None:
    projection = Projection(F, "rtz")  # type: ignore[arg-type]
    assert projection == Projection(F, "toward_zero")
    found = verify(["3f880001 3a"], projection, SOURCE).report
    assert "rule      the neighbour closer to zero" in str(found)


# What the kit says of numformats itself


def wrong_oracle(*arguments: Any, **keywords: Any) -> int:
    return nf.exact.project(*arguments, **keywords) ^ 1


@pytest.mark.parametrize("module", ["exhaustive", "comparing"])
def test_an_oracle_that_says_otherwise_is_heard(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Wrong:
        project, decode = staticmethod(wrong_oracle), staticmethod(nf.exact.decode)

    monkeypatch.setattr(f"numformats.testing.{module}.exact", Wrong)
    with pytest.raises(OracleError, match="numformats is wrong"):
        prove(lambda x: F.encode(x) ^ 1)


OPTIMIZED = """
import numpy as np, numformats as nf
from numformats.testing import check_rounding, exhaustive, report
assert False, "asserts are gone"
class Wrong:
    project, decode = lambda *a, **k: nf.exact.project(*a, **k) ^ 1, nf.exact.decode
exhaustive.exact = Wrong
try:
    check_rounding(nf.int4.encode, nf.int4, dtype=np.float16, budget="exhaustive")
except report.OracleError:
    print("heard")
"""


def test_proofs_are_confirmed_without_asserts_too() -> None:
    found = subprocess.run(
        [sys.executable, "-O", "-c", OPTIMIZED], capture_output=True, text=True, check=True
    )
    assert found.stdout == "heard\n"


@pytest.mark.parametrize("mode", DETERMINISTIC)
def test_tables_without_zero_on_both_sides_of_it_are_proved(mode: Any) -> None:
    # A number rounded toward zero from below ends above it, so that a code comes back.
    table = nf.TableFormat("straddling", (-3.0, -1.0, 2.0, 5.0))
    report = prove(lambda x: table.encode(x, mode), fmt=table, rounding=mode)
    assert report.passed
    assert report.is_proof


# Number systems with boundaries of their own


@dataclass(frozen=True, repr=False)
class Powers(StaircaseFormat):
    """Powers of four with both signs, and NaN, whose boundaries are the geometric means."""

    name: str = "powers_of_four"
    bits: int = 4
    dtype_name: str | None = None
    overflow: Any = "nan"

    def value(self, code: int) -> Extended:
        if code in (0, 8):
            return math.nan if code else Fraction(0)
        size = Fraction(4) ** (code % 8 - 4)
        return -size if code > 8 else size

    def boundary(self, step: int) -> Fraction:
        lower, upper = self.value_of_step(step), self.value_of_step(step + 1)
        if 0 in (lower, upper):
            return (lower + upper) / 2
        return 2 * (lower if lower > 0 else upper)


POWERS = Powers()


def by_means(x: Any) -> Any:
    """The mistake to be expected: the boundary in the middle."""
    finite = np.nan_to_num(POWERS.values())
    codes = nf.TableFormat("means", tuple(finite)).encode(np.where(np.isfinite(x), x, 0))
    return np.where(np.isfinite(x), codes, 8)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_decision_inputs_have_the_boundaries_that_a_format_says(dtype: Any) -> None:
    steps = range(POWERS.highest_step)
    points = np.array([float(POWERS.boundary(step)) for step in steps], dtype)
    around = [points, np.nextafter(points, dtype(99)), np.nextafter(points, dtype(-99))]
    assert np.isin(np.concatenate(around), decision_inputs(POWERS, dtype)).all()


def test_a_boundary_taken_for_a_mean_is_found_and_told() -> None:
    assert check(POWERS.encode, POWERS).passed
    assert prove(POWERS.encode, fmt=POWERS).is_proof
    report = check(by_means, POWERS)
    simplest = report.simplest
    assert simplest is not None
    assert "  boundary  " in str(simplest)

    def ties_away(x: Any) -> Any:
        return POWERS.encode(x, "nearest_away")

    # At the boundaries of this format, and not at means, ties are ties.
    assert list(check(ties_away, POWERS).mismatches) == ["ties"]


def test_laws_go_by_the_boundaries_of_a_format() -> None:
    x = np.linspace(-70, 70, 5001)
    for rule in laws.TIE_RULES:
        laws.ties(lambda x, rule=rule: POWERS.round(x, f"nearest_{rule}"), POWERS, rule=rule)
    laws.nearest_is_nearest(POWERS.round, x, POWERS)
    laws.containment(POWERS.round, x, POWERS)
    with pytest.raises(laws.LawError, match="no value is nearer"):
        laws.nearest_is_nearest(lambda x: POWERS.decode(by_means(x)), x, POWERS)


@pytest.mark.parametrize("fmt", [nf.float32, nf.tf32, nf.FixedFormat("fixed", 8, 16)])
def test_laws_hold_for_formats_whose_values_are_not_all_at_hand(fmt: nf.Format) -> None:
    x = np.linspace(-200, 200, 4001) ** 3 / 7e4
    laws.ties(fmt.round, fmt)
    laws.nearest_is_nearest(fmt.round, x, fmt)
    laws.containment(lambda x: fmt.round(x, "toward_zero"), x, fmt)
    with pytest.raises(laws.LawError):
        laws.nearest_is_nearest(lambda x: fmt.round(x, "toward_zero"), x, fmt)


def test_a_rule_for_even_codes_names_neither_of_two() -> None:
    table = nf.TableFormat("unsorted", (0.0, 3.0, 1.0, 7.0))
    laws.ties(table.round, table)


@settings(max_examples=30)
@given(st.data())
def test_strategies_take_formats_of_kinds_that_they_do_not_know(data: st.DataObject) -> None:
    projection = data.draw(strategies.projections(st.just(POWERS), stochastic=False))
    x = data.draw(strategies.arrays(POWERS, dtype=np.float32))
    assert data.draw(strategies.values(POWERS)) in POWERS.values()
    assert_rounded(
        POWERS.encode(x, projection.rounding, projection.saturation),
        x,
        POWERS,
        projection.rounding,
        projection.saturation,
    )


def test_vectors_and_answers_of_a_number_system_of_ones_own() -> None:
    projection = Projection(POWERS)
    for source in (SOURCE, vectors.Source("powers_of_four", 4, None, POWERS)):
        lines = [
            line
            for chunk in vectors.vectors(projection, source)
            for line in vectors.lines(chunk, source, projection)
        ]
        assert verify(lines, projection, source, level=1).passed
    (row, _) = nf.compare([0.3, 1.7, -60.0], [POWERS]).rows
    assert row.stats.finite == 3
