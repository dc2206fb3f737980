"""Files that commands write are whole, or not there, and what was there before stays."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from typer.testing import CliRunner

from numformats.cli.app import app
from numformats.cli.outputs import write_fault
from numformats.cli.plotting import save_figure
from numformats.tensor_files.whole import whole_file

WEIGHTS = np.random.default_rng(0).standard_normal((4, 32)).astype(np.float32)
# Each writes a file of more than `LIMIT` bytes.
LIMIT = 1024
COMMANDS = {
    "page.html": ["report", "w.npy", "--formats", "int4", "--html"],
    "cost.png": ["report", "w.npy", "--formats", "int4", "--plot"],
    "cost.svg": ["report", "w.npy", "--formats", "int4", "--plot"],
    "cost.pdf": ["report", "w.npy", "--formats", "int4", "--plot"],
    "why.png": ["explain", "0.1", "e4m3fn", "--plot"],
    "numformats.html": ["page"],
    "vectors.txt": ["vectors", "e4m3fn", "--input", "float16", "--output"],
    "vectors.npz": ["vectors", "e4m3fn", "--input", "float16", "--output"],
}


@contextmanager
def file_limit(size: int) -> Iterator[None]:
    """No file grows beyond so many bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def run(*arguments: str | Path) -> Any:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that commands run in, with a file of weights."""
    monkeypatch.chdir(tmp_path)
    np.save("w.npy", WEIGHTS)
    return tmp_path


# NumPy 2.0 leaves the archive that it could not write to be closed after its file.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", COMMANDS)
def test_a_disk_that_is_full_leaves_no_part_of_a_file(folder: Path, name: str) -> None:
    other = f"other-{name}"
    assert run(*COMMANDS[name], name).exit_code == 0
    before = Path(name).read_bytes()
    assert len(before) > LIMIT
    for target in (name, other):
        with file_limit(LIMIT):
            result = run(*COMMANDS[name], target)
        assert result.exit_code == 2
        assert f"{target}: cannot be written (File too large)\n" in result.stderr
        assert result.stderr.count("\n") == 1
    assert Path(name).read_bytes() == before
    assert sorted(os.listdir(folder)) == sorted([name, "w.npy"])


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("place", ["no/", "folder"])
def test_a_place_that_cannot_be_written_is_one_line(folder: Path, name: str, place: str) -> None:
    (folder / f"folder-{name}").mkdir()
    target = place + name if place == "no/" else f"folder-{name}"
    result = run(*COMMANDS[name], target)
    assert result.exit_code == 2
    reason = "No such file or directory" if place == "no/" else "Is a directory"
    assert result.stderr.endswith(f"{target}: cannot be written ({reason})\n")
    assert result.stderr.count("\n") == 1
    assert sorted(os.listdir(folder)) == sorted([f"folder-{name}", "w.npy"])


@pytest.mark.parametrize(
    ("name", "reason"), [("a.nonsense", "'nonsense' is not supported"), ("a.pgf", "not found")]
)
def test_a_picture_that_cannot_be_drawn_leaves_nothing(
    folder: Path, name: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")  # no TeX, which a .pgf takes
    result = run("report", "w.npy", "--formats", "int4", "--plot", name)
    assert result.exit_code == 2
    assert f"{name}: cannot be written (" in result.stderr
    assert reason in result.stderr
    assert os.listdir(folder) == ["w.npy"]


def test_a_picture_of_the_benchmark_that_cannot_be_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numba")
    from numformats.benchmarks.tasks import Task
    from numformats.benchmarks.timing import COPY, Ratio, Result

    def run_task(task: Task, rounds: int, peers: list[str]) -> Result:
        return Result(task, 1e9, {COPY: Ratio(0.5, 0.4, 0.6)})

    monkeypatch.setattr("numformats.cli.bench.run_task", run_task)
    monkeypatch.setattr("numformats.cli.bench.prepare_for", lambda size: None)
    result = run("bench", "--plot", "no/bench.png")
    assert result.exit_code == 2
    assert "float8_e4m3fn" in result.stdout
    assert result.stderr == (
        "numformats bench: no/bench.png: cannot be written (No such file or directory)\n"
    )
    assert run("bench", "--plot", "bench.png").exit_code == 0
    assert Path("bench.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(os.listdir(folder)) == ["bench.png", "w.npy"]


def test_a_name_without_a_suffix_is_taken_as_it_is(folder: Path) -> None:
    save_figure(Figure(), Path("picture"))
    assert Path("picture").read_bytes().startswith(b"\x89PNG")
    assert sorted(os.listdir(folder)) == ["picture", "w.npy"]


@pytest.mark.parametrize("error", [OSError(28, "full"), ValueError("no"), KeyboardInterrupt()])
def test_whatever_goes_wrong_leaves_what_was_there(folder: Path, error: BaseException) -> None:
    path = Path("a.txt")

    def fail() -> None:
        with whole_file(path) as stream:
            stream.write(b"half of i")
            stream.flush()
            raise error

    for before in (None, b"before"):
        if before is not None:
            path.write_bytes(before)
        with pytest.raises(type(error)):
            fail()
        assert (path.read_bytes() if path.exists() else None) == before
        assert sorted(os.listdir(folder)) == sorted(["w.npy", *(["a.txt"] if before else [])])


def test_nothing_is_at_the_path_before_all_of_it_is(folder: Path) -> None:
    with whole_file(Path("a.txt")) as stream:
        stream.write(b"all")
        stream.flush()
        assert not Path("a.txt").exists()
    assert Path("a.txt").read_bytes() == b"all"


def test_permissions_are_those_of_a_plain_file_or_of_the_one_before(folder: Path) -> None:
    Path("plain").write_bytes(b"")
    with whole_file(Path("new")):
        pass
    assert Path("new").stat().st_mode == Path("plain").stat().st_mode
    Path("new").chmod(0o640)
    with whole_file(Path("new")) as stream:
        stream.write(b"again")
    assert Path("new").stat().st_mode & 0o777 == 0o640
    assert Path("new").read_bytes() == b"again"


def test_links_and_devices_stay_what_they_are(folder: Path) -> None:
    Path("link").symlink_to("target")
    for content in (b"one", b"two"):
        with whole_file(Path("link")) as stream:
            stream.write(content)
        assert Path("link").is_symlink()
        assert Path("target").read_bytes() == content
    with whole_file(Path(os.devnull)) as stream:
        stream.write(b"gone")
    assert Path(os.devnull).is_char_device()
    assert sorted(os.listdir(folder)) == ["link", "target", "w.npy"]


@pytest.mark.parametrize("fmt", ["float4_e2m1fn", "float16"])
def test_a_pipe_with_a_name_is_written_to(folder: Path, fmt: str) -> None:
    os.mkfifo("pipe")
    command = [sys.executable, "-m", "numformats", "vectors", fmt, "--output", "pipe"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        with open("pipe") as pipe:
            # Of float16 there is more than a pipe holds, and its reader has seen enough.
            found = pipe.readline() if fmt == "float16" else pipe.read()
        _, faults = process.communicate()
    assert (process.returncode, faults) == (0, "")
    assert found.startswith("ff800000 ")
    assert Path("pipe").is_fifo()


def test_standard_output_that_is_full_is_named() -> None:
    command = f"{sys.executable} -m numformats vectors float4_e2m1fn > /dev/full"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr == (
        "numformats vectors: standard output: cannot be written (No space left on device)\n"
    )


@pytest.mark.parametrize("reader", ["> /dev/full", "| head -n 1"])
def test_a_report_that_breaks_off_leaves_no_page_of_half_of_it(folder: Path, reader: str) -> None:
    Path("page.html").write_text("before")
    command = "-m numformats report --html page.html --plot cost.png"
    result = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {sys.executable} {command} {reader}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    *first, page, cost = result.stderr.splitlines()
    assert page == "numformats report: page.html: not written: the report broke off"
    assert cost == "numformats report: cost.png: not written: the report broke off"
    assert len(first) == ("full" in reader)
    assert Path("page.html").read_text() == "before"
    assert sorted(os.listdir(folder)) == ["page.html", "w.npy"]


def test_a_fault_is_one_printable_line() -> None:
    assert write_fault(Path("a\nb"), ValueError("no\x1b")) == "a\\nb: cannot be written (no\\x1b)"
