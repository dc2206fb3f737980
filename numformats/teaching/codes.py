"""`explain_code`: what a code stands for, and which numbers become it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from numformats.exact.classes import classify
from numformats.exact.projection import encoded, require_code
from numformats.formats.format import Format
from numformats.formats.reading import Reading
from numformats.irrational import Irrational
from numformats.reals import Extended
from numformats.teaching import html, text
from numformats.teaching.explaining import neighbour_of
from numformats.teaching.layout import Line, Span, cells, headed, labelled, plain, prose
from numformats.teaching.numbers import hexadecimal, is_finite, short
from numformats.teaching.records import Neighbour


@dataclass(frozen=True, repr=False)
class CodeExplanation:
    """What a code of a format stands for. It prints as text, and shows itself in a notebook.

    Attributes
    ----------
    format : Format
        The format.
    code : int
        The code.
    value : Fraction or float
        Its value: the floats inf, -inf, nan and -0.0, where it is one of these.
    reading : Reading
        Its fields, and the formula of its value.
    kind : str
        Its class, as `numformats.exact.classify` has it.
    written_as : int or None
        The code that is written for the value: another one where several codes have it; None if
        none is (the lowest code of a narrow range of integers).
    lower, upper : Neighbour or None
        The next smaller and the next larger value; None where there is none.
    lowest_rounded_to_it, highest_rounded_to_it : Fraction, Irrational or None
        Between these all numbers become the code in the mode ``nearest_even`` without saturation;
        None where there is no end, or the value is not finite.

    Examples
    --------
    >>> import numformats as nf
    >>> about = nf.explain_code(0x1D, "e4m3fn")
    >>> about.value, about.kind, about.lowest_rounded_to_it, about.highest_rounded_to_it
    (Fraction(13, 128), 'positive_normal', Fraction(25, 256), Fraction(27, 256))
    """

    format: Format
    code: int
    value: Extended
    reading: Reading
    kind: str
    written_as: int | None
    lower: Neighbour | None
    upper: Neighbour | None
    lowest_rounded_to_it: Fraction | Irrational | None
    highest_rounded_to_it: Fraction | Irrational | None

    def __str__(self) -> str:
        return plain(lines_of_code(self))

    def __repr__(self) -> str:
        return f"<CodeExplanation {_headline(self)}>"

    def _repr_html_(self) -> str:
        return html.page_part(lines_of_code(self), _headline(self))

    def as_dict(self) -> dict[str, Any]:
        """The record for JSON: exact numbers as str, such as ``"13/128"``."""
        from numformats.teaching.plain_data import of_code

        return of_code(self)


def explain_format_code(code: int, fmt: Format) -> CodeExplanation:
    """What a code of a format stands for. See `explain_code`."""
    code = require_code(code, fmt)
    value = fmt.value(code)
    lower = upper = None
    ends: tuple[Fraction | Irrational | None, ...] = (None, None)
    written: int | None = code
    if is_finite(value) and not fmt.lowest <= value <= fmt.highest:
        written = None
    elif is_finite(value):
        step = fmt.step_of(Fraction(value))
        lower, upper = (_beside(fmt, step, towards) for towards in (-1, 1))
        ends = _end(fmt, step, -1), _end(fmt, step, 1)
        is_negative_zero = isinstance(value, float)
        written = encoded(Fraction(value), is_negative_zero, fmt)
    return CodeExplanation(
        format=fmt,
        code=code,
        value=value,
        reading=fmt.reading(code),
        kind=classify(code, fmt, rules="ieee"),
        written_as=written,
        lower=lower,
        upper=upper,
        lowest_rounded_to_it=ends[0],
        highest_rounded_to_it=ends[1],
    )


def _beside(fmt: Format, step: int, towards: int) -> Neighbour | None:
    beside = fmt.step_beside(step, towards)
    if not fmt.lowest_step <= beside <= fmt.highest_step:
        return None
    return neighbour_of(fmt, fmt.value_of_step(beside), beside, towards > 0)


def _end(fmt: Format, step: int, towards: int) -> Fraction | Irrational | None:
    """Up to where numbers become the value of a step."""
    beside = fmt.step_beside(step, towards)
    is_within = fmt.lowest_step <= beside <= fmt.highest_step
    if fmt.lattice is None:
        goes_on = is_within or fmt.rounds_beyond
        return fmt.boundary(min(step, beside)) if goes_on else None
    if not is_within and towards < 0 and not fmt.has_zero:
        return Fraction(0)
    # Below an unsigned range there is NaN, or the range goes on.
    is_open = fmt.overflow == "max" if towards > 0 or fmt.signed else not fmt.has_nan
    if not is_within and is_open:
        return None
    return (fmt.value_of_step(step) + fmt.value_of_step(beside)) / 2


def _headline(about: CodeExplanation) -> str:
    code = hexadecimal(about.code, about.format.bits)
    return f"{code} in {about.format.name}: {short(about.value)}"


def lines_of_code(about: CodeExplanation) -> list[Line]:
    """All lines on a code."""
    return [
        *headed(_headline(about)),
        (),
        *labelled("code", text.code_lines(about.reading, about.code, about.format.bits)),
        *labelled("value", text.value_lines(about.reading, about.value)),
        *labelled("class", prose(about.kind.replace("_", " "))),
        *labelled("written", _written_lines(about)),
        *labelled("beside", _beside_lines(about)),
        *labelled("rounded", _interval_lines(about)),
    ]


def _written_lines(about: CodeExplanation) -> list[Line]:
    if about.written_as == about.code:
        return []
    if about.written_as is None:
        return prose("never: the range is symmetric")
    written = hexadecimal(about.written_as, about.format.bits)
    return prose(f"as {written}, which has the same value")


def _beside_lines(about: CodeExplanation) -> list[Line]:
    rows = [
        [hexadecimal(one.code, about.format.bits), short(one.value), where]
        for one, where in ((about.lower, "below"), (about.upper, "above"))
        if one is not None and one.code is not None
    ]
    return [(Span(row),) for row in cells(rows)] if rows else []


def _interval_lines(about: CodeExplanation) -> list[Line]:
    if not is_finite(about.value) or about.written_as is None:
        return []
    low, high = about.lowest_rounded_to_it, about.highest_rounded_to_it
    from_, to = (_bound(end) for end in (low, high))
    between = (
        f"numbers from {from_} to {to}"
        if low is not None and high is not None
        else (
            f"numbers from {from_} on"
            if low is not None
            else f"numbers up to {to}"
            if high is not None
            else "all numbers"
        )
    )
    return prose(f"{between} become it, to nearest")


def _bound(end: Fraction | Irrational | None) -> str:
    if end is None:
        return ""
    return short(end) if isinstance(end, Fraction) else f"about {float(end):.9g}"
