"""How an operation is carried out on arrays of some dtypes, for a format and modes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numformats.arithmetic import approximation, exactly, single
from numformats.arithmetic.algebra import ALGEBRA
from numformats.arithmetic.approximation import APPROXIMATION
from numformats.arithmetic.context import Context, Found
from numformats.arithmetic.limits import deciding_bits, reach_of
from numformats.arithmetic.selection import SELECTION
from numformats.codec.extents import Extent, extent_of_format
from numformats.codec.plan import EncodePlan, make_plan
from numformats.exact import OPERATIONS, Operation
from numformats.exact.rules import named_rules
from numformats.modes import Modes
from numformats.system import Arithmetic, NumberSystem

_NEAREST = ("nearest_even", "nearest_away", "nearest_zero")


@dataclass(frozen=True)
class Evaluation:
    """An operation on one-dimensional arrays of a dtype, whose results are projected."""

    operation: Operation
    context: Context
    dtype: np.dtype[Any]
    function: Callable[..., Found]

    def __call__(self, *operands: NDArray[Any]) -> NDArray[Any]:
        """Results as sticky float64 numbers, or float32; a new array."""
        rules = self.context.rules
        with np.errstate(all="ignore"):
            if not rules.signs:  # -0 is read as 0
                operands = tuple(operand + operand.dtype.type(0) for operand in operands)
            found, wrong = self.function(self.context, *operands)
        if wrong is not None and wrong.any():
            places = np.flatnonzero(wrong)
            some = [np.broadcast_to(operand, found.shape)[places] for operand in operands]
            found[places] = exactly.results(self.operation, some, rules, self.context.downward)
        # NaN of operations has a positive sign. The maximum of what has NaN is NaN, and quicker to
        # find than where they are.
        keeps_signs = self.operation.kind == "sign" and rules.signs
        if not keeps_signs and np.isnan(found.max(initial=0)):
            found[np.isnan(found)] = np.nan
        return found


@lru_cache(maxsize=1024)
def find_evaluation(
    name: str,
    extents: tuple[Extent, ...],
    fmt: NumberSystem,
    modes: Modes,
    rules: Arithmetic,
) -> Evaluation | None:
    """How an operation is carried out on numbers of some extents, whose results are projected onto
    a format; None if only by `numformats.exact.apply`.
    """
    bits = deciding_bits(fmt, modes)
    if bits is None:
        return None
    result, is_nearest = extent_of_format(fmt), modes.rounding in _NEAREST
    are_values = fmt.lattice is not None and all(_holds(result, extent) for extent in extents)
    context = Context(
        reaches=tuple(map(reach_of, extents)),
        bits=bits,
        rules=named_rules(rules),
        downward=modes.rounding == "toward_negative",
        is_nearest_of_values=is_nearest and are_values,
    )
    operation, double = OPERATIONS[name], np.dtype(np.float64)
    if _can_be_single(name, context, fmt, modes):
        return Evaluation(operation, context, np.dtype(np.float32), single.SINGLE[name])
    for table in (ALGEBRA, SELECTION):
        if name in table:
            return Evaluation(operation, context, double, table[name])
    if bits > approximation.MOST_BITS:
        return None
    return Evaluation(operation, context, double, APPROXIMATION[name])


def _holds(result: Extent, operand: Extent) -> bool:
    """Whether all finite numbers of an operand are values of the result's format."""
    return (
        operand.precision <= result.precision
        and (operand.quantum / result.quantum).denominator == 1
        and result.lowest <= operand.lowest
        and operand.highest <= result.highest
    )


def _can_be_single(name: str, context: Context, fmt: NumberSystem, modes: Modes) -> bool:
    if name in ("add", "subtract"):
        plan = make_plan(fmt, modes)
        return single.can_add(
            context, isinstance(plan, EncodePlan) and plan.overflow == plan.infinity
        )
    return name == "multiply" and single.can_multiply(context)
