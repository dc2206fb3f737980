"""`numformats vectors` and `numformats verify`: test vectors, and the answers to them."""

from __future__ import annotations

import os
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from numformats.formats import get_format
from numformats.formats.integers import TwosComplement
from numformats.rounding import RoundingMode, Stochastic, parse_rounding, parse_saturation
from numformats.testing.projection import Projection
from numformats.testing.vectors import LEVELS, Level, Source, Tininess, Vectors, lines, vectors
from numformats.testing.verifying import VectorError
from numformats.testing.verifying import verify as verify_lines


@dataclass(frozen=True)
class VectorOptions:
    """What was asked for, checked before anything is read or written."""

    projection: Projection
    source: Source
    level: Level | None
    tininess: Tininess

    @classmethod
    def parse(
        cls,
        format_name: str,
        rounding: str,
        saturation: str,
        source: str,
        level: int | None,
        tininess: str,
    ) -> VectorOptions:
        """The options of a command line; ValueError or TypeError for what makes no sense."""
        fmt = get_format(format_name)
        if level is not None and level not in LEVELS:
            raise ValueError(f"--level: {level}; expected 1 or 2")
        if tininess not in ("after", "before"):
            raise ValueError(f"--tininess: {tininess!r}; expected after or before")
        if parse_saturation(saturation) == "wrap" and not isinstance(fmt, TwosComplement):
            raise ValueError(f"--saturation: wrap is for integers, and {fmt.name} is none")
        projection = Projection(fmt, _parse_rounding(rounding), parse_saturation(saturation))
        return cls(
            projection, Source.parse(source), cast("Level | None", level), cast(Tininess, tininess)
        )


def _parse_rounding(text: str) -> RoundingMode:
    """A mode by its name, or srA8 for variant A with 8 random bits."""
    stochastic = re.fullmatch(r"sr([ABC])([0-9]+)", text)
    if stochastic is None:
        return parse_rounding(text)
    return Stochastic(int(stochastic[2]), cast(Any, stochastic[1]))


def write(options: VectorOptions, output: Path | None) -> int:
    """Write test vectors to a file or to standard output; the exit status."""
    if output is not None and output.suffix == ".npz":
        return _write_npz(options, output)
    try:
        with _opened(output, "w") as file:
            for chunk in vectors(
                options.projection, options.source, options.level or 1, options.tininess
            ):
                found = lines(chunk, options.source, options.projection)
                file.writelines(f"{line}\n" for line in found)
            file.flush()
    except BrokenPipeError:
        # Whoever reads has seen enough; without this, Python complains as it closes the pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        print(f"numformats vectors: {output}: {error.strerror}", file=sys.stderr)
        return 2
    return 0


def _write_npz(options: VectorOptions, output: Path) -> int:
    chunks = list(vectors(options.projection, options.source, options.level or 1, options.tininess))
    columns: dict[str, list[NDArray[Any]]] = {
        "input": [chunk.inputs for chunk in chunks],
        "random_bits": [chunk.draws for chunk in chunks if chunk.draws is not None],
        "code": [chunk.codes for chunk in chunks],
        "flags": [chunk.flags for chunk in chunks if chunk.flags is not None],
    }
    arrays: dict[str, Any] = {
        name: _narrowed(np.concatenate(column)) for name, column in columns.items() if column
    }
    try:
        np.savez_compressed(output, **arrays)
    except OSError as error:
        print(f"numformats vectors: {output}: {error.strerror}", file=sys.stderr)
        return 2
    return 0


def _narrowed(words: NDArray[Any]) -> NDArray[Any]:
    return words.astype(np.min_scalar_type(words.max(initial=0)))


def _npz_lines(file: Path, options: VectorOptions) -> Iterator[str]:
    if file.exists() and not zipfile.is_zipfile(file):
        raise VectorError("it is no .npz file")
    with np.load(file, allow_pickle=False) as archive:
        names = ("input", "random_bits", "code", "flags")
        found = {name: archive[name].astype(np.uint64) for name in names if name in archive}
    missing = {"input", "code"} - set(found)
    if missing:
        raise VectorError(f"no array named {' or '.join(sorted(missing))}")
    if len({column.shape for column in found.values()}) != 1:
        raise VectorError("its arrays differ in shape")
    answers = Vectors(found["input"], found.get("random_bits"), found["code"], found.get("flags"))
    return lines(answers, options.source, options.projection)


def verify(options: VectorOptions, file: Path) -> int:
    """Verify the answers in a file or from standard input; the exit status."""
    try:
        with _answers(file, options) as answers:
            found = verify_lines(
                answers, options.projection, options.source, options.level, options.tininess
            )
    except (OSError, ValueError) as error:
        text = error.strerror if isinstance(error, OSError) else error
        print(f"numformats verify: {file}: {text}", file=sys.stderr)
        return 2
    print(found.report)
    if found.missing:
        print(f"{found.missing:,} inputs of level {options.level} are missing")
    return 0 if found.passed else 1


@contextmanager
def _answers(file: Path, options: VectorOptions) -> Iterator[Iterable[str]]:
    if file.suffix == ".npz":
        yield _npz_lines(file, options)
        return
    with _opened(None if str(file) == "-" else file, "r") as answers:
        yield answers


@contextmanager
def _opened(path: Path | None, mode: str) -> Iterator[IO[str]]:
    if path is None:
        yield sys.stdout if mode == "w" else sys.stdin
        return
    with path.open(mode, encoding="ascii" if mode == "r" else None) as file:
        yield file
