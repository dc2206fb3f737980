"""Explanations as what JSON can hold: exact numbers as text."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from numformats.irrational import Irrational
from numformats.modes import Modes, Stochastic
from numformats.reals import Extended
from numformats.teaching.numbers import is_finite, special
from numformats.teaching.records import Computation, Decision, Error, Neighbour

if TYPE_CHECKING:
    from numformats.formats.reading import Reading
    from numformats.teaching.codes import CodeExplanation
    from numformats.teaching.explanation import Explanation
    from numformats.teaching.scaled import ScaledExplanation

# Of the 4300 digits that Python writes of an integer, fewer than all.
_MOST_BITS: Final = 13000


def of_explanation(why: Explanation) -> dict[str, Any]:
    """All that an explanation says."""
    found = {
        "input": why.text,
        "number": exact_text(why.number),
        "sign": "-" if why.negative else "+",
        "format": why.format.name,
        **of_modes(why.modes),
        "random_bits": why.random_bits,
        **_of_code(why.code, why.value, why.reading),
        "lower": _of_neighbour(why.lower),
        "upper": _of_neighbour(why.upper),
        "position": _optional(why.position),
        "boundary": _of_boundary(why.boundary),
        "rounded": exact_text(why.rounded),
        "decisions": [_of_decision(one) for one in why.decisions],
        "error": of_error(why.error),
        "flags": [str(flag.name).lower() for flag in type(why.flags) if flag in why.flags],
    }
    if why.computation is not None:
        found["computation"] = _of_computation(why.computation)
    return found


def of_code(why: CodeExplanation) -> dict[str, Any]:
    """All that is said of a code."""
    return {
        "format": why.format.name,
        **_of_code(why.code, why.value, why.reading),
        "class": why.kind,
        "written_as": why.written_as,
        "lower": _of_neighbour(why.lower),
        "upper": _of_neighbour(why.upper),
        "lowest_rounded_to_it": _of_boundary(why.lowest_rounded_to_it),
        "highest_rounded_to_it": _of_boundary(why.highest_rounded_to_it),
    }


def of_scaled(why: ScaledExplanation) -> dict[str, Any]:
    """All that is said of a number and its scale."""
    return {
        "format": why.format.name,
        "index": list(why.index),
        "number": exact_text(why.number),
        "shared_with": why.shared_with,
        "largest": _optional(why.largest),
        "target": _optional(why.target),
        "rule": why.rule,
        "scale": exact_text(why.scale),
        "scale_is": why.sentence,
        "scale_explained": None if why.of_scale is None else of_explanation(why.of_scale),
        "tensor_scale": _optional(why.tensor_scale),
        "quotient": None if why.of_element is None else exact_text(why.of_element.number),
        "element_explained": None if why.of_element is None else of_explanation(why.of_element),
        "code": why.code,
        "value": exact_text(why.value),
        "error": of_error(why.error),
    }


def exact_text(number: Extended) -> str:
    """A number exactly: a fraction in lowest terms, ``-0``, ``infinity``, ``NaN``.

    Numerator and denominator are in hexadecimal where Python refuses thousands of decimal digits.

    >>> exact_text(Fraction(13, 128)), exact_text(-0.0), len(exact_text(Fraction(2**99999)))
    ('13/128', '-0', 25002)
    """
    if not isinstance(number, Fraction):
        return special(number)
    if max(number.numerator.bit_length(), number.denominator.bit_length()) < _MOST_BITS:
        return str(number)
    below = "" if number.denominator == 1 else f"/{number.denominator:#x}"
    return f"{number.numerator:#x}{below}"


def of_modes(modes: Modes) -> dict[str, Any]:
    """The modes by their words; a stochastic one by its parameters."""
    rounding: Any = modes.rounding
    if isinstance(modes.rounding, Stochastic):
        rounding = {"stochastic": modes.rounding.variant, "bits": modes.rounding.bits}
    return {"rounding": rounding, "saturation": modes.saturation, "nan": modes.nan}


def of_error(error: Error | None) -> dict[str, str | None] | None:
    """The three figures."""
    if error is None:
        return None
    return {
        "absolute": exact_text(error.absolute),
        "relative": _optional(error.relative),
        "ulps": _optional(error.ulps),
    }


def _of_code(code: int, value: Extended, reading: Reading) -> dict[str, Any]:
    has_float = is_finite(value)
    return {
        "code": code,
        "value": exact_text(value),
        "float": _as_float(value) if has_float else None,
        "fields": [
            {"name": field.name, "bits": field.bits, "meaning": field.meaning}
            for field in reading.fields
        ],
        "formula": reading.formula,
    }


def _as_float(value: Extended) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None


def _of_neighbour(neighbour: Neighbour | None) -> dict[str, Any] | None:
    if neighbour is None:
        return None
    return {
        "value": exact_text(neighbour.value),
        "code": neighbour.code,
        "is_odd": neighbour.is_odd,
    }


def _of_boundary(boundary: Fraction | Irrational | None) -> str | None:
    return str(boundary) if isinstance(boundary, Irrational) else _optional(boundary)


def _of_decision(decision: Decision) -> dict[str, str]:
    return {
        "stage": decision.stage,
        "rule": decision.rule,
        "sentence": decision.sentence,
        "source": decision.source,
    }


def _of_computation(done: Computation) -> dict[str, Any]:
    rounded = done.rounded_operands
    return {
        "operation": done.name,
        "operands": [exact_text(one) for one in done.operands],
        "is_irrational": done.is_irrational,
        "rounded_operands": None if rounded is None else [exact_text(one) for one in rounded],
        "rounded_first": done.rounded_first,
    }


def _optional(number: Fraction | None) -> str | None:
    return None if number is None else exact_text(number)
