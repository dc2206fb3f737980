"""What functions of operations have in common: their arguments, and what is to be read of these."""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import ArrayLike

from numformats.arithmetic.application import apply
from numformats.arithmetic.call import NAMES, Array
from numformats.codec.random_bits import RandomSource
from numformats.exact import OPERATIONS
from numformats.modes import Stochastic
from numformats.system import NumberSystem

_DOCUMENTATION = """{meaning}

    Parameters
    ----------
    {operands} : array_like of real numbers
        float16, float32, float64, any integer dtype, any dtype of ml_dtypes; of shapes that
        broadcast. Each is taken for what it is, whatever the format of the result.
    fmt : NumberSystem
        The format of the result. Where IEEE 754 and IEEE P3109 differ about zeros, infinities and
        NaN, it says whose rules apply (its `arithmetic`).
    rounding, saturation, nan, rng, random_bits
        How the exact result is projected onto the format: as for `numformats.codec.encode`.
    out : ndarray, optional
        Where to write the results: an array of their dtype and shape; it may be an operand. After
        an error its contents may be anything.

    Returns
    -------
    ndarray
        Values of the format: in the dtype that NumPy gives the operands together if that holds
        every value of the format (numbers of Python do not count beside arrays), else in float32 if
        that does, else in float64. A scalar for scalars. With `out`, that array.

    Raises
    ------
    TypeError, ValueError
        For operands that are not real numbers or do not broadcast, NaN as a result in a format
        without NaN unless `nan` says what to do, and whatever else `numformats.codec.encode`
        refuses.

    Notes
    -----
    `numformats.exact.apply` defines each result. Source: {source}.

    Examples
    --------
    >>> import numformats as nf
    {example}
    """


class Unary(Protocol):
    """An operation on one array."""

    __name__: str

    def __call__(
        self,
        x: ArrayLike,
        fmt: NumberSystem,
        rounding: str | Stochastic = "nearest_even",
        saturation: str = "none",
        nan: str = "raise",
        rng: RandomSource = None,
        random_bits: ArrayLike | None = None,
        out: Array | None = None,
    ) -> Any:
        """The values of the operation."""


class Binary(Protocol):
    """An operation on two arrays."""

    __name__: str

    def __call__(
        self,
        x: ArrayLike,
        y: ArrayLike,
        fmt: NumberSystem,
        rounding: str | Stochastic = "nearest_even",
        saturation: str = "none",
        nan: str = "raise",
        rng: RandomSource = None,
        random_bits: ArrayLike | None = None,
        out: Array | None = None,
    ) -> Any:
        """The values of the operation."""


class Ternary(Protocol):
    """An operation on three arrays."""

    __name__: str

    def __call__(
        self,
        x: ArrayLike,
        y: ArrayLike,
        z: ArrayLike,
        fmt: NumberSystem,
        rounding: str | Stochastic = "nearest_even",
        saturation: str = "none",
        nan: str = "raise",
        rng: RandomSource = None,
        random_bits: ArrayLike | None = None,
        out: Array | None = None,
    ) -> Any:
        """The values of the operation."""


def _describe(function: Any, name: str, meaning: str, example: str) -> None:
    """Give a function the name of its operation, and what is to be read about it."""
    operation = OPERATIONS[name]
    standard = "IEEE 754-2019, clause" if operation.p3109 is None else "IEEE P3109, interim report"
    where = operation.clause if operation.p3109 is None else f"v4.0, clause {operation.clause}"
    function.__name__ = function.__qualname__ = name
    function.__module__ = "numformats.arithmetic"
    function.__doc__ = _DOCUMENTATION.format(
        meaning=meaning,
        operands=", ".join(NAMES[: operation.operands]),
        source=f"{standard} {where}" + (f" ({operation.p3109})" if operation.p3109 else ""),
        example=example.replace("\n", "\n    "),
    )


def unary(name: str, meaning: str, example: str) -> Unary:
    """A function of one array for an operation."""

    def function(
        x: ArrayLike,
        fmt: NumberSystem,
        rounding: str | Stochastic = "nearest_even",
        saturation: str = "none",
        nan: str = "raise",
        rng: RandomSource = None,
        random_bits: ArrayLike | None = None,
        out: Array | None = None,
    ) -> Any:
        return apply(name, (x,), fmt, rounding, saturation, nan, rng, random_bits, out)

    _describe(function, name, meaning, example)
    return function


def binary(name: str, meaning: str, example: str) -> Binary:
    """A function of two arrays for an operation."""

    def function(
        x: ArrayLike,
        y: ArrayLike,
        fmt: NumberSystem,
        rounding: str | Stochastic = "nearest_even",
        saturation: str = "none",
        nan: str = "raise",
        rng: RandomSource = None,
        random_bits: ArrayLike | None = None,
        out: Array | None = None,
    ) -> Any:
        return apply(name, (x, y), fmt, rounding, saturation, nan, rng, random_bits, out)

    _describe(function, name, meaning, example)
    return function


def ternary(name: str, meaning: str, example: str) -> Ternary:
    """A function of three arrays for an operation."""

    def function(
        x: ArrayLike,
        y: ArrayLike,
        z: ArrayLike,
        fmt: NumberSystem,
        rounding: str | Stochastic = "nearest_even",
        saturation: str = "none",
        nan: str = "raise",
        rng: RandomSource = None,
        random_bits: ArrayLike | None = None,
        out: Array | None = None,
    ) -> Any:
        return apply(name, (x, y, z), fmt, rounding, saturation, nan, rng, random_bits, out)

    _describe(function, name, meaning, example)
    return function
