"""Every named format, mode and saturation at its decision points, from every kind of input, by both
paths, against the oracle.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from decision_points import DETERMINISTIC, NAMED, saturations
from numpy.typing import NDArray

import numformats as nf
from numformats import exact
from numformats.codec import backends
from numformats.codec.numba import calls  # noqa: F401  (once loaded, it serves any size)
from numformats.testing import decision_inputs
from numformats.testing.projection import Projection

DTYPES = [
    np.dtype(t)
    for t in ("f2", ml_dtypes.bfloat16, "f4", "f8", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")
]
# Of wider formats the oracle, which takes some microseconds for a number, is asked of so many.
WIDE_POINTS = 300


def points(fmt: nf.Format, dtype: np.dtype[Any], most: int) -> NDArray[Any]:
    x = decision_inputs(fmt, dtype)
    if x.size <= most:
        return x
    # The first and last ones are the ends of the range, and NaN.
    end = most // 6
    some = np.random.default_rng(fmt.bits).permutation(x.size)[: most - 2 * end]
    ends = np.r_[:end, x.size - end : x.size]
    return x[np.unique(np.concatenate([some, ends]))]


@pytest.mark.parametrize("fmt", NAMED, ids=lambda f: f.name)
def test_projections_of_some_numbers_are_those_of_the_oracle(
    fmt: nf.Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_as_the_oracle(fmt, ["f4", "i8"], 48, monkeypatch)


@pytest.mark.thorough
@pytest.mark.parametrize("fmt", NAMED, ids=lambda f: f.name)
def test_every_projection_is_that_of_the_oracle(
    fmt: nf.Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_as_the_oracle(fmt, DTYPES, 2**30 if fmt.bits <= 8 else WIDE_POINTS, monkeypatch)


def assert_as_the_oracle(
    fmt: nf.Format, dtypes: list[Any], most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for dtype in map(np.dtype, dtypes):
        every = points(fmt, dtype, most)
        for mode in DETERMINISTIC:
            for saturation in saturations(fmt):
                projection = Projection(fmt, mode, saturation)  # type: ignore[arg-type]
                x = every[projection.admits(every)]
                expected = [exact.project(value, fmt, mode, saturation) for value in x]
                for is_disabled in (True, False):
                    monkeypatch.setattr(backends, "_IS_DISABLED", is_disabled)
                    got = fmt.encode(x, mode, saturation)
                    np.testing.assert_array_equal(got, expected, f"{dtype} {mode} {saturation}")
