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

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from numformats.tensor_files.numpy_files import npy_tensors, npz_tensors
from numformats.tensor_files.packed import resolve_packed
from numformats.tensor_files.packed.configuration import config_beside
from numformats.tensor_files.raw import PICKLE_ADVICE, RawTensor, RefusedError
from numformats.tensor_files.safetensors_files import safetensors_tensors

PICKLE_SUFFIXES = (".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt")
# The first bytes of pickle protocols 2 to 5, of a zip archive and of a .npy file.
PICKLE_STARTS = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
ZIP_START = b"PK\x03\x04"
NPY_START = b"\x93NUMPY"

MAX_FAULT_TEXT = 300


class TensorFileError(ValueError):
    """A file that cannot be read as tensors: one line with its name, the fault and the way out."""


@dataclass(frozen=True)
class TensorEntry:
    """What a file says of one tensor before its data is read.

    `dtype_name` is NumPy's or ml_dtypes' name ("float8_e4m3fn"), or the file's own code where
    neither has one ("F4"); a .npz member too damaged to describe has "unknown" and the shape ().
    `stored_as` says in a few words how a packed weight is stored ("gptq uint4 g128"), else is None.
    `problem` says why this tensor cannot be reported on, else is None.
    `load()` returns the array in the machine's byte order, read-only if it is large and mapped; it
    raises `TensorFileError` where there is a problem or the data turns out damaged.
    """

    name: str
    dtype_name: str
    shape: tuple[int, ...]
    load: Callable[[], NDArray[Any]]
    problem: str | None = None
    stored_as: str | None = None


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
            return _with_packed(file, [_entry(file, raw) for raw in find(file)])
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
    # It says already where it arose.
    except TensorFileError:
        raise
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
    name, dtype_name = printable(raw.name), printable(raw.dtype_name)
    return TensorEntry(name, dtype_name, raw.shape, load, problem, raw.stored_as)


def _with_packed(path: Path, entries: list[TensorEntry]) -> list[TensorEntry]:
    """The entries of a checkpoint, a packed weight in the place of those that it consists of."""
    raw = [
        RawTensor(entry.name, entry.dtype_name, entry.shape, _source(entry)) for entry in entries
    ]
    plain = {id(tensor): entry for tensor, entry in zip(raw, entries, strict=True)}
    resolved = resolve_packed(raw, partial(config_beside, path))
    return [plain.get(id(tensor)) or _entry(path, tensor) for tensor in resolved]


def _source(entry: TensorEntry) -> Callable[[], NDArray[Any]] | Exception:
    return entry.load if entry.problem is None else RefusedError(entry.problem)


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


FINDERS: dict[str, Callable[[Path], list[RawTensor]]] = {
    ".safetensors": safetensors_tensors,
    ".npy": npy_tensors,
    ".npz": npz_tensors,
}
