"""What formats cost, as rows of figures, and how they print."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from numformats.analysis.errors import ErrorStats
from numformats.checks import unknown


@dataclass(frozen=True)
class Row:
    """What one format costs a tensor, with one scale, with none, or with those of its own.

    Attributes
    ----------
    format : str
        The name of the format.
    scaling : str
        "absmax" if the values were divided by a scale that brings the largest magnitude to the
        format's largest value, "none" if they were not; "blocks" for a scaled format.
    scale : float
        That scale, a float32 number; 1.0 without one, NaN for a scaled format, which has many, and
        for rows of several tensors.
    bits_per_value : float
        The format's bits, and those of the scales shared by all values.
    stats : ErrorStats
        The sums from which the error figures follow.
    values : int
        How many values there are, those that are not finite among them.
    channels : tuple of float, optional
        The SQNR in decibels of each index of the first axis, where it was asked for.
    expected_db : float
        The SQNR that normal numbers of the same mean square would have, where it was asked for; see
        `numformats.analysis.beside_expected`. NaN where it was not.
    """

    format: str
    scaling: str
    scale: float
    bits_per_value: float
    stats: ErrorStats
    values: int
    channels: tuple[float, ...] | None = None
    expected_db: float = math.nan

    def figures(self) -> dict[str, str | float]:
        """All figures by name."""
        stats = self.stats
        clipping, rounding, underflow = stats.noise_shares
        return {
            "format": self.format,
            "scaling": self.scaling,
            "scale": self.scale,
            "bits_per_value": self.bits_per_value,
            "sqnr_db": stats.sqnr_db,
            "expected_sqnr_db": self.expected_db,
            "cosine": stats.cosine,
            "max_absolute_error": stats.max_absolute_error,
            "mean_absolute_error": stats.mean_absolute_error,
            "mean_error": stats.mean_error,
            "max_relative_error": stats.max_relative_error,
            "relative_error_p50": stats.relative_errors.percentile(50),
            "relative_error_p99": stats.relative_errors.percentile(99),
            "relative_error_p99_9": stats.relative_errors.percentile(99.9),
            "overflowed_share": stats.overflowed_share,
            "zeroed_share": stats.zeroed_share,
            "subnormal_share": stats.subnormal_share,
            "clipping_noise_share": clipping,
            "rounding_noise_share": rounding,
            "underflow_noise_share": underflow,
        }

    def worst_channels(self, count: int) -> list[tuple[int, float]]:
        """The indices of the channels with the lowest SQNR, and it; the worst one first.

        Channels without any value but zero, whose SQNR is NaN, are left out.
        """
        known = [(c, db) for c, db in enumerate(self.channels or ()) if not math.isnan(db)]
        return sorted(known, key=lambda pair: pair[1])[:count]

    def merge(self, other: Row) -> Row:
        """The row of the values of both; ValueError for one of another format or scaling."""
        if (self.format, self.scaling) != (other.format, other.scaling):
            raise ValueError(
                f"other: a row of {other.format} ({other.scaling}); "
                f"expected {self.format} ({self.scaling})"
            )
        values = self.values + other.values
        bits = self.bits_per_value * self.values + other.bits_per_value * other.values
        return replace(
            self,
            scale=self.scale if self.scale == other.scale else math.nan,
            bits_per_value=bits / values,
            stats=self.stats.merge(other.stats),
            values=values,
            channels=None,
            expected_db=self._merged_expectation(other),
        )

    def _merged_expectation(self, other: Row) -> float:
        """What is expected of the values of both: noises add up as signals do."""
        signals = self.stats.signal, other.stats.signal
        noise = sum(
            signal * 10 ** (-row.expected_db / 10)
            for signal, row in zip(signals, (self, other), strict=True)
        )
        return 10 * math.log10(sum(signals) / noise) if noise > 0 else math.nan


def _percent(share: float) -> str:
    if math.isnan(share):
        return "-"
    return "<0.001%" if 0 < share < 1e-5 else f"{100 * share:.3g}%"


def _error(error: float) -> str:
    return "-" if math.isnan(error) else f"{error:.3g}"


# A heading, the name of a figure, and how a person reads it.
COLUMNS: Final[tuple[tuple[str, str, Callable[[Any], str]], ...]] = (
    ("format", "format", str),
    ("scale", "scaling", str),
    ("bits", "bits_per_value", lambda bits: f"{bits:.4g}"),
    ("SQNR dB", "sqnr_db", lambda decibels: f"{decibels:.2f}"),
    ("normal dB", "expected_sqnr_db", lambda decibels: f"{decibels:.2f}"),
    ("cosine", "cosine", lambda cosine: "-" if math.isnan(cosine) else f"{cosine:.5f}"),
    ("max err", "max_absolute_error", _error),
    ("bias", "mean_error", lambda error: "-" if math.isnan(error) else f"{error:+.2g}"),
    ("p50 rel", "relative_error_p50", _error),
    ("p99 rel", "relative_error_p99", _error),
    ("p99.9 rel", "relative_error_p99_9", _error),
    ("over", "overflowed_share", _percent),
    ("to zero", "zeroed_share", _percent),
    ("clip", "clipping_noise_share", _percent),
    ("underfl", "underflow_noise_share", _percent),
)
# The names of all figures of a row.
FIGURES: Final = tuple(Row("", "", 1.0, 0.0, ErrorStats(), 0).figures())
# Of these more is better.
_GAINS: Final = ("sqnr_db", "expected_sqnr_db", "cosine")
_WORDS: Final = ("format", "scaling")


@dataclass(frozen=True)
class Comparison:
    """What each of several formats costs a tensor, or several. It prints as a table."""

    rows: tuple[Row, ...]
    nan: int
    infinite: int

    def sorted(self, figure: str = "sqnr_db") -> Comparison:
        """The rows in the order of a figure (see `Row.figures`), the best first.

        Names and bits go up; SQNR and cosine go down; all others go up in magnitude. NaN comes
        last. ValueError for an unknown figure.
        """
        if figure not in FIGURES:
            raise ValueError(unknown("figure", figure, FIGURES))
        sign = -1 if figure in _GAINS else 1

        def place(row: Row) -> tuple[bool, Any]:
            value = row.figures()[figure]
            if isinstance(value, str):
                return False, value
            return math.isnan(value), sign * (value if figure in _GAINS else abs(value))

        return replace(self, rows=tuple(sorted(self.rows, key=place)))

    def best(self, bits: float) -> Row | None:
        """The row with the highest SQNR among those of at most so many bits per value, or None.

        ValueError for bits that are not above 0.
        """
        if not bits > 0:
            raise ValueError(f"bits: {bits}; expected bits per value above 0, such as 4.5")
        within = [row for row in self.rows if row.bits_per_value <= bits]
        known = [row for row in within if not math.isnan(row.stats.sqnr_db)]
        return max(known, key=lambda row: row.stats.sqnr_db, default=None)

    def merge(self, other: Comparison) -> Comparison:
        """The comparison of the values of both, which has rows of the same formats.

        ValueError for rows of other formats, or in another order.

        >>> import numformats as nf
        >>> a, b = (nf.compare(x, ["mxfp4"]) for x in ([1.0, 2.5], [0.1, -7.0]))
        >>> a.merge(b).rows[0].stats.finite
        4
        """
        if len(self.rows) != len(other.rows):
            raise ValueError(f"other: {len(other.rows)} rows; expected {len(self.rows)}, as here")
        rows = tuple(a.merge(b) for a, b in zip(self.rows, other.rows, strict=True))
        return Comparison(rows, self.nan + other.nan, self.infinite + other.infinite)

    def to_records(self) -> list[dict[str, str | float]]:
        """The rows as plain dicts with the same keys, for libraries of tables, CSV and JSON.

        The keys are those of `Row.figures` in their order, then ``nan`` and ``infinite``, the
        counts of the values left out. Values are str, float and int; what has no meaning is NaN.

        >>> import numformats as nf
        >>> for record in nf.compare([0.02, -0.7, 1.3], ["int8", "mxfp4"]).to_records():
        ...     print(record["format"], record["scaling"], round(record["sqnr_db"], 1))
        int8 absmax 51.4
        int8 none 10.8
        mxfp4 blocks 17.1
        """
        left_out = {"nan": self.nan, "infinite": self.infinite}
        return [{**row.figures(), **left_out} for row in self.rows]

    def table(self) -> list[list[str]]:
        """The headings, then a list of texts for each row."""
        has_expected = not all(math.isnan(row.expected_db) for row in self.rows)
        columns = [each for each in COLUMNS if has_expected or each[1] != "expected_sqnr_db"]
        headings = [heading for heading, _, _ in columns]
        figures = [row.figures() for row in self.rows]
        return [headings, *([show(f[name]) for _, name, show in columns] for f in figures)]

    def notes(self) -> list[str]:
        """What a reader of the table has to know besides, a sentence each."""
        values = "infinite value" if self.infinite == 1 else "infinite values"
        left_out = [
            f"{count} {kind} left out of the figures."
            for count, kind in ((self.nan, "NaN"), (self.infinite, values))
            if count
        ]
        if self.nan and any(row.scaling == "blocks" for row in self.rows):
            left_out.append(
                "Those of `blocks` do not show that `quantize` makes NaN of all values that share "
                "a scale with one."
            )
        return left_out

    def __str__(self) -> str:
        table = self.table()
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [_aligned(cells, widths) for cells in table]
        return "\n".join([*lines, *self.notes()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html_table(self.table()) + "".join(f"<p>{note}</p>" for note in self.notes())


def html_table(table: Sequence[Sequence[str]]) -> str:
    """A table of texts, headings first, in HTML."""
    from html import escape

    head, *body = table
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    rows = ("".join(f"<td>{escape(cell)}</td>" for cell in cells) for cells in body)
    inner = "".join(f"<tr>{row}</tr>\n" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead>\n<tbody>{inner}</tbody></table>"


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Words to the left, numbers to the right."""
    count = len(_WORDS)
    words = [cell.ljust(width) for cell, width in zip(cells[:count], widths[:count], strict=True)]
    numbers = [cell.rjust(width) for cell, width in zip(cells[count:], widths[count:], strict=True)]
    return "  ".join([*words, *numbers]).rstrip()
