"""The scaled formats that have names. Each row of data cites where it comes from."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, cast

import numpy as np

from numformats.checks import unknown
from numformats.formats.fixed import FixedFormat
from numformats.formats.floating import FloatFormat
from numformats.formats.format import Format
from numformats.formats.ieee import float8_e5m2, float16, float32
from numformats.formats.integers import IntFormat
from numformats.formats.ocp import (
    float4_e2m1fn,
    float6_e2m3fn,
    float6_e3m2fn,
    float8_e4m3fn,
    float8_e8m0fnu,
)
from numformats.formats.registry import NAMED as ELEMENTS
from numformats.formats.registry import dtype_name, find_format, names_like
from numformats.formats.tables import TableFormat
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.granularity import Granularity, PerBlock, PerChannel, PerTensor, PerTile


def _integers(name: str) -> IntFormat:
    return cast(IntFormat, ELEMENTS[name])


def _mx(name: str, element: Format) -> ScaledFormat:
    return ScaledFormat(name, element, float8_e8m0fnu, PerBlock(32), "floor")


# OCP Microscaling Formats (MX) v1.0, clause 5.2, table 1, and clause 6.3. The elements of MXINT8
# are two's complement with 6 fraction bits, clause 5.3.4.
MX: Final = (
    _mx("mxfp8_e4m3", float8_e4m3fn),
    _mx("mxfp8_e5m2", float8_e5m2),
    _mx("mxfp6_e3m2", float6_e3m2fn),
    _mx("mxfp6_e2m3", float6_e2m3fn),
    _mx("mxfp4", float4_e2m1fn),
    _mx("mxint8", FixedFormat("mxint8_element", 1, 6)),
)

# NVIDIA, "Pretraining large language models with NVFP4", 2025, section 2: blocks of 16, an E4M3
# scale for each, a float32 scale for the tensor: two levels. The second does without the latter.
NVFP4: Final = (
    ScaledFormat(
        "nvfp4",
        float4_e2m1fn,
        ScaledFormat("nvfp4_scales", float8_e4m3fn, float32),
        PerBlock(16),
    ),
    ScaledFormat("nvfp4_single_level", float4_e2m1fn, float8_e4m3fn, PerBlock(16)),
)


# One float32 scale for a tensor or for each channel: Micikevicius et al., "FP8 formats for deep
# learning", 2022. For each 1 x 128 of activations and each 128 x 128 of weights: DeepSeek-AI,
# "DeepSeek-V3 technical report", 2024, section 3.3.2, which calls the former tiles and the latter
# blocks; others have these words the other way round, and so the names have the numbers.
def _fp8(suffix: str, granularity: Granularity) -> tuple[ScaledFormat, ...]:
    return tuple(
        ScaledFormat(f"fp8_{short}_{suffix}", element, float32, granularity)
        for short, element in (("e4m3", float8_e4m3fn), ("e5m2", float8_e5m2))
    )


FP8: Final = (
    *_fp8("tensor", PerTensor()),
    *_fp8("channel", PerChannel()),
    *_fp8("1x128", PerBlock(128)),
    *_fp8("128x128", PerTile(128, 128)),
)


# Integers with float scales, symmetric about zero, or affine with a zero point: Jacob et al.,
# "Quantization and training of neural networks for efficient integer-arithmetic-only inference",
# 2018; ONNX, QuantizeLinear. In groups: Dettmers and Zettlemoyer, "The case for 4-bit precision",
# 2023.
def _affine_pair(
    name: str, bits: int, scale: Format, granularity: Granularity
) -> tuple[ScaledFormat, ...]:
    unsigned = _integers(f"uint{bits}")
    return (
        ScaledFormat(name, _integers(f"int{bits}"), scale, granularity),
        ScaledFormat(f"{name}_asym", unsigned, scale, granularity, zero_point=unsigned),
    )


INTEGERS: Final = (
    *_affine_pair("int8_tensor", 8, float32, PerTensor()),
    *_affine_pair("int8_channel", 8, float32, PerChannel()),
    *_affine_pair("int4_g32", 4, float16, PerBlock(32)),
    *_affine_pair("int4_g64", 4, float16, PerBlock(64)),
    *_affine_pair("int4_g128", 4, float16, PerBlock(128)),
)

# The quantiles of a normal distribution, scaled to 1: Dettmers et al., "QLoRA: efficient finetuning
# of quantized LLMs", 2023, appendix E.
NF4_TABLE: Final = TableFormat(
    "nf4_element",
    (
        -1.0,
        -0.6961928009986877,
        -0.5250730514526367,
        -0.39491748809814453,
        -0.28444138169288635,
        -0.18477343022823334,
        -0.09105003625154495,
        0.0,
        0.07958029955625534,
        0.16093020141124725,
        0.24611230194568634,
        0.33791524171829224,
        0.44070982933044434,
        0.5626170039176941,
        0.7229568362236023,
        1.0,
    ),
)
# The FP4 of bitsandbytes (functional.py): a sign bit, and these magnitudes over 12, in
# float32.
_MAGNITUDES = (0.0, 0.0625, 8.0, 12.0, 4.0, 6.0, 2.0, 3.0)
FP4_TABLE: Final = TableFormat(
    "fp4_bnb_element",
    tuple(
        float(np.float32(sign * magnitude / 12)) for sign in (1, -1) for magnitude in _MAGNITUDES
    ),
)


def _dynamic_tree() -> tuple[float, ...]:
    """Zero, 1, and with either sign the middles of 2**n equal steps from 0.1 to 1, times 10**(n-6),
    for n from 0 to 6; in float32, rounded where bitsandbytes has them rounded.
    """
    single = np.float32
    found = [single(0), single(1)]
    for bits in range(7):
        steps, power = np.arange(2**bits + 1), single(10.0 ** (bits - 6))
        step = np.float64((single(1) - single(0.1)) / single(2**bits))
        # From the nearer end, with products and sums rounded once, as PyTorch's `linspace` does.
        up, down = np.float64(single(0.1)) + step * steps, 1 - step * steps[::-1]
        bounds = np.where(steps < (steps.size + 1) // 2, up, down).astype(single)
        middles = (bounds[:-1] + bounds[1:]) / single(2) * power
        found += [*middles, *-middles]
    return tuple(sorted(map(float, found)))


# The dynamic tree of Dettmers, "8-bit approximations for parallelism in deep learning", 2016, as
# bitsandbytes has it (functional.py, create_dynamic_map).
DYNAMIC_TABLE: Final = TableFormat("dynamic8", _dynamic_tree())
# Double quantization: QLoRA, section 3. 256 scales share a scale, and the mean of all is subtracted
# first.
_DOUBLE: Final = ScaledFormat("double_scales", DYNAMIC_TABLE, float32, PerBlock(256))
CODEBOOKS: Final = (
    ScaledFormat("nf4", NF4_TABLE, float32, PerBlock(64)),
    ScaledFormat("nf4_dq", NF4_TABLE, _DOUBLE, PerBlock(64), scale_mean=float32),
    ScaledFormat("fp4_bnb", FP4_TABLE, float32, PerBlock(64)),
    ScaledFormat("fp4_bnb_dq", FP4_TABLE, _DOUBLE, PerBlock(64), scale_mean=float32),
)

# ggml's block_q8_0, block_q4_0 and block_q4_1 (ggml-common.h): 32 integers and a float16 scale; in
# the second the number farthest from zero becomes -8; the third has a float16 offset.
GGUF: Final = (
    ScaledFormat("q8_0", _integers("int8"), float16, PerBlock(32)),
    ScaledFormat("q4_0", _integers("int4"), float16, PerBlock(32), "lowest"),
    ScaledFormat("q4_1", _integers("uint4"), float16, PerBlock(32), offset=float16),
)

# A shared exponent of 8 bits for 16 signed mantissas of 3 or 7 bits: Darvish Rouhani et al.,
# "Pushing the limits of narrow precision inferencing at cloud scale with Microsoft Floating Point",
# 2020.
MSFP: Final = (
    ScaledFormat("msfp12", _integers("int4_narrow"), float8_e8m0fnu, PerBlock(16), "floor"),
    ScaledFormat("msfp16", _integers("int8_narrow"), float8_e8m0fnu, PerBlock(16), "floor"),
)

# HiFloat4: Luo et al., "HiFloat4 format for language model inference", 2026 (arXiv:2602.11287). The
# elements, S1P2, have a sign and 0 to 1.75 in quarters, which is a float of one exponent bit; the
# scale, E6M2, is unsigned, without zero and infinity, and its last code is NaN. A bit for each 8
# doubles it, and one for each 4.
HIF4: Final = (
    ScaledFormat(
        "hif4",
        FloatFormat("s1p2", 1, 2, bias=1, has_inf=False, nan="none"),
        FloatFormat(
            *("e6m2", 6, 2, 48),
            signed=False,
            has_inf=False,
            nan="top",
            has_subnormals=False,
            has_zero=False,
        ),
        PerBlock(64),
        micro_exponents=(8, 4),
    ),
)

NAMED: Final = {
    fmt.name: fmt for fmt in (*MX, *NVFP4, *FP8, *INTEGERS, *CODEBOOKS, *GGUF, *MSFP, *HIF4)
}

# Names that some read as another format, and what these formats are called now.
RENAMED: Final = {
    "nvfp4_block": "nvfp4_single_level",
    "fp8_e4m3_block128": "fp8_e4m3_1x128",
    "fp8_e5m2_block128": "fp8_e5m2_1x128",
    "fp8_e4m3_tile128": "fp8_e4m3_128x128",
    "fp8_e5m2_tile128": "fp8_e5m2_128x128",
}


def get_scaled_format(name: str | ScaledFormat) -> ScaledFormat:
    """The scaled format of a name, in any case; a scaled format is given back as is.

    ValueError for an unknown name, with the nearest, and for that of a format without scales;
    TypeError for anything else.

    >>> get_scaled_format("mxfp4").bits
    4.25
    """
    found = find(name)
    scaled = _scaled(found)
    if scaled is None:
        raise ValueError(
            f"format: {found.name!r} has no scales; numformats.get_format finds it, and "
            "numformats.quantize gives a tensor of it one scale"
        )
    return scaled


def find(name: str | ScaledFormat | Format | Any) -> ScaledFormat | Format:
    """The format, with scales or without, of a name, an alias or a dtype; a format is given back.

    ValueError for an unknown name, with the nearest of both kinds; TypeError for anything else.

    >>> find("e4m3fn").name, find("nvfp4").name
    ('float8_e4m3fn', 'nvfp4')
    """
    if isinstance(name, str):
        text = name
    elif isinstance(name, (ScaledFormat, Format)):
        return name
    else:
        text = dtype_name(name)
    found = NAMED.get(text.lower()) or find_format(text)
    if found is None:
        raise unknown_format(text)
    return found


def with_scales(fmt: str | ScaledFormat | Format | Any) -> ScaledFormat:
    """The scaled format that `quantize` takes a format for: one without scales has a float32 scale
    for all of a tensor.

    Raises what `find` raises.
    """
    found = find(fmt)
    return _scaled(found) or _with_tensor_scale(element_of(found))


@lru_cache(maxsize=64)  # for small arrays, for which it takes long
def _with_tensor_scale(element: Format) -> ScaledFormat:
    return ScaledFormat(element.name, element, float32, PerTensor(), "absmax_up")


def element_of(fmt: ScaledFormat | Format) -> Format:
    """What each number is stored in: the element of a scaled format, or the format itself.

    >>> element_of(find("nvfp4")).name, element_of(find("int8")).name
    ('float4_e2m1fn', 'int8')
    """
    scaled = _scaled(fmt)
    return cast(Format, fmt) if scaled is None else scaled.element


def _scaled(fmt: ScaledFormat | Format) -> ScaledFormat | None:
    return fmt if isinstance(fmt, ScaledFormat) else None


def unknown_format(name: str) -> ValueError:
    """What to raise for a name that is no format's: it names the nearest of both kinds.

    >>> print(unknown_format("mxpf4"))
    format: unknown 'mxpf4'; did you mean 'mxfp4'? see numformats.list_formats()
    """
    if name.lower() in NAMED:
        return ValueError(
            f"format: {name!r} has scales; numformats.get_scaled_format finds it, and "
            "numformats.quantize takes it by name"
        )
    message = renamed(name)
    if message is None:
        nearest, _, _ = unknown("format", name, [*names_like(name), *NAMED]).partition(" Known:")
        is_near = nearest.endswith("?")
        lists = "" if is_near else " and numformats.list_scaled_formats()"
        message = (
            f"{nearest if is_near else nearest[:-1] + ';'} see numformats.list_formats(){lists}"
        )
    return ValueError(message)


def renamed(name: str) -> str | None:
    """What an error says of a name that has been given up; None for any other.

    >>> print(renamed("fp8_e4m3_tile128"))
    format: 'fp8_e4m3_tile128' is now <ScaledFormat fp8_e4m3_128x128: float8_e4m3fn, a float32 scale
    per tile of 128 x 128, 8.002 bits>
    """
    new = RENAMED.get(name.lower())
    # With what it is: the old name may have been meant as another reads it.
    return None if new is None else f"format: {name!r} is now {NAMED[new]!r}"


def list_scaled_formats() -> tuple[str, ...]:
    """The names of all scaled formats."""
    return tuple(NAMED)
