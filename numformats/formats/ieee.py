"""IEEE 754 interchange formats, and the formats built on their plan with other widths.

The top exponent holds infinity (T = 0) and NaN (T != 0), and overflow goes to infinity. DLFloat
alone departs from the plan; its constructor call says how.
"""

from typing import Final

from numformats.formats.floating import FloatFormat

# IEEE 754-2019 clause 3.6, table 3.5.
float16: Final = FloatFormat("float16", 5, 10, dtype_name="float16")
float32: Final = FloatFormat("float32", 8, 23, dtype_name="float32")

# The upper half of a binary32. Wang and Kanwar, "BFloat16: The secret to high performance on Cloud
# TPUs", Google, 2019; Intel, "BFLOAT16 - Hardware Numerics Definition", 2018.
bfloat16: Final = FloatFormat("bfloat16", 8, 7, dtype_name="bfloat16")

# TensorFloat-32: the range of binary32, the precision of binary16, 19 bits in all. NVIDIA, "NVIDIA
# A100 Tensor Core GPU Architecture", white paper, 2020. Here it is right-aligned in a uint32; a GPU
# keeps it in the upper 19 bits of a binary32.
tf32: Final = FloatFormat("tf32", 8, 10)

# IBM DLFloat: no subnormals (E = 0 is a binade like the others, less the code of zero), and one
# code of each sign for "NaN or infinity". Agrawal et al., "DLFloat: A 16-b Floating Point Format
# Designed for Deep Learning Training and Inference", ARITH 2019, section II.
dlfloat16: Final = FloatFormat(
    "dlfloat16", 6, 9, has_inf=False, nan="top", has_subnormals=False, has_zero=True
)

# 8-bit formats on the IEEE plan, as in LLVM APFloat (Float8E5M2, Float8E4M3, Float8E3M4) and
# ml_dtypes. E5M2 is also that of OCP OFP8 v1.0, table 1.
float8_e5m2: Final = FloatFormat("float8_e5m2", 5, 2, dtype_name="float8_e5m2")
float8_e4m3: Final = FloatFormat("float8_e4m3", 4, 3, dtype_name="float8_e4m3")
float8_e3m4: Final = FloatFormat("float8_e3m4", 3, 4, dtype_name="float8_e3m4")

FORMATS: Final = (
    float32,
    tf32,
    float16,
    bfloat16,
    dlfloat16,
    float8_e5m2,
    float8_e4m3,
    float8_e3m4,
)
ALIASES: Final = {
    "binary32": float32,
    "single": float32,
    "fp32": float32,
    "f32": float32,
    "binary16": float16,
    "half": float16,
    "fp16": float16,
    "f16": float16,
    "bf16": bfloat16,
    "tfloat32": tf32,
    "tensorfloat32": tf32,
    "dlfloat": dlfloat16,
    "e5m2": float8_e5m2,
    "fp8_e5m2": float8_e5m2,
    # Not "e4m3" alone: others call OCP's float8_e4m3fn so.
    "e3m4": float8_e3m4,
    "fp8_e3m4": float8_e3m4,
}
