"""The experiment's three pictures, of matplotlib.

They are read on white and on black alike: nothing is behind them, words and lines are of a grey
that is as far from the one as from the other, and colours are those of Okabe and Ito (2008) that
people tell apart whatever colours they see. Marks differ, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import cycle
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure

from numformats.laws.experiment.harms import LEAST, MOST, Harm, most_told
from numformats.laws.experiment.inside import Pair
from numformats.laws.experiment.report import Findings

_GREY: Final = "#7a7a7a"
_STYLES: Final = (
    ("#d55e00", "o"),
    ("#0f84c9", "s"),
    ("#009e73", "^"),
    ("#c9709f", "D"),
    ("#b58900", "v"),
)
_INCHES: Final = (7.6, 4.4)
_CLEAR: Final = (0.0, 0.0, 0.0, 0.0)

CAPTIONS: Final = {
    "harm": "Harm of rounding after training against D/N: measured, and the law as fitted.",
    "loss": "Loss before rounding and after, against D/N: past its lowest point, more training "
    "makes the rounded model worse.",
    "inside": "Harm of rounding after training, and of training with the rounding inside.",
}


def pictures_of(findings: Findings) -> dict[str, Figure]:
    """The pictures by name: of the N that has the most lengths of training."""
    harms = [
        each for each in findings.harms if (each.variant, each.family) == ("plain", findings.family)
    ]
    size = most_told(harms)
    chosen = [each for each in harms if each.settings.parameters == size]
    found = {"loss": _loss(chosen)}
    # What is below 0 by chance has no place on a logarithmic axis.
    if any(each.harm > 0 for each in chosen):
        found["harm"] = _harm(findings, chosen)
    pairs = [pair for pair in findings.pairs if pair.settings.parameters == size]
    if any(pair.after > 0 for pair in pairs):
        found["inside"] = _inside(pairs)
    return found


def _harm(findings: Findings, harms: Sequence[Harm]) -> Figure:
    size = harms[0].settings.parameters
    figure, axes = _axes(f"N = {size:,}: harm of rounding after training")
    way = ("plain", findings.family)
    fits = [each.fit for each in findings.fits if (each.variant, each.family) == way]
    for name, (color, mark) in _styled(each.name for each in harms):
        group = [each for each in harms if each.name == name]
        ratios, means = _means(group, lambda each: each.harm)
        axes.plot(
            *([each.settings.data_ratio for each in group], [each.harm for each in group], mark),
            color=color,
            alpha=0.4,
            markersize=4,
        )
        axes.plot(ratios, means, mark, color=color, label=name, markerfacecolor="none")
        for fitted in fits:
            line = np.geomspace(min(ratios), max(ratios), 50)
            predicted = fitted.predict(
                # Where all are of one width, or are noise, any will do.
                bits=np.full(50, max(group[0].bits, 1.0)),
                parameters=np.full(50, float(size)),
                tokens=line * size,
            )
            axes.plot(line, predicted, color=color, linewidth=1)
    axes.set_yscale("log")
    axes.axhspan(LEAST, MOST, color=_GREY, alpha=0.08, linewidth=0)
    axes.set_ylim(bottom=LEAST / 3)
    axes.set_ylabel("harm in nats per character")
    _mark_ratios(axes, harms)
    _legend(figure, "open: means\nshaded: fitted")
    return figure


def _loss(harms: Sequence[Harm]) -> Figure:
    figure, axes = _axes(f"N = {harms[0].settings.parameters:,}: loss after rounding")
    ratios, means = _means(harms, lambda each: each.loss)
    axes.plot(ratios, means, "--", color=_GREY, label="not rounded")
    lowest, highest = min(means), means[0]
    for name, (color, mark) in _styled(each.name for each in harms):
        group = [each for each in harms if each.name == name]
        ratios, means = _means(group, lambda each: each.loss + each.harm)
        axes.plot(ratios, means, f"{mark}-", color=color, label=name, linewidth=1.2, markersize=5)
        best = int(np.argmin(means))
        axes.plot(
            *(ratios[best], means[best], "o"),
            markersize=13,
            markerfacecolor="none",
            markeredgecolor=color,
        )
        lowest, highest = min(lowest, *means), max(highest, means[0])
    # What is far worse than the shortest training needs no room.
    axes.set_ylim(lowest - 0.1, highest + 0.6)
    axes.set_ylabel("held-out loss in nats per character")
    _mark_ratios(axes, harms)
    _legend(figure, "ring: the lowest")
    return figure


def _inside(pairs: Sequence[Pair]) -> Figure:
    title = f"N = {pairs[0].settings.parameters:,}: rounding after training, and inside"
    figure, axes = _axes(title)
    compared = [pair for pair in pairs if np.isfinite(pair.after)]
    names = sorted(str(pair.settings.training_format) for pair in compared)
    for name, (color, mark) in _styled(names):
        group = [pair for pair in compared if pair.settings.training_format == name]
        # What is not above 0, by chance, is left out, and no line goes there.
        ratios, after = _means(group, lambda pair: pair.after if pair.after > 0 else np.nan)
        _, inside = _means(group, lambda pair: pair.inside if pair.inside > 0 else np.nan)
        axes.plot(ratios, after, f"{mark}-", color=color, label=f"{name} after")
        axes.plot(
            ratios, inside, f"{mark}--", color=color, markerfacecolor="none", label=f"{name} inside"
        )
    axes.set_yscale("log")
    axes.set_ylabel("harm in nats per character")
    _mark_ratios(axes, compared)
    _legend(figure)
    return figure


def _means(rows: Sequence[Any], of: Callable[[Any], float]) -> tuple[list[float], list[float]]:
    """Every D/N, and the mean at it over seeds."""
    ratios = sorted({each.settings.data_ratio for each in rows})
    return ratios, [
        float(np.mean([of(each) for each in rows if each.settings.data_ratio == ratio]))
        for ratio in ratios
    ]


def _mark_ratios(axes: Any, rows: Sequence[Any]) -> None:
    """Name every D/N there is, and nothing between."""
    ratios = sorted({each.settings.data_ratio for each in rows})
    axes.set_xticks(ratios, [f"{ratio:g}" for ratio in ratios])
    axes.minorticks_off()


def _styled(names: Iterable[str]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Each name once, with its colour and mark."""
    return zip(dict.fromkeys(names), cycle(_STYLES), strict=False)


def _axes(title: str) -> tuple[Figure, Any]:
    figure = Figure(figsize=_INCHES, layout="constrained", facecolor=_CLEAR)
    axes = figure.add_subplot(facecolor=_CLEAR)
    axes.set_xscale("log")
    axes.set_xlabel("characters trained on for each parameter, D/N", color=_GREY)
    axes.set_title(title, color=_GREY)
    axes.yaxis.label.set_color(_GREY)
    axes.tick_params(which="both", colors=_GREY)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_GREY)
    axes.grid(color=_GREY, alpha=0.25)
    return figure, axes


def _legend(figure: Figure, title: str | None = None) -> None:
    """Beside the axes, where it hides nothing."""
    legend = figure.legend(
        loc="outside right upper",
        frameon=False,
        labelcolor=_GREY,
        fontsize=9,
        title=title,
        title_fontsize=9,
    )
    legend.get_title().set_color(_GREY)
