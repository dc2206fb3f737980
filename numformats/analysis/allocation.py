"""Which format each tensor gets within a budget of bits, and what that costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TensorChoice:
    """The format that a tensor gets.

    Attributes
    ----------
    name, shape : str, tuple of int
        The tensor.
    format : str
        The name of its format.
    stored_bits : int
        What it is stored in, scales included.
    signal, noise : float
        Sums of the squares of its finite values, and of their errors.
    weight : float
        What a squared error of 1 counts.
    """

    name: str
    shape: tuple[int, ...]
    format: str
    stored_bits: int
    signal: float
    noise: float
    weight: float

    @property
    def values(self) -> int:
        """How many values it has."""
        return math.prod(self.shape)

    @property
    def bits_per_value(self) -> float:
        """The bits of a code, and those of the scales shared by all values."""
        return self.stored_bits / self.values

    @property
    def cost(self) -> float:
        """The squared errors, as often as they count."""
        return self.weight * self.noise

    @property
    def sqnr_db(self) -> float:
        """Signal to quantization noise ratio in decibels: infinite without noise."""
        return _decibels(self.signal, self.noise)

    def to_record(self) -> dict[str, Any]:
        """All figures under plain names."""
        return {
            "tensor": self.name,
            "shape": list(self.shape),
            "format": self.format,
            "bits_per_value": self.bits_per_value,
            "sqnr_db": self.sqnr_db,
            "weight": self.weight,
            "cost": self.cost,
        }


@dataclass(frozen=True)
class UniformChoice:
    """All tensors in one format: its name, bits for each value, and the sum of the costs."""

    format: str
    bits_per_value: float
    cost: float


@dataclass(frozen=True)
class Allocation:
    """Which format each tensor gets, for the smallest sum of costs within a budget.

    It prints as a few lines.

    Attributes
    ----------
    tensors : tuple of TensorChoice
        In the order in which they were given.
    budget_bits : float
        The bits for each value that were allowed, of all tensors together.
    uniform : UniformChoice or None
        The best of the formats for all tensors alike within the budget; None if there is none.
    bound : float
        No allocation of these formats within the budget costs less.
    is_exact : bool
        Whether none costs less than this one; False if there were too many to look at.
    is_weighted : bool
        Whether weights were given. If not, a squared error counts one over the mean square of its
        tensor.
    """

    tensors: tuple[TensorChoice, ...]
    budget_bits: float
    uniform: UniformChoice | None
    bound: float
    is_exact: bool
    is_weighted: bool

    @property
    def formats(self) -> dict[str, str]:
        """The name of the format of each tensor by its name, as ``simulate`` takes it."""
        return {tensor.name: tensor.format for tensor in self.tensors}

    @property
    def values(self) -> int:
        """How many values all tensors have."""
        return sum(tensor.values for tensor in self.tensors)

    @property
    def stored_bits(self) -> int:
        """What all tensors are stored in, scales included."""
        return sum(tensor.stored_bits for tensor in self.tensors)

    @property
    def bits_per_value(self) -> float:
        """The bits for each value of all tensors."""
        return self.stored_bits / self.values

    @property
    def cost(self) -> float:
        """The sum of the costs, which is what was minimised."""
        return math.fsum(tensor.cost for tensor in self.tensors)

    @property
    def gain_db(self) -> float:
        """How much less it costs than the best format for all alike, in decibels; NaN if there is
        none.
        """
        if self.uniform is None:
            return math.nan
        return _decibels(self.uniform.cost, self.cost) if self.uniform.cost else 0.0

    def to_record(self) -> dict[str, Any]:
        """All of it under plain names, for JSON."""
        uniform = self.uniform
        return {
            "budget_bits": self.budget_bits,
            "bits_per_value": self.bits_per_value,
            "bytes": self.stored_bits / 8,
            "minimised": self.minimised,
            "cost": self.cost,
            "bound": self.bound,
            "exact": self.is_exact,
            "uniform": None if uniform is None else vars(uniform),
            "gain_db": self.gain_db,
            "tensors": [tensor.to_record() for tensor in self.tensors],
        }

    @property
    def minimised(self) -> str:
        """What the sum of costs is, in words."""
        if self.is_weighted:
            return "squared errors times the weights given"
        return "squared errors over the mean square of their tensor, so tensors count by size"

    def lines(self, verbose: bool = False) -> list[str]:
        """What was chosen, for people; with the format of each tensor, if asked for."""
        count = len(self.tensors)
        found = [
            f"{count} {'tensor' if count == 1 else 'tensors'}, {self.values:,} values in "
            f"{self.bits_per_value:.4g} bits each (budget {self.budget_bits:g}):"
        ]
        for name, own in sorted(self._by_format().items(), key=lambda pair: -_values(pair[1])):
            share = _values(own) / self.values
            found.append(f"  {name}: {len(own)} ({share:.1%} of the values)")
            if verbose:
                found += [f"    {t.name}: {t.sqnr_db:.2f} dB" for t in own]
        found.append(f"minimised: {self.minimised}")
        found.append(self._about_cost())
        if not self.is_exact:
            found.append(f"not exact: no choice costs less than {self.bound / self.cost:.4%} of it")
        return found

    def _about_cost(self) -> str:
        level = "" if self.is_weighted else f" ({_decibels(self.values, self.cost):.2f} dB)"
        cost = f"cost {self.cost:.6g}{level}"
        if self.uniform is None:
            return f"{cost}; no format alone is within the budget"
        alike = self.uniform
        level = "" if self.is_weighted else f" ({_decibels(self.values, alike.cost):.2f} dB)"
        return (
            f"{cost}; best for all alike: {alike.format}, {alike.bits_per_value:.4g} bits, "
            f"{alike.cost:.6g}{level}"
        )

    def _by_format(self) -> dict[str, list[TensorChoice]]:
        found: dict[str, list[TensorChoice]] = {}
        for tensor in self.tensors:
            found.setdefault(tensor.format, []).append(tensor)
        return found

    def __str__(self) -> str:
        return "\n".join(self.lines())


def _values(tensors: list[TensorChoice]) -> int:
    return sum(tensor.values for tensor in tensors)


def _decibels(whole: float, part: float) -> float:
    if part == 0:
        return math.inf
    return 10 * (math.log10(whole) - math.log10(part)) if whole > 0 else -math.inf
