"""The inputs at which a projection changes its mind, and others where implementations go wrong."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final

import ml_dtypes
import numpy as np
from numpy.typing import DTypeLike, NDArray

from numformats import codec
from numformats.codec.arguments import read_dtype
from numformats.codec.float_order import with_neighbours, word_dtype
from numformats.formats.format import Format
from numformats.irrational import as_two_floats
from numformats.system import require_system

Array = NDArray[Any]
Floats = NDArray[np.float64]

# Formats up to here have all their values looked at, others a choice of them.
EVERY_CODE_BITS: Final = 16
_CHOSEN_CODES: Final = 1 << 13
_CHOSEN_PAIRS: Final = 1 << 11

FLOAT_DTYPES: Final = tuple(
    np.dtype(dtype) for dtype in (np.float16, ml_dtypes.bfloat16, np.float32, np.float64)
)


def read_input_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """An input dtype: a float of 16, 32 or 64 bits or an integer; ValueError for any other."""
    read = read_dtype(dtype)
    if read in FLOAT_DTYPES or read.kind in "iu":
        return read
    raise ValueError(f"dtype: {read}; expected float16, bfloat16, float32, float64 or an integer")


def decision_inputs(fmt: Format, dtype: DTypeLike = np.float32) -> Array:
    """Every value of a format, the boundary between every two (their mean, where the format does
    not say otherwise), what lies just beyond the ends, far beyond, and just above zero; each with
    its neighbours in the dtype; zeros, infinities and NaNs.

    Parameters
    ----------
    fmt : Format
        Of more than 16 bits, some thousand of its codes stand for all.
    dtype : dtype
        float16, bfloat16, float32, float64 or any integer dtype.

    Returns
    -------
    ndarray
        One-dimensional, of this dtype; the NaNs, quiet and signaling, with both signs, come last.

    Examples
    --------
    >>> import numformats as nf
    >>> x = decision_inputs(nf.float4_e2m1fn)
    >>> numbers = x[~np.isnan(x)]
    >>> np.isin([2.5, np.nextafter(np.float32(2.5), np.float32(3)), np.inf, -0.0], numbers).all()
    np.True_
    """
    require_system(fmt)
    read = read_input_dtype(dtype)
    points = _points(fmt)
    if read.kind in "iu":
        return _integers_near(points, read)
    with np.errstate(over="ignore"):
        x = points.astype(read)
    extremes = np.array([0, 1], word_dtype(read)).view(read)
    largest = _before(_word_of_infinity(read)).view(read)
    x = np.concatenate([x, extremes, -extremes, [largest, -largest]])
    around = with_neighbours(x[~np.isnan(x.astype(np.float64))])
    return np.concatenate([around, nans(read)])


def fraction_inputs(fmt: Format, dtype: DTypeLike, bits: int) -> Array:
    """Numbers at which rounding with N random bits changes its mind: between every two values, or
    some thousand of them, at odd multiples of 2**-(N+1) of the way.
    """
    read = read_input_dtype(dtype)
    values = finite_values(fmt)
    whole = 2 ** (bits + 1)
    odd = np.array([1, 3, 5, 7, whole // 2 - 1, whole // 2 + 1, whole - 3, whole - 1])
    parts = np.unique(odd[(odd > 0) & (odd < whole)]) / whole
    place = np.arange(len(values) - 1)
    if place.size > _CHOSEN_PAIRS:
        place = np.unique(raw_words(_CHOSEN_PAIRS) % np.uint64(place.size)).astype(np.int64)
    lower, upper = values[place, np.newaxis], values[place + 1, np.newaxis]
    points: Floats = (lower + (upper - lower) * parts).ravel()
    if read.kind in "iu":
        return np.empty(0, read)
    with np.errstate(over="ignore"):
        return points.astype(read)


def raw_words(count: int) -> NDArray[np.uint64]:
    """Arbitrary words, the same in every version of NumPy."""
    return np.random.PCG64(0).random_raw(count)


def finite_values(fmt: Format) -> Floats:
    """The distinct finite values in ascending order, of formats up to 16 bits; else some."""
    return np.unique(finite_values_by_code(fmt))


def finite_values_by_code(fmt: Format) -> Floats:
    """The finite values of every code, in formats up to 16 bits; else of some. Zeros have signs."""
    if fmt.bits <= EVERY_CODE_BITS:
        codes = np.arange(2**fmt.bits, dtype=np.uint32)
    else:
        codes = _chosen_codes(fmt)
    values = np.asarray(codec.decode(codes, fmt, dtype=np.float64))
    # Where a format leaves a code unused, it may decode to what is out of range.
    return values[(values >= fmt.min) & (values <= fmt.max)]


@dataclass(frozen=True)
class Ties:
    """Boundaries between two values that are none themselves, and the values on both sides."""

    lower: Floats
    boundary: Floats
    upper: Floats


def ties_of(fmt: Format) -> Ties:
    """The ties of a format that float64 holds."""
    values, (between, rest) = finite_values(fmt), boundaries(fmt)
    lower, upper = values[:-1], values[1:]
    is_tie = (lower < between) & (between < upper) & (rest == 0)
    if fmt.bits > EVERY_CODE_BITS:
        # Those that stand for all are not all next to each other.
        steps = [fmt.step_of(Fraction(value)) for value in values.tolist()]
        is_tie &= np.array([fmt.step_beside(step, 1) for step in steps[:-1]]) == steps[1:]
    return Ties(lower[is_tie], between[is_tie], upper[is_tie])


def boundaries(fmt: Format) -> tuple[Floats, Floats]:
    """Where rounding to nearest changes sides between each two of `finite_values`, as sums of two
    float64: see `numformats.irrational.as_two_floats`.
    """
    if fmt.lattice is not None:
        values = finite_values(fmt)
        between = values[:-1] / 2 + values[1:] / 2
        return between, np.zeros_like(between)
    return _boundaries_of_staircase(fmt)


@lru_cache(maxsize=64)
def _boundaries_of_staircase(fmt: Format) -> tuple[Floats, Floats]:
    if fmt.bits > EVERY_CODE_BITS:
        return boundaries_above(finite_values(fmt)[:-1], fmt)
    nearest, rest = np.array(fmt.boundaries_in_order).reshape(-1, 2).T.copy()
    # Beyond the last value there may be one more.
    own = slice(1, -1) if fmt.rounds_beyond else slice(None)
    return nearest[own], rest[own]


def boundaries_above(values: Floats, fmt: Format) -> tuple[Floats, Floats]:
    """The boundary between each value and the next one of the format, as `boundaries` has it."""
    steps = (fmt.step_of(Fraction(value)) for value in values.tolist())
    sums = [as_two_floats(fmt.boundary(step)) for step in steps]
    nearest, rest = np.array(sums).reshape(-1, 2).T.copy()
    return nearest, rest


def nans(dtype: np.dtype[Any]) -> Array:
    """NaNs of a float dtype: quiet and signaling, with the least and the largest payload."""
    infinity = int(_word_of_infinity(dtype)[()])
    quiet = (infinity >> 1) & ~infinity
    sign = 1 << (8 * dtype.itemsize - 1)
    payloads = [infinity | quiet, infinity | 1, infinity | quiet | 1, sign - 1]
    words = [*payloads, *(word | sign for word in payloads)]
    return np.array(words, word_dtype(dtype)).view(dtype)


def _points(fmt: Format) -> Floats:
    values = finite_values(fmt)
    halves = np.arange(1, 9) / 2
    factors = 2.0 ** np.array([1, 2, 8, 64])
    lowest, highest = values[0], values[-1]
    with np.errstate(over="ignore"):
        beyond = [
            highest + (highest - values[-2]) * halves,
            lowest - (values[1] - lowest) * halves,
            np.outer([highest, lowest], factors).ravel(),
        ]
    smallest = fmt.smallest_subnormal
    tiny = np.outer([smallest, -smallest], [0.5, 0.25, 0.75, 2.0**-10]).ravel()
    return np.concatenate([values, boundaries(fmt)[0], *beyond, tiny, [np.inf, -np.inf]])


def _integers_near(points: Floats, dtype: np.dtype[Any]) -> Array:
    info = np.iinfo(dtype)
    near = {0, 1, int(info.min), int(info.max)}
    for k in range(info.bits):
        near |= {1 << k, -(1 << k)}
    for point in points[np.isfinite(points) & (np.abs(points) < 2.0**65)].tolist():
        near.add(int(point))
    around = {n + step for n in near for step in (-1, 0, 1)}
    return np.array(sorted(n for n in around if info.min <= n <= info.max), dtype)


def _chosen_codes(fmt: Format) -> NDArray[np.uint32]:
    """Pairs of neighbouring codes: near both ends of each sign, and anywhere."""
    top = 2**fmt.bits
    anywhere = raw_words(_CHOSEN_CODES) % np.uint64(top)
    few = np.arange(256, dtype=np.uint64)
    # Where many codes are zero, the last of them is next to the smallest value.
    smallest = 1 if fmt.lattice is None else max(fmt.lattice.smallest_step, 1)
    above_zero = few + np.uint64(smallest - 1)
    ends = [above_zero, top // 2 - 1 - few, top // 2 + above_zero, top - 1 - few]
    codes = np.concatenate([anywhere, *ends])
    return np.unique(np.concatenate([codes, (codes + 1) % top])).astype(np.uint32)


def _word_of_infinity(dtype: np.dtype[Any]) -> Array:
    return np.array(np.inf, np.float64).astype(dtype).view(word_dtype(dtype))


def _before(word: Array) -> Array:
    return np.asarray(word - word.dtype.type(1))
