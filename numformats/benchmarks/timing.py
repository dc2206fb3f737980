"""How fast arrays are encoded, decoded and rounded, as ratios.

Machines differ, and one machine differs from minute to minute. So contenders take turns within each
round of one run, ratios are formed within a round, and the median over the rounds is told with the
smallest and the largest. The yardstick is `numpy.copyto`, which does nothing but move memory.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

from numformats.benchmarks.peers import Run, runs_of_peers
from numformats.benchmarks.tasks import Task
from numformats.scaled.quantization import quantize

COPY: Final = "np.copyto"

# The length of a row of what is quantized, if that divides the size.
_ROW: Final = 4096


@dataclass(frozen=True)
class Ratio:
    """How many times as fast as another: median, smallest and largest over the rounds."""

    median: float
    lowest: float
    highest: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.lowest:.2f} to {self.highest:.2f})"


@dataclass(frozen=True)
class Result:
    """What came of a task: values per second, and the ratios to the other contenders."""

    task: Task
    values_per_second: float
    ratios: dict[str, Ratio]

    def record(self) -> dict[str, Any]:
        """The result as numbers and words."""
        task = self.task
        return {
            "work": task.work,
            "format": task.format.name,
            "rounding": str(task.rounding),
            "dtype": task.dtype.name,
            "size": task.size,
            "threads": task.threads,
            "values_per_second": self.values_per_second,
            "ratios": {name: vars(ratio) for name, ratio in self.ratios.items()},
        }


def run_task(task: Task, rounds: int, peers: list[str]) -> Result:
    """Time a task and its contenders in turn, each after a call that does not count."""
    seconds, ratios = time_in_turn(_contenders(task, peers), task.size, task.threads, rounds)
    return Result(task, task.size / seconds, ratios)


def time_in_turn(
    contenders: dict[str, Run], size: int, threads: int, rounds: int
) -> tuple[float, dict[str, Ratio]]:
    """The median seconds of a call of ours, for so many numbers on so many threads, and the ratios
    to the others; each call that is timed comes after one that does not count.
    """
    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    try:
        times: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(rounds):
            for name, run in contenders.items():
                # Threads of the one before may go on for a while: OpenMP's look for more to do.
                run()
                times[name].append(_seconds(run, size))
    finally:
        numba.set_num_threads(before)
    ours = times.pop("numformats")
    ratios = {name: ratio_of(theirs, ours) for name, theirs in times.items()}
    return statistics.median(ours), ratios


def _seconds(run: Run, size: int) -> float:
    """The time of one call; for small arrays, the mean of many."""
    calls = max(1, 20_000 // size)
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) / calls


def ratio_of(theirs: list[float], ours: list[float]) -> Ratio:
    """The ratios of times that were taken in pairs."""
    ratios = [a / b for a, b in zip(theirs, ours, strict=True)]
    return Ratio(statistics.median(ratios), min(ratios), max(ratios))


def _contenders(task: Task, peers: list[str]) -> dict[str, Run]:
    """What is to be timed, by name. All write to arrays that are there already, but for those that
    quantize, which make new ones.
    """
    x = np.random.default_rng(0).standard_normal(task.size).astype(task.dtype)
    if task.is_scaled:
        x = x.reshape(-1, _ROW if task.size % _ROW == 0 else task.size)
    ours = _quantizing(task, x) if task.is_scaled else _casting(task, x)
    return {"numformats": ours, COPY: _copy(x), **runs_of_peers(task, x, peers)}


def _quantizing(task: Task, x: NDArray[Any]) -> Run:
    fmt, mode = task.format, task.rounding
    if task.work == "encode":
        return lambda: quantize(x, fmt, rounding=mode, rng=0)
    quantized, target = quantize(x, fmt), np.empty(x.shape, np.float32)
    return lambda: quantized.dequantize(out=target)


def _casting(task: Task, x: NDArray[Any]) -> Run:
    fmt, mode = task.element, task.rounding
    if task.work == "decode":
        codes = fmt.encode(x)
        values = fmt.decode(codes)
        return lambda: fmt.decode(codes, out=values)
    method = fmt.encode if task.work == "encode" else fmt.round
    result = method(x, mode, rng=0)
    return lambda: method(x, mode, rng=0, out=result)


def _copy(x: NDArray[Any]) -> Run:
    target = np.empty_like(x)
    return lambda: np.copyto(target, x)
