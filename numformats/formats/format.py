"""A number system with a name: what it tells about itself, and the array methods."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

from numformats.codec import arrays, packing
from numformats.codec.values import values
from numformats.exact.projection import require_code
from numformats.formats.reading import Reading, fields
from numformats.system import NumberSystem

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from numformats.codec.random_bits import RandomSource
    from numformats.modes import Stochastic


class Format(NumberSystem):
    """A finite set of real values, each with a bit pattern (its code).

    The concrete kinds are `FloatFormat`, `IntFormat`, `FixedFormat` and `TableFormat`, and those
    that `posit`, `takum` and their like make. All are immutable, hashable and picklable; two are
    equal when they are of one kind with equal fields.

    A code is an unsigned integer, right-aligned in uint8, uint16 or uint32. All figures below are
    exact; those given as float raise OverflowError where float64 cannot hold them (some P3109
    formats of 16 bits), and `numformats.exact.decode` then gives them as Fractions.
    """

    if TYPE_CHECKING:

        @property
        def exponent_bits(self) -> int:
            """The width of the exponent field; 0 where there is none."""

        @property
        def bias(self) -> int:
            """What is subtracted from the exponent field to give the exponent."""

    def __getstate__(self) -> dict[str, Any]:
        # Without what is kept: the hash is another in another process, the rest is made again.
        return {
            name: value
            for name, value in self.__dict__.items()
            if not isinstance(getattr(type(self), name, None), cached_property)
        }

    @property
    @abstractmethod
    def spacing_at_one(self) -> Fraction:
        """The distance from 1 to the next larger value at the format's precision, exactly."""

    @abstractmethod
    def _summary(self) -> list[tuple[str, str]]:
        """The rows, beyond name and bits, by which a reader knows the format."""

    @property
    def max(self) -> float:
        """The largest finite value, as `numpy.finfo.max`."""
        return self._as_float(self.highest, "max")

    @property
    def min(self) -> float:
        """The smallest (most negative) finite value, as `numpy.finfo.min`."""
        return self._as_float(self.lowest, "min")

    @property
    def smallest_normal(self) -> float:
        """The smallest positive normal value, as `numpy.finfo.smallest_normal`.

        Where codes have no exponent field of one width (integers, tables, posits, takums), the
        smallest positive value.
        """
        return self._as_float(self.smallest_normal_exact, "smallest_normal")

    @property
    def smallest_subnormal(self) -> float:
        """The smallest positive value, as `numpy.finfo.smallest_subnormal`.

        It equals `smallest_normal` where there are no subnormals.
        """
        return self._as_float(self.smallest_positive_exact, "smallest_subnormal")

    @property
    def eps(self) -> float:
        """The distance from 1 to the next larger value, 2**(1 - precision), as `numpy.finfo.eps`.

        For integers and fixed point, the distance between any two neighbours.
        """
        return self._as_float(self.spacing_at_one, "eps")

    def values(self) -> NDArray[np.float64]:
        """All values by code: a new float64 array of length 2**bits.

        ValueError for formats above 24 bits (too many codes) or with values beyond float64.

        >>> import numformats as nf
        >>> nf.float4_e2m1fn.values()[:8]
        array([0. , 0.5, 1. , 1.5, 2. , 3. , 4. , 6. ])
        """
        return values(self)

    def reading(self, code: int) -> Reading:
        """The fields of a code, and the formula of its value.

        TypeError for a code that is not an int, ValueError for one that is not in 0 to 2**bits - 1.

        >>> import numformats as nf
        >>> found = nf.float8_e4m3fn.reading(0x1D)
        >>> [(field.name, field.bits) for field in found.fields]
        [('sign', '0'), ('exponent', '0011'), ('trailing significand', '101')]
        >>> found.formula
        '(1 + 5/8) * 2**(3 - 7)'
        """
        return self._read(require_code(code, self))

    def _read(self, code: int) -> Reading:
        """The same of a code that is in range; in formats without fields the code is the one."""
        text = f"{code:0{self.bits}b}"
        return Reading(fields(("code", text, f"number {code} of the list")), f"values[{code}]")

    def encode(
        self,
        x: ArrayLike,
        rounding: str | Stochastic = "nearest_even",
        saturation: str = "none",
        nan: str = "raise",
        rng: RandomSource = None,
        random_bits: ArrayLike | None = None,
        out: NDArray[Any] | None = None,
    ) -> Any:
        """The codes of the values of `x` under a projection. See `numformats.codec.encode`.

        >>> import numformats as nf
        >>> nf.float8_e4m3fn.encode([1.0, -2.5, 448.0])
        array([ 56, 194, 126], dtype=uint8)
        """
        return arrays.encode(x, self, rounding, saturation, nan, rng, random_bits, out)

    def decode(
        self, codes: ArrayLike, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None
    ) -> Any:
        """The values that `codes` stand for. See `numformats.codec.decode`.

        >>> import numformats as nf
        >>> nf.float8_e4m3fn.decode([56, 194, 126])
        array([  1. ,  -2.5, 448. ], dtype=float32)
        """
        return arrays.decode(codes, self, dtype, out)

    def round(
        self,
        x: ArrayLike,
        rounding: str | Stochastic = "nearest_even",
        saturation: str = "none",
        nan: str = "raise",
        rng: RandomSource = None,
        random_bits: ArrayLike | None = None,
        out: NDArray[Any] | None = None,
    ) -> Any:
        """The values of `x` projected onto the format. See `numformats.codec.round`.

        >>> import numformats as nf
        >>> nf.float8_e4m3fn.round([0.1, 1.0, 3.14])
        array([0.1015625, 1.       , 3.25     ])
        """
        return arrays.round(x, self, rounding, saturation, nan, rng, random_bits, out)

    def pack(self, codes: ArrayLike) -> NDArray[np.uint8]:
        """`codes` as a dense bit stream of bytes. See `numformats.codec.pack`.

        >>> import numformats as nf
        >>> nf.float4_e2m1fn.pack([1, 2, 3])
        array([33,  3], dtype=uint8)
        """
        return packing.pack(codes, self.bits)

    def unpack(self, packed: ArrayLike, shape: int | tuple[int, ...]) -> NDArray[Any]:
        """The codes of a bit stream made by `pack`. See `numformats.codec.unpack`.

        >>> import numformats as nf
        >>> import numpy as np
        >>> nf.float4_e2m1fn.unpack(np.array([33, 3], np.uint8), 3)
        array([1, 2, 3], dtype=uint8)
        """
        return packing.unpack(packed, self.bits, shape)

    def __repr__(self) -> str:
        rows = ", ".join(f"{label} {text}" for label, text in self._summary())
        bits = "1 bit" if self.bits == 1 else f"{self.bits} bits"
        return f"<{type(self).__name__} {self.name}: {bits}, {rows}>"

    def _repr_html_(self) -> str:
        """The same for a notebook, as a small table."""
        rows = [("bits", str(self.bits)), *self._summary()]
        return html_table(type(self).__name__, self.name, rows)

    def _as_float(self, value: Fraction, attribute: str) -> float:
        try:
            result = float(value)
        except OverflowError:
            result = float("inf")
        if result != value:
            raise OverflowError(
                f"{self.name}.{attribute} is beyond float64; "
                "numformats.exact.decode gives the values of this format as Fractions"
            )
        return result


class WithoutExponent(Format):
    """What formats share whose codes have no exponent field."""

    @property
    def exponent_bits(self) -> int:
        """0: there is no exponent field."""
        return 0

    @property
    def bias(self) -> int:
        """0: there is no exponent field."""
        return 0

    @property
    def has_subnormals(self) -> bool:
        """False."""
        return False


def html_table(kind: str, name: str, rows: Iterable[tuple[str, str]]) -> str:
    """A table for a notebook: what kind of thing it is and its name, and rows of label and text."""
    from html import escape  # only a notebook needs it

    body = "".join(
        f"<tr><th style='text-align:left'>{escape(label)}</th><td>{escape(text)}</td></tr>"
        for label, text in rows
    )
    caption = f"{escape(kind)} <b>{escape(name)}</b>"
    return f"<table><caption>{caption}</caption><tbody>{body}</tbody></table>"
