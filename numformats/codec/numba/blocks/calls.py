"""Kernels for numbers that share a scale, with the memory that one thread needs for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numformats.codec.numba.blocks import products
from numformats.codec.numba.blocks.absmax import (
    absmax_of_blocks,
    absmax_scratch,
    magnitude_words,
)
from numformats.codec.numba.calls import (
    LatticeKernel,
    SearchKernel,
    has_table,
    key_words,
)
from numformats.codec.numba.encode import L1_CHUNK
from numformats.codec.numba.lanes import LANE64
from numformats.codec.numba.views import as_words, read_only
from numformats.codec.values import value_table
from numformats.system import NumberSystem

Array = NDArray[Any]

# A named tuple that says which loop makes codes, and with which arguments.
Loop = Any


class QuotientKernel:
    """A kernel for the quotients of numbers and the scales of blocks, with memory for `size`
    numbers at a time.

    The kernel is for float32 if all scales are powers of two, and the numbers float32. is_to_odd:
    whether quotients have to be rounded to odd. key: of the random numbers, if there are any.
    """

    def __init__(
        self,
        kernel: LatticeKernel | SearchKernel,
        block: int,
        size: int,
        *,
        is_to_odd: bool,
        key: int | None,
    ) -> None:
        self._kernel, self._block = kernel, block
        self._is_to_odd = True if is_to_odd else None
        # Memory that is asked for anew in each call would cost more than the work.
        chunk = min(size, L1_CHUNK)
        self._each, self._quotients = np.empty((2, chunk), kernel.dtype)
        self._sums = np.empty(chunk)
        self._key = key_words(key)

    def run(
        self, x: Array, scales: Array, terms: Array | None, begun: int, out: Array, start: int
    ) -> None:
        """Write the codes of the quotients of numbers, which begin at position `start` of all, and
        at position `begun` of the block with the first scale; its term is added to them.
        """
        kernel, words = self._kernel, as_words(out)
        scales = read_only(scales.view())
        terms = None if terms is None else read_only(terms.view())

        def encode(first: int, last: int, loop: Loop) -> int:
            done: int = products.encode_quotients(
                x[first:last],
                scales,
                terms,
                self._is_to_odd,
                self._block,
                begun + first,
                self._each,
                self._sums,
                self._quotients,
                kernel.source(self._quotients),
                loop,
                words[first:last],
                start + first,
            )
            return first + done

        run_chunks(encode, x.size, L1_CHUNK, kernel.loop(self._key), kernel.general_loop(self._key))


def run_chunks(
    run: Callable[[int, int, Loop], int],
    size: int,
    chunk: int,
    loop: Loop,
    general_loop: Loop,
) -> None:
    """Have all numbers gone through, by calls that return how far they came: with a loop, and for
    chunks of which that makes nothing with the general one.
    """
    done = run(0, size, loop)
    while done < size:
        end = min(done + chunk, size)
        run(done, end, general_loop)
        done = run(end, size, loop) if end < size else size


class ScaleKernel:
    """A kernel for the scales of blocks of numbers.

    fmt: the scale format. of_zeros: the code of the scale of zeros, or 0 if the format has no zero.
    precision: the significand bits that magnitudes are rounded to before all else, or None.
    """

    def __init__(
        self, kernel: LatticeKernel, fmt: NumberSystem, of_zeros: int, precision: int | None
    ) -> None:
        self._kernel, self._of_zeros = kernel, of_zeros
        lane = LANE64
        dropped = 0 if precision is None else lane.trailing_bits + 1 - precision
        half, mask = (1 << dropped) >> 1, lane.ones - ((1 << dropped) - 1)
        self._cut = lane.dtype.type(half), lane.dtype.type(mask)
        self._table = value_table(fmt, np.dtype(np.float64)) if has_table(fmt) else None

    def run(
        self, x: Array | None, block: int, largest: Array, divisors: Array, codes: Array
    ) -> Array | None:
        """Write the codes of the scales of blocks, and return their values, or None if there are
        too many for a table. NaN is NaN; the scale format has a code for it, or there is none.

        x: float32 or float64, or None if the largest magnitudes of all blocks are known.
        """
        if x is not None:
            write_absmax(x, block, largest)
        values = np.empty(codes.shape)
        # All the same, they are as many as a chunk has, for a loop without a choice in it.
        is_one, of_codes = divisors.size == 1, as_words(codes)
        each = np.full(min(codes.size, L1_CHUNK), divisors[0]) if is_one else divisors.view()
        divisors = read_only(each)
        quotients = np.empty(L1_CHUNK)
        source = self._kernel.source(quotients)

        def scale(first: int, last: int, loop: Loop) -> int:
            done: int = products.scale_blocks(
                largest[first:last],
                divisors if is_one else divisors[first:last],
                self._cut,
                quotients,
                source,
                loop,
                self._of_zeros,
                of_codes[first:last],
                self._table,
                values[first:last],
            )
            return first + done

        kernel = self._kernel
        run_chunks(scale, codes.size, L1_CHUNK, kernel.loop(None), kernel.general_loop(None))
        return None if self._table is None else values


def write_absmax(x: Array, block: int, out: Array) -> None:
    """Write the largest finite magnitude of each block of float32 or float64 numbers to `out`,
    which is float64: `absmax.absmax_of_blocks`.
    """
    scratch = absmax_scratch(x.size, block, x.dtype)
    absmax_of_blocks(as_words(x), magnitude_words(x), block, *scratch, out)
