"""Arrays in chunks that stay in cache, on as many threads as the codec uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from numformats.arithmetic.call import Array
from numformats.codec import backends
from numformats.codec.arguments import walk

# Elements at a time: so many that threads seldom wait for Python's lock, which each operation of
# NumPy on a chunk takes again, and few enough for some arrays of them to stay in a core's caches.
CHUNK: Final = 1 << 17


def run(
    write: Callable[[list[Array], Array, int], Any],
    operands: list[Array],
    out: Array,
    dtypes: list[np.dtype[Any]],
) -> None:
    """Call `write` with the elements of operands, each in its native dtype, where to write what
    comes of them, and the position of the first. `operands` have the shape of `out`.
    """
    flat = [_flattened(operand) for operand in operands]
    is_plain = out.flags.c_contiguous and out.dtype.isnative
    if not is_plain or any(one is None or _overlaps(one, out) for one in flat):
        _walk(write, operands, out, dtypes)
        return
    result = out.reshape(-1)

    def work(begin: int, end: int) -> bool:
        for start in range(begin, end, CHUNK):
            stop = min(start + CHUNK, end)
            some = [one if one.size == 1 else one[start:stop] for one in flat if one is not None]
            write(some, result[start:stop], start)
        return True

    calls = backends.compiled_path(out.size)
    if calls is None:
        work(0, out.size)
    else:
        calls.threads.run_split(work, out.size, CHUNK)


def _flattened(operand: Array) -> Array | None:
    """A native operand in one dimension without a copy, of one element if all are the same; None if
    that is not to be had.
    """
    if not operand.dtype.isnative:
        return None
    if operand.size > 1 and not any(operand.strides):
        return operand.reshape(-1)[:1]
    return operand.reshape(-1) if operand.flags.c_contiguous else None


def _overlaps(operand: Array, out: Array) -> bool:
    """Whether writing results may change operands that are still to be read."""
    if operand.size == out.size and operand.ctypes.data == out.ctypes.data:
        return operand.dtype.itemsize != out.dtype.itemsize
    return np.may_share_memory(operand, out)


def _walk(
    write: Callable[[list[Array], Array, int], Any],
    operands: list[Array],
    out: Array,
    dtypes: list[np.dtype[Any]],
) -> None:
    """The same for arrays of any layout."""
    every = [*dtypes, out.dtype.newbyteorder("=")]
    position = 0
    for *some, result in walk([*operands, out], every, out=True, in_order=True, chunk=CHUNK):
        write(some, result, position)
        position += result.size
