"""The best values that a code of so many bits can stand for: the bound for all formats."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.analysis.distributions import Distribution, read_distribution
from numformats.analysis.expected import NODES, WEIGHTS
from numformats.checks import require_int

Floats = NDArray[np.float64]

_MOST_STEPS: Final = 60
_CLOSE: Final = 1e-13


@dataclass(frozen=True, eq=False)
class Codebook:
    """The values with the smallest mean squared error for a distribution.

    values: ascending. noise: the mean squared error. sqnr_db: the ratio of the mean square to that,
    in decibels.
    """

    values: Floats
    noise: float
    sqnr_db: float


def lloyd_max(distribution: Any, bits: int) -> Codebook:
    """The codebook of so many bits that no format can do better than, for a distribution.

    Each value is the mean of the numbers that are rounded to it, and each decision point is in the
    middle between two values: conditions that Lloyd and Max found, and that Newton's method solves
    here, from the spacing that is best for many bits (Panter and Dite: as the density to the power
    of a third).

    Parameters
    ----------
    distribution
        As `expected_error` takes it.
    bits : int
        1 to 10.

    Raises
    ------
    TypeError, ValueError
        For an unknown distribution, or bits outside that.

    Notes
    -----
    Source: J. Max, Quantizing for minimum distortion, IRE Trans. Inf. Theory 6 (1960); S. Lloyd,
    Least squares quantization in PCM, IEEE Trans. Inf. Theory 28 (1982). For densities whose
    logarithm is concave, such as the normal one, there is one such codebook; for others this is one
    of several, perhaps.

    Examples
    --------
    Four bits of a normal distribution are worth 20.22 decibels at the most:

    >>> from numformats.analysis import lloyd_max
    >>> round(lloyd_max("normal", 4).sqnr_db, 2)
    20.22
    """
    require_int("bits", bits, 1, 10)
    source = read_distribution(distribution)
    values = _companded(source, 2**bits)
    for _ in range(_MOST_STEPS):
        moved = _improved(source, values)
        is_close = np.abs(moved - values).max() <= _CLOSE * np.abs(values).max()
        values = moved
        if is_close:
            break
    noise = _noise(source, values)
    decibels = 10 * math.log10(source.second_moment / noise) if noise else math.inf
    return Codebook(values, noise, decibels)


def _improved(source: Distribution, values: Floats) -> Floats:
    """A step of Newton's method; where that leaves the order, one of Lloyd's."""
    edges = (values[:-1] + values[1:]) / 2
    mass, first = _moments(source, edges)
    means = np.where(mass > 0, first / np.where(mass > 0, mass, 1.0), values)
    density = source.density(edges)
    safe = np.where(mass > 0, mass, np.inf)
    by_upper = np.zeros_like(values)
    by_lower = np.zeros_like(values)
    by_upper[:-1] = density * (edges - means[:-1]) / safe[:-1] / 2
    by_lower[1:] = density * (means[1:] - edges) / safe[1:] / 2
    slope = np.diag(by_upper + by_lower - 1) + np.diag(by_upper[:-1], 1) + np.diag(by_lower[1:], -1)
    moved = values - np.linalg.solve(slope, means - values)
    is_in_order = np.isfinite(moved).all() and (np.diff(moved) > 0).all()
    return moved if is_in_order else means


def _companded(source: Distribution, count: int) -> Floats:
    """Values spaced as the cube root of the density asks."""
    panels = source.panels
    fine = np.unique(np.linspace(panels[:-1], panels[1:], 9))
    spacing = np.cbrt(source.density((fine[:-1] + fine[1:]) / 2)) * np.diff(fine)
    places = np.concatenate([[0.0], np.cumsum(spacing)])
    wanted = (np.arange(count) + 0.5) / count * places[-1]
    return np.interp(wanted, places, fine)


def _pieces(source: Distribution, edges: Floats) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Numbers, what share of all they stand for, and between which edges they are."""
    panels = source.panels
    ends = np.union1d(panels, edges[(edges > panels[0]) & (edges < panels[-1])])
    half = np.diff(ends)[:, np.newaxis] / 2
    x = ends[:-1, np.newaxis] + half * (1 + NODES)
    return x, source.density(x) * half * WEIGHTS, np.searchsorted(edges, x[:, 6])


def _moments(source: Distribution, edges: Floats) -> tuple[Floats, Floats]:
    """The integrals of the density, and of it times x, below, between and above edges."""
    x, mass, cell = _pieces(source, edges)
    of_cell = np.zeros((2, edges.size + 1))
    for row, each in zip(of_cell, (mass, mass * x), strict=True):
        row += np.bincount(cell, each.sum(axis=1), minlength=row.size)
    panels = source.panels
    for at, end in ((0, float(panels[0])), (-1, float(panels[-1]))):
        share, first, _ = source.tail_moments(end)
        of_cell[:, at] += share, math.copysign(first, end)
    return of_cell[0], of_cell[1]


def _noise(source: Distribution, values: Floats) -> float:
    x, mass, cell = _pieces(source, (values[:-1] + values[1:]) / 2)
    error = x - values[cell][:, np.newaxis]
    noise = float(np.sum(mass * error * error))
    for y, end in ((values[0], source.panels[0]), (values[-1], source.panels[-1])):
        share, first, second = source.tail_moments(float(end))
        noise += second - 2 * abs(float(y)) * first + float(y) ** 2 * share
    return noise
