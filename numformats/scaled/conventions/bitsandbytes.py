"""The convention of bitsandbytes 0.50 on CPUs, for its four-bit formats.

It multiplies by a reciprocal rounded to float32, compares with midpoints rounded to float32, and
sends ties to the lower value, whatever its code. Elements are divided by the scales before these
are quantized in turn.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.codec.arguments import refuse_where
from numformats.codec.backends import decode, encode
from numformats.codec.values import values
from numformats.formats.ieee import float32
from numformats.modes import Modes
from numformats.scaled.catalogue import NAMED
from numformats.scaled.conventions.blocks import from_blocks, in_blocks
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.rules import ScaleRule
from numformats.scaled.scale_choice import mean_of
from numformats.scaled.scales import Scales
from numformats.system import NumberSystem

Array = NDArray[Any]

_NAMES: Final = ("nf4", "nf4_dq", "fp4_bnb", "fp4_bnb_dq")
_BLOCK: Final = 64
_BLOCK_OF_SCALES: Final = 256
# Numbers from -1 to 1 that a scale's distance from the mean is rounded to before it is looked up.
_STEPS: Final = 65535
# What a scale is raised to before its reciprocal is taken.
_LEAST: Final = np.float32(1e-38)


def bitsandbytes(x: Array, fmt: ScaledFormat, rule: ScaleRule, axis: int) -> tuple[Array, Scales]:
    """The codes and scales of `quantize_4bit` (bitsandbytes.functional), blocks of 64.

    Its blocks go on from row to row, so that rows have to be whole blocks. ValueError for others,
    for any other format or rule, for NaN and for infinity.
    """
    if fmt.name not in _NAMES or fmt != NAMED[fmt.name] or rule != fmt.rule:
        raise ValueError(f"convention: bitsandbytes has no {fmt.name} with this scale rule")
    if axis % x.ndim != x.ndim - 1 or (x.ndim > 1 and x.shape[-1] % _BLOCK):
        raise ValueError(f"convention: bitsandbytes has blocks in rows of whole {_BLOCK}s alone")
    refuse_where("x", x, lambda n: ~np.isfinite(n), "NaN or infinity", "bitsandbytes has no code")
    blocks = in_blocks(x, -1, _BLOCK)
    largest = np.abs(blocks).max(axis=-1)
    sizes = np.maximum(largest, _LEAST)[..., np.newaxis]
    with np.errstate(all="ignore"):
        scaled = blocks * (np.float32(1) / sizes)
    if x.ndim == 1 and x.size % _BLOCK:
        # The last block, which is not full, is divided, and its scale raised for good.
        scaled[-1] = blocks[-1] / sizes[-1]
        largest[-1] = sizes[-1, 0]
    table = values(fmt.element).astype(np.float32)
    order = np.argsort(table, kind="stable")
    midpoints = (table[order[:-1]] + table[order[1:]]) / np.float32(2)
    places = np.searchsorted(midpoints, np.clip(scaled, -1, 1), side="left")
    codes = order[places].astype(np.uint8)
    scales = Scales(encode(largest, float32, Modes()))
    if fmt.scale_mean is not None:
        scales = _about_mean(largest, fmt)
    return from_blocks(codes, -1, x.shape[-1]), scales


def _about_mean(largest: NDArray[np.float32], fmt: ScaledFormat) -> Scales:
    """Scales less their mean, as `quantize_blockwise` stores them, in blocks of 256.

    The mean is the exact one, rounded once. The library's is a sum in float32, in an order that
    goes by the machine.
    """
    mean = mean_of(largest.astype(np.float64), Fraction(1), float32)
    distances = largest - decode(mean, float32).astype(np.float32)
    blocks = in_blocks(distances.reshape(-1), -1, _BLOCK_OF_SCALES)
    sizes = np.abs(blocks).max(axis=-1)
    half = np.float32(0.5)
    with np.errstate(all="ignore"):
        scaled = blocks * (np.float32(1) / sizes[..., np.newaxis])
        places = np.floor((scaled + np.float32(1)) * (_STEPS * half) + half)
    # NaN, of a zero in a block whose reciprocal is infinite, has the first code, as if it were -1.
    places = np.clip(np.where(np.isnan(places), 0, places), 0, _STEPS).astype(np.int64)
    codes = from_blocks(_nearest_to_steps(fmt.scale_element)[places], -1, distances.size)
    tensor = encode(sizes, float32, Modes())
    return Scales(codes.reshape(largest.shape), tensor, mean=mean)


def _nearest_to_steps(table: NumberSystem) -> Array:
    """The code of the value nearest to each step from -1 to 1, of values in the order of codes."""
    own = values(table)
    steps = np.arange(_STEPS + 1) * (2 / _STEPS) - 1
    return np.searchsorted((own[:-1] + own[1:]) / 2, steps).astype(np.uint8)
