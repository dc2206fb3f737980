"""Test vectors and flags: what `numformats vectors` writes, and what `numformats verify` finds."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from decision_points import DETERMINISTIC
from mutants import Rounder
from typer.testing import CliRunner

import numformats as nf
from numformats import exact
from numformats.cli.app import app
from numformats.exact import Flags
from numformats.testing.projection import Projection
from numformats.testing.vectors import Source, lines, vectors
from numformats.testing.verifying import VectorError, verify

NONE, INEXACT = Flags(0), Flags.INEXACT
UNDER, OVER = Flags.UNDERFLOW | INEXACT, Flags.OVERFLOW | INEXACT
E4, E5 = nf.float8_e4m3fn, nf.float8_e5m2
E8M0 = nf.get_format("float8_e8m0fnu")
P1 = nf.get_format("binary8p1se")


@pytest.mark.parametrize(
    ("fmt", "value", "mode", "saturation", "expected"),
    [
        (E4, 448, "nearest_even", "none", NONE),
        (E4, 464, "nearest_even", "none", INEXACT),  # a tie, which goes to 448
        (E4, 464, "nearest_away", "none", OVER),
        (E4, 479.99, "toward_zero", "none", INEXACT),
        (E4, 480, "toward_zero", "none", OVER),  # though 448 is what comes of it
        (E4, -449, "toward_negative", "none", OVER),
        (E4, -449, "toward_positive", "none", INEXACT),
        (E4, 465, "nearest_even", "finite", OVER),
        (E5, float("inf"), "nearest_even", "none", NONE),
        (E5, float("inf"), "nearest_even", "finite", OVER),
        (E4, float("-inf"), "nearest_even", "none", OVER),
        (E4, 2.0**-9, "nearest_even", "none", NONE),  # subnormal, and exact
        (E4, 2.0**-10, "nearest_even", "none", UNDER),
        (E4, Fraction(31, 32) / 64, "nearest_even", "none", INEXACT),  # a tie, to 2**-6
        (E4, Fraction(31, 32) / 64, "toward_zero", "none", UNDER),
        (E4, Fraction(30, 32) / 64 + Fraction(1, 10**9), "nearest_even", "none", UNDER),
        (E4, float("nan"), "nearest_even", "none", NONE),
        (P1, Fraction(3, 2), "nearest_even", "none", INEXACT),
        (nf.int8, 127.5, "nearest_even", "none", Flags.INVALID),
        (nf.int8, 127.4, "nearest_even", "none", INEXACT),
        (nf.int8, 300, "nearest_even", "wrap", INEXACT),
        (nf.int8, float("inf"), "nearest_even", "finite", Flags.INVALID),
        (E8M0, -1, "nearest_even", "none", Flags.INVALID),
        (E8M0, 0, "nearest_even", "none", INEXACT),
        (nf.TableFormat("t", (-4.0, 0.0, 1.0, 3.0)), -3.9, "nearest_even", "none", INEXACT),
        (nf.TableFormat("t", (-4.0, 0.0, 1.0, 3.0)), 3.1, "nearest_even", "none", OVER),
    ],
)
def test_flags_of_known_cases(
    fmt: nf.Format, value: Any, mode: str, saturation: str, expected: Flags
) -> None:
    assert exact.flags(value, fmt, mode, saturation) == expected


def test_tininess_before_rounding_is_earlier() -> None:
    nearly = Fraction(31, 32) / 64
    assert exact.flags(nearly, E4, tininess="before") == UNDER
    assert exact.flags(2.0**-6, E4, tininess="before") == NONE
    with pytest.raises(ValueError, match="tininess: 'never'"):
        exact.flags(1, E4, tininess="never")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value",
    [2.0**-126, 2.0**-126 * (1 - 2.0**-25), 2.0**-126 * (1 - 2.0**-26), 2.0**-149, 2.0**-150,
     1e-60, 0.1, 3.0, 2.0**127 * (2 - 2.0**-23), 2.0**127 * (2 - 2.0**-24), 1e60],
)  # fmt: skip
def test_flags_are_those_of_the_processor_for_float32(value: float) -> None:
    seen: list[str] = []
    with np.errstate(over="call", under="call", call=lambda kind, _: seen.append(kind)):
        np.array([value]).astype(np.float32)
    found = exact.flags(value, nf.float32)
    assert (Flags.OVERFLOW in found) == ("overflow" in seen)
    assert (Flags.UNDERFLOW in found) == ("underflow" in seen)


def written(projection: Projection, source: Source, **options: Any) -> list[str]:
    chunks = vectors(projection, source, **options)
    return [line for chunk in chunks for line in lines(chunk, source, projection)]


@pytest.mark.parametrize("name", ["float4_e2m1fn", "float6_e2m3fn", "int4", "binary8p1se", "q3_4"])
@pytest.mark.parametrize("mode", [*DETERMINISTIC, nf.Stochastic(5, "C")])
def test_every_line_is_what_the_oracle_says(name: str, mode: Any) -> None:
    fmt = nf.FixedFormat("q3_4", 3, 4) if name == "q3_4" else nf.get_format(name)
    projection = Projection(fmt, mode, "finite")
    source = Source.parse("float8_e4m3fn")
    found = written(projection, source)
    assert len(found) > 200
    for line in found:
        word, *draws, code, flags = (int(field, 16) for field in line.split())
        x = exact.decode(word, nf.float8_e4m3fn)
        drawn = draws[0] if draws else None
        assert exact.flags(x, fmt, mode, "finite", random_bits=drawn) == flags
        if x == x:
            assert exact.project(x, fmt, mode, "finite", random_bits=drawn) == code


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_level_two_agrees_with_the_oracle_from_floats(dtype: str) -> None:
    projection, source = Projection(E5, "nearest_even"), Source.parse(dtype)
    rng = np.random.default_rng(0)
    for chunk in vectors(projection, source, 2):
        x = source.numbers(chunk.inputs)
        signaling = source.is_signaling(chunk.inputs)
        assert chunk.flags is not None
        for i in rng.integers(0, x.size, 200):
            expected = Flags.INVALID if signaling[i] else exact.flags(x[i], E5)
            assert chunk.flags[i] == expected
            assert chunk.codes[i] == E5.encode(x[i])
    every = {line.split()[0] for line in written(projection, source, level=1)}
    assert set(source.words(E5, 2).tolist()) >= {int(word, 16) for word in every}


def test_lines_are_laid_out_like_those_of_testfloat() -> None:
    projection, source = Projection(E4), Source.parse("float32")
    found = written(projection, source)
    assert "43e80001 7f 05" in found
    assert "43e80000 7e 01" in found
    assert {line for line in found if line.endswith("10")} == {"7f800001 7f 10", "ff800001 ff 10"}
    assert found == written(projection, source)


def test_right_answers_pass_and_wrong_ones_are_grouped_by_cause() -> None:
    source = Source.parse("float32")
    for mode in DETERMINISTIC:
        projection = Projection(E5, mode)
        good = written(projection, source)
        assert verify(good, projection, source, 1).passed
        without_flags = [line[:-3] for line in good]
        assert verify(iter(without_flags), projection, source, 1).passed
    mutant = Rounder(E5).but(ties="away")
    projection = Projection(E5)
    wrong = []
    for line in written(projection, source):
        word = np.uint32([int(line[:8], 16)])
        wrong.append(f"{line[:8]} {int(mutant(word.view(np.float32))[0]):02X}")
    report = verify(wrong, projection, source).report
    assert set(report.mismatches) == {"ties"}


def test_wrong_flags_and_missing_lines_are_told() -> None:
    projection, source = Projection(E4), Source.parse("float32")
    found = verify(["43e80001 7f 01\n"], projection, source, 1)
    assert found.missing == len(written(projection, source)) - 1
    simplest = found.report.simplest
    assert simplest is not None
    assert simplest.cause == "flags"
    assert str(simplest).splitlines()[-2:] == [
        "  expected  05 inexact, overflow",
        "  given     01 inexact",
    ]


@pytest.mark.parametrize(
    ("fmt", "text", "message"),
    [
        (E4, ["3f800000 38", "3f8000"], "line 2: '3f8000'; expected hexadecimal digits: 8 of"),
        (E4, ["3f800000 38 00", "3f800000 38"], "line 2"),
        (E4, ["3f800000 38", "3f800000 38 00"], "line 2"),
        (E4, ["3f800000 38", "", "3f800000 38"], "line 2: ''"),
        (E4, ["0x3f8000 38"], "line 1"),
        (E4, ["3f8_0000 38"], "line 1"),
        (E4, ["3f800000 \uff138"], "line 1"),
        (nf.get_format("float6_e3m2fn"), ["3f800000 40 00"], "2 of code up to 3f"),
        (nf.int8, ["00000000 00", "7fc00000 00"], "line 2: nan has no meaning in int8"),
    ],
)
def test_malformed_lines_are_named_by_their_number(
    fmt: nf.Format, text: list[str], message: str
) -> None:
    with pytest.raises(VectorError, match=message):
        verify(text, Projection(fmt), Source.parse("float32"))


def test_sources_that_are_too_wide_are_refused() -> None:
    assert Source.parse("half") == Source.parse("float16")
    with pytest.raises(ValueError, match="input: tf32 has 19 bits"):
        Source.parse("tf32")


def run(*arguments: str, given: str | None = None) -> Any:
    return CliRunner().invoke(app, list(arguments), input=given)


def test_commands_write_and_verify(tmp_path: Path) -> None:
    text = run("vectors", "e4m3fn", "--rounding", "rtp", "--input", "bfloat16")
    assert text.exit_code == 0
    again = run(
        "verify", "e4m3fn", "-", "--rounding", "rtp", "--input", "bfloat16", "--level", "1",
        given=text.stdout,
    )  # fmt: skip
    assert again.exit_code == 0
    assert "passed" in again.stdout
    wrong = run("verify", "e4m3fn", "-", "--rounding", "rtn", "--input", "bfloat16",
                given=text.stdout)  # fmt: skip
    assert wrong.exit_code == 1
    assert "directed sign" in wrong.stdout
    cut = run("verify", "e4m3fn", "-", "--rounding", "rtp", "--input", "bfloat16", "--level", "1",
              given=text.stdout[: len(text.stdout) // 2 - 5])  # fmt: skip
    assert cut.exit_code in (1, 2)
    for rounding in ("nearest_away", "srB7"):
        for name in ("v.txt", "v.npz"):
            path = str(tmp_path / name)
            options = ("--rounding", rounding, "--level", "1")
            assert run("vectors", "float4_e2m1fn", "--output", path, *options).exit_code == 0
            assert run("verify", "float4_e2m1fn", path, *options).exit_code == 0
    np.savez(tmp_path / "short.npz", input=[0, 0], code=[0])
    assert "differ in shape" in run("verify", "int8", str(tmp_path / "short.npz")).stderr
    np.savez(tmp_path / "none.npz", input=[0, 0])
    assert "no array named code" in run("verify", "int8", str(tmp_path / "none.npz")).stderr
    (tmp_path / "text.npz").write_text("hello")
    assert "no .npz file" in run("verify", "int8", str(tmp_path / "text.npz")).stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("vectors", "nope"), "unknown 'nope'"),
        (("vectors", "e4m3fn", "--level", "3"), "--level: 3"),
        (("vectors", "e4m3fn", "--tininess", "never"), "--tininess: 'never'"),
        (("vectors", "e4m3fn", "--saturation", "wrap"), "wrap is for integers"),
        (("vectors", "int8_narrow", "--saturation", "wrap"), "needs the full range"),
        (("vectors", "e4m3fn", "--rounding", "srD8"), "rounding: unknown 'srD8'"),
        (("vectors", "e4m3fn", "--rounding", "srA99"), "bits"),
        (("vectors", "e4m3fn", "--output", "/nowhere/v.txt"), "No such file"),
        (("vectors", "e4m3fn", "--output", "/nowhere/v.npz"), "No such file"),
        (("verify", "e4m3fn", "/nowhere/v.txt"), "No such file"),
    ],
)
def test_what_makes_no_sense_ends_with_a_line(arguments: tuple[str, ...], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_vectors_stop_when_the_reader_does() -> None:
    command = f"{sys.executable} -m numformats vectors float16 | head -n 2"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == ["ff800000 fc00 00", "ff7fffff fc00 05"]
    assert result.stderr == ""
