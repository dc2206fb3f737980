"""The comparison of an array of which there are only pieces at hand, wherever they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from numformats.analysis.asking import Asked
from numformats.analysis.measuring import Totals, measure_piece, pieces_of
from numformats.analysis.results import Comparison
from numformats.analysis.streaming import chunks_of, merged, survey_of
from numformats.scaled.granularity import Index

# A function of a piece of an array and of more.
Work: TypeAlias = Callable[..., Any]
# The slices of a piece, and what else its work is given.
Call: TypeAlias = tuple[Index, tuple[Any, ...]]
# Gives what a function makes of each of some pieces, in their order.
Way: TypeAlias = Callable[[Work, Sequence[Call]], Iterable[Any]]


def compare_pieces(shape: tuple[int, ...], asked: Asked, way: Way, threads: int = 1) -> Comparison:
    """The comparison of an array of a shape, of one axis or more, whose pieces are worked on in
    some way; threads: how many work on each piece.

    Every bit of it is the same, whatever the way. ValueError for an array that `compare` refuses.
    """
    asked.require_fit(shape)
    size, single = math.prod(shape), (1,) * len(shape)
    calls: list[Call] = [(index, (threads,)) for index in chunks_of(shape, single)] if size else []
    survey = merged(way(survey_of, calls))
    if size == survey.nan + survey.infinite:
        what = "no values at all" if size == 0 else "no finite value"
        raise ValueError(f"x: {what} (shape {shape}); there is nothing to compare")
    trials, manner = asked.trials(shape, survey), asked.manner(survey, threads)
    totals, pieces = Totals(trials, shape, manner), pieces_of(shape, trials)
    calls = [
        (piece.index, (piece.start, [trials[number] for number in piece.trials], manner))
        for piece in pieces
    ]
    for piece, sums in zip(pieces, way(measure_piece, calls), strict=True):
        totals.add(piece, sums)
    return Comparison(tuple(totals.rows()), survey.nan, survey.infinite)
