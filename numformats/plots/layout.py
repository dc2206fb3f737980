"""The field layout of a code."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from numformats.formats.format import Format
from numformats.names import get_format
from numformats.plots import style
from numformats.plots.alternatives import describe

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Boxes that a letter of a label takes.
_LETTER: Final = 0.16


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
    fmt = get_format(f)
    shown = fmt.code_of_step(fmt.step_of(Fraction(1))) if code is None else code
    fields = fmt.reading(shown).fields
    axes = style.new_axes(ax, (max(4.0, 0.42 * fmt.bits), 1.7))
    from matplotlib.patches import Rectangle

    place, taken = 0, list[tuple[int, float]]()
    for i, field in enumerate(fields):
        colour, _ = style.LINES[i % len(style.LINES)]
        for bit in field.bits:
            axes.add_patch(Rectangle((place, 0), 1, 1, facecolor="none", edgecolor=colour, lw=1.8))
            if code is not None:
                axes.text(place + 0.5, 0.5, bit, ha="center", va="center", family="monospace")
            place += 1
        middle, width = place - len(field.bits) / 2, len(field.bits)
        label = f"{field.name} {width}"
        row = _row_for(middle, label, taken)
        axes.plot([place - width + 0.06, place - 0.06], [1.1, 1.1], color=colour, linewidth=3)
        axes.text(middle, 1.2 + 0.36 * row, label, ha="center", va="bottom", size="small")
    for number in range(fmt.bits):
        axes.text(
            number + 0.5, -0.12, f"{fmt.bits - 1 - number}", ha="center", va="top", size="x-small"
        )
    axes.set(xlim=(-0.6, fmt.bits + 0.6), ylim=(-0.5, 2.4), xticks=[], yticks=[])
    title = fmt.name if code is None else f"{fmt.name}, code {shown:#x}"
    axes.set_title(title)
    style.without_box(axes)
    parts = ", ".join(f"{field.name} {len(field.bits)}" for field in fields)
    of = "a code" if code is None else f"code {shown:#x}"
    return describe(
        axes, f"The {fmt.bits} bits of {of} of {fmt.name}, from the highest on: {parts}."
    )


def _row_for(middle: float, label: str, taken: list[tuple[int, float]]) -> int:
    """The lowest row in which a label does not run into one before it; `taken` has where those of
    each row end, and gets this one.
    """
    half = _LETTER * len(label) / 2
    row = 0
    while any(other == row and end > middle - half for other, end in taken):
        row += 1
    taken.append((row, middle + half))
    return row
