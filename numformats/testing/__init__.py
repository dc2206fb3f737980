"""Is it right? Checking anyone's rounding against what a format means.

`strategies` needs hypothesis, and is loaded when first asked for; the rest needs nothing more.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from numformats.testing import laws, vectors
from numformats.testing.checking import assert_rounded, check_rounding
from numformats.testing.decision_points import decision_inputs
from numformats.testing.kappa import Kappa, kappa
from numformats.testing.projection import Projection
from numformats.testing.report import Group, Mismatch, Report, RoundingError
from numformats.testing.verifying import verify

if TYPE_CHECKING:
    from numformats.testing import strategies

__all__ = [
    "Group",
    "Kappa",
    "Mismatch",
    "Projection",
    "Report",
    "RoundingError",
    "assert_rounded",
    "check_rounding",
    "decision_inputs",
    "kappa",
    "laws",
    "strategies",
    "vectors",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name == "strategies":
        return importlib.import_module("numformats.testing.strategies")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
