"""What the experiment has shown, as tables of words: for a terminal and for a report alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numformats.laws.experiment.fitting import HarmFit, growth_of
from numformats.laws.experiment.harms import LEAST, Harm, most_told
from numformats.laws.experiment.inside import LossLaw, Pair
from numformats.laws.fitted import Fit
from numformats.laws.fitting import fit

_CONSTANTS = ("gamma_data", "gamma_parameters", "gamma_bits")


@dataclass(frozen=True)
class Table:
    """A title, what it is about, the names of the columns, and rows of words."""

    title: str
    about: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def harm_tables(harms: Sequence[Harm], family: str) -> list[Table]:
    """For each N of the plain runs: loss by D/N, harm for each width, loss after rounding."""
    chosen = [each for each in harms if (each.variant, each.family) == ("plain", family)]
    sizes = sorted({each.settings.parameters for each in chosen})
    return [
        _harm_table([each for each in chosen if each.settings.parameters == size], size)
        for size in sizes
    ]


def _harm_table(harms: Sequence[Harm], size: int) -> Table:
    names = list(dict.fromkeys(each.name for each in harms))
    ratios = sorted({each.settings.data_ratio for each in harms})

    def mean(ratio: float, name: str, of: Callable[[Harm], float]) -> float:
        return float(
            np.mean([of(h) for h in harms if h.settings.data_ratio == ratio and h.name == name])
        )

    after = {name: [mean(r, name, lambda h: h.loss + h.harm) for r in ratios] for name in names}
    rows = []
    for place, ratio in enumerate(ratios):
        before = mean(ratio, names[0], lambda h: h.loss)
        harm = [f"{mean(ratio, name, lambda h: h.harm):.4f}" for name in names]
        best = [
            f"{after[name][place]:.3f}{'*' if place == np.argmin(after[name]) else ''}"
            for name in names
        ]
        rows.append((f"{ratio:g}", f"{before:.3f}", *harm, *best))
    return Table(
        f"N = {size:,}: loss, harm of rounding after training, and loss after it",
        "Held-out loss in nats per character, the mean over seeds; * marks the lowest of a column.",
        ("D/N", "loss", *(f"harm {name}" for name in names), *(f"after {name}" for name in names)),
        tuple(rows),
    )


def variant_table(harms: Sequence[Harm], family: str) -> Table | None:
    """Harm and loss by D/N for every way of training, at about 4 bits; None where there is one."""
    chosen = [each for each in harms if each.family == family]
    bits = min({each.bits for each in chosen}, key=lambda bits: (abs(bits - 4), bits))
    chosen = [each for each in chosen if each.bits == bits]
    if len({each.variant for each in chosen}) == 1:
        return None
    compared = {each.settings.parameters for each in chosen if each.variant != "plain"}
    chosen = [each for each in chosen if each.settings.parameters in compared]
    ratios = sorted({each.settings.data_ratio for each in chosen})
    keys = sorted({(h.settings.parameters, h.variant != "plain", h.variant) for h in chosen})
    rows = []
    for size, _, variant in keys:
        group = [h for h in chosen if (h.settings.parameters, h.variant) == (size, variant)]
        cells = [[h for h in group if h.settings.data_ratio == ratio] for ratio in ratios]
        rows.append((f"{size:,}", variant, *map(_harm_and_loss, cells)))
    return Table(
        f"Harm of {chosen[0].name} by D/N for each way of training",
        "In brackets the loss before rounding; both are the mean over seeds.",
        ("N", "training", *(f"{ratio:g}" for ratio in ratios)),
        tuple(rows),
    )


def _harm_and_loss(harms: Sequence[Harm]) -> str:
    if not harms:
        return "-"
    harm, loss = np.mean([(each.harm, each.loss) for each in harms], axis=0)
    return f"{harm:.4f} ({loss:.3f})"


def fit_table(fits: Iterable[HarmFit]) -> Table:
    """The exponents of each fit with their intervals."""
    rows = tuple(
        (
            each.variant,
            each.family,
            *(constant_of(each.fit, name) for name in _CONSTANTS),
            f"{each.fit.r2:.2f}",
            f"{each.fit.rows} of {each.fit.runs}",
        )
        for each in fits
    )
    return Table(
        "Fits of d = C D^gD / N^gN e^(-P/g_post)",
        "Least squares of log d where 5e-4 < d < 1; 95% intervals by drawing runs anew. A dash: "
        "all runs have one N, or one width.",
        ("training", "rounding", "gD", "gN", "g_post", "R2", "harms of runs"),
        rows,
    )


def constant_of(found: Fit, name: str) -> str:
    """A constant and its interval in words, or a dash."""
    if name not in found.constants:
        return "-"
    interval = found.intervals[name]
    return f"{found.constants[name]:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def inside_table(pairs: Sequence[Pair], law: LossLaw | None) -> Table:
    """For each format trained in: how much less harm than rounding afterwards, and what is left."""
    names = dict.fromkeys(str(pair.settings.training_format) for pair in pairs)
    groups = [[p for p in pairs if p.settings.training_format == name] for name in sorted(names)]
    return Table(
        "Training with the rounding inside, beside rounding after training",
        "Pairs of runs that differ in that alone. Less: how many had less harm inside; times: the "
        "harm after over the harm inside, where both exceed 5e-4 (median, and range); Neff/N: of "
        "how many parameters the unrounded model would be that is as bad, by the law of the losses "
        "(median).",
        ("format", "pairs", "less harm", "times less", "Neff/N"),
        tuple(_inside_row(group, law) for group in groups),
    )


def _inside_row(pairs: Sequence[Pair], law: LossLaw | None) -> tuple[str, ...]:
    compared = [pair for pair in pairs if np.isfinite(pair.after)]
    less = sum(pair.inside < pair.after for pair in compared)
    times = [p.after / p.inside for p in compared if min(p.inside, p.after) > LEAST]
    return (
        str(pairs[0].settings.training_format),
        f"{len(pairs)}",
        f"{less} of {len(compared)}" if compared else "-",
        f"{np.median(times):.1f} ({min(times):.1f} to {max(times):.1f})" if times else "-",
        "-" if law is None else f"{np.median([law.share(pair) for pair in pairs]):.2f}",
    )


def share_table(columns: Mapping[str, NDArray[Any]]) -> Table | None:
    """Both forms of Neff/N fitted to columns of `inside.shares`; None for too few widths."""
    if len(set(columns["bits"])) < 3:
        return None
    found = {
        "1 - e^(-P/g)": fit("saturating", columns),
        "1 - e^(-P/g + n)": fit("saturating_offset", columns),
    }
    rows = tuple(
        (form, constant_of(each, "gamma"), constant_of(each, "offset"), f"{each.r2:.2f}")
        for form, each in found.items()
    )
    return Table(
        "Fits of Neff/N by bits",
        "Least squares of the shares themselves, over all runs trained with integers inside.",
        ("form", "g", "n", "R2"),
        rows,
    )


def growth_table(pairs: Sequence[Pair]) -> Table | None:
    """How the harm of training in a format grows with D; None where there are too few pairs."""
    rows = []
    for name in sorted({str(pair.settings.training_format) for pair in pairs}):
        found = growth_of([pair for pair in pairs if pair.settings.training_format == name])
        if found is not None:
            exponents = (constant_of(found, constant) for constant in _CONSTANTS[:2])
            rows.append((name, *exponents, f"{found.r2:.2f}", f"{found.runs}"))
    if not rows:
        return None
    return Table(
        "Fits of the harm of training with the rounding inside: d = C D^gD / N^gN",
        "As above, for each format by itself.",
        ("format", "gD", "gN", "R2", "runs"),
        tuple(rows),
    )


def loss_table(law: LossLaw) -> Table:
    """The law of the losses."""
    names = ("A", "alpha", "B", "beta", "E", "spread")
    return Table(
        "The law of the losses before rounding: L = A / N^alpha + B / D^beta + E",
        "Least squares over all plain runs. Spread: the root mean square of what is left.",
        names,
        (tuple(f"{value:.4g}" for value in (*law.constants, law.spread)),),
    )


def error_table(harms: Sequence[Harm]) -> Table:
    """The relative error of the matrices by D/N: whether weights grow harder to round."""
    plain = [each for each in harms if each.variant == "plain"]
    size = most_told(plain)
    chosen = [each for each in plain if each.settings.parameters == size]
    ratios = sorted({each.settings.data_ratio for each in chosen})
    rows = []
    for name in dict.fromkeys(each.name for each in chosen):
        group = [each for each in chosen if each.name == name]
        means = [np.mean([h.error for h in group if h.settings.data_ratio == r]) for r in ratios]
        rows.append((name, *(f"{mean:.3f}" for mean in means)))
    return Table(
        f"N = {size:,}: relative error of the matrices by D/N",
        "The root of all squared differences over all squares, the mean over seeds.",
        ("rounding", *(f"{ratio:g}" for ratio in ratios)),
        tuple(rows),
    )
