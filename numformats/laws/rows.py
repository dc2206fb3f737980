"""The rows that a law is fitted to, read and checked once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from numformats.laws.arguments import Floats, finite, positive

# Columns by name, or rows that have a value for each name.
Table: TypeAlias = Mapping[str, Any] | Iterable[Mapping[str, Any]]


@dataclass(frozen=True)
class Rows:
    """Columns of one length, what they are to predict, and which run each row is of."""

    columns: dict[str, Floats]
    target: Floats
    # From 0 up to the number of runs.
    run: NDArray[np.intp]

    def __len__(self) -> int:
        return self.target.size

    @property
    def runs(self) -> int:
        """How many runs there are."""
        return int(np.unique(self.run).size)

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> Rows:
        """The rows of a mask, or of a list of indices."""
        columns = {name: column[chosen] for name, column in self.columns.items()}
        return Rows(columns, self.target[chosen], self.run[chosen])


def read_rows(data: Table, names: tuple[str, ...], target: str) -> Rows:
    """The columns of some names and of a target, and the runs; rows without a `run` are one each.

    ValueError for no rows, a column that is missing, lengths that differ, and numbers that are not
    finite and above 0.

    >>> rows = read_rows([{"bits": 4, "share": 0.7, "run": "a"}], ("bits",), "share")
    >>> len(rows), rows.columns["bits"]
    (1, array([4.]))
    """
    given = columns_of(data, (*names, target))
    sizes = {name: len(column) for name, column in given.items()}
    if not all(sizes.values()):
        raise ValueError("data: no rows; a fit needs several runs")
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise ValueError(f"data: columns of different lengths ({told})")
    count = sizes[target]
    run = np.unique(given["run"], return_inverse=True)[1] if "run" in given else np.arange(count)
    columns = {name: positive(name, given[name]) for name in names}
    return Rows(columns, _target(target, given[target]), run)


def _target(name: str, given: NDArray[Any]) -> Floats:
    values = finite(name, given)
    if not (values > 0).all():
        where = int(values.argmin())
        raise ValueError(
            f"{name}: {values[where]:g} in row {where}; expected numbers above 0, whose logarithms "
            "are fitted. Leave out rows that are no more than noise"
        )
    return values


def columns_of(data: Table, names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """The columns of those names, and that of the runs if there is one, as arrays."""
    if not isinstance(data, Mapping):
        rows = list(data)
        if not rows:
            raise ValueError("data: no rows; a fit needs several runs")
        wanted = (*names, "run") if all("run" in row for row in rows) else names
        lacking = [name for name in wanted if any(name not in row for row in rows)]
        _refuse(lacking)
        data = {name: [row[name] for row in rows] for name in wanted}
    _refuse([name for name in names if name not in data])
    wanted = (*names, "run") if "run" in data else names
    columns = {name: np.asarray(data[name]) for name in wanted}
    for name, column in columns.items():
        if column.ndim != 1:
            raise ValueError(f"{name}: an array of shape {column.shape}; expected one row for each")
    return columns


def _refuse(lacking: list[str]) -> None:
    if lacking:
        raise ValueError(f"data: no column {', '.join(lacking)}")
