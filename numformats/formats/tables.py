"""`TableFormat`: a codebook, the format whose values are simply listed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import ClassVar

from numformats.checks import require_dtype_name, require_name
from numformats.formats.reading import Reading, fields
from numformats.formats.staircase import StaircaseFormat

# Differences and products of table values stay exact in pairs of float64 within these bounds.
_SMALLEST, _LARGEST = 2.0**-900, 2.0**900


@dataclass(frozen=True, repr=False)
class TableFormat(StaircaseFormat):
    """A codebook: any finite set of values, listed by code.

    Parameters
    ----------
    name : str
        What the format is called.
    table : sequence of float
        The value of each code; 2**bits of them, for 1 to 16 bits, in any order. Where a value
        stands twice, `encode` writes its first code.
    dtype_name : str, optional
        The NumPy or ml_dtypes dtype with the same values and codes.

    Raises
    ------
    TypeError, ValueError
        For a length that is not a power of two, a value that is not a finite real number, is not
        exact in float64, or lies outside 2**-900 to 2**900 in magnitude (and is not 0).

    Notes
    -----
    There is no negative zero in a table: -0.0 is stored as 0.0. Values beyond both ends go to the
    ends, whatever the saturation mode. Of the two neighbours of a number, the one nearer to zero is
    the lower for positive numbers and for 0, and the upper for negative ones; a tie goes to the
    even code, or to the neighbour nearer to zero if both codes are even or both odd.

    Examples
    --------
    >>> import numformats as nf
    >>> ternary = nf.TableFormat("ternary", [0.0, 1.0, -1.0, -1.0])
    >>> ternary.encode([0.4, 0.6, -7.0])
    array([0, 1, 2], dtype=uint8)
    """

    name: str
    # Any sequence will do; from __post_init__ on it is a tuple.
    table: Sequence[float]
    dtype_name: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        require_name(self.name)
        if not isinstance(self.table, Iterable):
            raise TypeError(f"table: expected a sequence of numbers, got {self.table!r}")
        table = tuple(_number(code, value) for code, value in enumerate(self.table))
        if len(table) not in [2**bits for bits in range(1, 17)]:
            raise ValueError(
                f"table: {len(table)} values; a table has 2, 4, 8, ... or 65536 of them "
                "(fill up a shorter one by repeating a value)"
            )
        if len(set(table)) == 1:
            raise ValueError(f"table: all values are {table[0]}; a format has two at least")
        object.__setattr__(self, "table", table)
        require_dtype_name(self.dtype_name, self.bits)

    @property
    def bits(self) -> int:
        """The width of a code in bits."""
        return len(self.table).bit_length() - 1

    # All values are finite numbers, so that nobody has to look for others.
    has_inf: ClassVar[bool] = False
    has_nan: ClassVar[bool] = False

    def value(self, code: int) -> Fraction:
        """The entry of a code, exactly."""
        return Fraction(self.table[code])

    def _read(self, code: int) -> Reading:
        text = f"{code:0{self.bits}b}"
        return Reading(fields(("index", text, f"entry {code} of the table")), f"table[{code}]")

    @cached_property
    def codes_in_order(self) -> tuple[int, ...]:
        """The codes that are written for the values, by these."""
        # By the floats themselves, which is faster for tables of thousands.
        first = dict(zip(reversed(self.table), reversed(range(len(self.table))), strict=True))
        return tuple(first[value] for value in self._finite_values)

    @cached_property
    def _finite_values(self) -> tuple[float, ...]:
        """The values, each once."""
        return tuple(sorted(set(self.table)))

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        # Kept, since what is made for a format is found by it at each call.
        return hash((self.name, self.table))


def _number(code: int, value: object) -> float:
    """A table entry as the float64 that equals it."""
    if isinstance(value, (str, bytes, bool)) or not hasattr(value, "__float__"):
        raise TypeError(f"table: entry {code} is {value!r}; expected a real number")
    try:
        number = float(value)
    except (TypeError, OverflowError):
        raise ValueError(
            f"table: entry {code} is {value!r}, which is not one number or beyond float64"
        ) from None
    if not math.isfinite(number):
        raise ValueError(f"table: entry {code} is {value!r}; the values of a table are finite")
    if number != value:
        raise ValueError(f"table: entry {code} is {value!r}, which float64 cannot hold exactly")
    if number != 0 and not _SMALLEST <= abs(number) <= _LARGEST:
        raise ValueError(f"table: entry {code} is {value!r}, outside 2**-900 to 2**900")
    return number + 0.0  # -0.0 becomes 0.0
