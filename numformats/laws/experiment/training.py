"""Training a model: Adam over batches of the text, with the rounding inside if that is asked for.

Rounding inside training is the straight-through estimator (Bengio et al., 2013): the model that
runs has rounded matrices, its gradients are taken there, and are given to the matrices in float32
as if there were no rounding. So it learns to do well on the grid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from numformats.codec.backends import LARGE, prepare_for
from numformats.laws.experiment.model import (
    CONTEXT,
    MATRICES,
    Array,
    Parameters,
    gradients,
    initial,
    views,
)
from numformats.laws.experiment.rounding import matrix_format, round_matrix
from numformats.laws.experiment.settings import BATCH, RunSettings
from numformats.laws.experiment.text import Text

Floats: TypeAlias = NDArray[np.float32]

_DECAY_OF_MEAN: Final = 0.9
_DECAY_OF_SQUARE: Final = 0.99
_EPSILON: Final = 1e-8
# Batches that are looked up at a time.
_CHUNK: Final = 256


class Adam:
    """Adam (Kingma and Ba, 2015) over a flat array, with decoupled weight decay on its first part.

    Parameters
    ----------
    flat : ndarray
        What it changes, in place.
    decayed : int
        How many of its first entries decay.
    decay : float
        By what part of the learning rate (Loshchilov and Hutter, 2019).
    """

    def __init__(self, flat: Floats, decayed: int, decay: float) -> None:
        self._flat, self._decayed, self._decay = flat, flat[:decayed], decay
        self._mean, self._square = np.zeros_like(flat), np.zeros_like(flat)
        self._room = np.empty_like(flat)
        self._steps = 0

    def step(self, gradient: Floats, rate: float) -> None:
        """Take one step against the gradient."""
        self._steps += 1
        room = self._room
        self._mean *= _DECAY_OF_MEAN
        self._mean += np.multiply(gradient, 1 - _DECAY_OF_MEAN, out=room)
        self._square *= _DECAY_OF_SQUARE
        np.multiply(gradient, gradient, out=room)
        room *= 1 - _DECAY_OF_SQUARE
        self._square += room
        # Both start from zero, which these make up for.
        mean_share = 1 - _DECAY_OF_MEAN**self._steps
        square_share = 1 - _DECAY_OF_SQUARE**self._steps
        np.sqrt(self._square, out=room)
        room *= square_share**-0.5
        room += _EPSILON
        np.divide(self._mean, room, out=room)
        room *= rate / mean_share
        if self._decay:
            self._decayed *= 1 - rate * self._decay
        self._flat -= room


def train(
    settings: RunSettings, text: Text, tell: Callable[[int], object] | None = None
) -> dict[str, Floats]:
    """The parameters of a model after all steps, by name, in float32; unrounded ones.

    tell: called now and then with how many steps have been taken since the last time.

    The same settings and text give the same bits on the same machine, if NumPy's matrix products
    are on one thread.
    """
    rng = np.random.default_rng(settings.seed)
    flat = initial(settings.architecture, rng)
    parameters = views(flat, settings.architecture)
    gradient = np.empty_like(flat)
    outputs = views(gradient, settings.architecture)
    adam = Adam(flat, settings.parameters, settings.weight_decay)
    seen = _parameters_seen(settings, parameters)
    for step, (contexts, targets) in enumerate(batches(text.training, settings.steps, rng)):
        gradients(seen(), contexts, targets, outputs)
        adam.step(gradient, settings.rate(step))
        if tell is not None and (step + 1) % _CHUNK == 0:
            tell(_CHUNK)
    return parameters


def batches(
    training: NDArray[np.uint8], steps: int, rng: np.random.Generator
) -> Iterator[tuple[Array, Array]]:
    """Contexts of ten symbols and the symbols after them, in batches of 128, at random places.

    Places are drawn with replacement: the experiment's longest runs see a text of 10 MB about once.
    """
    windows = np.lib.stride_tricks.sliding_window_view(training, CONTEXT + 1)
    for start in range(0, steps, _CHUNK):
        count = min(_CHUNK, steps - start)
        places = rng.integers(len(windows), size=count * BATCH)
        chunk = windows[places].astype(np.intp).reshape(count, BATCH, CONTEXT + 1)
        yield from zip(
            np.ascontiguousarray(chunk[:, :, :CONTEXT]), chunk[:, :, CONTEXT], strict=True
        )


def _parameters_seen(settings: RunSettings, parameters: Parameters) -> Callable[[], Parameters]:
    """What gives the parameters that the model runs with in the next step."""
    if settings.training_format is None:
        return lambda: parameters
    # For matrices as small as these, compiled loops are worth loading by their number.
    prepare_for(LARGE)
    fmt = matrix_format(settings.training_format)
    rounded = {name: np.empty_like(parameters[name]) for name in MATRICES}
    seen = {**parameters, **rounded}
    into = [partial(round_matrix, parameters[name], fmt, out=rounded[name]) for name in MATRICES]

    def next_parameters() -> Parameters:
        for round_into in into:
            round_into()
        return seen

    return next_parameters
