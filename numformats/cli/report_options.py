"""What `numformats report` is asked for, checked before any file is opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from numformats.analysis.results import COLUMNS, FIGURES
from numformats.checks import unknown
from numformats.cli.outputs import require_no_tensors
from numformats.cli.plotting import require_matplotlib
from numformats.codec.random_bits import key_of
from numformats.codec.values import require_dtype
from numformats.formats.format import Format
from numformats.modes import RoundingMode, SaturationMode, parse_rounding, parse_saturation
from numformats.scaled.catalogue import element_of, find
from numformats.scaled.formats import ScaledFormat

Output: TypeAlias = Literal["table", "json", "csv"]


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """What was asked for, checked before any file is opened.

    files: without one, the weights that ship.
    """

    formats: tuple[Format | ScaledFormat, ...]
    files: tuple[Path, ...] = ()
    rounding: RoundingMode = "nearest_even"
    saturation: SaturationMode = "none"
    seed: int = 0
    output: Output = "table"
    by_channel: bool = False
    tensors: bool = False
    summary: bool = False
    sort: str | None = None
    budget: float | None = None
    expected: bool = False
    html: Path | None = None
    plot: Path | None = None

    @classmethod
    def parse(
        cls,
        *,
        files: Sequence[Path],
        formats: str,
        rounding: str,
        saturation: str,
        seed: int,
        as_json: bool,
        as_csv: bool,
        by_channel: bool,
        tensors: bool,
        summary: bool,
        sort: str | None,
        budget: float | None,
        expected: bool,
        html: Path | None,
        plot: Path | None,
    ) -> ReportOptions:
        """The options of a command line; ValueError or TypeError for what makes no sense."""
        names = [name.strip() for name in formats.split(",") if name.strip()]
        if not names:
            raise ValueError("--formats: no format named")
        chosen = tuple(find(name) for name in names)
        for fmt in chosen:
            require_dtype(element_of(fmt), np.dtype(np.float64))
        for option, path in (("--html", html), ("--plot", plot)):
            if path is not None:
                require_matplotlib(option)
                require_no_tensors(option, path, files)
        if as_json and as_csv:
            raise ValueError("--json and --csv: choose one")
        if tensors and summary:
            raise ValueError("--tensors and --summary: choose one")
        if parse_saturation(saturation) == "wrap":
            raise ValueError("saturation: 'wrap' makes errors of whole ranges; choose another")
        return cls(
            files=tuple(files),
            formats=chosen,
            rounding=parse_rounding(rounding),
            saturation=parse_saturation(saturation),
            seed=_key(seed),
            output="json" if as_json else "csv" if as_csv else "table",
            by_channel=by_channel,
            tensors=tensors,
            summary=summary,
            sort=None if sort is None else _figure(sort),
            budget=None if budget is None else _budget(budget),
            expected=expected,
            html=html,
            plot=plot,
        )

    @property
    def has_tensors(self) -> bool:
        """Whether each tensor is told of, and not all of them together alone."""
        is_for_programs = self.output != "table"
        return not self.summary and (is_for_programs or self.tensors or self.by_channel)


def _figure(name: str) -> str:
    """The name of a figure, given as that or as the heading of its column."""
    found = {heading.lower(): figure for heading, figure, _ in COLUMNS}.get(name.lower(), name)
    if found not in FIGURES:
        raise ValueError(unknown("--sort", name, FIGURES))
    return found


def _budget(bits: float) -> float:
    """Bits per value, infinitely many among them, for which the best format of all is named."""
    if not bits > 0:
        raise ValueError(f"--budget: {bits:g}; expected bits per value above 0, such as 4.5")
    return bits


def _key(seed: int) -> int:
    try:
        return key_of(seed)
    except ValueError:
        raise ValueError(f"--seed: {seed} is outside 0 to 2**64 - 1") from None
