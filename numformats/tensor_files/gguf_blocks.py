"""The block types of GGUF: how each lies in bytes, as data, and the one function that decodes them.

A block of ggml has some numbers in one row of a tensor: codes of a few bits, and scales. Whatever
its type, it stands for

    scale * (code - zero)  or  scale * table[code],  and where the type has one, + offset

with scale and offset those of the part of the block that a number lies in. So a type is a list of
its fields, where the bits of its codes are, its zero or table, and a function that makes float32
scales and offsets of its fields. All products and sums are float32, each rounded by itself, as in
the reference code of ggml (ggml-common.h: the structures; ggml-quants.c: `dequantize_row_*`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from numformats.formats.ocp import float4_e2m1fn, float8_e4m3fn, float8_e8m0fnu
from numformats.tensor_files.gguf_codes import Blocks, Codes, Layer, Layers, Trits
from numformats.tensor_files.packing import Storage, strata

Floats: TypeAlias = NDArray[np.float32]
# Scales and offsets of the parts of each block: shape (blocks, parts).
Scales: TypeAlias = tuple[Floats, Floats | None]


@dataclass(frozen=True)
class Field:
    """Some bytes of a block: so many numbers of a dtype of NumPy."""

    name: str
    dtype: str
    count: int = 1


@dataclass(frozen=True)
class BlockType:
    """How a block lies in bytes, and what it stands for.

    number: what GGUF calls the type (`enum ggml_type` in ggml.h). values: how many a block has.
    fields: its bytes, in order. codes: where codes are among them. scales: makes scales and offsets
    of the fields. zero: the code of 0, or table: the value of each code.
    """

    name: str
    number: int
    values: int
    fields: tuple[Field, ...]
    codes: Codes
    scales: Callable[[Blocks], Scales]
    zero: int = 0
    table: tuple[float, ...] | None = None

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """A block, as a structure of NumPy."""
        return np.dtype([(field.name, field.dtype, (field.count,)) for field in self.fields])

    @property
    def storage(self) -> Storage:
        """How values lie in bytes, for a reader."""
        return Storage(
            self.values, self.dtype.itemsize, np.dtype(np.float32), partial(_decoded, self)
        )


def _decoded(kind: BlockType, units: NDArray[np.uint8]) -> Floats:
    """The values of blocks, given as bytes."""
    blocks = units.view(kind.dtype).reshape(-1)
    codes = kind.codes.read(blocks)
    if kind.table is None:
        numbers = codes.astype(np.float32)
        numbers -= np.float32(kind.zero)
    else:
        numbers = np.asarray(kind.table, np.float32)[codes]
    # A damaged scale is infinite or NaN, and so are its values.
    with np.errstate(over="ignore", invalid="ignore"):
        scales, offsets = kind.scales(blocks)
        parts = numbers.reshape(*scales.shape, -1)
        parts *= scales[..., np.newaxis]
        if offsets is not None:
            parts += offsets[..., np.newaxis]
    return numbers.reshape(-1)


# ---- Scales ------------------------------------------------------------------------------------


def _single(blocks: Blocks) -> Floats:
    return blocks["d"].astype(np.float32)


def _one_scale(blocks: Blocks) -> Scales:
    return _single(blocks), None


def _scale_and_minimum(blocks: Blocks) -> Scales:
    return _single(blocks), blocks["m"].astype(np.float32)


def _scales_q2(blocks: Blocks) -> Scales:
    """Nibbles for each 16 values: the lower one a scale, the upper one what is subtracted."""
    packed = blocks["scales"]
    offsets = blocks["dmin"].astype(np.float32) * (packed >> 4).astype(np.float32)
    return _single(blocks) * (packed & 15).astype(np.float32), -offsets


def _scales_q3(blocks: Blocks) -> Scales:
    """Scales of 6 bits for each 16 values, 32 standing for 0: nibbles first, and two bits after."""
    low, high = strata(blocks["low"], 8, 4), strata(blocks["high"], 4, 2)
    scales = (low | high << np.uint8(4)).astype(np.float32) - np.float32(32)
    return _single(blocks) * scales, None


def _scales_q4(blocks: Blocks) -> Scales:
    """Scales and minima of 6 bits for each 32 values, in three rows of four bytes.

    The first row has four scales, the second four minima, and both have two bits of four more above
    these; the third has the other four bits of these, of a scale in the lower nibble and of a
    minimum in the upper one.
    """
    scales, minima, rest = np.moveaxis(blocks["scales"].reshape(-1, 3, 4), 1, 0)
    scales = np.concatenate([scales & 63, rest & 15 | scales >> 6 << 4], axis=1)
    minima = np.concatenate([minima & 63, rest >> 4 | minima >> 6 << 4], axis=1)
    offsets = blocks["dmin"].astype(np.float32) * minima.astype(np.float32)
    return _single(blocks) * scales.astype(np.float32), -offsets


def _scales_q6(blocks: Blocks) -> Scales:
    return _single(blocks) * blocks["scales"].astype(np.float32), None


def _scales_iq4(blocks: Blocks) -> Scales:
    """Scales of 6 bits for each 32 values, 32 standing for 0: nibbles, and two bits elsewhere."""
    low, high = strata(blocks["low"], 1, 4), strata(blocks["high"], 1, 2)
    scales = (low | high << np.uint8(4)).astype(np.float32) - np.float32(32)
    return _single(blocks) * scales, None


# Codes of E2M1 stand for twice their value in ggml, which makes them integers, and scales for half
# of theirs. There is no -0 among integers.
_E2M1: Final = tuple(2 * value + 0.0 for value in map(float, float4_e2m1fn.values()))


def _halves_of_e8m0() -> Floats:
    """OCP's E8M0, halved; but the code of its NaN is one more power of two in ggml."""
    halves = float8_e8m0fnu.decode(np.arange(256, dtype=np.uint8)).astype(np.float32) / 2
    halves[255] = 2 * halves[254]
    return halves


def _halves_of_ue4m3() -> Floats:
    """OCP's E4M3, halved, whose sign counts for nothing; 0x7F, a NaN there, is 0 in ggml."""
    codes = np.arange(256, dtype=np.uint8)
    values = float8_e4m3fn.decode(codes & 127)
    # With a sign, the code of NaN is the number that would follow.
    values[[127, 255]] = 0, 480
    return (values / 2).astype(np.float32)


_E8M0: Final = _halves_of_e8m0()
_UE4M3: Final = _halves_of_ue4m3()


def _scale_e8m0(blocks: Blocks) -> Scales:
    return _E8M0[blocks["e"]], None


def _scales_ue4m3(blocks: Blocks) -> Scales:
    return _UE4M3[blocks["d"]], None


# ---- Types -------------------------------------------------------------------------------------

_D: Final = Field("d", "<f2")
_M: Final = Field("m", "<f2")
_DMIN: Final = Field("dmin", "<f2")
_HALF: Final = Layer("qs", 16, 4)
_HALVES: Final = Layers((_HALF,))
_HALVES_AND_FIFTHS: Final = Layers((_HALF, Layer("qh", 1, 1)))
# kvalues_iq4nl in ggml-common.h.
_IQ4: Final = (-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113)


def _bytes(name: str, count: int) -> Field:
    return Field(name, "u1", count)


BLOCK_TYPES: Final = (
    BlockType("Q4_0", 2, 32, (_D, _bytes("qs", 16)), _HALVES, _one_scale, zero=8),
    BlockType("Q4_1", 3, 32, (_D, _M, _bytes("qs", 16)), _HALVES, _scale_and_minimum),
    BlockType(
        *("Q5_0", 6, 32, (_D, _bytes("qh", 4), _bytes("qs", 16))),
        *(_HALVES_AND_FIFTHS, _one_scale, 16),
    ),
    BlockType(
        *("Q5_1", 7, 32, (_D, _M, _bytes("qh", 4), _bytes("qs", 16))),
        *(_HALVES_AND_FIFTHS, _scale_and_minimum),
    ),
    BlockType(
        "Q8_0", 8, 32, (_D, Field("qs", "i1", 32)), Layers((Layer("qs", 32, 8),)), _one_scale
    ),
    BlockType(
        *("Q2_K", 10, 256, (_bytes("scales", 16), _bytes("qs", 64), _D, _DMIN)),
        *(Layers((Layer("qs", 32, 2),)), _scales_q2),
    ),
    BlockType(
        *("Q3_K", 11, 256),
        (_bytes("hmask", 32), _bytes("qs", 64), _bytes("low", 8), _bytes("high", 4), _D),
        *(Layers((Layer("qs", 32, 2), Layer("hmask", 32, 1))), _scales_q3, 4),
    ),
    BlockType(
        *("Q4_K", 12, 256, (_D, _DMIN, _bytes("scales", 12), _bytes("qs", 128))),
        *(Layers((Layer("qs", 32, 4),)), _scales_q4),
    ),
    BlockType(
        *("Q5_K", 13, 256, (_D, _DMIN, _bytes("scales", 12), _bytes("qh", 32), _bytes("qs", 128))),
        *(Layers((Layer("qs", 32, 4), Layer("qh", 32, 1))), _scales_q4),
    ),
    BlockType(
        *("Q6_K", 14, 256, (_bytes("ql", 128), _bytes("qh", 64), Field("scales", "i1", 16), _D)),
        *(Layers((Layer("ql", 64, 4), Layer("qh", 32, 2))), _scales_q6, 32),
    ),
    BlockType("IQ4_NL", 20, 32, (_D, _bytes("qs", 16)), _HALVES, _one_scale, table=_IQ4),
    BlockType(
        *("IQ4_XS", 23, 256, (_D, _bytes("high", 2), _bytes("low", 4), _bytes("qs", 128))),
        *(_HALVES, _scales_iq4, 0, _IQ4),
    ),
    BlockType(
        *("TQ1_0", 34, 256, (_bytes("qs", 32), _bytes("rest", 16), _bytes("qh", 4), _D)),
        *(Trits((("qs", 5), ("rest", 5), ("qh", 4))), _one_scale, 1),
    ),
    BlockType(
        "TQ2_0", 35, 256, (_bytes("qs", 64), _D), Layers((Layer("qs", 32, 2),)), _one_scale, zero=1
    ),
    BlockType(
        "MXFP4", 39, 32, (_bytes("e", 1), _bytes("qs", 16)), _HALVES, _scale_e8m0, table=_E2M1
    ),
    BlockType(
        *("NVFP4", 40, 64, (_bytes("d", 4), _bytes("qs", 32))),
        *(Layers((Layer("qs", 8, 4),)), _scales_ue4m3, 0, _E2M1),
    ),
)
