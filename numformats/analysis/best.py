"""The best scale of a format for numbers, and the best format of so many bits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from numformats.analysis.distributions import Distribution, read_distribution
from numformats.analysis.expected import Staircase, error_of, read_element
from numformats.analysis.samples import Sample
from numformats.checks import require_int
from numformats.formats.floating import FloatFormat
from numformats.formats.format import Format
from numformats.modes import Modes

# The scales that are tried first, over all binades of the format, at the most; those tried in an
# octave beside the best of them; and how many minima of these are searched: each octave has one.
_OF_NARROW: Final = 128, 32, 4
# The same where the precision is such that the scale hardly matters, and each trial takes long.
_OF_WIDE: Final = 48, 8, 1
_NARROW_BITS: Final = 8
_NEAREST: Final = Modes("nearest_even", "finite")


@dataclass(frozen=True)
class BestScale:
    """A format times a scale, at which numbers have the smallest mean squared error.

    Attributes
    ----------
    format : Format
        The format.
    scale : float
        Numbers are divided by it, rounded to nearest, and multiplied by it.
    clip : float
        The largest value of the format times the scale, over the root mean square of the numbers:
        numbers beyond become that.
    noise : float
        The mean squared error.
    sqnr_db : float
        Signal to quantization noise ratio in decibels.
    """

    format: Format
    scale: float
    clip: float
    noise: float
    sqnr_db: float


def best_scale(x: Any, fmt: str | Format) -> BestScale:
    """The scale at which numbers lose least when they are rounded to the nearest of a format.

    Parameters
    ----------
    x : array_like, str, Distribution or tuple
        The numbers, of which those that are not finite are left out; or their distribution, as
        `expected_error` takes it.
    fmt : str or Format
        A format of up to 16 bits.

    Raises
    ------
    TypeError, ValueError
        For an unknown distribution, no finite number but zero, or a format with more bits.

    Notes
    -----
    The error is no simple function of the scale: a format with binades has a minimum in each of
    them. Scales over all binades of the format are tried, then 32 in an octave beside the best,
    and what is beside the best four of these is searched.

    Examples
    --------
    The best 4-bit integer for normal numbers leaves out what is beyond 2.37 deviations:

    >>> from numformats.analysis import best_scale
    >>> found = best_scale("normal", "int4")
    >>> round(found.clip, 2), round(found.sqnr_db, 2)
    (2.37, 19.26)
    """
    return _best_scale(_read_source(x), read_element(fmt))


def best_format(x: Any, budget_bits: int) -> tuple[BestScale, ...]:
    """Which split of so many bits into exponent and significand loses least, the best first.

    Each is a signed format of the IEEE kind all of whose codes are numbers, as in the formats of 4
    and 6 bits of OCP MX, with one scale for all numbers, the best for it. With an exponent of one
    bit the values are evenly spaced, as integers are.

    Parameters
    ----------
    x
        The numbers or their distribution, as `best_scale` takes them.
    budget_bits : int
        The bits of a code with its sign, 2 to 16.

    Raises
    ------
    TypeError, ValueError
        As `best_scale` does, and for bits outside that.

    Examples
    --------
    >>> from numformats.analysis import best_format
    >>> for found in best_format("normal", 4):
    ...     print(found.format.name, round(found.sqnr_db, 2))
    e2m1 18.97
    e1m2 18.9
    e3m0 14.23
    """
    require_int("budget_bits", budget_bits, 2, 16)
    source = _read_source(x)
    found = [_best_scale(source, fmt) for fmt in _splits(budget_bits)]
    return tuple(sorted(found, key=lambda each: -each.sqnr_db))


def _splits(bits: int) -> list[FloatFormat]:
    """All signed float formats of so many bits without infinity or NaN."""
    return [
        FloatFormat(
            f"e{exponent}m{bits - 1 - exponent}",
            exponent_bits=exponent,
            mantissa_bits=bits - 1 - exponent,
            has_inf=False,
            nan="none",
        )
        # Exponents of more bits reach beyond float64.
        for exponent in range(1, min(bits, 9))
    ]


def _read_source(x: Any) -> Sample | Distribution:
    if isinstance(x, (str, Distribution, tuple)):
        return read_distribution(x)
    return Sample.of(x)


def _best_scale(source: Sample | Distribution, fmt: Format) -> BestScale:
    staircase, rms = Staircase.of(fmt), math.sqrt(source.second_moment)
    magnitudes = np.abs(staircase.values[staircase.values != 0])
    noise = _noise_by_scale(source, staircase)
    # From where the root mean square is four times the largest magnitude, to where it is the least.
    low, high = (math.log2(rms / end) for end in (4 * magnitudes.max(), magnitudes.min()))
    most, in_an_octave, minima = _OF_NARROW if fmt.bits <= _NARROW_BITS else _OF_WIDE
    count = min(max(int(4 * (high - low)), 16), most)
    first = np.linspace(low, high, count)
    middle, step = float(first[np.argmin([*map(noise, 2**first)])]), (high - low) / (count - 1)
    # Two octaves at the least, of which a format with binades has a minimum in each.
    reach = max(step, 1.0)
    near = int(2 * reach * in_an_octave)
    octaves = np.linspace(middle - reach, middle + reach, near)
    noises = [*map(noise, 2**octaves)]
    best, octave = min(
        _minimum(noise, float(octaves[max(at - 1, 0)]), float(octaves[min(at + 1, near - 1)]))
        for at in np.argsort(noises, kind="stable")[:minima]
    )
    scale = 2.0**octave
    decibels = 10 * math.log10(source.second_moment / best) if best else math.inf
    return BestScale(fmt, scale, fmt.max * scale / rms, best, decibels)


def _noise_by_scale(
    source: Sample | Distribution, staircase: Staircase
) -> Callable[[float], float]:
    if isinstance(source, Sample):
        return lambda scale: source.noise(staircase, scale)
    return lambda scale: error_of(staircase, source, scale, _NEAREST).noise


def _minimum(noise: Callable[[float], float], low: float, high: float) -> tuple[float, float]:
    """The smallest noise between two logarithms of scales, and where: by golden sections."""
    golden = (math.sqrt(5) - 1) / 2
    one, other = high - golden * (high - low), low + golden * (high - low)
    at_one, at_other = noise(2.0**one), noise(2.0**other)
    # Near a minimum the error changes with the square of this.
    while high - low > 1e-5:
        if at_one <= at_other:
            high, other, at_other = other, one, at_one
            one = high - golden * (high - low)
            at_one = noise(2.0**one)
        else:
            low, one, at_one = one, other, at_other
            other = low + golden * (high - low)
            at_other = noise(2.0**other)
    return min((at_one, one), (at_other, other))
