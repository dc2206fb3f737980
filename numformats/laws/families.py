"""The formulas that can be fitted: what they take, what they give, how they are solved.

Formulas for the harm are straight in their logarithms: log d is a sum of terms, each a column of
the data times a coefficient. The share of the parameters is not, and is found by steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

import numpy as np

from numformats.laws.arguments import Floats
from numformats.laws.forms import ExponentialHarm, PowerHarm, Saturation
from numformats.laws.records import Constants

Columns: TypeAlias = Mapping[str, Floats]


class Family(Protocol):
    """A formula whose constants can be fitted."""

    @property
    def name(self) -> str:
        """What `fit` knows it by."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the data that it takes."""

    @property
    def target(self) -> str:
        """The column that it predicts."""

    @property
    def constants(self) -> tuple[str, ...]:
        """What is fitted."""

    @property
    def is_straight(self) -> bool:
        """Whether `predict` is linear in the coefficients, so that `start` is the least squares."""

    def measure(self, target: Floats) -> Floats:
        """The target as it is compared: its logarithm, or itself."""

    def start(self, columns: Columns, measured: Floats) -> Floats:
        """Coefficients to begin with; ValueError where the data do not tell them."""

    def predict(self, columns: Columns, coefficients: Floats) -> Floats:
        """The measure of the target."""

    def slopes(self, columns: Columns, coefficients: Floats) -> Floats:
        """The derivatives of `predict`: a row for each of the data, a column for each of them."""

    def values(self, coefficients: Floats) -> Floats:
        """The constants of coefficients, in their last axis."""

    def formula(self, values: Mapping[str, float]) -> Constants:
        """The formula with its constants."""

    def evaluate(self, formula: Any, columns: Columns) -> Floats:
        """What the formula predicts."""


@dataclass(frozen=True)
class Term:
    """A term of a sum: a constant of the formula, the column it goes with, and how."""

    constant: str
    of: Callable[[Columns], Floats]
    # The constant of a coefficient, and the coefficient of a constant.
    value: Callable[[Floats], Floats]
    coefficient: Callable[[float], float]


@dataclass(frozen=True)
class LogSum:
    """A formula whose logarithm is a sum of terms."""

    name: str
    columns: tuple[str, ...]
    terms: tuple[Term, ...]
    make: Callable[..., Constants]
    target: str = "harm"
    # Constants that are given, and not fitted.
    fixed: tuple[tuple[str, float], ...] = ()
    is_straight: bool = True

    @property
    def constants(self) -> tuple[str, ...]:
        """What is fitted."""
        return tuple(term.constant for term in self._free)

    @property
    def _free(self) -> tuple[Term, ...]:
        known = dict(self.fixed)
        return tuple(term for term in self.terms if term.constant not in known)

    def measure(self, target: Floats) -> Floats:
        """The logarithm."""
        return np.log(target)

    def slopes(self, columns: Columns, coefficients: Floats) -> Floats:
        """The columns of the terms."""
        size = len(next(iter(columns.values())))
        return np.stack([np.broadcast_to(term.of(columns), size) for term in self._free], axis=1)

    def predict(self, columns: Columns, coefficients: Floats) -> Floats:
        """log d."""
        return self.slopes(columns, coefficients) @ coefficients + self._of_fixed(columns)

    def _of_fixed(self, columns: Columns) -> Floats:
        known = dict(self.fixed)
        given = [t for t in self.terms if t.constant in known]
        return sum((t.of(columns) * t.coefficient(known[t.constant]) for t in given), np.zeros(()))

    def start(self, columns: Columns, measured: Floats) -> Floats:
        """The least squares."""
        slopes = self.slopes(columns, measured)
        # Of columns of one size, so that their rank does not depend on units.
        sizes = np.abs(slopes).max(axis=0)
        sizes[sizes == 0] = 1.0
        solution, _, rank, _ = np.linalg.lstsq(
            slopes / sizes, measured - self._of_fixed(columns), rcond=1e-9
        )
        if rank < len(sizes):
            raise ValueError(self._undetermined(columns))
        return solution / sizes

    def _undetermined(self, columns: Columns) -> str:
        alone = [name for name in self.columns if np.unique(columns[name]).size == 1]
        what = ", ".join(f"{name} has one value, {columns[name][0]:g}" for name in alone)
        if not alone:
            what = f"{', '.join(self.columns)} go up and down together or in too few rows"
        return (
            f"data: the rows do not tell {', '.join(self.constants)} apart: {what}. Add runs, or "
            "give constants as `fixed`"
        )

    def values(self, coefficients: Floats) -> Floats:
        """The constants."""
        each = zip(self._free, np.moveaxis(coefficients, -1, 0), strict=True)
        return np.stack([term.value(found) for term, found in each], axis=-1)

    def formula(self, values: Mapping[str, float]) -> Constants:
        """The formula with its constants."""
        return self.make(**dict(self.fixed), **values)

    def evaluate(self, formula: Any, columns: Columns) -> Floats:
        """The harm."""
        return np.asarray(formula.harm(**columns))


@dataclass(frozen=True)
class Share:
    """1 - e^(-P / gamma + offset), with or without the offset; shares themselves are compared, for
    they may be above 1 by noise.
    """

    name: str
    constants: tuple[str, ...]
    columns: tuple[str, ...] = ("bits",)
    target: str = "share"
    is_straight: bool = False

    def measure(self, target: Floats) -> Floats:
        """The share."""
        return target

    def _left(self, columns: Columns, coefficients: Floats) -> Floats:
        offset = coefficients[1] if len(coefficients) > 1 else 0.0
        # A step that goes far astray should be seen to do so, and not overflow.
        return np.exp(np.minimum(offset - columns["bits"] * coefficients[0], 50.0))

    def predict(self, columns: Columns, coefficients: Floats) -> Floats:
        """1 - e^(-P rate + offset)."""
        return 1.0 - self._left(columns, coefficients)

    def slopes(self, columns: Columns, coefficients: Floats) -> Floats:
        """By the rate 1 / gamma, and by the offset."""
        left = self._left(columns, coefficients)
        both = np.stack([columns["bits"] * left, -left], axis=1)
        return both[:, : len(self.constants)]

    def start(self, columns: Columns, measured: Floats) -> Floats:
        """A line through the logarithms of what is missing to 1, of at least a hundredth."""
        bits = columns["bits"]
        missing = np.log(np.maximum(1.0 - measured, 0.01))
        if np.unique(bits).size < len(self.constants):
            raise ValueError(f"data: bits has one value, {bits[0]:g}; a fit needs several")
        if len(self.constants) == 1:
            rate = -(bits @ missing) / (bits @ bits)
            return np.array([max(rate, 1e-3)])
        slope, offset = np.polyfit(bits, missing, 1)
        return np.array([max(-slope, 1e-3), offset])

    def values(self, coefficients: Floats) -> Floats:
        """gamma, and the offset."""
        found = np.array(coefficients)
        if not (found[..., 0] > 0).all():
            raise ValueError("share: does not grow with bits; no such formula meets these rows")
        found[..., 0] = 1.0 / found[..., 0]
        return found

    def formula(self, values: Mapping[str, float]) -> Constants:
        """The formula with its constants."""
        return Saturation(**values)

    def evaluate(self, formula: Any, columns: Columns) -> Floats:
        """The share."""
        return np.asarray(formula.share(**columns))


def _itself(x: Floats) -> Floats:
    return x


_FACTOR: Final = Term("factor", lambda columns: np.ones(()), np.exp, lambda c: float(np.log(c)))
_DATA: Final = Term("gamma_data", lambda c: np.log(c["tokens"]), _itself, float)
_PARAMETERS: Final = Term("gamma_parameters", lambda c: -np.log(c["parameters"]), _itself, float)
_BITS: Final = Term("gamma_bits", lambda c: -c["bits"], lambda x: 1.0 / x, lambda c: 1.0 / c)
_LOG_BITS: Final = Term("gamma_bits", lambda c: -np.log(c["bits"]), _itself, float)
_ROUNDED: Final = ("bits", "parameters", "tokens")

_EXPONENTIAL: Final = LogSum(
    "exponential", _ROUNDED, (_FACTOR, _DATA, _PARAMETERS, _BITS), ExponentialHarm
)
_POWER: Final = LogSum("power", _ROUNDED, (_FACTOR, _DATA, _PARAMETERS, _LOG_BITS), PowerHarm)
_SATURATING: Final = Share("saturating", ("gamma",))
_WITH_OFFSET: Final = Share("saturating_offset", ("gamma", "offset"))

FAMILIES: Final[Mapping[str, Family]] = {
    family.name: family for family in (_EXPONENTIAL, _POWER, _SATURATING, _WITH_OFFSET)
}
