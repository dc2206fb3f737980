"""`numformats plan`: from a checkpoint to a plan that `numformats simulate` takes."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from typer.testing import CliRunner, Result

import numformats as nf
from numformats.cli.app import app

RNG = np.random.default_rng(4)
MODEL = {
    "layers.0.up.weight": RNG.standard_normal((32, 64)).astype(np.float32),
    "layers.0.down.weight": RNG.standard_t(3, (64, 32)).astype(np.float32),
    "layers.0.bias": RNG.standard_normal(64).astype(np.float32),
    "embed.weight": RNG.standard_normal((16, 32)).astype(np.float32),
    "ids": np.arange(6).reshape(2, 3),
}
PLANNED = ("layers.0.down.weight", "layers.0.up.weight")
FORMATS = ("int8_channel", "mxfp6_e2m3", "nvfp4", "int4_g32")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_file(MODEL, path)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)])


def plan_of(model: Path, *options: object) -> dict[str, object]:
    chosen = ("plan", model, "--formats", ",".join(FORMATS), "--json", *options)
    result = run(*chosen)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout, parse_constant=pytest.fail)


@pytest.mark.parametrize("budget", [4.6, 5.5, 6.3, 9])
def test_it_is_the_allocation_of_the_matrices(model: Path, budget: float) -> None:
    found = plan_of(model, "--budget", budget)
    tensors = {name: MODEL[name] for name in PLANNED}
    expected = nf.analysis.allocate(tensors, FORMATS, budget)
    assert found["plan"] == expected.formats
    assert found["bits_per_value"] == expected.bits_per_value <= budget
    assert found["cost"] == pytest.approx(expected.cost, rel=1e-12)
    assert found["exact"] is True
    assert nf.analysis.allocate(model, FORMATS, budget).formats == expected.formats
    assert set(found["left"]) == {  # type: ignore[call-overload]
        *("embeddings", "fewer than two axes", "int64, not floats of 16 to 64 bits")
    }
    assert found["left"]["embeddings"] == {"tensors": 1, "bytes": 2048}  # type: ignore[index]


def test_simulate_takes_the_plan(model: Path, tmp_path: Path) -> None:
    plan, after = tmp_path / "plan.json", tmp_path / "after.safetensors"
    found = plan_of(model, "--budget", 5.5, "--output", plan)
    formats = json.loads(plan.read_text())
    assert formats == found["plan"]
    assert len(set(formats.values())) == 2
    result = run("simulate", model, "--plan", plan, "--output", after)
    assert result.exit_code == 0, result.output
    written = load_file(after)
    for name, x in MODEL.items():
        fmt = formats.get(name)
        expected = x if fmt is None else nf.quantize(x, fmt).dequantize(x.dtype)
        np.testing.assert_array_equal(written[name], expected)
    noise = sum(
        np.sum((written[name].astype(float) - MODEL[name]) ** 2) / np.mean(MODEL[name] ** 2.0)
        for name in PLANNED
    )
    assert found["cost"] == pytest.approx(noise, rel=1e-5)


@pytest.mark.parametrize("kind", ["json", "npz"])
def test_a_file_of_sensitivities(model: Path, tmp_path: Path, kind: str) -> None:
    weights = {PLANNED[0]: 5.0, PLANNED[1]: 1e-6, "other": 1.0}
    path = tmp_path / f"weights.{kind}"
    if kind == "json":
        path.write_text(json.dumps(weights))
    else:
        np.savez(path, **{name: np.float64(own) for name, own in weights.items()})
    found = plan_of(model, "--budget", 6.2, "--sensitivity", path)
    tensors = {name: MODEL[name] for name in PLANNED}
    expected = nf.analysis.allocate(tensors, FORMATS, 6.2, weights=weights)
    assert found["plan"] == expected.formats
    assert "times the weights given" in str(found["minimised"])
    by_size = plan_of(model, "--budget", 6.2)
    assert by_size["plan"] != found["plan"]
    assert "count by size" in str(by_size["minimised"])


def test_what_is_planned_can_be_chosen(model: Path) -> None:
    everything = plan_of(model, "--budget", 6, "--include", "*")
    assert set(everything["plan"]) == {*PLANNED, "embed.weight"}  # type: ignore[call-overload]
    options = ("--include", "*weight", "--exclude", "*UP*")
    some = plan_of(model, "--budget", 6, *options)
    assert set(some["plan"]) == {"layers.0.down.weight", "embed.weight"}  # type: ignore[call-overload]
    assert "excluded by *UP*" in some["left"]  # type: ignore[operator]


def test_it_tells_people_what_was_minimised_and_what_was_left(model: Path) -> None:
    text = run("plan", model, "--budget", 5).stdout
    assert "2 tensors, 4,096 values" in text
    assert "tensors count by size" in text
    assert "best for all alike" in text
    assert "embeddings: 1 (2.05 kB)" in text
    assert PLANNED[0] not in text
    assert PLANNED[0] in run("plan", model, "--budget", 5, "--verbose").stdout


def test_tensors_without_finite_values_are_left(tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    np.savez(path, a=MODEL[PLANNED[0]], b=np.full((4, 32), np.nan))
    found = plan_of(path, "--budget", 5)
    assert set(found["plan"]) == {"a"}  # type: ignore[call-overload]
    assert found["left"] == {"all NaN or infinite": {"tensors": 1, "bytes": 1024}}
    holes = MODEL[PLANNED[0]].copy()
    holes[0, 0] = np.inf
    np.savez(path, a=holes)
    assert math.isfinite(plan_of(path, "--budget", 5)["cost"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--budget", "3"), "budget_bits: 3; the smallest of these formats take"),
        (("--budget", "0"), "--budget: 0; expected bits per value above 0"),
        (("--budget", "nan"), "--budget: nan; expected"),
        (("--budget", "5", "--formats", ","), "--formats: no format named"),
        (("--budget", "5", "--formats", "nvfp5"), "did you mean 'nvfp4'"),
        (("--budget", "5", "--formats", "nf4,nf4"), "'nf4' is there twice"),
        (
            ("--budget", "5", "--include", "nothing*"),
            "no tensor to plan for: 1 int64, not",
        ),
        (("--budget", "5", "--sensitivity", "missing.json"), "--sensitivity: missing.json: "),
    ],
)
def test_what_makes_no_sense_is_one_line(
    model: Path, options: tuple[str, ...], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(model.parent)
    refused(run("plan", model, *options), words)


def test_a_plan_that_cannot_be_written_is_told_all_the_same(model: Path) -> None:
    path = model.parent / "no" / "plan.json"
    result = run("plan", model, "--budget", 5, "--output", path)
    assert result.exit_code == 2
    assert "plan.json: cannot be written" in result.stderr
    assert result.stderr.count("\n") == 1
    assert "4,096 values" in result.stdout
    assert "written to" not in result.stdout


def refused(result: Result, words: str) -> None:
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "expected an object with the names of tensors"),
        ("{", "is no JSON"),
        ('{"layers.0.up.weight": "much"}', "layers.0.up.weight; expected a number for each name"),
        ('{"layers.0.up.weight": true}', "expected a number for each name"),
        ('{"layers.0.up.weight": 1}', "weights: none for layers.0.down.weight"),
        ('{"layers.0.up.weight": 1, "layers.0.down.weight": -1}', "weights: -1 for"),
    ],
)
def test_a_bad_file_of_sensitivities_is_one_line(model: Path, text: str, words: str) -> None:
    path = model.parent / "w.json"
    path.write_text(text)
    result = run("plan", model, "--budget", 5, "--sensitivity", path)
    refused(result, words)


def test_a_bad_checkpoint_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(b"\xff" * 8 + b"{}")
    refused(run("plan", path, "--budget", 5), "m.safetensors")
    refused(run("plan", tmp_path / "no.npz", "--budget", 5), "No such file")
