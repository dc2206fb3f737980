"""Conventions: the steps of other libraries where they depart from the exact rule, bit for bit.

Each works in float32 as the library does, and rounds where the library rounds.
"""

from __future__ import annotations

from typing import Any, Final

from numpy.typing import NDArray

from numformats.checks import unknown
from numformats.scaled.conventions.bitsandbytes import bitsandbytes
from numformats.scaled.conventions.casting import quantize_by_cast
from numformats.scaled.conventions.casts import CASTS, cast
from numformats.scaled.conventions.gguf import gguf
from numformats.scaled.conventions.hifloat4 import hifloat4
from numformats.scaled.conventions.torchao import torchao
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.granularity import Tile
from numformats.scaled.rules import ScaleRule
from numformats.scaled.scales import Scales

__all__ = ["CASTS", "CONVENTIONS", "cast", "parse_convention", "quantize_as"]

_OF_BLOCKS: Final = {
    "torchao": torchao,
    "gguf": gguf,
    "bitsandbytes": bitsandbytes,
    "hif4": hifloat4,
}
# The first is our own: the exact rule.
CONVENTIONS: Final = ("ocp", *_OF_BLOCKS, *CASTS)


def parse_convention(convention: str) -> str:
    """ValueError for an unknown one, TypeError for what is no str."""
    if not isinstance(convention, str):
        raise TypeError(f"convention: expected a str, got {type(convention).__name__}")
    if convention not in CONVENTIONS:
        raise ValueError(unknown("convention", convention, CONVENTIONS))
    return convention


def quantize_as(
    convention: str,
    x: NDArray[Any],
    fmt: ScaledFormat,
    rule: ScaleRule,
    tile: Tile,
    axis: int | None,
) -> tuple[NDArray[Any], Scales]:
    """The codes and scales of an array by another convention than our own.

    ValueError for a format or a rule that it does not have.
    """
    if convention in _OF_BLOCKS:
        return _OF_BLOCKS[convention](x, fmt, rule, -1 if axis is None else axis)
    return quantize_by_cast(x, fmt, rule, tile, convention)
