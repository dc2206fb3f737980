"""What a picture shows, in words: for readers who do not see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NAME = "numformats:"


def describe(ax: Axes, text: str) -> Axes:
    """Keep a description with axes, where `alt_text` finds it; the axes are given back."""
    ax.set_gid(_NAME + " ".join(text.split()))
    return ax


def alt_text(ax: Axes) -> str:
    """What a picture of this module shows, in a sentence or two, for the alt text of an image.

    ValueError for axes that were not drawn here.

    >>> import matplotlib; matplotlib.use("Agg")
    >>> import numformats as nf
    >>> nf.plots.alt_text(nf.plots.bits("e4m3fn"))
    'The 8 bits of a code of float8_e4m3fn, from the highest on: sign 1, exponent 4, trailing \
significand 3.'
    """
    gid = ax.get_gid()
    if not isinstance(gid, str) or not gid.startswith(_NAME):
        raise ValueError("ax: these axes were not drawn by numformats.plots")
    return gid.removeprefix(_NAME)
