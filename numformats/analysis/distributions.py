"""Distributions of numbers: densities, and where they can be integrated piece by piece.

An error that is expected is an integral over the density. Each distribution says on which panels
its density is so smooth that Gauss-Legendre quadrature is exact in float64, and what lies beyond
the last of them: nothing that float64 holds, or a tail whose moments have a closed form.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numformats.checks import unknown

Floats = NDArray[np.float64]


@runtime_checkable
class Distribution(Protocol):
    """What an expected error has to know of the numbers that are rounded."""

    @property
    def panels(self) -> Floats:
        """Ascending ends of panels, within each of which the density is smooth."""

    @property
    def second_moment(self) -> float:
        """The mean of the squares."""

    def density(self, x: Floats) -> Floats:
        """The probability density."""

    def tail_moments(self, end: float) -> tuple[float, float, float]:
        """The integrals of the density times 1, magnitude and square, beyond an end of all panels
        and on its side of zero.
        """

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        """Numbers of the distribution."""


def _require_positive(argument: str, value: object) -> None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError(f"{argument}: expected a number, got {value!r}")
    if not 0 < value < math.inf:
        raise ValueError(f"{argument}: {value!r}; expected a positive finite number")


_NOTHING: Final = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Normal:
    """The normal distribution.

    >>> Normal().density(np.zeros(1)) * math.sqrt(2 * math.pi)
    array([1.])
    """

    mean: float = 0.0
    deviation: float = 1.0

    def __post_init__(self) -> None:
        _require_positive("deviation", self.deviation)

    @cached_property
    def panels(self) -> Floats:
        """Halves of the standard deviation, up to where the density is below float64's range."""
        return self.mean + self.deviation * np.linspace(-39.0, 39.0, 157)

    @property
    def second_moment(self) -> float:
        """The mean of the squares."""
        return self.mean**2 + self.deviation**2

    def density(self, x: Floats) -> Floats:
        """The probability density."""
        z = (x - self.mean) / self.deviation
        return np.exp(-0.5 * z * z) / (self.deviation * math.sqrt(2 * math.pi))

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        """Numbers of the distribution."""
        return rng.normal(self.mean, self.deviation, shape)

    def tail_moments(self, end: float) -> tuple[float, float, float]:
        """Nothing that float64 holds."""
        return _NOTHING


@dataclass(frozen=True)
class Laplace:
    """The two-sided exponential distribution, whose density falls by e for each `scale`.

    >>> Laplace(scale=2.0).second_moment
    8.0
    """

    mean: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        _require_positive("scale", self.scale)

    @cached_property
    def panels(self) -> Floats:
        """One scale each: in the middle of the distribution is a kink, which must be an end."""
        return self.mean + self.scale * np.linspace(-745.0, 745.0, 1491)

    @property
    def second_moment(self) -> float:
        """The mean of the squares."""
        return self.mean**2 + 2 * self.scale**2

    def density(self, x: Floats) -> Floats:
        """The probability density."""
        return np.exp(-np.abs(x - self.mean) / self.scale) / (2 * self.scale)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        """Numbers of the distribution."""
        return rng.laplace(self.mean, self.scale, shape)

    def tail_moments(self, end: float) -> tuple[float, float, float]:
        """Nothing that float64 holds."""
        return _NOTHING


@dataclass(frozen=True)
class Uniform:
    """Equal density between two ends.

    >>> Uniform(0.0, 3.0).second_moment
    3.0
    """

    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if not -math.inf < self.low < self.high < math.inf:
            raise ValueError(f"low, high: {self.low!r} to {self.high!r}; expected low < high")

    @cached_property
    def panels(self) -> Floats:
        """The two ends."""
        return np.array([self.low, self.high])

    @property
    def second_moment(self) -> float:
        """The mean of the squares."""
        return (self.low**2 + self.low * self.high + self.high**2) / 3

    def density(self, x: Floats) -> Floats:
        """The probability density."""
        return np.where((x >= self.low) & (x <= self.high), 1 / (self.high - self.low), 0.0)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        """Numbers of the distribution."""
        return rng.uniform(self.low, self.high, shape)

    def tail_moments(self, end: float) -> tuple[float, float, float]:
        """Nothing."""
        return _NOTHING


@dataclass(frozen=True)
class StudentT:
    """Student's t distribution, whose tails fall as a power: weights with outliers.

    degrees: the degrees of freedom, above 2, where the mean of the squares is finite.

    >>> StudentT(degrees=4.0).second_moment
    2.0
    """

    degrees: float = 5.0

    def __post_init__(self) -> None:
        _require_positive("degrees", self.degrees)
        if self.degrees <= 2:
            raise ValueError(
                f"degrees: {self.degrees!r}; with 2 or fewer the mean of the squares is infinite"
            )

    @cached_property
    def panels(self) -> Floats:
        """Even near zero, and then twice as long each: far out the density is a power of x."""
        near = np.linspace(0, 2, 9)
        # As far as there is something: beyond x is x**(2 - degrees) of the mean square.
        octaves = min(60 / (self.degrees - 2), 490.0) + 8
        far = 2.0 ** np.arange(2, octaves)
        positive = math.sqrt(self.degrees) * np.concatenate([near, far])
        return np.concatenate([-positive[:0:-1], positive])

    @property
    def second_moment(self) -> float:
        """The mean of the squares."""
        return self.degrees / (self.degrees - 2)

    @cached_property
    def _height(self) -> float:
        logarithm = math.lgamma((self.degrees + 1) / 2) - math.lgamma(self.degrees / 2)
        return math.exp(logarithm) / math.sqrt(self.degrees * math.pi)

    def density(self, x: Floats) -> Floats:
        """The probability density."""
        return self._height * (1 + x * x / self.degrees) ** (-(self.degrees + 1) / 2)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        """Numbers of the distribution."""
        return rng.standard_t(self.degrees, shape)

    def tail_moments(self, end: float) -> tuple[float, float, float]:
        """So far out the density is a power of x to all digits of float64."""
        nu, x = self.degrees, abs(end)
        # The logarithm, since the power alone may be out of range.
        logarithm = math.log(self._height) + (nu + 1) / 2 * math.log(nu) - nu * math.log(x)
        mass, first, second = (
            math.exp(max(logarithm + power * math.log(x), -745.0)) / (nu - power)
            for power in (0, 1, 2)
        )
        return mass, first, second


@dataclass(frozen=True, eq=False)
class Histogram:
    """Equal density in each of several bins, as of `numpy.histogram`.

    counts: how many numbers, or what share of them, each bin has. edges: the ends of the bins,
    ascending, one more than there are bins.

    >>> Histogram(*np.histogram([0.1, 0.4, 0.4, 0.9], bins=2, range=(0, 1))).density(
    ...     np.array([0.2, 0.7]))
    array([1.5, 0.5])
    """

    counts: ArrayLike
    edges: ArrayLike

    def __post_init__(self) -> None:
        counts, edges = np.asarray(self.counts, np.float64), np.asarray(self.edges, np.float64)
        if counts.ndim != 1 or edges.shape != (counts.size + 1,) or not counts.size:
            raise ValueError(
                f"counts, edges: shapes {counts.shape} and {edges.shape}; expected n and n + 1"
            )
        if not (np.isfinite(edges).all() and (np.diff(edges) > 0).all()):
            raise ValueError("edges: expected finite numbers that ascend")
        if not (np.isfinite(counts).all() and (counts >= 0).all() and counts.sum() > 0):
            raise ValueError("counts: expected finite numbers, none negative and one positive")

    @cached_property
    def panels(self) -> Floats:
        """The ends of the bins."""
        return np.asarray(self.edges, np.float64)

    @cached_property
    def _densities(self) -> Floats:
        counts = np.asarray(self.counts, np.float64)
        return counts / counts.sum() / np.diff(self.panels)

    @property
    def second_moment(self) -> float:
        """The mean of the squares."""
        low, high = self.panels[:-1], self.panels[1:]
        squares = (low * low + low * high + high * high) / 3
        return float(np.sum(self._densities * (high - low) * squares))

    def density(self, x: Floats) -> Floats:
        """The probability density."""
        place = np.searchsorted(self.panels, x, side="right") - 1
        inside = (place >= 0) & (place < self._densities.size)
        return np.where(inside, self._densities[np.clip(place, 0, self._densities.size - 1)], 0.0)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        """Numbers of the distribution."""
        shares = self._densities * np.diff(self.panels)
        place = rng.choice(shares.size, shape, p=shares / shares.sum())
        return rng.uniform(self.panels[place], self.panels[place + 1])

    def tail_moments(self, end: float) -> tuple[float, float, float]:
        """Nothing."""
        return _NOTHING


_NAMED: Final[dict[str, Callable[[], Distribution]]] = {
    "normal": Normal,
    "laplace": Laplace,
    "uniform": Uniform,
    "student_t": StudentT,
}


def read_distribution(given: Any) -> Distribution:
    """A distribution, by name or itself, or a pair of counts and edges.

    >>> read_distribution("normal"), read_distribution(([1, 3], [0, 1, 2])).second_moment
    (Normal(mean=0.0, deviation=1.0), 1.8333333333333333)
    """
    if isinstance(given, str):
        if given not in _NAMED:
            raise ValueError(unknown("distribution", given, _NAMED))
        return _NAMED[given]()
    if isinstance(given, Distribution):
        return given
    if isinstance(given, tuple) and len(given) == 2:
        return Histogram(*given)
    raise TypeError(
        f"distribution: expected a name ({', '.join(_NAMED)}), a distribution, or a pair of counts "
        f"and edges as of numpy.histogram, got {type(given).__name__}"
    )
