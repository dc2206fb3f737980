"""An operation on arrays, and its exact results projected once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from numformats.arithmetic import one_by_one
from numformats.arithmetic.call import (
    Array,
    prepare_result,
    read_call,
    read_operands,
    result_dtype,
)
from numformats.codec.backends import decode_into
from numformats.codec.random_bits import RandomSource
from numformats.modes import Stochastic
from numformats.system import NumberSystem


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
) -> Any:
    """The values of an operation on arrays, each exact result projected once.

    `name` is one of `numformats.exact.OPERATIONS`, `operands` as many arrays of real numbers as it
    takes; all else is as for `numformats.arithmetic.add`.

    >>> import numformats as nf
    >>> nf.arithmetic.apply("fma", [4097.0, 4097.0, 2.0**-30], nf.float32)
    np.float64(16785410.0)
    """
    arrays = read_operands(operands)
    shape = arrays[0].shape
    call = read_call(name, shape, fmt, rounding, saturation, nan, rng, random_bits)
    result = prepare_result(out, shape, result_dtype(operands, arrays, fmt))
    flat = [array.reshape(-1) for array in arrays]
    codes = one_by_one.codes_of(call, flat, call.draws(0, result.size))
    decode_into(result, codes.reshape(shape), fmt)
    return result[()] if out is None and result.ndim == 0 else result
