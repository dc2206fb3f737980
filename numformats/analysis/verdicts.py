"""The answer for a whole checkpoint: the best format within each budget, and what to avoid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from numformats.analysis.outliers import OutlierChannel
from numformats.analysis.results import Comparison, Row

# Bits for each value that a budget allows: those of the elements, and three quarters of a bit for
# scales, which with blocks of 16 take half a bit, and more in tensors whose last block is not full.
BUDGETS: Final = tuple(bits + 0.75 for bits in (16, 12, 10, 8, 7, 6, 5, 4, 3, 2, 1))
# To lose as much against another format of the budget is to lose a bit: 20 log10(2) decibels.
_A_BIT: Final = 20 * math.log10(2)
# An error of a hundredth of the values: of formats with less, none is to be avoided.
_CLOSE_ENOUGH: Final = 40.0
# The part of the noise from clipping or from underflow that is a cause by itself.
_CAUSE: Final = 0.25


@dataclass(frozen=True)
class TensorFigures:
    """What a verdict takes of one tensor: its figures of each row, but not their histograms.

    values: how many it has. stored_bits: what it is stored in now; NaN if that is not known.
    sqnr_db, noise: of each row. outlier: its loudest channel, if one stands out.
    """

    name: str
    values: int
    stored_bits: float
    sqnr_db: tuple[float, ...]
    noise: tuple[float, ...]
    outlier: OutlierChannel | None

    @classmethod
    def of(
        cls,
        name: str,
        comparison: Comparison,
        stored_bits: float = math.nan,
        outlier: OutlierChannel | None = None,
    ) -> TensorFigures:
        """What is kept of a tensor that was compared."""
        return cls(
            name,
            comparison.rows[0].values,
            stored_bits,
            tuple(row.stats.sqnr_db for row in comparison.rows),
            tuple(row.stats.noise for row in comparison.rows),
            outlier,
        )


@dataclass(frozen=True)
class Avoided:
    """A format whose error is more than a hundredth of the values, and at least a bit more than
    that of another one in as many bits; and why.

    sqnr_db: minus infinity where values become infinite or NaN. behind_db: what it is behind.
    """

    format: str
    scaling: str
    sqnr_db: float
    behind_db: float
    reason: str


@dataclass(frozen=True)
class Answer:
    """The best format within a budget, for all tensors alike.

    Attributes
    ----------
    budget_bits : float
        The bits for each value that were allowed.
    format, scaling : str
        The best format, and how it was used: "absmax", "none" or "blocks" (see `Row`).
    bits_per_value, sqnr_db : float
        Its bits with all scales; signal to quantization noise ratio of all tensors together.
    nbytes : float
        What all tensors take in it.
    share : float
        That over what they take now; NaN if that is not known.
    worst_tensor, worst_sqnr_db : str, float
        The tensor with the lowest ratio in this format; "" and NaN if none has one.
    avoided : tuple of Avoided
        What not to take in as many bits, the best of it first.
    """

    budget_bits: float
    format: str
    scaling: str
    bits_per_value: float
    sqnr_db: float
    nbytes: float
    share: float
    worst_tensor: str
    worst_sqnr_db: float
    avoided: tuple[Avoided, ...]

    @property
    def relative_error(self) -> float:
        """The root mean square of the errors over that of the values."""
        return relative_error(self.sqnr_db)


@dataclass(frozen=True)
class Verdict:
    """What all tensors of a checkpoint could be stored in.

    tensors, values: how many there are. nbytes: what they take now, NaN if that is not known.
    outliers: the channels that stand out, by the names of their tensors, the loudest first.
    """

    tensors: int
    values: int
    nbytes: float
    answers: tuple[Answer, ...]
    outliers: tuple[tuple[str, OutlierChannel], ...]

    def to_record(self) -> dict[str, Any]:
        """All of it under plain names, for JSON."""
        answers = [{**vars(a), "avoided": [vars(each) for each in a.avoided]} for a in self.answers]
        outliers = [{"tensor": name, **vars(channel)} for name, channel in self.outliers]
        return {**vars(self), "answers": answers, "outliers": outliers}


def verdict_on(
    whole: Comparison, tensors: Sequence[TensorFigures], budgets: Sequence[float] = BUDGETS
) -> Verdict:
    """The answer for tensors of which each was compared, and that together make up `whole`.

    A budget has an answer if a format takes as many bits, and more than the next smaller budget.

    >>> import numpy as np
    >>> import numformats as nf
    >>> from numformats.analysis import TensorFigures
    >>> w = np.random.default_rng(0).standard_normal((64, 64))
    >>> found = nf.compare(w, ["int8", "int4", "nvfp4"])
    >>> for answer in verdict_on(found, [TensorFigures.of("w", found)]).answers:
    ...     print(answer.budget_bits, answer.format, f"{answer.relative_error:.1%}")
    8.75 int8 0.9%
    4.75 nvfp4 9.5%
    """
    nbytes = math.fsum(tensor.stored_bits for tensor in tensors) / 8
    values = sum(tensor.values for tensor in tensors)
    descending = sorted(budgets, reverse=True)
    answers = []
    for budget, below in zip(descending, [*descending[1:], 0.0], strict=True):
        best = whole.best(budget)
        rivals = [row for row in whole.rows if below < row.bits_per_value <= budget]
        if best is not None and rivals:
            answers.append(_answer(whole, tensors, budget, best, rivals, nbytes))
    found = [(tensor.name, tensor.outlier) for tensor in tensors if tensor.outlier is not None]
    outliers = sorted(found, key=lambda pair: -pair[1].ratio)
    return Verdict(len(tensors), values, nbytes, tuple(answers), tuple(outliers))


def relative_error(sqnr_db: float) -> float:
    """The root mean square of errors over that of values, of a ratio in decibels.

    >>> relative_error(20.0)
    0.1
    """
    return 10 ** (-sqnr_db / 20)


def _answer(
    whole: Comparison,
    tensors: Sequence[TensorFigures],
    budget: float,
    best: Row,
    rivals: Sequence[Row],
    nbytes: float,
) -> Answer:
    place = whole.rows.index(best)
    known = [t for t in tensors if not math.isnan(t.sqnr_db[place])]
    worst = min(known, key=lambda tensor: tensor.sqnr_db[place], default=None)
    own = best.bits_per_value * sum(tensor.values for tensor in tensors) / 8
    return Answer(
        budget,
        best.format,
        best.scaling,
        best.bits_per_value,
        best.stats.sqnr_db,
        own,
        own / nbytes if nbytes else math.nan,
        "" if worst is None else worst.name,
        math.nan if worst is None else worst.sqnr_db[place],
        _avoided(whole, tensors, best, rivals),
    )


def _avoided(
    whole: Comparison, tensors: Sequence[TensorFigures], best: Row, rivals: Sequence[Row]
) -> tuple[Avoided, ...]:
    """Of each format the better way to use it, if that loses a bit or more, and is not close."""
    better: dict[str, Row] = {}
    for row in rivals:
        if row.format not in better or _level(row) > _level(better[row.format]):
            better[row.format] = row
    highest = min(best.stats.sqnr_db - _A_BIT, _CLOSE_ENOUGH)
    behind = [row for row in better.values() if _level(row) <= highest]
    found = [
        Avoided(
            row.format,
            row.scaling,
            row.stats.sqnr_db,
            best.stats.sqnr_db - row.stats.sqnr_db,
            _reason(row, max(tensors, key=lambda t: _known(t.noise[whole.rows.index(row)]))),
        )
        for row in behind
    ]
    return tuple(sorted(found, key=lambda each: -_known(each.sqnr_db)))


def _level(row: Row) -> float:
    return _known(row.stats.sqnr_db)


def _known(figure: float) -> float:
    return -math.inf if math.isnan(figure) else figure


def _reason(row: Row, noisiest: TensorFigures) -> str:
    """Why a format loses so much, by the parts of its noise, most of which is in one tensor."""
    stats = row.stats
    clipping, _, underflow = stats.noise_shares
    if math.isinf(stats.noise):
        return f"{stats.overflowed:,} values overflow, and become infinite or NaN"
    causes = []
    if clipping >= _CAUSE:
        causes.append(f"clipping ({clipping:.0%} of the noise)")
    if underflow >= _CAUSE:
        causes.append(f"underflow ({stats.zeroed_share:.0%} of the values become 0)")
    told = " and ".join(causes) or "too few significand bits"
    outlier = noisiest.outlier
    # Without underflow, one scale serves all channels.
    if row.scaling != "absmax" or outlier is None or underflow < _CAUSE:
        return told
    return (
        f"{told}; one scale follows {noisiest.name}, channel {outlier.index} of axis "
        f"{outlier.axis}, {outlier.ratio:.1f} times as large as the median one"
    )
