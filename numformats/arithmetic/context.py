"""What an operation on float64 numbers needs to know beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from numformats.arithmetic.limits import Reach
from numformats.exact.rules import Rules

Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]
# Sticky results, and where they are not yet right: None if nowhere.
Found: TypeAlias = tuple[Floats, Bools | None]

# Products and quotients of numbers between 2**-200 and 2**200 are far from the ends of float64.
_TAME_EXPONENT = 200


@dataclass(frozen=True)
class Context:
    """What decides how an operation is carried out.

    Attributes
    ----------
    reaches : tuple of Reach
        How far the operands reach.
    bits : int
        The bits of the points that results are compared with: `limits.deciding_bits`.
    rules : Rules
        What there is to know of zeros, infinities and NaN.
    downward : bool
        Whether an exact zero sum is negative (IEEE 754-2019 6.3).
    is_nearest_of_values : bool
        Whether the operands are values of the result's format, rounded to nearest.
    """

    reaches: tuple[Reach, ...]
    bits: int
    rules: Rules
    downward: bool
    is_nearest_of_values: bool

    @property
    def are_tame(self) -> bool:
        """Whether no product or quotient of two operands comes near the ends of float64."""
        return all(
            reach.lowest >= -_TAME_EXPONENT and reach.highest <= _TAME_EXPONENT
            for reach in self.reaches
        )

    @property
    def span(self) -> int:
        """The bits of a fixed-point number that holds all operands."""
        lowest = min(reach.lowest for reach in self.reaches)
        return max(reach.highest for reach in self.reaches) - lowest

    @property
    def product_bits(self) -> int:
        """The bits of a product of the first two operands."""
        return self.reaches[0].precision + self.reaches[1].precision
