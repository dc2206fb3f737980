"""The lowest point of a curve, for arrays of curves at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from numformats.laws.arguments import Floats

_POINTS = 513


def lowest(curve: Callable[[Floats], Floats], low: float, high: float) -> Floats:
    """Where curves are lowest between two ends, to 1e-10 of their distance.

    `curve` takes abscissae in a last axis that broadcasts against its own arrays. The grid, of 513
    points, is narrowed to the neighbours of the lowest of them, time and again: curves with one
    valley at the scale of the first grid are what this is for.

    >>> lowest(lambda x: (x - np.array([[1.0], [2.5]])) ** 2, 0.0, 4.0).round(6)
    array([1. , 2.5])
    """
    across = np.linspace(0.0, 1.0, _POINTS)
    # The least that float64 tells apart near the bottom of a valley is some 1e-8 of its width, so
    # the last rounds follow differences that are nearly noise; they do no harm.
    start, width = np.asarray(low, dtype=np.float64), high - low
    while width > 1e-10 * (high - low):
        points = start[..., np.newaxis] + width * across
        best = curve(points).argmin(axis=-1)
        start = start + width * across[np.clip(best - 1, 0, _POINTS - 3)]
        width *= 2 / (_POINTS - 1)
    return np.asarray(start + width / 2)
