"""Tensor files, sound, damaged and hostile: each ends in tensors or in one line of refusal."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tensor_file_checks import (
    EDITS,
    consume,
    has_problem,
    mutated,
    only,
    refusal,
    refused,
    safetensors_bytes,
    written,
)

from numformats.tensor_files.numpy_files import DEFLATE_RATIO, MAX_NPY_HEADER
from numformats.tensor_files.opening import (
    PICKLE_SUFFIXES,
    TensorFileError,
    open_tensors,
    printable,
)
from numformats.tensor_files.raw import named_dtype
from numformats.tensor_files.safetensors_files import DTYPES as SAFETENSORS_DTYPES
from numformats.tensor_files.safetensors_files import MAX_JSON_BYTES, PACKED_DTYPES

Array = NDArray[Any]
F32 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


class Bomb:
    """An object whose unpickling leaves a file behind: the proof that a pickle was loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.mark),)


def npy_bytes(array: Array, *, allow_pickle: bool = False) -> bytes:
    """Return what np.save writes for an array."""
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=allow_pickle)
    return stream.getvalue()


def npy_of_header(header: bytes, data: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    """Build a .npy file from the text of its header."""
    size = struct.pack("<H" if version == b"\x01\x00" else "<I", len(header))
    return b"\x93NUMPY" + version + size + header + data


def npy_of_shape(shape: str, data: bytes = b"") -> bytes:
    """Build a .npy file of float32 values whose header declares this shape."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n"
    return npy_of_header(header.encode(), data)


def zip_bytes(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Build a zip archive of these members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


# ---- Sound files ------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "name"), SAFETENSORS_DTYPES.items())
def test_safetensors_reads_every_dtype(tmp_path: Path, code: str, name: str) -> None:
    dtype = named_dtype(name)
    array = np.array([[0, 1, 1], [1, 0, 1]]).astype(dtype)
    first = np.arange(3, dtype=np.uint8)
    end = 3 + array.nbytes
    header = {
        "__metadata__": {"format": "pt"},
        "first": {"dtype": "U8", "shape": [3], "data_offsets": [0, 3]},
        "second": {"dtype": code, "shape": [2, 3], "data_offsets": [3, end]},
    }
    content = safetensors_bytes(header, first.tobytes() + array.tobytes())
    entries = open_tensors(written(tmp_path, "a.safetensors", content))
    assert [entry.name for entry in entries] == ["first", "second"]
    assert (entries[1].dtype_name, entries[1].shape, entries[1].problem) == (name, (2, 3), None)
    loaded = entries[1].load()
    assert loaded.dtype == dtype
    assert loaded.tobytes() == array.tobytes()
    assert loaded.shape == (2, 3)


def test_safetensors_agrees_with_the_library(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    arrays: dict[str, Array] = {
        "scalar": np.array(3.5, np.float32),
        "empty": np.zeros((0, 4), np.float16),
        "weights": np.arange(24, dtype=np.float64).reshape(2, 3, 4),
    }
    path = tmp_path / "a.safetensors"
    save_file(arrays, path)
    loaded = {entry.name: entry.load() for entry in open_tensors(str(path))}
    assert loaded.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded[name], array, strict=True)


@pytest.mark.parametrize("code", PACKED_DTYPES)
@pytest.mark.parametrize("shape", [(3, 8), (40, 1000), (0, 4), (2, 3, 4)])
def test_safetensors_reads_packed_dtypes(tmp_path: Path, code: str, shape: tuple[int, ...]) -> None:
    name, bits = PACKED_DTYPES[code]
    codes = np.random.default_rng(1).integers(0, 1 << bits, shape).astype(np.uint8)
    # The first code in the lowest bits of one long number.
    stream = sum(code << bits * place for place, code in enumerate(codes.reshape(-1).tolist()))
    size = codes.size * bits // 8
    header = {
        "odd": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]},
        "a": {"dtype": code, "shape": shape, "data_offsets": [1, 1 + size]},
    }
    content = safetensors_bytes(header, b"x" + stream.to_bytes(size, "little"))
    path = written(tmp_path, "a.safetensors", content)
    _, entry = open_tensors(path)
    assert (entry.dtype_name, entry.shape, entry.problem) == (name, shape, None)
    loaded = entry.load()
    assert loaded.dtype == named_dtype(name)
    np.testing.assert_array_equal(loaded.view(np.uint8), codes)
    consume(path)


@pytest.mark.parametrize(("code", "shape"), [("F4", [3]), ("F6_E2M3", [4])])
def test_safetensors_packed_dtypes_fill_whole_bytes(
    tmp_path: Path, code: str, shape: list[int]
) -> None:
    header = {"a": {"dtype": code, "shape": shape, "data_offsets": [0, 2]}}
    refused(written(tmp_path, "a.safetensors", safetensors_bytes(header, bytes(2))))


@pytest.mark.peers
def test_safetensors_shapes_of_packed_dtypes_count_values(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from safetensors.torch import save_file

    data = torch.arange(32, dtype=torch.uint8).reshape(4, 8)
    save_file({"a": data.view(torch.float4_e2m1fn_x2)}, tmp_path / "a.safetensors")
    entry = only(tmp_path / "a.safetensors")
    # PyTorch's elements are pairs.
    assert entry.shape == (4, 16)
    codes = entry.load().view(np.uint8)
    np.testing.assert_array_equal(codes[:, ::2] | codes[:, 1::2] << 4, data.numpy())


def test_safetensors_without_tensors_is_an_empty_list(tmp_path: Path) -> None:
    assert open_tensors(written(tmp_path, "a.safetensors", safetensors_bytes({}))) == []


@pytest.mark.parametrize("dtype", ["?", "i1", "<u2", "<i8", "<f2", "<f4", "<f8", ">f4", ">i2"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".NPY"])
def test_npy_and_npz_read_arrays(tmp_path: Path, dtype: str, order: Any, suffix: str) -> None:
    array = np.asarray(np.arange(24).reshape(2, 3, 4).astype(dtype), order=order)
    content = npy_bytes(array)
    if suffix == ".npz":
        content = zip_bytes({"a.npy": content})
    entry = only(written(tmp_path, "a" + suffix, content))
    native = array.dtype.newbyteorder("=")
    assert (entry.name, entry.dtype_name, entry.shape) == ("a", native.name, (2, 3, 4))
    assert entry.problem is None
    np.testing.assert_array_equal(entry.load(), array.astype(native), strict=True)
    assert entry.load().dtype.isnative


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (1,) * 40])
@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_npy_reads_every_shape_and_version(
    tmp_path: Path, shape: tuple[int, ...], version: tuple[int, int]
) -> None:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.zeros(shape, np.float32), version)
    path = written(tmp_path, "a.npy", stream.getvalue())
    np.testing.assert_array_equal(only(path).load(), np.zeros(shape, np.float32), strict=True)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_reads_what_numpy_saves(tmp_path: Path, save: Callable[..., None]) -> None:
    arrays = {"w": np.ones((300, 1000)), "b": np.arange(3, dtype=np.float16), "s": np.array(1)}
    save(tmp_path / "a.npz", **arrays)
    entries = open_tensors(tmp_path / "a.npz")
    assert [entry.name for entry in entries] == ["w", "b", "s"]
    for entry in reversed(entries):
        np.testing.assert_array_equal(entry.load(), arrays[entry.name], strict=True)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_float8_e5m2_keeps_its_name_in_npy(tmp_path: Path, suffix: str) -> None:
    array = np.array([0.5, -3, np.inf], ml_dtypes.float8_e5m2)
    content = npy_bytes(array)
    assert b"'<f1'" in content
    if suffix == ".npz":
        content = zip_bytes({"a.npy": content})
    entry = only(written(tmp_path, "a" + suffix, content))
    assert entry.dtype_name == "float8_e5m2"
    assert entry.load().dtype == array.dtype
    assert entry.load().tobytes() == array.tobytes()


def test_data_that_spells_the_float8_header_stays_data(tmp_path: Path) -> None:
    array = np.frombuffer(b"{'descr': '<f1'" * 9, np.uint8)
    entry = only(written(tmp_path, "a.npy", npy_bytes(array)))
    assert entry.load().tobytes() == array.tobytes()


@pytest.mark.parametrize("suffix", [".safetensors", ".npy", ".npz"])
def test_memory_stays_near_the_largest_tensor(tmp_path: Path, suffix: str) -> None:
    size, count = 4_000_000, 3
    path = tmp_path / f"a{suffix}"
    if suffix == ".safetensors":
        ranges = [[n * size, (n + 1) * size] for n in range(count)]
        header = {
            f"t{n}": {"dtype": "F32", "shape": [size // 4], "data_offsets": ends}
            for n, ends in enumerate(ranges)
        }
        path.write_bytes(safetensors_bytes(header, bytes(size * count)))
    elif suffix == ".npy":
        path.write_bytes(npy_bytes(np.zeros(size // 4, np.float32)))
    else:
        np.savez(path, *[np.zeros(size // 4, np.float32)] * count)
    tracemalloc.start()
    try:
        for entry in open_tensors(path):
            assert entry.load().nbytes == size
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size < peak < 2 * size


# ---- Paths and suffixes -----------------------------------------------------------------------


def test_paths_that_are_no_file(tmp_path: Path) -> None:
    refused(tmp_path / "absent.npy", "No such file")
    refused(tmp_path, "directory")
    (tmp_path / "d.npz").mkdir()
    refused(tmp_path / "d.npz", "directory")
    refused(Path("a\0b.npy"), "null byte")
    refused(tmp_path / ("n" * 300 + ".npy"), "too long")
    os.mkfifo(tmp_path / "pipe.npy")
    refused(tmp_path / "pipe.npy", "not a regular file")


@pytest.mark.parametrize("suffix", [".safetensors", ".npy", ".npz"])
def test_permission_denied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    path = written(tmp_path, "a" + suffix, b"x")

    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    # The tests may run as root, whom no mode bits stop.
    monkeypatch.setattr(Path, "open", deny)
    refused(path, "Permission denied", "permissions")


@pytest.mark.parametrize("suffix", [".safetensors", ".npy", ".npz"])
@pytest.mark.parametrize("content", [b"", b"x", b"\0" * 8, b"\0" * 100, bytes(range(256)) * 9])
def test_empty_and_random_content(tmp_path: Path, suffix: str, content: bytes) -> None:
    refused(written(tmp_path, "a" + suffix, content), "save or fetch it again")


@pytest.mark.parametrize("suffix", [*PICKLE_SUFFIXES, ".PT", ".Ckpt"])
def test_pickle_suffixes_are_refused(tmp_path: Path, suffix: str) -> None:
    path = written(tmp_path, "a" + suffix, pickle.dumps(Bomb(tmp_path / "mark")))
    refused(path, "pickle", 'safetensors.torch.save_file(model.state_dict(), "model.safetensors")')
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("suffix", [".h5", ".txt", ""])
def test_other_suffixes_are_refused(tmp_path: Path, suffix: str) -> None:
    known = ".safetensors, .gguf, .onnx, .npy, .npz"
    refused(written(tmp_path, "a" + suffix, b"x"), suffix, known)


@pytest.mark.parametrize("suffix", [".safetensors", ".npy", ".npz"])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_by_another_name_is_refused(tmp_path: Path, suffix: str, protocol: int) -> None:
    content = pickle.dumps(Bomb(tmp_path / "mark"), protocol)
    refused(written(tmp_path, "a" + suffix, content), "is a pickle", "save_file")
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("suffix", [".safetensors", ".npy", ".npz"])
def test_a_torch_zip_by_another_name_is_refused(tmp_path: Path, suffix: str) -> None:
    content = zip_bytes({"archive/data.pkl": b"\x80\x02.", "archive/data/0": bytes(8)})
    refused(written(tmp_path, "a" + suffix, content), "pickle", "save_file")


def test_an_npy_by_another_name_is_told_its_name(tmp_path: Path) -> None:
    content = npy_bytes(np.zeros(3))
    for suffix in (".npz", ".safetensors"):
        refused(written(tmp_path, "a" + suffix, content), "name it .npy")


def test_safetensors_header_of_pickle_like_length_is_read(tmp_path: Path) -> None:
    text = json.dumps({"a": F32}).encode().ljust(0x0280)
    content = safetensors_bytes(text, bytes(8))
    assert content.startswith(b"\x80\x02")
    assert only(written(tmp_path, "a.safetensors", content)).load().shape == (2,)


def test_safetensors_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    path = written(tmp_path, "a.safetensors", safetensors_bytes({"a": F32}, bytes(8)))
    refused(path, 'pip install "numformats[cli]"')


# ---- Hostile .safetensors ---------------------------------------------------------------------

PAIR = {
    "a": {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]},
    "b": {"dtype": "U8", "shape": [8], "data_offsets": [4, 12]},
}
HOSTILE_SAFETENSORS = {
    "cut header": safetensors_bytes({"a": F32}, length=999),
    "length 2**63": safetensors_bytes({}, length=2**63),
    "length 2**64 - 1": safetensors_bytes({}, length=2**64 - 1),
    "cut data": safetensors_bytes({"a": F32}, bytes(7)),
    "more data": safetensors_bytes({"a": F32}, bytes(9)),
    "overlap": safetensors_bytes(PAIR, bytes(12)),
    "outside": safetensors_bytes({"a": {**F32, "data_offsets": [800, 808]}}, bytes(8)),
    "backwards": safetensors_bytes({"a": {**F32, "data_offsets": [8, 0]}}, bytes(8)),
    "negative shape": safetensors_bytes({"a": {**F32, "shape": [-2]}}, bytes(8)),
    "huge shape": safetensors_bytes({"a": {**F32, "shape": [2**62, 2**62]}}, bytes(8)),
    "unknown dtype": safetensors_bytes({"a": {**F32, "dtype": "F\x1b[31m"}}, bytes(8)),
    "deep list": safetensors_bytes(b"[" * 100_000),
    "deep extra": safetensors_bytes(b'{"a":{"x":' + b"[" * 10**5 + b"]" * 10**5 + b"}}"),
    "no UTF-8": safetensors_bytes(b'{"\xff\xfe": {}}'),
    "no fields": safetensors_bytes({"a": {}}),
    "fields in a list": safetensors_bytes(b'{"a":["F32",[2],[0,8]]}', bytes(8)),
    "two of a name": safetensors_bytes(
        b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},'
        b'"a":{"dtype":"I32","shape":[2],"data_offsets":[0,8]}}',
        bytes(8),
    ),
    "huge header": safetensors_bytes(
        json.dumps({"a": F32}).encode().ljust(MAX_JSON_BYTES + 1), bytes(8)
    ),
}
# What the readers here must notice themselves, because the library lets it pass.
OWN_REFUSALS = {
    "fields in a list": "unknown form",
    "two of a name": "twice",
    "huge header": "header of 16777217 bytes",
}


@pytest.mark.parametrize("case", HOSTILE_SAFETENSORS)
def test_hostile_safetensors_are_refused(tmp_path: Path, case: str) -> None:
    path = written(tmp_path, "a.safetensors", HOSTILE_SAFETENSORS[case])
    assert len(refused(path, OWN_REFUSALS.get(case, "save or fetch it again"))) < 600


def test_recursion_in_the_json_does_not_leak(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, "a.safetensors", safetensors_bytes({"a": F32}, bytes(8)))

    def recurse(*_: object, **__: object) -> None:
        raise RecursionError("maximum recursion depth exceeded")

    monkeypatch.setattr(json, "loads", recurse)
    refused(path, "recursion")


@pytest.mark.parametrize("place", [[0, 800], [-8, 0], [0, 4]])
def test_offsets_are_checked_without_the_library_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: list[int]
) -> None:
    safetensors = pytest.importorskip("safetensors")
    monkeypatch.setattr(safetensors, "safe_open", lambda *_, **__: io.BytesIO())
    header = {"a": {**F32, "data_offsets": place}}
    path = written(tmp_path, "a.safetensors", safetensors_bytes(header, bytes(8)))
    if place == [0, 4]:
        has_problem(only(path), "declares 8 bytes of data where 4 exist")
    else:
        refused(path, "outside the file")


def test_too_many_dimensions_are_a_problem(tmp_path: Path) -> None:
    header = {"a": {"dtype": "U8", "shape": [1] * 65, "data_offsets": [0, 1]}}
    path = written(tmp_path, "a.safetensors", safetensors_bytes(header, b"\0"))
    has_problem(only(path), "65 dimensions")


@pytest.mark.parametrize("shape", [[0, 2**62], [2**63, 0]])
def test_empty_but_impossible_shapes_end_in_an_error(tmp_path: Path, shape: list[int]) -> None:
    header = {"a": {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]}}
    refusal(only(written(tmp_path, "a.safetensors", safetensors_bytes(header))).load)


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31mred", "\u202egnp", "\x00", "\x7f", "../../x"])
def test_strange_names_are_made_printable(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, "a.safetensors", safetensors_bytes({name: F32}, bytes(8)))
    entry = only(path)
    assert entry.name == printable(name)
    assert entry.name.isprintable()
    path.write_bytes(b"")
    refusal(entry.load, entry.name)


def test_printable_escapes_what_a_terminal_would_obey() -> None:
    assert printable("layer.0/größe 重み") == "layer.0/größe 重み"
    assert printable("a\n\x1b\u202e\ud800") == "a\\n\\x1b\\u202e\\ud800"


def test_strange_file_names_are_made_printable(tmp_path: Path) -> None:
    message = refused(written(tmp_path, "a\n\x1b[31m.npy", b"x"))
    assert "\\n\\x1b[31m" in message
    undecodable = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.safetensors")
    Path(undecodable).write_bytes(safetensors_bytes({"a": F32}, bytes(8)))
    assert only(Path(undecodable)).load().shape == (2,)


# ---- Hostile .npy -----------------------------------------------------------------------------

HOSTILE_NPY = {
    "cut header": npy_bytes(np.zeros(3))[:40],
    "cut data": npy_bytes(np.zeros(3))[:-1],
    "more data": npy_bytes(np.zeros(3)) + b"\0",
    "unknown version": npy_of_header(b"{}", version=b"\x09\x00"),
    "no dictionary": npy_of_header(b"[1, 2]"),
    "missing keys": npy_of_header(b"{'descr': '<f4'}"),
    "not a literal": npy_of_header(b"__import__('os').mkdir('mark')"),
    "deep literal": npy_of_header(b"[" * 9000),
    "deep minus": npy_of_header(b"-" * 9000 + b"1"),
    "deep sum": npy_of_header(b"1" + b"+1j" * 3000),
    "escape codes": npy_of_header(b"{'\x1b[31m\\d': \n 1}"),
    "null byte": npy_of_header(b"\0"),
    "long header": npy_of_header(b" " * (MAX_NPY_HEADER + 1)),
    "header of 4 GB": b"\x93NUMPY\x02\x00\xff\xff\xff\xff{",
    "shape with a long number": npy_of_shape("(" + "9" * 5000 + ",)"),
    "shape with long numbers": npy_of_shape("(" + ("9" * 2000 + ",") * 4 + ")"),
    "negative shape": npy_of_shape("(-2, -1)", bytes(8)),
    "huge shape": npy_of_shape(f"({2**62}, {2**62})"),
    "huge data": npy_of_shape(f"({2**40},)"),
    "many dimensions": npy_of_shape("(" + "1," * 65 + ")", bytes(4)),
    "no tuple": npy_of_shape("3"),
    "text in shape": npy_of_shape("('3',)"),
    "unknown descr": npy_of_header(b"{'descr':'<W4','fortran_order':False,'shape':(1,)}", b"1234"),
    "strange descr": npy_of_header(b"{'descr':[1,{}],'fortran_order':False,'shape':(1,)}", b"1"),
}


@pytest.mark.parametrize("case", HOSTILE_NPY)
@pytest.mark.filterwarnings("error")
def test_hostile_npy_is_refused(tmp_path: Path, case: str) -> None:
    message = refused(written(tmp_path, "a.npy", HOSTILE_NPY[case]))
    assert len(message) < 600
    assert "allow_pickle" not in message


@pytest.mark.parametrize("case", HOSTILE_NPY)
@pytest.mark.filterwarnings("error")
def test_hostile_npy_is_a_problem_of_its_npz_member(tmp_path: Path, case: str) -> None:
    content = zip_bytes({"bad.npy": HOSTILE_NPY[case], "good.npy": npy_bytes(np.ones(2))})
    bad, good = open_tensors(written(tmp_path, "a.npz", content))
    has_problem(bad)
    np.testing.assert_array_equal(good.load(), np.ones(2), strict=True)


def test_python_objects_are_refused(tmp_path: Path) -> None:
    array = np.array([Bomb(tmp_path / "mark")])
    content = npy_bytes(array, allow_pickle=True)
    refused(written(tmp_path, "a.npy", content), "pickle", "array.astype(np.float32)")
    has_problem(only(written(tmp_path, "a.npz", zip_bytes({"a.npy": content}))), "pickle")
    fields = np.zeros(1, [("x", "O")])
    refused(written(tmp_path, "b.npy", npy_bytes(fields, allow_pickle=True)), "pickle")
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros(3, ml_dtypes.bfloat16), "opaque 2-byte values: NumPy does not store ml_dtypes"),
        (np.zeros(3, ml_dtypes.float8_e4m3fn), "opaque 1-byte values"),
        (np.zeros(3, ml_dtypes.int4), "save as .safetensors"),
        (np.zeros(3, "V3"), "opaque 3-byte values"),
        (np.zeros(3, [("x", "f4"), ("größe", "i4")]), "structured"),
        (np.zeros(3, [("重み", "f4")]), "structured"),
        (np.array(["abc"]), "not numbers"),
        (np.array([b"abc"]), "not numbers"),
        (np.zeros(3, "M8[s]"), "not numbers"),
    ],
)
@pytest.mark.filterwarnings("ignore:Stored array in format 3.0:UserWarning")
def test_dtypes_that_are_no_numbers_are_a_problem(
    tmp_path: Path, suffix: str, array: Array, words: str
) -> None:
    content = npy_bytes(array)
    if suffix == ".npz":
        content = zip_bytes({"a.npy": content})
    entry = only(written(tmp_path, "a" + suffix, content))
    assert entry.shape == array.shape
    has_problem(entry, words)


@pytest.mark.parametrize("suffix", [".safetensors", ".npy"])
def test_a_file_that_shrinks_after_opening(tmp_path: Path, suffix: str) -> None:
    content = npy_bytes(np.zeros(2, np.float32))
    if suffix == ".safetensors":
        content = safetensors_bytes({"a": F32}, bytes(8))
    path = written(tmp_path, "a" + suffix, content)
    entry = only(path)
    path.write_bytes(content[:-3])
    refusal(entry.load, str(path), "cut short")
    path.unlink()
    refusal(entry.load, str(path), "No such file")


def test_a_tensor_beyond_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = only(written(tmp_path, "a.npy", npy_bytes(np.zeros(2))))

    def exhaust(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(np, "fromfile", exhaust)
    refusal(entry.load, "memory")


# ---- Hostile .npz -----------------------------------------------------------------------------


def patched_member(content: bytes, offset: int, value: bytes) -> bytes:
    """Overwrite a field of the last central directory record, where readers take a size from."""
    start = content.rindex(b"PK\x01\x02") + offset
    return content[:start] + value + content[start + len(value) :]


def test_npz_members_that_are_no_arrays(tmp_path: Path) -> None:
    members = {"folder/": b"", "readme.txt": b"hello", "w.npy": npy_bytes(np.ones(2))}
    entries = open_tensors(written(tmp_path, "a.npz", zip_bytes(members)))
    assert [entry.name for entry in entries] == ["readme.txt", "w"]
    has_problem(entries[0], "not a .npy member")
    assert entries[1].load().shape == (2,)


def test_npz_without_members_is_an_empty_list(tmp_path: Path) -> None:
    assert open_tensors(written(tmp_path, "a.npz", zip_bytes({}))) == []


def test_npz_names_are_only_names(tmp_path: Path) -> None:
    members = {"../../etc/x.npy": npy_bytes(np.ones(2)), "/\x1b[2J.npy": npy_bytes(np.ones(3))}
    entries = open_tensors(written(tmp_path, "a.npz", zip_bytes(members)))
    assert [entry.name for entry in entries] == ["../../etc/x", "/\\x1b[2J"]
    assert [entry.load().size for entry in entries] == [2, 3]
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_npz_names_differ(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a.npy", npy_bytes(np.ones(2)))
        archive.writestr("a.npy", npy_bytes(np.ones(2)))
    refused(tmp_path / "a.npz", "share one name")


def test_npz_encrypted_member(tmp_path: Path) -> None:
    content = patched_member(zip_bytes({"a.npy": npy_bytes(np.ones(2))}), 8, b"\x01\x00")
    has_problem(only(written(tmp_path, "a.npz", content)), "encrypted")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_npz_other_compression(tmp_path: Path, method: int) -> None:
    content = zip_bytes({"a.npy": npy_bytes(np.ones(2))}, method)
    has_problem(only(written(tmp_path, "a.npz", content)), "np.savez_compressed")


def test_npz_flipped_data_fails_its_checksum(tmp_path: Path) -> None:
    array = np.full(5000, 1.5)
    content = bytearray(zip_bytes({"a.npy": npy_bytes(array)}, zipfile.ZIP_STORED))
    content[1000] ^= 1
    entry = only(written(tmp_path, "a.npz", bytes(content)))
    assert entry.problem is None
    refusal(entry.load, "a.npz: a", "CRC")


def test_npz_flipped_deflate_stream(tmp_path: Path) -> None:
    noise = np.frombuffer(np.random.default_rng(1).bytes(40_000), np.uint8) % 4
    content = bytearray(zip_bytes({"a.npy": npy_bytes(noise)}))
    content[len(content) // 2 :: 7] = bytes(len(content[len(content) // 2 :: 7]))
    path = written(tmp_path, "a.npz", bytes(content))
    with pytest.raises(TensorFileError):
        only(path).load()


def test_npz_size_that_its_bytes_cannot_hold(tmp_path: Path) -> None:
    size = 2**31
    member = npy_of_shape(f"({size // 4},)")
    whole = struct.pack("<I", size + len(member))
    content = patched_member(zip_bytes({"a.npy": member}), 24, whole)
    has_problem(only(written(tmp_path, "a.npz", content)), "can hold")


def test_npz_size_that_is_not_there(tmp_path: Path) -> None:
    size = DEFLATE_RATIO * 64 // 4 * 4
    member = npy_of_shape(f"({size // 4},)", bytes(8))
    whole = struct.pack("<I", size + len(member) - 8)
    content = patched_member(zip_bytes({"a.npy": member}), 24, whole)
    entry = only(written(tmp_path, "a.npz", content))
    assert entry.shape == (size // 4,)
    refusal(entry.load)


def test_npz_bomb_holds_no_more_than_its_tensor(tmp_path: Path) -> None:
    content = zip_bytes({"a.npy": npy_bytes(np.zeros(2)) + bytes(10_000_000)})
    has_problem(only(written(tmp_path, "a.npz", content)), "16 bytes of data where 10000016 exist")


def test_npz_header_bomb_is_not_unpacked(tmp_path: Path) -> None:
    header = b"\x93NUMPY\x02\x00" + struct.pack("<I", 30_000_000) + b" " * 30_000_000
    path = written(tmp_path, "a.npz", zip_bytes({"a.npy": header}))
    tracemalloc.start()
    try:
        has_problem(only(path), "header")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


def test_npz_without_end_or_with_a_false_one(tmp_path: Path) -> None:
    content = zip_bytes({"a.npy": npy_bytes(np.ones(2))})
    refused(written(tmp_path, "a.npz", content[:-10]), "not a zip file")
    end = content.rindex(b"PK\x05\x06")
    for field in (8, 10, 12, 16):
        false = content[: end + field] + b"\xfe\xff" + content[end + field + 2 :]
        path = written(tmp_path, "b.npz", false)
        consume(path)


# ---- Fuzzing ----------------------------------------------------------------------------------


def sound_files() -> dict[str, bytes]:
    """Return the content of a small sound file of each kind."""
    arrays = [np.arange(6, dtype=np.float32).reshape(2, 3), np.ones(2, ml_dtypes.float8_e5m2)]
    members = {f"{n}.npy": npy_bytes(array) for n, array in enumerate(arrays)}
    header = {
        "a": F32,
        "b": {"dtype": "BF16", "shape": [2, 1], "data_offsets": [8, 12]},
        "c": {"dtype": "F8_E4M3", "shape": [], "data_offsets": [12, 13]},
        "d": {"dtype": "F6_E3M2", "shape": [2, 4], "data_offsets": [13, 19]},
    }
    return {
        "a.safetensors": safetensors_bytes(header, bytes(range(200, 219))),
        "c.npy": members["0.npy"],
        "f.npy": npy_bytes(np.asfortranarray(arrays[0].astype(">f2"))),
        "e5m2.npy": members["1.npy"],
        "deflated.npz": zip_bytes(members),
        "stored.npz": zip_bytes(members, zipfile.ZIP_STORED),
    }


@pytest.mark.parametrize("name", sound_files())
def test_damage_ends_in_a_result_or_a_refusal(tmp_path: Path, name: str) -> None:
    content = sound_files()[name]
    path = tmp_path / name

    @settings(max_examples=250, deadline=None)
    @given(EDITS)
    def damage(edits: list[tuple[str, float, bytes]]) -> None:
        path.write_bytes(mutated(content, edits))
        consume(path)

    consume(written(tmp_path, name, content))
    damage()


@pytest.mark.parametrize("name", sound_files())
def test_every_truncation_is_refused_or_read(tmp_path: Path, name: str) -> None:
    content = sound_files()[name]
    path = tmp_path / name
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(TensorFileError):
            open_tensors(path)


@settings(max_examples=200, deadline=None)
@given(
    text=st.text(st.sampled_from("{}[](),'\"0123456789<>|fuiOVSdescrshape: L-\n\\"), max_size=80)
)
def test_any_header_text_ends_in_a_result_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "header.npy"
    path.write_bytes(npy_of_header(text.encode(), bytes(8)))
    consume(path)
    path.write_bytes(npy_of_shape(text, bytes(8)))
    consume(path)
