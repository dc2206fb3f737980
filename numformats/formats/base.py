"""What every number format tells about itself, and the array methods that lean on the codec."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from numformats.codec.random_bits import RandomSource
    from numformats.rounding import Stochastic


class Format(ABC):
    """A finite set of real values, each with a bit pattern (its code).

    The concrete kinds are `FloatFormat`, `IntFormat`, `FixedFormat` and `TableFormat`. All are
    immutable, hashable and picklable; two are equal when they are of one kind with equal fields.

    A code is an unsigned integer, right-aligned in uint8, uint16 or uint32. All figures below are
    exact; those given as float raise OverflowError where float64 cannot hold them (some P3109
    formats of 16 bits), and `numformats.exact.decode` then gives them as Fractions.
    """

    # Each kind below is a dataclass with `name` and some of these as fields, the rest derived.
    name: str
    dtype_name: str | None

    if TYPE_CHECKING:

        @property
        def bits(self) -> int:
            """The width of a code in bits."""

        @property
        def signed(self) -> bool:
            """Whether the format has negative values."""

        @property
        def exponent_bits(self) -> int:
            """The width of the exponent field; 0 where there is none."""

        @property
        def precision(self) -> int:
            """p, the bits of a significand with the hidden bit."""

        @property
        def bias(self) -> int:
            """What is subtracted from the exponent field to give the exponent."""

        @property
        def has_inf(self) -> bool:
            """Whether a code stands for infinity."""

        @property
        def has_nan(self) -> bool:
            """Whether a code stands for NaN (not a number)."""

        @property
        def has_subnormals(self) -> bool:
            """Whether there are values below the smallest normal one, at reduced precision."""

        @property
        def has_negative_zero(self) -> bool:
            """Whether -0 has a code of its own."""

    @property
    @abstractmethod
    def highest(self) -> Fraction:
        """The largest finite value, exactly."""

    @property
    @abstractmethod
    def lowest(self) -> Fraction:
        """The smallest (most negative) finite value, exactly."""

    @property
    @abstractmethod
    def smallest_normal_exact(self) -> Fraction:
        """The smallest positive value of full precision, exactly."""

    @property
    @abstractmethod
    def smallest_positive_exact(self) -> Fraction:
        """The smallest positive value, exactly."""

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

        Where values have no exponent (integers, tables), the smallest positive value.
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

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """The NumPy or ml_dtypes dtype with these values and these codes, or None.

        >>> import numformats as nf
        >>> nf.bfloat16.dtype, nf.binary8p4se.dtype
        (dtype(bfloat16), None)
        """
        if self.dtype_name is None:
            return None
        import ml_dtypes
        import numpy as np

        if hasattr(ml_dtypes, self.dtype_name):
            found: np.dtype[Any] = np.dtype(getattr(ml_dtypes, self.dtype_name))
            return found
        try:
            return np.dtype(self.dtype_name)
        except TypeError:  # older ml_dtypes lack the narrowest integers
            return None

    def values(self) -> NDArray[np.float64]:
        """All values by code: a new float64 array of length 2**bits.

        ValueError for formats above 24 bits (too many codes) or with values beyond float64.

        >>> import numformats as nf
        >>> nf.float4_e2m1fn.values()[:8]
        array([0. , 0.5, 1. , 1.5, 2. , 3. , 4. , 6. ])
        """
        from numformats import codec

        return codec.values(self)

    # The codec lies a layer above the descriptions. These methods are the one place that reaches
    # up, when called, so that `f.encode(x)` reads as the design promises.

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
        from numformats import codec

        return codec.encode(x, self, rounding, saturation, nan, rng, random_bits, out)

    def decode(
        self, codes: ArrayLike, dtype: DTypeLike | None = None, out: NDArray[Any] | None = None
    ) -> Any:
        """The values that `codes` stand for. See `numformats.codec.decode`.

        >>> import numformats as nf
        >>> nf.float8_e4m3fn.decode([56, 194, 126])
        array([  1. ,  -2.5, 448. ], dtype=float32)
        """
        from numformats import codec

        return codec.decode(codes, self, dtype, out)

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
        from numformats import codec

        return codec.round(x, self, rounding, saturation, nan, rng, random_bits, out)

    def pack(self, codes: ArrayLike) -> NDArray[np.uint8]:
        """`codes` as a dense bit stream of bytes. See `numformats.codec.pack`.

        >>> import numformats as nf
        >>> nf.float4_e2m1fn.pack([1, 2, 3])
        array([33,  3], dtype=uint8)
        """
        from numformats import codec

        return codec.pack(codes, self.bits)

    def unpack(self, packed: ArrayLike, shape: int | tuple[int, ...]) -> NDArray[Any]:
        """The codes of a bit stream made by `pack`. See `numformats.codec.unpack`.

        >>> import numformats as nf
        >>> import numpy as np
        >>> nf.float4_e2m1fn.unpack(np.array([33, 3], np.uint8), 3)
        array([1, 2, 3], dtype=uint8)
        """
        from numformats import codec

        return codec.unpack(packed, self.bits, shape)

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
    """What formats share whose codes have no exponent field: finite values, and nothing beside."""

    @property
    def exponent_bits(self) -> int:
        """0: there is no exponent field."""
        return 0

    @property
    def bias(self) -> int:
        """0: there is no exponent field."""
        return 0

    @property
    def has_inf(self) -> bool:
        """False."""
        return False

    @property
    def has_nan(self) -> bool:
        """False."""
        return False

    @property
    def has_subnormals(self) -> bool:
        """False."""
        return False

    @property
    def has_negative_zero(self) -> bool:
        """False."""
        return False


def html_table(kind: str, name: str, rows: Iterable[tuple[str, str]]) -> str:
    """A table for a notebook: what kind of thing it is and its name, and rows of label and text."""
    from html import escape

    body = "".join(
        f"<tr><th style='text-align:left'>{escape(label)}</th><td>{escape(text)}</td></tr>"
        for label, text in rows
    )
    caption = f"{escape(kind)} <b>{escape(name)}</b>"
    return f"<table><caption>{caption}</caption><tbody>{body}</tbody></table>"


def require_int(argument: str, value: object, low: int, high: int, why: str = "") -> None:
    """Refuse, with the reason, a field that is not an int from `low` to `high`."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{argument}: expected an int, got {type(value).__name__} {value!r}")
    if not low <= value <= high:
        reason = f": {why}" if why else ""
        raise ValueError(f"{argument}: {value} is outside {low} to {high}{reason}")


def require_name(name: object) -> None:
    """Refuse a format name that is not a non-empty str."""
    if not isinstance(name, str):
        raise TypeError(f"name: expected a str, got {type(name).__name__} {name!r}")
    if not name:
        raise ValueError("name: an empty name; give the format a word that errors can call it by")


# NumPy's and ml_dtypes' dtypes that are formats, with their widths.
_DTYPE_BITS = {
    "float32": 32,
    "float16": 16,
    "bfloat16": 16,
    "float8_e3m4": 8,
    "float8_e4m3": 8,
    "float8_e4m3b11fnuz": 8,
    "float8_e4m3fn": 8,
    "float8_e4m3fnuz": 8,
    "float8_e5m2": 8,
    "float8_e5m2fnuz": 8,
    "float8_e8m0fnu": 8,
    "float6_e2m3fn": 6,
    "float6_e3m2fn": 6,
    "float4_e2m1fn": 4,
    **{f"{sign}int{bits}": bits for sign in ("", "u") for bits in (1, 2, 4, 8, 16)},
}


def require_dtype_name(name: object, bits: int) -> None:
    """Refuse what is neither None nor the name of a dtype whose codes have that width."""
    if name is None or (isinstance(name, str) and _DTYPE_BITS.get(name) == bits):
        return
    raise ValueError(f"dtype_name: {name!r} is no dtype of NumPy or ml_dtypes with {bits} bits")


def require_format(fmt: object, argument: str = "fmt") -> None:
    """Refuse what is not a format, a name of one included."""
    if not isinstance(fmt, Format):
        raise TypeError(
            f"{argument}: expected a format, got {type(fmt).__name__} {fmt!r}; "
            "numformats.get_format finds one by name"
        )


def require_bool(argument: str, value: object) -> None:
    """Refuse a switch that is not a bool."""
    if not isinstance(value, bool):
        raise TypeError(f"{argument}: expected True or False, got {value!r}")


def unknown(argument: str, given: str, choices: Iterable[str]) -> str:
    """The message for a name that is not among the choices, with the nearest one if any is near.

    >>> unknown("saturation", "finit", ["none", "finite"])
    "saturation: unknown 'finit'; did you mean 'finite'? Known: none, finite"
    """
    import difflib  # only an error needs it

    known = list(choices)
    longer = [name for name in known if given and name.startswith(given.lower())]
    near = longer or difflib.get_close_matches(given.lower(), known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return f"{argument}: unknown {given!r}{hint} Known: {', '.join(known)}"


def in_powers_of_two(value: Fraction) -> str:
    """A value in decimal where that is short, else as an odd integer times a power of two.

    >>> in_powers_of_two(Fraction(57344)), in_powers_of_two(Fraction(1, 2**16))
    ('57344', '2**-16')
    """
    decimal = f"{float(value):.15g}" if abs(value) < 2**60 else ""
    if decimal and len(decimal) <= 10 and "e" not in decimal and Fraction(decimal) == value:
        return decimal
    numerator, denominator = value.numerator, value.denominator
    twos = (numerator & -numerator).bit_length() - 1
    exponent = twos - (denominator.bit_length() - 1)
    odd = numerator >> twos
    return f"2**{exponent}" if odd == 1 else f"{odd} * 2**{exponent}"
