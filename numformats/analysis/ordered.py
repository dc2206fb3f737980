"""Work on many pieces by several threads or machines, with the results in the order of the pieces.

So what is made of them, a sum for instance, is the same bits for any number of threads.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from itertools import islice
from typing import Any, Final, Protocol, TypeVar

Piece = TypeVar("Piece")
Result = TypeVar("Result")

# Pieces that wait for each thread: enough for none to idle, and little memory.
_WAITING_PER_THREAD: Final = 2
# Elements that are worth starting threads for.
_THREADED: Final = 1 << 19


def thread_count() -> int:
    """How many threads there may be: NUMBA_NUM_THREADS, as for the compiled loops, or all CPUs."""
    asked = os.environ.get("NUMBA_NUM_THREADS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_for(size: int) -> int:
    """How many threads to go through so many elements with."""
    return thread_count() if size >= _THREADED else 1


def in_order(
    work: Callable[[Piece], Result], pieces: Iterable[Piece], threads: int
) -> Iterator[Result]:
    """What `work` makes of each piece, in order, made by so many threads.

    `pieces` is gone through in the caller's thread, a few ahead. What `work` raises is raised in
    the place of its result.

    >>> list(in_order(abs, [3, -1, -2], threads=2))
    [3, 1, 2]
    """
    remaining = iter(pieces)
    # Alone, the first one compiles and loads what the others only use.
    yield from map(work, islice(remaining, 1))
    if threads < 2:
        yield from map(work, remaining)
        return
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for piece in remaining:
                # With the caller's context: NumPy's treatment of floating-point errors is in it.
                waiting.append(pool.submit(copy_context().run, work, piece))
                if len(waiting) > _WAITING_PER_THREAD * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


@contextmanager
def thread_pool() -> Iterator[ThreadPoolExecutor]:
    """Threads that are done, or have not begun, when the block has ended."""
    pool = ThreadPoolExecutor(thread_count())
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


class Promise(Protocol):
    """What there is of a result before it is there, as `concurrent.futures.Future`."""

    def result(self) -> Any:
        """The result, once it is there; raises what the work raised."""


def kept_in_order(
    submit: Callable[..., Promise], calls: Iterable[tuple[Any, ...]], ahead: int
) -> Iterator[Any]:
    """The results of calls in their order, of which so many are begun ahead of the one waited for.

    submit: begins a call of what it is given, as that of an `Executor` does.
    """
    waiting: deque[Promise] = deque()
    for call in calls:
        waiting.append(submit(*call))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
