"""Operations on narrow operands as tables of all results, by the bits of the operands.

Two operands of 8 bits each, or one of 16, have 65,536 results. Once an array is larger than that,
looking them up is quicker than computing each. Tables are kept by all that they are made from.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.arithmetic.call import Array, Call
from numformats.arithmetic.chunks import Projector
from numformats.arithmetic.evaluation import Evaluation
from numformats.arithmetic.sources import Source
from numformats.modes import random_bit_count
from numformats.system import NumberSystem

_MOST_BITS: Final = 16
# A table is worth making for arrays so many times as large.
_WORTH: Final = 4


def has_table(call: Call, sources: tuple[Source, ...], size: int) -> bool:
    """Whether an operation on `size` elements is worth a table."""
    bits = 8 * sum(source.dtype.itemsize for source in sources)
    is_certain = not random_bit_count(call.modes.rounding) and call.modes.saturation != "wrap"
    return is_certain and bits <= _MOST_BITS and size >= _WORTH << bits


@lru_cache(maxsize=128)
def table(
    call: Call,
    evaluation: Evaluation,
    sources: tuple[Source, ...],
    dtype: np.dtype[Any],
    decoded: NumberSystem | None,
) -> NDArray[Any] | None:
    """All results of an operation, codes or values of a dtype, by the bits of its operands, the
    first one's at the top; None if one is refused.
    """
    bits = [8 * source.dtype.itemsize for source in sources]
    words = np.arange(1 << sum(bits), dtype=np.uint32)
    elements: list[Array] = []
    below = sum(bits)
    for source, width in zip(sources, bits, strict=True):
        below -= width
        own = (words >> np.uint32(below)).astype(f"u{width // 8}")
        own &= own.dtype.type((1 << source.bits) - 1)  # no codes are beyond these
        elements.append(own.view(source.dtype))
    results = np.empty(words.size, dtype)
    try:
        Projector(call, evaluation, sources, decoded)(elements, results, 0)
    except ValueError:  # NaN, say, which may never come
        return None
    results.flags.writeable = False
    return results


class Lookup:
    """Writes results from a table, for chunks of elements."""

    def __init__(self, results: NDArray[Any]) -> None:
        self._results = results

    def __call__(self, elements: list[Array], out: Array, position: int) -> None:
        """Write the results of elements, the first of which has a position among all."""
        index: Any = elements[0].view(f"u{elements[0].itemsize}")
        for other in elements[1:]:
            index = np.multiply(index, 1 << 8 * other.itemsize, dtype=np.intp)
            index = index + other.view(f"u{other.itemsize}")
        np.take(self._results, np.broadcast_to(index, out.shape), out=out, mode="clip")
