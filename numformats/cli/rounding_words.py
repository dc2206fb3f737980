"""What the words of options stand for."""

from __future__ import annotations

import re
from typing import Any, cast

from numformats.modes import RoundingMode, Stochastic, parse_rounding


def read_rounding(text: str) -> RoundingMode:
    """A mode by its name, or srA8 for variant A with 8 random bits.

    >>> read_rounding("srA8")
    Stochastic(bits=8, variant='A')
    """
    stochastic = re.fullmatch(r"sr([ABC])([0-9]+)", text)
    if stochastic is None:
        return parse_rounding(text)
    return Stochastic(int(stochastic[2]), cast(Any, stochastic[1]))
