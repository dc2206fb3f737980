"""What a stranger's checkpoint, and a slip of the hand, do to `report`, `plan` and `simulate`: one
line on stderr, and nothing lost.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from packed_cases import CASES, save, save_case
from tensor_file_checks import safetensors_bytes
from typer.testing import CliRunner

from numformats.analysis.allocating import allocate
from numformats.checks import unknown
from numformats.cli.app import app
from numformats.tensor_files import open_tensors

WEIGHTS = np.random.default_rng(0).standard_normal((8, 32)).astype(np.float32)
SIMULATE = ("--format", "int8", "--output")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that commands run in, with a file, a folder, and one of links to another."""
    monkeypatch.chdir(tmp_path)
    save(tmp_path, {"w": WEIGHTS}, "a.safetensors")
    for name in ("m", "blobs", "linked"):
        (tmp_path / name).mkdir()
    save(tmp_path / "m", {"w": WEIGHTS})
    save(tmp_path / "blobs", {"w": WEIGHTS})
    (tmp_path / "linked" / "model.safetensors").symlink_to("../blobs/model.safetensors")
    return tmp_path


def run(*arguments: str | Path) -> Any:
    result = CliRunner().invoke(app, [*map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def contents(folder: Path) -> dict[str, bytes | None]:
    """All that is in a folder."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def refused(*arguments: str | Path) -> str:
    """The one printable line of a refusal that changes nothing."""
    before = contents(Path())
    result = run(*arguments)
    assert result.exit_code == 2
    # A machine's first run compiles kernels, and says so.
    lines = result.stderr.splitlines(keepends=True)
    (line,) = (line for line in lines if "compiling kernels" not in line)
    assert line.removesuffix("\n").isprintable()
    assert line.startswith(f"numformats {arguments[0]}: ")
    assert contents(Path()) == before
    return str(line)


# ---- Outputs that would take the place of weights ---------------------------------------------


def test_an_output_that_the_checkpoint_links_to(folder: Path) -> None:
    for more in ([], ["--force"]):
        fault = refused("simulate", "linked", *SIMULATE, "blobs", *more)
        assert "blobs has the checkpoint in it" in fault


def test_other_files_deep_in_an_output(folder: Path) -> None:
    (folder / "m" / "sub").mkdir()
    (folder / "m" / "model.safetensors").rename(folder / "m" / "sub" / "1.safetensors")
    index = {"weight_map": {"w": "sub/1.safetensors"}}
    Path("m/model.safetensors.index.json").write_text(json.dumps(index))
    Path("m/sub/README").touch()
    for _ in range(2):
        result = run("simulate", "m", *SIMULATE, "n", "--force")
        assert result.exit_code == 0
        assert f"not copied: {Path('sub/README')}\n" in result.stdout
    Path("n/sub/notes.txt").write_text("mine")
    fault = refused("simulate", "m", *SIMULATE, "n", "--force")
    assert "has other files (sub/notes.txt), which would be lost" in fault


@pytest.mark.parametrize("command", [
    ["plan", "a.safetensors", "--budget", "9", "--output"],
    ["report", "a.safetensors", "--formats", "int8", "--html"],
    ["report", "a.safetensors", "--formats", "int8", "--plot"],
    ["page"],
])  # fmt: skip
@pytest.mark.parametrize(
    "output",
    [*("a.safetensors", "other.safetensors", "x.GGUF", "m/model.safetensors.index.json"), "link"],
)
def test_outputs_with_the_names_of_tensors(folder: Path, command: list[str], output: str) -> None:
    Path("link").symlink_to("a.safetensors")
    assert "is for tensors, and those would be lost" in refused(*command, output)


def test_a_plan_takes_the_place_of_a_plan_alone(folder: Path) -> None:
    command = ("plan", "a.safetensors", "--budget", "9", "--output")
    Path("config.json").write_text('{"hidden_size": 8}')
    assert "config.json is there already, and no plan" in refused(*command, "config.json")
    Path("notes").write_text("mine")
    assert "notes is there already, and no plan" in refused(*command, "notes")
    Path("plan.json").touch()
    for _ in range(2):
        assert run(*command, "plan.json").exit_code == 0
    assert json.loads(Path("plan.json").read_text()).keys() == {"w"}


def test_an_output_whose_name_is_too_long(folder: Path) -> None:
    fault = refused("plan", "a.safetensors", "--budget", "9", "--output", "n" * 300)
    assert "cannot be written (File name too long)" in fault


# ---- What a plan is for -----------------------------------------------------------------------


def test_a_plan_says_whether_simulate_takes_it(folder: Path) -> None:
    np.save("a.npy", WEIGHTS)
    (folder / "gptq").mkdir()
    save_case(folder / "gptq", CASES["gptq 4 bits"]())
    taken = {"a.safetensors": True, "m": True, "a.npy": False, "gptq": False}
    for source, is_taken in taken.items():
        told = run("plan", source, "--budget", "9", "--output", "plan.json").stdout
        assert ("simulate CHECKPOINT --plan plan.json takes it" in told) is is_taken
        assert ("simulate does not take it" in told) is not is_taken
        output = f"out-{source}"
        result = run("simulate", source, "--plan", "plan.json", "--output", output)
        assert (result.exit_code == 0) is is_taken


def test_a_tip_is_given_where_it_helps(folder: Path) -> None:
    save(folder, {"i": np.arange(4), "v": np.ones(3, np.float32)}, "b.safetensors")
    assert "--include" not in refused("plan", "b.safetensors", "--budget", "9")
    save(folder, {"embed": WEIGHTS}, "b.safetensors")
    assert "--include '*' takes all matrices" in refused("plan", "b.safetensors", "--budget", "9")


def test_a_tensor_with_a_fault_is_left_for_that(folder: Path) -> None:
    from gguf_files import gguf_bytes, info

    Path("a.gguf").write_bytes(gguf_bytes([], [info("w", (1, 256), 16, 0)], bytes(66)))
    assert "1 IQ2_XXS is not decoded" in refused("plan", "a.gguf", "--budget", "9")


def test_no_warning_of_squares_beyond_float64() -> None:
    huge, tiny = np.full((4, 4), 1.7e308), np.full((4, 4), 1e-100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="infinite error"):
            allocate({"w": huge}, ["int8"], 99)
        assert allocate({"w": tiny}, ["int8"], 99).formats == {"w": "int8"}


# ---- Packed weights ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["awq", "gptq 4 bits", "nvfp4", "nf4", "gpt-oss", "fp8 blocks"])
def test_parts_of_packed_weights_are_not_changed(folder: Path, name: str) -> None:
    case = CASES[name]()
    tensors = {**case.tensors, "dense": WEIGHTS}
    (folder / "p").mkdir()
    save_case(folder / "p", case)
    save(folder / "p", tensors)
    assert run("simulate", "p", *SIMULATE, "q", "--include", "*").exit_code == 0
    after = {e.name: e.load() for e in open_tensors("q")}
    np.testing.assert_array_equal(after[_packed_name(folder / "p")], case.weight)
    # Named for itself, it is changed.
    if name == "awq":
        plan = Path("plan.json")
        plan.write_text('{"a.b.scales": "int8"}')
        assert run("simulate", "p", "--plan", plan, "--output", "r").exit_code == 0


def _packed_name(path: Path) -> str:
    return next(entry.name for entry in open_tensors(path) if entry.stored_as is not None)


def test_a_checkpoint_of_packed_weights_is_called_so(folder: Path) -> None:
    (folder / "p").mkdir()
    save_case(folder / "p", CASES["awq"]())
    fault = refused("simulate", "p", *SIMULATE, "q")
    assert fault.endswith("; its weights are packed (awq uint4 g16), and are not unpacked\n")


# ---- Files and folders ------------------------------------------------------------------------


def test_a_tensor_twice_in_a_folder_without_an_index(folder: Path) -> None:
    save(folder / "m", {"w": WEIGHTS}, "other.safetensors")
    for command in (("report", "m"), ("simulate", "m", *SIMULATE, "n")):
        assert "has 'w' in model.safetensors and in other.safetensors" in refused(*command)


def test_more_axes_than_numpy_has_are_a_reason_to_leave(folder: Path) -> None:
    head = {
        "deep": {"dtype": "F32", "shape": [1] * 70, "data_offsets": [0, 4]},
        "w": {"dtype": "F32", "shape": [2, 2], "data_offsets": [4, 20]},
    }
    Path("b.safetensors").write_bytes(safetensors_bytes(head, bytes(range(20))))
    assert run("simulate", "b.safetensors", *SIMULATE, "c.safetensors").exit_code == 0
    del head["w"]
    Path("b.safetensors").write_bytes(safetensors_bytes(head, bytes(4)))
    fault = refused("simulate", "b.safetensors", *SIMULATE, "d.safetensors")
    assert "b.safetensors: no tensor to change: 1 has 70 dimensions, above 64" in fault


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"


@pytest.mark.parametrize("suffix", [".safetensors", ".gguf", ".onnx", ".npy", ".npz"])
def test_what_downloads_leave_is_called_by_its_name(folder: Path, suffix: str) -> None:
    Path("b" + suffix).write_bytes(POINTER)
    assert "a pointer of Git LFS" in refused("plan", "b" + suffix, "--budget", "9")
    if suffix not in (".gguf", ".onnx"):  # which say themselves what they lack
        for page in (b"<!DOCTYPE html><html>404</html>", b"\n<html>" + bytes(99)):
            Path("b" + suffix).write_bytes(page)
            assert "a page of HTML" in refused("plan", "b" + suffix, "--budget", "9")


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_what_cannot_be_read_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("m/tokenizer.json").write_text("{}")
    whole = Path.open

    def refuse(self: Path, *arguments: Any, **options: Any) -> Any:
        # The user who may do all is not refused by permissions.
        if self.name == "tokenizer.json":
            raise PermissionError(13, "Permission denied", str(self))
        return whole(self, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        result = run("simulate", "m", *SIMULATE, "n")
    assert result.exit_code == 2
    assert result.stderr.startswith("numformats simulate: m/tokenizer.json: cannot be read (Perm")
    assert not Path("n").exists()


@pytest.mark.parametrize(
    "command",
    [["report"], ["plan", "--budget", "9"], ["simulate", *SIMULATE, "n"]],
    ids=lambda command: command[0],
)
def test_a_path_without_permission_is_one_line(
    folder: Path, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *arguments, **options: False)

    def refuse(self: Path) -> Any:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", refuse)
    result = run(command[0], "m", *command[1:])
    assert result.exit_code == 2
    assert result.stderr == (
        f"numformats {command[0]}: m: cannot be read (Permission denied); "
        "check the path and its permissions\n"
    )


# ---- Names ------------------------------------------------------------------------------------


def test_names_of_a_stranger_are_not_sent_to_the_terminal(folder: Path) -> None:
    save(folder, {"w\n\x1b[31m": WEIGHTS}, "b.safetensors")
    Path("p.json").write_text('{"v": "int8"}')
    command = ("simulate", "b.safetensors", "--plan", "p.json", "--output", "c.safetensors")
    assert "Known: w\\n\\x1b[31m" in refused(*command)


def test_no_more_names_are_told_than_can_be_read() -> None:
    told = unknown("fmt", "v", [f"w{i}" for i in range(1000)])
    assert told.endswith("w98, w99 and 900 more")
    assert "more" not in unknown("fmt", "v", [f"w{i}" for i in range(100)])


def test_pictures_of_files_of_any_name(folder: Path) -> None:
    """Between dollars there are formulas in matplotlib; and its font has no Japanese."""
    command = [sys.executable, "-m", "numformats", "report", "--formats", "int8", "--plot", "x.png"]
    for name in ("$\\x$", "日本語", "[/]"):
        file = save(folder, {name: WEIGHTS}, f"{name.replace('/', '')}.safetensors")
        result = subprocess.run([*command, file], capture_output=True, text=True, check=False)
        assert (result.returncode, result.stderr) == (0, "")


FILES_OF_NAMES = {
    "twice": ('{"w": "int8", "w": "mxfp4"}', "names a tensor twice"),
    "digits": ('{"w": 1' + "0" * 5000 + "}", "is no JSON"),
    "deep": ("[" * 100_000, "is no JSON"),
    "list": ("[]", "expected an object"),
}


@pytest.mark.parametrize("name", FILES_OF_NAMES)
def test_plans_and_sensitivities_that_are_none(folder: Path, name: str) -> None:
    text, words = FILES_OF_NAMES[name]
    Path("p.json").write_text(text)
    told = refused("simulate", "a.safetensors", "--plan", "p.json", "--output", "b.safetensors")
    assert words in told
    assert words in refused("plan", "a.safetensors", "--budget", "9", "--sensitivity", "p.json")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="has no endless device")
def test_a_plan_without_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("numformats.cli.plan_files._MOST_BYTES", 1 << 16)
    told = refused("simulate", "a.safetensors", "--plan", "/dev/zero", "--output", "b.safetensors")
    assert "/dev/zero has more than 65536 bytes" in told


# ---- Standard output --------------------------------------------------------------------------


COMMANDS = {
    "plan": ["plan", "a.safetensors", "--budget", "9", "--verbose"],
    "simulate": ["simulate", "a.safetensors", *SIMULATE, "b.safetensors", "--verbose"],
}


def piped(command: list[str], end: str, **environment: str) -> Any:
    """Run the command with its standard output going to something."""
    line = f"{sys.executable} -m numformats {' '.join(command)} {end}"
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no full device")
@pytest.mark.parametrize("name", COMMANDS)
def test_standard_output_that_is_full_is_one_line(folder: Path, name: str) -> None:
    result = piped(COMMANDS[name], "> /dev/full")
    assert (result.returncode, result.stderr) == (
        2,
        f"numformats {name}: standard output: cannot be written (No space left on device)\n",
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_what_a_locale_lacks_is_written_as_escapes(folder: Path, name: str) -> None:
    save(folder, {"größe": WEIGHTS}, "a.safetensors")
    result = piped(COMMANDS[name], "", PYTHONIOENCODING="ascii")
    assert (result.returncode, result.stderr) == (0, "")
    assert "gr\\xf6\\xdfe" in result.stdout
