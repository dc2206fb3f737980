"""What a run of the experiment is: its settings, all of which its result is kept by."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

from numformats.checks import require_int, unknown
from numformats.laws.experiment.model import Architecture
from numformats.laws.experiment.rounding import matrix_format
from numformats.laws.experiment.ways import way_of

Schedule: TypeAlias = Literal["linear", "constant"]
SCHEDULES: Final = get_args(Schedule)

BATCH: Final = 128
# Integers of 3 to 6 bits, with a scale for each 16 inputs, or for each output, to the nearest and
# by GPTQ; the two 4-bit floats of the makers; and noise, as a control.
DEFAULT_MEASURED: Final = (
    *(f"int{bits}_g16" for bits in (3, 4, 5, 6)),
    *(f"int{bits}_channel" for bits in (3, 4, 5, 6)),
    *(f"gptq:int{bits}_channel" for bits in (3, 4, 5, 6)),
    *("nvfp4", "mxfp4", "noise:0.05"),
)
# More would take hours, and pay nothing.
_MOST_HIDDEN: Final = 4096


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """The settings of one training run; with the digest of the text, they decide its result.

    Parameters
    ----------
    hidden : int
        Units of each hidden layer: 16, 32, 64, 128 make N = 2,560, 5,632, 13,312, 34,816.
    data_ratio : float
        D / N, the characters that the model is trained on for each entry of its matrices.
    seed : int
        Of the first parameters and of the order of the text.
    schedule : "linear" or "constant"
        How the learning rate falls after the warm-up: linearly to 0, or not at all.
    cooldown : float
        The last part of a constant schedule in which it falls linearly to 0 after all.
    learning_rate : float
        The largest one.
    weight_decay : float
        What a unit of the learning rate takes off the matrices in a step, as in AdamW.
    training_format : str or None
        The format that the matrices are rounded to within training, straight through; None for
        none. A name as `numformats.laws.experiment.matrix_format` takes it.
    measured : tuple of str
        What is done to the trained matrices, one after the other, and each time the held-out loss
        taken: names as `numformats.laws.experiment.way_of` takes them.

    Raises
    ------
    TypeError, ValueError
        For settings that make no run.

    Examples
    --------
    >>> run = RunSettings(hidden=32, data_ratio=50)
    >>> run.parameters, run.steps
    (5632, 2200)
    """

    hidden: int
    data_ratio: float
    seed: int = 0
    schedule: Schedule = "linear"
    cooldown: float = 0.0
    learning_rate: float = 5e-3
    weight_decay: float = 0.0
    training_format: str | None = None
    measured: tuple[str, ...] = DEFAULT_MEASURED

    def __post_init__(self) -> None:
        require_int("hidden", self.hidden, 1, _MOST_HIDDEN)
        require_int("seed", self.seed, 0, 2**63 - 1)
        for name in self.measured:
            way_of(name)
        if self.training_format is not None:
            matrix_format(self.training_format)
        if self.schedule not in SCHEDULES:
            raise ValueError(unknown("schedule", str(self.schedule), SCHEDULES))
        _require_number("data_ratio", self.data_ratio, above=0.0)
        _require_number("learning_rate", self.learning_rate, above=0.0)
        _require_number("weight_decay", self.weight_decay)
        _require_number("cooldown", self.cooldown)
        if self.cooldown and self.schedule != "constant":
            raise ValueError("cooldown: it is the end of a constant schedule")
        if self.cooldown > 1:
            raise ValueError(f"cooldown: {self.cooldown}; it is a part of the steps, 1 at the most")

    @property
    def architecture(self) -> Architecture:
        """The shapes of the model."""
        return Architecture(self.hidden)

    @property
    def parameters(self) -> int:
        """N."""
        return self.architecture.parameters

    @property
    def steps(self) -> int:
        """How many batches of 128 characters are D of them."""
        return max(1, round(self.data_ratio * self.parameters / BATCH))

    @property
    def tokens(self) -> int:
        """D, the characters trained on: whole batches."""
        return self.steps * BATCH

    def record(self) -> dict[str, Any]:
        """The settings as JSON has them."""
        return asdict(self)

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0: 2 % of the steps warm it up."""
        warm_up = min(1.0, (step + 1) / max(1.0, 0.02 * self.steps))
        left = 1.0 - step / self.steps
        falling = 1.0 if self.schedule == "linear" else self.cooldown
        return self.learning_rate * warm_up * (min(1.0, left / falling) if falling else 1.0)


def _require_number(argument: str, value: object, above: float | None = None) -> None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError(f"{argument}: expected a number, got {type(value).__name__} {value!r}")
    is_fit = value >= 0 if above is None else value > above
    if not is_fit or value == float("inf"):
        what = "0 or more" if above is None else "a number above 0"
        raise ValueError(f"{argument}: {value}; expected {what}")
