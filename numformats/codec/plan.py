"""A plan: everything about a projection that does not depend on the value projected.

What happens at the ends of a format (overflow, infinity, NaN, zero) depends on the modes and the
sign alone. A plan asks `numformats.exact` once and keeps the codes, so that this is written once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TypeAlias

from numformats import exact
from numformats.formats.base import Format
from numformats.formats.floating import FloatFormat
from numformats.formats.integers import TwosComplement
from numformats.formats.tables import TableFormat
from numformats.rounding import NanPolicy, RoundingMode, SaturationMode, random_bit_count


@dataclass(frozen=True)
class BySign:
    """The same thing for positive and for negative numbers."""

    positive: int
    negative: int


@dataclass(frozen=True)
class Lattice:
    """Where the values of a format lie, if it had no upper end.

    Between powers of two 2**e and 2**(e+1) they are multiples of the quantum 2**Q, with
    Q = e - trailing_bits, but not below `lowest_quantum`. The truncated magnitude code of x is then
    (Q - lowest_quantum) * 2**trailing_bits + floor(|x| / 2**Q).
    """

    trailing_bits: int
    # Log2 of the quantum of the subnormals; of all values, in fixed point.
    lowest_quantum: int
    # Whether the quantum grows with the number (floating point) or not (fixed point).
    floating: bool
    # Whether Q stops at lowest_quantum, or goes on below (a format without subnormals).
    gradual: bool
    # Without subnormals but with zero, the smallest value in units of 2**(lowest_quantum - 1);
    # else 0.
    gap: int


# Plans are compared by identity: `make_plan` gives the same one for the same arguments, and what is
# kept for a plan is then found without hashing all that it holds.
@dataclass(frozen=True, eq=False)
class EncodePlan:
    """The parameters of encoding into a format made of a sign and a lattice."""

    lattice: Lattice
    rounding: RoundingMode
    bits: int
    # Whether an even tie asks for the parity of the significand, not of the code.
    ties_by_significand: bool
    twos_complement: bool
    wrap: bool
    # The largest magnitude code in range. What rounds to more gets the code of `overflow`.
    largest: BySign
    overflow: BySign
    infinity: BySign
    nan: BySign
    zero: BySign
    # The code that is set, or not, for what rounds to zero from below.
    negative_zero: int


@dataclass(frozen=True, eq=False)
class TablePlan:
    """The parameters of encoding into a codebook: its distinct values in ascending order."""

    rounding: RoundingMode
    values: tuple[float, ...]
    codes: tuple[int, ...]
    nan: int


Plan: TypeAlias = EncodePlan | TablePlan


@lru_cache(maxsize=512)
def make_plan(
    fmt: Format, rounding: RoundingMode, saturation: SaturationMode, nan: NanPolicy
) -> Plan:
    """The plan of a projection. ValueError where the modes do not fit the format."""
    # Any draw will do: the numbers asked about below are exact, and so need no rounding.
    draw = 0 if random_bit_count(rounding) else None

    def code(value: Fraction | float) -> int:
        return exact.project(value, fmt, rounding, saturation, nan=nan, random_bits=draw)

    nan_codes = BySign(0, 0)  # unused: NaN was refused on the way in
    if fmt.has_nan or nan != "raise":
        nan_codes = BySign(code(math.nan), code(-math.nan))
    zero_codes = BySign(code(0.0), code(-0.0))
    if isinstance(fmt, TableFormat):
        return _table_plan(fmt, rounding, nan_codes.positive)
    wrap = saturation == "wrap"
    beyond = _power_of_two_beyond(fmt)
    return EncodePlan(
        lattice=_lattice(fmt),
        rounding=rounding,
        bits=fmt.bits,
        ties_by_significand=isinstance(fmt, FloatFormat) and fmt.even_ties == "significand",
        twos_complement=isinstance(fmt, TwosComplement),
        wrap=wrap,
        largest=_largest(fmt),
        overflow=BySign(code(beyond), code(-beyond)),
        # Infinity does not wrap: it was refused on the way in.
        infinity=BySign(0, 0) if wrap else BySign(code(math.inf), code(-math.inf)),
        nan=nan_codes,
        zero=zero_codes,
        negative_zero=1 << (fmt.bits - 1) if fmt.has_negative_zero else 0,
    )


def _table_plan(fmt: TableFormat, rounding: RoundingMode, nan: int) -> TablePlan:
    values = sorted(set(fmt.table))
    codes = tuple(fmt.table.index(value) for value in values)
    return TablePlan(rounding, tuple(values), codes, nan)


def _power_of_two_beyond(fmt: Format) -> Fraction:
    """A number out of range on both sides that needs no rounding."""
    reach = max(abs(fmt.lowest), abs(fmt.highest))
    # One more than the bits of its integer part, and 1 at the least.
    return Fraction(2) ** max(math.floor(reach).bit_length() + 1, 1)


def _largest(fmt: Format) -> BySign:
    if isinstance(fmt, TwosComplement):
        return BySign(fmt.highest_integer, -fmt.lowest_integer)
    assert isinstance(fmt, FloatFormat)
    if fmt.signed:
        return BySign(fmt.max_code, fmt.max_code)
    # No negative number is in range; what rounds to zero is, if there is a zero.
    return BySign(fmt.max_code, 0 if fmt.has_zero else -1)


def _lattice(fmt: Format) -> Lattice:
    if isinstance(fmt, TwosComplement):
        return Lattice(0, -fmt.fraction_bits, floating=False, gradual=True, gap=0)
    assert isinstance(fmt, FloatFormat)
    has_gap = fmt.has_zero and not fmt.has_subnormals
    return Lattice(
        trailing_bits=fmt.mantissa_bits,
        lowest_quantum=fmt.emin - fmt.mantissa_bits,
        floating=True,
        gradual=fmt.has_subnormals,
        gap=2**fmt.mantissa_bits + 1 if has_gap else 0,
    )
