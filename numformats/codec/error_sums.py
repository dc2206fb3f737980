"""Sums over numbers before and after a projection, from which figures of its errors follow.

Sums are kept apart for each place in a row of 256 numbers. So they come out the same bits whether
compiled loops add one number at a time, or a vector, or NumPy a row; and as many partial sums lose
less to rounding than one.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Counts: TypeAlias = NDArray[np.int64]
Booleans: TypeAlias = NDArray[np.bool_]

# Numbers to a row: as many as let the loops run for a while, and all of their memory stay in the
# first cache.
ROW: Final = 256


class Ends(NamedTuple):
    """Where the parts of a format's range end.

    lowest, highest: value of the format. smallest_normal, largest: the magnitudes between which
    relative errors count. subnormal: the magnitude below which values other than 0 are subnormal, 0
    if there are none.
    """

    lowest: float
    highest: float
    smallest_normal: float
    largest: float
    subnormal: float


class Bins(NamedTuple):
    """Bins of positive numbers by their size, each a part of an octave.

    shift, offset: the bits of a float64 are shifted right so far, and less the offset are the
    number of its bin. last: that of the last bin, after the first, which is 1.
    """

    shift: int
    offset: int
    last: int

    def counts(self, numbers: Floats) -> Counts:
        """How many numbers, none of them negative or NaN, are 0, in each bin, and infinite."""
        # The bits of a float are in order, and their leading ones cut each octave into equal steps.
        steps = np.ascontiguousarray(numbers).reshape(-1).view(np.int64) >> self.shift
        steps -= self.offset
        counts = np.bincount(np.clip(steps, 1, self.last, out=steps), minlength=self.last + 2)
        # Zeros are among the smallest, and infinities among the largest.
        zeros, infinite = numbers.size - np.count_nonzero(numbers), np.isinf(numbers).sum()
        counts[0], counts[1] = zeros, counts[1] - zeros
        counts[-1], counts[-2] = infinite, counts[-2] - infinite
        return counts


class ErrorSums(NamedTuple):
    """Sums, counts and largest numbers, each for every place in a row.

    signal, energy, product: sums of x**2, y**2 and x y. error, absolute_error: of the errors y - x,
    and of their magnitudes. noise, clipping, underflow: of squared errors: of all numbers, of those
    beyond the ends, and of others that became 0. overflowed, zeroed, subnormal: counts of numbers
    beyond the ends, of those that became 0, and of those that became subnormal. largest_error,
    largest_relative: the largest magnitude of an error, and of one relative to x in the normal
    range; below 0 where there is none.
    """

    signal: Floats
    energy: Floats
    product: Floats
    error: Floats
    absolute_error: Floats
    noise: Floats
    clipping: Floats
    underflow: Floats
    overflowed: Counts
    zeroed: Counts
    subnormal: Counts
    largest_error: Floats
    largest_relative: Floats

    @classmethod
    def of_nothing(cls) -> ErrorSums:
        """Those over no numbers."""
        sums, counts = np.zeros((8, ROW)), np.zeros((3, ROW), np.int64)
        return cls._make([*sums, *counts, *np.full((2, ROW), -1.0)])


def sum_errors(
    x: Floats, y: Floats, scales: Floats, zeros: Floats, ends: Ends, bins: Bins
) -> tuple[ErrorSums, Counts]:
    """The sums over finite numbers x and what became of them, y; and how many of the relative
    errors are 0, in each bin, and infinite, of all x other than 0.

    Where y is not finite, the magnitude of the error is infinite. There is one scale for all, or
    one each, that the ends are multiplied by; and so of zeros, the numbers of the format that stand
    for 0. Arrays have one axis. `numformats.codec.numba.error_sums` finds the same.
    """
    with np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore"):
        sizes, is_zeroed = np.abs(scales), (y == 0) & (x != 0)
        is_beyond = _is_beyond(x, (ends.lowest - zeros) * scales, (ends.highest - zeros) * scales)
        is_subnormal = (y != 0) & (np.abs(y) < ends.subnormal * sizes)
        is_lost = ~np.isfinite(y)
        values = np.where(is_lost, np.inf, y) if is_lost.any() else y
        errors = y - x
        # One array after the other, and in place, since few of them stay in the cache.
        signal, energy, product = _sums(x * x), _sums(values * values), _sums(x * values)
        sum_of_errors = _sums(errors)
        absolute = np.abs(errors, out=errors)
        absolute[is_lost] = np.inf
        squares = absolute * absolute
        clipping = _sums_of(squares, is_beyond)
        underflow = _sums_of(squares, is_zeroed & ~is_beyond)
        magnitudes = np.abs(x)
        relative = absolute / magnitudes
        is_nonzero, is_large = x != 0, magnitudes >= ends.smallest_normal * sizes
        is_normal = is_nonzero & is_large & (magnitudes <= ends.largest * sizes)
    found = ErrorSums(
        signal=signal,
        energy=energy,
        product=product,
        error=sum_of_errors,
        absolute_error=_sums(absolute),
        noise=_sums(squares),
        clipping=clipping,
        underflow=underflow,
        overflowed=_counts(is_beyond),
        zeroed=_counts(is_zeroed),
        subnormal=_counts(is_subnormal),
        largest_error=_largest(absolute),
        largest_relative=_largest(np.where(is_normal, relative, -1.0)),
    )
    return found, bins.counts(relative if is_nonzero.all() else relative[is_nonzero])


def _is_beyond(x: Floats, one: Floats, other: Floats) -> Booleans:
    """Which numbers are beyond the ends of their range, in either order: a scale may be negative.

    Nothing is beyond NaN.
    """
    return (x < np.where(other < one, other, one)) | (x > np.where(one > other, one, other))


def _sums(numbers: Floats) -> Floats:
    return _by_place(np.add, numbers, 0.0)


def _sums_of(numbers: Floats, which: Booleans) -> Floats:
    return _sums(np.where(which, numbers, 0.0)) if which.any() else np.zeros(ROW)


def _counts(which: Booleans) -> Counts:
    return _by_place(np.add, which.astype(np.int64), 0)


def _largest(numbers: Floats) -> Floats:
    return _by_place(np.maximum, numbers, -1.0)


def _by_place(function: np.ufunc, numbers: NDArray[Any], initial: float) -> NDArray[Any]:
    """What a function makes of the numbers in each place of a row, in their order."""
    whole = numbers.size // ROW * ROW
    found = function.reduce(numbers[:whole].reshape(-1, ROW), axis=0, initial=initial)
    rest = numbers[whole:]
    function(found[: rest.size], rest, out=found[: rest.size])
    return np.asarray(found)
