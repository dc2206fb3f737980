"""The three ways to write a report: tables for people, JSON and CSV for programs.

Each writes a tensor as soon as it is done, so nothing piles up in memory.
"""

from __future__ import annotations

import csv
import json
import sys
from typing import Any, Protocol

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from numformats.analysis.results import Comparison, Row
from numformats.cli.outputs import jsonable

# What the tables take. A narrower terminal folds lines, which is better than to cut numbers off.
_TABLE_WIDTH = 160


# How many channels a table names for each format.
_WORST = 5


class Writer(Protocol):
    """What `report` tells a way of writing, in this order."""

    def file(self, title: str) -> None:
        """A file begins."""

    def tensor(
        self, name: str, dtype_name: str, shape: tuple[int, ...], comparison: Comparison
    ) -> None:
        """A tensor of the file is done."""

    def whole(
        self, comparison: Comparison, count: int, budget: float | None, best: Row | None
    ) -> None:
        """All tensors of the file are done, so many: their values together.

        budget: the bits per value that were allowed, if that was asked for. best: the best format
        within, if there is one.
        """

    def left_out(self, notes: list[str]) -> None:
        """The file is done; these tensors of it were left out, with the reason."""

    def close(self) -> None:
        """The report is done."""


class _Console(Console):
    """A console that leaves it to `report` what a reader gone means; rich's own exits with 1."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class TableWriter:
    """A table for each tensor."""

    def __init__(self) -> None:
        self._console = _Console(width=max(Console().width, _TABLE_WIDTH))

    def file(self, title: str) -> None:
        self._print(Text(title, style="bold"))

    def tensor(
        self, name: str, dtype_name: str, shape: tuple[int, ...], comparison: Comparison
    ) -> None:
        size = " x ".join(map(str, shape)) or "scalar"
        self._table(f"{name}  {dtype_name}  {size}", comparison)
        for row in comparison.rows:
            if row.channels is not None:
                worst = row.worst_channels(_WORST)
                found = ", ".join(f"{c} ({db:.2f})" for c, db in worst)
                told = f"{found} dB" if worst else "none has a value but zero"
                self._print(Text(f"Worst channels in {row.format}, {row.scaling}: {told}"))

    def whole(
        self, comparison: Comparison, count: int, budget: float | None, best: Row | None
    ) -> None:
        if count > 1:
            self._table(f"all {count} tensors", comparison)
        if budget is not None:
            self._print(Text(_best_of(budget, best)))

    def _table(self, title: str, comparison: Comparison) -> None:
        headings, *rows = comparison.table()
        table = Table(
            title=Text(title),
            title_justify="left",
            box=box.SIMPLE_HEAD,
            show_edge=False,
            pad_edge=False,
        )
        for number, heading in enumerate(headings):
            table.add_column(heading, justify="left" if number < 2 else "right", no_wrap=True)
        for row in rows:
            table.add_row(*row, style="dim" if row[1] == "none" else None)
        self._print(table)
        for note in comparison.notes():
            self._print(Text(note))

    def left_out(self, notes: list[str]) -> None:
        if notes:
            self._print(Text(f"{len(notes)} left out: {', '.join(notes)}"))

    def close(self) -> None:
        sys.stdout.flush()

    def _print(self, what: Any) -> None:
        self._console.print(what, highlight=False)


def _best_of(budget: float, best: Row | None) -> str:
    """A line on the best format within a budget."""
    if best is None:
        return f"No format with a known SQNR is within the budget of {budget:g} bits per value"
    figures = f"{best.bits_per_value:.4g} bits per value, {best.stats.sqnr_db:.2f} dB"
    return f"Best within the budget: {best.format}, {best.scaling}: {figures}"


class JsonWriter:
    """One list with an object for each tensor; numbers that JSON lacks are strings."""

    def __init__(self) -> None:
        self._separator, self._title = "[\n", ""

    def file(self, title: str) -> None:
        self._title = title

    def tensor(
        self, name: str, dtype_name: str, shape: tuple[int, ...], comparison: Comparison
    ) -> None:
        self._write(
            {
                "file": self._title,
                "tensor": name,
                "dtype": dtype_name,
                "shape": shape,
                "nan": comparison.nan,
                "infinite": comparison.infinite,
                "rows": [_row_of(row) for row in comparison.rows],
            }
        )

    def whole(
        self, comparison: Comparison, count: int, budget: float | None, best: Row | None
    ) -> None:
        asked = {} if budget is None else {"best": None if best is None else _row_of(best)}
        self._write(
            {
                "file": self._title,
                "tensors": count,
                "nan": comparison.nan,
                "infinite": comparison.infinite,
                "rows": [_row_of(row) for row in comparison.rows],
                **asked,
            }
        )

    def left_out(self, notes: list[str]) -> None:
        if notes:
            self._write({"file": self._title, "left_out": notes})

    def close(self) -> None:
        sys.stdout.write("[]\n" if self._separator == "[\n" else "\n]\n")
        sys.stdout.flush()

    def _write(self, item: dict[str, Any]) -> None:
        sys.stdout.write(self._separator + json.dumps(item))
        self._separator = ",\n"


def _row_of(row: Row) -> dict[str, Any]:
    found: dict[str, Any] = jsonable(row.figures())
    if row.channels is not None:
        found["channels_sqnr_db"] = jsonable(list(row.channels))
    return found


class CsvWriter:
    """A line for each tensor and format; what was left out goes to stderr."""

    def __init__(self) -> None:
        self._csv, self._title, self._has_head = csv.writer(sys.stdout), "", False

    def file(self, title: str) -> None:
        self._title = title

    def tensor(
        self, name: str, dtype_name: str, shape: tuple[int, ...], comparison: Comparison
    ) -> None:
        place = {
            "file": self._title,
            "tensor": name,
            "dtype": dtype_name,
            "shape": "x".join(map(str, shape)),
        }
        for record in comparison.to_records():
            line = {**place, **record}
            if not self._has_head:
                self._csv.writerow(line)
                self._has_head = True
            self._csv.writerow(line.values())

    def whole(
        self, comparison: Comparison, count: int, budget: float | None, best: Row | None
    ) -> None:
        # Lines are of tensors alone.
        if budget is not None:
            print(f"{self._title}: {_best_of(budget, best)}", file=sys.stderr)

    def left_out(self, notes: list[str]) -> None:
        if notes:
            print(f"{self._title}: {len(notes)} left out: {', '.join(notes)}", file=sys.stderr)

    def close(self) -> None:
        sys.stdout.flush()
