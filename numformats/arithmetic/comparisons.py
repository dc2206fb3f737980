"""Comparisons of numbers of any formats, as functions of arrays: nothing is rounded.

Source: IEEE 754-2019, clauses 5.6.1, 5.10 and 5.11; IEEE P3109 interim report v4.0, clause 4.12.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numformats import exact
from numformats.arithmetic.call import Array, broadcast, prepare_result
from numformats.arithmetic.sources import are_in_float64
from numformats.exact.rules import named_rules
from numformats.system import Arithmetic


def less(x: ArrayLike, y: ArrayLike, out: Array | None = None) -> Any:
    """Whether x < y, for each element; false if one is NaN.

    Parameters
    ----------
    x, y : array_like of real numbers
        Of any dtypes that `numformats.codec.encode` takes, and of shapes that broadcast.
    out : ndarray of bool, optional
        Where to write the results.

    Returns
    -------
    ndarray of bool
        A scalar for scalars. With `out`, that array.

    Raises
    ------
    TypeError, ValueError
        For operands that are not real numbers or do not broadcast, and `out` unfit to be written.

    Notes
    -----
    `numformats.exact.compare` defines each result: integers beyond 2**53 are compared with floats
    exactly, which NumPy does not do.

    Examples
    --------
    >>> import numformats as nf
    >>> nf.arithmetic.less(2.0**53, 2**53 + 1), 2.0**53 < np.int64(2**53 + 1)
    (np.True_, np.False_)
    """
    return _compared("less", x, y, out)


def less_equal(x: ArrayLike, y: ArrayLike, out: Array | None = None) -> Any:
    """Whether x <= y; false if one is NaN. All else as for `less`.

    >>> import numformats as nf
    >>> nf.arithmetic.less_equal([1.0, np.nan], 1.0)
    array([ True, False])
    """
    return _compared("less_equal", x, y, out)


def equal(x: ArrayLike, y: ArrayLike, out: Array | None = None) -> Any:
    """Whether x = y, whatever the sign of zeros; false if one is NaN. All else as for `less`.

    >>> import numformats as nf
    >>> nf.arithmetic.equal([0.0, np.nan], [-0.0, np.nan])
    array([ True, False])
    """
    return _compared("equal", x, y, out)


def not_equal(x: ArrayLike, y: ArrayLike, out: Array | None = None) -> Any:
    """Whether x and y are not equal; true if one is NaN. All else as for `less`.

    >>> import numformats as nf
    >>> nf.arithmetic.not_equal([0.0, np.nan], [-0.0, np.nan])
    array([False,  True])
    """
    return _compared("not_equal", x, y, out)


def greater(x: ArrayLike, y: ArrayLike, out: Array | None = None) -> Any:
    """Whether x > y; false if one is NaN. All else as for `less`.

    >>> import numformats as nf
    >>> nf.arithmetic.greater([2.0, np.nan], 1.0)
    array([ True, False])
    """
    return _compared("greater", x, y, out)


def greater_equal(x: ArrayLike, y: ArrayLike, out: Array | None = None) -> Any:
    """Whether x >= y; false if one is NaN. All else as for `less`.

    >>> import numformats as nf
    >>> nf.arithmetic.greater_equal([1.0, np.nan], 1.0)
    array([ True, False])
    """
    return _compared("greater_equal", x, y, out)


def total_order(
    x: ArrayLike, y: ArrayLike, out: Array | None = None, *, rules: Arithmetic = "ieee"
) -> Any:
    """Whether x comes no later than y in an order of all values, -0 before 0, and NaN at the end
    that its sign says; by the rules of ``"p3109"``, NaN first, and zero without a sign. All else as
    for `less`.

    >>> import numformats as nf
    >>> nf.arithmetic.total_order([0.0, 1.0, np.nan], [-0.0, np.nan, 1.0])
    array([False,  True, False])
    >>> nf.arithmetic.total_order([0.0, 1.0, np.nan], [-0.0, np.nan, 1.0], rules="p3109")
    array([ True, False,  True])
    """
    named_rules(rules)
    return _compared("total_order", x, y, out, rules)


def _compared(
    name: str, x: ArrayLike, y: ArrayLike, out: Array | None, rules: Arithmetic = "ieee"
) -> Any:
    first, second = broadcast(x, y)
    result = prepare_result(out, first.shape, np.dtype(bool))
    if _is_in_float64(first) and _is_in_float64(second):
        a, b = first.astype(np.float64), second.astype(np.float64)
        result[...] = _total_order(a, b, rules) if name == "total_order" else _UFUNCS[name](a, b)
    else:
        pairs = zip(first.reshape(-1), second.reshape(-1), strict=True)
        found = [exact.compare(name, a, b, rules=rules) for a, b in pairs]
        result[...] = np.array(found, bool).reshape(first.shape)
    return result[()] if out is None and result.ndim == 0 else result


_UFUNCS: Final[dict[str, Callable[[Array, Array], Array]]] = {
    "less": np.less,
    "less_equal": np.less_equal,
    "equal": np.equal,
    "not_equal": np.not_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
}


def _is_in_float64(x: Array) -> bool:
    """Whether float64 holds all numbers of an array."""
    if x.dtype.kind not in "iu" or x.dtype.itemsize < 8:
        return True
    return are_in_float64(x)


def _total_order(x: Array, y: Array, rules: Arithmetic) -> NDArray[np.bool_]:
    sides = _side_of_nan(x, rules), _side_of_nan(y, rules)
    x, y = (np.where(np.isnan(one), 0, one) for one in (x, y))
    has_signs = named_rules(rules).signs
    is_ordered = np.signbit(x) >= np.signbit(y) if has_signs else np.ones(x.shape, bool)
    is_ordered = (x < y) | ((x == y) & is_ordered)
    return (sides[0] < sides[1]) | ((sides[0] == sides[1]) & ((sides[0] != 0) | is_ordered))


def _side_of_nan(x: Array, rules: Arithmetic) -> Array:
    """-1 or 1 where an array has NaN before or after all numbers, and 0 elsewhere."""
    is_first = named_rules(rules).nan_is_lowest | np.signbit(x)
    return np.where(np.isnan(x), np.where(is_first, -1, 1), 0)
