"""The pictures of the page on explanations, made by the functions that it is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import matplotlib
import numpy as np
from matplotlib import pyplot
from matplotlib.figure import Figure
from pictures import draw, picture

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
    for name, make in PICTURES.items():
        drawn: list[Any] = []

        def figure(make: Callable[[], Any] = make, drawn: list[Any] = drawn) -> Figure:
            drawn.append(make())
            return drawn[-1].figure

        draw(figure, folder, name)
        (folder / f"{name}.md").write_text(
            picture(name, nf.plots.alt_text(drawn[-1])), encoding="utf-8"
        )
        pyplot.close("all")
