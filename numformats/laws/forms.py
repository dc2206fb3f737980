"""The formulas that laws are made of: bare functions of float64, with named constants.

P: bits; N: parameters; D: tokens. The harm of rounding a model is the rise of its loss in nats per
token, or whatever the loss was measured in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from numformats.laws.arguments import Floats
from numformats.laws.records import Constants


@dataclass(frozen=True)
class Chinchilla(Constants):
    """The loss of a model in full precision: Hoffmann et al. 2022, arXiv 2203.15556.

    >>> float(Chinchilla(A=400.0, alpha=0.5, B=300.0, beta=0.5, E=2.0).loss(1e4, 1e4))
    9.0
    """

    A: float
    alpha: float
    B: float
    beta: float
    E: float
    form: ClassVar[str] = "L = A / N^alpha + B / D^beta + E"

    def loss(self, parameters: Floats, tokens: Floats) -> Floats:
        """L."""
        return self.A * parameters**-self.alpha + self.B * tokens**-self.beta + self.E


@dataclass(frozen=True)
class ExponentialHarm(Constants):
    """Harm that falls exponentially with bits: Kumar et al. 2024, equation 2."""

    factor: float
    gamma_data: float
    gamma_parameters: float
    gamma_bits: float
    offset: float = 0.0
    form: ClassVar[str] = (
        "d = factor D^gamma_data / N^gamma_parameters e^(-P / gamma_bits + offset)"
    )

    def harm(self, bits: Floats, parameters: Floats, tokens: Floats) -> Floats:
        """d. In logarithms, since the powers alone may overflow."""
        return np.exp(
            np.log(self.factor)
            + self.gamma_data * np.log(tokens)
            - self.gamma_parameters * np.log(parameters)
            - bits / self.gamma_bits
            + self.offset
        )


@dataclass(frozen=True)
class PowerHarm(Constants):
    """Harm that falls as a power of bits: Ouyang et al. 2024."""

    factor: float
    gamma_data: float
    gamma_parameters: float
    gamma_bits: float
    form: ClassVar[str] = "d = factor D^gamma_data / (N^gamma_parameters P^gamma_bits)"

    def harm(self, bits: Floats, parameters: Floats, tokens: Floats) -> Floats:
        """d."""
        return np.exp(
            np.log(self.factor)
            + self.gamma_data * np.log(tokens)
            - self.gamma_parameters * np.log(parameters)
            - self.gamma_bits * np.log(bits)
        )


@dataclass(frozen=True)
class GroupHarm(Constants):
    """Harm at a fixed width by the numbers that share a scale: Chen et al. 2025, equation 5."""

    factor: float
    gamma_data: float
    gamma_parameters: float
    gamma_group: float
    form: ClassVar[str] = (
        "d = factor D^gamma_data (log2 G)^gamma_group / N^gamma_parameters, G values to a scale"
    )

    def harm(self, parameters: Floats, tokens: Floats, group: Floats) -> Floats:
        """d; 0 for a scale for each value."""
        power = self.factor * tokens**self.gamma_data / parameters**self.gamma_parameters
        return power * np.log2(group) ** self.gamma_group


@dataclass(frozen=True)
class Saturation(Constants):
    """The share of the parameters that a width leaves: Kumar et al. 2024, equations 3 and 4.

    It is negative up to `gamma` times `offset` bits, where it means nothing.

    >>> float(Saturation(gamma=2.0).share(np.float64(4.0)))  # 1 - e^-2
    0.8646647167633873
    """

    gamma: float
    offset: float = 0.0
    form: ClassVar[str] = "N_eff / N = 1 - e^(-P / gamma + offset)"

    def share(self, bits: Floats) -> Floats:
        """N_eff / N."""
        return -np.expm1(-bits / self.gamma + self.offset)

    @property
    def least_bits(self) -> float:
        """The bits at which no parameters are left."""
        return self.gamma * self.offset


@dataclass(frozen=True)
class Capacity(Constants):
    """The share of the parameters by the error of a format on Gaussian data: Panferov et al. 2025,
    equation 3.

    log_(1/4) of the error is the bits that an ideal code of that error has: its distortion is
    4^-bits (Shannon).
    """

    limit: float
    slope: float
    power: float
    form: ClassVar[str] = "rho = limit tanh(slope log_(1/4) error)^power"

    def share(self, error: Floats) -> Floats:
        """rho; 0 for errors of 1 or more, by which nothing of the data is left."""
        bits = -np.log(np.minimum(error, 1.0)) / np.log(4.0)
        return self.limit * np.tanh(self.slope * bits) ** self.power
