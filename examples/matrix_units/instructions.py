"""The instructions of chip.cu, and what each is in numformats."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

import numformats as nf
from numformats.arithmetic import Accumulator, get_accumulator

Array = NDArray[Any]

# The dtype of an array of each format, as the chip has it in memory.
DTYPES: Final[dict[str, np.dtype[Any]]] = {
    "float16": np.dtype(np.float16),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
    "tf32": np.dtype(np.float32),
    "float32": np.dtype(np.float32),
    "float8_e4m3fn": np.dtype(ml_dtypes.float8_e4m3fn),
    "float8_e5m2": np.dtype(ml_dtypes.float8_e5m2),
    "int8": np.dtype(np.int8),
    "uint8": np.dtype(np.uint8),
}
# Bits of a float32 below those of tf32.
TF32_SHIFT: Final = 13

# Operands as the names in chip.cu have them: formats of A and B, and the unit with mma.sync.
_OPERANDS: Final = {
    "f16": ("float16", "float16", "h100_float16"),
    "bf16": ("bfloat16", "bfloat16", "h100_bfloat16"),
    "tf32": ("tf32", "tf32", "h100_tf32"),
    "44": ("float8_e4m3fn", "float8_e4m3fn", "h100_float8_mma"),
    "45": ("float8_e4m3fn", "float8_e5m2", "h100_float8_mma"),
    "54": ("float8_e5m2", "float8_e4m3fn", "h100_float8_mma"),
    "55": ("float8_e5m2", "float8_e5m2", "h100_float8_mma"),
}
# The units that wgmma does not share with mma.sync.
_OTHER_BY_WGMMA: Final = {"h100_float8_mma": "h100_float8_wgmma"}
_ALIKE: Final = "f16_f32 f16_f16 bf16 tf32 44_f32 55_f32 44_f16 55_f16"
_MIXED: Final = "45_f32 54_f32 45_f16 54_f16"
_KINDS: Final = {
    "mma": f"{_ALIKE} {_MIXED}",
    "wg": f"{_ALIKE} {_MIXED}",
    "mma_short": _ALIKE,
}


@dataclass(frozen=True)
class Instruction:
    """A matrix instruction: names of its operands' and results' formats, k, and how it sums."""

    name: str
    formats: tuple[str, str]
    output: str
    k: int
    accumulator: Accumulator

    @property
    def meaning(self) -> str:
        """What it is in numformats, for people."""
        return f"{self.accumulator.name}, block {self.accumulator.block}, to {self.output}"


def _instruction(way: str, kind: str) -> Instruction:
    operands, _, result = kind.partition("_")
    *formats, unit = _OPERANDS[operands]
    # All of one way take as many bytes of a row.
    k = (16 if way == "mma_short" else 32) // DTYPES[formats[0]].itemsize
    if way == "wg":
        unit = _OTHER_BY_WGMMA.get(unit, unit)
    # Blocks of half the length in the short shapes; else this is the unit as it is.
    accumulator = replace(get_accumulator(unit), block=k)
    output = "float16" if result == "f16" else "float32"
    return Instruction(f"{way}_{kind}", (formats[0], formats[1]), output, k, accumulator)


INSTRUCTIONS: Final = tuple(
    _instruction(way, kind) for way, kinds in _KINDS.items() for kind in kinds.split()
)


@dataclass(frozen=True)
class Conversion:
    """A conversion instruction from all numbers of one format, and the projection that it is."""

    name: str
    target: str
    rounding: str
    saturation: str
    source: str = "float32"
    nan: str = "raise"

    @property
    def meaning(self) -> str:
        """What it is in numformats, for people."""
        return f"{self.target}.encode {self.rounding}, {self.saturation}"

    @property
    def count(self) -> int:
        """How many codes the source has."""
        return 1 << 8 * DTYPES[self.source].itemsize

    def inputs(self, start: int, count: int) -> Array:
        """The numbers with the codes from start on."""
        dtype = DTYPES[self.source]
        codes = np.arange(start, start + count, dtype=np.uint64)
        return codes.astype(f"u{dtype.itemsize}").view(dtype)

    def expected(self, start: int, count: int) -> Array:
        """What numformats makes of these, as the chip has it in memory."""
        x = self.inputs(start, count)
        codes = nf.get_format(self.target).encode(x, self.rounding, self.saturation, self.nan)
        dtype = DTYPES[self.target]
        words = np.asarray(codes).astype(f"u{dtype.itemsize}")
        return (words << TF32_SHIFT if self.target == "tf32" else words).view(dtype)


def _conversions() -> Iterator[Conversion]:
    even, away, cut = "nearest_even", "nearest_away", "toward_zero"
    for short, target in (("e4m3", "float8_e4m3fn"), ("e5m2", "float8_e5m2")):
        yield Conversion(f"{short}_f32", target, even, "finite")
        yield Conversion(f"{short}_f16", target, even, "finite", source="float16")
        yield Conversion(f"f16_{short}", "float16", even, "none", source=target)
    for short, target in (("f16", "float16"), ("bf16", "bfloat16")):
        yield Conversion(f"{short}_rn", target, even, "none")
        yield Conversion(f"{short}_rz", target, cut, "none")
        yield Conversion(f"{short}_rn_satfinite", target, even, "finite")
    yield Conversion("tf32_rn", "tf32", even, "none")
    yield Conversion("tf32_rz", "tf32", cut, "none")
    yield Conversion("tf32_rna", "tf32", away, "none")
    yield Conversion("tf32_rna_satfinite", "tf32", away, "finite")
    yield Conversion("s8_rni_sat", "int8", even, "finite", nan="zero")
    yield Conversion("u8_rni_sat", "uint8", even, "finite", nan="zero")
    yield Conversion("s8_rzi_sat", "int8", cut, "finite", nan="zero")


CONVERSIONS: Final = tuple(_conversions())
