"""The model of the experiment: the next character from the ten before it.

Each of the last ten characters is looked up in an embedding; two hidden layers with ReLU and a last
one give a logit for each of 64 symbols. It is the smallest thing that is a language model, and has
what the law is about: matrices, whose entries can be rounded, and a loss that falls with their
number and with the length of training.

Parameters lie in one flat array, so that an optimizer takes a dozen calls of NumPy and not a dozen
for each; `views` are the matrices and vectors in it. Everything works in the dtype of the array.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod, sqrt
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from numformats.laws.experiment.text import SYMBOLS

Array: TypeAlias = NDArray[Any]
Parameters: TypeAlias = Mapping[str, Array]

CONTEXT: Final = 10
EMBEDDING: Final = 8
# What is rounded, and what N counts. Embedding and biases stay as they are, as is usual.
MATRICES: Final = ("first", "second", "last")
# What the parameters start from.
_GAIN: Final = {"first": 2.0, "second": 2.0, "last": 1.0}


@dataclass(frozen=True)
class Architecture:
    """The shapes of a model with `hidden` units in each hidden layer.

    >>> Architecture(hidden=32).parameters
    5632
    """

    hidden: int

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each parameter, matrices first: a row for each output of a layer."""
        return {
            "first": (self.hidden, CONTEXT * EMBEDDING),
            "second": (self.hidden, self.hidden),
            "last": (SYMBOLS, self.hidden),
            "embedding": (SYMBOLS, EMBEDDING),
            "first_bias": (self.hidden,),
            "second_bias": (self.hidden,),
            "last_bias": (SYMBOLS,),
        }

    @property
    def parameters(self) -> int:
        """N, the entries of all matrices."""
        return sum(prod(self.shapes[name]) for name in MATRICES)

    @property
    def size(self) -> int:
        """The length of the flat array: N, the embedding and the biases."""
        return sum(prod(shape) for shape in self.shapes.values())


def views(flat: Array, architecture: Architecture) -> dict[str, Array]:
    """The parameters in a flat array, by name; what is written to them is written to it."""
    found, start = {}, 0
    for name, shape in architecture.shapes.items():
        stop = start + prod(shape)
        found[name] = flat[start:stop].reshape(shape)
        start = stop
    return found


def initial(architecture: Architecture, rng: np.random.Generator) -> NDArray[np.float32]:
    """A flat array of parameters to start from: zero biases, and normal numbers elsewhere.

    The variance is 2 / fan-in before a ReLU (He et al., 2015), 1 / fan-in before the softmax, and 1
    in the embedding.
    """
    flat = np.zeros(architecture.size, np.float32)
    for name, view in views(flat, architecture).items():
        if view.ndim == 2:
            deviation = sqrt(_GAIN[name] / view.shape[1]) if name in _GAIN else 1.0
            view[...] = deviation * rng.standard_normal(view.shape)
    return flat


class Activations(NamedTuple):
    """What each layer is given, and what the last one gives: a row for each example."""

    first: Array
    second: Array
    last: Array
    logits: Array


def activations(parameters: Parameters, contexts: Array) -> Activations:
    """The inputs of the three layers, and the logits, for contexts of ten symbols in a row."""
    embedded = parameters["embedding"].take(contexts, axis=0)
    first = embedded.reshape(len(contexts), CONTEXT * EMBEDDING)
    second = _relu(first, parameters["first"], parameters["first_bias"])
    last = _relu(second, parameters["second"], parameters["second_bias"])
    logits = last @ parameters["last"].T
    logits += parameters["last_bias"]
    return Activations(first, second, last, logits)


def _relu(inputs: Array, matrix: Array, bias: Array) -> Array:
    outputs = inputs @ matrix.T
    outputs += bias
    return np.maximum(outputs, 0.0, out=outputs)


def losses(logits: Array, targets: Array) -> Array:
    """The cross entropy of each example, in nats, in the dtype of the logits."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    chosen = shifted[np.arange(len(targets)), targets]
    return np.log(np.exp(shifted, out=shifted).sum(axis=1)) - chosen


def gradients(
    parameters: Parameters, contexts: Array, targets: Array, out: Mapping[str, Array]
) -> None:
    """Write the derivatives of the mean cross entropy by each parameter, as given, to `out`.

    Where the matrices given are rounded ones, these are the derivatives at the rounded ones.
    """
    inputs = activations(parameters, contexts)
    error = _softmax(inputs.logits)
    # Through softmax and cross entropy together: probability minus one where the target is.
    error[np.arange(len(targets)), targets] -= 1.0
    error /= len(targets)
    for name, given in (("last", inputs.last), ("second", inputs.second), ("first", inputs.first)):
        np.matmul(error.T, given, out=out[name])
        np.sum(error, axis=0, out=out[f"{name}_bias"])
        error = error @ parameters[name]
        if name != "first":
            error *= given > 0.0
    np.matmul(_one_hot(contexts, error.dtype), error.reshape(-1, EMBEDDING), out=out["embedding"])


def _softmax(logits: Array) -> Array:
    # Probabilities do not change with a common shift, and exp of a number up to 0 is at most 1.
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    return logits


def _one_hot(contexts: Array, dtype: np.dtype[Any]) -> Array:
    """A row for each symbol: 1 where it stands in the contexts, one after the other."""
    hot = np.zeros((SYMBOLS, contexts.size), dtype)
    hot[contexts.reshape(-1), np.arange(contexts.size)] = 1.0
    return hot
