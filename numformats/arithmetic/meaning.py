"""What an accumulator makes of one row and one column, in Fractions: the meaning of all sums here.

Slow, and meant to be checked by reading. `numformats.arithmetic.matrix` gives the same for arrays,
by other algorithms, and is tested against this.

A number is a Fraction, or one of the floats inf, -inf, nan and -0.0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, Final, NamedTuple

from numformats import exact
from numformats.arithmetic.accumulators import (
    Accumulator,
    Result,
    named_format,
    output_format,
    smallest_exponent,
)
from numformats.arithmetic.units import get_accumulator
from numformats.exact.rounding import neighbours, rounded
from numformats.formats.format import Format
from numformats.reals import Extended, floor_log2, power_of_two, read_number

_ZERO: Final = Fraction(0)
_NEGATIVE_ZERO: Final = -0.0


class _Term(NamedTuple):
    """One of the numbers that an aligned sum is made of, and its exponent, not normalised."""

    value: Fraction
    exponent: int | None


@dataclass(frozen=True)
class _Row:
    """Operands at places k in order, and how their products are summed."""

    acc: Accumulator
    result: Result
    # Formats of x and y, and of their scales, where the accumulator asks for them.
    formats: tuple[Format | None, Format | None]
    xs: Sequence[Extended]
    ys: Sequence[Extended]
    # The scales of x and y at each place.
    scales: Sequence[tuple[Extended, Extended]]

    def at(self, begin: int, count: int) -> _Row:
        """The places from `begin` on, `count` of them or what is left."""
        some = slice(begin, begin + count)
        return replace(self, xs=self.xs[some], ys=self.ys[some], scales=self.scales[some])

    @cached_property
    def products(self) -> list[Extended]:
        """The products at all places, with their scales."""
        return [
            _product(_product(x, y), _product(*scales))
            for x, y, scales in zip(self.xs, self.ys, self.scales, strict=True)
        ]

    def blocks(self, size: int | None) -> Iterator[_Row]:
        """The row in pieces of one size, or as one."""
        size = size or max(len(self.xs), 1)
        return (self.at(begin, size) for begin in range(0, len(self.xs), size))


def exact_dot(
    x: Iterable[Any],
    y: Iterable[Any],
    c: Any = 0,
    accumulator: str | Accumulator = "exact",
    output: str | Format | None = None,
    *,
    x_scales: Sequence[Any] = (),
    y_scales: Sequence[Any] = (),
) -> Extended:
    """The sum of the products of two sequences and of c, as an accumulator rounds it.

    x and y are as long as each other. Numbers are what `numformats.exact.project` takes; each has
    to be a value of one of the accumulator's inputs, of which an operand takes the first that has
    all its values. Returns a Fraction, or the float inf, -inf, nan or -0.0.

    Raises ValueError for lengths that differ, values that are none of the inputs', and outputs
    that the accumulator does not have. Source: that of the accumulator.

    >>> a, b = [-(2**13), -0.5, -0.25, -0.125], [2**10, 1, 1, 1]
    >>> units = ["v100_float16", "a100_float16", "h100_float16", "mi100_float16", "mi300_float16"]
    >>> [float(exact_dot(a, b, 2**23, unit)) for unit in units]
    [0.0, -0.5, -0.75, -0.875, -0.5]
    """
    acc = get_accumulator(accumulator)
    xs, ys = [_read(number) for number in x], [_read(number) for number in y]
    if len(xs) != len(ys):
        raise ValueError(f"y: {len(ys)} numbers, and x has {len(xs)}")
    if acc.rounds_once:
        products = [_product(a, b) for a, b in zip(xs, ys, strict=True)]
        special = _special([*products, _read(c)])
        total = _exact_sum([*products, _read(c)]) if special is None else special
        fmt = output_format(output)
        return exact.decode(exact.project(total, fmt, acc.rounding), fmt)
    result = acc.result(output)
    of_x, of_y = _input_format("x", xs, acc), _input_format("y", ys, acc)
    if acc.flush_subnormals:
        xs, ys = [_flushed(v, of_x, _ZERO) for v in xs], [_flushed(v, of_y, _ZERO) for v in ys]
    scales = _scale_pairs(acc, len(xs), x_scales, y_scales)
    row = _Row(acc, result, (of_x, of_y), xs, ys, scales)
    start = _read(c)
    if not xs:
        return _round(start, result)
    if acc.promote_every is None:
        return _total(row, start)
    register = start
    for interval in row.blocks(acc.promote_every):
        register = _ordinary_sum(register, _total(interval, _ZERO), result)
    return register


def _read(number: Any) -> Extended:
    value, negative = read_number(number)
    return _NEGATIVE_ZERO if value == 0 and negative else value


def _total(row: _Row, c: Extended) -> Extended:
    """All blocks in order of k."""
    sums = {"rounded": _rounded_block, "exact": _exact_block, "aligned": _aligned_block}
    for block in row.blocks(row.acc.block):
        c = sums[row.acc.summation](block, c)
    return c


def _exact_block(row: _Row, c: Extended) -> Extended:
    terms = [*row.products, c]
    special = _special(terms)
    return _round(_exact_sum(terms) if special is None else special, row.result)


# Rounded sums


def _rounded_block(row: _Row, c: Extended) -> Extended:
    acc, result = row.acc, row.result
    if acc.flush_subnormals:
        c = _flushed(c, result.number_format, _ZERO)

    def once(value: Extended) -> Extended:
        kept = _round(value, result)
        return _flushed(kept, result.number_format) if acc.flush_subnormals else kept

    level = [once(p) for p in row.products] if acc.round_products else row.products
    while len(level) > 1:
        pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
        level = [once(_sum(p[0], p[1], result)) if len(p) == 2 else p[0] for p in pairs]
    return once(_sum(c, level[0], result))


def _flushed(value: Extended, fmt: Format | None, zero: Fraction | None = None) -> Extended:
    """Zero, by default of its sign, in place of a subnormal number."""
    if fmt is None or not isinstance(value, Fraction) or abs(value) >= fmt.smallest_normal_exact:
        return zero if zero is not None and value == 0 else value
    if zero is not None:
        return zero
    return _NEGATIVE_ZERO if value < 0 else _ZERO


# Aligned sums


def _aligned_block(row: _Row, c: Extended) -> Extended:
    acc, result = row.acc, row.result
    if acc.addend == "last":
        return _ordinary_sum(c, _chained_parts(row, _ZERO), result)
    if acc.addend == "first":
        return _chained_parts(row, c)
    special = _special([*row.products, c])
    if special is not None:
        return special
    parts = [_terms_of_part(row, part) for part in acc.order]
    return _round(_floored_sum(acc, parts, _accumulator_term(c, result)), result)


def _chained_parts(row: _Row, c: Extended) -> Extended:
    """The parts of a block, each summed on top of the one before."""
    for part in row.acc.order:
        products = [row.products[k] for k in _places(row, part) if k < len(row.xs)]
        special = _special([*products, c])
        if special is not None:
            c = special
            continue
        terms = [*_terms_of_part(row, part), _accumulator_term(c, row.result)]
        cut, _ = _cut_sum(terms, row.acc.alignment_bits or 0)
        c = _round(cut, row.result)
    return c


def _places(row: _Row, part: Sequence[int]) -> list[int]:
    """The places of a whole block that a part takes."""
    period = sum(map(len, row.acc.order))
    return [k for k in range(row.acc.block or 0) if k % period in part]


def _terms_of_part(row: _Row, part: Sequence[int]) -> list[_Term]:
    """The products of a part; those that fill up the block are zero."""
    places, size = _places(row, part), row.acc.group
    groups = [places[i : i + size] for i in range(0, len(places), size)]
    return [_term(row, [k for k in group if k < len(row.xs)]) for group in groups]


def _term(row: _Row, places: Sequence[int]) -> _Term:
    """The exact sum of the products of a group, which have the same scales."""
    value = sum((_finite(row.products[k]) for k in places), _ZERO)
    if value == 0:
        return _Term(value, row.result.zero_exponent)
    first, exponent = places[0], 0
    if row.acc.group == 1:
        for factor, fmt in zip((row.xs[first], row.ys[first]), row.formats, strict=True):
            assert fmt is not None
            exponent += _exponent(factor, row.acc.exponent_format(fmt))
    if row.acc.scale_format is not None:
        of_scale = named_format("scale_format", row.acc.scale_format)
        exponent += sum(_exponent(scale, of_scale) for scale in row.scales[first])
    return _Term(value, exponent)


def _accumulator_term(c: Extended, result: Result) -> _Term:
    value = _finite(c)
    return _Term(value, _exponent(value, result.number_format) if value else result.zero_exponent)


def _cut_sum(terms: Sequence[_Term], bits: int) -> tuple[Fraction, int | None]:
    """The sum of terms cut toward zero at `bits` below the greatest exponent, and that exponent."""
    exponents = [term.exponent for term in terms if term.exponent is not None]
    if not exponents:
        return _ZERO, None
    greatest = max(exponents)
    quantum = power_of_two(greatest - bits)
    return sum((math.trunc(term.value / quantum) * quantum for term in terms), _ZERO), greatest


def _floored_sum(acc: Accumulator, parts: Sequence[Sequence[_Term]], c: _Term) -> Fraction:
    """What CDNA3 does: products cut on their own, then joined with the accumulator by floors."""
    bits, sum_bits = acc.alignment_bits or 0, acc.sum_bits or 0
    sums = [_cut_sum(terms, bits) for terms in parts]
    greatest = max(exponent for _, exponent in sums if exponent is not None)
    if len(sums) > 1:
        products = sum((_floor(value, greatest - bits) for value, _ in sums), _ZERO)
    else:
        products = sums[0][0]
    assert c.exponent is not None
    both = max(greatest, c.exponent)
    return _floor(products, both - sum_bits) + _floor(c.value, both - bits)


def _floor(value: Fraction, exponent: int) -> Fraction:
    quantum = power_of_two(exponent)
    return value // quantum * quantum


def _exponent(value: Extended, fmt: Format | None) -> int:
    """The exponent of a number of a format; of zero and subnormals, that of the smallest normal."""
    assert fmt is not None
    magnitude, smallest = abs(_finite(value)), smallest_exponent(fmt)
    return max(floor_log2(magnitude), smallest) if magnitude else smallest


# Exact arithmetic on what may be infinite, NaN or -0


def _finite(value: Extended) -> Fraction:
    """A finite number without the sign of its zero."""
    return value if isinstance(value, Fraction) else _ZERO


def _is_negative(value: Extended) -> bool:
    return value < 0 or (isinstance(value, float) and math.copysign(1.0, value) < 0)


def _product(a: Extended, b: Extended) -> Extended:
    """IEEE 754 multiplication, not rounded."""
    if (isinstance(a, float) and math.isnan(a)) or (isinstance(b, float) and math.isnan(b)):
        return math.nan
    negative = _is_negative(a) != _is_negative(b)
    if a in (math.inf, -math.inf) or b in (math.inf, -math.inf):
        if a == 0 or b == 0:
            return math.nan
        return -math.inf if negative else math.inf
    if a == 0 or b == 0:
        return _NEGATIVE_ZERO if negative else _ZERO
    return _finite(a) * _finite(b)


def _special(terms: Sequence[Extended]) -> float | None:
    """NaN or an infinity, if the sum of all terms is that."""
    floats = {term for term in terms if isinstance(term, float) and term != 0}
    if any(math.isnan(term) for term in floats) or len(floats) > 1:
        return math.nan
    return floats.pop() if floats else None


def _exact_sum(terms: Sequence[Extended]) -> Fraction:
    return sum(map(_finite, terms), _ZERO)


def _sum(a: Extended, b: Extended, result: Result) -> Extended:
    """IEEE 754 addition, not rounded; the sign of a zero sum by clause 6.3."""
    special = _special([a, b])
    if special is not None:
        return special
    total = _finite(a) + _finite(b)
    if total != 0:
        return total
    if a == 0 and _is_negative(a) == _is_negative(b):
        return a
    return _NEGATIVE_ZERO if result.mode == "toward_negative" else _ZERO


def _ordinary_sum(a: Extended, b: Extended, result: Result) -> Extended:
    """IEEE 754 addition to nearest even in the result's format."""
    nearest = Result(result.format)
    return _round(_sum(a, b, nearest), nearest)


def _round(value: Extended, result: Result) -> Extended:
    """A sum as its result is kept."""
    fmt = result.kept_format
    if isinstance(value, Fraction) and value != 0 and result.overflow == "infinity":
        beyond = rounded(value, neighbours(value, fmt), result.mode, 0)
        if abs(beyond) > fmt.highest:
            return math.inf if value > 0 else -math.inf
    kept = exact.decode(exact.project(value, fmt, result.mode), fmt)
    return _ZERO if kept == 0 and not result.has_negative_zero else kept


# Operands


def _input_format(argument: str, values: Sequence[Extended], acc: Accumulator) -> Format | None:
    """The first of the inputs that has all the values, or None where any are taken."""
    formats = [named_format("inputs", name) for name in acc.inputs]
    for fmt in formats:
        if all(_is_value(value, fmt) for value in values):
            return fmt
    if not formats:
        return None
    wrong = next(v for v in values if not all(_is_value(v, fmt) for fmt in formats))
    raise ValueError(f"{argument}: {wrong} is no value of {' or '.join(acc.inputs)}")


def _is_value(value: Extended, fmt: Format) -> bool:
    if isinstance(value, float) and math.isnan(value):
        return fmt.has_nan
    decoded = exact.decode(exact.project(value, fmt), fmt)
    return decoded == value


def _scale_pairs(
    acc: Accumulator, count: int, x_scales: Sequence[Any], y_scales: Sequence[Any]
) -> list[tuple[Extended, Extended]]:
    """The scales of each place; 1 where none are given."""
    block = acc.scale_block or 1

    def of_place(scales: Sequence[Any], k: int) -> Extended:
        return _read(scales[k // block]) if len(scales) else Fraction(1)

    return [(of_place(x_scales, k), of_place(y_scales, k)) for k in range(count)]
