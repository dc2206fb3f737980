"""The law of harm, fitted to each way of training and of rounding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.laws.experiment.harms import LEAST, MOST, Harm, columns_of, fitted
from numformats.laws.experiment.inside import Pair
from numformats.laws.fitted import Fit
from numformats.laws.fitting import fit

# Fewer, drawn anew, too often are all of one kind, which tells no exponent.
FEWEST_RUNS: Final = 5


@dataclass(frozen=True)
class HarmFit:
    """A fit of the harm for one way of training and one of altering matrices.

    Attributes
    ----------
    variant, family : str
        How models were trained, and their matrices altered.
    fit : Fit
        Its constants: `gamma_data`, and where there were several N and several widths,
        `gamma_parameters` and `gamma_bits`.
    """

    variant: str
    family: str
    fit: Fit


def fits_of(harms: Iterable[Harm]) -> list[HarmFit]:
    """A fit for each variant and family that has five runs or more, in their order.

    d = factor D^gamma_data / N^gamma_parameters e^(-P / gamma_bits) by least squares of its
    logarithm, where 5e-4 < d < 1. Where all have one N, or one width, the law has no such factor.
    """
    groups: dict[tuple[str, str], list[Harm]] = {}
    for each in fitted(harms):
        groups.setdefault((each.variant, each.family), []).append(each)
    return [
        HarmFit(variant, family, _fit(columns_of(rows)))
        for (variant, family), rows in groups.items()
        if len({each.settings for each in rows}) >= FEWEST_RUNS
        and _several(each.settings.data_ratio for each in rows)
    ]


def growth_of(pairs: Sequence[Pair]) -> Fit | None:
    """A fit of the harm of training in one format; None for too few runs of harm in that range."""
    chosen = [pair for pair in pairs if LEAST < pair.inside < MOST]
    if len(chosen) < FEWEST_RUNS or not _several(pair.settings.data_ratio for pair in chosen):
        return None
    columns = {
        "bits": np.array([pair.bits for pair in chosen]),
        "parameters": np.array([pair.settings.parameters for pair in chosen]),
        "tokens": np.array([pair.settings.tokens for pair in chosen]),
        "harm": np.array([pair.inside for pair in chosen]),
    }
    return _fit(columns)


def _fit(columns: dict[str, NDArray[Any]]) -> Fit:
    # Without a factor for what is the same in all: N^0 and e^(-P / infinity).
    fixed = {}
    if not _several(columns["parameters"]):
        fixed["gamma_parameters"] = 0.0
    if not _several(columns["bits"]):
        fixed["gamma_bits"] = np.inf
        columns = {**columns, "bits": np.ones(len(columns["bits"]))}
    return fit("exponential", columns, fixed=fixed)


def _several(values: Iterable[float]) -> bool:
    return len(set(values)) > 1
