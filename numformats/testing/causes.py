"""Why an implementation is wrong: the usual suspects, each recognized by where it shows."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats import codec
from numformats.formats.format import Format
from numformats.modes import DETERMINISTIC, RoundingMode, random_bit_count
from numformats.testing.decision_points import boundaries, finite_values

Array = NDArray[Any]
Floats = NDArray[np.float64]

CAUSES: Final = (
    "NaN",
    "signed zero",
    "double rounding",
    "directed sign",
    "overflow",
    "ties",
    "subnormals",
    "carry",
    "other",
)


# Each mode that goes by the sign, and the one that does for positive numbers what it does for
# negative ones.
_MIRRORED: Final[dict[RoundingMode, RoundingMode]] = {
    name: other
    for name, mode in DETERMINISTIC.items()
    for other, mirror in DETERMINISTIC.items()
    if mode.negative is not None
    and (mode.from_even, mode.negative) == (mirror.negative, mirror.from_even)
}


def classify(
    x: Array,
    expected: Floats,
    given: Floats,
    fmt: Format,
    rounding: RoundingMode,
    saturation: str,
) -> Array:
    """The likeliest cause of each mismatch: an array of words from `CAUSES`.

    x: the inputs; expected, given: what they should have become, and what they did.
    """
    with np.errstate(invalid="ignore"):
        wide = x.astype(np.float64)
    values = finite_values(fmt)
    place = np.clip(np.searchsorted(values, wide), 1, len(values) - 1)
    nearest, rest = (part[place - 1] for part in boundaries(fmt))
    with np.errstate(invalid="ignore", over="ignore"):
        found = {
            "NaN": np.isnan(wide) | (np.isnan(given) & np.isfinite(expected)),
            "signed zero": (expected == given) & (expected == 0),
            "double rounding": _agrees_after_float32(x, given, fmt, rounding, saturation),
            "directed sign": _agrees_with_mirrored_mode(x, given, fmt, rounding, saturation),
            "overflow": (wide > values[-1]) | (wide < values[0]) | ~np.isfinite(given),
            "ties": (wide == nearest) & (rest == 0),
            "subnormals": (np.abs(wide) < fmt.smallest_normal) & fmt.has_subnormals,
            "carry": _is_power_of_two(expected) & (np.abs(expected) > np.abs(wide)),
        }
    return np.select(list(found.values()), list(found.keys()), "other")


def _agrees_after_float32(
    x: Array, given: Floats, fmt: Format, rounding: RoundingMode, saturation: str
) -> NDArray[np.bool_]:
    """Whether what was given is right for the input rounded to float32 first."""
    is_narrow = x.dtype.itemsize <= 4 and x.dtype.kind not in "iu"
    if is_narrow or random_bit_count(rounding):
        return np.zeros(x.shape, np.bool_)
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = x.astype(np.float32)
    return _same(_projected(narrow, fmt, rounding, saturation), given)


def _agrees_with_mirrored_mode(
    x: Array, given: Floats, fmt: Format, rounding: RoundingMode, saturation: str
) -> NDArray[np.bool_]:
    """Whether what was given is right in the mode with the sign the other way round."""
    if rounding not in _MIRRORED:
        return np.zeros(x.shape, np.bool_)
    return _same(_projected(x, fmt, _MIRRORED[rounding], saturation), given)


def _projected(x: Array, fmt: Format, rounding: RoundingMode, saturation: str) -> Floats:
    is_number = ~np.isnan(x.astype(np.float64))
    if saturation == "wrap":
        is_number &= np.isfinite(x.astype(np.float64))
    codes = codec.encode(np.where(is_number, x, 0).astype(x.dtype), fmt, rounding, saturation)
    values = codec.decode(codes, fmt, dtype=np.float64)
    return np.where(is_number, values, np.nan)


def _same(a: Floats, b: Floats) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = a == b
    return same | (np.isnan(a) & np.isnan(b))


def _is_power_of_two(x: Floats) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = np.abs(np.frexp(x)[0]) == 0.5
    return found
