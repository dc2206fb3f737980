"""Arrays through an operation and a projection, in chunks that stay in cache."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.arithmetic import one_by_one
from numformats.arithmetic.call import Array, Call
from numformats.arithmetic.evaluation import Evaluation
from numformats.arithmetic.limits import wrap_limit
from numformats.codec import backends
from numformats.codec.arguments import walk
from numformats.codec.values import decode_chunk
from numformats.system import NumberSystem

# Elements at a time: few enough for some float64 arrays of them to stay in cache.
CHUNK: Final = 1 << 13


def run(
    call: Call,
    evaluation: Evaluation,
    operands: list[Array],
    out: Array,
    decoded: NumberSystem | None,
) -> None:
    """Write the projected results of an operation to `out`: codes, or the values of these in a
    format. `operands` have its shape.
    """
    flat = [_flattened(operand) for operand in operands]
    result = out.reshape(-1) if out.flags.c_contiguous else None
    can_be_split = result is not None and out.dtype.isnative
    if not can_be_split or any(one is None or _overlaps(one, out) for one in flat):
        _walk(call, evaluation, operands, out, decoded)
        return

    def work(begin: int, end: int) -> bool:
        for start in range(begin, end, CHUNK):
            stop = min(start + CHUNK, end)
            some = [
                (one if one.size == 1 else one[start:stop]).astype(evaluation.dtype)
                for one in flat
                if one is not None
            ]
            assert result is not None
            _project(call, evaluation, some, result[start:stop], decoded, start)
        return True

    calls = backends.compiled_path(out.size)
    if calls is None:
        work(0, out.size)
    else:
        calls.threads.run_split(work, out.size, CHUNK)


def _flattened(operand: Array) -> Array | None:
    """An operand in one dimension without a copy, of one element if all are the same; else None."""
    if operand.size > 1 and not any(operand.strides):
        return operand.reshape(-1)[:1] if operand.ndim else operand.reshape(1)
    return operand.reshape(-1) if operand.flags.c_contiguous else None


def _overlaps(operand: Array, out: Array) -> bool:
    """Whether writing results may change operands that are still to be read."""
    if operand.size == out.size and operand.ctypes.data == out.ctypes.data:
        return operand.dtype.itemsize != out.dtype.itemsize
    return np.may_share_memory(operand, out)


def _walk(
    call: Call,
    evaluation: Evaluation,
    operands: list[Array],
    out: Array,
    decoded: NumberSystem | None,
) -> None:
    """The same for arrays of any layout."""
    dtypes = [*(evaluation.dtype for _ in operands), out.dtype.newbyteorder("=")]
    position = 0
    for *some, result in walk([*operands, out], dtypes, out=True, in_order=True, chunk=CHUNK):
        _project(call, evaluation, some, result, decoded, position)
        position += result.size


def _project(
    call: Call,
    evaluation: Evaluation,
    operands: list[NDArray[Any]],
    result: Array,
    decoded: NumberSystem | None,
    position: int,
) -> None:
    """One chunk, whose first element has a position among all."""
    found = evaluation(*operands)
    _refuse_nan(call, found, position)
    draws = call.draws(position, position + result.size)
    beyond = None
    if call.modes.saturation == "wrap":
        beyond = np.flatnonzero(~(np.abs(found) < wrap_limit(call.system)))
        found[beyond] = 0
    if found.size < result.size:
        found = np.broadcast_to(found, result.shape)
    backends.project_into(result, found, call.plan, fmt=decoded, random_bits=draws)
    if beyond is not None and beyond.size:
        some = [np.broadcast_to(operand, result.shape)[beyond] for operand in operands]
        codes = one_by_one.codes_of(call, some, None if draws is None else draws[beyond])
        result[beyond] = codes if decoded is None else decode_chunk(codes, decoded, result.dtype)
    if call.system.has_negative_zero and not evaluation.context.rules.signs:
        negative = call.system.code_of_zero(True) if decoded is None else 0
        result[result == negative] = 0 if decoded is not None else call.system.code_of_zero(False)


def _refuse_nan(call: Call, found: NDArray[Any], position: int) -> None:
    if call.system.has_nan or call.modes.nan != "raise":
        return
    (places,) = np.nonzero(np.isnan(found))
    if places.size:
        raise ValueError(
            f"{call.operation.name}: the result at position {position + int(places[0])} is NaN, "
            f"and {call.system.name} has no NaN: pass nan='max' or nan='zero'"
        )
