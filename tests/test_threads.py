"""The first calls of a process may come from many threads at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import first_use
import pytest

import numformats as nf


def results_in_a_new_process(**environment: str) -> list[list[str]]:
    result = subprocess.run(
        [sys.executable, first_use.__file__],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    found: list[list[str]] = json.loads(result.stdout)
    return found


@pytest.fixture(scope="module")
def expected() -> list[str]:
    """The same from one thread, which has nothing to load while another does."""
    return [job() for job in first_use.JOBS]


@pytest.mark.parametrize("is_disabled", ["0", "1"])
def test_first_calls_from_threads_are_as_from_one(is_disabled: str, expected: list[str]) -> None:
    found = results_in_a_new_process(NUMFORMATS_DISABLE_NUMBA=is_disabled)
    for of_thread in found:
        assert of_thread == expected
    assert len(found) == first_use.THREADS


WATCHED = """
import builtins, importlib, sys
import numformats as nf

def watched(load):
    def wrapper(name, *rest):
        package = ".".join(name.split(".")[:2])
        if name.startswith("numformats.") and package not in (name, *sys.modules):
            print(name)
        return load(name, *rest)
    return wrapper

builtins.__import__ = watched(builtins.__import__)
importlib.import_module = watched(importlib.import_module)
"""


@pytest.mark.parametrize("name", [*nf._MODULES, "TableFormat", "mxfp4"])
def test_packages_are_loaded_before_their_modules(name: str) -> None:
    # Python has a lock for each module that loads. A thread that loads a package takes that of the
    # package first, and then those of its modules; one that begins with a module takes them the
    # other way around, and Python raises when both wait for each other.
    code = f"{WATCHED}\nnf.{name}"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == ""
