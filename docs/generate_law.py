"""The tables and pictures of the page on the law, made from the results of the runs themselves.

`law_runs.jsonl` is what `numformats law` wrote: a line for each of 162 runs.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from matplotlib import rc_context

from numformats.laws.experiment import Findings, ResultFile, findings_of
from numformats.laws.experiment.pictures import CAPTIONS, pictures_of
from numformats.laws.experiment.report import markdown_of, tables_of

RESULTS: Final = Path(__file__).parent / "law_runs.jsonl"


@cache
def findings() -> Findings:
    """What the runs show."""
    return findings_of(tuple(ResultFile(RESULTS).results.values()))


def write_law(folder: Path) -> None:
    """Write all tables, one after the other, and the pictures."""
    tables = "\n\n".join(map(markdown_of, tables_of(findings())))
    (folder / "law-tables.md").write_text(tables + "\n", encoding="utf-8")
    with rc_context({"svg.hashsalt": "numformats", "svg.fonttype": "none"}):
        for name, figure in pictures_of(findings()).items():
            path = folder / f"law-{name}.svg"
            figure.savefig(path, metadata={"Date": None})
            shown = f"```{{image}} _generated/{path.name}\n:alt: {CAPTIONS[name]}\n```\n"
            (folder / f"law-{name}.md").write_text(shown, encoding="utf-8")
