"""Functions that float64 approximates, made right where that is not enough.

What NumPy computes is off by a few units in the last place. Nothing decides between it and the
exact result unless a point at which the projection changes, a number of few bits, is as near.
There, which is rare, the exact result is asked for; or its side is known, where a function comes
ever nearer to a line: exp(x) to 1 for small x, tanh(x) to 1 for large.

NumPy's float64 functions are taken to be within 16 units of the last place, for which the tests
stand: every input of float16 and bfloat16.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np

from numformats.arithmetic import sticky
from numformats.arithmetic.context import Bools, Context, Floats, Found

# Units in the last place that an approximation may be off.
_TOLERANCE: Final = 16
# Points and operands of so many bits are more than twice as far from each other.
_MOST_BITS: Final = 47
# Results between these have all of their bits.
_NORMAL: Final = (2.0**-1000, 2.0**1000)


class Line(NamedTuple):
    """What a function comes near to for some x, and on which side it stays: 1 if above.

    The base is NaN for x that are none of these.
    """

    base: Callable[[Floats], Any]
    side: Callable[[Floats], Any]


def _small(x: Floats) -> Floats:
    return np.where(np.abs(x) < 1, x, np.nan)


def _constant(base: float) -> Callable[[Floats], Any]:
    return lambda x: base


def _above(x: Floats) -> float:
    return 1.0


def _below(x: Floats) -> float:
    return -1.0


def _inward(x: Floats) -> Floats:
    return -np.sign(x)


_ABOVE_X, _BELOW_X = Line(_small, _above), Line(_small, _below)
_OUTSIDE_X, _INSIDE_X = Line(_small, np.sign), Line(_small, _inward)
_ABOVE_1, _BELOW_1 = Line(_constant(1.0), _above), Line(_constant(1.0), _below)
_THROUGH_1 = Line(_constant(1.0), np.sign)
_ABOVE_0 = Line(_constant(0.0), _above)
# What is too large for float64 is below infinity, and rounds as its largest number does.
_BELOW_INFINITY = Line(_constant(np.inf), _below)
_EXPONENTIAL = (_THROUGH_1, _ABOVE_0, _BELOW_INFINITY)


def _sinh_end(x: Floats) -> Floats:
    return np.copysign(np.inf, x)


_LINES: Final[dict[str, tuple[Line, ...]]] = {
    "exp": _EXPONENTIAL,
    "exp2": _EXPONENTIAL,
    "exp10": _EXPONENTIAL,
    "expm1": (_ABOVE_X, Line(_constant(-1.0), _above), _BELOW_INFINITY),
    "log1p": (_BELOW_X,),
    "softplus": (Line(lambda x: np.where(x > 1, x, np.nan), _above), _ABOVE_0),
    "sin": (_INSIDE_X,),
    "tan": (_OUTSIDE_X,),
    "arcsin": (_OUTSIDE_X,),
    "arctan": (_INSIDE_X,),
    "cos": (_BELOW_1,),
    # cos(pi x) is 1 for even x.
    "cospi": (Line(lambda x: np.where(np.abs(x) < 1, 1.0, np.nan), _below),),
    "arctanpi": (Line(lambda x: np.copysign(0.5, x), _inward),),
    "arccospi": (Line(_constant(0.5), _inward),),
    "sinh": (_OUTSIDE_X, Line(_sinh_end, _inward)),
    "cosh": (_ABOVE_1, _BELOW_INFINITY),
    "tanh": (_INSIDE_X, Line(np.sign, _inward)),
    "arcsinh": (_INSIDE_X,),
    "arctanh": (_OUTSIDE_X,),
}


def _rsqrt(x: Floats) -> Floats:
    return 1 / np.sqrt(x)


def _exp10(x: Floats) -> Floats:
    return np.power(10.0, x)


def _softplus(x: Floats) -> Floats:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _sinpi(x: Floats) -> Floats:
    # Less the nearest integer, exactly; there is the sine at most 1/4 away, and the cosine beyond.
    whole = np.rint(2 * x)
    rest = (x - whole / 2) * np.pi
    quarter = np.mod(whole, 4)
    found = np.where(quarter % 2 == 0, np.sin(rest), np.cos(rest))
    return np.where(quarter >= 2, -found, found)


def _cospi(x: Floats) -> Floats:
    whole = np.rint(2 * x)
    rest = (x - whole / 2) * np.pi
    quarter = np.mod(whole, 4)
    found = np.where(quarter % 2 == 0, np.cos(rest), np.sin(rest))
    return np.where((quarter == 1) | (quarter == 2), -found, found)


def _tanpi(x: Floats) -> Floats:
    return _sinpi(x) / _cospi(x)


_APPROXIMATIONS: Final[dict[str, Callable[..., Floats]]] = {
    "rsqrt": _rsqrt,
    "cbrt": np.cbrt,
    "hypot": np.hypot,
    "exp": np.exp,
    "exp2": np.exp2,
    "exp10": _exp10,
    "expm1": np.expm1,
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "softplus": _softplus,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "arcsin": np.arcsin,
    "arccos": np.arccos,
    "arctan": np.arctan,
    "arctan2": np.arctan2,
    "sinpi": _sinpi,
    "cospi": _cospi,
    "tanpi": _tanpi,
    "arcsinpi": lambda x: np.arcsin(x) / np.pi,
    "arccospi": lambda x: np.arccos(x) / np.pi,
    "arctanpi": lambda x: np.arctan(x) / np.pi,
    "arctan2pi": lambda x, y: np.arctan2(x, y) / np.pi,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "arcsinh": np.arcsinh,
    "arccosh": np.arccosh,
    "arctanh": np.arctanh,
}


def _approximated(name: str) -> Callable[..., Found]:
    function, lines = _APPROXIMATIONS[name], _LINES.get(name, ())

    def of_numbers(context: Context, *operands: Floats) -> Found:
        found = function(*operands)
        wrong = _is_near_points(found, context.bits)
        for operand in operands:
            wrong = wrong | ~np.isfinite(operand)
        if lines and context.reaches[0].precision <= _MOST_BITS:
            _settle_by_lines(found, wrong, operands[0], lines)
        return found, wrong

    return of_numbers


def _is_near_points(found: Floats, bits: int) -> Bools:
    """Where a number of so many bits is within the tolerance, or the last bits are none."""
    period = 1 << (sticky.PRECISION - bits)
    past = found.view(np.int64) & (period - 1)
    magnitude = np.abs(found)
    is_normal = (magnitude >= _NORMAL[0]) & (magnitude < _NORMAL[1])
    return (past <= _TOLERANCE) | (past >= period - _TOLERANCE) | ~is_normal


def _settle_by_lines(found: Floats, wrong: Bools, x: Floats, lines: tuple[Line, ...]) -> None:
    """Move results that lie near lines to their right sides, and take these from what is wrong."""
    places = np.flatnonzero(wrong & np.isfinite(x) & (x != 0))
    x, values = x[places], found[places]
    for line in lines:
        base = np.broadcast_to(np.asarray(line.base(x), np.float64), x.shape)
        distance = np.where(values == base, 0, np.abs(values - base))
        is_near = distance <= _TOLERANCE * np.spacing(np.where(np.isinf(base), 1, np.abs(base)))
        # One unit away: a number of odd last bit, since the base has fewer bits.
        side = np.broadcast_to(line.side(x), x.shape)[is_near]
        found[places[is_near]] = np.nextafter(base[is_near], side * np.inf)
        wrong[places[is_near]] = False


def _hypot(context: Context, x: Floats, y: Floats) -> Found:
    # Of squares of 26 bits the sum is sticky, and lies on the right side of squares of 26 bits.
    half = sticky.PRECISION // 2
    is_narrow = context.are_tame and max(reach.precision for reach in context.reaches) <= half
    if not is_narrow or context.bits > half:
        return _approximated("hypot")(context, x, y)
    root = sticky.root_to_odd(sticky.sum_to_odd(x * x, y * y))
    is_infinite = np.isinf(x) | np.isinf(y)
    if not context.rules.hypot_ignores_nan:
        is_infinite &= ~(np.isnan(x) | np.isnan(y))
    return np.where(is_infinite, np.inf, root), None


APPROXIMATION: Final[dict[str, Callable[..., Found]]] = {
    **{name: _approximated(name) for name in _APPROXIMATIONS},
    "hypot": _hypot,
}
# The most deciding bits for which approximations are near enough.
MOST_BITS: Final = _MOST_BITS
