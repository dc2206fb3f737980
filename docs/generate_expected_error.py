"""The table and the picture of the page on expected errors: which split of bits is best."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from generate_formats import table
from matplotlib.figure import Figure
from pictures import FAINT, LINES, draw, picture

from numformats.analysis import BestScale, best_format, best_scale, lloyd_max

DISTRIBUTIONS: Final = {
    "uniform": "uniform",
    "normal": "normal",
    "laplace": "Laplace",
    "student_t": "Student t, 5 degrees",
}
BITS: Final = range(2, 9)
# What a bit is worth where all numbers are equally likely and none is beyond the ends.
DECIBELS_A_BIT: Final = 6.0206
DRAWN_EXPONENTS: Final = range(1, 5)


@cache
def _splits(distribution: str, bits: int) -> tuple[BestScale, ...]:
    return best_format(distribution, bits)


def splits_page() -> str:
    """For each number of bits and each distribution the best splits, integers and the codebook."""
    rows = [(bits, name) for bits in BITS for name in DISTRIBUTIONS]
    return table(
        rows,
        {
            "bits": lambda row: str(row[0]),
            "numbers": lambda row: DISTRIBUTIONS[row[1]],
            "best split": lambda row: _told(_splits(row[1], row[0])[0]),
            "the next": lambda row: " ".join(map(_told, _splits(row[1], row[0])[1:2])),
            "integers": lambda row: _integers(row[1], row[0]),
            "codebook": lambda row: f"{lloyd_max(row[1], row[0]).sqnr_db:.2f}",
            "6.02 a bit": lambda row: f"{DECIBELS_A_BIT * row[0]:.2f}",
        },
    )


def _told(found: BestScale) -> str:
    return f"{found.format.name.upper()} {found.sqnr_db:.2f}"


def _integers(distribution: str, bits: int) -> str:
    return f"{best_scale(distribution, f'int{bits}').sqnr_db:.2f}"


def splits_picture() -> str:
    """The picture, and what it shows in words."""
    return picture(
        "splits",
        "Four panels, one for each distribution: decibels above 6.02 a bit, against bits from 2 to "
        "8, for exponents of one to four bits and the best codebook. For uniform numbers one bit "
        "of exponent is best throughout, for normal numbers two from 4 bits on, and for Student's "
        "t three from 6 bits on; the codebook is above all of them.",
    )


def draw_splits(folder: Path) -> None:
    """Draw what each split of bits is worth, for light and for dark pages."""
    draw(_figure, folder, "splits")


def _figure() -> Figure:
    figure = Figure(figsize=(8.5, 5.5), layout="constrained")
    grid = figure.subplots(2, 2, sharex=True, sharey=True)
    for axes, (name, title) in zip(grid.flat, DISTRIBUTIONS.items(), strict=True):
        book = [lloyd_max(name, bits).sqnr_db - DECIBELS_A_BIT * bits for bits in BITS]
        axes.plot(BITS, book, color=FAINT, linewidth=3, label="codebook")
        for exponent_bits, (color, dashes) in zip(DRAWN_EXPONENTS, LINES, strict=True):
            points = [
                (bits, found.sqnr_db - DECIBELS_A_BIT * bits)
                for bits in BITS
                for found in _splits(name, bits)
                if found.format.exponent_bits == exponent_bits
            ]
            label = f"{exponent_bits} bit{'s' * (exponent_bits > 1)} of exponent"
            axes.plot(*zip(*points, strict=True), color=color, linestyle=dashes, label=label)
        axes.set_title(title)
        axes.grid(color=FAINT, alpha=0.25)
    grid[0, 0].legend(frameon=False, loc="lower left")
    figure.supxlabel("bits of a code")
    figure.supylabel("decibels above 6.02 a bit")
    return figure
