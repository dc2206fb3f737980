"""A projection: format, rounding mode, saturation mode and NaN policy, as one thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numformats import codec
from numformats.formats.format import Format
from numformats.modes import (
    NanPolicy,
    RoundingMode,
    SaturationMode,
    parse_nan,
    parse_rounding,
    parse_saturation,
    random_bit_count,
)
from numformats.system import require_system

Array = NDArray[Any]


@dataclass(frozen=True)
class Projection:
    """What sends any number to a code of `format`.

    TypeError, ValueError for words that are no modes; aliases, such as "rtz", become names.

    >>> import numformats as nf
    >>> Projection(nf.float4_e2m1fn).values(np.float32([2.4, 100.0]))
    array([2., 6.])
    """

    format: Format
    rounding: RoundingMode = "nearest_even"
    saturation: SaturationMode = "none"
    nan: NanPolicy = "raise"

    def __post_init__(self) -> None:
        require_system(self.format, "format")
        object.__setattr__(self, "rounding", parse_rounding(self.rounding))
        parse_saturation(self.saturation)
        parse_nan(self.nan)

    @property
    def random_bit_count(self) -> int:
        """How many random bits each number takes; 0 in a deterministic mode."""
        return random_bit_count(self.rounding)

    def codes(self, x: Array, random_bits: Any = None) -> Array:
        """The codes of numbers."""
        return np.asarray(
            codec.encode(
                x, self.format, self.rounding, self.saturation, self.nan, random_bits=random_bits
            )
        )

    def values(self, x: Array, random_bits: Any = None) -> NDArray[np.float64]:
        """The values that numbers become, as float64."""
        codes = self.codes(x, random_bits)
        return np.asarray(codec.decode(codes, self.format, dtype=np.float64))

    def admits(self, x: Array) -> NDArray[np.bool_]:
        """Which inputs are not refused: NaN and infinity may be."""
        with np.errstate(invalid="ignore"):
            wide = x.astype(np.float64)
        admitted = np.ones(x.shape, np.bool_)
        if not self.format.has_nan and self.nan == "raise":
            admitted &= ~np.isnan(wide)
        if self.saturation == "wrap":
            admitted &= ~np.isinf(wide)
        return admitted


def require_projection(projection: object) -> None:
    """Refuse what is not a projection, a format included."""
    if not isinstance(projection, Projection):
        raise TypeError(
            f"projection: expected a Projection, got {type(projection).__name__} {projection!r}; "
            "numformats.testing.Projection makes one of a format and its modes"
        )
