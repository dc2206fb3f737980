r"""Compares the units of Hopper in numformats with a Hopper GPU (H100, H200), bit for bit.

    nvcc -O2 -std=c++17 -gencode=arch=compute_90a,code=sm_90a -Xcompiler -fPIC \
        -shared -o libchip.so chip.cu
    python compare_with_chip.py --library libchip.so
    python compare_with_chip.py --pretend

Building takes CUDA's compiler of version 13; running, the GPU, its driver, and NumPy and
numformats. With --pretend numformats itself stands in for the chip, so that the program can be
tried without one.

Each matrix instruction has to get sums of small whole numbers right first, which shows that its
operands lie where they should. Then it is given random operands of the kinds in operands.py, with c
mixed and zero. Each conversion instruction is given numbers from all over float32, or all of them
with --inputs 4294967296. The table has how many results were compared, and how many differ in what;
two NaNs are the same here, whatever their bits. A few that differ follow, in hexadecimal.

By docs/accumulators.md, where it is told what an H200 gave, nothing differs but NaN by
cvt.rna.tf32, which often becomes a number there.
"""

from __future__ import annotations

import argparse
import ctypes
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice, product
from pathlib import Path
from typing import Any, Final

import numpy as np
from instructions import (
    CONVERSIONS,
    DTYPES,
    INSTRUCTIONS,
    TF32_SHIFT,
    Conversion,
    Instruction,
)
from numpy.typing import NDArray
from operands import KINDS, mixed_addends, sprinkled

from numformats.arithmetic import matmul

Array = NDArray[Any]

DIFFERENCES: Final = ("value", "zero's sign", "NaN or not", "infinity or not")
# Ranges of float32 that conversions are given, spread evenly.
RANGES: Final = 1024
EXAMPLES: Final = 3


class Chip:
    """The GPU, through the library made of chip.cu."""

    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library.resolve()))
        for tell in (self._library.mm_name, self._library.cvt_name, self._library.chip_message):
            tell.restype = ctypes.c_char_p
        pointer, number, count = ctypes.c_void_p, ctypes.c_int, ctypes.c_uint64
        self._library.mm.argtypes = [number, *[pointer] * 4, *[number] * 4]
        self._library.cvt.argtypes = [number, count, count, pointer]
        self._matrix = self._places(self._library.mm_name)
        self._conversion = self._places(self._library.cvt_name)

    @staticmethod
    def _places(tell: Callable[[int], bytes | None]) -> dict[str, int]:
        names: list[str] = []
        while (name := tell(len(names))) is not None:
            names.append(name.decode())
        return {name: place for place, name in enumerate(names)}

    def multiply(self, one: Instruction, a: Array, b: Array, c: Array) -> Array:
        """c + a @ b.T for a (m, k), b (n, k) and c (m, n)."""
        a, b, c = map(np.ascontiguousarray, (a, b, c))
        d = np.empty_like(c)
        pointers = [x.ctypes.data for x in (a, b, c, d)]
        words = a.shape[1] * a.itemsize // 4
        self._check(self._library.mm(self._matrix[one.name], *pointers, *c.shape, words, 1))
        return d

    def convert(self, one: Conversion, start: int, count: int) -> Array:
        """The results for the numbers with the codes from start on."""
        out = np.empty(count, DTYPES[one.target])
        place = self._conversion[one.name]
        self._check(self._library.cvt(place, start, count, out.ctypes.data))
        return out

    def _check(self, has_failed: int) -> None:
        if has_failed:
            raise RuntimeError(self._library.chip_message().decode())


class PretendedChip:
    """numformats in the place of the chip."""

    def multiply(self, one: Instruction, a: Array, b: Array, c: Array) -> Array:
        """As the chip's."""
        return expected(one, a, b, c)

    def convert(self, one: Conversion, start: int, count: int) -> Array:
        """As the chip's."""
        return one.expected(start, count)


@dataclass
class Line:
    """What came out for one instruction."""

    name: str
    meaning: str
    compared: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)


def expected(one: Instruction, a: Array, b: Array, c: Array) -> Array:
    """What numformats says of c + a @ b.T."""
    x, y = (as_read(name, x) for name, x in zip(one.formats, (a, b), strict=True))
    d = matmul(x, y.T, c, accumulator=one.accumulator, output=one.output)
    return np.ascontiguousarray(d)


def as_read(name: str, x: Array) -> Array:
    """Operands without the bits that the chip cuts off."""
    if name != "tf32":
        return x
    return (x.view(np.uint32) >> TF32_SHIFT << TF32_SHIFT).view(np.float32)


def differing(chip: Array, ours: Array) -> dict[str, NDArray[np.intp]]:
    """The places at which two arrays differ, by what the difference is."""
    x, y = chip.ravel(), ours.ravel()
    places = np.flatnonzero(bits(x) != bits(y))
    x, y = x[places], y[places]
    is_nan = np.isnan(x), np.isnan(y)
    what = np.select(
        [
            is_nan[0] & is_nan[1],
            is_nan[0] | is_nan[1],
            np.isinf(x) != np.isinf(y),
            (x == 0) & (y == 0),
        ],
        ["none", "NaN or not", "infinity or not", "zero's sign"],
        "value",
    )
    return {name: places[what == name] for name in DIFFERENCES}


def bits(x: Array) -> Array:
    """The words that numbers are."""
    return x.view(f"u{x.itemsize}")


def hexadecimal(x: Any) -> str:
    """The words of numbers, for people."""
    return " ".join(f"{int(word):0{2 * x.itemsize}x}" for word in bits(np.atleast_1d(x)))


def lays_out_right(chip: Chip | PretendedChip, one: Instruction, rng: np.random.Generator) -> bool:
    """Whether sums of small whole numbers are right, by one instruction and by three."""
    for k in (one.k, 3 * one.k):
        a, b, c = (rng.integers(-3, 3, shape) for shape in ((128, k), (64, k), (128, 64)))
        x, y = (v.astype(DTYPES[name]) for name, v in zip(one.formats, (a, b), strict=True))
        d = chip.multiply(one, x, y, c.astype(DTYPES[one.output]))
        if not np.array_equal(d, c + a @ b.T):
            return False
    return True


def compare_matrices(chip: Chip | PretendedChip, one: Instruction, size: int) -> Line:
    """The line of a matrix instruction, of products of size by size."""
    line = Line(one.name, one.meaning)
    rng = np.random.default_rng(2026)
    if not lays_out_right(chip, one, rng):
        line.examples.append("not compared: sums of small whole numbers are wrong")
        return line
    for kind, has_c in product(KINDS, (True, False)):
        a, b = KINDS[kind](rng, one, size, size)
        c = mixed_addends(rng, one, a, b) if has_c else np.zeros((size, size), DTYPES[one.output])
        if has_c and kind == "specials":
            c = sprinkled(rng, c, 0.1)
        d, ours = chip.multiply(one, a, b, c), expected(one, a, b, c)
        line.compared += d.size
        for what, places in differing(d, ours).items():
            line.counts[what] += len(places)
            for i, j in zip(*np.unravel_index(places[:EXAMPLES], d.shape), strict=True):
                told = {"a": a[i], "b": b[j], "c": c[i, j], "chip": d[i, j], "ours": ours[i, j]}
                words = ", ".join(f"{name} {hexadecimal(x)}" for name, x in told.items())
                line.examples.append(f"{kind}, {what}: {words}")
    return line


def compare_conversions(chip: Chip | PretendedChip, one: Conversion, inputs: int) -> Line:
    """The line of a conversion instruction, of so many float32, or of all of a shorter format."""
    line = Line(one.name, one.meaning)
    for start, count in ranges(one, inputs):
        found, ours = chip.convert(one, start, count), one.expected(start, count)
        line.compared += count
        for what, places in differing(found, ours).items():
            line.counts[what] += len(places)
            for place in places[:EXAMPLES]:
                told = f"chip {hexadecimal(found[place])}, ours {hexadecimal(ours[place])}"
                line.examples.append(f"{what}: of {start + int(place):08x} {told}")
    return line


def ranges(one: Conversion, inputs: int) -> Iterator[tuple[int, int]]:
    """Starts and lengths of what a conversion is given."""
    if one.source != "float32":
        yield 0, one.count
        return
    for start in range(0, one.count, one.count // RANGES):
        yield start, inputs // RANGES


def print_table(lines: list[Line]) -> None:
    """A row for each instruction, and below it a few results that differ."""
    row = "{:20} {:42} {:>13} " + " ".join(f"{{:>{max(len(x), 9)}}}" for x in DIFFERENCES)
    print(row.format("instruction", "in numformats", "compared", *DIFFERENCES))
    for line in lines:
        counts = [line.counts[what] for what in DIFFERENCES]
        print(row.format(line.name, line.meaning, line.compared, *counts))
        for example in islice(line.examples, 2 * EXAMPLES):
            print(f"    {example}")


def main() -> None:
    """Compare all instructions and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--library", type=Path, help="what nvcc made of chip.cu")
    which.add_argument("--pretend", action="store_true", help="numformats in place of the chip")
    parser.add_argument("--size", type=int, default=512, help="rows and columns, a multiple of 64")
    parser.add_argument("--inputs", type=int, default=2**26, help="float32 to convert")
    arguments = parser.parse_args()
    chip = PretendedChip() if arguments.pretend else Chip(arguments.library)
    lines = [compare_matrices(chip, one, arguments.size) for one in INSTRUCTIONS]
    lines += [compare_conversions(chip, one, arguments.inputs) for one in CONVERSIONS]
    print_table(lines)


if __name__ == "__main__":
    main()
