"""Castro et al. 2025, Quartet: training in MXFP4, forward and backward."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Final

from numpy.typing import ArrayLike

from numformats.laws.arguments import Answer, Floats, answer, positive
from numformats.laws.forms import Chinchilla
from numformats.laws.records import Law, Range, Source


@dataclass(frozen=True)
class TwoPassLaw(Law):
    """Loss where the forward pass in low precision costs parameters, and the backward pass data.

    >>> from numformats import laws
    >>> law = laws.castro_quartet
    >>> round(law.effective_parameters(1e8) / 1e8, 2), round(law.effective_tokens(1e10) / 1e10, 2)
    (0.64, 0.93)
    >>> round(law.loss(1e8, 1e10), 3), round(law.harm(4, 1e8, 1e10), 3)
    (2.97, 0.078)
    """

    chinchilla: Chinchilla
    gamma: float
    parameters_share: float
    tokens_share: float
    bits: int
    form: ClassVar[str] = (
        "L = (A / (N parameters_share)^alpha + B / (D tokens_share)^beta)^gamma + E"
    )

    def loss(self, parameters: ArrayLike, tokens: ArrayLike) -> Answer:
        """The loss of the model trained in low precision, in nats per token (eq. 1)."""
        number, data = self._reading(parameters, tokens)
        return answer(self._loss(number * self.parameters_share, data * self.tokens_share))

    def harm(self, bits: ArrayLike, parameters: ArrayLike, tokens: ArrayLike) -> Answer:
        """What training in low precision adds to the loss of full precision, in nats per token.

        ValueError for any bits but the law's own, 4: each width has shares of its own.
        """
        if (positive("bits", bits) != self.bits).any():
            raise ValueError(f"bits: {bits!r}; {self.name} was fitted at {self.bits} bits alone")
        number, data = self._reading(parameters, tokens)
        rounded = self._loss(number * self.parameters_share, data * self.tokens_share)
        return answer(rounded - self._loss(number, data))

    def effective_parameters(self, parameters: ArrayLike) -> Answer:
        """How many parameters in full precision make as good a model."""
        return answer(positive("parameters", parameters) * self.parameters_share)

    def effective_tokens(self, tokens: ArrayLike) -> Answer:
        """How many tokens do as much for a model in full precision."""
        return answer(positive("tokens", tokens) * self.tokens_share)

    def _reading(self, parameters: ArrayLike, tokens: ArrayLike) -> tuple[Floats, Floats]:
        number, data = positive("parameters", parameters), positive("tokens", tokens)
        self.warn_outside(parameters=number, tokens=data)
        return number, data

    def _loss(self, parameters: Floats, tokens: Floats) -> Floats:
        fit = replace(self.chinchilla, E=0.0)
        return fit.loss(parameters, tokens) ** self.gamma + self.chinchilla.E


# How the two passes round: shares of parameters and of tokens (table 2).
_SHARES: Final = {
    "stochastic": (0.42, 0.88),
    "nearest": (0.59, 0.93),
    "quest": (0.64, 0.83),
    # QuEST forward, nearest backward: what the paper chooses in the end.
    "quartet": (0.64, 0.93),
}

castro_stochastic, castro_nearest, castro_quest, castro_quartet = (
    TwoPassLaw(
        name=f"castro_{rounding}",
        source=Source("Castro et al. 2025", "2505.14669", "equation 1, table 2"),
        fitted_on=(Range("parameters", 30e6, 200e6), Range("tokens", 0.75e9, 160e9)),
        chinchilla=Chinchilla(A=1.52e5, alpha=0.589, B=5.25e5, beta=0.544, E=1.35),
        gamma=0.274,
        parameters_share=of_parameters,
        tokens_share=of_tokens,
        bits=4,
    )
    for rounding, (of_parameters, of_tokens) in _SHARES.items()
)
