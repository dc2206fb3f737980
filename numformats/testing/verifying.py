"""Reading an implementation's answers to test vectors, and comparing them with what is right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats import codec, exact
from numformats.testing.comparing import Findings, differ
from numformats.testing.projection import Projection
from numformats.testing.report import Report
from numformats.testing.vectors import (
    Level,
    Source,
    Tininess,
    Words,
    digits_of,
    flags_of,
    require_vectors,
)

Array = NDArray[Any]

# Lines at a time.
_CHUNK: Final = 1 << 16
_HEXADECIMAL: Final = frozenset("0123456789abcdefABCDEF")


class VectorError(ValueError):
    """A line of test vectors that cannot be read, with its number."""


@dataclass(frozen=True)
class Verification:
    """What came of verifying answers: a report, and how many inputs of the level were missing; as a
    truth value, whether every answer is right and none is missing.
    """

    report: Report
    missing: int

    @property
    def passed(self) -> bool:
        """Whether every answer is right and none is missing."""
        return self.report.passed and self.missing == 0

    def __bool__(self) -> bool:
        return self.passed


def verify(
    lines: Iterable[str],
    projection: Projection,
    source: Source,
    level: Level | None = None,
    tininess: Tininess = "after",
) -> Verification:
    """Compare answers with what is right, as they come.

    Parameters
    ----------
    lines : iterable of str
        As from `numformats.testing.vectors.lines`; without flags in all of them, none is checked.
        NaN may have any code that is NaN.
    projection, source, tininess
        Those of the vectors.
    level : {1, 2}, optional
        Count inputs of this level that have no line.

    Raises
    ------
    VectorError
        For the first line that is not as expected, and for an input that the projection refuses.
    TypeError, ValueError
        For arguments of another kind, and a level or tininess that is none.

    Examples
    --------
    >>> import numformats as nf
    >>> projection, source = Projection(nf.float8_e4m3fn), Source.parse("float32")
    >>> verify(["43e88000 7f 05", "3f800000 38 00"], projection, source).passed
    True
    >>> verify(["43e88000 7f 05", "3f800000 3"], projection, source)
    Traceback (most recent call last):
        ...
    numformats.testing.verifying.VectorError: line 2: '3f800000 3'; expected hexadecimal digits: 8 \
of input, 2 of code, 2 of flags
    """
    require_vectors(projection, source, 1 if level is None else level, tininess)
    if isinstance(lines, (str, bytes)):
        raise TypeError("lines: expected lines, got all in one; pass text.splitlines() or a file")
    findings = Findings(projection.format, projection.rounding, projection.saturation)
    expected = _inputs_of(projection, source, level)
    seen = np.zeros(expected.shape, np.bool_)
    for answers in _read(lines, projection, source):
        _require_meaning(answers, projection, source)
        _compare(answers, projection, source, tininess, findings)
        if expected.size:
            place = np.minimum(np.searchsorted(expected, answers.inputs), expected.size - 1)
            seen[place[expected[place] == answers.inputs]] = True
    return Verification(findings.report(), int(np.count_nonzero(~seen)))


@dataclass(frozen=True)
class _Answers:
    """Some lines, by their columns."""

    first_line: int
    inputs: Words
    draws: Words | None
    codes: Words
    flags: Words | None


@dataclass(frozen=True)
class _Column:
    name: str
    digits: int
    largest: int

    def read(self, text: str) -> int | None:
        if len(text) != self.digits or not _HEXADECIMAL.issuperset(text):
            return None
        number = int(text, 16)
        return number if number <= self.largest else None


def _read(lines: Iterable[str], projection: Projection, source: Source) -> Iterator[_Answers]:
    columns = [_column("input", source.bits)]
    if projection.random_bit_count:
        columns.append(_column("random bits", projection.random_bit_count))
    columns += [_column("code", projection.format.bits), _column("flags", 8)]
    iterator, number = iter(lines), 1
    has_flags: bool | None = None
    while batch := list(islice(iterator, _CHUNK)):
        if has_flags is None:
            has_flags = len(str(batch[0]).split()) >= len(columns)
            columns = columns if has_flags else columns[:-1]
        rows = [_row(text, columns, number + i) for i, text in enumerate(batch)]
        words = list(np.array(rows, np.uint64).T)
        flags = words.pop() if has_flags else None
        codes = words.pop()
        yield _Answers(number, words[0], words[1] if len(words) == 2 else None, codes, flags)
        number += len(batch)


def _column(name: str, bits: int) -> _Column:
    return _Column(name, digits_of(bits), 2**bits - 1)


def _row(text: str, columns: list[_Column], number: int) -> list[int]:
    if not isinstance(text, str):
        raise TypeError(f"lines: line {number} is {text!r}, and no str; open files as text")
    fields = text.split()
    if len(fields) == len(columns):
        row = [column.read(field) for column, field in zip(columns, fields, strict=True)]
        found = [word for word in row if word is not None]
        if len(found) == len(row):
            return found
    layout = ", ".join(
        f"{column.digits} of {column.name}"
        + ("" if column.largest == 16**column.digits - 1 else f" up to {column.largest:x}")
        for column in columns
    )
    shown = text.rstrip("\n")
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    raise VectorError(f"line {number}: {shown!r}; expected hexadecimal digits: {layout}")


def _require_meaning(answers: _Answers, projection: Projection, source: Source) -> None:
    x = source.numbers(answers.inputs)
    refused = np.flatnonzero(~projection.admits(x))
    if refused.size:
        number = answers.first_line + int(refused[0])
        name = projection.format.name
        raise VectorError(f"line {number}: {x[refused[0]]} has no meaning in {name}")


def _compare(
    answers: _Answers,
    projection: Projection,
    source: Source,
    tininess: Tininess,
    findings: Findings,
) -> None:
    x = source.numbers(answers.inputs)
    codes = projection.codes(x, answers.draws).astype(np.uint64)
    expected, given = _values(codes, projection), _values(answers.codes, projection)
    findings.compare(x, expected, given, answers.draws)
    if answers.flags is None:
        return
    flags = flags_of(projection, source, answers.inputs, answers.draws, codes, tininess)
    # What is wrong in its code has been told already.
    wrong = np.flatnonzero((flags != answers.flags) & ~differ(expected, given))
    if wrong.size:
        findings.add(
            np.full(wrong.size, "flags"),
            x[wrong],
            expected[wrong],
            given[wrong],
            None if answers.draws is None else answers.draws[wrong],
            [(_named(flags[i]), _named(answers.flags[i])) for i in wrong.tolist()],
        )


def _values(codes: Words, projection: Projection) -> NDArray[np.float64]:
    fmt = projection.format
    return np.asarray(codec.decode(codes.astype(np.uint32), fmt, dtype=np.float64))


def _named(flags: Any) -> str:
    names = [str(flag.name).lower() for flag in exact.Flags if flag & int(flags)]
    return f"{int(flags):02x} {', '.join(names)}".rstrip()


def _inputs_of(projection: Projection, source: Source, level: Level | None) -> Words:
    if level is None:
        return np.empty(0, np.uint64)
    words = np.unique(source.words(projection.format, level))
    return words[projection.admits(source.numbers(words))]
