"""How a code of a floating-point format is read: sign, exponent, trailing significand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from numformats.formats.reading import Reading, cut, fields, minus, number, portion, sign_field

if TYPE_CHECKING:
    from numformats.formats.floating import FloatFormat


def read_float(fmt: FloatFormat, code: int) -> Reading:
    """The fields of a code, by IEEE 754-2019 3.4 and IEEE P3109 4.7.2."""
    widths = int(fmt.signed), fmt.exponent_bits, fmt.mantissa_bits
    sign, exponent, trailing = cut(code, *widths)
    about_exponent, about_trailing, formula = _meanings(fmt, code, exponent, trailing)
    negative = sign == "1" and formula != "NaN"
    return Reading(
        fields(
            sign_field(sign),
            ("exponent", exponent, about_exponent),
            ("trailing significand", trailing, about_trailing),
        ),
        f"-{formula}" if negative else formula,
    )


def _meanings(fmt: FloatFormat, code: int, exponent: str, trailing: str) -> tuple[str, str, str]:
    """What exponent and trailing significand say, and the formula of the magnitude."""
    field, magnitude = number(exponent), fmt.value(code & fmt.top_code)
    tail = f"T = {number(trailing)}"
    if fmt.is_nan_code(code):
        where = {
            "ieee": "all ones, with T != 0: NaN",
            "top": "the last magnitude: NaN",
            "negative_zero": "the code that would be -0: NaN",
        }[fmt.nan]
        return f"E = {field}, {where}", tail, "NaN"
    if isinstance(magnitude, float) and math.isinf(magnitude):
        where = "all ones, with T = 0" if fmt.nan == "ieee" else "the last but NaN"
        return f"E = {field}, {where}: infinity", tail, "infinity"
    if magnitude == 0:
        why = "flushed to zero" if number(trailing) else "zero"
        return f"E = {field}: {why}", tail, "0"
    if field == 0 and fmt.has_subnormals:
        power = f"2**(1 {minus(fmt.bias)})"
        about = f"E = 0, subnormal: no hidden 1, {power}"
        return about, f"{tail}: 0 + {portion(trailing)}", f"(0 + {portion(trailing)}) * {power}"
    power = f"2**({field} {minus(fmt.bias)})"
    if not trailing:
        return f"E = {field}: {power}", tail, power
    significand = f"1 + {portion(trailing)}"
    return f"E = {field}: {power}", f"{tail}: {significand}", f"({significand}) * {power}"
