"""How far a format is from standard normal data, at the scale that is best for it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats import scaled
from numformats.formats.format import Format
from numformats.irrational import as_two_floats
from numformats.laws.arguments import Floats
from numformats.scaled.catalogue import element_of, find

# Elements of more bits have more values than a sum over them should have terms, and errors that
# float64 hardly tells from 0.
MOST_BITS: Final = 16
# Scales are looked for where the largest magnitude stands for 0.25 to 64 standard deviations,
# and where 1 stands for 1/64 to 64, which is where tapered formats are finest.
_REACH: Final = (-2.0, 6.0)
_NEAR_ONE: Final = (-6.0, 6.0)
_SCALES_TO_AN_OCTAVE: Final = 8
_VALLEYS: Final = 3
# Of scaled formats: rows of normal numbers, and the numbers in each.
_ROWS, _COLUMNS = 1024, 1024
_SEED: Final = 20250602
# Cells beyond the one, and all within the other, do not count.
_FAR, _NEAR = 9.0, 1e-7
_GOLDEN: Final = (math.sqrt(5) - 1) / 2


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


def gaussian_error(fmt: str | Format | scaled.ScaledFormat) -> GaussianError:
    """The relative mean squared error of standard normal data in a format, rounded to nearest.

    An element format has the one scale that is best for it; what is beyond its ends goes to the
    last value. Its error is the sum of the moments of the normal distribution over the cells of
    its values. A scaled format has the scales that its rule gives, and is sampled: 1,048,576
    numbers of a fixed seed, in 1,024 rows.

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
    form = find(fmt)
    element = element_of(form)
    if form is not element:
        return _sampled(form)
    if element.bits > MOST_BITS:
        raise ValueError(
            f"fmt: {element.name} has {element.bits} bits; expected {MOST_BITS} at most"
        )
    values, boundaries = _cells(element)
    largest = float(np.abs(values).max())

    def error(octave: float) -> float:
        scale = 2.0**octave
        return _error_of_cells(values * scale, boundaries * scale)

    octaves = _octaves(math.log2(largest))
    errors = np.array([error(octave) for octave in octaves])
    step = 1 / _SCALES_TO_AN_OCTAVE
    # The curve has a valley in each octave, one a little lower than the next, or as low.
    starts = octaves[errors.argsort()[:_VALLEYS]]
    found = [_bottom(error, start - step, start + step) for start in starts]
    best = min(found, key=error)
    return GaussianError(error(best), 0.0, 2.0**best)


def ideal_bits(fmt: str | Format | scaled.ScaledFormat) -> float:
    """The bits for each value that an ideal code would need for a format's error on normal data.

    What a format has above that is the price of being simple; with scales, these count as well.

    >>> from numformats import laws
    >>> round(laws.ideal_bits("int8"), 2)
    6.74
    """
    return gaussian_error(fmt).ideal_bits


def _octaves(largest: float) -> Floats:
    """The logarithms of the scales to try, for a format whose largest magnitude has that one."""
    low, high = _REACH
    near, far = _NEAR_ONE
    places = np.arange(low, high, 1 / _SCALES_TO_AN_OCTAVE) - largest
    return np.concatenate([places, np.arange(near, far, 1 / _SCALES_TO_AN_OCTAVE)])


def _cells(element: Format) -> tuple[Floats, Floats]:
    """The values in their order, each once, and the boundaries between them."""
    steps = [element.lowest_step]
    while steps[-1] < element.highest_step:
        steps.append(element.step_beside(steps[-1], 1))
    values = np.array([float(element.value_of_step(step)) for step in steps])
    between = [float(sum(as_two_floats(element.boundary(step)))) for step in steps[:-1]]
    return values, np.array(between)


def _error_of_cells(values: Floats, boundaries: Floats) -> float:
    """The mean square of x - value for normal x, where each value has the cell between two
    boundaries.

    Over a cell it is the second moment, less twice the value times the first, plus its square times
    the probability. That loses digits where the cell is narrow: cells of a tenth or less are
    integrated by Gauss-Legendre instead. Cells far out, and those close around zero, are passed
    over: there is less than 1e-16 of error in all of them, and many cells of wide formats.
    """
    lows = np.concatenate([[-np.inf], boundaries])
    highs = np.concatenate([boundaries, [np.inf]])
    counts = (lows < _FAR) & (highs > -_FAR) & ((lows < -_NEAR) | (highs > _NEAR))
    values, lows, highs = values[counts], lows[counts], highs[counts]
    is_narrow = highs - lows < 0.1
    narrow = _narrow_cells(values[is_narrow], lows[is_narrow], highs[is_narrow])
    wide = _wide_cells(values[~is_narrow], lows[~is_narrow], highs[~is_narrow])
    return float(narrow + wide)


def _narrow_cells(values: Floats, lows: Floats, highs: Floats) -> np.float64:
    nodes, weights = np.polynomial.legendre.leggauss(5)
    half = (highs - lows)[:, np.newaxis] / 2
    places = (highs + lows)[:, np.newaxis] / 2 + half * nodes
    squares = (places - values[:, np.newaxis]) ** 2 * _density(places)
    return np.sum(squares * weights * half)


def _wide_cells(values: Floats, lows: Floats, highs: Floats) -> np.float64:
    probability = _probability(highs) - _probability(lows)
    first = _density(lows) - _density(highs)
    second = probability + _times_density(lows) - _times_density(highs)
    return np.sum(second - 2 * values * first + values**2 * probability)


def _density(x: Floats) -> Floats:
    return np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


def _times_density(x: Floats) -> Floats:
    """x times the density, which is 0 at infinity."""
    return np.where(np.isinf(x), 0.0, x) * _density(x)


def _probability(x: Floats) -> Floats:
    return np.array([math.erfc(-one / math.sqrt(2)) / 2 for one in x])


def _bottom(curve: Callable[[float], float], low: float, high: float) -> float:
    """Where a curve with one valley is lowest, by golden sections."""
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = curve(left), curve(right)
    # At the bottom of a valley this moves the error by some 1e-12 of it.
    while high - low > 1e-6:
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = curve(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = curve(right)
    return (low + high) / 2


def _sampled(fmt: Any) -> GaussianError:
    x: NDArray[np.float32] = np.random.default_rng(_SEED).standard_normal(
        (_ROWS, _COLUMNS), dtype=np.float32
    )
    rounded = scaled.quantize(x, fmt).dequantize()
    difference = x.astype(np.float64) - np.asarray(rounded, dtype=np.float64)
    noise, signal = (difference**2).mean(axis=1), (x.astype(np.float64) ** 2).mean(axis=1)
    # Of the noise alone the mean would vary with that of the data, too.
    error = noise.mean() / signal.mean()
    spread = (noise - error * signal).std(ddof=1) / math.sqrt(_ROWS)
    return GaussianError(float(error), float(spread), math.nan)
