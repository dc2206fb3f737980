"""GGUF: every type against the loops of ggml and its own package, and headers that lie."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf_files import ARRAY, BLOCKS, TEXT, UINT32, gguf_bytes, info, key, text
from hypothesis import given, settings
from numpy.typing import NDArray
from tensor_file_checks import EDITS, consume, has_problem, mutated, only, refusal, refused, written

import numformats as nf
from numformats.analysis.weights import stored_bits
from numformats.tensor_files import TensorFileError, open_tensors
from numformats.tensor_files.gguf_blocks import BLOCK_TYPES
from numformats.tensor_files.gguf_files import MAX_TENSORS, OTHER_TYPES, PLAIN_TYPES
from numformats.tensor_files.packing import DECODED_AT_ONCE
from numformats.tensor_files.raw import named_dtype

ALIGNED = key("general.alignment", UINT32, struct.pack("<I", 64))
F32 = info("a", (2, 4), 0, 0)


def random_blocks(name: str, count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Blocks of random bytes, with scales and all."""
    nbytes = BLOCKS[name][2]
    return np.random.default_rng(seed).integers(0, 256, (count, nbytes)).astype(np.uint8)


def assert_same_bits(found: NDArray[Any], meant: NDArray[Any]) -> None:
    """The same float32 numbers, bit for bit; any NaN is as good as any other."""
    assert found.dtype == meant.dtype == np.float32
    are_nan = np.isnan(found) & np.isnan(meant)
    found, meant = np.where(are_nan, 0, found), np.where(are_nan, 0, meant)
    np.testing.assert_array_equal(found.view(np.uint32), meant.view(np.uint32))


# ---- Values -----------------------------------------------------------------------------------


def test_the_reference_knows_every_type() -> None:
    assert {kind.name for kind in BLOCK_TYPES} == set(BLOCKS)
    for kind in BLOCK_TYPES:
        number, values, nbytes, _ = BLOCKS[kind.name]
        assert (kind.number, kind.values, kind.dtype.itemsize) == (number, values, nbytes)


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_are_what_the_loops_of_ggml_make_of_them(tmp_path: Path, name: str) -> None:
    number, values, nbytes, value_of = BLOCKS[name]
    blocks = random_blocks(name, 24)
    # One block of zeros, one of ones, and one whose scale is 1 wherever it lies.
    blocks[0], blocks[1] = 0, 255
    shape = (2, 3, 4 * values)
    content = gguf_bytes([], [info("w", shape, number, 0)], blocks.tobytes())
    entry = only(written(tmp_path, "a.gguf", content))
    assert (entry.dtype_name, entry.shape, entry.problem) == (name, shape, None)
    with np.errstate(all="ignore"):
        meant = [value_of(block.tobytes(), i) for block in blocks for i in range(values)]
    assert_same_bits(entry.load(), np.array(meant, np.float32).reshape(shape))
    assert nbytes * 24 == blocks.size == entry.nbytes == stored_bits(entry) / 8


@pytest.mark.peers
@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_are_what_gguf_makes_of_them(name: str) -> None:
    gguf = pytest.importorskip("gguf", reason="gguf is not installed")
    kind = next(kind for kind in BLOCK_TYPES if kind.name == name)
    blocks = random_blocks(name, 5000, seed=1)
    with np.errstate(all="ignore"):
        meant = gguf.quants.dequantize(blocks, gguf.GGMLQuantizationType[name])
    assert_same_bits(kind.storage.decode(blocks), meant.reshape(-1))


@pytest.mark.peers
@pytest.mark.parametrize("alignment", [None, 8, 256])
def test_files_that_gguf_writes(tmp_path: Path, alignment: int | None) -> None:
    gguf = pytest.importorskip("gguf", reason="gguf is not installed")
    path = tmp_path / "a.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    if alignment is not None:
        writer.add_custom_alignment(alignment)
    writer.add_token_list(["<s>", "a" * 70_000, "größe", ""])
    writer.add_token_scores([0.5] * 4)
    writer.add_array("nested", [[1, 2], [3]])
    writer.add_bool("flag", True)
    writer.add_float64("real", 1.5)
    x = np.random.default_rng(0).standard_normal((6, 512)).astype(np.float32)
    plain = {
        "f32": x,
        "f16": x.astype(np.float16),
        "f64": x.astype(np.float64),
        "i8": x.astype(np.int8),
        "i32": x.astype(np.int32),
        "one": np.array([1.5], np.float32),
    }
    for name, array in plain.items():
        writer.add_tensor(name, array)
    types = ["BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "MXFP4", "TQ1_0", "TQ2_0"]
    packed = {}
    for name in types:
        kind = gguf.GGMLQuantizationType[name]
        packed[name] = gguf.quants.quantize(x, kind)
        writer.add_tensor(name, packed[name], raw_dtype=kind)
    for name in ("Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS", "NVFP4"):
        kind = gguf.GGMLQuantizationType[name]
        packed[name] = random_blocks(name, 6 * 512 // BLOCKS[name][1]).reshape(6, -1)
        writer.add_tensor(name, packed[name], raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    entries = {entry.name: entry for entry in open_tensors(path)}
    assert list(entries) == [*plain, *packed]
    for name, array in plain.items():
        np.testing.assert_array_equal(entries[name].load(), array, strict=True)
    for name, data in packed.items():
        assert entries[name].shape == x.shape
        with np.errstate(all="ignore"):
            meant = gguf.quants.dequantize(data, gguf.GGMLQuantizationType[name])
        assert_same_bits(entries[name].load().astype(np.float32), meant)
    consume(path)


@pytest.mark.parametrize(("name", "scaled"), [("Q8_0", "q8_0"), ("Q4_0", "q4_0"), ("Q4_1", "q4_1")])
def test_blocks_are_the_scaled_formats_of_their_name(name: str, scaled: str) -> None:
    kind = next(kind for kind in BLOCK_TYPES if kind.name == name)
    x = np.random.default_rng(2).standard_normal((40, 32)).astype(np.float32)
    q = nf.quantize(x, scaled)
    codes = q.codes ^ (8 if name == "Q4_0" else 0)
    fields = {"d": q.scales.astype("<f2"), "qs": codes.astype(np.uint8)}
    if q.offsets is not None:
        fields["m"] = q.offsets.astype("<f2")
    if name != "Q8_0":
        fields["qs"] = codes[:, :16] | codes[:, 16:] << 4
    blocks = np.zeros(40, kind.dtype)
    for field in kind.fields:
        blocks[field.name] = fields[field.name].reshape(40, -1).view(field.dtype)
    found = kind.storage.decode(blocks.view(np.uint8).reshape(40, -1))
    np.testing.assert_array_equal(found.reshape(40, 32), q.dequantize(np.float32))


def test_mxfp4_is_the_scaled_format_but_for_nan() -> None:
    kind = next(kind for kind in BLOCK_TYPES if kind.name == "MXFP4")
    codes = np.tile(np.arange(16, dtype=np.uint8), (255, 2))
    scales = np.arange(255, dtype=np.uint8)
    units = np.concatenate([scales[:, None], codes[:, :16] | codes[:, 16:] << 4], axis=1)
    found = kind.storage.decode(units).reshape(255, 32)
    meant = nf.ScaledArray(codes, scales[:, None], nf.get_scaled_format("mxfp4"))
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(found, meant.dequantize(np.float64).astype(np.float32))
    # The one code of OCP's that is NaN is a power of two more in ggml.
    last = kind.storage.decode(np.array([[255, *[0x21] * 16]], np.uint8))
    assert last[:16].tolist() == [2.0**127] * 16


@pytest.mark.parametrize(("number", "name"), PLAIN_TYPES.items())
@pytest.mark.parametrize("version", [2, 3])
def test_plain_types(tmp_path: Path, number: int, name: str, version: int) -> None:
    dtype = named_dtype(name)
    array = np.arange(-6, 6).reshape(3, 4).astype(dtype)
    infos = [info("odd", (3,), 24, 0), info("a", (3, 4), number, 64)]
    content = gguf_bytes(
        [ALIGNED], infos, b"abc".ljust(64, b"\0") + array.tobytes(), version=version, alignment=64
    )
    odd, entry = open_tensors(written(tmp_path, "a.gguf", content))
    assert odd.load().tobytes() == b"abc"
    assert (entry.dtype_name, entry.shape) == (name, (3, 4))
    assert entry.load().dtype == dtype
    assert entry.load().tobytes() == array.tobytes()


def test_a_range_is_read_alone(tmp_path: Path) -> None:
    kind = next(kind for kind in BLOCK_TYPES if kind.name == "Q4_K")
    rows = DECODED_AT_ONCE // 256 + 3
    blocks = random_blocks("Q4_K", 4 * rows)
    content = gguf_bytes([], [info("w", (rows, 1024), 12, 0)], blocks.tobytes())
    entry = only(written(tmp_path, "a.gguf", content))
    whole = kind.storage.decode(blocks)
    assert_same_bits(entry.load().reshape(-1), whole)
    assert entry.read is not None
    rng = np.random.default_rng(0)
    for start, stop in np.sort(rng.integers(0, whole.size, (40, 2)), axis=1).tolist():
        assert_same_bits(entry.read(start, stop), whole[start:stop])
    tracemalloc.start()
    try:
        entry.read(5000, 6000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000
    for start, stop in ((-1, 5), (5, 4), (0, whole.size + 1)):
        with pytest.raises(TensorFileError, match=f"values {start} to {stop} of {whole.size}"):
            entry.read(start, stop)


# ---- Headers that lie -------------------------------------------------------------------------


def string_array(count: int, *texts: str) -> bytes:
    """An array that declares so many texts, and has these."""
    return key("t", ARRAY, struct.pack("<IQ", TEXT, count) + b"".join(map(text, texts)))


def nested(depth: int) -> bytes:
    """Arrays in arrays, of one element each."""
    inner = struct.pack("<IQI", UINT32, 1, 7)
    for _ in range(depth - 1):
        inner = struct.pack("<IQ", ARRAY, 1) + inner
    return key("n", ARRAY, inner)


DATA = bytes(range(32))
REFUSED: dict[str, tuple[bytes, str]] = {
    "magic": (b"GGML" + gguf_bytes([], [F32], DATA)[4:], "does not begin"),
    "version 1": (gguf_bytes([], [F32], DATA, version=1), "version 1"),
    "version 4": (gguf_bytes([], [F32], DATA, version=4), "version 4"),
    "big-endian": (gguf_bytes([], [F32], DATA, version=3 << 24), "big-endian"),
    "many tensors": (gguf_bytes([], [], counts=(2**64 - 1, 0)), f"above {MAX_TENSORS}"),
    "more tensors": (gguf_bytes([], [F32], counts=(5, 0)), "ends within its header"),
    "many keys": (gguf_bytes([], [], DATA, counts=(0, 2**64 - 1)), "save"),
    "long name": (gguf_bytes([], [info(b"n" * 70_000, (8,), 0, 0)], DATA), "a name of 70000"),
    "name that is not there": (gguf_bytes([], [struct.pack("<Q", 2**63)], DATA), "a name of"),
    "no UTF-8": (gguf_bytes([], [info(b"\xff\xfe", (8,), 0, 0)], DATA), "damaged"),
    "text": (gguf_bytes([key("k", TEXT, struct.pack("<Q", 2**63))], [F32], DATA), "ends within"),
    "array": (gguf_bytes([string_array(2**60, "a")], [F32], DATA), "ends within its header"),
    "numbers": (
        gguf_bytes([key("k", ARRAY, struct.pack("<IQ", UINT32, 2**62))], [F32], DATA),
        "ends within its header",
    ),
    "deep arrays": (gguf_bytes([nested(5)], [F32], DATA), "unknown type (9)"),
    "unknown value": (gguf_bytes([key("k", 13, b"")], [F32], DATA), "unknown type (13)"),
    "alignment 0": (
        gguf_bytes([key("general.alignment", UINT32, bytes(4))], [F32], DATA),
        "alignment",
    ),
    "alignment 48": (
        gguf_bytes([key("general.alignment", UINT32, struct.pack("<I", 48))], [F32], DATA),
        "power of two",
    ),
    "alignment of text": (
        gguf_bytes([key("general.alignment", TEXT, text("32"))], [F32], DATA),
        "no uint32",
    ),
    "two alignments": (gguf_bytes([ALIGNED, ALIGNED], [F32], DATA), "or two"),
    "dimensions": (
        gguf_bytes([], [text("a") + struct.pack("<I", 2**31)], DATA),
        "tensor of 2147483648 dimensions",
    ),
    "two of a name": (gguf_bytes([], [F32, F32], DATA), "names a tensor twice"),
    "off alignment": (gguf_bytes([], [info("a", (2,), 0, 4)], DATA), "off its alignment of 32"),
    "outside": (gguf_bytes([], [info("a", (2,), 0, 32)], DATA), "outside the file"),
    "far outside": (gguf_bytes([], [info("a", (2,), 0, 2**64 - 32)], DATA), "outside the file"),
    "huge": (gguf_bytes([], [info("a", (2**40, 2**20), 0, 0)], DATA), "outside the file"),
    "overlap": (
        gguf_bytes([], [info("a", (16,), 0, 0), info("b", (8,), 0, 32)], DATA * 2),
        "in the same bytes",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_hostile_files_are_refused(tmp_path: Path, case: str) -> None:
    content, words = REFUSED[case]
    tracemalloc.start()
    try:
        assert len(refused(written(tmp_path, "a.gguf", content), words)) < 600
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000


def test_faults_of_one_tensor_leave_the_others(tmp_path: Path) -> None:
    infos = [
        info("unknown", (32,), 99, 0),
        info("grid", (256,), 16, 0),
        info("ragged", (2, 33), 2, 0),
        info("scalar", (), 2, 0),
        info("sound", (8,), 0, 0),
    ]
    path = written(tmp_path, "a.gguf", gguf_bytes([], infos, DATA))
    unknown, grid, ragged, scalar, sound = open_tensors(path)
    has_problem(unknown, "type 99 is unknown", "Q4_K")
    has_problem(grid, "IQ2_XXS is not decoded")
    has_problem(ragged, "rows of 33 values in blocks of 32")
    has_problem(scalar, "rows of 1 values")
    assert sound.load().tobytes() == DATA
    assert unknown.read is None


def test_types_are_numbered_once() -> None:
    numbers = [*PLAIN_TYPES, *OTHER_TYPES, *(kind.number for kind in BLOCK_TYPES)]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31m", "\u202egnp", "../../x", ""])
def test_strange_names_are_made_printable(tmp_path: Path, name: str) -> None:
    content = gguf_bytes([], [info(name, (8,), 0, 0)], DATA)
    entry = only(written(tmp_path, "a.gguf", content))
    assert entry.name.isprintable()
    assert entry.load().tobytes() == DATA


def test_empty_tensors_and_files_without_any(tmp_path: Path) -> None:
    assert open_tensors(written(tmp_path, "a.gguf", gguf_bytes([], []))) == []
    content = gguf_bytes([], [info("a", (0, 32), 2, 0), info("b", (0,), 0, 0)])
    assert [entry.load().shape for entry in open_tensors(written(tmp_path, "b.gguf", content))] == [
        (0, 32),
        (0,),
    ]


def test_a_vocabulary_is_stepped_over(tmp_path: Path) -> None:
    words = [f"token{n}" for n in range(50_000)]
    content = gguf_bytes([string_array(len(words), *words)], [F32], DATA)
    path = written(tmp_path, "a.gguf", content)
    assert only(path).load().tobytes() == DATA
    broken = gguf_bytes([string_array(len(words) + 5, *words)], [], b"")
    refused(written(tmp_path, "b.gguf", broken), "ends within its header")


def sound_file() -> bytes:
    """Some keys, and tensors of several types."""
    keys = [key("general.name", TEXT, text("x")), string_array(2, "a", "b"), nested(3), ALIGNED]
    kinds = [("a", (2, 4), 0, 32), ("q", (1, 32), 2, 18), ("k", (256,), 12, 144), ("h", (3,), 1, 6)]
    infos, data = [], b""
    for name, shape, number, nbytes in kinds:
        data += bytes(-len(data) % 64)
        infos.append(info(name, shape, number, len(data)))
        data += bytes(i % 251 for i in range(nbytes))
    return gguf_bytes(keys, infos, data, alignment=64)


def test_damage_ends_in_a_result_or_a_refusal(tmp_path: Path) -> None:
    content = sound_file()
    path = written(tmp_path, "a.gguf", content)
    consume(path)
    assert all(entry.problem is None for entry in open_tensors(path))

    @settings(max_examples=500, deadline=None)
    @given(EDITS)
    def damage(edits: list[tuple[str, float, bytes]]) -> None:
        path.write_bytes(mutated(content, edits))
        consume(path)

    damage()


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    content = sound_file()
    path = tmp_path / "a.gguf"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(TensorFileError):
            open_tensors(path)


def test_a_file_that_shrinks_after_opening(tmp_path: Path) -> None:
    path = written(tmp_path, "a.gguf", sound_file())
    *_, last = open_tensors(path)
    path.write_bytes(sound_file()[:-3])
    refusal(last.load, str(path), "h", "cut short")
    path.unlink()
    refusal(last.load, str(path), "No such file")
