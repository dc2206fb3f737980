"""The comparison of an array of Dask, whose pieces are worked on where Dask has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from importlib import import_module
from typing import Any, Final

from numformats.analysis.asking import Asked
from numformats.analysis.comparison import DEFAULT_FORMATS
from numformats.analysis.pieces import Call, Work, compare_pieces
from numformats.analysis.results import Comparison
from numformats.codec.random_bits import RandomSource
from numformats.formats.format import Format
from numformats.modes import Stochastic
from numformats.scaled.formats import ScaledFormat

# Pieces whose sums are in memory here at a time, of some megabytes each.
_AT_A_TIME: Final = 64


def compare_lazily(
    x: Any,
    formats: Iterable[str | Format | ScaledFormat] = DEFAULT_FORMATS,
    rounding: str | Stochastic = "nearest_even",
    saturation: str = "none",
    rng: RandomSource = None,
    by_channel: bool = False,
) -> Comparison:
    """What `compare` finds of a Dask array, bit for bit, without having it in memory.

    Parameters
    ----------
    x : dask.array.Array
        Of known shape, in chunks of any form. The pieces that are worked on are those of `compare`,
        some four million values each, and Dask makes them of the chunks; so chunks of whole rows
        are best, and about that size.
    formats, rounding, saturation, rng, by_channel
        As for `compare`.

    Returns
    -------
    Comparison
        The one of `compare`, whatever the scheduler, the chunks and the order of the work.

    Raises
    ------
    TypeError, ValueError
        As `compare` does; and for what is not a Dask array, or has a shape that is not known.

    Notes
    -----
    It is run by the scheduler that is at work: that of a `dask.distributed.Client`, if there is
    one. Stochastic rounding in scaled formats, and formats whose scales depend on more than the
    largest magnitude of all values, take the whole array as one piece.

    Examples
    --------
    >>> import numformats as nf, numpy as np, dask.array as da
    >>> x = np.random.default_rng(0).standard_normal((300, 70))
    >>> found = nf.analysis.compare_lazily(da.from_array(x, chunks=(77, 30)), ["nvfp4", "int8"])
    >>> found == nf.compare(x, ["nvfp4", "int8"])
    True
    """
    asked = Asked.of(formats, rounding, saturation, rng, by_channel)
    if not hasattr(x, "to_delayed"):
        raise TypeError(f"x: expected a Dask array, got {type(x).__name__}; see compare")
    if not all(isinstance(length, int) for length in x.shape):
        raise ValueError(f"x: shape {x.shape} is not known; see compute_chunk_sizes")
    asked.require_fit(x.shape)
    whole = x.reshape(x.shape or (1,))
    return compare_pieces(whole.shape, asked, partial(_each, whole))


def _each(x: Any, work: Work, calls: Sequence[Call]) -> Iterator[Any]:
    """What a function makes of pieces of a Dask array."""
    dask: Any = import_module("dask")
    for first in range(0, len(calls), _AT_A_TIME):
        # Dask looks into arguments for arrays of its own, and so gets none but that.
        some = calls[first : first + _AT_A_TIME]
        tasks = [dask.delayed(partial(_on, work, rest))(x[index]) for index, rest in some]
        yield from dask.compute(*tasks)


def _on(work: Work, rest: tuple[Any, ...], piece: Any) -> Any:
    return work(piece, *rest)
