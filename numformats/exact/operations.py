"""The operations that `apply` knows, as a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from numformats.exact import algebraic, angles, elementary, extrema, trigonometric
from numformats.exact.numbers import Outcome

Kind: TypeAlias = Literal["sign", "rational", "root", "function", "extremum"]


@dataclass(frozen=True)
class Operation:
    """An operation on real numbers.

    Attributes
    ----------
    name : str
        What it is called here: as in NumPy, where that has it.
    operands : int
        How many numbers it takes.
    kind : {"sign", "rational", "root", "function", "extremum"}
        What its results are: operands with a sign, rational numbers, roots of these, values of real
        functions, or operands.
    p3109 : str or None
        What IEEE P3109 (interim report v4.0) calls it.
    clause : str
        The clause that has it: of P3109 if that names it, else of IEEE 754-2019.
    evaluate : callable
        The exact result of the operands, which follow the rules.
    """

    name: str
    operands: int
    kind: Kind
    p3109: str | None
    clause: str
    evaluate: Callable[..., Outcome]


_A, _E, _T, _X = algebraic, elementary, trigonometric, extrema

OPERATIONS: Final[dict[str, Operation]] = {
    operation.name: operation
    for operation in (
        Operation("absolute", 1, "sign", "Abs", "4.10.1", _A.absolute),
        Operation("negative", 1, "sign", "Negate", "4.10.1", _A.negative),
        Operation("copysign", 2, "sign", "CopySign", "4.10.2", _A.copysign),
        Operation("add", 2, "rational", "Add", "4.10.3", _A.add),
        Operation("subtract", 2, "rational", "Subtract", "4.10.3", _A.subtract),
        Operation("multiply", 2, "rational", "Multiply", "4.10.4", _A.multiply),
        Operation("divide", 2, "rational", "Divide", "4.10.5", _A.divide),
        Operation("reciprocal", 1, "rational", "Recip", "4.10.5", _A.reciprocal),
        Operation("fma", 3, "rational", "FMA", "4.10.6", _A.fma),
        Operation("faa", 3, "rational", "FAA", "4.10.7", _A.add),
        Operation("remainder", 2, "rational", None, "5.3.1", _A.remainder),
        Operation("sqrt", 1, "root", "Sqrt", "4.10.8", _A.sqrt),
        Operation("rsqrt", 1, "root", "RSqrt", "4.10.8", _A.rsqrt),
        Operation("cbrt", 1, "root", None, "9.2", _A.cbrt),
        Operation("hypot", 2, "root", "Hypot", "4.10.14", _A.hypot),
        Operation("exp", 1, "function", "Exp", "4.10.9", _E.EXP),
        Operation("exp2", 1, "function", "Exp2", "4.10.9", _E.EXP2),
        Operation("exp10", 1, "function", None, "9.2", _E.EXP10),
        Operation("expm1", 1, "function", "ExpMinusOne", "4.10.9", _E.EXPM1),
        Operation("log", 1, "function", "Log", "4.10.9", _E.LOG),
        Operation("log2", 1, "function", "Log2", "4.10.9", _E.LOG2),
        Operation("log10", 1, "function", None, "9.2", _E.LOG10),
        Operation("log1p", 1, "function", "LogOnePlus", "4.10.9", _E.LOG1P),
        Operation("sin", 1, "function", "Sin", "4.10.10", _T.SIN),
        Operation("cos", 1, "function", "Cos", "4.10.10", _T.COS),
        Operation("tan", 1, "function", "Tan", "4.10.10", _T.TAN),
        Operation("arcsin", 1, "function", "ArcSin", "4.10.10", angles.ARCSIN),
        Operation("arccos", 1, "function", "ArcCos", "4.10.10", angles.ARCCOS),
        Operation("arctan", 1, "function", "ArcTan", "4.10.10", angles.ARCTAN),
        Operation("sinh", 1, "function", "Sinh", "4.10.11", _E.SINH),
        Operation("cosh", 1, "function", "Cosh", "4.10.11", _E.COSH),
        Operation("tanh", 1, "function", "Tanh", "4.10.11", _E.TANH),
        Operation("arcsinh", 1, "function", "ArcSinh", "4.10.11", _E.ARCSINH),
        Operation("arccosh", 1, "function", "ArcCosh", "4.10.11", _E.ARCCOSH),
        Operation("arctanh", 1, "function", "ArcTanh", "4.10.11", _E.ARCTANH),
        Operation("sinpi", 1, "function", "SinPi", "4.10.12", _T.SINPI),
        Operation("cospi", 1, "function", "CosPi", "4.10.12", _T.COSPI),
        Operation("tanpi", 1, "function", "TanPi", "4.10.12", _T.TANPI),
        Operation("arcsinpi", 1, "function", "ArcSinPi", "4.10.12", angles.ARCSINPI),
        Operation("arccospi", 1, "function", "ArcCosPi", "4.10.12", angles.ARCCOSPI),
        Operation("arctanpi", 1, "function", "ArcTanPi", "4.10.12", angles.ARCTANPI),
        Operation("softplus", 1, "function", "Softplus", "4.10.13", _E.SOFTPLUS),
        Operation("arctan2", 2, "function", "ArcTan2", "4.10.15", angles.arctan2),
        Operation("arctan2pi", 2, "function", "ArcTan2Pi", "4.10.16", angles.arctan2pi),
        Operation("minimum", 2, "extremum", "Minimum", "4.11", _X.minimum),
        Operation("maximum", 2, "extremum", "Maximum", "4.11", _X.maximum),
        *(
            Operation(f"{side}_{word}", 2, "extremum", f"{side.title()}{title}", "4.11", chosen)
            for word, title, least, most in (
                ("number", "Number", _X.minimum_number, _X.maximum_number),
                ("magnitude", "Magnitude", _X.minimum_magnitude, _X.maximum_magnitude),
                (
                    "magnitude_number",
                    "MagnitudeNumber",
                    _X.minimum_magnitude_number,
                    _X.maximum_magnitude_number,
                ),
                ("finite", "Finite", _X.minimum_finite, _X.maximum_finite),
            )
            for side, chosen in (("minimum", least), ("maximum", most))
        ),
        Operation("clamp", 3, "extremum", "Clamp", "4.11", _X.clamp),
    )
}
