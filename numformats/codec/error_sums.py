"""Sums over numbers before and after a projection, from which figures of its errors follow.

Sums are kept apart for each place in a row of 256 numbers. So they come out the same bits whether
compiled loops add one number at a time, or a vector, or NumPy a row; and as many partial sums lose
less to rounding than one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
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


Sum = TypeVar("Sum")
Count = TypeVar("Count")


class ByName(NamedTuple, Generic[Sum, Count]):
    """Sums, counts and largest numbers by name: rows of them, or numbers.

    signal, energy, product: sums of x**2, y**2 and x y. error, absolute_error: of the errors y - x,
    and of their magnitudes. noise, clipping, underflow: of squared errors: of all numbers, of those
    beyond the ends, and of others that became 0. overflowed, zeroed, subnormal: counts of numbers
    beyond the ends, of those that became 0, and of those that became subnormal. largest_error,
    largest_relative: the largest magnitude of an error, and of one relative to x in the normal
    range; below 0 where there is none.
    """

    signal: Sum
    energy: Sum
    product: Sum
    error: Sum
    absolute_error: Sum
    noise: Sum
    clipping: Sum
    underflow: Sum
    overflowed: Count
    zeroed: Count
    subnormal: Count
    largest_error: Sum
    largest_relative: Sum


@dataclass(frozen=True)
class ErrorSums:
    """What is known of the errors of numbers, to which that of more numbers can be added.

    sums, counts, largest: for each of what `ByName` names, all places in a row. relative: how many
    relative errors are 0, in each bin, and infinite; and last, how many numbers are 0, and have
    none.
    """

    sums: Floats
    counts: Counts
    largest: Floats
    relative: Counts

    @classmethod
    def of_nothing(cls, bins: Bins) -> ErrorSums:
        """Those of no numbers, with bins of relative errors."""
        places = np.zeros((8, ROW)), np.zeros((3, ROW), np.int64), np.full((2, ROW), -1.0)
        return cls(*places, np.zeros(bins.last + 3, np.int64))

    def rows(self) -> ByName[Floats, Counts]:
        """The rows by name: views, through which they can be written."""
        return ByName._make([*self.sums, *self.counts, *self.largest])

    def totals(self) -> ByName[float, int]:
        """The sums, the counts and the largest numbers of all places together."""
        with np.errstate(over="ignore", invalid="ignore"):
            sums, counts = self.sums.sum(axis=1), self.counts.sum(axis=1)
        return ByName._make([*sums.tolist(), *counts.tolist(), *self.largest.max(axis=1).tolist()])

    def add(self, other: ErrorSums) -> None:
        """Add those of more numbers."""
        with np.errstate(over="ignore", invalid="ignore"):
            np.add(self.sums, other.sums, out=self.sums)
        np.add(self.counts, other.counts, out=self.counts)
        np.maximum(self.largest, other.largest, out=self.largest)
        np.add(self.relative, other.relative, out=self.relative)


def sum_errors(
    x: Array,
    y: Floats,
    scales: Floats,
    zeros: Floats,
    ends: Ends,
    bins: Bins,
) -> ErrorSums:
    """The sums over finite numbers x and what became of them, y.

    x is float32 or float64, and all else float64; arrays have one axis. Where y is not finite, the
    magnitude of the error is infinite. There is one scale for all, or one each, that the ends are
    multiplied by; and so of zeros, the numbers of the format that stand for 0.
    `numformats.codec.numba.error_sums` finds the same.
    """
    found = ErrorSums.of_nothing(bins)
    with np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore"):
        _write(
            found.rows(),
            found.relative,
            x.astype(np.float64, copy=False),
            y,
            scales,
            zeros,
            ends,
            bins,
        )
    return found


def _write(
    out: ByName[Floats, Counts],
    counts: Counts,
    x: Floats,
    y: Floats,
    scales: Floats,
    zeros: Floats,
    ends: Ends,
    bins: Bins,
) -> None:
    # One array after the other, and in place, since few of them stay in the cache.
    is_lost, is_nonzero, magnitudes, sizes = ~np.isfinite(y), x != 0, np.abs(x), np.abs(scales)
    values = np.where(is_lost, np.inf, y) if is_lost.any() else y
    _sum(x * x, out.signal)
    _sum(values * values, out.energy)
    _sum(x * values, out.product)
    errors = y - x
    _sum(errors, out.error)
    absolute = np.abs(errors, out=errors)
    absolute[is_lost] = np.inf
    _sum(absolute, out.absolute_error)
    squares = absolute * absolute
    _sum(squares, out.noise)
    is_beyond = _is_beyond(x, (ends.lowest - zeros) * scales, (ends.highest - zeros) * scales)
    _sum_of(squares, is_beyond, out.clipping)
    is_zeroed = (y == 0) & is_nonzero
    _sum_of(squares, is_zeroed & ~is_beyond, out.underflow)
    _sum(is_beyond, out.overflowed)
    _sum(is_zeroed, out.zeroed)
    _sum((y != 0) & (np.abs(y) < ends.subnormal * sizes), out.subnormal)
    _by_place(np.maximum, absolute, out.largest_error)
    relative = np.divide(absolute, magnitudes, out=absolute)
    is_normal = (magnitudes >= ends.smallest_normal * sizes) & (magnitudes <= ends.largest * sizes)
    among = np.where(is_normal & is_nonzero, relative, -1.0)
    _by_place(np.maximum, among, out.largest_relative)
    counts[:-1] = bins.counts(relative if is_nonzero.all() else relative[is_nonzero])
    counts[-1] = x.size - np.count_nonzero(is_nonzero)


def _is_beyond(x: Floats, one: Floats, other: Floats) -> Booleans:
    """Which numbers are beyond the ends of their range, in either order: a scale may be negative.

    Nothing is beyond NaN.
    """
    return (x < np.where(other < one, other, one)) | (x > np.where(one > other, one, other))


def _sum(numbers: NDArray[Any], out: NDArray[Any]) -> None:
    _by_place(np.add, numbers, out)


def _sum_of(numbers: Floats, which: Booleans, out: Floats) -> None:
    if which.any():
        _sum(np.where(which, numbers, 0.0), out)


def _by_place(function: np.ufunc, numbers: NDArray[Any], out: NDArray[Any]) -> None:
    """What a function makes of what is in each place, the same in all, and of the numbers there, in
    their order.
    """
    whole = numbers.size // ROW * ROW
    rows, rest = numbers[:whole].reshape(-1, ROW), numbers[whole:]
    function.reduce(rows, axis=0, dtype=out.dtype, initial=out[0], out=out)
    function(out[: rest.size], rest, out=out[: rest.size])
