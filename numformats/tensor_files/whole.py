"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from numformats.tensor_files.unfinished import BEFORE, beside, remove, unfinished


@contextmanager
def whole_file(path: Path, may_replace: bool = True) -> Iterator[BinaryIO]:
    """A stream whose bytes become the file `path` once the block has ended without an error.

    Until then they lie under another name in the same folder. An error leaves nothing of them, and
    the file that was there before as it was.
    may_replace: whether there may be a file then; else FileExistsError.
    """
    if path.exists() and not path.is_file():
        # A pipe or a device is written to, and not replaced by a file of its name.
        with path.open("wb") as stream:
            yield stream
        return
    # A link stays one.
    target = Path(os.path.realpath(path))
    with unfinished(target, Path.touch) as part:
        with part.open("wb") as stream:
            yield stream
        if target.exists():
            _require(may_replace, target)
            shutil.copymode(target, part)
        part.replace(target)


@contextmanager
def whole_folder(path: Path, may_replace: bool = True) -> Iterator[Path]:
    """A new folder that becomes `path` once the block has ended without an error.

    Until then it has another name beside. An error leaves nothing of it, and the folder that was
    there before as it was; else that one is gone, with all that is in it.
    may_replace: whether there may be something in a folder of that name then; else FileExistsError.
    """
    target = Path(os.path.realpath(path))
    with unfinished(target, Path.mkdir) as part:
        yield part
        if target.exists():
            _require(may_replace or not any(target.iterdir()), target)
            shutil.copymode(target, part)
        _replace(target, part)


def _require(may_replace: bool, target: Path) -> None:
    """FileExistsError for what is there that was not when the work began."""
    if not may_replace:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))


def _replace(target: Path, part: Path) -> None:
    """Have one folder take the place of another, which is gone then, or stays if that fails."""
    before = beside(target, BEFORE)
    try:
        if target.exists():
            target.rename(before)
        part.rename(target)
    except BaseException:
        if before.exists() and not target.exists():
            before.rename(target)
        raise
    finally:
        if target.exists():
            remove(before)
