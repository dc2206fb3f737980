"""Ctrl-C while kernels load or compile: it is heard, and later calls work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from numformats.codec.uninterrupted import uninterrupted

numba = pytest.importorskip("numba")
kernel_files = pytest.importorskip("numformats.codec.numba.kernel_files")
steps = pytest.importorskip("numformats.codec.numba.steps")

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends signals to a thread")


@pytest.fixture(autouse=True)
def _listens_to_interrupts() -> Iterator[None]:
    """Whoever starts the tests in the background may have them ignore SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt() -> None:
    """What Ctrl-C does, and time for the main thread to notice."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    time.sleep(0.2)


def test_work_goes_on_after_an_interrupt() -> None:
    is_done = threading.Event()

    def work() -> None:
        interrupt()
        is_done.set()

    with pytest.raises(KeyboardInterrupt):
        uninterrupted(work)
    assert not is_done.is_set()
    assert is_done.wait(5)


def test_what_work_returns_or_raises_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    for _ in range(2):
        assert uninterrupted(lambda: 3) == 3
        with pytest.raises(ZeroDivisionError):
            uninterrupted(lambda: 1 // 0)
        # When Python is about to exit, there are no more threads.
        monkeypatch.setattr(threading.Thread, "start", start)


def plus_one(x: Any) -> Any:
    return x + 1


def test_kernels_compile_on_after_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    function, is_saved = steps.kernel(plus_one), threading.Event()

    def load(self: Any, *given: Any) -> None:
        interrupt()

    def save(self: Any, *given: Any) -> None:
        is_saved.set()

    monkeypatch.setattr(kernel_files.KernelCache, "load_overload", load)
    monkeypatch.setattr(kernel_files.KernelCache, "save_overload", save)
    with pytest.raises(KeyboardInterrupt):
        function(41)
    assert is_saved.wait(60)
    assert function(41) == 42
    assert len(function.signatures) == 1


def test_kernels_compile_for_functions_that_call_them() -> None:
    # The thread that compiles the one has Numba's lock, and must not wait for another thread.
    function = steps.kernel(plus_one)
    assert numba.njit(lambda x: function(x))(41) == 42


LOAD = """
import signal, sys, threading, time
import numpy as np
import numformats as nf

class Interrupting:
    def find_spec(self, name, path, target=None):
        if name == MODULE:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            time.sleep(0.2)

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Interrupting())
x = np.ones(1 << 22, np.float32)
try:
    nf.bfloat16.encode(x)
except KeyboardInterrupt:
    print("interrupted", nf.bfloat16.encode(x)[-1], nf.bfloat16.encode(x)[-1])
"""


@pytest.mark.parametrize("module", ["numba", "numba.core.config", "numba.core.typing.context"])
def test_numba_loads_on_after_an_interrupt(module: str) -> None:
    result = subprocess.run(
        [sys.executable, "-c", f"MODULE = {module!r}\n{LOAD}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == "interrupted 16256 16256\n"
