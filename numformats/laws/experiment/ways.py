"""The ways to alter the matrices of a trained model, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from numformats.laws.experiment.rounding import matrix_format
from numformats.scaled.formats import ScaledFormat


@dataclass(frozen=True)
class Way:
    """One of them.

    Attributes
    ----------
    kind : str
        "nearest": each number to the nearest; "gptq": `numformats.scaled.gptq`; "noise".
    format : ScaledFormat or None
        What matrices are rounded to; None for noise.
    part : float
        For noise, its deviation as a part of the root mean square of a matrix.
    """

    kind: str
    format: ScaledFormat | None = None
    part: float = 0.0

    @property
    def bits(self) -> int:
        """Those of an element, without what scales take; 0 for noise."""
        return 0 if self.format is None else self.format.element.bits


@lru_cache(maxsize=256)
def way_of(name: str) -> Way:
    """What a name means: ``FORMAT``, to the nearest; ``gptq:FORMAT``; ``noise:PART``.

    FORMAT is a name as `matrix_format` takes it. Noise is normal, and has nothing to do with a
    grid: it is there to tell whether harm does.

    ValueError for any other name.

    >>> way_of("gptq:int4_channel").bits, way_of("noise:0.05").part
    (4, 0.05)
    """
    kind, colon, argument = name.partition(":")
    if not colon:
        return Way("nearest", matrix_format(name))
    if kind not in _OF_KIND:
        raise ValueError(f"format: {name!r}; expected FORMAT, gptq:FORMAT or noise:PART")
    return _OF_KIND[kind](argument)


def _noise(argument: str) -> Way:
    try:
        part = float(argument)
    except ValueError:
        part = 0.0
    if not 0 < part < float("inf"):
        raise ValueError(f"format: noise:{argument}; expected a number above 0, as in noise:0.05")
    return Way("noise", part=part)


_OF_KIND: Final[dict[str, Callable[[str], Way]]] = {
    "gptq": lambda argument: Way("gptq", matrix_format(argument)),
    "noise": _noise,
}
