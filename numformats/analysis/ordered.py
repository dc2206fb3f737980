"""Work that is done in any order, by whom, and handed over in the order of what it is about."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final, Protocol

_MOST_THREADS: Final = 8


class Promise(Protocol):
    """What there is of a result before it is there, as `concurrent.futures.Future`."""

    def result(self) -> Any:
        """The result, once it is there; raises what the work raised."""


def in_order(
    submit: Callable[..., Promise], calls: Iterable[tuple[Any, ...]], ahead: int
) -> Iterator[Any]:
    """The results of calls in their order, of which so many are begun ahead of the one waited for.

    submit: begins the call of its first argument with the others, as that of an `Executor`.
    """
    waiting: deque[Promise] = deque()
    for call in calls:
        waiting.append(submit(*call))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def thread_count() -> int:
    """How many threads the arrays of one call are worth."""
    return min(os.cpu_count() or 1, _MOST_THREADS)


@contextmanager
def threads() -> Iterator[ThreadPoolExecutor]:
    """Threads that are done, or have not begun, when the block has ended."""
    pool = ThreadPoolExecutor(thread_count())
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
