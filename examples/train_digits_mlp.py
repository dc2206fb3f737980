"""Train the small network whose weights ``numformats report`` reads when it is given no file.

The network is a multilayer perceptron, 64-64-32-10, that tells the ten handwritten digits of
scikit-learn's ``load_digits`` apart. It is trained in float64 and stored as float32, so that its
weights have the shape that training gives, not the shape of a random number generator. Run ::

    python examples/train_digits_mlp.py [--output PATH] [--test-set PATH]

The images that it is tested on, and not trained on, ship with it, so that
`numformats.analysis.digits_accuracy` can tell what a format costs in answers. Two runs on one
machine write the same bytes. On another machine the matrix products may add in another order, which
moves the last digits; a comment in `train` says what keeps this small.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

Array: TypeAlias = NDArray[np.float64]
Labels: TypeAlias = NDArray[np.int64]
Parameters: TypeAlias = dict[str, Array]
Stored: TypeAlias = Mapping[str, NDArray[np.generic]]

ROOT: Final = Path(__file__).resolve().parents[1]
SHIPPED: Final = ROOT / "numformats" / "data" / "digits_mlp.safetensors"
SHIPPED_TEST_SET: Final = SHIPPED.with_name("digits_test.safetensors")

SEED: Final = 0
WIDTHS: Final = (64, 64, 32, 10)
LAYERS: Final = len(WIDTHS) - 1
TEST_IMAGES: Final = 360
EPOCHS: Final = 120
BATCH_SIZE: Final = 32
LEARNING_RATE: Final = 0.05
MOMENTUM: Final = 0.9
WEIGHT_DECAY: Final = 2e-3

SCRIPT: Final = f"examples/{Path(__file__).name}"
# What safetensors calls the dtypes.
CODES: Final = {"float32": "F32", "uint8": "U8"}
DATA_CREDIT: Final = (
    "E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning "
    "Repository, 1998, https://doi.org/10.24432/C50P49, CC BY 4.0; the 1797 images of "
    "sklearn.datasets.load_digits"
)


def load_split(rng: np.random.Generator) -> tuple[Array, Labels, Array, Labels]:
    """Return training images, training labels, test images and test labels, shuffled by `rng`."""
    digits = load_digits()
    # Pixels are integers from 0 to 16, so that this division is exact.
    images = np.asarray(digits.data, dtype=np.float64) / 16.0
    labels = np.asarray(digits.target, dtype=np.int64)
    order = rng.permutation(len(labels))
    test, train = order[:TEST_IMAGES], order[TEST_IMAGES:]
    return images[train], labels[train], images[test], labels[test]


def initial_parameters(rng: np.random.Generator) -> Parameters:
    """Return zero biases, and normal weights whose variance, 2 / fan-in, suits ReLU (He et al.)."""
    parameters: Parameters = {}
    for layer in range(1, LAYERS + 1):
        inputs, outputs = WIDTHS[layer - 1], WIDTHS[layer]
        # One row per output, the layout of most checkpoints: a dot product runs along a row.
        weight: Array = rng.standard_normal((outputs, inputs)) * np.sqrt(2.0 / inputs)
        parameters[f"layer{layer}.weight"] = weight
        parameters[f"layer{layer}.bias"] = np.zeros(outputs)
    return parameters


def forward(parameters: Mapping[str, NDArray[np.floating]], images: Array) -> list[Array]:
    """Return the images followed by the output of every layer, of which the last is the logits."""
    activations = [images]
    for layer in range(1, LAYERS + 1):
        weight = parameters[f"layer{layer}.weight"].astype(np.float64)
        output = activations[-1] @ weight.T + parameters[f"layer{layer}.bias"]
        activations.append(output if layer == LAYERS else np.maximum(output, 0.0))
    return activations


def softmax(logits: Array) -> Array:
    """Return the probabilities of the classes, one row per image."""
    # Probabilities do not change with a common shift, and exp of a number up to 0 cannot overflow.
    exponentials: Array = np.exp(logits - logits.max(axis=1, keepdims=True))
    total: Array = exponentials.sum(axis=1, keepdims=True)
    return exponentials / total


def gradients(parameters: Parameters, images: Array, labels: Labels) -> Parameters:
    """Return the derivatives of the mean cross entropy of a batch by backpropagation."""
    activations = forward(parameters, images)
    # Through softmax and cross entropy together, the derivative is probability minus one-hot label.
    error = (softmax(activations[-1]) - np.eye(WIDTHS[-1])[labels]) / len(labels)
    result: Parameters = {}
    for layer in range(LAYERS, 0, -1):
        inputs = activations[layer - 1]
        result[f"layer{layer}.weight"] = error.T @ inputs
        result[f"layer{layer}.bias"] = error.sum(axis=0)
        # A ReLU lets the error pass where it let the signal pass.
        error = (error @ parameters[f"layer{layer}.weight"]) * (inputs > 0.0)
    return result


def train(rng: np.random.Generator, images: Array, labels: Labels) -> Parameters:
    """Return parameters trained by stochastic gradient descent with momentum and weight decay."""
    parameters = initial_parameters(rng)
    velocity = {name: np.zeros_like(value) for name, value in parameters.items()}
    for epoch in range(EPOCHS):
        # The steps shrink to almost nothing, which also damps differences in the last digits. Adam
        # would enlarge them instead: it divides by gradients that are near zero.
        rate = LEARNING_RATE * (1.0 - epoch / EPOCHS)
        order = rng.permutation(len(labels))
        for start in range(0, len(order), BATCH_SIZE):
            batch = order[start : start + BATCH_SIZE]
            gradient = gradients(parameters, images[batch], labels[batch])
            for name, value in parameters.items():
                # Biases are few and cannot overfit, so that only weights decay.
                decay = WEIGHT_DECAY if name.endswith("weight") else 0.0
                velocity[name] = MOMENTUM * velocity[name] - rate * (gradient[name] + decay * value)
                parameters[name] = value + velocity[name]
    return parameters


def accuracy(
    parameters: Mapping[str, NDArray[np.floating]], images: Array, labels: Labels
) -> float:
    """Return the fraction of the images whose largest logit is that of their label."""
    predictions = forward(parameters, images)[-1].argmax(axis=1)
    return float(np.mean(predictions == labels))


def test_set_bytes(images: Array, labels: Labels) -> bytes:
    """Return the test set as a file: pixels from 0 to 16, and labels, in a byte each."""
    tensors = {"images": (images * 16).astype(np.uint8), "labels": labels.astype(np.uint8)}
    return safetensors_bytes(tensors, {"script": SCRIPT, "data": DATA_CREDIT})


def safetensors_bytes(tensors: Stored, metadata: Mapping[str, str]) -> bytes:
    """Return a safetensors file: the header's length, the header in JSON, the values in a row."""
    # The safetensors package orders metadata by a hash that differs from run to run. The format is
    # small enough to write here, and then the same weights always give the same bytes.
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    data = b""
    for name in sorted(tensors):
        begin = len(data)
        own, code = tensors[name], CODES[tensors[name].dtype.name]
        data += own.astype(own.dtype.newbyteorder("<")).tobytes()
        places = [begin, len(data)]
        header[name] = {"dtype": code, "shape": list(own.shape), "data_offsets": places}
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode("ascii")
    # Readers that map the file into memory want the values aligned to eight bytes.
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the network, print its test accuracy and write its weights."""
    parser = argparse.ArgumentParser(description="Train the network that numformats ships.")
    parser.add_argument("--output", type=Path, default=SHIPPED, help="the file to write")
    parser.add_argument("--test-set", type=Path, default=SHIPPED_TEST_SET, help="the other one")
    chosen = parser.parse_args(arguments)
    output: Path = chosen.output

    rng = np.random.default_rng(SEED)
    train_images, train_labels, test_images, test_labels = load_split(rng)
    parameters = train(rng, train_images, train_labels)
    stored = {name: value.astype(np.float32) for name, value in parameters.items()}

    # Measured on the stored weights, so that anybody who reads the file finds the same number.
    test_accuracy = accuracy(stored, test_images, test_labels)
    metadata = {
        "script": SCRIPT,
        "model": "multilayer perceptron " + "-".join(map(str, WIDTHS)) + ", ReLU",
        "test_accuracy": f"{test_accuracy:.4f}",
        "test_images": str(TEST_IMAGES),
        "data": DATA_CREDIT,
    }
    output.write_bytes(safetensors_bytes(stored, metadata))
    chosen.test_set.write_bytes(test_set_bytes(test_images, test_labels))
    print(f"test accuracy {test_accuracy:.4f}")
    print(f"wrote {output} and {chosen.test_set}")


if __name__ == "__main__":
    main()
