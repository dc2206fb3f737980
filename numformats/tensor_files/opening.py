"""Read the tensors of checkpoints, one at a time and trusting nothing.

A checkpoint is a .safetensors, .gguf, .onnx, .npy or .npz file, the index of several .safetensors
files, or a folder of such.

A tensor file is input from a stranger: it may be cut short, flipped in transit, or built to make
its reader run code, fill the memory or print escape codes.  Three rules answer that:

* a pickle is never loaded, because loading one runs whatever code its author put there;
* a declared size is compared with the bytes that exist before anything of that size is allocated;
* every failure leaves as one `TensorFileError` of one printable line.

`open_tensors` reads headers alone; `TensorEntry.load` then reads the data of its own tensor, so a
caller that drops each array before the next needs the memory of the largest tensor only; and
`TensorEntry.read` reads a range of it, for a caller that cannot have the whole in memory.
"""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from numformats.tensor_files.folders import (
    check_distinct,
    check_shard,
    files_of_folder,
    is_index,
    read_index,
    within,
)
from numformats.tensor_files.gguf_files import MAGIC as GGUF_MAGIC
from numformats.tensor_files.gguf_files import gguf_tensors
from numformats.tensor_files.numpy_files import npy_tensors, npz_tensors
from numformats.tensor_files.onnx_files import onnx_tensors
from numformats.tensor_files.packed import resolve_packed
from numformats.tensor_files.packed.configuration import config_beside
from numformats.tensor_files.raw import PICKLE_ADVICE, RawTensor, Reader, RefusedError
from numformats.tensor_files.safetensors_files import safetensors_tensors

PICKLE_SUFFIXES = (".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt")
# The first bytes of pickle protocols 2 to 5, of a zip archive and of a .npy file.
PICKLE_STARTS = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
ZIP_START = b"PK\x03\x04"
NPY_START = b"\x93NUMPY"
# No kind of file that is read begins so: as the length of a header it would be beyond any.
LFS_START = b"version https://git-lfs"

MAX_FAULT_TEXT = 300


class TensorFileError(ValueError):
    """A file that cannot be read as tensors: one line with its name, the fault and the way out."""


@dataclass(frozen=True)
class TensorEntry:
    """What a file says of one tensor before its data is read.

    `dtype_name` is NumPy's or ml_dtypes' name ("float8_e4m3fn"), or the file's own code where
    neither has one ("Q4_K"); a .npz member too damaged to describe has "unknown" and the shape ().
    `stored_as` says in a few words how a packed weight is stored ("gptq uint4 g128"), else is None.
    `problem` says why this tensor cannot be reported on, else is None.
    `load()` returns the array in the machine's byte order, read-only if it is large and mapped; it
    raises `TensorFileError` where there is a problem or the data turns out damaged.
    `nbytes` is what it takes in its files, scales included; None where that is what its dtype says.
    `read(start, stop)` returns values `start` to `stop` of the array flattened in C order, with
    memory for these alone, and raises the same; None where only the whole can be read.
    """

    name: str
    dtype_name: str
    shape: tuple[int, ...]
    load: Callable[[], NDArray[Any]]
    problem: str | None = None
    read: Reader | None = None
    stored_as: str | None = None
    nbytes: int | None = None


def open_tensors(path: str | os.PathLike[str]) -> list[TensorEntry]:
    """List the tensors of a file, an index or a folder without reading their data.

    Tensors that make up one packed weight, as of GPTQ, are listed as that weight.

    A file is a .safetensors, .gguf, .onnx, .npy or .npz file; an index a .safetensors.index.json,
    whose tensors are those of the files that it names. A folder is read by its index if it has one,
    else all such files in it are, sorted by name. The entries of a .npz share one open archive,
    closed when the last of them is dropped.
    Raises `TensorFileError`, and nothing else, where one of the files cannot be read, where two
    have a tensor of the same name, and where an index and its files disagree.
    """
    with faults_named(str(path)):
        file = Path(path)
        return _with_packed(file, _entries(file))


def _entries(path: Path) -> list[TensorEntry]:
    """The tensors that are stored."""
    if path.is_dir():
        return _entries_of_folder(path)
    return _entries_of_index(path) if is_index(path) else _entries_of_file(path)


def _entries_of_folder(folder: Path) -> list[TensorEntry]:
    files = files_of_folder(folder, tuple(FINDERS))
    if is_index(files[0]):
        with faults_named(str(files[0])):
            return _entries_of_index(files[0])
    found = [(file, _entries_of_shard(file)) for file in files]
    check_distinct([(entry.name, file) for file, entries in found for entry in entries])
    return [entry for _, entries in found for entry in entries]


def _entries_of_index(index: Path) -> list[TensorEntry]:
    _check_is_file(index)
    entries: list[TensorEntry] = []
    for shard, named in read_index(index).items():
        file = within(index.parent, shard)
        if not file.exists():
            raise RefusedError(f"names {shard[:200]!r}, which is missing; fetch it, too")
        found = _entries_of_shard(file)
        check_shard(shard, [printable(name) for name in named], [entry.name for entry in found])
        entries += found
    return entries


def _entries_of_shard(file: Path) -> list[TensorEntry]:
    """The entries of one file of several, whose faults name that file."""
    with faults_named(str(file)):
        return _entries_of_file(file)


def _entries_of_file(file: Path) -> list[TensorEntry]:
    _check_is_file(file)
    find = FINDERS.get(file.suffix.lower())
    if find is None:
        raise RefusedError(_suffix_fault(file.suffix))
    with file.open("rb") as stream:
        start = stream.read(len(LFS_START))
    if start == LFS_START:
        raise RefusedError("is a pointer of Git LFS, and not what it points to; run git lfs pull")
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
def faults_named(where: str) -> Iterator[None]:
    """Turn whatever the block raises into a `TensorFileError` that says where it arose."""
    try:
        yield
    # It says already where it arose.
    except TensorFileError:
        raise
    # Hostile bytes reach the parsers of four libraries, whose errors share no narrower base.
    except Exception as error:
        raise TensorFileError(f"{printable(where)}: {describe_fault(error)}") from error


def _entry(file: Path, raw: RawTensor) -> TensorEntry:
    """Make an entry fit to print, whose `load` fails with `TensorFileError` alone."""
    where, read_raw = f"{file}: {raw.name}", raw.read

    def load() -> NDArray[Any]:
        with faults_named(where):
            if isinstance(raw.source, Exception):
                raise raw.source
            return raw.source()

    def read(start: int, stop: int) -> NDArray[Any]:
        with faults_named(where):
            if not 0 <= start <= stop <= math.prod(raw.shape):
                size = math.prod(raw.shape)
                raise RefusedError(f"values {start} to {stop} of {size}; ask for some that exist")
            assert read_raw is not None
            return read_raw(start, stop)

    problem = describe_fault(raw.source) if isinstance(raw.source, Exception) else None
    return TensorEntry(
        printable(raw.name),
        printable(raw.dtype_name),
        raw.shape,
        load,
        problem,
        None if read_raw is None else read,
        raw.stored_as,
        raw.nbytes,
    )


def _with_packed(path: Path, entries: list[TensorEntry]) -> list[TensorEntry]:
    """The entries of a checkpoint, a packed weight in the place of those that it consists of."""
    raw = [
        RawTensor(
            entry.name,
            entry.dtype_name,
            entry.shape,
            _source(entry),
            entry.read,
            nbytes=entry.nbytes,
        )
        for entry in entries
    ]
    plain = {id(tensor): entry for tensor, entry in zip(raw, entries, strict=True)}
    resolved = resolve_packed(raw, partial(config_beside, path))
    return [plain.get(id(tensor)) or _entry(path, tensor) for tensor in resolved]


def _source(entry: TensorEntry) -> Callable[[], NDArray[Any]] | Exception:
    return entry.load if entry.problem is None else RefusedError(entry.problem)


def _check_is_file(file: Path) -> None:
    """Refuse empty files, and the pipes and devices that never end."""
    status = file.stat()
    if stat.S_ISDIR(status.st_mode):
        raise RefusedError("is a directory; name a file")
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
    if start.lstrip().lower().startswith((b"<!doctype", b"<html")):
        return "the content is a page of HTML, such as of a fault; fetch the file again"
    if start.startswith(GGUF_MAGIC) and suffix != ".gguf":
        return "the content is a GGUF file; name it .gguf"
    if start.startswith(NPY_START) and suffix != ".npy":
        return "the content is a .npy array; name it .npy"
    return None


FINDERS: dict[str, Callable[[Path], list[RawTensor]]] = {
    ".safetensors": safetensors_tensors,
    ".gguf": gguf_tensors,
    ".onnx": onnx_tensors,
    ".npy": npy_tensors,
    ".npz": npz_tensors,
}
