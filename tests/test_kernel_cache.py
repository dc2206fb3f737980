"""What becomes of compiled kernels on disk: damaged, unwritable, stale, or in use by others."""

from __future__ import annotations

import errno
import os
import pickle
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

numba = pytest.importorskip("numba")
caching = pytest.importorskip("numba.core.caching")
kernel_files = pytest.importorskip("numformats.codec.numba.kernel_files")
steps = pytest.importorskip("numformats.codec.numba.steps")


def plus_one(x: Any) -> Any:
    return x + 1


def in_a_new_process(argument: Any = 41) -> tuple[Any, int]:
    """What `plus_one` compiled gives, and how many kernels came from the disk.

    Nothing is compiled yet, and nothing loaded, for what is compiled here is another function.
    """
    function = steps.kernel(plus_one)
    return function(argument), sum(function.stats.cache_hits.values())


def with_one_warning(*arguments: Any) -> tuple[list[tuple[Any, int]], str]:
    """`in_a_new_process` for each, and what was said, once, meanwhile."""
    with pytest.warns(RuntimeWarning) as warnings:
        found = [in_a_new_process(argument) for argument in arguments]
    assert len(warnings) == 1
    return found, str(warnings[0].message)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where kernels are kept: those of `plus_one` for an integer and for a float."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(kernel_files, "_FIRST_WARNING", threading.Lock())
    assert in_a_new_process(41) == (42, 0)
    assert in_a_new_process(1.5) == (2.5, 0)
    assert in_a_new_process(41) == (42, 1)
    (found,) = tmp_path.iterdir()
    return found


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "one byte": lambda data: data[:1],
    "half": lambda data: data[: len(data) // 2],
    "all but a byte": lambda data: data[:-1],
    "zeros": lambda data: bytes(len(data)),
    "text": lambda data: b"<html>no such page</html>" * 40,
    "number": lambda data: pickle.dumps(numba.__version__) + pickle.dumps(17),
}


@pytest.mark.parametrize("kind", [".nbi", ".nbc"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_are_replaced_with_one_warning(folder: Path, kind: str, damage: str) -> None:
    for path in folder.glob(f"*{kind}"):
        path.write_bytes(DAMAGES[damage](path.read_bytes()))
    found, warning = with_one_warning(41, 1.5)
    assert found == [(42, 0), (2.5, 0)]
    assert f"cannot read the compiled kernels in {folder}" in warning
    assert "delete the folder, or set the environment variable NUMBA_CACHE_DIR" in warning
    assert in_a_new_process(41) == (42, 1)
    assert in_a_new_process(1.5) == (2.5, 1)


@pytest.mark.filterwarnings("ignore:numformats cannot read")
@pytest.mark.parametrize("kind", [".nbi", ".nbc"])
def test_a_flipped_bit_changes_no_result(folder: Path, kind: str) -> None:
    chance = random.Random(3)
    for _ in range(20):
        for path in folder.glob(f"*{kind}"):
            data = bytearray(path.read_bytes())
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            path.write_bytes(data)
        assert in_a_new_process(41)[0] == 42
        assert in_a_new_process(1.5)[0] == 2.5


def test_kernels_of_another_numba_are_replaced(folder: Path) -> None:
    for path in folder.glob("*.nbi"):
        path.write_bytes(pickle.dumps("0.1") + b"what that wrote")
    assert in_a_new_process() == (42, 0)
    assert in_a_new_process() == (42, 1)


def test_kernels_that_are_gone_are_compiled(folder: Path) -> None:
    for path in folder.glob("*.nbc"):
        path.unlink()
    assert in_a_new_process() == (42, 0)
    assert in_a_new_process() == (42, 1)


def test_kernels_are_compiled_again_when_a_source_changes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_files, "_SOURCES", "others")
    assert in_a_new_process() == (42, 0)
    assert in_a_new_process() == (42, 1)


def test_a_kernel_is_not_taken_for_another(folder: Path) -> None:
    # As when two processes that write at once take the same name for two kernels.
    one, other = folder.glob("*.nbc")
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)
    found, warning = with_one_warning(1.5, 41)
    assert found == [(2.5, 0), (42, 0)]
    assert "check sum" in warning


def test_processes_may_save_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in folder.iterdir():
        path.unlink()
    save = kernel_files.KernelFiles._save_data

    def save_after_another(self: Any, *given: Any) -> None:
        monkeypatch.setattr(kernel_files.KernelFiles, "_save_data", save)
        assert in_a_new_process(1.5) == (2.5, 0)
        save(self, *given)

    monkeypatch.setattr(kernel_files.KernelFiles, "_save_data", save_after_another)
    assert in_a_new_process(41) == (42, 0)
    assert in_a_new_process(41) == (42, 1)
    assert in_a_new_process(1.5) == (2.5, 1)


def test_a_full_disk_leaves_kernels_unsaved(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in folder.iterdir():
        path.unlink()

    def open_for_write(self: Any, path: str) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

    with monkeypatch.context() as full:
        full.setattr(kernel_files.KernelFiles, "_open_for_write", open_for_write)
        found, warning = with_one_warning(41, 1.5)
    assert found == [(42, 0), (2.5, 0)]
    assert f"cannot save compiled kernels in {folder}" in warning
    assert "No space left" in warning
    assert in_a_new_process() == (42, 0)
    assert in_a_new_process() == (42, 1)


def test_files_that_may_not_be_read_or_replaced(folder: Path) -> None:
    (index,) = folder.glob("*.nbi")
    index.unlink()
    index.mkdir()
    found, warning = with_one_warning(41, 41)
    assert found == [(42, 0), (42, 0)]
    assert "cannot read" in warning


def test_without_a_folder_kernels_are_compiled(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    found, warning = with_one_warning(41, 41)
    assert found == [(42, 0), (42, 0)]
    assert "no folder to save compiled kernels in" in warning
    assert "NUMBA_CACHE_DIR" in warning


ENCODE = """
from concurrent.futures import ThreadPoolExecutor
import numpy as np
import numformats as nf
x = np.linspace(-9, 9, 1 << 22, dtype=np.float32)
with ThreadPoolExecutor(4) as pool:
    print([int(codes.sum()) for codes in pool.map(nf.float8_e4m3fn.encode, [x] * 4)])
"""


def test_a_damaged_cache_costs_a_process_time_and_a_warning(tmp_path: Path) -> None:
    def encode(**environment: str) -> tuple[str, str]:
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), **environment}
        result = subprocess.run(
            [sys.executable, "-c", ENCODE],
            capture_output=True,
            text=True,
            env=environment,
            check=True,
        )
        return result.stdout, result.stderr

    expected = encode(NUMFORMATS_DISABLE_NUMBA="1")
    assert encode() == expected
    files = [*tmp_path.rglob("*.nbi"), *tmp_path.rglob("*.nbc")]
    assert len(files) > 5
    for i, path in enumerate(files):
        path.write_bytes(path.read_bytes()[: -1 - 40 * i])
    codes, warnings = encode()
    assert codes == expected[0]
    assert warnings.count("RuntimeWarning") == 1
    assert str(tmp_path) in warnings
    assert encode() == expected


def test_without_a_compiler_there_are_no_kernels() -> None:
    code = "import numpy as np, numformats as nf; print(nf.bfloat16.encode(np.ones(1 << 22))[-1])"
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert result.stdout == "16256\n"
