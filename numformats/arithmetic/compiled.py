"""Whether compiled loops sum a product of matrices, and handing it to them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from numformats.arithmetic.accumulators import Accumulator, Result
from numformats.arithmetic.operands import Operand
from numformats.arithmetic.rounding import make_rounding
from numformats.codec import backends

Floats = NDArray[np.float64]

# A multiplication and addition in NumPy takes as long as encoding so many numbers.
_ELEMENTS_PER_PRODUCT: Final = 8


def compiled_sums(
    a: Operand, b: Operand, c: Floats, acc: Accumulator, result: Result
) -> Floats | None:
    """What compiled loops make of matrices (m, k) and (k, n) on top of c (m, n); None where there
    are none for such sums, or where loading them is not worth it yet.
    """
    if not _has_loop(a, b, acc):
        return None
    rows, count = a.values.shape
    if backends.compiled_path(rows * count * c.shape[1] * _ELEMENTS_PER_PRODUCT) is None:
        return None
    if rows > c.shape[1]:  # columns are worked on side by side
        return _sums(_transposed(b), _transposed(a), c.T, acc, result).T
    return _sums(a, b, c, acc, result)


def _has_loop(a: Operand, b: Operand, acc: Accumulator) -> bool:
    if acc.summation == "rounded":
        return not (a.is_wide or b.is_wide)
    lengths = {len(part) for part in acc.order}
    return acc.addend != "floored" and acc.group == 1 and len(lengths) == 1


def _transposed(operand: Operand) -> Operand:
    powers = None if operand.powers is None else operand.powers.T
    return replace(operand, values=operand.values.T, powers=powers)


def _sums(a: Operand, b: Operand, c: Floats, acc: Accumulator, result: Result) -> Floats:
    # Here, since it loads Numba.
    from numformats.codec.numba.matrix import calls

    how = make_rounding(result, flush_subnormals=acc.flush_subnormals)
    if _is_the_machines(a, b, acc, result):
        return calls.machine_sums(a.values, b.values, c)
    if acc.summation == "rounded":
        start = np.where(np.abs(c) < how.kept_from, 0.0, c)
        return calls.rounded_sums(
            a.values,
            b.values,
            start,
            size=acc.block or a.values.shape[1],
            rounds_products=acc.round_products,
            how=how.as_numbers(),
        )
    assert a.powers is not None
    assert b.powers is not None
    places = _places(acc, a.values.shape[1])
    zero = result.zero_exponent
    return calls.aligned_sums(
        *(_in_places(a.values, places, 1), _in_places(a.powers, places, 1)),
        *(_in_places(b.values, places, 0), _in_places(b.powers, places, 0)),
        c,
        size=(acc.block or 1) // len(acc.order),
        restart=len(acc.order) if acc.addend == "last" else 0,
        scale=2.0 ** (acc.alignment_bits or 0),
        zero_power=0.0 if zero is None else 2.0**zero,
        how=how.as_numbers(),
        of_register=make_rounding(Result(result.format)).as_numbers(),
    )


def _is_the_machines(a: Operand, b: Operand, acc: Accumulator, result: Result) -> bool:
    """Whether sums are those of the machine's own float32."""
    is_loop = acc.summation == "rounded" and acc.block == 1 and acc.round_products
    if not is_loop or acc.flush_subnormals or result != Result("float32"):
        return False
    return all(bool(_is_float32(x.values)) for x in (a, b))


def _is_float32(values: Floats) -> np.bool_:
    return (np.isnan(values) | (values.astype(np.float32) == values)).all()


def _places(acc: Accumulator, count: int) -> NDArray[np.intp]:
    """The places k of whole blocks, in the order in which their parts are summed."""
    size, period = acc.block or 1, sum(map(len, acc.order))
    inside = [k for part in acc.order for k in range(size) if k % period in part]
    begins = np.arange(0, count, size)
    return (begins[:, None] + np.array(inside, np.intp)).reshape(-1)


def _in_places(x: Floats, places: NDArray[np.intp], axis: int) -> Floats:
    """Numbers in another order along an axis, zero where there are none."""
    if len(places) == x.shape[axis] and (places[1:] > places[:-1]).all():
        return x
    chosen = np.take(x, np.minimum(places, x.shape[axis] - 1), axis)
    chosen[(slice(None),) * axis + (places >= x.shape[axis],)] = 0.0
    return chosen
