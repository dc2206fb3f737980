"""`explain`: how a number, or the exact result of an operation, becomes a code of a format."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final, Literal, cast

from numformats.exact.application import evaluate, find_operation, traced_result
from numformats.exact.numbers import Number, Outcome
from numformats.exact.projection import Trace, encoded, read_random_bits, trace, traced
from numformats.exact.rounding import Neighbours
from numformats.exact.rules import named_rules
from numformats.exact.saturation import require_saturation
from numformats.formats.format import Format
from numformats.modes import Modes, Stochastic, parse_modes, random_bit_count
from numformats.reals import Extended, read_number
from numformats.teaching.decisions import decisions_of
from numformats.teaching.explanation import Explanation
from numformats.teaching.expressions import Expression, read_expression
from numformats.teaching.numbers import is_finite, short
from numformats.teaching.records import Computation, Error, Neighbour

# Of an irrational result: enough for 60 digits, and for most results to tell them apart from
# values.
_FIRST_BITS: Final = 256
_MOST_BITS: Final = 1 << 14


def explain_number(
    x: Any,
    fmt: Format,
    rounding: str | Stochastic = "nearest_even",
    saturation: str = "none",
    nan: str = "raise",
    random_bits: int | None = None,
    text: str | None = None,
) -> Explanation:
    """How a number, or the result of an operation in words, becomes a code. See `explain`.

    text: how the number is called, if not by itself.
    """
    asked = read_expression(x) if isinstance(x, str) else None
    if asked is not None:
        modes = parse_modes(rounding, saturation, nan)
        return _explain_result(str(x), asked, fmt, modes, random_bits)
    found = trace(
        x,
        fmt,
        rounding,
        saturation,
        nan=cast(Literal["raise", "max", "zero"], nan),
        random_bits=random_bits,
    )
    number, negative = read_number(x)
    return _explanation(text or text_of(x, number), number, negative, found, None)


def text_of(x: Any, number: Extended) -> str:
    """A number as it was given; with its type, if what Python writes of it is not all of it.

    >>> text_of(0.1, Fraction(0.1)), text_of(0.5, Fraction(0.5)), text_of("0.1", Fraction("0.1"))
    ('float(0.1)', '0.5', '0.1')
    """
    if isinstance(x, str):
        return x.strip()
    try:
        text = str(x)
    except ValueError:  # an integer of thousands of digits
        return short(number)
    return text if _reads_as(text, number) else f"{type(x).__name__}({text})"


def _reads_as(text: str, number: Extended) -> bool:
    try:
        read, _ = read_number(text)
    except ValueError:
        return False
    return read == number or (read != read and number != number)


def _explanation(
    text: str, number: Extended, negative: bool, found: Trace, done: Computation | None
) -> Explanation:
    fmt = cast(Format, found.system)
    near = found.neighbours
    lower, upper = (None, None) if near is None else _neighbours(near, negative)
    position = None
    if near is not None and not near.are_one:
        assert isinstance(found.value, Fraction)
        low, high = sorted((near.inward, near.outward))
        position = (found.value - low) / (high - low)
    value = fmt.value(found.code)
    return Explanation(
        text=text,
        number=number,
        negative=negative,
        format=fmt,
        modes=found.modes,
        random_bits=found.random_bits,
        code=found.code,
        value=value,
        reading=fmt.reading(found.code),
        lower=lower,
        upper=upper,
        position=position,
        boundary=None if near is None else near.boundary,
        rounded=found.rounded,
        decisions=decisions_of(number, found),
        error=error_of(number, value, near),
        flags=found.flags(),
        computation=done,
    )


def _neighbours(near: Neighbours, negative: bool) -> tuple[Neighbour, Neighbour]:
    """The lower and the upper one."""
    pair = [
        neighbour_of(near.system, value, step, negative)
        for value, step in ((near.inward, near.inward_step), (near.outward, near.outward_step))
    ]
    first, second = sorted(pair, key=lambda one: one.value)
    return first, second


def neighbour_of(system: Any, value: Fraction, step: int, negative: bool) -> Neighbour:
    """A value with its code, if it has one. negative: the sign of a zero."""
    is_within = system.lowest <= value <= system.highest and (value != 0 or system.has_zero)
    code = encoded(value, negative, system) if is_within else None
    return Neighbour(value, code, system.is_odd(step))


def error_of(number: Extended, value: Extended, near: Neighbours | None) -> Error | None:
    """How far a value is from a number, if both are finite."""
    if not (is_finite(number) and is_finite(value)):
        return None
    exact = Fraction(number)
    absolute = Fraction(value) - exact
    apart = None if near is None or near.are_one else abs(near.outward - near.inward)
    return Error(
        absolute,
        absolute / abs(exact) if exact else None,
        abs(absolute) / apart if apart else None,
    )


# Operations


def _explain_result(
    text: str, asked: Expression, fmt: Format, modes: Modes, random_bits: int | None
) -> Explanation:
    require_saturation(fmt, modes.saturation)
    draw = read_random_bits(modes.rounding, random_bits)
    operation, rules = find_operation(asked.name), named_rules(fmt.arithmetic)
    outcome = evaluate(operation, asked.operands, rules)
    found = traced_result(outcome, fmt, modes, draw, rules, asked.name)
    is_irrational = not isinstance(outcome, Number)
    if is_irrational:
        found = _trace_nearby(outcome, found)
    number = outcome.value if isinstance(outcome, Number) else found.value
    value = fmt.value(found.code)
    # Zero alone has a sign that does not show in its value.
    negative = number < 0 or (number == 0 and isinstance(value, float))
    operands = tuple(read_number(operand)[0] for operand in asked.operands)
    rounded = _rounded_operands(asked.operands, fmt, modes)
    done = Computation(
        text=text,
        name=asked.name,
        operands=operands,
        is_irrational=is_irrational,
        rounded_operands=rounded,
        rounded_first=_code_of(asked.name, rounded, fmt, modes),
    )
    return _explanation(" ".join(text.split()), number, negative, found, done)


def _trace_nearby(outcome: Outcome, found: Trace) -> Trace:
    """The trace of a number near an irrational one that has the same fate: `found` is of any such
    number, which may be far off.
    """
    assert not isinstance(outcome, Number)
    bits = _FIRST_BITS
    while bits <= _MOST_BITS:
        interval = outcome(bits)
        middle = (interval.low + interval.high) / 2
        if isinstance(middle, Fraction):
            near = traced(middle, middle < 0, found.system, found.modes, found.random_bits, "x")
            if near.code == found.code and near.result != middle:
                return near
        bits *= 2
    return found


def _rounded_operands(
    operands: tuple[str, ...], fmt: Format, modes: Modes
) -> tuple[Extended, ...] | None:
    """What operands become in a format; None if it has nothing for one, or random bits decide."""
    if random_bit_count(modes.rounding):
        return None
    try:
        codes = [
            trace(operand, fmt, modes.rounding, modes.saturation, nan=cast(Any, modes.nan)).code
            for operand in operands
        ]
    except ValueError:
        return None
    return tuple(fmt.value(code) for code in codes)


def _code_of(
    name: str, operands: tuple[Extended, ...] | None, fmt: Format, modes: Modes
) -> int | None:
    """The code of the operation on operands of the format; None if it has none for the result."""
    if operands is None:
        return None
    rules = named_rules(fmt.arithmetic)
    try:
        outcome = evaluate(find_operation(name), operands, rules)
        return traced_result(outcome, fmt, modes, None, rules, name).code
    except ValueError:
        return None
