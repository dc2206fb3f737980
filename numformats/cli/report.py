"""`numformats report`: each tensor of some files, compared in each of some formats."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from numformats.analysis.comparison import compare
from numformats.analysis.results import COLUMNS, FIGURES, Comparison
from numformats.analysis.streaming import Streamable, StreamedArray
from numformats.checks import unknown
from numformats.cli.outputs import drop_stdout, write_fault
from numformats.cli.plotting import require_matplotlib
from numformats.cli.writers import CsvWriter, JsonWriter, TableWriter, Writer
from numformats.codec.arguments import is_float, read_real
from numformats.codec.random_bits import key_of
from numformats.codec.values import require_dtype
from numformats.formats.format import Format
from numformats.modes import RoundingMode, SaturationMode, parse_rounding, parse_saturation
from numformats.scaled.catalogue import element_of, find
from numformats.scaled.formats import ScaledFormat
from numformats.tensor_files.opening import (
    TensorEntry,
    TensorFileError,
    describe_fault,
    open_tensors,
    printable,
)

if TYPE_CHECKING:
    from numformats.cli.pages import Page

# Tensors of more values are never whole in memory: as float32 they would take 64 MiB.
STREAMED_VALUES: Final = 1 << 24

Output: TypeAlias = Literal["table", "json", "csv"]


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """What was asked for, checked before any file is opened.

    files: without one, the weights that ship.
    """

    formats: tuple[Format | ScaledFormat, ...]
    files: tuple[Path, ...] = ()
    rounding: RoundingMode = "nearest_even"
    saturation: SaturationMode = "none"
    seed: int = 0
    output: Output = "table"
    by_channel: bool = False
    summary: bool = False
    sort: str | None = None
    budget: float | None = None
    html: Path | None = None
    plot: Path | None = None

    @classmethod
    def parse(
        cls,
        *,
        files: Sequence[Path],
        formats: str,
        rounding: str,
        saturation: str,
        seed: int,
        as_json: bool,
        as_csv: bool,
        by_channel: bool,
        summary: bool,
        sort: str | None,
        budget: float | None,
        html: Path | None,
        plot: Path | None,
    ) -> ReportOptions:
        """The options of a command line; ValueError or TypeError for what makes no sense."""
        names = [name.strip() for name in formats.split(",") if name.strip()]
        if not names:
            raise ValueError("--formats: no format named")
        chosen = tuple(find(name) for name in names)
        for fmt in chosen:
            require_dtype(element_of(fmt), np.dtype(np.float64))
        for option, path in (("--html", html), ("--plot", plot)):
            if path is not None:
                require_matplotlib(option)
        if as_json and as_csv:
            raise ValueError("--json and --csv: choose one")
        if parse_saturation(saturation) == "wrap":
            raise ValueError("saturation: 'wrap' makes errors of whole ranges; choose another")
        return cls(
            files=tuple(files),
            formats=chosen,
            rounding=parse_rounding(rounding),
            saturation=parse_saturation(saturation),
            seed=_key(seed),
            output="json" if as_json else "csv" if as_csv else "table",
            by_channel=by_channel,
            summary=summary,
            sort=None if sort is None else _figure(sort),
            budget=None if budget is None else _budget(budget),
            html=html,
            plot=plot,
        )


def _figure(name: str) -> str:
    """The name of a figure, given as that or as the heading of its column."""
    found = {heading.lower(): figure for heading, figure, _ in COLUMNS}.get(name.lower(), name)
    if found not in FIGURES:
        raise ValueError(unknown("--sort", name, FIGURES))
    return found


def _budget(bits: float) -> float:
    """Bits per value, infinitely many among them, for which the best format of all is named."""
    if not bits > 0:
        raise ValueError(f"--budget: {bits:g}; expected bits per value above 0, such as 4.5")
    return bits


def _key(seed: int) -> int:
    try:
        return key_of(seed)
    except ValueError:
        raise ValueError(f"--seed: {seed} is outside 0 to 2**64 - 1") from None


def report(options: ReportOptions) -> int:
    """Write the report that was asked for; the exit status.

    0 if there was something to report in every file, else 2, with a line on stderr for each fault.
    """
    _make_writable()
    page = _page(options)
    try:
        faults = _write_report(_writer(options.output), options, page)
        sys.stdout.flush()
    except OSError as error:
        drop_stdout()
        faults = _broken_off(error, options)
    else:
        faults += [] if page is None else _write_page(page, options)
    for fault in faults:
        print(f"numformats report: {fault}", file=sys.stderr)
    return 2 if faults else 0


def _page(options: ReportOptions) -> Page | None:
    """An empty page, if one was asked for."""
    if options.html is None and options.plot is None:
        return None
    from numformats.cli.pages import Page

    return Page(options.formats)


def _broken_off(error: OSError, options: ReportOptions) -> list[str]:
    """The faults of a report whose standard output takes no more of it."""
    # A reader such as `head` that has seen enough is none.
    faults = [] if isinstance(error, BrokenPipeError) else [write_fault("standard output", error)]
    files = [printable(str(path)) for path in (options.html, options.plot) if path is not None]
    return [*faults, *(f"{file}: not written: the report broke off" for file in files)]


def _write_page(page: Page, options: ReportOptions) -> list[str]:
    """Write the page and the picture that were asked for. Returns the faults."""
    faults = []
    for path, write in ((options.html, page.write_html), (options.plot, page.write_picture)):
        if path is not None:
            try:
                write(path)
            # Matplotlib raises ValueError for a suffix that it does not know.
            except (OSError, ValueError) as error:
                faults.append(write_fault(path, error))
    return faults


def _make_writable() -> None:
    """Let what a terminal or a locale cannot show be written as escapes, and not raise."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _write_report(writer: Writer, options: ReportOptions, page: Page | None) -> list[str]:
    """Write the report. Returns the faults, each in one line."""
    faults: list[str] = []
    for path in options.files:
        faults += _report_file(path, printable(str(path)), options, writer, page)
    if not options.files:
        shipped = resources.files("numformats") / "data" / "digits_mlp.safetensors"
        with resources.as_file(shipped) as path:
            title = "digits_mlp.safetensors (shipped)"
            faults += _report_file(path, title, options, writer, page)
    writer.close()
    return faults


def _writer(output: Output) -> Writer:
    writers: dict[Output, type[Writer]] = {
        "table": TableWriter,
        "json": JsonWriter,
        "csv": CsvWriter,
    }
    return writers[output]()


def _report_file(
    path: Path, title: str, options: ReportOptions, writer: Writer, page: Page | None
) -> list[str]:
    """Write the report of one file. Returns its faults, each in one line."""
    try:
        entries = open_tensors(path)
    except TensorFileError as error:
        return [str(error)]
    writer.file(title)
    if page is not None:
        page.file(title)
    left_out: list[str] = []
    reported, whole, last = 0, None, None
    for entry in _with_progress(entries, title):
        try:
            values = _load(entry)
            comparison = _compare(values, options)
        # A tensor that `compare` refuses, or has too little memory for, says nothing of the others.
        except (ValueError, MemoryError) as error:
            left_out.append(f"{entry.name} ({_reason(error, path, entry)})")
            continue
        if page is not None:
            page.tensor(entry.name, values, comparison)
        reported += 1
        whole = comparison if whole is None else whole.merge(comparison)
        shown = comparison.sorted(options.sort) if options.sort else comparison
        last = entry.name, entry.dtype_name, entry.shape, shown
        if not options.summary:
            writer.tensor(*last)
    # One tensor alone is all of them.
    if last is not None and options.summary and reported == 1:
        writer.tensor(*last)
    if whole is not None:
        ordered = whole.sorted(options.sort) if options.sort else whole
        if page is not None:
            page.whole(ordered)
        if reported > 1 or options.budget is not None:
            best = None if options.budget is None else whole.best(options.budget)
            writer.whole(ordered, reported, options.budget, best)
    writer.left_out(left_out)
    if reported:
        return []
    reasons = "; ".join(left_out[:3]) + ("; ..." if len(left_out) > 3 else "")
    return [f"{title}: no tensor to report on" + (f": {reasons}" if reasons else "")]


class NothingToCompareError(ValueError):
    """A tensor that was read, but has nothing whose error could be measured."""


def _load(entry: TensorEntry) -> Streamable:
    """The values of a tensor whose error can be measured."""
    if entry.problem is not None:
        raise NothingToCompareError(entry.problem)
    if 0 in entry.shape:
        raise NothingToCompareError("empty")
    values = _values(entry)
    _require_float(values.dtype)
    if not _has_finite(values):
        raise NothingToCompareError("all NaN or infinite")
    return values


def _values(entry: TensorEntry) -> Streamable:
    """The values of a tensor: in memory if they are few, else read a range at a time."""
    if entry.read is None or math.prod(entry.shape) < STREAMED_VALUES:
        return entry.load()
    return StreamedArray(entry.shape, entry.read(0, 0).dtype, entry.read)


def _compare(values: Streamable, options: ReportOptions) -> Comparison:
    # What has one axis, or none, has no channels.
    by_channel = options.by_channel and values.ndim > 1
    return compare(
        values, options.formats, options.rounding, options.saturation, options.seed, by_channel
    )


def _require_float(dtype: np.dtype[Any]) -> None:
    if dtype.kind in "iub" or not is_float(dtype):
        raise NothingToCompareError(f"{dtype}: integers, not weights")
    try:
        read_real(str(dtype), np.empty(0, dtype))
    except TypeError:
        raise NothingToCompareError(f"{dtype}: not a dtype of weights") from None


def _has_finite(values: Streamable) -> bool:
    flat = values.ravel(order="K")
    # Chunk by chunk, since the first one nearly always settles it.
    chunks = (flat[start : start + (1 << 16)] for start in range(0, flat.size, 1 << 16))
    with np.errstate(invalid="ignore"):  # NumPy warns of a signaling NaN on its way
        return any(np.isfinite(chunk.astype(np.float64)).any() for chunk in chunks)


def _reason(error: Exception, path: Path, entry: TensorEntry) -> str:
    """The fault without the names of file and tensor, which stand before it anyway."""
    text = describe_fault(error) if isinstance(error, MemoryError) else str(error)
    return text.removeprefix(f"{printable(str(path))}: ").removeprefix(f"{entry.name}: ")


def _with_progress(entries: list[TensorEntry], title: str) -> Iterator[TensorEntry]:
    """The entries, with a bar on stderr if that is a terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not sys.stderr.isatty()
    ) as bar:
        yield from bar.track(entries, description=title)
