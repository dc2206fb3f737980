"""What `report` tells a way of writing, and the two for programs: JSON and CSV.

They write a tensor as soon as it is done, so nothing piles up in memory.
"""

from __future__ import annotations

import csv
import json
import sys
from typing import Any, Protocol

from numformats.analysis.digits import DigitsAccuracy
from numformats.analysis.results import Comparison, Row
from numformats.analysis.verdicts import Verdict
from numformats.cli.outputs import jsonable
from numformats.cli.words import best_of


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

    def verdict(self, verdict: Verdict, digits: tuple[DigitsAccuracy, ...]) -> None:
        """The answer for the file; and for the weights that come along, the digits recognised."""

    def left_out(self, notes: list[str]) -> None:
        """The file is done; these tensors of it were left out, with the reason."""

    def close(self) -> None:
        """The report is done."""


class JsonWriter:
    """One list with an object for each tensor; numbers that JSON lacks are strings."""

    def __init__(self) -> None:
        self._separator, self._title = "[\n", ""
        # The last object on tensors, to which the verdict may be added.
        self._held: dict[str, Any] | None = None

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

    def verdict(self, verdict: Verdict, digits: tuple[DigitsAccuracy, ...]) -> None:
        assert self._held is not None
        self._held["verdict"] = jsonable(verdict.to_record())
        if digits:
            self._held["digits"] = [vars(each) for each in digits]

    def left_out(self, notes: list[str]) -> None:
        if notes:
            self._write({"file": self._title, "left_out": notes})

    def close(self) -> None:
        self._flush()
        sys.stdout.write("[]\n" if self._separator == "[\n" else "\n]\n")
        sys.stdout.flush()

    def _write(self, item: dict[str, Any]) -> None:
        self._flush()
        self._held = item

    def _flush(self) -> None:
        if self._held is not None:
            sys.stdout.write(self._separator + json.dumps(self._held))
            self._separator, self._held = ",\n", None


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
            print(f"{self._title}: {best_of(budget, best)}", file=sys.stderr)

    def verdict(self, verdict: Verdict, digits: tuple[DigitsAccuracy, ...]) -> None:
        """Lines are of tensors alone."""

    def left_out(self, notes: list[str]) -> None:
        if notes:
            print(f"{self._title}: {len(notes)} left out: {', '.join(notes)}", file=sys.stderr)

    def close(self) -> None:
        sys.stdout.flush()
