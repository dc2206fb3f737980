"""Checkpoints of several files: an index that says which tensor is in which, or a folder of files.

What an index names is a path within its own folder. A symbolic link there is followed wherever it
leads: caches of checkpoints consist of such links, and who may put one there may put a file there.
"""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Final

from numformats.tensor_files.raw import RefusedError, distinct

INDEX_SUFFIX: Final = ".safetensors.index.json"
# An index of 300 000 tensors. Parsed, a hostile one takes twenty times that.
MAX_INDEX_BYTES: Final = 1 << 25


def is_index(file: Path) -> bool:
    """Whether a file is, by its name, the index of a checkpoint in several .safetensors files."""
    return file.name.lower().endswith(INDEX_SUFFIX)


def within(folder: Path, name: str) -> Path:
    """The path of what a file names beside itself; refused if it leads out of the folder.

    >>> within(Path("model"), "weights/1.bin").as_posix()
    'model/weights/1.bin'
    """
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    leaves = posix.is_absolute() or bool(windows.anchor) or ".." in windows.parts
    if leaves or not posix.parts or "\0" in name:
        raise RefusedError(f"names {name[:200]!r}, which is not a file in its own folder; edit it")
    return folder / posix


def read_index(file: Path) -> dict[str, list[str]]:
    """Read which tensors an index says are in which file: names by the name of the file.

    An index is JSON with an object "weight_map" of the names of tensors and their files, as
    `save_pretrained` of transformers writes it.
    """
    size = file.stat().st_size
    if size > MAX_INDEX_BYTES:
        raise RefusedError(f"an index of {size} bytes, above {MAX_INDEX_BYTES}; name its files")
    try:
        index = json.loads(file.read_bytes(), object_pairs_hook=distinct)
    except RefusedError:
        raise
    except (ValueError, RecursionError) as error:
        raise RefusedError("is no JSON; fetch it again, or name its files") from error
    shards: dict[str, list[str]] = {}
    for name, shard in _weight_map(index).items():
        shards.setdefault(shard, []).append(name)
    return shards


def _weight_map(index: Any) -> dict[str, str]:
    match index:
        case {"weight_map": dict(table)} if table and all(
            isinstance(shard, str) for shard in table.values()
        ):
            return table
        case _:
            raise RefusedError(
                'has no "weight_map" of names and files; fetch it again, or name its files'
            )


def check_shard(shard: str, named: list[str], held: list[str]) -> None:
    """Refuse a shard that has not just the tensors that the index names for it."""
    for names, others, fault in (
        (named, held, "the index names {!r} in {}, which has it not"),
        (held, named, "{1} has {0!r}, which the index does not name there"),
    ):
        missing = sorted(set(names) - set(others))
        if missing:
            more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
            found = fault.format(missing[0][:200], shard)
            raise RefusedError(f"{found}{more}; fetch both again, or name the files")


def files_of_folder(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """The files of a folder to read: its one index, or else all tensor files, sorted by name.

    Not those of folders within it.
    """
    files = sorted(path for path in folder.iterdir() if not path.is_dir())
    indices = [path for path in files if is_index(path)]
    if len(indices) > 1:
        names = ", ".join(path.name for path in indices[:3])
        raise RefusedError(f"is a directory with {len(indices)} indices ({names}); name one")
    found = indices or [path for path in files if path.suffix.lower() in suffixes]
    if not found:
        raise RefusedError(
            f"is a directory without tensor files ({', '.join(suffixes)}); name another"
        )
    return found


def check_distinct(names: list[tuple[str, Path]]) -> None:
    """Refuse a tensor that two files of a folder have."""
    seen: dict[str, Path] = {}
    for name, file in names:
        if name in seen:
            raise RefusedError(
                f"has {name[:200]!r} in {seen[name].name} and in {file.name}; "
                "name the files one by one"
            )
        seen[name] = file
