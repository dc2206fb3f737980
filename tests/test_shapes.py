"""Arrays of every shape, scalars and empty ones among them, through all that takes an array or a
file.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file
from typer.testing import CliRunner

import numformats as nf
from numformats.analysis import Comparison, ErrorStats, LogHistogram, measure
from numformats.analysis.histograms import count_values
from numformats.analysis.streaming import survey_of
from numformats.cli.app import app

Array = NDArray[Any]

EMPTY = [(0,), (0, 3), (3, 0), (0, 0), (2, 0, 3)]
FILLED = [(), (1,), (1, 1), (5,), (1, 40), (40, 1), (3, 4), (1, 1, 1, 1, 1), (2, 1, 3, 1, 2)]
# With and without NaN, zero and subnormals, floats and integers.
PLAIN = ["float8_e4m3fn", "float8_e8m0fnu", "float4_e2m1fn", "bfloat16", "int4", "int1"]
SCALED = nf.list_scaled_formats()
OF_TILES = next(n for n in SCALED if isinstance(nf.get_scaled_format(n).granularity, nf.PerTile))
# One of each granularity, kind of scale and offset.
FORMATS = f"int4,e4m3fn,mxfp4,nvfp4,int8_channel,{OF_TILES},fp8_e4m3_tensor,q4_1,nf4_dq"
OPTIONS = {
    "table": [],
    "channels": ["--by-channel"],
    "summary": ["--summary"],
    "sort": ["--sort", "sqnr_db"],
    "budget": ["--budget", "4.6"],
    "small budget": ["--budget", "0.1", "--summary"],
    "any budget": ["--budget", "inf", "--by-channel"],
    "stochastic": ["--rounding", "stochastic", "--saturation", "finite"],
    "csv": ["--csv", "--budget", "4.6"],
    "json": ["--json"],
    "json, channels": ["--json", "--by-channel", "--budget", "4.6"],
}


def name_of(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"


def values(shape: tuple[int, ...], dtype: Any = np.float32) -> Array:
    """Different numbers, of which none is exact in a few bits."""
    places = np.arange(math.prod(shape))
    numbers = (places * 0.37 + 0.71) * (-1.0) ** places
    return numbers.reshape(shape).astype(dtype)


def run(*arguments: str | Path) -> Any:
    """The result of a command, which may end with a status, but with no exception."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


# ---- Arrays -----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", FILLED, ids=name_of)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, ml_dtypes.bfloat16])
def test_figures_of_every_shape_are_those_of_the_errors(shape: tuple[int, ...], dtype: Any) -> None:
    x = values(shape, dtype)
    wide = x.astype(np.float64)
    comparison = nf.compare(x, [*PLAIN, *SCALED])
    assert len(comparison.rows) == 2 * len(PLAIN) + len(SCALED)
    for row in comparison.rows:
        if row.scaling == "blocks":
            given = nf.quantize(x, row.format).dequantize(np.float64)
        elif row.scaling == "none":
            given = np.asarray(nf.get_format(row.format).round(wide), np.float64)
        else:
            continue
        assert (row.values, row.stats.finite) == (x.size, x.size)
        if not np.isfinite(given).all():
            assert row.stats.sqnr_db == -math.inf
            continue
        assert row.stats.noise == pytest.approx(np.square(given - wide).sum())
        assert row.stats.max_absolute_error == np.abs(given - wide).max()
    twice = comparison.merge(comparison)
    assert [row.values for row in twice.rows] == [2 * x.size] * len(twice.rows)
    np.testing.assert_allclose(
        [row.stats.sqnr_db for row in twice.rows], [row.stats.sqnr_db for row in comparison.rows]
    )
    assert len(str(comparison).splitlines()) == len(comparison.rows) + 1


@pytest.mark.parametrize("shape", [(), (1, 1), (1, 1, 1, 1, 1)], ids=name_of)
@pytest.mark.parametrize("rounding", ["nearest_even", "sr"])
def test_a_scalar_is_an_array_of_one_value(shape: tuple[int, ...], rounding: str) -> None:
    names = [*PLAIN, *SCALED]
    x = np.float32(0.71)
    expected = nf.compare(x.reshape(1), names, rounding, rng=1).to_records()
    found = nf.compare(np.full(shape, x), names, rounding, rng=1).to_records()
    np.testing.assert_equal(found, expected)
    if not shape:
        np.testing.assert_equal(nf.compare(x, names, rounding, rng=1).to_records(), expected)
        np.testing.assert_equal(nf.compare(float(x), names, rounding, rng=1).to_records(), expected)


@pytest.mark.parametrize("shape", FILLED, ids=name_of)
def test_channels_of_every_shape(shape: tuple[int, ...]) -> None:
    x = values(shape)
    if x.ndim < 2:
        with pytest.raises(ValueError, match="by_channel: an array of shape"):
            nf.compare(x, "int4", by_channel=True)
        return
    for row in nf.compare(x, FORMATS.split(","), by_channel=True).rows:
        assert row.channels is not None
        assert len(row.channels) == shape[0]
        if shape[0] == 1:
            assert row.channels[0] == pytest.approx(row.stats.sqnr_db)


@pytest.mark.parametrize("shape", EMPTY, ids=name_of)
def test_empty_arrays_are_refused_in_one_way(shape: tuple[int, ...]) -> None:
    for names in ([*PLAIN], ["mxfp4"], [OF_TILES], ["int8_channel"]):
        for dtype in (np.float32, np.int8, ml_dtypes.float8_e4m3fn):
            with pytest.raises(ValueError, match="x: no values at all"):
                nf.compare(np.empty(shape, dtype), names)


def test_too_many_axes_are_refused_by_scaled_formats_alone() -> None:
    x = np.full((1,) * 40, 0.71)
    assert nf.compare(x, PLAIN).rows[0].values == 1
    assert nf.compare(x.reshape((1,) * 32), ["mxfp4"]).rows[0].values == 1
    with pytest.raises(ValueError, match="x: 40 axes, and scaled formats take up to 32; reshape"):
        nf.compare(x, ["int4", "mxfp4"])


@pytest.mark.parametrize("shape", [*FILLED, *EMPTY], ids=name_of)
def test_sums_and_histograms_of_every_shape(shape: tuple[int, ...]) -> None:
    x = values(shape, np.float64)
    y = np.asarray(nf.int4.round(x), np.float64)
    stats = measure(x, y, nf.int4)
    assert stats == measure(x.reshape(-1), y.reshape(-1), nf.int4)
    assert ErrorStats().update(x, y, nf.int4).merge(stats).finite == 2 * x.size
    assert LogHistogram.of(np.abs(x)).counts.sum() == x.size
    largest = float(np.abs(x).max(initial=0.0))
    assert survey_of(x).largest == largest
    assert count_values(x, largest or 1.0, 7).sum() == x.size


@pytest.mark.parametrize("shape", FILLED, ids=name_of)
def test_a_dask_array_of_every_shape(shape: tuple[int, ...]) -> None:
    dask = pytest.importorskip("dask")
    lazy = pytest.importorskip("dask.array").from_array(values(shape), chunks=-1)
    parts = [dask.delayed(nf.compare)(part, FORMATS.split(",")) for part in lazy.to_delayed().flat]
    (found,) = dask.compute(*parts)
    expected = nf.compare(values(shape), FORMATS.split(","))
    np.testing.assert_equal(found.to_records(), expected.to_records())


# ---- The report -------------------------------------------------------------------------------


def one_npy(folder: Path, x: Array) -> Path:
    np.save(folder / "a.npy", x)
    return folder / "a.npy"


def one_npz(folder: Path, x: Array) -> Path:
    np.savez(folder / "a.npz", a=x)
    return folder / "a.npz"


def one_safetensors(folder: Path, x: Array) -> Path:
    save_file({"a": x}, folder / "a.safetensors")
    return folder / "a.safetensors"


@pytest.mark.parametrize("shape", [*FILLED, *EMPTY], ids=name_of)
@pytest.mark.parametrize(
    ("written", "options"),
    [
        *[(one_npy, options) for options in OPTIONS],
        *[(one_npz, options) for options in ("table", "json, channels")],
        *[(one_safetensors, options) for options in ("table", "json, channels")],
    ],
)
def test_the_report_of_one_tensor(
    tmp_path: Path, written: Callable[[Path, Array], Path], shape: tuple[int, ...], options: str
) -> None:
    x = values(shape)
    result = run("report", written(tmp_path, x), "--formats", FORMATS, *OPTIONS[options])
    if x.size == 0:
        assert result.exit_code == 2
        assert result.stderr.endswith("no tensor to report on: a (empty)\n")
        assert result.stderr.count("\n") == 1 + ("--csv" in OPTIONS[options])
        return
    assert result.exit_code == 0
    expected = nf.compare(x, FORMATS.split(","))
    if options.startswith("json"):
        first, *_ = json.loads(result.stdout)
        assert (first["tensor"], first["shape"]) == ("a", list(shape))
        assert [row["sqnr_db"] for row in first["rows"]] == [
            row.stats.sqnr_db if math.isfinite(row.stats.sqnr_db) else str(row.stats.sqnr_db)
            for row in expected.rows
        ]
        has_channels = options == "json, channels" and x.ndim > 1
        assert ["channels_sqnr_db" in row for row in first["rows"]] == [has_channels] * 11
    elif options == "csv":
        lines = list(csv.DictReader(io.StringIO(result.stdout)))
        assert [line["shape"] for line in lines] == ["x".join(map(str, shape))] * 11
        assert [float(line["sqnr_db"]) for line in lines] == [
            row.stats.sqnr_db for row in expected.rows
        ]
    elif options != "stochastic":
        assert f"a  float32  {' x '.join(map(str, shape)) or 'scalar'}" in result.stdout
        for row in expected.table()[1:]:
            assert row[3] in result.stdout


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_the_report_of_tensors_of_all_shapes_with_pictures(tmp_path: Path, suffix: str) -> None:
    tensors: dict[str, Array] = {name_of(shape): values(shape) for shape in [*FILLED, *EMPTY]}
    tensors |= {"nan": np.float32(np.nan), "inf": np.float32(np.inf), "zero": np.float32(0)}
    path = tmp_path / f"a{suffix}"
    if suffix == ".npz":
        np.savez(path, **tensors)
    else:
        save_file({name: np.array(x) for name, x in tensors.items()}, path)
    page, picture = tmp_path / "a.html", tmp_path / "a.svg"
    options = ("--formats", FORMATS, "--html", page, "--plot", picture, "--sort", "cosine")
    result = run("report", path, *options)
    assert result.exit_code == 0
    assert f"all {len(FILLED) + 1} tensors" in result.stdout
    assert f"{len(EMPTY) + 2} left out: " in result.stdout
    text = page.read_text()
    assert text.count("<svg") == 1 + 6  # the cost, and the values of the six largest
    assert "<td>scalar</td>" in text
    assert "</svg>" in picture.read_text()


@pytest.mark.parametrize("number", [5e-324, 1e-45, 1e-20, 1e38, 1.7976931348623157e308])
def test_pictures_of_numbers_at_the_ends_of_float64(tmp_path: Path, number: float) -> None:
    path = one_npy(tmp_path, np.array(number))
    page = tmp_path / "a.html"
    assert run("report", path, "--formats", FORMATS, "--html", page).exit_code == 0
    assert page.read_text().count("<svg") == 2
    counts = count_values(np.array([number, -number, 0.0]), number, 3)
    assert counts.tolist() == [1, 1, 1]


def test_channels_of_zeros_have_no_worst(tmp_path: Path) -> None:
    result = run("report", one_npy(tmp_path, np.zeros((2, 3))), "--by-channel", "--formats", "int4")
    assert "Worst channels in int4, none: none has a value but zero\n" in result.stdout


def test_a_tensor_of_too_many_axes_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, many=np.full((1,) * 33, 0.5), few=np.full((1,) * 32, 0.5))
    result = run("report", path, "--formats", "mxfp4")
    assert result.exit_code == 0
    assert "1 left out: many (x: 33 axes" in " ".join(result.stdout.split())
    assert "2 left out" not in run("report", path, "--formats", "int4").stdout


def test_a_tensor_that_memory_is_short_for_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compare(x: Array, *arguments: Any) -> Comparison:
        if x.size > 4:
            raise MemoryError
        return nf.compare(x, *arguments)

    monkeypatch.setattr("numformats.cli.report.compare", compare)
    path = tmp_path / "a.npz"
    np.savez(path, large=np.ones(9), small=np.ones(4))
    result = run("report", path, "--formats", "int4")
    assert result.exit_code == 0
    text = " ".join(result.stdout.split())
    assert "1 left out: large (does not fit into the free memory; free some" in text


# ---- Answers to test vectors ------------------------------------------------------------------


@pytest.mark.parametrize("shape", [*FILLED, *EMPTY], ids=name_of)
def test_answers_of_every_shape_end_in_a_line(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = tmp_path / "answers.npz"
    words = np.zeros(shape, np.uint16)
    np.savez(path, input=words, code=words.astype(np.uint8))
    result = run("verify", "e4m3fn", path, "--input", "float16")
    if len(shape) != 1:
        assert result.exit_code == 2
        assert result.stderr == (
            f"numformats verify: {path}: input: shape {shape}; expected one axis, as of "
            "array.ravel()\n"
        )
    elif words.size == 0:
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == f"numformats verify: {path}: no answers in it\n"
    else:
        assert result.exit_code == 0
        assert f"{words.size} inputs" in result.stdout
    if shape == (0,):
        counted = run("verify", "e4m3fn", path, "--input", "float16", "--level", "1")
        assert counted.exit_code == 1
        assert "inputs of level 1 are missing" in counted.stdout


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (np.array([1.5]), "code: dtype float64; expected integers that are not negative"),
        (np.array([np.nan]), "code: dtype float64"),
        (np.array([1j]), "code: dtype complex128"),
        (np.array([True]), "code: dtype bool"),
        (np.array([-1]), "code: dtype int64; expected integers that are not negative"),
        (np.array(["a"]), "code: str32 values are not numbers"),
        (np.array([{}], object), "code: holds Python objects"),
        (np.zeros(1, "f4,f4"), "code: structured values"),
    ],
)
def test_answers_that_are_no_codes_end_in_a_line(tmp_path: Path, column: Array, words: str) -> None:
    path = tmp_path / "answers.npz"
    np.savez(path, input=np.zeros(1, np.uint16), code=column)
    result = run("verify", "e4m3fn", path, "--input", "float16")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"numformats verify: {path}: {words}")
    assert result.stderr.count("\n") == 1


def test_damaged_answers_end_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "answers.npz"
    words = np.arange(2000, dtype=np.uint16)
    np.savez(path, input=words, code=words)
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    result = run("verify", "e4m3fn", path, "--input", "float16")
    assert result.exit_code == 2
    assert "CRC" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_text_without_answers_does_not_pass(tmp_path: Path) -> None:
    path = tmp_path / "answers.txt"
    path.write_text("")
    result = run("verify", "e4m3fn", path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no answers in it" in result.stderr
