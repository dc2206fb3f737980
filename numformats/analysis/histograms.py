"""Counts of errors and of values by size, which can be merged: partial sums of a distribution."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from numformats.analysis.streaming import Streamable
from numformats.codec.error_sums import Bins

# Bins to an octave: each is wide by less than 0.8% of its numbers.
_BINS_PER_OCTAVE_LOG2: Final = 7
_BINS_PER_OCTAVE: Final = 1 << _BINS_PER_OCTAVE_LOG2
# Octaves that are told apart. Errors of float64 numbers lie within, from half a unit in the last
# place to values that are out of all proportion.
_LOWEST, _HIGHEST = -64, 64
_TRAILING: Final = 52
_BIAS: Final = 1023
BINS: Final = Bins(
    shift=_TRAILING - _BINS_PER_OCTAVE_LOG2,
    offset=(_BIAS + _LOWEST) * _BINS_PER_OCTAVE - 1,
    last=(_HIGHEST - _LOWEST) * _BINS_PER_OCTAVE,
)
# The first count is of zeros, and one after the last bin of infinities.
_COUNT: Final = BINS.last + 2
# Values that are counted at a time.
_CHUNK: Final = 1 << 16


def _no_counts() -> NDArray[np.int64]:
    return np.zeros(_COUNT, np.int64)


@dataclass(frozen=True, eq=False)
class LogHistogram:
    """How many positive numbers lie in each of many narrow bins, 128 to an octave.

    Two of them can be merged, as the percentiles themselves cannot. Below 2**-64 and above 2**64
    the outermost bins take all; zeros and infinities are counted apart.

    Attributes
    ----------
    counts : ndarray of int64
        Of zeros, of the bins from the smallest up, and of infinities.

    Examples
    --------
    >>> errors = LogHistogram.of(np.array([0.0, 0.01, 0.01, 0.25]))
    >>> float(round(errors.percentile(50), 3)), float(round(errors.percentile(100), 3))
    (0.01, 0.25)
    """

    counts: NDArray[np.int64] = field(default_factory=_no_counts)

    @classmethod
    def of(cls, x: NDArray[np.float64]) -> LogHistogram:
        """The counts of an array of numbers that are not negative, and not NaN."""
        return cls(BINS.counts(np.asarray(x, np.float64)))

    def merge(self, other: LogHistogram) -> LogHistogram:
        """The counts of both."""
        return LogHistogram(self.counts + other.counts)

    def percentile(self, percent: float) -> float:
        """The smallest number that so many percent are not above; NaN if nothing was counted.

        It is told as the lower end of its bin, at most 0.8% below: powers of two are exact.
        """
        total = int(self.counts.sum())
        if total == 0:
            return float("nan")
        rank = max(int(np.ceil(total * percent / 100)), 1)
        place = int(np.searchsorted(np.cumsum(self.counts), rank))
        if place in (0, _COUNT - 1):
            return 0.0 if place == 0 else float("inf")
        octave, step = divmod(place - 1, _BINS_PER_OCTAVE)
        return float(np.ldexp(1 + step / _BINS_PER_OCTAVE, octave + _LOWEST))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LogHistogram) and np.array_equal(self.counts, other.counts)

    def __hash__(self) -> int:
        return hash(self.counts.tobytes())

    def __repr__(self) -> str:
        return f"<LogHistogram of {int(self.counts.sum())} numbers>"


def count_values(x: Streamable, largest: float, bins: int) -> NDArray[np.int64]:
    """How many values lie in each of `bins` equal bins from -`largest` to `largest`.

    >>> count_values(np.array([-1.0, 0.0, 0.1, 1.0]), 1.0, 3).tolist()
    [1, 2, 1]
    """
    counts = np.zeros(bins, np.int64)
    flat = x.ravel(order="K")
    for start in range(0, flat.size, _CHUNK):
        # As parts of the largest, since bins between subnormal numbers would have no width.
        with np.errstate(invalid="ignore", over="ignore"):
            chunk = flat[start : start + _CHUNK].astype(np.float64) / largest
        # A value beyond counts for nothing, NaN neither.
        counts += np.histogram(chunk, bins, (-1, 1))[0]
    return counts
