"""The options and the output of `numformats bench`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import ml_dtypes
import numba
import numpy as np
from rich.console import Console
from rich.table import Table

from numformats.benchmarks.arithmetic import ArithmeticResult, arithmetic_tasks, run_arithmetic
from numformats.benchmarks.fresh import FIRST_CALLS, FirstCallResult, time_first_call
from numformats.benchmarks.peers import PEERS
from numformats.benchmarks.report import (
    picture_of,
    table_of,
    table_of_arithmetic,
    table_of_first_calls,
)
from numformats.benchmarks.tasks import Benchmark
from numformats.benchmarks.timing import Result, run_task
from numformats.cli.outputs import write_fault
from numformats.cli.plotting import require_matplotlib, save_figure
from numformats.codec.backends import LARGE, prepare_for
from numformats.modes import parse_rounding
from numformats.scaled.catalogue import find

T = TypeVar("T")
WORKS = ("encode", "decode", "round")
INPUTS = ("float32", "float64", "float16", "bfloat16")
# A narrower terminal folds lines, which is better than to cut numbers off.
_TABLE_WIDTH = 190


@dataclass(frozen=True, kw_only=True)
class BenchOptions:
    """What was asked for, checked before anything is timed."""

    benchmark: Benchmark
    first_calls: bool
    arithmetic: bool
    as_json: bool
    plot: Path | None

    @classmethod
    def parse(
        cls,
        *,
        works: str,
        formats: str,
        rounding: str,
        dtype: str,
        sizes: str,
        threads: str,
        rounds: int,
        first_calls: bool,
        arithmetic: bool,
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
        if first_calls and arithmetic:
            raise ValueError("--arithmetic: not together with --first-calls")
        if (first_calls or arithmetic) and plot is not None:
            raise ValueError("--plot: there is no picture of first calls, nor of arithmetic")
        if plot is not None:
            require_matplotlib("--plot")
        benchmark = Benchmark(
            works=tuple(_words(works)),
            formats=tuple(find(name) for name in _words(formats)),
            modes=tuple(parse_rounding(name) for name in _words(rounding)),
            dtype=_dtype(dtype),
            sizes=tuple(_number("--sizes", word, 1, 2**28) for word in _words(sizes)),
            threads=tuple(map(_thread_count, _words(threads))),
            rounds=rounds,
        )
        return cls(
            benchmark=benchmark,
            first_calls=first_calls,
            arithmetic=arithmetic,
            as_json=as_json,
            plot=plot,
        )


def bench(options: BenchOptions) -> int:
    """Run the benchmark, and write what came of it; the exit status.

    2 if the picture cannot be written, with a line on stderr.
    """
    if options.first_calls:
        _write(_time_first_calls(options.benchmark.rounds), table_of_first_calls, options.as_json)
        return 0
    prepare_for(LARGE)
    if options.arithmetic:
        _write(_run_arithmetic(options.benchmark.rounds), table_of_arithmetic, options.as_json)
        return 0
    results = _run(options.benchmark)
    _write(results, table_of, options.as_json)
    if options.plot is not None:
        try:
            save_figure(picture_of(results), options.plot)
        except (OSError, ValueError) as error:
            print(f"numformats bench: {write_fault(options.plot, error)}", file=sys.stderr)
            return 2
    return 0


def _write(results: list[Any], table: Callable[[list[Any]], Table], as_json: bool) -> None:
    """Write results as JSON, or else as a table."""
    if as_json:
        print(json.dumps([result.record() for result in results], indent=1))
    else:
        width = max(Console().width, _TABLE_WIDTH)
        Console(width=width).print(table(results), highlight=False)


def _run(benchmark: Benchmark) -> list[Result]:
    """The results of all tasks."""
    tasks = _counted(list(benchmark.tasks()))
    return [run_task(task, benchmark.rounds, list(PEERS)) for task in tasks]


def _run_arithmetic(rounds: int) -> list[ArithmeticResult]:
    """The results of all operations."""
    return [run_arithmetic(task, rounds) for task in _counted(list(arithmetic_tasks()))]


def _time_first_calls(rounds: int) -> list[FirstCallResult]:
    """The results of all first calls."""
    return [time_first_call(call, rounds) for call in _counted(FIRST_CALLS)]


def _counted(tasks: Sequence[T]) -> Iterator[T]:
    """Tasks one by one; a terminal is told how many are done."""
    for number, task in enumerate(tasks, 1):
        if sys.stderr.isatty():
            print(f"\r{number}/{len(tasks)}", end="", file=sys.stderr, flush=True)
        yield task
    if sys.stderr.isatty():
        print("\r", end="", file=sys.stderr)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _thread_count(word: str) -> int:
    most = int(numba.config.NUMBA_NUM_THREADS)
    return most if word == "all" else _number("--threads", word, 1, most)


def _number(option: str, word: str, low: int, high: int) -> int:
    if not word.isdecimal() or not low <= int(word) <= high:
        raise ValueError(f"{option}: {word!r} is not a number from {low} to {high}")
    return int(word)


def _dtype(name: str) -> np.dtype[Any]:
    return np.dtype(getattr(ml_dtypes, name, name))
