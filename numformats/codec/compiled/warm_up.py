"""Compiling all kernels ahead of their first use, into the cache on disk."""

from __future__ import annotations

from itertools import product

import ml_dtypes
import numpy as np

from numformats.codec import paths
from numformats.codec.compiled import dispatch, kernels
from numformats.formats.base import Format
from numformats.formats.ieee import dlfloat16, float16, float32
from numformats.formats.ocp import float8_e4m3fn, float8_e8m0fnu
from numformats.rounding import Stochastic

_INPUTS = (np.float16, ml_dtypes.bfloat16, np.float32, np.float64)
# One of each width of codes, and of the two kinds of low end.
_FORMATS: tuple[Format, ...] = (float8_e4m3fn, float16, float32, float8_e8m0fnu, dlfloat16)


def warm_up() -> int:
    """`numformats.codec.warm_up`, where there is Numba."""
    assert paths.compiled_path(paths.LARGE) is dispatch
    for dtype, fmt in product(_INPUTS, _FORMATS):
        x = np.ones(2, dtype)
        fmt.encode(x)
        fmt.encode(x, Stochastic(), rng=0)
        fmt.encode(x, Stochastic(), random_bits=[0, 1])
        if fmt.bits <= 16:
            fmt.round(x)
            fmt.round(x, Stochastic(), rng=0)
            fmt.decode(fmt.encode(x), dtype=np.float64)
            fmt.decode(fmt.encode(x))
    return len(kernels.project.signatures)
