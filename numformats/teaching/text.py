"""An explanation in words: lines of at most 80 columns."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from numformats.formats.reading import Reading
from numformats.irrational import Irrational
from numformats.modes import Modes, Stochastic
from numformats.reals import Extended
from numformats.teaching.decisions import NEAREST
from numformats.teaching.layout import (
    ROOM,
    Line,
    Span,
    cells,
    equations,
    headed,
    labelled,
    plain,
    prose,
)
from numformats.teaching.numbers import (
    about,
    hexadecimal,
    in_decimal,
    in_fraction,
    percent,
    short,
    special,
)
from numformats.teaching.records import Error, Neighbour

if TYPE_CHECKING:
    from numformats.teaching.explanation import Explanation

__all__ = ["headline", "lines_of", "plain"]

# Of the number line, from the one neighbour to the other.
_LINE: Final = 60
_LONGEST_INPUT: Final = 40
_LONGEST_FRACTION: Final = 30
_LONGEST_PART: Final = 12
# Of an irrational number, or one with too many digits.
_SHOWN_DIGITS: Final = 30


def headline(why: Explanation) -> str:
    """What was asked for, and what came of it, in a line."""
    result = f"{short(why.value)} ({hexadecimal(why.code, why.format.bits)})"
    given = cut_short(why.text)
    return f"{given} in {why.format.name}, {modes_text(why.modes, why.random_bits)}: {result}"


def modes_text(modes: Modes, random_bits: int | None) -> str:
    """The modes, without those that are as ever."""
    rounding = str(modes.rounding)
    if isinstance(modes.rounding, Stochastic):
        rounding = f"stochastic {modes.rounding.variant} of {modes.rounding.bits} bits"
    parts = [rounding]
    if random_bits is not None:
        parts.append(f"R = {random_bits}")
    if modes.saturation != "none":
        parts.append(f"saturation {modes.saturation}")
    return ", ".join(parts)


def cut_short(text: str) -> str:
    """What was given, and its beginning alone if it is long."""
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_INPUT else f"{text[: _LONGEST_INPUT - 3]}..."


def lines_of(why: Explanation) -> list[Line]:
    """All lines."""
    return [*headed(headline(why)), (), *body_of(why)]


def body_of(why: Explanation) -> list[Line]:
    """All lines but the title."""
    return [
        *labelled("number", _number_lines(why)),
        *labelled("code", code_lines(why.reading, why.code, why.format.bits)),
        *labelled("value", value_lines(why.reading, why.value)),
        *labelled("neighbours", _neighbour_lines(why)),
        *labelled("position", _position_lines(why)),
        *labelled("", _picture(why)),
        *(line for one in why.decisions for line in labelled(one.stage, prose(one.sentence))),
        *labelled("source", prose("; ".join(dict.fromkeys(one.source for one in why.decisions)))),
        *labelled("error", _error_lines(why)),
        *labelled("flags", prose(flags_text(why))),
        *labelled("operands", _operand_lines(why)),
    ]


# The number, the code, the value


def _number_lines(why: Explanation) -> list[Line]:
    number = why.number
    given = cut_short(why.text)
    if not isinstance(number, Fraction):
        return equations(dict.fromkeys([given, special(number)]))
    if why.computation is not None and why.computation.is_irrational:
        return equations([given, f"{about(number, _SHOWN_DIGITS)}..., which is irrational"])
    return equations(dict.fromkeys([given, *exact_terms(number)]))


def exact_terms(number: Fraction) -> list[str]:
    """A number in decimal and as a fraction, where these are not too long; its first digits, if
    both are.
    """
    found = [in_decimal(number, ROOM - 2), in_fraction(number, _LONGEST_FRACTION)]
    terms = [term for term in found if term is not None]
    if terms:
        return terms
    power = short(number)
    return [power] if not power.startswith("about") else [f"about {about(number, _SHOWN_DIGITS)}"]


def code_lines(reading: Reading, code: int, bits: int) -> list[Line]:
    """The code with its bits by fields, and a line for each field."""
    first: list[Span] = [Span(f"{hexadecimal(code, bits)} = ")]
    for place, field in enumerate(reading.fields):
        first += [Span(field.bits, f"field{place}"), Span(" ")]
    width = max(len(field.name) for field in reading.fields) + 2
    widest = max(len(field.bits) for field in reading.fields)
    longest = max(len(field.meaning) for field in reading.fields)
    # The bits stand above, too.
    has_room = width + widest + 2 + longest <= ROOM
    rows: list[Line] = []
    for place, field in enumerate(reading.fields):
        name = Span(f"{field.name:<{width}}")
        if has_room:
            shown, gap = Span(field.bits, f"field{place}"), " " * (widest - len(field.bits))
            rows.append((name, shown, Span(f"{gap}  {field.meaning}")))
        else:
            rows.append((name, Span(field.meaning[: ROOM - width])))
    return [tuple(first), *rows]


def value_lines(reading: Reading, value: Extended) -> list[Line]:
    """How the value comes of the fields."""
    formula = reading.formula
    terms = exact_terms(value) if isinstance(value, Fraction) else [special(value)]
    if "sqrt(e)" in formula or ("2**(" in formula and _is_irrational(formula)):
        return [*equations([formula]), *prose(f"the float64 nearest to it: {short(value)}")]
    return equations(dict.fromkeys([formula, *terms]))


def _is_irrational(formula: str) -> bool:
    """Whether the power that a code means is irrational, and its value the float64 nearest to it:
    where the exponent of a power is a fraction.
    """
    exponent = formula.rpartition("2**(")[2]
    return "/" in exponent


# Neighbours, position, picture


def _neighbour_lines(why: Explanation) -> list[Line]:
    lower, upper = why.lower, why.upper
    if lower is None or upper is None:
        return prose("none: it is no finite number")
    if why.position is None:
        return prose(_only_neighbour(lower, why))
    rows = [
        [_code_text(one, why), short(one.value), _parity(one), _mark(one, why)]
        for one in (lower, upper)
    ]
    return [(Span(row),) for row in cells(rows)]


def _only_neighbour(one: Neighbour, why: Explanation) -> str:
    if one.value == why.number:
        return "itself, out of range" if one.code is None else f"itself, {_code_text(one, why)}"
    if one.code is None:
        return f"{short(one.value)} alone, the place of infinity"
    return f"the last value alone, {short(one.value)} ({_code_text(one, why)})"


def _code_text(neighbour: Neighbour, why: Explanation) -> str:
    return "-" if neighbour.code is None else hexadecimal(neighbour.code, why.format.bits)


def _parity(neighbour: Neighbour) -> str:
    if neighbour.code is None:
        return "no value"
    return "odd" if neighbour.is_odd else "even"


def _mark(neighbour: Neighbour, why: Explanation) -> str:
    return "<- rounded to" if neighbour is why.taken else ""


def _position_lines(why: Explanation) -> list[Line]:
    if why.position is None:
        return []
    found = f"{_part_text(why.position)} of the way up"
    boundary = boundary_part(why)
    if boundary is not None and why.modes.rounding in NEAREST:
        found += f"; the boundary is at {_part_text(boundary)}"
    return prose(found)


def boundary_part(why: Explanation) -> Fraction | None:
    """The part of the way up at which the boundary lies; of an irrational one, nearly."""
    lower, upper = why.lower, why.upper
    if why.boundary is None or lower is None or upper is None:
        return None
    at = Fraction(float(why.boundary)) if isinstance(why.boundary, Irrational) else why.boundary
    return (at - lower.value) / (upper.value - lower.value)


def _part_text(part: Fraction) -> str:
    return in_fraction(part, _LONGEST_PART) or short(part)


def _picture(why: Explanation) -> list[Line]:
    """A line from the lower neighbour to the upper one, with the number and where it goes."""
    position = why.position
    if position is None or why.lower is None or why.upper is None:
        return []
    line = ["-"] * (_LINE + 1)
    boundary = boundary_part(why)
    if boundary is not None and why.modes.rounding in NEAREST:
        line[round(boundary * _LINE)] = ":"
    at = min(max(round(position * _LINE), 1), _LINE - 1)
    goes_up = why.taken is why.upper
    for place in range(at + 1, _LINE) if goes_up else range(1, at):
        line[place] = ":" if line[place] == ":" else ">" if goes_up else "<"
    line[at] = "x"
    line[0] = line[-1] = "|"
    low, high = short(why.lower.value), short(why.upper.value)
    ends = f"{low}{high:>{_LINE + 1 - len(low)}}"
    return [(), (Span("".join(line)),), (Span(ends),), ()]


# Error and flags


def _error_lines(why: Explanation) -> list[Line]:
    if why.error is None:
        return prose("not finite")
    return prose(error_text(why.error))


def error_text(error: Error) -> str:
    """How far the value is from the number."""
    if error.absolute == 0:
        return "none"
    found = short(error.absolute)
    if error.absolute > 0:
        found = f"about +{found[6:]}" if found.startswith("about ") else f"+{found}"
    parts = [found]
    if error.relative is not None:
        parts.append(f"relative {percent(abs(error.relative))}")
    if error.ulps is not None:
        parts.append(f"{short(error.ulps)} ulp")
    return ", ".join(parts)


def flags_text(why: Explanation) -> str:
    """The flags, by their names in IEEE 754."""
    names = [flag.name for flag in type(why.flags) if flag in why.flags]
    return ", ".join(str(name).lower() for name in names) or "none"


def _operand_lines(why: Explanation) -> list[Line]:
    """What would come of rounding the operands first."""
    done = why.computation
    if done is None:
        return []
    text = "taken exactly, and the exact result projected once."
    if done.rounded_operands is None or done.rounded_first is None:
        return prose(text)
    rounded = ", ".join(map(short, done.rounded_operands))
    name, code = why.format.name, hexadecimal(done.rounded_first, why.format.bits)
    value = short(why.format.value(done.rounded_first))
    if all(
        before == after for before, after in zip(done.operands, done.rounded_operands, strict=True)
    ):
        return prose(f"{text} They are values of {name}.")
    verdict = "the same code" if done.rounded_first == why.code else "another code"
    return prose(
        f"{text} In {name} they are {rounded} themselves, which give {value} ({code}): {verdict}."
    )
