"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A stream whose bytes become the file `path` once the block has ended without an error.

    Until then they lie under another name in the same folder. An error leaves nothing of them, and
    the file that was there before as it was.
    """
    if path.exists() and not path.is_file():
        # A pipe or a device is written to, and not replaced by a file of its name.
        with path.open("wb") as stream:
            yield stream
        return
    # A link stays one.
    target = Path(os.path.realpath(path))
    part = _beside(target)
    try:
        with part.open("xb") as stream:
            yield stream
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A new folder that becomes `path` once the block has ended without an error.

    Until then it has another name beside. An error leaves nothing of it, and the folder that was
    there before as it was; else that one is gone, with all that is in it.
    """
    target = Path(os.path.realpath(path))
    part, before = _beside(target), _beside(target)
    try:
        part.mkdir()
        yield part
        if target.exists():
            shutil.copymode(target, part)
            target.rename(before)
        try:
            part.rename(target)
        except BaseException:
            if before.exists():
                before.rename(target)
            raise
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    shutil.rmtree(before, ignore_errors=True)


def _beside(target: Path) -> Path:
    """A name in the same folder that nothing has."""
    return target.with_name(f".numformats-{secrets.token_hex(8)}.part")
