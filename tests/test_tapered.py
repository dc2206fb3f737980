"""Posits and linear takums, against their standards' formulas, written here once more."""

from __future__ import annotations

import importlib
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from posit8 import posit_value

import numformats as nf
from numformats.codec import numpy_path
from numformats.codec.arguments import code_dtype
from numformats.codec.plan import make_plan
from numformats.modes import ROUNDING_NAMES, Modes, RoundingMode, Stochastic, random_bit_count
from numformats.testing import check_rounding

RANDOM = [Stochastic(8, "A"), Stochastic(5, "B"), Stochastic(3, "C")]
MODES: list[RoundingMode] = [*ROUNDING_NAMES, *RANDOM]
POSITS = [nf.posit(n) for n in (3, 4, 5, 8, 11)]
TAKUMS = [nf.takum(n) for n in (6, 7, 8, 12)]
ODD_ONES = [nf.posit(4, 0), nf.posit(5, 5), nf.posit(8, 0), nf.posit(10, 3)]
WIDE = [nf.posit16, nf.takum16, nf.posit(20, 1), nf.posit32]
ALL = [*POSITS, *TAKUMS, *ODD_ONES, *WIDE]
RNG = np.random.default_rng(19)


def by_name(fmt: Any) -> str:
    return str(fmt.name)


def takum_value(code: int, bits: int) -> Fraction | float:
    """Hunhold's definition, of the linear variant: the fields of a code, filled up to 12 bits."""
    if code in (0, 1 << (bits - 1)):
        return math.nan if code else Fraction(0)
    width = max(bits, 12)
    text = f"{code << (width - bits):0{width}b}"
    sign, direction, regime = int(text[0]), int(text[1]), int(text[2:5], 2)
    length = regime if direction else 7 - regime
    written = int("0" + text[5 : 5 + length], 2)
    c = 2**length - 1 + written if direction else -(2 ** (length + 1)) + 1 + written
    fraction = text[5 + length :]
    f = Fraction(int("0" + fraction, 2), 2 ** len(fraction))
    exponent = -(c + 1) if sign else c
    return ((1 - 3 * sign) + f) * Fraction(2) ** exponent


def formula(fmt: Any, code: int, bits: int) -> Fraction | float:
    """The value of a code, of a format with more bits maybe."""
    if fmt.name.startswith("takum"):
        return takum_value(code, bits)
    assert fmt.es == 2
    return posit_value(code, bits)


def is_same(found: Any, expected: Any) -> bool:
    return bool(found == expected) or (math.isnan(found) and math.isnan(expected))


@pytest.mark.parametrize("fmt", [*POSITS, *TAKUMS, nf.posit16, nf.takum16], ids=by_name)
def test_all_values_are_those_of_the_standard(fmt: Any) -> None:
    values = fmt.decode(np.arange(2**fmt.bits, dtype=code_dtype(fmt)), dtype=np.float64)
    for code, value in enumerate(values.tolist()):
        expected = formula(fmt, code, fmt.bits)
        assert is_same(fmt.value(code), expected), code
        assert is_same(value, expected), code


@pytest.mark.thorough
@pytest.mark.parametrize(
    "fmt", [*map(nf.posit, range(3, 17)), *map(nf.takum, range(6, 17))], ids=by_name
)
def test_all_values_of_all_widths(fmt: Any) -> None:
    for code in range(2**fmt.bits):
        assert is_same(fmt.value(code), formula(fmt, code, fmt.bits)), code


@pytest.mark.parametrize("fmt", [*POSITS, *TAKUMS, nf.posit16, nf.takum16, nf.posit32], ids=by_name)
def test_a_boundary_is_the_code_of_one_more_bit(fmt: Any) -> None:
    steps = range(fmt.lowest_step, fmt.highest_step)
    chosen = steps if len(steps) < 5000 else RNG.integers(steps.start, steps.stop, 2000).tolist()
    for step in [*chosen, *steps[:40], *steps[-40:]]:
        lower, upper = fmt.value_of_step(step), fmt.value_of_step(step + 1)
        assert lower < upper
        if 0 in (lower, upper):
            assert fmt.boundary(step) == 0
            continue
        between = (2 * fmt.code_of_step(step) + 1) % 2 ** (fmt.bits + 1)
        assert fmt.boundary(step) == formula(fmt, between, fmt.bits + 1)
        for x in (lower, (lower + upper) / 2):
            assert fmt.step_of(x) == step


def telling_numbers(fmt: Any) -> NDArray[np.float64]:
    """Values and boundaries with the floats beside them, and what has rules of its own."""
    steps = np.arange(max(fmt.lowest_step, -600), min(fmt.highest_step, 600))
    if fmt.bits > 10:
        ends = [fmt.lowest_step + np.arange(60), fmt.highest_step - 1 - np.arange(60)]
        middle = RNG.integers(fmt.lowest_step, fmt.highest_step, 150)
        steps = np.concatenate([*ends, middle, np.arange(-30, 30)])
    points = []
    for step in steps.tolist():
        for exactly in (fmt.value_of_step(step), fmt.boundary(step)):
            point = float(exactly)
            assert point == exactly
            points += [point, math.nextafter(point, math.inf), math.nextafter(point, -math.inf)]
            single = np.float32(point)
            points += [float(np.nextafter(single, np.float32(end))) for end in (np.inf, -np.inf)]
    special = [0.0, -0.0, math.inf, -math.inf, math.nan, 1e300, -1e300, 5e-324, -1e-40, 3e-42]
    return np.array([*points, *special, 1.7e308, 2.0**-126, 1.4e-45, -3e38])


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
@pytest.mark.parametrize("fmt", ALL, ids=by_name)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, nf.bfloat16.dtype], ids=str)
def test_arrays_are_projected_as_the_oracle_says_on_both_paths(fmt: Any, dtype: Any) -> None:
    calls = importlib.import_module("numformats.codec.numba.calls")
    x = telling_numbers(fmt).astype(dtype)
    x = RNG.permutation(np.unique(x))[:600]
    modes = MODES if dtype in (np.float64, np.float32) else ["nearest_even", "toward_positive"]
    for mode in modes:
        count = random_bit_count(mode)
        draws = RNG.integers(0, 2**count, x.size) if count else None
        plan = make_plan(fmt, Modes(mode))
        of_numpy = np.empty(x.shape, code_dtype(fmt))
        numpy_path.project_into(of_numpy, x, plan, random_bits=draws)
        drawn = [None] * x.size if draws is None else draws.tolist()
        expected = [
            nf.exact.project(number, fmt, mode, random_bits=draw)
            for number, draw in zip(x, drawn, strict=True)
        ]
        np.testing.assert_array_equal(of_numpy, expected, str(mode))
        kernel = calls.kernel_for(plan, x.dtype)
        compiled = np.empty_like(of_numpy)
        calls.project_into(compiled, x, kernel, random_bits=draws)
        np.testing.assert_array_equal(compiled, expected, str(mode))


@pytest.mark.parametrize("fmt", [nf.posit8, nf.takum8, nf.posit16, nf.posit(20, 1)], ids=by_name)
@pytest.mark.parametrize("mode", [Stochastic(30), Stochastic(17, "C"), "stochastic_equal"], ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16], ids=str)
def test_drawn_bits_are_the_same_on_both_paths(fmt: Any, mode: Any, dtype: Any) -> None:
    """In blocks with numbers far from 1, which NumPy does, and in those without."""
    calls = importlib.import_module("numformats.codec.numba.calls")
    x = RNG.standard_normal(3 * 2048 + 100)
    x[2048:4096] *= 2.0 ** RNG.integers(-60, 60, 2048)
    x[[5, 2050, 6000]] = 0, np.nan, np.inf
    with np.errstate(over="ignore"):
        x = x.astype(dtype)
    plan = make_plan(fmt, Modes(mode))
    wanted = np.empty(x.shape, code_dtype(fmt))
    numpy_path.project_into(wanted, x, plan, key=7)
    found = np.empty_like(wanted)
    calls.project_into(found, x, calls.kernel_for(plan, x.dtype), key=7)
    np.testing.assert_array_equal(found, wanted)


def test_draws_too_fine_for_a_lane_go_through_numpy() -> None:
    calls = importlib.import_module("numformats.codec.numba.calls")
    plan = make_plan(nf.posit32, Modes(Stochastic(32)))
    assert calls.kernel_for(plan, np.dtype(np.float32)) is None
    x = RNG.standard_normal(300)
    found = nf.posit32.encode(x, Stochastic(32), random_bits=np.arange(300) * 2**23)
    for i, number in enumerate(x):
        expected = nf.exact.project(number, nf.posit32, Stochastic(32), random_bits=i * 2**23)
        assert found[i] == expected


@pytest.mark.parametrize("fmt", ALL, ids=by_name)
def test_integers_beyond_float64_are_projected_exactly(fmt: Any) -> None:
    x = RNG.integers(-(2**62), 2**62, 300) >> RNG.integers(0, 62, 300)
    x = np.concatenate([x, [0, 1, -1, 2**63 - 1, -(2**63), 2**62 + 1]])
    for mode in ("nearest_even", "away_from_zero", Stochastic(4)):
        draws = RNG.integers(0, 16, x.size) if mode not in ROUNDING_NAMES else None
        found = fmt.encode(x, mode, random_bits=draws)
        for i, number in enumerate(x.tolist()):
            draw = None if draws is None else int(draws[i])
            assert found[i] == nf.exact.project(number, fmt, mode, random_bits=draw), number


@pytest.mark.parametrize("fmt", ALL, ids=by_name)
def test_saturation_changes_what_infinities_become(fmt: Any) -> None:
    nar = 2 ** (fmt.bits - 1)
    ends = np.array([np.inf, -np.inf])
    assert fmt.encode(ends).tolist() == [nar, nar]
    assert fmt.encode(ends, saturation="finite").tolist() == [nar - 1, nar + 1]
    assert fmt.encode(ends, saturation="propagate").tolist() == [nar - 1, nar + 1]
    beyond = [float(fmt.highest) * 1.5, -float(fmt.highest) * 1.5, np.nan]
    for mode in ("nearest_even", "toward_zero", "away_from_zero"):
        assert fmt.encode(beyond, mode).tolist() == [nar - 1, nar + 1, nar]
    with pytest.raises(ValueError, match="wrap"):
        fmt.encode([1.0], saturation="wrap")


@pytest.mark.parametrize("fmt", [*POSITS, *TAKUMS, *ODD_ONES, nf.posit16, nf.takum16], ids=by_name)
def test_it_has_every_method_of_a_format(fmt: Any) -> None:
    values = fmt.values()
    assert values.size == 2**fmt.bits
    np.testing.assert_array_equal(fmt.encode(values), np.arange(2**fmt.bits))
    rounded = fmt.round(values)
    np.testing.assert_array_equal(rounded, values)
    codes = fmt.encode(values)
    np.testing.assert_array_equal(fmt.unpack(fmt.pack(codes), codes.size), codes)
    finite = values[np.isfinite(values)]
    assert fmt.max == finite.max() == -fmt.min
    assert fmt.smallest_subnormal == finite[finite > 0].min()
    assert fmt.eps == finite[finite > 1].min() - 1
    assert all(Fraction(v) % fmt.quantum == 0 for v in finite[:: max(1, finite.size // 500)])
    assert fmt.name in repr(fmt)
    assert nf.get_format(fmt.name) == fmt
    assert check_rounding(fmt.encode, fmt, raise_on_failure=True)


def test_names_and_numbers_that_are_refused() -> None:
    assert nf.posit(8) == nf.posit8
    assert nf.get_format("posit8_es2") == nf.posit8
    assert nf.get_format("p16") == nf.posit16
    assert nf.posit(8, 1).name == "posit8_es1"
    for wrong in (2, 33, True, "8"):
        with pytest.raises((TypeError, ValueError), match="n:"):
            nf.posit(wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="es"):
        nf.posit(8, 6)
    with pytest.raises(ValueError, match="n:"):
        nf.takum(17)
    with pytest.raises(ValueError, match="n:"):
        nf.get_format("takum5")


def test_the_exact_accumulator_is_a_quire() -> None:
    """A product and its opposite cancel, and what is left is not lost."""
    a = nf.array([2.0**20, 2.0**-20, -(2.0**20)], "posit16")
    b = nf.array([2.0**20, 1.0, 2.0**20], "posit16")
    found = nf.arithmetic.dot(a, b, nf.posit16, accumulator="exact")
    assert float(found) == float(nf.posit16.round(2.0**-20))


@pytest.mark.parametrize("mode", [Stochastic(32), "stochastic_equal"], ids=str)
@pytest.mark.filterwarnings("error")
def test_signaling_nans_warn_of_nothing(mode: Any) -> None:
    calls = importlib.import_module("numformats.codec.numba.calls")
    x = np.ones(5000, np.float32)
    x.view(np.uint32)[7] = 0x7F800001
    x[8] = 2.0**-25
    plan = make_plan(nf.posit8, Modes(mode))
    codes = np.empty(x.shape, np.uint8)
    calls.project_into(codes, x, calls.kernel_for(plan, x.dtype), key=1)
    assert codes[[6, 7, 9]].tolist() == [64, 128, 64]


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [("posit8", "posit16"), ("posit16", "posit32"), ("takum8", "takum16"), ("int4", "posit8")],
)
def test_the_wider_of_two_formats_is_the_results(narrow: str, wide: str) -> None:
    a, b = nf.array([1.0, 2.0], narrow), nf.array([1.0, 3.0], wide)
    for found in (a * b, b + a, np.concatenate([a, b])):
        assert found.format == nf.get_format(wide)
    with pytest.raises(ValueError, match="none has all values of the others"):
        nf.array([1.0], "posit16") + nf.array([1.0], "takum16")


def test_an_example_of_a_wide_format_names_its_neighbours() -> None:
    found = check_rounding(
        lambda x: nf.posit32.encode(x, "toward_zero"), nf.posit32, dtype=np.float32, budget=5000
    )
    example = found.simplest
    step = nf.posit32.step_of(Fraction(float(example.input)))
    assert (example.lower, example.upper) == tuple(
        float(nf.posit32.value_of_step(at)) for at in (step, step + 1)
    )


@pytest.mark.peers
def test_posits_of_softposit() -> None:
    softposit = pytest.importorskip("softposit")
    scales = 2.0 ** RNG.integers(-40, 40, 2000)
    x = np.concatenate([RNG.standard_normal(2000) * scales, [0.0, 1e40, -1e-40]])
    for n in (3, 4, 7, 8, 11, 16, 19, 32):
        fmt = nf.posit(n)
        # Its codes stand at the top of a word.
        theirs = [softposit.convertDoubleToPX2(float(number), n) for number in x]
        assert [posit.v >> (32 - n) for posit in theirs] == fmt.encode(x).tolist(), n
        values = [softposit.convertPX2ToDouble(posit) for posit in theirs]
        assert values == fmt.round(x).tolist(), n
