"""What a command writes to: files, whole or not at all, and standard output."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from numformats.tensor_files.opening import printable


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
    part = target.with_name(f".numformats-{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as stream:
            yield stream
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_fault(target: str | Path, error: OSError | ValueError) -> str:
    """Why a file, or standard output, could not be written, in one line.

    >>> write_fault(Path("cost.png"), OSError(28, "No space left on device", ".numformats-0.part"))
    'cost.png: cannot be written (No space left on device)'
    """
    # An OSError in full names the other name.
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"{printable(str(target))}: cannot be written ({printable(reason)})"


def drop_stdout() -> None:
    """Send what is still to be written nowhere, so that Python does not fail on it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
