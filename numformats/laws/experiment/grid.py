"""Which runs there are: the quick grid and the full one.

Numbers of parameters and of characters are those of docs/law.md. Runs that would see a text of
10 MB more than about once are left out, and so is what does not end in a quarter of an hour on two
cores.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from numformats.laws.experiment.model import Architecture
from numformats.laws.experiment.settings import DEFAULT_MEASURED, RunSettings

HIDDEN: Final = (16, 32, 64, 128)
DATA_RATIOS: Final = (16, 50, 160, 500, 1500)
# The one that is trained at every D / N, and in every other way: N = 5,632.
MAIN: Final = 32
# The most characters of a run.
MOST_TOKENS: Final = 1e7
# Weight decay as large models are trained with, and from which size on it is tried.
DECAY: Final = 0.1
_DECAYED: Final = (64, 128)
COOLDOWN: Final = 0.2
HIGHER_RATE: Final = 1e-2


def cells(hidden: Iterable[int] = HIDDEN) -> list[tuple[int, int]]:
    """Pairs of hidden units and D / N, without those of too many characters."""
    return [
        (units, ratio)
        for units in hidden
        for ratio in DATA_RATIOS
        if units == MAIN or ratio * Architecture(units).parameters <= MOST_TOKENS
    ]


def quick_grid(seeds: int = 1, measured: tuple[str, ...] = DEFAULT_MEASURED) -> list[RunSettings]:
    """Runs at N = 5,632 alone: plain ones, and trained in 4 bits but for the longest."""
    plain = _runs(cells([MAIN]), seeds, measured=measured)
    return [*plain, *_trained(cells([MAIN])[:-1], 1, "int4_g16")]


def full_grid(seeds: int = 3, measured: tuple[str, ...] = DEFAULT_MEASURED) -> list[RunSettings]:
    """Plain runs at all sizes, and at some every other way of training.

    Trained in 3 and 4 bits: all sizes; in 2, 5 and 6: the smaller two; in NVFP4: N = 5,632. There,
    too, a constant learning rate, with a cooldown and without, and a higher one. Weight decay at
    the larger two. There are `seeds` of the plain runs and of the schedules, and one of the others.
    """
    main = cells([MAIN])
    found = _runs(cells(), seeds, measured=measured)
    for bits in (3, 4):
        found += _trained(cells(), 1, f"int{bits}_g16")
    for bits in (2, 5, 6):
        found += _trained(cells(HIDDEN[:2]), 1, f"int{bits}_g16")
    found += _trained(main, 1, "nvfp4")
    found += _runs(main, seeds, schedule="constant", measured=measured)
    found += _runs(main, seeds, schedule="constant", cooldown=COOLDOWN, measured=measured)
    found += _runs(main, 1, learning_rate=HIGHER_RATE, measured=measured)
    return [*found, *_runs(cells(_DECAYED), 1, weight_decay=DECAY, measured=measured)]


def _trained(chosen: list[tuple[int, int]], seeds: int, name: str) -> list[RunSettings]:
    """Runs with rounding inside; what they are rounded to is measured as it is."""
    return _runs(chosen, seeds, training_format=name, measured=())


def _runs(chosen: list[tuple[int, int]], seeds: int, **options: Any) -> list[RunSettings]:
    return [
        RunSettings(hidden=units, data_ratio=ratio, seed=seed, **options)
        for seed in range(seeds)
        for units, ratio in chosen
    ]
