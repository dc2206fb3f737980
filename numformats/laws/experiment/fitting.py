"""The law of harm, fitted to each way of training and of rounding."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from numformats.laws import Fit, fit
from numformats.laws.experiment.harms import Harm, columns_of, fitted

# Fewer tell three exponents from noise badly.
_FEWEST_ROWS: Final = 6
_BOOTSTRAP: Final = 1000


@dataclass(frozen=True)
class HarmFit:
    """A fit of the harm for one way of training and one of rounding.

    Attributes
    ----------
    variant, family : str
        How models were trained, and their matrices altered.
    rows, runs : int
        How many harms it was fitted to, and from how many runs.
    fit : Fit
        Its constants: `gamma_data`, and where there were several N and several widths,
        `gamma_parameters` and `gamma_bits`.
    """

    variant: str
    family: str
    rows: int
    runs: int
    fit: Fit


def fits_of(harms: Iterable[Harm]) -> list[HarmFit]:
    """A fit for each variant and family that has enough harms, in the order in which they come.

    d = factor D^gamma_data / N^gamma_parameters e^(-P / gamma_bits) by least squares of its
    logarithm, where 5e-4 < d < 1. Where all have one N, or one width, the law has no such factor.
    """
    groups: dict[tuple[str, str], list[Harm]] = {}
    for each in fitted(harms):
        groups.setdefault((each.variant, each.family), []).append(each)
    return [
        _fit(variant, family, rows)
        for (variant, family), rows in groups.items()
        if len(rows) >= _FEWEST_ROWS and _several(each.settings.data_ratio for each in rows)
    ]


def _fit(variant: str, family: str, rows: list[Harm]) -> HarmFit:
    columns = columns_of(rows)
    # Without a factor for them: N^0 and e^(-P / infinity).
    fixed = {}
    if not _several(columns["parameters"]):
        fixed["gamma_parameters"] = 0.0
    if not _several(columns["bits"]):
        fixed["gamma_bits"] = np.inf
        columns["bits"] = np.ones(len(rows))
    found = fit("exponential", columns, fixed=fixed, bootstrap=_BOOTSTRAP, rng=0)
    return HarmFit(variant, family, len(rows), len(set(columns["run"])), found)


def _several(values: Iterable[float]) -> bool:
    return len(set(values)) > 1
