"""What a call asks for, read once: operands side by side, a projection, and where results go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numformats.codec.arguments import prepare_out, read_random_bits, read_real
from numformats.codec.plan import Plan, make_plan
from numformats.codec.random_bits import RandomSource, draw, key_of
from numformats.codec.values import default_dtype, rounded_dtype
from numformats.exact import Operation
from numformats.exact.application import find_operation
from numformats.exact.rules import named_rules
from numformats.modes import Modes, Stochastic, parse_modes, random_bit_count
from numformats.system import Arithmetic, NumberSystem, require_system

Array: TypeAlias = NDArray[Any]

# What errors call operands, in their order.
NAMES = ("x", "y", "z")


@dataclass(frozen=True)
class Call:
    """An operation asked for: all of a call but the numbers.

    rules: whose rules for zeros, infinities and NaN apply.
    key, random_bits: where a random mode gets its bits from, one of the two.
    """

    operation: Operation
    system: NumberSystem
    modes: Modes
    plan: Plan
    rules: Arithmetic
    key: int | None = None
    random_bits: Array | None = None

    def draws(self, begin: int, end: int) -> NDArray[np.uint64] | None:
        """The random numbers of the results from one position in C order to another."""
        if self.key is not None:
            return draw(self.key, begin, end - begin, random_bit_count(self.modes.rounding))
        if self.random_bits is None:
            return None
        return self.random_bits.reshape(-1)[begin:end].astype(np.uint64)


def read_call(
    name: str,
    shape: tuple[int, ...],
    fmt: NumberSystem,
    rounding: str | Stochastic,
    saturation: str,
    nan: str,
    rng: RandomSource,
    random_bits: ArrayLike | None,
    rules: Arithmetic | None = None,
) -> Call:
    """The call of these words, for results of a shape. Raises what `codec.encode` raises."""
    require_system(fmt)
    modes = parse_modes(rounding, saturation, nan)
    operation, plan = find_operation(name), make_plan(fmt, modes)
    followed = fmt.arithmetic if rules is None else rules
    named_rules(followed)
    bits = random_bit_count(modes.rounding)
    if random_bits is not None:
        if rng is not None:
            raise ValueError("rng: given along with random_bits; pass one of the two")
        given = read_random_bits(random_bits, shape, bits, str(modes.rounding))
        return Call(operation, fmt, modes, plan, followed, random_bits=given)
    return Call(operation, fmt, modes, plan, followed, key=key_of(rng) if bits else None)


def read_operands(name: str, operands: Sequence[ArrayLike]) -> list[Array]:
    """The operands of an operation as arrays of real numbers of one shape, each of its own dtype.

    TypeError for what is not real numbers, ValueError for shapes that do not broadcast, another
    number of operands, and an unknown operation.
    """
    count = find_operation(name).operands
    if len(operands) != count:
        raise ValueError(f"operands: {name} takes {count}, got {len(operands)}")
    return broadcast(*operands)


def broadcast(*operands: ArrayLike) -> list[Array]:
    """Arrays of real numbers of one shape."""
    arrays = [read_real(name, x) for name, x in zip(NAMES, operands, strict=False)]
    try:
        return list(np.broadcast_arrays(*arrays))
    except ValueError:
        shapes = " and ".join(f"{n} {a.shape}" for n, a in zip(NAMES, arrays, strict=False))
        raise ValueError(f"shapes that do not broadcast: {shapes}") from None


def result_dtype(
    operands: Sequence[ArrayLike], dtypes: Sequence[np.dtype[Any]], fmt: NumberSystem
) -> np.dtype[Any]:
    """The dtype of the results: what NumPy makes of the operands' dtypes, if that holds the format,
    else what the format's codes are decoded to. Numbers of Python do not count beside arrays.
    """
    strong = [
        dtype
        for given, dtype in zip(operands, dtypes, strict=True)
        if type(given) not in (int, float)
    ]
    try:
        common = np.result_type(*(strong or dtypes))
    except TypeError:  # two narrow floats, neither of which holds the other
        return default_dtype(fmt)
    return rounded_dtype(common, fmt)


def prepare_result(out: Array | None, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Where results are written: `out`, found fit to take them, or a new array."""
    return prepare_out(out, shape, dtype)
