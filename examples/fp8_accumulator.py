"""What an FP8 accumulator loses: the error of a matrix product against the length of its sums.

    python examples/fp8_accumulator.py

Training in FP8 multiplies matrices of E4M3 numbers, and the longest sums are those of the weights'
gradients, which run over all inputs of a batch. Here they are those of the first layer of the
network that comes with the package, over the handwritten digits of scikit-learn. Both factors are
rounded to E4M3 first, with one scale each. What is told is what the accumulator alone does to the
product after that: how far it is from the exact one, relative to it, in the Euclidean norm.
"""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

import numformats as nf
from numformats.arithmetic import Accumulator, get_accumulator, matmul
from numformats.tensor_files import open_tensors

Array = NDArray[Any]

HOPPER: Final = get_accumulator("h100_float8_wgmma")
ACCUMULATORS: Final = {
    "exact, rounded once": get_accumulator("exact"),
    "float32, one by one": get_accumulator("sequential"),
    "H100, wgmma": HOPPER,
    "the same, promoted every 128": replace(HOPPER, promote_every=128),
    "H100, mma.sync": get_accumulator("h100_float8_mma"),
}
LENGTHS: Final = (64, 128, 256, 512, 1024, 1792)


def weights() -> dict[str, Array]:
    """The tensors of the network that comes with the package."""
    shipped = resources.files("numformats") / "data" / "digits_mlp.safetensors"
    with resources.as_file(shipped) as path:
        return {entry.name: entry.load().astype(np.float64) for entry in open_tensors(path)}


def factors() -> tuple[Array, Array]:
    """The factors of the first layer's gradient, (outputs, images) and (images, inputs)."""
    network, digits = weights(), load_digits()
    activations = [digits.data / 16.0]
    for layer in (1, 2, 3):
        sums = activations[-1] @ network[f"layer{layer}.weight"].T + network[f"layer{layer}.bias"]
        activations.append(np.maximum(sums, 0.0) if layer < 3 else sums)
    exponentials = np.exp(activations[3] - activations[3].max(axis=1, keepdims=True))
    # Softmax and cross entropy: probability minus one-hot label, and back through two layers.
    error = exponentials / exponentials.sum(axis=1, keepdims=True) - np.eye(10)[digits.target]
    for layer in (3, 2):
        error = (error @ network[f"layer{layer}.weight"]) * (activations[layer - 1] > 0.0)
    return error.T, activations[0]


def in_float8(x: Array) -> Array:
    """Numbers scaled to the range of E4M3 and rounded to it."""
    fmt = nf.float8_e4m3fn
    return fmt.round(x * (fmt.max / np.abs(x).max()))


def error_of(accumulator: Accumulator, a: Array, b: Array) -> float:
    """The relative error that an accumulator makes in a @ b."""
    # Such products and sums are exact in float64.
    exact = a @ b
    return float(
        np.linalg.norm(matmul(a, b, accumulator=accumulator) - exact) / np.linalg.norm(exact)
    )


def main() -> None:
    """Print a line for each accumulator, a column for each length."""
    a, b = map(in_float8, factors())
    print(f"{'K':28}" + "".join(f"{k:>10}" for k in LENGTHS))
    for label, accumulator in ACCUMULATORS.items():
        errors = [error_of(accumulator, a[:, :k], b[:k]) for k in LENGTHS]
        print(f"{label:28}" + "".join(f"{error:10.1e}" for error in errors))


if __name__ == "__main__":
    main()
