"""Laws that every projection keeps, as properties to test.

Each takes a rounding function, from values to values, and numbers, and raises `LawError` with the
sentence that is the law and the number that breaks it. Where a law needs to know the format or the
mode, these are arguments, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numformats import codec
from numformats.formats.base import Format
from numformats.testing.points import finite_values
from numformats.testing.report import exactly

Array = NDArray[Any]
Floats = NDArray[np.float64]
Rounder = Callable[[Array], Any]


class LawError(AssertionError):
    """A law that a function breaks."""


def idempotence(function: Rounder, x: Array) -> None:
    """What has been rounded once is not changed by rounding it again."""
    once = function(x)
    _require(idempotence, x, _same(_wide(function(_like(once, x))), _wide(once)), _wide(once))


def monotonicity(function: Rounder, x: Array) -> None:
    """A larger number never becomes a smaller value."""
    ordered = np.sort(x[~np.isnan(_wide(x))])
    rounded = _wide(function(ordered))
    numbers = ~np.isnan(rounded)
    kept, ordered = rounded[numbers], ordered[numbers]
    rises = np.concatenate([[True], kept[1:] >= kept[:-1]]) if kept.size else np.empty(0, bool)
    _require(monotonicity, ordered, rises, kept)


def sign_symmetry(function: Rounder, x: Array, mirrored: Rounder | None = None) -> None:
    """Rounding -x gives the negative of rounding x, in the mirrored mode.

    mirrored: the function for the mirrored mode: toward_negative for toward_positive and the other
    way round; the function itself for all other modes.
    """
    other = _wide((function if mirrored is None else mirrored)(-x))
    rounded = _wide(function(x))
    same = (rounded == -other) | (np.isnan(rounded) & np.isnan(other))
    _require(sign_symmetry, x, same, rounded)


def containment(function: Rounder, x: Array, fmt: Format) -> None:
    """Within the range a number becomes one of the two values that enclose it."""
    lower, upper, wide = _bracket(x, fmt)
    rounded = _wide(function(x))
    inside = (wide >= fmt.min) & (wide <= fmt.max)
    _require(containment, x, ~inside | (rounded == lower) | (rounded == upper), rounded)


def nearest_is_nearest(function: Rounder, x: Array, fmt: Format) -> None:
    """In a mode to nearest, no value is nearer than the one a number within the range becomes."""
    lower, upper, wide = _bracket(x, fmt)
    rounded = _wide(function(x))
    inside = (wide >= fmt.min) & (wide <= fmt.max)
    half = lower / 2 + upper / 2
    right = ((rounded == lower) & (wide <= half)) | ((rounded == upper) & (wide >= half))
    _require(nearest_is_nearest, x, ~inside | right, rounded)


def ties(function: Rounder, fmt: Format, dtype: Any = np.float64, rule: str = "even") -> None:
    """The middle of two values becomes the one that the rule for ties names.

    rule: "even" (of the codes), "away" (from zero) or "zero". Where the dtype does not hold a
    middle, it is left out.
    """
    values = finite_values(fmt)
    lower, upper = values[:-1], values[1:]
    middle = lower / 2 + upper / 2
    held = middle.astype(dtype).astype(np.float64) == middle
    lower, upper, middle = lower[held], upper[held], middle[held]
    towards_upper = {
        "even": _codes(upper, fmt) % 2 == 0,
        "away": middle > 0,
        "zero": middle < 0,
    }[rule]
    rounded = _wide(function(middle.astype(dtype)))
    _require(ties, middle, rounded == np.where(towards_upper, upper, lower), rounded)


def exactness(function: Rounder, fmt: Format, dtype: Any = np.float64) -> None:
    """Every value of the format becomes itself, zeros keeping their sign."""
    values = _wide(codec.decode(np.arange(2**fmt.bits, dtype=np.uint32), fmt, dtype=np.float64))
    values = values[(values >= fmt.min) & (values <= fmt.max)]
    held = values.astype(dtype).astype(np.float64) == values
    rounded = _wide(function(values[held].astype(dtype)))
    _require(exactness, values[held], _same(rounded, values[held]), rounded)


def saturation_bounds(function: Rounder, x: Array, fmt: Format) -> None:
    """Under saturation "finite" every number ends within the format's range."""
    rounded = _wide(function(x))
    inside = ((rounded >= fmt.min) & (rounded <= fmt.max)) | np.isnan(_wide(x))
    _require(saturation_bounds, x, inside, rounded)


def round_is_decode_of_encode(
    function: Rounder, encode: Rounder, decode: Callable[[Any], Any], x: Array
) -> None:
    """Rounding gives the value of the code that encoding gives."""
    rounded = _wide(function(x))
    _require(round_is_decode_of_encode, x, _same(rounded, _wide(decode(encode(x)))), rounded)


def agreement(function: Rounder, narrow: Format, wide: Format) -> None:
    """A format that contains another changes none of the other's values.

    function: the rounding of the containing format, `wide`; `narrow` is the contained one.
    ValueError if it is not.
    """
    values = finite_values(narrow)
    if not np.isin(values, finite_values(wide)).all():
        raise ValueError(f"wide: {wide.name} does not contain {narrow.name}")
    rounded = _wide(function(values))
    _require(agreement, values, rounded == values, rounded)


def _require(law: Callable[..., None], x: Array, holds: Any, rounded: Floats) -> None:
    broken = np.flatnonzero(~np.asarray(holds))
    if broken.size:
        i = broken[np.argmin(np.abs(_wide(x)[broken]))]
        sentence = str(law.__doc__).partition("\n")[0]
        raise LawError(f"{sentence} But {exactly(x[i])} became {exactly(float(rounded[i]))}.")


def _bracket(x: Array, fmt: Format) -> tuple[Floats, Floats, Floats]:
    wide, values = _wide(x), finite_values(fmt)
    above = np.clip(np.searchsorted(values, wide), 0, len(values) - 1)
    exact = values[above] == wide
    lower = np.where(exact, values[above], values[np.maximum(above - 1, 0)])
    return lower, values[above], wide


def _codes(values: Floats, fmt: Format) -> Array:
    return np.asarray(codec.encode(values, fmt)).astype(np.int64)


def _like(rounded: Any, x: Array) -> Array:
    """Values in the dtype of the inputs, if that holds them all."""
    values = np.asarray(rounded)
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = values.astype(x.dtype)
    return narrow if _same(_wide(narrow), _wide(values)).all() else values


def _wide(x: Any) -> Floats:
    with np.errstate(invalid="ignore"):
        return np.asarray(x).astype(np.float64)


def _same(a: Floats, b: Floats) -> NDArray[np.bool_]:
    return ((a == b) & (np.signbit(a) == np.signbit(b))) | (np.isnan(a) & np.isnan(b))
