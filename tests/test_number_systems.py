"""A number system that the package does not know goes through all of it."""

from __future__ import annotations

import importlib
import itertools
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from decision_points import DETERMINISTIC
from hypothesis import given, settings
from hypothesis import strategies as st
from posit8 import POSIT8, Posit, posit_value

import numformats as nf
from numformats.cli.report import ReportOptions, report
from numformats.codec import backends, numpy_path
from numformats.codec.arguments import code_dtype
from numformats.codec.plan import make_plan
from numformats.modes import Modes
from numformats.testing import check_rounding, laws, strategies, vectors

VALUES = [Fraction(POSIT8.value(code)) for code in range(256) if code != 128]


def nearest(x: Fraction) -> int:
    """The code nearest to a number by the definition itself, with bit strings of one bit more."""
    if x == 0:
        return 0
    magnitude = abs(x)
    codes = range(1, 128)
    if magnitude >= VALUES[127]:
        code = 127
    else:
        below = max((c for c in codes if Fraction(POSIT8.value(c)) <= magnitude), default=0)
        middle = Fraction(posit_value(2 * below + 1, 9)) if below else Fraction(0)
        is_up = magnitude > middle or (magnitude == middle and below % 2 == 1)
        code = below + is_up
    return code if x > 0 else 256 - code


def telling_numbers() -> list[Fraction]:
    ordered = sorted(VALUES)
    found = [Fraction(0), ordered[-1] * 3, -ordered[-1] * 3]
    for lower, upper in itertools.pairwise(ordered):
        step = ordered.index(lower)
        for point in (lower, POSIT8.boundary(step), (lower + upper) / 2):
            delta = (upper - lower) / 2**20
            found += [point - delta, point, point + delta]
    return found


def test_the_oracle_rounds_as_the_standard_says() -> None:
    for x in telling_numbers():
        assert nf.exact.project(x, POSIT8) == nearest(x), x
    assert nf.exact.project(math.inf, POSIT8) == nf.exact.project(math.nan, POSIT8) == 128
    # Never to zero, and never to NaR.
    assert nf.exact.project(Fraction(1, 10**30), POSIT8) == 1
    assert nf.exact.project(-(10**30), POSIT8) == 129
    assert nf.exact.project(Fraction(1, 10**30), POSIT8, "toward_zero") == 0


def test_a_trace_names_the_boundary() -> None:
    found = nf.exact.trace(Fraction(3, 2**21), POSIT8)
    assert (found.inward, found.outward) == (Fraction(1, 2**20), Fraction(1, 2**18))
    # Far from the middle of the two.
    assert found.boundary == Fraction(1, 2**19)
    assert found.part == Fraction(1, 6)
    assert found.code == 2


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2"])
@pytest.mark.parametrize("mode", [*DETERMINISTIC, nf.Stochastic(4, "B")], ids=str)
def test_arrays_are_projected_as_the_oracle_says_on_both_paths(mode: Any, dtype: str) -> None:
    calls = importlib.import_module("numformats.codec.numba.calls")
    with np.errstate(over="ignore"):
        x = np.array([float(number) for number in telling_numbers()]).astype(dtype)
    x = np.concatenate([x, np.array([np.inf, -np.inf, np.nan, -0.0]).astype(dtype)])
    is_random = isinstance(mode, nf.Stochastic)
    draws = np.arange(x.size) % 16 if is_random else None
    expected = [
        nf.exact.project(number, POSIT8, mode, random_bits=i % 16 if is_random else None)
        for i, number in enumerate(x)
    ]
    plan = make_plan(POSIT8, Modes(mode))
    of_numpy = np.empty(x.shape, code_dtype(POSIT8))
    numpy_path.project_into(of_numpy, x, plan, random_bits=draws)
    np.testing.assert_array_equal(of_numpy, expected)
    kernel = calls.kernel_for(plan, x.dtype)
    assert (kernel is None) == is_random
    if kernel is not None:
        compiled = np.empty_like(of_numpy)
        calls.project_into(compiled, x, kernel)
        np.testing.assert_array_equal(compiled, expected)


def test_it_has_every_method_of_a_format() -> None:
    assert POSIT8.max == 2.0**24
    assert POSIT8.has_nan
    assert not POSIT8.has_inf
    codes = POSIT8.encode(np.float32([1.0, -2.5, 1e-20, np.nan]))
    assert codes.tolist() == [0x40, 0xB6, 1, 0x80]
    np.testing.assert_array_equal(POSIT8.decode(codes)[:2], [1.0, -2.5])
    np.testing.assert_array_equal(POSIT8.round(np.float32([1.01, np.inf])), [1.0, np.nan])
    np.testing.assert_array_equal(POSIT8.unpack(POSIT8.pack(codes), 4), codes)
    assert np.isnan(POSIT8.values()[128])
    np.testing.assert_array_equal(POSIT8.encode(POSIT8.values()), np.arange(256))
    assert "posit8" in repr(POSIT8)
    assert hash(POSIT8) == hash(Posit("posit8", 8))


def test_the_testing_kit_takes_it() -> None:
    assert check_rounding(POSIT8.encode, POSIT8, raise_on_failure=True)
    assert check_rounding(POSIT8.encode, POSIT8, dtype=np.float16, budget="exhaustive").is_proof

    def by_means(x: Any) -> Any:  # the mistake to be expected of a posit
        table = nf.TableFormat("means", [0.0 if i == 128 else v for i, v in enumerate(finite)])
        codes = table.encode(np.where(np.isfinite(x), x, 0))
        return np.where(np.isfinite(x), codes, 128)

    finite = np.nan_to_num(POSIT8.values()).tolist()
    assert not check_rounding(by_means, POSIT8)
    laws.idempotence(POSIT8.round, np.float32([0.3, 7.7, -1e9]))
    laws.nearest_is_nearest(POSIT8.round, np.linspace(-70000, 70000, 4001), POSIT8)
    laws.ties(POSIT8.round, POSIT8)
    laws.monotonicity(POSIT8.round, np.linspace(-300, 300, 4001))


@settings(max_examples=50)
@given(st.data())
def test_strategies_draw_from_it(data: st.DataObject) -> None:
    projection = data.draw(strategies.projections(st.just(POSIT8)))
    x = data.draw(strategies.inputs(POSIT8, np.float32))
    draw = None
    if projection.random_bit_count:
        draw = data.draw(st.integers(0, 2**projection.random_bit_count - 1))
    code = POSIT8.encode(x, projection.rounding, projection.saturation, random_bits=draw)
    assert code == nf.exact.project(
        x, POSIT8, projection.rounding, projection.saturation, random_bits=draw
    )


def test_vectors_are_made_for_it() -> None:
    source = vectors.Source.parse("float16")
    projection = nf.testing.Projection(POSIT8)
    lines = [line for chunk in vectors.vectors(projection, source, 1)
             for line in vectors.lines(chunk, source, projection)]  # fmt: skip
    assert len(lines) > 500
    assert "3c00 40 00" in lines


def test_compare_and_report_take_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    x = np.random.default_rng(0).standard_normal(1000).astype("f4")
    rows = {row.format: row for row in nf.compare(x, [POSIT8, "e4m3fn"]).rows}
    assert rows["posit8"].stats.sqnr_db > 25
    np.save(tmp_path / "x.npy", x)
    monkeypatch.setattr(backends, "_IS_DISABLED", True)
    assert report(ReportOptions(files=(tmp_path / "x.npy",), formats=(POSIT8,))) == 0
    assert "posit8" in capsys.readouterr().out
