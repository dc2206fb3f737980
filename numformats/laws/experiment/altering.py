"""What may be done to the matrices of a trained model: rounding, in two ways, and noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from numformats.laws.experiment.model import MATRICES, activations
from numformats.laws.experiment.rounding import round_matrix
from numformats.laws.experiment.settings import RunSettings
from numformats.laws.experiment.text import Text
from numformats.laws.experiment.training import batches
from numformats.laws.experiment.ways import Way, way_of
from numformats.scaled.second_order import gptq

Model: TypeAlias = Mapping[str, NDArray[np.float32]]

# Batches of training text that GPTQ sees.
_CALIBRATION: Final = 64
# Draws of noise.
_DRAWS: Final = 4
# Beside the run's own seed, so that these numbers are not those of its training.
_CALIBRATION_STREAM: Final = 1
_NOISE_STREAM: Final = 2


def altered(name: str, model: Model, settings: RunSettings, text: Text) -> list[Model]:
    """The matrices that stand in for those of a model; several of them where they are drawn.

    Parameters
    ----------
    name : str
        How they are made, as `way_of` takes it.
    model : mapping
        All parameters of a trained model, by name.
    settings : RunSettings
        How it was trained: the seed of what is drawn.
    text : Text
        Some of what it was trained on calibrates GPTQ.
    """
    way = way_of(name)
    return _MAKERS[way.kind](way, model, settings, text)


def _nearest(way: Way, model: Model, settings: RunSettings, text: Text) -> list[Model]:
    assert way.format is not None
    return [{name: round_matrix(model[name], way.format) for name in MATRICES}]


def _second_order(way: Way, model: Model, settings: RunSettings, text: Text) -> list[Model]:
    """By GPTQ, with the inputs that each layer has in the unrounded model."""
    assert way.format is not None
    rng = np.random.default_rng([settings.seed, _CALIBRATION_STREAM])
    contexts = np.concatenate([seen for seen, _ in batches(text.training, _CALIBRATION, rng)])
    inputs = activations(model, contexts)._asdict()
    rounded = {}
    for name in MATRICES:
        hessian = inputs[name].T @ inputs[name]
        rounded[name] = gptq(model[name], hessian, way.format).dequantize()
    return [rounded]


def _noisy(way: Way, model: Model, settings: RunSettings, text: Text) -> list[Model]:
    rng = np.random.default_rng([settings.seed, _NOISE_STREAM])
    return [
        {name: _with_noise(model[name], way.part, rng) for name in MATRICES} for _ in range(_DRAWS)
    ]


def _with_noise(
    matrix: NDArray[np.float32], part: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    deviation = np.float32(part * np.sqrt(np.mean(np.square(matrix))))
    return matrix + deviation * rng.standard_normal(matrix.shape, dtype=np.float32)


_MAKERS: Final[dict[str, Callable[[Way, Model, RunSettings, Text], list[Model]]]] = {
    "nearest": _nearest,
    "gptq": _second_order,
    "noise": _noisy,
}
