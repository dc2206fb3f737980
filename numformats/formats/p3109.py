"""The formats of IEEE P3109 (interim report v4.0, June 2026): one rule, 504 formats.

Their names say all: binary{K}p{P}{s|u}{e|f} is K bits wide with precision P, signed or unsigned,
extended (with infinity) or finite. Since the names are made by rule, so are the formats, on demand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from numformats.checks import require_bool, require_int
from numformats.formats.floating import FloatFormat

MIN_WIDTH, MAX_WIDTH = 3, 16

_NAME = r"binary([1-9][0-9]*)p([1-9][0-9]*)([su])([ef])"


def p3109(bits: int, precision: int, *, signed: bool, extended: bool) -> FloatFormat:
    """The P3109 format of `bits` (K, 3 to 16) and `precision` (P).

    P is 1 to K - 1 if signed, 1 to K if not; an `extended` format has infinity. TypeError or
    ValueError for anything else. Source: IEEE P3109 interim report v4.0, clauses 3.1 and 4.7.2.

    >>> import numformats as nf
    >>> f = nf.p3109(8, 4, signed=True, extended=True)
    >>> f.name, f.max, f.bias
    ('binary8p4se', 224.0, 8)
    """
    require_int("bits", bits, MIN_WIDTH, MAX_WIDTH, "the widths that numformats has of P3109")
    require_bool("signed", signed)
    require_bool("extended", extended)
    require_int(
        "precision",
        precision,
        1,
        bits - signed,
        f"P3109 needs 0 < P {'<' if signed else '<='} K, and K is {bits}",
    )
    exponent_bits = bits - signed - (precision - 1)
    return FloatFormat(
        f"binary{bits}p{precision}{'s' if signed else 'u'}{'e' if extended else 'f'}",
        exponent_bits,
        precision - 1,
        # 2**(K-P-1) if signed, 2**(K-P) if unsigned: both are this.
        bias=2 ** (exponent_bits - 1),
        signed=signed,
        has_inf=extended,
        nan="negative_zero" if signed else "top",
        overflow="infinity" if extended else "max",
        arithmetic="p3109",
    )


def from_name(name: str) -> FloatFormat | None:
    """The format of a P3109 name, or None if the name is not of that form.

    ValueError if it is, but its numbers are not allowed.
    """
    match = re.fullmatch(_NAME, name)
    if match is None:
        return None
    bits, precision, sign, domain = match.groups()
    return p3109(int(bits), int(precision), signed=sign == "s", extended=domain == "e")


def names(max_width: int = MAX_WIDTH) -> Iterator[str]:
    """The names of the whole family up to a width, narrowest first."""
    for bits in range(MIN_WIDTH, max_width + 1):
        for sign, widest in (("s", bits - 1), ("u", bits)):
            for precision in range(1, widest + 1):
                yield from (f"binary{bits}p{precision}{sign}{domain}" for domain in "ef")
