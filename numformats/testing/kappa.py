"""`kappa`: how far an approximate operation is from the defined one. IEEE P3109, clause 4.4."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numformats.arithmetic import ProjectionSpecification, Specialization
from numformats.arithmetic.p3109_operations import Operand
from numformats.checks import require_int
from numformats.codec.arguments import code_dtype, read_codes
from numformats.formats.format import Format
from numformats.modes import random_bit_count
from numformats.reals import in_powers_of_two, read_number

Array = NDArray[Any]

# Up to here all operands are tried.
EXHAUSTIVE_BITS: Final = 16
DEFAULT_SAMPLES: Final = 1 << 15


@dataclass(frozen=True)
class Kappa:
    """What `kappa` measured; `str` tells it.

    Attributes
    ----------
    specialization : Specialization
        The operation that is approximated.
    value : int or float
        kappa: an int, or infinity or NaN where infinities or NaNs do not match.
    tried : int
        The number of operand tuples that were tried.
    is_exhaustive : bool
        Whether these were all that there are.
    operands : tuple
        Codes for which the difference is that large, the first of such.
    defined, given : tuple of int
        The codes of the results that are defined for these, and that were given.
    """

    specialization: Specialization
    value: int | float
    tried: int
    is_exhaustive: bool
    operands: tuple[Any, ...]
    defined: tuple[Any, ...]
    given: tuple[Any, ...]

    def __str__(self) -> str:
        scope = "all" if self.is_exhaustive else "of"
        names = [operand.name for operand in self.specialization.operation.operands]
        operands = zip(names, self.operands, self.specialization.operand_formats, strict=True)
        formats = self.specialization.result_formats
        return "\n".join(
            [
                f"{self.specialization}: kappa {self.value}, {scope} {self.tried:,} operands",
                f"  at       {', '.join(f'{name} = {_told(x, f)}' for name, x, f in operands)}",
                f"  defined  {', '.join(map(_told, self.defined, formats))}",
                f"  given    {', '.join(map(_told, self.given, formats))}",
            ]
        )


def kappa(
    candidate: Callable[..., Any],
    specialization: Specialization,
    operands: Sequence[ArrayLike] | None = None,
    *,
    samples: int = DEFAULT_SAMPLES,
    seed: int = 0,
) -> Kappa:
    """How far an approximate operation is from the defined one, at the most.

    Parameters
    ----------
    candidate : callable
        What is measured. It takes and gives arrays of codes, one-dimensional ones of one length, as
        the specialization does; elements of blocks have a second axis, of length B.
    specialization : Specialization
        What it approximates, of which `numformats.arithmetic.specialization` makes one.
    operands : sequence of array_like of int, optional
        The codes to try, an array for each operand: a subset of all operands, over which kappa may
        be declared. By default all there are, up to 16 bits of operands, and arbitrary ones above.
    samples, seed : int
        How many arbitrary operands, and the seed that they come from.

    Returns
    -------
    Kappa
        Its `value` is the greatest number of values of the result's format between the result given
        and the one defined, the former counted and the latter not, over all operands whose defined
        result is finite. It is NaN where one of the two is NaN and the other is not, else infinite
        where one is an infinity that the other is not. Of several results the worst counts.

    Raises
    ------
    TypeError, ValueError
        For an operation that gives no codes or rounds at random, operands of another number, and
        results that are no codes, or of another shape.

    Notes
    -----
    Source: IEEE P3109 interim report v4.0, clause 4.4; its Annex D has examples. What is measured
    on arbitrary operands is no more than a lower bound of kappa.

    Examples
    --------
    The exponential function by the first terms of its series:

    >>> import numformats as nf
    >>> f = nf.binary8p3se
    >>> exp = nf.arithmetic.specialization(
    ...     "Exp<Binary8p3se, Binary8p3se, (NearestTiesToEven, SatFinite)>"
    ... )
    >>> def series(codes):
    ...     x = np.clip(f.decode(codes, dtype=np.float64), -1, 1)
    ...     return f.encode(1 + x + x**2 / 2)
    >>> small = f.encode(np.linspace(-1, 1))
    >>> print(kappa(series, exp, [small]))
    Exp<Binary8p3se, Binary8p3se, (NearestTiesToEven, SatFinite)>: kappa 2, of 50 operands
      at       x = 0xc0 (-1)
      defined  0x3a (0.375)
      given    0x3c (0.5)
    """
    _require_measurable(candidate, specialization)
    if operands is None:
        columns, is_exhaustive = _all_or_arbitrary(specialization, samples, seed)
    else:
        columns, is_exhaustive = _read_operands(specialization, operands), False
    results = specialization(*columns)
    defined = results if isinstance(results, tuple) else (results,)
    given = _read_results(
        candidate(*(column.copy() for column in columns)), specialization, defined
    )
    distances = [
        _distances(fmt, *pair).reshape(len(columns[0]), -1)
        for fmt, *pair in zip(specialization.result_formats, defined, given, strict=True)
    ]
    value, place = _largest(np.concatenate(distances, axis=1))
    return Kappa(
        specialization,
        value,
        len(columns[0]),
        is_exhaustive,
        *(_codes_at(place, arrays) for arrays in (columns, defined, given)),
    )


class _Places(NamedTuple):
    """Where codes are among the values of a format."""

    steps: NDArray[np.float64]  # 0 of what is not finite
    infinities: NDArray[np.float64]  # -1, 0 or 1
    is_nan: NDArray[np.bool_]


def _distances(fmt: Format, defined: Array, given: Array) -> NDArray[np.float64]:
    """How many values lie between results; infinite or NaN where infinities or NaNs differ."""
    right, other = _places(fmt, defined), _places(fmt, given)
    distances = np.abs(right.steps - other.steps)
    distances[right.infinities != other.infinities] = np.inf
    distances[right.is_nan != other.is_nan] = np.nan
    return distances


def _places(fmt: Format, codes: Array) -> _Places:
    distinct, index = np.unique(codes, return_inverse=True)
    values = [read_number(fmt.value(code))[0] for code in distinct.tolist()]
    steps = [fmt.step_of(x) if isinstance(x, Fraction) else 0 for x in values]
    special = np.array([0.0 if isinstance(x, Fraction) else x for x in values])
    infinities = np.where(np.isinf(special), np.sign(special), 0.0)
    places = index.reshape(codes.shape)
    return _Places(
        np.array(steps, np.float64)[places], infinities[places], np.isnan(special)[places]
    )


def _largest(distances: NDArray[np.float64]) -> tuple[int | float, int]:
    """kappa, and the first row that has it. NaN counts most, then infinity."""
    order = np.where(np.isnan(distances), np.inf, np.minimum(distances, np.finfo(np.float64).max))
    place = int(np.argmax(order))
    value = float(distances.flat[place])
    return int(value) if math.isfinite(value) else value, place // distances.shape[1]


# Operands and results


def _require_measurable(candidate: object, specialization: object) -> None:
    if not callable(candidate):
        raise TypeError(f"candidate: expected a callable, got {type(candidate).__name__}")
    if not isinstance(specialization, Specialization):
        raise TypeError(
            f"specialization: expected what numformats.arithmetic.specialization makes, got "
            f"{type(specialization).__name__} {specialization!r}"
        )
    if not specialization.result_formats or not specialization.operation.operands:
        raise ValueError(f"specialization: {specialization} computes no values of a format")
    modes = (x for x in specialization.parameters.values if isinstance(x, ProjectionSpecification))
    if any(random_bit_count(mode.rounding) for mode in modes):
        raise ValueError(f"specialization: {specialization} has no one result; it rounds at random")


def _all_or_arbitrary(
    specialization: Specialization, samples: int, seed: int
) -> tuple[list[Array], bool]:
    """Operands to try, and whether they are all."""
    require_int("samples", samples, 1, 1 << 32)
    formats, operands = specialization.operand_formats, specialization.operation.operands
    has_blocks = any(operand.is_block for operand in operands)
    if not has_blocks and sum(fmt.bits for fmt in formats) <= EXHAUSTIVE_BITS:
        codes = np.meshgrid(*(np.arange(1 << fmt.bits) for fmt in formats), indexing="ij")
        return [
            column.ravel().astype(code_dtype(fmt))
            for column, fmt in zip(codes, formats, strict=True)
        ], True
    rng = np.random.default_rng(seed)
    shapes = [_shape(specialization, operand, samples) for operand in operands]
    return [
        rng.integers(0, 1 << fmt.bits, shape, code_dtype(fmt))
        for fmt, shape in zip(formats, shapes, strict=True)
    ], False


def _shape(specialization: Specialization, operand: Operand, count: int) -> tuple[int, ...]:
    return (count, specialization.parameters.block_size) if operand.is_block else (count,)


def _read_operands(specialization: Specialization, operands: Sequence[ArrayLike]) -> list[Array]:
    """Operands that are given, as arrays of one length."""
    expected, formats = specialization.operation.operands, specialization.operand_formats
    if len(operands) != len(expected):
        raise ValueError(
            f"operands: {specialization.operation} takes {len(expected)} arrays, got "
            f"{len(operands)}"
        )
    read = [
        read_codes(codes, fmt.bits, operand.name)
        for codes, fmt, operand in zip(operands, formats, expected, strict=True)
    ]
    shapes = [array.shape for array in read]
    count = len(np.atleast_1d(read[0]))
    if shapes != [_shape(specialization, one, count) for one in expected]:
        raise ValueError(
            f"operands: shapes {shapes}; expected arrays of one length, with a second axis for the "
            "elements of blocks"
        )
    if not read[0].size:
        raise ValueError("operands: no operands at all; there is nothing to measure")
    return read


def _read_results(
    results: Any, specialization: Specialization, defined: Sequence[Array]
) -> tuple[Array, ...]:
    """What a candidate gave, as codes."""
    given = results if isinstance(results, tuple) else (results,)
    if len(given) != len(defined):
        raise ValueError(f"candidate: it gave {len(given)} results, and {len(defined)} are defined")
    arrays = tuple(
        read_codes(codes, fmt.bits, "candidate: its results")
        for codes, fmt in zip(given, specialization.result_formats, strict=True)
    )
    for array, right in zip(arrays, defined, strict=True):
        if array.shape != right.shape:
            raise ValueError(
                f"candidate: it gave results of shape {array.shape}, and {right.shape} are defined"
            )
    return arrays


def _codes_at(place: int, arrays: Sequence[Array]) -> tuple[Any, ...]:
    return tuple(array[place].tolist() for array in arrays)


def _told(code: int | list[int], fmt: Format) -> str:
    """A code, or those of a block, in hexadecimal and as values."""
    if isinstance(code, list):
        return f"[{', '.join(_told(one, fmt) for one in code)}]"
    value, _ = read_number(fmt.value(code))
    text = in_powers_of_two(value) if isinstance(value, Fraction) else str(value)
    return f"{code:#0{2 + -(-fmt.bits // 4)}x} ({text})"
