"""All values of a format on a line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from numformats.formats.format import Format
from numformats.names import get_format
from numformats.plots import style
from numformats.plots.alternatives import describe
from numformats.plots.values import Floats, finite_values, subnormal_mask, values_between

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HEIGHTS: Final = {"normal": 1.0, "subnormal": 0.6}
# Of values with labels, if there are no more.
_LABELLED: Final = 17


def number_line(
    f: str | Format,
    limits: tuple[float, float] | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Every value of a format as a mark on the number line.

    Normal values have long blue marks, subnormal ones short orange ones, zero a circle, infinities
    arrows at the ends. What has no place on the line (-0, NaN) is told in the title.

    Parameters
    ----------
    f : str or Format
        A format of at most 16 bits; a wider one needs `limits`.
    limits : tuple of float, optional
        The part of the line to draw, by default all of it.
    ax : matplotlib Axes, optional
        Where to draw, by default a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    TypeError, ValueError
        For an unknown format, limits that are none, and more than 65536 values. ModuleNotFoundError
        without matplotlib.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("Agg")
    >>> import numformats as nf
    >>> ax = nf.plots.number_line("float4_e2m1fn", (0, 6))
    >>> len(ax.collections[0].get_segments())
    6
    """
    fmt = get_format(f)
    values = finite_values(fmt) if limits is None else values_between(fmt, *_read_limits(limits))
    axes = style.new_axes(ax, (8.0, 1.6))
    is_subnormal = subnormal_mask(fmt, values)
    is_normal = (values != 0) & ~is_subnormal
    for name, mask, colour in (
        ("normal", is_normal, style.BLUE),
        ("subnormal", is_subnormal, style.ORANGE),
    ):
        if mask.any() or name == "normal":
            # Dense marks are thin, so that they do not run into one another.
            width = 1.4 if values.size <= 300 else 0.5
            axes.vlines(values[mask], 0, _HEIGHTS[name], color=colour, linewidth=width, label=name)
    if (values == 0).any():
        axes.plot([0], [0], "o", color=style.ink(), fillstyle="none", clip_on=False, label="zero")
    axes.axhline(0, color=style.ink(), linewidth=0.8)
    axes.set(ylim=(-0.1, 1.15), yticks=[], xlabel="value", title=_title(fmt))
    if limits is not None:
        axes.set_xlim(*limits)
    elif fmt.has_inf:
        _mark_infinities(axes, fmt)
    if values.size <= _LABELLED:
        axes.set_xticks(values, [f"{value:g}" for value in values])
    style.without_box(axes, "bottom")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize="small")
    return describe(axes, _in_words(fmt, values, is_subnormal, limits))


def _mark_infinities(axes: Axes, fmt: Format) -> None:
    """Arrows at the ends of the line."""
    across = axes.get_yaxis_transform()
    ends = [(1.0, ">")] + [(0.0, "<")] * fmt.signed
    for place, marker in ends:
        label = "infinity" if marker == ">" else None
        axes.plot(
            *([place], [0.0], marker),
            color=style.GREEN,
            markersize=9,
            clip_on=False,
            transform=across,
            label=label,
        )


def _read_limits(limits: Any) -> tuple[float, float]:
    try:
        low, high = (float(end) for end in limits)
    except (TypeError, ValueError):
        raise TypeError(f"limits: expected two numbers, got {limits!r}") from None
    if not -math.inf < low < high < math.inf:
        raise ValueError(f"limits: {limits!r}; expected a smaller and a larger finite number")
    return low, high


def _specials(fmt: Format) -> list[str]:
    found = ["-0"] * fmt.has_negative_zero
    if fmt.has_inf:
        found.append("infinity" if not fmt.signed else "both infinities")
    return found + ["NaN"] * fmt.has_nan


def _title(fmt: Format) -> str:
    specials = _specials(fmt)
    return f"{fmt.name}" + (f" (and {', '.join(specials)})" if specials else "")


def _in_words(
    fmt: Format, values: Floats, is_subnormal: Any, limits: tuple[float, float] | None
) -> str:
    where = "" if limits is None else f" from {limits[0]:g} to {limits[1]:g}"
    about = f"The number line of {fmt.name}{where}: {values.size} values"
    if values.size:
        about += f" from {values[0]:g} to {values[-1]:g}"
    if is_subnormal.any():
        about += f", {np.count_nonzero(is_subnormal)} of them subnormal"
    specials = _specials(fmt)
    return f"{about}. Not on the line: {', '.join(specials)}." if specials else f"{about}."
