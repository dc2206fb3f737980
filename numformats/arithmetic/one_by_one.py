"""Operations element by element, each as `numformats.exact.apply` defines it: right for all numbers
and formats, and slow.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numformats import exact
from numformats.arithmetic.call import Array, Call
from numformats.arithmetic.sources import Source
from numformats.codec.arguments import code_dtype


def codes_of(
    call: Call,
    sources: tuple[Source, ...],
    operands: list[Array],
    draws: NDArray[np.uint64] | None,
) -> Array:
    """The codes of an operation on one-dimensional arrays, as a new array."""
    modes = call.modes
    codes = np.empty(operands[0].size, code_dtype(call.system))
    # Equal operands give equal results, and the same few come again and again in narrow formats.
    found: dict[tuple[bytes | int, ...], int] = {}
    for i in range(codes.size):
        scalars: list[Any] = [operand[i] for operand in operands]
        bits = None if draws is None else int(draws[i])
        key = (*(scalar.tobytes() for scalar in scalars), -1 if bits is None else bits)
        if key not in found:
            found[key] = exact.apply(
                call.operation.name,
                [source.number(one) for source, one in zip(sources, scalars, strict=True)],
                call.system,
                modes.rounding,
                modes.saturation,
                nan=modes.nan,
                random_bits=bits,
                rules=call.rules,
            )
        codes[i] = found[key]
    return codes
