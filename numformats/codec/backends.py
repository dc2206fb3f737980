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

import numpy as np
from numpy.typing import NDArray

from numformats.codec import numpy_path
from numformats.codec.arguments import code_dtype, refuse_codes
from numformats.codec.plan import Plan, make_plan
from numformats.codec.uninterrupted import uninterrupted
from numformats.modes import Modes
from numformats.system import NumberSystem

Array = NDArray[Any]

# Elements from which on loading Numba and the cached kernels costs less than going without.
LARGE: Final = 1 << 22

# Read once: asking the environment takes as long as to encode some thousand numbers.
_IS_DISABLED: Final = os.environ.get("NUMFORMATS_DISABLE_NUMBA", "0") not in ("", "0")

_CALLS: Final = "numformats.codec.numba.calls"


class _Loaded:
    """What this process has come to, in any of its threads."""

    # The module `numba.calls`, from when it is whole: it is in `sys.modules` while it loads, too.
    calls: ModuleType | None = None
    # How many elements have gone by without it. It changes no result, so that it does not matter
    # if threads that count at the same time count too few.
    elements = 0


def compiled_path(size: int) -> Any:
    """The module `numba.calls` if it is to be used for an array of `size` elements, else None."""
    if _IS_DISABLED:
        return None
    return _Loaded.calls or _load_if_worth_it(size)


def _load_if_worth_it(size: int) -> ModuleType | None:
    _Loaded.elements += size
    if _Loaded.elements < LARGE and _CALLS not in sys.modules:
        return None
    try:
        # If another thread is about to load it, Python has this one wait until it is done.
        _Loaded.calls = uninterrupted(partial(importlib.import_module, _CALLS))
    except ImportError:
        # No Numba for this Python yet, say: everything works without it. Looking for it takes time.
        _Loaded.elements = 0
    return _Loaded.calls


def prepare_for(size: int) -> None:
    """Load kernels, if that is worth it for `size` elements: arrays with so many of them in all are
    about to come, each too small to be worth it.
    """
    compiled_path(size)


def project_into(
    out: Array,
    x: Array,
    plan: Plan,
    *,
    fmt: NumberSystem | None = None,
    key: int | None = None,
    random_bits: Array | None = None,
    refuse_nan: Callable[[], None] | None = None,
    is_new: bool = False,
) -> None:
    """Write the projection of `x` to `out`: codes, or values if `fmt` is given to decode them.

    `refuse_nan` raises if there is a NaN in `x`; it is called unless there can be none. is_new:
    whether `out` is an array of ours, just made.
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
                is_new=is_new,
            )
            return
    numpy_path.project_into(
        out, x, plan, fmt=fmt, key=key, random_bits=random_bits, refuse_nan=refuse_nan
    )


def decode_into(out: Array, codes: Array, fmt: NumberSystem, *, is_new: bool = False) -> None:
    """Write the values of codes to `out`, whose dtype holds them. ValueError for codes out of
    range. is_new: as for `project_into`.
    """
    calls = compiled_path(codes.size)
    decoder = None if calls is None else calls.decoder_for(fmt, out.dtype)
    if decoder is None:
        refuse_codes(codes, fmt.bits)
        numpy_path.decode_into(out, codes, fmt)
        return
    # Codes of another dtype become those of the format's, and may then be in range.
    if codes.dtype != decoder.dtype:
        refuse_codes(codes, fmt.bits)
    if not calls.decode_into(out, codes, decoder, is_new=is_new):
        refuse_codes(codes, fmt.bits)


def encode(x: Array, system: NumberSystem, modes: Modes, random_bits: Array | None = None) -> Array:
    """The codes of an array of numbers that are known to be good, for a system and modes that go
    together: `codec.encode` without reading its arguments. NaN that modes refuse is not looked for.
    """
    codes = np.empty(x.shape, code_dtype(system))
    project_into(codes, x, make_plan(system, modes), random_bits=random_bits, is_new=True)
    return codes


def decode(codes: Array, system: NumberSystem) -> NDArray[np.float64]:
    """The values of codes that are known to be in range, as float64, which holds them:
    `codec.decode` without reading its arguments.
    """
    values = np.empty(codes.shape, np.float64)
    decode_into(values, codes, system, is_new=True)
    return values
