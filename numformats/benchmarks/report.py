"""What a benchmark found, as a table and as a picture."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from numformats.benchmarks.arithmetic import ArithmeticResult
from numformats.benchmarks.fresh import FirstCallResult
from numformats.benchmarks.timing import COPY, Result
from numformats.modes import RoundingMode


def table_of(results: list[Result]) -> Table:
    """A line for each task: its speed, and how many times as fast it is as each other contender."""
    peers = list(dict.fromkeys(name for result in results for name in result.ratios))
    head = "work", "format", "rounding", "input", "size", "threads", "1e9/s", "us"
    table = Table(*head, box=None)
    for name in peers:
        table.add_column(f"x {name}", justify="right", no_wrap=True)
    for result in results:
        task = result.task
        ratios = [str(result.ratios[name]) if name in result.ratios else "-" for name in peers]
        size = f"{task.size:,}"
        speed = f"{result.values_per_second / 1e9:.3f}"
        cells = [task.work, task.format.name, mode_name(task.rounding), task.dtype.name, size]
        microseconds = f"{1e6 * task.size / result.values_per_second:.4g}"
        table.add_row(*cells, str(task.threads), speed, microseconds, *ratios)
    for column in table.columns:
        column.no_wrap = True
    return table


def table_of_first_calls(results: list[FirstCallResult]) -> Table:
    """A line for each first call of a process."""
    head = "first call", "size", "kernels", "process s", "x imports", "call s", "grown MiB"
    table = Table(*head, box=None)
    for result in results:
        call = result.call
        kernels = "compiled before" if call.is_compiled else "compiled by it"
        seconds = f"{result.process_seconds:.2f}", str(result.times_imports)
        figures = (*seconds, f"{result.call_seconds:.2f}", f"{result.grown:.0f}")
        table.add_row(call.name, f"{call.size:,}", kernels, *figures)
    return table


def table_of_arithmetic(results: list[ArithmeticResult]) -> Table:
    """A line for each operation: its speed, and how many times as fast it is as each peer's."""
    peers = list(dict.fromkeys(name for result in results for name in result.ratios))
    table = Table("operation", "format, accumulator", "1e6/s", *(f"x {n}" for n in peers), box=None)
    for result in results:
        ratios = [str(result.ratios[name]) if name in result.ratios else "-" for name in peers]
        table.add_row(result.name, result.operands, f"{result.per_second / 1e6:,.0f}", *ratios)
    return table


def picture_of(results: list[Result]) -> Any:
    """A figure of matplotlib: for each task a bar, as many times as fast as copying its input."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 1.5 + 0.3 * len(results)), layout="constrained")
    axes = figure.add_subplot()
    names = [_label(result) for result in results]
    ratios = [result.ratios[COPY] for result in results]
    medians = [ratio.median for ratio in ratios]
    below = [ratio.median - ratio.lowest for ratio in ratios]
    above = [ratio.highest - ratio.median for ratio in ratios]
    axes.barh(names, medians, xerr=[below, above], color="#4c78a8", ecolor="#333333")
    axes.axvline(1.0, color="#333333", linewidth=1)
    axes.invert_yaxis()
    axes.set_xlabel("times as fast as numpy.copyto of the input")
    return figure


def mode_name(mode: RoundingMode) -> str:
    """A rounding mode in a few letters."""
    return mode if isinstance(mode, str) else f"stochastic {mode.variant}, {mode.bits} bits"


def _label(result: Result) -> str:
    task = result.task
    size, threads = f"{task.size:,}", "1 thread" if task.threads == 1 else f"{task.threads} threads"
    return f"{task.work} {task.format.name} {mode_name(task.rounding)}, {size}, {threads}"
