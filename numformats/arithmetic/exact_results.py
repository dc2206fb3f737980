"""Exact results for arrays of codes, and their projection by the rules of IEEE P3109.

Results are evaluated one by one, in Fractions, and are those of `numformats.exact`. What is rounded
to odd in float64 is projected by the codec as if it had never been rounded, so one evaluation
serves all formats and modes of results; where float64 would not do, results are projected exactly,
one by one, too. Source for rounding to odd: Boldo and Melquiond, see `numformats.error_free`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numformats.arithmetic.declarations import ProjectionSpecification
from numformats.codec.arguments import code_dtype, read_random_bits
from numformats.codec.random_bits import RandomSource, draw, key_of
from numformats.exact.application import FIRST_BITS, projected
from numformats.exact.intervals import Interval
from numformats.exact.numbers import Number, Outcome, read_operand
from numformats.exact.rules import RULES
from numformats.formats.format import Format
from numformats.modes import Modes, RoundingMode, random_bit_count

Array = NDArray[Any]
Evaluate: TypeAlias = Callable[..., Outcome]

P3109: Final = RULES["p3109"]
# Results of operands that have no more bits in all are kept.
TABLE_BITS: Final = 16
_LARGEST: Final = Fraction(sys.float_info.max)
# The even last bit that a decision point has to have in float64 is one of these.
_SIGNIFICAND_BITS, _LOWEST_EXPONENT, _HIGHEST_EXPONENT = 52, -1073, 1022


@dataclass(frozen=True)
class Draws:
    """Where random bits come from: see `numformats.codec.encode`."""

    rng: RandomSource = None
    random_bits: ArrayLike | None = None


def apply_elementwise(
    evaluate: Evaluate,
    formats: tuple[Format, ...],
    operands: Sequence[Array],
    fmt: Format,
    projection: ProjectionSpecification,
    draws: Draws,
) -> Array:
    """The codes of an operation on arrays of codes, which are broadcast.

    `evaluate` takes the numbers that the codes of `formats` stand for.
    """
    columns = np.broadcast_arrays(*operands)
    shape = columns[0].shape
    flat = [column.ravel() for column in columns]
    if float64_suffices(fmt, projection.rounding):
        values = rounded_to_odd(evaluate, formats, flat).reshape(shape)
        return _encoded(values, fmt, projection, draws)
    return _project_each(outcomes(evaluate, formats, flat), shape, fmt, projection, draws)


def project_outcomes(
    results: Sequence[Outcome],
    shape: tuple[int, ...],
    fmt: Format,
    projection: ProjectionSpecification,
    draws: Draws,
) -> Array:
    """The codes of exact results, as an array of a shape."""
    if float64_suffices(fmt, projection.rounding):
        values = np.array([to_odd(result) for result in results], np.float64).reshape(shape)
        return _encoded(values, fmt, projection, draws)
    return _project_each(iter(results), shape, fmt, projection, draws)


def outcomes(
    evaluate: Evaluate, formats: tuple[Format, ...], columns: Sequence[Array]
) -> Iterator[Outcome]:
    """The exact results of an operation on one-dimensional arrays of codes, one by one."""
    numbers = [numbers_of(column, fmt) for column, fmt in zip(columns, formats, strict=True)]
    return (evaluate(*row) for row in zip(*numbers, strict=True))


def numbers_of(codes: Array, fmt: Format) -> list[Number]:
    """The numbers that a one-dimensional array of codes stands for. P3109 4.7.2, 4.8.1."""
    distinct, places = np.unique(codes, return_inverse=True)
    numbers = [read_operand(fmt.value(code), P3109) for code in distinct.tolist()]
    return [numbers[place] for place in places.tolist()]


# Results rounded to odd


def rounded_to_odd(
    evaluate: Evaluate, formats: tuple[Format, ...], columns: Sequence[Array]
) -> NDArray[np.float64]:
    """The results of an operation on one-dimensional arrays of codes, rounded to odd in float64."""
    if sum(fmt.bits for fmt in formats) > TABLE_BITS:
        found = outcomes(evaluate, formats, columns)
        return np.fromiter(map(to_odd, found), np.float64, len(columns[0]))
    place = np.zeros(len(columns[0]), np.int64)
    for column, fmt in zip(columns, formats, strict=True):
        place = place << fmt.bits | column.astype(np.int64)
    table = _table(evaluate, formats)
    missing = np.unique(place[~table.is_known[place]])
    if missing.size:
        found = outcomes(evaluate, formats, _split(missing, formats))
        table.values[missing] = np.fromiter(map(to_odd, found), np.float64, missing.size)
        table.is_known[missing] = True
    return table.values[place]


@dataclass(frozen=True)
class _Table:
    """Results of narrow operands, as far as anyone has asked for them."""

    values: NDArray[np.float64]
    is_known: NDArray[np.bool_]


@lru_cache(maxsize=64)
def _table(evaluate: Evaluate, formats: tuple[Format, ...]) -> _Table:
    count = 1 << sum(fmt.bits for fmt in formats)
    return _Table(np.zeros(count), np.zeros(count, np.bool_))


def _split(place: NDArray[np.int64], formats: tuple[Format, ...]) -> list[Array]:
    """The codes of which places in a table are made up."""
    columns: list[Array] = []
    for fmt in reversed(formats):
        columns.append(place & ((1 << fmt.bits) - 1))
        place = place >> fmt.bits
    return columns[::-1]


@lru_cache(maxsize=1024)
def float64_suffices(fmt: Format, rounding: RoundingMode) -> bool:
    """Whether results that are rounded to odd in float64 are projected like exact ones.

    They are if float64 has each point at which the mode changes sides, with an even last bit: the
    values, the middles between two, and in random modes the steps of nu, of 2**-(N+1).
    """
    lattice = fmt.lattice
    assert lattice is not None
    extra = random_bit_count(rounding) + 1
    return (
        fmt.precision + extra <= _SIGNIFICAND_BITS
        and lattice.lowest_quantum - extra >= _LOWEST_EXPONENT
        and fmt.highest < Fraction(2) ** _HIGHEST_EXPONENT
    )


def to_odd(result: Outcome) -> float:
    """An exact result as float64, rounded to odd; beyond its range, the largest number.

    >>> to_odd(Number(Fraction(1, 3), False)).hex()
    '0x1.5555555555555p-2'
    """
    if isinstance(result, Number):
        value = result.value
        return value if isinstance(value, float) else _fraction_to_odd(value)
    bits = FIRST_BITS
    while True:
        found = _interval_to_odd(result(bits))
        if found is not None:
            return found
        bits *= 2


def _fraction_to_odd(x: Fraction) -> float:
    try:
        nearest = x.numerator / x.denominator
    except OverflowError:
        return -sys.float_info.max if x < 0 else sys.float_info.max
    if nearest == x or int(nearest / math.ulp(nearest)) % 2 == 1:
        return nearest
    # The neighbour on the other side of the number has the other parity.
    return math.nextafter(nearest, math.inf if nearest < x else -math.inf)


def _interval_to_odd(interval: Interval) -> float | None:
    """What all numbers of an interval become, none of which is at an end; None if they differ."""
    low, high = interval.low, interval.high
    if low >= _LARGEST:
        return sys.float_info.max
    if high <= -_LARGEST:
        return -sys.float_info.max
    middle = (low + high) / 2
    if not isinstance(middle, Fraction):
        return None
    odd = _fraction_to_odd(middle)
    even = math.nextafter(odd, math.inf if odd < middle else -math.inf)
    return odd if min(odd, even) <= low and high <= max(odd, even) else None


# Projection


def _encoded(
    values: NDArray[np.float64], fmt: Format, projection: ProjectionSpecification, draws: Draws
) -> Array:
    values = np.where(np.isnan(values), np.nan, values)  # a NaN without sign
    codes = fmt.encode(
        values,
        projection.rounding,
        projection.saturation,
        rng=draws.rng,
        random_bits=draws.random_bits,
    )
    # P3109 4.8.2: zero is written without a sign.
    return np.where(
        codes == fmt.code_of_zero(True), codes.dtype.type(fmt.code_of_zero(False)), codes
    )


def _project_each(
    results: Iterator[Outcome],
    shape: tuple[int, ...],
    fmt: Format,
    projection: ProjectionSpecification,
    draws: Draws,
) -> Array:
    modes = Modes(projection.rounding, projection.saturation)
    drawn = _drawn(shape, projection.rounding, draws)
    codes = [
        projected(result, fmt, modes, random_bits, P3109, "result")
        for result, random_bits in zip(results, drawn, strict=True)
    ]
    return np.array(codes, code_dtype(fmt)).reshape(shape)


def _drawn(shape: tuple[int, ...], rounding: RoundingMode, draws: Draws) -> list[int | None]:
    """The random bits of each result, which are those that the codec would draw."""
    bits, count = random_bit_count(rounding), math.prod(shape)
    if draws.random_bits is not None:
        given = read_random_bits(draws.random_bits, shape, bits, str(rounding))
        return list(given.ravel().tolist())
    if bits == 0:
        return [None] * count
    return list(draw(key_of(draws.rng), 0, count, bits).tolist())
