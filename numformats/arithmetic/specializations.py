"""Operations of IEEE P3109 by their declarations (clause 4.6): callables on codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numformats.arithmetic.blocks import BLOCK_OPERATIONS
from numformats.arithmetic.declarations import (
    Parameters,
    Words,
    not_provided,
    read_declaration,
    read_parameters,
)
from numformats.arithmetic.exact_results import Draws
from numformats.arithmetic.p3109_operations import P3109_OPERATIONS, Operand, P3109Operation
from numformats.codec.arguments import code_dtype, read_codes
from numformats.codec.random_bits import RandomSource
from numformats.formats.format import Format

Array = NDArray[Any]

OPERATIONS: Final = {**P3109_OPERATIONS, **BLOCK_OPERATIONS}


@dataclass(frozen=True, repr=False)
class Specialization:
    """An operation of IEEE P3109 with its formats and its projection: a callable on codes.

    `str` gives its declaration. `operation` tells what it takes; `operand_formats` and
    `result_formats` are the formats of the codes that it takes and gives.
    """

    operation: P3109Operation
    parameters: Parameters

    def __str__(self) -> str:
        return f"{self.operation.name}<{self.parameters}>"

    def __repr__(self) -> str:
        return f"<Specialization {self}>"

    def __reduce__(self) -> tuple[Any, ...]:
        # Operations are made of functions, which are not pickled.
        return specialization, (str(self),)

    @property
    def operand_formats(self) -> tuple[Format, ...]:
        """The format of each operand."""
        return tuple(self.parameters.format(one.format) for one in self.operation.operands)

    @property
    def result_formats(self) -> tuple[Format, ...]:
        """The format of each result; none if it gives no codes."""
        return tuple(self.parameters.format(name) for name in self.operation.results)

    def __call__(
        self, *operands: Any, rng: RandomSource = None, random_bits: ArrayLike | None = None
    ) -> Any:
        """The results of the operation.

        Parameters
        ----------
        *operands : array_like of int, or tuple
            Codes of each operand, which are broadcast. A block is a tuple of its scale factor and
            its B elements; many blocks, of an array of scale factors and an array of elements with
            one axis more, the last, of length B. Scale factor and elements may also be two
            operands, as they are in the signatures of some operations.
        rng, random_bits
            Random bits for the stochastic modes, as for `numformats.codec.encode`.

        Returns
        -------
        ndarray
            Codes in the dtype that `encode` gives them, truth values, or words; a scalar for
            scalars. A tuple of scale factors and elements where the operation gives blocks.

        Raises
        ------
        TypeError, ValueError
            For another number of operands, what is no code of an operand's format, shapes that do
            not broadcast, and random bits that `encode` refuses.

        Examples
        --------
        >>> import numformats as nf
        >>> dot = nf.arithmetic.specialization(
        ...     "BlockDotProduct<2, Binary8p1uf, Binary8p3se, Binary8p1uf, Binary8p3se, binary32, "
        ...     "(NearestTiesToEven, SatNone)>"
        ... )
        >>> f, scale = nf.binary8p3se, nf.binary8p1uf.encode(0.25)
        >>> nf.float32.decode(dot((scale, f.encode([1, 2])), (scale, f.encode([3, -4]))))
        np.float32(-0.3125)
        """
        given = self._pieces(operands)
        expected = self.operation.operands
        if len(given) != len(expected):
            raise TypeError(f"operands: {self.operation} takes {len(expected)}, got {len(given)}")
        if not self.operation.is_projected and (rng is not None or random_bits is not None):
            raise ValueError(f"rng, random_bits: {self} rounds nothing; leave them out")
        codes = [self._read(code, one) for code, one in zip(given, expected, strict=True)]
        self._require_broadcast(codes)
        results = self.operation.compute(self.parameters, codes, Draws(rng, random_bits))
        if isinstance(results, tuple):
            return tuple(map(_without_dimensions, results))
        return _without_dimensions(results)

    def _require_broadcast(self, codes: Sequence[Array]) -> None:
        """Refuse shapes that do not broadcast, where the last axis of blocks does not count."""
        operands = self.operation.operands
        shapes = [
            code.shape[:-1] if operand.is_block else code.shape
            for code, operand in zip(codes, operands, strict=True)
        ]
        try:
            np.broadcast_shapes(*shapes)
        except ValueError:
            named = (f"{one.name} {code.shape}" for one, code in zip(operands, codes, strict=True))
            raise ValueError(f"operands: shapes {', '.join(named)} do not broadcast") from None

    def _pieces(self, operands: Sequence[Any]) -> list[Any]:
        if "B" not in self.operation.parameters:
            return list(operands)
        return [
            piece
            for operand in operands
            for piece in (operand if isinstance(operand, tuple) else (operand,))
        ]

    def _read(self, codes: ArrayLike, operand: Operand) -> Array:
        fmt = self.parameters.format(operand.format)
        array = read_codes(codes, fmt.bits, operand.name)
        if operand.is_block and array.shape[-1:] != (self.parameters.block_size,):
            raise ValueError(
                f"{operand.name}: shape {array.shape}; the last axis of blocks has "
                f"B = {self.parameters.block_size} elements"
            )
        return array.astype(code_dtype(fmt))


def _without_dimensions(result: Any) -> Any:
    """A scalar in place of an array without dimensions."""
    return result[()] if isinstance(result, np.ndarray) else result


def specialization(declaration: str) -> Specialization:
    """The operation of IEEE P3109 that a declaration names: a callable on codes.

    Parameters
    ----------
    declaration : str
        As P3109 writes it: the name of an operation, its formats, and a projection specification,
        where it has one. `provided` tells the forms. Formats are those of P3109 from 3 to 16 bits,
        ``binary32``, ``binary16`` and ``BFloat16``. Rounding modes are ``NearestTiesToEven``,
        ``NearestTiesToAway``, ``TowardZero``, ``TowardPositive``, ``TowardNegative``, ``ToOdd``,
        and ``StochasticA(N)``, ``StochasticB(N)``, ``StochasticC(N)`` with N random bits;
        saturation modes ``SatNone``, ``SatFinite`` and ``SatPropagate``.

    Returns
    -------
    Specialization
        It takes codes, or arrays of codes, and gives codes; see `Specialization.__call__`.

    Raises
    ------
    KeyError
        For what is not provided: an unknown operation, format or mode, or parameters of another
        number or kind than the operation's. It is a `NotProvidedError`, and tells the nearest name.
    TypeError, ValueError
        For what is no declaration at all.

    Notes
    -----
    Source: IEEE P3109 interim report v4.0, clauses 4.6 (declarations), 4.9 to 4.16, 5.1 to 5.5. It
    is a draft, with which numformats agrees as tested; nobody has certified that.

    P3109's own rules hold for binary32, binary16 and BFloat16, too (4.8): -0 is read as 0, zero is
    written as +0, and NaN as the quiet NaN without payload.

    Examples
    --------
    >>> import numformats as nf
    >>> exp = nf.arithmetic.specialization(
    ...     "Exp<Binary8p3se, Binary8p4se, (NearestTiesToEven, SatFinite)>"
    ... )
    >>> exp
    <Specialization Exp<Binary8p3se, Binary8p4se, (NearestTiesToEven, SatFinite)>>
    >>> nf.binary8p4se.decode(exp(nf.binary8p3se.encode([0.0, 1.0, -2.0, 100.0])))
    array([1.00000e+00, 2.75000e+00, 1.40625e-01, 2.24000e+02], dtype=float32)
    >>> nf.arithmetic.specialization("Exq<Binary8p3se, Binary8p4se, (TowardZero, SatFinite)>")
    Traceback (most recent call last):
        ...
    numformats.arithmetic.declarations.NotProvidedError: operation: unknown 'Exq'; did you mean \
'Exp'?
    """
    name, words = read_declaration(declaration)
    return _specialization(name, words)


@lru_cache(maxsize=1024)
def _specialization(name: str, words: Words) -> Specialization:
    if name not in OPERATIONS:
        raise not_provided("operation", name, OPERATIONS)
    operation = OPERATIONS[name]
    parameters = read_parameters(operation.parameters, words, operation.signature)
    return Specialization(operation, parameters)


def provided() -> tuple[P3109Operation, ...]:
    """The operations of IEEE P3109 that `specialization` knows, in the order of its clauses.

    All formats and projection specifications of P3109 that `specialization` tells of may take the
    place of their parameters. Source: IEEE P3109 interim report v4.0, clause 4.6.

    >>> for operation in provided()[:3]:
    ...     print(operation, operation.clause)
    Convert<fx, fr, rho>(x) 4.9.1
    Abs<fx, fr, rho>(x) 4.10.1
    Negate<fx, fr, rho>(x) 4.10.1
    """
    return tuple(OPERATIONS.values())
