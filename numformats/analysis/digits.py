"""The accuracy of the network that comes along, on digits that it has not seen, in each format.

Errors of weights are a means; whether a network still tells a three from an eight is the end. This
one is small, a multilayer perceptron of 6,464 weights that `examples/train_digits_mlp.py` trains,
and its test set comes along: the 360 images that were kept from training.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Final

import numpy as np
from numpy.typing import NDArray

from numformats.codec.random_bits import RandomSource, key_of
from numformats.formats.format import Format
from numformats.modes import Stochastic
from numformats.scaled.catalogue import with_scales
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.quantization import quantize
from numformats.tensor_files.opening import open_tensors

Floats = NDArray[np.float64]

WEIGHTS: Final = "digits_mlp.safetensors"
TEST_SET: Final = "digits_test.safetensors"
_LAYERS: Final = 3
# Pixels are whole numbers from 0 to this.
_WHITE: Final = 16.0


@dataclass(frozen=True)
class DigitsAccuracy:
    """How many held-out digits the network recognises in a format.

    Attributes
    ----------
    format : str or None
        The name of the format; None for the network as it is, in float64.
    images : int
        How many there are.
    weights : int
        How many are recognised with the weight matrices in the format.
    weights_and_activations : int
        The same with the inputs of each layer in the format, too.
    """

    format: str | None
    images: int
    weights: int
    weights_and_activations: int


@dataclass(frozen=True)
class _InFormat:
    """What makes of an array its nearest in a format."""

    format: ScaledFormat
    rounding: str | Stochastic
    key: int

    def __call__(self, x: Floats) -> Floats:
        found = quantize(x, self.format, rounding=self.rounding, rng=self.key)
        return found.dequantize(np.float64)


def digits_accuracy(
    formats: Iterable[str | Format | ScaledFormat],
    rounding: str | Stochastic = "nearest_even",
    rng: RandomSource = 0,
) -> tuple[DigitsAccuracy, ...]:
    """How many of 360 held-out digits the network that comes along recognises in each format.

    Parameters
    ----------
    formats : iterable of str, Format or ScaledFormat
        Formats as `quantize` takes them: one without scales has a float32 scale for a tensor.
    rounding, rng
        As for `quantize`; each tensor is rounded with the same random bits.

    Returns
    -------
    tuple of DigitsAccuracy
        The first is of the network as it is, in float64; then one for each format.

    Notes
    -----
    Weight matrices are quantized along their rows, which the sums of products run along; so are the
    inputs of each layer, all images at once. Biases stay, and sums are float64, so that nothing but
    the format counts. An image more or less is 0.28%; of two formats that differ by fewer than
    about five images neither is known to be better (the standard error at 97.8% is 2.8 images).

    Examples
    --------
    >>> from numformats.analysis import digits_accuracy
    >>> for found in digits_accuracy(["int8", "int2"]):
    ...     print(found.format, found.weights, found.weights_and_activations)
    None 352 352
    int8 352 352
    int2 89 58
    """
    images, labels = held_out_digits()
    network = _network()
    asis = _recognised(network, images, labels)
    found = [DigitsAccuracy(None, len(labels), asis, asis)]
    for fmt in formats:
        scaled = with_scales(fmt)
        rounded = _InFormat(scaled, rounding, key_of(rng))
        narrow = {
            name: rounded(tensor) if tensor.ndim > 1 else tensor for name, tensor in network.items()
        }
        weights = _recognised(narrow, images, labels)
        both = _recognised(narrow, images, labels, rounded)
        found.append(DigitsAccuracy(scaled.name, len(labels), weights, both))
    return tuple(found)


def held_out_digits() -> tuple[Floats, NDArray[np.int64]]:
    """The test set: 360 images as rows of 64 pixels from 0 to 1, and the digits that they show."""
    found = _tensors(TEST_SET)
    return found["images"] / _WHITE, found["labels"].astype(np.int64)


def _recognised(
    network: Mapping[str, Floats],
    images: Floats,
    labels: NDArray[np.int64],
    rounded: _InFormat | None = None,
) -> int:
    """How many images have their largest logit at their label."""
    x = images
    for layer in range(1, _LAYERS + 1):
        inputs = x if rounded is None else rounded(x)
        x = inputs @ network[f"layer{layer}.weight"].T + network[f"layer{layer}.bias"]
        x = np.maximum(x, 0.0) if layer < _LAYERS else x
    return int(np.count_nonzero(x.argmax(axis=1) == labels))


def _network() -> dict[str, Floats]:
    return _tensors(WEIGHTS)


@lru_cache(maxsize=2)
def _tensors(name: str) -> dict[str, Floats]:
    """The tensors of a file that comes along, as float64."""
    with resources.as_file(resources.files("numformats") / "data" / name) as path:
        return {entry.name: entry.load().astype(np.float64) for entry in open_tensors(path)}
