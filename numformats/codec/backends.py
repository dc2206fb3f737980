"""Which way an array goes: through compiled kernels where they pay, else through NumPy.

Both give the same bits. Loading Numba takes as long as to encode some millions of numbers without
it. So it is loaded for an array that large, or when as many numbers have gone by in small ones: by
then twice the time has been spent that knowing the future would have cost, and never more. Once it
is loaded, it serves arrays of any size.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, Final

from numpy.typing import NDArray

from numformats.codec import numpy_path
from numformats.codec.plan import Plan
from numformats.system import NumberSystem

Array = NDArray[Any]

# Elements from which on loading Numba and the cached kernels costs less than going without.
LARGE: Final = 1 << 22

# Parts of an array that are projected one by one begin at multiples of this.
PART: Final = 1 << 16

# Read once: asking the environment takes as long as to encode some thousand numbers.
_IS_DISABLED: Final = os.environ.get("NUMFORMATS_DISABLE_NUMBA", "0") not in ("", "0")

_CALLS: Final = "numformats.codec.numba.calls"


class _Tally:
    """How many elements have gone by without kernels, in this process. It changes no result."""

    elements = 0


def compiled_path(size: int) -> Any:
    """The module `numba.calls` if it is to be used for an array of `size` elements, else None."""
    if _IS_DISABLED:
        return None
    loaded = sys.modules.get(_CALLS)
    if loaded is not None:
        return loaded
    _Tally.elements += size
    if _Tally.elements < LARGE:
        return None
    try:
        from numformats.codec.numba import calls
    except ImportError:
        # No Numba for this Python yet, say: everything works without it. Looking for it takes time.
        _Tally.elements = 0
        return None
    return calls


def project_into(
    out: Array,
    x: Array,
    plan: Plan,
    *,
    fmt: NumberSystem | None = None,
    key: int | None = None,
    random_bits: Array | None = None,
    refuse_nan: Callable[[], None] | None = None,
    start: int = 0,
) -> None:
    """Write the projection of `x` to `out`: codes, or values if `fmt` is given to decode them.

    `refuse_nan` raises if there is a NaN in `x`; it is called unless there can be none. `start` is
    the position of the first element, from which random numbers made by `key` go on; a multiple of
    `PART`.
    """
    calls = compiled_path(x.size)
    if calls is not None:
        if fmt is None:
            kernel = calls.kernel_for(plan, x.dtype)
        else:
            kernel = calls.rounding_kernel_for(plan, x.dtype, fmt, out.dtype)
        if kernel is not None:
            calls.project_into(
                out,
                x,
                kernel,
                key=key,
                random_bits=random_bits,
                refuse_nan=refuse_nan,
                start=start,
            )
            return
    if refuse_nan is not None:
        refuse_nan()
    numpy_path.project_into(out, x, plan, fmt=fmt, key=key, random_bits=random_bits, start=start)


def decode_into(out: Array, codes: Array, fmt: NumberSystem) -> None:
    """Write the values of codes in range to `out`, whose dtype holds them."""
    calls = compiled_path(codes.size)
    decoder = None if calls is None else calls.decoder_for(fmt, out.dtype)
    if decoder is not None:
        calls.decode_into(out, codes, fmt, decoder)
        return
    numpy_path.decode_into(out, codes, fmt)
