"""`numformats explain`, run as users run it."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from typer.testing import CliRunner

import numformats as nf
from numformats.cli.app import app


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["explain", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_it_prints_what_python_prints() -> None:
    for arguments, expected in [
        (["0.1", "e4m3fn"], nf.explain("0.1", "e4m3fn")),
        (["-0.1", "e4m3fn", "--rounding", "rtz"], nf.explain("-0.1", "e4m3fn", "rtz")),
        (["-inf", "e4m3fn", "--saturation", "finite"],
         nf.explain("-inf", "e4m3fn", saturation="finite")),
        (["-1/3", "posit8"], nf.explain("-1/3", "posit8")),
        (["0x1.8p-3", "int8"], nf.explain("0x1.8p-3", "int8")),
        (["nan", "int8", "--nan", "max"], nf.explain("nan", "int8", nan="max")),
        (["2.6", "e2m1fn", "--rounding", "srA8", "--random-bits", "90"],
         nf.explain("2.6", "e2m1fn", nf.Stochastic(8), random_bits=90)),
        (["0.1 + 0.2", "float16"], nf.explain("0.1 + 0.2", "float16")),
        (["0x1d", "e4m3fn", "--code"], nf.explain_code(0x1D, "e4m3fn")),
        (["0.1, -0.5 3 24", "mxfp4", "--index", "2"],
         nf.explain([0.1, -0.5, 3, 24], "mxfp4", index=2)),
        (["24", "mxfp4"], nf.explain([24.0], "mxfp4", index=0)),
    ]:  # fmt: skip
        status, out, error = run(*arguments)
        assert (status, error) == (0, "")
        assert out == f"{expected}\n"


def test_json_is_the_record() -> None:
    status, out, _ = run("0.1", "e4m3fn", "--json")
    assert status == 0
    record = json.loads(out)
    assert record == nf.explain("0.1", "e4m3fn").as_dict()
    assert record["code"] == 29
    assert Fraction(record["position"]) == Fraction(4, 5)
    assert record["decisions"][0]["rule"] == "nearest"
    assert [field["bits"] for field in record["fields"]] == ["0", "0011", "101"]
    assert json.loads(run("29", "e4m3fn", "--code", "--json")[1])["value"] == "13/128"
    block = json.loads(run("1,2", "nvfp4", "--index", "1", "--json")[1])
    assert block["scale_explained"]["format"] == "float8_e4m3fn"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["0.1.2", "e4m3fn"], "is no number and no operation"),
        (["0.1", "e4m3fm"], "did you mean 'e4m3fn'"),
        (["300", "e4m3fn", "--code"], "code: 300 is outside 0 to 255"),
        (["0.1", "e4m3fn", "--code"], "write 29, 0x1d or 0b11101"),
        (["nan", "int8"], "int8 has no NaN; pass nan='max'"),
        (["0.1", "e4m3fn", "--rounding", "nearest"], "rounding: unknown"),
        (["0.1", "e4m3fn", "--rounding", "sr"], "needs an int"),
        (["0.1", "e4m3fn", "--saturation", "wrap"], "'wrap' is for integers"),
        (["0.1, 2", "mxfp4"], "--index: which of the 2 numbers"),
        (["0.1, 2", "mxfp4", "--index", "2"], "not in an array of shape"),
        (["29", "e4m3fn", "--code", "--plot", "x.png"], "--plot: a number between"),
        (["--rounding", "rtz"], "Missing argument"),
        (["--frmat", "e4m3fn"], "no such option: --frmat"),
    ],
)
def test_bad_input_is_refused_in_a_line(arguments: list[str], words: str) -> None:
    status, out, error = run(*arguments)
    assert (status, out) == (2, "")
    assert words in " ".join(error.split())
    assert "Traceback" not in error


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    path = tmp_path / "why.png"
    assert run("0.1", "e4m3fn", "--plot", str(path))[0] == 0
    assert path.read_bytes().startswith(b"\x89PNG")
    status, _, error = run("1", "e4m3fn", "--plot", str(path))
    assert (status, "between no two values" in error) == (2, True)


def test_on_a_terminal_bits_have_colours_and_the_words_are_the_same() -> None:
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"}
    environment.pop("NO_COLOR", None)
    command = [sys.executable, "-m", "numformats", "explain", "0.1", "e4m3fn"]
    with subprocess.Popen(command, stdout=follower, env=environment) as process:
        os.close(follower)
        written = b""
        while part := _read(leader):
            written += part
    os.close(leader)
    assert process.returncode == 0
    text = written.decode().replace("\r\n", "\n")
    assert "\x1b[1;31m0011\x1b[0m" in text
    bare = re.sub(r"\x1b\[[0-9;]*m", "", text)
    lines = [line.rstrip() for line in bare.rstrip("\n").split("\n")]
    assert "\n".join(lines) == str(nf.explain("0.1", "e4m3fn"))


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:  # the other end is closed
        return b""
