"""`laws.fit`: known constants from synthetic runs, held-out rows, and bad data."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np
import pytest

from numformats import laws

SIZES, TOKENS, BITS = (2560, 5632, 13312, 34816), (1e5, 1e6, 1e7, 5e7), (3, 4, 5, 6)
EXPONENTIAL = {"factor": 0.3, "gamma_data": 0.6, "gamma_parameters": 0.33, "gamma_bits": 0.66}
POWER = {"factor": 30.0, "gamma_data": 0.5, "gamma_parameters": 0.2, "gamma_bits": 5.5}


def runs(
    seed: int, *, of: str = "exponential", run_noise: float = 0.1, row_noise: float = 0.05
) -> dict[str, Any]:
    """A grid of runs, each rounded to several widths; the rows of a run share some noise."""
    rng = np.random.default_rng(seed)
    rows: dict[str, list[float]] = {
        name: [] for name in ("run", "bits", "parameters", "tokens", "harm")
    }
    for run, (size, tokens) in enumerate((n, d) for n in SIZES for d in TOKENS):
        of_run = rng.normal(0, run_noise)
        for bits in BITS:
            harm = harm_of(of, bits, size, tokens) * np.exp(of_run + rng.normal(0, row_noise))
            for name, value in zip(rows, (run, bits, size, tokens, harm), strict=True):
                rows[name].append(value)
    return {name: np.array(column) for name, column in rows.items()}


def harm_of(of: str, bits: float, size: float, tokens: float) -> float:
    if of == "power":
        return 30.0 * tokens**0.5 / (size**0.2 * bits**5.5)
    return float(0.3 * tokens**0.6 / size**0.33 * np.exp(-bits / 0.66))


@pytest.mark.parametrize("loss", ["least_squares", "huber"])
@pytest.mark.parametrize(("of", "truth"), [("exponential", EXPONENTIAL), ("power", POWER)])
def test_exact_data_give_their_constants(loss: Any, of: str, truth: dict[str, float]) -> None:
    data = runs(0, of=of, run_noise=0, row_noise=0)
    if loss == "huber":
        pytest.importorskip("scipy")
    found = laws.fit(of, data, loss=loss, bootstrap=0)
    assert found.constants == pytest.approx(truth, rel=1e-6)
    assert found.r2 == pytest.approx(1)
    assert found.intervals == {}
    assert found.residuals == pytest.approx(np.zeros(64), abs=1e-6)
    assert (found.rows, found.runs) == (64, 16)


@pytest.mark.parametrize("law", [laws.precision, laws.ouyang], ids=lambda law: law.name)
def test_laws_of_papers_tell_which_formula_is_fitted(law: laws.Law) -> None:
    found = laws.fit(law, runs(1), bootstrap=0)
    assert found.family.name == ("exponential" if law is laws.precision else "power")


def test_the_fitted_law_is_a_law() -> None:
    found = laws.fit("exponential", runs(2), bootstrap=50)
    assert isinstance(found.law, laws.HarmLaw)
    c = found.constants
    by_hand = (
        c["factor"]
        * 1e6 ** c["gamma_data"]
        / 5632 ** c["gamma_parameters"]
        * np.exp(-4 / c["gamma_bits"])
    )
    assert found.law.harm(4, 5632, 1e6) == pytest.approx(by_hand, rel=1e-12)
    assert found.predict(bits=4, parameters=5632, tokens=1e6) == pytest.approx(by_hand, rel=1e-12)
    with pytest.warns(laws.ExtrapolationWarning, match="bits: 8 is outside 3 to 6"):
        found.law.harm(8, 5632, 1e6)
    low, high = found.band(bits=[3, 4, 5], parameters=5632, tokens=1e6)
    middle = found.predict(bits=[3, 4, 5], parameters=5632, tokens=1e6)
    assert (low < middle).all()
    assert (middle < high).all()
    text = str(found)
    assert text.splitlines()[0].startswith("exponential: 64 rows of 16 runs, R2 0.9")
    assert "gamma_bits        0.6" in text


def test_residuals_and_r2_by_hand() -> None:
    data = runs(3)
    found = laws.fit("exponential", data, bootstrap=0)
    columns = {name: data[name] for name in ("bits", "parameters", "tokens")}
    measured, predicted = np.log(data["harm"]), np.log(found.predict(**columns))
    assert found.residuals == pytest.approx(measured - predicted, abs=1e-12)
    # Least squares with a constant term: nothing is left of any column.
    assert found.residuals.mean() == pytest.approx(0, abs=1e-10)
    assert found.residuals @ np.log(data["tokens"]) == pytest.approx(0, abs=1e-8)
    assert found.r2 == pytest.approx(1 - found.residuals.var() / measured.var(), rel=1e-9)


def test_intervals_hold_the_constants_about_as_often_as_they_say() -> None:
    """Of 60 sets of runs, with noise by run: of 240 intervals of 95 % nine tenths at the least."""
    held = 0
    for seed in range(60):
        found = laws.fit("exponential", runs(seed), bootstrap=200, rng=seed)
        held += sum(EXPONENTIAL[name] in found.intervals[name] for name in EXPONENTIAL)
    assert 0.86 * 240 <= held <= 0.985 * 240


def test_rows_of_a_run_stay_together() -> None:
    """Taken as runs of their own, rows that share their noise promise too much."""
    data = runs(5, run_noise=0.3, row_noise=0.02)
    together = laws.fit("exponential", data, bootstrap=400).intervals["gamma_data"]
    data.pop("run")
    apart = laws.fit("exponential", data, bootstrap=400).intervals["gamma_data"]
    assert together.high - together.low > 1.4 * (apart.high - apart.low)


def test_the_same_seed_gives_the_same_intervals() -> None:
    first, again, other = (
        laws.fit("power", runs(6), bootstrap=30, rng=rng).resamples
        for rng in (1, np.random.default_rng(1), 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_huber_bears_runs_astray() -> None:
    pytest.importorskip("scipy")
    data = runs(7, run_noise=0.03)
    data["harm"][[3, 20, 40]] *= 30
    least = laws.fit("exponential", data, bootstrap=0).constants["gamma_bits"]
    huber = laws.fit("exponential", data, bootstrap=0, loss="huber").constants["gamma_bits"]
    assert abs(huber - 0.66) < 0.3 * abs(least - 0.66)
    assert huber == pytest.approx(0.66, rel=0.03)


def test_held_out_rows_are_predicted() -> None:
    data = runs(8)
    largest = data["parameters"] == max(SIZES)
    found = laws.fit("exponential", data, held_out=largest, bootstrap=0)
    assert found.rows == 48
    assert found.held_out is not None
    assert found.held_out.rows == 16
    assert found.held_out.r2 > 0.97
    rest = {name: column[~largest] for name, column in data.items()}
    assert found.constants == laws.fit("exponential", rest, bootstrap=0).constants
    measured = np.log(data["harm"][largest])
    predicted = np.log(
        found.predict(**{n: data[n][largest] for n in ("bits", "parameters", "tokens")})
    )
    assert found.held_out.residuals == pytest.approx(measured - predicted, abs=1e-12)
    left = ((measured - predicted) ** 2).sum() / ((measured - measured.mean()) ** 2).sum()
    assert found.held_out.r2 == pytest.approx(1 - left, rel=1e-9)
    assert "held out: 16 rows, R2 0.9" in str(found)


def test_constants_can_be_given() -> None:
    """As they have to be for runs of one size."""
    data = runs(9)
    chosen = data["parameters"] == 5632
    one_size = {name: column[chosen] for name, column in data.items()}
    with pytest.raises(ValueError, match="parameters has one value, 5632"):
        laws.fit("exponential", one_size, bootstrap=0)
    found = laws.fit("exponential", one_size, fixed={"gamma_parameters": 0.33}, bootstrap=0)
    assert list(found.constants) == ["factor", "gamma_data", "gamma_bits"]
    assert found.constants["gamma_data"] == pytest.approx(0.6, abs=0.1)
    assert found.law.constants["after.gamma_parameters"] == 0.33
    exact = runs(0, run_noise=0, row_noise=0)
    given = {"gamma_bits": 0.66, "factor": 0.3}
    rest = laws.fit("exponential", exact, fixed=given, bootstrap=0).constants
    assert rest == pytest.approx({"gamma_data": 0.6, "gamma_parameters": 0.33}, rel=1e-9)


@pytest.mark.parametrize("offset", [0.0, 0.8])
def test_shares_give_their_constants(offset: float) -> None:
    pytest.importorskip("scipy")
    bits = np.repeat([2.0, 3, 4, 5, 6], 6)
    truth = {"gamma": 2.1, "offset": offset}
    share = 1 - np.exp(-bits / 2.1 + offset)
    rng = np.random.default_rng(0)
    noisy = {
        "bits": bits,
        "share": share + rng.normal(0, 0.015, bits.size),
        "run": np.tile(range(6), 5),
    }
    assert noisy["share"].max() < 1.1
    found = laws.fit("saturating_offset", noisy, bootstrap=200)
    assert all(truth[name] in found.intervals[name] for name in truth)
    exact = laws.fit("saturating_offset", {"bits": bits, "share": share}, bootstrap=0)
    assert exact.constants == pytest.approx(truth, rel=1e-6, abs=1e-6)
    assert isinstance(exact.law, laws.ShareLaw)
    by_hand = 1 - np.exp(-4 / 2.1 + offset)
    assert exact.law.share(4) == pytest.approx(by_hand)
    assert exact.law.effective_parameters(1e6, 4) == pytest.approx(1e6 * by_hand)
    plain = laws.fit("saturating", {"bits": bits, "share": share}, bootstrap=0)
    assert list(plain.constants) == ["gamma"]
    assert (plain.r2 > 0.9999) == (offset == 0)
    robust = laws.fit("saturating_offset", noisy, loss="huber", bootstrap=0)
    assert robust.constants == pytest.approx(found.constants, rel=0.2, abs=0.1)


def test_the_gamma_of_the_page() -> None:
    """The shares of shared/laws.md, by width: badly told without an offset, better with one."""
    pytest.importorskip("scipy")
    data = {"bits": [2, 3, 4, 5, 6], "share": [0.13, 0.42, 0.72, 0.93, 0.98]}
    plain = laws.fit("saturating", data, bootstrap=0)
    offset = laws.fit("saturating_offset", data, bootstrap=0)
    assert plain.r2 < 0.8 < 0.95 < offset.r2


def test_shares_that_fall_with_bits_are_refused() -> None:
    pytest.importorskip("scipy")
    falling = {"bits": [2, 3, 4, 5], "share": [0.9, 0.7, 0.4, 0.2]}
    with pytest.raises(ValueError, match="share: does not grow with bits"):
        laws.fit("saturating_offset", falling, bootstrap=0)
    with pytest.raises(ValueError, match="bits has one value, 4"):
        laws.fit("saturating_offset", {"bits": [4] * 5, "share": [0.5] * 5})


GOOD = runs(10)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"harm": []}, "no rows"),
        ({"harm": GOOD["harm"][:-1]}, r"different lengths \(bits 64, .* harm 63"),
        ({"harm": np.where(np.arange(64) == 5, -0.1, GOOD["harm"])}, r"harm: -0\.1 in row 5"),
        ({"harm": np.where(np.arange(64) == 7, 0.0, GOOD["harm"])}, "harm: 0 in row 7"),
        ({"harm": np.where(np.arange(64) == 7, np.nan, GOOD["harm"])}, "harm: has NaN"),
        ({"tokens": np.where(np.arange(64) == 7, np.inf, 1e6)}, "tokens: has NaN or infinities"),
        ({"bits": np.zeros(64)}, "bits: 0"),
        ({"bits": np.full(64, 4)}, "bits has one value, 4"),
        ({"tokens": 100 * GOOD["parameters"]}, "go up and down together"),
        ({"bits": GOOD["bits"].reshape(8, 8)}, r"bits: an array of shape \(8, 8\)"),
    ],
)
def test_bad_data_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        laws.fit("exponential", {**GOOD, **change}, bootstrap=0)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "no rows"),
        ({}, "no column bits, parameters, tokens, harm"),
        ([{"bits": 4, "parameters": 1e6, "tokens": 1e8}], "no column harm"),
        ({name: column[:4] for name, column in GOOD.items()}, "4 rows for 4 constants"),
    ],
)
def test_lacking_data_are_refused(data: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        laws.fit("exponential", data)


def test_text_is_no_data() -> None:
    with pytest.raises(TypeError, match="bits: expected real numbers"):
        laws.fit("exponential", {**GOOD, "bits": ["int4"] * 64})


def test_too_few_runs_for_intervals() -> None:
    two = {name: column[GOOD["run"] < 2] for name, column in GOOD.items()}
    given = {"gamma_parameters": 0.33}
    with pytest.raises(ValueError, match="2 runs; intervals need three or more"):
        laws.fit("exponential", two, fixed=given)
    # Each run alone has another size: hardly a resample tells what size does.
    diagonal = np.isin(GOOD["run"], [0, 5, 11])
    three = {name: column[diagonal] for name, column in GOOD.items()}
    with pytest.raises(ValueError, match="3 runs are too few for intervals"):
        laws.fit("exponential", three)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"law": "exponental"}, "law: unknown 'exponental'; did you mean 'exponential'"),
        ({"law": laws.sun}, "law: sun has no formula of the harm after training"),
        ({"loss": "hubert"}, "loss: unknown 'hubert'; did you mean 'huber'"),
        ({"bootstrap": -1}, "bootstrap: -1"),
        ({"held_out": np.zeros(64, bool)}, "held_out: leaves no rows on one side"),
        ({"held_out": np.ones(64, bool)}, "held_out: leaves no rows on one side"),
        ({"held_out": [True]}, r"held_out: bool of shape \(1,\)"),
        ({"held_out": np.arange(64)}, "held_out: int64"),
        ({"fixed": {"gamma": 1.0}}, "fixed: unknown 'gamma'"),
    ],
)
def test_bad_arguments_are_refused(keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        laws.fit(**{"law": "exponential", "data": GOOD, **keywords})
    with pytest.raises(TypeError, match="law: expected a Law or a name"):
        laws.fit(3, GOOD)  # type: ignore[arg-type]


def test_without_scipy_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without(name: str, *args: Any, **keywords: Any) -> Any:
        if name.startswith("scipy"):
            raise ImportError(name)
        return original(name, *args, **keywords)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r'pip install "numformats\[laws\]"'):
        laws.fit("exponential", GOOD, loss="huber")
    assert laws.fit("exponential", GOOD, bootstrap=0).r2 > 0.9
