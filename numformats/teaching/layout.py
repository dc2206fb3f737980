"""Lines of text, some of whose parts have a colour where there are colours."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, TypeAlias

WIDTH: Final = 80
# Where what a label names begins.
INDENT: Final = 13
ROOM: Final = WIDTH - INDENT


class Span(NamedTuple):
    """A part of a line. kind: "field0", "field1", ... for bits, "strong", "faint", or nothing."""

    text: str
    kind: str = ""


Line: TypeAlias = tuple[Span, ...]


def plain(lines: Iterable[Line]) -> str:
    """The lines without colours."""
    return "\n".join("".join(span.text for span in line).rstrip() for line in lines)


def headed(title: str) -> list[Line]:
    """A title."""
    return [(Span(part, "strong"),) for part in textwrap.wrap(title, WIDTH)]


def labelled(label: str, contents: Sequence[Line]) -> list[Line]:
    """Lines with a label before the first."""
    marks = [label, *[""] * (len(contents) - 1)]
    return [
        (Span(f"  {mark:<{INDENT - 2}}", "faint"), *content) if mark or content else ()
        for mark, content in zip(marks, contents, strict=False)
    ]


def prose(text: str) -> list[Line]:
    """A sentence, in as many lines as it takes."""
    return [(Span(part),) for part in textwrap.wrap(text, ROOM)]


def equations(terms: Iterable[str]) -> list[Line]:
    """What is equal, in as many lines as it takes; no term is broken that fits in a line."""
    lines: list[str] = []
    for term in terms:
        joined = f"{lines[-1]} = {term}" if lines else term
        if lines and len(joined) > ROOM:
            lines += textwrap.wrap(f"= {term}", ROOM)
        else:
            lines[-1:] = textwrap.wrap(joined, ROOM)
    return [(Span(line),) for line in lines]


def cells(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of a table as text, with columns side by side."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
