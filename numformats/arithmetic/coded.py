"""Codes with their format and a projection: what an array of a format consists of."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from numformats.arithmetic.projections import DEFAULT, ArrayProjection
from numformats.checks import unknown
from numformats.codec.arguments import code_dtype, read_codes, read_real
from numformats.codec.extents import dtype_holds, extent_of_format
from numformats.codec.values import TABLE_BITS, value_table
from numformats.formats.format import Format
from numformats.formats.registry import names_like, read_format
from numformats.system import NumberSystem

Array = NDArray[Any]
Self = TypeVar("Self", bound="Coded")


class Coded:
    """An array of codes, the format that they are of, and the projection of what is computed."""

    __slots__ = ("_codes", "_format", "_projection")

    def __init__(
        self, codes: Array, format: str | Format, projection: ArrayProjection = DEFAULT
    ) -> None:
        fmt = named_format("format", format)
        if not isinstance(codes, np.ndarray) or codes.dtype != code_dtype(fmt):
            got = f"dtype {codes.dtype}" if hasattr(codes, "dtype") else type(codes).__name__
            raise TypeError(
                f"codes: {got}; expected a numpy.ndarray of {code_dtype(fmt)}; "
                "numformats.array(x, format) makes the codes of numbers"
            )
        if not isinstance(projection, ArrayProjection):
            raise TypeError(f"projection: expected an ArrayProjection, got {projection!r}")
        self._codes = read_codes(codes, fmt.bits)
        self._format = fmt
        self._projection = projection

    def _with_codes(self: Self, codes: Any) -> Self:
        """The same format and projection with other codes, which are right."""
        return self._made(codes, self._format, self._projection)

    @classmethod
    def _made(cls: type[Self], codes: Any, fmt: Format, projection: ArrayProjection) -> Self:
        made = cls.__new__(cls)
        # Indexing and reductions leave scalars.
        made._codes = np.asarray(codes, code_dtype(fmt))
        made._format = fmt
        made._projection = projection
        return made

    @property
    def codes(self) -> Array:
        """The codes themselves: what is written to them changes the array."""
        return self._codes

    @property
    def format(self) -> Format:
        """The format of all elements."""
        return self._format

    @property
    def projection(self) -> ArrayProjection:
        """How results are rounded of what is computed with the array."""
        return self._projection

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""
        return self._codes.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._codes.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self._codes.size

    @property
    def nbytes(self) -> int:
        """The bytes of the codes as they are kept, one to four each; `Format.pack` makes fewer."""
        return self._codes.nbytes

    def values(self, dtype: DTypeLike | None = None) -> Array:
        """The values as a new array of a dtype that holds them, NaN with its sign. See
        `Format.decode`, which gives NaN without.
        """
        values = np.asarray(self._format.decode(self._codes, dtype))
        is_negative = signs_of_nan(self._codes, values, self._format)
        if is_negative.any():
            np.negative(values, out=values, where=is_negative)
        return values


def signs_of_nan(codes: Any, values: Any, fmt: NumberSystem) -> NDArray[np.bool_]:
    """Where codes, whose values are these, are of a NaN with a negative sign."""
    if not fmt.has_nan:
        return np.zeros(np.shape(codes), bool)
    sign = fmt.code_of_nan(True) ^ fmt.code_of_nan(False)
    return np.isnan(values) & ((codes & sign) != 0)


def named_format(argument: str, name: Any) -> Format:
    """The format of a name or dtype; ValueError for an unknown one, with the nearest."""

    def refusal(text: str) -> ValueError:
        nearest, _, _ = unknown(argument, text, names_like(text)).partition(" Known:")
        return ValueError(f"{nearest} See numformats.list_formats()")

    return read_format(name, refusal)


def codes_in(x: Any, fmt: Format, projection: ArrayProjection) -> Array:
    """The codes of numbers in a format: those of an array that is in it, else projected ones."""
    if isinstance(x, Coded) and x.format == fmt:
        return x.codes
    return np.asarray(fmt.encode(x.values() if isinstance(x, Coded) else x, **projection.words))


def truth(x: Any) -> Any:
    """Where an array of a format is not zero; anything else as it is."""
    return x.values() != 0 if isinstance(x, Coded) else x


def plain(x: Any) -> Any:
    """The values of an array of a format; anything else as it is."""
    return x.values() if isinstance(x, Coded) else x


def as_real(argument: str, x: Any) -> Array:
    """An array of real numbers as its dtype has them, which for one of a format is the format's, if
    it has one: what says which input of an accumulator it is.
    """
    return x.values(x.format.dtype) if isinstance(x, Coded) else read_real(argument, x)


def common_format(argument: str, formats: Sequence[Format]) -> Format:
    """The one format among some that has all values of the others.

    ValueError, with what to do, where there is none.
    """
    for fmt in formats:
        if all(has_values_of(fmt, other) for other in formats):
            return fmt
    names = " and ".join(dict.fromkeys(fmt.name for fmt in formats))
    raise ValueError(
        f"{argument}: operands in {names}, of which none has all values of the others; choose the "
        "result's format: convert one with a.astype(g), hand in out=, an array of that format, or "
        "call numformats.arithmetic with it"
    )


@lru_cache(maxsize=256)
def has_values_of(fmt: Format, other: Format) -> bool:
    """Whether a format has each value of another: infinities, NaN and -0, too. Where neither how
    its values are spaced tells, nor trying them, because the other has too many, False.

    >>> import numformats as nf
    >>> has_values_of(nf.float16, nf.float8_e5m2), has_values_of(nf.float16, nf.bfloat16)
    (True, False)
    >>> has_values_of(nf.posit16, nf.posit8)
    True
    """
    if fmt == other:
        return True
    lattice = fmt.lattice
    is_whole = (
        lattice is not None and lattice.has_zero and (lattice.gradual or not lattice.floating)
    )
    if is_whole:
        return extent_of_format(fmt).holds(extent_of_format(other))
    return _keeps_values_of(fmt, other)


def _keeps_values_of(fmt: Format, other: Format) -> bool:
    """The same, found out by rounding each value."""
    double = np.dtype(np.float64)
    has_specials = (
        other.has_inf <= fmt.has_inf
        and other.has_nan <= fmt.has_nan
        and other.has_negative_zero <= fmt.has_negative_zero
    )
    are_held = dtype_holds(double, fmt) and dtype_holds(double, other)
    if other.bits > TABLE_BITS or not (has_specials and are_held):
        return False
    values = value_table(other, double)
    finite = values[np.isfinite(values)]
    return bool((fmt.round(finite) == finite).all())


def write(out: Coded, codes: Array, mask: Any = True) -> None:
    """Write codes of its format to an array. ValueError for another shape."""
    if codes.shape != out.shape:
        raise ValueError(f"out: shape {out.shape}, and the result has {codes.shape}")
    np.copyto(out.codes, codes, where=mask)
