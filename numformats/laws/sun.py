"""Sun et al. 2025: training in floats, by the bits of the exponent and of the mantissa."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import ArrayLike

from numformats.laws.arguments import Answer, Floats, answer, finite, not_negative, positive
from numformats.laws.forms import Chinchilla
from numformats.laws.records import Law, Range, Source


@dataclass(frozen=True)
class FloatTrainingLaw(Law):
    """Loss and harm of training with weights, and inputs of backward products, in a float format of
    E exponent and M mantissa bits: P = E + M + 1 bits with the sign.

    Where the two are not told, `bits` stands for the best split of so many; both may be fractions.
    `block` values share a scale; without it, each channel has one.

    >>> from numformats import laws
    >>> law = laws.sun
    >>> e4m3 = law.critical_data(parameters=5e8, exponent_bits=4, mantissa_bits=3, block=128)
    >>> e2m1 = law.critical_data(parameters=5e8, exponent_bits=2, mantissa_bits=1, block=128)
    >>> f"{e4m3:.2g} {e2m1:.2g}"
    '2.3e+13 3.4e+11'
    """

    chinchilla: Chinchilla
    gamma: float
    delta: float
    nu: float
    channel_log2: float
    form: ClassVar[str] = (
        "L = A / N^alpha + B / D^beta + E + "
        "D^beta / N^alpha log2(block) / (gamma (exponent_bits + 0.5)^delta "
        "(mantissa_bits + 0.5)^nu)"
    )

    def harm(
        self,
        bits: ArrayLike | None = None,
        parameters: ArrayLike = (),
        tokens: ArrayLike = (),
        *,
        exponent_bits: ArrayLike | None = None,
        mantissa_bits: ArrayLike | None = None,
        block: ArrayLike | None = None,
    ) -> Answer:
        """What training in the format adds to the loss, in nats per token (eq. 17)."""
        number, data = positive("parameters", parameters), positive("tokens", tokens)
        split = self._split(bits, exponent_bits, mantissa_bits)
        self.warn_outside(parameters=number, tokens=data)
        return answer(self._harm(number, data, split, self._log2(block)))

    def loss(
        self,
        parameters: ArrayLike,
        tokens: ArrayLike,
        bits: ArrayLike | None = None,
        *,
        exponent_bits: ArrayLike | None = None,
        mantissa_bits: ArrayLike | None = None,
        block: ArrayLike | None = None,
    ) -> Answer:
        """The loss in nats per token: of BF16, if nothing is said of the format, or of it (eq. 18).

        >>> from numformats import laws
        >>> law = laws.sun
        >>> round(law.loss(1e8, 1e10), 3), round(law.loss(1e8, 1e10, bits=4, block=128), 3)
        (3.264, 3.28)
        """
        number, data = positive("parameters", parameters), positive("tokens", tokens)
        self.warn_outside(parameters=number, tokens=data)
        full = self.chinchilla.loss(number, data)
        if bits is None and exponent_bits is None and mantissa_bits is None:
            return answer(full)
        split = self._split(bits, exponent_bits, mantissa_bits)
        return answer(full + self._harm(number, data, split, self._log2(block)))

    def critical_data(
        self,
        bits: ArrayLike | None = None,
        parameters: ArrayLike = (),
        *,
        exponent_bits: ArrayLike | None = None,
        mantissa_bits: ArrayLike | None = None,
        block: ArrayLike | None = None,
    ) -> Answer:
        """The tokens beyond which more of them make the model worse (eq. 21)."""
        number = positive("parameters", parameters)
        self.warn_outside(parameters=number)
        slope = self._harm(
            number,
            np.ones(()),
            self._split(bits, exponent_bits, mantissa_bits),
            self._log2(block),
        )
        fit = self.chinchilla
        return answer((fit.B / slope) ** (1 / (2 * fit.beta)))

    def best_split(self, bits: ArrayLike) -> tuple[Answer, Answer]:
        """The exponent and mantissa bits, with fractions, that make the least harm (eq. 19).

        >>> from numformats import laws
        >>> exponent, mantissa = laws.sun.best_split(8)
        >>> round(exponent, 2), round(mantissa, 2)
        (3.66, 3.34)
        """
        total = positive("bits", bits)
        mantissa = self.nu * total / (self.delta + self.nu) - 0.5
        return answer(total - 1 - mantissa), answer(mantissa)

    def best_bits(self, tokens: ArrayLike, block: ArrayLike | None = None) -> Answer:
        """The width that is best for training on so many tokens where parameters times bits are
        what it costs (eq. 22); it does not depend on the cost.

        >>> from numformats import laws
        >>> round(laws.sun.best_bits(1e11, block=128), 2)
        4.27
        """
        data = positive("tokens", tokens)
        self.warn_outside(tokens=data)
        fit, powers = self.chinchilla, self.delta + self.nu
        # gamma_rho of eq. 20: (E + 0.5)^delta (M + 0.5)^nu of the best split is P^powers times it.
        split = self.gamma * self.delta**self.delta * self.nu**self.nu / powers**powers
        gain = (powers - fit.alpha) / (fit.A * fit.alpha * split)
        return answer((gain * data**fit.beta * self._log2(block)) ** (1 / powers))

    def _split(
        self,
        bits: ArrayLike | None,
        exponent_bits: ArrayLike | None,
        mantissa_bits: ArrayLike | None,
    ) -> tuple[Floats, Floats]:
        if bits is not None:
            if exponent_bits is not None or mantissa_bits is not None:
                raise ValueError("bits: given together with those of its fields; give either")
            exponent, mantissa = self.best_split(bits)
            return np.asarray(exponent), np.asarray(mantissa)
        if exponent_bits is None or mantissa_bits is None:
            raise ValueError(
                "exponent_bits, mantissa_bits: give both, or `bits` for the best split of them"
            )
        exponent = not_negative("exponent_bits", exponent_bits)
        return exponent, not_negative("mantissa_bits", mantissa_bits)

    def _log2(self, block: ArrayLike | None) -> Floats:
        if block is None:
            return np.asarray(self.channel_log2)
        size = finite("block", block)
        if not (size >= 1).all():
            raise ValueError(f"block: {size.min():g}; expected values to a scale, 1 or more")
        return np.log2(size)

    def _harm(
        self, parameters: Floats, tokens: Floats, split: tuple[Floats, Floats], log2: Floats
    ) -> Floats:
        exponent, mantissa = split
        fineness = (exponent + 0.5) ** self.delta * (mantissa + 0.5) ** self.nu
        fit = self.chinchilla
        return tokens**fit.beta / parameters**fit.alpha * log2 / (self.gamma * fineness)


sun: Final = FloatTrainingLaw(
    name="sun",
    source=Source("Sun et al. 2025", "2501.02423", "equations 17 to 22; appendix B, table 2"),
    fitted_on=(Range("parameters", 41e6, 679e6), Range("tokens", 10e9, 100e9)),
    chinchilla=Chinchilla(A=69.2343, alpha=0.2368, B=68973.0621, beta=0.5162, E=1.9061),
    gamma=11334.5197,
    delta=3.1926,
    nu=2.9543,
    channel_log2=13.1567,
)
