"""HiFloat8: a sign, a prefix code that says how wide the exponent is, an exponent, a mantissa.

Source: Luo et al., "Ascend HiFloat8 format for deep learning", 2024 (arXiv:2409.16626), section 2;
the NumPy dtype of the package en-dtypes has the same values and codes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import ClassVar, Final

from numformats.formats.reading import Reading, fields, number, portion, sign_field
from numformats.formats.staircase import StaircaseFormat
from numformats.reals import Extended, power_of_two
from numformats.system import NearestRule, Overflow

_SIGN_BIT: Final = 0x80
_NAN: Final = 0x80
_INFINITY: Final = 0x6F
# The dot field: how wide it is, and how wide the exponent that it stands for. No code begins
# another. Four zeros stand for subnormal numbers.
_DOTS: Final[Mapping[str, int]] = MappingProxyType({"11": 4, "10": 3, "01": 2, "001": 1, "0001": 0})


@dataclass(frozen=True, repr=False)
class HiFloat8(StaircaseFormat):
    """HiFloat8, whose precision falls from 4 bits about 1 to 2 bits far from it.

    Exponents from -3 to 3 have 3 bits of mantissa, those to -7 and 7 two, those to -15 and 15 one;
    the subnormals are the powers of two from 2**-22 to 2**-16. Zero has one code, and so has NaN.

    Its largest value is 2**15; infinity has the code of 1.5 * 2**15, in whose place it stands:
    rounded to nearest, numbers from 1.25 * 2**15 on overflow.

    Its authors round to nearest with ties away from zero, which is ``nearest_away`` here; the
    default of `encode` is ``nearest_even``, as for every format: ties go to the even code then, and
    1.25 * 2**15 itself to 2**15.

    >>> import numformats as nf
    >>> x = [1.0625, 2.0**15, 1.25 * 2.0**15, 1e9, 2.0**-23]
    >>> nf.hifloat8.round(x).tolist()
    [1.0, 32768.0, 32768.0, inf, 0.0]
    >>> nf.hifloat8.round(x, "nearest_away").tolist()
    [1.125, 32768.0, inf, inf, 2.384185791015625e-07]
    """

    name: str = "hifloat8"
    dtype_name: str | None = None
    overflow: Overflow = "infinity"

    nearest_rule: ClassVar[NearestRule] = NearestRule(
        "in the middle of the two",
        "Luo et al., 2024, arXiv:2409.16626, section 2",
        "Luo et al., 2024, arXiv:2409.16626, section 2",
    )
    bits: ClassVar[int] = 8
    value_beyond: ClassVar[Fraction | None] = Fraction(3 * 2**14)
    has_subnormals: ClassVar[bool] = True

    def value(self, code: int) -> Extended:
        """The value of a code. Section 2.2 and table 2."""
        if code == _NAN:
            return math.nan
        sign = -1 if code & _SIGN_BIT else 1
        if code & ~_SIGN_BIT == _INFINITY:
            return sign * math.inf
        return sign * _magnitude(code & ~_SIGN_BIT)

    def _read(self, code: int) -> Reading:
        sign, text = f"{code:08b}"[0], f"{code:08b}"[1:]
        dot, exponent, mantissa = _fields(text)
        value = self.value(code)
        if not dot:
            about, formula = "no exponent: subnormal", f"2**({number(mantissa)} - 23)"
        else:
            about = f"an exponent of {_DOTS[dot]} bits"
            formula = f"(1 + {portion(mantissa)}) * 2**{_exponent(exponent)}"
        if not math.isfinite(value) or value == 0:
            formula = {"nan": "NaN", "inf": "infinity", "-inf": "infinity"}.get(str(value), "0")
            about += f"; the code of {formula}"
        return Reading(
            fields(
                sign_field(sign),
                ("dot", dot or text[:4], about),
                ("exponent", exponent, f"{_exponent(exponent)}: a sign, then 1 and these bits"),
                ("mantissa", mantissa, f"M = {number(mantissa)}"),
            ),
            f"-{formula}" if value < 0 else formula,
        )

    @property
    def smallest_normal_exact(self) -> Fraction:
        """2**-15, the smallest value with a mantissa."""
        return power_of_two(-15)

    @property
    def spacing_at_one(self) -> Fraction:
        """The distance from 1 to the next larger value."""
        return power_of_two(-3)


def _magnitude(code: int) -> Fraction:
    """The value of seven bits: a dot field, an exponent and a mantissa."""
    dot, exponent, mantissa = _fields(f"{code:07b}")
    if not dot:
        return power_of_two(code - 23) if code else Fraction(0)
    return (1 + Fraction(int(mantissa, 2), 2 ** len(mantissa))) * power_of_two(_exponent(exponent))


def _fields(text: str) -> tuple[str, str, str]:
    """The dot field of seven bits, the exponent and the mantissa; subnormal numbers, whose dot
    field of four zeros stands for none of `_DOTS`, have an empty one here.
    """
    dot = next((dot for dot in _DOTS if text.startswith(dot)), "")
    if not dot:
        return "", "", text[4:]
    return dot, text[len(dot) :][: _DOTS[dot]], text[len(dot) + _DOTS[dot] :]


def _exponent(field: str) -> int:
    """A sign and a magnitude, whose highest bit is hidden, since it is always 1."""
    if not field:
        return 0
    magnitude = int("1" + field[1:], 2)
    return -magnitude if field[0] == "1" else magnitude


hifloat8: Final = HiFloat8()

FORMATS: Final = (hifloat8,)
ALIASES: Final = {"hif8": hifloat8}
