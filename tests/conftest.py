"""Fixtures of several test modules, and settings of all."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from numformats.codec import backends

# It asserts on behalf of several modules, which are to say what differs.
pytest.register_assert_rewrite("scaled_meaning")

# Kernels are compiled in the midst of a test, which has no deadline then.
settings.register_profile("numformats", deadline=None)
settings.load_profile("numformats")


@pytest.fixture(scope="module", params=["numpy", "compiled"])
def both_paths(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run a test twice: without compiled kernels, and with them for arrays of any size."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "numpy":
            patch.setattr(backends, "_IS_DISABLED", True)
        else:
            patch.setattr(backends, "_IS_DISABLED", False)
            pytest.importorskip("numba")
            # Once it is loaded, it is used.
            importlib.import_module("numformats.codec.numba.calls")
        yield request.param


@pytest.fixture(scope="session", autouse=True)
def _each_kernel_is_compiled_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where several processes run the tests, one compiles a kernel and the others wait for it."""
    if "PYTEST_XDIST_WORKER" not in os.environ or importlib.util.find_spec("numba") is None:
        return
    from numba.core.dispatcher import Dispatcher

    compile_now, locks = Dispatcher.compile, tmp_path_factory.getbasetemp().parent

    def compile_once(self: Any, signature: Any) -> Any:
        # What is in the cache by the time that the lock is had, is loaded from it.
        name = f"{self.py_func.__module__}.{self.py_func.__qualname__}{signature}"
        with _lock(locks / f"{hashlib.sha256(name.encode()).hexdigest()}.lock"):
            return compile_now(self, signature)

    Dispatcher.compile = compile_once


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """A lock between processes, which ends with the process that has it."""
    try:
        import fcntl
    except ImportError:  # then each compiles what it needs
        yield
        return
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
