"""Where the codes of a packed array lie: which bits of which word, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from numformats.checks import unknown

_ALL_WIDTHS: Final = tuple(range(1, 33))
_UP_TO_A_BYTE: Final = tuple(range(1, 9))
_HALVES_OF_32: Final = tuple(code for half in range(16) for code in (half, half + 16))


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A way to lay codes into words.

    The codes of an axis are taken in runs of `len(order)`, and put into *slots*; the slots are a
    bit stream, each above the one before, that is cut into words.

    name: what `layout=` is called with.
    word: the dtype of the words, the lowest byte first.
    order: slot k of each run holds the code `order[k]` of that run.
    widths: the widths of codes that it is defined for.
    crosses_words: whether a code may begin in one word and end in the next; else what is left at
        the top of a word is zero.
    flips_top_bit: whether the highest bit of each code is stored inverted, which turns two's
        complement into offset binary: the smallest number is stored as zero.
    source: where it is defined.
    """

    name: str
    word: Literal["uint8", "int32"]
    order: tuple[int, ...] = (0,)
    widths: tuple[int, ...] = _ALL_WIDTHS
    crosses_words: bool = True
    flips_top_bit: bool = False
    source: str


_KNOWN: Final = (
    Layout(
        name="dense",
        word="uint8",
        source="ONNX, int4 and uint4: the first of two elements is in the low half of the byte",
    ),
    Layout(
        name="gptq",
        word="int32",
        widths=(2, 3, 4, 8),
        source="AutoGPTQ 0.7.1, qlinear_cuda; 3 bits: 32 codes in 3 words, as in a bit stream",
    ),
    Layout(
        name="awq",
        word="int32",
        order=(0, 2, 4, 6, 1, 3, 5, 7),
        widths=(4,),
        source="AutoAWQ 0.2.9, WQLinear_GEMM",
    ),
    Layout(
        name="ggml",
        word="uint8",
        order=_HALVES_OF_32,
        widths=(4,),
        source="ggml, block_q4_0: byte j has code j of 32 in its low half, code j + 16 in its high",
    ),
    Layout(
        name="bitsandbytes",
        word="uint8",
        order=(1, 0),
        widths=(4,),
        source="bitsandbytes 0.50, quantize_4bit: the first of two codes is in the high half",
    ),
    Layout(
        name="compressed_tensors",
        word="int32",
        widths=_UP_TO_A_BYTE,
        flips_top_bit=True,
        source="compressed-tensors 0.20, pack_to_int32",
    ),
    Layout(
        name="compressed_tensors_aligned",
        word="int32",
        widths=_UP_TO_A_BYTE,
        crosses_words=False,
        flips_top_bit=True,
        source="compressed-tensors before codes crossed words: 32 // bits of them in each",
    ),
)
LAYOUTS: Final[Mapping[str, Layout]] = MappingProxyType({layout.name: layout for layout in _KNOWN})


def find_layout(name: str, bits: int) -> Layout:
    """The layout of this name; ValueError if there is none, or not for codes of that width."""
    if not isinstance(name, str):
        raise TypeError(f"layout: expected one of {', '.join(LAYOUTS)}, got {name!r}")
    if name not in LAYOUTS:
        raise ValueError(unknown("layout", name, LAYOUTS))
    layout = LAYOUTS[name]
    if bits not in layout.widths:
        widths = ", ".join(map(str, layout.widths))
        raise ValueError(f"bits: {bits}; layout {name!r} is for codes of {widths} bits")
    return layout
