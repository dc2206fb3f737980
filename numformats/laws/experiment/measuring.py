"""A run from its settings to its result: train, round in each way, and take the held-out loss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from numformats.laws.experiment.altering import Model, altered
from numformats.laws.experiment.model import CONTEXT, MATRICES, activations, losses
from numformats.laws.experiment.results import RunResult
from numformats.laws.experiment.rounding import matrix_format, round_matrix
from numformats.laws.experiment.settings import RunSettings
from numformats.laws.experiment.text import Text
from numformats.laws.experiment.training import train

# Contexts whose logits are taken at a time, which stay in the cache.
_CHUNK = 2048


def run(
    settings: RunSettings, text: Text, tell: Callable[[int], object] | None = None
) -> RunResult:
    """Train a model as the settings say, round its matrices in all ways, and measure each.

    tell: called now and then with how many steps have been taken since the last time.
    """
    trained = train(settings, text, tell)
    as_trained = trained
    if settings.training_format is not None:
        fmt = matrix_format(settings.training_format)
        rounded = {name: round_matrix(trained[name], fmt) for name in MATRICES}
        as_trained = {**trained, **rounded}
    found = {name: _measure(name, trained, settings, text) for name in settings.measured}
    return RunResult(
        settings=settings,
        text=text.digest,
        loss=held_out_loss(as_trained, text),
        losses={name: loss for name, (loss, _) in found.items()},
        errors={name: error for name, (_, error) in found.items()},
    )


def _measure(name: str, trained: Model, settings: RunSettings, text: Text) -> tuple[float, float]:
    """The loss and the relative error of the matrices, each the mean over what is drawn."""
    found = [
        (held_out_loss({**trained, **each}, text), _error(trained, each))
        for each in altered(name, trained, settings, text)
    ]
    loss, error = np.mean(found, axis=0)
    return float(loss), float(error)


def _error(trained: Model, stand_ins: Model) -> float:
    """The root of all squared differences over all squares."""
    before, after = _joined(trained), _joined(stand_ins)
    return float(np.linalg.norm(after - before) / np.linalg.norm(before))


def _joined(model: Model) -> NDArray[np.float32]:
    return np.concatenate([model[name].ravel() for name in MATRICES])


def held_out_loss(model: Model, text: Text) -> float:
    """The mean cross entropy of the held-out characters, in nats; the first ten of each block are
    context alone.
    """
    windows = np.lib.stride_tricks.sliding_window_view(text.held_out, CONTEXT + 1, axis=1)
    examples = windows.reshape(-1, CONTEXT + 1).astype(np.intp)
    total = 0.0
    for start in range(0, len(examples), _CHUNK):
        part = examples[start : start + _CHUNK]
        logits = activations(model, part[:, :CONTEXT]).logits
        total += float(losses(logits, part[:, CONTEXT]).sum(dtype=np.float64))
    return total / len(examples)
