"""`allocate`: which format for which tensor, so that errors are least within a budget of bits."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numformats.analysis.allocation import Allocation, TensorChoice, UniformChoice
from numformats.analysis.comparison import compare
from numformats.analysis.knapsack import Solution, cheapest
from numformats.analysis.weights import weights_of
from numformats.formats.format import Format
from numformats.modes import Stochastic
from numformats.scaled.catalogue import with_scales
from numformats.scaled.formats import ScaledFormat
from numformats.tensor_files.opening import open_tensors
from numformats.tensor_files.selection import Matrices

Choosable = str | Format | ScaledFormat
_PATH = (str, os.PathLike)


@dataclass(frozen=True, eq=False)
class MeasuredTensor:
    """What each of several formats would cost a tensor.

    finite: how many of its values are. signal: the sum of their squares. stored_bits, noise: of
    each format the bits of all values with their scales, and the sum of the squared errors.
    """

    name: str
    shape: tuple[int, ...]
    finite: int
    signal: float
    stored_bits: NDArray[np.int64]
    noise: NDArray[np.float64]

    @property
    def weight_by_size(self) -> float:
        """One over the mean square, so that each value counts by its relative error."""
        return self.finite / self.signal if self.signal > 0 else 0.0


def allocate(
    tensors: Mapping[str, ArrayLike] | str | os.PathLike[str],
    formats: Iterable[Choosable],
    budget_bits: float,
    *,
    weights: Mapping[str, float] | None = None,
    rounding: str | Stochastic = "nearest_even",
) -> Allocation:
    """Which format each tensor gets, so that the sum of errors is least within a budget of bits.

    Parameters
    ----------
    tensors : mapping of str to array_like, or path
        The tensors by name, of real numbers. One at a time is asked for, so they may be read then.
        Or a checkpoint, of which those are meant that ``numformats simulate`` changes if it is told
        no others: matrices, but not embeddings, norms and the like.
    formats : iterable of str, Format or ScaledFormat
        The formats to choose from. One without scales has a float32 scale for a tensor, as in
        `quantize`; blocks and channels are along the last axis.
    budget_bits : float
        Bits for each value, scales included, of all tensors together.
    weights : mapping of str to float, optional
        What a squared error of 1 counts in each tensor, a number from 0 up: its sensitivity, such
        as the mean of the diagonal of the Hessian. By default one over the mean square of the
        tensor, so that each counts by its size and its relative error.
    rounding
        As for `quantize`.

    Returns
    -------
    Allocation
        What is minimised is the sum over tensors of weight times squared errors, which are
        measured. That no other choice has a smaller one is certain, but for the rounding of
        sums, unless its `is_exact` says otherwise.

    Raises
    ------
    TypeError, ValueError
        For no tensors or formats, an unknown or twofold format, a tensor that `compare` refuses, a
        budget that no choice is within, and weights that are missing, negative or not finite; a
        checkpoint that cannot be read.

    Notes
    -----
    The formats are chosen by a multiple-choice knapsack problem, solved by Lagrangian bounds and
    dynamic programming (H. Kellerer, U. Pferschy, D. Pisinger, Knapsack Problems, 2004, chapter
    11). Errors of weights stand for those of a model only as far as the weights given say how much
    they matter.

    Examples
    --------
    The tensor of few values gets the bits, since they cost little there:

    >>> import numformats as nf
    >>> rng = np.random.default_rng(0)
    >>> model = {"large": rng.normal(size=(64, 64)), "small": rng.normal(size=(8, 64))}
    >>> found = nf.analysis.allocate(model, ["int8", "nvfp4"], 5)
    >>> found.formats, round(found.bits_per_value, 2)
    ({'large': 'nvfp4', 'small': 'int8'}, 4.9)
    """
    chosen = read_formats(formats)
    pairs = _usual_matrices(tensors) if isinstance(tensors, _PATH) else _items(tensors)
    measured = [measure_tensor(*pair, chosen, rounding=rounding) for pair in pairs]
    return allocate_measured(measured, chosen, budget_bits, weights)


def _items(tensors: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    # Not `items`, so that each may be read when it is asked for, and dropped.
    for name in tensors:
        yield name, tensors[name]


def _usual_matrices(path: str | os.PathLike[str]) -> Iterator[tuple[str, Any]]:
    """The names and values of the tensors that `simulate` changes if it is told no others."""
    usual = Matrices()
    for entry in open_tensors(path):
        if usual.reason_to_leave(entry.name, entry.dtype_name, entry.shape) is None:
            yield entry.name, weights_of(entry)


def read_formats(formats: Iterable[Choosable]) -> tuple[ScaledFormat, ...]:
    """The formats that tensors may get; ValueError for none, and for two of one name."""
    given = [formats] if isinstance(formats, Choosable) else list(formats)
    chosen = tuple(with_scales(fmt) for fmt in given)
    if not chosen:
        raise ValueError("formats: none; name one at least")
    names = [fmt.name for fmt in chosen]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"formats: {twice!r} is there twice; a plan goes by names")
    return chosen


def measure_tensor(
    name: str, values: Any, formats: Sequence[ScaledFormat], *, rounding: str | Stochastic
) -> MeasuredTensor:
    """What each format would cost a tensor, as `compare` measures it."""
    found = compare(values, formats, rounding, rng=0)
    shape = tuple(getattr(values, "shape", np.shape(values))) or (1,)
    size = math.prod(shape)
    # Counts of bits; float64 is rounded by far less than one.
    bits = [round(row.bits_per_value * size) for row in found.rows]
    stats = found.rows[0].stats
    noise = np.array([row.stats.noise for row in found.rows])
    # NaN where squares are beyond float64: nothing to choose by.
    noise[np.isnan(noise)] = np.inf
    return MeasuredTensor(name, shape, stats.finite, stats.signal, np.array(bits), noise)


def allocate_measured(
    measured: Sequence[MeasuredTensor],
    formats: Sequence[ScaledFormat],
    budget_bits: float,
    weights: Mapping[str, float] | None = None,
) -> Allocation:
    """The allocation of tensors whose errors are known. See `allocate`."""
    if not measured:
        raise ValueError("tensors: none to choose a format for")
    values = sum(math.prod(tensor.shape) for tensor in measured)
    limit = _limit(budget_bits, values)
    own_weights = [_weight(tensor, weights) for tensor in measured]
    costs = [
        _costs(tensor.noise, weight) for tensor, weight in zip(measured, own_weights, strict=True)
    ]
    found = cheapest([tensor.stored_bits for tensor in measured], costs, limit)
    if found is None:
        raise _refusal(measured, budget_bits, values)
    return Allocation(
        _choices(measured, own_weights, formats, found),
        budget_bits,
        _best_uniform(measured, costs, formats, limit),
        found.bound,
        found.is_exact,
        weights is not None,
    )


def _costs(noise: NDArray[np.float64], weight: float) -> NDArray[np.float64]:
    """Weighted errors; none and infinite ones stay so, whatever they weigh."""
    found = np.where(noise == 0, 0.0, np.inf)
    with np.errstate(over="ignore"):
        return np.multiply(weight, noise, out=found, where=np.isfinite(noise) & (noise > 0))


def _limit(budget_bits: float, values: int) -> int:
    if not (isinstance(budget_bits, (int, float)) and 0 < budget_bits < math.inf):
        raise ValueError(
            f"budget_bits: {budget_bits!r}; expected bits per value above 0, such as 4.5"
        )
    return math.floor(Fraction(budget_bits) * values)


def _weight(tensor: MeasuredTensor, weights: Mapping[str, float] | None) -> float:
    if weights is None:
        return tensor.weight_by_size
    if tensor.name not in weights:
        raise ValueError(f"weights: none for {tensor.name}; give each tensor one")
    weight = float(weights[tensor.name])
    if not 0 <= weight < math.inf:
        raise ValueError(f"weights: {weight:g} for {tensor.name}; expected a number from 0 up")
    return weight


def _refusal(measured: Sequence[MeasuredTensor], budget_bits: float, values: int) -> ValueError:
    """Why no choice is within the budget."""
    for tensor in measured:
        if not np.isfinite(tensor.noise).any():
            return ValueError(f"formats: each has an infinite error in {tensor.name}; name another")
    least = sum(int(tensor.stored_bits[np.isfinite(tensor.noise)].min()) for tensor in measured)
    return ValueError(
        f"budget_bits: {budget_bits:g}; the smallest of these formats take {least / values:.6g} "
        "bits per value; allow as many, or name a smaller format"
    )


def _choices(
    measured: Sequence[MeasuredTensor],
    weights: Sequence[float],
    formats: Sequence[ScaledFormat],
    found: Solution,
) -> tuple[TensorChoice, ...]:
    return tuple(
        TensorChoice(
            tensor.name,
            tensor.shape,
            formats[option].name,
            int(tensor.stored_bits[option]),
            tensor.signal,
            float(tensor.noise[option]),
            weight,
        )
        for tensor, weight, option in zip(measured, weights, found.choices, strict=True)
    )


def _best_uniform(
    measured: Sequence[MeasuredTensor],
    costs: Sequence[NDArray[np.float64]],
    formats: Sequence[ScaledFormat],
    limit: int,
) -> UniformChoice | None:
    """The best format for all tensors alike, if one is within the limit."""
    bits = np.sum([tensor.stored_bits for tensor in measured], axis=0)
    cost = np.where(bits <= limit, np.sum(costs, axis=0), np.inf)
    best = int(cost.argmin())
    if not np.isfinite(cost[best]):
        return None
    values = sum(math.prod(tensor.shape) for tensor in measured)
    return UniformChoice(formats[best].name, int(bits[best]) / values, float(cost[best]))
