"""A checkpoint in formats of four bits: which one, a scale for what, chosen how, and searched for?

    python examples/scaled_checkpoint.py model.safetensors

Without a file, it takes the weights that come with the package. Each line is for all matrices of
the file together: the bits stored for each number, scales included, and the signal to noise ratio.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

import numformats as nf
from numformats.analysis import ErrorStats
from numformats.tensor_files import open_tensors

Array = NDArray[Any]


def matrices(path: Path) -> Iterator[Array]:
    """The tensors of two or more axes, one at a time: no more than the largest is in memory."""
    for entry in open_tensors(path):
        if len(entry.shape) >= 2 and entry.problem is None:
            values = entry.load()
            if values.dtype.kind not in "iub":
                yield values


def cost(tensors: Iterable[Array], name: str, rule: str | None = None) -> tuple[float, float]:
    """Bits per value, and SQNR in decibels, of all tensors in a scaled format."""
    stats, bits = ErrorStats(), 0.0
    fmt = nf.get_scaled_format(name)
    for x in tensors:
        quantized = nf.quantize(x, fmt, scale_rule=rule)
        bits += quantized.bits_per_value * quantized.size
        for part, values, scales, zeros in quantized.parts(1 << 16):
            stats = stats.update(x[part], values, fmt.element, scales, zeros)
    return bits / stats.finite, stats.sqnr_db


def tell(question: str, path: Path, choices: Iterable[tuple[str, str | None]]) -> None:
    """Print a line for each choice of a format and a scale rule."""
    print(question)
    for name, rule in choices:
        bits, decibels = cost(matrices(path), name, rule)
        print(f"  {name:12}  {rule or '':6}  {bits:6.3f} bits  {decibels:6.2f} dB")


def main() -> None:
    """Answer four questions of a file."""
    shipped = resources.files("numformats") / "data" / "digits_mlp.safetensors"
    with resources.as_file(shipped) as default:
        path = Path(sys.argv[1]) if len(sys.argv) > 1 else default
        four_bits = ("mxfp4", "nvfp4", "int4_g32", "nf4")
        tell("Which format of four bits?", path, [(name, None) for name in four_bits])
        integers = ("int8_tensor", "int8_channel")
        tell("A scale for what? INT8", path, [(name, None) for name in integers])
        rules = ("floor", "ceil", "rceil", "even", "mse")
        tell("Chosen how? MXFP4", path, [("mxfp4", rule) for rule in rules])
        others = ("nvfp4", "int4_g32", "int4_g128", "nf4")
        both = [(name, rule) for name in others for rule in ("absmax", "mse")]
        tell("Is a search worth its time?", path, both)


if __name__ == "__main__":
    main()
