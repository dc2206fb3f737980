"""What a command says of what it cannot write, and how it leaves standard output."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from numformats.tensor_files.folders import is_index
from numformats.tensor_files.opening import FINDERS, printable


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


def require_no_tensors(option: str, path: Path, inputs: Sequence[Path] = ()) -> None:
    """ValueError for an output that would take the place of weights: it has the name of a file of
    tensors, leads to one, or is an input.
    """
    target = Path(os.path.realpath(path))
    is_named_so = any(each.suffix.lower() in FINDERS or is_index(each) for each in (path, target))
    if is_named_so or any(target == Path(os.path.realpath(each)) for each in inputs):
        shown = printable(str(path))
        raise ValueError(f"{option}: {shown} is for tensors, and those would be lost; name another")


def tell(command: str, text: str) -> int:
    """Write a text and the end of a line to standard output; the exit status.

    2, with a line on stderr, where that takes no more of it.
    """
    try:
        print(text)
        sys.stdout.flush()
    except BrokenPipeError:  # a reader such as `head` that has seen enough
        drop_stdout()
    except OSError as error:
        drop_stdout()
        print(f"numformats {command}: {write_fault('standard output', error)}", file=sys.stderr)
        return 2
    return 0


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
