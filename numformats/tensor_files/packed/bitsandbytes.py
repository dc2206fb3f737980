"""The quantization state that bitsandbytes stores beside the codes of a weight, as JSON in bytes.

Scales are for blocks of neighbours in C order, wherever rows end. They may be quantized themselves
("nested"): 8-bit codes of a codebook, with a scale for each block of them and an offset for all.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.tensor_files.packed.extents import Extent
from numformats.tensor_files.packed.parts import Parts
from numformats.tensor_files.raw import MAX_DIMENSIONS, RefusedError

_DEFAULT_NESTED_BLOCK: Final = 256


@dataclass(frozen=True)
class QuantState:
    """What the state says: the weight's shape, and how many numbers share a scale."""

    shape: tuple[int, ...]
    block: int
    nested_block: int
    nested_offset: float


def quant_state(parts: Parts) -> QuantState:
    """The state of a weight; `RefusedError` where it is none, or of another kind."""
    name = parts.tensors["state"].name
    stored = parts.read_small("state")
    try:
        told = json.loads(stored.tobytes().decode())
    except (ValueError, RecursionError):
        raise RefusedError(f"{name} holds no JSON; save or fetch it again") from None
    match told:
        case {"blocksize": int(block), "shape": [*lengths]} if block > 0 and _is_shape(lengths):
            shape = tuple(lengths)
        case _:
            raise RefusedError(f"{name} tells no blocksize and shape; save or fetch it again")
    nested_block = told.get("nested_blocksize", _DEFAULT_NESTED_BLOCK)
    offset = told.get("nested_offset", 0.0)
    if type(nested_block) is not int or nested_block < 1 or type(offset) not in (int, float):
        raise RefusedError(f"{name} tells no nested_blocksize and nested_offset; save it again")
    return QuantState(shape, block, nested_block, float(offset))


def _is_shape(lengths: list[Any]) -> bool:
    are_lengths = all(type(length) is int and 0 < length < 2**63 for length in lengths)
    return are_lengths and len(lengths) <= MAX_DIMENSIONS and math.prod(lengths) < 2**63


def blocks(parts: Parts) -> Extent:
    """The shape that the state tells; for the scales a matrix with a block in each row."""
    state = quant_state(parts)
    size = math.prod(state.shape)
    packed = math.prod(parts.shape("codes"))
    if packed != -(-size // 2):
        raise parts.misfit("codes", f"{-(-size // 2)} bytes for a weight of {state.shape}")
    if parts.shape("values") != (16,):
        raise parts.misfit("values", "the 16 numbers that codes stand for")
    count = -(-size // state.block)
    if parts.shape("scale") != (count,):
        raise parts.misfit("scale", f"{count} scales, for blocks of {state.block}")
    nested = -(-count // state.nested_block)
    if ("nested_scale" in parts) != ("nested_values" in parts):
        raise RefusedError("only one of its nested_absmax and nested_quant_map is there")
    if "nested_scale" in parts and parts.shape("nested_scale") != (nested,):
        raise parts.misfit("nested_scale", f"{nested} scales, for blocks of {state.nested_block}")
    if "nested_values" in parts and parts.shape("nested_values") != (256,):
        raise parts.misfit("nested_values", "the 256 numbers that scales stand for")
    return Extent(state.shape, (count, min(state.block, size)), 4, "bitsandbytes")


def block_scales(parts: Parts) -> NDArray[np.float32]:
    """The scale of each block, in a column; nested ones as bitsandbytes computes them.

    That is in float32, rounded after the product and after the sum: what it multiplies codes by.
    """
    scales = parts.read("scale")
    if "nested_scale" in parts:
        state = quant_state(parts)
        if scales.dtype != np.uint8:
            raise RefusedError(f"{parts.tensors['scale'].name} is {scales.dtype}; expected uint8")
        of_block = np.repeat(parts.read("nested_scale").astype(np.float32), state.nested_block)
        normalized = parts.read("nested_values").astype(np.float32)[scales]
        scales = normalized * of_block[: scales.size] + np.float32(state.nested_offset)
    if scales.dtype != np.float32:
        raise RefusedError(f"{parts.tensors['scale'].name} is {scales.dtype}; expected float32")
    return scales.reshape(-1, 1)
