"""Files beside a checkpoint that say something of its tensors by their names, in JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

from numformats.tensor_files.opening import describe_fault, open_tensors, printable
from numformats.tensor_files.raw import RefusedError, distinct

# Of a million tensors.
_MOST_BYTES: Final = 1 << 27


def write_plan(stream: BinaryIO, formats: Mapping[str, str]) -> None:
    """Write the formats of tensors by name, a line each, as `read_plan` reads them."""
    stream.write((json.dumps(formats, indent=1) + "\n").encode())


def read_plan(path: Path) -> dict[str, str | None]:
    """The formats of tensors by name: a JSON object of texts and nulls.

    ValueError for what cannot be read, or is none.
    """
    found = _read_object("--plan", path)
    if not all(own is None or isinstance(own, str) for own in found.values()):
        raise ValueError(
            f'--plan: {_shown(path)}; expected an object as {{"name": "mxfp4", "b": null}}'
        )
    return found


def require_plan_or_nothing(option: str, path: Path) -> None:
    """ValueError for an output in whose place there is something else than a plan."""
    try:
        is_something = path.is_file() and path.stat().st_size > 0
    except OSError:  # writing it will tell
        return
    try:
        if is_something:
            read_plan(path)
    except ValueError:
        raise ValueError(
            f"{option}: {_shown(path)} is there already, and no plan; name another"
        ) from None


def read_weights(path: Path) -> dict[str, float]:
    """What a squared error of 1 counts in each tensor by its name: JSON, or an .npz file.

    ValueError for what cannot be read, or is not a number for each name.
    """
    is_archive = path.suffix.lower() == ".npz"
    found = _numbers_of(path) if is_archive else _read_object("--sensitivity", path)
    for name, own in found.items():
        if not isinstance(own, (int, float)) or isinstance(own, bool):
            raise ValueError(
                f"--sensitivity: {_shown(path)}: {printable(name)}; expected a number for each name"
            )
    return found


def _numbers_of(path: Path) -> dict[str, Any]:
    """The arrays of an archive; a number where there is one in an array."""
    arrays = {entry.name: entry.load() for entry in open_tensors(path)}
    return {name: x.item() if x.size == 1 else x for name, x in arrays.items()}


def _read_object(option: str, path: Path) -> dict[str, Any]:
    shown = _shown(path)
    try:
        with path.open("rb") as stream:
            # Of a device there is no end.
            text = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{option}: {shown}: {describe_fault(error)}") from None
    if len(text) > _MOST_BYTES:
        raise ValueError(f"{option}: {shown} has more than {_MOST_BYTES} bytes")
    try:
        found = json.loads(text, object_pairs_hook=distinct)
    except RefusedError:
        raise ValueError(
            f"{option}: {shown} names a tensor twice; say once what it is to be"
        ) from None
    # Of numbers of thousands of digits, too.
    except (ValueError, RecursionError):
        raise ValueError(f"{option}: {shown} is no JSON") from None
    if not isinstance(found, dict):
        raise ValueError(f"{option}: {shown}; expected an object with the names of tensors")
    return found


def _shown(path: Path) -> str:
    return printable(str(path))
