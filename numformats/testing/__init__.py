"""Is it right? Checking anyone's rounding against what a format means."""

from __future__ import annotations

from numformats.testing.checking import check_rounding
from numformats.testing.points import decision_inputs
from numformats.testing.report import Group, Mismatch, Report, RoundingError

__all__ = ["Group", "Mismatch", "Report", "RoundingError", "check_rounding", "decision_inputs"]
