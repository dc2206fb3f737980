"""`FixedFormat`: fixed point, integers in units of a power of two."""

from __future__ import annotations

from dataclasses import dataclass, field

from numformats.checks import require_bool, require_dtype_name, require_int, require_name
from numformats.formats.integers import TwosComplement, require_range


@dataclass(frozen=True, repr=False)
class FixedFormat(TwosComplement):
    """A fixed-point format Qm.n: two's-complement integers in units of 2**-n.

    Parameters
    ----------
    name : str
        What the format is called.
    integer_bits : int
        m, the bits before the point, the sign not counted (the convention of Texas Instruments;
        Arm's Qm.n counts it).
    fraction_bits : int
        n, the bits after the point.
    signed : bool
        Whether there is a sign bit beside these.
    narrow : bool
        Whether the range is symmetric, as in `IntFormat`.

    Raises
    ------
    TypeError, ValueError
        For a total width outside 1 to 32, or a narrow range that cannot be.

    Notes
    -----
    Source: Texas Instruments, "TMS320C64x DSP Library Programmer's Reference", SPRU565, appendix A.

    Examples
    --------
    >>> import numformats as nf
    >>> q3_4 = nf.FixedFormat("q3_4", integer_bits=3, fraction_bits=4)
    >>> q3_4.bits, q3_4.min, q3_4.max, q3_4.eps
    (8, -8.0, 7.9375, 0.0625)
    """

    name: str
    integer_bits: int
    fraction_bits: int
    signed: bool = True
    narrow: bool = False
    dtype_name: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        require_name(self.name)
        require_int("integer_bits", self.integer_bits, 0, 32)
        require_int("fraction_bits", self.fraction_bits, 0, 32)
        require_bool("signed", self.signed)
        require_int("integer_bits + fraction_bits + sign", self.bits, 1, 32)
        require_range(self)
        require_dtype_name(self.dtype_name, self.bits)

    @property
    def bits(self) -> int:
        """The width of a code in bits."""
        return int(self.signed) + self.integer_bits + self.fraction_bits
