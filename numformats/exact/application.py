"""An operation on numbers, and its exact result projected once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from numformats.checks import unknown
from numformats.exact.certainty import representative
from numformats.exact.numbers import Enclosure, Number, Outcome, read_operand
from numformats.exact.operations import OPERATIONS, Operation
from numformats.exact.projection import Trace, read_random_bits, traced
from numformats.exact.rules import Rules, find_rules
from numformats.exact.saturation import require_saturation
from numformats.modes import Modes, Stochastic, parse_modes
from numformats.system import Arithmetic, NumberSystem

if TYPE_CHECKING:
    from numformats.reals import Real

# Enough for most results to be on one side of all that decides.
FIRST_BITS = 64


def apply(
    name: str,
    operands: Sequence[Real],
    fmt: NumberSystem,
    rounding: str | Stochastic = "nearest_even",
    saturation: str = "none",
    *,
    nan: Literal["raise", "max", "zero"] = "raise",
    random_bits: int | None = None,
    rules: Arithmetic | None = None,
) -> int:
    """The code of the exact result of an operation, projected once.

    Parameters
    ----------
    name : str
        One of `numformats.exact.OPERATIONS`.
    operands : sequence of int, Fraction, Decimal, float, NumPy scalar or str
        As many numbers as the operation takes, each read as `project` reads it: exactly. Infinities
        and NaN are operands, too, and zeros have a sign: that of a float -0.0 is negative.
    fmt : NumberSystem
        The format of the result.
    rounding, saturation, nan, random_bits
        As for `project`, for the result.
    rules : {"ieee", "p3109"}, optional
        Whose rules for zeros, infinities and NaN apply, by default the format's own: those of IEEE
        P3109 for its formats, those of IEEE 754 for all others. P3109's operations write external
        formats such as binary32 by its own rules, too (4.8).

    Returns
    -------
    int
        The code of the result. A NaN that is no operand's has a positive sign.

    Raises
    ------
    TypeError, ValueError
        For an unknown operation, another number of operands, operands that `project` does not take,
        NaN as the result in a format without NaN, modes and random bits that `project` refuses, and
        results of exponentials beyond 2**(2**18) under ``wrap``.

    Notes
    -----
    Sources: IEEE 754-2019, clauses 5.4.1, 6.3, 9.2.1 and 9.6; IEEE P3109 interim report v4.0,
    clauses 4.10 and 4.11. A result that is irrational is enclosed in ever smaller intervals until
    all numbers of one are projected alike, which comes to an end because results that are rational
    are known from theorems; `numformats.exact.elementary` cites them. Sines of numbers of n bits
    before the point take n bits of pi, which for n up to 10**5 is a matter of a second.

    Examples
    --------
    >>> import numformats as nf
    >>> code = nf.exact.apply("fma", [4097, 4097, 2.0**-30], nf.float32)
    >>> float(nf.float32.decode(code))
    16785410.0
    >>> nf.exact.decode(nf.exact.apply("exp", [1], nf.float8_e4m3fn), nf.float8_e4m3fn)
    Fraction(11, 4)
    >>> nf.exact.decode(nf.exact.apply("divide", [1, 0], nf.float8_e5m2), nf.float8_e5m2)
    inf
    >>> nf.exact.decode(nf.exact.apply("divide", [1, 0], nf.binary8p4se), nf.binary8p4se)
    nan
    """
    operation = find_operation(name)
    followed = find_rules(fmt, rules)
    modes = parse_modes(rounding, saturation, nan)
    require_saturation(fmt, modes.saturation)
    draw = read_random_bits(modes.rounding, random_bits)
    outcome = evaluate(operation, operands, followed)
    return projected(outcome, fmt, modes, draw, followed, name)


def find_operation(name: str) -> Operation:
    """The operation of a name. TypeError for what is no name, ValueError for an unknown one.

    >>> find_operation("hypot").operands
    2
    """
    if not isinstance(name, str):
        raise TypeError(f"name: expected a str, got {type(name).__name__} {name!r}")
    if name not in OPERATIONS:
        raise ValueError(unknown("name", name, OPERATIONS))
    return OPERATIONS[name]


def evaluate(operation: Operation, operands: Sequence[Real], rules: Rules) -> Outcome:
    """The exact result of an operation: a number, or how to enclose an irrational one."""
    if isinstance(operands, str) or not isinstance(operands, Sequence):
        raise TypeError(
            f"operands: expected a sequence of {operation.operands}, got "
            f"{type(operands).__name__} {operands!r}"
        )
    if len(operands) != operation.operands:
        raise ValueError(
            f"operands: {operation.name} takes {operation.operands}, got {len(operands)}"
        )
    return operation.evaluate(rules, *(read_operand(operand, rules) for operand in operands))


def projected(
    outcome: Outcome,
    fmt: NumberSystem,
    modes: Modes,
    draw: int | None,
    rules: Rules,
    argument: str,
) -> int:
    """The code of an exact result; errors call it `argument`."""
    return traced_result(outcome, fmt, modes, draw, rules, argument).code


def traced_result(
    outcome: Outcome,
    fmt: NumberSystem,
    modes: Modes,
    draw: int | None,
    rules: Rules,
    argument: str,
) -> Trace:
    """How an exact result becomes a code; of an irrational one, how a number does that is projected
    as it is. Errors call it `argument`.
    """
    found = outcome if isinstance(outcome, Number) else _settled(outcome, fmt, modes)
    negative = is_negative(found, rules, modes)
    return traced(found.value, negative, fmt, modes, draw, argument)


def _settled(enclosure: Enclosure, fmt: NumberSystem, modes: Modes) -> Number:
    """A number that is projected as an irrational one is."""
    bits = FIRST_BITS
    while True:
        found = representative(enclosure(bits), fmt, modes)
        if found is not None:
            return Number(found, found < 0)
        bits *= 2


def is_negative(result: Number, rules: Rules, modes: Modes) -> bool:
    """The sign that a zero or NaN is written with."""
    if not rules.signs:
        return False
    if result.negative is None:  # IEEE 754-2019 6.3
        return modes.rounding == "toward_negative"
    if isinstance(result.value, float) and math.isnan(result.value):
        return result.negative
    return result.value < 0 or (result.value == 0 and result.negative)
