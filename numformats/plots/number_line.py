"""All values of a format on a line, and the field layout of its codes."""

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

    Normal values have long blue marks, subnormal ones short orange ones, zero a circle. What is no
    number (infinities, NaN) is told at the ends and in the title.

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
    if limits is None:
        values = finite_values(fmt)
    else:
        values = values_between(fmt, *_read_limits(limits))
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
    if values.size <= _LABELLED:
        axes.set_xticks(values, [f"{value:g}" for value in values])
    style.without_box(axes, "bottom")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize="small")
    return describe(axes, _in_words(fmt, values, is_subnormal, limits))


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
    return f"{fmt.name}" + (f", and {', '.join(specials)}" if specials else "")


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


def bits(f: str | Format, code: int | None = None, *, ax: Axes | None = None) -> Axes:
    """The layout of a format's codes: a box for each bit, coloured by its field.

    Parameters
    ----------
    f : str or Format
        A format.
    code : int, optional
        A code whose bits stand in the boxes; by default that of 1, or of the value next to it,
        with empty boxes. Where fields have no fixed place (posits, takums, HiFloat8), the layout is
        that of this code.
    ax : matplotlib Axes, optional
        Where to draw, by default a new figure.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import matplotlib; matplotlib.use("Agg")
    >>> import numformats as nf
    >>> len(nf.plots.bits("posit8", 0x4D).patches)
    8
    """
    from matplotlib.patches import Rectangle

    fmt = get_format(f)
    shown = fmt.code_of_step(fmt.step_of(fmt.spacing_at_one * 0 + 1)) if code is None else code
    fields = fmt.reading(shown).fields
    axes = style.new_axes(ax, (max(4.0, 0.42 * fmt.bits), 1.7))
    place = 0
    for i, field in enumerate(fields):
        colour, _ = style.LINES[i % len(style.LINES)]
        for bit in field.bits:
            axes.add_patch(Rectangle((place, 0), 1, 1, facecolor="none", edgecolor=colour, lw=1.8))
            if code is not None:
                axes.text(place + 0.5, 0.5, bit, ha="center", va="center", family="monospace")
            place += 1
        middle, width = place - len(field.bits) / 2, len(field.bits)
        # Names of narrow fields would run into one another in one row.
        height = 1.2 + 0.34 * (i % 3)
        axes.plot([place - width + 0.06, place - 0.06], [1.1, 1.1], color=colour, linewidth=3)
        axes.text(middle, height, f"{field.name} {width}", ha="center", va="bottom", size="small")
    for bit in range(fmt.bits):
        axes.text(bit + 0.5, -0.12, str(fmt.bits - 1 - bit), ha="center", va="top", size="x-small")
    axes.set(xlim=(-0.6, fmt.bits + 0.6), ylim=(-0.5, 2.4), xticks=[], yticks=[])
    title = fmt.name if code is None else f"{fmt.name}, code {shown:#x}"
    axes.set_title(title)
    style.without_box(axes)
    parts = ", ".join(f"{field.name} {len(field.bits)}" for field in fields)
    of = "a code" if code is None else f"code {shown:#x}"
    return describe(
        axes, f"The {fmt.bits} bits of {of} of {fmt.name}, from the highest on: {parts}."
    )
