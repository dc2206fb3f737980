"""Formats side by side: the distance of their values, and the errors of rounding to them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike

from numformats.formats.format import Format
from numformats.modes import Stochastic
from numformats.plots import style
from numformats.plots.alternatives import describe
from numformats.plots.values import Floats, read_formats, spacing_at

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# What `spacing` draws by default, as powers of two.
_RANGE: Final = (-20, 20)
_POINTS: Final = 16


def spacing(
    formats: str | Format | Iterable[str | Format],
    limits: tuple[float, float] | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """The distance of neighbouring values (ulp) against the magnitude, both as powers of two.

    A float rises in steps of one binade, on a slope of 1; its subnormals and integers are flat;
    posits and takums rise faster the farther they are from 1.

    Parameters
    ----------
    formats : formats or names of such
        What to compare.
    limits : tuple of float, optional
        The magnitudes to draw, by default from 2**-20 to 2**20.
    ax : matplotlib Axes, optional
        Where to draw, by default a new figure.

    Returns
    -------
    matplotlib Axes
        Both axes hold logarithms to base 2.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("Agg")
    >>> import numformats as nf
    >>> ax = nf.plots.spacing(["e4m3fn", "e5m2", "posit8"])
    >>> [line.get_label() for line in ax.lines]
    ['float8_e4m3fn', 'float8_e5m2', 'posit8']
    """
    found = read_formats(formats)
    low, high = _RANGE if limits is None else _logarithms(limits)
    axes = style.new_axes(ax, (7.0, 4.2))
    # Not at powers of two, where the spacing jumps, but just beyond, and just below the next.
    count = math.ceil((high - low) * _POINTS) + 1
    exponents = np.linspace(low, high, count) + 2.0**-20
    ends = []
    for place, fmt in enumerate(found):
        with np.errstate(invalid="ignore"):
            distances = np.log2(spacing_at(fmt, np.exp2(exponents)))
        style_of = style.line_style(place)
        axes.plot(exponents, distances, label=fmt.name, **style_of, linewidth=1.8)
        ends.append(_spacing_in_words(fmt, exponents, distances))
    axes.set(xlabel="magnitude", ylabel="distance of neighbours (ulp)", xlim=(low, high))
    style.powers_of_two(axes, "x")
    style.powers_of_two(axes, "y")
    axes.grid(color=style.GREY, alpha=0.3)
    axes.legend(frameon=False, loc="upper left")
    return describe(axes, f"Distance of neighbouring values against magnitude. {' '.join(ends)}")


def _logarithms(limits: Any) -> tuple[float, float]:
    low, high = (float(end) for end in limits)
    if not 0 < low < high < math.inf:
        raise ValueError(f"limits: {limits!r}; expected a smaller and a larger positive number")
    return math.log2(low), math.log2(high)


def _spacing_in_words(fmt: Format, exponents: Floats, distances: Floats) -> str:
    known = np.isfinite(distances)
    if not known.any():
        return f"{fmt.name}: none here."
    first, last = exponents[known][[0, -1]]
    low, high = distances[known].min(), distances[known].max()
    return (
        f"{fmt.name}: from 2**{low:.0f} to 2**{high:.0f}, for magnitudes from 2**{first:.0f} to "
        f"2**{last:.0f}."
    )


def error_curve(
    x: ArrayLike,
    formats: str | Format | Iterable[str | Format],
    rounding: str | Stochastic = "nearest_even",
    *,
    relative: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """The error of rounding each of some numbers, in each of some formats.

    Parameters
    ----------
    x : array_like of float
        Numbers; they are drawn in their order.
    formats : formats or names of such
        What to compare. Each number is rounded with saturation ``finite``.
    rounding : str
        A deterministic rounding mode.
    relative : bool
        Whether errors are divided by the numbers; zeros are left out then.
    ax : matplotlib Axes, optional
        Where to draw, by default a new figure.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import matplotlib; matplotlib.use("Agg")
    >>> import numformats as nf
    >>> import numpy as np
    >>> ax = nf.plots.error_curve(np.linspace(1, 4, 301), ["e4m3fn", "e5m2"])
    >>> bool(abs(ax.lines[0].get_ydata()).max() <= 2.0**-4)
    True
    """
    numbers = np.sort(np.asarray(x, np.float64).ravel())
    if not np.isfinite(numbers).all():
        raise ValueError("x: numbers that are not finite have no error to draw")
    if relative:
        numbers = numbers[numbers != 0]
    if not numbers.size:
        raise ValueError("x: no numbers to draw")
    found = read_formats(formats)
    axes = style.new_axes(ax, (7.0, 3.6))
    words = []
    for place, fmt in enumerate(found):
        errors = fmt.round(numbers, rounding, "finite") - numbers
        if relative:
            errors = errors / np.abs(numbers)
        axes.plot(numbers, errors, label=fmt.name, **style.line_style(place), linewidth=1.4)
        words.append(f"{fmt.name} at most {np.abs(errors).max():.3g}.")
    axes.axhline(0, color=style.ink(), linewidth=0.8)
    axes.set(xlabel="number", ylabel="relative error" if relative else "error")
    axes.grid(color=style.GREY, alpha=0.3)
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=4)
    kind = "Relative error" if relative else "Error"
    about = f"{kind} of rounding numbers from {numbers[0]:g} to {numbers[-1]:g}, {rounding}."
    return describe(axes, f"{about} {' '.join(words)}")
