"""Formats side by side: spacing, error, and range against precision."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike

from numformats.formats.format import Format
from numformats.formats.registry import NAMED, list_formats
from numformats.modes import Stochastic
from numformats.names import get_format
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
    axes.legend(frameon=False)
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
    axes.legend(frameon=False)
    kind = "Relative error" if relative else "Error"
    about = f"{kind} of rounding numbers from {numbers[0]:g} to {numbers[-1]:g}, {rounding}."
    return describe(axes, f"{about} {' '.join(words)}")


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
    placed: dict[tuple[float, float], list[str]] = {}
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
            placed.setdefault((round(point[0], 1), round(point[1], 2)), []).append(fmt.name)
    for (x, y), names in placed.items():
        axes.annotate("\n".join(names), (x, y), (6, 3), textcoords="offset points", size="x-small")
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(lambda number, _: f"{number:g}")
    axes.set(
        xlabel="binades from the smallest positive value to the largest",
        ylabel="significand bits where they are most",
    )
    axes.margins(x=0.12, y=0.1)
    axes.grid(color=style.GREY, alpha=0.3)
    axes.legend(frameon=False, loc="upper right")
    words = "; ".join(
        f"{', '.join(names)}: {x:.0f} binades, {y:.1f} bits" for (x, y), names in placed.items()
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
