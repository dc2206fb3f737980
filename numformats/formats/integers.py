"""Integers: two's-complement codes, evenly spaced values, neither infinity nor NaN."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Final

from numformats.checks import require_bool, require_dtype_name, require_int, require_name
from numformats.formats.format import WithoutExponent
from numformats.formats.reading import Reading, cut, fields, number, portion
from numformats.reals import in_powers_of_two, power_of_two
from numformats.system import Lattice


class TwosComplement(WithoutExponent):
    """What integers and fixed point share: the value of a code is an integer times a quantum.

    The integer is the code itself, less 2**bits if the format is signed and the top bit is set.
    """

    narrow: bool

    if TYPE_CHECKING:

        @property
        def fraction_bits(self) -> int:
            """n, where neighbouring values are 2**-n apart."""

    # All values are finite numbers.
    has_inf: ClassVar[bool] = False
    has_nan: ClassVar[bool] = False
    has_zero: ClassVar[bool] = True
    has_negative_zero: ClassVar[bool] = False

    @property
    def quantum(self) -> Fraction:
        """The distance between neighbouring values."""
        return power_of_two(-self.fraction_bits)

    @cached_property
    def lattice(self) -> Lattice:
        """The multiples of the quantum."""
        return Lattice(0, -self.fraction_bits, floating=False, complement=True)

    @property
    def highest_step(self) -> int:
        """The largest value in units of the quantum."""
        count: int = 2 ** (self.bits - self.signed)
        return count - 1

    @property
    def lowest_step(self) -> int:
        """The smallest value in units of the quantum."""
        if not self.signed:
            return 0
        return -self.highest_step - (not self.narrow)

    def value_of_step(self, step: int) -> Fraction:
        """As many quanta."""
        return step * self.quantum

    def code_of_step(self, step: int) -> int:
        """The step in two's complement."""
        return step % 2**self.bits

    def value(self, code: int) -> Fraction:
        """The value of a code, of the one that a narrow range leaves out, too."""
        negative = self.signed and code >= 2 ** (self.bits - 1)
        return (code - (2**self.bits if negative else 0)) * self.quantum

    def _read(self, code: int) -> Reading:
        whole_bits = self.bits - self.signed - self.fraction_bits
        sign, whole, part = cut(code, int(self.signed), whole_bits, self.fraction_bits)
        weight = -(2**whole_bits) if sign == "1" else 0
        # What is zero is left out, but not all of it.
        terms = [str(weight)] * bool(weight) + [str(number(whole))] * bool(number(whole))
        terms += [portion(part)] * bool(number(part))
        return Reading(
            fields(
                (
                    "sign",
                    sign,
                    f"{weight}: the highest bit counts negative" if weight else "not negative",
                ),
                ("integer", whole, str(number(whole))),
                ("fraction", part, portion(part)),
            ),
            " + ".join(terms) or "0",
        )

    def code_of_zero(self, negative: bool) -> int:
        """0."""
        return 0

    @property
    def precision(self) -> int:
        """The bits of the largest magnitude."""
        return self.bits - self.signed

    @property
    def smallest_positive_exact(self) -> Fraction:
        """The quantum."""
        return self.quantum

    @property
    def smallest_normal_exact(self) -> Fraction:
        """The quantum."""
        return self.quantum

    @property
    def spacing_at_one(self) -> Fraction:
        """The quantum."""
        return self.quantum

    def _summary(self) -> list[tuple[str, str]]:
        return [
            ("min", in_powers_of_two(self.lowest)),
            ("max", in_powers_of_two(self.highest)),
            ("quantum", in_powers_of_two(self.quantum)),
        ]


@dataclass(frozen=True, repr=False)
class IntFormat(TwosComplement):
    """An integer format in two's complement.

    Parameters
    ----------
    name : str
        What the format is called.
    bits : int
        Width, 1 to 16.
    signed : bool
        Whether it has negative values.
    narrow : bool
        Whether the range is symmetric, -max to max. The code 10...0 is then never written; `decode`
        still reads it as two's complement does.
    dtype_name : str, optional
        The NumPy or ml_dtypes dtype with the same values.

    Raises
    ------
    TypeError, ValueError
        For another width, or a narrow range without negative values or in one bit.

    Notes
    -----
    Source: IEEE 754-2019 clause 5.8 for conversion to integers; ONNX operator QuantizeLinear for
    the narrow range.

    Examples
    --------
    >>> import numformats as nf
    >>> nf.IntFormat("int8_narrow", 8, narrow=True).min
    -127.0
    """

    name: str
    bits: int
    signed: bool = True
    narrow: bool = False
    dtype_name: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        require_name(self.name)
        require_int("bits", self.bits, 1, 16, "for wider codes use FixedFormat")
        require_range(self)
        require_dtype_name(self.dtype_name, self.bits)

    @property
    def fraction_bits(self) -> int:
        """0: the quantum is 1."""
        return 0


def require_range(fmt: TwosComplement) -> None:
    """Refuse, with the reason, a range that cannot be."""
    require_bool("signed", fmt.signed)
    require_bool("narrow", fmt.narrow)
    if fmt.narrow and not fmt.signed:
        raise ValueError("narrow: an unsigned range cannot be symmetric; pass signed=True")
    if fmt.highest_step == 0 and (fmt.narrow or not fmt.signed):
        raise ValueError("narrow: 1 bit leaves only zero in a symmetric range")


# NumPy has 8 and 16 bits; ml_dtypes has 1, 2 and 4.
_DTYPE_WIDTHS: Final = (1, 2, 4, 8, 16)


def _named(bits: int, signed: bool, narrow: bool) -> IntFormat:
    name = f"{'' if signed else 'u'}int{bits}"
    dtype_name = name if bits in _DTYPE_WIDTHS else None
    if narrow:
        return IntFormat(f"{name}_narrow", bits, signed, narrow)
    return IntFormat(name, bits, signed, dtype_name=dtype_name)


FORMATS: Final = (
    *(_named(bits, signed=True, narrow=False) for bits in range(1, 17)),
    *(_named(bits, signed=False, narrow=False) for bits in range(1, 17)),
    *(_named(bits, signed=True, narrow=True) for bits in range(2, 17)),
)
ALIASES: Final[dict[str, IntFormat]] = {}
