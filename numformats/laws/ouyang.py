"""Ouyang et al. 2024: harm after training as a power of everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from numpy.typing import ArrayLike

from numformats.laws.arguments import Answer, answer, positive
from numformats.laws.forms import ExponentialHarm, PowerHarm
from numformats.laws.records import Law, Range, Source


@dataclass(frozen=True)
class HarmLaw(Law):
    """Harm after training by bits, parameters and tokens, and nothing else.

    >>> from numformats import laws
    >>> round(laws.ouyang.harm(bits=4, parameters=1e9, tokens=1e11), 4)
    0.046
    """

    after: PowerHarm | ExponentialHarm
    form: ClassVar[str] = "d, by bits, parameters and tokens"

    @property
    def equations(self) -> str:
        """Those of the formula."""
        return self.after.form

    def harm(self, bits: ArrayLike, parameters: ArrayLike, tokens: ArrayLike) -> Answer:
        """What rounding the weights after training adds to the loss, in nats per token.

        `bits`, `parameters` and `tokens` are real numbers above 0 or arrays of them, which
        broadcast. Warns (`ExtrapolationWarning`) of what is outside of the runs that were fitted.
        """
        read = {
            "bits": positive("bits", bits),
            "parameters": positive("parameters", parameters),
            "tokens": positive("tokens", tokens),
        }
        self.warn_outside(**read)
        return answer(self.after.harm(**read))


ouyang: Final = HarmLaw(
    name="ouyang",
    source=Source(
        "Ouyang et al. 2024",
        "2411.17691",
        "captions of the figures",
        inferred=(
            "The ranges are not from the paper's text: sizes and tokens are those of the Pythia "
            "models, which it rounded to 2, 3 and 4 bits, as summaries say."
        ),
    ),
    fitted_on=(
        Range("parameters", 160e6, 12e9),
        Range("tokens", 1e9, 300e9),
        Range("bits", 2, 4),
    ),
    after=PowerHarm(0.017, 0.5251, 0.2261, 5.4967),
)
