"""Numbers at hand, sorted, so that what a scale costs them is a few sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numformats.analysis.expected import Staircase
from numformats.codec.arguments import read_real

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sample:
    """The finite numbers of an array in ascending order, with the sums of all up to each.

    The numbers that become one value stand beside each other, so the squared errors of all of them
    are a difference of sums, however many they are.
    """

    numbers: Floats
    sums: Floats
    squares: Floats

    @classmethod
    def of(cls, x: ArrayLike) -> Sample:
        """The sample of an array; ValueError if there is no finite number but zero."""
        array: NDArray[Any] = read_real("x", x)
        numbers = np.sort(array.astype(np.float64), axis=None)
        numbers = numbers[np.isfinite(numbers)]
        if not numbers.any():
            raise ValueError(f"x: no finite number but zero (shape {array.shape})")
        sums, squares = (
            np.concatenate([[0.0], np.cumsum(each)]) for each in (numbers, numbers * numbers)
        )
        return cls(numbers, sums, squares)

    @property
    def second_moment(self) -> float:
        """The mean of the squares."""
        return float(self.squares[-1] / self.numbers.size)

    @property
    def reach(self) -> float:
        """The largest magnitude."""
        return float(max(-self.numbers[0], self.numbers[-1]))

    def noise(self, staircase: Staircase, scale: float) -> float:
        """The mean squared error of the numbers, rounded to the nearest value times a scale."""
        inside = np.searchsorted(self.numbers, staircase.boundaries * scale)
        ends = np.concatenate([[0], inside, [self.numbers.size]])
        y = staircase.values * scale
        count, total, squares = np.diff(ends), np.diff(self.sums[ends]), np.diff(self.squares[ends])
        return max(float(np.sum(squares - 2 * y * total + y * y * count)), 0.0) / self.numbers.size
