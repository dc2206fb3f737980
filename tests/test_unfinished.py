"""Commands that are stopped: they leave nothing half-written, or what they run next removes it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import numformats as nf
from numformats.tensor_files import unfinished
from numformats.tensor_files.whole import whole_file, whole_folder

pytest.importorskip("fcntl", reason="without locks nothing that was left is removed")

# The command, which says so when it is in the midst of a file, and waits there.
WAITING = """
import signal, sys, time
from numformats.simulation import writing

# Whoever starts the tests in the background may have them ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)

done = []

def add(count):
    done.append(count)
    if len(done) == 3:
        print("ready", flush=True)
        time.sleep(600)

writing.Count.add = add
sys.argv = ["numformats", "simulate", *sys.argv[1:]]
from numformats.cli import main
main()
"""


def checkpoint(path: Path) -> Path:
    """A file of four tensors of zeros."""
    head = {
        f"w{i}": {"dtype": "F32", "shape": [64, 64], "data_offsets": [i << 14, (i + 1) << 14]}
        for i in range(4)
    }
    text = json.dumps(head).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(4 << 14))
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that commands run in, with two checkpoints: a file and a folder."""
    monkeypatch.chdir(tmp_path)
    checkpoint(tmp_path / "a.safetensors")
    (tmp_path / "m").mkdir()
    checkpoint(tmp_path / "m" / "model.safetensors")
    (tmp_path / "m" / "config.json").write_text("{}")
    return tmp_path


OUTPUTS = {"a.safetensors": "b.safetensors", "m": "n"}


def contents(folder: Path) -> dict[str, bytes | None]:
    """All that is in a folder."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@contextmanager
def in_the_midst(source: str) -> Iterator[subprocess.Popen[str]]:
    """A process that writes a simulation, and waits when half of it is written."""
    command = [sys.executable, "-c", WAITING, source, "--format", "int8", "--force", "--output"]
    with subprocess.Popen(
        [*command, OUTPUTS[source]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("source", OUTPUTS)
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)]
)
@pytest.mark.parametrize("is_there", [False, True])
def test_a_signal_leaves_what_was_there(
    folder: Path, source: str, number: signal.Signals, status: int, is_there: bool
) -> None:
    if is_there:
        nf.simulate(source, OUTPUTS[source], "mxfp4")
    before = contents(folder)
    with in_the_midst(source) as process:
        assert len(list(folder.glob(".numformats-*.part"))) == 1
        process.send_signal(number)
        _, faults = process.communicate(timeout=60)
    assert process.returncode == status
    assert "Traceback" not in faults
    assert contents(folder) == before


@pytest.mark.parametrize("source", OUTPUTS)
def test_what_a_kill_leaves_the_next_run_removes(folder: Path, source: str) -> None:
    before = contents(folder)
    with in_the_midst(source) as process:
        process.kill()
        process.communicate(timeout=60)
    assert len(list(folder.glob(".numformats-*.part"))) == 1
    # Another target's is left alone.
    with whole_file(folder / "other.safetensors"):
        pass
    os.unlink("other.safetensors")
    assert len(list(folder.glob(".numformats-*.part"))) == 1
    nf.simulate(source, OUTPUTS[source], "int8")
    added = contents(folder).keys() - before.keys()
    assert {Path(path).relative_to(folder).parts[0] for path in added} == {OUTPUTS[source]}


@pytest.mark.parametrize("source", OUTPUTS)
def test_what_another_process_still_writes_is_left_to_it(folder: Path, source: str) -> None:
    with in_the_midst(source) as process:
        (part,) = folder.glob(".numformats-*.part")
        nf.simulate(source, OUTPUTS[source], "int8")
        assert list(folder.glob(".numformats-*.part")) == [part]
        process.terminate()
        process.communicate(timeout=60)
    assert not list(folder.glob(".numformats-*"))
    assert (folder / OUTPUTS[source]).exists()


def test_an_interrupt_while_modules_are_loaded() -> None:
    script = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'numformats.cli.app': signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from numformats.cli import main; main()\n"
    )
    command = [sys.executable, "-c", script]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout, found.stderr) == (130, "", "")


def test_a_hangup_that_is_ignored_stays_so(folder: Path) -> None:
    """As under nohup."""
    script = (
        "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from numformats.cli.stopping import end_by_exceptions; end_by_exceptions()\n"
        "signal.raise_signal(signal.SIGHUP); print('still here')\n"
        "signal.raise_signal(signal.SIGTERM); print('no more')\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout, found.stderr) == (143, "still here\n", "")


def test_what_was_killed_is_not_copied_with_a_checkpoint(folder: Path) -> None:
    (folder / "m" / ".numformats-0-0.part").write_bytes(b"half")
    found = nf.simulate("m", "n", "int8")
    assert found.not_copied == (".numformats-0-0.part",)
    assert sorted(os.listdir("n")) == ["config.json", "model.safetensors"]


# ---- Folders that take the place of others ----------------------------------------------------


def write_folder(content: str) -> None:
    with whole_folder(Path("out")) as part:
        (part / "x").write_text(content)


def breaking(count: int, step: Callable[..., object]) -> Callable[..., object]:
    """A step that an interrupt breaks into, after it, the so-manieth time."""
    calls = iter(range(10**6))

    def broken(*arguments: object, **options: object) -> object:
        result = step(*arguments, **options)
        if next(calls) == count:
            raise KeyboardInterrupt
        return result

    return broken


@pytest.mark.parametrize("count", [0, 1])
def test_an_interrupt_between_two_renames(
    folder: Path, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder("old")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", breaking(count, Path.rename))
        with pytest.raises(KeyboardInterrupt):
            write_folder("new")
    # Of the second one, it comes when all is done.
    assert Path("out/x").read_text() == ("old", "new")[count]
    assert sorted(os.listdir(folder)) == ["a.safetensors", "m", "out"]


def test_an_interrupt_while_the_old_one_is_removed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder("old")
    with monkeypatch.context() as patch:
        remove, calls = unfinished._remove, iter(range(10**6))

        def interrupted(path: Path) -> None:
            if next(calls) == 0:
                raise KeyboardInterrupt
            remove(path)

        patch.setattr(unfinished, "_remove", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_folder("new")
    assert Path("out/x").read_text() == "new"
    assert sorted(os.listdir(folder)) == ["a.safetensors", "m", "out"]


def test_a_kill_between_two_renames_loses_nothing(folder: Path) -> None:
    """The old folder is the only one then; it goes when there is another."""
    write_folder("old")
    before = unfinished.beside(folder / "out", unfinished.BEFORE)
    Path("out").rename(before)
    with pytest.raises(ZeroDivisionError), whole_folder(Path("out")):
        raise ZeroDivisionError
    assert (before / "x").read_text() == "old"
    write_folder("new")
    assert before.exists()
    write_folder("newer")
    assert sorted(os.listdir(folder)) == ["a.safetensors", "m", "out"]


def test_long_names_have_parts_too(folder: Path) -> None:
    name = "x" * 251 + ".txt"
    with whole_file(Path(name)) as stream:
        stream.write(b"all")
    assert Path(name).read_bytes() == b"all"


def test_a_pipe_of_the_name_of_a_part_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(unfinished.beside(folder / "a.txt", unfinished.PART))
    with whole_file(Path("a.txt")) as stream:
        stream.write(b"all")
    assert Path("a.txt").read_bytes() == b"all"


def test_two_writers_of_one_file_do_not_mix(folder: Path) -> None:
    with whole_file(Path("a.txt")) as first:
        first.write(b"first")
        with whole_file(Path("a.txt")) as second:
            second.write(b"second")
        assert Path("a.txt").read_bytes() == b"second"
    assert Path("a.txt").read_bytes() == b"first"
    assert sorted(os.listdir(folder)) == ["a.safetensors", "a.txt", "m"]


def test_a_disk_without_locks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are written; what was left stays, since nobody can tell whose it is."""
    left = unfinished.beside(folder / "a.txt", unfinished.PART)
    left.write_bytes(b"half")

    def refuse(*arguments: object) -> None:
        raise OSError(95, "Operation not supported")

    with monkeypatch.context() as patch:
        patch.setattr("fcntl.flock", refuse)
        with whole_file(Path("a.txt")) as stream:
            stream.write(b"all")
    assert Path("a.txt").read_bytes() == b"all"
    assert left.exists()
    with whole_file(Path("a.txt")):
        pass
    assert not left.exists()
