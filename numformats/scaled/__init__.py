"""Scaled formats: elements and the scales that they share, as one idea.

Every practical low-bit format is one of these: MX, NVFP4, FP8 with scales, integers with scales and
zero points, codebooks. `ScaledFormat` describes it, `quantize` makes a `ScaledArray` of an array.
"""

from __future__ import annotations

from numformats.scaled.array import ScaledArray
from numformats.scaled.catalogue import get_scaled_format, list_scaled_formats
from numformats.scaled.conventions import CONVENTIONS, cast
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.granularity import (
    Granularity,
    PerBlock,
    PerChannel,
    PerTensor,
    PerTile,
)
from numformats.scaled.quantization import quantize
from numformats.scaled.rules import RULES, ScaleRule
from numformats.scaled.second_order import gptq, layer_error

__all__ = [
    "CONVENTIONS",
    "RULES",
    "Granularity",
    "PerBlock",
    "PerChannel",
    "PerTensor",
    "PerTile",
    "ScaleRule",
    "ScaledArray",
    "ScaledFormat",
    "cast",
    "get_scaled_format",
    "gptq",
    "layer_error",
    "list_scaled_formats",
    "quantize",
]
