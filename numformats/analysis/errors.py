"""What a projection cost: sums over the values before and after, from which the figures follow."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.analysis.histograms import BINS, LogHistogram
from numformats.codec.backends import compiled_path
from numformats.codec.error_sums import Ends, ErrorSums, Floats, sum_errors
from numformats.formats.format import Format


@dataclass(frozen=True)
class ErrorStats:
    """Sums and counts over pairs of a value x and what became of it, y; the error is y - x.

    They can be merged: the sums of two chunks of a tensor give those of both, so that a tensor may
    be measured chunk by chunk. Values of x that are not finite are counted and left out of all
    else. Where y is infinite or NaN, the error is infinite.

    Attributes
    ----------
    finite, nan, infinite : int
        How many values of x are finite, NaN and infinite.
    overflowed : int
        Finite values beyond the largest or the smallest value of the format (times the scale).
    zeroed : int
        Values other than 0 that became 0.
    subnormal : int
        Values that became a subnormal value.
    signal, noise : float
        Sums of x**2 and of the squared errors.
    clipping_noise, underflow_noise : float
        The parts of `noise` from values that overflowed, and from those that became 0; the rest is
        from rounding.
    energy, product : float
        Sums of y**2 and of x y.
    error_sum, absolute_error_sum : float
        Sums of the errors and of their magnitudes.
    max_absolute_error : float
        The largest magnitude of an error.
    max_relative_error : float
        The largest magnitude of an error relative to its x, over those x in the format's normal
        range, between `smallest_normal` and `max` (times the scale); NaN if there are none.
    relative_errors : LogHistogram
        The magnitudes of the errors relative to x, over all x other than 0.

    Notes
    -----
    Sums are float64; those of squares overflow for values beyond 1e154.
    """

    finite: int = 0
    nan: int = 0
    infinite: int = 0
    overflowed: int = 0
    zeroed: int = 0
    subnormal: int = 0
    signal: float = 0.0
    noise: float = 0.0
    clipping_noise: float = 0.0
    underflow_noise: float = 0.0
    energy: float = 0.0
    product: float = 0.0
    error_sum: float = 0.0
    absolute_error_sum: float = 0.0
    max_absolute_error: float = 0.0
    max_relative_error: float = math.nan
    relative_errors: LogHistogram = field(default_factory=LogHistogram)

    def update(
        self,
        x: NDArray[Any],
        y: NDArray[np.float64],
        fmt: Format,
        scale: float | NDArray[np.float64] = 1.0,
        zero: float | NDArray[np.float64] = 0.0,
    ) -> ErrorStats:
        """These sums with those of more values before and after, as `measure` takes them.

        >>> import numformats as nf
        >>> stats = ErrorStats()
        >>> for chunk in (np.array([1.0, 1.1]), np.array([0.3])):
        ...     stats = stats.update(chunk, nf.float8_e4m3fn.round(chunk), nf.float8_e4m3fn)
        >>> stats.finite, round(stats.sqnr_db, 1)
        (3, 34.7)
        """
        return self.merge(measure(x, y, fmt, scale, zero))

    def merge(self, other: ErrorStats) -> ErrorStats:
        """The sums over the values of both.

        >>> a, b = ErrorStats(finite=2, max_absolute_error=0.5), ErrorStats(finite=3)
        >>> a.merge(b).finite, a.merge(b).max_absolute_error
        (5, 0.5)
        """
        return ErrorStats(**{f.name: _merged(self, other, f.name) for f in fields(self)})

    @property
    def sqnr_db(self) -> float:
        """Signal to quantization noise ratio, 10 log10(signal / noise), in decibels.

        Infinite without noise; minus infinity where a finite value became infinite or NaN.
        """
        if self.finite == 0:
            return math.nan
        if self.noise == 0:
            # Squares too small for float64 are not the same as no error.
            return math.inf if self.max_absolute_error == 0 else math.nan
        if math.isinf(self.noise):
            return -math.inf if math.isfinite(self.signal) else math.nan
        return 10 * (math.log10(self.signal) - math.log10(self.noise)) if self.signal else -math.inf

    @property
    def cosine(self) -> float:
        """The cosine of the angle between x and y as vectors; NaN if one of them is zero, or y
        infinite.
        """
        length = math.sqrt(self.signal) * math.sqrt(self.energy)
        if not 0 < length < math.inf:
            return math.nan
        # Sums are rounded, and an angle has no cosine above 1.
        return min(max(self.product / length, -1.0), 1.0)

    @property
    def noise_shares(self) -> tuple[float, float, float]:
        """The parts of `noise` from clipping, rounding and underflow; NaN if there is none, or if
        it is infinite.
        """
        if not 0 < self.noise < math.inf:
            return math.nan, math.nan, math.nan
        clipping, underflow = self.clipping_noise / self.noise, self.underflow_noise / self.noise
        # Sums in another order might differ by a last place.
        return clipping, max(1 - clipping - underflow, 0.0), underflow

    @property
    def mean_absolute_error(self) -> float:
        """The mean magnitude of the errors; NaN if there are none."""
        return self._share(self.absolute_error_sum)

    @property
    def mean_error(self) -> float:
        """The mean error with its sign, the bias of the projection; NaN if none or one is NaN."""
        return self._share(self.error_sum)

    @property
    def overflowed_share(self) -> float:
        """The part, 0 to 1, of finite values that are beyond the format's range."""
        return self._share(self.overflowed)

    @property
    def zeroed_share(self) -> float:
        """The part of finite values that were not 0 and became 0."""
        return self._share(self.zeroed)

    @property
    def subnormal_share(self) -> float:
        """The part of finite values that became subnormal."""
        return self._share(self.subnormal)

    def _share(self, amount: float) -> float:
        return amount / self.finite if self.finite else math.nan


_MAXIMA: Final = ("max_absolute_error", "max_relative_error")


def _merged(a: ErrorStats, b: ErrorStats, name: str) -> Any:
    one, other = getattr(a, name), getattr(b, name)
    if isinstance(one, LogHistogram):
        return one.merge(other)
    # fmax prefers a number to NaN, which here says that there was nothing to compare.
    return float(np.fmax(one, other)) if name in _MAXIMA else one + other


def measure(
    x: NDArray[Any],
    y: NDArray[np.float64],
    fmt: Format,
    scale: float | NDArray[np.float64] = 1.0,
    zero: float | NDArray[np.float64] = 0.0,
) -> ErrorStats:
    """The sums over arrays of values before and after a projection onto `fmt` times `scale`.

    `x` and `y` have one shape and no value that is NaN or infinite in `x`, which float64 holds.
    `scale`, and `zero`, the value of the format that stands for 0, are one for all or one for each.

    >>> import numformats as nf
    >>> x = np.array([1.0, 1.1, 500.0])
    >>> stats = measure(x, nf.float8_e4m3fn.round(x, saturation="finite"), nf.float8_e4m3fn)
    >>> stats.max_absolute_error, stats.overflowed_share
    (52.0, 0.3333333333333333)
    """
    return stats_of(error_sums(x, y, ends_of(fmt), scale, zero))


def ends_of(fmt: Format) -> Ends:
    """Where the parts of a format's range end, which takes longer to find than small arrays to be
    measured.
    """
    normal = fmt.smallest_normal
    return Ends(fmt.min, fmt.max, normal, fmt.max, normal if fmt.has_subnormals else 0.0)


def error_sums(
    x: NDArray[Any], y: Floats, ends: Ends, scale: float | Floats, zero: float | Floats
) -> ErrorSums:
    """What `measure` finds, for ends of a format, in a form that more can be added to."""
    given, after = np.asarray(x), np.asarray(y, np.float64).reshape(-1)
    # Float32 as it is, since the loops convert it on the way.
    before = given.astype(np.float32 if given.dtype == np.float32 else np.float64, copy=False)
    before = before.reshape(-1)
    scales, zeros = (_one_or_each(each, given.shape) for each in (scale, zero))
    if compiled_path(before.size) is None:
        return sum_errors(before, after, scales, zeros, ends, BINS)
    # Here, since it loads Numba.
    from numformats.codec.numba import error_sums as compiled

    return compiled.sum_errors(before, after, scales, zeros, ends, BINS)


def _one_or_each(numbers: float | Floats, shape: tuple[int, ...]) -> Floats:
    each = np.asarray(numbers, np.float64)
    return (each if each.size == 1 else np.broadcast_to(each, shape)).reshape(-1)


def stats_of(sums: ErrorSums) -> ErrorStats:
    """The sums of all places together."""
    totals = sums.totals()
    return ErrorStats(
        finite=int(sums.relative.sum()),
        overflowed=totals.overflowed,
        zeroed=totals.zeroed,
        subnormal=totals.subnormal,
        signal=totals.signal,
        noise=totals.noise,
        clipping_noise=totals.clipping,
        underflow_noise=totals.underflow,
        energy=totals.energy,
        product=totals.product,
        error_sum=totals.error,
        absolute_error_sum=totals.absolute_error,
        max_absolute_error=max(totals.largest_error, 0.0),
        max_relative_error=math.nan if totals.largest_relative < 0 else totals.largest_relative,
        relative_errors=LogHistogram(sums.relative[:-1]),
    )
