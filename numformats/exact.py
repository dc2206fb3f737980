"""The meaning of every projection, written once, in exact arithmetic on integers and Fractions.

This is the oracle that all fast paths are tested against. It follows the equations of IEEE P3109
(interim report v4.0) and of IEEE 754-2019, clause by clause, and is meant to be checked by reading:

    project = read the number, round it to one of its two neighbours, saturate, encode

It depends on the format descriptions alone, and it is slow: for arrays use the codec.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntFlag
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from numformats.formats.base import Format, require_format
from numformats.formats.floating import FloatFormat
from numformats.formats.integers import TwosComplement
from numformats.formats.tables import TableFormat
from numformats.numbers import Extended, read_number
from numformats.rounding import (
    RoundingMode,
    SaturationMode,
    Stochastic,
    parse_nan,
    parse_rounding,
    parse_saturation,
    random_bit_count,
)

if TYPE_CHECKING:
    from numformats.numbers import Real

__all__ = ["Flags", "decode", "flags", "project"]

_HALF = Fraction(1, 2)


def project(
    value: Real,
    fmt: Format,
    rounding: str | Stochastic = "nearest_even",
    saturation: str = "none",
    *,
    nan: Literal["raise", "max", "zero"] = "raise",
    random_bits: int | None = None,
) -> int:
    """The code of a real number under a projection.

    Parameters
    ----------
    value : int, Fraction, Decimal, float, NumPy scalar or str
        A number of any size and precision; a str such as ``"0.1"``, ``"1/3"``, ``"0x1.8p-3"``,
        ``"-inf"``, ``"nan"`` is read exactly.
    fmt : Format
        The format to project onto.
    rounding, saturation, nan
        As for `numformats.codec.encode`.
    random_bits : int, optional
        R of P3109, 0 <= R < 2**N; needed by the stochastic modes and refused by the others.

    Returns
    -------
    int
        The code.

    Raises
    ------
    TypeError, ValueError
        For an unknown mode, a value that is not a real number, NaN into a format without NaN,
        infinity under ``wrap``, ``wrap`` on a format without two's complement, or random bits that
        are missing, not wanted or out of range.

    Notes
    -----
    Source: IEEE P3109 interim report v4.0, clauses 4.7.3 to 4.7.5 and 4.8; IEEE 754-2019, clauses
    4.3 and 7.4.

    Examples
    --------
    >>> import numformats as nf
    >>> nf.exact.project("0.1", nf.float8_e4m3fn)
    29
    >>> nf.exact.project(10**400, nf.float8_e4m3fn, saturation="finite")
    126
    """
    require_format(fmt)
    mode = parse_rounding(rounding)
    saturation_mode = parse_saturation(saturation)
    nan_policy = parse_nan(nan)
    if saturation_mode == "wrap" and not isinstance(fmt, TwosComplement):
        raise ValueError(f"saturation: 'wrap' is for integers and fixed point, not {fmt.name}")
    draw = _require_random_bits(mode, random_bits)
    x, negative = read_number(value)
    if isinstance(x, float) and math.isnan(x) and not fmt.has_nan:
        if nan_policy == "raise":
            raise ValueError(f"value: NaN, and {fmt.name} has no NaN; pass nan='max' or nan='zero'")
        x, negative = (fmt.highest if nan_policy == "max" else Fraction(0)), False
        mode = "nearest_even"  # of zero, in a table without it, whatever the mode
    if isinstance(x, Fraction):
        x = _round(x, fmt, mode, draw)
    if not (isinstance(x, float) and math.isnan(x)):
        x = _saturate(x, fmt, mode, saturation_mode)
    return _encode(x, negative, fmt)


def decode(code: int, fmt: Format) -> Extended:
    """The value of a code: a Fraction, or the float inf, -inf, nan, or -0.0 for negative zero.

    TypeError for a code that is not an int, ValueError for one that is not in 0 to 2**bits - 1.
    Source: IEEE P3109 interim report v4.0, clause 4.7.2; IEEE 754-2019, clause 3.4.

    >>> import numformats as nf
    >>> nf.exact.decode(0x1D, nf.float8_e4m3fn)
    Fraction(13, 128)
    """
    require_format(fmt)
    if not hasattr(code, "__index__") or isinstance(code, bool):
        raise TypeError(f"code: expected an int, got {type(code).__name__} {code!r}")
    code = code.__index__()
    if not 0 <= code < 2**fmt.bits:
        raise ValueError(f"code: {code} is outside 0 to {2**fmt.bits - 1} of {fmt.name}")
    if isinstance(fmt, FloatFormat):
        return _decode_float(code, fmt)
    if isinstance(fmt, TwosComplement):
        negative = fmt.signed and code >= 2 ** (fmt.bits - 1)
        return (code - (2**fmt.bits if negative else 0)) * fmt.quantum
    assert isinstance(fmt, TableFormat)
    return Fraction(fmt.table[code])


def _decode_float(code: int, fmt: FloatFormat) -> Extended:
    if fmt.is_nan_code(code):
        return math.nan
    negative, magnitude_code = bool(code & fmt.sign_bit), code & fmt.top_code
    if magnitude_code == fmt.inf_code:
        return -math.inf if negative else math.inf
    magnitude = fmt.magnitude(magnitude_code)
    if negative and magnitude == 0:
        return -0.0
    return -magnitude if negative else magnitude


class Flags(IntFlag):
    """The exceptions of IEEE 754-2019, clause 7, with the bits that Berkeley TestFloat gives them.

    >>> Flags.OVERFLOW | Flags.INEXACT
    <Flags.INEXACT|OVERFLOW: 5>
    """

    INEXACT = 1
    UNDERFLOW = 2
    OVERFLOW = 4
    INVALID = 16


def flags(
    value: Real,
    fmt: Format,
    rounding: str | Stochastic = "nearest_even",
    saturation: str = "none",
    *,
    tininess: Literal["after", "before"] = "after",
    random_bits: int | None = None,
) -> Flags:
    """The exceptions that a projection signals, whatever the format can store of its result.

    inexact: the result is not the number. overflow: rounded as if exponents had no upper end, it
    lies beyond the largest value; so does infinity where the result is finite or NaN. underflow:
    inexact, and below the smallest normal value, after rounding as if exponents had no lower end,
    or before. invalid: beyond an integer or fixed-point format (except under ``wrap``), or negative
    in a float without sign. NaN signals nothing here; that a signaling NaN is invalid shows in its
    bits alone.

    Raises TypeError and ValueError as `project`. Source: IEEE 754-2019, clauses 7.2, 7.4 to 7.6.

    >>> import numformats as nf
    >>> nf.exact.flags(465, nf.float8_e4m3fn)
    <Flags.INEXACT|OVERFLOW: 5>
    >>> nf.exact.flags("0.001", nf.float8_e4m3fn)
    <Flags.INEXACT|UNDERFLOW: 3>
    """
    if tininess not in ("after", "before"):
        raise ValueError(f"tininess: {tininess!r}; expected 'after' or 'before'")
    x, _ = read_number(value)
    if isinstance(x, float) and math.isnan(x):
        return Flags(0)
    result = decode(project(value, fmt, rounding, saturation, random_bits=random_bits), fmt)
    inexact = Flags(0) if result == x else Flags.INEXACT
    mode = parse_rounding(rounding)
    draw = _require_random_bits(mode, random_bits)
    unlimited = _round(x, fmt, mode, draw) if isinstance(x, Fraction) else x
    if isinstance(fmt, TwosComplement):
        is_outside = not fmt.lowest <= unlimited <= fmt.highest and saturation != "wrap"
        return Flags.INVALID if is_outside else inexact
    if isinstance(fmt, FloatFormat) and not fmt.signed and unlimited < 0:
        return Flags.INVALID
    if inexact and (unlimited > fmt.highest or unlimited < min(fmt.lowest, Fraction(0))):
        return Flags.OVERFLOW | inexact
    is_tiny = isinstance(fmt, FloatFormat) and _is_tiny(x, fmt, mode, draw, tininess)
    return inexact | Flags.UNDERFLOW if inexact and is_tiny else inexact


def _is_tiny(x: Extended, fmt: FloatFormat, mode: RoundingMode, draw: int, tininess: str) -> bool:
    if not isinstance(x, Fraction) or not 0 < abs(x) < fmt.smallest_normal_exact:
        return False
    if tininess == "before":
        return True
    # Two binades higher x has its full precision, or lies far below. One would be enough, if it did
    # not turn even codes of precision 1 to odd ones.
    rounded = _round(4 * x, fmt, mode, draw)
    return abs(rounded) < 4 * fmt.smallest_normal_exact


# Rounding: P3109 clause 4.7.4


@dataclass(frozen=True)
class _Neighbours:
    """The two values that enclose a number, in a format whose range has no upper end.

    `inward` is the one nearer to zero. Where the number is itself a value they may coincide.
    """

    inward: Fraction
    outward: Fraction
    # What nearest-even does with a tie, and to-odd with anything inexact.
    tie_goes_outward: bool
    odd_is_outward: bool


def _round(x: Fraction, fmt: Format, mode: RoundingMode, draw: int) -> Fraction:
    """RoundToPrecision: the neighbour of x that the mode chooses."""
    near = _neighbours(x, fmt)
    if near.inward == near.outward:
        return near.inward
    nu = (x - near.inward) / (near.outward - near.inward)
    return near.outward if _round_away(x < 0, nu, near, mode, draw) else near.inward


def _round_away(
    negative: bool, nu: Fraction, near: _Neighbours, mode: RoundingMode, draw: int
) -> bool:
    """RoundAway: whether to take the outward neighbour, when x lies the part nu of the way to it.

    The column RoundAway of P3109 clause 4.7.4, and our further modes. 0 <= nu < 1.
    """
    if isinstance(mode, Stochastic):
        ulp: int = 2**mode.bits
        if mode.variant == "A":
            return math.floor(nu * ulp) + draw >= ulp
        if mode.variant == "B":
            return math.floor(nu * ulp * 2) + (2 * draw + 1) >= ulp * 2
        # round() of a Fraction is to the nearest integer, ties to even.
        return round(nu * ulp) + draw >= ulp
    match mode:
        case "toward_zero":
            return False
        case "away_from_zero":
            return nu > 0
        case "toward_positive":
            return nu > 0 and not negative
        case "toward_negative":
            return nu > 0 and negative
        case "nearest_away":
            return nu >= _HALF
        case "nearest_zero":
            return nu > _HALF
        case "nearest_even":
            return nu > _HALF or (nu == _HALF and near.tie_goes_outward)
        case "to_odd":
            return nu > 0 and near.odd_is_outward
        case "stochastic_equal":
            return nu > 0 and draw == 1


def _neighbours(x: Fraction, fmt: Format) -> _Neighbours:
    if isinstance(fmt, TableFormat):
        return _table_neighbours(x, fmt)
    if isinstance(fmt, FloatFormat) and not fmt.has_subnormals and fmt.has_zero:
        smallest = fmt.smallest_positive_exact
        # Without subnormals nothing lies between zero and the smallest value. Zero's code is even.
        if abs(x) < smallest:
            outward = -smallest if x < 0 else smallest
            return _Neighbours(Fraction(0), outward, False, True)
    exponent = _quantum_exponent(x, fmt)
    quantum = Fraction(2) ** exponent
    # S~ of the report; its integer part is the significand of the inward neighbour.
    scaled = abs(x) / quantum
    significand = math.floor(scaled)
    sign = -1 if x < 0 else 1
    code_is_even = significand % 2 == 0
    significand_is_even = code_is_even
    if isinstance(fmt, FloatFormat) and fmt.precision == 1:
        code_is_even = significand == 0 or (exponent + fmt.bias) % 2 == 0
    ties_by_code = not isinstance(fmt, FloatFormat) or fmt.even_ties == "code"
    return _Neighbours(
        inward=sign * significand * quantum,
        outward=sign * (significand + (scaled > significand)) * quantum,
        tie_goes_outward=not (code_is_even if ties_by_code else significand_is_even),
        odd_is_outward=code_is_even,
    )


def _quantum_exponent(x: Fraction, fmt: Format) -> int:
    """Q of the report: neighbours of x are multiples of 2**Q."""
    if isinstance(fmt, TwosComplement):
        return -fmt.fraction_bits
    assert isinstance(fmt, FloatFormat)
    exponent = fmt.emin if x == 0 else _floor_log2(abs(x))
    if fmt.has_subnormals:
        exponent = max(exponent, fmt.emin)
    return exponent - fmt.precision + 1


def _floor_log2(x: Fraction) -> int:
    """The largest e with 2**e <= x, for positive x."""
    # Bit lengths tell the quotient's to within a factor of two.
    estimate = x.numerator.bit_length() - x.denominator.bit_length()
    return estimate if x >= Fraction(2) ** estimate else estimate - 1


def _table_neighbours(x: Fraction, fmt: TableFormat) -> _Neighbours:
    below = [Fraction(value) for value in fmt.table if value <= x]
    above = [Fraction(value) for value in fmt.table if value >= x]
    if not below or not above:
        return _Neighbours(x, x, False, False)
    lower, upper = max(below), min(above)
    inward, outward = (upper, lower) if x < 0 else (lower, upper)
    inward_is_odd = fmt.table.index(float(inward)) % 2 == 1
    outward_is_odd = fmt.table.index(float(outward)) % 2 == 1
    return _Neighbours(
        inward,
        outward,
        tie_goes_outward=inward_is_odd and not outward_is_odd,
        odd_is_outward=outward_is_odd and not inward_is_odd,
    )


# Saturation: P3109 clause 4.7.5


def _saturate(z: Extended, fmt: Format, mode: RoundingMode, saturation: SaturationMode) -> Extended:
    """Saturate: what becomes of a rounded value that may lie beyond the format's range."""
    if saturation == "wrap" and isinstance(fmt, TwosComplement):
        return _wrap(z, fmt)
    if fmt.lowest <= z <= fmt.highest:
        return z
    if z > fmt.highest:
        return _above(z, fmt, mode, saturation)
    # A format without zero has a gap below its smallest value, in which P3109 has nothing to say:
    # what is positive there becomes that value.
    if 0 < z < fmt.lowest:
        return fmt.lowest
    return _below(z, fmt, mode, saturation)


def _above(z: Extended, fmt: Format, mode: RoundingMode, saturation: SaturationMode) -> Extended:
    infinite = z == math.inf
    if saturation == "finite":
        return fmt.highest
    if saturation == "propagate":
        return math.inf if infinite and fmt.has_inf else fmt.highest
    inward = mode in ("toward_zero", "toward_negative") or (mode == "to_odd" and _max_is_odd(fmt))
    if inward and not infinite:
        return fmt.highest
    return _overflow(fmt)


def _below(z: Extended, fmt: Format, mode: RoundingMode, saturation: SaturationMode) -> Extended:
    infinite = z == -math.inf
    if saturation == "finite":
        return fmt.lowest
    if saturation == "propagate":
        return -math.inf if infinite and fmt.has_inf and fmt.signed else fmt.lowest
    inward = mode in ("toward_zero", "toward_positive") or (
        mode == "to_odd" and fmt.signed and _max_is_odd(fmt)
    )
    if inward and not infinite:
        return fmt.lowest
    if fmt.signed:
        beyond = _overflow(fmt)
        return fmt.lowest if beyond == fmt.highest else -beyond
    return math.nan if fmt.has_nan else fmt.lowest


def _overflow(fmt: Format) -> Extended:
    """Where saturation `none` sends what is too large: a property of the format."""
    if not isinstance(fmt, FloatFormat) or fmt.overflow == "max":
        return fmt.highest
    return math.inf if fmt.overflow == "infinity" else math.nan


def _max_is_odd(fmt: Format) -> bool:
    # Only where overflow leaves the range does it matter, and there formats are floats.
    return isinstance(fmt, FloatFormat) and fmt.max_code % 2 == 1


def _wrap(z: Extended, fmt: TwosComplement) -> Fraction:
    """Two's-complement overflow: the low bits of the integer."""
    if fmt.narrow:
        raise ValueError(f"saturation: 'wrap' needs the full range, and {fmt.name} is narrow")
    if not isinstance(z, Fraction):
        raise ValueError("value: infinity has no low bits to wrap to; use another saturation")
    steps: int = 2**fmt.bits
    return (int(z / fmt.quantum - fmt.lowest_integer) % steps + fmt.lowest_integer) * fmt.quantum


# Encoding: P3109 clauses 4.7.2 (inverted) and 4.8


def _encode(z: Extended, negative: bool, fmt: Format) -> int:
    """The code of a value of the format. `negative` is the sign of zero and NaN."""
    if isinstance(fmt, TableFormat):
        return fmt.table.index(float(z))
    if isinstance(fmt, TwosComplement):
        assert isinstance(z, Fraction)
        count: int = 2**fmt.bits
        return int(z / fmt.quantum) % count
    assert isinstance(fmt, FloatFormat)
    if isinstance(z, float) and math.isnan(z):
        assert fmt.nan_code is not None
        return fmt.nan_code | (fmt.sign_bit if negative else 0)
    if z == 0:
        return fmt.sign_bit if negative and fmt.has_negative_zero else 0
    sign = fmt.sign_bit if z < 0 else 0
    if isinstance(z, float):
        assert fmt.inf_code is not None
        return sign | fmt.inf_code
    quantum_exponent = _quantum_exponent(z, fmt)
    significand = int(abs(z) / Fraction(2) ** quantum_exponent)
    # The binades above the first are 2**(p-1) codes long; a significand with its hidden bit set
    # lies one binade up from a subnormal one.
    binades = quantum_exponent + fmt.precision - 1 - fmt.emin
    length: int = 2 ** (fmt.precision - 1)
    return sign | (binades * length + significand)


def _require_random_bits(mode: RoundingMode, random_bits: int | None) -> int:
    """R, checked against the mode; 0 for a deterministic one."""
    count = random_bit_count(mode)
    if count == 0:
        if random_bits is not None:
            raise ValueError(f"random_bits: {random_bits!r} given, but {mode!r} uses none")
        return 0
    if random_bits is None:
        raise ValueError(f"random_bits: {mode!r} needs an int from 0 to {2**count - 1}")
    if not hasattr(random_bits, "__index__") or isinstance(random_bits, bool):
        raise TypeError(f"random_bits: expected an int, got {random_bits!r}")
    if not 0 <= random_bits < 2**count:
        raise ValueError(f"random_bits: {random_bits} is outside 0 to {2**count - 1}")
    return random_bits.__index__()
