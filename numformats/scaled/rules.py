"""Scale rules: how the scale of a tile is chosen from its values.

All rules but those that look at every value are one idea: the largest magnitude of the tile,
divided by what it is to become, rounded to the scale format.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from numbers import Real
from typing import Final, Literal

from numformats.checks import require_bool, require_int, unknown
from numformats.modes import RoundingMode, parse_rounding, random_bit_count
from numformats.system import NumberSystem

# More would take days.
_MOST_TRIED: Final = 1 << 16


def _require_real(argument: str, value: object) -> None:
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{argument}: expected a number, got {type(value).__name__} {value!r}")


@dataclass(frozen=True)
class ScaleRule:
    """How a scale is chosen.

    Parameters
    ----------
    target : {"max", "power", "lowest"}
        What the largest magnitude is to become: the element format's largest value, or its largest
        power of two; or its lowest value, whatever the sign of the number: then the scale is
        negative where the number is positive. For integers that makes use of the code that has no
        counterpart of the other sign.
    rounding : str
        The rounding mode in which that quotient becomes a scale; not a random one.
    rounds_first : bool
        Whether the largest magnitude is rounded to the element's precision before that, ties away
        from zero.
    percentile : float
        Which percentile of the magnitudes stands for the largest; 100 is the largest itself, as is
        99.9 of fewer than a thousand, and any that is zero where the largest is not. In formats
        that go by the range of a tile, which percentile of the numbers is its upper end; the lower
        is as far from the smallest; 50 at least, and not where both ends are one number.
    search : int
        How many smaller scales to try besides, down to half of it; the one with the smallest sum of
        squared errors is taken, the largest of equals. In a scale format with fewer steps than
        that, each step there is. In formats that go by the range of a tile, smaller ranges: closer
        to zero if there is a zero point, to the middle if there is an offset.
    largest : float, optional
        A number that stands for the largest magnitude of every tile, known beforehand: a scale that
        was calibrated. For the rule of the scale of scales, the largest of all tiles.

    Examples
    --------
    >>> ScaleRule(target="power", rounding="toward_zero") == RULES["floor"]
    True
    """

    target: Literal["max", "power", "lowest"] = "max"
    rounding: RoundingMode = "nearest_even"
    rounds_first: bool = False
    percentile: float = 100.0
    search: int = 0
    largest: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.target, str):
            raise TypeError(f"target: expected a str, got {self.target!r}")
        if self.target not in ("max", "power", "lowest"):
            raise ValueError(unknown("target", self.target, ("max", "power", "lowest")))
        require_bool("rounds_first", self.rounds_first)
        _require_real("percentile", self.percentile)
        require_int("search", self.search, 0, _MOST_TRIED)
        object.__setattr__(self, "rounding", parse_rounding(self.rounding))
        if random_bit_count(self.rounding):
            raise ValueError(f"rounding: {self.rounding}; scales are rounded by no random mode")
        if not 0 < self.percentile <= 100:
            raise ValueError(f"percentile: {self.percentile}; expected more than 0, at most 100")
        if self.target == "lowest" and (self.search or self.percentile < 100):
            raise ValueError("target: 'lowest' goes by one number, and not with search, percentile")
        if self.largest is None:
            return
        _require_real("largest", self.largest)
        if not 0 <= self.largest < math.inf:
            raise ValueError(f"largest: {self.largest}; expected a finite number, 0 or more")
        if not self.goes_by_magnitude:
            raise ValueError("largest: it goes with neither 'lowest', percentile nor search")

    @property
    def goes_by_magnitude(self) -> bool:
        """Whether the largest magnitude of a tile is all that its scale depends on."""
        return self.target != "lowest" and self.percentile == 100 and not self.search


# By name. `floor` is that of OCP MX v1.0, clause 6.3; `rceil` that of NVIDIA's cuBLAS for MXFP8,
# chapter "Scaling factors"; `even` that of Rouhani et al., "Microscaling data formats for deep
# learning", as PyTorch's torchao has it; `lowest` that of ggml's Q4_0 (ggml-quants.c).
RULES: Final = {
    "absmax": ScaleRule(),
    "absmax_up": ScaleRule(rounding="toward_positive"),
    "absmax_down": ScaleRule(rounding="toward_zero"),
    "floor": ScaleRule("power", "toward_zero"),
    "ceil": ScaleRule("power", "toward_positive"),
    "rceil": ScaleRule("max", "toward_positive"),
    "even": ScaleRule("power", "toward_zero", rounds_first=True),
    "lowest": ScaleRule("lowest"),
    "percentile": ScaleRule(percentile=99.9),
    "mse": ScaleRule(rounding="toward_positive", search=64),
}


def get_rule(rule: str | ScaleRule) -> ScaleRule:
    """The rule of a name; a rule is given back as is.

    TypeError for anything else, ValueError for an unknown name.
    """
    if isinstance(rule, ScaleRule):
        return rule
    if not isinstance(rule, str):
        raise TypeError(f"scale_rule: expected a str or ScaleRule, got {type(rule).__name__}")
    if rule not in RULES:
        raise ValueError(unknown("scale_rule", rule, tuple(RULES)))
    return RULES[rule]


@lru_cache(maxsize=256)
def target_of(element: NumberSystem, rule: ScaleRule) -> Fraction:
    """What a rule has the largest magnitude become."""
    highest = element.highest
    if rule.target == "lowest":
        return -element.lowest
    if rule.target == "max":
        return highest
    power = Fraction(2) ** (highest.numerator.bit_length() - highest.denominator.bit_length())
    return power if power <= highest else power / 2
