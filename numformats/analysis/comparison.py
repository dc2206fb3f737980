"""`compare`: what each of several formats would cost a tensor, as rows of figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numformats import exact
from numformats.analysis.errors import ErrorStats, measure
from numformats.codec.arguments import read_real
from numformats.codec.division import quotient_to_odd
from numformats.codec.paths import compiled_path
from numformats.codec.random_bits import RandomSource, draw, key_of
from numformats.codec.values import require_dtype
from numformats.formats import get_format
from numformats.formats.base import Format
from numformats.formats.ieee import float32
from numformats.rounding import (
    RoundingMode,
    SaturationMode,
    Stochastic,
    parse_rounding,
    parse_saturation,
    random_bit_count,
)
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.named import NAMED, get_scaled_format
from numformats.scaled.quantizing import quantize

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
)
SCALE_BITS: Final = 32

# Elements that are measured at a time.
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Row:
    """What one format costs a tensor, with one scale, with none, or with those of its own.

    Attributes
    ----------
    format : str
        The name of the format.
    scaling : str
        "absmax" if the values were divided by a scale that brings the largest magnitude to the
        format's largest value, "none" if they were not; "blocks" for a scaled format.
    scale : float
        That scale, a float32 number; 1.0 without one, NaN for a scaled format, which has many.
    bits_per_value : float
        The format's bits, and those of the scales shared by all values.
    stats : ErrorStats
        The sums from which the error figures follow.
    """

    format: str
    scaling: str
    scale: float
    bits_per_value: float
    stats: ErrorStats

    def figures(self) -> dict[str, str | float]:
        """All of it by name, as numbers."""
        return {
            "format": self.format,
            "scaling": self.scaling,
            "scale": self.scale,
            "bits_per_value": self.bits_per_value,
            "sqnr_db": self.stats.sqnr_db,
            "max_absolute_error": self.stats.max_absolute_error,
            "mean_absolute_error": self.stats.mean_absolute_error,
            "mean_error": self.stats.mean_error,
            "max_relative_error": self.stats.max_relative_error,
            "overflowed_share": self.stats.overflowed_share,
            "zeroed_share": self.stats.zeroed_share,
            "subnormal_share": self.stats.subnormal_share,
        }


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"


def _error(error: float) -> str:
    return "-" if math.isnan(error) else f"{error:.3g}"


# A heading, the name of a figure, and how a person reads it.
COLUMNS: Final[tuple[tuple[str, str, Callable[[Any], str]], ...]] = (
    ("format", "format", str),
    ("scale", "scaling", str),
    ("bits", "bits_per_value", lambda bits: f"{bits:.4g}"),
    ("SQNR dB", "sqnr_db", lambda decibels: f"{decibels:.2f}"),
    ("max err", "max_absolute_error", _error),
    ("mean err", "mean_absolute_error", _error),
    ("bias", "mean_error", lambda error: "-" if math.isnan(error) else f"{error:+.2g}"),
    ("max rel", "max_relative_error", _error),
    ("over", "overflowed_share", _percent),
    ("to zero", "zeroed_share", _percent),
    ("subnorm", "subnormal_share", _percent),
)


@dataclass(frozen=True)
class Comparison:
    """What each of several formats costs a tensor. It prints as a table."""

    rows: tuple[Row, ...]
    nan: int
    infinite: int

    def table(self) -> list[list[str]]:
        """The headings, then a list of texts for each row."""
        headings = [heading for heading, _, _ in COLUMNS]
        figures = [row.figures() for row in self.rows]
        return [headings, *([show(f[name]) for _, name, show in COLUMNS] for f in figures)]

    def notes(self) -> list[str]:
        """What a reader of the table has to know besides, a sentence each."""
        return [
            f"{count} {kind} left out of the figures."
            for count, kind in ((self.nan, "NaN"), (self.infinite, "infinite values"))
            if count
        ]

    def __str__(self) -> str:
        table = self.table()
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [_aligned(cells, widths) for cells in table]
        return "\n".join([*lines, *self.notes()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from html import escape

        head, *body = self.table()
        top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
        rows = ("".join(f"<td>{escape(cell)}</td>" for cell in cells) for cells in body)
        inner = "".join(f"<tr>{row}</tr>" for row in rows)
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes())
        return f"<table><thead><tr>{top}</tr></thead><tbody>{inner}</tbody></table>{notes}"


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Words to the left, numbers to the right."""
    words = [cell.ljust(width) for cell, width in zip(cells[:2], widths[:2], strict=True)]
    numbers = [cell.rjust(width) for cell, width in zip(cells[2:], widths[2:], strict=True)]
    return "  ".join([*words, *numbers]).rstrip()


def compare(
    x: ArrayLike,
    formats: Iterable[str | Format | ScaledFormat] = DEFAULT_FORMATS,
    rounding: str | Stochastic = "nearest_even",
    saturation: str = "none",
    rng: RandomSource = None,
) -> Comparison:
    """What each format costs the values of `x`, with one scale for all of them and without.

    Parameters
    ----------
    x : array_like of real numbers
        Values of any dtype that `encode` takes, any shape and layout.
    formats : iterable of str, Format or ScaledFormat
        The formats, by name or themselves.
    rounding, saturation, rng
        As for `encode`; stochastic rounding draws the same bits for each format.

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
        mode; ``wrap``, under which an error has no meaning; a format with values beyond float64.

    Notes
    -----
    NaN and infinities in `x` are left out and counted. A scaled value is rounded once: the quotient
    is kept on the right side of every decision point of formats of up to 51 significand bits, which
    only tables can exceed. Errors are float64, and integers beyond 2**53 are rounded to that when
    they are scaled.

    Examples
    --------
    >>> import numformats as nf
    >>> nf.compare([0.02, -0.7, 1.3, 0.004], ["int8", "int4"])
    format  scale   bits  SQNR dB  max err  mean err     bias  max rel  over  to zero  subnorm
    int8    absmax    16    48.37    0.004    0.0021  +0.0001   0.0236    0%      25%       0%
    int8    none       8    10.82      0.3     0.156    -0.16    0.231    0%      50%       0%
    int4    absmax    12    29.86   0.0429    0.0167   -0.017   0.0612    0%      50%       0%
    int4    none       4    10.82      0.3     0.156    -0.16    0.231    0%      50%       0%
    """
    array = read_real("x", x)
    chosen = [find_format(name) for name in _require_list(formats)]
    mode, saturation_mode = parse_rounding(rounding), parse_saturation(saturation)
    if saturation_mode == "wrap":
        raise ValueError("saturation: 'wrap' makes errors of whole ranges; choose another mode")
    for fmt in chosen:
        require_dtype(fmt if isinstance(fmt, Format) else fmt.element, np.dtype(np.float64))
    # Random bits go by position in C order; without them any order will do, and need no copy.
    flat = array.reshape(-1) if random_bit_count(mode) else array.ravel(order="K")
    largest, nan, infinite = _survey(flat)
    if array.size == nan + infinite:
        what = "no values at all" if array.size == 0 else "no finite value"
        raise ValueError(f"x: {what} (shape {array.shape}); there is nothing to compare")
    # Piece by piece the tensor would never seem large enough to load compiled kernels for.
    compiled_path(2 * len(chosen) * array.size)
    key = key_of(rng) if random_bit_count(mode) else 0
    rows: list[Row] = []
    for fmt in chosen:
        if isinstance(fmt, ScaledFormat):
            rows.append(_scaled_row(array, fmt, mode, key, nan + infinite > 0))
            continue
        rows += [
            _row(flat, fmt, scaling, scale, mode, saturation_mode, key)
            for scaling, scale in (("absmax", absmax_scale(largest, fmt)), ("none", 1.0))
        ]
    return Comparison(tuple(rows), nan, infinite)


def find_format(name: str | Format | ScaledFormat) -> Format | ScaledFormat:
    """The format or scaled format of a name; either is given back as is.

    >>> find_format("mxfp4").name, find_format("e4m3fn").name
    ('mxfp4', 'float8_e4m3fn')
    """
    if isinstance(name, ScaledFormat) or (isinstance(name, str) and name.lower() in NAMED):
        return get_scaled_format(name)
    return get_format(name)


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


def _row(
    flat: NDArray[Any],
    fmt: Format,
    scaling: str,
    scale: float,
    mode: RoundingMode,
    saturation: SaturationMode,
    key: int,
) -> Row:
    stats, count = ErrorStats(), random_bit_count(mode)
    for start in range(0, flat.size, _CHUNK):
        chunk = flat[start : start + _CHUNK]
        before = _as_float64(chunk)
        # Random bits go by position, so that a chunk has to get those of its own place.
        random_bits = draw(key, start, chunk.size, count) if count else None
        kept = np.isfinite(before)
        if not kept.all():
            chunk, before = chunk[kept], before[kept]
            random_bits = None if random_bits is None else random_bits[kept]
        quotients = chunk if scale == 1.0 else quotient_to_odd(before, scale)
        rounded = fmt.round(quotients, mode, saturation, random_bits=random_bits)
        result = rounded.astype(np.float64)
        stats = stats.merge(measure(before, result * scale, fmt, scale))
    shared = SCALE_BITS / flat.size if scaling == "absmax" else 0.0
    return Row(fmt.name, scaling, scale, fmt.bits + shared, stats)


def _scaled_row(
    x: NDArray[Any], fmt: ScaledFormat, mode: RoundingMode, key: int, has_specials: bool
) -> Row:
    """What a format with its own scales costs. What is not finite counts as zero for the scales."""
    array = x.reshape(1) if x.ndim == 0 else x
    finite = array
    if has_specials:
        wide = _as_float64(array)
        finite = np.where(np.isfinite(wide), array, array.dtype.type(0))
    quantized = quantize(finite, fmt, rounding=mode, rng=key if random_bit_count(mode) else None)
    stats = ErrorStats()
    for index, values, sizes, zeros in quantized.parts(_CHUNK):
        before = _as_float64(array[index])
        kept = np.isfinite(before)
        sizes, zeros = np.broadcast_to(sizes, kept.shape), np.broadcast_to(zeros, kept.shape)
        part = measure(before[kept], values[kept], fmt.element, sizes[kept], zeros[kept])
        stats = stats.merge(part)
    return Row(fmt.name, "blocks", math.nan, quantized.bits_per_value, stats)


def _as_float64(chunk: NDArray[Any]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):  # NumPy warns of a signaling NaN on its way
        return chunk.astype(np.float64)


def _survey(flat: NDArray[Any]) -> tuple[float, int, int]:
    """The largest finite magnitude, and the counts of NaN and of infinite values."""
    largest, nan, infinite = 0.0, 0, 0
    for start in range(0, flat.size, _CHUNK):
        magnitude = np.abs(_as_float64(flat[start : start + _CHUNK]))
        nan += int(np.count_nonzero(np.isnan(magnitude)))
        infinite += int(np.count_nonzero(np.isinf(magnitude)))
        largest = max(largest, float(magnitude.max(initial=0.0, where=np.isfinite(magnitude))))
    return largest, nan, infinite


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
