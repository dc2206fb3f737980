"""The convention of torchao 0.18: MX and NVFP4, step by step in float32."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.codec.backends import decode, encode
from numformats.formats.format import Format
from numformats.formats.ieee import float32
from numformats.formats.ocp import float8_e4m3fn, float8_e8m0fnu
from numformats.modes import Modes, NanPolicy
from numformats.scaled.conventions.blocks import from_blocks, in_blocks
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.granularity import PerBlock
from numformats.scaled.rules import RULES, ScaleRule, target_of
from numformats.scaled.scales import Scales

Array = NDArray[Any]
Floats = NDArray[np.float32]

_E8M0_BIAS, _E8M0_NAN = 127, 255
_FLOAT32_TRAILING: Final = 23
_SMALLEST_NORMAL: Final = np.float32(2.0**-126)


def torchao(x: Array, fmt: ScaledFormat, rule: ScaleRule, axis: int) -> tuple[Array, Scales]:
    """The codes and scales that torchao 0.18 makes of an array whose blocks run along an axis.

    `to_mx` (torchao.prototype.mx_formats.mx_tensor) for E8M0 scales and the rules floor, ceil, even
    and rceil; `nvfp4_quantize` (nvfp4_tensor) for E4M3 scales. A block that is not full, which it
    refuses, is filled up. ValueError for any other format or rule.
    """
    is_mx = fmt.scale == float8_e8m0fnu and rule in _OF_TO_MX
    is_nvfp4 = fmt.scale_element == float8_e4m3fn and rule == RULES["absmax"]
    is_given = fmt.scaled_scale is not None and fmt.scaled_scale.rule.largest is not None
    if not isinstance(fmt.granularity, PerBlock) or not (is_mx or is_nvfp4) or is_given:
        raise ValueError(f"convention: torchao has no {fmt.name} with this scale rule")
    blocks = in_blocks(x, axis, fmt.granularity.size)
    with np.errstate(all="ignore"):
        codes, scales = _to_mx(blocks, fmt.element, rule) if is_mx else _nvfp4(blocks, fmt)
    own = np.moveaxis(scales.codes, -1, axis)
    return from_blocks(codes, axis, x.shape[axis]), Scales(own, scales.tensor)


_OF_TO_MX: Final = tuple(RULES[name] for name in ("floor", "ceil", "even", "rceil"))


def _to_mx(x: Floats, element: Format, rule: ScaleRule) -> tuple[Array, Scales]:
    largest = np.abs(x).max(axis=-1)
    if rule == RULES["rceil"]:
        return _to_mx_rceil(x, largest, element)
    if rule.rounds_first:
        largest = _rounded_as_bits(largest, element.precision - 1)
    words = largest.view(np.int32)
    exponent = (words >> _FLOAT32_TRAILING) - _E8M0_BIAS
    if rule == RULES["ceil"]:
        exponent += (words & (2**_FLOAT32_TRAILING - 1)) > 0
    power = int(target_of(element, rule)).bit_length() - 1
    code = np.clip(exponent - power, -_E8M0_BIAS, _E8M0_BIAS + 1) + _E8M0_BIAS
    code = np.where(np.isnan(largest), _E8M0_NAN, code)
    # The bits of the scale: infinity for the code that is NaN, and not 2**-127 for the lowest.
    size = (code.astype(np.int32) << _FLOAT32_TRAILING).view(np.float32)
    size = np.maximum(size, _SMALLEST_NORMAL)
    return _cast(x / size[..., np.newaxis], element), Scales(code.astype(np.uint8))


def _to_mx_rceil(x: Floats, largest: Floats, element: Format) -> tuple[Array, Scales]:
    quotient = largest / np.float32(element.max)
    # float32 has no room for what lies just above a high power of two.
    logarithm = np.log2(quotient.astype(np.float64)).astype(np.float32)
    code = np.clip(np.ceil(logarithm), -_E8M0_BIAS, _E8M0_BIAS) + _E8M0_BIAS
    code = np.where(np.isinf(quotient), 254, np.nan_to_num(code)).astype(np.int32)
    code = np.where(np.isnan(quotient), _E8M0_NAN, code)
    factor: Floats = np.exp2(_E8M0_BIAS - code.astype(np.float32))
    factor[code == 0] = 1
    factor[code == _E8M0_NAN] = np.nan
    return _cast(x * factor[..., np.newaxis], element), Scales(code.astype(np.uint8))


def _rounded_as_bits(x: Floats, trailing: int) -> Floats:
    """Half of the last bit that is kept is added to the bits, and the rest cut off."""
    half = 1 << (_FLOAT32_TRAILING - trailing - 1)
    exponents = np.int32(0x7F800000)
    rounded = ((x.view(np.int32) + half) & exponents).view(np.float32)
    return np.where(np.isnan(x), x, rounded)


def _nvfp4(x: Floats, fmt: ScaledFormat) -> tuple[Array, Scales]:
    """With reciprocals, and scales no smaller than the smallest normal one of E4M3."""
    highest = np.float32(fmt.element.max)
    ideal = np.abs(x).max(axis=-1) / highest
    one = np.float32(1)
    tensor, tensor_scale = None, one
    if fmt.scaled_scale is not None:
        tensor_scale = np.abs(x).max(initial=0) / np.float32(float8_e4m3fn.max * fmt.element.max)
        tensor = encode(np.full((1,) * ideal.ndim, tensor_scale), float32, Modes())
        ideal = ideal / tensor_scale
    bounded = np.clip(ideal, np.float32(float8_e4m3fn.smallest_normal), float8_e4m3fn.max)
    codes = encode(bounded, float8_e4m3fn, Modes())
    scale = decode(codes, float8_e4m3fn).astype(np.float32)
    factor = ((one / tensor_scale) / scale).astype(np.float32)
    return _cast(x * factor[..., np.newaxis], fmt.element), Scales(codes, tensor)


def _cast(x: Floats, element: Format) -> Array:
    nan: NanPolicy = "raise" if element.has_nan else "zero"
    highest = np.float32(element.max)
    return encode(np.clip(x, -highest, highest), element, Modes(nan=nan))
