"""An operation on arrays, and its exact results projected once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from numformats.arithmetic import one_by_one
from numformats.arithmetic.call import (
    Array,
    Call,
    prepare_result,
    read_call,
    read_operands,
    result_dtype,
)
from numformats.arithmetic.evaluation import find_evaluation
from numformats.arithmetic.running import run
from numformats.codec.backends import decode_into
from numformats.codec.extents import Extent, extent_of_dtype
from numformats.codec.random_bits import RandomSource
from numformats.modes import Stochastic
from numformats.system import Arithmetic, NumberSystem

# Integers up to here are float64 numbers.
_EXACT_INTEGERS: Final = 2**53


def apply(
    name: str,
    operands: Sequence[ArrayLike],
    fmt: NumberSystem,
    rounding: str | Stochastic = "nearest_even",
    saturation: str = "none",
    nan: str = "raise",
    rng: RandomSource = None,
    random_bits: ArrayLike | None = None,
    out: Array | None = None,
    *,
    rules: Arithmetic | None = None,
) -> Any:
    """The values of an operation on arrays, each exact result projected once.

    `name` is one of `numformats.exact.OPERATIONS`, `operands` as many arrays of real numbers as it
    takes. `rules` are as for `numformats.exact.apply`: by default the format's own. All else is as for
    `numformats.arithmetic.add`.

    >>> import numformats as nf
    >>> nf.arithmetic.apply("fma", [4097.0, 4097.0, 2.0**-30], nf.float32)
    np.float64(16785410.0)
    """
    arrays = read_operands(name, operands)
    shape = arrays[0].shape
    call = read_call(name, shape, fmt, rounding, saturation, nan, rng, random_bits, rules)
    result = prepare_result(out, shape, result_dtype(operands, arrays, fmt))
    write_results(call, arrays, result, fmt)
    return result[()] if out is None and result.ndim == 0 else result


def write_results(
    call: Call,
    arrays: list[Array],
    result: Array,
    decoded: NumberSystem | None,
    extents: Sequence[Extent | None] = (),
) -> None:
    """Write the results of a call to an array of their shape: codes, or the values of these in a
    format. `extents` are those of operands which are known better than their dtypes tell.
    """
    narrow = [_as_float64_holds(array) for array in arrays]
    if all(array is not None for array in narrow):
        operands = [array for array in narrow if array is not None]
        of_dtypes = [extent_of_dtype(array.dtype.newbyteorder("=")) for array in operands]
        known = extents or [None] * len(operands)
        reached = tuple(own or other for own, other in zip(known, of_dtypes, strict=True))
        evaluation = find_evaluation(
            call.operation.name, reached, call.system, call.modes, call.rules
        )
        if evaluation is not None:
            run(call, evaluation, operands, result, decoded)
            return
    flat = [array.reshape(-1) for array in arrays]
    codes = one_by_one.codes_of(call, flat, call.draws(0, result.size)).reshape(result.shape)
    if decoded is None:
        result[...] = codes
    else:
        decode_into(result, codes, decoded)


def _as_float64_holds(array: Array) -> Array | None:
    """An array of a dtype whose numbers float64 holds, or None if it does not hold these."""
    if array.dtype.kind not in "iu" or array.dtype.itemsize < 8:
        return array
    if ((array <= _EXACT_INTEGERS) & (array >= -_EXACT_INTEGERS)).all():
        return array.astype(np.float64)
    return None
