"""What may be done to the matrices of a trained model: rounding, in two ways, and noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from numformats.laws.experiment.model import MATRICES, activations
from numformats.laws.experiment.rounding import matrix_format, round_matrix
from numformats.laws.experiment.settings import RunSettings
from numformats.laws.experiment.text import Text
from numformats.laws.experiment.training import batches
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.second_order import gptq

Model: TypeAlias = Mapping[str, NDArray[np.float32]]
# The matrices that stand in for those of a model, once, or for each of several draws.
Alteration: TypeAlias = Callable[[Model, RunSettings, Text], list[Model]]

# Batches of training text that GPTQ sees.
_CALIBRATION: Final = 64
# Draws of noise.
_DRAWS: Final = 4
# Beside the run's own seed, so that these numbers are not those of its training.
_CALIBRATION_STREAM: Final = 1
_NOISE_STREAM: Final = 2


def alteration(name: str) -> Alteration:
    """What a name means: ``FORMAT``, to the nearest; ``gptq:FORMAT``; ``noise:PART``.

    FORMAT is a name as `matrix_format` takes it. Noise is normal, its deviation that part of the
    root mean square of each matrix: an error that has nothing to do with a grid.

    ValueError for any other name.
    """
    kind, colon, argument = name.partition(":")
    if not colon:
        return partial(_nearest, matrix_format(name))
    if kind not in _KINDS:
        raise ValueError(f"format: {name!r}; expected FORMAT, gptq:FORMAT or noise:PART")
    return _KINDS[kind](argument)


def _nearest(fmt: ScaledFormat, model: Model, settings: RunSettings, text: Text) -> list[Model]:
    return [{name: round_matrix(model[name], fmt) for name in MATRICES}]


def _second_order(
    fmt: ScaledFormat, model: Model, settings: RunSettings, text: Text
) -> list[Model]:
    """By GPTQ, with the inputs that each layer has in the unrounded model."""
    rng = np.random.default_rng([settings.seed, _CALIBRATION_STREAM])
    contexts = np.concatenate([seen for seen, _ in batches(text.training, _CALIBRATION, rng)])
    inputs = activations(model, contexts)._asdict()
    hessians = {name: inputs[name].T @ inputs[name] for name in MATRICES}
    return [{name: gptq(model[name], hessians[name], fmt).dequantize() for name in MATRICES}]


def _noisy(part: float, model: Model, settings: RunSettings, text: Text) -> list[Model]:
    rng = np.random.default_rng([settings.seed, _NOISE_STREAM])
    return [{name: _with_noise(model[name], part, rng) for name in MATRICES} for _ in range(_DRAWS)]


def _with_noise(
    matrix: NDArray[np.float32], part: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    deviation = np.float32(part * np.sqrt(np.mean(np.square(matrix))))
    return matrix + deviation * rng.standard_normal(matrix.shape, dtype=np.float32)


def _noise_of(argument: str) -> Alteration:
    try:
        part = float(argument)
    except ValueError:
        part = -1.0
    if not 0 < part < np.inf:
        raise ValueError(f"format: noise:{argument}; expected a number above 0, as in noise:0.05")
    return partial(_noisy, part)


_KINDS: Final[dict[str, Callable[[str], Alteration]]] = {
    "gptq": lambda argument: partial(_second_order, matrix_format(argument)),
    "noise": _noise_of,
}
