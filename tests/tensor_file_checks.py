"""What tests of tensor files share: files of damaged bytes, and what may come of them."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import strategies as st

from numformats.tensor_files.opening import (
    TensorEntry,
    TensorFileError,
    open_tensors,
    printable,
)


def safetensors_bytes(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    """Build a .safetensors file from a header, given as an object or as raw JSON bytes."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def written(folder: Path, name: str, content: bytes) -> Path:
    """Write a file and return its path."""
    path = folder / name
    path.write_bytes(content)
    return path


def refusal(action: Callable[[], object], *words: str) -> str:
    """Check that an action raises one printable line holding these words, and return it."""
    with pytest.raises(TensorFileError) as caught:
        action()
    message = str(caught.value)
    assert message.isprintable()
    for word in words:
        assert word in message
    return message


def refused(path: Path, *words: str) -> str:
    """Check that a file is refused on opening, in a line that names it."""
    return refusal(lambda: open_tensors(path), printable(str(path)), *words)


def only(path: Path) -> TensorEntry:
    """Return the one entry of a file."""
    (entry,) = open_tensors(path)
    return entry


def has_problem(entry: TensorEntry, *words: str) -> None:
    """Check that an entry states its problem in one line, and that loading it says the same."""
    assert entry.problem is not None
    assert entry.problem.isprintable()
    for word in words:
        assert word in entry.problem
    refusal(entry.load, entry.name, entry.problem)


def consume(path: Path) -> None:
    """Open a file and load all of it; nothing but TensorFileError may come of damage."""
    try:
        entries = open_tensors(path)
    except TensorFileError as error:
        assert str(error).isprintable()
        return
    for entry in entries:
        assert entry.name.isprintable()
        assert entry.problem is None or entry.problem.isprintable()
        try:
            array = entry.load()
        except TensorFileError as error:
            assert str(error).isprintable()
        else:
            assert entry.problem is None
            assert array.shape == entry.shape
            if entry.read is not None:
                size = math.prod(entry.shape)
                ranges = [
                    (0, size),
                    (size // 3, size),
                    (size // 2, size // 2),
                    (0, size - size // 3),
                ]
                for start, stop in ranges:
                    part = entry.read(start, stop)
                    assert part.tobytes() == array.reshape(-1)[start:stop].tobytes()


def mutated(content: bytes, edits: list[tuple[str, float, bytes]]) -> bytes:
    """Apply edits to content; each gives its place as a fraction of the length."""
    for kind, fraction, piece in edits:
        at = int(fraction * len(content))
        if kind == "cut":
            content = content[:at]
        elif kind == "insert":
            content = content[:at] + piece + content[at:]
        elif kind == "delete":
            content = content[:at] + content[at + len(piece) :]
        else:
            content = content[:at] + piece + content[at + len(piece) :]
    return content


PIECES = st.one_of(
    st.binary(min_size=1, max_size=8),
    st.sampled_from([b"\xff" * 8, b"-", b"9", b"[", b'"', b"(", b"O", b"'", b"\n", b"PK\x01\x02"]),
)
KINDS = st.sampled_from(["cut", "insert", "delete", "replace", "replace", "replace"])
EDITS = st.lists(st.tuples(KINDS, st.floats(0, 1), PIECES), min_size=1, max_size=4)
