"""Operations on numbers against what does not share their algorithms: mpmath, NumPy, Fractions, and
the tables of special values of IEEE 754 and IEEE P3109.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import ml_dtypes
import mpmath
import numpy as np
import pytest

import numformats as nf
from numformats import exact
from numformats.exact.certainty import representative
from numformats.exact.intervals import Interval
from numformats.exact.numbers import Number
from numformats.exact.operations import OPERATIONS
from numformats.exact.rules import RULES
from numformats.modes import ROUNDING_NAMES, Modes, RoundingMode, Stochastic, random_bit_count

INF, NAN = math.inf, math.nan
PI, HALF = math.pi, Fraction(1, 2)
MODES: list[RoundingMode] = [
    *ROUNDING_NAMES,
    Stochastic(8, "A"),
    Stochastic(5, "B"),
    Stochastic(3, "C"),
    Stochastic(32, "A"),
]


def value(name: str, operands: Any, fmt: nf.Format = nf.float32, *mode: Any, **words: Any) -> Any:
    """The value of a result, with the sign of a zero."""
    found = exact.decode(exact.apply(name, operands, fmt, *mode, **words), fmt)
    return float(found)


def is_same(x: float, y: float) -> bool:
    return (math.isnan(x) and math.isnan(y)) or (
        x == y and math.copysign(1.0, x) == math.copysign(1.0, y)
    )


def draw_for(mode: RoundingMode, rng: random.Random) -> int | None:
    count = random_bit_count(mode)
    return rng.randrange(2**count) if count else None


# Functions against mpmath

PRECISION = 400


def _cbrt(x: Any) -> Any:
    return mpmath.cbrt(x) if x >= 0 else -mpmath.cbrt(-x)


# The function, and where its arguments lie.
FUNCTIONS: dict[str, tuple[Callable[..., Any], float, float]] = {
    "exp": (mpmath.exp, -300, 300),
    "exp2": (lambda x: mpmath.power(2, x), -300, 300),
    "exp10": (lambda x: mpmath.power(10, x), -100, 100),
    "expm1": (mpmath.expm1, -300, 300),
    "log": (mpmath.log, 0, INF),
    "log2": (lambda x: mpmath.log(x) / mpmath.log(2), 0, INF),
    "log10": (lambda x: mpmath.log(x) / mpmath.log(10), 0, INF),
    "log1p": (mpmath.log1p, -1, INF),
    "sin": (mpmath.sin, -INF, INF),
    "cos": (mpmath.cos, -INF, INF),
    "tan": (mpmath.tan, -INF, INF),
    "arcsin": (mpmath.asin, -1, 1),
    "arccos": (mpmath.acos, -1, 1),
    "arctan": (mpmath.atan, -INF, INF),
    "sinpi": (mpmath.sinpi, -INF, INF),
    "cospi": (mpmath.cospi, -INF, INF),
    "tanpi": (lambda x: mpmath.sinpi(x) / mpmath.cospi(x), -HALF, HALF),
    "arcsinpi": (lambda x: mpmath.asin(x) / mpmath.pi, -1, 1),
    "arccospi": (lambda x: mpmath.acos(x) / mpmath.pi, -1, 1),
    "arctanpi": (lambda x: mpmath.atan(x) / mpmath.pi, -INF, INF),
    "sinh": (mpmath.sinh, -300, 300),
    "cosh": (mpmath.cosh, -300, 300),
    "tanh": (mpmath.tanh, -100, 100),
    "arcsinh": (mpmath.asinh, -INF, INF),
    "arccosh": (mpmath.acosh, 1, INF),
    "arctanh": (mpmath.atanh, -1, 1),
    "sqrt": (mpmath.sqrt, 0, INF),
    "rsqrt": (lambda x: 1 / mpmath.sqrt(x), 0, INF),
    "cbrt": (_cbrt, -INF, INF),
    "softplus": (lambda x: mpmath.log1p(mpmath.exp(x)), -300, 300),
}
RESULTS: list[nf.Format] = [
    nf.float8_e4m3fn,
    nf.float8_e5m2,
    nf.float16,
    nf.bfloat16,
    nf.float32,
    nf.int8,
    nf.float4_e2m1fn,
    nf.get_format("binary8p3se"),
    nf.get_format("binary8p1ue"),
    nf.TableFormat("table", [-2.0, -0.3, 0.0, 0.1, 0.5, 1.0, 7.0, 100.0]),
]


def to_fraction(x: Any) -> Fraction:
    sign, significand, exponent, _ = x._mpf_
    return (-1) ** sign * Fraction(int(significand)) * Fraction(2) ** int(exponent)


def arguments(low: float, high: float, count: int, rng: random.Random) -> list[Fraction]:
    """Numbers of float16 and bfloat16 inside of a range, of all magnitudes."""
    found: list[Fraction] = []
    while len(found) < count:
        dtype = rng.choice([np.dtype(np.float16), np.dtype(ml_dtypes.bfloat16)])
        x = float(np.array([rng.randrange(2**16)], np.uint16).view(dtype)[0])
        if math.isfinite(x) and x != 0 and low < x < high:
            found.append(Fraction(x))
    return found


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_against_mpmath(name: str) -> None:
    function, low, high = FUNCTIONS[name]
    rng = random.Random(name)
    certain = 0
    for x in arguments(low, high, 250, rng):
        # Angles are reduced by mpmath to the precision that it has beyond their size.
        with mpmath.workprec(PRECISION + 300):
            right = to_fraction(function(mpmath.mpf(x.numerator) / x.denominator))
        for fmt, mode in itertools.product(rng.sample(RESULTS, 2), rng.sample(MODES, 3)):
            draw = draw_for(mode, rng)
            code = exact.apply(name, [x], fmt, mode, nan="max", random_bits=draw)
            error = abs(right) / 2**PRECISION
            ends = {
                exact.project(end, fmt, mode, nan="max", random_bits=draw)
                for end in (right - error, right + error)
            }
            if right == 0 or len(ends) == 2:
                # As near to a value as 400 bits tell: exact, or on one side of it by a theorem.
                ends |= {exact.project(right, fmt, mode, nan="max", random_bits=draw)}
                ends |= {fmt.code_of_zero(True)} if right == 0 else set()
            else:
                certain += 1
            assert code in ends, (name, float(x), fmt.name, mode, draw)
    # Many results for sinpi and cospi are exact; bfloat16 is full of large integers.
    assert certain > (300 if name.endswith("pi") else 1000), certain


@pytest.mark.parametrize("name", FUNCTIONS)
def test_intervals_hold_the_result_and_are_small(name: str) -> None:
    function, low, high = FUNCTIONS[name]
    rng = random.Random(name)
    found = 0
    for x in arguments(low, high, 60, rng):
        third = x * Fraction(rng.randrange(1, 100), 301)
        x = third if low < third < high else x
        outcome = OPERATIONS[name].evaluate(RULES["ieee"], Number(x, x < 0))
        if isinstance(outcome, Number):
            continue
        found += 1
        for bits in (64, 150, 500):
            interval = outcome(bits)
            with mpmath.workprec(bits + 900):
                right = to_fraction(function(mpmath.mpf(x.numerator) / x.denominator))
            assert interval.low < right < interval.high, (x, bits)
            # But where a value is near, whose distance is to be known to so many bits.
            assert interval.high - interval.low < abs(right) / 2 ** (bits - 12), (x, bits)
    assert found > 25


@pytest.mark.parametrize("name", ["hypot", "arctan2", "arctan2pi"])
def test_functions_of_two_numbers_against_mpmath(name: str) -> None:
    function = {
        "hypot": mpmath.hypot,
        "arctan2": mpmath.atan2,
        "arctan2pi": lambda y, x: mpmath.atan2(y, x) / mpmath.pi,
    }[name]
    rng = random.Random(name)
    certain = 0
    xs, ys = (arguments(-INF, INF, 300, rng) for _ in range(2))
    for x, y in zip(xs, ys, strict=True):
        with mpmath.workprec(PRECISION + 600):
            right = to_fraction(
                function(*(mpmath.mpf(n.numerator) / n.denominator for n in (x, y)))
            )
        fmt, mode = rng.choice(RESULTS), rng.choice(MODES)
        draw = draw_for(mode, rng)
        error = abs(right) / 2**PRECISION
        code = exact.apply(name, [x, y], fmt, mode, nan="max", random_bits=draw)
        ends = {
            exact.project(end, fmt, mode, nan="max", random_bits=draw)
            for end in (right - error, right, right + error)
        }
        assert code in ends, (name, float(x), float(y), fmt.name, mode, draw)
        certain += len(ends) == 1
    assert certain > 250


# Where a function is so near to a value that only a theorem tells on which side of it.
ASYMPTOTES: list[tuple[str, list[Any], Fraction | int, str]] = [
    ("exp", ["1e-300"], 1, "above"),
    ("exp", ["-1e-300"], 1, "below"),
    ("exp2", ["1e-300"], 1, "above"),
    ("exp2", ["-1e-300"], 1, "below"),
    ("exp10", ["1e-300"], 1, "above"),
    ("exp10", ["-1e-300"], 1, "below"),
    ("expm1", [2.0**-140], Fraction(1, 2**140), "above"),
    ("expm1", [-(2.0**-140)], Fraction(-1, 2**140), "above"),
    ("expm1", ["-1e308"], -1, "above"),
    ("log1p", [2.0**-140], Fraction(1, 2**140), "below"),
    ("log1p", [-(2.0**-140)], Fraction(-1, 2**140), "below"),
    ("cos", ["1e-300"], 1, "below"),
    ("cospi", ["1e-300"], 1, "below"),
    ("cosh", ["1e-300"], 1, "above"),
    ("tanh", ["1e30"], 1, "below"),
    ("tanh", ["-1e30"], -1, "above"),
    ("arctanpi", ["1e300"], HALF, "below"),
    ("arctanpi", ["-1e300"], -HALF, "above"),
    ("arccospi", ["1e-300"], HALF, "below"),
    ("arccospi", ["-1e-300"], HALF, "above"),
    ("arccospi", [Fraction(1, 2**300) - 1], 1, "below"),
    ("arctan2pi", ["1e-300", -1], 1, "below"),
    ("arctan2pi", ["-1e-300", -1], -1, "above"),
    ("arctan2pi", [1, "1e-300"], HALF, "below"),
    ("arctan2pi", [1, "-1e-300"], HALF, "above"),
    ("arctan2", [2.0**-140, 1], Fraction(1, 2**140), "below"),
    ("sinpi", [HALF + Fraction(1, 2**300)], 1, "below"),
    ("tanpi", [Fraction(1, 4) - Fraction(1, 2**300)], 1, "below"),
    ("hypot", [1, "1e-300"], 1, "above"),
    ("softplus", [1000], 1000, "above"),
    ("softplus", [2**16], 2**16, "above"),
    ("sqrt", [1 + Fraction(1, 2**300)], 1, "above"),
    ("rsqrt", [1 + Fraction(1, 2**300)], 1, "below"),
    ("cbrt", [-1 - Fraction(1, 2**300)], -1, "below"),
    *(
        (name, [sign * Fraction(1, 2**140)], sign * Fraction(1, 2**140), away)
        for sign in (1, -1)
        for names, is_outward in (
            (("tan", "arcsin", "sinh", "arctanh"), True),
            (("sin", "arctan", "tanh", "arcsinh"), False),
        )
        for name in names
        for away in ("above" if is_outward == (sign > 0) else "below",)
    ),
]


@pytest.mark.parametrize(("name", "operands", "limit", "side"), ASYMPTOTES)
def test_beside_a_value(name: str, operands: list[Any], limit: Any, side: str) -> None:
    fmt = nf.FloatFormat("wide", 11, 11)
    limit = Fraction(limit)
    step = fmt.step_of(limit)
    assert fmt.value_of_step(step) == limit
    other = fmt.value_of_step(step + 1 if side == "above" else step - 1)

    def rounded(mode: RoundingMode, draw: int | None = None) -> Any:
        return exact.decode(exact.apply(name, operands, fmt, mode, random_bits=draw), fmt)

    up, down = rounded("toward_positive"), rounded("toward_negative")
    assert (down, up) == ((limit, other) if side == "above" else (other, limit))
    assert rounded("nearest_even") == limit
    # The part of the way from the neighbour nearer to zero is next to nothing, or next to all.
    is_inward = abs(limit) < abs(other)
    assert rounded(Stochastic(8, "A"), 2**8 - 1) == limit
    assert rounded(Stochastic(8, "A"), 0) == (limit if is_inward else other)


HUGE: list[tuple[str, list[Any], float, float]] = [
    # Toward zero and away from it, in float32.
    ("exp", ["1e308"], nf.float32.max, INF),
    ("exp", ["-1e308"], 0.0, nf.float32.smallest_subnormal),
    ("exp2", [Decimal("1e300")], nf.float32.max, INF),
    ("exp10", ["-1e300"], 0.0, nf.float32.smallest_subnormal),
    ("sinh", ["-1e308"], -nf.float32.max, -INF),
    ("cosh", ["-1e308"], nf.float32.max, INF),
    ("softplus", ["-1e5"], 0.0, nf.float32.smallest_subnormal),
    ("softplus", ["-1e308"], 0.0, nf.float32.smallest_subnormal),
    ("softplus", ["1e308"], nf.float32.max, INF),
    ("expm1", ["1e308"], nf.float32.max, INF),
]


@pytest.mark.parametrize(("name", "operands", "inward", "outward"), HUGE)
def test_huge_results_are_not_written_out(
    name: str, operands: list[Any], inward: float, outward: float
) -> None:
    assert value(name, operands, nf.float32, "toward_zero") == inward
    assert value(name, operands, nf.float32, "away_from_zero") == outward


def test_huge_angles_are_reduced_exactly() -> None:
    wide = nf.FloatFormat("wide", 11, 20)
    for x in (2**1000, -(2**5000), 3 * 2**20000):
        with mpmath.workprec(21000):
            for name, function in (("sin", mpmath.sin), ("cos", mpmath.cos), ("tan", mpmath.tan)):
                right = exact.project(to_fraction(function(mpmath.mpf(x))), wide)
                assert exact.apply(name, [x], wide) == right


def test_near_multiples_of_a_quarter_turn() -> None:
    # A convergent of pi/2, where cos is about 2**-260 and sin is just below 1.
    with mpmath.workprec(600):
        quarter = to_fraction(mpmath.pi / 2)
    x = quarter.limit_denominator(2**130)
    for name, function in (("sin", mpmath.sin), ("cos", mpmath.cos), ("tan", mpmath.tan)):
        with mpmath.workprec(1000):
            right = to_fraction(function(mpmath.mpf(x.numerator) / x.denominator))
        for mode in ("nearest_even", "toward_negative", "toward_positive"):
            assert exact.apply(name, [x], nf.float32, mode) == exact.project(
                right, nf.float32, mode
            )
            fmt = nf.FloatFormat("wide", 11, 20)
            assert exact.apply(name, [x], fmt, mode) == exact.project(right, fmt, mode)


EXACT: list[tuple[str, list[Any], Any]] = [
    ("exp", [0], 1),
    ("exp2", [-3], Fraction(1, 8)),
    ("exp2", [100], 2**100),
    ("exp10", [3], 1000),
    ("exp10", [-2], Fraction(1, 100)),
    ("expm1", [0], 0),
    ("log", [1], 0),
    ("log2", [2**90], 90),
    ("log2", [Fraction(1, 2**90)], -90),
    ("log10", [10**20], 20),
    ("log10", [Fraction(1, 1000)], -3),
    ("log1p", [0], 0),
    ("sin", [0], 0),
    ("cos", [0], 1),
    ("tan", [0], 0),
    ("arccos", [1], 0),
    ("arctan", [0], 0),
    ("cosh", [0], 1),
    ("tanh", [0], 0),
    ("arccosh", [1], 0),
    ("sqrt", [Fraction(9, 4)], Fraction(3, 2)),
    ("rsqrt", [Fraction(9, 4)], Fraction(2, 3)),
    ("cbrt", [-27], -3),
    ("cbrt", [Fraction(8, 125)], Fraction(2, 5)),
    ("hypot", [3, -4], 5),
    ("hypot", [Fraction(5, 7), Fraction(12, 7)], Fraction(13, 7)),
    *(("sinpi", [Fraction(k, 6)], sine) for k, sine in ((1, HALF), (3, 1), (7, -HALF), (29, HALF))),
    *(
        ("cospi", [Fraction(k, 6)], c)
        for k, c in ((2, HALF), (3, 0), (4, -HALF), (6, -1), (-2, HALF))
    ),
    *(("tanpi", [Fraction(k, 4)], t) for k, t in ((1, 1), (3, -1), (-1, -1), (5, 1))),
    *(
        ("arcsinpi", [s], t)
        for s, t in ((HALF, Fraction(1, 6)), (-1, -HALF), (-HALF, Fraction(-1, 6)))
    ),
    *(("arccospi", [c], t) for c, t in ((1, 0), (HALF, Fraction(1, 3)), (0, HALF), (-1, 1))),
    ("arccospi", [-HALF], Fraction(2, 3)),
    ("arctanpi", [-1], Fraction(-1, 4)),
    ("arctan2pi", [-3, -3], Fraction(-3, 4)),
    ("arctan2pi", [5, 0], HALF),
    ("arctan2pi", [0, -5], 1),
    ("remainder", [5, 3], -1),
    ("remainder", [Fraction(5, 2), 1], HALF),
    ("remainder", [Fraction(7, 2), 1], -HALF),
]


@pytest.mark.parametrize(("name", "operands", "right"), EXACT)
def test_rational_results_are_known(name: str, operands: list[Any], right: Any) -> None:
    for fmt, mode in itertools.product(RESULTS, MODES):
        draw = draw_for(mode, random.Random(1))
        found = exact.apply(name, operands, fmt, mode, random_bits=draw)
        assert found == exact.project(right, fmt, mode, random_bits=draw), (fmt.name, mode)


def test_neighbours_of_rational_results_are_not_taken_for_them() -> None:
    tiny = Fraction(1, 10**40)
    for name, operands, near in (
        ("exp2", [tiny], 1),
        ("log2", [8 + tiny], 3),
        ("log10", [1000 + tiny], 3),
        ("sinpi", [Fraction(1, 6) + tiny], HALF),
        ("cospi", [Fraction(1, 3) - tiny], HALF),
        ("tanpi", [Fraction(1, 4) + tiny], 1),
        ("sqrt", [4 + tiny], 2),
        ("cbrt", [27 + tiny], 3),
        ("hypot", [3, 4 + tiny], 5),
    ):
        down, up = (
            exact.apply(name, operands, nf.float32, mode)
            for mode in ("toward_negative", "toward_positive")
        )
        assert down == exact.project(near, nf.float32)
        assert up == down + 1


# Rational operations against NumPy and Fractions


def specials_and_random(count: int, seed: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    rng = np.random.default_rng(seed)
    random_words = rng.integers(0, 2**32, count, dtype=np.uint32).view(np.float32)
    specials = np.float32([0.0, -0.0, 1, -1, INF, -INF, NAN, 2.0**-149, -(2.0**-149), 3, 0.5])
    near = rng.standard_normal(count).astype(np.float32)
    return np.concatenate([specials, random_words, near])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide"])
def test_float32_arithmetic_is_that_of_the_machine(name: str) -> None:
    xs, ys = specials_and_random(150, 1), specials_and_random(150, 2)
    pairs = [*itertools.product(xs[:11], ys[:11]), *zip(xs, ys[::-1], strict=True)]
    for x, y in pairs:
        right = getattr(np, name)(x, y)
        assert is_same(value(name, [x, y]), float(right)), (name, x, y)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_roots_signs_and_remainders_are_those_of_the_machine() -> None:
    xs = specials_and_random(150, 3)
    for x in xs:
        assert is_same(value("sqrt", [x]), float(np.sqrt(x)))
        assert is_same(value("negative", [x]), float(-x))
        assert is_same(value("absolute", [x]), float(abs(x)))
    for x, y in itertools.product(xs[:30], xs[:40]):
        assert is_same(value("copysign", [x, y]), float(np.copysign(x, y)))
        is_invalid = math.isnan(x) or math.isnan(y) or math.isinf(x) or y == 0
        right = NAN if is_invalid else math.remainder(float(x), float(y))
        # Remainders are exact.
        assert is_same(value("remainder", [x, y]), right), (x, y)


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_all_pairs_of_a_small_format_in_fractions(mode: RoundingMode) -> None:
    operand, fmt = nf.float4_e2m1fn, nf.float6_e3m2fn
    draw = draw_for(mode, random.Random(5))
    numbers = [Fraction(v) for v in operand.values()]
    for x, y in itertools.product(numbers, numbers):
        for name, right in (
            ("add", x + y),
            ("subtract", x - y),
            ("multiply", x * y),
            *([("divide", x / y)] if y else []),
            ("fma", x * y + Fraction(3, 2)),
            ("faa", x + y + Fraction(3, 2)),
        ):
            operands = [x, y, Fraction(3, 2)][: OPERATIONS[name].operands]
            found = exact.apply(name, operands, fmt, mode, random_bits=draw)
            if right != 0:
                assert found == exact.project(right, fmt, mode, random_bits=draw)
            else:
                assert exact.decode(found, fmt) == 0


def test_one_rounding_where_two_go_wrong() -> None:
    # shared/arithmetic.md: float64 between product, sum and float32 loses 2**-30.
    x, z = np.float32(4097), np.float32(2.0**-30)
    twice = np.float32(np.float64(x) * np.float64(x) + np.float64(z))
    assert float(twice) == 16785408
    assert value("fma", [x, x, z]) == 16785410
    assert value("faa", [2.0**24, 1, 2.0**-60]) == 2**24 + 2
    assert value("add", [1, 2.0**-200], nf.bfloat16, "toward_positive") == 1 + 2**-7
    # float64 and integers are taken as they are.
    assert value("add", [2**60, 1], nf.float32, "away_from_zero") == 2**60 + 2**37
    beside = nf.TableFormat("beside", [0.25, 0.1 + 0.2, 0.375, 1.0])
    assert value("add", ["0.1", "0.2"], beside, "toward_zero") == 0.25


def test_stochastic_rounding_of_an_irrational_result() -> None:
    """sqrt(2) lies 0.3137 of the way from 1.375 to 1.5: R = 2**8 - 80 is the first that goes up."""
    fmt = nf.float8_e4m3fn
    nu = (math.sqrt(2) - 1.375) / 0.125
    first = 2**8 - math.floor(nu * 2**8)
    for draw, right in ((first - 1, 1.375), (first, 1.5)):
        assert value("sqrt", [2], fmt, Stochastic(8), random_bits=draw) == right
    shares = [value("sqrt", [2], fmt, Stochastic(8), random_bits=draw) for draw in range(2**8)]
    assert shares.count(1.5) == math.floor(nu * 2**8)
    assert value("sqrt", [2], fmt, "stochastic_equal", random_bits=1) == 1.5
    assert value("sqrt", [2], fmt, "stochastic_equal", random_bits=np.uint8(0)) == 1.375


# Special values. IEEE 754-2019 6.3, 7.2, 7.3, 9.2.1, 9.6.

IEEE: list[tuple[str, list[Any], float]] = [
    ("add", [0.0, -0.0], 0.0),
    ("add", [-0.0, -0.0], -0.0),
    ("add", [1, -1], 0.0),
    ("add", [INF, -INF], NAN),
    ("add", [INF, INF], INF),
    ("add", [10**400, INF], INF),
    ("subtract", [-0.0, 0.0], -0.0),
    ("subtract", [0.0, 0.0], 0.0),
    ("subtract", [INF, INF], NAN),
    ("faa", [-0.0, -0.0, -0.0], -0.0),
    ("faa", [-0.0, 0.0, -0.0], 0.0),
    ("faa", [1, -1, -0.0], 0.0),
    ("faa", [INF, 1, -INF], NAN),
    ("multiply", [-0.0, 5], -0.0),
    ("multiply", [-0.0, -5], 0.0),
    ("multiply", [0, INF], NAN),
    ("multiply", [-2, INF], -INF),
    ("fma", [0, INF, NAN], NAN),
    ("fma", [0, INF, 1], NAN),
    ("fma", [INF, 1, -INF], NAN),
    ("fma", [-1, 0.0, -0.0], -0.0),
    ("fma", [1, 0.0, -0.0], 0.0),
    ("fma", [2, 3, -6], 0.0),
    ("divide", [1, 0.0], INF),
    ("divide", [1, -0.0], -INF),
    ("divide", [-1, 0.0], -INF),
    ("divide", [0, 0], NAN),
    ("divide", [INF, INF], NAN),
    ("divide", [INF, -0.0], -INF),
    ("divide", [-1, INF], -0.0),
    ("reciprocal", [-0.0], -INF),
    ("reciprocal", [-INF], -0.0),
    ("remainder", [5, INF], 5.0),
    ("remainder", [-6, 3], -0.0),
    ("remainder", [-0.0, 3], -0.0),
    ("remainder", [INF, 3], NAN),
    ("remainder", [5, 0], NAN),
    ("sqrt", [-0.0], -0.0),
    ("sqrt", [-1], NAN),
    ("sqrt", [INF], INF),
    ("sqrt", [-INF], NAN),
    ("rsqrt", [0.0], INF),
    ("rsqrt", [-0.0], -INF),
    ("rsqrt", [INF], 0.0),
    ("rsqrt", [-1], NAN),
    ("cbrt", [-0.0], -0.0),
    ("cbrt", [-INF], -INF),
    ("hypot", [INF, NAN], INF),
    ("hypot", [NAN, -INF], INF),
    ("hypot", [NAN, 1], NAN),
    ("hypot", [-0.0, -0.0], 0.0),
    ("exp", [-INF], 0.0),
    ("exp", [INF], INF),
    ("exp", [-0.0], 1.0),
    ("exp2", [-INF], 0.0),
    ("exp10", [INF], INF),
    ("expm1", [-INF], -1.0),
    ("expm1", [-0.0], -0.0),
    ("log", [0.0], -INF),
    ("log", [-0.0], -INF),
    ("log", [-1], NAN),
    ("log", [1], 0.0),
    ("log", [INF], INF),
    ("log2", [0], -INF),
    ("log10", [-INF], NAN),
    ("log1p", [-1], -INF),
    ("log1p", [-2], NAN),
    ("log1p", [-0.0], -0.0),
    ("sin", [-0.0], -0.0),
    ("sin", [INF], NAN),
    ("cos", [-INF], NAN),
    ("tan", [INF], NAN),
    ("tan", [-0.0], -0.0),
    ("arcsin", [-0.0], -0.0),
    ("arcsin", ["1.0001"], NAN),
    ("arcsin", [INF], NAN),
    ("arccos", [1], 0.0),
    ("arccos", [-2], NAN),
    ("arctan", [-0.0], -0.0),
    ("arctan", [INF], float(np.float32(PI / 2))),
    ("arctan", [-INF], float(np.float32(-PI / 2))),
    ("sinpi", [-0.0], -0.0),
    ("sinpi", [3], 0.0),
    ("sinpi", [-2], -0.0),
    ("sinpi", [INF], NAN),
    ("cospi", [0.5], 0.0),
    ("cospi", [-1.5], 0.0),
    ("tanpi", [1], -0.0),
    ("tanpi", [2], 0.0),
    ("tanpi", [-1], 0.0),
    ("tanpi", [-2], -0.0),
    ("tanpi", [-0.0], -0.0),
    ("tanpi", [0.5], INF),
    ("tanpi", [-0.5], -INF),
    ("tanpi", [1.5], -INF),
    ("tanpi", [-1.5], INF),
    ("arcsinpi", [-0.0], -0.0),
    ("arccospi", [1], 0.0),
    ("arctanpi", [-INF], -0.5),
    ("sinh", [-INF], -INF),
    ("sinh", [-0.0], -0.0),
    ("cosh", [-INF], INF),
    ("tanh", [-INF], -1.0),
    ("arcsinh", [-INF], -INF),
    ("arcsinh", [-0.0], -0.0),
    ("arccosh", [1], 0.0),
    ("arccosh", [0.5], NAN),
    ("arccosh", [INF], INF),
    ("arccosh", [-INF], NAN),
    ("arctanh", [1], INF),
    ("arctanh", [-1], -INF),
    ("arctanh", [2], NAN),
    ("arctanh", [-0.0], -0.0),
    ("softplus", [-INF], 0.0),
    ("softplus", [INF], INF),
    ("minimum", [-0.0, 0.0], -0.0),
    ("minimum", [0.0, -0.0], -0.0),
    ("maximum", [-0.0, 0.0], 0.0),
    ("maximum", [0.0, -0.0], 0.0),
    ("minimum", [NAN, 1], NAN),
    ("minimum", [INF, -INF], -INF),
    ("minimum_number", [NAN, 1], 1.0),
    ("maximum_number", [1, NAN], 1.0),
    ("maximum_number", [NAN, NAN], NAN),
    ("maximum_number", [NAN, -INF], -INF),
    ("minimum_magnitude", [-1, 2], -1.0),
    ("minimum_magnitude", [-2, 2], -2.0),
    ("minimum_magnitude", [NAN, 2], NAN),
    ("maximum_magnitude", [-3, 2], -3.0),
    ("maximum_magnitude", [-2, 2], 2.0),
    ("maximum_magnitude", [-INF, INF], INF),
    ("minimum_magnitude_number", [NAN, -2], -2.0),
    ("maximum_magnitude_number", [-INF, NAN], -INF),
    ("minimum_finite", [-INF, 3], 3.0),
    ("maximum_finite", [3, INF], 3.0),
    ("maximum_finite", [NAN, -3], -3.0),
    ("maximum_finite", [-INF, INF], INF),
    ("minimum_finite", [-INF, INF], -INF),
    ("minimum_finite", [4, 3], 3.0),
    ("clamp", [5, 0, 3], 3.0),
    ("clamp", [-5, 0, 3], 0.0),
    ("clamp", [2, 0, 3], 2.0),
    ("clamp", [2, 3, 0], NAN),
    ("clamp", [2, NAN, 3], NAN),
    ("clamp", [INF, -INF, INF], INF),
]


@pytest.mark.parametrize(("name", "operands", "right"), IEEE)
def test_special_values_of_ieee_754(name: str, operands: list[Any], right: float) -> None:
    found = value(name, operands)
    assert is_same(found, right), found


@pytest.mark.parametrize("y", [0.0, -0.0, INF, -INF, 2.0, -2.0])
@pytest.mark.parametrize("x", [0.0, -0.0, INF, -INF, 2.0, -2.0])
def test_directions_on_axes_and_diagonals(x: float, y: float) -> None:
    right = math.atan2(y, x)  # which has C's special values, which are IEEE 754's
    assert is_same(value("arctan2", [y, x]), float(np.float32(right)))
    # All of these are multiples of 1/4 in half turns.
    assert is_same(value("arctan2pi", [y, x]), round(right / PI * 4) / 4 if right else right)


@pytest.mark.parametrize("mode", ROUNDING_NAMES)
def test_an_exact_zero_sum_is_negative_toward_negative_alone(mode: str) -> None:
    draw = 0 if mode == "stochastic_equal" else None
    right = -0.0 if mode == "toward_negative" else 0.0
    for name, operands in (
        ("add", [1, -1]),
        ("add", [0.0, -0.0]),
        ("subtract", [0.0, 0.0]),
        ("fma", [2, 3, -6]),
        ("faa", [1, 2, -3]),
    ):
        assert is_same(value(name, operands, nf.float16, mode, random_bits=draw), right)
    assert is_same(value("add", [0.0, 0.0], nf.float16, mode, random_bits=draw), 0.0)
    assert is_same(value("multiply", [0.0, 1], nf.float16, mode, random_bits=draw), 0.0)


def test_what_underflows_keeps_its_sign() -> None:
    assert is_same(value("multiply", ["-1e-300", 1], nf.float16), -0.0)
    assert is_same(value("sin", ["-1e-300"], nf.float16), -0.0)


# Special values of P3109: p3109.md, line by line.

SE, UE, SF = (nf.get_format(f"binary8p3{kind}") for kind in ("se", "ue", "sf"))
P3109: list[tuple[str, list[Any], float]] = [
    # No signs of zero, in or out; NaN in gives NaN out.
    ("negative", [0], 0.0),
    ("divide", [-0.0, 1], 0.0),
    ("negative", [NAN], NAN),
    # Sign: CopySign takes y >= 0 as plus.
    ("absolute", [-2], 2.0),
    ("absolute", [-INF], INF),
    ("copysign", [-2, 0], 2.0),
    ("copysign", [-2, -0.0], 2.0),
    ("copysign", [2, -3], -2.0),
    ("copysign", [2, NAN], NAN),
    ("copysign", [INF, -INF], -INF),
    # Add: infinities of both signs.
    ("add", [INF, -INF], NAN),
    ("add", [INF, 1], INF),
    ("add", [1, -1], 0.0),
    ("faa", [INF, -INF, 1], NAN),
    ("faa", [1, 1, -INF], -INF),
    # Multiply: 0 x inf, also in FMA with any z; inf - inf.
    ("multiply", [0, INF], NAN),
    ("fma", [0, INF, 1], NAN),
    ("fma", [0, INF, NAN], NAN),
    ("fma", [1, INF, -INF], NAN),
    # Divide: anything / 0, inf / inf, finite / inf; Recip(0), Recip(inf).
    ("divide", [1, 0], NAN),
    ("divide", [-1, 0], NAN),
    ("divide", [0, 0], NAN),
    ("divide", [INF, 0], NAN),
    ("divide", [INF, INF], NAN),
    ("divide", [-1, INF], 0.0),
    ("divide", [INF, -2], -INF),
    ("reciprocal", [0], NAN),
    ("reciprocal", [-0.0], NAN),
    ("reciprocal", [INF], 0.0),
    # Roots: X < 0, RSqrt(0), RSqrt(inf).
    ("sqrt", [-1], NAN),
    ("sqrt", [-INF], NAN),
    ("sqrt", [-0.0], 0.0),
    ("rsqrt", [-1], NAN),
    ("rsqrt", [0], NAN),
    ("rsqrt", [INF], 0.0),
    # Exp, log.
    ("exp", [-INF], 0.0),
    ("exp2", [-INF], 0.0),
    ("expm1", [-INF], -1.0),
    ("log", [0], -INF),
    ("log2", [0], -INF),
    ("log", [-1], NAN),
    ("log", [INF], INF),
    ("log1p", [-1], -INF),
    ("log1p", [-2], NAN),
    # Trigonometric.
    ("sin", [INF], NAN),
    ("cos", [-INF], NAN),
    ("tan", [INF], NAN),
    ("arcsin", [2], NAN),
    ("arccos", [-2], NAN),
    ("arctan", [INF], 1.5),
    ("arctan", [-INF], -1.5),
    # Hyperbolic.
    ("tanh", [INF], 1.0),
    ("tanh", [-INF], -1.0),
    ("arccosh", [0.5], NAN),
    ("arctanh", [1], INF),
    ("arctanh", [-1], -INF),
    ("arctanh", [2], NAN),
    ("sinh", [-INF], -INF),
    # Pi functions.
    ("sinpi", [3], 0.0),
    ("sinpi", [-3], 0.0),
    ("cospi", [1], -1.0),
    ("tanpi", [0.5], NAN),
    ("tanpi", [-1.5], NAN),
    ("tanpi", [1], 0.0),
    ("arctanpi", [INF], 0.5),
    ("arctanpi", [-INF], -0.5),
    # Others.
    ("softplus", [-INF], 0.0),
    ("hypot", [INF, 1], INF),
    ("hypot", [INF, NAN], NAN),
    ("hypot", [NAN, -INF], NAN),
    ("arctan2", [0, 0], NAN),
    ("arctan2", [-0.0, -0.0], NAN),
    ("arctan2", [INF, INF], NAN),
    ("arctan2", [INF, -INF], NAN),
    ("arctan2", [0, -2], 3.0),
    ("arctan2", [-0.0, -2], 3.0),
    ("arctan2", [0, 2], 0.0),
    ("arctan2", [1, INF], 0.0),
    ("arctan2", [-1, INF], 0.0),
    ("arctan2", [1, -INF], 3.0),
    ("arctan2", [-1, -INF], 3.0),
    ("arctan2", [INF, 2], 1.5),
    ("arctan2", [-INF, 2], -1.5),
    ("arctan2pi", [-1, -INF], 1.0),
    ("arctan2pi", [-1, -1], -0.75),
    ("arctan2pi", [0, 0], NAN),
    # Extrema.
    ("minimum", [NAN, 1], NAN),
    ("maximum", [1, NAN], NAN),
    ("minimum_magnitude", [NAN, 1], NAN),
    ("minimum_number", [NAN, 1], 1.0),
    ("maximum_magnitude_number", [NAN, -1], -1.0),
    ("minimum_finite", [-INF, 1], 1.0),
    ("maximum_finite", [NAN, 1], 1.0),
    ("maximum_finite", [NAN, -INF], -INF),
    ("minimum_finite", [INF, NAN], INF),
    ("minimum_finite", [NAN, NAN], NAN),
    ("minimum_finite", [-INF, INF], -INF),
    ("maximum_finite", [-INF, INF], INF),
    ("minimum_magnitude", [2, -2], -2.0),
    ("maximum_magnitude", [-2, 2], 2.0),
    ("clamp", [1, 3, 2], NAN),
    ("clamp", [NAN, 2, 3], NAN),
    ("clamp", [9, 2, 3], 3.0),
]


@pytest.mark.parametrize(("name", "operands", "right"), P3109)
def test_special_values_of_p3109(name: str, operands: list[Any], right: float) -> None:
    found = value(name, operands, SE)
    assert is_same(found, right), found
    # And of an external format, by the same rules (4.8): but for more digits, the same.
    wide = value(name, operands, nf.float32, rules="p3109")
    assert is_same(float(SE.round(np.float64(wide))), right)
    assert not (wide == 0 and math.copysign(1.0, wide) < 0)


def test_p3109_writes_no_negative_zero() -> None:
    for name, operands in (("multiply", ["-1e-300", 1]), ("sin", ["-1e-300"]), ("add", [1, -1])):
        assert is_same(value(name, operands, nf.float32, "toward_positive", rules="p3109"), 0.0)
    assert is_same(value("add", [1, -1], nf.float32, "toward_negative", rules="p3109"), 0.0)
    assert is_same(value("add", [1, -1], nf.float32, "toward_negative"), -0.0)


def test_a_format_says_whose_rules_it_follows() -> None:
    assert {nf.get_format(name).arithmetic for name in nf.list_formats()} == {"ieee"}
    assert {nf.get_format(name).arithmetic for name in nf.list_formats("p3109")} == {"p3109"}
    made = nf.p3109(8, 4, signed=True, extended=True)
    assert made == nf.get_format("binary8p4se")
    assert hash(made) == hash(nf.get_format("binary8p4se"))
    assert "arithmetic" not in repr(made)
    with pytest.raises(ValueError, match="arithmetic: expected one of ieee, p3109"):
        nf.FloatFormat("x", 4, 3, arithmetic="posit")  # type: ignore[arg-type]


def test_nan_has_the_sign_of_an_operand_where_only_signs_change() -> None:
    nan, minus_nan = (nf.float16.code_of_nan(negative) for negative in (False, True))
    assert exact.apply("negative", [NAN], nf.float16) == minus_nan
    assert exact.apply("negative", [-NAN], nf.float16) == nan
    assert exact.apply("absolute", [-NAN], nf.float16) == nan
    assert exact.apply("copysign", [NAN, -1], nf.float16) == minus_nan
    assert exact.apply("copysign", [1, -NAN], nf.float16) == nf.float16.encode(-1.0)
    assert exact.apply("add", [-NAN, 1], nf.float16) == nan


# Refusals


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: exact.apply("hypott", [1, 2], nf.float16), ValueError, "did you mean 'hypot'"),
        (lambda: exact.apply(3, [1, 2], nf.float16), TypeError, "name: expected a str"),  # type: ignore[arg-type]
        (lambda: exact.apply("fma", [1, 2], nf.float16), ValueError, "fma takes 3, got 2"),
        (lambda: exact.apply("add", "12", nf.float16), TypeError, "operands: expected a sequence"),
        (lambda: exact.apply("exp", 1, nf.float16), TypeError, "operands: expected a sequence"),  # type: ignore[arg-type]
        (lambda: exact.apply("exp", ["one"], nf.float16), ValueError, "'one' is not a number"),
        (lambda: exact.apply("exp", [1], "float16"), TypeError, "fmt: expected a format"),  # type: ignore[arg-type]
        (lambda: exact.apply("log", [-1], nf.int8), ValueError, "log: NaN, and int8 has no NaN"),
        (lambda: exact.apply("exp", [1], nf.float16, "up"), ValueError, "rounding: unknown"),
        (lambda: exact.apply("exp", [1], nf.float16, random_bits=1), ValueError, "uses none"),
        (lambda: exact.apply("exp", [1], nf.float16, "sr"), ValueError, "random_bits: "),
        (
            lambda: exact.apply("exp", [1], nf.float16, Stochastic(2), random_bits=4),
            ValueError,
            "outside 0 to 3",
        ),
        (lambda: exact.apply("exp", [1], nf.float16, "rne", "wrap"), ValueError, "'wrap' is for"),
        (lambda: exact.apply("exp", ["1e300"], nf.int8, "rne", "wrap"), ValueError, "too large"),
        (lambda: exact.apply("exp", [1], nf.float16, rules="754"), ValueError, "rules: unknown"),  # type: ignore[arg-type]
        (lambda: exact.compare("lesser", 1, 2), ValueError, "did you mean 'less'"),
        (lambda: exact.predicate("is_nam", 1, nf.float16), ValueError, "did you mean 'is_nan'"),
        (lambda: exact.next_up(256, nf.float8_e5m2), ValueError, "code: 256 is outside"),
    ],
)
def test_refusals(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_nan_in_a_format_without_nan() -> None:
    assert value("log", [-1], nf.int8, nan="max") == 127
    assert value("log", [-1], nf.int8, nan="zero") == 0


def test_wrapped_results_of_functions() -> None:
    # e**20 = 485165195.4: no interval of less than a unit is enough by its low bits alone.
    assert value("exp", [20], nf.int8, "toward_zero", "wrap") == (485165195 + 128) % 256 - 128
    with mpmath.workprec(300):
        big = int(mpmath.floor(mpmath.exp(100)))
    assert value("exp", [100], nf.int8, "toward_zero", "wrap") == (big + 128) % 256 - 128


def test_the_table_of_operations() -> None:
    assert len(OPERATIONS) == 55
    names = [operation.p3109 for operation in OPERATIONS.values() if operation.p3109]
    assert len(names) == len(set(names)) == 51
    assert set(RULES) == {"ieee", "p3109"}


def test_intervals() -> None:
    one_to_two = Interval(Fraction(1), Fraction(2))
    assert -one_to_two == Interval(Fraction(-2), Fraction(-1))
    assert one_to_two / Interval(Fraction(2), Fraction(4)) == Interval(Fraction(1, 4), Fraction(1))
    assert -one_to_two / Interval(Fraction(2), Fraction(4)) == Interval(
        Fraction(-1), Fraction(-1, 4)
    )
    assert 3 - one_to_two == one_to_two


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_an_interval_is_enough_only_if_all_of_it_is_projected_alike(mode: RoundingMode) -> None:
    """Intervals of all widths whose ends are such points as decide, and next to them."""
    rng = random.Random(str(mode))
    decided = refused = 0
    steps = 2 ** (mode.bits + 1) if isinstance(mode, Stochastic) else 2
    for fmt, _ in itertools.product(RESULTS[-4:], range(150)):
        step = rng.randrange(fmt.lowest_step, fmt.highest_step)
        lower, upper = fmt.value_of_step(step), fmt.value_of_step(step + 1)
        part = Fraction(rng.randrange(steps), steps)
        low = lower + (upper - lower) * part
        width = (upper - lower) / steps * rng.choice([1, 1, HALF, Fraction(5, 4), 2, steps])
        low += rng.choice([0, 0, 0, width / 1000, -width / 1000])
        high = low + width
        inside = [low + width / 10**6, (low + high) / 2, high - width / 10**6]
        draws = {0, random_bit_count(mode) and 2 ** random_bit_count(mode) - 1}
        draws |= {int((1 - part) * 2 ** random_bit_count(mode)) - k for k in (-1, 0, 1)}
        count = 2 ** random_bit_count(mode)
        found = representative(Interval(low, high), fmt, Modes(mode))
        for draw in [d for d in draws if 0 <= d < count] if count > 1 else [None]:
            codes = {exact.project(x, fmt, mode, nan="max", random_bits=draw) for x in inside}
            if found is not None:
                assert codes == {exact.project(found, fmt, mode, nan="max", random_bits=draw)}
        if found is None:
            refused += 1
        else:
            decided += 1
            assert low < found < high
    assert decided > 100
    assert refused > 100


def test_the_ends_of_an_interval_are_not_in_it() -> None:
    one, next_to_one = Fraction(1), Fraction(9, 8)
    for mode in MODES:
        found = representative(
            Interval(one, one + Fraction(1, 2**40)), nf.float8_e4m3fn, Modes(mode)
        )
        assert found is not None
        found = representative(Interval(one, next_to_one), nf.float8_e4m3fn, Modes(mode))
        is_one_step = mode in ROUNDING_NAMES and "nearest" not in str(mode)
        assert (found is not None) == is_one_step


# Neighbours, classes, comparisons


@pytest.mark.parametrize("fmt", [nf.float16, nf.float8_e4m3fn, nf.float8_e5m2, nf.float8_e4m3fnuz])
def test_neighbours_are_those_of_nextafter(fmt: nf.Format) -> None:
    assert fmt.dtype is not None
    codes = np.arange(2**fmt.bits, dtype=np.uint32)
    codes = codes if fmt.bits == 8 else codes[::7]
    words = codes.astype(f"u{fmt.bits // 8}")
    x = words.view(fmt.dtype)
    finite = np.isfinite(x.astype(np.float32))
    for limit, neighbour in ((INF, exact.next_up), (-INF, exact.next_down)):
        with np.errstate(all="ignore"):
            right = (
                np.nextafter(x, fmt.dtype.type(limit)).astype(np.float32)
                if fmt.has_inf
                else _nextafter_without_infinity(x, words, limit)
            )
        for code, expected in zip(codes[finite].tolist(), right[finite].tolist(), strict=True):
            found = exact.decode(neighbour(code, fmt), fmt)
            # nextafter gives +0 or -0 as it comes; IEEE 754's nextUp of -tiny is -0.
            assert found == expected or (math.isnan(found) and math.isnan(expected)), (code, found)


def _nextafter_without_infinity(x: Any, words: Any, limit: float) -> Any:
    """The values in order, and NaN beyond the ends."""
    values = np.unique(x[np.isfinite(x.astype(np.float32))].astype(np.float32))
    y = x.astype(np.float32)
    place = np.searchsorted(values, y) + (1 if limit > 0 else -1)
    inside = (place >= 0) & (place < len(values))
    return np.where(inside, values[np.clip(place, 0, len(values) - 1)], np.nan)


def test_neighbours_at_the_ends() -> None:
    f16, e2m1 = nf.float16, nf.float4_e2m1fn
    inf, minus_inf = f16.code_of_infinity(False), f16.code_of_infinity(True)
    assert exact.next_up(inf, f16) == inf
    assert exact.next_down(minus_inf, f16) == minus_inf
    assert exact.next_up(minus_inf, f16) == f16.encode(f16.min)
    assert exact.next_down(inf, f16) == f16.encode(f16.max)
    assert exact.next_up(0x8001, f16) == 0x8000  # -0
    assert exact.next_down(0x0001, f16) == 0x0000
    assert exact.next_up(0x8000, f16) == 0x0001
    assert exact.next_up(0xFE01, f16) == 0xFE00  # the quiet NaN with its sign
    assert exact.next_up(7, e2m1) == 7
    assert exact.next_down(15, e2m1) == 15
    assert exact.next_up(127, nf.int8) == 127
    assert exact.next_down(0, nf.uint8) == 0
    # P3109: NaN past the end.
    for fmt, last in ((SE, SE.code_of_infinity(False)), (SF, SF.highest_step)):
        assert exact.next_up(last, fmt) == fmt.code_of_nan(False)
        assert exact.next_down(last, fmt) == last - 1
    assert exact.next_up(SE.highest_step, SE) == SE.code_of_infinity(False)
    assert exact.next_down(0, UE) == UE.code_of_nan(False)
    assert exact.next_up(SE.code_of_nan(False), SE) == SE.code_of_nan(False)
    assert exact.next_up(0x81, SE) == 0
    assert exact.next_up(0x8001, f16, rules="p3109") == 0
    assert exact.next_up(inf, f16, rules="p3109") == f16.code_of_nan(False)


def test_classes() -> None:
    f16 = nf.float16
    classes = {
        0x0000: "positive_zero",
        0x8000: "negative_zero",
        0x0001: "positive_subnormal",
        0x83FF: "negative_subnormal",
        0x0400: "positive_normal",
        0xFBFF: "negative_normal",
        0x7C00: "positive_infinity",
        0xFC00: "negative_infinity",
        0x7C01: "nan",
    }
    assert {code: exact.classify(code, f16) for code in classes} == classes
    assert exact.classify(0, SE) == "zero"
    assert exact.classify(0x8000, f16, rules="p3109") == "zero"
    assert {exact.classify(code, SE) for code in range(256)} == {
        "nan",
        "zero",
        *(f"{sign}_{kind}" for sign in ("positive", "negative") for kind in ("infinity", "normal")),
        *("positive_subnormal", "negative_subnormal"),
    }


def test_predicates() -> None:
    f16 = nf.float16

    def holding(code: int, fmt: nf.Format = f16, **words: Any) -> set[str]:
        return {name for name in exact.PREDICATES if exact.predicate(name, code, fmt, **words)}

    assert holding(0x0000) == {"is_zero", "is_finite"}
    assert holding(0x8000) == {"is_zero", "is_finite", "is_sign_minus"}
    assert holding(0x8000, rules="p3109") == {"is_zero", "is_finite"}
    assert holding(0x3C00) == {"is_one", "is_finite", "is_normal"}
    assert holding(0x8001) == {"is_finite", "is_subnormal", "is_sign_minus"}
    assert holding(0x7C00) == {"is_infinite"}
    assert holding(0xFE00) == {"is_nan", "is_sign_minus"}
    assert holding(0xFE00, rules="p3109") == {"is_nan"}
    assert holding(0x7E00) == {"is_nan"}
    assert holding(0x80, SE) == {"is_nan"}
    assert holding(0x01, nf.int8) == {"is_one", "is_finite", "is_normal"}


def test_comparisons() -> None:
    numbers = [-INF, -1.0, -0.0, 0.0, Fraction(1, 3), 1.0, INF]
    for x, y in itertools.product([*numbers, NAN], repeat=2):
        for name, right in (
            ("less", x < y),
            ("less_equal", x <= y),
            ("equal", x == y),
            ("not_equal", x != y),
            ("greater", x > y),
            ("greater_equal", x >= y),
        ):
            assert exact.compare(name, x, y) == right
    in_order = [-NAN, *numbers, NAN]
    for i, j in itertools.product(range(9), repeat=2):
        assert exact.compare("total_order", in_order[i], in_order[j]) == (i <= j)
    # P3109: NaN is lowest, and zero is one.
    assert exact.compare("total_order", NAN, -INF, rules="p3109")
    assert not exact.compare("total_order", -INF, NAN, rules="p3109")
    assert exact.compare("total_order", 0.0, -0.0, rules="p3109")
    assert exact.compare("total_order", NAN, NAN, rules="p3109")


@pytest.mark.parametrize("mode", ["nearest_even", "toward_zero", "away_from_zero", "to_odd"])
def test_tiny_results_in_a_format_without_zero(mode: str) -> None:
    e8m0 = nf.float8_e8m0fnu
    assert exact.apply("exp10", [-8.4e14], e8m0, mode) == 0
    assert exact.apply("softplus", [-2.4e16], e8m0, mode) == 0
    assert exact.apply("exp", [-1000], e8m0, mode) == exact.project(2.0**-1000, e8m0, mode) == 0
