"""`compare`: what each of several formats would cost a tensor."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numformats import exact
from numformats.analysis.errors import ErrorStats
from numformats.analysis.results import Comparison, Row
from numformats.analysis.streaming import (
    CHUNK,
    Streamable,
    StreamedArray,
    Survey,
    as_float64,
    chunks_of,
    format_of_chunks,
    survey_of,
)
from numformats.codec.arguments import read_real
from numformats.codec.backends import prepare_for
from numformats.codec.random_bits import RandomSource, draw, key_of
from numformats.codec.values import require_dtype
from numformats.error_free import quotient_to_odd
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
from numformats.scaled.granularity import Index
from numformats.scaled.quantization import quantize
from numformats.scaled.tiling import chunks_in_order

DEFAULT_FORMATS: Final = (
    "bfloat16",
    "float16",
    "float8_e4m3fn",
    "float8_e5m2",
    "float6_e2m3fn",
    "float6_e3m2fn",
    "float4_e2m1fn",
    "int8",
    "int4",
    "mxfp8_e4m3",
    "mxfp4",
    "nvfp4",
    "int4_g32",
)
SCALE_BITS: Final = 32

# Scaled formats split each axis in two, and NumPy has no more than 64.
_MOST_AXES: Final = 32


def compare(
    x: ArrayLike | StreamedArray,
    formats: Iterable[str | Format | ScaledFormat] = DEFAULT_FORMATS,
    rounding: str | Stochastic = "nearest_even",
    saturation: str = "none",
    rng: RandomSource = None,
    by_channel: bool = False,
) -> Comparison:
    """What each format costs the values of `x`, with one scale for all of them and without.

    Parameters
    ----------
    x : array_like of real numbers, or StreamedArray
        Values of any dtype that `encode` takes, any shape and layout.
    formats : iterable of str, Format or ScaledFormat
        The formats, by name or themselves.
    rounding, saturation, rng
        As for `encode`; stochastic rounding draws the same bits for each format.
    by_channel : bool
        Whether each row also has the SQNR of each index of the first axis, the output channels of
        weights.

    Returns
    -------
    Comparison
        Two rows for each format: ``absmax``, where values are divided by the smallest float32 scale
        that brings the largest magnitude within the format, projected, and multiplied back; and
        ``none``, where they are projected as they are. One row for a scaled format, ``blocks``: its
        own scales along the last axis, with elements that saturate.

    Raises
    ------
    TypeError, ValueError
        For values that are not real numbers, none at all, or none finite; an unknown format or
        mode; ``wrap``, under which an error has no meaning; a format with values beyond float64;
        more than 32 axes where there are scaled formats.

    Notes
    -----
    NaN and infinities in `x` are counted, and left out as if they were not there: not so in
    `quantize`, where NaN makes all that shares its scale NaN. A scaled value is rounded once: the
    quotient is kept on the right side of every decision point of formats of up to 51 significand
    bits, which only tables can exceed. Errors are float64, and integers beyond 2**53 are rounded to
    that when they are scaled.

    Examples
    --------
    >>> import numformats as nf
    >>> found = nf.compare([0.02, -0.7, 1.3, 0.004], ["int8", "int4"])
    >>> for row in found.sorted("sqnr_db").rows:
    ...     print(row.format, row.scaling, row.bits_per_value, round(row.stats.sqnr_db, 2))
    int8 absmax 16.0 48.37
    int4 absmax 12.0 29.86
    int8 none 8.0 10.82
    int4 none 4.0 10.82
    """
    array = _read(x)
    chosen = [find(name) for name in _require_list(formats)]
    mode, saturation_mode = parse_rounding(rounding), parse_saturation(saturation)
    if saturation_mode == "wrap":
        raise ValueError("saturation: 'wrap' makes errors of whole ranges; choose another mode")
    _require_comparable(array, chosen, by_channel)
    whole = array.reshape(array.shape or (1,))
    survey = survey_of(whole)
    if array.size == survey.nan + survey.infinite:
        what = "no values at all" if array.size == 0 else "no finite value"
        raise ValueError(f"x: {what} (shape {array.shape}); there is nothing to compare")
    # The chunks of a tensor would never seem worth it, one by one.
    prepare_for(2 * len(chosen) * array.size)
    # Random bits go by position in C order, channels by index; without them any order will do, and
    # needs no copy.
    is_placed = by_channel or random_bit_count(mode) > 0
    measuring = _Measuring(
        whole,
        plain=whole if is_placed else whole.ravel(order="K"),
        survey=survey,
        modes=Modes(mode, saturation_mode),
        key=key_of(rng) if random_bit_count(mode) else 0,
        channels=array.shape[0] if by_channel else 0,
    )
    rows: list[Row] = []
    for fmt in chosen:
        if isinstance(fmt, ScaledFormat):
            rows.append(measuring.row_of_blocks(fmt))
        else:
            absmax = absmax_scale(survey.largest, fmt)
            rows += [measuring.row(fmt, "absmax", absmax), measuring.row(fmt, "none", 1.0)]
    return Comparison(tuple(rows), survey.nan, survey.infinite)


def _read(x: ArrayLike | StreamedArray) -> Streamable:
    if not isinstance(x, StreamedArray):
        return read_real("x", x)
    read_real("x", np.empty(0, x.dtype))
    return x


def _require_comparable(
    x: Streamable, formats: list[Format | ScaledFormat], by_channel: bool
) -> None:
    """Refuse formats whose values float64 does not hold, and arrays of too many axes or too few."""
    elements = [element_of(fmt) for fmt in formats]
    for element in elements:
        require_dtype(element, np.dtype(np.float64))
    if x.ndim > _MOST_AXES and elements != formats:
        raise ValueError(
            f"x: {x.ndim} axes, and scaled formats take up to {_MOST_AXES}; reshape it"
        )
    if by_channel and x.ndim < 2:
        raise ValueError(f"by_channel: an array of shape {x.shape} has no channels")


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


class _Tally:
    """The sums over chunks of an array, and those over each index of its first axis, if asked for.

    channels: how many there are; 0 if they are not asked for.
    """

    def __init__(self, channels: int) -> None:
        self.stats = ErrorStats()
        self._signal, self._noise = np.zeros(channels), np.zeros(channels)

    def add(
        self,
        chunk: Index,
        before: NDArray[np.float64],
        after: NDArray[np.float64],
        fmt: Format,
        scale: float | NDArray[np.float64],
        zero: float | NDArray[np.float64] = 0.0,
    ) -> None:
        """Count a chunk: what is not finite in `before` is left out."""
        kept = np.isfinite(before)
        if self._signal.size:
            within = tuple(range(1, before.ndim))
            with np.errstate(over="ignore", invalid="ignore"):
                error = np.where(np.isfinite(after), after - before, np.inf)
                self._signal[chunk[0]] += np.square(before).sum(axis=within, where=kept)
                self._noise[chunk[0]] += np.square(error).sum(axis=within, where=kept)
        if not kept.all():
            scale, zero = (np.broadcast_to(each, kept.shape)[kept] for each in (scale, zero))
            before, after = before[kept], after[kept]
        self.stats = self.stats.update(before, after, fmt, scale, zero)

    def channels(self) -> tuple[float, ...] | None:
        """The SQNR of each channel in decibels: NaN where there is no signal."""
        if not self._signal.size:
            return None
        with np.errstate(divide="ignore", invalid="ignore"):
            decibels = 10 * (np.log10(self._signal) - np.log10(self._noise))
        return tuple(np.where(self._signal == 0, np.nan, decibels).tolist())


@dataclass(frozen=True)
class _Measuring:
    """An array that is measured, and how: what all formats share.

    plain: its values in the order in which plain formats take them. channels: how many there are; 0
    if they are not asked for.
    """

    x: Streamable
    plain: Streamable
    survey: Survey
    modes: Modes
    key: int
    channels: int

    def row(self, fmt: Format, scaling: str, scale: float) -> Row:
        """What a format costs whose values have one scale."""
        mode, saturation, x = self.modes.rounding, self.modes.saturation, self.plain
        tally, count = _Tally(self.channels), random_bit_count(mode)
        for place, start in chunks_in_order(x.shape, CHUNK):
            chunk = x[place]
            before = as_float64(chunk)
            # Random bits go by position, so that a chunk has to get those of its own place.
            random_bits = (
                draw(self.key, start, chunk.size, count).reshape(chunk.shape) if count else None
            )
            kept = np.isfinite(before)
            if not kept.all():
                chunk = np.where(kept, chunk, chunk.dtype.type(0))
            quotients = chunk if scale == 1.0 else quotient_to_odd(np.where(kept, before, 0), scale)
            rounded = fmt.round(quotients, mode, saturation, random_bits=random_bits)
            tally.add(place, before, rounded.astype(np.float64) * scale, fmt, scale)
        bits = fmt.bits + (SCALE_BITS / x.size if scaling == "absmax" else 0.0)
        return Row(fmt.name, scaling, scale, bits, tally.stats, x.size, tally.channels())

    def row_of_blocks(self, fmt: ScaledFormat) -> Row:
        """What a format with its own scales costs. What is not finite does not count for them."""
        x, mode, tally = self.x, self.modes.rounding, _Tally(self.channels)
        is_random = random_bit_count(mode) > 0
        # Random bits go by position in the array as a whole.
        of_chunk = None if is_random else format_of_chunks(fmt, x.shape, self.survey.largest)
        whole = tuple(slice(0, length) for length in x.shape)
        tile = fmt.granularity.tile(x.ndim, None)
        for chunk in [whole] if of_chunk is None else chunks_of(x.shape, tile):
            before = x[chunk]
            finite = _infinite_for_nan(before) if self.survey.nan else before
            quantized = quantize(
                finite, of_chunk or fmt, rounding=mode, rng=self.key if is_random else None
            )
            for part, values, sizes, zeros in quantized.parts(CHUNK):
                place = _within(chunk, part)
                tally.add(place, as_float64(before[part]), values, fmt.element, sizes, zeros)
        bits = fmt.bits_of(x.shape)
        return Row(fmt.name, "blocks", math.nan, bits, tally.stats, x.size, tally.channels())


def _infinite_for_nan(x: NDArray[Any]) -> NDArray[Any]:
    """An array with infinity in place of NaN: no scale takes that into account, where NaN would
    make all of its tile NaN.
    """
    if x.dtype.itemsize == 1:  # of which some have no infinity
        x = x.astype(np.float32)
    return np.where(np.isnan(as_float64(x)), x.dtype.type(np.inf), x)


def _within(chunk: Index, part: Index) -> Index:
    """The place in an array of a part of a chunk."""
    pairs = zip(chunk, part, strict=True)
    return tuple(slice(own.start + at.start, own.start + at.stop) for own, at in pairs)


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
