"""The convention of HiFloat4's authors: their public NumPy code, `To_HiFX` in HiF4_NVFP4_v14f16.py
of the repository global-computing-consortium/HiFloat4.

Largest magnitudes are multiplied by a reciprocal of 7 and numbers by one of their scale, both
rounded to bfloat16, and elements are rounded with halves upward.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.codec.arguments import refuse_where
from numformats.codec.backends import decode, encode
from numformats.formats.ieee import bfloat16
from numformats.modes import Modes
from numformats.scaled.catalogue import NAMED
from numformats.scaled.conventions.blocks import from_blocks, in_blocks
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.rules import ScaleRule
from numformats.scaled.scales import Scales

Array = NDArray[Any]
Floats = NDArray[np.float64]

_SIGN_BIT: Final = np.uint8(8)
_QUARTERS: Final = 4
_MOST_QUARTERS: Final = 7


def hifloat4(x: Array, fmt: ScaledFormat, rule: ScaleRule, axis: int) -> tuple[Array, Scales]:
    """The codes and scales that the authors' code makes of an array whose blocks run along an axis.

    The numbers are float32; a last block that is not full is filled up. The code defines nothing
    for NaN and infinity. ValueError for these, and for any other format or rule.
    """
    if fmt != NAMED["hif4"] or rule != fmt.rule:
        raise ValueError(f"convention: hif4 has no {fmt.name} with this scale rule")
    refuse_where("x", x, lambda n: ~np.isfinite(n), "NaN or infinity", "hif4 has no code for it")
    numbers = in_blocks(x, axis, 64).astype(np.float64)
    # Products of float32 and bfloat16, which float64 has exactly.
    parts = np.abs(numbers).reshape(*numbers.shape[:-1], 8, 2, 4)
    of_fours = parts.max(axis=-1)
    of_eights = of_fours.max(axis=-1)
    scales = _scales(of_eights.max(axis=-1), fmt)
    factors = _to_bfloat16(1 / decode(scales, fmt.scale_element))[..., np.newaxis]
    eights = of_eights * factors >= 4
    halved = factors[..., np.newaxis] / np.where(eights, 2, 1)[..., np.newaxis]
    fours = of_fours * halved >= 2
    divided = parts * (halved / np.where(fours, 2, 1))[..., np.newaxis]
    quarters = np.minimum(np.floor(divided * _QUARTERS + 0.5), _MOST_QUARTERS).astype(np.uint8)
    codes = quarters.reshape(numbers.shape) | np.where(numbers < 0, _SIGN_BIT, np.uint8(0))
    length = x.shape[axis]
    return from_blocks(codes, axis, length), Scales(
        np.moveaxis(scales, -1, axis),
        micro=from_blocks(eights.astype(np.uint8), axis, -(-length // 8)),
        inner_micro=from_blocks(
            fours.reshape(*eights.shape[:-1], 16).astype(np.uint8), axis, -(-length // 4)
        ),
    )


def _scales(largest: Floats, fmt: ScaledFormat) -> Array:
    """The codes of the scales; of what is out of range, that of the nearer end."""
    seventh = _to_bfloat16(np.asarray(1 / 7))
    return encode(_to_bfloat16(largest * seventh), fmt.scale_element, Modes(saturation="finite"))


def _to_bfloat16(x: Floats) -> Floats:
    return decode(encode(x, bfloat16, Modes()), bfloat16)
