"""The convention of the package gguf 0.19, whose NumPy code quantizes as ggml's reference does.

The scale that divides is not the float16 that is stored, and numbers are multiplied by its
reciprocal; both make the errors larger than they need be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.codec.arguments import refuse_where
from numformats.codec.backends import encode
from numformats.formats.ieee import float16
from numformats.modes import Modes
from numformats.scaled.catalogue import NAMED
from numformats.scaled.conventions.blocks import from_blocks, in_blocks
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.rules import ScaleRule
from numformats.scaled.scales import Scales

Array = NDArray[Any]
Floats = NDArray[np.float32]
# The codes of blocks, and in float32 their scales and offsets.
Made = tuple[Array, Floats, Floats | None]


def gguf(x: Array, fmt: ScaledFormat, rule: ScaleRule, axis: int) -> tuple[Array, Scales]:
    """The codes and scales that gguf makes of an array whose blocks run along an axis.

    A last block that is not full, which it refuses, is filled up. ValueError for any other format
    or rule, for NaN and for infinity.
    """
    if fmt.name not in _STEPS or fmt != NAMED[fmt.name] or rule != fmt.rule:
        raise ValueError(f"convention: gguf has no {fmt.name} with this scale rule")
    refuse_where(
        "x", x, lambda n: ~np.isfinite(n), "NaN or infinity", "gguf defines no code for it"
    )
    with np.errstate(all="ignore"):
        made, scales, offsets = _STEPS[fmt.name](in_blocks(x, axis, 32))
    codes = from_blocks(made, axis, x.shape[axis])
    stored = (
        None if part is None else np.moveaxis(encode(part, float16, Modes()), -1, axis)
        for part in (scales, offsets)
    )
    own, added = stored
    assert own is not None
    return codes, Scales(own, offsets=added)


def _q8_0(x: Floats) -> Made:
    largest: Floats = np.abs(x).max(axis=-1)
    scale = largest / np.float32(127)
    scaled = x * _reciprocal(scale)
    # Ties away from zero.
    integers = np.sign(scaled) * np.floor(np.abs(scaled) + np.float32(0.5))
    return integers.astype(np.int8).view(np.uint8), scale, None


def _q4_0(x: Floats) -> Made:
    first = np.abs(x).argmax(axis=-1)[..., np.newaxis]
    scale = np.take_along_axis(x, first, axis=-1)[..., 0] / np.float32(-8)
    shifted = np.trunc(x * _reciprocal(scale) + np.float32(8.5))
    # From 0 for -8 to two's complement.
    return shifted.clip(0, 15).astype(np.uint8) ^ 8, scale, None


def _q4_1(x: Floats) -> Made:
    low = x.min(axis=-1)
    scale = (x.max(axis=-1) - low) / np.float32(15)
    shifted = np.trunc((x - low[..., np.newaxis]) * _reciprocal(scale) + np.float32(0.5))
    return shifted.clip(0, 15).astype(np.uint8), scale, low


def _reciprocal(scale: Floats) -> Floats:
    inverse: Floats = np.where(scale == 0, np.float32(0), 1 / scale)
    return inverse[..., np.newaxis]


_STEPS: Final[dict[str, Callable[[Floats], Made]]] = {
    "q8_0": _q8_0,
    "q4_0": _q4_0,
    "q4_1": _q4_1,
}
