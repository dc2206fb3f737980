"""Compiled kernels on disk, where damage costs time, and neither an exception nor a wrong result.

Numba's own cache lets through whatever it meets: what unpickling half a file raises, a full disk,
no folder that may be written. It looks for changes in the file that a function is in, and not in
those whose functions that calls. And where two processes compile a function for two types at once,
its index can come to name the machine code for one type as that for the other. So each kernel has a
check sum here, over all that it was made from.
"""

from __future__ import annotations

import hashlib
import logging
import pickle
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from numba.core.caching import FunctionCache, IndexDataCacheFile, NullCache

# A kernel is made from the functions that it calls, too, wherever they are.
_SOURCES: Final = hashlib.sha256(
    b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.rglob("*.py")))
).hexdigest()

# Tells of each kernel that is compiled, at the level INFO, to whoever wants to know.
_LOGGER: Final = logging.getLogger("numformats.kernels")

# Taken by the first warning of the process, and kept: one for each kernel would be dozens.
_FIRST_WARNING: Final = threading.Lock()


def kernel_cache(function: Callable[..., Any]) -> Any:
    """Where a function's kernels are kept, or a cache that keeps nothing if there is no folder."""
    try:
        return KernelCache(function)
    except (OSError, RuntimeError) as error:
        _warn(f"found no folder to save compiled kernels in ({error})")
        return NullCache()


class KernelCache(FunctionCache):  # type: ignore[misc]  # Numba has no types
    """Numba's cache of a function's kernels, which compiles anew where that raises."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        stamp = self._impl.locator.get_source_stamp(), _SOURCES
        self._cache_file = KernelFiles(self.cache_path, self._impl.filename_base, stamp)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The kernel for a signature, or None where it has to be compiled."""
        try:
            found = super().load_overload(sig, target_context)
        except Exception as error:  # garbage may unpickle to anything, and so raise anything
            _warn(f"cannot read the compiled kernels in {self.cache_path} ({error!r})")
            found = None
        if found is None:
            _LOGGER.info("compiling %s", self._impl.filename_base)
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the kernel for a signature, if the disk can."""
        try:
            super().save_overload(sig, data)
        except Exception as error:
            _warn(f"cannot save compiled kernels in {self.cache_path} ({error!r})")


class KernelFiles(IndexDataCacheFile):  # type: ignore[misc]  # Numba has no types
    """The files of a function: an index, and one for each kernel, with its check sum.

    What is written replaces damaged files. A kernel's file is named after what it is for, and
    written before the index says so, since other processes read and write the same files.
    """

    def save(self, key: Any, data: Any) -> None:
        """Write a kernel, and then the index with it."""
        payload = self._dump(data)
        name = self._data_name(int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:8]))
        self._save_data(name, (self._check_sum(key, payload), payload))
        self._save_index({**self._load_index(), key: name})

    def load(self, key: Any) -> Any:
        """The kernel of a key, or None. ValueError, or what unpickling raises, if it is damaged."""
        found = super().load(key)
        if found is None:
            return None
        check_sum, payload = found
        if check_sum != self._check_sum(key, payload):
            raise ValueError("the check sum of a kernel does not match")
        return pickle.loads(payload)

    def _load_index(self) -> dict[Any, str]:
        try:
            index: dict[Any, str] = super()._load_index()
            return index
        except Exception as error:
            # Taken for empty, it is written anew with the next kernel.
            _warn(f"cannot read the compiled kernels in {self._cache_path} ({error!r})")
            return {}

    def _check_sum(self, key: Any, payload: bytes) -> bytes:
        of_what = repr((self._source_stamp, key)).encode()
        return hashlib.sha256(of_what + payload).digest()


def _warn(problem: str) -> None:
    """Say, once in a process, what is wrong with the cache, and the way out."""
    if _FIRST_WARNING.acquire(blocking=False):
        warnings.warn(
            f"numformats {problem}. Results are right all the same, but kernels are compiled "
            "again, which takes seconds each. If this goes on, delete the folder, or set the "
            "environment variable NUMBA_CACHE_DIR to another.",
            RuntimeWarning,
            stacklevel=2,
        )
