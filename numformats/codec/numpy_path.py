"""The NumPy path: chunks of arrays through the array algorithms, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numformats.codec import lattice, staircase, tapered
from numformats.codec.arguments import code_dtype, walk
from numformats.codec.plan import EncodePlan, Plan, TaperedPlan
from numformats.codec.random_bits import draw
from numformats.codec.significands import working_dtype
from numformats.codec.values import decode_chunk
from numformats.modes import random_bit_count
from numformats.system import NumberSystem

Array = NDArray[Any]


def project_into(
    out: Array,
    x: Array,
    plan: Plan,
    *,
    fmt: NumberSystem | None = None,
    key: int | None = None,
    random_bits: Array | None = None,
    refuse_nan: Callable[[], None] | None = None,
) -> None:
    """Write the projection of `x` to `out`: codes, or values if `fmt` is given to decode them.

    A stochastic plan takes its random numbers from `random_bits` or, failing that, from `key`.
    `refuse_nan` raises; it is called if there is a NaN in `x`.
    """
    if refuse_nan is not None and np.may_share_memory(x, out):
        refuse_nan()  # while no NaN has been overwritten
        refuse_nan = None
    operands, dtypes = [x], [working_dtype(x.dtype)]
    if random_bits is not None:
        operands.append(random_bits)
        dtypes.append(np.dtype(np.uint64))
    operands.append(out)
    dtypes.append(out.dtype.newbyteorder("="))
    bits = random_bit_count(plan.rounding)
    position = 0
    for values, *given, result in walk(operands, dtypes, out=True, in_order=key is not None):
        draws = given[0] if given else None
        if key is not None:
            draws = draw(key, position, values.size, bits)
        if refuse_nan is not None and np.count_nonzero(np.isnan(values)):
            refuse_nan()
        codes = _encode_chunk(values, plan, draws)
        result[...] = codes if fmt is None else decode_chunk(codes, fmt, result.dtype)
        position += values.size


def _encode_chunk(x: Array, plan: Plan, draws: NDArray[np.uint64] | None) -> NDArray[np.int64]:
    if isinstance(plan, EncodePlan):
        return lattice.encode_chunk(x, plan, draws)
    if isinstance(plan, TaperedPlan):
        return tapered.encode_chunk(x, plan, draws)
    return staircase.encode_chunk(x, plan, draws)


def decode_into(out: Array, codes: Array, fmt: NumberSystem) -> None:
    """Write the values of codes in range to `out`, whose dtype holds them."""
    dtypes = [code_dtype(fmt), out.dtype.newbyteorder("=")]
    for chunk, result in walk([codes, out], dtypes, out=True):
        result[...] = decode_chunk(chunk, fmt, result.dtype)
