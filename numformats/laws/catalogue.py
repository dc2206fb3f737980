"""All laws by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from numformats.laws.castro import (
    castro_nearest,
    castro_quartet,
    castro_quest,
    castro_stochastic,
)
from numformats.laws.chen import chen_w4a4, chen_w4a16, chen_w16a4
from numformats.laws.kumar import precision, precision_float_weights, precision_without_offsets
from numformats.laws.ouyang import ouyang
from numformats.laws.panferov import panferov
from numformats.laws.records import Law
from numformats.laws.sun import sun

LAWS: Final[Mapping[str, Law]] = MappingProxyType(
    {
        law.name: law
        for law in (
            precision,
            precision_without_offsets,
            precision_float_weights,
            ouyang,
            sun,
            chen_w4a4,
            chen_w4a16,
            chen_w16a4,
            castro_stochastic,
            castro_nearest,
            castro_quest,
            castro_quartet,
            panferov,
        )
    }
)
