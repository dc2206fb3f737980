"""`numformats vectors` and `numformats verify`: test vectors, and the answers to them."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from numformats.cli.outputs import drop_stdout, write_fault
from numformats.cli.rounding_words import read_rounding
from numformats.exact.saturation import require_saturation
from numformats.modes import parse_saturation
from numformats.names import get_format
from numformats.tensor_files.opening import TensorFileError, open_tensors, printable
from numformats.tensor_files.whole import whole_file
from numformats.testing.projection import Projection
from numformats.testing.vectors import LEVELS, Level, Source, Tininess, Vectors, lines, vectors
from numformats.testing.verifying import VectorError
from numformats.testing.verifying import verify as verify_lines


@dataclass(frozen=True, kw_only=True)
class VectorOptions:
    """What was asked for, checked before anything is read or written."""

    projection: Projection
    source: Source
    level: Level | None
    tininess: Tininess

    @classmethod
    def parse(
        cls,
        *,
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
        mode = parse_saturation(saturation)
        if mode == "wrap" and not (fmt.lattice is not None and fmt.lattice.complement):
            raise ValueError(f"--saturation: wrap is for integers, and {fmt.name} is none")
        require_saturation(fmt, mode)
        return cls(
            projection=Projection(fmt, read_rounding(rounding), mode),
            source=Source.parse(source),
            level=cast("Level | None", level),
            tininess=cast(Tininess, tininess),
        )


def write(options: VectorOptions, output: Path | None) -> int:
    """Write test vectors to a file or to standard output; the exit status."""
    if output is None:
        return _write_to_stdout(options)
    try:
        with whole_file(output) as stream:
            if output.suffix == ".npz":
                _write_npz(options, stream)
            else:
                with TextIOWrapper(stream, encoding="ascii") as file:
                    _write_lines(options, file)
    except BrokenPipeError:  # a pipe with a name, whose reader has seen enough
        return 0
    except OSError as error:
        print(f"numformats vectors: {write_fault(output, error)}", file=sys.stderr)
        return 2
    return 0


def _write_to_stdout(options: VectorOptions) -> int:
    try:
        _write_lines(options, sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:  # a reader such as `head` that has seen enough
        drop_stdout()
    except OSError as error:
        drop_stdout()
        print(f"numformats vectors: {write_fault('standard output', error)}", file=sys.stderr)
        return 2
    return 0


def _write_lines(options: VectorOptions, file: IO[str]) -> None:
    for chunk in vectors(options.projection, options.source, options.level or 1, options.tininess):
        found = lines(chunk, options.source, options.projection)
        file.writelines(f"{line}\n" for line in found)


def _write_npz(options: VectorOptions, stream: BinaryIO) -> None:
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
    np.savez_compressed(stream, **arrays)


def _narrowed(words: NDArray[Any]) -> NDArray[Any]:
    return words.astype(np.min_scalar_type(words.max(initial=0)))


def _npz_lines(file: Path, options: VectorOptions) -> Iterator[str]:
    if file.exists() and not zipfile.is_zipfile(file):
        raise VectorError("it is no .npz file")
    entries = {entry.name: entry for entry in open_tensors(file)}
    missing = {"input", "code"} - set(entries)
    if missing:
        raise VectorError(f"no array named {' or '.join(sorted(missing))}")
    names = ("input", "random_bits", "code", "flags")
    found = {name: _words(name, entries[name].load()) for name in names if name in entries}
    if len({column.shape for column in found.values()}) != 1:
        raise VectorError("its arrays differ in shape")
    answers = Vectors(found["input"], found.get("random_bits"), found["code"], found.get("flags"))
    return lines(answers, options.source, options.projection)


def _words(name: str, array: NDArray[Any]) -> NDArray[np.uint64]:
    """A column of answers; VectorError for what is none."""
    if array.dtype.kind not in "iu" or (array < 0).any():
        raise VectorError(f"{name}: dtype {array.dtype}; expected integers that are not negative")
    if array.ndim != 1:
        raise VectorError(f"{name}: shape {array.shape}; expected one axis, as of array.ravel()")
    return array.astype(np.uint64)


def verify(options: VectorOptions, file: Path) -> int:
    """Verify the answers in a file or from standard input; the exit status."""
    try:
        with _answers(file, options) as answers:
            found = verify_lines(
                answers, options.projection, options.source, options.level, options.tininess
            )
    except TensorFileError as error:  # It names the file.
        print(f"numformats verify: {error}", file=sys.stderr)
        return 2
    except (OSError, ValueError) as error:
        text = error.strerror if isinstance(error, OSError) else str(error)
        print(f"numformats verify: {printable(str(file))}: {text}", file=sys.stderr)
        return 2
    if found.report.tried == 0 and options.level is None:
        print(f"numformats verify: {printable(str(file))}: no answers in it", file=sys.stderr)
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
    if str(file) == "-":
        yield sys.stdin
        return
    with file.open(encoding="ascii") as answers:
        yield answers
