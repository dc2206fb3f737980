"""Read the tensors of .safetensors, .npy and .npz files, one at a time and trusting nothing.

A tensor file is input from a stranger: it may be cut short, flipped in transit, or built to make
its reader run code, fill the memory or print escape codes.  Three rules answer that:

* a pickle is never loaded, because loading one runs whatever code its author put there;
* a declared size is compared with the bytes that exist before anything of that size is allocated;
* every failure leaves as one `TensorFileError` of one printable line.

`open_tensors` reads headers alone; `TensorEntry.load` then reads the data of its own tensor, so a
caller that drops each array before the next needs the memory of the largest tensor only; and not
even that where it is mapped, as large ones are.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from numformats.analysis.numpy_files import (
    PICKLE_ADVICE,
    NpyHeader,
    RawTensor,
    RefusedError,
    check_size,
    named_dtype,
    npy_tensors,
    npz_tensors,
    read_region,
)

PICKLE_SUFFIXES = (".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt")
# The first bytes of pickle protocols 2 to 5, of a zip archive and of a .npy file.
PICKLE_STARTS = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
ZIP_START = b"PK\x03\x04"
NPY_START = b"\x93NUMPY"

SAFETENSORS_DTYPES = {
    "BOOL": "bool",
    "U8": "uint8",
    "U16": "uint16",
    "U32": "uint32",
    "U64": "uint64",
    "I8": "int8",
    "I16": "int16",
    "I32": "int32",
    "I64": "int64",
    "F16": "float16",
    "F32": "float32",
    "F64": "float64",
    "C64": "complex64",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "F8_E8M0": "float8_e8m0fnu",
}
PACKED_DTYPES = ("F4", "F6_E2M3", "F6_E3M2")
# Parsed JSON can take 25 times its text: this bounds it, at some 150 000 tensors in a file.
MAX_JSON_BYTES = 1 << 24
MAX_FAULT_TEXT = 300


class TensorFileError(ValueError):
    """A file that cannot be read as tensors: one line with its name, the fault and the way out."""


@dataclass(frozen=True)
class TensorEntry:
    """What a file says of one tensor before its data is read.

    `dtype_name` is NumPy's or ml_dtypes' name ("float8_e4m3fn"), or the file's own code where
    neither has one ("F4"); a .npz member too damaged to describe has "unknown" and the shape ().
    `problem` says why this tensor cannot be reported on, else is None.
    `load()` returns the array in the machine's byte order, read-only if it is large and mapped; it
    raises `TensorFileError` where there is a problem or the data turns out damaged.
    """

    name: str
    dtype_name: str
    shape: tuple[int, ...]
    load: Callable[[], NDArray[Any]]
    problem: str | None = None


def open_tensors(path: str | os.PathLike[str]) -> list[TensorEntry]:
    """List the tensors of a .safetensors, .npy or .npz file without reading their data.

    The entries of a .npz share one open archive, closed when the last of them is dropped.
    Raises `TensorFileError`, and nothing else, where the file cannot be read.
    """
    with _faults_named(str(path)):
        file = Path(path)
        _check_is_file(file)
        find = FINDERS.get(file.suffix.lower())
        if find is None:
            raise RefusedError(_suffix_fault(file.suffix))
        with file.open("rb") as stream:
            start = stream.read(len(NPY_START))
        try:
            return [_entry(file, raw) for raw in find(file)]
        except (RefusedError, ImportError, MemoryError, OSError):
            raise
        # Only a file that failed is asked what it really is: a sound .safetensors file may begin
        # with any bytes, those of a pickle among them.
        except Exception as error:
            fault = _content_fault(start, file.suffix.lower()) or describe_fault(error)
            raise RefusedError(fault) from error


def printable(text: str) -> str:
    """Return `text` with control, escape and other invisible characters spelt out, as in repr."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def describe_fault(error: Exception) -> str:
    """Say in one printable line what went wrong and what to do about it."""
    match error:
        case RefusedError():
            return printable(str(error))
        case ImportError():
            return f'reading it needs {error.name}; run pip install "numformats[cli]"'
        case MemoryError():
            return "does not fit into the free memory; free some, or split the tensor"
        case OSError():
            fault = printable(error.strerror or str(error))
            return f"cannot be read ({fault}); check the path and its permissions"
        case _:
            fault = printable(str(error)[:MAX_FAULT_TEXT] or type(error).__name__)
            return f"damaged, or not what its suffix says ({fault}); save or fetch it again"


@contextmanager
def _faults_named(where: str) -> Iterator[None]:
    """Turn whatever the block raises into a `TensorFileError` that says where it arose."""
    try:
        yield
    # Hostile bytes reach the parsers of four libraries, whose errors share no narrower base.
    except Exception as error:
        raise TensorFileError(f"{printable(where)}: {describe_fault(error)}") from error


def _entry(file: Path, raw: RawTensor) -> TensorEntry:
    """Make an entry fit to print, whose `load` fails with `TensorFileError` alone."""

    def load() -> NDArray[Any]:
        with _faults_named(f"{file}: {raw.name}"):
            if isinstance(raw.source, Exception):
                raise raw.source
            return raw.source()

    problem = describe_fault(raw.source) if isinstance(raw.source, Exception) else None
    return TensorEntry(printable(raw.name), printable(raw.dtype_name), raw.shape, load, problem)


def _check_is_file(file: Path) -> None:
    """Refuse directories, empty files, and the pipes and devices that never end."""
    status = file.stat()
    if stat.S_ISDIR(status.st_mode):
        raise RefusedError("is a directory; name the tensor files in it")
    if not stat.S_ISREG(status.st_mode):
        raise RefusedError("is not a regular file; copy its content into one")
    if file.suffix.lower() in FINDERS and status.st_size == 0:
        raise RefusedError("is empty; save or fetch it again")


def _suffix_fault(suffix: str) -> str:
    """Say why a file of this suffix is not read."""
    if suffix.lower() in PICKLE_SUFFIXES:
        return f"{suffix} files hold pickles: {PICKLE_ADVICE}"
    subject = f"a {suffix} file" if suffix else "a file without a suffix"
    return f"{subject} is not read; convert it to {', '.join(FINDERS)}"


def _content_fault(start: bytes, suffix: str) -> str | None:
    """Say what a file that failed may really be, where its first bytes belie its suffix."""
    if start.startswith(PICKLE_STARTS):
        return f"the content is a pickle: {PICKLE_ADVICE}"
    if start.startswith(ZIP_START) and suffix != ".npz":
        return (
            "the content is a zip archive; if np.savez made it, name it .npz; "
            f"if torch.save did, it holds a pickle: {PICKLE_ADVICE}"
        )
    if start.startswith(NPY_START) and suffix != ".npy":
        return "the content is a .npy array; name it .npy"
    return None


def _safetensors(file: Path) -> list[RawTensor]:
    """Find the tensors of a .safetensors file: 8 bytes of length, a JSON header, then the data.

    The library validates the whole header first, in Rust.  Its NumPy side cannot return FP8 or
    bfloat16, so the header is parsed again here for the places of the data.
    """
    from safetensors import safe_open

    with safe_open(str(file), framework="np"):
        pass
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > MAX_JSON_BYTES:
            raise RefusedError(
                f"a header of {length} bytes, above {MAX_JSON_BYTES}; split the file"
            )
        header = json.loads(stream.read(length).decode(), object_pairs_hook=_distinct)
    tensors = ((name, fields) for name, fields in header.items() if name != "__metadata__")
    return [_safetensors_entry(file, 8 + length, name, fields) for name, fields in tensors]


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build a JSON object whose names differ: parsers disagree on which of two equal ones wins."""
    table = dict(pairs)
    if len(table) != len(pairs):
        raise RefusedError("names a tensor or a field twice in its header; save it again")
    return table


def _safetensors_entry(file: Path, base: int, name: str, fields: Any) -> RawTensor:
    """Turn one tensor of the JSON header into a `RawTensor`; offsets count from `base`."""
    match fields:
        case {"dtype": str(code), "shape": [*lengths], "data_offsets": [int(begin), int(end)]}:
            shape = tuple(int(length) for length in lengths)
        case _:
            raise RefusedError("describes a tensor in an unknown form in its header; save it again")
    if code not in SAFETENSORS_DTYPES:
        kind = "packed sub-byte" if code in PACKED_DTYPES else "unknown"
        fault = RefusedError(f"{kind} dtype {code}; save its decoded values as F32")
        return RawTensor(name, code, shape, fault)
    dtype = named_dtype(SAFETENSORS_DTYPES[code])
    if not 0 <= begin <= end <= file.stat().st_size - base:
        raise RefusedError("places a tensor outside the file; save or fetch it again")
    try:
        check_size(shape, dtype, end - begin)
    except RefusedError as fault:
        return RawTensor(name, dtype.name, shape, fault.with_traceback(None))
    source = partial(read_region, file, NpyHeader(dtype, shape, "C", base + begin))
    return RawTensor(name, dtype.name, shape, source)


FINDERS: dict[str, Callable[[Path], list[RawTensor]]] = {
    ".safetensors": _safetensors,
    ".npy": npy_tensors,
    ".npz": npz_tensors,
}
