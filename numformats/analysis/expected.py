"""The error that a format is expected to make on numbers of a distribution.

A projection is constant between two neighbouring decision points, so the mean squared error is a
sum over cells of the integral of (x - y)**2 times the density. In terms of the partial moments of a
cell that is M2 - 2 y M1 + y**2 M0, which loses all its digits where the cell is narrow; so each
cell is integrated about its own value, by Gauss-Legendre quadrature, which is exact for the
polynomial that a smooth density is over a short panel, to the last digits of float64.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.analysis.comparison import compare
from numformats.analysis.distributions import Distribution, read_distribution
from numformats.formats.format import Format
from numformats.modes import Modes, Stochastic, parse_rounding, parse_saturation, random_bit_count
from numformats.names import get_format
from numformats.scaled.catalogue import find
from numformats.scaled.formats import ScaledFormat

Floats = NDArray[np.float64]

# Gauss and Legendre's, between -1 and 1: exact for polynomials of degree 23.
NODES, WEIGHTS = np.polynomial.legendre.leggauss(12)
# All cells of wider formats would take too long, and too much memory.
MOST_BITS: Final = 16
# How many ends of cells there may be; stochastic rounding has 2**N for each step.
_MOST_ENDS: Final = 1 << 21
# The shape of what is drawn for formats with scales.
_DRAWN: Final = (512, 2048)


@dataclass(frozen=True)
class ExpectedError:
    """What a projection is expected to cost numbers of a distribution.

    Attributes
    ----------
    signal : float
        The mean of x**2.
    noise : float
        The mean of the squared errors, (y - x)**2. Infinite where a number may become infinite.
    clipping_noise, underflow_noise : float
        The parts of `noise` from numbers beyond the largest or the smallest value of the format,
        and from others that become 0; the rest is from rounding.
    mean_error : float
        The mean of y - x, the bias of the projection.
    overflowed, zeroed : float
        The probabilities that a number is beyond these values, and that it becomes 0.
    standard_error : float
        The standard error of `noise` for so large a `signal`, where it was found by drawing
        numbers; else 0.
    """

    signal: float
    noise: float
    clipping_noise: float
    underflow_noise: float
    mean_error: float
    overflowed: float
    zeroed: float
    standard_error: float = 0.0

    @property
    def rounding_noise(self) -> float:
        """The part of `noise` that is neither from clipping nor from underflow."""
        if math.isinf(self.noise):
            return math.nan
        return max(self.noise - self.clipping_noise - self.underflow_noise, 0.0)

    @property
    def sqnr_db(self) -> float:
        """Signal to quantization noise ratio, 10 log10(signal / noise), in decibels."""
        if self.noise == 0:
            return math.inf
        if math.isinf(self.noise):
            return -math.inf
        return 10 * math.log10(self.signal / self.noise)


def expected_error(
    fmt: str | Format | ScaledFormat,
    distribution: Any = "normal",
    *,
    scale: float = 1.0,
    rounding: str | Stochastic = "nearest_even",
    saturation: str = "finite",
) -> ExpectedError:
    """What it costs to round numbers of a distribution to a format times a scale.

    Parameters
    ----------
    fmt : str, Format or ScaledFormat
        A format of up to 16 bits, whose error is integrated; or one with scales of its own, whose
        error is the mean over a million numbers that are drawn, in rows of 2048, with fixed seeds.
    distribution : str, Distribution, or tuple
        ``"normal"``, ``"laplace"``, ``"uniform"`` (from -1 to 1) or ``"student_t"`` (5 degrees of
        freedom); one of `Normal`, `Laplace`, `Uniform`, `StudentT`, `Histogram` with parameters; or
        the counts and edges that `numpy.histogram` returns.
    scale : float
        Numbers are divided by it, rounded, and multiplied by it; 1 for formats with scales.
    rounding, saturation
        As for `encode`; here numbers beyond the range become the largest value, unless otherwise
        asked for.

    Returns
    -------
    ExpectedError
        To about 12 digits where it is integrated.

    Raises
    ------
    TypeError, ValueError
        For a format with more bits, an unknown distribution or mode, a scale that is not positive
        and finite, or ``wrap``, under which an error has no meaning.

    Notes
    -----
    With N random bits of more than some twenty the probability of rounding up is taken for the
    distance itself, which is right to 2**-N.

    Examples
    --------
    A uniform distribution over whole steps has the error of the textbook, step**2 / 12, which is
    6.02 decibels for each bit:

    >>> from numformats.analysis import Uniform, expected_error
    >>> found = expected_error("int8", Uniform(-128, 127))
    >>> round(found.noise * 12, 12)
    1.0
    >>> round(expected_error("e4m3fn", "normal", scale=2**-4).sqnr_db, 2)
    31.52
    """
    source = read_distribution(distribution)
    if not isinstance(scale, (int, float)) or isinstance(scale, bool):
        raise TypeError(f"scale: expected a number, got {scale!r}")
    if not 0 < scale < math.inf:
        raise ValueError(f"scale: {scale!r}; expected a positive finite number")
    modes = Modes(parse_rounding(rounding), parse_saturation(saturation))
    if modes.saturation == "wrap":
        raise ValueError("saturation: 'wrap' makes errors of whole ranges; choose another mode")
    read = find(fmt)
    if isinstance(read, ScaledFormat):
        return _drawn_error(read, source, scale, modes)
    return error_of(Staircase.of(read_element(read)), source, float(scale), modes)


def _drawn_error(
    fmt: ScaledFormat, distribution: Distribution, scale: float, modes: Modes
) -> ExpectedError:
    """The mean error of numbers that are drawn, of a format with scales of its own."""
    if scale != 1:
        raise ValueError(f"scale: {scale!r}; {fmt.name} has scales of its own, so 1 is expected")
    x = distribution.draw(np.random.default_rng(0), _DRAWN)
    (row,) = compare(x, [fmt], modes.rounding, modes.saturation, rng=1, by_channel=True).rows
    stats, decibels = row.stats, np.array(row.channels)
    signals = np.square(x).mean(axis=1)
    # Of the noise alone the mean would vary with that of the numbers drawn, too.
    excess = signals * (10 ** (-decibels / 10) - stats.noise / stats.signal)
    return ExpectedError(
        stats.signal / x.size,
        stats.noise / x.size,
        stats.clipping_noise / x.size,
        stats.underflow_noise / x.size,
        stats.mean_error,
        stats.overflowed_share,
        stats.zeroed_share,
        float(excess.std(ddof=1)) / math.sqrt(len(excess)),
    )


def read_element(fmt: str | Format) -> Format:
    """A format whose cells can all be looked at."""
    read = get_format(fmt)
    if read.bits > MOST_BITS:
        raise ValueError(
            f"fmt: {read.name} has {read.bits} bits, and its cells are too many; "
            f"formats of up to {MOST_BITS} bits are expected"
        )
    return read


@dataclass(frozen=True, eq=False)
class Staircase:
    """A format and its finite values, each once and ascending.

    boundaries: where rounding to the nearest changes sides between them. points: all numbers at
    which rounding changes its mind in some mode.
    """

    fmt: Format
    values: Floats
    boundaries: Floats
    points: Floats

    @classmethod
    def of(cls, fmt: Format) -> Staircase:
        """The staircase of a format."""
        found = fmt.values()
        values = np.unique(found[(found >= fmt.min) & (found <= fmt.max)])
        if fmt.lattice is not None:
            between = (values[:-1] + values[1:]) / 2
            return cls(fmt, values, between, np.union1d(values, [*between, *_beyond(fmt)]))
        points = np.array([near for near, _ in fmt.boundaries_in_order])
        between = points[1:-1] if fmt.rounds_beyond else points
        return cls(fmt, values, between, np.union1d(values, points))


def _beyond(fmt: Format) -> list[float]:
    """Where a lattice's numbers beyond the ends begin to overflow, in some mode."""
    found: list[float] = []
    ends = [(fmt.highest_step, 1)] + [(fmt.lowest_step, -1)] * fmt.signed
    for step, side in ends:
        end, following = fmt.value_of_step(step), fmt.value_of_step(fmt.step_beside(step, side))
        found += [float((end + following) / 2), float(following)]
    return found


def error_of(
    staircase: Staircase, distribution: Distribution, scale: float, modes: Modes
) -> ExpectedError:
    """`expected_error`, of what has been parsed."""
    cells = _cells(staircase, distribution, scale, modes)
    half = np.diff(cells) / 2
    middle = cells[:-1] + half
    x = _column(middle) + _column(half) * NODES
    mass = distribution.density(x) * (_column(half) * WEIGHTS)
    fmt = staircase.fmt
    is_beyond = (middle > fmt.max * scale) | (middle < fmt.min * scale)
    sums = _Sums()
    for weight, y in _outcomes(staircase, x / scale, middle / scale, is_beyond, modes):
        sums.add(x, mass * weight, y * scale, is_beyond)
    for end in (float(cells[0]), float(cells[-1])):
        last = float(fmt.round(end / scale, "away_from_zero", modes.saturation)) * scale
        sums.add_tail(end, last, distribution.tail_moments(end))
    return sums.error(distribution.second_moment)


def _cells(staircase: Staircase, distribution: Distribution, scale: float, modes: Modes) -> Floats:
    """The ends of intervals in each of which the density is smooth and one thing is done."""
    panels, points = distribution.panels, staircase.points * scale
    count = random_bit_count(modes.rounding)
    if isinstance(modes.rounding, Stochastic) and _shows_bits(staircase, count):
        parts = np.arange(0, 1, 0.5 ** (count + 1))
        steps = np.diff(staircase.values)[:, np.newaxis] * parts
        points = np.union1d(points, (staircase.values[:-1, np.newaxis] + steps).ravel() * scale)
    inside = points[(points > panels[0]) & (points < panels[-1])]
    return np.union1d(panels, inside)


def _outcomes(
    staircase: Staircase, x: Floats, middle: Floats, is_beyond: NDArray[np.bool_], modes: Modes
) -> Iterator[tuple[Floats | float, Floats]]:
    """What may become of numbers, in units of the scale: with which probability, and the value.

    x: some numbers of each cell. middle: one of each, which is no decision point.
    """
    fmt, mode, saturation = staircase.fmt, modes.rounding, modes.saturation
    if not random_bit_count(mode):
        yield 1.0, _rounded(fmt, middle, mode, saturation)
        return
    # A number beyond the ends that may become infinite makes the mean error infinite.
    at_ends = _rounded(fmt, middle, "away_from_zero", saturation)
    yield _column(np.where(is_beyond, 1.0, 0.0)), np.where(is_beyond, at_ends, 0.0)
    near = np.where(is_beyond, 0.0, _rounded(fmt, middle, "toward_zero", saturation))
    far = np.where(is_beyond, 1.0, at_ends)
    # In a cell as narrow as float64 the middle may be a value.
    width = np.where(near == far, 1.0, far - near)
    away = _probability_away((x - _column(near)) / _column(width), mode, staircase)
    inside = _column(np.where(is_beyond, 0.0, 1.0))
    yield inside * (1.0 - away), near
    yield inside * away, far


def _column(of_cells: Floats) -> Floats:
    return of_cells[:, np.newaxis]


def _rounded(fmt: Format, x: Floats, rounding: Any, saturation: str) -> Floats:
    return np.asarray(fmt.round(x, rounding, saturation), np.float64)


def _probability_away(
    fraction: Floats, mode: str | Stochastic, staircase: Staircase
) -> Floats | float:
    """With which probability numbers so far from their neighbour nearer to zero leave it.

    Source: IEEE P3109 interim report v4.0, clause 4.7.4.
    """
    if not isinstance(mode, Stochastic):
        return 0.5
    fraction = np.clip(fraction, 0.0, 1.0)
    if not _shows_bits(staircase, mode.bits):
        # Of what is cut off, half a unit is the mean.
        return fraction - (0.5 ** (mode.bits + 1) if mode.variant == "A" else 0.0)
    units = 2.0**mode.bits
    parts = fraction * units + (0.5 if mode.variant == "B" else 0.0)
    return (np.rint(parts) if mode.variant == "C" else np.floor(parts)) / units


def _shows_bits(staircase: Staircase, bits: int) -> bool:
    """Whether each of the probabilities that so many random bits make has cells of its own."""
    return staircase.values.size << (bits + 1) <= _MOST_ENDS


class _Sums:
    """Integrals over cells, as they are added up."""

    def __init__(self) -> None:
        self.noise = self.clipping = self.underflow = 0.0
        self.bias = self.overflowed = self.zeroed = 0.0

    def add(self, x: Floats, mass: Floats, y: Floats, is_beyond: NDArray[np.bool_]) -> None:
        """Add cells: numbers of each, what share of all they stand for, and what they become."""
        shares = mass.sum(axis=1)
        is_lost = ~np.isfinite(y)
        error = np.where(is_lost, 0.0, y)[:, np.newaxis] - x
        noise = np.where(is_lost & (shares > 0), np.inf, (mass * error * error).sum(axis=1))
        is_zeroed = y == 0
        self.noise += float(noise.sum())
        self.clipping += float(noise[is_beyond].sum())
        self.underflow += float(noise[is_zeroed & ~is_beyond].sum())
        self.bias += float(np.where(noise == np.inf, np.nan, (mass * error).sum(axis=1)).sum())
        self.overflowed += float(shares[is_beyond].sum())
        self.zeroed += float(shares[is_zeroed].sum())

    def add_tail(self, end: float, y: float, moments: tuple[float, float, float]) -> None:
        """Add what lies beyond all cells and becomes one value, on the side of `end`."""
        mass, first, second = moments
        if mass == 0 and second == 0:
            return
        noise = second - 2 * abs(y) * first + y * y * mass if math.isfinite(y) else math.inf
        self.noise += noise
        self.clipping += noise
        self.bias += math.copysign(abs(y) * mass - first, end)
        self.overflowed += mass

    def error(self, signal: float) -> ExpectedError:
        """The expected error of numbers with that mean square."""
        return ExpectedError(
            signal,
            self.noise,
            self.clipping,
            self.underflow,
            self.bias,
            self.overflowed,
            self.zeroed,
        )
