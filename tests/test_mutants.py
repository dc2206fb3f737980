"""Wrong implementations of rounding, each of a kind that the field has shipped: all are found out.

A mutant is a bug, and the formats and modes in which it makes a difference.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from decision_points import DETERMINISTIC
from mutants import Rounder
from numpy.typing import NDArray

import numformats as nf
from numformats.testing import Report, RoundingError, check_rounding

OCP8, IEEE8, FNUZ = "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz"
ALL = (OCP8, IEEE8, FNUZ, "float4_e2m1fn", "float6_e3m2fn", "bfloat16", "float16")
P1 = "binary8p1se"
DOWN, UP = "toward_negative", "toward_positive"

MUTANTS: list[tuple[dict[str, Any], tuple[str, ...], Any, str]] = [
    # double rounding
    ({"through": np.float16}, (OCP8, "bfloat16"), "nearest_even", "none"),
    ({"through": ml_dtypes.bfloat16}, (OCP8, IEEE8, "float16"), "nearest_even", "none"),
    ({"through": ml_dtypes.bfloat16}, ("float4_e2m1fn",), "nearest_away", "none"),
    # bits that do not count, and should
    ({"kept_bits": 16}, (OCP8, "float16", "bfloat16"), "nearest_even", "none"),
    ({"kept_bits": 23}, (OCP8, "float4_e2m1fn"), "nearest_even", "none"),
    ({"kept_bits": 8}, (OCP8, IEEE8), "to_odd", "none"),
    ({"kept_bits": 20}, (OCP8,), "away_from_zero", "none"),
    ({"uses_next_bit_only": True}, ALL, "nearest_even", "none"),
    ({"uses_next_bit_only": True}, ALL, "nearest_zero", "none"),
    # subnormals
    ({"flushes_input": True}, ALL, "nearest_even", "none"),
    ({"flushes_result": True}, ALL, "nearest_even", "none"),
    ({"normal_precision_below": True}, ALL, "nearest_even", "none"),
    ({"subnormal_shift": 1}, ALL, "nearest_even", "none"),
    ({"subnormal_shift": -1}, ALL, "nearest_even", "none"),
    ({"emin_shift": 1}, ALL, "nearest_even", "none"),
    ({"emin_shift": -1}, ALL, "nearest_even", "none"),
    ({"drops_small": 2.0**-140}, ("bfloat16",), "away_from_zero", "none"),
    ({"drops_small": 2.0**-40}, (OCP8, IEEE8), UP, "none"),
    # shifts and the bias
    ({"quantum_shift": 1}, ALL, "nearest_even", "none"),
    ({"quantum_shift": -1}, ALL, "nearest_even", "none"),
    ({"bias_shift": 1}, ALL, "nearest_even", "none"),
    ({"bias_shift": -1}, ALL, "nearest_even", "none"),
    ({"loses_carry": True}, ALL, "nearest_even", "none"),
    ({"loses_carry": True}, ALL, "away_from_zero", "none"),
    # ties
    ({"ties": "away"}, ALL, "nearest_even", "none"),
    ({"ties": "zero"}, ALL, "nearest_even", "none"),
    ({"ties": "odd"}, ALL, "nearest_even", "none"),
    ({"ties": "up"}, ALL, "nearest_even", "none"),
    ({"ties": "down"}, ALL, "nearest_away", "none"),
    ({"ties": "even"}, ALL, "nearest_away", "none"),
    ({"ties": "up"}, ALL, "nearest_away", "none"),
    ({"ties": "even"}, ALL, "nearest_zero", "none"),
    ({"ties": "away"}, (P1,), "nearest_even", "none"),
    ({"ties": "zero"}, (P1,), "nearest_even", "none"),
    ({"threshold": 0.5 - 2.0**-10}, ALL, "nearest_even", "none"),
    ({"threshold": 0.5 + 2.0**-10}, ALL, "nearest_even", "none"),
    # the sign in directed modes
    ({"ignores_sign": True}, ALL, UP, "none"),
    ({"ignores_sign": True}, ALL, DOWN, "none"),
    ({"mirrors_sign": True}, ALL, UP, "none"),
    ({"mirrors_sign": True}, ALL, DOWN, "none"),
    ({"away_when_exact": True}, ALL, "away_from_zero", "none"),
    ({"away_when_exact": True}, ALL, UP, "none"),
    # the ends
    ({"limit_steps": 1}, (OCP8, IEEE8, FNUZ, "float16", P1), "nearest_even", "none"),
    ({"limit_steps": 1}, (OCP8, IEEE8), "away_from_zero", "none"),
    ({"limit_steps": -1}, (OCP8, IEEE8, FNUZ, "float16"), "nearest_even", "none"),
    ({"overflows_before_rounding": True}, (OCP8, IEEE8, FNUZ, "float16"), "nearest_even", "none"),
    ({"overflow": "max"}, (OCP8, IEEE8, FNUZ, "float16", "bfloat16"), "nearest_even", "none"),
    ({"overflow": "nan"}, (IEEE8, "float16"), "nearest_even", "none"),
    ({"overflow": "zero"}, ALL, "nearest_even", "none"),
    ({"infinity": "nan"}, (IEEE8, "float16", "bfloat16"), "nearest_even", "none"),
    ({"infinity": "max"}, (OCP8, IEEE8, FNUZ, "float16"), "nearest_even", "none"),
    ({"infinity": "zero"}, ALL, "nearest_even", "finite"),
    ({"nan": "infinity"}, (IEEE8, "float16", "bfloat16"), "nearest_even", "none"),
    ({"nan": "max"}, (OCP8, FNUZ), "nearest_even", "none"),
    ({"nan": "zero"}, (OCP8, IEEE8, FNUZ), "toward_zero", "finite"),
    # signs
    ({"zero_sign": "lost"}, (OCP8, IEEE8, "float4_e2m1fn", "float16"), "nearest_even", "none"),
    ({"zero_sign": "kept"}, (FNUZ,), "nearest_even", "none"),
    ({"sign_lost": True}, ALL, "nearest_even", "none"),
]
CASES = [(bugs, name, mode, sat) for bugs, names, mode, sat in MUTANTS for name in names]

A8, B8, C8, C3 = (nf.Stochastic(*a) for a in ((8, "A"), (8, "B"), (8, "C"), (3, "C")))
RANDOM_MUTANTS: list[tuple[dict[str, Any], Any, Any]] = [
    # a bug, or another mode that is carried out, in place of the mode
    ({"adds_half": True}, A8, A8),
    ({"ignores_sign": True}, A8, A8),
    ({"ignores_sign": True}, C8, C8),
    ({"flushes_result": True}, A8, A8),
    ({"loses_carry": True}, B8, B8),
    ({"subnormal_shift": 1}, A8, A8),
    ({"emin_shift": 1}, B8, B8),
    ({"limit_steps": 1}, A8, A8),
    ({"zero_sign": "lost"}, A8, A8),
    ({"kept_bits": 6}, A8, A8),
    ({}, "nearest_even", A8),
    ({}, "toward_zero", B8),
    ({}, "away_from_zero", C8),
]
VARIANTS = [(A8, B8), (B8, A8), (B8, C8), (C8, B8), (C8, A8), (A8, C8), (C3, nf.Stochastic(3, "B"))]


def test_there_are_enough_of_them() -> None:
    kinds = {(str(bugs), str(mode), sat) for bugs, _, mode, sat in MUTANTS}
    assert len(kinds) >= 40
    assert len({name for _, name, _, _ in CASES}) >= 6


def survivors(reports: list[tuple[Any, Report]]) -> list[Any]:
    return [mutant for mutant, report in reports if report.passed]


# Those of some mutants take seconds, and those of all a minute.
@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.thorough)])
def test_no_mutant_survives(step: int) -> None:
    reports = []
    for bugs, name, mode, saturation in CASES[::step]:
        fmt = nf.get_format(name)
        mutant = Rounder(fmt, mode, saturation).but(**bugs)
        reports.append(((bugs, name, mode), check_rounding(mutant, fmt, mode, saturation)))
    assert survivors(reports) == []


def own_draws(rounder: Rounder, mode: Any) -> Any:
    generator = np.random.default_rng(5)
    bits = mode.bits if isinstance(mode, nf.Stochastic) else 1

    def function(x: NDArray[Any]) -> NDArray[Any]:
        return rounder(x, generator.integers(0, 2**bits, x.size))

    return function


@pytest.mark.parametrize(
    "names", [(OCP8,), pytest.param((IEEE8, "bfloat16"), marks=pytest.mark.thorough)]
)
def test_no_mutant_that_rounds_at_random_survives(names: tuple[str, ...]) -> None:
    by_draws, by_chance = [], []
    for name in names:
        fmt = nf.get_format(name)
        for bugs, done, asked in RANDOM_MUTANTS:
            mutant = Rounder(fmt, done).but(**bugs)
            what = (bugs, name, done, asked)
            by_draws.append((what, check_rounding(mutant, fmt, asked, draws="given", budget=4096)))
            by_chance.append((what, check_rounding(own_draws(mutant, done), fmt, asked)))
        for done, asked in VARIANTS:
            report = check_rounding(Rounder(fmt, done), fmt, asked, draws="given")
            by_draws.append(((name, done, asked), report))
    assert survivors(by_draws) == []
    assert survivors(by_chance) == []


@pytest.mark.parametrize(
    "name", [OCP8, P1, *(pytest.param(name, marks=pytest.mark.thorough) for name in ALL[1:])]
)
def test_what_is_right_passes(name: str) -> None:
    fmt = nf.get_format(name)
    for mode in DETERMINISTIC:
        for saturation in ("none", "finite"):
            for dtype in (np.float16, ml_dtypes.bfloat16, np.float32):
                right = Rounder(fmt, mode, saturation)
                check_rounding(right, fmt, mode, saturation, dtype, raise_on_failure=True)
    for mode in (A8, B8, C8, C3):
        right = Rounder(fmt, mode)
        check_rounding(right, fmt, mode, draws="given", raise_on_failure=True)
        check_rounding(own_draws(right, mode), fmt, mode, raise_on_failure=True)


def cast(dtype: Any) -> Any:
    def function(x: NDArray[Any]) -> NDArray[Any]:
        with np.errstate(all="ignore"):
            return x.astype(dtype)

    return function


@pytest.mark.parametrize("name", [OCP8, IEEE8, FNUZ, "float8_e3m4", "bfloat16", "float16"])
def test_casts_of_numpy_and_ml_dtypes_pass_from_float32(name: str) -> None:
    fmt = nf.get_format(name)
    check_rounding(cast(fmt.dtype), fmt, raise_on_failure=True)
    assert fmt.dtype is not None

    def there_and_back(x: NDArray[Any]) -> NDArray[Any]:
        return cast(np.float32)(cast(fmt.dtype)(x))

    check_rounding(there_and_back, fmt, kind="round", raise_on_failure=True)
    codes = np.dtype(f"u{fmt.dtype.itemsize}")
    decode = lambda x: cast(np.float32)(x.astype(codes).view(fmt.dtype))  # noqa: E731
    assert check_rounding(decode, fmt, kind="decode", raise_on_failure=True).is_proof


def test_ml_dtypes_rounds_float64_twice_and_numpy_does_not() -> None:
    for name in (OCP8, "bfloat16", "float4_e2m1fn"):
        fmt = nf.get_format(name)
        report = check_rounding(cast(fmt.dtype), fmt, dtype=np.float64)
        assert set(report.mismatches) == {"double rounding"}
    check_rounding(cast(np.float16), nf.float16, dtype=np.float64, raise_on_failure=True)


@pytest.mark.parametrize(
    ("bugs", "mode", "cause"),
    [
        ({"through": np.float32}, "nearest_even", "double rounding"),
        ({"flushes_result": True}, "toward_zero", "subnormals"),
        ({"loses_carry": True}, "nearest_even", "carry"),
        ({"ties": "away"}, "nearest_even", "ties"),
        ({"overflow": "max"}, "nearest_even", "overflow"),
        ({"zero_sign": "lost"}, "nearest_even", "signed zero"),
        ({"nan": "max"}, "nearest_even", "NaN"),
        ({"mirrors_sign": True}, "toward_positive", "directed sign"),
    ],
)
def test_causes_are_named(bugs: dict[str, Any], mode: str, cause: str) -> None:
    fmt = nf.float8_e5m2
    report = check_rounding(Rounder(fmt, mode).but(**bugs), fmt, mode, dtype=np.float64)
    counts = {name: group.count for name, group in report.mismatches.items()}
    assert max(counts, key=lambda name: counts[name]) == cause


def test_a_failure_is_told_as_a_story() -> None:
    fmt = nf.float8_e4m3fn
    mutant = Rounder(fmt).but(ties="away")
    with pytest.raises(RoundingError) as caught:
        check_rounding(mutant, fmt, raise_on_failure=True)
    simplest = caught.value.report.simplest
    assert simplest is not None
    assert simplest.cause == "ties"
    assert str(simplest).splitlines() == [
        "float8_e4m3fn, nearest_even, saturation none: ties",
        f"  input     {_hex(simplest.input)}",
        f"  between   {simplest.lower:g} and {simplest.upper:g}",
        "  rule      the nearer neighbour; of two equally near, the one with the even code",
        f"  expected  {simplest.expected:g}",
        f"  given     {simplest.given:g}",
    ]
    assert "ties" in str(caught.value)


def _hex(x: np.float32) -> str:
    return f"{x.view(np.uint32):#010x} = {x:g}"


def test_every_float32_proves_or_refutes() -> None:
    fmt = nf.float4_e2m1fn
    for dtype in (np.float16, ml_dtypes.bfloat16):
        for mode in DETERMINISTIC:
            report = check_rounding(
                Rounder(fmt, mode), fmt, mode, "none", dtype, "encode", "exhaustive"
            )
            assert report.passed
            assert report.is_proof
            assert report.tried == 2**16 - 2 * (2**10 - 1 if dtype == np.float16 else 2**7 - 1)
    one_wrong = np.float16(2.4).view(np.uint16)

    def almost(x: NDArray[Any]) -> NDArray[Any]:
        return np.where(x.view(np.uint16) == one_wrong, 5, fmt.encode(x))

    report = check_rounding(almost, fmt, dtype=np.float16, budget="exhaustive")
    assert [group.count for group in report.mismatches.values()] == [1]


def test_what_makes_no_sense_is_refused() -> None:
    f = nf.float8_e4m3fn
    right = Rounder(f)
    with pytest.raises(ValueError, match="kind: 'guess'"):
        check_rounding(right, f, kind="guess")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="budget: -1"):
        check_rounding(right, f, budget=-1)
    with pytest.raises(ValueError, match="dtype: complex64"):
        check_rounding(right, f, dtype=np.complex64)
    with pytest.raises(ValueError, match="too many values"):
        check_rounding(right, f, dtype=np.float64, budget="exhaustive")
    with pytest.raises(ValueError, match="only what is deterministic"):
        check_rounding(right, f, "sr", budget="exhaustive")
    with pytest.raises(ValueError, match="shape"):
        check_rounding(lambda x: x[1:], f)
    with pytest.raises(TypeError, match="codes are integers"):
        check_rounding(lambda x: x, f)
    with pytest.raises(ValueError, match="codes"):
        check_rounding(lambda x: np.full(x.shape, 256), f)
    with pytest.raises(ValueError, match="draws: 'none'"):
        check_rounding(right, f, "sr", draws="none")  # type: ignore[arg-type]
