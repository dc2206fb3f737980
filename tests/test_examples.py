"""The examples run, and print what they are to show."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

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
