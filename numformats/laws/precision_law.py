"""The form of Kumar et al. 2024: rounding after training, and training in low precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import ArrayLike

from numformats.laws.arguments import Answer, Floats, answer, positive
from numformats.laws.forms import Chinchilla, ExponentialHarm, Saturation
from numformats.laws.minima import lowest
from numformats.laws.records import Law

# Where the best number of bits is looked for.
MOST_BITS: Final = 32.0


@dataclass(frozen=True)
class PrecisionLaw(Law):
    """Loss and harm by bits, parameters and tokens: Kumar et al. 2024, arXiv 2411.04330.

    All numbers may be arrays; they broadcast, and numbers in give a float out. Bits may be
    fractions. `bits` are those of weights that are rounded *after* training; `training_bits` those
    that weights, activations and keys and values have *while* training, which can be told one by
    one as `weight_bits`, `activation_bits` and `cache_bits` instead. What is not told is in full
    precision.

    >>> from numformats import laws
    >>> round(laws.precision.harm(bits=4, parameters=1e8, tokens=1e10), 4)
    0.0439
    """

    chinchilla: Chinchilla
    after: ExponentialHarm
    weights: Saturation
    activations: Saturation | None
    cache: Saturation | None
    form: ClassVar[str] = (
        "L = A / N_eff^alpha + B / D^beta + E + d; N_eff = N times, over weights, activations and "
        "cache, 1 - e^(-P_x / gamma_x + offset_x); "
        "d = factor D^gamma_data / N^gamma_parameters e^(-P / gamma_bits + offset)"
    )

    def harm(self, bits: ArrayLike, parameters: ArrayLike, tokens: ArrayLike) -> Answer:
        """What rounding the weights after training adds to the loss, in nats per token (eq. 2).

        Parameters
        ----------
        bits, parameters, tokens : array_like of real numbers above 0
            The width of the rounded weights; how many parameters the model has, without those of
            embeddings; how many tokens it was trained on.

        Warns
        -----
        ExtrapolationWarning
            For what is outside of the runs the law was fitted on.
        """
        read = _reading(bits=bits, parameters=parameters, tokens=tokens)
        self.warn_outside(**read)
        return answer(self.after.harm(**read))

    def effective_parameters(
        self,
        parameters: ArrayLike,
        training_bits: ArrayLike | None = None,
        *,
        weight_bits: ArrayLike | None = None,
        activation_bits: ArrayLike | None = None,
        cache_bits: ArrayLike | None = None,
    ) -> Answer:
        """How many parameters in full precision make as good a model (eq. 4).

        ValueError where the formula leaves none: for up to 3.11 bits of activations and 2.32 of
        keys and values. The paper's runs diverged there, and were not fitted (appendix L).

        >>> from numformats import laws
        >>> round(laws.precision.effective_parameters(1e8, weight_bits=4) / 1e8, 3)
        0.696
        >>> round(laws.precision.effective_parameters(1e8, training_bits=8) / 1e8, 3)
        0.828
        """
        widths = self._widths(training_bits, weight_bits, activation_bits, cache_bits)
        read = _reading(parameters=parameters, **widths)
        self.warn_outside(**read)
        return answer(read.pop("parameters") * self._share(read))

    def loss(
        self,
        parameters: ArrayLike,
        tokens: ArrayLike,
        bits: ArrayLike | None = None,
        *,
        training_bits: ArrayLike | None = None,
        weight_bits: ArrayLike | None = None,
        activation_bits: ArrayLike | None = None,
        cache_bits: ArrayLike | None = None,
    ) -> Answer:
        """The loss in nats per token: in full precision, rounded after training to `bits`, or
        trained in low precision.

        ValueError for both at once: the paper's equation 9 multiplies the harm by
        1 - e^(-C_x (P_x - P)), and it does not give the constants C_x.

        >>> from numformats import laws
        >>> law = laws.precision
        >>> round(law.loss(1e8, 1e10), 3), round(law.loss(1e8, 1e10, bits=4), 3)
        (3.419, 3.463)
        """
        widths = self._widths(training_bits, weight_bits, activation_bits, cache_bits)
        if bits is not None and widths:
            raise ValueError(
                f"bits: given together with {', '.join(widths)}; the law of both needs the "
                "constants C_x of equation 9, which the paper does not give. Ask for one of them"
            )
        read = _reading(parameters=parameters, tokens=tokens, **widths)
        if bits is not None:
            read["bits"] = positive("bits", bits)
        self.warn_outside(**read)
        number, data = read.pop("parameters"), read.pop("tokens")
        if bits is not None:
            harm = self.after.harm(read["bits"], number, data)
            return answer(self.chinchilla.loss(number, data) + harm)
        return answer(self.chinchilla.loss(number * self._share(read), data))

    def critical_data(self, bits: ArrayLike, parameters: ArrayLike) -> Answer:
        """The tokens beyond which more of them make the model worse that is rounded after training
        (eq. 13, with the offset). No warning is given where these are more than the law was fitted
        on, as they are for most widths.

        >>> from numformats import laws
        >>> f"{laws.precision.critical_data(bits=4, parameters=1e8):.2g}"
        '4.3e+10'
        """
        read = _reading(bits=bits, parameters=parameters)
        self.warn_outside(**read)
        return answer(self._critical_data(**read))

    def best_bits(self, memory: ArrayLike, tokens: ArrayLike | None = None) -> Answer:
        """The width of weights, rounded after training, that makes the best model of a given memory
        (appendix E.3).

        Parameters
        ----------
        memory : array_like of real numbers above 0
            Parameters times bits: the weights' size in bits, to which the cost of inference is
            proportional. More parameters have fewer bits each.
        tokens : array_like of real numbers above 0, optional
            What all these models are trained on. Without it each has its own `critical_data`, as
            in the paper: the cost of training does not count.

        Returns
        -------
        float or array
            Bits from 1 to 32, with fractions.

        >>> from numformats import laws
        >>> round(laws.precision.best_bits(memory=4e8, tokens=1e10), 2)
        4.15
        """
        size = positive("memory", memory)
        given = None if tokens is None else positive("tokens", tokens)
        if given is not None:
            self.warn_outside(tokens=given)
            size, given = np.broadcast_arrays(size, given)
            given = given[..., np.newaxis]
        size = size[..., np.newaxis]

        def curve(bits: Floats) -> Floats:
            number = size / bits
            data = self._critical_data(bits, number) if given is None else given
            return self.chinchilla.loss(number, data) + self.after.harm(bits, number, data)

        best = lowest(curve, 1.0, MOST_BITS)
        best = np.broadcast_to(best, size.shape[:-1])
        number = size[..., 0] / best
        self.warn_outside(bits=best, parameters=number)
        if given is None:
            self.warn_outside(tokens=self._critical_data(best, number))
        return answer(best)

    def best_training_bits(
        self, parameters: ArrayLike | None = None, compute: ArrayLike | None = None
    ) -> Answer:
        """The width to train all in, where the cost of training is 6/16 N D P operations of 16
        bits (section 4.3).

        Without arguments, the width that is best where N, D and P are all free: it does not depend
        on the cost (eq. 7), and is where the effective parameters for each bit are most. With
        both, that of a model of so many `parameters` whose training costs `compute`: it grows with
        the cost.

        >>> from numformats import laws
        >>> round(laws.precision.best_training_bits(), 2)
        7.0
        """
        if (parameters is None) != (compute is None):
            raise ValueError("parameters, compute: one without the other; give both or neither")
        least = self._least_bits()
        if parameters is None or compute is None:
            return answer(lowest(lambda bits: -self._tied(bits) / bits, least, MOST_BITS))
        read = _reading(parameters=parameters, compute=compute)
        self.warn_outside(parameters=read["parameters"])
        number, cost = np.broadcast_arrays(read["parameters"], read["compute"])
        number, cost = number[..., np.newaxis], cost[..., np.newaxis]

        def curve(bits: Floats) -> Floats:
            data = 16 * cost / (6 * number * bits)
            return self.chinchilla.loss(number * self._tied(bits), data)

        return answer(np.broadcast_to(lowest(curve, least, MOST_BITS), number.shape[:-1]))

    def _critical_data(self, bits: Floats, parameters: Floats) -> Floats:
        fit, harm = self.chinchilla, self.after
        slope = harm.gamma_data * harm.harm(bits, parameters, np.ones(()))
        return (fit.beta * fit.B / slope) ** (1 / (harm.gamma_data + fit.beta))

    def _parts(self) -> dict[str, Saturation | None]:
        return {
            "weight_bits": self.weights,
            "activation_bits": self.activations,
            "cache_bits": self.cache,
        }

    def _widths(self, tied: ArrayLike | None, *each: ArrayLike | None) -> dict[str, ArrayLike]:
        """The widths that were given, by part of the model."""
        given = dict(zip(self._parts(), each, strict=True))
        told = {name: bits for name, bits in given.items() if bits is not None}
        if tied is not None and told:
            raise ValueError(f"training_bits: given together with {', '.join(told)}; give either")
        if tied is not None:
            told = dict.fromkeys(self._parts(), tied)
        for name in told:
            if self._parts()[name] is None:
                raise ValueError(f"{name}: {self.name} has no constants for it; leave it out")
        return told

    def _share(self, widths: dict[str, Floats]) -> Floats:
        share = np.ones(())
        for name, bits in widths.items():
            part = self._parts()[name]
            assert part is not None  # `_widths` has refused these
            if (bits <= part.least_bits).any():
                raise ValueError(
                    f"{name}: {bits.min():g}; the law leaves no parameters at "
                    f"{part.least_bits:.2f} bits or fewer, where the paper's runs diverged"
                )
            share = share * part.share(bits)
        return share

    def _tied(self, bits: Floats) -> Floats:
        """N_eff / N at the same width throughout."""
        return self._share(dict.fromkeys(self._require_all_parts(), bits))

    def _least_bits(self) -> float:
        """A width just above the ones at which no parameters are left."""
        parts = self._require_all_parts().values()
        return max(0.5, *(part.least_bits for part in parts)) + 1e-6

    def _require_all_parts(self) -> dict[str, Saturation]:
        parts = {name: part for name, part in self._parts().items() if part is not None}
        if len(parts) < len(self._parts()):
            raise ValueError(
                f"best_training_bits: {self.name} has constants of weights alone, and the cost of "
                "training falls only where everything is in low precision"
            )
        return parts


def _reading(**arguments: ArrayLike) -> dict[str, Floats]:
    return {name: positive(name, given) for name, given in arguments.items()}
