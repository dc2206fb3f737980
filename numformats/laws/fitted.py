"""The laws that a fit gives, and what it says of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numformats.laws.arguments import Answer, Floats, answer, positive
from numformats.laws.families import Family
from numformats.laws.forms import Saturation
from numformats.laws.ouyang import HarmLaw
from numformats.laws.records import Law


@dataclass(frozen=True)
class ShareLaw(Law):
    """The share of its parameters that training at a width leaves a model."""

    training: Saturation
    form: ClassVar[str] = Saturation.form

    def share(self, bits: ArrayLike) -> Answer:
        """N_eff / N. Warns of bits outside of the rows that were fitted."""
        read = positive("bits", bits)
        self.warn_outside(bits=read)
        return answer(self.training.share(read))

    def effective_parameters(self, parameters: ArrayLike, bits: ArrayLike) -> Answer:
        """How many parameters in full precision make as good a model."""
        return answer(positive("parameters", parameters) * self.share(bits))


@dataclass(frozen=True)
class Interval:
    """From where to where 95 % of the resamples went."""

    low: float
    high: float

    def __contains__(self, number: float) -> bool:
        return self.low <= number <= self.high

    def __str__(self) -> str:
        return f"[{self.low:.4g}, {self.high:.4g}]"


@dataclass(frozen=True)
class HeldOut:
    """How well a fit predicts rows that it has not seen.

    Attributes
    ----------
    rows : int
        How many there are.
    r2 : float
        1 less the squared residuals over those of the mean of these very rows; may be negative.
    residuals : array
        What was measured less what was predicted, as `Fit.residuals`.
    """

    rows: int
    r2: float
    residuals: Floats


@dataclass(frozen=True, eq=False)
class Fit:
    """A law fitted to data. It prints as a table.

    Attributes
    ----------
    law : HarmLaw or ShareLaw
        The fitted law, to be asked like those of the papers: ``fit.law.harm(4, 1e6, 1e8)``.
    constants, intervals : dict
        The constants by name, and their 95 % intervals; none with ``bootstrap=0``.
    r2 : float
        The share of the variance that the law explains, of logarithms of the harm, or of shares
        themselves.
    residuals : array
        What was measured less what is predicted, of the same, in the order of the rows.
    rows, runs : int
        How many were fitted.
    resamples : array
        The constants of each resample of the runs that tells them, in the order of `constants`.
    held_out : HeldOut or None
        How well the rows are predicted that were left out.
    """

    law: HarmLaw | ShareLaw
    constants: dict[str, float]
    intervals: dict[str, Interval]
    r2: float
    residuals: Floats
    rows: int
    runs: int
    loss: str
    resamples: Floats
    held_out: HeldOut | None
    family: Family

    def predict(self, **columns: ArrayLike) -> Answer:
        """The harm or the share for columns by name, which broadcast, without a warning."""
        return answer(self._predict(columns, self.constants))

    def band(self, **columns: ArrayLike) -> tuple[Answer, Answer]:
        """Between what 95 % of the resamples predict: of the curve, not of a new measurement.

        ValueError without resamples.
        """
        if not len(self.resamples):
            raise ValueError("band: fitted with bootstrap=0; fit with some resamples")
        each = [
            self._predict(columns, dict(zip(self.constants, row, strict=True)))
            for row in self.resamples
        ]
        low, high = np.percentile(np.array(each), [2.5, 97.5], axis=0)
        return answer(low), answer(high)

    def _predict(self, columns: Mapping[str, ArrayLike], constants: Mapping[str, float]) -> Floats:
        read = {name: positive(name, columns[name]) for name in self.family.columns}
        return self.family.evaluate(self.family.formula(constants), read)

    def __str__(self) -> str:
        lines = [f"{self.family.name}: {self.rows} rows of {self.runs} runs, R2 {self.r2:.3f}"]
        width = max(map(len, self.constants))
        for name, value in self.constants.items():
            interval = f" {self.intervals[name]}" if self.intervals else ""
            lines.append(f"{name.ljust(width)}  {value:.4g}{interval}")
        if self.held_out is not None:
            lines.append(f"held out: {self.held_out.rows} rows, R2 {self.held_out.r2:.3f}")
        return "\n".join(lines)

    __repr__ = __str__


def r_squared(measured: Floats, residuals: Floats) -> float:
    """1 less the squared residuals over those of the mean; NaN where nothing varies."""
    varies = float(((measured - measured.mean()) ** 2).sum())
    return 1.0 - float((residuals**2).sum()) / varies if varies > 0 else math.nan


def intervals_of(names: tuple[str, ...], resamples: NDArray[np.float64]) -> dict[str, Interval]:
    """The 95 % intervals of constants."""
    if not len(resamples):
        return {}
    low, high = np.percentile(resamples, [2.5, 97.5], axis=0)
    each = zip(names, low, high, strict=True)
    return {name: Interval(float(start), float(end)) for name, start, end in each}
