"""Checkpoints written again as a format would hold them: against all of it done at once."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors import safe_open
from typer.testing import CliRunner

import numformats as nf
from numformats.analysis import streaming
from numformats.cli.app import app
from numformats.simulation import seed_of, simulating, tensors, writing
from numformats.tensor_files import TensorFileError, open_tensors

Array = NDArray[Any]
CODES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16", "float64": "F64", "int64": "I64"}
# Per tensor, channel, block and tile; two levels; affine; offsets; micro-exponents; a codebook.
FORMATS = [
    *("int8", "fp8_e4m3_tensor", "int8_tensor_asym", "int8_channel", "int8_channel_asym", "mxfp4"),
    *("nvfp4", "int4_g32_asym", "fp8_e4m3_128x128", "fp8_e5m2_1x128", "q4_0", "q4_1", "hif4"),
    *("nf4_dq", "posit8"),
]


def weights(shape: tuple[int, ...], dtype: Any, seed: int = 0) -> Array:
    rng = np.random.default_rng(seed)
    spread = 2.0 ** rng.integers(-4, 4, shape)
    return np.asarray(rng.standard_normal(shape) * spread).astype(dtype)


def model() -> dict[str, Array]:
    """Tensors of all kinds, in no order of names."""
    bf16 = ml_dtypes.bfloat16
    return {
        "z.mlp.weight": weights((96, 130), bf16, 1),
        "a.attn.weight": weights((40, 256), np.float32, 2),
        "h.weight": weights((33, 65), np.float16, 3),
        "d.weight": weights((20, 70), np.float64, 4),
        "experts.weight": weights((6, 35, 40), bf16, 5),
        "conv.weight": weights((5, 4, 3, 3), np.float32, 6),
        "embed_tokens.weight": weights((50, 8), bf16, 7),
        "LayerNorm.weight": weights((8, 8), bf16, 8),
        "model.lm_head.weight": weights((8, 8), bf16, 9),
        "mlp.gate.weight": weights((8, 8), bf16, 10),
        "up.scales": weights((8, 8), np.float16, 14),
        "c.bias": weights((1, 8), np.float32, 11),
        "vector": weights((9,), np.float32, 12),
        "step": np.array(3, np.int64),
        "scalar": np.array(0.1, np.float32),
        "hollow": np.zeros((0, 7), np.float32),
        "ids": np.arange(12, dtype=np.int64).reshape(3, 4),
        "fp8": weights((4, 4), ml_dtypes.float8_e4m3fn, 13),
    }


CHANGED = ("z.mlp.weight", "a.attn.weight", "h.weight", "d.weight", "experts.weight", "conv.weight")


def content(tensors: dict[str, Array], metadata: dict[str, str] | None = None) -> bytes:
    """A .safetensors file, whose data is in the reverse order of its header."""
    fields: dict[str, Any] = {} if metadata is None else {"__metadata__": metadata}
    places, data = {}, b""
    for name, x in reversed(tensors.items()):
        places[name] = [len(data), len(data) + x.nbytes]
        data += x.tobytes()
    for name, x in tensors.items():
        code = CODES.get(x.dtype.name, "F8_E4M3")
        fields[name] = {"dtype": code, "shape": x.shape, "data_offsets": places[name]}
    head = json.dumps(fields).encode()
    return len(head).to_bytes(8, "little") + head + data


def saved(path: Path, tensors: dict[str, Array], metadata: dict[str, str] | None = None) -> Path:
    path.write_bytes(content(tensors, metadata))
    return path


def loaded(path: Path) -> dict[str, Array]:
    """By this package's own reader; that of safetensors knows no bfloat16."""
    return {entry.name: entry.load() for entry in open_tensors(path)}


def same(x: Array, y: Array) -> None:
    assert x.dtype == y.dtype
    assert x.shape == y.shape
    assert x.tobytes() == y.tobytes()


def held(name: str, x: Array, fmt: str, **options: Any) -> Array:
    return nf.quantize(x, fmt, **options).dequantize(x.dtype)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def small_parts(monkeypatch: pytest.MonkeyPatch, size: int = 300) -> None:
    monkeypatch.setattr(streaming, "QUANTIZED_CHUNK", size)
    monkeypatch.setattr(tensors, "QUANTIZED_CHUNK", size)
    monkeypatch.setattr(writing, "_WAITING", 4 * size)
    monkeypatch.setattr(writing, "_COPIED", 101)


@pytest.mark.parametrize("is_cut", [False, True])
@pytest.mark.parametrize("fmt", FORMATS)
def test_values_are_those_of_all_at_once(
    folder: Path, fmt: str, is_cut: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = model()
    saved(folder / "a.safetensors", before)
    if is_cut:
        small_parts(monkeypatch)
    found = nf.simulate("a.safetensors", "b.safetensors", fmt)
    assert tuple(t.name for t in found.changed) == CHANGED
    after = loaded(folder / "b.safetensors")
    assert list(after) == list(before)
    for name, x in before.items():
        same(after[name], held(name, x, fmt) if name in CHANGED else x)


@pytest.mark.parametrize("options", [
    {"rounding": "toward_zero"},
    {"scale_rule": "mse"},
    {"scale_rule": nf.ScaleRule(percentile=99)},
    {"scale_rule": nf.ScaleRule(largest=3.0)},
    {"axis": 0},
    {"axis": 1, "rounding": "to_odd"},
])  # fmt: skip
@pytest.mark.parametrize("fmt", ["int8", "mxfp4", "nvfp4", "int8_channel", "fp8_e4m3_128x128"])
def test_options_are_those_of_quantize(
    folder: Path, fmt: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = model()
    saved(folder / "a.safetensors", before)
    small_parts(monkeypatch)
    nf.simulate("a.safetensors", "b.safetensors", fmt, **options)
    after = loaded(folder / "b.safetensors")
    for name in CHANGED:
        same(after[name], held(name, before[name], fmt, **options))


@pytest.mark.parametrize("fmt", ["nvfp4", "int8_channel", "fp8_e4m3_128x128"])
def test_random_bits_are_of_each_tensor_by_itself(
    folder: Path, fmt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = weights((40, 64), np.float32)
    before = {"a": x, "b": x}
    saved(folder / "a.safetensors", before)
    small_parts(monkeypatch)
    nf.simulate("a.safetensors", "b.safetensors", fmt, rounding="stochastic", seed=7)
    after = loaded(folder / "b.safetensors")
    for name in before:
        same(after[name], held(name, x, fmt, rounding="stochastic", rng=seed_of(7, name)))
    assert (after["a"] != after["b"]).any()
    (note,) = [json.loads(text) for text in metadata_of(folder / "b.safetensors").values()]
    assert note["seed"] == 7


@pytest.mark.parametrize("name", ["x", "ö", "a\ud800"])
def test_seeds_of_names(name: str) -> None:
    assert 0 <= seed_of(2**64 - 1, name) < 2**64
    assert seed_of(0, name) != seed_of(1, name)


def metadata_of(path: Path) -> dict[str, str]:
    with safe_open(path, "np") as file:
        return dict(file.metadata() or {})


def test_the_header_is_kept_with_a_note_in_it(folder: Path) -> None:
    saved(folder / "a.safetensors", model(), {"format": "pt", "numformats": "what was there"})
    nf.simulate("a.safetensors", "b.safetensors", "nvfp4", axis=-1)
    found = metadata_of(folder / "b.safetensors")
    note = json.loads(found.pop("numformats"))
    assert found == {"format": "pt"}
    assert note == {
        "simulated": dict.fromkeys(CHANGED, "nvfp4"),
        "rounding": "nearest_even",
        "axis": -1,
        "version": nf.__version__,
        "before": "what was there",
    }
    headers = []
    for name in ("a.safetensors", "b.safetensors"):
        data = (folder / name).read_bytes()
        length = int.from_bytes(data[:8], "little")
        headers.append(json.loads(data[8 : 8 + length]))
        headers[-1].pop("__metadata__")
        assert name == "a.safetensors" or (8 + length) % 8 == 0
    # Places, too, and the order of names.
    assert list(headers[0].items()) == list(headers[1].items())


def test_the_library_reads_what_is_written(folder: Path) -> None:
    from safetensors.numpy import load_file

    before = {"w": weights((8, 64), np.float32), "v": np.ones(3, np.float16)}
    saved(folder / "a.safetensors", before)
    nf.simulate("a.safetensors", "b.safetensors", "mxfp4")
    after = load_file("b.safetensors")
    same(after["w"], held("w", before["w"], "mxfp4"))
    same(after["v"], before["v"])
    # What it writes itself can be changed as well.
    from safetensors.numpy import save_file

    save_file(before, "c.safetensors", {"by": "safetensors"})
    nf.simulate("c.safetensors", "d.safetensors", "mxfp4")
    same(load_file("d.safetensors")["w"], after["w"])
    assert metadata_of(folder / "d.safetensors")["by"] == "safetensors"


def test_figures(folder: Path) -> None:
    before = {"w": weights((64, 512), np.float32), "v": weights((30, 32), np.float32, 1)}
    saved(folder / "a.safetensors", {**before, "norm": np.ones((4, 4), np.float32)})
    found = nf.simulate("a.safetensors", "b.safetensors", "nvfp4")
    for tensor in found.changed:
        x = before[tensor.name]
        row = nf.compare(x, ["nvfp4"]).rows[0]
        # Here of the values that are written, which float32 has rounded.
        assert tensor.sqnr_db == pytest.approx(row.stats.sqnr_db, rel=1e-6)
        assert tensor.stored_bytes == nf.quantize(x, "nvfp4").nbytes
    whole = [nf.compare(x, ["nvfp4"]) for x in before.values()]
    merged = whole[0].merge(whole[1]).rows[0].stats.sqnr_db
    assert found.sqnr_db == pytest.approx(merged, rel=1e-6)
    assert found.nbytes == sum(x.nbytes for x in before.values()) + 64
    assert found.stored_bytes == sum(t.stored_bytes for t in found.tensors)
    assert found.left_by_reason().keys() == {"norms"}
    assert found.tensors[2].stored_bytes == 64


def test_reasons(folder: Path) -> None:
    saved(folder / "a.safetensors", model())
    found = nf.simulate("a.safetensors", "b.safetensors", "int8", exclude=["H.*", "conv*"])
    assert {t.name: t.left for t in found.left} == {
        "h.weight": "excluded by H.*",
        "conv.weight": "excluded by conv*",
        "embed_tokens.weight": "embeddings",
        "LayerNorm.weight": "norms",
        "model.lm_head.weight": "output head",
        "mlp.gate.weight": "routers of experts",
        "up.scales": "scales of packed weights",
        "c.bias": "biases",
        "vector": "fewer than two axes",
        "scalar": "fewer than two axes",
        "step": "int64, not floats of 16 to 64 bits",
        "ids": "int64, not floats of 16 to 64 bits",
        "fp8": "float8_e4m3fn, not floats of 16 to 64 bits",
        "hollow": "empty",
    }
    found = nf.simulate(
        "a.safetensors", "c.safetensors", "int8", include=["*embed*", "vector"], exclude=["x"]
    )
    assert [t.name for t in found.changed] == ["embed_tokens.weight"]
    assert found.left_by_reason()["fewer than two axes"][0].name == "vector"


def test_a_plan_says_which_format_each_tensor_has(folder: Path) -> None:
    before = model()
    saved(folder / "a.safetensors", before)
    plan = {"z.mlp.weight": "nvfp4", "vector": "int8", "h.weight": None, "hollow": "int4"}
    found = nf.simulate("a.safetensors", "b.safetensors", plan)
    after = loaded(folder / "b.safetensors")
    for name, x in before.items():
        fmt = {"z.mlp.weight": "nvfp4", "vector": "int8"}.get(name)
        same(after[name], x if fmt is None else held(name, x, fmt))
    reasons = {t.name: t.left for t in found.left}
    assert reasons["h.weight"] == "left by the plan"
    assert reasons["d.weight"] == "not in the plan"
    assert reasons["hollow"] == "empty"
    with pytest.raises(ValueError, match=r"fmt: unknown 'h.weigth'; did you mean 'h.weight'\?"):
        nf.simulate("a.safetensors", "c.safetensors", {"h.weigth": "int8"})
    with pytest.raises(ValueError, match="plan: ids is int64"):
        nf.simulate("a.safetensors", "c.safetensors", {"ids": "int8"})
    with pytest.raises(ValueError, match="include, exclude: a mapping"):
        nf.simulate("a.safetensors", "c.safetensors", plan, include=["*"])
    assert sorted(os.listdir(folder)) == ["a.safetensors", "b.safetensors"]


@pytest.mark.parametrize("is_cut", [False, True])
def test_what_a_format_cannot_hold_is_left(
    folder: Path, is_cut: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = weights((50, 64), np.float32)
    x[40, 3] = np.nan
    y = weights((50, 64), np.float32)
    y[7, 7] = np.inf
    before = {"nan": x, "sound": weights((40, 32), np.float32), "inf": y}
    saved(folder / "a.safetensors", before)
    if is_cut:
        small_parts(monkeypatch)
    found = nf.simulate("a.safetensors", "b.safetensors", "hif4")  # NaN has a code in scales
    after = loaded(folder / "b.safetensors")
    for name, each in before.items():
        same(after[name], held(name, each, "hif4"))
    assert found.tensors[0].sqnr_db == -np.inf
    assert found.tensors[2].sqnr_db > 0
    found = nf.simulate("a.safetensors", "c.safetensors", nf.ScaledFormat(
        "mine", nf.float4_e2m1fn, nf.FloatFormat("s", 4, 3, has_inf=False, nan="none"),
        nf.PerBlock(16)))  # fmt: skip
    after = loaded(folder / "c.safetensors")
    same(after["nan"], x)
    assert [t.name for t in found.changed] == ["sound", "inf"]
    assert found.tensors[0].left == "not possible in mine"
    assert "NaN" in str(found.tensors[0].detail)
    for name in ("sound", "inf"):
        assert (after[name] != before[name]).any()


def test_nan_in_a_tensor_of_one_scale(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x = weights((50, 64), np.float32)
    x[40, 3] = np.nan
    saved(folder / "a.safetensors", {"w": x})
    small_parts(monkeypatch)
    for fmt in ("fp8_e4m3_tensor", "nvfp4"):
        nf.simulate("a.safetensors", "b.safetensors", fmt, force=True)
        same(loaded(folder / "b.safetensors")["w"], held("w", x, fmt))


# ---- Folders ----------------------------------------------------------------------------------


def sharded(folder: Path) -> dict[str, dict[str, Array]]:
    """A folder as `save_pretrained` leaves it, with more in it."""
    folder.mkdir()
    named = list(model().items())
    shards = {
        "model-00001-of-00002.safetensors": dict(named[:5]),
        "model-00002-of-00002.safetensors": dict(named[5:]),
    }
    for name, own in shards.items():
        saved(folder / name, own, {"format": "pt"})
    index = {name: shard for shard, own in shards.items() for name in own}
    text = json.dumps({"metadata": {"total_size": 1}, "weight_map": index}, indent=1)
    (folder / "model.safetensors.index.json").write_text(text)
    (folder / "config.json").write_text("{}")
    (folder / "tokenizer.model").write_bytes(b"\0\1")
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    saved(folder / "consolidated.safetensors", {"w": np.ones((2, 2), np.float32)})
    (folder / "onnx").mkdir()
    return shards


@pytest.mark.parametrize("named", ["m", "m/model.safetensors.index.json"])
def test_shards_stay_shards(folder: Path, named: str) -> None:
    shards = sharded(folder / "m")
    found = nf.simulate(named, "n", "nvfp4")
    assert sorted(os.listdir("n")) == sorted(
        [*shards, "config.json", "tokenizer.model", "model.safetensors.index.json"]
    )
    for name in ("config.json", "tokenizer.model", "model.safetensors.index.json"):
        assert (folder / "n" / name).read_bytes() == (folder / "m" / name).read_bytes()
    for shard, before in shards.items():
        after = loaded(folder / "n" / shard)
        assert list(after) == list(before)
        for name, x in before.items():
            same(after[name], held(name, x, "nvfp4") if name in CHANGED else x)
        assert metadata_of(folder / "n" / shard)["format"] == "pt"
    assert [t.name for t in found.changed] == list(CHANGED)
    assert found.files == 2
    assert found.not_copied == ("consolidated.safetensors", "onnx", "pytorch_model.bin")
    assert [entry.name for entry in open_tensors("n")] == list(model())


def test_one_of_two_indices(folder: Path) -> None:
    sharded(folder / "m")
    index = folder / "m" / "model.safetensors.index.json"
    (folder / "m" / "model.fp16.safetensors.index.json").write_bytes(index.read_bytes())
    assert "2 indices" in refused("m", "--format", "int8", "--output", "n")
    found = nf.simulate(index, "n", "int8")
    assert "model.fp16.safetensors.index.json" in found.not_copied
    assert len(open_tensors("n")) == len(model())


def test_a_folder_without_an_index(folder: Path) -> None:
    (folder / "m").mkdir()
    saved(folder / "m" / "a.safetensors", {"w": weights((8, 32), np.float32)})
    saved(folder / "m" / "b.safetensors", {"v": weights((8, 32), np.float32, 1)})
    found = nf.simulate("m", "n", "mxfp4")
    assert [t.name for t in found.changed] == ["w", "v"]
    same(
        loaded(folder / "n/b.safetensors")["v"], held("v", weights((8, 32), np.float32, 1), "mxfp4")
    )


def test_links_as_caches_have_them(folder: Path) -> None:
    (folder / "blobs").mkdir()
    (folder / "snapshot").mkdir()
    saved(folder / "blobs" / "123", {"w": weights((8, 32), np.float32)})
    (folder / "blobs" / "456").write_text("{}")
    (folder / "snapshot" / "model.safetensors").symlink_to("../blobs/123")
    (folder / "snapshot" / "config.json").symlink_to("../blobs/456")
    nf.simulate("snapshot", "n", "mxfp4")
    assert sorted(os.listdir("n")) == ["config.json", "model.safetensors"]
    assert not any(path.is_symlink() for path in (folder / "n").iterdir())


# ---- Refusals ---------------------------------------------------------------------------------


def run(*arguments: str | Path) -> Any:
    result = CliRunner().invoke(app, ["simulate", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def refused(*arguments: str | Path) -> str:
    """The one line of a refusal that changes nothing."""
    before = snapshot(Path())
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert snapshot(Path()) == before
    return str(result.stderr)


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """All that is in a folder."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def test_the_input_is_never_written_to(folder: Path) -> None:
    saved(folder / "a.safetensors", model())
    (folder / "link.safetensors").symlink_to("a.safetensors")
    (folder / "hard.safetensors").hardlink_to("a.safetensors")
    for output in ("a.safetensors", "./a.safetensors", "link.safetensors", "hard.safetensors"):
        for more in ([], ["--force"]):
            fault = refused("a.safetensors", "--format", "int8", "--output", output, *more)
            assert "is the checkpoint itself" in fault
    assert "is the checkpoint itself" in refused(
        "link.safetensors", "--format", "int8", "--output", "a.safetensors", "--force"
    )
    sharded(folder / "m")
    (folder / "linked").symlink_to("m")
    for output, words in (
        ("m", "is the checkpoint itself"),
        ("linked", "is the checkpoint itself"),
        ("m/model-00001-of-00002.safetensors", "is the checkpoint itself"),
        ("m/out", "is in the checkpoint"),
        (".", "has the checkpoint in it"),
    ):
        assert words in refused("m", "--format", "int8", "--output", output, "--force")


def test_what_is_there_is_replaced_only_if_asked_for(folder: Path) -> None:
    saved(folder / "a.safetensors", model())
    (folder / "b.safetensors").write_bytes(b"before")
    command = ("a.safetensors", "--format", "int8", "--output")
    assert "is there already" in refused(*command, "b.safetensors")
    assert run(*command, "b.safetensors", "--force").exit_code == 0
    assert list(loaded(folder / "b.safetensors")) == list(model())
    (folder / "folder.safetensors").mkdir()
    assert "is not a file" in refused(*command, "folder.safetensors", "--force")
    assert "name it .safetensors" in refused(*command, "b")
    os.mkfifo("pipe.safetensors")
    result = run(*command, "pipe.safetensors", "--force")
    assert "is not a file" in result.stderr
    os.unlink("pipe.safetensors")
    sharded(folder / "m")
    command = ("m", "--format", "int8", "--output")
    (folder / "n").mkdir()
    assert run(*command, "n").exit_code == 0
    assert "is there already" in refused(*command, "n")
    (folder / "n" / "config.json").write_text("old")
    assert run(*command, "n", "--force").exit_code == 0
    assert (folder / "n" / "config.json").read_text() == "{}"
    (folder / "n" / "notes.txt").write_text("mine")
    assert "other files (notes.txt), which would be lost" in refused(*command, "n", "--force")
    assert "is not a folder" in refused(*command, "b.safetensors", "--force")


def test_inputs_that_are_not_taken(folder: Path) -> None:
    np.save("a.npy", np.ones((4, 4)))
    np.savez("a.npz", w=np.ones((4, 4)))
    (folder / "a.pt").write_bytes(b"\x80\x02")
    (folder / "bad.safetensors").write_bytes(b"\xff" * 40)
    (folder / "empty").mkdir()
    saved(folder / "ids.safetensors", {"ids": np.arange(4), "v": np.ones(3, np.float32)})
    command = ("--format", "int8", "--output", "out.safetensors")
    for name, words in {
        "a.npy": "a .npy file is not written again; simulate takes .safetensors files",
        "a.npz": "a .npz file is not written again",
        "a.pt": "hold pickles",
        "bad.safetensors": "damaged",
        "empty": "without tensor files",
        "none.safetensors": "No such file",
        "ids.safetensors": "no tensor to change: 1 int64, not floats of 16 to 64 bits; 1 fewer",
    }.items():
        assert words in refused(name, *command), name
    shards = sharded(folder / "m")
    (folder / "m" / next(iter(shards))).unlink()
    assert "which is missing" in refused("m", "--format", "int8", "--output", "n")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--format", "int99"], "unknown 'int99'"),
        (["--format", "int8", "--rounding", "up"], "rounding"),
        (["--format", "int8", "--scale-rule", "best"], "scale_rule"),
        (["--format", "int8_tensor_asym", "--scale-rule", "floor"], "scale_rule"),
        (["--format", "int8", "--scale-rule", "mse", "--rounding", "sr"], "deterministic"),
        (["--format", "int8", "--seed", "-1"], "seed"),
        (["--format", "int8", "--include", "none"], "no tensor to change: "),
        ([], "--format, --plan: give one of them"),
        (["--format", "int8", "--plan", "p.json"], "give one of them"),
        (["--plan", "none.json"], "No such file"),
        (["--plan", "a.safetensors"], "is no JSON"),
        (["--plan", "list.json"], "expected an object"),
        (["--plan", "p.json", "--include", "*"], "include, exclude"),
    ],
)  # fmt: skip
def test_options_that_make_no_sense(folder: Path, options: list[str], words: str) -> None:
    saved(folder / "a.safetensors", model())
    Path("p.json").write_text('{"h.weight": "int8"}')
    Path("list.json").write_text('["int8"]')
    assert words in refused("a.safetensors", *options, "--output", "b.safetensors")


def test_an_axis_that_is_not_there_is_a_reason(folder: Path) -> None:
    saved(folder / "a.safetensors", model())
    found = nf.simulate("a.safetensors", "b.safetensors", "mxfp4", axis=2)
    assert [t.name for t in found.changed] == ["experts.weight", "conv.weight"]
    assert (
        found.left_by_reason()["not possible in mxfp4"][0].detail
        == "axis: 2 of an array of 2 dimensions"
    )


def test_patterns_are_a_list(folder: Path) -> None:
    with pytest.raises(TypeError, match=r"include: '\*'; expected a list"):
        nf.simulate("a.safetensors", "b.safetensors", "int8", include="*")


# ---- What goes wrong on the way ---------------------------------------------------------------


def failing_at(count: int, error: BaseException) -> Callable[..., Any]:
    """A step of the work that fails the so-manieth time."""
    calls = iter(range(10**6))

    def step(*arguments: Any) -> Any:
        if next(calls) == count:
            raise error
        return tensors.changed(*arguments)

    return step


@pytest.mark.parametrize("source", ["a.safetensors", "m"])
@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), OSError(28, "No space left on device"), MemoryError()]
)
def test_what_breaks_off_leaves_nothing(
    folder: Path, source: str, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(folder / "a.safetensors", model())
    sharded(folder / "m")
    small_parts(monkeypatch)
    for output in (f"out-{source}", f"old-{source}"):
        if output.startswith("old"):
            nf.simulate(source, output, "int8")
        before = snapshot(folder)
        monkeypatch.setattr(writing, "changed", failing_at(40, error))
        with pytest.raises(type(error)):
            nf.simulate(source, output, "mxfp4", force=True)
        assert snapshot(folder) == before
        monkeypatch.setattr(writing, "changed", tensors.changed)


def test_a_full_disk_is_one_line(folder: Path) -> None:
    from test_outputs import file_limit

    saved(folder / "a.safetensors", model())
    with file_limit(20_000):
        fault = refused("a.safetensors", "--format", "int8", "--output", "b.safetensors")
    assert fault == "numformats simulate: b.safetensors: cannot be written (File too large)\n"
    fault = refused("a.safetensors", "--format", "int8", "--output", "no/b.safetensors")
    assert "no/b.safetensors: cannot be written (No such file or directory)" in fault


def test_a_file_that_shrinks_meanwhile(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(folder / "a.safetensors", model())
    whole = simulating.write_again

    def shrinking(*arguments: Any) -> Any:
        os.truncate("a.safetensors", 3000)
        return whole(*arguments)

    monkeypatch.setattr(simulating, "write_again", shrinking)
    with pytest.raises(TensorFileError, match=r"a.safetensors: .*cut short"):
        nf.simulate("a.safetensors", "b.safetensors", "int8")
    assert os.listdir(folder) == ["a.safetensors"]


@pytest.mark.parametrize("source", ["a.safetensors", "m"])
def test_what_came_to_be_there_meanwhile_is_kept(folder: Path, source: str) -> None:
    saved(folder / "a.safetensors", model())
    sharded(folder / "m")
    output = Path(f"out-{source}")
    place = output / "x" if source == "m" else output

    def appear(done: int, total: int) -> None:
        if done == 3:
            place.parent.mkdir(exist_ok=True)
            place.write_text("mine")

    with pytest.raises(FileExistsError):
        nf.simulate(source, output, "int8", progress=appear)
    assert place.read_text() == "mine"
    assert not list(folder.glob(".numformats-*"))
    if source == "m":
        place.unlink()
        # An empty folder is as good as none.
        nf.simulate(
            source, output, "int8", progress=lambda done, total: output.mkdir(exist_ok=True)
        )


# ---- The command ------------------------------------------------------------------------------


def test_the_command_tells_what_it_did(folder: Path) -> None:
    saved(folder / "a.safetensors", model())
    result = run("a.safetensors", "--format", "nvfp4", "--output", "b.safetensors")
    assert result.exit_code == 0, result.stderr
    first, left, *_, whole = result.stdout.splitlines()
    assert re.fullmatch(r"6 tensors \(.* kB\) as nvfp4: SQNR \d\d\.\d\d dB, stored .* kB", first)
    assert left.startswith("12 tensors")
    assert whole.startswith("all: ")
    assert "z.mlp.weight" not in result.stdout
    again = run(
        "a.safetensors", "--format", "nvfp4", "--output", "c.safetensors", "--verbose",
        "--exclude", "h.*", "--exclude", "d.*",
    )  # fmt: skip
    assert "  z.mlp.weight: nvfp4, " in again.stdout
    assert "    h.weight\n" in again.stdout
    found = json.loads(
        run("a.safetensors", "--format", "nvfp4", "--output", "d.safetensors", "--json").stdout
    )
    assert found["changed"] == 6
    assert found["left"]["embeddings"] == 1
    assert [t["tensor"] for t in found["tensors"]] == list(model())
    assert found["tensors"][0]["format"] == "nvfp4"
    assert (folder / "b.safetensors").read_bytes() == (folder / "d.safetensors").read_bytes()


@pytest.mark.parametrize("source", ["a.safetensors", "m"])
def test_progress_counts_tensors(
    folder: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = model()
    before["nan"] = np.full((9, 64), np.nan, np.float32)
    saved(folder / "a.safetensors", before)
    sharded(folder / "m")
    small_parts(monkeypatch)
    count = len(before) if source == "a.safetensors" else len(model())
    told: list[tuple[int, int]] = []
    nf.simulate(source, f"out-{source}", "int4", progress=lambda *each: told.append(each))
    assert told == [(done, count) for done in range(count + 1)]


@pytest.mark.skipif(os.name != "posix", reason="has no pseudo-terminals")
def test_a_terminal_gets_a_bar_and_a_pipe_none(folder: Path) -> None:
    from test_cli import read_terminal

    saved(folder / "a.safetensors", model())
    words = ["simulate", "a.safetensors", "--format", "int8", "--output"]
    command = [sys.executable, "-m", "numformats", *words]
    terminal = read_terminal([*command, "b.safetensors"], columns=200)
    assert f"{len(model())}/{len(model())}" in terminal
    assert "━" in terminal
    piped = subprocess.run([*command, "c.safetensors"], capture_output=True, text=True, check=True)
    assert "\x1b" not in piped.stdout + piped.stderr
    assert "/18" not in piped.stdout + piped.stderr


def test_json_has_only_numbers_that_json_has(folder: Path) -> None:
    saved(folder / "a.safetensors", {"w": np.zeros((4, 4), np.float32)})
    text = run("a.safetensors", "--format", "int8", "--output", "b.safetensors", "--json").stdout

    def refuse(word: str) -> None:
        raise AssertionError(word)

    assert json.loads(text, parse_constant=refuse)["sqnr_db"] == "nan"


def test_strange_names_are_told_in_one_line_each(folder: Path) -> None:
    saved(folder / "a.safetensors", {"w\n\x1b[31m": np.ones((4, 4), np.float32)})
    command = ("a.safetensors", "--format", "int8", "--output", "b.safetensors", "--verbose")
    assert "  w\\n\\x1b[31m: int8, " in run(*command).stdout
    assert (folder / "b.safetensors").read_bytes().count(b'"w\\n\\u001b[31m"') == 1


def test_a_plan_from_a_file(folder: Path) -> None:
    before = model()
    saved(folder / "a.safetensors", before)
    Path("p.json").write_text('{"h.weight": "int8", "d.weight": null}')
    assert run("a.safetensors", "--plan", "p.json", "--output", "b.safetensors").exit_code == 0
    same(loaded(folder / "b.safetensors")["h.weight"], held("", before["h.weight"], "int8"))


_LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_DATA, (700 << 20, 700 << 20))
from numformats.cli import main
sys.argv = ["numformats", "simulate", "a.safetensors", "--output", "b.safetensors", "--format"]
sys.argv.append("nvfp4")
main()
"""


@pytest.mark.slow
def test_a_tensor_larger_than_the_memory_at_hand(folder: Path) -> None:
    rows, columns = 1 << 13, 1 << 15
    size = 4 * rows * columns
    head = json.dumps({"w": {"dtype": "F32", "shape": [rows, columns], "data_offsets": [0, size]}})
    some = weights((columns,), np.float32)
    with open("a.safetensors", "wb") as stream:
        stream.write(len(head).to_bytes(8, "little") + head.encode() + some.tobytes())
        stream.truncate(8 + len(head) + size)
    command = [sys.executable, "-c", _LIMITED]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    (entry,) = open_tensors("b.safetensors")
    assert entry.read is not None
    x = np.zeros((2, columns), np.float32)
    x[0] = some
    same(entry.read(0, 2 * columns).reshape(x.shape), held("w", x, "nvfp4"))
