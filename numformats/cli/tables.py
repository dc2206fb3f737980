"""The report for people: the answer first, then tables."""

from __future__ import annotations

import sys
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from numformats.analysis.digits import DigitsAccuracy
from numformats.analysis.results import Comparison, Row
from numformats.analysis.verdicts import Verdict
from numformats.cli.answers import (
    ABOUT_DIGITS,
    plain_table,
    sentences_on,
    table_of_answers,
    table_of_digits,
)
from numformats.cli.words import best_of

# What the tables take. A narrower terminal folds lines, which is better than to cut numbers off.
_TABLE_WIDTH: Final = 160
# How many channels a table names for each format.
_WORST: Final = 5


class _Console(Console):
    """A console that leaves it to `report` what a reader gone means; rich's own exits with 1."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class TableWriter:
    """The answer, then a table for all tensors, and one for each that it is told of."""

    def __init__(self) -> None:
        self._console = _Console(width=max(Console().width, _TABLE_WIDTH))
        # What stands below the answer, which is known last.
        self._below: list[Any] = []

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
                self._below.append(Text(f"Worst channels in {row.format}, {row.scaling}: {told}"))

    def whole(
        self, comparison: Comparison, count: int, budget: float | None, best: Row | None
    ) -> None:
        if count > 1:
            self._table(f"all {count} tensors", comparison)
        if budget is not None:
            self._below.append(Text(best_of(budget, best)))

    def verdict(self, verdict: Verdict, digits: tuple[DigitsAccuracy, ...]) -> None:
        for each in (table_of_answers(verdict), *map(Text, sentences_on(verdict))):
            self._print(each)
        if digits:
            self._print(Text(""))
            self._print(table_of_digits(digits))
            self._print(Text(ABOUT_DIGITS))
        self._print(Text(""))
        for each in self._below:
            self._print(each)
        self._below = []

    def _table(self, title: str, comparison: Comparison) -> None:
        headings, *rows = comparison.table()
        table = plain_table(title, headings, words=2)
        for row in rows:
            table.add_row(*row, style="dim" if row[1] == "none" else None)
        self._below += [table, *map(Text, comparison.notes())]

    def left_out(self, notes: list[str]) -> None:
        if notes:
            self._print(Text(f"{len(notes)} left out: {', '.join(notes)}"))

    def close(self) -> None:
        sys.stdout.flush()

    def _print(self, what: Any) -> None:
        self._console.print(what, highlight=False)
