"""Packed checkpoints: each read as the weights it stands for, or refused in one line a weight."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packed_cases import CASES, Array, Case, save, save_case

from numformats.analysis.weights import stored_bits
from numformats.tensor_files import TensorEntry, TensorFileError, open_tensors
from numformats.tensor_files.packed.configuration import config_beside


@cache
def built(name: str) -> Case:
    return CASES[name]()


def fresh(name: str) -> Case:
    """A case whose tensors may be changed."""
    case = built(name)
    return replace(case, tensors={part: array.copy() for part, array in case.tensors.items()})


@pytest.mark.parametrize("name", CASES)
def test_packed_weights_are_the_numbers_they_stand_for(tmp_path: Path, name: str) -> None:
    case = fresh(name)
    entries = open_tensors(save_case(tmp_path, case))
    (packed,) = [entry for entry in entries if entry.stored_as is not None]
    assert packed.problem is None
    assert (packed.stored_as, packed.dtype_name) == (case.stored_as, "float32")
    assert packed.name.endswith((".weight", "down_proj"))
    assert packed.shape == case.weight.shape
    loaded = packed.load()
    np.testing.assert_array_equal(loaded, case.weight, strict=True)
    assert loaded.flags.c_contiguous
    others = [entry.name for entry in entries if entry is not packed]
    assert others == list(case.left)


@pytest.mark.parametrize("name", CASES)
def test_ranges_are_those_of_the_whole(tmp_path: Path, name: str) -> None:
    case = built(name)
    (packed,) = [e for e in open_tensors(save_case(tmp_path, case)) if e.stored_as is not None]
    assert packed.read is not None
    flat = case.weight.reshape(-1)
    rng = np.random.default_rng(0)
    ends = np.sort(rng.integers(0, flat.size + 1, (40, 2)))
    for start, stop in [(0, 0), (0, flat.size), (flat.size, flat.size), *ends.tolist()]:
        np.testing.assert_array_equal(packed.read(start, stop), flat[start:stop], strict=True)


def test_ranges_take_memory_for_themselves_alone(tmp_path: Path) -> None:
    """As for the experts of a layer in one tensor, which as a whole would not fit."""
    rng = np.random.default_rng(0)
    shape = 8, 512, 1024
    codes = rng.integers(0, 256, (*shape[:2], shape[2] // 2)).astype(np.uint8)
    scales = rng.uniform(1, 10, (*shape[:2], shape[2] // 16)).astype(ml_dtypes.float8_e4m3fn)
    second = np.float32([0.5])
    tensors = {"w.weight": codes, "w.weight_scale": scales, "w.weight_scale_2": second}
    (packed,) = open_tensors(save(tmp_path, tensors))
    whole = packed.load().reshape(-1)
    assert packed.read is not None
    tracemalloc.start()
    try:
        middle = packed.read(3_000_000, 3_100_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(middle, whole[3_000_000:3_100_000])
    assert peak < whole.nbytes / 4


def test_parts_in_several_files(tmp_path: Path) -> None:
    """Those of one weight may lie in several shards; alone, each shard has part of it."""
    case = fresh("gptq v2")
    shards = {"a.safetensors": ["up.qweight", "up.g_idx"], "b.safetensors": ["up.qzeros"]}
    shards["b.safetensors"] += ["up.scales", "up.bias"]
    for shard, names in shards.items():
        save(tmp_path, {name: case.tensors[name] for name in names}, shard)
    where = {name: shard for shard, names in shards.items() for name in names}
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": where}))
    (tmp_path / "config.json").write_text(json.dumps({"quantization_config": case.config}))
    for path in (index, tmp_path):
        assert only_names(path) == ["up.weight", "up.bias"]
        np.testing.assert_array_equal(open_tensors(path)[0].load(), case.weight)
    refused_weight(tmp_path / "a.safetensors", ".scales, .qzeros", "name the folder")


def test_the_report_tells_how_a_weight_is_stored(tmp_path: Path) -> None:
    path = save_case(tmp_path, fresh("nf4 nested"))
    command = [sys.executable, "-m", "numformats", "report", str(path), "--formats", "int8"]
    result = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    (told,) = json.loads(result.stdout)
    assert told["tensor"] == "h.0.weight"
    assert told["dtype"] == "bitsandbytes nf4 g64"
    assert told["shape"] == [5, 27]


# ---- What does not fit ------------------------------------------------------------------------


def refused_weight(path: Path, *words: str) -> TensorEntry:
    """The one entry that has a problem, or cannot be loaded, in one line with these words."""
    faulty = []
    for entry in open_tensors(path):
        try:
            entry.load()
        except TensorFileError as error:
            faulty.append((entry, str(error)))
    ((entry, message),) = faulty
    assert message.isprintable()
    assert len(message) < 500
    for word in words:
        assert word in message
    return entry


NEEDED = {
    "gptq 4 bits": ["up.scales", "up.qzeros"],
    "awq": ["a.b.scales", "a.b.qzeros"],
    "int4 g32": ["x.weight_scale", "x.weight_shape"],
    "mxfp4": ["w.weight_scale"],
    "nf4 nested": ["h.0.weight.absmax", "h.0.weight.quant_map"],
    "modelopt nvfp4": ["w.weight_scale"],
}


@pytest.mark.parametrize(
    ("name", "missing"), [(name, part) for name, parts in NEEDED.items() for part in parts]
)
def test_a_missing_part_is_one_line_of_its_weight(tmp_path: Path, name: str, missing: str) -> None:
    case = fresh(name)
    del case.tensors[missing]
    case.tensors["norm.weight"] = np.ones(3, np.float32)
    path = save_case(tmp_path, case)
    entry = refused_weight(path, missing[missing.rindex(".") :])
    assert entry.problem is not None
    assert [e.name for e in open_tensors(path) if e is not entry and e.problem is None] == [
        *case.left,
        "norm.weight",
    ]


def test_one_of_the_two_nested_parts(tmp_path: Path) -> None:
    case = fresh("nf4 nested")
    del case.tensors["h.0.weight.nested_absmax"]
    refused_weight(save_case(tmp_path, case), "nested_quant_map")
    case = fresh("nf4 nested")
    del case.tensors["h.0.weight.nested_absmax"], case.tensors["h.0.weight.nested_quant_map"]
    refused_weight(save_case(tmp_path, case), "h.0.weight.absmax is uint8; expected float32")


@pytest.mark.parametrize("index", [-1, 2, 2**30])
def test_groups_out_of_range(tmp_path: Path, index: int) -> None:
    case = fresh("gptq act-order")
    case.tensors["up.g_idx"][5] = index
    entry = refused_weight(save_case(tmp_path, case), "up.g_idx", str(index), "2 groups")
    assert entry.problem is None


def test_groups_that_are_not_set_are_in_order(tmp_path: Path) -> None:
    """As compressed-tensors fills the index where columns keep their order."""
    case = fresh("int4 g32")
    case.tensors["x.weight_g_idx"] = np.full(96, -1, np.int32)
    (entry,) = open_tensors(save_case(tmp_path, case))
    np.testing.assert_array_equal(entry.load(), case.weight)


@pytest.mark.parametrize(
    ("name", "part", "change", "words"),
    [
        ("gptq 4 bits", "up.qzeros", lambda a: a[:, :-1], "words of 3-bit codes for 32 outputs"),
        ("gptq 4 bits", "up.qzeros", lambda a: np.tile(a, 2)[:, :5], "not of 5"),
        ("gptq 4 bits", "up.qzeros", lambda a: a[:1], "zero points of 2 x 32 scales"),
        ("gptq 4 bits", "up.qweight", lambda a: a.T, "up.qweight has shape (32, 8)"),
        ("gptq 4 bits", "up.scales", lambda a: a.ravel(), "up.scales has shape (64,)"),
        ("gptq 4 bits", "up.scales", lambda a: a.astype("i4"), "up.scales is int32"),
        ("gptq 4 bits", "up.g_idx", lambda a: a[:-1], "up.g_idx has shape (63,)"),
        ("gptq 4 bits", "up.g_idx", lambda a: a.astype("f4"), "up.g_idx is float32"),
        ("awq", "a.b.qweight", lambda a: a[:, :-1], "a.b.qweight has shape (64, 2)"),
        ("awq", "a.b.scales", lambda a: a[:, :-3], "a.b."),
        ("int4 g32", "x.weight_shape", lambda a: a[:1], "no shape of 2 dimensions"),
        ("int4 g32", "x.weight_shape", lambda a: a * 2**40, "words of a weight of shape"),
        ("int4 g32", "x.weight_shape", lambda a: -a, "words of a weight of shape (-20, -96)"),
        ("int4 g32", "x.weight_shape", lambda a: a.astype("f4"), "holds no shape"),
        ("int4 g32", "x.weight_shape", lambda a: a.reshape(1, 2), "expected a short list"),
        ("int4 g32", "x.weight_packed", lambda a: a[:, :-1], "for 96 columns of 4 bits"),
        ("int4 g32", "x.weight_scale", lambda a: a[:, :-1], "blocks of unknown size"),
        ("int4 g32", "x.weight_scale", lambda a: a[:-1], "blocks of unknown size"),
        ("int4 g32 asymmetric", "x.weight_zero_point", lambda a: a[:1], "expected (3, 3)"),
        ("int4 g32 asymmetric", "x.weight_zero_point", lambda a: a * 1.0, "is float64"),
        ("int-quantized asymmetric", "w.weight_zero_point", lambda a: a[1:], "expected (6, 1)"),
        ("fp8 channel", "w.weight_scale", lambda a: a[:-1], "put its config.json"),
        ("fp8 channel", "w.weight_scale", lambda a: a[None], "scales of shape (1, 6, 1)"),
        ("nvfp4", "w.weight_scale", lambda a: a.astype("f4"), "is float32; expected float8_e4m3fn"),
        (
            "nvfp4",
            "w.weight_scale",
            lambda a: a[:, :-1],
            "codes of 4 bits for scales of shape (6, 3)",
        ),
        ("mxfp6", "w.weight_packed", lambda a: a[:, :-1], "w.weight_packed has shape (6, 47)"),
        ("modelopt int4", "w.weight_scale", lambda a: a[:1, :1], "w.weight_scale has shape (1, 1)"),
        ("gpt-oss", "mlp.experts.down_proj_scales", lambda a: a[..., :1], "for each scale of"),
        ("nvfp4", "w.weight_global_scale", lambda a: np.tile(a, 2), "expected one number"),
        ("modelopt nvfp4", "w.weight_scale_2", lambda a: a.astype("f2"), "is float16"),
        ("nf4", "h.0.weight", lambda a: a[:-1], "expected 68 bytes"),
        ("nf4", "h.0.weight.absmax", lambda a: a[:-1], "expected 3 scales"),
        ("nf4", "h.0.weight.quant_map", lambda a: a[:-1], "expected the 16 numbers"),
        (
            "nf4 nested",
            "h.0.weight.nested_quant_map",
            lambda a: a[:-1],
            "expected the 256 numbers",
        ),
        ("nf4 nested", "h.0.weight.nested_absmax", lambda a: np.tile(a, 2), "expected 1 scales"),
        (
            "nf4",
            "h.0.weight.quant_state.bitsandbytes__nf4",
            lambda a: a[:-1],
            "holds no JSON",
        ),
    ],
)
def test_shapes_and_dtypes_that_do_not_fit(
    tmp_path: Path, name: str, part: str, change: Callable[[Array], Array], words: str
) -> None:
    case = fresh(name)
    case.tensors[part] = np.ascontiguousarray(change(case.tensors[part]))
    assert refused_weight(save_case(tmp_path, case), words).problem is not None


def bitsandbytes_with(state: object) -> Case:
    case = fresh("nf4 nested")
    text = state if isinstance(state, bytes) else json.dumps(state).encode()
    key = "h.0.weight.quant_state.bitsandbytes__nf4"
    case.tensors[key] = np.frombuffer(text, np.uint8)
    return case


@pytest.mark.parametrize(
    "state",
    [
        {},
        [],
        b"\xff",
        b"[" * 10_000,
        {"blocksize": 0, "shape": [5, 27]},
        {"blocksize": 64, "shape": [5, -27]},
        {"blocksize": 64, "shape": [5, 27.0]},
        {"blocksize": 64, "shape": [True, 135]},
        {"blocksize": 64, "shape": [2**63, 27]},
        {"blocksize": 64, "shape": [2**62] * 60},
        {"blocksize": 64, "shape": [1] * 100},
        {"blocksize": 2**70, "shape": [5, 27]},
        {"blocksize": 64, "shape": [5, 27], "nested_blocksize": 0},
        {"blocksize": 64, "shape": [5, 27], "nested_blocksize": 2},
        {"blocksize": 64, "shape": [5, 27], "nested_offset": "1"},
    ],
)
def test_states_that_are_none(tmp_path: Path, state: object) -> None:
    refused_weight(save_case(tmp_path, bitsandbytes_with(state)), "h.0.weight")


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"quant_method": "gptq", "checkpoint_format": "marlin"}, "layout 'marlin'"),
        ({"quant_method": "gptq", "format": "gptq_p"}, "only gptq, gptq_v2 is read"),
        ({"quant_method": "gptq", "is_marlin_format": True}, "layout 'marlin'"),
    ],
)
def test_variants_of_gptq_that_are_not_read(
    tmp_path: Path, told: dict[str, object], words: str
) -> None:
    refused_weight(save_case(tmp_path, replace(fresh("gptq 4 bits"), config=told)), words)


def test_awq_for_other_kernels_is_not_read(tmp_path: Path) -> None:
    config = {"quant_method": "awq", "version": "gemv"}
    refused_weight(save_case(tmp_path, replace(fresh("awq"), config=config)), "layout 'gemv'")


def test_int_words_that_tell_no_width(tmp_path: Path) -> None:
    case = replace(fresh("int8 channel"), config=None)
    case.tensors["x.weight_packed"] = case.tensors["x.weight_packed"][:, :1]
    case.tensors["x.weight_shape"] = np.array([20, 4])
    refused_weight(save_case(tmp_path, case), "tell no width of codes", "config.json")
    config = {"config_groups": {"a": {"weights": {"num_bits": 8}}}}
    (entry,) = open_tensors(save_case(tmp_path, replace(case, config=config)))
    np.testing.assert_array_equal(entry.load(), case.weight[:, :4])


def test_three_bits_in_either_of_two_layouts(tmp_path: Path) -> None:
    case = fresh("int3 g32")
    case.tensors["x.weight_packed"] = case.tensors["x.weight_packed"][:, :2]
    case.tensors["x.weight_shape"] = np.array([20, 20])
    refused_weight(save_case(tmp_path, case), "either of two layouts")


# ---- What is told beside the file -------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("config.json", '{"quantization_config": {"quant_method": "gptq"'),
        ("config.json", "[" * 100_000),
        ("config.json", "3"),
        ("quantize_config.json", "\udcff"),
    ],
)
def test_a_damaged_configuration_is_a_problem_of_packed_weights_alone(
    tmp_path: Path, file: str, text: str
) -> None:
    path = save_case(tmp_path, fresh("gptq 4 bits"))
    (tmp_path / "config.json").unlink()
    (tmp_path / file).write_bytes(text.encode(errors="surrogateescape"))
    assert refused_weight(path, file).name == "up.weight"
    assert only_names(path) == ["up.weight", "up.bias"]


def only_names(path: Path) -> list[str]:
    return [entry.name for entry in open_tensors(path)]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", {"quantization_config": {"quant_method": "GPTQ", "format": "gptq_v2"}}),
        ("quantize_config.json", {"bits": 4, "checkpoint_format": "gptq_v2"}),
    ],
)
def test_versions_of_gptq_are_found_in_files_of_several_names(
    tmp_path: Path, file: str, content: dict[str, object]
) -> None:
    case = fresh("gptq v2")
    path = save_case(tmp_path, replace(case, config=None, files={file: json.dumps(content)}))
    np.testing.assert_array_equal(open_tensors(path)[0].load(), case.weight)


def test_the_metadata_of_the_file_comes_first(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    case = fresh("gptq v2")
    told = {"quant_method": "gptq", "checkpoint_format": "gptq_v2"}
    path = tmp_path / "model.safetensors"
    save_file(case.tensors, path, {"quantization_config": json.dumps(told)})
    (tmp_path / "config.json").write_text("{}")
    np.testing.assert_array_equal(open_tensors(path)[0].load(), case.weight)


def test_groups_of_different_widths_are_told_apart_by_their_words(tmp_path: Path) -> None:
    weights = [{"weights": {"num_bits": bits, "group_size": 32}} for bits in (4, 8)]
    config = {"quant_method": "compressed-tensors", "config_groups": dict(enumerate(weights))}
    for name in ("int4 g32", "int8 channel"):
        case = replace(fresh(name), config=config)
        (entry,) = open_tensors(save_case(tmp_path, case))
        np.testing.assert_array_equal(entry.load(), case.weight)


def test_a_plain_checkpoint_reads_no_configuration(tmp_path: Path) -> None:
    path = save(tmp_path, {"w.weight": np.ones((2, 3), np.float32)})
    (tmp_path / "config.json").write_text("[")
    assert open_tensors(path)[0].problem is None


# ---- More than one weight, more than two axes -------------------------------------------------


def test_all_schemes_in_one_file(tmp_path: Path) -> None:
    cases = {
        f"layer{number}": fresh(name)
        for number, name in enumerate(CASES)
        if "v2" not in name and "common" not in name and "blocks" not in name and "int" not in name
    }
    tensors = {
        f"{key}.{name}": a for key, case in cases.items() for name, a in case.tensors.items()
    }
    entries = [e for e in open_tensors(save(tmp_path, tensors)) if e.stored_as is not None]
    assert len(entries) == len(cases)
    for entry in entries:
        case = cases[entry.name.split(".")[0]]
        np.testing.assert_array_equal(entry.load(), case.weight, strict=True)
        assert entry.stored_as == case.stored_as


@pytest.mark.parametrize("name", ["nvfp4", "mxfp4", "modelopt nvfp4", "fp8 channel", "int4 g32"])
def test_stacks_of_matrices(tmp_path: Path, name: str) -> None:
    """As the experts of a layer are stored in one tensor, with a second scale for each."""
    case = fresh(name)
    stacked = {
        key: np.stack([array, array[::-1]]) if array.ndim == 2 else array
        for key, array in case.tensors.items()
        if key.startswith(("w.", "x."))
    }
    expected = np.stack([case.weight, case.weight[::-1]])
    for key in ("w.weight_global_scale", "w.weight_scale_2"):
        if key in stacked:
            stacked[key] = np.tile(stacked[key].reshape(1), 2) * np.float32([1, 2])
            expected[1] *= 0.5 if key == "w.weight_global_scale" else 2
    if "x.weight_shape" in stacked:
        stacked["x.weight_shape"] = np.array([2, 20, 96])
    path = save_case(tmp_path, replace(case, tensors=stacked))
    np.testing.assert_array_equal(open_tensors(path)[0].load(), expected)


def test_names_without_a_layer(tmp_path: Path) -> None:
    case = fresh("gptq 3 bits")
    tensors = {name.removeprefix("up."): array for name, array in case.tensors.items()}
    path = save(tmp_path, tensors)
    assert only_names(path) == ["weight", "bias"]
    np.testing.assert_array_equal(open_tensors(path)[0].load(), case.weight)


def test_a_name_that_is_taken_is_not_given_twice(tmp_path: Path) -> None:
    case = fresh("gptq 3 bits")
    case.tensors["up.weight"] = np.ones(3, np.float32)
    assert only_names(save_case(tmp_path, case)) == ["up.qweight", "up.bias", "up.weight"]


def test_tensors_of_like_names_that_are_no_packed_weights_stay(tmp_path: Path) -> None:
    tensors: dict[str, Array] = {
        "a.weight": np.ones((2, 3), np.float32),
        "a.weight_scale": np.ones(1, np.float32),
        "b.weight": np.ones((2, 3), np.int8),
        "c.scales": np.ones(3, np.float16),
        "weight_packed": np.ones((2, 3), np.float32),
        "d.weight": np.ones((2, 3), np.uint8),
        "e_blocks": np.ones((2, 3), np.uint8),
    }
    path = save(tmp_path, tensors)
    assert only_names(path) == list(tensors)
    assert all(entry.stored_as is None for entry in open_tensors(path))


@pytest.mark.parametrize("name", ["nvfp4", "mxfp6", "fp8 channel", "int-quantized", "gpt-oss"])
def test_weights_without_a_row(tmp_path: Path, name: str) -> None:
    case = fresh(name)
    stored = {part: a[:0] if a.ndim > 1 else a for part, a in case.tensors.items()}
    packed = open_tensors(save_case(tmp_path, replace(case, tensors=stored)))[0]
    assert packed.shape == (0, *case.weight.shape[1:])
    assert packed.load().shape == packed.shape
    assert packed.read is not None
    assert packed.read(0, 0).shape == (0,)


def test_a_weight_larger_than_a_tile(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    numbers = rng.integers(-128, 128, (700, 3000)).astype(np.int8)
    scales = rng.uniform(0.1, 1, (700, 1)).astype(np.float32)
    path = save(tmp_path, {"w.weight": numbers, "w.weight_scale": scales})
    np.testing.assert_array_equal(open_tensors(path)[0].load(), numbers * scales)


def test_scales_that_are_no_numbers_stay_what_they_are(tmp_path: Path) -> None:
    numbers = np.ones((4, 2), np.int8)
    scales = np.array([[np.nan], [np.inf], [0], [3e38]], np.float32)
    path = save(tmp_path, {"w.weight": numbers * 2, "w.weight_scale": scales})
    expected = [[np.nan] * 2, [np.inf] * 2, [0] * 2, [np.inf] * 2]
    np.testing.assert_array_equal(open_tensors(path)[0].load(), np.float32(expected))


# ---- Anything at all --------------------------------------------------------------------------


def changed(array: Array, kind: str, seed: int) -> Array:
    """An array of another shape, dtype or content."""
    rng = np.random.default_rng(seed)
    if kind == "bits" and array.size:
        flipped = array.copy().reshape(-1).view(np.uint8)
        flipped[rng.integers(0, flipped.size, 3)] ^= rng.integers(1, 256, 3).astype(np.uint8)
        return flipped.view(array.dtype).reshape(array.shape)
    if kind == "dtype":
        return array.reshape(-1).view(np.uint8)
    if kind == "turned":
        return array.T
    if kind == "flat":
        return array.reshape(-1)
    if kind == "more axes":
        return array.reshape(*array.shape, 1)
    return array[: rng.integers(0, len(array) + 1)] if array.ndim else array.reshape(1, 1)


KINDS = ["bits", "dtype", "turned", "flat", "more axes", "cut"]


@given(st.sampled_from(list(CASES)), st.data(), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_changed_parts_end_in_a_weight_or_one_line(
    name: str, data: st.DataObject, seed: int
) -> None:
    case = fresh(name)
    for part in data.draw(st.lists(st.sampled_from(list(case.tensors)), max_size=3)):
        kind = data.draw(st.sampled_from(KINDS))
        case.tensors[part] = np.ascontiguousarray(changed(case.tensors[part], kind, seed))
    for part in data.draw(st.lists(st.sampled_from(list(case.tensors)), max_size=1)):
        del case.tensors[part]
    with TemporaryDirectory() as folder:
        for entry in open_tensors(save_case(Path(folder), case)):
            assert entry.problem is None or entry.problem.isprintable()
            try:
                loaded = entry.load()
            except TensorFileError as error:
                assert str(error).isprintable()
                assert "not what its suffix says" not in str(error)  # each fault is foreseen
            else:
                assert entry.problem is None
                assert loaded.shape == entry.shape


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
KEYS = ["quant_method", "bits", "group_size", "config_groups", "weight_block_size", "format"]


@given(st.dictionaries(st.sampled_from(KEYS), JSON) | JSON)
def test_any_configuration_is_read_or_a_fault(told: Any) -> None:
    with TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps({"quantization_config": told}))
        config = config_beside(Path(folder))
        assert config.bits is None or config.bits > 0
        path = save(Path(folder), fresh("int4 g32").tensors)
        for entry in open_tensors(path):
            assert entry.problem is None or entry.problem.isprintable()


@pytest.mark.parametrize("name", CASES)
def test_a_weight_takes_the_bytes_of_its_parts(tmp_path: Path, name: str) -> None:
    case = built(name)
    (packed,) = [e for e in open_tensors(save_case(tmp_path, case)) if e.stored_as is not None]
    # What is kept aside, such as scales of inputs, is not of the weight.
    parts = [x for key, x in case.tensors.items() if key not in case.left and "input" not in key]
    aside = sum(x.nbytes for key, x in case.tensors.items() if key.endswith("weight_format"))
    assert packed.nbytes == sum(x.nbytes for x in parts) - aside
    assert stored_bits(packed) == 8 * packed.nbytes
