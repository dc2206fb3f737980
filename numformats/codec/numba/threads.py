"""Work split over threads: started when there is much to do, and gone when it is done.

No pool is kept, so that nothing has to survive a fork, and several callers do not wait for each
other. The kernels release Python's global lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

import numba

# Elements that are worth a thread of their own: starting one takes some 50 microseconds.
ELEMENTS_PER_THREAD: Final = 1 << 18


def thread_count() -> int:
    """How many threads Numba may use: `numba.set_num_threads`, or NUMBA_NUM_THREADS.

    Asking `numba.get_num_threads` starts Numba's own threads, so that is left until someone has.
    """
    try:
        numba.threading_layer()
    except ValueError:
        return int(numba.config.NUMBA_NUM_THREADS)
    return int(numba.get_num_threads())


def run_split(work: Callable[[int, int], bool], size: int, multiple: int) -> list[bool]:
    """Call `work(begin, end)` for parts of 0 to `size`, each begun at a multiple of `multiple`.

    Returns what the calls returned, in no particular order; raises what the first that failed did.
    """
    if size < 2 * ELEMENTS_PER_THREAD:
        return [work(0, size)]
    parts = max(1, min(thread_count(), size // ELEMENTS_PER_THREAD))
    length = -(-size // parts // multiple) * multiple
    bounds = [(begin, min(begin + length, size)) for begin in range(0, size, length)]
    # The first part stays here; it also compiles, if that is to be done, while the others wait.
    results: list[bool] = []
    errors: dict[int, BaseException] = {}

    def keep(bound: tuple[int, int]) -> None:
        # A thread that fails would be a line on standard error, and no more.
        try:
            results.append(work(*bound))
        except BaseException as error:
            errors[bound[0]] = error

    others = [threading.Thread(target=keep, args=(bound,)) for bound in bounds[1:]]
    for thread in others:
        thread.start()
    keep(bounds[0])
    for thread in others:
        thread.join()
    if errors:
        raise errors[min(errors)]
    return results
