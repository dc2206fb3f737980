"""Formats of the Open Compute Project: OFP8 E4M3, and the elements and scale of Microscaling (MX).

"fn" in a name: finite, no infinities. OFP8 E5M2 is on the IEEE plan and stands in `ieee.py`.
"""

from typing import Final

from numformats.formats.floating import FloatFormat

# OCP 8-bit Floating Point Specification (OFP8) v1.0, 2023, clause 5.1 and table 1: the top exponent
# is a binade of numbers, less its last code, which is NaN.
float8_e4m3fn: Final = FloatFormat(
    "float8_e4m3fn", 4, 3, has_inf=False, nan="top", dtype_name="float8_e4m3fn"
)

# OCP Microscaling Formats (MX) Specification v1.0, 2023, clause 5.3: elements with neither infinity
# nor NaN. Too large goes to the largest value.
float6_e3m2fn: Final = FloatFormat(
    "float6_e3m2fn", 3, 2, has_inf=False, nan="none", dtype_name="float6_e3m2fn"
)
float6_e2m3fn: Final = FloatFormat(
    "float6_e2m3fn", 2, 3, has_inf=False, nan="none", dtype_name="float6_e2m3fn"
)
float4_e2m1fn: Final = FloatFormat(
    "float4_e2m1fn", 2, 1, has_inf=False, nan="none", dtype_name="float4_e2m1fn"
)

# The same, clause 5.4.1: the scale, a bare exponent. No sign, no zero; 2**-127 to 2**127, and one
# NaN. Every significand is 1, so no tie has an even one: IEEE 754 then rounds away from zero, and
# so does ml_dtypes.
float8_e8m0fnu: Final = FloatFormat(
    "float8_e8m0fnu",
    8,
    0,
    signed=False,
    has_inf=False,
    nan="top",
    has_subnormals=False,
    has_zero=False,
    even_ties="significand",
    dtype_name="float8_e8m0fnu",
)

FORMATS: Final = (float8_e4m3fn, float6_e3m2fn, float6_e2m3fn, float4_e2m1fn, float8_e8m0fnu)
ALIASES: Final = {
    "e4m3fn": float8_e4m3fn,
    "fp8_e4m3": float8_e4m3fn,
    "fp8_e4m3fn": float8_e4m3fn,
    "e3m2fn": float6_e3m2fn,
    "fp6_e3m2": float6_e3m2fn,
    "e2m3fn": float6_e2m3fn,
    "fp6_e2m3": float6_e2m3fn,
    "e2m1fn": float4_e2m1fn,
    "e2m1": float4_e2m1fn,
    "fp4": float4_e2m1fn,
    "fp4_e2m1": float4_e2m1fn,
    "e8m0fnu": float8_e8m0fnu,
    "e8m0": float8_e8m0fnu,
}
