"""`numformats law`: the law of precision, seen on small language models trained here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table as RichTable

from numformats.cli.outputs import write_fault
from numformats.cli.plotting import save_figure
from numformats.laws.experiment.grid import full_grid, quick_grid
from numformats.laws.experiment.report import Findings, findings_of, markdown, tables_of
from numformats.laws.experiment.results import ResultFile, RunResult
from numformats.laws.experiment.settings import DEFAULT_MEASURED, RunSettings
from numformats.laws.experiment.tables import Table
from numformats.laws.experiment.text import Text, library_text, read_text
from numformats.laws.experiment.ways import way_of
from numformats.laws.experiment.working import available_cores, expected_time, run_all
from numformats.tensor_files.opening import printable
from numformats.tensor_files.whole import whole_file

# The files of an output folder.
RESULTS: Final = "runs.jsonl"
REPORT: Final = "report.md"
_MOST_SEEDS: Final = 100
_MOST_WORKERS: Final = 256
# A narrower terminal folds words, which is better than to cut numbers off.
_TABLE_WIDTH: Final = 130
_INTERRUPTED: Final = 130


@dataclass(frozen=True, kw_only=True)
class LawOptions:
    """What was asked for, checked before anything is trained."""

    runs: tuple[RunSettings, ...]
    text: Text
    output: Path
    workers: int

    @classmethod
    def parse(
        cls,
        *,
        quick: bool,
        text: Path | None,
        output: Path,
        formats: str | None,
        seeds: int | None,
        workers: int | None,
    ) -> LawOptions:
        """The options of a command line; ValueError or TypeError for what makes no sense."""
        if find_spec("scipy") is None:
            raise ValueError("it needs SciPy: pip install 'numformats[laws]'")
        measured = DEFAULT_MEASURED if formats is None else _measured(formats)
        _require_within("--seeds", seeds, _MOST_SEEDS)
        _require_within("--workers", workers, _MOST_WORKERS)
        grid = quick_grid if quick else full_grid
        runs = grid(measured=measured) if seeds is None else grid(seeds, measured)
        return cls(
            runs=tuple(runs),
            text=_text(text),
            output=output,
            workers=workers or available_cores(),
        )


def _measured(formats: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in formats.split(",") if name.strip()))
    if not names:
        raise ValueError("--formats: no format named")
    for name in names:
        way_of(name)
    return names


def _require_within(option: str, given: int | None, most: int) -> None:
    if given is not None and not 1 <= given <= most:
        raise ValueError(f"{option}: {given} is not a number from 1 to {most}")


def _text(path: Path | None) -> Text:
    if path is None:
        return library_text()
    try:
        return read_text(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ValueError(f"{printable(str(path))}: cannot be read ({reason})") from None


def law(options: LawOptions) -> int:
    """Run what is not there yet, and write what all of it shows; the exit status.

    2 if a file cannot be read or written, with a line on stderr; 130 after Ctrl-C.
    """
    folder = options.output
    try:
        folder.mkdir(parents=True, exist_ok=True)
        kept = ResultFile(folder / RESULTS)
        with _progress(options, kept) as progress:
            results = run_all(options.runs, options.text, kept, progress, options.workers)
        findings = findings_of(results)
        _show(findings)
        for path in _written(findings, options):
            print(f"numformats law: wrote {path}", file=sys.stderr)
    except OSError as error:
        print(f"numformats law: {write_fault(error.filename or folder, error)}", file=sys.stderr)
        return 2
    except (ValueError, RuntimeError) as error:
        print(f"numformats law: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            f"numformats law: stopped; all runs that had ended are kept in {folder / RESULTS}, and "
            "the same command goes on from there",
            file=sys.stderr,
        )
        return _INTERRUPTED
    return 0


class _Bar:
    """Tells a terminal how far the runs are, by the time that they are expected to take."""

    def __init__(self, bar: Progress, task: TaskID, runs: int) -> None:
        self._bar, self._task, self._left = bar, task, runs
        self._told: dict[RunSettings, float] = {}

    def advanced(self, settings: RunSettings, steps: int) -> None:
        """So many steps more of a run."""
        self._tell(settings, expected_time(settings) * steps / settings.steps)

    def finished(self, result: RunResult) -> None:
        """The end of a run, whatever has been told of it."""
        self._left -= 1
        settings = result.settings
        self._tell(settings, expected_time(settings) - self._told.get(settings, 0.0))

    def _tell(self, settings: RunSettings, seconds: float) -> None:
        self._told[settings] = self._told.get(settings, 0.0) + seconds
        self._bar.update(self._task, advance=seconds, left=self._left)


@contextmanager
def _progress(options: LawOptions, kept: ResultFile) -> Iterator[_Bar]:
    found = kept.results
    missing = [s for s in options.runs if (options.text.digest, s) not in found]
    bar = Progress(
        TextColumn("training"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%, {task.fields[left]} runs left"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        total = sum(map(expected_time, missing))
        yield _Bar(bar, bar.add_task("", total=total, left=len(missing)), len(missing))


def _show(findings: Findings) -> None:
    console = Console(width=max(Console().width, _TABLE_WIDTH))
    for table in tables_of(findings):
        console.print(table.title, style="bold", highlight=False)
        console.print(table.about, highlight=False)
        console.print(_rich(table), highlight=False)


def _rich(table: Table) -> RichTable:
    found = RichTable(box=box.SIMPLE)
    for place, name in enumerate(table.columns):
        found.add_column(name, justify="left" if place == 0 else "right")
    for row in table.rows:
        found.add_row(*row)
    return found


def _written(findings: Findings, options: LawOptions) -> Iterator[Path]:
    """Write the pictures, if they can be drawn here, and the report; what was written."""
    shown = []
    if find_spec("matplotlib") is None:
        print("numformats law: no pictures without matplotlib", file=sys.stderr)
    else:
        from numformats.laws.experiment.pictures import CAPTIONS, pictures_of

        for name, figure in pictures_of(findings).items():
            path = options.output / f"{name}.png"
            save_figure(figure, path)
            shown.append((path.name, CAPTIONS[name]))
            yield path
    report = options.output / REPORT
    about = f"{options.text.name} (SHA-256 {options.text.digest}...)"
    with whole_file(report) as stream:
        stream.write(markdown(findings, about, shown).encode())
    yield report
