"""One of several options for each of many things, cheapest within a limit of size: exactly.

The multiple-choice knapsack problem. A price on size makes it easy, and bounds it from below
(Lagrange): each thing takes the option whose cost and priced size are least. What is not settled by
that, a few things as a rule, is enumerated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Partial choices that are kept at a time: 16 bytes each, and as many times that as there are
# options while they are extended.
_MOST_PARTIAL: Final = 1 << 20
# Halvings of the interval of prices: until its ends are neighbours among float64 numbers.
_HALVINGS: Final = 200
# Sums of costs in another order differ by a few last places.
_CLOSE: Final = 1e-12


@dataclass(frozen=True)
class Solution:
    """The cheapest choice within a limit.

    Attributes
    ----------
    choices : tuple of int
        The option of each thing.
    size : int
        The sum of the sizes.
    cost : float
        The sum of the costs.
    bound : float
        No choice within the limit costs less than this, whatever became of the search.
    is_exact : bool
        Whether no choice costs less but for the rounding of sums; False if there were too many
        partial choices to keep, and the most promising ones were.
    """

    choices: tuple[int, ...]
    size: int
    cost: float
    bound: float
    is_exact: bool


@dataclass(frozen=True, eq=False)
class _Priced:
    """What a price on size says: its choice, and the least that any choice costs.

    reduced: what each option costs more than the best one of its thing, at that price.
    """

    price: float
    choices: NDArray[np.intp]
    reduced: Floats
    bound: float


def cheapest(sizes: Sequence[Integers], costs: Sequence[Floats], limit: int) -> Solution | None:
    """The options with the smallest sum of costs among those whose sizes sum to a limit at most.

    Parameters
    ----------
    sizes, costs
        For each thing the sizes of its options, integers from 0 up, and their costs, numbers from 0
        up; those that are infinite are not chosen.
    limit : int
        The largest sum of sizes.

    Returns
    -------
    Solution or None
        None if no choice is within the limit.

    Examples
    --------
    >>> few, many = np.array([1, 4]), np.array([10, 40])
    >>> cheapest([few, many], [np.array([5.0, 1.0]), np.array([9.0, 2.0])], 41).choices
    (0, 1)
    """
    size, cost = _padded(sizes, costs)
    if not np.isfinite(cost).any(axis=1).all() or _least_size(size, cost).sum() > limit:
        return None
    priced, within = _at_best_price(size, cost, limit)
    within = _filled_up(size, cost, within, limit)
    rows = np.arange(len(size))
    highest = float(cost[rows, within].sum())
    # A thing whose other options cost more than is left between the bounds is settled.
    slack = highest - priced.bound + _CLOSE * abs(highest)
    is_open = np.isfinite(cost) & (priced.reduced <= slack)
    found, is_exact = _enumerated(size, cost, is_open, priced, limit, slack)
    best = within if found is None else found
    if float(cost[rows, best].sum()) > highest:
        best = within
    return Solution(
        tuple(best.tolist()),
        int(size[rows, best].sum()),
        float(cost[rows, best].sum()),
        min(priced.bound, highest),
        is_exact,
    )


def _padded(sizes: Sequence[Integers], costs: Sequence[Floats]) -> tuple[Integers, Floats]:
    """A row for each thing; options that it does not have cost infinitely much."""
    shape = len(sizes), max((own.size for own in sizes), default=1)
    size, cost = np.zeros(shape, np.int64), np.full(shape, np.inf)
    for row, (own_sizes, own_costs) in enumerate(zip(sizes, costs, strict=True)):
        size[row, : own_sizes.size] = own_sizes
        cost[row, : own_costs.size] = own_costs
    return size, cost


def _least_size(size: Integers, cost: Floats) -> Integers:
    return np.where(np.isfinite(cost), size, np.iinfo(np.int64).max).min(axis=1)


def _at_price(size: Integers, cost: Floats, price: float, limit: int) -> _Priced:
    priced = cost + price * size
    # Of options as good, the smallest.
    best = priced.min(axis=1, keepdims=True)
    choices = np.where(priced == best, size, np.iinfo(np.int64).max).argmin(axis=1)
    return _Priced(price, choices, priced - best, float(best.sum()) - price * limit)


def _at_best_price(size: Integers, cost: Floats, limit: int) -> tuple[_Priced, NDArray[np.intp]]:
    """The price with the highest bound, and the cheapest choice within the limit that one makes."""
    rows = np.arange(len(size))

    def is_within(priced: _Priced) -> bool:
        return int(size[rows, priced.choices].sum()) <= limit

    low = _at_price(size, cost, 0.0, limit)
    if is_within(low):
        return low, low.choices
    largest = float(cost.max(where=np.isfinite(cost), initial=0.0))
    high = _at_price(size, cost, largest or 1.0, limit)
    # At the end all take what is smallest.
    while not is_within(high):
        high = _at_price(size, cost, 2 * high.price, limit)
    for _ in range(_HALVINGS):
        middle = _at_price(size, cost, (low.price + high.price) / 2, limit)
        if middle.price in (low.price, high.price):
            break
        low, high = (low, middle) if is_within(middle) else (middle, high)
    return max(low, high, key=lambda priced: priced.bound), high.choices


def _filled_up(
    size: Integers, cost: Floats, choices: NDArray[np.intp], limit: int
) -> NDArray[np.intp]:
    """A choice within the limit with options exchanged, the largest gain first, while any fits."""
    choices, rows = choices.copy(), np.arange(len(size))
    while True:
        own_size, own_cost = size[rows, choices], cost[rows, choices]
        free = limit - int(own_size.sum())
        gain = np.where(size - own_size[:, np.newaxis] <= free, own_cost[:, np.newaxis] - cost, 0.0)
        row, option = np.unravel_index(gain.argmax(), gain.shape)
        if not gain[row, option] > 0:
            return choices
        choices[row] = option


def _enumerated(
    size: Integers,
    cost: Floats,
    is_open: NDArray[np.bool_],
    priced: _Priced,
    limit: int,
    slack: float,
) -> tuple[NDArray[np.intp] | None, bool]:
    """The cheapest choice of open options within the limit, and whether all of them were looked at.

    Thing after thing, the partial choices are kept that no other one is as small and as cheap as,
    and whose bound does not exceed the cost of a choice at hand.
    """
    left = _least_size(size, np.where(is_open, cost, np.inf))
    # What all that come after take at the least.
    after = int(left.sum())
    sums, prices, excess = np.zeros(1, np.int64), np.zeros(1), np.zeros(1)
    steps: list[tuple[NDArray[np.intp], NDArray[np.intp]]] = []
    is_exact = True
    for row in range(len(size)):
        after -= int(left[row])
        options = np.flatnonzero(is_open[row])
        grown = (sums[:, np.newaxis] + size[row, options]).ravel()
        worth = (prices[:, np.newaxis] + cost[row, options]).ravel()
        beyond = (excess[:, np.newaxis] + priced.reduced[row, options]).ravel()
        kept = np.flatnonzero((grown + after <= limit) & (beyond <= slack))
        kept = kept[_undominated(grown[kept], worth[kept])]
        if kept.size > _MOST_PARTIAL:
            kept, is_exact = kept[np.argsort(beyond[kept], kind="stable")[:_MOST_PARTIAL]], False
        if not kept.size:
            return None, is_exact
        sums, prices, excess = grown[kept], worth[kept], beyond[kept]
        steps.append((kept // options.size, options[kept % options.size]))
    return _traced(steps, int(prices.argmin())), is_exact


def _undominated(sizes: Integers, costs: Floats) -> NDArray[np.intp]:
    """Where no other is as small and as cheap; of equals one."""
    order = np.lexsort((costs, sizes))
    ordered = costs[order]
    before = np.concatenate([[np.inf], np.minimum.accumulate(ordered)[:-1]])
    return order[ordered < before]


def _traced(steps: list[tuple[NDArray[np.intp], NDArray[np.intp]]], last: int) -> NDArray[np.intp]:
    """The options that led to a partial choice of all things."""
    choices = np.zeros(len(steps), np.intp)
    for row in range(len(steps) - 1, -1, -1):
        parents, options = steps[row]
        choices[row], last = options[last], int(parents[last])
    return choices
