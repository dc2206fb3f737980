"""Rational operations and roots of float64 arrays, as sticky float64 numbers.

Whether a result needs its last bit set follows from how many bits operands have; that is derived in
docs/arithmetic.md, and said here in the line that asks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from numformats.arithmetic import sticky
from numformats.arithmetic.context import Bools, Context, Floats, Found
from numformats.error_free import two_product


def add(context: Context, x: Floats, y: Floats) -> Found:
    """x + y."""
    is_exact = context.span + 1 <= sticky.PRECISION
    # Of values with p bits, float64 and then the format round to nearest as one rounding does if
    # 2 p + 2 <= 53 (Figueroa, "When is double rounding innocuous?", ACM SIGNUM Newsletter 30(3),
    # 1995).
    is_innocuous = context.is_nearest_of_values and 2 * context.bits <= sticky.PRECISION
    total = x + y if is_exact or is_innocuous else sticky.sum_to_odd(x, y)
    if context.downward:
        total = _with_signs_of_zeros(context, total, x, y)
    return total, _beyond(context, total, x, y)


def subtract(context: Context, x: Floats, y: Floats) -> Found:
    """x - y."""
    return add(context, x, -y)


def faa(context: Context, x: Floats, y: Floats, z: Floats) -> Found:
    """x + y + z."""
    is_exact = context.span + 2 <= sticky.PRECISION
    total = x + y + z if is_exact else sticky.sum_of_three_to_odd(x, y, z)
    total = _with_signs_of_zeros(context, _of_infinities(total, x, y, z), x, y, z)
    return total, _beyond(context, total, x, y, z)


def multiply(context: Context, x: Floats, y: Floats) -> Found:
    """x y."""
    if context.are_tame:
        is_exact = context.product_bits <= sticky.PRECISION
        return x * y if is_exact else sticky.product_to_odd(x, y), None
    return sticky.product_to_odd(x, y), _finite(x, y) & ~sticky.is_tame(x, y)


def fma(context: Context, x: Floats, y: Floats, z: Floats) -> Found:
    """x y + z."""
    product = x * y
    if context.are_tame and context.product_bits <= sticky.PRECISION:
        total, wrong = sticky.sum_to_odd(product, z), None
    else:
        product, error = two_product(x, y)
        total = sticky.sum_of_three_to_odd(product, error, z)
        total = np.where(_finite(x, y), total, product + z)
        wrong = None if context.are_tame else _finite(x, y, z) & ~sticky.is_tame(x, y, z)
    total = _of_infinities(total, product, z)
    return _with_signs_of_zeros(context, total, product, z), wrong


def divide(context: Context, x: Floats, y: Floats) -> Found:
    """x / y."""
    # x / y and a point of b bits are (x - point y) / y apart: at least 2**-(b + py) of it.
    is_enough = context.bits + context.reaches[-1].precision + 1 <= sticky.PRECISION
    quotient = x / y if is_enough and context.are_tame else sticky.quotient_to_odd(x, y)
    if not context.rules.poles:
        quotient = np.where(y == 0, np.nan, quotient)
    if context.are_tame:
        return quotient, None
    is_right = sticky.is_tame(x, y) | (y == 0)
    return quotient, _finite(x, y) & ~is_right


def reciprocal(context: Context, x: Floats) -> Found:
    """1 / x."""
    return divide(context, np.ones(1), x)


def sqrt(context: Context, x: Floats) -> Found:
    """The square root of x."""
    # The squares of x's root and of a point of b bits differ by at least one bit of 2 b.
    is_enough = 2 * context.bits + 2 <= sticky.PRECISION and context.are_tame
    root = np.sqrt(x) if is_enough else sticky.root_to_odd(x)
    return root, None if context.are_tame else (x > 0) & np.isfinite(x) & ~sticky.is_tame(x)


def remainder(context: Context, x: Floats, y: Floats) -> Found:
    """x - n y, which is a float64 itself: fmod is exact, and so is taking y from it (Sterbenz)."""
    divisor = np.abs(y)
    # Of 2 y, to know whether the quotient is odd. Half of y goes to the even one of its sides.
    rest = np.fmod(np.abs(x), 2 * divisor)
    is_more = 2 * rest > divisor
    rest = np.where(is_more, rest - divisor, rest)
    rest = np.where(is_more & (2 * rest >= divisor), rest - divisor, rest)
    found = np.where(rest == 0, np.copysign(0.0, x), np.where(np.signbit(x), -rest, rest))
    found = np.where(np.isinf(y) & np.isfinite(x), x, found)
    return found, None if context.are_tame else _finite(x, y) & ~sticky.is_tame(x, y)


ALGEBRA: Final[dict[str, Callable[..., Found]]] = {
    "add": add,
    "subtract": subtract,
    "multiply": multiply,
    "divide": divide,
    "reciprocal": reciprocal,
    "fma": fma,
    "faa": faa,
    "sqrt": sqrt,
    "remainder": remainder,
}


def _finite(*arrays: Floats) -> Bools:
    return np.logical_and.reduce(np.broadcast_arrays(*map(np.isfinite, arrays)))


def _beyond(context: Context, total: Floats, *terms: Floats) -> Bools | None:
    """Where finite numbers have a sum near the end of float64, or beyond."""
    if context.are_tame:
        return None
    return ~(np.abs(total) < 2.0**1000) & _finite(*terms)


def _of_infinities(total: Floats, *terms: Floats) -> Floats:
    """A sum, which errors of infinite parts have made NaN, as it is."""
    plain = terms[0] + terms[1] if len(terms) == 2 else terms[0] + terms[1] + terms[2]
    return np.where(_finite(*terms), total, plain)


def _with_signs_of_zeros(context: Context, total: Floats, *terms: Floats) -> Floats:
    """A sum whose zeros have the sign of all terms; of the rounding, where these differ. IEEE
    754-2019 6.3.
    """
    is_zero = total == 0
    if not is_zero.any():
        return total
    signs = np.broadcast_arrays(*map(np.signbit, terms))
    negative = (np.logical_or if context.downward else np.logical_and).reduce(signs)
    return np.where(is_zero, np.where(negative, -0.0, 0.0), total)
