"""What values of a format are, and the values beside them: of arrays, nothing is rounded.

Source: IEEE 754-2019, clauses 5.3.1 and 5.7.2; IEEE P3109 interim report v4.0, clauses 4.13, 4.16.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from numformats import exact
from numformats.arithmetic.call import Array, prepare_result, result_dtype
from numformats.arithmetic.comparisons import not_equal
from numformats.codec import backends
from numformats.codec.arguments import code_dtype, read_real
from numformats.codec.arrays import decode, encode
from numformats.system import NumberSystem


def next_up(x: ArrayLike, fmt: NumberSystem, out: Array | None = None) -> Any:
    """The least value of a format above each of its values.

    Parameters
    ----------
    x : array_like of real numbers
        Values of the format, in any dtype that `numformats.codec.encode` takes.
    fmt : NumberSystem
        The format.
    out : ndarray, optional
        Where to write the results; it may be `x`.

    Returns
    -------
    ndarray
        Values in the dtype of `x` if that holds every value of the format, else in the dtype that
        `numformats.codec.decode` chooses. A scalar for a scalar. With `out`, that array.

    Raises
    ------
    TypeError, ValueError
        For numbers that are no values of the format, what `numformats.codec.encode` refuses, and
        `out` unfit to be written.

    Notes
    -----
    `numformats.exact.next_up` defines each result, at the ends of the range and beside zero, too.

    Examples
    --------
    >>> import numformats as nf
    >>> nf.arithmetic.next_up([1.0, 448.0, -0.0], nf.float8_e4m3fn)
    array([1.125     ,        nan, 0.00195312])
    """
    return _neighbours(exact.next_up, x, fmt, out)


def next_down(x: ArrayLike, fmt: NumberSystem, out: Array | None = None) -> Any:
    """The greatest value of a format below each of its values. All else as for `next_up`.

    >>> import numformats as nf
    >>> nf.arithmetic.next_down([1.0, 448.0, 0.0], nf.float8_e4m3fn)
    array([ 9.375000e-01,  4.160000e+02, -1.953125e-03])
    """
    return _neighbours(exact.next_down, x, fmt, out)


def classify(x: ArrayLike, fmt: NumberSystem) -> Any:
    """The class of each value of a format, in words: an array of str, or a str for a scalar.

    It is ``nan``, or ``infinity``, ``normal``, ``subnormal`` or ``zero`` with ``positive_`` or
    ``negative_`` before; in P3109 zero has no sign. `x` and errors are as for `next_up`;
    `numformats.exact.classify` defines each result.

    >>> import numformats as nf
    >>> nf.arithmetic.classify([-1.0, 2.0**-9, np.nan], nf.float8_e4m3fn).tolist()
    ['negative_normal', 'positive_subnormal', 'nan']
    """
    found = _of_codes(exact.classify, _codes(x, fmt), fmt)
    return str(found) if found.ndim == 0 else found


def is_zero(x: ArrayLike, fmt: NumberSystem) -> Any:
    """Whether each value of a format is zero: an array of bool, or a scalar for a scalar.

    `x` and errors are as for `next_up`; `numformats.exact.predicate` defines each result.

    >>> import numformats as nf
    >>> nf.arithmetic.is_zero([-0.0, 1.0], nf.float8_e4m3fn)
    array([ True, False])
    """
    return _predicate("is_zero", x, fmt)


def is_one(x: ArrayLike, fmt: NumberSystem) -> Any:
    """Whether each value of a format is 1. All else as for `is_zero`."""
    return _predicate("is_one", x, fmt)


def is_nan(x: ArrayLike, fmt: NumberSystem) -> Any:
    """Whether each value of a format is NaN. All else as for `is_zero`."""
    return _predicate("is_nan", x, fmt)


def is_infinite(x: ArrayLike, fmt: NumberSystem) -> Any:
    """Whether each value of a format is infinite. All else as for `is_zero`."""
    return _predicate("is_infinite", x, fmt)


def is_finite(x: ArrayLike, fmt: NumberSystem) -> Any:
    """Whether each value of a format is neither infinite nor NaN. All else as for `is_zero`."""
    return _predicate("is_finite", x, fmt)


def is_sign_minus(x: ArrayLike, fmt: NumberSystem) -> Any:
    """Whether each value of a format has a negative sign, which zero and NaN have, too, but not in
    P3109. All else as for `is_zero`.
    """
    return _predicate("is_sign_minus", x, fmt)


def is_normal(x: ArrayLike, fmt: NumberSystem) -> Any:
    """Whether each value of a format is finite and has its full precision. All else as for
    `is_zero`.
    """
    return _predicate("is_normal", x, fmt)


def is_subnormal(x: ArrayLike, fmt: NumberSystem) -> Any:
    """Whether each value of a format is below the smallest normal one, and not zero. All else as
    for `is_zero`.

    >>> import numformats as nf
    >>> nf.arithmetic.is_subnormal([2.0**-9, 1.0, 0.0], nf.float8_e4m3fn)
    array([ True, False, False])
    """
    return _predicate("is_subnormal", x, fmt)


def _predicate(name: str, x: ArrayLike, fmt: NumberSystem) -> Any:
    return _of_codes(partial(exact.predicate, name), _codes(x, fmt), fmt)[()]


def _neighbours(
    neighbour: Callable[[int, NumberSystem], int], x: ArrayLike, fmt: NumberSystem, out: Any
) -> Any:
    codes = _codes(x, fmt)
    result = prepare_result(out, codes.shape, result_dtype((x,), (read_real("x", x).dtype,), fmt))
    beside = _of_codes(neighbour, codes, fmt).astype(code_dtype(fmt))
    backends.decode_into(result, beside, fmt)
    return result[()] if out is None and result.ndim == 0 else result


def _of_codes(function: Callable[[int, NumberSystem], Any], codes: Array, fmt: NumberSystem) -> Any:
    """What a function makes of each code, as an array of the same shape."""
    different, places = np.unique(codes, return_inverse=True)
    found = np.array([function(code, fmt) for code in different.tolist()])
    return found[places].reshape(codes.shape)


def _codes(x: ArrayLike, fmt: NumberSystem) -> Array:
    """The codes of values of a format. ValueError where a number is none."""
    array = read_real("x", x)
    codes = np.asarray(encode(array, fmt))
    values = decode(codes, fmt)
    are_both_nan = (values != values) & (array != array)
    wrong = np.flatnonzero(not_equal(values, array) & ~are_both_nan)
    if wrong.size:
        raise ValueError(
            f"x: {array.flat[wrong[0]]} is no value of {fmt.name}, {wrong.size} such numbers in "
            "all; round them first"
        )
    return codes
