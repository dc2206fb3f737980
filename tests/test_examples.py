"""The examples run, and print what they are to show."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

import numformats as nf

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_a_checkpoint_in_scaled_formats(tmp_path: Path) -> None:
    w = np.random.default_rng(0).standard_normal((32, 96)).astype(np.float32)
    np.savez(tmp_path / "w.npz", w=w, more=w[::-1], bias=w[0], counts=np.arange(6).reshape(2, 3))
    command = [sys.executable, EXAMPLES / "scaled_checkpoint.py", tmp_path / "w.npz"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = re.findall(r"^  (\w+) +(\w*) +\S+ bits +(\S+) dB$", result.stdout, re.MULTILINE)
    found = {(name, rule): float(decibels) for name, rule, decibels in lines}
    # Twice the same numbers have the same ratio.
    for row in nf.compare(w, ["mxfp4", "nvfp4", "nf4", "int4_g32", "int8_channel"]).rows:
        assert found[row.format, ""] == pytest.approx(row.stats.sqnr_db, abs=0.01)
    assert found["mxfp4", "mse"] >= found["mxfp4", "floor"] > found["mxfp4", "ceil"]
    assert found["mxfp4", "floor"] == found["mxfp4", ""]
    for name in ("nvfp4", "int4_g32", "int4_g128", "nf4"):
        assert (
            found[name, "mse"]
            > found[name, "absmax"]
            == pytest.approx(nf.compare(w, [name]).rows[0].stats.sqnr_db, abs=0.01)
        )


def test_what_an_fp8_accumulator_loses() -> None:
    """The page has what the example prints."""
    command = [sys.executable, EXAMPLES / "fp8_accumulator.py"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    page = (EXAMPLES.parent / "docs" / "accumulators.md").read_text(encoding="utf-8")
    errors = {}
    for line in result.stdout.splitlines()[1:]:
        label, numbers = line[:28], [float(number) for number in line[28:].split()]
        (shown,) = (told for told in page.splitlines() if told.startswith(label))
        # The network's own sums are in float64, which may differ in their last bits.
        assert numbers == pytest.approx([float(number) for number in shown[28:].split()], rel=0.1)
        errors[label.strip()] = numbers
    hopper, promoted = errors["H100, wgmma"], errors["the same, promoted every 128"]
    assert hopper[:2] == promoted[:2]
    assert hopper[-1] > 5 * promoted[-1] > 1000 * errors["float32, one by one"][-1]


def lines_of(example: str, *arguments: str | Path) -> list[list[str]]:
    """The words of each line below the heading that an example prints."""
    command = [sys.executable, EXAMPLES / example, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line.split() for line in result.stdout.splitlines()[1:]]


def test_newtons_iteration() -> None:
    lines = lines_of("newton_iteration.py")
    numbers = {(name, rounding): int(count) for name, count, rounding, *_ in lines}
    assert len(numbers) == 10
    assert numbers["float16", "nearest_even"] == 2048
    assert numbers["float8_e4m3fn", "toward_zero"] == 16
    for *_, right, worst in lines:
        # It ends beside the root, if not there.
        assert 50 < float(right.removesuffix("%")) <= 100
        assert int(worst) <= 1
    assert any(worst == "1" for *_, worst in lines)


def test_softmax() -> None:
    lines = lines_of("softmax.py")
    found = {(name, how): [float(x) for x in figures] for name, how, *figures in lines}
    assert len(found) == 10
    worst = [found[name, "exact"][1] for name in ("float32", "float16", "bfloat16")]
    assert 0 < worst[0] < 1e-7 < worst[1] < 2e-4 < worst[2] < 1e-2
    for (name, _), (total, _, zeros) in found.items():
        assert total == pytest.approx(1, abs=0.1 if "float8" in name else 0.01)
        assert (zeros > 0) == ("float8" in name)


def test_a_forward_pass() -> None:
    lines = lines_of("digits_forward.py")
    assert lines[0] == ["float64", "97.8%", "0"]  # what the file of weights says
    found = {(name, how): (right, int(others)) for name, how, right, others in lines[1:]}
    assert len(found) == 8
    assert found["float16", "exact"] == ("97.8%", 0)
    for right, others in found.values():
        assert float(right.removesuffix("%")) > 95
        assert others < 18
    assert any(others for _, others in found.values())


def tiny_encoder(folder: Path) -> dict[str, np.ndarray]:
    """A model of the kind of MiniLM, with random numbers, of a layer and four dimensions."""
    rng, size, inner = np.random.default_rng(0), 4, 6
    words = ["[CLS]", "[SEP]", "[UNK]", *"abcdefghijklmnopqrstuvwxyz", "##e", "the", "is"]
    (folder / "vocab.txt").write_text("\n".join(words))
    config = {"num_hidden_layers": 1, "num_attention_heads": 2}
    (folder / "config.json").write_text(json.dumps(config))
    layer = "encoder.layer.0"
    shapes = {
        **{f"{layer}.attention.self.{part}": (size, size) for part in ("query", "key", "value")},
        f"{layer}.attention.output.dense": (size, size),
        f"{layer}.intermediate.dense": (inner, size),
        f"{layer}.output.dense": (size, inner),
    }
    norms = ["embeddings", f"{layer}.attention.output", f"{layer}.output"]
    rows = {"word": len(words), "position": 64, "token_type": 2}
    tensors = {
        f"embeddings.{kind}_embeddings.weight": (count, size) for kind, count in rows.items()
    }
    for name, shape in [*shapes.items(), *((f"{own}.LayerNorm", (size,)) for own in norms)]:
        tensors |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    found = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in tensors.items()}
    save_file(found, folder / "model.safetensors")
    return found


def test_a_sentence_encoder_and_what_each_matrix_matters(tmp_path: Path) -> None:
    model = tiny_encoder(tmp_path)
    rounded = {n: nf.quantize(x, "nvfp4").dequantize(x.dtype) for n, x in model.items()}
    save_file(rounded, tmp_path / "nvfp4.safetensors")
    lines = lines_of("encode_sentences.py", tmp_path, tmp_path / "nvfp4.safetensors")
    _, (_, harm, same), (_, other_harm, other_same) = lines
    assert float(harm) < 1e-6  # float32
    assert int(same) > 100
    assert float(other_harm) > 1e-4
    assert int(other_same) < int(same)
    path = tmp_path / "sensitivity.json"
    lines_of("encode_sentences.py", tmp_path, "--sensitivity", path)
    found = json.loads(path.read_text())
    assert set(found) == {name for name, x in model.items() if x.ndim == 2}
    assert all(weight > 0 for name, weight in found.items() if "token_type" not in name)


def test_the_comparison_with_a_chip_in_whose_place_is_numformats() -> None:
    example = "matrix_units/compare_with_chip.py"
    lines = lines_of(example, "--pretend", "--size", "64", "--inputs", "2048")
    compared = {name: int(count) for name, *_, count, _, _, _, _ in lines}
    assert all(line[-4:] == ["0"] * 4 for line in lines)
    matrix = {name for name in compared if name.startswith(("mma_", "wg_"))}
    assert (len(compared), len(matrix)) == (32 + 19, 32)
    assert all(compared[name] == 2 * 6 * 64 * 64 for name in matrix)
    assert compared["e4m3_f32"] == 2048
    assert compared["f16_e4m3"] == 256
    # They are those of the CUDA part.
    source = (EXAMPLES / "matrix_units" / "chip.cu").read_text(encoding="utf-8")
    assert sorted(compared) == sorted(re.findall(r"\b(?:MMA|WG|CVT)\((\w\w+)\)[,}]", source))


@pytest.fixture
def comparison(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module that compares with a chip."""
    monkeypatch.syspath_prepend(EXAMPLES / "matrix_units")
    return importlib.import_module("compare_with_chip")


def test_a_chip_that_differs_is_told(comparison: ModuleType) -> None:
    (matrix,) = (one for one in comparison.INSTRUCTIONS if one.name == "wg_55_f16")
    (conversion,) = (one for one in comparison.CONVERSIONS if one.name == "s8_rzi_sat")

    class Wrong(comparison.PretendedChip):
        def multiply(self, one: Any, a: Any, b: Any, c: Any) -> Any:
            d = super().multiply(one, a, b, c)
            if a.shape[0] == 64:  # not among the small whole numbers
                d[5, 7] = np.nan
            return d

        def convert(self, one: Any, start: int, count: int) -> Any:
            out = super().convert(one, start, count)
            if start == 0x3F800000:  # 1.0
                out[0] = 7
            return out

    line = comparison.compare_matrices(Wrong(), matrix, 64)
    assert sum(line.counts.values()) == line.counts["NaN or not"] == len(line.examples) >= 6
    told = re.fullmatch(
        "normal, NaN or not: a (.+), b (.+), c .{4}, chip 7e00, ours (.{4})", line.examples[0]
    )
    assert told is not None
    assert [len(x.split()) for x in told.groups()] == [32, 32, 1]
    line = comparison.compare_conversions(Wrong(), conversion, 2048)
    assert sum(line.counts.values()) == line.counts["value"] == 1
    assert line.examples == ["value: of 3f800000 chip 07, ours 01"]


def test_an_operand_that_lies_elsewhere_is_told(comparison: ModuleType) -> None:
    class Turned(comparison.PretendedChip):
        def multiply(self, one: Any, a: Any, b: Any, c: Any) -> Any:
            return super().multiply(one, a[:, ::-1], b, c)

    line = comparison.compare_matrices(Turned(), comparison.INSTRUCTIONS[0], 64)
    assert line.compared == 0
    assert line.examples == ["not compared: sums of small whole numbers are wrong"]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, ml_dtypes.float8_e5m2])
def test_kinds_of_differences(comparison: ModuleType, dtype: Any) -> None:
    chip = np.array([1.0, np.nan, -0.0, np.inf, 2.0, np.inf, 1.5, 0.0], dtype)
    ours = np.array([1.0, -np.nan, 0.0, 2.0, np.nan, -np.inf, 1.25, 0.0], dtype)
    found = comparison.differing(chip, ours)
    assert {name: list(places) for name, places in found.items()} == {
        "value": [5, 6],
        "zero's sign": [2],
        "NaN or not": [4],
        "infinity or not": [3],
    }
