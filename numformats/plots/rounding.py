"""What rounding does: the staircase of a mode, and one number between its neighbours."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from numformats.formats.format import Format
from numformats.irrational import Irrational
from numformats.modes import parse_rounding, random_bit_count
from numformats.names import get_format
from numformats.plots import style
from numformats.plots.alternatives import describe
from numformats.plots.values import Floats, values_between

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Numbers drawn between two values, of which the middle one is left out.
_BETWEEN: Final = 64


def rounding_function(
    f: str | Format,
    rounding: str = "nearest_even",
    limits: tuple[float, float] | None = None,
    *,
    saturation: str = "none",
    ax: Axes | None = None,
) -> Axes:
    """What each real number becomes: the staircase of a rounding mode, beside the diagonal.

    Dots are the values of the format, which stay as they are.

    Parameters
    ----------
    f : str or Format
        A format.
    rounding, saturation : str
        The modes; a random rounding mode has no such function.
    limits : tuple of float, optional
        The numbers to draw; by default all values, and a little beyond, of formats of at most 6
        bits; else from -2 to 2, or 0 to 2.
    ax : matplotlib Axes, optional
        Where to draw, by default a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    TypeError, ValueError
        For an unknown format or mode, a random one, and more than 4096 values in the limits.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("Agg")
    >>> import numformats as nf
    >>> ax = nf.plots.rounding_function("float4_e2m1fn", "toward_zero", (0, 6))
    >>> ax.lines[1].get_xdata().tolist()
    [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]
    """
    fmt = get_format(f)
    if random_bit_count(parse_rounding(rounding)):
        raise ValueError(f"rounding: {rounding!r} is random: a number has no one result")
    low, high = _default_limits(fmt) if limits is None else (float(end) for end in limits)
    if not -math.inf < low < high < math.inf:
        raise ValueError(f"limits: {limits!r}; expected a smaller and a larger finite number")
    values = values_between(fmt, low, high, 4096)
    axes = style.new_axes(ax, (5.4, 5.0))
    numbers = _dense(values, low, high)
    results = _rounded(fmt, numbers, rounding, saturation)
    # A jump is no line: where results change, nothing is drawn.
    breaks = np.flatnonzero(np.diff(results) != 0) + 1
    axes.plot(
        np.insert(numbers, breaks, np.nan),
        np.insert(results, breaks, np.nan),
        color=style.BLUE,
        linewidth=2,
        label=f"{rounding}",
    )
    axes.plot(values, values, "o", color=style.ORANGE, markersize=4, label="values", zorder=3)
    axes.plot([low, high], [low, high], color=style.GREY, linestyle=":", label="no rounding")
    axes.set(xlabel="number", ylabel="result", xlim=(low, high), title=fmt.name)
    axes.grid(color=style.GREY, alpha=0.3)
    axes.legend(frameon=False, loc="upper left")
    about = f"The staircase of {rounding} in {fmt.name} from {low:g} to {high:g}: "
    return describe(axes, f"{about}{values.size} values, each the level of a step.")


def _default_limits(fmt: Format) -> tuple[float, float]:
    if fmt.bits <= 6:
        beyond = (fmt.max - fmt.min) / 16
        return fmt.min - beyond * fmt.signed, fmt.max + beyond
    return (-2.0 if fmt.signed else 0.0), 2.0


def _dense(values: Floats, low: float, high: float) -> Floats:
    """Numbers between the values, close to them and to the middle on both sides."""
    ends = np.unique(np.concatenate([[low], values, [high]]))
    parts = np.linspace(0, 1, _BETWEEN + 1)
    parts = np.unique(np.concatenate([parts, [1e-9, 0.5 - 1e-9, 0.5 + 1e-9, 1 - 1e-9]]))
    inner = ends[:-1, None] + np.diff(ends)[:, None] * parts[None, :]
    return np.unique(inner.ravel())


def _rounded(fmt: Format, numbers: Floats, rounding: str, saturation: str) -> Floats:
    results = np.asarray(fmt.round(numbers, rounding, saturation), np.float64)
    # Infinities are beyond the picture.
    return np.where(np.isinf(results), np.nan, results)


def rounding_step(
    number: Fraction,
    lower: Fraction,
    upper: Fraction,
    boundary: Fraction | Irrational | None,
    result: Fraction,
    *,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """One number between its two neighbours, the boundary, and where it goes.

    number, lower, upper, result: exactly; boundary: where rounding to nearest changes sides. What
    `Explanation.plot` draws.
    """
    axes = style.new_axes(ax, (7.5, 1.8))
    width = upper - lower
    place, taken = float((number - lower) / width), float((result - lower) / width)
    ink = style.ink()
    axes.plot([0, 1], [0, 0], color=ink, linewidth=1)
    axes.plot([0, 1], [0, 0], "|", color=style.BLUE, markersize=22, markeredgewidth=2.5)
    if boundary is not None:
        at = float((_as_fraction(boundary) - lower) / width)
        axes.plot([at], [0], "|", color=style.GREY, markersize=16, markeredgewidth=1.5)
        axes.annotate("boundary", (at, 0), (0, -24), **_BELOW, color=style.GREY)
    axes.annotate(
        "",
        (taken, 0.28),
        (place, 0.28),
        arrowprops={"arrowstyle": "->", "color": style.ORANGE, "linewidth": 2},
    )
    axes.plot([place], [0], "D", color=style.ORANGE, markersize=7)
    axes.annotate(_text(number), (place, 0), (0, 26), **_BELOW, color=style.ORANGE)
    for end, value in ((0, lower), (1, upper)):
        axes.annotate(_text(value), (end, 0), (0, -24), **_BELOW, color=ink)
    axes.set(xlim=(-0.15, 1.15), ylim=(-0.6, 0.75), xticks=[], yticks=[])
    axes.set_title(title, fontsize="medium")
    style.without_box(axes)
    side = "upper" if taken == 1 else "lower"
    about = f"{_text(number)} lies {place:.3g} of the way up from {_text(lower)} to "
    return describe(axes, f"{about}{_text(upper)}, and goes to the {side} one.")


_BELOW: Final[dict[str, Any]] = {"textcoords": "offset points", "ha": "center", "size": "small"}


def _as_fraction(number: Fraction | Irrational) -> Fraction:
    return number if isinstance(number, Fraction) else Fraction(float(number))


def _text(number: Fraction) -> str:
    return f"{float(number):.9g}"
