"""Work that must not be left half done."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def uninterrupted(work: Callable[[], T]) -> T:
    """What `work` returns or raises. KeyboardInterrupt ends the wait for it, and not the work.

    Signals come to the main thread alone, and so the work is another thread's. Numba that was
    stopped while it loads or compiles would raise in every later call.
    """
    if threading.current_thread() is not threading.main_thread():
        return work()
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    try:
        thread.start()
    except RuntimeError:  # there are no more threads to be had, as when Python is about to exit
        return work()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
