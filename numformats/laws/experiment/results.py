"""Results of runs, and the file of JSON lines that keeps them."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from numformats.laws.experiment.settings import RunSettings

# What a result is found by: the digest of the text, and all settings.
Key: TypeAlias = tuple[str, RunSettings]


@dataclass(frozen=True)
class RunResult:
    """What came of a run.

    Attributes
    ----------
    settings : RunSettings
        All that it depends on, but for the text.
    text : str
        The digest of the text.
    loss : float
        Held-out loss in nats per character of the model as it was trained: with rounded matrices,
        where these were rounded inside training.
    losses : dict
        The loss with the matrices altered, for each name in `settings.measured`.
    errors : dict
        How far the altered matrices are from those before, for each such name: the root of all
        squared differences over all squares.
    """

    settings: RunSettings
    text: str
    loss: float
    losses: Mapping[str, float]
    errors: Mapping[str, float]

    @property
    def key(self) -> Key:
        """What it is found by."""
        return self.text, self.settings

    def harm(self, name: str) -> float:
        """By how much the loss is larger with the matrices altered; below 0 by chance alone."""
        return self.losses[name] - self.loss

    def line(self) -> str:
        """It as a line of JSON, the same for the same result."""
        record = {
            "text": self.text,
            "settings": self.settings.record(),
            "loss": self.loss,
            "losses": dict(self.losses),
            "errors": dict(self.errors),
        }
        return json.dumps(record, allow_nan=True) + "\n"

    @classmethod
    def from_line(cls, line: str) -> RunResult:
        """The result of a line; ValueError for one that is none."""
        try:
            record: dict[str, Any] = json.loads(line)
            given = record.pop("settings")
            settings = RunSettings(**{**given, "measured": tuple(given["measured"])})
            return cls(settings=settings, **record)
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"not a result of this version: {error}") from None


class ResultFile:
    """A file with a line for each result; kept on disk as soon as it is added.

    A last line that is cut off, as by a lost connection to power, counts for nothing and is
    overwritten. Once all is done, `sort` puts the lines in the order of their settings: so the file
    is the same however often it was gone on with, and with any number of processes.

    Parameters
    ----------
    path : Path
        Where it is, or will be.

    Raises
    ------
    OSError, ValueError
        Where it cannot be read, or has a line that is no result.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._results, self._whole = _read(path)

    @property
    def results(self) -> dict[Key, RunResult]:
        """All results, by what they are found by."""
        return dict(self._results)

    def add(self, result: RunResult) -> None:
        """Keep a result: it is on disk when this returns."""
        line = result.line().encode()
        with self._path.open("r+b" if self._path.exists() else "xb") as stream:
            stream.truncate(self._whole)
            stream.seek(self._whole)
            stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())
        self._whole += len(line)
        self._results[result.key] = result

    def sort(self) -> None:
        """Put all lines in the order of their texts and settings, at once or not at all."""
        lines = _sorted_lines(self._results.values()).encode()
        part = self._path.with_name(f".numformats-{secrets.token_hex(8)}.part")
        try:
            part.write_bytes(lines)
            part.replace(self._path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        self._whole = len(lines)


def _sorted_lines(results: Iterable[RunResult]) -> str:
    return "".join(result.line() for result in sorted(results, key=_order))


def _order(result: RunResult) -> tuple[Any, ...]:
    settings = result.settings.record().values()
    return result.text, *("" if value is None else value for value in settings)


def _read(path: Path) -> tuple[dict[Key, RunResult], int]:
    """The results of a file, and how many of its bytes are whole lines; no file has none."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}, 0
    whole = content.rfind(b"\n") + 1
    found = {}
    for number, line in enumerate(content[:whole].splitlines(), 1):
        try:
            result = RunResult.from_line(line.decode())
        except ValueError as error:
            raise ValueError(f"{path}: line {number} cannot be read ({error})") from None
        found[result.key] = result
    return found, whole
