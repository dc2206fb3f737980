"""Which files a checkpoint is made of, and which of the files beside them go with a copy."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from numformats.tensor_files.folders import (
    INDEX_SUFFIX,
    check_distinct,
    files_of_folder,
    is_index,
    read_index,
    within,
)
from numformats.tensor_files.opening import (
    TensorEntry,
    TensorFileError,
    faults_named,
    open_tensors,
    printable,
)
from numformats.tensor_files.raw import RefusedError, check_shape
from numformats.tensor_files.safetensors_header import PlacedTensor
from numformats.tensor_files.unfinished import PART

SUFFIX: Final = ".safetensors"
# Files of weights that are not part of the checkpoint: beside a copy of it they would be the
# weights as they were.
OTHER_WEIGHTS: Final = (
    *(".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".h5", ".msgpack", ".ot", ".gguf"),
    *(".onnx", ".npy", ".npz", ".tflite", ".mlmodel", ".bin.index.json", SUFFIX, INDEX_SUFFIX),
    # What a simulation that was killed has left.
    PART,
)


@dataclass(frozen=True)
class Checkpoint:
    """The files of a checkpoint.

    source: the file or the folder. files: those with tensors. plain_names: of the tensors that are
    no parts of packed weights, as they are printed. others: those of the folder that are to be
    copied as they are. not_copied: the names of the rest of what is in it.
    """

    source: Path
    files: tuple[Path, ...]
    plain_names: frozenset[str]
    packed_as: str | None = None
    others: tuple[Path, ...] = ()
    not_copied: tuple[str, ...] = ()

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, and a copy of it one."""
        return self.files != (self.source,)

    def reason_to_leave(self, tensor: PlacedTensor) -> str | None:
        """Why a tensor stays as it is, whatever is asked for; None for one that can be changed."""
        if printable(tensor.name) not in self.plain_names:
            return "part of a packed weight"
        try:
            check_shape(tensor.shape)
        except RefusedError as fault:
            return str(fault)
        return None

    @property
    def names(self) -> set[Path]:
        """What a copy of the folder has in it: the paths of files."""
        return {path.relative_to(self.source) for path in (*self.files, *self.others)}


def find_checkpoint(path: Path) -> Checkpoint:
    """The files of the checkpoint that a .safetensors file, an index or a folder is.

    Raises `TensorFileError` for what is none, or cannot be read.
    """
    with faults_named(str(path)):
        if path.is_dir():
            return _of_folder(path, files_of_folder(path, (SUFFIX,)))
        if is_index(path):
            return _of_folder(path.parent, [path])
    entries = open_tensors(path)
    if path.suffix.lower() != SUFFIX:
        raise TensorFileError(
            f"{printable(str(path))}: a {path.suffix} file is not written again; "
            "simulate takes .safetensors files, their index or their folder"
        )
    return Checkpoint(path, (path,), *_packed(entries))


def _packed(entries: list[TensorEntry]) -> tuple[frozenset[str], str | None]:
    """The names of tensors that are not packed weights; and how one that is, is packed."""
    packed = (entry.stored_as for entry in entries if entry.stored_as is not None)
    return frozenset(e.name for e in entries if e.stored_as is None), next(packed, None)


def _of_folder(folder: Path, found: list[Path]) -> Checkpoint:
    """The checkpoint of a folder whose tensors are in some files, or in those of an index."""
    opened = [(path, open_tensors(path)) for path in found]
    check_distinct([(entry.name, path) for path, entries in opened for entry in entries])
    files, others, not_copied = found, [], []
    if is_index(found[0]):
        others.append(found[0])
        files = [within(folder, shard) for shard in read_index(found[0])]
        if any(file.suffix.lower() != SUFFIX for file in files):
            raise RefusedError(f"has files of tensors that are not {SUFFIX}")
    for path in sorted(set(folder.iterdir()) - {*files, *others}):
        is_plain = path.is_file() and not path.name.lower().endswith(OTHER_WEIGHTS)
        if is_plain:
            others.append(path)
        elif any(file.is_relative_to(path) for file in files):
            inner = sorted(each for each in path.rglob("*") if not each.is_dir())
            not_copied += [str(each.relative_to(folder)) for each in inner if each not in files]
        else:
            not_copied.append(path.name)
    about = _packed([entry for _, entries in opened for entry in entries])
    return Checkpoint(folder, tuple(files), *about, tuple(others), tuple(not_copied))


def require_output(output: Path, checkpoint: Checkpoint, force: bool) -> None:
    """ValueError for what a copy of a checkpoint must not be written to.

    force: whether it may take the place of another copy.
    """
    shown = printable(str(output))
    for path in (checkpoint.source, *checkpoint.files):
        if output.exists() and os.path.samefile(output, path):
            raise ValueError(f"output: {shown} is the checkpoint itself; name another")
    if checkpoint.is_folder:
        _require_folder(output, shown, checkpoint)
    elif output.suffix.lower() != SUFFIX:
        raise ValueError(f"output: {shown}; name it {SUFFIX}, which it will be")
    elif output.exists() and not output.is_file():
        raise ValueError(f"output: {shown} is not a file; name one in it, or another")
    is_empty = output.is_dir() and not any(output.iterdir())
    if output.exists() and not is_empty and not force:
        raise ValueError(f"output: {shown} is there already; name another, or use force")


def _require_folder(output: Path, shown: str, checkpoint: Checkpoint) -> None:
    if output.exists() and not output.is_dir():
        raise ValueError(f"output: {shown} is not a folder, which the checkpoint is; name another")
    # Files of a checkpoint may be links to what is elsewhere.
    for path in (checkpoint.source, *checkpoint.files, *checkpoint.others):
        if path.resolve().is_relative_to(output.resolve()):
            raise ValueError(f"output: {shown} has the checkpoint in it; name another")
    if output.resolve().is_relative_to(checkpoint.source.resolve()):
        raise ValueError(f"output: {shown} is in the checkpoint; name another")
    files = (path for path in output.rglob("*") if path.is_symlink() or not path.is_dir())
    names = (path.relative_to(output) for path in files)
    stranger = next((name for name in names if name not in checkpoint.names), None)
    if stranger is not None:
        raise ValueError(
            f"output: {shown} has other files ({printable(str(stranger))}), which would be lost; "
            "name another"
        )
