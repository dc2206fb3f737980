"""The answer for a checkpoint in a small table and a few sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from rich import box
from rich.table import Table
from rich.text import Text

from numformats.analysis.digits import DigitsAccuracy
from numformats.analysis.verdicts import Answer, Avoided, Verdict
from numformats.cli.words import percent
from numformats.simulation.results import size

# How many formats to avoid, and outliers, are named.
_NAMED: Final = 3
_HEADINGS: Final = (
    *("bits up to", "best format", "scale", "bits", "SQNR dB", "error"),
    *("size", "of now", "worst tensor"),
)
ABOUT_DIGITS: Final = (
    "8 x 8 pixels each, and none of them trained on. Of two formats fewer than five digits apart, "
    "neither is known to be better."
)


def plain_table(title: str, headings: Sequence[str], words: int) -> Table:
    """A table without a frame; of its columns the first ones are words, and the rest figures."""
    table = Table(
        title=Text(title),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
    )
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="left" if number < words else "right", no_wrap=True)
    return table


def title_of(verdict: Verdict) -> str:
    """What there is, and what it takes now."""
    kind = "tensor" if verdict.tensors == 1 else "tensors"
    return f"{verdict.tensors} {kind}, {verdict.values:,} values, {size(verdict.nbytes)}"


def texts_of_answers(verdict: Verdict) -> list[list[str]]:
    """The headings, then a list of texts for each budget."""
    return [[*_HEADINGS], *([*_cells(answer)] for answer in verdict.answers)]


def table_of_answers(verdict: Verdict) -> Table:
    """The best format within each budget, and what it costs."""
    headings, *rows = texts_of_answers(verdict)
    table = plain_table(title_of(verdict), (), words=0)
    for heading in headings:
        is_word = heading in ("best format", "scale", "worst tensor")
        table.add_column(
            heading,
            justify="left" if is_word else "right",
            no_wrap=heading != "worst tensor",
            overflow="fold",
        )
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _cells(answer: Answer) -> tuple[str, ...]:
    worst = f"{answer.worst_tensor} ({answer.worst_sqnr_db:.2f} dB)" if answer.worst_tensor else "-"
    return (
        f"{answer.budget_bits:g}",
        answer.format,
        answer.scaling,
        f"{answer.bits_per_value:.4g}",
        f"{answer.sqnr_db:.2f}",
        percent(answer.relative_error),
        size(answer.nbytes),
        percent(answer.share),
        worst,
    )


def sentences_on(verdict: Verdict) -> list[str]:
    """What the best formats cost, in a sentence; then what to avoid and why, a line each."""
    if not verdict.answers:
        return ["No format has a known error within so many bits."]
    told = [_about_best(verdict.answers)]
    for answer in verdict.answers:
        told += [_about(avoided, answer) for avoided in answer.avoided[:_NAMED]]
        left = answer.avoided[_NAMED:]
        if left:
            told.append(f"So with {', '.join(each.format for each in left)}.")
    return told + _about_outliers(verdict)


def _about_best(answers: Sequence[Answer]) -> str:
    """Each format once: the size that it takes, and the error that it brings."""
    best = {answer.format: answer for answer in answers}
    parts = [f"{answer.format}{_at(answer)}" for answer in best.values()]
    return f"Best: {', '.join(parts)} (root mean square, over that of the values)."


def _at(answer: Answer) -> str:
    """The size, if what it is now is known, and the error."""
    share = "" if math.isnan(answer.share) else f" at {percent(answer.share)} of the size"
    return f"{share} with an error of {percent(answer.relative_error)}"


def _about(avoided: Avoided, answer: Answer) -> str:
    used = {"absmax": " with one scale", "none": " without a scale"}.get(avoided.scaling, "")
    level = "" if math.isinf(avoided.sqnr_db) else f" ({avoided.sqnr_db:.2f} dB, {answer.format} "
    level = level and f"{level}{answer.sqnr_db:.2f})"
    return f"Avoid {avoided.format}{used}{level}: {avoided.reason}."


def _about_outliers(verdict: Verdict) -> list[str]:
    """The loudest channels, by name."""
    if not verdict.outliers:
        return []
    found = [
        f"{name} channel {channel.index} of axis {channel.axis} ({channel.ratio:.1f}x)"
        for name, channel in verdict.outliers[:_NAMED]
    ]
    count = len(verdict.outliers)
    more = f", and of {count - _NAMED} tensors more" if count > _NAMED else ""
    return [f"Outlier channels (times the median one): {', '.join(found)}{more}."]


def table_of_digits(digits: Sequence[DigitsAccuracy]) -> Table:
    """How many held-out digits the network that comes along recognises in each format."""
    title = f"Right answers on {digits[0].images} held-out digits, with in the format ..."
    table = plain_table(title, ("format", "weights", "", "weights and inputs", ""), words=1)
    for each in digits:
        cells: list[str] = []
        for count in (each.weights, each.weights_and_activations):
            cells += [str(count), f"{count / each.images:.1%}"]
        table.add_row(each.format or "as it is", *cells)
    return table
