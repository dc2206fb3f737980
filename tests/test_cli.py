"""The command `numformats`, run as users run it."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import pty
import subprocess
import sys
from functools import reduce
from importlib import resources
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from gguf_files import gguf_bytes, info
from onnx_models import model, raw, tensor
from safetensors.numpy import load_file, save_file

import numformats as nf
from numformats.analysis import weights
from numformats.benchmarks import arithmetic as arithmetic_bench
from numformats.benchmarks.fresh import FirstCall, time_first_call
from numformats.benchmarks.report import table_of_arithmetic, table_of_first_calls
from numformats.cli.answers import sentences_on, texts_of_answers
from numformats.cli.app import app

WEIGHTS_FILE = "digits_mlp.safetensors"
RNG = np.random.default_rng(0)
WEIGHTS = RNG.standard_normal((8, 5)).astype(np.float32)


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "numformats", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def assert_refused(result: subprocess.CompletedProcess[str], *words: str) -> None:
    """One line on stderr with these words, and exit status 2."""
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1, result.stderr
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr


def test_without_a_file_it_reports_on_the_shipped_weights() -> None:
    result = run("report")
    assert result.returncode == 0
    assert result.stderr == ""
    for column in ("SQNR dB", "cosine", "max err", "bias", "p99 rel", "over", "clip"):
        assert column in result.stdout
    assert "all 6 tensors" in result.stdout
    assert "layer1.weight  float32  64 x 64" not in result.stdout


def test_the_answer_comes_first() -> None:
    result = run("report", "--tensors")
    lines = result.stdout.splitlines()
    order = [
        "digits_mlp.safetensors (shipped)",
        "6 tensors, 6,570 values, 26.3 kB",
        "bits up to",
        "Best: ",
        "Avoid ",
        "Right answers on 360 held-out digits",
        "as it is",
        "layer1.bias  float32  64",
        "layer1.weight  float32  64 x 64",
        "all 6 tensors",
    ]
    places = [next(n for n, line in enumerate(lines) if line.startswith(own)) for own in order]
    assert places == sorted(places)
    weights = [nf.compare(x) for x in shipped_weights().values()]
    best = reduce(nf.analysis.Comparison.merge, weights).best(4.75)
    assert best is not None
    (answer,) = (line for line in lines if line.strip().startswith("4.75 "))
    assert answer.split()[1:5] == [
        best.format,
        best.scaling,
        f"{best.bits_per_value:.4g}",
        (f"{best.stats.sqnr_db:.2f}"),
    ]
    # Each of 6 tensors and all of them, scaled and not, and the digits.
    tables = lines[places[7] :]
    assert sum(line.startswith("float8_e4m3fn ") for line in tables) == 14
    assert sum(line.startswith("float8_e4m3fn ") for line in lines[: places[7]]) == 1


def test_an_answer_where_the_size_is_not_known() -> None:
    found = nf.compare(WEIGHTS, ["int8", "nvfp4"])
    verdict = nf.analysis.verdict_on(found, [nf.analysis.TensorFigures.of("w", found)])
    first, *_ = sentences_on(verdict)
    assert first.startswith("Best: int8 with an error of ")
    assert "nan" not in " ".join(sentences_on(verdict))
    assert "-" in texts_of_answers(verdict)[1]
    nothing = nf.analysis.verdict_on(found, [nf.analysis.TensorFigures.of("w", found)], [1.0])
    assert sentences_on(nothing) == ["No format has a known error within so many bits."]


def shipped_weights() -> dict[str, Any]:
    with resources.as_file(resources.files("numformats") / "data" / WEIGHTS_FILE) as path:
        return load_file(path)


def test_programs_get_the_answer_with_all_tensors_or_the_only_one(tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    formats = ("--formats", "int8,nvfp4", "--json")
    np.savez(path, a=WEIGHTS, b=WEIGHTS[:3] * 5)
    first, second, whole = json.loads(run("report", path, *formats).stdout)
    assert "verdict" not in first
    assert "verdict" not in second
    (summary,) = json.loads(run("report", path, *formats, "--summary").stdout)
    assert summary == whole
    found = [nf.compare(x, ["int8", "nvfp4"]) for x in (WEIGHTS, WEIGHTS[:3] * 5)]
    best = found[0].merge(found[1]).best(10.75)  # a scale is shared by few
    answer = whole["verdict"]["answers"][0]
    assert best is not None
    assert (answer["format"], answer["sqnr_db"]) == (best.format, best.stats.sqnr_db)
    assert whole["verdict"]["nbytes"] == 4 * 55
    np.savez(path, a=WEIGHTS)
    (only,) = json.loads(run("report", path, *formats).stdout)
    assert only["tensor"] == "a"
    assert only["verdict"]["tensors"] == 1
    assert "digits" not in only
    shipped = json.loads(run("report", *formats).stdout)[-1]
    assert [own["format"] for own in shipped["digits"]] == [None, "int8", "nvfp4"]


def test_all_tensors_together_in_order_and_within_a_budget(tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    np.savez(path, a=WEIGHTS, b=WEIGHTS[:3] * 5)
    options = ("--formats", "int4,nvfp4,mxfp8_e4m3", "--sort", "SQNR dB", "--budget", "6")
    result = run("report", path, *options, "--summary", "--json")
    (whole,) = json.loads(result.stdout)
    assert whole["tensors"] == 2
    parts = [nf.compare(x, ["int4", "nvfp4", "mxfp8_e4m3"]) for x in (WEIGHTS, WEIGHTS[:3] * 5)]
    expected = parts[0].merge(parts[1]).sorted("sqnr_db")
    assert [row["format"] for row in whole["rows"]] == [row.format for row in expected.rows]
    assert [row["sqnr_db"] for row in whole["rows"]] == [r.stats.sqnr_db for r in expected.rows]
    best = expected.best(6)
    assert best is not None
    assert whole["best"]["format"] == best.format
    shown = run("report", path, *options, "--summary").stdout
    assert f"Best within the budget: {best.format}" in shown
    assert "all 2 tensors" in shown
    assert "6 x" not in shown
    assert best.format in run("report", path, *options, "--csv").stderr
    alone = tmp_path / "w.npy"
    np.save(alone, WEIGHTS)
    assert "all 1 tensors" not in run("report", alone, *options, "--summary").stdout
    np.savez(path, a=WEIGHTS, counts=np.arange(4))
    assert "8 x 5" in run("report", path, "--summary", "--formats", "int4").stdout


def test_a_budget_of_all_bits_and_one_of_too_few(tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    np.savez(path, a=WEIGHTS, b=WEIGHTS[:3] * 5)
    options = (path, "--formats", "int4,nvfp4", "--summary", "--budget")
    *_, last = run("report", *options, "inf").stdout.splitlines()
    assert last.startswith("Best within the budget: nvfp4, blocks: ")
    none = "No format with a known SQNR is within the budget of 0.5 bits per value"
    *_, last = run("report", *options, "0.5").stdout.splitlines()
    assert last == none
    assert json.loads(run("report", *options, "0.5", "--json").stdout)[-1]["best"] is None
    assert "best" not in json.loads(run("report", *options[:-1], "--json").stdout)[-1]
    assert run("report", *options, "0.5", "--csv").stderr == f"{path}: {none}\n"


def test_a_page_with_pictures(tmp_path: Path) -> None:
    path, page, picture = tmp_path / "w.npz", tmp_path / "page.html", tmp_path / "cost.png"
    np.savez(path, **{"a<b>": WEIGHTS, "zero": np.zeros((2, 3)), "bad": [math.nan, math.inf, 2.0]})
    formats = ("--formats", "int4,nvfp4,bfloat16")
    result = run("report", path, *formats, "--html", page, "--plot", picture, "--sort", "cosine")
    assert result.returncode == 0
    assert result.stderr == ""
    text = page.read_text()
    assert text.count("<svg") == 4  # the cost, and the values of three tensors
    assert "a&lt;b&gt;" in text
    assert "a<b>" not in text
    assert "1 NaN left out" in text
    assert "src=" not in text  # it needs nothing else
    assert nf.compare(WEIGHTS, "nvfp4").table()[1][3] in text
    assert "3 tensors, 49 values, 232 bytes" in text
    assert text.index("best format") < text.index("All tensors together")
    assert picture.read_bytes().startswith(b"\x89PNG")
    again = tmp_path / "again.html"
    run("report", path, *formats, "--html", again, "--sort", "cosine")
    assert again.read_text() == text
    empty = tmp_path / "empty.html"
    np.save(tmp_path / "i.npy", np.arange(3))
    assert run("report", tmp_path / "i.npy", "--html", empty).returncode == 2
    assert "No tensor to report on" in empty.read_text()


def test_a_page_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    np.save(tmp_path / "w.npy", WEIGHTS)
    for option, name in (("--html", "no/page.html"), ("--plot", "cost.nonsense")):
        result = run("report", tmp_path / "w.npy", option, tmp_path / name)
        assert result.returncode == 2
        assert "cannot be written" in result.stderr
        assert "Traceback" not in result.stderr


def test_the_worst_channels(tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    np.savez(path, a=WEIGHTS, bias=WEIGHTS[0])
    result = run("report", path, "--formats", "int4", "--by-channel")
    row = nf.compare(WEIGHTS, "int4", by_channel=True).rows[0]
    channel, decibels = row.worst_channels(1)[0]
    assert f"Worst channels in int4, absmax: {channel} ({decibels:.2f})" in result.stdout
    assert result.stdout.count("Worst channels") == 2
    first, *_ = json.loads(run("report", path, "--by-channel", "--json").stdout)
    assert len(first["rows"][0]["channels_sqnr_db"]) == len(WEIGHTS)


def test_json_holds_the_figures_of_compare(tmp_path: Path) -> None:
    path = tmp_path / "w.npy"
    np.save(path, WEIGHTS)
    result = run("report", path, "--json", "--formats", "e4m3fn, int4", "--rounding", "rtz")
    (tensor,) = json.loads(result.stdout)
    assert (tensor["tensor"], tensor["dtype"], tensor["shape"]) == ("w", "float32", [8, 5])
    expected = nf.compare(WEIGHTS, ["e4m3fn", "int4"], rounding="rtz")
    assert [row["format"] for row in tensor["rows"]] == [row.format for row in expected.rows]
    for row, wanted in zip(tensor["rows"], expected.rows, strict=True):
        assert row == wanted.figures()


def test_numbers_that_json_lacks_are_strings(tmp_path: Path) -> None:
    np.save(tmp_path / "w.npy", np.array([1.0, 1e30]))
    result = run("report", tmp_path / "w.npy", "--json", "--formats", "e4m3fn")
    plain = json.loads(result.stdout, parse_constant=pytest.fail)[0]["rows"][1]
    assert plain["sqnr_db"] == "-inf"
    assert plain["max_absolute_error"] == "inf"


def test_csv_and_json_have_the_names_of_the_records(tmp_path: Path) -> None:
    holes = WEIGHTS.copy()
    holes[0, :3] = [np.nan, np.inf, -np.inf]
    np.save(tmp_path / "w.npy", holes)
    records = nf.compare(holes, ["int4", "mxfp4"]).to_records()
    result = run("report", tmp_path / "w.npy", "--csv", "--formats", "int4,mxfp4")
    lines = list(csv.DictReader(io.StringIO(result.stdout)))
    assert list(lines[0]) == ["file", "tensor", "dtype", "shape", *records[0]]
    for line, record in zip(lines, records, strict=True):
        assert {name: line[name] for name in record} == {k: str(v) for k, v in record.items()}
    (tensor,) = json.loads(
        run("report", tmp_path / "w.npy", "--json", "--formats", "int4,mxfp4").stdout
    )
    for row, record in zip(tensor["rows"], records, strict=True):
        both = {**row, "nan": tensor["nan"], "infinite": tensor["infinite"]}
        assert list(both) == list(record)
        assert {k: str(v) for k, v in both.items()} == {k: str(v) for k, v in record.items()}


def test_csv_has_a_line_for_each_tensor_and_format(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", a=WEIGHTS, b=WEIGHTS[0], i=np.arange(3))
    result = run("report", tmp_path / "w.npz", "--csv", "--formats", "int4")
    lines = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [(line["tensor"], line["scaling"]) for line in lines] == [
        ("a", "absmax"),
        ("a", "none"),
        ("b", "absmax"),
        ("b", "none"),
    ]
    assert float(lines[1]["bits_per_value"]) == 4
    assert "1 left out: i (int64: integers, not weights)" in result.stderr
    assert result.returncode == 0


@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn", "float8_e5m2", "float16", "float64"])
def test_safetensors_of_every_dtype(name: str, tmp_path: Path) -> None:
    dtype = np.dtype(getattr(ml_dtypes, name, name))
    fmt = "float32" if name == "float64" else name
    save_file({"w": WEIGHTS.astype(dtype)}, tmp_path / "w.safetensors")
    result = run("report", tmp_path / "w.safetensors", "--json", "--formats", fmt)
    (tensor,) = json.loads(result.stdout)
    assert tensor["dtype"] == name
    if name != "float64":
        assert tensor["rows"][1]["sqnr_db"] == "inf"  # a format holds its own values


def test_the_modes_are_passed_on(tmp_path: Path) -> None:
    np.save(tmp_path / "w.npy", np.array([1e30, 1.03]))
    arguments = ["report", tmp_path / "w.npy", "--json", "--formats", "e4m3fn"]
    plain = json.loads(run(*arguments, "--saturation", "finite").stdout)[0]["rows"][1]
    assert plain["max_absolute_error"] == 1e30 - 448
    # Each at another place between its neighbours, or the sums of two seeds might well agree.
    np.save(tmp_path / "w.npy", np.linspace(1.0, 2.0, 200))
    one, same, other = (
        run(*arguments, "--rounding", "stochastic", "--seed", seed).stdout for seed in "112"
    )
    assert one == same
    assert one != other


def test_notes_count_what_was_left_out(tmp_path: Path) -> None:
    holes = WEIGHTS.copy()
    holes[0, :3] = [np.nan, np.inf, -np.inf]
    np.savez(
        tmp_path / "w.npz",
        holes=holes,
        empty=np.zeros((0, 3)),
        nans=np.full(4, np.nan),
        ints=np.arange(4),
        flags=np.zeros(2, bool),
        complex=np.zeros(2, complex),
    )
    result = run("report", tmp_path / "w.npz", "--formats", "int4")
    assert result.returncode == 0
    assert "1 NaN left out" in result.stdout
    assert "2 infinite values left out" in result.stdout
    text = " ".join(result.stdout.split())
    assert "5 left out: empty (empty), nans (all NaN or infinite), ints (int64: integers" in text
    assert "flags (bool: integers, not weights)" in text
    assert "complex (complex128: not a dtype of weights)" in text


BAD_FILES: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "empty.safetensors": (b"", ("is empty",)),
    "empty.npy": (b"", ("is empty",)),
    "truncated.npy": (b"\x93NUMPY\x01\x00v\x00{'descr'", ("truncated.npy",)),
    "hostile.safetensors": (b"\xff" * 8 + b"{}", ("hostile.safetensors",)),
    "noise.npz": (b"PK\x03\x04" + b"\x07" * 40, ("noise.npz",)),
    "model.pt": (b"\x80\x02}q\x00.", ("pickle", "safetensors.torch.save_file")),
    "model.bin": (b"\x80\x02}q\x00.", ("pickle", "safetensors.torch.save_file")),
    "model.gguf": (b"GGUF", ("ends within its header",)),
    "model.onnx": (b"\x08\x08", ("has no graph",)),
    "model.h5": (b"x", (".safetensors, .gguf, .onnx, .npy, .npz",)),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_are_one_line_and_status_2(name: str, tmp_path: Path) -> None:
    content, words = BAD_FILES[name]
    (tmp_path / name).write_bytes(content)
    assert_refused(run("report", tmp_path / name), name, *words)


def test_a_missing_file_and_a_directory(tmp_path: Path) -> None:
    assert_refused(run("report", tmp_path / "no.npy"), "no.npy", "No such file")
    assert_refused(run("report", tmp_path), "is a directory without tensor files")


def checkpoint_of(folder: Path) -> Path:
    """A folder of a shard, with its index, a GGUF file and an ONNX model beside it."""
    folder.mkdir()
    weights = RNG.standard_normal((8, 64)).astype(np.float32)
    save_file({"w": weights, "v": weights[:2]}, folder / "model-1.safetensors")
    shards = {"weight_map": {"w": "model-1.safetensors", "v": "model-1.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(shards))
    blocks = RNG.integers(0, 64, (16, 18)).astype(np.uint8)
    kinds = [info("q", (8, 64), 2, 0), info("i", (8,), 26, 288), info("x", (256,), 16, 320)]
    data = blocks.tobytes() + bytes(32) + bytes(66)
    (folder / "model.gguf").write_bytes(gguf_bytes([], kinds, data))
    (folder / "model.onnx").write_bytes(model(tensor("o", (8, 64), 1, raw(weights.tobytes()))))
    return folder


def test_checkpoints_of_every_kind(tmp_path: Path) -> None:
    folder = checkpoint_of(tmp_path / "model")
    arguments = ["--json", "--formats", "mxfp4,int8"]
    found = run("report", folder, folder / "model.gguf", folder / "model.onnx", *arguments)
    assert found.returncode == 0, found.stderr
    tensors = [record for record in json.loads(found.stdout) if record.get("tensor")]
    assert [(each["tensor"], each["dtype"], each["shape"]) for each in tensors] == [
        ("v", "float32", [2, 64]),
        ("w", "float32", [8, 64]),
        ("q", "Q4_0", [8, 64]),
        ("o", "float32", [8, 64]),
    ]
    assert tensors[1]["rows"] == tensors[3]["rows"]
    text = " ".join(run("report", folder / "model.gguf", "--formats", "int8").stdout.split())
    assert "2 left out: i (int32: integers, not weights), x (IQ2_XXS is not decoded" in text
    (folder / "model-1.safetensors").unlink()
    assert_refused(
        run("report", folder), "model.safetensors.index.json: names 'model-1.safetensors'"
    )


def test_large_tensors_are_reported_on_without_being_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = checkpoint_of(tmp_path / "model")
    files = [folder, folder / "model.gguf", folder / "model.onnx"]
    outputs = []
    for most in (1 << 24, 1):
        monkeypatch.setattr(weights, "STREAMED_VALUES", most)
        page = tmp_path / f"{most}.html"
        arguments = ["report", *map(str, files), "--json", "--by-channel", "--html", str(page)]
        with pytest.raises(SystemExit) as end:
            app(arguments)
        assert end.value.code == 0
        outputs.append((capsys.readouterr().out, page.read_text()))
    assert outputs[0] == outputs[1]


def test_nothing_to_report_on(tmp_path: Path) -> None:
    np.save(tmp_path / "i.npy", np.arange(5))
    assert_refused(run("report", tmp_path / "i.npy"), "no tensor to report on", "integers")
    save_file({}, tmp_path / "none.safetensors")
    assert_refused(run("report", tmp_path / "none.safetensors"), "no tensor to report on")


def test_a_bad_file_does_not_spoil_the_good_one(tmp_path: Path) -> None:
    np.save(tmp_path / "w.npy", WEIGHTS)
    result = run("report", tmp_path / "no.npy", tmp_path / "w.npy", "--formats", "int4")
    assert_refused(result, "no.npy")
    assert "8 x 5" in result.stdout


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--formats", "e4m3fm", "did you mean 'e4m3fn'"),
        ("--formats", ",", "no format named"),
        ("--formats", "binary16p1se", "float64 cannot hold"),
        ("--rounding", "up", "rounding: unknown 'up'"),
        ("--saturation", "clip", "saturation: unknown 'clip'"),
        ("--saturation", "wrap", "'wrap' makes errors"),
        ("--sort", "beauty", "--sort"),
        ("--seed", "-1", "--seed: -1 is outside"),
        ("--budget", "nan", "--budget: nan; expected bits per value above 0"),
        ("--budget", "-3", "--budget: -3; expected bits per value above 0"),
        ("--budget", "0", "--budget: 0; expected bits per value above 0"),
        ("--budget", "-inf", "--budget: -inf; expected bits per value above 0"),
    ],
)
def test_bad_options_are_one_line_and_status_2(option: str, value: str, words: str) -> None:
    assert_refused(run("report", option, value), words)


def test_options_that_exclude_each_other() -> None:
    assert_refused(run("report", "--json", "--csv"), "choose one")
    assert_refused(run("report", "--tensors", "--summary"), "choose one")


def test_version_and_help() -> None:
    assert run("--version").stdout == f"numformats {nf.__version__}\n"
    assert "--saturation" in run("report", "--help").stdout


def test_a_reader_that_stops_is_no_error() -> None:
    command = f"set -o pipefail; {sys.executable} -m numformats report | head -n 1"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert result.stdout == "digits_mlp.safetensors (shipped)\n"
    assert result.stderr == ""


def run_in(environment: dict[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "numformats", *map(str, arguments)]
    return subprocess.run(
        command,
        capture_output=True,
        check=False,
        encoding="utf-8",
        env={**os.environ, **environment},
    )


def test_names_that_the_terminal_cannot_show_are_escaped(tmp_path: Path) -> None:
    save_file({"w\u00e9ight\u2192": WEIGHTS}, tmp_path / "w.safetensors")
    for options in ((), ("--csv",), ("--json",)):
        result = run_in(
            {"PYTHONIOENCODING": "ascii"}, "report", tmp_path / "w.safetensors", *options
        )
        assert result.returncode == 0, result.stderr
        assert "\\xe9" in result.stdout or "\\u00e9" in result.stdout


def test_names_of_files_are_printed_without_control_characters(tmp_path: Path) -> None:
    path = tmp_path / "esc\x1b[31m\nline.npy"
    np.save(path, WEIGHTS)
    result = run("report", path)
    assert result.returncode == 0
    assert "\x1b" not in result.stdout
    assert "esc\\x1b[31m\\nline" in "".join(result.stdout.split())
    assert_refused(run("report", tmp_path / "no\nfile.npy"), "no\\nfile.npy")


def test_a_dtype_of_no_weights_is_left_out(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", long=np.ones(3, np.longdouble), w=WEIGHTS)
    result = run("report", tmp_path / "w.npz")
    assert result.returncode == 0
    assert "1 left out: long (" in result.stdout


def test_signaling_nans_are_counted_without_a_warning(tmp_path: Path) -> None:
    x = np.array([0x7F800001, 0x3F800000], np.uint32).view(np.float32)
    np.save(tmp_path / "w.npy", x)
    result = run_in({"PYTHONWARNINGS": "error"}, "report", tmp_path / "w.npy")
    assert (result.returncode, result.stderr) == (0, "")
    assert "1 NaN left out" in result.stdout


def test_an_output_that_cannot_be_written_is_one_line() -> None:
    for options in ("", "--csv", "--json"):
        command = f"{sys.executable} -m numformats report {options} > /dev/full"
        result = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
        assert_refused(result, "standard output: cannot be written")
    closed = f"{sys.executable} -m numformats report >&-"
    result = subprocess.run(closed, shell=True, capture_output=True, text=True, check=False)
    assert "Traceback" not in result.stderr


def read_terminal(command: list[str], columns: int) -> str:
    """What a command writes to a terminal of that width."""
    parent, child = pty.openpty()
    environment: Any = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm"}
    environment.pop("NO_COLOR", None)
    with subprocess.Popen(command, stdout=child, stderr=child, env=environment) as process:
        os.close(child)
        written = b""
        while True:
            try:
                piece = os.read(parent, 4096)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            written += piece
    os.close(parent)
    assert process.returncode == 0
    return written.decode()


def test_a_terminal_gets_a_bar_and_a_pipe_none(tmp_path: Path) -> None:
    save_file({f"w{i}": WEIGHTS for i in range(4)}, tmp_path / "w.safetensors")
    command = [sys.executable, "-m", "numformats", "report", str(tmp_path / "w.safetensors")]
    terminal = read_terminal(command, columns=200)
    assert "4/4" in terminal
    assert "━" in terminal
    piped = run("report", tmp_path / "w.safetensors")
    assert "4/4" not in piped.stdout + piped.stderr
    assert "\x1b" not in piped.stdout + piped.stderr


def test_a_narrow_terminal_cuts_no_number_off() -> None:
    command = [sys.executable, "-m", "numformats", "report", "--formats", "e4m3fn"]
    assert "…" not in read_terminal(command, columns=60)


def test_without_its_libraries_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['typer'] = None; from numformats.cli import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert_refused(result, "pip install 'numformats[cli]'")


BENCH = ("bench", "--sizes", "16,4096", "--rounds", "2", "--formats", "e4m3fn,int4")


def test_bench_tells_ratios_with_their_spread() -> None:
    result = run(*BENCH, "--json")
    records = json.loads(result.stdout)
    assert {record["work"] for record in records} == {"encode", "decode", "round"}
    assert {record["size"] for record in records} == {16, 4096}
    for record in records:
        ratio = record["ratios"]["np.copyto"]
        assert 0 < ratio["lowest"] <= ratio["median"] <= ratio["highest"]
        assert record["values_per_second"] > 0
        has_peer = record["format"] == "float8_e4m3fn" and record["rounding"] == "nearest_even"
        assert ("ml_dtypes" in record["ratios"]) == (has_peer and record["work"] != "round")


def test_bench_tells_of_first_calls() -> None:
    call = FirstCall("encode", "nf.float8_e4m3fn.encode(x)", 16)
    result = time_first_call(call, 2)
    assert 0 < result.call_seconds < result.process_seconds
    assert 0 < result.times_imports.lowest <= result.times_imports.highest
    assert json.loads(json.dumps(result.record()))["size"] == 16
    assert table_of_first_calls([result]).row_count == 1


def test_bench_tells_of_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic_bench, "_SIZE", 1000)
    tasks = list(arithmetic_bench.arithmetic_tasks())
    assert {task.name for task in tasks} >= {"add", "multiply", "exp", "matmul 512 x 512"}
    result = arithmetic_bench.run_arithmetic(tasks[0], 2)
    assert result.per_second > 0
    assert result.ratios["ml_dtypes"].lowest > 0
    assert json.loads(json.dumps(result.record()))["operands"] == "float8_e4m3fn"
    assert table_of_arithmetic([result]).row_count == 1
    assert_refused(run("bench", "--arithmetic", "--first-calls"), "--arithmetic: not together")


def test_first_calls_have_no_picture() -> None:
    pytest.importorskip("matplotlib")
    assert_refused(run("bench", "--first-calls", "--plot", "x.png"), "--plot: there is no picture")


def test_commands_say_once_that_kernels_are_compiled(tmp_path: Path) -> None:
    command = ("bench", "--sizes", "16", "--rounds", "1", "--formats", "e4m3fn", "--work", "encode")
    kernels = {"NUMBA_CACHE_DIR": str(tmp_path)}
    first, second = (run_in(kernels, *command) for _ in range(2))
    assert first.stderr.count("compiling kernels") == 1
    assert "compiling" not in second.stderr


def test_bench_prints_a_table() -> None:
    result = run(*BENCH, "--work", "encode", "--threads", "1")
    assert result.returncode == 0
    assert "x np.copyto" in result.stdout
    assert result.stdout.count("float8_e4m3fn") == 4  # two modes, two sizes


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--work", "pack", "--work: unknown 'pack'"),
        ("--formats", "e9", "unknown 'e9'"),
        ("--rounding", "up", "rounding: unknown 'up'"),
        ("--dtype", "int8", "--dtype: unknown 'int8'"),
        ("--sizes", "0", "--sizes: '0' is not a number from 1"),
        ("--threads", "999", "--threads: '999' is not a number from 1"),
        ("--rounds", "0", "--rounds: 0; one at least"),
    ],
)
def test_bad_bench_options_are_one_line(option: str, value: str, words: str) -> None:
    assert_refused(run("bench", option, value), words)
