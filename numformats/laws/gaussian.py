"""How far a format is from standard normal data, at the scale that is best for it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from numformats.analysis.best import best_scale
from numformats.analysis.expected import expected_error
from numformats.formats.format import Format
from numformats.scaled.catalogue import find
from numformats.scaled.formats import ScaledFormat


@dataclass(frozen=True)
class GaussianError:
    """The mean squared error of a format on standard normal data, whose mean square is 1.

    Attributes
    ----------
    error : float
        The error. 1 is that of a format that has nothing but zero.
    standard_error : float
        Of the error, where it was sampled; 0.0 where it is exact, to 1e-10 of it.
    scale : float
        What values of the format are multiplied by; NaN for a scaled format, which has its own.
    """

    error: float
    standard_error: float
    scale: float

    def __float__(self) -> float:
        return self.error

    @property
    def ideal_bits(self) -> float:
        """The bits for each value that an ideal code of that error has: log_(1/4) of it.

        Shannon's bound for normal data: b bits can come down to an error of 4^-b, and no further.
        """
        return -math.log(self.error) / math.log(4.0)


def gaussian_error(fmt: str | Format | ScaledFormat) -> GaussianError:
    """The relative mean squared error of standard normal data in a format, rounded to nearest.

    An element format has the one scale that is best for it; what is beyond its ends goes to the
    last value. A scaled format has the scales that its rule gives, and is sampled. See
    `numformats.analysis.best_scale` and `numformats.analysis.expected_error`, which do the work.

    Parameters
    ----------
    fmt : str, Format or ScaledFormat
        Element formats of up to 16 bits, which take seconds, and scaled formats of any.

    Raises
    ------
    ValueError
        For element formats of more than 16 bits, and unknown names.

    Examples
    --------
    A sign alone, scaled by the mean magnitude, has an error of 1 - 2 / pi:

    >>> from numformats import TableFormat, laws
    >>> sign = TableFormat("sign", [-1.0, 1.0])
    >>> round(laws.gaussian_error(sign).error, 6)
    0.36338
    >>> found = laws.gaussian_error("int4")
    >>> round(found.error, 6), round(found.ideal_bits, 2)
    (0.011864, 3.2)
    """
    read = find(fmt)
    if isinstance(read, ScaledFormat):
        found = expected_error(read, "normal")
        return GaussianError(found.noise / found.signal, found.standard_error, math.nan)
    best = best_scale("normal", read)
    return GaussianError(best.noise, 0.0, best.scale)


def ideal_bits(fmt: str | Format | ScaledFormat) -> float:
    """The bits for each value that an ideal code would need for a format's error on normal data.

    What a format has above that is the price of being simple; with scales, these count as well.

    >>> from numformats import laws
    >>> round(laws.ideal_bits("int8"), 2)
    6.74
    """
    return gaussian_error(fmt).ideal_bits
