"""The options and the output of `numformats bench`."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np
from rich.console import Console
from rich.table import Table

from numformats.cli.bench import COPY, Result, run_task, tasks
from numformats.cli.outputs import write_fault
from numformats.cli.peers import PEERS
from numformats.cli.plotting import require_matplotlib, save_figure
from numformats.codec.backends import LARGE, compiled_path
from numformats.formats.format import Format
from numformats.modes import RoundingMode, parse_rounding
from numformats.scaled.catalogue import find
from numformats.scaled.formats import ScaledFormat

WORKS = ("encode", "decode", "round")
INPUTS = ("float32", "float64", "float16", "bfloat16")


@dataclass(frozen=True)
class BenchOptions:
    """What was asked for, checked before anything is timed."""

    works: list[str]
    formats: list[Format | ScaledFormat]
    modes: list[RoundingMode]
    dtype: np.dtype[Any]
    sizes: list[int]
    threads: list[int]
    rounds: int
    as_json: bool
    plot: Path | None

    @classmethod
    def parse(
        cls,
        works: str,
        formats: str,
        rounding: str,
        dtype: str,
        sizes: str,
        threads: str,
        rounds: int,
        as_json: bool,
        plot: Path | None,
    ) -> BenchOptions:
        """The options of a command line; ValueError or TypeError for what makes no sense."""
        for work in _words(works):
            if work not in WORKS:
                raise ValueError(f"--work: unknown {work!r}. Known: {', '.join(WORKS)}")
        if dtype not in INPUTS:
            raise ValueError(f"--dtype: unknown {dtype!r}. Known: {', '.join(INPUTS)}")
        if rounds < 1:
            raise ValueError(f"--rounds: {rounds}; one at least")
        if plot is not None:
            require_matplotlib("--plot")
        most = int(numba.config.NUMBA_NUM_THREADS)
        return cls(
            _words(works),
            [find(name) for name in _words(formats)],
            [parse_rounding(name) for name in _words(rounding)],
            _dtype(dtype),
            [_number("--sizes", word, 1, 2**28) for word in _words(sizes)],
            [
                most if word == "all" else _number("--threads", word, 1, most)
                for word in _words(threads)
            ],
            rounds,
            as_json,
            plot,
        )


def bench(options: BenchOptions) -> int:
    """Run the benchmark, and write what came of it; the exit status.

    2 if the picture cannot be written, with a line on stderr.
    """
    # Small arrays alone would not be worth loading the kernels for.
    compiled_path(LARGE)
    todo = list(
        tasks(
            options.works,
            options.formats,
            options.modes,
            options.dtype,
            options.sizes,
            options.threads,
        )
    )
    results = []
    for number, task in enumerate(todo, 1):
        if sys.stderr.isatty():
            print(f"\r{number}/{len(todo)}", end="", file=sys.stderr, flush=True)
        results.append(run_task(task, options.rounds, list(PEERS)))
    if sys.stderr.isatty():
        print("\r", end="", file=sys.stderr)
    if options.as_json:
        print(json.dumps([result.record() for result in results], indent=1))
    else:
        _print_table(results)
    if options.plot is not None:
        try:
            _plot(results, options.plot)
        except (OSError, ValueError) as error:
            print(f"numformats bench: {write_fault(options.plot, error)}", file=sys.stderr)
            return 2
    return 0


def _print_table(results: list[Result]) -> None:
    peers = list(dict.fromkeys(name for result in results for name in result.ratios))
    table = Table("work", "format", "rounding", "input", "size", "threads", "1e9/s", box=None)
    for name in peers:
        table.add_column(f"x {name}", justify="right", no_wrap=True)
    for result in results:
        task = result.task
        ratios = [str(result.ratios[name]) if name in result.ratios else "-" for name in peers]
        size = f"{task.size:,}"
        speed = f"{result.values_per_second / 1e9:.3f}"
        cells = [task.work, task.format.name, mode_name(task.rounding), task.dtype.name, size]
        table.add_row(*cells, str(task.threads), speed, *ratios)
    for column in table.columns:
        column.no_wrap = True
    # A narrower terminal folds lines, which is better than to cut numbers off.
    Console(width=max(Console().width, 190)).print(table, highlight=False)


def mode_name(mode: RoundingMode) -> str:
    """A rounding mode in a few letters."""
    return mode if isinstance(mode, str) else f"stochastic {mode.variant}, {mode.bits} bits"


def _plot(results: list[Result], path: Path) -> None:
    """A picture: for each task a bar, as many times as fast as copying its input."""
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
    save_figure(figure, path)


def _label(result: Result) -> str:
    task = result.task
    size, threads = f"{task.size:,}", "1 thread" if task.threads == 1 else f"{task.threads} threads"
    return f"{task.work} {task.format.name} {mode_name(task.rounding)}, {size}, {threads}"


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _number(option: str, word: str, low: int, high: int) -> int:
    if not word.isdecimal() or not low <= int(word) <= high:
        raise ValueError(f"{option}: {word!r} is not a number from {low} to {high}")
    return int(word)


def _dtype(name: str) -> np.dtype[Any]:
    import ml_dtypes

    return np.dtype(getattr(ml_dtypes, name, name))
