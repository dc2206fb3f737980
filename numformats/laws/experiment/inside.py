"""What training with the rounding inside gives: less harm, and how many parameters it leaves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.laws.experiment.harms import family_of, variant_of, without_rounding
from numformats.laws.experiment.results import RunResult
from numformats.laws.experiment.settings import RunSettings
from numformats.laws.experiment.ways import way_of

# Where the search for exponents of the loss begins, and its bounds: A, alpha, B, beta, E.
_START: Final = (20.0, 0.4, 20.0, 0.4, 1.0)
_LOWEST: Final = (0.0, 0.05, 0.0, 0.05, 0.0)
_HIGHEST: Final = (1e6, 2.0, 1e6, 2.0, 10.0)


@dataclass(frozen=True)
class Pair:
    """A run trained with rounding inside, beside the same run without.

    Attributes
    ----------
    settings : RunSettings
        The run with rounding inside.
    bits : int
        Those of an element.
    loss : float
        The loss of the other, unrounded.
    inside : float
        By how much the loss of this one is higher.
    after : float
        By how much the other's is, once it is rounded to the same format; NaN where not measured.
    """

    settings: RunSettings
    bits: int
    loss: float
    inside: float
    after: float

    @property
    def family(self) -> str:
        """The format, without its bits."""
        return family_of(str(self.settings.training_format))


def pairs_of(results: Iterable[RunResult]) -> list[Pair]:
    """All runs with rounding inside whose counterpart is there, too."""
    found = list(results)
    plain = {
        without_rounding(each.settings): each
        for each in found
        if each.settings.training_format is None
    }
    pairs = []
    for each in found:
        name, other = each.settings.training_format, plain.get(without_rounding(each.settings))
        if name is None or other is None:
            continue
        after = other.losses.get(name, np.nan) - other.loss
        inside = each.loss - other.loss
        pairs.append(Pair(each.settings, way_of(name).bits, other.loss, inside, after))
    return pairs


@dataclass(frozen=True)
class LossLaw:
    """L = A / N^alpha + B / D^beta + E, fitted to the losses of unrounded models.

    Attributes
    ----------
    constants : tuple of float
        A, alpha, B, beta and E. N of a factor of fourteen tell the slope, and A, alpha and E alone
        badly: E may well come out as 0.
    spread : float
        The root mean square of what the losses differ from it by.
    """

    constants: tuple[float, float, float, float, float]
    spread: float = 0.0

    def loss(self, parameters: NDArray[Any], tokens: NDArray[Any]) -> NDArray[np.float64]:
        """L."""
        a, alpha, b, beta, e = self.constants
        return a * parameters**-alpha + b * tokens**-beta + e

    def share(self, pair: Pair) -> float:
        """Neff / N: of how many parameters the unrounded model would be that is as bad.

        The loss of the counterpart is taken as it is, and the law for the difference alone, so that
        what the law gets wrong of this run does not count. 0 where no N would be as bad.
        """
        a, alpha, *_ = self.constants
        power = 1.0 + pair.inside * pair.settings.parameters**alpha / a
        return float(power ** (-1.0 / alpha)) if power > 0 else float("inf")


def loss_law(results: Iterable[RunResult]) -> LossLaw | None:
    """The law of the plain runs' losses by least squares; None for fewer than three sizes."""
    from scipy.optimize import least_squares

    plain = [each for each in results if variant_of(each.settings) == "plain"]
    if len({each.settings.hidden for each in plain}) < 3:
        return None
    parameters = np.array([float(each.settings.parameters) for each in plain])
    tokens = np.array([float(each.settings.tokens) for each in plain])
    losses = np.array([each.loss for each in plain])

    def residuals(constants: NDArray[np.float64]) -> NDArray[np.float64]:
        a, alpha, b, beta, e = constants
        return LossLaw((a, alpha, b, beta, e)).loss(parameters, tokens) - losses

    found = least_squares(residuals, _START, bounds=(_LOWEST, _HIGHEST), x_scale="jac")
    a, alpha, b, beta, e = map(float, found.x)
    return LossLaw((a, alpha, b, beta, e), float(np.sqrt(np.mean(found.fun**2))))


def shares(pairs: Sequence[Pair], law: LossLaw) -> dict[str, NDArray[Any]]:
    """Columns `bits`, `share` and `run` of integer formats, as `numformats.laws.fit` takes them."""
    chosen = [pair for pair in pairs if pair.family.startswith("int")]
    return {
        "bits": np.array([pair.bits for pair in chosen]),
        "share": np.array([law.share(pair) for pair in chosen]),
        "run": np.arange(len(chosen)),
    }
