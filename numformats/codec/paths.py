"""Which way an array goes: through compiled kernels where they pay, else through NumPy.

Both give the same bits. Loading Numba takes as long as to encode some millions of numbers without
it. So it is loaded for an array that large, or when as many numbers have gone by in small ones: by
then twice the time has been spent that knowing the future would have cost, and never more. Once it
is loaded, it serves arrays of any size.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, Final

from numpy.typing import NDArray

from numformats.codec import numpy_path
from numformats.codec.plan import Plan
from numformats.codec.uninterrupted import uninterrupted
from numformats.formats.base import Format

Array = NDArray[Any]

# Elements from which on loading Numba and the cached kernels costs less than going without.
LARGE: Final = 1 << 22

# Parts of an array that are projected one by one begin at multiples of this.
PART: Final = 1 << 16

# Read once: asking the environment takes as long as to encode some thousand numbers.
_IS_DISABLED: Final = os.environ.get("NUMFORMATS_DISABLE_NUMBA", "0") not in ("", "0")

_DISPATCH: Final = "numformats.codec.compiled.dispatch"


class _Loaded:
    """What this process has come to, in any of its threads."""

    # The module `dispatch`, from when it is whole: it is in `sys.modules` while it loads, too.
    dispatch: ModuleType | None = None
    # How many elements have gone by without it. It changes no result, so that it does not matter
    # if threads that count at the same time count too few.
    elements = 0


def compiled_path(size: int) -> Any:
    """The module `dispatch` if it is to be used for an array of `size` elements, else None."""
    if _IS_DISABLED:
        return None
    return _Loaded.dispatch or _load_if_worth_it(size)


def _load_if_worth_it(size: int) -> ModuleType | None:
    _Loaded.elements += size
    if _Loaded.elements < LARGE and _DISPATCH not in sys.modules:
        return None
    try:
        # If another thread is about to load it, Python has this one wait until it is done.
        _Loaded.dispatch = uninterrupted(partial(importlib.import_module, _DISPATCH))
    except ImportError:
        # No Numba for this Python yet, say: everything works without it. Looking for it takes time.
        _Loaded.elements = 0
    return _Loaded.dispatch


def project_into(
    out: Array,
    x: Array,
    plan: Plan,
    *,
    fmt: Format | None = None,
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
    dispatch = compiled_path(x.size)
    if dispatch is not None:
        kernel = dispatch.kernel_for(plan, x.dtype)
        if kernel is not None and (
            fmt is None or kernel.can_round(fmt, out.dtype.newbyteorder("="))
        ):
            dispatch.project_into(
                out,
                x,
                kernel,
                fmt=fmt,
                key=key,
                random_bits=random_bits,
                refuse_nan=refuse_nan,
                start=start,
            )
            return
    if refuse_nan is not None:
        refuse_nan()
    numpy_path.project_into(out, x, plan, fmt=fmt, key=key, random_bits=random_bits, start=start)


def decode_into(out: Array, codes: Array, fmt: Format) -> None:
    """Write the values of codes in range to `out`, whose dtype holds them."""
    dispatch = compiled_path(codes.size)
    if dispatch is not None and dispatch.can_decode(fmt, out.dtype.newbyteorder("=")):
        dispatch.decode_into(out, codes, fmt)
        return
    numpy_path.decode_into(out, codes, fmt)
