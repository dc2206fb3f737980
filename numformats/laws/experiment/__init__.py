"""The law of precision, seen on small language models trained here, in minutes.

`RunSettings` says what a run is, `run` makes its result, `run_all` makes many and keeps each in a
`ResultFile`, and `quick_grid` and `full_grid` are those that the command `numformats law` takes.
"""

from __future__ import annotations

from numformats.laws.experiment.altering import altered
from numformats.laws.experiment.grid import full_grid, quick_grid
from numformats.laws.experiment.measuring import held_out_loss, run
from numformats.laws.experiment.report import Findings, findings_of
from numformats.laws.experiment.results import ResultFile, RunResult
from numformats.laws.experiment.rounding import matrix_format
from numformats.laws.experiment.settings import RunSettings
from numformats.laws.experiment.text import Text, library_text, read_text, text_of
from numformats.laws.experiment.training import train
from numformats.laws.experiment.ways import way_of
from numformats.laws.experiment.working import run_all

__all__ = [
    "Findings",
    "ResultFile",
    "RunResult",
    "RunSettings",
    "Text",
    "altered",
    "findings_of",
    "full_grid",
    "held_out_loss",
    "library_text",
    "matrix_format",
    "quick_grid",
    "read_text",
    "run",
    "run_all",
    "text_of",
    "train",
    "way_of",
]
