"""The FNUZ formats: finite, NaN at the code of negative zero, unsigned zero.

Source: Noune et al., "8-bit Numerical Formats for Deep Neural Networks", Graphcore, 2022
(arXiv:2206.02915), whose bias is one more than IEEE 754's; E4M3B11 with bias 11 as in LLVM APFloat
(Float8E4M3B11FNUZ) and ml_dtypes, for TPUs.
"""

from typing import Final

from numformats.formats.floating import FloatFormat


def _fnuz(name: str, exponent_bits: int, mantissa_bits: int, bias: int) -> FloatFormat:
    return FloatFormat(
        name,
        exponent_bits,
        mantissa_bits,
        bias,
        has_inf=False,
        nan="negative_zero",
        dtype_name=name,
    )


float8_e4m3fnuz: Final = _fnuz("float8_e4m3fnuz", 4, 3, bias=8)
float8_e5m2fnuz: Final = _fnuz("float8_e5m2fnuz", 5, 2, bias=16)
float8_e4m3b11fnuz: Final = _fnuz("float8_e4m3b11fnuz", 4, 3, bias=11)

FORMATS: Final = (float8_e4m3fnuz, float8_e5m2fnuz, float8_e4m3b11fnuz)
ALIASES: Final = {
    "e4m3fnuz": float8_e4m3fnuz,
    "fp8_e4m3fnuz": float8_e4m3fnuz,
    "e5m2fnuz": float8_e5m2fnuz,
    "fp8_e5m2fnuz": float8_e5m2fnuz,
    "e4m3b11fnuz": float8_e4m3b11fnuz,
    "fp8_e4m3b11fnuz": float8_e4m3b11fnuz,
}
