"""Colours, marks and axes that all pictures share. matplotlib is loaded here, and only when asked.

The colours are those of Okabe and Ito, "Color universal design", 2008, which people who do not see
all colours tell apart, and which stand out from white and from black. Nothing is told by a colour
alone: lines have dashes, points have shapes. Text and axes have the colours that matplotlib has at
the time, so that pictures follow a dark style.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE: Final = "#0072b2"
ORANGE: Final = "#d55e00"
GREEN: Final = "#009e73"
PINK: Final = "#cc79a7"
YELLOW: Final = "#e69f00"
SKY: Final = "#56b4e9"
GREY: Final = "#8c8c8c"
# What the first, the second, ... of several lines look like.
LINES: Final = (
    (BLUE, "-"),
    (ORANGE, "--"),
    (GREEN, "-."),
    (PINK, ":"),
    (YELLOW, (0, (6, 1, 1, 1, 1, 1))),
    (SKY, (0, (3, 1))),
    (GREY, (0, (1, 1))),
)
MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X", "*")


def new_axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """The axes to draw on: those given, or the only ones of a new figure.

    ModuleNotFoundError, with the way out, without matplotlib; TypeError for what are no axes.
    """
    try:
        from matplotlib import pyplot
        from matplotlib.axes import Axes as AxesOfMatplotlib
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("matplotlib"):
            raise
        raise ModuleNotFoundError(
            "numformats.plots needs matplotlib: pip install 'numformats[plot]'",
            name="matplotlib",
        ) from None
    if ax is None:
        _, made = pyplot.subplots(figsize=size, layout="constrained")
        return made
    if not isinstance(ax, AxesOfMatplotlib):
        raise TypeError(f"ax: expected Axes of matplotlib, got {type(ax).__name__} {ax!r}")
    return ax


def ink() -> str:
    """The colour of text, which is that of the page turned round."""
    from matplotlib import rcParams

    return str(rcParams["text.color"])


def line_style(place: int) -> dict[str, Any]:
    """Colour and dashes of one of several lines."""
    colour, dashes = LINES[place % len(LINES)]
    return {"color": colour, "linestyle": dashes}


def powers_of_two(ax: Axes, axis: str) -> None:
    """Label an axis of logarithms to base 2, which hold exponents."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    chosen = ax.xaxis if axis == "x" else ax.yaxis
    chosen.set_major_locator(MaxNLocator(integer=True))
    chosen.set_major_formatter(FuncFormatter(lambda e, _: f"$2^{{{e:.0f}}}$"))


def without_box(ax: Axes, *kept: str) -> None:
    """Leave only some of the four lines around the axes."""
    for side in ("left", "right", "top", "bottom"):
        ax.spines[side].set_visible(side in kept)
