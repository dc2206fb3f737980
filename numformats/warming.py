"""Compiling all kernels ahead of their first use, into the cache on disk."""

from __future__ import annotations

from numformats.codec import backends


def warm_up() -> int:
    """Compile every kernel ahead of its first use, or load it from the cache on disk.

    Returns how many kernels there are: 0 where Numba is missing or disabled. It takes a minute or
    more where the cache is empty; kernels are cached beside the package if that can be written,
    else in the user's cache directory (Numba's NUMBA_CACHE_DIR names another).
    """
    if backends.compiled_path(backends.LARGE) is None:
        return 0
    from numformats import kernels

    return kernels.compile_all()
