"""Fixtures of several test modules, and settings of all."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import pytest
from hypothesis import settings

from numformats.codec import paths

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
            patch.setattr(paths, "_IS_DISABLED", True)
        else:
            patch.setattr(paths, "_IS_DISABLED", False)
            pytest.importorskip("numba")
            # Once it is loaded, it is used.
            importlib.import_module("numformats.codec.compiled.dispatch")
        yield request.param
