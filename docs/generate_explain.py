"""The pictures of the page on explanations, made by the functions that it is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import matplotlib
import numpy as np
from generate_number_systems import INK
from matplotlib import pyplot, rc_context

import numformats as nf

# What each picture is drawn by, by the name that pages include it by.
PICTURES: Final[Mapping[str, Callable[[], Any]]] = {
    "explain-step": lambda: nf.explain("0.1", "e4m3fn").plot(),
    "explain-number-line": lambda: nf.plots.number_line("float8_e5m2", (-0.0003, 0.0003)),
    "explain-spacing": lambda: nf.plots.spacing(["e4m3fn", "e5m2", "posit8", "int8"]),
    "explain-error": lambda: nf.plots.error_curve(np.linspace(1, 4, 1201), ["e4m3fn", "e5m2"]),
    "explain-rounding": lambda: nf.plots.rounding_function("float4_e2m1fn", limits=(-1, 7)),
    "explain-bits": lambda: nf.plots.bits("takum8", 0x4D),
    "explain-map": lambda: nf.plots.formats_map(),
}


def draw_pictures(folder: Path) -> None:
    """Draw each for light and for dark pages, and write the page part that includes it."""
    matplotlib.use("Agg")
    for name, draw in PICTURES.items():
        parts = []
        for theme, ink in INK.items():
            with rc_context(_style(ink)):
                axes = draw()
                path = folder / f"{name}-{theme}.svg"
                axes.figure.savefig(path, transparent=True, metadata={"Date": None})
                alt = nf.plots.alt_text(axes)
                pyplot.close(axes.figure)
            image = f"_generated/{name}-{theme}.svg"
            parts.append(f"```{{image}} {image}\n:alt: {alt}\n:class: only-{theme}\n```\n")
        (folder / f"{name}.md").write_text("\n".join(parts), encoding="utf-8")


def _style(ink: str) -> dict[str, Any]:
    return {
        "svg.hashsalt": "numformats",
        "svg.fonttype": "none",
        "font.size": 9,
        **{f"{part}.color": ink for part in ("text", "xtick", "ytick")},
        **{f"axes.{part}": ink for part in ("edgecolor", "labelcolor", "titlecolor")},
    }
