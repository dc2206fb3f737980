"""How far a command is, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from numformats.tensor_files.opening import TensorEntry

# Is told how many tensors are done, and of how many.
Tell: TypeAlias = Callable[[int, int], None]


@contextmanager
def progress_bar(title: str) -> Iterator[Tell]:
    """A bar on stderr if that is a terminal, gone in the end; and how to tell it of progress."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not sys.stderr.isatty()
    ) as bar:
        task = bar.add_task(title, total=None)

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield tell


def with_progress(entries: list[TensorEntry], title: str) -> Iterator[TensorEntry]:
    """The tensors one by one, with a bar that says how many are done."""
    with progress_bar(title) as tell:
        for done, entry in enumerate(entries):
            tell(done, len(entries))
            yield entry
        tell(len(entries), len(entries))
