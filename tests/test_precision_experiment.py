"""The experiment of the law of precision: training, rounding, results on disk, and the command."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

import numformats as nf
from numformats.cli import law as command
from numformats.cli.app import app
from numformats.laws import experiment
from numformats.laws.experiment import (
    fitting,
    grid,
    harms,
    inside,
    model,
    report,
    working,
)
from numformats.laws.experiment.results import ResultFile, RunResult
from numformats.laws.experiment.settings import RunSettings
from numformats.laws.experiment.training import Adam

WORDS = b"def harm(loss, bits): return loss * 2 ** -bits # the rounding of a trained model\n"
TEXT_BYTES = np.random.default_rng(0).permutation(np.frombuffer(WORDS * 6000, np.uint8)).tobytes()
TEXT = experiment.text_of(TEXT_BYTES, "letters")
TINY = RunSettings(hidden=4, data_ratio=1, measured=("int4_g16",))


class Quiet:
    """Told of progress, and says nothing."""

    def __init__(self, on_finish: Callable[[RunResult], None] | None = None) -> None:
        self.steps = 0
        self.found: list[RunResult] = []
        self._on_finish = on_finish

    def advanced(self, settings: RunSettings, steps: int) -> None:
        self.steps += steps

    def finished(self, result: RunResult) -> None:
        self.found.append(result)
        if self._on_finish is not None:
            self._on_finish(result)


# --- text -------------------------------------------------------------------


def test_what_is_held_out_is_not_trained_on() -> None:
    content = np.arange(500_000, dtype=np.uint32).view(np.uint8)[: 4 * 125_000]
    text = experiment.text_of(content.tobytes(), "numbers")
    assert text.training.size + text.held_out.size == content.size
    assert text.held_out.shape == (50, 2000)
    # Together they are the text: each symbol as often.
    symbols = experiment.text.__dict__["_symbols"](content)
    both = np.concatenate([text.training, text.held_out.ravel()])
    assert np.array_equal(np.bincount(both, minlength=64), np.bincount(symbols, minlength=64))


def test_the_commonest_bytes_are_symbols() -> None:
    counts = np.arange(256) ** 2 + 1
    content = np.repeat(np.arange(256, dtype=np.uint8), counts)
    text = experiment.text_of(content.tobytes(), "squares")
    symbols, found = np.unique(
        np.concatenate([text.training, text.held_out.ravel()]), return_counts=True
    )
    assert symbols.tolist() == list(range(64))
    assert found[:63].tolist() == counts[:192:-1].tolist()
    assert found[63] == counts[:193].sum()


def test_the_library_is_read_in_one_order() -> None:
    first, second = experiment.library_text(), experiment.library_text()
    assert first.digest == second.digest
    assert first.training.size > 5_000_000


def test_a_short_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"short\.txt has 3 bytes; 400,000 are the fewest"):
        experiment.read_text(_written(tmp_path / "short.txt", b"abc"))


# --- the model --------------------------------------------------------------


def _example(hidden: int = 5) -> tuple[NDArray[np.float64], model.Architecture, Any, Any]:
    rng = np.random.default_rng(1)
    architecture = model.Architecture(hidden)
    flat = model.initial(architecture, rng).astype(np.float64)
    flat += 0.1 * rng.standard_normal(flat.size)
    return flat, architecture, rng.integers(64, size=(7, 10)), rng.integers(64, size=7)


def test_gradients_are_finite_differences() -> None:
    flat, architecture, contexts, targets = _example()
    gradient = np.empty_like(flat)
    parameters = model.views(flat, architecture)
    model.gradients(parameters, contexts, targets, model.views(gradient, architecture))

    def loss() -> float:
        logits = model.activations(parameters, contexts).logits
        return float(model.losses(logits, targets).mean())

    rng = np.random.default_rng(2)
    # Some of each parameter, and of the embedding such as are seen.
    start = 0
    for name, shape in architecture.shapes.items():
        size = int(np.prod(shape))
        places = start + rng.choice(size, min(size, 40), replace=False)
        start += size
        found = []
        for place in places:
            kept = flat[place]
            flat[place] = kept + 1e-5
            above = loss()
            flat[place] = kept - 1e-5
            found.append((above - loss()) / 2e-5)
            flat[place] = kept
        np.testing.assert_allclose(gradient[places], found, rtol=1e-5, atol=1e-9, err_msg=name)
    assert start == flat.size
    assert np.count_nonzero(gradient[: architecture.parameters]) > architecture.parameters / 4


def test_losses_are_cross_entropies() -> None:
    logits = np.array([[1000.0, 999.0, -5.0]])
    expected = np.log1p(np.exp(-1.0))
    assert model.losses(logits.copy(), np.array([0]))[0] == pytest.approx(expected)
    assert model.losses(logits.copy(), np.array([1]))[0] == pytest.approx(expected + 1)


@pytest.mark.parametrize(("hidden", "size"), [(16, 2560), (32, 5632), (64, 13312), (128, 34816)])
def test_sizes_are_those_of_the_page(hidden: int, size: int) -> None:
    assert RunSettings(hidden=hidden, data_ratio=1).parameters == size


# --- training ---------------------------------------------------------------


def test_adam_is_what_its_paper_says() -> None:
    rng = np.random.default_rng(3)
    flat = rng.standard_normal(6).astype(np.float32)
    expected, mean, square = flat.astype(np.float64), np.zeros(6), np.zeros(6)
    adam = Adam(flat, 4, 0.1)
    for step in range(1, 20):
        gradient, rate = rng.standard_normal(6), 0.01 * step
        adam.step(gradient.astype(np.float32), rate)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.99 * square + 0.01 * gradient**2
        expected[:4] *= 1 - rate * 0.1
        moved = mean / (1 - 0.9**step) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
        expected -= rate * moved
    np.testing.assert_allclose(flat, expected, rtol=1e-4, atol=1e-5)


def test_the_learning_rate_goes_by_its_schedule() -> None:
    steps = 12800 // 128
    linear = RunSettings(hidden=16, data_ratio=5, learning_rate=1.0)
    assert linear.steps == steps
    assert [linear.rate(0), linear.rate(50)] == [0.5, 0.5]  # 2 steps of warm-up
    assert linear.rate(99) == pytest.approx(0.01)
    constant = replace(linear, schedule="constant")
    assert [constant.rate(step) for step in (0, 1, 50, 99)] == [0.5, 1.0, 1.0, 1.0]
    cooled = replace(constant, cooldown=0.2)
    assert [cooled.rate(step) for step in (1, 79)] == [1.0, 1.0]
    assert [cooled.rate(step) for step in (90, 99)] == pytest.approx([0.5, 0.05])


def test_training_lowers_the_loss_and_repeats_itself() -> None:
    settings = RunSettings(hidden=4, data_ratio=60)
    told = []
    trained = experiment.train(settings, TEXT, told.append)
    start = model.views(
        model.initial(settings.architecture, np.random.default_rng(0)), settings.architecture
    )
    assert experiment.held_out_loss(trained, TEXT) < experiment.held_out_loss(start, TEXT) - 0.5
    again = experiment.train(settings, TEXT)
    assert all(np.array_equal(trained[name], again[name]) for name in trained)
    assert sum(told) <= settings.steps


@pytest.mark.parametrize("name", ["int3_g16", "int4_channel", "nvfp4", "e4m3fn", "posit8", "hif4"])
def test_gradients_are_taken_where_matrices_are_rounded(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[dict[str, Any], dict[str, Any]]] = []
    settings = replace(TINY, training_format=name)
    true_gradients = model.gradients

    def watched(parameters: Any, contexts: Any, targets: Any, out: Any) -> None:
        seen.append({key: value.copy() for key, value in parameters.items()})
        true_gradients(parameters, contexts, targets, out)

    monkeypatch.setattr("numformats.laws.experiment.training.gradients", watched)
    trained = experiment.train(settings, TEXT)
    first = model.views(
        model.initial(settings.architecture, np.random.default_rng(0)), settings.architecture
    )
    fmt = experiment.matrix_format(name)
    for key in model.MATRICES:
        rounded = nf.quantize(first[key], fmt).dequantize()
        assert np.array_equal(seen[0][key], rounded)
        # What is trained is not on the grid.
        assert not np.array_equal(nf.quantize(trained[key], fmt).dequantize(), trained[key])
    assert len(seen) == settings.steps
    assert np.array_equal(seen[0]["embedding"], first["embedding"])


def test_the_loss_of_a_run_with_rounding_inside_is_that_of_its_rounded_matrices() -> None:
    settings = replace(TINY, training_format="int3_g16", measured=("int3_g16",))
    result = experiment.run(settings, TEXT)
    assert result.loss == result.losses["int3_g16"]
    unrounded = experiment.held_out_loss(experiment.train(settings, TEXT), TEXT)
    assert result.loss != unrounded


# --- altering matrices ------------------------------------------------------


def _trained() -> dict[str, NDArray[np.float32]]:
    return experiment.train(RunSettings(hidden=16, data_ratio=4), TEXT)


def test_ways_to_alter_matrices() -> None:
    trained, settings = _trained(), RunSettings(hidden=16, data_ratio=4)

    def altered(name: str) -> list[Any]:
        return experiment.altered(name, trained, settings, TEXT)

    for name in ("int4_g16", "nvfp4", "mxfp4", "e4m3fn", "int4_channel", "takum16"):
        (found,) = altered(name)
        assert set(found) == set(model.MATRICES)
        for key, matrix in found.items():
            expected = nf.quantize(trained[key], experiment.matrix_format(name)).dequantize()
            assert np.array_equal(matrix, expected)
    draws = altered("noise:0.05")
    assert len(draws) == 4
    for key in model.MATRICES:
        errors = [np.linalg.norm(draw[key] - trained[key]) for draw in draws]
        np.testing.assert_allclose(errors, 0.05 * np.linalg.norm(trained[key]), rtol=0.1)
    assert not np.array_equal(draws[0]["last"], draws[1]["last"])


def test_gptq_gives_less_error_in_what_layers_give() -> None:
    trained, settings = _trained(), RunSettings(hidden=16, data_ratio=4)
    windows = np.lib.stride_tricks.sliding_window_view(TEXT.held_out[0], 10).astype(np.intp)
    inputs = model.activations(trained, windows)._asdict()
    (nearest,) = experiment.altered("int3_channel", trained, settings, TEXT)
    (better,) = experiment.altered("gptq:int3_channel", trained, settings, TEXT)
    for key in model.MATRICES:
        hessian = inputs[key].T @ inputs[key]
        error, of_nearest = (
            nf.scaled.layer_error(trained[key] - found[key], hessian) for found in (better, nearest)
        )
        assert error < of_nearest


def test_formats_by_name() -> None:
    fmt = experiment.matrix_format("int5_g16")
    assert (fmt.element, fmt.scale, fmt.granularity) == (nf.int5, nf.float32, nf.PerBlock(16))
    assert experiment.matrix_format("e2m1fn_channel").granularity == nf.PerChannel()
    assert experiment.matrix_format("int4_g32") == nf.get_scaled_format("int4_g32")
    assert experiment.matrix_format("int4").granularity == nf.PerTensor()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nvpf4", "did you mean 'nvfp4'"),
        ("int99_g16", "unknown 'int99_g16'"),
        ("qptq:int4", "expected FORMAT, gptq:FORMAT or noise:PART"),
        ("noise:loud", "expected a number above 0"),
        ("noise:0", "expected a number above 0"),
        ("gptq:int4_g0", "unknown 'int4_g0'"),
    ],
)
def test_unknown_ways_are_refused(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        experiment.way_of(name)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"hidden": 0}, "hidden: 0"),
        ({"data_ratio": 0}, "data_ratio: 0; expected a number above 0"),
        ({"data_ratio": float("nan")}, "data_ratio: nan"),
        ({"schedule": "cosine"}, "schedule: unknown 'cosine'"),
        ({"cooldown": 0.1}, "cooldown: it is the end of a constant schedule"),
        ({"schedule": "constant", "cooldown": 2}, "cooldown: 2"),
        ({"weight_decay": -1}, "weight_decay: -1; expected 0 or more"),
        ({"learning_rate": float("inf")}, "learning_rate: inf"),
        ({"training_format": "int99"}, "unknown 'int99'"),
        ({"measured": ("int99",)}, "unknown 'int99'"),
        ({"seed": -1}, "seed: -1"),
    ],
)
def test_settings_that_make_no_run_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RunSettings(**{"hidden": 4, "data_ratio": 1, **given})


# --- results on disk --------------------------------------------------------


def _result(seed: int = 0, **losses: float) -> RunResult:
    settings = replace(TINY, seed=seed, measured=tuple(losses))
    return RunResult(settings, "0" * 12, 2.0, losses, dict.fromkeys(losses, 0.1))


def test_results_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    kept = ResultFile(path)
    assert kept.results == {}
    for seed in (2, 0, 1):
        kept.add(_result(seed, nvfp4=2.5))
        assert len(ResultFile(path).results) == len(kept.results)
    assert ResultFile(path).results == kept.results
    kept.sort()
    seeds = [json.loads(line)["settings"]["seed"] for line in path.read_text().splitlines()]
    assert seeds == [0, 1, 2]
    kept.add(_result(3))
    assert len(ResultFile(path).results) == 4


@pytest.mark.parametrize("cut", [1, 20, 150])
def test_a_torn_last_line_counts_for_nothing(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "runs.jsonl"
    kept = ResultFile(path)
    kept.add(_result(0, nvfp4=2.5))
    kept.add(_result(1, nvfp4=2.5))
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    again = ResultFile(path)
    assert [settings.seed for _, settings in again.results] == [0]
    again.add(_result(1, nvfp4=2.5))
    assert path.read_bytes() == whole


@pytest.mark.parametrize("line", ["{}", "[]", "3", "no", '{"settings": {"hidden": 3}}'])
def test_a_line_that_is_no_result_is_named(tmp_path: Path, line: str) -> None:
    path = _written(tmp_path / "runs.jsonl", f"{_result().line()}{line}\n".encode())
    with pytest.raises(ValueError, match=r"runs\.jsonl: line 2 cannot be read"):
        ResultFile(path)


WANTED = [
    replace(TINY, seed=seed, training_format=name)
    for name in (None, "int4_g16")
    for seed in range(2)
]


def test_going_on_gives_the_same_file_with_any_number_of_processes(tmp_path: Path) -> None:
    at_once = ResultFile(tmp_path / "at_once.jsonl")
    found = experiment.run_all(WANTED, TEXT, at_once, Quiet(), workers=1)
    assert [result.settings for result in found] == WANTED

    path = tmp_path / "twice.jsonl"

    def stop(result: RunResult) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        experiment.run_all(WANTED, TEXT, ResultFile(path), Quiet(stop), workers=2)
    kept = len(ResultFile(path).results)
    assert 1 <= kept < len(WANTED)
    path.write_bytes(path.read_bytes() + b'{"settings": {"hid')
    progress = Quiet()
    again = experiment.run_all(WANTED, TEXT, ResultFile(path), progress, workers=2)
    assert len(progress.found) == len(WANTED) - kept
    assert again == found
    assert path.read_bytes() == at_once_bytes(tmp_path)


def at_once_bytes(folder: Path) -> bytes:
    return (folder / "at_once.jsonl").read_bytes()


def test_what_goes_wrong_in_a_process_is_raised_here(
    tmp_path: Path,
) -> None:
    # A text that is too short to have held-out blocks is none that `text_of` makes.
    broken = replace(TEXT, held_out=TEXT.held_out[:, :5])
    with pytest.raises(ValueError, match="window"):
        experiment.run_all([TINY], broken, ResultFile(tmp_path / "runs.jsonl"), Quiet())


# --- grids and what is found ------------------------------------------------


def test_grids() -> None:
    quick, full = grid.quick_grid(), grid.full_grid()
    assert len(set(quick)) == len(quick)
    assert len(set(full)) == len(full)
    assert {each.parameters for each in quick} == {5632}
    plain = [each for each in full if harms.variant_of(each) == "plain"]
    assert len(plain) == 51
    assert {each.data_ratio for each in plain} == {16, 50, 160, 500, 1500}
    decayed = [each for each in full if each.weight_decay]
    assert {each.parameters for each in decayed} == {13312, 34816}
    # The command's promise, on cores like those that it was measured on.
    assert sum(map(working.expected_time, quick)) < 2 * 90
    assert sum(map(working.expected_time, full)) < 2 * 15 * 60


def _made_up(exponents: tuple[float, float, float]) -> Iterator[RunResult]:
    """Results that follow a law, of plain runs and of runs with the rounding inside."""
    growth, size, width = exponents
    names = tuple(f"int{bits}_g16" for bits in (3, 4, 5, 6))
    for settings in grid.full_grid(1, names):
        n, d = settings.parameters, settings.tokens
        loss = 20 * n**-0.5 + 30 * d**-0.4 + 1.2

        def harm(bits: int, n: int = n, d: int = d) -> float:
            return float(0.02 * d**growth / n**size * np.exp(-bits / width))

        if settings.training_format is not None:
            bits = experiment.way_of(settings.training_format).bits
            share = -np.expm1(-bits / 2.0)
            inside = 20 * n**-0.5 * (share**-0.5 - 1)
            yield RunResult(settings, "", loss + inside, {}, {})
        else:
            losses = {name: loss + harm(experiment.way_of(name).bits) for name in settings.measured}
            yield RunResult(settings, "", loss, losses, dict.fromkeys(losses, 0.1))


def test_exponents_that_results_follow_are_found() -> None:
    pytest.importorskip("scipy")
    results = list(_made_up((0.7, 0.3, 0.65)))
    found = report.findings_of(results)
    fits = {each.variant: each.fit.constants for each in found.fits}
    plain = fits["plain"]
    assert (plain["gamma_data"], plain["gamma_parameters"]) == pytest.approx((0.7, 0.3))
    assert plain["gamma_bits"] == pytest.approx(0.65)
    # At one N, it cannot be told.
    assert set(fits["constant rate"]) == {"factor", "gamma_data", "gamma_bits"}
    assert fits["constant rate"]["gamma_data"] == pytest.approx(0.7)
    assert found.loss_law is not None
    assert found.loss_law.constants == pytest.approx((20, 0.5, 30, 0.4, 1.2), rel=1e-3)
    columns = inside.shares(found.pairs, found.loss_law)
    np.testing.assert_allclose(columns["share"], -np.expm1(-columns["bits"] / 2.0), rtol=1e-3)
    titles = [table.title for table in report.tables_of(found)]
    assert len(titles) == 11
    assert "Fits of Neff/N by bits" in titles


def test_pairs_are_of_runs_that_differ_in_the_rounding_alone() -> None:
    results = list(_made_up((0.7, 0.3, 0.65)))
    pairs = inside.pairs_of(results)
    assert len(pairs) == sum(each.settings.training_format is not None for each in results)
    for pair in pairs:
        assert pair.settings.schedule == "linear"
        expected = 20 * pair.settings.parameters**-0.5 + 30 * pair.settings.tokens**-0.4 + 1.2
        assert pair.loss == pytest.approx(expected)


def test_harm_that_is_noise_or_saturated_is_not_fitted() -> None:
    found = harms.harms_of([_result(int3_g16=3.5, int4_g16=2.1, int5_g16=2.0001, int6_g16=1.9)])
    assert [each.name for each in harms.fitted(found)] == ["int4_g16"]
    assert fitting.fits_of(found) == []


def test_nothing_measured_is_no_finding() -> None:
    with pytest.raises(ValueError, match="none of a plain run"):
        report.findings_of([_result()])


# --- the command ------------------------------------------------------------


@pytest.fixture
def tiny_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command's grid, as small as can be."""
    pytest.importorskip("scipy")

    def runs(seeds: int = 1, measured: tuple[str, ...] = ("int3_g16", "int4_g16")) -> Any:
        plain = [
            RunSettings(hidden=4, data_ratio=ratio, seed=seed, measured=measured)
            for seed in range(seeds)
            for ratio in (1, 2, 4, 8, 16)
        ]
        return [*plain, replace(plain[0], measured=(), training_format="int4_g16")]

    monkeypatch.setattr(command, "quick_grid", runs)


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _law(tmp_path: Path, *options: str | Path) -> Any:
    text = _written(tmp_path / "text.txt", TEXT_BYTES)
    arguments = ["law", "--quick", "--text", text, "--output", tmp_path / "out", *options]
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.mark.usefixtures("tiny_grid")
def test_the_command(tmp_path: Path) -> None:
    result = _law(tmp_path)
    assert result.exit_code == 0, result.output
    assert "N = 1,344" not in result.output
    assert f"N = {RunSettings(hidden=4, data_ratio=1).parameters:,}" in result.output
    assert "Training with the rounding inside" in result.output
    out = tmp_path / "out"
    told = (out / "report.md").read_text()
    assert "text.txt" in told
    assert TEXT.digest in told
    for name in ("harm.png", "loss.png", "inside.png"):
        assert (out / name).read_bytes().startswith(b"\x89PNG")
        assert f"({name})" in told
    lines = (out / "runs.jsonl").read_bytes()
    assert lines.count(b"\n") == 6
    # Again: nothing is left to do, and all is the same.
    again = _law(tmp_path)
    assert again.stdout == result.stdout
    assert (out / "runs.jsonl").read_bytes() == lines
    assert (out / "report.md").read_text() == told


@pytest.mark.usefixtures("tiny_grid")
def test_the_command_rounds_to_what_it_is_told(tmp_path: Path) -> None:
    result = _law(tmp_path, "--formats", "mxfp4,gptq:int3_channel,noise:0.1", "--seeds", "1")
    assert result.exit_code == 0, result.output
    assert "harm mxfp4" in " ".join(result.output.split())
    record = json.loads((tmp_path / "out" / "runs.jsonl").read_text().splitlines()[0])
    assert list(record["losses"]) == ["mxfp4", "gptq:int3_channel", "noise:0.1"]


@pytest.mark.usefixtures("tiny_grid")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--formats", "int4_g16,nvpf4"], "did you mean 'nvfp4'"),
        (["--formats", ","], "--formats: no format named"),
        (["--seeds", "0"], "--seeds: 0 is not a number from 1"),
        (["--workers", "0"], "--workers: 0 is not a number from 1"),
        (["--text", "no/such.txt"], "no/such.txt: cannot be read (No such file or directory)"),
        (["--text", "{short}"], "short.txt has 3 bytes"),
        (["--output", "{short}"], "short.txt: cannot be written"),
        (["--output", "{short}/out"], "cannot be written (Not a directory)"),
        (["--output", "{damaged}"], "runs.jsonl: line 1 cannot be read"),
    ],
)
def test_the_command_refuses_in_one_line(tmp_path: Path, options: list[str], message: str) -> None:
    short = _written(tmp_path / "short.txt", b"abc")
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    _written(damaged / "runs.jsonl", b"{}\n")
    result = _law(tmp_path, *(each.format(short=short, damaged=damaged) for each in options))
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1, result.stderr
    assert result.stderr.startswith("numformats law: ")
    assert message in result.stderr


@pytest.mark.usefixtures("tiny_grid")
def test_ctrl_c_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*arguments: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "run_all", stopped)
    result = _law(tmp_path)
    assert result.exit_code == 130
    assert "the same command goes on from there" in result.stderr
