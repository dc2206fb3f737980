"""`ArrayProjection`: how an array rounds what is computed with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from numformats.arithmetic.accumulators import Accumulator
from numformats.arithmetic.units import get_accumulator
from numformats.checks import unknown
from numformats.codec.random_bits import RandomSource, key_of
from numformats.modes import Stochastic, parse_modes


@dataclass(frozen=True)
class ArrayProjection:
    """A rounding mode and a saturation mode, and what else a result may depend on.

    Attributes
    ----------
    rounding : str or Stochastic
        A rounding mode, or its short name.
    saturation : {"none", "finite", "propagate", "wrap"}
        What becomes of results beyond the range.
    nan : {"raise", "max", "zero"}
        What becomes of NaN in a format without NaN.
    rng : None, int or numpy.random.Generator
        Where random modes get their bits. A Generator gives others to each operation, a seed the
        same to all.
    accumulator : str or Accumulator
        How sums and matrix products are rounded on their way: a name of `list_accumulators`, or
        your own.

    Raises
    ------
    TypeError, ValueError
        For what these words do not stand for.

    Examples
    --------
    >>> ArrayProjection("rtz", saturation="finite")
    ArrayProjection(rounding='toward_zero', saturation='finite')
    """

    rounding: str | Stochastic = "nearest_even"
    saturation: str = "none"
    nan: str = "raise"
    rng: RandomSource = None
    accumulator: str | Accumulator = "exact"

    def __post_init__(self) -> None:
        modes = parse_modes(self.rounding, self.saturation, self.nan)
        object.__setattr__(self, "rounding", modes.rounding)
        get_accumulator(self.accumulator)
        if self.rng is not None:
            self._require_source()

    def _require_source(self) -> None:
        # A generator is not asked, since that would take bits from it.
        if not hasattr(self.rng, "bytes") and not hasattr(self.rng, "random_raw"):
            key_of(self.rng)

    @property
    def words(self) -> dict[str, Any]:
        """The keywords of `codec.encode` that say the same, without the accumulator."""
        return {name: getattr(self, name) for name in ("rounding", "saturation", "nan", "rng")}

    @property
    def chosen(self) -> dict[str, Any]:
        """The attributes that are not the default."""
        return {
            field.name: value
            for field in dataclasses.fields(self)
            if (value := getattr(self, field.name)) != field.default
        }

    def replaced(self, changes: Mapping[str, Any]) -> ArrayProjection:
        """The same with some attributes replaced; TypeError for what is none."""
        known = [field.name for field in dataclasses.fields(self)]
        for name in changes:
            if name not in known:
                raise TypeError(unknown("projection", name, known))
        return dataclasses.replace(self, **changes)

    def __repr__(self) -> str:
        words = ", ".join(f"{name}={value!r}" for name, value in self.chosen.items())
        return f"ArrayProjection({words})"


DEFAULT = ArrayProjection()


def common_projection(argument: str, projections: Iterable[ArrayProjection]) -> ArrayProjection:
    """The one projection among some that is not the default; ValueError where two differ."""
    chosen = [one for one in projections if one != DEFAULT]
    for other in chosen[1:]:
        if other != chosen[0]:
            raise ValueError(
                f"{argument}: operands with {chosen[0]} and {other}; choose one for both with "
                "a.with_projection(rounding=..., saturation=..., ...)"
            )
    return chosen[0] if chosen else DEFAULT
