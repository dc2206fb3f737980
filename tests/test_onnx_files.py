"""ONNX models: every type against the `onnx` package and by hand, and messages that lie."""

from __future__ import annotations

import os
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray
from onnx_models import external, field, model, raw, tensor, varint
from tensor_file_checks import EDITS, consume, has_problem, mutated, only, refused, written

from numformats.tensor_files import TensorFileError, open_tensors
from numformats.tensor_files.onnx_files import TYPES
from numformats.tensor_files.onnx_messages import MAX_TENSORS, TensorField
from numformats.tensor_files.raw import named_dtype


def codes_of(name: str, count: int, bits: int) -> NDArray[np.uint8]:
    """Random codes of less than eight bits."""
    return np.random.default_rng(len(name)).integers(0, 1 << bits, count).astype(np.uint8)


def stream_of(codes: NDArray[np.uint8], bits: int) -> bytes:
    """Codes as one long number, the first in the lowest bits."""
    whole = sum(code << bits * place for place, code in enumerate(codes.tolist()))
    return whole.to_bytes((codes.size * bits + 7) // 8, "little")


# ---- Values -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "kind"), TYPES.items())
@pytest.mark.parametrize("shape", [(3, 5), (), (2, 0), (64,)])
def test_raw_data(tmp_path: Path, number: int, kind: Any, shape: tuple[int, ...]) -> None:
    dtype, count = named_dtype(kind.dtype_name), int(np.prod(shape))
    if kind.bits < 8:
        meant = codes_of(kind.dtype_name, count, kind.bits)
        data = stream_of(meant, kind.bits)
    else:
        data = np.random.default_rng(number).bytes(count * dtype.itemsize)
        meant = np.frombuffer(data, np.uint8)
    odd = tensor("odd", [1], 2, raw(b"x"))
    content = model(odd, tensor("w", shape, number, raw(data)))
    path = written(tmp_path, "a.onnx", content)
    _, entry = open_tensors(path)
    assert (entry.dtype_name, entry.shape, entry.problem) == (kind.dtype_name, shape, None)
    found = entry.load()
    assert (found.dtype, found.shape) == (dtype, shape)
    assert found.tobytes() == meant.tobytes()
    consume(path)


@pytest.mark.parametrize(
    ("number", "array"),
    [
        (1, np.array([[1.5, -2.0], [0.1, np.inf]], np.float32)),
        (11, np.array([1.5, -2.0, 1e300])),
        (14, np.array([1 + 2j, 3 - 4j], np.complex64)),
        (15, np.array([1 + 2j, 3 - 4j])),
    ],
)
def test_fields_of_floats(tmp_path: Path, number: int, array: NDArray[Any]) -> None:
    content = model(
        tensor("w", array.shape, number, field(TYPES[number].typed_field, array.tobytes()))
    )
    entry = only(written(tmp_path, "a.onnx", content))
    np.testing.assert_array_equal(entry.load(), array, strict=True)
    assert entry.read is not None


INTEGERS = {
    2: [0, 1, 255],
    3: [0, -1, -128, 127],
    4: [0, 65535, 300],
    5: [-32768, 32767],
    6: [-(2**31), 2**31 - 1, 0],
    7: [-(2**63), 2**63 - 1, 5],
    9: [0, 1, 1],
    12: [0, 2**32 - 1],
    13: [0, 2**64 - 1, 128],
}


@pytest.mark.parametrize(("number", "values"), INTEGERS.items())
def test_fields_of_integers(tmp_path: Path, number: int, values: list[int]) -> None:
    kind = TYPES[number]
    packed = field(kind.typed_field, b"".join(map(varint, values)))
    entry = only(written(tmp_path, "a.onnx", model(tensor("w", [len(values)], number, packed))))
    found = entry.load()
    assert found.dtype == named_dtype(kind.dtype_name)
    assert found.astype(object).tolist() == values
    # What has to be counted from the beginning cannot be read in parts.
    assert entry.read is None


@pytest.mark.parametrize("number", [n for n, kind in TYPES.items() if kind.dtype_name[0] in "bf"])
def test_floats_in_int32_data_are_their_bits(tmp_path: Path, number: int) -> None:
    kind = TYPES[number]
    if kind.typed_field != TensorField.INT32_DATA or kind.dtype_name == "bool":
        return
    dtype = named_dtype(kind.dtype_name)
    codes = codes_of(kind.dtype_name, 15, min(kind.bits, 8))
    entries = stream_of(codes, kind.bits) if kind.bits == 4 else codes
    packed = field(5, b"".join(varint(int(code)) for code in entries))
    found = only(written(tmp_path, "a.onnx", model(tensor("w", [3, 5], number, packed)))).load()
    assert found.dtype == dtype
    assert found.reshape(-1).view(f"u{dtype.itemsize}").tolist() == codes.tolist()


@pytest.mark.parametrize(("number", "bits"), [(21, 4), (22, 4), (25, 2), (26, 2)])
def test_narrow_integers_in_int32_data(tmp_path: Path, number: int, bits: int) -> None:
    codes = codes_of("w", 7, bits)
    packed = field(5, b"".join(map(varint, stream_of(codes, bits))))
    found = only(written(tmp_path, "a.onnx", model(tensor("w", [7], number, packed)))).load()
    assert found.view(np.uint8).tolist() == codes.tolist()
    top = 1 << bits - 1
    is_signed = TYPES[number].dtype_name[0] == "i"
    meant = [(code ^ top) - top if is_signed else code for code in codes.tolist()]
    assert found.astype(np.int64).tolist() == meant


def test_dims_may_be_packed_and_fields_in_any_order(tmp_path: Path) -> None:
    data = np.arange(6, dtype=np.float32)
    packed = raw(data.tobytes()) + field(2, 1) + field(8, b"w") + field(1, bytes([2, 3]))
    found = only(written(tmp_path, "a.onnx", model(packed))).load()
    np.testing.assert_array_equal(found, data.reshape(2, 3))


def test_long_fields_of_integers(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(-(2**62), 2**62, 5000) >> np.arange(5000) % 62
    packed = field(7, b"".join(varint(int(value)) for value in values))
    entry = only(written(tmp_path, "a.onnx", model(tensor("w", [50, 100], 7, packed))))
    np.testing.assert_array_equal(entry.load(), values.reshape(50, 100))


@pytest.mark.peers
def test_models_that_onnx_writes(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="ONNX is not installed")
    from onnx import helper, numpy_helper

    rng = np.random.default_rng(0)
    made, meant = [], {}
    for number, kind in TYPES.items():
        for shape in [(3, 5), (64,), (1, 0)]:
            dtype, count = helper.tensor_dtype_to_np_dtype(number), int(np.prod(shape))
            if kind.bits < 8:
                values = codes_of(kind.dtype_name, count, kind.bits).view(dtype)
            elif kind.dtype_name == "bool":
                values = rng.integers(0, 2, count).astype(bool)
            else:
                values = np.frombuffer(rng.bytes(count * dtype.itemsize), dtype)
            values = values.reshape(shape)
            label = f"{kind.dtype_name} {shape}"
            typed = helper.make_tensor(f"{label} typed", number, shape, values, raw=False)
            for each in (numpy_helper.from_array(values, f"{label} raw"), typed):
                made.append(each)
                meant[each.name] = numpy_helper.to_array(each)
    graph = helper.make_graph([], "g", [], [], initializer=made)
    path = written(tmp_path, "a.onnx", helper.make_model(graph).SerializeToString())
    entries = {entry.name: entry for entry in open_tensors(path)}
    assert entries.keys() == meant.keys()
    for name, array in meant.items():
        found = entries[name].load()
        assert (found.dtype, found.shape) == (array.dtype, array.shape), name
        assert found.tobytes() == array.tobytes(), name
    consume(path)
    onnx.save(
        helper.make_model(graph),
        tmp_path / "b.onnx",
        save_as_external_data=True,
        location="weights/b.bin" if (tmp_path / "weights").mkdir() is None else "",
        size_threshold=0,
    )
    for entry in open_tensors(tmp_path / "b.onnx"):
        assert entry.load().tobytes() == meant[entry.name].tobytes(), entry.name


# ---- Files beside the model -------------------------------------------------------------------


def test_external_data(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    data = np.arange(12, dtype=np.float32)
    written(tmp_path / "deep", "w.bin", b"abcd" + data.tobytes() + b"rest")
    one = tensor("one", [3, 4], 1, external(location="deep/w.bin", offset="4", length="48"))
    codes = tensor("codes", [3], 23, external(location="deep/w.bin", length="2"))
    all_ = tensor("all", [56], 2, external(location="deep/w.bin"))
    path = written(tmp_path, "a.onnx", model(one, codes, all_))
    first, second, third = open_tensors(path)
    np.testing.assert_array_equal(first.load(), data.reshape(3, 4))
    assert first.read is not None
    assert first.read(3, 5).tolist() == [3, 4]
    assert second.load().view(np.uint8).tolist() == [1, 6, 2]
    assert third.load().tobytes() == (tmp_path / "deep" / "w.bin").read_bytes()
    consume(path)


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ({}, "not a file in its own folder"),
        ({"location": ""}, "not a file in its own folder"),
        ({"location": "../w.bin"}, "'../w.bin', which is not a file in its own folder"),
        ({"location": "a/../../w.bin"}, "not a file in its own folder"),
        ({"location": "a\\..\\..\\w.bin"}, "not a file in its own folder"),
        ({"location": "/etc/passwd"}, "not a file in its own folder"),
        ({"location": "C:\\w.bin"}, "not a file in its own folder"),
        ({"location": "w\0.bin"}, "not a file in its own folder"),
        ({"location": "n" * 300}, "too long"),
        ({"location": "absent.bin"}, "'absent.bin', which is missing"),
        ({"location": "."}, "not a file in its own folder"),
        ({"location": "folder"}, "which is missing"),
        ({"location": "w.bin", "offset": "4"}, "declares 8 bytes of data where 4 exist"),
        ({"location": "w.bin", "length": "9"}, "outside 'w.bin'"),
        ({"location": "w.bin", "offset": "9" * 19}, "outside 'w.bin'"),
        ({"location": "w.bin", "offset": "9" * 20}, "for an offset"),
        ({"location": "w.bin", "offset": "-1"}, "'-1' for an offset"),
        ({"location": "w.bin", "offset": "\u0665"}, "for an offset"),
        ({"location": "w.bin", "length": "4"}, "declares 8 bytes of data where 4 exist"),
    ],
)
def test_external_data_that_cannot_be(tmp_path: Path, words: dict[str, str], fault: str) -> None:
    folder = tmp_path / "model"
    (folder / "folder").mkdir(parents=True)
    written(tmp_path, "w.bin", bytes(8))
    written(folder, "w.bin", bytes(8))
    sound = tensor("sound", [2], 1, raw(bytes(8)))
    path = written(folder, "a.onnx", model(tensor("w", [2], 1, external(**words)), sound))
    entry, other = open_tensors(path)
    has_problem(entry, fault)
    assert other.load().shape == (2,)


def test_external_data_behind_a_link(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    written(tmp_path, "w.bin", bytes(8))
    (folder / "w.bin").symlink_to("../w.bin")
    os.mkfifo(folder / "pipe.bin")
    linked = tensor("linked", [2], 1, external(location="w.bin"))
    pipe = tensor("pipe", [2], 1, external(location="pipe.bin"))
    first, second = open_tensors(written(folder, "a.onnx", model(linked, pipe)))
    assert first.load().shape == (2,)
    has_problem(second, "missing")


# ---- Messages that lie ------------------------------------------------------------------------

SOUND = tensor("s", [2], 1, raw(bytes(8)))
REFUSED: dict[str, tuple[bytes, str]] = {
    "no graph": (field(1, 8), "has no graph"),
    "text": (b"# ONNX\n" * 9, "fetch it again"),
    "cut field": (model(SOUND)[:-2], "ends within"),
    "long field": (field(7, b"")[:-1] + varint(2**63), "ends within a field"),
    "long number": (b"\xff" * 11, "too long a one"),
    "field 0": (b"\x00\x01" + model(SOUND), "without a number"),
    "groups": (b"\x0b\x0c" + model(SOUND), "unknown kind 3"),
    "kind 7": (b"\x0f" + model(SOUND), "unknown kind 7"),
    "two of a name": (model(SOUND, SOUND), "names a tensor twice"),
    "no UTF-8": (model(field(8, b"\xff\xfe")), "damaged"),
    "long name": (model(field(8, b"n" * 70_000)), "above 65536 bytes"),
    "name of a number": (model(field(8, 5)), "no text"),
    "many dimensions": (model(tensor("w", [1] * 65, 1, raw(bytes(4)))), "above 64 dimensions"),
    "packed dimensions": (model(field(1, b"\x01" * 999)), "above 640 bytes"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_hostile_models_are_refused(tmp_path: Path, case: str) -> None:
    content, words = REFUSED[case]
    assert len(refused(written(tmp_path, "a.onnx", content), words)) < 600


PROBLEMS: dict[str, tuple[bytes, str]] = {
    "text": (tensor("w", [1], 8, field(6, b"abc")), "type 8 is not of numbers"),
    "no type": (tensor("w", [1], 0, raw(b"x")), "type 0"),
    "unknown type": (tensor("w", [1], 99, raw(b"x")), "type 99"),
    "no values": (tensor("w", [2], 1), "has no values"),
    "few values": (tensor("w", [2], 1, raw(bytes(7))), "declares 8 bytes of data where 7 exist"),
    "few floats": (tensor("w", [2], 1, field(4, bytes(4))), "declares 8 bytes"),
    "few integers": (tensor("w", [9], 7, field(7, b"\x01" * 8)), "declares 9 numbers"),
    "huge": (tensor("w", [2**40, 2**22], 1, raw(bytes(8))), "where 8 exist"),
    "huge integers": (tensor("w", [2**40], 7, field(7, bytes(8))), "declares 1099511627776"),
    "negative": (tensor("w", [-2, -1], 1, raw(bytes(8))), "negative"),
    "negative and empty": (tensor("w", [-1, 0], 1), "negative"),
    "one by one": (tensor("w", [2], 7, field(7, 1), field(7, 2)), "one by one"),
    "segment": (tensor("w", [2], 1, raw(bytes(8)), field(3, field(1, 0))), "segments"),
}
LATE_PROBLEMS: dict[str, tuple[bytes, str]] = {
    "too few": (tensor("w", [2], 7, field(7, b"\x81\x82\x03")), "has 1 numbers for 2 values"),
    "unended": (tensor("w", [2], 7, field(7, b"\x01\x02\x83")), "numbers for 2 values"),
    "long": (tensor("w", [2], 7, field(7, b"\x81" * 11 + b"\x01\x01")), "more than 64 bits"),
    "wide": (tensor("w", [1], 3, field(5, varint(128))), "int8 does not hold"),
    "wide float": (tensor("w", [1], 17, field(5, varint(256))), "uint8 does not hold"),
    "wide float6": (tensor("w", [1], 27, field(5, varint(64))), "more than 6 bits"),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_faults_of_one_tensor_leave_the_others(tmp_path: Path, case: str) -> None:
    content, words = PROBLEMS[case]
    entry, sound = open_tensors(written(tmp_path, "a.onnx", model(content, SOUND)))
    has_problem(entry, words)
    assert sound.load().shape == (2,)


@pytest.mark.parametrize("case", LATE_PROBLEMS)
def test_faults_that_are_found_on_loading(tmp_path: Path, case: str) -> None:
    content, words = LATE_PROBLEMS[case]
    entry = only(written(tmp_path, "a.onnx", model(content)))
    with pytest.raises(TensorFileError, match=words):
        entry.load()


def test_sparse_initialisers_are_a_problem(tmp_path: Path) -> None:
    sparse = field(15, field(1, tensor("w", [1], 1, raw(bytes(4)))) + field(3, 100))
    first, second = open_tensors(written(tmp_path, "a.onnx", model(SOUND, extra=sparse)))
    assert (first.name, second.name) == ("s", "w")
    has_problem(second, "sparse")


def test_weights_are_not_read_before_they_are_asked_for(tmp_path: Path) -> None:
    size = 4_000_000
    tensors = [tensor(f"t{n}", [size // 4], 1, raw(bytes(size))) for n in range(3)]
    path = written(tmp_path, "a.onnx", model(*tensors))
    del tensors
    tracemalloc.start()
    try:
        entries = open_tensors(path)
        _, opened = tracemalloc.get_traced_memory()
        for entry in entries:
            assert entry.load().nbytes == size
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert opened < 200_000
    assert size < peak < 2 * size


def test_many_fields_and_many_tensors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from numformats.tensor_files import onnx_messages, protobuf

    assert MAX_TENSORS > 100_000
    monkeypatch.setattr(onnx_messages, "MAX_TENSORS", 3)
    content = model(*(tensor(f"t{n}", [], 2, raw(b"x")) for n in range(4)))
    refused(written(tmp_path, "a.onnx", content), "above 3 initialisers")
    monkeypatch.setattr(protobuf, "MAX_FIELDS", 100)
    refused(written(tmp_path, "a.onnx", field(1, 8) * 101), "more than 100 fields")


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31m", "\u202egnp", "../../x", ""])
def test_strange_names_are_made_printable(tmp_path: Path, name: str) -> None:
    content = model(tensor(name, [2], 1, raw(bytes(8))))
    entry = only(written(tmp_path, "a.onnx", content))
    assert entry.name.isprintable()
    assert entry.load().shape == (2,)


# ---- Fuzzing ----------------------------------------------------------------------------------


def sound_model() -> bytes:
    """Tensors of every way to hold values."""
    return model(
        tensor("raw", [2, 3], 1, raw(bytes(range(24)))),
        tensor("floats", [2], 1, field(4, bytes(range(8)))),
        tensor("ints", [3], 7, field(7, varint(-1) + varint(300) + varint(2))),
        tensor("nibbles", [3], 22, raw(b"\x21\x03")),
        tensor("codes", [5], 23, field(5, b"\x21\x43\x05")),
        tensor("halves", [2], 10, field(5, varint(0x3C00) * 2)),
        tensor("outside", [2], 16, external(location="w.bin", offset="2", length="4")),
    )


def test_damage_ends_in_a_result_or_a_refusal(tmp_path: Path) -> None:
    content = sound_model()
    written(tmp_path, "w.bin", bytes(range(200, 208)))
    path = written(tmp_path, "a.onnx", content)
    consume(path)
    assert all(entry.problem is None for entry in open_tensors(path))

    @settings(max_examples=500, deadline=None)
    @given(EDITS)
    def damage(edits: list[tuple[str, float, bytes]]) -> None:
        path.write_bytes(mutated(content, edits))
        consume(path)

    damage()


def test_every_truncation_is_refused_or_has_all_tensors(tmp_path: Path) -> None:
    content = sound_model()
    written(tmp_path, "w.bin", bytes(8))
    path = written(tmp_path, "a.onnx", content)
    names = [entry.name for entry in open_tensors(path)]
    read = []
    for length in range(len(content)):
        path.write_bytes(content[:length])
        try:
            entries = open_tensors(path)
        except TensorFileError:
            continue
        assert [entry.name for entry in entries] == names
        read.append(length)
    # A model may end after its graph.
    assert read == [len(content) - len(field(8, field(2, 21)))]


def test_external_files_that_shrink(tmp_path: Path) -> None:
    content = model(tensor("w", [2], 1, external(location="w.bin")))
    side = written(tmp_path, "w.bin", struct.pack("<2f", 1, 2))
    entry = only(written(tmp_path, "a.onnx", content))
    side.write_bytes(bytes(5))
    with pytest.raises(TensorFileError, match="cut short"):
        entry.load()
