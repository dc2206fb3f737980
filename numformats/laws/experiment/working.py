"""Many runs on several processes, each with one thread; whatever is done is kept at once.

Which process takes a run, and when, makes no difference to its result: a run has a seed of its own,
and matrix products on one thread add in one order. So processes are used even if there is but one.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Final, Protocol

from numformats.laws.experiment.measuring import run
from numformats.laws.experiment.results import Key, ResultFile, RunResult
from numformats.laws.experiment.settings import RunSettings
from numformats.laws.experiment.text import Text

# The libraries that NumPy's matrix products may be from read these when they are loaded.
_THREAD_COUNTS: Final = (
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
# A second between two reports of how far a run is is soon enough.
_STEPS_TOLD: Final = 2048


class Progress(Protocol):
    """Who is told how far things are."""

    def advanced(self, settings: RunSettings, steps: int) -> None:
        """So many steps more of a run have been taken."""

    def finished(self, result: RunResult) -> None:
        """A run has ended, and its result is kept."""


def run_all(
    wanted: Sequence[RunSettings],
    text: Text,
    kept: ResultFile,
    progress: Progress,
    workers: int | None = None,
) -> list[RunResult]:
    """The results of all runs in their order; those that are kept already are not run again.

    Parameters
    ----------
    wanted : sequence of RunSettings
        What is to be run.
    text : Text
        What models are trained on.
    kept : ResultFile
        Where results are, and are added as soon as there are any. It is sorted in the end.
    progress : Progress
        Who is told of it.
    workers : int, optional
        How many processes there are, by default one for each core.

    Raises
    ------
    RuntimeError
        Where a process ends by itself, as one does that is out of memory.
    """
    found = kept.results
    missing = [settings for settings in wanted if (text.digest, settings) not in found]
    # The longest first, so that no process has all of it to do when the others are done.
    missing.sort(key=expected_time, reverse=True)
    count = min(workers or available_cores(), len(missing))
    with _processes(count, text) as connections:
        for result in _results(missing, connections, progress):
            kept.add(result)
            progress.finished(result)
    if missing:
        kept.sort()
    found = kept.results
    return [found[_key(settings, text)] for settings in wanted]


def expected_time(settings: RunSettings) -> float:
    """About how long the training takes, in seconds of a core: a fit of what a Xeon took."""
    step = 130e-6 + 12e-9 * settings.parameters
    return settings.steps * step * (1.0 if settings.training_format is None else 2.2)


def available_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _key(settings: RunSettings, text: Text) -> Key:
    return text.digest, settings


def _results(
    waiting: Sequence[RunSettings], connections: Iterable[Connection], progress: Progress
) -> Iterator[RunResult]:
    """Results as they come."""
    left = list(waiting)
    busy = {}
    for connection in connections:
        busy[connection] = left.pop(0)
        connection.send(busy[connection])
    while busy:
        ready = wait(list(busy))
        for connection in [each for each in busy if each in ready]:
            told = _received(connection, busy[connection])
            if isinstance(told, int):
                progress.advanced(busy[connection], told)
                continue
            if isinstance(told, BaseException):
                raise told
            del busy[connection]
            if left:
                busy[connection] = left.pop(0)
                connection.send(busy[connection])
            yield told


def _received(connection: Connection, settings: RunSettings) -> int | RunResult | BaseException:
    try:
        told: int | RunResult | BaseException = connection.recv()
    except EOFError:
        raise RuntimeError(
            f"a process ended by itself in {settings}; if memory is short, use fewer workers"
        ) from None
    return told


@contextmanager
def _processes(count: int, text: Text) -> Iterator[list[Connection]]:
    """The connections to so many processes that wait for runs; ended in the end."""
    context = get_context("spawn")
    started: dict[Connection, BaseProcess] = {}
    try:
        with _environment(dict.fromkeys(_THREAD_COUNTS, "1")):
            for _ in range(count):
                ours, theirs = context.Pipe()
                started[ours] = context.Process(target=_work, args=(theirs, text), daemon=True)
                started[ours].start()
                # So that its end, which it holds alone now, is closed when it ends.
                theirs.close()
        yield list(started)
    finally:
        for process in started.values():
            process.terminate()
        for connection, process in started.items():
            process.join()
            connection.close()


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Environment variables for the processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _work(connection: Connection, text: Text) -> None:
    """Run what comes, until the process is ended."""
    # Ctrl-C is for the process that was started by hand; it ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            settings = connection.recv()
        except EOFError:  # it is gone
            return
        try:
            connection.send(run(settings, text, _teller(connection)))
        except Exception as error:
            connection.send(error)


def _teller(connection: Connection) -> Callable[[int], None]:
    """Sends steps that have been taken, many at a time."""
    untold = 0

    def tell(steps: int) -> None:
        nonlocal untold
        untold += steps
        if untold >= _STEPS_TOLD:
            connection.send(untold)
            untold = 0

    return tell
