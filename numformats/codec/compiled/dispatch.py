"""From arrays to compiled kernels: which lane, which conversion, which parts."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.codec.arguments import code_dtype, walk
from numformats.codec.compiled import kernels, wide
from numformats.codec.compiled.bound import CONVERSIONS, Kernel, TableKernel, has_table, key_words
from numformats.codec.compiled.parameters import lane_of
from numformats.codec.compiled.search import is_staircase
from numformats.codec.compiled.threads import run_split
from numformats.codec.compiled.views import as_words, read_only
from numformats.codec.plan import Plan, TablePlan
from numformats.codec.values import value_table
from numformats.formats.base import Format

Array = NDArray[Any]

# Elements that are buffered at a time where memory has to be walked: a multiple of kernels.BLOCK.
CHUNK: Final = 1 << 15

_INPUTS: Final = frozenset([*CONVERSIONS, np.dtype(np.float32), np.dtype(np.float64)])


@lru_cache(maxsize=512)
def kernel_for(plan: Plan, dtype: np.dtype[Any]) -> Kernel | TableKernel | None:
    """The kernel for a plan and an input dtype, or None where the NumPy path has to do it."""
    native = dtype.newbyteorder("=")
    if native not in _INPUTS:
        return None
    if isinstance(plan, TablePlan):
        return TableKernel(plan, native) if is_staircase(plan) else None
    lane = lane_of(plan, 8 * native.itemsize)
    return None if lane is None else Kernel(plan, lane, native)


def project_into(
    out: Array,
    x: Array,
    kernel: Kernel | TableKernel,
    *,
    fmt: Format | None = None,
    key: int | None = None,
    random_bits: Array | None = None,
    refuse_nan: Callable[[], None] | None = None,
    start: int = 0,
) -> None:
    """Write the projection of `x` to `out`, as `numpy_path.project_into`, with a fitting kernel.

    `refuse_nan` raises if there is a NaN in `x`; it is called before anything is written to `x`.
    """
    target = None if fmt is None else kernel.values_of(fmt, out.dtype.newbyteorder("="))
    words = key_words(key)
    if random_bits is None and _is_plain(x) and _is_plain(out) and not _overlap(x, out):
        source, result = kernel.source(x.reshape(-1)), as_words(out.reshape(-1))

        def work(begin: int, end: int) -> bool:
            return kernel.run(
                source[begin:end], result[begin:end], target, key=words, start=start + begin
            )

        # A pass of its own, to look for NaN, would cost as much again.
        if any(run_split(work, x.size, kernels.BLOCK)) and refuse_nan is not None:
            refuse_nan()
        return
    if refuse_nan is not None:
        refuse_nan()
    operands, dtypes = [x], [kernel.dtype]
    if random_bits is not None:
        operands.append(random_bits)
        dtypes.append(np.dtype(np.uint32))
    operands.append(out)
    dtypes.append(out.dtype.newbyteorder("="))
    position = start
    chunks = walk(
        operands, dtypes, out=True, in_order=key is not None, chunk=CHUNK, contiguous=True
    )
    for values, *given, result in chunks:
        kernel.run(
            kernel.source(values),
            as_words(result),
            target,
            given=read_only(given[0].view()) if given else None,
            key=words,
            start=position,
        )
        position += values.size


def decode_into(out: Array, codes: Array, fmt: Format) -> None:
    """Write the values of codes in range to `out`, whose dtype holds them."""
    decode = _decoder(fmt, out.dtype.newbyteorder("="))
    if _is_plain(codes) and _is_plain(out) and not _overlap(codes, out):
        source, result = codes.reshape(-1), out.reshape(-1)

        def work(begin: int, end: int) -> bool:
            decode(source[begin:end], result[begin:end])
            return False

        run_split(work, codes.size, kernels.BLOCK)
        return
    dtypes = [code_dtype(fmt), out.dtype.newbyteorder("=")]
    for chunk, values in walk([codes, out], dtypes, out=True, chunk=CHUNK, contiguous=True):
        decode(chunk, values)


def can_decode(fmt: Format, dtype: np.dtype[Any]) -> bool:
    """Whether there is a kernel that decodes a format to a dtype: by a table, or by arithmetic."""
    is_plain_float = dtype in (np.float32, np.float64)
    return has_table(fmt) or (is_plain_float and wide.fields_of(fmt) is not None)


@lru_cache(maxsize=64)
def _decoder(fmt: Format, dtype: np.dtype[Any]) -> Callable[[Array, Array], None]:
    """The function that writes the values of contiguous codes to a contiguous array."""
    if has_table(fmt):
        table = as_words(value_table(fmt, dtype))
        return lambda codes, out: kernels.look_up(read_only(as_words(codes)), table, as_words(out))
    fields = wide.fields_of(fmt)
    decode = wide.decode_fixed if isinstance(fields, wide.FixedFields) else wide.decode_floats
    return lambda codes, out: decode(read_only(as_words(codes)), out, fields)


def _is_plain(array: Array) -> bool:
    """Whether an array is contiguous, aligned and in native byte order."""
    flags = array.flags
    return bool(flags.c_contiguous and flags.aligned and array.dtype.isnative)


def _overlap(a: Array, b: Array) -> bool:
    return bool(np.may_share_memory(a, b))
