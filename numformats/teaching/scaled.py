"""One number of an array in a scaled format: how its scale was chosen, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from numformats.reals import Extended
from numformats.scaled.describing import granularity_text
from numformats.scaled.formats import ScaledFormat
from numformats.teaching import html, text
from numformats.teaching.explanation import Explanation
from numformats.teaching.layout import Line, equations, headed, labelled, plain, prose
from numformats.teaching.numbers import hexadecimal, short
from numformats.teaching.records import Error


@dataclass(frozen=True, repr=False)
class ScaledExplanation:
    """How one number of an array is stored as an element and a scale that others share.

    It prints as text, and shows itself in a notebook.

    Attributes
    ----------
    format : ScaledFormat
        The scaled format.
    index : tuple of int
        Where the number stands in the array.
    number : Fraction or float
        The number exactly.
    shared_with : int
        How many numbers of the array have the scale, itself included.
    largest : Fraction or None
        Their largest finite magnitude; None if there is none.
    target : Fraction or None
        How many scales that is to become, where the rule goes by it.
    rule : str
        The scale rule, by name.
    sentence : str
        How the scale was chosen.
    of_scale : Explanation or None
        How the quotient of `largest` and `target` became the scale as it is stored; None for rules
        that go by more than the largest magnitude, and where that is zero.
    tensor_scale : Fraction or None
        The scale of the scale, where there are two levels.
    scale : Fraction or float
        What the element is multiplied by, all levels together.
    of_element : Explanation or None
        How the quotient of the number and the scale became an element; None for a scale that is no
        number other than zero. In affine formats, before the zero point is added.
    zero_point : int or None
        The element that stands for zero, in affine formats.
    offset : Fraction or None
        What is added to the product of element and scale, where there is such a number.
    code : int
        The code of the element.
    value : Fraction or float
        What the two stand for.
    error : Error or None
        How far that is from the number; None if one of them is not finite.

    Examples
    --------
    >>> import numformats as nf
    >>> why = nf.explain([0.1, -0.5, 3.0, 24.0], "mxfp4", index=2)
    >>> why.scale, why.of_element.number, why.value
    (Fraction(4, 1), Fraction(3, 4), Fraction(4, 1))
    """

    format: ScaledFormat
    index: tuple[int, ...]
    number: Extended
    shared_with: int
    largest: Fraction | None
    target: Fraction | None
    rule: str
    sentence: str
    of_scale: Explanation | None
    tensor_scale: Fraction | None
    scale: Extended
    of_element: Explanation | None
    zero_point: int | None
    offset: Fraction | None
    code: int
    value: Extended
    error: Error | None

    def __str__(self) -> str:
        return plain(lines_of_scaled(self))

    def __repr__(self) -> str:
        return f"<ScaledExplanation {_headline(self)}>"

    def _repr_html_(self) -> str:
        return html.page_part(lines_of_scaled(self), _headline(self))

    def as_dict(self) -> dict[str, Any]:
        """The record for JSON: exact numbers as str, such as ``"13/128"``."""
        from numformats.teaching.plain_data import of_scaled

        return of_scaled(self)


def _headline(why: ScaledExplanation) -> str:
    code = hexadecimal(why.code, why.format.element.bits)
    place = ", ".join(map(str, why.index))
    at = f" at {place}" if place else ""
    stored = f"{short(why.value)} ({code}, scale {short(why.scale)})"
    return f"{short(why.number)}{at} in {why.format.name}: {stored}"


def lines_of_scaled(why: ScaledExplanation) -> list[Line]:
    """All lines: the scale, the element, the product."""
    share = "it alone" if why.shared_with == 1 else f"{why.shared_with} numbers"
    lines = [
        *headed(_headline(why)),
        (),
        *labelled("shared by", prose(f"{share}, a {granularity_text(why.format.granularity)}")),
        *labelled("scale", [*prose(why.sentence), *_scale_terms(why)]),
        *labelled("element", _element_terms(why)),
        *labelled("value", _value_terms(why)),
        *labelled("error", prose("not finite" if why.error is None else _error_text(why.error))),
    ]
    for title, part in (("The scale", why.of_scale), ("The element", why.of_element)):
        if part is not None:
            lines += [(), *headed(f"{title}: {text.headline(part)}"), (), *text.body_of(part)]
    return lines


def _scale_terms(why: ScaledExplanation) -> list[Line]:
    if why.of_scale is None:
        return []
    parts = [f"{why.of_scale.text} -> {short(why.of_scale.value)}"]
    if why.tensor_scale is not None:
        parts.append(f"times the tensor's {short(why.tensor_scale)}: {short(why.scale)}")
    return [line for part in parts for line in equations([part])]


def _element_terms(why: ScaledExplanation) -> list[Line]:
    if why.of_element is None:
        return prose("there is no quotient by such a scale")
    element = why.format.element.value(why.code)
    found = f"{why.of_element.text} = {short(why.of_element.number)} -> "
    found += short(why.of_element.value)
    if why.zero_point is not None:
        found += f", and with the zero point {why.zero_point} added: {short(element)}"
    return prose(found)


def _value_terms(why: ScaledExplanation) -> list[Line]:
    element = short(why.format.element.value(why.code))
    if why.zero_point is not None:
        element = f"({element} - {why.zero_point})"
    added = "" if why.offset is None else f" + ({short(why.offset)})"
    return equations([f"{element} * {short(why.scale)}{added}", short(why.value)])


def _error_text(error: Error) -> str:
    return text.error_text(Error(error.absolute, error.relative, None))
