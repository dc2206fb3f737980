"""`testing.kappa`: the examples of Annex D, and approximations whose kappa is counted here."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import numformats as nf
from numformats.arithmetic import Specialization, specialization
from numformats.testing import Kappa, kappa

NEAREST = "(NearestTiesToEven, SatNone)"
F = nf.binary8p3se
G = nf.binary8p4se
ADD = specialization(f"Add<Binary8p3se, Binary8p3se, Binary8p3se, {NEAREST}>")
EXP = specialization(f"Exp<Binary8p3se, Binary8p3se, {NEAREST}>")


def on_values(made: Specialization, function: Callable[..., Any]) -> Callable[..., Any]:
    """A candidate that computes in float64."""
    (fmt,) = made.result_formats

    def candidate(*codes: Any) -> Any:
        values = (
            operand.decode(code, dtype=np.float64)
            for operand, code in zip(made.operand_formats, codes, strict=True)
        )
        with np.errstate(all="ignore"):
            return fmt.encode(function(*values))

    return candidate


def ranks(fmt: nf.Format) -> dict[float, int]:
    values = np.unique(fmt.values()[np.isfinite(fmt.values())])
    return {value: i for i, value in enumerate(values.tolist())}


def test_what_is_defined_has_none() -> None:
    measured = kappa(ADD, ADD)
    assert measured.value == 0
    assert isinstance(measured.value, int)
    assert (measured.tried, measured.is_exhaustive) == (65_536, True)


def flushed(x: Any) -> Any:
    """Subnormals of Binary8p4se to zero or the smallest normal, ties to zero."""
    normal = G.smallest_normal
    rounded = np.asarray(G.round(x), np.float64)
    return np.where(
        np.abs(rounded) < normal,
        np.where(np.abs(rounded) > normal / 2, np.sign(rounded) * normal, 0),
        rounded,
    )


def test_annex_d_1() -> None:
    """Exp which flushes subnormals: kappa is 4, and 0, 3 and 4 on parts of its operands."""
    made = specialization(f"Exp<binary32, Binary8p4se, {NEAREST}>")
    candidate = on_values(made, lambda x: flushed(np.exp(x)))
    a, b, c = (math.log(n * 2.0**-11) for n in (1, 9, 15))
    rng = np.random.default_rng(0)
    for low, high, expected in ((-40, a, 0), (a, b, 4), (b, c, 3), (c, 5.4, 0)):
        x = np.float32(rng.uniform(low + 1e-6, high - 1e-6, 2_000))
        measured = kappa(candidate, made, [x.view(np.uint32)])
        assert measured.value == expected
        assert (measured.tried, measured.is_exhaustive) == (2_000, False)
    x = np.linspace(-12, 5, 3_000, dtype=np.float32)
    assert kappa(candidate, made, [x.view(np.uint32)]).value == 4


def test_annex_d_2() -> None:
    """A dot product on operands that are restricted, with each step rounded to BFloat16."""
    made = specialization(
        "BlockDotProduct<8,Binary8p1uf,Binary8p4se,Binary8p1uf,Binary8p4se,binary32,"
        "(NearestTiesToEven,SatNone)>"
    )
    rng = np.random.default_rng(1)
    small = np.flatnonzero(np.abs(G.values()) <= 2)
    assert len(small) == 145
    one = np.full(4_000, nf.binary8p1uf.encode(1.0))
    x, y = np.zeros((2, 4_000, 8), np.uint8)
    x[:, :2], y[:, :2] = rng.choice(small, (2, 4_000, 2))

    def stepwise(s: Any, x: Any, t: Any, y: Any) -> Any:
        total = np.zeros(len(s))
        for i in range(8):
            term = nf.bfloat16.round(G.values()[x[:, i]] * G.values()[y[:, i]])
            total = np.asarray(nf.bfloat16.round(total + term), np.float64)
        return nf.float32.encode(total)

    measured = kappa(stepwise, made, [one, x, one, y])
    products = (G.values()[x] * G.values()[y]).sum(1).astype(np.float32)
    rounded = np.asarray(nf.bfloat16.round(products), np.float32)
    # These are exact in float32; a value of it is one step of its codes.
    steps = np.abs(products.view(np.int32).astype(np.int64) - rounded.view(np.int32))
    assert measured.value == steps.max() > 0
    place = int(np.argmax(steps))
    assert measured.operands[1] == x[place].tolist()
    assert measured.defined == (int(products.view(np.uint32)[place]),)


def test_an_addition_that_flushes_subnormals() -> None:
    def flush(x: Any) -> Any:
        rounded = np.asarray(F.round(x), np.float64)
        return np.where(np.abs(rounded) < F.smallest_normal, 0, rounded)

    measured = kappa(on_values(ADD, lambda x, y: flush(x + y)), ADD)
    # The largest of the three subnormals is three values from zero.
    assert measured.value == 3
    assert abs(F.decode(measured.defined[0])) == 3 * F.smallest_subnormal
    assert measured.given == (0,)


@pytest.mark.parametrize("degree", [1, 2, 3, 5])
def test_a_polynomial(degree: int) -> None:
    """Counted here with sorted values, where the library counts codes."""

    def series(x: Any) -> Any:
        x = np.clip(x, -2, 2)
        return sum(x**k / math.factorial(k) for k in range(degree + 1))

    x = np.asarray(F.encode(np.linspace(-2, 2, 200)))
    candidate = on_values(EXP, series)
    place = ranks(F)
    given = np.asarray(F.decode(candidate(x), dtype=np.float64)).tolist()
    right = F.round(np.exp(F.values()[x])).tolist()
    counted = [abs(place[one] - place[other]) for one, other in zip(given, right, strict=True)]
    measured = kappa(candidate, EXP, [x])
    assert measured.value == max(counted) > 0
    assert measured.operands == (int(x[counted.index(max(counted))]),)


def test_across_zero_there_is_one_zero() -> None:
    f = nf.float16
    made = specialization(f"Convert<binary16, binary16, {NEAREST}>")
    for given, right, expected in ((-2, 1, 3), (2, -1, 3), (-1, -1, 0), (0, 1, 1), (-3, 0, 3)):
        codes = f.encode(np.array([given, right]) * f.smallest_subnormal)
        assert kappa(lambda x, code=codes[:1]: code, made, [codes[1:]]).value == expected
    # -0 is the value 0, too.
    assert kappa(lambda codes: np.full(1, 0x8000), made, [[0]]).value == 0


def test_nan_and_infinity() -> None:
    def wrong_at(code: int, value: float, other: int = 0, second: float = 0.0) -> Any:
        def candidate(x: Any) -> Any:
            found = np.array(EXP(x))
            found[x == code] = F.encode(value)
            if other:
                found[x == other] = F.encode(second)
            return found

        return kappa(candidate, EXP)

    one, nan, big, low = (int(F.encode(x)) for x in (1.0, math.nan, 49152.0, -math.inf))
    assert math.isnan(wrong_at(one, math.nan).value)
    assert math.isnan(wrong_at(nan, 1.0).value)
    assert wrong_at(big, 49152.0).value == math.inf
    assert wrong_at(big, -math.inf).value == math.inf
    assert wrong_at(one, math.inf).value == math.inf
    # NaN counts more than infinity, wherever it is; infinity more than all numbers.
    assert math.isnan(wrong_at(big, 1.0, one, math.nan).value)
    assert math.isnan(wrong_at(one, math.inf, big, math.nan).value)
    assert wrong_at(one, -49152.0, big, 1.0).value == math.inf
    assert wrong_at(low, F.smallest_subnormal).value == 1
    assert wrong_at(low, F.smallest_subnormal).operands == (low,)


def test_the_worst_of_several_results_counts() -> None:
    made = specialization(
        f"ConvertToBlockMaxAbsFinite<4, binary16, Binary8p1uf, Binary8p3se, {NEAREST}, {NEAREST}>"
    )

    def candidate(x: Any) -> Any:
        scales, elements = made(x)
        scales[5] -= 1
        elements[7, 2] += 2
        return scales, elements

    rng = np.random.default_rng(0)
    x = nf.float16.encode(rng.uniform(1, 2, (10, 4)))
    measured = kappa(candidate, made, [x])
    assert measured.value == 2
    assert measured.operands == (x[7].tolist(),)
    assert len(measured.defined) == 2

    def only_scales(x: Any) -> Any:
        scales, elements = made(x)
        return scales - 3, elements

    assert kappa(only_scales, made, [x]).value == 3
    assert kappa(made, made, samples=500).value == 0


def test_the_seed() -> None:
    made = specialization(f"Recip<binary32, Binary8p4se, {NEAREST}>")

    def candidate(codes: Any) -> Any:
        found = made(codes)
        return np.where(codes % 50 == 0, found ^ 1, found)

    first, again, other = (kappa(candidate, made, samples=300, seed=s) for s in (1, 1, 2))
    assert first == again
    assert first.operands != other.operands
    assert (first.tried, first.is_exhaustive) == (300, False)


def test_how_it_is_told() -> None:
    measured = kappa(lambda x, y: ADD(x, 0), ADD, [[64, 60], [64, 0]])
    assert isinstance(measured, Kappa)
    assert str(measured) == (
        "Add<Binary8p3se, Binary8p3se, Binary8p3se, (NearestTiesToEven, SatNone)>: kappa 4, "
        "of 2 operands\n"
        "  at       x = 0x40 (1), y = 0x40 (1)\n"
        "  defined  0x44 (2)\n"
        "  given    0x40 (1)"
    )
    every = str(kappa(lambda x: np.full(len(x), 0x80), EXP))
    assert "kappa nan, all 256 operands\n" in every
    assert "given    0x80 (nan)" in every


def test_what_is_refused() -> None:
    with pytest.raises(TypeError, match="candidate: expected a callable"):
        kappa(3, ADD)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="specialization: expected what"):
        kappa(ADD, str(ADD))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="computes no values"):
        kappa(ADD, specialization("IsZero<Binary8p3se>"))
    with pytest.raises(ValueError, match="computes no values"):
        kappa(ADD, specialization("MaxFiniteOf<Binary8p3se>"))
    with pytest.raises(ValueError, match="rounds at random"):
        kappa(ADD, specialization("Exp<Binary8p3se, Binary8p3se, (StochasticA(4), SatNone)>"))
    with pytest.raises(ValueError, match="takes 2 arrays, got 1"):
        kappa(ADD, ADD, [[1]])
    with pytest.raises(ValueError, match=r"shapes \[\(1,\), \(2,\)\]"):
        kappa(ADD, ADD, [[1], [1, 2]])
    with pytest.raises(ValueError, match="expected arrays of one length"):
        kappa(ADD, ADD, [1, 2])
    with pytest.raises(ValueError, match="no operands at all"):
        kappa(ADD, ADD, [np.zeros(0, int)] * 2)
    with pytest.raises(ValueError, match="results of shape"):
        kappa(lambda x, y: x[:3], ADD)
    with pytest.raises(TypeError, match="its results: dtype float"):
        kappa(lambda x, y: x + 0.5, ADD)
    with pytest.raises(ValueError, match="gave 2 results, and 1 are defined"):
        kappa(lambda x, y: (x, y), ADD)
    with pytest.raises(ValueError, match="samples"):
        kappa(ADD, ADD, samples=0)
    with pytest.raises(ValueError, match="y: 256 at index"):
        kappa(ADD, ADD, [[1], [256]])
