"""What a code stands for, and the codes beside it: IEEE 754-2019 5.3.1, 5.7.2; P3109 4.13, 4.16."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from numformats.checks import unknown
from numformats.exact.numbers import Number
from numformats.exact.projection import decode, encoded
from numformats.exact.rules import Rules, find_rules
from numformats.exact.saturation import saturated
from numformats.reals import read_number
from numformats.system import Arithmetic, NumberSystem


@dataclass(frozen=True)
class Predicate:
    """A question about what a code stands for: its name here and in P3109, and the answer."""

    name: str
    p3109: str
    holds: Callable[[Number, NumberSystem], bool]


def _is_finite(x: Number, fmt: NumberSystem) -> bool:
    return math.isfinite(x.value)


def _is_normal(x: Number, fmt: NumberSystem) -> bool:
    return math.isfinite(x.value) and x.magnitude.value >= fmt.smallest_normal_exact


def _is_subnormal(x: Number, fmt: NumberSystem) -> bool:
    return 0 < x.magnitude.value < fmt.smallest_normal_exact


PREDICATES: Final[dict[str, Predicate]] = {
    predicate.name: predicate
    for predicate in (
        Predicate("is_zero", "IsZero", lambda x, _: x.value == 0),
        Predicate("is_one", "IsOne", lambda x, _: x.value == 1),
        Predicate("is_nan", "IsNaN", lambda x, _: x.is_nan),
        Predicate("is_infinite", "IsInfinite", lambda x, _: x.is_infinite),
        Predicate("is_finite", "IsFinite", _is_finite),
        Predicate("is_sign_minus", "IsSignMinus", lambda x, _: bool(x.negative)),
        Predicate("is_normal", "IsNormal", _is_normal),
        Predicate("is_subnormal", "IsSubnormal", _is_subnormal),
    )
}


def predicate(name: str, code: int, fmt: NumberSystem, *, rules: Arithmetic | None = None) -> bool:
    """Whether a predicate holds of what a code stands for.

    `name` is one of `PREDICATES`: ``is_zero``, ``is_one``, ``is_nan``, ``is_infinite``,
    ``is_finite``, ``is_sign_minus``, ``is_normal``, ``is_subnormal``. Zero is neither normal nor
    subnormal; values without exponents are normal. By the rules of P3109, zero and NaN have no
    sign. ValueError for an unknown name, and what `decode` raises.

    Source: IEEE 754-2019, clause 5.7.2; IEEE P3109 interim report v4.0, clause 4.13.

    >>> import numformats as nf
    >>> predicate("is_subnormal", 1, nf.float8_e4m3fn)
    True
    """
    if name not in PREDICATES:
        raise ValueError(unknown("name", str(name), PREDICATES))
    return PREDICATES[name].holds(_read_code(code, fmt, find_rules(fmt, rules)), fmt)


def classify(code: int, fmt: NumberSystem, *, rules: Arithmetic | None = None) -> str:
    """The class of what a code stands for.

    It is ``nan``, or ``infinity``, ``normal``, ``subnormal`` or ``zero`` with ``positive_`` or
    ``negative_`` before; by the rules of P3109 zero has no sign, and there are 8 classes. NaNs are
    all one, quiet or signaling. Raises what `decode` raises.

    Source: IEEE 754-2019, clause 5.7.2; IEEE P3109 interim report v4.0, clause 4.13.

    >>> import numformats as nf
    >>> classify(0x80, nf.float8_e5m2), classify(0, nf.binary8p3se), classify(0x80, nf.binary8p3se)
    ('negative_zero', 'zero', 'nan')
    """
    followed = find_rules(fmt, rules)
    x = _read_code(code, fmt, followed)
    if x.is_nan:
        return "nan"
    if x.value == 0 and not followed.signs:
        return "zero"
    sign = "negative" if x.negative else "positive"
    if x.value == 0:
        return f"{sign}_zero"
    if x.is_infinite:
        return f"{sign}_infinity"
    return f"{sign}_normal" if _is_normal(x, fmt) else f"{sign}_subnormal"


def next_up(code: int, fmt: NumberSystem, *, rules: Arithmetic | None = None) -> int:
    """The code of the least value above that of a code.

    Above the largest value comes infinity, if there is one; else, by the rules of IEEE 754, what
    the format has for overflow: NaN, or the largest value itself. Above infinity comes infinity. By
    the rules of P3109 nothing comes after the last value: the result is NaN. Above the negative
    value nearest to zero comes -0, if there is one. That of NaN is NaN. Raises what `decode`
    raises.

    Source: IEEE 754-2019, clause 5.3.1; IEEE P3109 interim report v4.0, clause 4.16.

    >>> import numformats as nf
    >>> [nf.exact.decode(next_up(code, nf.float4_e2m1fn), nf.float4_e2m1fn) for code in (6, 7, 8)]
    [Fraction(6, 1), Fraction(6, 1), Fraction(1, 2)]
    """
    return _neighbour(code, fmt, find_rules(fmt, rules), up=True)


def next_down(code: int, fmt: NumberSystem, *, rules: Arithmetic | None = None) -> int:
    """The code of the greatest value below that of a code; all else as `next_up` does it.

    Below zero in an unsigned format, by the rules of IEEE 754, comes what a negative number
    becomes there: NaN, or zero again.

    >>> import numformats as nf
    >>> next_down(0x00, nf.float8_e4m3fn), next_down(0x01, nf.float8_e4m3fn)
    (129, 0)
    """
    return _neighbour(code, fmt, find_rules(fmt, rules), up=False)


def _neighbour(code: int, fmt: NumberSystem, rules: Rules, up: bool) -> int:
    x = _read_code(code, fmt, rules)
    if x.is_nan:
        return fmt.code_of_nan(bool(x.negative))
    if x.is_infinite:
        if up == x.negative:
            return fmt.code_of_step(fmt.lowest_step if up else fmt.highest_step)
        return code if rules.neighbours_end else fmt.code_of_nan(False)
    step = fmt.step_beside(fmt.step_of(x.fraction), 1 if up else -1)
    if fmt.lowest_step <= step <= fmt.highest_step:
        # A zero that is come to from below is negative, where zero has a sign.
        return encoded(fmt.value_of_step(step), up and rules.signs, fmt)
    if fmt.has_inf and (up or fmt.signed):
        return fmt.code_of_infinity(not up)
    if not rules.neighbours_end:
        return fmt.code_of_nan(False)
    return encoded(
        saturated(math.inf if up else -math.inf, fmt, "nearest_even", "none"), not up, fmt
    )


def _read_code(code: int, fmt: NumberSystem, rules: Rules) -> Number:
    """What a code stands for, with its sign."""
    value, negative = read_number(decode(code, fmt))
    if value != value:
        # Where NaN has a sign, its codes differ by the bit for it.
        negative = bool(code & (fmt.code_of_nan(True) ^ fmt.code_of_nan(False)))
    has_sign = rules.signs or (value == value and value != 0)
    return Number(value, negative and has_sign)
