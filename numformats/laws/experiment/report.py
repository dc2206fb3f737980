"""All that the results of runs show: tables, and a report in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from numformats.laws.experiment.fitting import HarmFit, fits_of
from numformats.laws.experiment.harms import Harm, harms_of
from numformats.laws.experiment.inside import LossLaw, Pair, loss_law, pairs_of, shares
from numformats.laws.experiment.results import RunResult
from numformats.laws.experiment.tables import (
    Table,
    error_table,
    fit_table,
    growth_table,
    harm_tables,
    inside_table,
    loss_table,
    share_table,
    variant_table,
)


@dataclass(frozen=True)
class Findings:
    """What results show.

    Attributes
    ----------
    results : tuple of RunResult
        Of which runs.
    harms : tuple of Harm
        What altering matrices did to each model trained without rounding.
    family : str
        The way to alter them that tables and pictures show: the first that was measured.
    fits : tuple of HarmFit
        The law, for each way of training and of altering.
    pairs : tuple of Pair
        Runs with the rounding inside, beside those without.
    loss_law : LossLaw or None
        The law of the losses of unrounded models, where there are three N.
    """

    results: tuple[RunResult, ...]
    harms: tuple[Harm, ...]
    family: str
    fits: tuple[HarmFit, ...]
    pairs: tuple[Pair, ...]
    loss_law: LossLaw | None


def findings_of(results: Sequence[RunResult]) -> Findings:
    """What results show; ValueError where none of them was trained plainly and measured."""
    harms = harms_of(results)
    plain = [each for each in harms if each.variant == "plain"]
    if not plain:
        raise ValueError("results: none of a plain run whose matrices were altered")
    return Findings(
        results=tuple(results),
        harms=tuple(harms),
        family=plain[0].family,
        fits=tuple(fits_of(harms)),
        pairs=tuple(pairs_of(results)),
        loss_law=loss_law(results),
    )


def tables_of(findings: Findings) -> list[Table]:
    """All tables, those that matter most first."""
    found = harm_tables(findings.harms, findings.family)
    found += filter(None, [variant_table(findings.harms, findings.family)])
    if findings.fits:
        found.append(fit_table(findings.fits))
    if findings.pairs:
        found.append(inside_table(findings.pairs, findings.loss_law))
        found += filter(None, [growth_table(findings.pairs)])
    if findings.pairs and findings.loss_law is not None:
        found.append(loss_table(findings.loss_law))
        found += filter(None, [share_table(shares(findings.pairs, findings.loss_law))])
    return [*found, error_table(findings.harms)]


def markdown(findings: Findings, text: str, pictures: Sequence[tuple[str, str]]) -> str:
    """A report of all tables.

    text: what models were trained on, in words. pictures: names of files beside the report, each
    with what it shows.
    """
    parts = [
        "# The law of precision, on small language models",
        f"{len(findings.results)} runs, trained on {text}. Written by `numformats law`; "
        "docs/law.md of numformats says what was done and why.",
        *(f"![{caption}]({name})\n\n{caption}" for name, caption in pictures),
        *map(markdown_of, tables_of(findings)),
    ]
    return "\n\n".join(parts) + "\n"


def markdown_of(table: Table) -> str:
    """A table with its title as a heading, and what it says."""
    lines = [table.columns, ("---",) * len(table.columns), *table.rows]
    # A star would begin emphasis.
    body = "\n".join("| " + " | ".join(line).replace("*", "\\*") + " |" for line in lines)
    return f"## {table.title}\n\n{table.about}\n\n{body}".replace("* marks", "\\* marks")
