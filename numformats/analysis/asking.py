"""What a comparison is asked for, parsed once, and the trials that this makes of an array."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

import numpy as np

from numformats import exact
from numformats.analysis.measuring import Manner, Trial, trial_of_blocks
from numformats.analysis.streaming import Survey
from numformats.codec.random_bits import RandomSource, key_of
from numformats.codec.values import require_dtype
from numformats.formats.format import Format
from numformats.formats.ieee import float32
from numformats.modes import (
    Modes,
    Stochastic,
    parse_rounding,
    parse_saturation,
    random_bit_count,
)
from numformats.scaled.catalogue import element_of, find
from numformats.scaled.formats import ScaledFormat

# Of the scale that all values of a tensor share.
SCALE_BITS: Final = 32
# Scaled formats split each axis in two, and NumPy has no more than 64.
_MOST_AXES: Final = 32


@dataclass(frozen=True)
class Asked:
    """The arguments of `compare` but for the array.

    key: of the random bits, if the modes need any; else 0.
    """

    formats: tuple[Format | ScaledFormat, ...]
    modes: Modes
    key: int = 0
    by_channel: bool = False

    @classmethod
    def of(
        cls,
        formats: Iterable[str | Format | ScaledFormat],
        rounding: str | Stochastic,
        saturation: str,
        rng: RandomSource,
        by_channel: bool,
    ) -> Asked:
        """From words; TypeError and ValueError for those that make no sense."""
        chosen = tuple(find(name) for name in _require_list(formats))
        mode, saturation_mode = parse_rounding(rounding), parse_saturation(saturation)
        if saturation_mode == "wrap":
            raise ValueError("saturation: 'wrap' makes errors of whole ranges; choose another mode")
        for fmt in chosen:
            require_dtype(element_of(fmt), np.dtype(np.float64))
        key = key_of(rng) if random_bit_count(mode) else 0
        return cls(chosen, Modes(mode, saturation_mode), key, by_channel)

    def require_fit(self, shape: tuple[int, ...]) -> None:
        """Refuse, with ValueError, arrays of too many axes or too few."""
        if len(shape) > _MOST_AXES and any(element_of(fmt) != fmt for fmt in self.formats):
            raise ValueError(
                f"x: {len(shape)} axes, and scaled formats take up to {_MOST_AXES}; reshape it"
            )
        if self.by_channel and len(shape) < 2:
            raise ValueError(f"by_channel: an array of shape {shape} has no channels")

    def for_axes(self, ndim: int) -> Asked:
        """The same of an array of so many axes, which has no channels if it has one, or none."""
        return replace(self, by_channel=self.by_channel and ndim > 1)

    def manner(self, survey: Survey, threads: int) -> Manner:
        """How an array is measured of which a survey has been made."""
        return Manner(self.modes, self.key, self.by_channel, survey.nan > 0, threads)

    def trials(self, shape: tuple[int, ...], survey: Survey) -> list[Trial]:
        """What the rows of an array are about: two for a format without scales of its own."""
        is_random, found = random_bit_count(self.modes.rounding) > 0, []
        for fmt in self.formats:
            if isinstance(fmt, ScaledFormat):
                found.append(trial_of_blocks(fmt, shape, survey, is_random))
                continue
            size, tile = int(np.prod(shape)), (1,) * len(shape)
            absmax, bits = absmax_scale(survey.largest, fmt), fmt.bits + SCALE_BITS / size
            found += [
                Trial(fmt.name, "absmax", absmax, bits, fmt, None, tile),
                Trial(fmt.name, "none", 1.0, float(fmt.bits), fmt, None, tile),
            ]
        return found


def absmax_scale(largest: float, fmt: Format) -> float:
    """The smallest positive float32 s with largest / s within the format; 1.0 for `largest` 0.

    Float32's own ends bound it from both sides.

    >>> import numformats as nf
    >>> absmax_scale(448.0, nf.float8_e4m3fn), absmax_scale(0.0, nf.float8_e4m3fn)
    (1.0, 1.0)
    """
    if largest == 0:
        return 1.0
    reach = fmt.highest if fmt.highest > 0 else -fmt.lowest
    code = exact.project(Fraction(largest) / reach, float32, "toward_positive", "finite")
    return float(exact.decode(code, float32))


def _require_list(
    formats: Iterable[str | Format | ScaledFormat],
) -> list[str | Format | ScaledFormat]:
    if isinstance(formats, (str, Format, ScaledFormat)):
        return [formats]
    try:
        chosen = list(formats)
    except TypeError:
        raise TypeError(f"formats: expected a list of formats, got {formats!r}") from None
    if not chosen:
        raise ValueError("formats: an empty list; name one format at least")
    return chosen
