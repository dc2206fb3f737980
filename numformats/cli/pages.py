"""The report as a page with pictures: error against bits, and values above the formats' grids."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from io import StringIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from numpy.typing import NDArray

from numformats.analysis.histograms import count_values
from numformats.analysis.results import Comparison, html_table
from numformats.analysis.streaming import Streamable, survey_of
from numformats.analysis.verdicts import Verdict
from numformats.cli.answers import sentences_on, texts_of_answers, title_of
from numformats.cli.plotting import save_figure
from numformats.formats.format import Format
from numformats.scaled.catalogue import element_of
from numformats.scaled.formats import ScaledFormat
from numformats.tensor_files.whole import whole_file

# Tensors whose values are drawn, the largest ones.
_DRAWN: Final = 6
_BINS: Final = 201
# Above, the grid of a format would be a solid bar.
_GRID_BITS: Final = 8
_INCHES: Final = (9.0, 4.5)
# The largest magnitudes that matplotlib finds room for ticks around.
_DRAWABLE: Final = (1e-300, 1e300)
# The height of a name beside a point, as a part of that of the picture.
_LABEL_HEIGHT: Final = 0.035
_COLORS: Final = {"blocks": "#0b6e4f", "absmax": "#1f4e9c", "none": "#9a9a9a"}
_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 86em; padding: 0 1em; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; }
th, td { padding: 2px 10px; text-align: right; white-space: nowrap; }
th { border-bottom: 1px solid #888; } tr:nth-child(even) { background: #f3f5f7; }
th:nth-child(-n+2), td:nth-child(-n+2) { text-align: left; }
.wide { overflow-x: auto; } svg { max-width: 100%; height: auto; }
"""


@dataclass
class _Values:
    """How the values of a tensor lie between the largest magnitude and its negative."""

    name: str
    size: int
    largest: float
    counts: NDArray[np.int64]


@dataclass
class _FilePart:
    """What the page says of one file."""

    title: str
    lines: list[list[str]] = field(default_factory=list)
    values: list[_Values] = field(default_factory=list)
    whole: Comparison | None = None
    verdict: Verdict | None = None


@dataclass
class Page:
    """What a page is made of, collected while the report goes on."""

    formats: tuple[Format | ScaledFormat, ...]
    files: list[_FilePart] = field(default_factory=list)

    def file(self, title: str) -> None:
        """A file begins."""
        self.files.append(_FilePart(title))

    def tensor(self, name: str, values: Streamable, comparison: Comparison) -> None:
        """A tensor is done: its ratios are kept, and the shape of its distribution."""
        part = self.files[-1]
        if not part.lines:
            names = [f"{row.format} {row.scaling}" for row in comparison.rows]
            part.lines.append(["tensor", "shape", *names])
        shape = " x ".join(map(str, values.shape)) or "scalar"
        ratios = [f"{row.stats.sqnr_db:.2f}" for row in comparison.rows]
        part.lines.append([name, shape, *ratios])
        part.values.append(_values_of(name, values))
        part.values = sorted(part.values, key=lambda known: -known.size)[:_DRAWN]

    def whole(self, comparison: Comparison, verdict: Verdict) -> None:
        """All tensors of the file are done, and the answer is known."""
        self.files[-1].whole, self.files[-1].verdict = comparison, verdict

    def write_html(self, path: Path) -> None:
        """One page that needs nothing else."""
        body = "".join(map(self._section, self.files))
        text = (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            f"<title>numformats report</title><style>{_STYLE}</style></head>\n"
            f"<body><h1>What each format costs</h1>\n{body}</body></html>\n"
        )
        with whole_file(path) as stream:
            stream.write(text.encode())

    def write_picture(self, path: Path) -> None:
        """The error against bits of each file, in the format that the name of the file asks for."""
        shown = [part for part in self.files if part.whole is not None]
        width, height = _INCHES
        figure = Figure(figsize=(width, height * max(len(shown), 1)), layout="constrained")
        for number, part in enumerate(shown, 1):
            assert part.whole is not None
            axes = figure.add_subplot(len(shown), 1, number)
            _draw_cost(axes, part.whole)
            axes.set_title(part.title, fontsize=10, parse_math=False)
        save_figure(figure, path)

    def _section(self, part: _FilePart) -> str:
        if part.whole is None or part.verdict is None:
            return f"<h2>{escape(part.title)}</h2><p>No tensor to report on.</p>\n"
        pictures = [_svg(lambda axes: _draw_cost(axes, part.whole))]
        for values in part.values:
            pictures.append(f"<h3>{escape(values.name)}</h3>\n")
            pictures.append(_svg(lambda axes, values=values: self._draw_values(axes, values)))
        notes = "".join(f"<p>{escape(note)}</p>" for note in part.whole.notes())
        return (
            f"<h2>{escape(part.title)}</h2>\n{_html_of(part.verdict)}"
            "<h3>All tensors together</h3>\n"
            f'<div class="wide">{html_table(part.whole.table())}</div>{notes}\n'
            + "".join(pictures)
            + f'<h3>SQNR of each tensor, in dB</h3>\n<div class="wide">{html_table(part.lines)}'
            "</div>\n"
        )

    def _draw_values(self, axes: Any, values: _Values) -> None:
        """A histogram, and below it the values of each element format, scaled to the largest."""
        is_drawn_plainly = _DRAWABLE[0] <= values.largest <= _DRAWABLE[1]
        end, unit = (values.largest, "") if is_drawn_plainly else (1.0, f" / {values.largest:.3g}")
        top = max(int(values.counts.max()), 1)
        edges = np.linspace(-end, end, _BINS + 1)
        axes.stairs(values.counts / top, edges, fill=True, color="#7aa6d8")
        names = []
        for place, fmt in enumerate(_grids(self.formats), 1):
            grid = np.unique(fmt.values()[np.isfinite(fmt.values())])
            grid = grid / np.abs(grid).max() * end
            axes.plot(grid, np.full(grid.size, -0.12 * place), "|", color="#333", markersize=8)
            names.append((-0.12 * place, fmt.name))
        axes.set_yticks([place for place, _ in names], [name for _, name in names], fontsize=8)
        axes.set_xlabel(
            f"value{unit}; below, those of each element format, with a scale for the largest"
        )


def _values_of(name: str, values: Streamable) -> _Values:
    largest = survey_of(values).largest or 1.0
    return _Values(name, values.size, largest, count_values(values, largest, _BINS))


def _html_of(verdict: Verdict) -> str:
    """The answer: a table, and a paragraph for each sentence."""
    sentences = "".join(f"<p>{escape(text)}</p>" for text in sentences_on(verdict))
    table = html_table(texts_of_answers(verdict))
    return f'<h3>{escape(title_of(verdict))}</h3>\n<div class="wide">{table}</div>{sentences}\n'


def _grids(formats: tuple[Format | ScaledFormat, ...]) -> list[Format]:
    """The element formats, each once, that have few enough values to be drawn."""
    return list(dict.fromkeys(fmt for fmt in map(element_of, formats) if fmt.bits <= _GRID_BITS))


def _draw_cost(axes: Any, comparison: Comparison | None) -> None:
    """SQNR against bits per value, a point for each row whose ratio is finite."""
    assert comparison is not None
    known = [row for row in comparison.rows if np.isfinite(row.stats.sqnr_db)]
    ratios = [row.stats.sqnr_db for row in known]
    gap = _LABEL_HEIGHT * (max(ratios, default=1.0) - min(ratios, default=0.0))
    # Names stand beside their points, or higher where those of others are in the way: to the left
    # those without a scale, whose points are next to those with one.
    taken: dict[tuple[bool, int], float] = {}
    for row in sorted(known, key=lambda row: row.stats.sqnr_db):
        bits, ratio, color = row.bits_per_value, row.stats.sqnr_db, _COLORS[row.scaling]
        is_left = row.scaling == "none"
        column = (is_left, round(bits / 2))
        taken[column] = max(ratio, taken.get(column, -np.inf) + gap)
        axes.plot(bits, ratio, "o", color=color)
        axes.annotate(
            row.format,
            (bits, taken[column]),
            xytext=(-7 if is_left else 7, 0),
            textcoords="offset points",
            fontsize=7,
            ha="right" if is_left else "left",
            va="center",
            color=color,
        )
    for scaling, color in _COLORS.items():
        axes.plot([], [], "o", color=color, label=scaling)
    axes.legend(title="scale", fontsize=8)
    axes.set_xlabel("bits per value, scales included")
    axes.set_ylabel("SQNR in dB")
    axes.margins(x=0.15)
    axes.grid(alpha=0.3)


def _svg(draw: Any) -> str:
    """A picture as an element of a page, the same for the same data."""
    figure = Figure(figsize=_INCHES, layout="constrained")
    draw(figure.add_subplot())
    text = StringIO()
    with rc_context({"svg.hashsalt": "numformats", "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()[text.getvalue().index("<svg") :]
