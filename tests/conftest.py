"""Fixtures of several test modules, and settings of all."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from numformats.codec import backends

# It asserts on behalf of several modules, which are to say what differs.
pytest.register_assert_rewrite("scaled_meaning", "tensor_file_checks")

# Kernels are compiled in the midst of a test, which has no deadline then.
settings.register_profile("numformats", deadline=None)
# What is pushed is judged by the same examples each time; new ones are found where people work.
settings.register_profile("ci", settings.get_profile("numformats"), derandomize=True)
settings.load_profile("ci" if "CI" in os.environ else "numformats")


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


def pytest_configure(config: pytest.Config) -> None:
    """Where several processes run the tests, one compiles a kernel and the others wait for it."""
    if not _is_worker() or importlib.util.find_spec("numba") is None:
        return
    # Now, since kernels take the compiler as it is when they are defined.
    from numba.core.compiler_lock import global_compiler_lock
    from numba.core.dispatcher import Dispatcher

    compile_now, locks = Dispatcher.compile, _locks(os.getppid())
    locks.mkdir(exist_ok=True)

    def compile_once(self: Any, signature: Any) -> Any:
        # What is in the cache by the time that the lock is had, is loaded from it.
        name = f"{self.py_func.__module__}.{self.py_func.__qualname__}{signature}"
        # The compiler's own lock first: else a thread that has it could wait for one that wants it.
        with global_compiler_lock, _lock(locks / hashlib.sha256(name.encode()).hexdigest()):
            return compile_now(self, signature)

    Dispatcher.compile = compile_once


def pytest_unconfigure(config: pytest.Config) -> None:
    """The process that started the others is the last to end."""
    if not _is_worker():
        shutil.rmtree(_locks(os.getpid()), ignore_errors=True)


def _is_worker() -> bool:
    return "PYTEST_XDIST_WORKER" in os.environ


def _locks(parent: int) -> Path:
    return Path(tempfile.gettempdir(), f"numformats-tests-{parent}")


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
