"""Float formats of any shape, and the numbers at which their projections change their mind."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

import numformats as nf

# Exponents at which float32 and float64 change: their smallest normal and subnormal numbers, their
# ends, and twice as far, where words of 32 bits and bytes of exponents end.
_EDGES: Final = (
    *(-1075, -1074, -1022, -150, -149, -127, -126, -24, -14, 15, 127, 128, 254, 255, 256, 257),
    *(512, 640, 1023, 1024, 2048, 4096),
)
_SPECIALS: Final = (0.0, np.inf, np.nan, 5e-324, 1e-323, 2.0**-1022, 1.5 * 2.0**-1023)
_MAGNITUDES: Final = (
    *(2.0**-149, 3 * 2.0**-149, 2.0**-126, 1.5 * 2.0**-127, 1.0, 2.0**127, 2.0**128),
    *(float(np.finfo(np.float32).max), float(np.finfo(np.float64).max)),
)


@st.composite
def float_formats(draw: st.DrawFn, most_mantissa_bits: int = 23) -> nf.FloatFormat:
    """Any `FloatFormat`; many have an end of their range where that of a float is."""
    signed = draw(st.booleans())
    has_zero = signed or draw(st.booleans())
    exponent_bits = draw(st.integers(1, 16))
    room = 32 - signed - exponent_bits
    mantissa_bits = draw(st.integers(0, min(most_mantissa_bits, room)))
    has_inf = draw(st.booleans())
    of_ieee = ["ieee"] if has_inf and mantissa_bits else []
    nan = draw(st.sampled_from(["none", "top", *of_ieee, *(["negative_zero"] if signed else [])]))
    overflow = ["max", *(["infinity"] if has_inf else []), *(["nan"] if nan != "none" else [])]
    near_edge = st.builds(
        lambda edge, off, end: 1 - edge + off + end,
        st.sampled_from(_EDGES),
        st.integers(-3, 3),
        st.sampled_from((0, mantissa_bits, 2**exponent_bits - 1)),
    )
    bias = draw(near_edge | st.integers(-(2**16), 2**16) | st.just(2 ** (exponent_bits - 1) - 1))
    try:
        return nf.FloatFormat(
            "any",
            exponent_bits,
            mantissa_bits,
            bias=min(bias, 2**16),
            signed=signed,
            has_inf=has_inf,
            nan=nan,  # type: ignore[arg-type]  # sampled from what there is
            has_subnormals=has_zero and draw(st.booleans()),
            has_zero=has_zero,
            overflow=draw(st.sampled_from(overflow)),  # type: ignore[arg-type]
            even_ties=draw(st.sampled_from(("code", "significand"))),
            subnormals=draw(st.sampled_from(("gradual", "gradual", "flush")))
            if has_zero
            else "gradual",
        )
    except ValueError as error:
        # Of the narrowest, what is set aside may leave nothing.
        assert "leave no code" in str(error)
        return nf.float4_e2m1fn


def telling_numbers(fmt: nf.FloatFormat, codes: list[int]) -> NDArray[np.float64]:
    """Values at some magnitude codes and at both ends, what lies between them and their neighbours,
    each with the floats beside it; what is special of floats; of both signs."""
    last, binade = fmt.max_code, 1 << fmt.mantissa_bits
    at_ends = {0, 1, 2, binade - 1, binade, binade + 1, last - 1, last}
    points: set[Fraction] = {fmt.highest * 2, fmt.smallest_positive_exact / 4}
    for code in (at_ends | set(codes)) & set(range(last + 1) if last < 2**16 else at_ends):
        value, step = fmt.magnitude(code), fmt.magnitude(code) - fmt.magnitude(max(code - 1, 0))
        if code < last:
            step = fmt.magnitude(code + 1) - value
        points |= {value + step * Fraction(part, 4) for part in range(5)}
    wide = [float(point) for point in points if point < 2**1024]
    floats = np.array([*wide, *_SPECIALS, *_MAGNITUDES])
    with np.errstate(over="ignore"):
        narrow = floats.astype(np.float32)
        near = [np.nextafter(each, each.dtype.type(end)) for each in (floats, narrow)
                for end in (-np.inf, np.inf)]  # fmt: skip
    found = np.concatenate([floats, narrow, *near])
    return np.unique(np.concatenate([found, -found]).view(np.uint64)).view(np.float64)


def as_inputs(numbers: NDArray[np.float64], seed: int) -> list[NDArray[Any]]:
    """Numbers as float64 and float32, and arbitrary bits of these."""
    rng = np.random.default_rng(seed)
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = numbers.astype(np.float32)
    return [
        numbers,
        narrow,
        rng.integers(0, 2**32, 256, np.uint32).view(np.float32),
        rng.integers(0, 2**64, 256, np.uint64).view(np.float64),
    ]
