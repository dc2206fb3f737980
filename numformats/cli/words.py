"""Figures in words."""

from __future__ import annotations

import math

from numformats.analysis.results import Row


def best_of(budget: float, best: Row | None) -> str:
    """A line on the best format within a budget."""
    if best is None:
        return f"No format with a known SQNR is within the budget of {budget:g} bits per value"
    figures = f"{best.bits_per_value:.4g} bits per value, {best.stats.sqnr_db:.2f} dB"
    return f"Best within the budget: {best.format}, {best.scaling}: {figures}"


def percent(share: float) -> str:
    """A part of a whole in percent, with three digits.

    >>> percent(0.1234), percent(1.0), percent(math.nan)
    ('12.3%', '100%', '-')
    """
    return "-" if math.isnan(share) else f"{100 * share:.3g}%"
