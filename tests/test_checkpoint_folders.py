"""Checkpoints of several files: indices, folders, and what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf_files import gguf_bytes, info
from hypothesis import given, settings
from numpy.typing import NDArray
from tensor_file_checks import EDITS, consume, mutated, refusal, refused, safetensors_bytes, written

from numformats.tensor_files import TensorFileError, open_tensors
from numformats.tensor_files.folders import MAX_INDEX_BYTES

INDEX = "model.safetensors.index.json"


def shard(folder: Path, name: str, **arrays: NDArray[Any]) -> Path:
    """A .safetensors file of float32 arrays."""
    header, data = {}, b""
    for key, array in arrays.items():
        begin = len(data)
        data += array.astype(np.float32).tobytes()
        header[key] = {"dtype": "F32", "shape": array.shape, "data_offsets": [begin, len(data)]}
    return written(folder, name, safetensors_bytes(header, data))


def index(folder: Path, weight_map: object, name: str = INDEX) -> Path:
    """An index of tensors and their files."""
    content = {"metadata": {"total_size": 1}, "weight_map": weight_map}
    return written(folder, name, json.dumps(content).encode())


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A folder of two shards, their index and another file."""
    shard(tmp_path, "model-00001-of-00002.safetensors", a=np.arange(3), b=np.ones((2, 2)))
    shard(tmp_path, "model-00002-of-00002.safetensors", c=np.full(4, 7))
    one, two = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
    index(tmp_path, {"a": one, "c": two, "b": one})
    written(tmp_path, "config.json", b"{}")
    return tmp_path


def test_a_folder_is_read_by_its_index(checkpoint: Path) -> None:
    shard(checkpoint, "consolidated.safetensors", a=np.arange(3))
    for path in (checkpoint, checkpoint / INDEX, str(checkpoint) + "/"):
        entries = open_tensors(path)
        assert [(entry.name, entry.shape) for entry in entries] == [
            ("a", (3,)),
            ("b", (2, 2)),
            ("c", (4,)),
        ]
        assert entries[2].load().tolist() == [7] * 4
    consume(checkpoint)


def test_what_transformers_would_shard_is_what_it_was(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    rng = np.random.default_rng(0)
    arrays = {f"layer.{n}": rng.standard_normal((n + 1, 3)).astype(np.float32) for n in range(7)}
    names = list(arrays)
    shards = {f"model-{k}.safetensors": names[k::3] for k in range(3)}
    for file, held in shards.items():
        save_file({name: arrays[name] for name in held}, tmp_path / file)
    index(tmp_path, {name: file for file, held in shards.items() for name in held})
    found = {entry.name: entry.load() for entry in open_tensors(tmp_path)}
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array, strict=True)


def test_a_folder_without_an_index_is_all_its_tensor_files(tmp_path: Path) -> None:
    shard(tmp_path, "b.safetensors", one=np.ones(1))
    np.save(tmp_path / "a.npy", np.ones(2))
    np.savez(tmp_path / "c.npz", x=np.ones(3), y=np.ones(4))
    written(tmp_path, "d.gguf", gguf_bytes([], [info("q", (2, 4), 0, 0)], bytes(32)))
    written(tmp_path, "README.md", b"no tensors")
    (tmp_path / "deeper.safetensors").mkdir()
    found = [(entry.name, entry.shape) for entry in open_tensors(tmp_path)]
    assert found == [("a", (2,)), ("one", (1,)), ("x", (3,)), ("y", (4,)), ("q", (2, 4))]


def test_links_are_followed(checkpoint: Path) -> None:
    snapshot = checkpoint / "snapshot"
    snapshot.mkdir()
    for path in checkpoint.iterdir():
        if path.is_file():
            (snapshot / path.name).symlink_to(Path("..") / path.name)
    assert [entry.name for entry in open_tensors(snapshot)] == ["a", "b", "c"]


def test_shards_may_lie_deeper(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    shard(tmp_path / "weights", "1.safetensors", a=np.ones(2))
    index(tmp_path, {"a": "weights/1.safetensors"})
    assert open_tensors(tmp_path)[0].load().shape == (2,)


@pytest.mark.parametrize(
    "name", ["../x.safetensors", "/x.safetensors", "a/../../x.safetensors", "", ".", "..", "a\0b",
             "..\\x.safetensors", "C:\\x.safetensors", "\\\\host\\x.safetensors"],
)  # fmt: skip
def test_paths_that_leave_the_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    shard(tmp_path, "x.safetensors", a=np.ones(2))
    refused(index(folder, {"a": name}), "not a file in its own folder")


def test_a_missing_shard(checkpoint: Path) -> None:
    (checkpoint / "model-00002-of-00002.safetensors").unlink()
    message = refused(checkpoint / INDEX, "'model-00002-of-00002.safetensors', which is missing")
    # In a folder it is the index that is at fault.
    assert refused(checkpoint) == message


def test_a_damaged_shard_is_named(checkpoint: Path) -> None:
    file = checkpoint / "model-00002-of-00002.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    refused(checkpoint, str(file), "save or fetch it again")


def test_an_index_and_its_shards_disagree(checkpoint: Path) -> None:
    one, two = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
    index(checkpoint, {"a": one, "b": one, "c": two, "d": two, "e": two})
    refused(checkpoint, f"names 'd' in {two}, which has it not (and 1 more)")
    index(checkpoint, {"a": one, "c": two})
    refused(checkpoint, f"{one} has 'b', which the index does not name there")
    index(checkpoint, {"a": one, "b": two, "c": two})
    refused(checkpoint, "'b'")


def test_a_tensor_in_two_shards(checkpoint: Path) -> None:
    one, two = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
    shard(checkpoint, two, c=np.ones(2), a=np.ones(2))
    refused(checkpoint, f"{two} has 'a', which the index does not name there")
    (checkpoint / INDEX).unlink()
    refused(checkpoint, f"has 'a' in {one} and in {two}", "one by one")


BAD_INDICES = {
    "empty": (b"", "is no JSON"),
    "no JSON": (b"{", "is no JSON"),
    "no UTF-8": (b"\xff\xfe{", "is no JSON"),
    "deep": (b"[" * 100_000, "is no JSON"),
    "list": (b"[]", "weight_map"),
    "number": (b"3", "weight_map"),
    "no map": (b"{}", "weight_map"),
    "empty map": (b'{"weight_map":{}}', "weight_map"),
    "list for a map": (b'{"weight_map":["a"]}', "weight_map"),
    "no text": (b'{"weight_map":{"a":1}}', "weight_map"),
    "twice": (b'{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}', "twice"),
    "large": (b'{"weight_map":{}}'.ljust(MAX_INDEX_BYTES + 1), "above 33554432"),
    "pickle": (b'{"weight_map":{"a":"x.bin"}}', "missing"),
}


@pytest.mark.parametrize("case", BAD_INDICES)
def test_bad_indices_are_refused(tmp_path: Path, case: str) -> None:
    content, words = BAD_INDICES[case]
    refused(written(tmp_path, INDEX, content), words)


def test_shards_that_are_no_tensor_files(tmp_path: Path) -> None:
    written(tmp_path, "x.bin", b"\x80\x02.")
    path = index(tmp_path, {"a": "x.bin"})
    refusal(lambda: open_tensors(path), str(tmp_path / "x.bin"), "pickle")
    index(tmp_path, {"a": INDEX})
    refused(tmp_path, ".json file is not read")
    (tmp_path / "d.safetensors").mkdir()
    index(tmp_path, {"a": "d.safetensors"})
    refused(tmp_path, "d.safetensors: is a directory")


def test_several_indices(checkpoint: Path) -> None:
    index(checkpoint, {}, "model.fp16.safetensors.index.json")
    refused(checkpoint, "2 indices (model.fp16.safetensors.index.json, " + INDEX)
    assert len(open_tensors(checkpoint / INDEX)) == 3


def test_folders_without_tensors(tmp_path: Path) -> None:
    refused(tmp_path, "is a directory without tensor files (.safetensors, .gguf, .onnx")
    written(tmp_path, "model.bin", b"\x80\x02.")
    refused(tmp_path, "is a directory without tensor files")


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31m", "\u202egnp"])
def test_strange_names_are_made_printable(tmp_path: Path, name: str) -> None:
    shard(tmp_path, "x.safetensors", **{name: np.ones(2)})
    index(tmp_path, {name: "x.safetensors"})
    (entry,) = open_tensors(tmp_path)
    assert entry.name.isprintable()
    index(tmp_path, {name: f"{name}.safetensors"})
    assert refused(tmp_path, "missing").isprintable()


def test_damage_ends_in_a_result_or_a_refusal(checkpoint: Path) -> None:
    path = checkpoint / INDEX
    content = path.read_bytes()

    @settings(max_examples=250, deadline=None)
    @given(EDITS)
    def damage(edits: list[tuple[str, float, bytes]]) -> None:
        path.write_bytes(mutated(content, edits))
        consume(path)

    damage()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(TensorFileError):
            open_tensors(path)
