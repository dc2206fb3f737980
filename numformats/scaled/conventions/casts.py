"""How other libraries cast single numbers to a format: as data, and one function that follows it.

They agree on every finite number within a format's range, but for E8M0. They differ in what becomes
of the others: numbers beyond the range, infinity, NaN, and for E8M0 zero and what has a sign.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numformats.checks import unknown
from numformats.codec.arguments import read_real, refuse_where
from numformats.codec.backends import encode
from numformats.formats.format import Format
from numformats.formats.registry import read_format
from numformats.modes import Modes, NanPolicy, RoundingMode, SaturationMode
from numformats.scaled.catalogue import unknown_format

Array = NDArray[Any]


@dataclass(frozen=True)
class Cast:
    """How a library casts to one format.

    Parameters
    ----------
    saturation : {"none", "finite"}
        What overflow becomes: as in `numformats.codec.encode`.
    nan_codes : tuple of int, optional
        The codes of positive and of negative NaN; None where NaN becomes NaN of its own sign.
    """

    saturation: SaturationMode = "none"
    nan_codes: tuple[int, int] | None = None

    def apply(self, x: Array, fmt: Format) -> Array:
        """The codes of floats; ValueError for NaN if `nan_codes` say nothing of it in a format
        without.
        """
        if not fmt.has_nan and self.nan_codes is None:
            refuse_where("x", x, np.isnan, "NaN", f"it has no code in {fmt.name}")
        nan: NanPolicy = "raise" if fmt.has_nan else "zero"
        codes = encode(x, fmt, Modes("nearest_even", self.saturation, nan))
        if self.nan_codes is not None:
            at = np.isnan(x)
            codes[at] = np.where(np.signbit(x[at]), *reversed(self.nan_codes))
        return codes


@dataclass(frozen=True)
class ScaleCast:
    """How a library casts to E8M0, the powers of two from 2**-127 to 2**127.

    Parameters
    ----------
    saturation, rounding
        As in `numformats.codec.encode`; nearest takes ties to the even significand.
    drops_sign : bool
        Whether a negative number becomes what its magnitude becomes, and zero the smallest scale;
        they are NaN otherwise.
    next_above : float
        A magnitude above this and below 2**-126 becomes 2**-126, though 2**-127 may be nearer: in
        float32 these are subnormal, and have other bits.
    infinity_is_nan : bool
        Whether infinity becomes NaN; else it overflows as a large number does.
    """

    rounding: RoundingMode = "nearest_even"
    saturation: SaturationMode = "none"
    drops_sign: bool = True
    next_above: float = 2.0**-127
    infinity_is_nan: bool = True
    # E8M0 has a code for NaN.
    nan_codes: ClassVar[None] = None

    def apply(self, x: Array, fmt: Format) -> Array:
        """The codes of floats."""
        with np.errstate(invalid="ignore"):  # NumPy warns of a signaling NaN on its way
            size = x.astype(np.float64)
        if self.drops_sign:
            size = np.maximum(np.abs(size), fmt.smallest_subnormal)
        if self.infinity_is_nan:
            size[np.isinf(size)] = np.nan
        codes = encode(size, fmt, Modes(self.rounding, self.saturation))
        magnitude = np.abs(x)
        codes[(magnitude > self.next_above) & (magnitude < 2.0**-126) & (codes == 0)] = 1
        return codes


_OVERFLOWS, _SATURATES = Cast(), Cast("finite")
# NaN becomes zero of the other sign: the bits of a sign and a zero, exchanged.
_ML_FLOAT6, _ML_FLOAT4 = Cast(nan_codes=(0x20, 0)), Cast(nan_codes=(0x8, 0))

# By library, and the name of the format there. Where the library offers a choice, this is what it
# does unless told otherwise.
CASTS: Final[dict[str, dict[str, Cast | ScaleCast]]] = {
    # ml_dtypes 0.6: `x.astype(dtype)`.
    "ml_dtypes": {
        "bfloat16": _OVERFLOWS,
        **{
            f"float8_{name}": _OVERFLOWS
            for name in ("e3m4", "e4m3", "e4m3fn", "e4m3fnuz", "e4m3b11fnuz", "e5m2", "e5m2fnuz")
        },
        "float6_e2m3fn": _ML_FLOAT6,
        "float6_e3m2fn": _ML_FLOAT6,
        "float4_e2m1fn": _ML_FLOAT4,
        "float8_e8m0fnu": ScaleCast(drops_sign=False),
    },
    # PyTorch 2.13: `x.to(dtype)`. Its bfloat16 is left out, since the bits of its NaN depend on
    # whether its vectorized loop made them.
    "torch": {
        "float8_e4m3fn": _SATURATES,
        "float8_e4m3fnuz": _OVERFLOWS,
        "float8_e5m2": Cast(nan_codes=(0x7F, 0xFF)),
        "float8_e5m2fnuz": _OVERFLOWS,
        "float8_e8m0fnu": ScaleCast(),
    },
    # CUDA 13, cuda_fp8.h, cuda_fp6.h, cuda_fp4.h: the constructors from float.
    "cuda": {
        "float8_e4m3fn": Cast("finite", nan_codes=(0x7F, 0x7F)),
        "float8_e5m2": Cast("finite", nan_codes=(0x7F, 0x7F)),
        "float6_e2m3fn": Cast("finite", nan_codes=(0x1F, 0x1F)),
        "float6_e3m2fn": Cast("finite", nan_codes=(0x1F, 0x1F)),
        "float4_e2m1fn": Cast("finite", nan_codes=(0x7, 0x7)),
        "float8_e8m0fnu": ScaleCast("toward_positive", "finite", infinity_is_nan=False),
    },
    # ONNX, operators Cast and QuantizeLinear with `saturate` = 1 and `round_mode` = "up".
    "onnx": {
        "bfloat16": _OVERFLOWS,
        "float8_e4m3fn": _SATURATES,
        "float8_e4m3fnuz": _SATURATES,
        "float8_e5m2": _SATURATES,
        "float8_e5m2fnuz": _SATURATES,
        "float6_e2m3fn": _ML_FLOAT6,
        "float6_e3m2fn": _ML_FLOAT6,
        "float4_e2m1fn": _ML_FLOAT4,
        "float8_e8m0fnu": ScaleCast("toward_positive", "finite", next_above=0.0),
        **dict.fromkeys(("int8", "uint8", "int16", "uint16", "int4", "uint4"), _SATURATES),
        **dict.fromkeys(("int2", "uint2"), _SATURATES),
    },
}


def cast(x: ArrayLike, fmt: str | Format, convention: str) -> Array:
    """Codes of numbers as a library's own cast gives them, unscaled.

    Parameters
    ----------
    x : array_like of real numbers
        Any shape. Whatever the dtype, it is rounded to float32 first, as these libraries do.
    fmt : str or Format
        An element or scale format that the library has.
    convention : {"ml_dtypes", "torch", "cuda", "onnx"}
        Whose cast: ml_dtypes 0.6, PyTorch 2.13, CUDA 13's constructors from float, or ONNX's
        `Cast` and, for integers, `QuantizeLinear` with a scale of 1.

    Returns
    -------
    ndarray
        Codes in the shape of `x`.

    Raises
    ------
    TypeError, ValueError
        For an unknown convention, a format that the library lacks, or NaN where it defines nothing.

    Examples
    --------
    >>> import numformats as nf
    >>> [hex(nf.cast(465.0, "e4m3fn", library)) for library in ("ml_dtypes", "torch")]
    ['0x7f', '0x7e']
    >>> nf.cast([float("nan")], "float4_e2m1fn", "cuda")
    array([7], dtype=uint8)
    """
    array = to_float32(read_real("x", x))
    found = read_format(fmt, unknown_format)
    codes = cast_of(found, convention).apply(array.reshape(-1), found).reshape(array.shape)
    return codes if array.ndim else codes[()]


def cast_of(fmt: Format, convention: str) -> Cast | ScaleCast:
    """How a library casts to a format; ValueError for a library or a format without."""
    if not isinstance(convention, str):
        raise TypeError(f"convention: expected a str, got {type(convention).__name__}")
    if convention not in CASTS:
        raise ValueError(unknown("convention", convention, tuple(CASTS)))
    casts = CASTS[convention]
    if fmt.name not in casts or read_format(fmt.name, unknown_format) != fmt:
        raise ValueError(f"convention: {convention} has no cast to {fmt.name}; it has {[*casts]}")
    return casts[fmt.name]


def to_float32(x: Array) -> NDArray[np.float32]:
    """Numbers in float32, rounded to it, without a word about overflow."""
    with np.errstate(over="ignore", invalid="ignore"):
        return x.astype(np.float32)
