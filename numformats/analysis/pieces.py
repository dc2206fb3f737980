"""Large arrays in scaled formats a piece at a time, with the scales that they have as a whole.

So the memory that a comparison takes does not grow with the array, which may lie in a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from numformats.scaled.formats import ScaledFormat
from numformats.scaled.granularity import Index, PerBlock, PerTensor, Tile
from numformats.scaled.rules import ScaleRule

# Elements of a piece, about: enough for threads, and little memory.
PIECE: Final = 1 << 22


def pieces_of(shape: tuple[int, ...], tile: Tile) -> Iterator[Index]:
    """Parts of an array that tiles do not cross, cut along its first axis that is longer than 1.

    >>> [piece[0] for piece in pieces_of((4096, 4096), (128, 128))][:2]
    [slice(0, 1024, None), slice(1024, 2048, None)]
    """
    axis = _first_long(shape)
    rest = 1
    for length in shape[axis + 1 :]:
        rest *= length
    extent = tile[axis] or shape[axis]
    step = max(PIECE // max(rest, 1) // extent, 1) * extent
    for begin in range(0, shape[axis], step):
        own = slice(begin, min(begin + step, shape[axis]))
        yield tuple(own if n == axis else slice(0, length) for n, length in enumerate(shape))


def format_of_pieces(
    fmt: ScaledFormat, shape: tuple[int, ...], largest: float
) -> ScaledFormat | None:
    """A format whose scales are those of `fmt`, whatever else there is in the array; None if that
    takes more than to know its largest magnitude.
    """
    axis, ndim = _first_long(shape), len(shape)
    if isinstance(fmt.granularity, PerTensor):
        if not fmt.is_symmetric or not fmt.rule.goes_by_magnitude:
            return None
        fmt = replace(fmt, scale_rule=_with_largest(fmt.rule, largest))
    elif fmt.granularity.tile(ndim, None)[axis] is None:
        return None
    inner = fmt.scale
    if not isinstance(inner, ScaledFormat) or fmt.rule.largest is not None:
        # With one magnitude for all tiles, the scale of their scales is the same everywhere, too.
        return fmt
    if fmt.scale_mean is not None or isinstance(inner.granularity, PerBlock):
        return None
    if not isinstance(inner.granularity, PerTensor):
        return fmt if inner.granularity.tile(ndim, None)[axis] == 1 else None
    if not (fmt.rule.goes_by_magnitude and inner.rule.goes_by_magnitude):
        return None
    return replace(fmt, scale=replace(inner, scale_rule=_with_largest(inner.rule, largest)))


def _with_largest(rule: ScaleRule, largest: float) -> ScaleRule:
    """A rule that knows a largest magnitude, if it does not yet."""
    return rule if rule.largest is not None else replace(rule, largest=largest)


def _first_long(shape: tuple[int, ...]) -> int:
    """The first axis that is longer than 1, or the last one."""
    return next((n for n, length in enumerate(shape) if length > 1), len(shape) - 1)
