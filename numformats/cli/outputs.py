"""What a command says of what it cannot write, and how it leaves standard output."""

from __future__ import annotations

import math
import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from numformats.tensor_files.opening import printable


def write_fault(target: str | Path, error: OSError | ValueError) -> str:
    """Why a file, or standard output, could not be written, in one line.

    >>> write_fault(Path("cost.png"), OSError(28, "No space left on device", ".numformats-0.part"))
    'cost.png: cannot be written (No space left on device)'
    """
    # An OSError in full names the other name.
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"{printable(str(target))}: cannot be written ({printable(reason)})"


def jsonable(found: Any) -> Any:
    """What JSON can say: numbers that it lacks as texts, in lists and dicts, too.

    >>> jsonable({"a": [1.0, float("-inf")]})
    {'a': [1.0, '-inf']}
    """
    if isinstance(found, dict):
        return {key: jsonable(value) for key, value in found.items()}
    if isinstance(found, list):
        return [jsonable(value) for value in found]
    return str(found) if isinstance(found, float) and not math.isfinite(found) else found


def drop_stdout() -> None:
    """Send what is still to be written nowhere, so that Python does not fail on it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def make_writable() -> None:
    """Let what a terminal or a locale cannot show be written as escapes, and not raise."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
