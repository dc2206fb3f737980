"""Checking functions that round at random."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.formats.format import Format
from numformats.testing.comparing import Findings, Kind, results_of, values_given
from numformats.testing.decision_points import finite_values
from numformats.testing.projection import Projection

Array = NDArray[Any]
Floats = NDArray[np.float64]
Function = Callable[..., Any]

# The probability that a right implementation is reported, at the most, over all inputs together.
FALSE_ALARM: Final = 1e-9
# Inputs that are tried again and again, and how often: anywhere, and within two values of each
# landmark.
_POINTS: Final = 256
_POINTS_NEAR: Final = 48
_STEPS_NEAR: Final = 2
_TRIALS: Final = 1 << 12


def check_given_draws(
    function: Function,
    projection: Projection,
    x: Array,
    kind: Kind,
    findings: Findings,
    seed: int,
) -> None:
    """Hold a function that takes its random numbers to each of its results.

    Each input gets the smallest and largest number, an arbitrary one, and those on both sides of
    the one at which its result changes.
    """
    largest = 2**projection.random_bit_count - 1
    rng = np.random.default_rng(seed)
    turn = turning_points(projection, x)
    choices = [
        np.zeros(x.size, np.uint64),
        np.full(x.size, largest, np.uint64),
        rng.integers(0, largest + 1, x.size, dtype=np.uint64),
        turn,
        turn - np.minimum(turn, 1),
    ]
    for drawn in choices:
        result = results_of(
            function, x.copy(), drawn.copy(), way_out="with draws='own' it gets the numbers alone"
        )
        given = values_given(result, x, projection.format, kind)
        findings.compare(x, projection.values(x, drawn), given, drawn)


def turning_points(projection: Projection, x: Array) -> NDArray[np.uint64]:
    """For each input the smallest random number with which it becomes what it does with the
    largest. Found by bisection: the larger the number, the farther from zero the result.
    """
    largest = 2**projection.random_bit_count - 1
    at_most = np.full(x.size, largest, np.uint64)
    above = projection.codes(x, at_most)
    # One less than the candidates, and so -1 at first: kept one higher.
    low = np.zeros(x.size, np.uint64)
    for _ in range(projection.random_bit_count):
        middle = low + (at_most - low) // np.uint64(2)
        is_above = projection.codes(x, middle) == above
        at_most = np.where(is_above, middle, at_most)
        low = np.where(is_above, low, np.minimum(middle + np.uint64(1), at_most))
    return at_most


def check_probabilities(
    function: Function,
    projection: Projection,
    x: Array,
    kind: Kind,
    findings: Findings,
    seed: int,
) -> None:
    """Hold a function that draws by itself to the probabilities of its results.

    A result that cannot be is wrong. So is a number of results that a right implementation would
    give with a probability below the false alarm rate, shared out among the inputs: by Chernoff's
    bound, k of n at probability p or farther off have a probability of at most
    2 exp(-n KL(k/n, p)).
    """
    rng = np.random.default_rng(seed)
    points = _chosen(x, projection.format, rng)
    largest = 2**projection.random_bit_count - 1
    below = projection.values(points, np.zeros(points.size, np.uint64))
    above = projection.values(points, np.full(points.size, largest, np.uint64))
    turn = turning_points(projection, points)
    probability = (largest + 1 - turn.astype(np.float64)) / (largest + 1)
    repeated = np.repeat(points, _TRIALS)
    way_out = "if it takes random integers, too, pass draws='given'"
    result = results_of(function, repeated, way_out=way_out)
    given = values_given(result, repeated, projection.format, kind).reshape(points.size, _TRIALS)
    is_above = _same(given, above[:, np.newaxis])
    is_below = _same(given, below[:, np.newaxis])
    findings.tried += repeated.size
    impossible = ~(is_above | is_below)
    rows = np.flatnonzero(impossible.any(axis=1))
    if rows.size:
        first = given[rows, impossible[rows].argmax(axis=1)]
        findings.compare(points[rows], below[rows], first, np.zeros(rows.size, np.uint64))
    unlikely = _log_bound(is_above.sum(axis=1), probability) < np.log(FALSE_ALARM / points.size)
    wrong = np.flatnonzero(unlikely & ~impossible.any(axis=1))
    if wrong.size:
        # As expectations, which is what is wrong with these.
        share = is_above[wrong].mean(axis=1)
        with np.errstate(invalid="ignore"):
            expected = below[wrong] + probability[wrong] * (above[wrong] - below[wrong])
            mean = below[wrong] + share * (above[wrong] - below[wrong])
        findings.add(np.full(wrong.size, "probability"), points[wrong], expected, mean)


def _chosen(x: Array, fmt: Format, rng: np.random.Generator) -> Array:
    """Some of the inputs at random, and some near each place where rounding is of another kind."""
    values = finite_values(fmt)
    landmarks = [fmt.min, -fmt.smallest_normal, 0.0, fmt.smallest_normal, fmt.max]
    place = np.searchsorted(values, landmarks)
    lowest = values[np.maximum(place - _STEPS_NEAR, 0)]
    highest = values[np.minimum(place + _STEPS_NEAR, len(values) - 1)]
    with np.errstate(invalid="ignore"):
        wide = x.astype(np.float64)
    near = [(wide >= low) & (wide <= high) for low, high in zip(lowest, highest, strict=True)]
    beyond = (wide > fmt.max) | (wide < fmt.min) | np.isnan(wide)
    groups = [np.flatnonzero(which) for which in (*near, beyond)]
    chosen = [rng.permutation(group)[:_POINTS_NEAR] for group in groups]
    anywhere = rng.permutation(x.size)[:_POINTS]
    found: Array = x[np.unique(np.concatenate([*chosen, anywhere]))]
    return found


def _same(a: Floats, b: Floats) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = (a == b) & (np.signbit(a) == np.signbit(b))
    return same | (np.isnan(a) & np.isnan(b))


def _log_bound(count: NDArray[np.int64], probability: Floats) -> Floats:
    """The logarithm of Chernoff's bound, of both sides together."""
    share = count / _TRIALS
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(share > 0, share * np.log(share / probability), 0)
        rest = np.where(share < 1, (1 - share) * np.log((1 - share) / (1 - probability)), 0)
    bound: Floats = np.log(2) - _TRIALS * (part + rest)
    return bound
