"""The tables and the picture of the page on number systems, made from the formats themselves."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final

import numpy as np
from generate_formats import NONE, table
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pictures import FAINT, LINES, draw, picture

import numformats as nf
from numformats.tensor_files import open_tensors

Array = NDArray[Any]

# Beside those that are listed; named by a rule.
MADE_BY_RULE: Final = ("lns8_4",)
# Exponents of magnitudes at which the table says how many bits there are.
PLACES: Final = (-8, -4, 0, 4, 8)

# What the picture names, panel by panel. All other systems of 8 bits are drawn without a name.
PANELS: Final = (
    ("Floating point", ("float8_e3m4", "float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu")),
    ("Tapered: posits, takums, HiFloat8", ("posit8", "takum8", "hifloat8")),
    ("Logarithmic", ("lns8_4", "log_takum8")),
    ("Integers", ("int8", "uint8")),
)
# As powers of two.
DRAWN: Final = (-28, 28)
DRAWN_BITS: Final = (-3.5, 8.5)


def systems() -> list[nf.Format]:
    """All number systems of 8 bits with a name of their own, and some whose names are a rule."""
    listed = [fmt for fmt in map(nf.get_format, nf.list_formats()) if fmt.bits == 8]
    return listed + [nf.get_format(name) for name in MADE_BY_RULE]


def _positive(fmt: nf.Format) -> Array:
    values = fmt.values()
    return np.unique(values[np.isfinite(values) & (values > 0)])


def _bits_at(magnitudes: Array, spacing: Array) -> Array:
    """Significand bits: a number is half a spacing away from a value at most."""
    return np.log2(magnitudes) - np.log2(spacing / 2)


# Range and precision


def ranges_page() -> str:
    """The table of what 8 bits reach, and how precisely."""
    return table(systems(), RANGES) + "\n"


def _bits_cell(exponent: int) -> Callable[[nf.Format], str]:
    def cell(fmt: nf.Format) -> str:
        values = _positive(fmt)
        magnitude = 2.0**exponent
        above = np.searchsorted(values, magnitude, side="right")
        if above in (0, values.size):
            return NONE
        return f"{_bits_at(np.array(magnitude), values[above] - values[above - 1]):.1f}"

    return cell


def _binades(fmt: nf.Format) -> str:
    values = _positive(fmt)
    return f"{math.log2(values[-1] / values[0]):.1f}"


def _distinct(fmt: nf.Format) -> str:
    values = fmt.values()
    return str(np.unique(values[np.isfinite(values)]).size)


def _specials(fmt: nf.Format) -> str:
    values = fmt.values()
    zeros, nans = np.count_nonzero(values == 0), np.count_nonzero(np.isnan(values))
    return f"{zeros}, {np.count_nonzero(np.isinf(values))}, {nans}"


RANGES: Final[Mapping[str, Callable[[nf.Format], str]]] = {
    "system": lambda fmt: f"`{fmt.name}`",
    "smallest positive": lambda fmt: f"{_positive(fmt)[0]:.3g}",
    "largest": lambda fmt: f"{_positive(fmt)[-1]:.3g}",
    "binades": _binades,
    **{f"bits at `2**{place}`": _bits_cell(place) for place in PLACES},
    "numbers": _distinct,
    "zeros, infinities, NaNs": _specials,
}


# Cost


def costs_page() -> str:
    """The table of what each system costs numbers of a normal distribution, and weights."""
    normal = np.random.default_rng(0).standard_normal(2**16).astype(np.float32)
    weights = shipped_weights()
    # A power of two, so that the division is exact.
    typical = 2.0 ** round(math.log2(np.sqrt(np.mean(np.square(weights, dtype=np.float64)))))
    signed = [fmt for fmt in systems() if fmt.signed]
    of_normal, of_weights = nf.compare(normal, signed), nf.compare(weights, signed)
    by_typical = nf.compare(weights / np.float32(typical), signed)
    figures = {
        "normal": _decibels(of_normal, "none"),
        "normal, `absmax`": _decibels(of_normal, "absmax"),
        "weights": _decibels(of_weights, "none"),
        "weights, `absmax`": _decibels(of_weights, "absmax"),
        "weights, times a power of two": _decibels(by_typical, "none"),
    }
    best_first = sorted(signed, key=lambda fmt: -figures["normal"][fmt.name])
    columns: dict[str, Callable[[nf.Format], str]] = {"system": lambda fmt: f"`{fmt.name}`"}
    for title, of_format in figures.items():
        columns[title] = lambda fmt, of_format=of_format: f"{of_format[fmt.name]:.1f}"
    return table(best_first, columns) + "\n"


def shipped_weights() -> Array:
    """The weights and biases that come with the package, one after the other."""
    shipped = resources.files("numformats") / "data" / "digits_mlp.safetensors"
    with resources.as_file(shipped) as path:
        return np.concatenate([entry.load().ravel() for entry in open_tensors(path)])


def _decibels(comparison: nf.analysis.Comparison, scaling: str) -> dict[str, float]:
    return {row.format: row.stats.sqnr_db for row in comparison.rows if row.scaling == scaling}


# The picture

ALT: Final = """\
Bits of precision against magnitude, in four panels. Floats are flat over their range, lower the
wider it is, and fall off below it among the subnormals. Posits and takums are peaks at 1 that fall
off to both sides, takums more steeply and farther out; HiFloat8 is a peak in three steps. A
fixed-point logarithm is flat and narrow, above the floats; a logarithmic takum is a peak. Integers
rise by a bit with each binade. The table below has the figures."""


def precision_page() -> str:
    """The picture for light and for dark pages, and what it shows in words."""
    return picture("precision", " ".join(ALT.split()))


def draw_precision(folder: Path) -> None:
    """Draw bits of precision above magnitudes, for light and for dark pages."""
    draw(_figure, folder, "precision")


def _figure() -> Figure:
    figure = Figure(figsize=(8.5, 6.5), layout="constrained")
    grid = figure.subplots(2, 2, sharex=True, sharey=True)
    known = {fmt.name: fmt for fmt in systems()}
    for axes, (title, names) in zip(grid.flat, PANELS, strict=True):
        for fmt in known.values():
            axes.plot(*_curve(fmt), color=FAINT, alpha=0.5, linewidth=0.6)
        named = [
            axes.plot(*_curve(known[name]), color=color, linestyle=dashes, label=name)[0]
            for name, (color, dashes) in zip(names, LINES, strict=False)
        ]
        axes.set_title(title)
        axes.legend(handles=named, frameon=False, loc="upper left")
        axes.grid(color=FAINT, alpha=0.25)
        axes.set(xlim=DRAWN, ylim=DRAWN_BITS)
        axes.xaxis.set_major_formatter(lambda exponent, _: f"$2^{{{exponent:.0f}}}$")
        axes.set_xticks(range(-24, 25, 8))
    figure.supxlabel("magnitude")
    figure.supylabel("bits of precision, the fewest in each binade")
    return figure


def _curve(fmt: nf.Format) -> tuple[Array, Array]:
    """Log2 of the ends of binades, and the fewest bits that a number has there, twice for each."""
    values = _positive(fmt)
    first, last = np.log2(values[[0, -1]])
    ends = np.array([first, *np.arange(np.floor(first) + 1, np.ceil(last)), last])
    fewest = [_fewest_bits(values, *pair) for pair in itertools.pairwise(ends)]
    return np.repeat(ends, 2)[1:-1], np.repeat(fewest, 2)


def _fewest_bits(values: Array, low: float, high: float) -> float:
    """They are the fewest at a value, or where the binade begins between two of them."""
    exponents = np.log2(values[:-1])
    within = values[:-1][(low < exponents) & (exponents < high)]
    starts = np.append(within, 2.0**low)
    # The power of a logarithm may be a little beyond the end that it came from.
    above = np.clip(np.searchsorted(values, starts, side="right"), 1, values.size - 1)
    return float(_bits_at(starts, values[above] - values[above - 1]).min())
