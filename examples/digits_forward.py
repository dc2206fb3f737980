"""The forward pass of a small network in narrow formats, weights, activations, arithmetic and all.

    python examples/digits_forward.py

The network is the one that comes with the package, which tells handwritten digits apart; the images
are those of scikit-learn that it was not trained on. `forward` is ordinary NumPy code, and runs on
arrays of float64 as on arrays of a format. A line for each way to compute tells how many digits are
recognised, and how many answers differ from those of float64.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

import numformats as nf
from numformats.tensor_files import open_tensors

Array = NDArray[Any]

# A format, and how its matrix products are summed.
WAYS: Final = (
    ("float16", "exact"),
    ("bfloat16", "exact"),
    ("bfloat16", "sequential"),
    ("float8_e4m3fn", "exact"),
    ("float8_e4m3fn", "h100_float8_wgmma"),
    ("float8_e4m3fn", "sequential"),
    ("float8_e5m2", "exact"),
    ("float6_e2m3fn", "exact"),
)


def forward(network: Mapping[str, Any], images: Any) -> Any:
    """The logits of images, one row each."""
    x = images
    for layer in (1, 2, 3):
        x = x @ network[f"layer{layer}.weight"].T + network[f"layer{layer}.bias"]
        if layer < 3:
            x = np.maximum(x, 0)
    return x


def weights() -> dict[str, Array]:
    """The tensors of the network that comes with the package."""
    shipped = resources.files("numformats") / "data" / "digits_mlp.safetensors"
    with resources.as_file(shipped) as path:
        return {entry.name: entry.load().astype(np.float64) for entry in open_tensors(path)}


def unseen_images() -> tuple[Array, Array]:
    """The images and labels that `train_digits_mlp.py` keeps for testing."""
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))[:360]
    return digits.data[order] / 16.0, digits.target[order]


def main() -> None:
    """Print a line for float64, and one for each way to compute."""
    network, (images, labels) = weights(), unseen_images()
    expected = forward(network, images).argmax(axis=1)
    print(f"{'format':14} {'sums':18} {'right':>7} {'other answers':>14}")
    print(f"{'float64':14} {'':18} {np.mean(expected == labels):7.1%} {0:14}")
    for name, accumulator in WAYS:
        # What is beyond the largest number of a format becomes that, as in most hardware.
        saturation = "none" if accumulator == "sequential" else "finite"

        def in_format(
            x: Array, name: str = name, how: str = accumulator, saturation: str = saturation
        ) -> nf.FormatArray:
            return nf.array(x, name, saturation=saturation, accumulator=how)

        narrow = {key: in_format(tensor) for key, tensor in network.items()}
        answers = forward(narrow, in_format(images)).argmax(axis=1)
        print(
            f"{name:14} {accumulator:18} {np.mean(answers == labels):7.1%} "
            f"{np.sum(answers != expected):14}"
        )


if __name__ == "__main__":
    main()
