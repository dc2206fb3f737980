"""`compare`: what each of several formats would cost a tensor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from numformats.analysis.asking import Asked
from numformats.analysis.ordered import threads_for
from numformats.analysis.pieces import Call, Work, compare_pieces
from numformats.analysis.results import Comparison
from numformats.analysis.streaming import Streamable, StreamedArray
from numformats.codec.arguments import read_real
from numformats.codec.backends import prepare_for
from numformats.codec.random_bits import RandomSource
from numformats.formats.format import Format
from numformats.modes import Stochastic
from numformats.scaled.formats import ScaledFormat

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
    return compare_array(_read(x), Asked.of(formats, rounding, saturation, rng, by_channel))


def compare_array(array: Streamable, asked: Asked) -> Comparison:
    """`compare`, of arguments that have been read."""
    asked.require_fit(array.shape)
    # The pieces of a tensor would never seem worth it, one by one.
    prepare_for(2 * len(asked.formats) * array.size)
    whole = array.reshape(array.shape or (1,))
    each_here = partial(_each_here, whole)
    return compare_pieces(whole.shape, asked, each_here, threads_for(array.size))


def _each_here(x: Streamable, work: Work, calls: Sequence[Call]) -> Iterator[Any]:
    return (work(x[index], *arguments) for index, arguments in calls)


def _read(x: ArrayLike | StreamedArray) -> Streamable:
    if not isinstance(x, StreamedArray):
        return read_real("x", x)
    read_real("x", np.empty(0, x.dtype))
    return x
