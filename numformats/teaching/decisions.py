"""Which rule decided what a number becomes, in a sentence, with the clause that has the rule."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Final

from numformats.exact.projection import Trace
from numformats.exact.rounding import Neighbours
from numformats.irrational import Irrational
from numformats.modes import RoundingMode, SaturationMode, Stochastic
from numformats.reals import Extended
from numformats.system import NumberSystem
from numformats.teaching.numbers import short
from numformats.teaching.records import Decision

_P3109: Final = "IEEE P3109 v4.0"
_IEEE: Final = "IEEE 754-2019"
NEAREST: Final = ("nearest_even", "nearest_away", "nearest_zero")
ROUNDING_SOURCES: Final[dict[str, str]] = {
    "nearest_even": f"{_IEEE}, 4.3.1, roundTiesToEven; {_P3109}, 4.7.4, NearestTiesToEven",
    "nearest_away": f"{_IEEE}, 4.3.1, roundTiesToAway; {_P3109}, 4.7.4, NearestTiesToAway",
    "nearest_zero": f"{_IEEE}, 9.5, roundTiesTowardZero",
    "toward_zero": f"{_IEEE}, 4.3.2, roundTowardZero; {_P3109}, 4.7.4, TowardZero",
    "away_from_zero": "numformats' own; the opposite of roundTowardZero",
    "toward_positive": f"{_IEEE}, 4.3.2, roundTowardPositive; {_P3109}, 4.7.4, TowardPositive",
    "toward_negative": f"{_IEEE}, 4.3.2, roundTowardNegative; {_P3109}, 4.7.4, TowardNegative",
    "to_odd": f"{_P3109}, 4.7.4, ToOdd",
    "stochastic_equal": "numformats' own; either neighbour with probability 1/2",
}
SATURATION_SOURCES: Final[dict[SaturationMode, str]] = {
    "none": f"{_IEEE}, 7.4; {_P3109}, 4.7.5, SatNone",
    "finite": f"{_P3109}, 4.7.5, SatFinite",
    "propagate": f"{_P3109}, 4.7.5, SatPropagate",
    "wrap": "two's complement, which keeps the low bits; no standard of floating point",
}
_EXACT_SOURCE: Final = f"{_IEEE}, 4.3; {_P3109}, 4.7.4"
_NAN_SOURCE: Final = f"{_IEEE}, 6.2; {_P3109}, 4.7.3"
_INFINITY_SOURCE: Final = f"{_IEEE}, 6.1; {_P3109}, 4.7.3"
_OWN: Final = "numformats' own"
_OWN_GAP: Final = "numformats' own; no standard says what lies below a bare scale"


def decisions_of(given: Extended, trace: Trace) -> tuple[Decision, ...]:
    """What decided on the way of a number, step by step.

    given: the number, which is not that of the trace where NaN became another.
    """
    first = _first(given, trace)
    beyond = _saturation(trace)
    return (first,) if beyond is None else (first, beyond)


def _first(given: Extended, trace: Trace) -> Decision:
    system, x = trace.system, trace.value
    if isinstance(given, float) and math.isnan(given):
        if isinstance(x, Fraction):
            what = "the largest value" if trace.modes.nan == "max" else "zero"
            sentence = f"{system.name} has no NaN, and nan={trace.modes.nan!r} makes it {what}."
            return Decision("operand", "no NaN", sentence, _OWN)
        return Decision("operand", "NaN", f"NaN is the NaN of {system.name}.", _NAN_SOURCE)
    if isinstance(x, float):
        sentence = f"{short(x)} needs no rounding."
        return Decision("operand", "infinity", _capital(sentence), _INFINITY_SOURCE)
    near = trace.neighbours
    assert near is not None
    if not near.are_one:
        return _rounding(x, near, trace)
    if near.inward == x:
        if x == 0 and not system.has_zero:
            sentence = f"{system.name} has no zero, and zero is not rounded."
            return Decision("rounding", "no zero", sentence, _EXACT_SOURCE)
        is_within = system.lowest <= x <= system.highest
        which = "A value of the format" if is_within else "A value, if the range had no end"
        return Decision("rounding", "exact", f"{which}: nothing to round.", _EXACT_SOURCE)
    return _end(x, near, system)


def _end(x: Fraction, near: Neighbours, system: NumberSystem) -> Decision:
    """What is beyond the last step of what is no lattice."""
    last, source = near.inward, system.nearest_rule.ends or _OWN
    if not system.lowest <= last <= system.highest:
        sentence = f"Beyond {short(last)}, in whose place infinity stands."
        return Decision("rounding", "end", sentence, source)
    side = "above the largest" if x > last else "below the smallest"
    sentence = f"{_capital(side)} value {short(last)}, the nearest there is, in every mode."
    return Decision("rounding", "end", sentence, source)


# Rounding


def _rounding(x: Fraction, near: Neighbours, trace: Trace) -> Decision:
    mode = trace.modes.rounding
    if isinstance(mode, Stochastic):
        return _stochastic(x, near, mode, trace.random_bits or 0)
    if mode == "stochastic_equal":
        side = "away from zero" if trace.random_bits else "toward zero"
        sentence = f"The random bit is {trace.random_bits}: {side}, {_to(trace.rounded, near)}."
        return Decision("rounding", "random", sentence, ROUNDING_SOURCES[mode])
    if mode in NEAREST:
        return _nearest(x, near, trace)
    if mode == "to_odd":
        return _to_odd(near, trace)
    direction = mode.replace("_", " ").replace("positive", "+infinity")
    direction = direction.replace("negative", "-infinity")
    sentence = f"{_capital(direction)}, however near the other is: {_to(trace.rounded, near)}."
    return Decision("rounding", direction, sentence, ROUNDING_SOURCES[mode])


def _nearest(x: Fraction, near: Neighbours, trace: Trace) -> Decision:
    mode, rule = trace.modes.rounding, trace.system.nearest_rule
    boundary = near.boundary
    assert boundary is not None
    source = ROUNDING_SOURCES[str(mode)]
    source = f"{rule.source}; {source}" if rule.source else source
    where = f"the boundary {_number(boundary)}, {rule.boundary}"
    if x == boundary:
        sentence = f"Exactly at {where}: a tie. {_tie(near, mode, trace.rounded)}"
        return Decision("rounding", "tie", sentence, source)
    side = "above" if x > boundary else "below"
    is_middle = boundary == (near.inward + near.outward) / 2
    how = "nearer to" if is_middle else "on the side of"
    sentence = f"{side} {where}: {how} {_to(trace.rounded, near, False)}."
    return Decision("rounding", "nearest", _capital(sentence), source)


def _tie(near: Neighbours, mode: RoundingMode, taken: Extended) -> str:
    if mode != "nearest_even":
        side = "away from zero" if mode == "nearest_away" else "toward zero"
        return f"Ties go {side}, {_to(taken, near)}."
    lattice = near.system.lattice
    if lattice is not None and near.system.even_ties == "significand":
        if lattice.significand_is_odd(near.inward_step) and lattice.significand_is_odd(
            near.outward_step
        ):
            return f"No significand is even, so it goes away from zero, {_to(taken, near)}."
        return f"Ties go to the even significand, {_to(taken, near)}."
    odd = near.system.is_odd(near.inward_step), near.system.is_odd(near.outward_step)
    if odd[0] == odd[1]:
        both = "odd" if odd[0] else "even"
        return f"Both codes are {both}, so it goes toward zero, {_to(taken, near)}."
    return f"Ties go to the even code, {_to(taken, near)}."


def _to_odd(near: Neighbours, trace: Trace) -> Decision:
    system = near.system
    inward_is_odd, outward_is_odd = (
        system.is_odd(near.inward_step),
        system.is_odd(near.outward_step),
    )
    if inward_is_odd == outward_is_odd:
        both = "odd" if inward_is_odd else "even"
        sentence = f"Both codes are {both}, so it goes toward zero, {_to(trace.rounded, near)}."
    else:
        sentence = f"No value, so the odd code, {_to(trace.rounded, near)}."
    return Decision("rounding", "odd", sentence, ROUNDING_SOURCES["to_odd"])


def _stochastic(x: Fraction, near: Neighbours, mode: Stochastic, draw: int) -> Decision:
    """The sum that is compared, as in the column RoundAway of P3109 4.7.4."""
    nu, bits = near.part(x), mode.bits
    units = {
        "A": math.floor(nu * 2**bits),
        "B": math.floor(nu * 2 ** (bits + 1)),
        "C": round(nu * 2**bits),
    }[mode.variant]
    name = {"A": "floor", "B": "floor", "C": "round to even"}[mode.variant]
    power = bits + (mode.variant == "B")
    own = 2 * draw + 1 if mode.variant == "B" else draw
    added = "2 R + 1" if mode.variant == "B" else "R"
    total, whole = units + own, 2**power
    verdict = (
        f"reaches 2**{power} = {whole}: away from zero"
        if total >= whole
        else f"is below 2**{power} = {whole}: toward zero"
    )
    chosen = near.outward if total >= whole else near.inward
    sentence = (
        f"With nu = {short(nu)} of the way from the neighbour nearer to zero and R = {draw}, "
        f"{name}(nu 2**{power}) + {added} = {units} + {own} = {total} {verdict}, "
        f"{_to(chosen, near)}."
    )
    source = f"{_P3109}, 4.7.4, Stochastic{mode.variant} with N = {bits}"
    return Decision("rounding", f"stochastic {mode.variant}", sentence, source)


def _to(value: Extended, near: Neighbours, with_to: bool = True) -> str:
    """The neighbour that was taken, in words."""
    upper = max(near.inward, near.outward)
    side = "upper" if value == upper else "lower"
    return f"{'to ' if with_to else ''}the {side} neighbour {short(value)}"


def _number(boundary: Fraction | Irrational) -> str:
    if isinstance(boundary, Irrational):
        return f"about {float(boundary):.9g}"
    return short(boundary)


# Saturation


def _saturation(trace: Trace) -> Decision | None:
    """What saturation decided, if there was anything to decide."""
    system, z, result = trace.system, trace.rounded, trace.result
    if (isinstance(z, float) and math.isnan(z)) or system.lowest <= z <= system.highest:
        return None
    mode = trace.modes.saturation
    source = SATURATION_SOURCES[mode]
    if mode == "none" and system.nearest_rule.ends is not None:
        source = f"{system.nearest_rule.ends}; {source}"
    if mode == "wrap":
        steps = 2**system.bits * system.quantum
        sentence = (
            f"{short(z)} is out of range, and its low {system.bits} bits are those of "
            f"{short(result)}: a multiple of {short(steps)} away."
        )
        return Decision("saturation", "wrap", sentence, source)
    if 0 < z < system.lowest:
        sentence = f"Below the smallest value there is no zero: {short(result)}."
        return Decision("saturation", "smallest", sentence, _OWN_GAP)
    if z == result:
        sentence = f"Saturation `{mode}` keeps what was an infinity before."
        return Decision("saturation", "keep", sentence, source)
    end, word = (
        (system.highest, "above the largest")
        if z > system.highest
        else (system.lowest, "below the smallest")
    )
    where = f"{_what(z, trace)} is {word} value {short(end)}."
    rule, verdict = _verdict(trace, end, system)
    return Decision("saturation", rule, f"{_capital(where)} {verdict}", source)


def _what(z: Extended, trace: Trace) -> str:
    if z == trace.value:
        return short(z)
    return f"rounded as if there were no end, it is {short(z)}, which"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _verdict(trace: Trace, end: Fraction, system: NumberSystem) -> tuple[str, str]:
    """The rule and what it says of a number beyond an end."""
    mode, result = trace.modes.saturation, trace.result
    becomes = f"it becomes {short(result)}"
    if mode == "finite":
        return "saturate", f"Saturation `finite`: {becomes}."
    if mode == "propagate":
        why = "it was finite" if isinstance(trace.value, Fraction) else "there is no infinity"
        return "saturate", f"Saturation `propagate`, and {why}: {becomes}."
    if result != end:
        if end == system.lowest and not system.signed:
            return "no sign", f"There are no negative values, and {becomes}."
        return "overflow", f"Saturation `none`: what overflows is {short(result)} in this format."
    if isinstance(trace.rounded, Fraction) and _stays_inside(trace, system):
        name = str(trace.modes.rounding)
        return "stay inside", f"Mode `{name}` does not go beyond the end: {becomes}."
    return "saturate", f"Saturation `none`: the format has nothing beyond, and {becomes}."


def _stays_inside(trace: Trace, system: NumberSystem) -> bool:
    """Whether the mode, and not the format, keeps a number from overflowing."""
    mode, is_above = trace.modes.rounding, trace.rounded > system.highest
    directed = "toward_negative" if is_above else "toward_positive"
    # Below an unsigned range, NaN is what there is beyond.
    has_beyond = system.overflow != "max" if is_above or system.signed else system.has_nan
    return has_beyond and mode in ("toward_zero", directed, "to_odd")
