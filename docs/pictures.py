"""How the pages' pictures are drawn: once for light pages, and once for dark ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from matplotlib import rc_context
from matplotlib.figure import Figure

# Colours that all eyes tell apart (Okabe and Ito, 2008) on white and on black; dashes besides.
LINES: Final = (("#0072b2", "-"), ("#d55e00", "--"), ("#009e73", "-."), ("#cc79a7", ":"))
INK: Final = {"light": "#333333", "dark": "#dddddd"}
FAINT: Final = "#999999"


def draw(make: Callable[[], Figure], folder: Path, name: str) -> None:
    """Write the picture that a function makes, in the ink of both themes."""
    for theme, ink in INK.items():
        style = {
            "svg.hashsalt": "numformats",
            "svg.fonttype": "none",
            "font.size": 9,
            **{f"{part}.color": ink for part in ("text", "xtick", "ytick")},
            **{f"axes.{part}": ink for part in ("edgecolor", "labelcolor", "titlecolor")},
        }
        with rc_context(style):
            path = folder / f"{name}-{theme}.svg"
            make().savefig(path, transparent=True, metadata={"Date": None})


def picture(name: str, alt: str) -> str:
    """The Markdown that shows the one of the two pictures that suits the page."""
    return "\n".join(
        f"```{{image}} _generated/{name}-{theme}.svg\n:class: only-{theme}\n:alt: {alt}\n```\n"
        for theme in INK
    )
