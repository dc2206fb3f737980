"""HiFloat8 against its paper, whose rules are written here once more: Luo et al., 2024,
arXiv:2409.16626.
"""

from __future__ import annotations

import bisect
import importlib
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from decision_points import DETERMINISTIC, decision_points

import numformats as nf
from numformats.codec import numpy_path
from numformats.codec.arguments import code_dtype
from numformats.codec.plan import make_plan
from numformats.exact.flags import Flags
from numformats.modes import Modes, RoundingMode
from numformats.testing import check_rounding, laws

F = nf.hifloat8
SATURATIONS = ["none", "finite", "propagate"]
# The place of infinity in the order of magnitudes.
BEYOND = Fraction(3, 2) * 2**15


def written(exponent: int, mantissa: Fraction) -> int:
    """The code of (1 + mantissa) 2**exponent: a dot field, the exponent's sign, what follows its
    highest bit, and the mantissa in the bits that are left.
    """
    magnitude = abs(exponent)
    width = magnitude.bit_length()
    dot = {0: "0001", 1: "001", 2: "01", 3: "10", 4: "11"}[width]
    rest = f"{magnitude:b}"[1:]
    sign = "" if width == 0 else str(int(exponent < 0))
    left = 7 - len(dot) - len(sign) - len(rest)
    bits = mantissa * 2**left
    assert bits.denominator == 1
    return int(f"{dot}{sign}{rest}{bits.numerator:0{left}b}", 2)


def mantissa_bits(exponent: int) -> int:
    return 3 if abs(exponent) <= 3 else 2 if abs(exponent) <= 7 else 1


def magnitudes() -> dict[Fraction, int]:
    """All magnitudes and their codes, with that of infinity in its place."""
    found = {Fraction(0): 0} | {Fraction(1, 2 ** (23 - code)): code for code in range(1, 8)}
    for exponent in range(-15, 16):
        for step in range(2 ** mantissa_bits(exponent)):
            mantissa = Fraction(step, 2 ** mantissa_bits(exponent))
            found[(1 + mantissa) * Fraction(2) ** exponent] = written(exponent, mantissa)
    return found


CODES = magnitudes()
ORDER = sorted(CODES)


def expected(x: Fraction, mode: RoundingMode, saturation: str) -> int:
    """The code of a number, from the list of magnitudes and the definition of the mode."""
    negative = x < 0
    size = min(abs(x), BEYOND)
    above = bisect.bisect_left(ORDER, size)
    if ORDER[above] == size:
        low = high = size
    else:
        low, high = ORDER[above - 1], ORDER[above]
    match mode:
        case "toward_zero":
            chosen = low
        case "away_from_zero":
            chosen = high
        case "toward_positive":
            chosen = low if negative else high
        case "toward_negative":
            chosen = high if negative else low
        case "to_odd":
            chosen = high if CODES[high] % 2 else low
        case _:
            side = 2 * size - low - high
            tie = {"nearest_away": high, "nearest_zero": low}.get(
                str(mode), high if CODES[low] % 2 and not CODES[high] % 2 else low
            )
            chosen = tie if side == 0 else high if side > 0 else low
    inward = mode == "toward_zero" or mode == ("toward_positive" if negative else "toward_negative")
    if chosen == BEYOND and (saturation != "none" or inward):
        chosen = ORDER[-2]
    return CODES[chosen] + (128 if negative and chosen else 0)


def test_all_codes_are_those_of_the_paper() -> None:
    assert len(CODES) == 128 == len(set(CODES.values()))
    for magnitude, code in CODES.items():
        if magnitude in (0, BEYOND):
            continue
        assert F.value(code) == magnitude
        assert F.value(code + 128) == -magnitude
    assert F.value(0) == 0
    assert F.value(0x6F) == math.inf
    assert F.value(0xEF) == -math.inf
    assert math.isnan(F.value(0x80))
    # Examples of the paper's table 2: the ends of normal and subnormal numbers.
    assert (F.value(0x6E), F.value(0x7E)) == (2**15, Fraction(1, 2**15))
    assert (F.value(7), F.value(1)) == (Fraction(1, 2**16), Fraction(1, 2**22))


def test_it_tells_what_it_is() -> None:
    assert nf.get_format("HiF8") is F is nf.get_format("hifloat8")
    assert nf.list_formats("hifloat") == ["hifloat8"]
    assert (F.max, F.min, F.eps, F.precision) == (2.0**15, -(2.0**15), 0.125, 4)
    assert (F.smallest_normal, F.smallest_subnormal) == (2.0**-15, 2.0**-22)
    assert F.has_inf
    assert F.has_nan
    assert F.has_subnormals
    assert not F.has_negative_zero
    assert F.encode(-0.0) == 0
    assert F.encode(np.nan) == 0x80
    assert "hifloat8" in repr(F)


@pytest.mark.parametrize("saturation", SATURATIONS)
@pytest.mark.parametrize("mode", DETERMINISTIC)
def test_every_decision_point_in_every_mode(mode: RoundingMode, saturation: str) -> None:
    points = decision_points(F)
    finite = points[np.isfinite(points)]
    for x in finite.tolist():
        found = nf.exact.project(x, F, mode, saturation)
        assert found == expected(Fraction(x), mode, saturation), (x, found)
    for sign in (1, -1):
        found = nf.exact.project(sign * math.inf, F, mode, saturation)
        assert found == (0x6E if saturation == "finite" else 0x6F) + (128 if sign < 0 else 0)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize("saturation", SATURATIONS)
@pytest.mark.parametrize("mode", DETERMINISTIC)
def test_arrays_on_both_paths(mode: RoundingMode, saturation: str, dtype: str) -> None:
    calls = importlib.import_module("numformats.codec.numba.calls")
    with np.errstate(over="ignore", under="ignore"):
        x = np.concatenate([decision_points(F).astype(dtype), np.array([np.nan, -0.0], dtype)])
    codes = [nf.exact.project(number, F, mode, saturation) for number in x]
    plan = make_plan(F, Modes(mode, saturation))  # type: ignore[arg-type]
    found = np.empty(x.shape, code_dtype(F))
    numpy_path.project_into(found, x, plan)
    np.testing.assert_array_equal(found, codes)
    kernel = calls.kernel_for(plan, x.dtype)
    assert kernel is not None
    compiled = np.empty_like(found)
    calls.project_into(compiled, x, kernel)
    np.testing.assert_array_equal(compiled, codes)
    np.testing.assert_array_equal(F.round(x, mode, saturation), F.decode(found, dtype=x.dtype))


@pytest.mark.parametrize("saturation", SATURATIONS)
@pytest.mark.parametrize(
    "mode", [*(nf.Stochastic(3, variant) for variant in "ABC"), "stochastic_equal"], ids=str
)
def test_random_bits(mode: Any, saturation: str) -> None:
    points = np.float64([0.99e5, 4e4, 33000.0, 49151.0, 49152.0, -45000.0, 1.03, -(2.0**-23), 3e-5])
    draws = np.arange(2 if mode == "stochastic_equal" else 8)
    x, random_bits = (grid.ravel() for grid in np.meshgrid(points, draws))
    found = F.encode(x, mode, saturation, random_bits=random_bits)
    codes = [
        nf.exact.project(number, F, mode, saturation, random_bits=draw)
        for number, draw in zip(x.tolist(), random_bits.tolist(), strict=True)
    ]
    np.testing.assert_array_equal(found, codes)
    if saturation == "none":
        # Between the largest value and the place of infinity both may come.
        assert {0x6E, 0x6F} <= set(codes)


def test_flags_say_where_it_overflows() -> None:
    over = Flags.OVERFLOW | Flags.INEXACT
    assert nf.exact.flags(1.2 * 2**15, F) == Flags.INEXACT
    assert nf.exact.flags(1.3 * 2**15, F) == over
    assert nf.exact.flags(-1.25 * 2**15, F) == Flags.INEXACT
    assert nf.exact.flags(-1.25 * 2**15, F, "nearest_away") == over
    assert nf.exact.flags(1.25 * 2**15, F, "nearest_away", "finite") == over
    assert nf.exact.flags(2**15, F) == Flags(0)


def test_operations_round_to_it_once() -> None:
    values = F.values()
    numbers = values[np.isfinite(values)]
    rng = np.random.default_rng(5)
    a, b = rng.choice(numbers, 300), rng.choice(numbers, 300)
    for name in ("add", "multiply", "divide"):
        with np.errstate(all="ignore"):
            found = getattr(nf.arithmetic, name)(a, b, F, rounding="nearest_away")
        meant = [
            float(nf.exact.decode(nf.exact.apply(name, (p, q), F, "nearest_away"), F))
            for p, q in zip(a.tolist(), b.tolist(), strict=True)
        ]
        np.testing.assert_array_equal(found, meant)


def test_the_testing_kit_takes_it() -> None:
    assert check_rounding(F.encode, F, raise_on_failure=True)
    assert check_rounding(F.encode, F, dtype=np.float16, budget="exhaustive").is_proof

    def without_infinity(x: Any) -> Any:
        return F.encode(x, saturation="finite")

    assert not check_rounding(without_infinity, F)
    laws.idempotence(F.round, np.float32([0.3, 7.7, -1e9]))
    laws.ties(F.round, F)
    laws.monotonicity(F.round, np.linspace(-60000, 60000, 4001))
    laws.nearest_is_nearest(F.round, np.linspace(-32768, 32768, 4001), F)


def test_compare_takes_it() -> None:
    x = np.random.default_rng(0).standard_normal(4000).astype("f4")
    found = {row.format: row.stats.sqnr_db for row in nf.compare(x, [F, "e5m2"]).rows}
    # 3 bits of mantissa about 1, to 2.
    assert found["hifloat8"] > found["float8_e5m2"] + 5


def test_small_numbers_underflow() -> None:
    flags = nf.exact.Flags
    assert nf.exact.flags(2.0**-18, F) == flags(0)
    for x in (1e-9, -3e-6, 1.6 * 2.0**-16):
        assert nf.exact.flags(x, F) == flags.INEXACT | flags.UNDERFLOW, x
    # It would become 2**-15 with more exponents, too.
    assert nf.exact.flags(1.9 * 2.0**-16, F) == flags.INEXACT
    assert nf.exact.flags(1.9 * 2.0**-16, F, tininess="before") & flags.UNDERFLOW


@pytest.mark.peers
@pytest.mark.parametrize("dtype", ["f4", "f2"])
def test_en_dtypes_has_the_same_values_and_codes(dtype: str) -> None:
    peer = pytest.importorskip("en_dtypes").hifloat8
    codes = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(F.values(), codes.view(peer).astype(np.float64))
    with np.errstate(all="ignore"):
        points = decision_points(F).astype(dtype)
        around = [np.nextafter(points, points.dtype.type(end)) for end in (-np.inf, np.inf)]
        x = np.unique(np.concatenate([points, *around]))
        found = x.astype(peer).view(np.uint8)
    np.testing.assert_array_equal(F.encode(x, "nearest_away"), found)
