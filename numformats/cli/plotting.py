"""Whether pictures can be drawn here, and how they are saved."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from numformats.tensor_files.whole import whole_file


def require_matplotlib(option: str) -> None:
    """ValueError, with the way out, where the library that draws is missing."""
    if find_spec("matplotlib") is None:
        raise ValueError(f"{option} needs matplotlib: pip install 'numformats[plot]'")


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure of matplotlib whole, in the format that the suffix asks for, else as PNG.

    OSError where it cannot be written, ValueError for a suffix that matplotlib does not know, or
    that takes what is not installed.
    """
    with whole_file(path) as stream, warnings.catch_warnings():
        # The name of a file may have characters that the font lacks; a box stands for each.
        warnings.filterwarnings("ignore", "Glyph")
        try:
            figure.savefig(stream, format=path.suffix[1:] or "png", dpi=150)
        except RuntimeError as error:  # such as for a .pgf without TeX
            raise ValueError(str(error)) from error
