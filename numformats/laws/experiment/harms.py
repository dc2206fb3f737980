"""From results of runs to rows of harm: how many bits, what parameters, how long a training."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.laws.experiment.results import RunResult
from numformats.laws.experiment.settings import RunSettings
from numformats.laws.experiment.ways import way_of

# Less is noise of the held-out text, more saturates: there is only so much loss to be had.
LEAST: Final = 5e-4
MOST: Final = 1.0

_PLAIN: Final = RunSettings(hidden=1, data_ratio=1)


@dataclass(frozen=True)
class Harm:
    """What altering a trained model's matrices did to its loss.

    Attributes
    ----------
    settings : RunSettings
        The run.
    variant : str
        How it was trained, in words; "plain" for the defaults.
    name, family : str
        How its matrices were altered: a name of `settings.measured`, and the same without its bits.
    bits : int
        Those of an element; 0 for noise.
    loss, harm : float
        The loss before, in nats per character, and by how much it rose.
    error : float
        The relative error of the matrices.
    """

    settings: RunSettings
    variant: str
    name: str
    family: str
    bits: int
    loss: float
    harm: float
    error: float


def harms_of(results: Iterable[RunResult]) -> list[Harm]:
    """All that was measured on models that were trained without rounding."""
    return [
        Harm(
            settings=result.settings,
            variant=variant_of(result.settings),
            name=name,
            family=family_of(name),
            bits=way_of(name).bits,
            loss=result.loss,
            harm=result.harm(name),
            error=result.errors[name],
        )
        for result in results
        if result.settings.training_format is None
        for name in result.settings.measured
    ]


def family_of(name: str) -> str:
    """A way to alter matrices without its bits: those that differ in bits alone are one family.

    >>> family_of("gptq:int4_channel"), family_of("uint8"), family_of("nvfp4")
    ('gptq:int_channel', 'uint', 'nvfp4')
    """
    return re.sub(r"(?<![a-z])(u?int)\d+", r"\1", name)


def variant_of(settings: RunSettings) -> str:
    """How a run was trained, in words, where it differs from a plain one.

    >>> variant_of(RunSettings(hidden=32, data_ratio=50, schedule="constant", cooldown=0.2))
    'constant rate, cooldown 0.2'
    """
    words = {
        "schedule": f"{settings.schedule} rate",
        "cooldown": f"cooldown {settings.cooldown:g}",
        "learning_rate": f"learning rate {settings.learning_rate:g}",
        "weight_decay": f"weight decay {settings.weight_decay:g}",
        "training_format": f"trained in {settings.training_format}",
    }
    differing = [
        word for field, word in words.items() if getattr(settings, field) != getattr(_PLAIN, field)
    ]
    return ", ".join(differing) or "plain"


def fitted(harms: Iterable[Harm]) -> list[Harm]:
    """Those that a law is fitted to: neither noise nor saturated."""
    return [each for each in harms if LEAST < each.harm < MOST]


def columns_of(harms: Sequence[Harm]) -> dict[str, NDArray[Any]]:
    """Harms as the columns that `numformats.laws.fit` takes: `run` is one number for each run."""
    runs = {settings: number for number, settings in enumerate({h.settings: 0 for h in harms})}
    return {
        "bits": np.array([each.bits for each in harms]),
        "parameters": np.array([each.settings.parameters for each in harms]),
        "tokens": np.array([each.settings.tokens for each in harms]),
        "harm": np.array([each.harm for each in harms]),
        "run": np.array([runs[each.settings] for each in harms]),
    }


def most_told(harms: Iterable[Harm]) -> int:
    """The N that has the most lengths of training, which tables and pictures by D/N are of."""
    lengths: dict[int, set[float]] = {}
    for each in harms:
        lengths.setdefault(each.settings.parameters, set()).add(each.settings.data_ratio)
    # Of several with as many, the one in the middle: neither quickest to saturate, nor noisiest.
    most = max(map(len, lengths.values()))
    sizes = sorted(size for size, ratios in lengths.items() if len(ratios) == most)
    return sizes[len(sizes) // 2]


def without_rounding(settings: RunSettings) -> RunSettings:
    """What a run trained with rounding inside is compared with: the same, but for that.

    What is measured afterwards makes no difference, and is left out.
    """
    return replace(settings, training_format=None, measured=())
