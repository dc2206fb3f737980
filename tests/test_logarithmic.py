"""Logarithmic takums and logarithmic number systems, by their definitions in many digits."""

from __future__ import annotations

import importlib
import itertools
import math
import pickle
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from decision_points import DETERMINISTIC
from hypothesis import given, settings
from hypothesis import strategies as st

import numformats as nf
from numformats.arithmetic.limits import deciding_bits
from numformats.codec import numpy_path
from numformats.codec.arguments import code_dtype
from numformats.codec.plan import make_plan
from numformats.formats.logarithmic import LogarithmicFormat
from numformats.irrational import Irrational, as_two_floats
from numformats.modes import Modes
from numformats.reals import read_number
from numformats.testing import check_rounding, laws, strategies

NEAREST = ("nearest_even", "nearest_away", "nearest_zero")
# 300 bits: far more than two float64 numbers have.
MANY_DIGITS = 90


def exactly(number: Any) -> Fraction:
    sign, significand, exponent, _ = number._mpf_
    return (-1) ** sign * Fraction(int(significand)) * Fraction(2) ** exponent


def takum(code: int, bits: int) -> Fraction | float:
    """The value of a takum in 90 digits, as Hunhold's paper reads its bits."""
    text = f"{code:0{bits}b}".ljust(12, "0")
    if "1" not in text:
        return Fraction(0)
    if "1" not in text[1:]:
        return math.nan
    s, d = int(text[0]), int(text[1])
    regime = int(text[2:5], 2)
    r = regime if d else 7 - regime
    characteristic = int(text[5 : 5 + r] or "0", 2)
    c = 2**r - 1 + characteristic if d else -(2 ** (r + 1)) + 1 + characteristic
    mantissa = text[5 + r :]
    f = Fraction(int(mantissa or "0", 2), 2 ** len(mantissa))
    logarithm = (-1) ** s * (c + f)
    with mpmath.workdps(MANY_DIGITS):
        power = mpmath.exp(mpmath.mpf(logarithm.numerator) / (2 * logarithm.denominator))
    return (-1) ** s * exactly(power)


def lns(code: int, bits: int, fraction_bits: int) -> Fraction | float:
    text = f"{code:0{bits}b}"
    sign, k = int(text[0]), int(text[1:], 2)
    if text[1] == "1":
        k -= 2 ** (bits - 1)
    if k == -(2 ** (bits - 2)):
        return math.nan if sign else Fraction(0)
    return (-1) ** sign * power_of_2(Fraction(k, 2**fraction_bits))


def power_of_2(exponent: Fraction) -> Fraction:
    with mpmath.workdps(MANY_DIGITS):
        return exactly(mpmath.mpf(2) ** (mpmath.mpf(exponent.numerator) / exponent.denominator))


def takum_case(bits: int) -> Any:
    def between(low: int, high: int) -> Fraction:
        if 0 in (low, high):
            return Fraction(0)
        return Fraction(takum(2 * low + 1, bits + 1))

    return pytest.param(nf.log_takum(bits), lambda code: takum(code, bits), between,
                        id=f"log_takum{bits}")  # fmt: skip


def lns_case(bits: int, fraction_bits: int) -> Any:
    def between(low: int, high: int) -> Fraction:
        sides = [Fraction(lns(code, bits, fraction_bits)) for code in (low, high)]
        negative = min(sides) < 0
        # By the logarithm further from zero: half a step nearer.
        code = low if negative else high
        k = (code + 2 ** (bits - 2)) % 2 ** (bits - 1) - 2 ** (bits - 2)
        power = power_of_2(Fraction(2 * k - 1, 2 ** (fraction_bits + 1)))
        return -power if negative else power

    return pytest.param(
        nf.lns(bits, fraction_bits), lambda code: lns(code, bits, fraction_bits), between,
        id=f"lns{bits}_{fraction_bits}")  # fmt: skip


CASES = [
    *map(takum_case, range(6, 13)),
    *(lns_case(*case) for case in [(3, 0), (3, 2), (4, 1), (5, 0), (6, 5), (8, 0), (8, 3), (11, 0),
                                   (11, 6), (12, 11)]),
]  # fmt: skip
WIDE = [*map(takum_case, (13, 14, 15, 16)), lns_case(16, 5), lns_case(16, 7), lns_case(16, 15)]
BOTH = [
    *CASES,
    *(pytest.param(*case.values, id=case.id, marks=pytest.mark.thorough) for case in WIDE),
]
FEW = [nf.log_takum8, nf.log_takum(12), nf.lns(8, 3), nf.lns(5, 0)]

Meaning = Callable[[int], Fraction | float]
Between = Callable[[int, int], Fraction]


@pytest.mark.parametrize(("fmt", "meaning", "between"), BOTH)
def test_every_value_is_the_float64_nearest_to_the_definition(
    fmt: LogarithmicFormat, meaning: Meaning, between: Between
) -> None:
    expected = np.array([float(meaning(code)) for code in range(2**fmt.bits)])
    np.testing.assert_array_equal(fmt.values(), expected)
    codes = range(0, 2**fmt.bits, max(1, 2**fmt.bits // 512))
    for code in codes:
        value = nf.exact.decode(code, fmt)
        assert value == expected[code] or math.isnan(value)
    assert fmt.max == np.nanmax(expected)
    assert fmt.min == -fmt.max
    assert fmt.smallest_subnormal == fmt.smallest_normal == expected[expected > 0].min()
    assert np.unique(expected[~np.isnan(expected)]).size == 2**fmt.bits - 1 == fmt.highest_step + 1
    assert fmt.eps == expected[expected > 1].min() - 1


@pytest.mark.parametrize(("fmt", "meaning", "between"), BOTH)
def test_every_boundary_decides_about_its_two_neighbours_in_float64(
    fmt: LogarithmicFormat, meaning: Meaning, between: Between
) -> None:
    codes = sorted((code for code in range(2**fmt.bits) if not math.isnan(meaning(code))),
                   key=lambda code: Fraction(meaning(code)))  # fmt: skip
    x, expected = [], []
    for low, high in itertools.pairwise(codes):
        boundary = between(low, high)
        if boundary == 0:
            zero = nf.exact.project(0, fmt)
            x += [0.0, 5e-324 if low == zero else -5e-324]
            expected += [zero, high if low == zero else low]
            continue
        nearest = float(boundary)
        below, above = np.nextafter(nearest, -np.inf), np.nextafter(nearest, np.inf)
        x += [below, nearest, above]
        expected += [low, high if nearest > boundary else low, high]
    for mode in NEAREST:
        np.testing.assert_array_equal(fmt.encode(np.array(x), mode), expected)
    for i in range(0, len(x), max(1, len(x) // 400)):
        assert nf.exact.project(x[i], fmt) == expected[i]


@pytest.mark.parametrize(("fmt", "meaning", "between"), CASES)
def test_boundaries_enclose_the_definition(
    fmt: LogarithmicFormat, meaning: Meaning, between: Between
) -> None:
    for step in range(0, fmt.highest_step, max(1, fmt.highest_step // 300)):
        expected = between(fmt.code_of_step(step), fmt.code_of_step(step + 1))
        boundary = fmt.boundary(step)
        if expected == 0:
            assert boundary == 0
            continue
        tiny = abs(expected) / 2**250
        assert isinstance(boundary, Irrational)
        assert expected - tiny < boundary < expected + tiny
        assert float(boundary) == float(expected)


@pytest.mark.parametrize("fmt", [nf.log_takum(9), nf.lns(8, 3), nf.lns(5, 0)], ids=lambda f: f.name)
def test_boundaries_made_at_once_are_those_made_one_by_one(fmt: LogarithmicFormat) -> None:
    slow = [as_two_floats(fmt.boundary(step)) for step in range(fmt.highest_step)]
    assert list(fmt.boundaries_in_order) == slow


@pytest.mark.parametrize("fmt", [nf.log_takum16, nf.lns(16, 7)], ids=lambda f: f.name)
def test_and_so_are_those_of_16_bits(fmt: LogarithmicFormat) -> None:
    for step in range(5, fmt.highest_step, 331):
        assert fmt.boundaries_in_order[step] == as_two_floats(fmt.boundary(step))


def telling_numbers(fmt: LogarithmicFormat) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(3)
    values = np.array(fmt.values_in_order)
    boundaries = np.array([first for first, _ in fmt.boundaries_in_order])
    points = np.concatenate([values, boundaries])
    few = rng.choice(points, min(points.size, 400), replace=False)
    few = np.concatenate([few, [fmt.max, fmt.min, 2 * fmt.max, fmt.smallest_normal / 3, 1e300]])
    between = rng.standard_normal(100) * np.exp(rng.uniform(-100, 100, 100))
    near = [few, np.nextafter(few, np.inf), np.nextafter(few, -np.inf), between]
    return np.concatenate([*near, [0.0, -0.0, 5e-324, -1e-310, np.inf, -np.inf, np.nan]])


MODES = [*DETERMINISTIC, nf.Stochastic(4, "A"), nf.Stochastic(9, "B"), nf.Stochastic(3, "C"),
         "stochastic_equal"]  # fmt: skip


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2"])
@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("fmt", FEW, ids=lambda fmt: fmt.name)
def test_arrays_are_projected_as_the_oracle_says_on_both_paths(
    fmt: LogarithmicFormat, mode: Any, dtype: str
) -> None:
    calls = importlib.import_module("numformats.codec.numba.calls")
    with np.errstate(over="ignore"):
        x = telling_numbers(fmt)[:: 1 if dtype == "f8" else 3].astype(dtype)
    is_random = mode not in DETERMINISTIC
    count = getattr(mode, "bits", 1)
    draws = np.arange(x.size) % 2**count if is_random else None
    expected = [
        nf.exact.project(number, fmt, mode, random_bits=i % 2**count if is_random else None)
        for i, number in enumerate(x)
    ]
    plan = make_plan(fmt, Modes(mode))
    of_numpy = np.empty(x.shape, code_dtype(fmt))
    numpy_path.project_into(of_numpy, x, plan, random_bits=draws)
    np.testing.assert_array_equal(of_numpy, expected)
    kernel = calls.kernel_for(plan, x.dtype)
    assert (kernel is None) == is_random
    if kernel is not None:
        compiled = np.empty_like(of_numpy)
        calls.project_into(compiled, x, kernel)
        np.testing.assert_array_equal(compiled, expected)


@pytest.mark.parametrize("fmt", [nf.log_takum16, nf.lns(16, 7)], ids=lambda fmt: fmt.name)
def test_so_are_large_integers_next_to_boundaries(fmt: LogarithmicFormat) -> None:
    integers = [
        math.floor(first) + math.floor(rest) + step
        for first, rest in fmt.boundaries_in_order
        if 2**53 < first < 2**63
        for step in (0, 1)
    ][::7]
    assert len(integers) > 100
    expected = [nf.exact.project(n, fmt) for n in integers]
    np.testing.assert_array_equal(fmt.encode(np.array(integers)), expected)


def test_every_float16_to_16_bits_is_compiled_as_by_numpy() -> None:
    calls = importlib.import_module("numformats.codec.numba.calls")
    x = np.arange(2**16, dtype=np.uint16).view(np.float16)
    for mode in ("nearest_even", "toward_zero"):
        plan = make_plan(nf.log_takum16, Modes(mode))
        of_numpy, compiled = np.empty(x.shape, np.uint16), np.empty(x.shape, np.uint16)
        numpy_path.project_into(of_numpy, x, plan, random_bits=None)
        calls.project_into(compiled, x, calls.kernel_for(plan, x.dtype))
        np.testing.assert_array_equal(compiled, of_numpy)


@pytest.mark.parametrize("fmt", FEW, ids=lambda fmt: fmt.name)
def test_values_round_to_themselves_in_every_mode(fmt: LogarithmicFormat) -> None:
    codes = np.arange(2**fmt.bits)
    for mode in MODES:
        draws = None if mode in DETERMINISTIC else np.full(codes.size, 1)
        found = fmt.encode(fmt.decode(codes), mode, random_bits=draws)
        np.testing.assert_array_equal(found, codes)


def test_zero_nan_and_what_is_beyond() -> None:
    takum8 = nf.log_takum8
    for x, none, finite in (
        (math.inf, 128, 127), (-math.inf, 128, 129), (math.nan, 128, 128),
        (1e300, 127, 127), (-1e300, 129, 129), (5e-324, 1, 1), (-5e-324, 255, 255),
        (0.0, 0, 0), (-0.0, 0, 0),
    ):  # fmt: skip
        for project in (nf.exact.project, nf.codec.encode):
            assert project(x, takum8) == none
            assert project(x, takum8, saturation="finite") == finite
            assert project(x, takum8, saturation="propagate") == finite
    lns8 = nf.lns(8, 3)
    x = [math.inf, -math.inf, math.nan, 1e300, -1e300, 5e-324, -5e-324, 0.0, -0.0]
    assert lns8.encode(x).tolist() == [0xC0, 0xC0, 0xC0, 0x3F, 0xBF, 0x40, 0x40, 0x40, 0x40]
    # Half a step below the smallest value, which is 2**(-63/8).
    boundary = power_of_2(Fraction(-127, 16))
    assert nf.exact.project(boundary + Fraction(1, 2**200), lns8) == 0x41
    assert nf.exact.project(boundary - Fraction(1, 2**200), lns8) == 0x40
    assert nf.exact.project(-boundary - Fraction(1, 2**200), lns8) == 0xC1
    assert lns8.encode(5e-324, "away_from_zero") == 0x41
    assert takum8.encode([5e-324, -5e-324], "toward_zero").tolist() == [0, 0]
    assert not takum8.has_negative_zero
    assert takum8.has_zero
    assert takum8.has_nan
    assert not takum8.has_inf
    with pytest.raises(ValueError, match="wrap"):
        takum8.encode(1.0, saturation="wrap")


def test_a_trace_names_an_irrational_boundary() -> None:
    found = nf.exact.trace("1.32", nf.log_takum8)
    step = nf.log_takum8.step_of(Fraction(1.32))
    assert found.boundary == nf.log_takum8.boundary(step)
    assert isinstance(found.boundary, Irrational)
    # exp(9/32): halfway between logarithms of 1/2 and 5/8 to base sqrt(e).
    assert abs(float(found.boundary) - math.exp(9 / 32)) < 1e-15
    assert found.inward is not None
    assert found.outward is not None
    assert found.boundary < (found.inward + found.outward) / 2
    assert nf.exact.flags(1e300, nf.log_takum8) == nf.exact.Flags.OVERFLOW | nf.exact.Flags.INEXACT


def test_names_make_them() -> None:
    assert nf.get_format("log_takum16") is nf.log_takum16
    assert nf.list_formats("logarithmic") == ["log_takum8", "log_takum16"]
    assert nf.log_takum(8) == nf.log_takum8
    assert nf.get_format("LNS16_7") == nf.lns(16, 7) == nf.lns16_7
    assert nf.get_format("log_takum12").name == "log_takum12"
    assert hash(nf.lns(8, 3)) == hash(nf.lns(8, 3)) != hash(nf.lns(8, 4))
    assert pickle.loads(pickle.dumps(nf.lns(8, 3))) == nf.lns(8, 3)
    assert repr(nf.lns(8, 3)) == (
        "<LnsFormat lns8_3: 8 bits, values 255, max 234.753, smallest positive 0.0042598>"
    )
    assert pickle.loads(pickle.dumps(nf.exact.trace(0.3, nf.log_takum8))).code == 50


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: nf.log_takum(5), ValueError),
        (lambda: nf.log_takum(17), ValueError),
        (lambda: nf.log_takum(8.0), TypeError),  # type: ignore[arg-type]
        (lambda: nf.log_takum(True), TypeError),
        (lambda: nf.lns(2, 0), ValueError),
        (lambda: nf.lns(17, 9), ValueError),
        (lambda: nf.lns(8, 8), ValueError),
        (lambda: nf.lns(8, -1), ValueError),
        (lambda: nf.lns(16, 4), ValueError),
        (lambda: nf.get_format("lns16_4"), ValueError),
        (lambda: nf.get_format("lns8"), ValueError),
        (lambda: nf.get_format("log_takum99"), ValueError),
    ],
)
def test_what_is_no_such_format_is_refused(make: Callable[[], object], error: type) -> None:
    with pytest.raises(error):
        make()


KINDS = [nf.log_takum8, nf.lns(8, 3)]


@pytest.mark.parametrize("fmt", KINDS, ids=lambda fmt: fmt.name)
def test_the_testing_kit_takes_them(fmt: LogarithmicFormat) -> None:
    assert check_rounding(fmt.encode, fmt, raise_on_failure=True)
    proof = check_rounding(fmt.encode, fmt, dtype=np.float16, budget="exhaustive")
    assert proof
    assert proof.is_proof

    def by_means(x: Any) -> Any:  # the mistake to be expected of a logarithmic system
        table = nf.TableFormat("means", np.nan_to_num(fmt.values()).tolist())
        return np.where(np.isfinite(x), table.encode(np.where(np.isfinite(x), x, 0)), fmt.encode(x))

    found = check_rounding(by_means, fmt)
    assert not found
    assert "boundary  about " in str(found)

    x = np.concatenate([np.linspace(-300, 300, 2001), np.geomspace(1e-3, 1e3, 2001)])
    laws.idempotence(fmt.round, x)
    laws.monotonicity(fmt.round, x)
    laws.containment(fmt.round, x, fmt)
    laws.exactness(fmt.round, fmt)
    near = np.array([first for first, _ in fmt.boundaries_in_order])
    laws.nearest_is_nearest(fmt.round, np.concatenate([x, near]), fmt)
    laws.ties(fmt.round, fmt)


def test_a_law_tells_on_which_side_of_an_irrational_number_a_float64_lies() -> None:
    fmt = nf.log_takum8
    step = fmt.step_of(Fraction(1)) + 3
    (nearest, rest), x = fmt.boundaries_in_order[step], np.empty(1)
    assert rest != 0
    x[0] = nearest
    wrong = fmt.values_in_order[step + (rest > 0)]
    with pytest.raises(laws.LawError):
        laws.nearest_is_nearest(lambda x: np.full(x.shape, wrong), x, fmt)


@settings(max_examples=80)
@given(st.data())
def test_strategies_draw_from_them(data: st.DataObject) -> None:
    fmt = data.draw(st.sampled_from(KINDS))
    projection = data.draw(strategies.projections(st.just(fmt)))
    x = data.draw(strategies.inputs(fmt, np.float64))
    draw = None
    if projection.random_bit_count:
        draw = data.draw(st.integers(0, 2**projection.random_bit_count - 1))
    code = fmt.encode(x, projection.rounding, projection.saturation, random_bits=draw)
    assert code == nf.exact.project(
        x, fmt, projection.rounding, projection.saturation, random_bits=draw
    )


def sums(fmt: LogarithmicFormat) -> Iterator[tuple[int, int]]:
    rng = np.random.default_rng(4)
    yield from rng.integers(0, 2**fmt.bits, (120, 2)).tolist()


@pytest.mark.parametrize("fmt", KINDS, ids=lambda fmt: fmt.name)
def test_arithmetic_is_exact_and_rounded_once(fmt: LogarithmicFormat) -> None:
    # Sticky float64 numbers may lie on the wrong side of an irrational one.
    assert deciding_bits(fmt, Modes()) is None
    for a, b in sums(fmt):
        pair = [nf.array([fmt.decode(np.array(code))[()]], fmt) for code in (a, b)]
        values = [nf.exact.decode(code, fmt) for code in (a, b)]
        for found, function in ((pair[0] + pair[1], sum), (pair[0] * pair[1], math.prod)):
            if any(isinstance(value, float) for value in values):
                assert fmt.encode(np.asarray(found))[0] == fmt.code_of_nan(False)
                continue
            meant, _ = read_number(function(values))
            assert fmt.encode(np.asarray(found))[0] == nf.exact.project(meant, fmt)


@pytest.mark.parametrize("mode", NEAREST)
@pytest.mark.parametrize("fmt", KINDS, ids=lambda fmt: fmt.name)
def test_sums_between_a_boundary_and_a_float64_are_on_the_right_side(
    fmt: LogarithmicFormat, mode: Any
) -> None:
    terms = np.array([
        (first, np.nextafter(rest, end))
        for first, rest in fmt.boundaries_in_order[::3] if rest
        for end in (-np.inf, np.inf)
    ])  # fmt: skip
    expected = [nf.exact.project(sum(map(Fraction, row)), fmt, mode) for row in terms.tolist()]
    assert len(set(expected[::2])) > 80
    exactly = nf.arithmetic.Accumulator("once", rounding=mode)
    ones = np.ones((2, 1))
    for found in (
        nf.arithmetic.add(*terms.T, fmt, mode),
        nf.arithmetic.sum(terms, fmt, axis=1, accumulator=exactly),
        nf.arithmetic.matmul(terms, ones, accumulator=exactly, output=fmt).ravel(),
        nf.arithmetic.matmul(terms[:, 1:], ones[1:], terms[:, :1], accumulator=exactly,
                             output=fmt).ravel(),
    ):  # fmt: skip
        np.testing.assert_array_equal(fmt.encode(found), expected)


def test_compare_takes_them() -> None:
    x = np.random.default_rng(0).standard_normal(1000).astype("f4")
    rows = {row.format: row for row in nf.compare(x, KINDS).rows}
    assert 20 < rows["log_takum8"].stats.sqnr_db < 40
    assert 25 < rows["lns8_3"].stats.sqnr_db < 40
