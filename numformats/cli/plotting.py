"""Whether pictures can be drawn here."""

from __future__ import annotations

from importlib.util import find_spec


def require_matplotlib(option: str) -> None:
    """ValueError, with the way out, where the library that draws is missing."""
    if find_spec("matplotlib") is None:
        raise ValueError(f"{option} needs matplotlib: pip install 'numformats[plot]'")
