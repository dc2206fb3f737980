"""What the bits of a code say: a code cut into its fields, and the formula of its value."""

from __future__ import annotations

from typing import NamedTuple


class Field(NamedTuple):
    """Some bits of a code, which stand side by side.

    name: what they are called in the format's source; bits: they themselves, the highest first;
    meaning: what they say in this code.
    """

    name: str
    bits: str
    meaning: str


class Reading(NamedTuple):
    """A code, field by field from the highest bit on, and how its value comes of them.

    formula: in the notation of Python, with all numbers exact, such as ``(1 + 5/8) * 2**(3 - 7)``;
    ``NaN``, ``infinity`` and ``-infinity`` for what is no number.
    """

    fields: tuple[Field, ...]
    formula: str


def cut(code: int, *widths: int) -> list[str]:
    """The bits of a code in pieces of these widths, the highest first; the last may be short of
    bits, where a code has not that many.

    >>> cut(0b0_0011_101, 1, 4, 3)
    ['0', '0011', '101']
    """
    text = f"{code:0{sum(widths)}b}"
    ends = [sum(widths[: i + 1]) for i in range(len(widths))]
    return [text[end - width : end] for end, width in zip(ends, widths, strict=True)]


def number(bits: str) -> int:
    """The unsigned integer of some bits; 0 of none."""
    return int(bits, 2) if bits else 0


def portion(bits: str) -> str:
    """Bits after the point, as a fraction.

    >>> portion("101"), portion("")
    ('5/8', '0')
    """
    return f"{number(bits)}/{2 ** len(bits)}" if number(bits) else "0"


def fields(*parts: tuple[str, str, str]) -> tuple[Field, ...]:
    """Fields of names, bits and meanings, without those that have no bits."""
    return tuple(Field(*part) for part in parts if part[1])


def sign_field(bits: str) -> tuple[str, str, str]:
    """The sign of a sign and a magnitude."""
    return ("sign", bits, "negative" if bits == "1" else "positive")


def minus(subtrahend: int) -> str:
    """What is to be written for the subtraction of an integer of either sign.

    >>> minus(7), minus(-7)
    ('- 7', '+ 7')
    """
    return f"- {subtrahend}" if subtrahend >= 0 else f"+ {-subtrahend}"
