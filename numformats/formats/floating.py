"""`FloatFormat`: a binary floating-point format as a handful of parameters.

A code is read from the top: a sign bit (if signed), an exponent field E, a trailing significand T.
With m trailing bits and bias B its value is

    (1 + T 2**-m) 2**(E - B)      if E > 0     (normal: a hidden 1 before the point)
    (0 + T 2**-m) 2**(1 - B)      if E = 0     (zero and subnormals, or zero alone)

apart from the codes that stand for infinity and NaN. Formats differ in where those lie.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from fractions import Fraction
from functools import cached_property
from typing import Final, Literal, TypeAlias, cast, get_args

from numformats.checks import require_bool, require_dtype_name, require_int, require_name
from numformats.formats.float_reading import read_float
from numformats.formats.format import Format
from numformats.formats.reading import Reading
from numformats.reals import Extended, in_powers_of_two
from numformats.system import Arithmetic, EvenTies, Lattice, Overflow

NanCodes: TypeAlias = Literal["ieee", "top", "negative_zero", "none"]
Subnormals: TypeAlias = Literal["gradual", "flush"]

# 2**(2**16) is still a number one can print; 2**(2**31) is not.
MAX_EXPONENT_BITS: Final = 16


@dataclass(frozen=True, repr=False)
class FloatFormat(Format):
    """A binary floating-point format.

    Parameters
    ----------
    name : str
        What the format is called.
    exponent_bits : int
        Width of the exponent field, 1 to 16.
    mantissa_bits : int
        Width of the trailing significand, 0 to 23: the precision less one.
    bias : int, optional
        Exponent bias, by default 2**(exponent_bits - 1) - 1, as in IEEE 754.
    signed : bool
        Whether there is a sign bit.
    has_inf : bool
        Whether there are infinities. With ``nan="ieee"`` they are the codes with an all-ones
        exponent and T = 0; otherwise the largest magnitude code that is not NaN.
    nan : {"ieee", "top", "negative_zero", "none"}
        Which codes are NaN: those with an all-ones exponent and T != 0 (IEEE 754), the largest
        magnitude code alone (OCP E4M3), the code that would be -0 (FNUZ, P3109), or none.
    has_subnormals : bool
        Whether the codes with an exponent field of 0 have no hidden bit, and so are zero and
        subnormal values. If not, that field is a binade like all others, unless they are flushed.
    has_zero : bool
        Whether the magnitude code 0 is the number 0, in a format without subnormals, too. One
        without zero has none but positive values: what is positive and too small becomes the
        smallest, in every mode.
    overflow : {"infinity", "nan", "max"}, optional
        Where saturation ``none`` sends what is too large. By default infinity if there is one,
        else NaN if there is one, else the largest value.
    even_ties : {"code", "significand"}
        Whether ties to even go to the even code, or to the even significand and, if neither is
        even, away from zero (IEEE 754-2019 clause 4.3.1). They differ only for precision 1.
    dtype_name : str, optional
        The NumPy or ml_dtypes dtype with the same values and codes.
    arithmetic : {"ieee", "p3109"}
        Whose rules for zeros, infinities and NaN operations follow whose result is of this format:
        by those of IEEE 754, 1/0 is infinite; by those of IEEE P3109, it is NaN.
    subnormals : {"gradual", "flush"}
        ``flush`` makes a flush-to-zero format, whatever `has_subnormals` says, which becomes False:
        all codes with an exponent field of 0 are zero, of which only T = 0 is written. Zero and the
        smallest normal value are neighbours, between which the rounding mode decides. Where
        `dataclasses.replace` makes it ``gradual`` again, it needs ``has_subnormals=True`` as well.

    Raises
    ------
    TypeError, ValueError
        For parameters that do not make a format of at most 32 bits, with the reason.

    Notes
    -----
    Source: IEEE 754-2019 clauses 3.3 and 3.4; IEEE P3109 interim report v4.0 clauses 3.1, 4.7.2.
    Hardware that flushes: Intel 64 and IA-32 manual, volume 1, 10.2.3.3 (FTZ) and 10.2.3.4 (DAZ).

    Examples
    --------
    >>> import numformats as nf
    >>> e3m2 = nf.FloatFormat("e3m2", exponent_bits=3, mantissa_bits=2)
    >>> e3m2.max, e3m2.smallest_normal, e3m2.smallest_subnormal
    (14.0, 0.25, 0.0625)
    >>> e3m2
    <FloatFormat e3m2: 6 bits, fields 1 + 3 + 2, bias 3, max 14, smallest normal 0.25, \
smallest subnormal 0.0625, infinity yes, NaN ieee, overflow infinity>
    >>> nf.FloatFormat("e3m2_flush", 3, 2, subnormals="flush").decode(range(6))
    array([0.    , 0.    , 0.    , 0.    , 0.25  , 0.3125], dtype=float32)
    """

    name: str
    exponent_bits: int
    mantissa_bits: int
    # None is filled in by __post_init__, so to a reader of the attribute it is an int.
    bias: int = field(default=cast(int, None))
    signed: bool = True
    has_inf: bool = True
    nan: NanCodes = "ieee"
    has_subnormals: bool = True
    has_zero: bool = True
    overflow: Overflow = field(default=cast(Overflow, None))
    even_ties: EvenTies = "code"
    dtype_name: str | None = field(default=None, compare=False)
    arithmetic: Arithmetic = "ieee"
    subnormals: Subnormals = "gradual"

    def __post_init__(self) -> None:
        self._require_fields()
        if self.subnormals == "flush":
            object.__setattr__(self, "has_subnormals", False)
        if self.bias is None:
            object.__setattr__(self, "bias", 2 ** (self.exponent_bits - 1) - 1)
        if self.overflow is None:
            overflow = "infinity" if self.has_inf else "nan" if self.has_nan else "max"
            object.__setattr__(self, "overflow", overflow)
        require_int("bias", self.bias, -(2**MAX_EXPONENT_BITS), 2**MAX_EXPONENT_BITS)
        self._require_consistency()
        require_dtype_name(self.dtype_name, self.bits)

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        # Kept, since what is made for a format is found by it at each call.
        return hash(tuple(getattr(self, one.name) for one in fields(self) if one.compare))

    # Sizes

    @property
    def bits(self) -> int:
        """The width of a code in bits."""
        return int(self.signed) + self.exponent_bits + self.mantissa_bits

    @property
    def precision(self) -> int:
        """p, the bits of a significand with the hidden bit."""
        return self.mantissa_bits + 1

    @property
    def emin(self) -> int:
        """The exponent of the smallest normal value of the IEEE reading, 1 - bias."""
        return 1 - self.bias

    @property
    def has_nan(self) -> bool:
        """Whether a code stands for NaN."""
        return self.nan != "none"

    @property
    def has_negative_zero(self) -> bool:
        """Whether -0 has a code of its own."""
        return self.signed and self.has_zero and self.nan != "negative_zero"

    # Codes of note. A magnitude code is a code without its sign bit.

    @property
    def sign_bit(self) -> int:
        """The code of the sign alone, which is the top bit, or 0 in an unsigned format."""
        return 1 << (self.bits - 1) if self.signed else 0

    @property
    def top_code(self) -> int:
        """The largest magnitude code, all bits set but the sign."""
        return (1 << (self.exponent_bits + self.mantissa_bits)) - 1

    @property
    def nan_code(self) -> int | None:
        """The code written for a NaN of positive sign, the quiet one in IEEE formats; or None."""
        if self.nan == "ieee":
            return self.top_code - (1 << (self.mantissa_bits - 1)) + 1
        return {"top": self.top_code, "negative_zero": self.sign_bit, "none": None}[self.nan]

    @property
    def inf_code(self) -> int | None:
        """The magnitude code of infinity, or None."""
        if not self.has_inf:
            return None
        if self.nan == "ieee":
            return self.top_code - (1 << self.mantissa_bits) + 1
        return self.top_code - (self.nan == "top")

    @property
    def max_code(self) -> int:
        """The magnitude code of the largest finite value."""
        if self.inf_code is not None:
            return self.inf_code - 1
        return self.top_code - (self.nan == "top")

    @property
    def min_positive_code(self) -> int:
        """The magnitude code of the smallest positive value."""
        return self.lattice.smallest_step

    def is_nan_code(self, code: int) -> bool:
        """Whether an integer code stands for NaN."""
        if self.nan == "negative_zero":
            return code == self.sign_bit
        magnitude_code = code & self.top_code
        # Above the largest value there are infinity, and codes of NaN.
        return magnitude_code > self.max_code and magnitude_code != self.inf_code

    # Values in their order: a step is a magnitude code, with a sign.

    @cached_property
    def lattice(self) -> Lattice:
        """Where the values lie. P3109 4.7.2."""
        return Lattice(
            trailing_bits=self.mantissa_bits,
            lowest_quantum=self.emin - self.mantissa_bits,
            gradual=self.has_subnormals,
            has_zero=self.has_zero,
            flushes=self.subnormals == "flush",
        )

    @property
    def highest_step(self) -> int:
        """The magnitude code of the largest finite value."""
        return self.max_code

    @property
    def lowest_step(self) -> int:
        """The same of the smallest one, if there are negative values; else 0."""
        return -self.max_code if self.signed else 0

    def value_of_step(self, step: int) -> Fraction:
        """The value of a step, exactly."""
        return -self.magnitude(-step) if step < 0 else self.magnitude(step)

    def code_of_step(self, step: int) -> int:
        """The code of a step."""
        return self.sign_bit - step if step < 0 else step

    def value(self, code: int) -> Extended:
        """The value of a code. P3109 4.7.2, IEEE 754-2019 3.4."""
        if self.is_nan_code(code):
            return math.nan
        negative, magnitude_code = bool(code & self.sign_bit), code & self.top_code
        if magnitude_code == self.inf_code:
            return -math.inf if negative else math.inf
        magnitude = self.magnitude(magnitude_code)
        if negative and magnitude == 0 and self.has_negative_zero:
            return -0.0
        return -magnitude if negative else magnitude

    def _read(self, code: int) -> Reading:
        return read_float(self, code)

    def magnitude(self, magnitude_code: int) -> Fraction:
        """The value of a finite magnitude code, exactly. P3109 4.7.2.

        >>> import numformats as nf
        >>> nf.float8_e5m2.magnitude(0b0_01111_10)
        Fraction(3, 2)
        """
        return self.lattice.magnitude(magnitude_code)

    def code_of_zero(self, negative: bool) -> int:
        """0, or the sign bit for a negative zero, where there is one."""
        return self.sign_bit if negative and self.has_negative_zero else 0

    def code_of_infinity(self, negative: bool) -> int:
        """The code of an infinity of either sign."""
        assert self.inf_code is not None
        return self.inf_code | (self.sign_bit if negative else 0)

    def code_of_nan(self, negative: bool) -> int:
        """The code of NaN with either sign."""
        assert self.nan_code is not None
        return self.nan_code | (self.sign_bit if negative else 0)

    # Values of note

    @property
    def quantum(self) -> Fraction:
        """What all finite values are multiples of."""
        return self.lattice.quantum

    @property
    def smallest_positive_exact(self) -> Fraction:
        """The smallest positive value, exactly."""
        return self.magnitude(self.min_positive_code)

    @property
    def smallest_normal_exact(self) -> Fraction:
        """The smallest positive value of full precision, exactly."""
        if self.has_subnormals:
            return Fraction(2) ** self.emin
        return self.smallest_positive_exact

    @property
    def spacing_at_one(self) -> Fraction:
        """2**(1 - precision), exactly."""
        return Fraction(2) ** (1 - self.precision)

    def _summary(self) -> list[tuple[str, str]]:
        fields = [self.exponent_bits, self.mantissa_bits]
        rows = [
            ("fields", " + ".join(map(str, [1, *fields] if self.signed else fields))),
            ("bias", str(self.bias)),
            ("max", in_powers_of_two(self.highest)),
            ("smallest normal", in_powers_of_two(self.smallest_normal_exact)),
        ]
        if self.has_subnormals and self.smallest_positive_exact < self.smallest_normal_exact:
            rows.append(("smallest subnormal", in_powers_of_two(self.smallest_positive_exact)))
        if self.subnormals == "flush":
            rows.append(("subnormals", "flush"))
        rows += [("infinity", "yes" if self.has_inf else "no"), ("NaN", self.nan)]
        return [*rows, ("overflow", self.overflow)]

    # Validation

    def _require_fields(self) -> None:
        require_name(self.name)
        require_int(
            "exponent_bits",
            self.exponent_bits,
            1,
            MAX_EXPONENT_BITS,
            "without an exponent field use FixedFormat; with more than 16 bits the values are "
            "too large to be written out exactly",
        )
        require_int(
            "mantissa_bits", self.mantissa_bits, 0, 23, "the precision may be 24 bits at the most"
        )
        for switch in ("signed", "has_inf", "has_subnormals", "has_zero"):
            require_bool(switch, getattr(self, switch))
        for argument, kind in (
            ("nan", NanCodes),
            ("even_ties", EvenTies),
            ("arithmetic", Arithmetic),
            ("subnormals", Subnormals),
        ):
            _require_choice(argument, getattr(self, argument), get_args(kind))
        if self.overflow is not None:
            _require_choice("overflow", self.overflow, get_args(Overflow))
        if self.bits > 32:
            raise ValueError(
                f"exponent_bits and mantissa_bits: {self.bits} bits in all; a code has at most 32"
            )

    def _require_consistency(self) -> None:
        if self.nan == "ieee" and self.mantissa_bits == 0:
            raise ValueError(
                "nan: 'ieee' needs a trailing significand to tell NaN from infinity, and "
                "mantissa_bits is 0; pass nan='top', 'negative_zero' or 'none'"
            )
        if self.nan == "ieee" and not self.has_inf:
            raise ValueError(
                "nan: 'ieee' sets the whole top exponent aside, with infinity at its start; "
                "pass has_inf=True, or nan='top' for a format without infinity"
            )
        if self.nan == "negative_zero" and not (self.signed and self.has_zero):
            raise ValueError("nan: 'negative_zero' needs a signed format that has a zero")
        if not self.has_zero and self.subnormals == "flush":
            raise ValueError("subnormals: 'flush' in a format without zero; leave has_zero=True")
        if not self.has_zero and (self.has_subnormals or self.signed):
            raise ValueError(
                "has_zero: a format without zero is a bare scale; pass signed=False and "
                "has_subnormals=False as well"
            )
        if self.overflow == "infinity" and not self.has_inf:
            raise ValueError("overflow: 'infinity' in a format without it; pass 'nan' or 'max'")
        if self.overflow == "nan" and not self.has_nan:
            raise ValueError("overflow: 'nan' in a format without it; pass 'infinity' or 'max'")
        if self.max_code < self.min_positive_code:
            raise ValueError(
                f"exponent_bits, mantissa_bits: {self.bits} bits leave no code for a positive "
                "finite value beside those for zero, infinity and NaN"
            )


def _require_choice(argument: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{argument}: expected one of {', '.join(choices)}; got {value!r}")
