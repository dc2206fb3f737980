"""The operations of IEEE P3109 (interim report v4.0), clauses 4.9 to 4.16, as a table.

What each does to numbers is written in `numformats.exact`; here is what it takes and gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from numformats.arithmetic.declarations import Parameters, written
from numformats.arithmetic.exact_results import (
    P3109,
    Draws,
    Evaluate,
    apply_elementwise,
    numbers_of,
)
from numformats.codec.arguments import code_dtype
from numformats.exact.classes import PREDICATES, classify, next_down, next_up, predicate
from numformats.exact.comparisons import COMPARISONS, Comparison
from numformats.exact.numbers import Number
from numformats.exact.operations import OPERATIONS
from numformats.exact.rules import Rules
from numformats.formats.format import Format

Array = NDArray[Any]
Compute: TypeAlias = Callable[[Parameters, Sequence[Array], Draws], Any]


@dataclass(frozen=True)
class Operand:
    """An operand: its name, the parameter that is its format, and whether it has B elements."""

    name: str
    format: str
    is_block: bool = False


@dataclass(frozen=True, repr=False)
class P3109Operation:
    """An operation of IEEE P3109; `str` gives its signature.

    Attributes
    ----------
    name : str
        What P3109 calls it.
    clause : str
        The clause that defines it.
    parameters : tuple of str
        B is a block size, f... are formats and rho... projection specifications, in the order of a
        declaration.
    operands : tuple of Operand
        The codes that it takes.
    results : tuple of str
        The parameters that are the formats of the codes that it gives; none where it gives truth
        values, integers or words.
    compute : callable
        The results, given the parameters, arrays of codes, and random bits.
    """

    name: str
    clause: str
    parameters: tuple[str, ...]
    operands: tuple[Operand, ...]
    results: tuple[str, ...]
    compute: Compute

    @property
    def signature(self) -> str:
        """The form of its declarations.

        >>> P3109_OPERATIONS["FMA"].signature
        'FMA<fx, fy, fz, fr, rho>'
        """
        return f"{self.name}<{written(self.parameters, self.parameters)}>"

    @property
    def is_projected(self) -> bool:
        """Whether its results are rounded."""
        return "rho" in self.parameters and bool(self.operands)

    def __str__(self) -> str:
        operands = (f"[{one.name}]" if one.is_block else one.name for one in self.operands)
        return f"{self.signature}({', '.join(operands)})"

    def __repr__(self) -> str:
        return f"<P3109Operation {self}, clause {self.clause}>"


@dataclass(frozen=True)
class RealFunction:
    """An operation on numbers whose result is projected: what it does, and to how many."""

    name: str
    clause: str
    operands: tuple[str, ...]
    evaluate: Evaluate


# As in the signatures of the clauses.
_OPERANDS: Final = {
    **dict.fromkeys(("ArcTan2", "ArcTan2Pi"), ("y", "x")),
    "Clamp": ("x", "lo", "hi"),
}


def _identity(rules: Rules, x: Number) -> Number:
    return x


def _real_functions() -> Iterable[RealFunction]:
    yield RealFunction("Convert", "4.9.1", ("x",), partial(_identity, P3109))
    for operation in OPERATIONS.values():
        name = operation.p3109
        if name is not None:
            operands = _OPERANDS.get(name, tuple("xyz"[: operation.operands]))
            evaluate = partial(operation.evaluate, P3109)
            yield RealFunction(name, operation.clause, operands, evaluate)


REAL_FUNCTIONS: Final = {function.name: function for function in _real_functions()}


def elementwise(evaluate: Evaluate, operands: tuple[Operand, ...]) -> Compute:
    """The results of an operation on numbers, where there are blocks for each of their elements,
    which all share the other operands.
    """
    has_blocks = any(operand.is_block for operand in operands)

    def compute(parameters: Parameters, codes: Sequence[Array], draws: Draws) -> Array:
        formats = tuple(parameters.format(operand.format) for operand in operands)
        aligned = [
            code[..., np.newaxis] if has_blocks and not operand.is_block else code
            for code, operand in zip(codes, operands, strict=True)
        ]
        fmt, projection = parameters.format("fr"), parameters.projection()
        return apply_elementwise(evaluate, formats, aligned, fmt, projection, draws)

    return compute


def projected_operation(
    name: str, clause: str, operands: tuple[Operand, ...], evaluate: Evaluate
) -> P3109Operation:
    """Op<f1, .., fn, fr, rho>: the exact result of numbers, projected onto fr."""
    return P3109Operation(
        name,
        clause,
        (*(operand.format for operand in operands), "fr", "rho"),
        operands,
        ("fr",),
        elementwise(evaluate, operands),
    )


def _operands(names: Iterable[str]) -> tuple[Operand, ...]:
    return tuple(Operand(name, f"f{name}") for name in names)


# What is not projected


def _compare(comparison: Comparison) -> Compute:
    def compute(parameters: Parameters, codes: Sequence[Array], draws: Draws) -> Array:
        x, y = np.broadcast_arrays(*codes)
        xs = numbers_of(x.ravel(), parameters.format("fx"))
        ys = numbers_of(y.ravel(), parameters.format("fy"))
        holds = [comparison.holds(P3109, *pair) for pair in zip(xs, ys, strict=True)]
        return np.array(holds, np.bool_).reshape(x.shape)

    return compute


def _of_codes(function: Callable[[int, Format], Any], dtype: Any = None) -> Compute:
    """A function of each code; `dtype` is that of the results, by default that of codes."""

    def compute(parameters: Parameters, codes: Sequence[Array], draws: Draws) -> Array:
        fmt = parameters.format("f")
        distinct, places = np.unique(codes[0], return_inverse=True)
        found = [function(code, fmt) for code in distinct.tolist()]
        table = np.array(found, code_dtype(fmt) if dtype is None else dtype)
        return table[places].reshape(codes[0].shape)

    return compute


# Table 2.
_CLASSES: Final = {
    "nan": "ClsNaN",
    "negative_infinity": "ClsNegativeInfinity",
    "negative_normal": "ClsNegativeNormal",
    "negative_subnormal": "ClsNegativeSubnormal",
    "zero": "ClsZero",
    "positive_subnormal": "ClsPositiveSubnormal",
    "positive_normal": "ClsPositiveNormal",
    "positive_infinity": "ClsPositiveInfinity",
}


def _class_of(code: int, fmt: Format) -> str:
    return _CLASSES[classify(code, fmt, rules="p3109")]


def _of_code(
    name: str, clause: str, function: Callable[[int, Format], Any], dtype: Any = None
) -> P3109Operation:
    results = ("f",) if dtype is None else ()
    return P3109Operation(
        name, clause, ("f",), (Operand("x", "f"),), results, _of_codes(function, dtype)
    )


# Of formats, clause 4.14


def _max_subnormal(fmt: Format) -> int:
    is_there = fmt.precision > 1
    return 2 ** (fmt.precision - 1) - 1 if is_there else fmt.code_of_nan(False)


_WORDS_OF_FORMATS: Final[dict[str, Callable[[Format], int | str]]] = {
    "BitwidthOf": lambda f: f.bits,
    "PrecisionOf": lambda f: f.precision,
    "SignednessOf": lambda f: "Signed" if f.signed else "Unsigned",
    "DomainOf": lambda f: "Extended" if f.has_inf else "Finite",
    "ExponentBitwidthOf": lambda f: f.exponent_bits,
    "TrailingSignificandBitwidthOf": lambda f: f.precision - 1,
    "ExponentBiasOf": lambda f: f.bias,
}
_CODES_OF_FORMATS: Final[dict[str, Callable[[Format], int]]] = {
    "MaxFiniteOf": lambda f: f.code_of_step(f.highest_step),
    "MinFiniteOf": lambda f: f.code_of_step(f.lowest_step),
    "MinPositiveOf": lambda f: f.code_of_step(1),
    "MaxSubnormalOf": _max_subnormal,
    "MinNormalOf": lambda f: f.code_of_step(2 ** (f.precision - 1)),
}


def _of_formats() -> Iterable[P3109Operation]:
    for name, word in _WORDS_OF_FORMATS.items():
        yield P3109Operation(name, "4.14", ("f",), (), (), _word_of_format(word))
    for name, code in _CODES_OF_FORMATS.items():
        yield P3109Operation(name, "4.14", ("f",), (), ("f",), _code_of_format(code))


def _word_of_format(word: Callable[[Format], int | str]) -> Compute:
    return lambda parameters, codes, draws: word(parameters.format("f"))


def _code_of_format(code: Callable[[Format], int]) -> Compute:
    def compute(parameters: Parameters, codes: Sequence[Array], draws: Draws) -> Array:
        fmt = parameters.format("f")
        return np.array(code(fmt), code_dtype(fmt))

    return compute


def _operations() -> Iterable[P3109Operation]:
    for function in REAL_FUNCTIONS.values():
        operands = _operands(function.operands)
        yield projected_operation(function.name, function.clause, operands, function.evaluate)
    for comparison in COMPARISONS.values():
        if comparison.p3109 is not None:
            clause = "4.12.1" if comparison.p3109 == "TotalOrder" else "4.12"
            yield P3109Operation(
                comparison.p3109, clause, ("fx", "fy"), _operands("xy"), (), _compare(comparison)
            )
    for one in PREDICATES.values():
        holds = partial(_holds, one.name)
        yield _of_code(one.p3109, "4.13", holds, np.bool_)
    yield _of_code("Class", "4.13.1", _class_of, np.str_)
    yield from _of_formats()
    yield P3109Operation(
        "RoundOf", "4.15", ("rho",), (), (), lambda p, codes, draws: p.projection().round_word
    )
    yield P3109Operation(
        "SatOf", "4.15", ("rho",), (), (), lambda p, codes, draws: p.projection().saturation_word
    )
    yield _of_code("NextGreaterThan", "4.16", partial(next_up, rules="p3109"))
    yield _of_code("NextLessThan", "4.16", partial(next_down, rules="p3109"))


def _holds(name: str, code: int, fmt: Format) -> bool:
    return predicate(name, code, fmt, rules="p3109")


P3109_OPERATIONS: Final = {operation.name: operation for operation in _operations()}
