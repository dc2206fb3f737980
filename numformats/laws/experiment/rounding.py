"""Which format a matrix is rounded to, by name, and the rounding itself.

Blocks and channels lie along the inputs: all that share a scale are multiplied by inputs and summed
into one output, as in every unit that multiplies scaled matrices.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.formats.ieee import float32
from numformats.formats.registry import find_format
from numformats.scaled.catalogue import with_scales
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.granularity import Granularity, PerBlock, PerChannel
from numformats.scaled.quantization import quantize

# An element format, and what shares a scale: int4_g16, float4_e2m1fn_channel.
_SCALED_HERE: Final = re.compile(r"(?P<element>\w+)_(?P<sharing>g[1-9]\d{0,5}|channel)")


@lru_cache(maxsize=64)
def matrix_format(name: str) -> ScaledFormat:
    """The scaled format of a name: a named one, or an element with float32 absmax scales.

    ``int4_g16`` has a scale for each 16 inputs, ``int4_channel`` one for each output, and ``int4``
    one for all of a matrix; so has any element format of the library. Names that the library has
    mean what they mean there: ``int4_g32`` has float16 scales.

    ValueError for a name that is neither, with the nearest.

    >>> matrix_format("int3_g16")
    <ScaledFormat int3_g16: int3, a float32 scale per block of 16, 5 bits>
    >>> matrix_format("nvfp4").name
    'nvfp4'
    """
    try:
        return with_scales(name)
    except ValueError:
        own = _scaled_here(name)
        if own is None:
            raise
        return own


def _scaled_here(name: str) -> ScaledFormat | None:
    parts = _SCALED_HERE.fullmatch(name)
    element = None if parts is None else find_format(parts["element"])
    if parts is None or element is None:
        return None
    sharing = parts["sharing"]
    granularity: Granularity = PerChannel() if sharing == "channel" else PerBlock(int(sharing[1:]))
    return ScaledFormat(name, element, float32, granularity)


def round_matrix(
    matrix: NDArray[np.float32], fmt: ScaledFormat, out: NDArray[Any] | None = None
) -> NDArray[np.float32]:
    """A matrix as the format holds it, to the nearest; in float32, as the model has it, which what
    is wider than that is rounded to.
    """
    return quantize(matrix, fmt).dequantize(out=out)
