"""Kernels for numbers that share a scale, with the memory that one thread needs for them."""

from __future__ import annotations

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
from numformats.codec.numba.encode import L1_CHUNK, L2_CHUNK
from numformats.codec.numba.lanes import LANE64
from numformats.codec.numba.tapered import TaperedKernel
from numformats.codec.numba.views import as_words, read_only
from numformats.codec.values import value_table
from numformats.system import NumberSystem

Array = NDArray[Any]


class QuotientKernel:
    """A kernel for the quotients of numbers and the scales of blocks, with memory for `size`
    numbers at a time.

    The kernel is for float32 if all scales are powers of two, and the numbers float32. is_to_odd:
    whether quotients have to be rounded to odd. key: of the random numbers, if there are any.
    """

    def __init__(
        self,
        kernel: LatticeKernel | SearchKernel | TaperedKernel,
        block: int,
        size: int,
        *,
        is_to_odd: bool,
        key: int | None,
    ) -> None:
        self._kernel, self._block = kernel, block
        self._is_to_odd = True if is_to_odd else None
        self._key = key_words(key)
        self._loop = kernel.loop if key is None else None
        # Memory that is asked for anew in each call would cost more than the work.
        chunk = min(size, L1_CHUNK)
        self._scratch = np.empty(chunk, kernel.dtype), np.empty(chunk)
        self._quotients = np.empty(chunk if self._loop else min(size, L2_CHUNK), kernel.dtype)

    def run(
        self, x: Array, scales: Array, terms: Array | None, begun: int, out: Array, start: int
    ) -> None:
        """Write the codes of the quotients of numbers, which begin at position `start` of all, and
        at position `begun` of the block with the first scale; its term is added to them.
        """
        shared = read_only(scales.view()), None if terms is None else read_only(terms.view())
        words, done = as_words(out), 0
        while done < x.size:
            if self._loop is not None:
                done += self._run_loop(x[done:], *shared, begun + done, words[done:])
            # Chunks of which that makes nothing, or all of them.
            chunk = slice(done, done + self._quotients.size)
            if chunk.start < x.size:
                self._run_apart(x[chunk], *shared, begun + done, words[chunk], start + done)
            done = chunk.stop

    def _run_loop(
        self, x: Array, scales: Array, terms: Array | None, begun: int, out: Array
    ) -> int:
        done: int = products.encode_quotients(
            x,
            scales,
            terms,
            self._is_to_odd,
            self._block,
            begun,
            self._scratch,
            self._quotients,
            self._kernel.source(self._quotients),
            self._loop,
            out,
        )
        return done

    def _run_apart(
        self, x: Array, scales: Array, terms: Array | None, begun: int, out: Array, start: int
    ) -> None:
        """The same for a chunk, in two steps."""
        own = self._quotients[: x.size]
        how = self._is_to_odd, self._block, begun, self._scratch
        products.write_quotients(x, scales, terms, *how, own)
        self._kernel.run(self._kernel.source(own), out, key=self._key, start=start)


class ScaleKernel:
    """A kernel for the scales of blocks of numbers.

    fmt: the scale format. of_zeros: the code of the scale of zeros, or 0 if the format has no zero.
    precision: the significand bits that magnitudes are rounded to before all else, or None.
    """

    def __init__(
        self, kernel: LatticeKernel, fmt: NumberSystem, of_zeros: int, precision: int | None
    ) -> None:
        assert fmt.lattice is not None
        self._kernel, self._loop = kernel, kernel.loop
        self._of_zeros, self._smallest = of_zeros, fmt.lattice.smallest_step
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
        is_one = divisors.size == 1
        each = divisors.view()
        if is_one:
            each = np.empty(min(codes.size, L1_CHUNK))
            each.fill(divisors[0])
        # A block may be in chunks of several threads, and the loop may write what is of no use.
        own_codes = np.empty_like(codes)
        divisors, words, done = read_only(each), as_words(own_codes), 0
        while done < codes.size:
            own = divisors if is_one else divisors[done:]
            if self._loop is not None:
                done += self._run_loop(largest[done:], own, words[done:], values[done:])
            # Chunks of which that makes nothing, or all of them.
            chunk = slice(done, done + L1_CHUNK)
            if chunk.start < codes.size:
                own = divisors if is_one else divisors[chunk]
                self._run_apart(largest[chunk], own, words[chunk], values[chunk])
            done = chunk.stop
        codes[:] = own_codes
        return None if self._table is None else values

    def _run_loop(self, largest: Array, divisors: Array, codes: Array, values: Array) -> int:
        quotients = np.empty(L1_CHUNK)
        done: int = products.scale_blocks(
            largest,
            divisors,
            self._cut,
            quotients,
            self._kernel.source(quotients),
            self._loop,
            self._of_zeros,
            self._smallest,
            codes,
            self._table,
            values,
        )
        return done

    def _run_apart(self, largest: Array, divisors: Array, codes: Array, values: Array) -> None:
        """The same for a chunk, in steps."""
        quotients = np.empty(largest.size)
        products.write_scale_quotients(largest, divisors[: largest.size], self._cut, quotients)
        self._kernel.run(self._kernel.source(quotients), codes, start=0)
        if self._of_zeros:
            codes[codes == 0] = np.where(largest == 0, self._of_zeros, self._smallest)[codes == 0]
        if self._table is not None:
            values[:] = self._table[codes]


def write_absmax(x: Array, block: int, out: Array) -> None:
    """Write the largest finite magnitude of each block of float32 or float64 numbers to `out`,
    which is float64: `absmax.absmax_of_blocks`.
    """
    scratch = absmax_scratch(x.size, block, x.dtype)
    absmax_of_blocks(as_words(x), magnitude_words(x), block, *scratch, out)
