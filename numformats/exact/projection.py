"""A number projected, and all that happened on its way."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from numformats.exact.flags import Flags
from numformats.exact.rounding import Neighbours, neighbours, rounded
from numformats.exact.saturation import require_saturation, saturated
from numformats.irrational import Irrational
from numformats.modes import Modes, RoundingMode, Stochastic, parse_modes, random_bit_count
from numformats.reals import Extended, read_number
from numformats.system import NumberSystem, require_system

if TYPE_CHECKING:
    from numformats.reals import Real


@dataclass(frozen=True)
class Trace:
    """How a number became a code.

    Attributes
    ----------
    value : Fraction or float
        The number exactly; the floats inf, -inf and nan, and the largest value or zero where NaN
        becomes that.
    system : NumberSystem
        What it was projected onto.
    modes : Modes
        The rounding mode, the saturation mode and the policy for NaN.
    neighbours : Neighbours or None
        The two values that enclose a finite number.
    rounded : Fraction or float
        What rounding made of it, which may be beyond the range.
    result : Fraction or float
        What saturation made of that.
    code : int
        The code of the result.
    random_bits : int or None
        R of IEEE P3109, in the stochastic modes.
    """

    value: Extended
    system: NumberSystem
    modes: Modes
    neighbours: Neighbours | None
    rounded: Extended
    result: Extended
    code: int
    random_bits: int | None = None

    @property
    def inward(self) -> Fraction | None:
        """The neighbour nearer to zero of a finite number, of a range without upper end; the number
        itself where it is a value.
        """
        return None if self.neighbours is None else self.neighbours.inward

    @property
    def outward(self) -> Fraction | None:
        """The other neighbour."""
        return None if self.neighbours is None else self.neighbours.outward

    @property
    def boundary(self) -> Fraction | Irrational | None:
        """Where rounding to nearest changes sides between the neighbours, if they are two."""
        return None if self.neighbours is None else self.neighbours.boundary

    @property
    def part(self) -> Fraction | None:
        """nu of IEEE P3109: the part of the way from `inward` to `outward` at which a finite number
        lies.
        """
        near, x = self.neighbours, self.value
        return near.part(x) if near is not None and isinstance(x, Fraction) else None

    def flags(self, tininess: Literal["after", "before"] = "after") -> Flags:
        """The exceptions that the projection signals. See `numformats.exact.flags`."""
        if tininess not in ("after", "before"):
            raise ValueError(f"tininess: {tininess!r}; expected 'after' or 'before'")
        x, system, lattice = self.value, self.system, self.system.lattice
        if isinstance(x, float) and math.isnan(x):
            return Flags(0)
        inexact = Flags(0) if self.result == x else Flags.INEXACT
        if lattice is not None and not lattice.floating:
            is_outside = not system.lowest <= self.rounded <= system.highest
            return Flags.INVALID if is_outside and self.modes.saturation != "wrap" else inexact
        if lattice is not None and not system.signed and self.rounded < 0:
            return Flags.INVALID
        # There may be nothing that rounding could make of a number beyond the ends.
        unlimited = self.rounded if system.rounds_beyond else x
        is_beyond = unlimited > system.highest or unlimited < min(system.lowest, Fraction(0))
        if inexact and is_beyond:
            return Flags.OVERFLOW | inexact
        has_tiny = lattice is not None or system.has_subnormals
        is_tiny = has_tiny and self._is_tiny(tininess)
        return inexact | Flags.UNDERFLOW if inexact and is_tiny else inexact

    def _is_tiny(self, tininess: str) -> bool:
        x, smallest = self.value, self.system.smallest_normal_exact
        if not isinstance(x, Fraction) or not 0 < abs(x) < smallest:
            return False
        if tininess == "before":
            return True
        # Two binades higher x has its full precision, or lies far below. One would be enough, if it
        # did not turn even codes of precision 1 to odd ones.
        near = neighbours(4 * x, self.system)
        return abs(rounded(4 * x, near, self.modes.rounding, self.random_bits or 0)) < 4 * smallest


def trace(
    value: Real,
    fmt: NumberSystem,
    rounding: str | Stochastic = "nearest_even",
    saturation: str = "none",
    *,
    nan: Literal["raise", "max", "zero"] = "raise",
    random_bits: int | None = None,
) -> Trace:
    """How a real number becomes a code under a projection: what `project` does, step by step.

    Takes what `project` takes and raises what it raises.

    >>> import numformats as nf
    >>> found = nf.exact.trace("0.1", nf.float8_e4m3fn)
    >>> found.inward, found.outward, found.boundary, found.code
    (Fraction(3, 32), Fraction(13, 128), Fraction(25, 256), 29)
    """
    require_system(fmt)
    modes = parse_modes(rounding, saturation, nan)
    require_saturation(fmt, modes.saturation)
    draw = read_random_bits(modes.rounding, random_bits)
    x, negative = read_number(value)
    return traced(x, negative, fmt, modes, draw, "value")


def traced(
    x: Extended,
    negative: bool,
    fmt: NumberSystem,
    modes: Modes,
    random_bits: int | None,
    argument: str,
) -> Trace:
    """What `trace` finds of a number that is read, and whose zero or NaN has a sign; its errors
    call the number `argument`.
    """
    mode = modes.rounding
    if isinstance(x, float) and math.isnan(x) and not fmt.has_nan:
        if modes.nan == "raise":
            raise ValueError(
                f"{argument}: NaN, and {fmt.name} has no NaN; pass nan='max' or nan='zero'"
            )
        x, negative = (fmt.highest if modes.nan == "max" else Fraction(0)), False
        mode = "nearest_even"  # of zero, in a table without it, whatever the mode
    near: Neighbours | None = None
    z = x
    if isinstance(x, Fraction):
        near = neighbours(x, fmt)
        z = rounded(x, near, mode, random_bits or 0)
    result = z
    if not (isinstance(z, float) and math.isnan(z)):
        result = saturated(z, fmt, mode, modes.saturation)
    return Trace(
        value=x,
        system=fmt,
        modes=modes,
        neighbours=near,
        rounded=z,
        result=result,
        code=encoded(result, negative, fmt),
        random_bits=random_bits,
    )


def project(
    value: Real,
    fmt: NumberSystem,
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
    fmt : NumberSystem
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
    return trace(value, fmt, rounding, saturation, nan=nan, random_bits=random_bits).code


def decode(code: int, fmt: NumberSystem) -> Extended:
    """The value of a code: a Fraction, or the float inf, -inf, nan, or -0.0 for negative zero.

    TypeError for a code that is not an int, ValueError for one that is not in 0 to 2**bits - 1.
    Source: IEEE P3109 interim report v4.0, clause 4.7.2; IEEE 754-2019, clause 3.4.

    >>> import numformats as nf
    >>> nf.exact.decode(0x1D, nf.float8_e4m3fn)
    Fraction(13, 128)
    """
    require_system(fmt)
    return fmt.value(require_code(code, fmt))


def require_code(code: int, fmt: NumberSystem) -> int:
    """A code as an int. TypeError for what is none, ValueError for one that is out of range."""
    if not hasattr(code, "__index__") or isinstance(code, bool):
        raise TypeError(f"code: expected an int, got {type(code).__name__} {code!r}")
    code = code.__index__()
    if not 0 <= code < 2**fmt.bits:
        raise ValueError(f"code: {code} is outside 0 to {2**fmt.bits - 1} of {fmt.name}")
    return code


def flags(
    value: Real,
    fmt: NumberSystem,
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
    require_system(fmt)
    x, _ = read_number(value)
    is_nan = isinstance(x, float) and math.isnan(x)
    # NaN signals nothing, in a format without NaN, too; zero stands for it.
    found = trace(0 if is_nan else value, fmt, rounding, saturation, random_bits=random_bits)
    signaled = found.flags(tininess)
    return Flags(0) if is_nan else signaled


# Encoding: P3109 clauses 4.7.2 (inverted) and 4.8


def encoded(z: Extended, negative: bool, system: NumberSystem) -> int:
    """The code of a value of the system. `negative` is the sign of zero and NaN."""
    if isinstance(z, float):
        if math.isnan(z):
            return system.code_of_nan(negative)
        return system.code_of_infinity(z < 0)
    if z == 0:
        return system.code_of_zero(negative)
    return system.code_of_step(system.step_of(z))


def read_random_bits(mode: RoundingMode, random_bits: int | None) -> int | None:
    """R, checked against the mode; None for a deterministic one."""
    count = random_bit_count(mode)
    if count == 0:
        if random_bits is not None:
            raise ValueError(f"random_bits: {random_bits!r} given, but {mode!r} uses none")
        return None
    if random_bits is None:
        raise ValueError(f"random_bits: {mode!r} needs an int from 0 to {2**count - 1}")
    if not hasattr(random_bits, "__index__") or isinstance(random_bits, bool):
        raise TypeError(f"random_bits: expected an int, got {random_bits!r}")
    if not 0 <= random_bits < 2**count:
        raise ValueError(f"random_bits: {random_bits} is outside 0 to {2**count - 1}")
    return random_bits.__index__()
