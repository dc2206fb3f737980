"""Range against precision."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from numformats.formats.format import Format
from numformats.formats.registry import NAMED, list_formats
from numformats.names import get_format
from numformats.plots import style
from numformats.plots.alternatives import describe
from numformats.plots.values import read_formats

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Points closer than this, in octaves of range and in bits, have one label together.
_NEAR: Final = (0.2, 0.2)
# A label to the right would run into a point as near as this.
_BESIDE: Final = (0.8, 0.6)


@dataclass
class _Label:
    """The names of formats at one place of the map."""

    x: float
    y: float
    names: list[str] = field(default_factory=list)

    def is_near(self, x: float, y: float, near: tuple[float, float]) -> bool:
        return abs(math.log2(self.x / x)) < near[0] and abs(self.y - y) < near[1]

    def draw(self, axes: Axes, others: list[_Label]) -> None:
        """Beside the point: to the left, if there are several names, or a point to the right."""
        is_crowded = any(
            other.x > self.x and self.is_near(other.x, other.y, _BESIDE) for other in others
        )
        is_left = is_crowded or len(self.names) > 1
        axes.annotate(
            "\n".join(self.names),
            (self.x, self.y),
            (-7 if is_left else 6, 0 if len(self.names) > 1 else 4),
            textcoords="offset points",
            size="x-small",
            ha="right" if is_left else "left",
            va="center" if len(self.names) > 1 else "bottom",
        )


def _label(labels: list[_Label], point: tuple[float, float], name: str) -> None:
    """Add a name to the label of its place, or make one."""
    for label in labels:
        if label.is_near(*point, _NEAR):
            label.names.append(name)
            return
    labels.append(_Label(*point, [name]))


def formats_map(formats: Sequence[str | Format] | None = None, *, ax: Axes | None = None) -> Axes:
    """Range against precision: how many binades a format spans, and its most significand bits.

    Parameters
    ----------
    formats : formats or names of such, optional
        By default all formats of 8 bits with a name of their own, the signed ones of P3109
        without infinity, and a logarithmic system.
    ax : matplotlib Axes, optional
        Where to draw, by default a new figure.

    Returns
    -------
    matplotlib Axes
        The horizontal one is logarithmic.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("Agg")
    >>> import numformats as nf
    >>> ax = nf.plots.formats_map(["int8", "e4m3fn", "posit8"])
    >>> [text.get_text() for text in ax.texts]
    ['int8', 'float8_e4m3fn', 'posit8']
    """
    groups = _groups(formats)
    axes = style.new_axes(ax, (8.5, 5.4))
    labels: list[_Label] = []
    for place, (family, members) in enumerate(groups.items()):
        points = [(binades(fmt), bits_at_best(fmt)) for fmt in members]
        axes.plot(
            *zip(*points, strict=True),
            style.MARKERS[place % len(style.MARKERS)],
            color=style.LINES[place % len(style.LINES)][0],
            label=family,
            markersize=7,
        )
        for point, fmt in zip(points, members, strict=True):
            _label(labels, point, fmt.name)
    for label in labels:
        label.draw(axes, labels)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(lambda number, _: f"{number:g}")
    axes.set(
        xlabel="binades from the smallest positive value to the largest",
        ylabel="significand bits where they are most",
    )
    axes.margins(x=0.2, y=0.1)
    axes.grid(color=style.GREY, alpha=0.3)
    axes.legend(frameon=False, loc="upper right")
    words = "; ".join(
        f"{', '.join(one.names)}: {one.x:.0f} binades, {one.y:.1f} bits" for one in labels
    )
    return describe(axes, f"Range against precision. {words}.")


def binades(fmt: Format) -> float:
    """Log2 of the largest value over the smallest positive one.

    >>> import numformats as nf
    >>> binades(nf.float8_e5m2)
    31.807354922057606
    """
    largest, smallest = fmt.highest, fmt.smallest_positive_exact
    return _log2(largest) - _log2(smallest)


def _log2(number: Any) -> float:
    # A quotient of large integers may be beyond float64.
    return math.log2(number.numerator) - math.log2(number.denominator)


def bits_at_best(fmt: Format) -> float:
    """Log2 of the largest quotient of a value and half the distance to the next one.

    >>> import numformats as nf
    >>> bits_at_best(nf.float8_e4m3fn) > 4
    True
    """
    values = fmt.values()
    positive = np.unique(values[np.isfinite(values) & (values > 0)])
    return float(np.log2(positive[:-1] / np.diff(positive)).max() + 1)


def _groups(formats: Sequence[str | Format] | None) -> dict[str, list[Format]]:
    """Formats by the family that they belong to."""
    families = {name: family for family in _FAMILIES for name in list_formats(family)}
    if formats is None:
        listed = [fmt for fmt in NAMED.values() if fmt.bits == 8]
        made = [get_format(f"binary8p{p}sf") for p in range(1, 8)]
        chosen = [*listed, *made, get_format("lns8_4")]
    else:
        chosen = read_formats(formats)
    groups: dict[str, list[Format]] = {}
    for fmt in chosen:
        groups.setdefault(families.get(fmt.name, "others"), []).append(fmt)
    return groups


_FAMILIES: Final = (
    "ieee",
    "ocp",
    "fnuz",
    "p3109",
    "hifloat",
    "posits",
    "takums",
    "logarithmic",
    "integers",
)
