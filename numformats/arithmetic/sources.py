"""Where numbers come from: arrays of values of a dtype, or of codes of a format."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from numformats import exact
from numformats.arithmetic.call import Array
from numformats.arithmetic.coded import signs_of_nan
from numformats.codec.arguments import code_dtype
from numformats.codec.extents import Extent, dtype_holds, extent_of_dtype, extent_of_format
from numformats.codec.values import decode_chunk, default_dtype
from numformats.system import NumberSystem

# Integers up to here are float64 numbers.
_EXACT_INTEGERS: Final = 2**53


def are_in_float64(integers: Array) -> bool:
    """Whether 64-bit integers are all so small that float64 holds every one of their size."""
    # Unsigned ones are not asked whether they are too negative: where they are not contiguous,
    # NumPy before 2.2.2 frees memory twice to answer that (numpy#28117).
    is_small = bool((integers <= _EXACT_INTEGERS).all())
    return is_small and (integers.dtype.kind == "u" or bool((integers >= -_EXACT_INTEGERS).all()))


class Source(Protocol):
    """How the elements of an array are to be read. Hashable."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """What elements are, in native byte order."""

    @property
    def bits(self) -> int:
        """How many of the bits of an element may be set."""

    @property
    def extent(self) -> Extent:
        """How far the numbers reach."""

    @property
    def is_in_float64(self) -> bool:
        """Whether float64 holds all numbers."""

    @property
    def values_dtype(self) -> np.dtype[Any]:
        """The dtype that the numbers come in, where results go by that of operands."""

    def narrowed(self, elements: Array) -> tuple[Array, Source]:
        """The same numbers in float64, if they are integers of a dtype that it does not hold, and
        it holds these; else as they are.
        """

    def numbers(self, elements: Array, dtype: np.dtype[Any]) -> NDArray[Any]:
        """The numbers of elements, in a dtype that holds them."""

    def number(self, element: Any) -> Any:
        """The number of one element, exactly."""


@dataclass(frozen=True)
class Values:
    """Numbers of a dtype."""

    dtype: np.dtype[Any]

    @property
    def bits(self) -> int:
        """All of them."""
        return 8 * self.dtype.itemsize

    @property
    def extent(self) -> Extent:
        """How far the numbers reach."""
        return extent_of_dtype(self.dtype)

    @property
    def is_in_float64(self) -> bool:
        """Whether float64 holds all numbers."""
        return self.dtype.kind not in "iu" or self.dtype.itemsize < 8

    @property
    def values_dtype(self) -> np.dtype[Any]:
        """It is their own."""
        return self.dtype

    def narrowed(self, elements: Array) -> tuple[Array, Source]:
        """As float64 numbers, if these are such and the dtype has others."""
        if self.is_in_float64:
            return elements, self
        if not are_in_float64(elements):
            return elements, self
        return elements.astype(np.float64), Values(np.dtype(np.float64))

    def numbers(self, elements: Array, dtype: np.dtype[Any]) -> NDArray[Any]:
        """The numbers of elements, in a dtype that holds them."""
        with np.errstate(invalid="ignore"):  # signaling NaN
            if self.dtype == np.float16:
                return _widened_half(elements).astype(dtype, copy=False)
            return elements.astype(dtype)

    def number(self, element: Any) -> Any:
        """The number of one element, exactly."""
        return element


@dataclass(frozen=True)
class Codes:
    """Codes of a format, all of them in range."""

    fmt: NumberSystem

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the codes."""
        return code_dtype(self.fmt)

    @property
    def bits(self) -> int:
        """The width of a code."""
        return self.fmt.bits

    @property
    def extent(self) -> Extent:
        """How far the numbers reach."""
        return extent_of_format(self.fmt)

    @property
    def is_in_float64(self) -> bool:
        """Whether float64 holds all numbers."""
        return dtype_holds(np.dtype(np.float64), self.fmt)

    @property
    def values_dtype(self) -> np.dtype[Any]:
        """What codes are decoded to; float64 where none has all values."""
        return default_dtype(self.fmt) if self.is_in_float64 else np.dtype(np.float64)

    def narrowed(self, elements: Array) -> tuple[Array, Source]:
        """They are codes."""
        return elements, self

    def numbers(self, elements: Array, dtype: np.dtype[Any]) -> NDArray[Any]:
        """The numbers of elements, in a dtype that holds them."""
        return decode_chunk(elements, self.fmt, dtype)

    def number(self, element: Any) -> Any:
        """The number of one element, exactly."""
        return exact.decode(int(element), self.fmt)


# A float16's bits moved to where float32 has them: its sign; its exponent and significand.
_SIGN_AND_REST: Final = np.array(0x8FFFE000, np.uint32).view(np.int32)
# What makes up for the difference of the exponents' biases, 127 - 15.
_SCALE: Final = np.float32(2.0**112)
# What infinities and NaN become by it, and larger.
_BEYOND: Final = np.float32(2.0**16)


def _widened_half(elements: NDArray[np.float16]) -> NDArray[np.float32]:
    """float16 numbers as float32: twice as fast as NumPy does it, which goes one by one."""
    words = np.left_shift(elements.view(np.int16), 13, dtype=np.int32)
    words &= _SIGN_AND_REST
    wide = words.view(np.float32)
    wide *= _SCALE
    is_finite = np.abs(wide) < _BEYOND
    if not is_finite.all():
        wide[~is_finite] = elements[~is_finite].astype(np.float32)
    return wide


class SignedCodes(Codes):
    """Codes of a format, and the signs of their NaNs."""

    def numbers(self, elements: Array, dtype: np.dtype[Any]) -> NDArray[Any]:
        """The numbers of elements, in a dtype that holds them."""
        values = super().numbers(elements, dtype)
        return np.where(signs_of_nan(elements, values, self.fmt), -values, values)

    def number(self, element: Any) -> Any:
        """The number of one element, exactly."""
        value = super().number(element)
        if value == value or not signs_of_nan(element, value, self.fmt):
            return value
        return math.copysign(math.nan, -1)
