"""Laws that every projection keeps, as properties to test.

Each takes a rounding function, from values to values, and numbers, and raises `LawError` with the
sentence that is the law and the number that breaks it. Where a law needs to know the format or the
mode, these are arguments, too. TypeError or ValueError for what is no array of numbers, no format
or no rule, and for results that are not a value for each number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats import codec
from numformats.checks import unknown
from numformats.codec.arguments import read_dtype, read_real
from numformats.formats.format import Format
from numformats.system import require_system
from numformats.testing.comparing import (
    array_given,
    as_float64,
    has_integers_for_fractions,
    results_of,
)
from numformats.testing.decision_points import (
    EVERY_CODE_BITS,
    boundaries,
    boundaries_above,
    finite_values,
    finite_values_by_code,
    ties_of,
)
from numformats.testing.report import exactly

__all__ = [
    "LawError",
    "agreement",
    "containment",
    "exactness",
    "idempotence",
    "monotonicity",
    "nearest_is_nearest",
    "round_is_decode_of_encode",
    "saturation_bounds",
    "sign_symmetry",
    "ties",
]

Array = NDArray[Any]
Floats = NDArray[np.float64]
Rounder = Callable[[Array], Any]

TIE_RULES: Final = ("even", "away", "zero")


class LawError(AssertionError):
    """A law that a function breaks."""


def idempotence(function: Rounder, x: Array) -> None:
    """What has been rounded once is not changed by rounding it again."""
    x = read_real("x", x)
    once = _rounded(function, x)
    again = _rounded(function, _like(once, x))
    _require(idempotence, x, _same(_wide(again), _wide(once)), once)


def monotonicity(function: Rounder, x: Array) -> None:
    """A larger number never becomes a smaller value."""
    x = read_real("x", x)
    ordered = np.sort(x[~np.isnan(_wide(x))])
    rounded = _wide(_rounded(function, ordered))
    numbers = ~np.isnan(rounded)
    kept, ordered = rounded[numbers], ordered[numbers]
    rises = np.concatenate([[True], kept[1:] >= kept[:-1]]) if kept.size else np.empty(0, bool)
    _require(monotonicity, ordered, rises, kept)


def sign_symmetry(function: Rounder, x: Array, mirrored: Rounder | None = None) -> None:
    """Rounding -x gives the negative of rounding x, in the mirrored mode.

    mirrored: the function for the mirrored mode: toward_negative for toward_positive and the other
    way round; the function itself for all other modes.
    """
    x = read_real("x", x)
    if x.dtype.kind == "u":
        raise ValueError(f"x: dtype {x.dtype} has no negative numbers; pass one that has")
    if mirrored is None:
        other = _wide(_rounded(function, -x))
    else:
        other = _wide(_rounded(mirrored, -x, argument="mirrored"))
    rounded = _wide(_rounded(function, x))
    same = (rounded == -other) | (np.isnan(rounded) & np.isnan(other))
    _require(sign_symmetry, x, same, rounded)


def containment(function: Rounder, x: Array, fmt: Format) -> None:
    """Within the range a number becomes one of the two values that enclose it."""
    require_system(fmt)
    x = read_real("x", x)
    near = _Bracket.of(x, fmt)
    rounded = _wide(_rounded(function, x, fmt))
    is_either = (rounded == near.lower) | (rounded == near.upper)
    _require(containment, x, ~near.is_inside | is_either, rounded)


def nearest_is_nearest(function: Rounder, x: Array, fmt: Format) -> None:
    """In a mode to nearest, no value is nearer than the one a number within the range becomes.

    What is nearer, the boundary between the two values says: their mean, or what the format says.
    """
    require_system(fmt)
    x = read_real("x", x)
    near = _Bracket.of(x, fmt)
    rounded = _wide(_rounded(function, x, fmt))
    below = (rounded == near.lower) & (near.side <= 0)
    above = (rounded == near.upper) & (near.side >= 0)
    _require(nearest_is_nearest, x, ~near.is_inside | below | above, rounded)


def ties(function: Rounder, fmt: Format, dtype: Any = np.float64, rule: str = "even") -> None:
    """The middle of two values becomes the one that the rule for ties names.

    rule: "even" (of the codes), "away" (from zero) or "zero". The middle is the boundary between
    the two; where the dtype does not hold it, it is left out.
    """
    require_system(fmt)
    if not isinstance(rule, str) or rule not in TIE_RULES:
        raise ValueError(unknown("rule", str(rule), TIE_RULES))
    found = ties_of(fmt)
    middle, held = _held(found.boundary, dtype)
    lower, upper = found.lower[held], found.upper[held]
    is_even = _codes(upper, fmt) % 2 == 0
    towards_upper = {"even": is_even, "away": _wide(middle) > 0, "zero": _wide(middle) < 0}[rule]
    # Where a table has two even codes, or two odd ones, side by side, the rule names neither.
    is_named = (is_even != (_codes(lower, fmt) % 2 == 0)) | (rule != "even")
    rounded = _wide(_rounded(function, middle, fmt))
    right = rounded == np.where(towards_upper, upper, lower)
    _require(ties, middle, ~is_named | right, rounded)


def exactness(function: Rounder, fmt: Format, dtype: Any = np.float64) -> None:
    """Every value of the format becomes itself, zeros keeping their sign.

    Of formats of more than 16 bits, some thousand values stand for all.
    """
    require_system(fmt)
    values, _ = _held(finite_values_by_code(fmt), dtype)
    rounded = _wide(_rounded(function, values, fmt))
    _require(exactness, values, _same(rounded, _wide(values)), rounded)


def saturation_bounds(function: Rounder, x: Array, fmt: Format) -> None:
    """Under saturation "finite" every number ends within the format's range."""
    require_system(fmt)
    x = read_real("x", x)
    rounded = _wide(_rounded(function, x, fmt))
    inside = ((rounded >= fmt.min) & (rounded <= fmt.max)) | np.isnan(_wide(x))
    _require(saturation_bounds, x, inside, rounded)


def round_is_decode_of_encode(
    function: Rounder, encode: Rounder, decode: Callable[[Any], Any], x: Array
) -> None:
    """Rounding gives the value of the code that encoding gives."""
    x = read_real("x", x)
    rounded = _wide(_rounded(function, x))
    codes = array_given(results_of(encode, x), x, "code", "encode: its result")
    decoded = _wide(_rounded(decode, codes, argument="decode"))
    _require(round_is_decode_of_encode, x, _same(rounded, decoded), rounded)


def agreement(function: Rounder, narrow: Format, wide: Format) -> None:
    """A format that contains another changes none of the other's values.

    function: the rounding of the containing format, `wide`; `narrow` is the contained one.
    ValueError if it is not.
    """
    require_system(narrow, "narrow")
    require_system(wide, "wide")
    values = finite_values(narrow)
    if not np.isin(values, finite_values(wide)).all():
        raise ValueError(f"wide: {wide.name} does not contain {narrow.name}")
    rounded = _wide(_rounded(function, values, wide))
    _require(agreement, values, rounded == values, rounded)


def _rounded(
    function: Rounder, x: Array, fmt: Format | None = None, argument: str = "function"
) -> Array:
    """What a function makes of numbers: a value for each."""
    subject = f"{argument}: its result"
    array = array_given(results_of(function, x), x, "value", subject)
    if fmt is not None and x.dtype.kind not in "iu" and has_integers_for_fractions(array, fmt):
        raise TypeError(
            f"{subject} has dtype {array.dtype}, and values of {fmt.name} have fractions; a law is "
            "about values: decode codes first"
        )
    as_float64(array, subject)
    return array


def _require(law: Callable[..., None], x: Array, holds: Any, rounded: Array) -> None:
    broken = np.flatnonzero(~np.asarray(holds))
    if broken.size:
        i = broken[np.argmin(np.abs(_wide(x).ravel()[broken]))]
        sentence = str(law.__doc__).partition("\n")[0]
        number, value = exactly(x.ravel()[i]), exactly(float(rounded.ravel()[i]))
        raise LawError(f"{sentence} But {number} became {value}.")


def _held(values: Floats, dtype: Any) -> tuple[Array, NDArray[np.bool_]]:
    """Those values that a dtype holds, in it, and which they are."""
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = values.astype(read_dtype(dtype))
    is_held = narrow.astype(np.float64) == values
    return narrow[is_held], is_held


@dataclass(frozen=True)
class _Bracket:
    """Numbers, the two values that enclose each (or the one it is), on which side of the boundary
    between these it lies (-1 below, 0 on it, 1 above), and whether it is within the range at all.
    """

    x: Floats
    lower: Floats
    upper: Floats
    side: Floats
    is_inside: NDArray[np.bool_]

    @classmethod
    def of(cls, numbers: Array, fmt: Format) -> _Bracket:
        x = _wide(numbers)
        is_inside = (x >= fmt.min) & (x <= fmt.max)
        if fmt.bits > EVERY_CODE_BITS:  # whose values are not all at hand
            finite = np.where(is_inside, x, fmt.max)
            lower, upper = (
                codec.decode(codec.encode(finite, fmt, mode), fmt, np.float64)
                for mode in ("toward_negative", "toward_positive")
            )
            side = np.zeros_like(x)
            between = lower < upper
            middle = _middles(lower[between], upper[between], fmt)
            side[between] = _sign_between(x[between], *middle)
            return cls(x, lower, upper, side, is_inside)
        values = finite_values(fmt)
        place = np.clip(np.searchsorted(values, x), 0, len(values) - 1)
        upper = values[place]
        lower = np.where(upper == x, upper, values[np.maximum(place - 1, 0)])
        nearest, rest = (part[place - 1] for part in boundaries(fmt))
        side = np.where(lower == upper, 0, _sign_between(x, nearest, rest))
        return cls(x, lower, upper, side, is_inside)


def _middles(lower: Floats, upper: Floats, fmt: Format) -> tuple[Floats, Floats | float]:
    if fmt.lattice is not None:
        return lower / 2 + upper / 2, 0.0
    return boundaries_above(lower, fmt)


def _sign_between(x: Floats, boundary: Floats, rest: Floats | float) -> Floats:
    """The signs of numbers less boundaries, which are sums of two float64."""
    # A difference may leave the range of float64: infinity has its sign.
    with np.errstate(invalid="ignore", over="ignore"):
        return np.where(x == boundary, -np.sign(rest), np.sign(x - boundary))


def _codes(values: Floats, fmt: Format) -> Array:
    return np.asarray(codec.encode(values, fmt)).astype(np.int64)


def _like(values: Array, x: Array) -> Array:
    """Values in the dtype of the inputs, if that holds them all."""
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = values.astype(x.dtype)
    return narrow if _same(_wide(narrow), _wide(values)).all() else values


def _wide(x: Any) -> Floats:
    with np.errstate(invalid="ignore"):
        return np.asarray(x).astype(np.float64)


def _same(a: Floats, b: Floats) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = (a == b) & (np.signbit(a) == np.signbit(b))
    return same | (np.isnan(a) & np.isnan(b))


def __dir__() -> list[str]:
    return list(__all__)
