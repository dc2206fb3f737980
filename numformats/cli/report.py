"""`numformats report`: each tensor of some files, compared in each of some formats."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

from numformats.analysis.beside import beside_expected
from numformats.analysis.comparison import compare
from numformats.analysis.digits import WEIGHTS, DigitsAccuracy, digits_accuracy
from numformats.analysis.outliers import outlier_channel
from numformats.analysis.results import Comparison
from numformats.analysis.streaming import Streamable
from numformats.analysis.verdicts import BUDGETS, TensorFigures, verdict_on
from numformats.analysis.weights import stored_bits, weights_of
from numformats.cli.outputs import drop_stdout, make_writable, write_fault
from numformats.cli.progress import with_progress
from numformats.cli.report_options import Output, ReportOptions
from numformats.cli.tables import TableWriter
from numformats.cli.writers import CsvWriter, JsonWriter, Writer
from numformats.tensor_files.opening import (
    TensorEntry,
    TensorFileError,
    describe_fault,
    open_tensors,
    printable,
)

if TYPE_CHECKING:
    from numformats.cli.pages import Page

SHIPPED_TITLE: Final = f"{WEIGHTS} (shipped)"


def report(options: ReportOptions) -> int:
    """Write the report that was asked for; the exit status.

    0 if there was something to report in every file, else 2, with a line on stderr for each fault.
    """
    make_writable()
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


def _write_report(writer: Writer, options: ReportOptions, page: Page | None) -> list[str]:
    """Write the report. Returns the faults, each in one line."""
    faults: list[str] = []
    for path in options.files:
        faults += _report_file(path, printable(str(path)), options, writer, page)
    if not options.files:
        digits = digits_accuracy(options.formats, options.rounding, options.seed)
        with resources.as_file(resources.files("numformats") / "data" / WEIGHTS) as path:
            faults += _report_file(path, SHIPPED_TITLE, options, writer, page, digits)
    writer.close()
    return faults


def _writer(output: Output) -> Writer:
    writers: dict[Output, type[Writer]] = {
        "table": TableWriter,
        "json": JsonWriter,
        "csv": CsvWriter,
    }
    return writers[output]()


@dataclass
class _Found:
    """What is known of a file so far.

    whole: all tensors together. last: the last one.
    """

    figures: list[TensorFigures] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    whole: Comparison | None = None
    last: tuple[TensorEntry, Comparison] | None = None

    def add(self, entry: TensorEntry, values: Streamable, comparison: Comparison) -> None:
        """Count a tensor that was compared."""
        kept = entry.name, comparison, stored_bits(entry), outlier_channel(values)
        self.figures.append(TensorFigures.of(*kept))
        self.whole = comparison if self.whole is None else self.whole.merge(comparison)
        self.last = entry, comparison


def _report_file(
    path: Path,
    title: str,
    options: ReportOptions,
    writer: Writer,
    page: Page | None,
    digits: tuple[DigitsAccuracy, ...] = (),
) -> list[str]:
    """Write the report of one file. Returns its faults, each in one line."""
    try:
        entries = open_tensors(path)
    except TensorFileError as error:
        return [str(error)]
    writer.file(title)
    if page is not None:
        page.file(title)
    found = _Found()
    for entry in with_progress(entries, title):
        try:
            values = weights_of(entry)
            comparison = _compare(values, options)
        # A tensor that `compare` refuses, or has too little memory for, says nothing of the others.
        except (ValueError, MemoryError) as error:
            found.left_out.append(f"{entry.name} ({_reason(error, path, entry)})")
            continue
        if page is not None:
            page.tensor(entry.name, values, comparison)
        found.add(entry, values, comparison)
        if options.has_tensors:
            writer.tensor(*_told(entry, comparison, options))
    if found.whole is not None:
        _write_whole(found, found.whole, options, writer, page, digits)
    writer.left_out(found.left_out)
    if found.figures:
        return []
    reasons = "; ".join(found.left_out[:3]) + ("; ..." if len(found.left_out) > 3 else "")
    return [f"{title}: no tensor to report on" + (f": {reasons}" if reasons else "")]


def _write_whole(
    found: _Found,
    whole: Comparison,
    options: ReportOptions,
    writer: Writer,
    page: Page | None,
    digits: tuple[DigitsAccuracy, ...],
) -> None:
    """Tell of all tensors of a file together, and the answer."""
    is_one = len(found.figures) == 1
    # One tensor alone is all of them.
    if is_one and found.last is not None and not options.has_tensors:
        writer.tensor(*_told(*found.last, options))
    verdict = verdict_on(
        whole, found.figures, BUDGETS if options.budget is None else (options.budget,)
    )
    ordered = _ordered(whole, options)
    if page is not None:
        page.whole(ordered, verdict)
    if not is_one or options.budget is not None:
        best = None if options.budget is None else whole.best(options.budget)
        writer.whole(ordered, len(found.figures), options.budget, best)
    writer.verdict(verdict, digits)


def _told(
    entry: TensorEntry, comparison: Comparison, options: ReportOptions
) -> tuple[str, str, tuple[int, ...], Comparison]:
    """What a writer is told of a tensor."""
    return (
        entry.name,
        entry.stored_as or entry.dtype_name,
        entry.shape,
        _ordered(comparison, options),
    )


def _ordered(comparison: Comparison, options: ReportOptions) -> Comparison:
    return comparison.sorted(options.sort) if options.sort else comparison


def _compare(values: Streamable, options: ReportOptions) -> Comparison:
    # What has one axis, or none, has no channels.
    by_channel = options.by_channel and values.ndim > 1
    modes = options.rounding, options.saturation
    found = compare(values, options.formats, *modes, options.seed, by_channel)
    return beside_expected(found, options.formats, *modes) if options.expected else found


def _reason(error: Exception, path: Path, entry: TensorEntry) -> str:
    """The fault without the names of file and tensor, which stand before it anyway."""
    text = describe_fault(error) if isinstance(error, MemoryError) else str(error)
    return text.removeprefix(f"{printable(str(path))}: ").removeprefix(f"{entry.name}: ")
