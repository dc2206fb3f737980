"""Chen et al. 2025: training with 4-bit rounding inside, by the values that share a scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import ArrayLike

from numformats.laws.arguments import Answer, Floats, answer, finite, positive
from numformats.laws.forms import Chinchilla, GroupHarm
from numformats.laws.records import Law, Range, Source


@dataclass(frozen=True)
class QuantizedTrainingLaw(Law):
    """Loss and harm of training with 4-bit rounding inside, and a scale for `group` values.

    >>> from numformats import laws
    >>> law = laws.chen_w4a4
    >>> round(law.harm(bits=4, parameters=595e6, tokens=100e9, group=128), 4)
    0.0573
    """

    chinchilla: Chinchilla
    within: GroupHarm
    bits: int
    form: ClassVar[str] = (
        "L = A / N^alpha + B / D^beta + E + "
        "factor D^gamma_data (log2 group)^gamma_group / N^gamma_parameters"
    )

    def harm(
        self, bits: ArrayLike, parameters: ArrayLike, tokens: ArrayLike, *, group: ArrayLike
    ) -> Answer:
        """What training with the rounding inside adds to the loss, in nats per token (eq. 5).

        ValueError for any bits but the law's own, 4: it has no term in bits.
        """
        if (finite("bits", bits) != self.bits).any():
            raise ValueError(f"bits: {bits!r}; {self.name} was fitted at {self.bits} bits alone")
        number, data, size = self._reading(parameters, tokens, group)
        shape = np.broadcast_shapes(np.shape(bits), number.shape)
        return answer(self.within.harm(np.broadcast_to(number, shape), data, size))

    def loss(
        self, parameters: ArrayLike, tokens: ArrayLike, *, group: ArrayLike | None = None
    ) -> Answer:
        """The loss in nats per token: of BF16 without a `group`, else of the rounded model (eq. 4).

        >>> from numformats import laws
        >>> round(laws.chen_w4a4.loss(595e6, 100e9), 3)
        2.741
        """
        if group is None:
            number, data = positive("parameters", parameters), positive("tokens", tokens)
            self.warn_outside(parameters=number, tokens=data)
            return answer(self.chinchilla.loss(number, data))
        number, data, size = self._reading(parameters, tokens, group)
        return answer(self.chinchilla.loss(number, data) + self.within.harm(number, data, size))

    def critical_data(self, parameters: ArrayLike, *, group: ArrayLike) -> Answer:
        """The tokens beyond which more of them make the model worse: where the law's own loss is
        least. The paper does not say it.
        """
        number, _, size = self._reading(parameters, self.fitted_on[1].low, group)
        fit, harm = self.chinchilla, self.within
        slope = harm.gamma_data * harm.harm(number, np.ones(()), size)
        return answer((fit.beta * fit.B / slope) ** (1 / (harm.gamma_data + fit.beta)))

    def _reading(
        self, parameters: ArrayLike, tokens: ArrayLike, group: ArrayLike
    ) -> tuple[Floats, Floats, Floats]:
        number, data = positive("parameters", parameters), positive("tokens", tokens)
        size = finite("group", group)
        if not (size >= 1).all():
            raise ValueError(f"group: {size.min():g}; expected values to a scale, 1 or more")
        self.warn_outside(parameters=number, tokens=data, group=size)
        return number, data, size


_FITTED_ON: Final = (
    Range("parameters", 74e6, 595e6),
    Range("tokens", 10e9, 100e9),
    Range("group", 32, 256),
)
_BF16: Final = Chinchilla(A=237.7042, alpha=0.3022, B=596.2490, beta=0.3022, E=1.9279)


def _law(what: str, within: GroupHarm) -> QuantizedTrainingLaw:
    return QuantizedTrainingLaw(
        name=f"chen_{what}",
        source=Source("Chen et al. 2025", "2505.14302", "equations 4 and 5, table 1"),
        fitted_on=_FITTED_ON,
        chinchilla=_BF16,
        within=within,
        bits=4,
    )


# Weights and activations; weights alone; activations alone.
chen_w4a4: Final = _law("w4a4", GroupHarm(0.1582, 0.0745, 0.2186, 0.7779))
chen_w4a16: Final = _law("w4a16", GroupHarm(0.2522, 0.1610, 0.3589, 0.3533))
chen_w16a4: Final = _law("w16a4", GroupHarm(0.1004, 0.0331, 0.1816, 0.9812))
