"""Exact sums of products for matrices, rounded once.

Operands are cut into slices: integers of so few bits that a product of two slices, summed over all
of k, stays below 2**53. Then float64 holds every partial sum, in whatever order a fast library adds
them, and each product of slices is exact. (Ozaki, Ogita, Oishi, Rump, "Error-free transformations
of matrix multiplication by using fast routines of matrix multiplication and its applications",
Numerical Algorithms 59, 2012.) What the products of slices add up to is an integer in large digits,
from which a float64 rounded to odd is made.

E4M3 needs one slice: its values are multiples of 2**-9 below 2**9, products are multiples of 2**-18
below 2**18, and 2**14 of them can be summed. E5M2 has values from 2**-16 to 2**16 and needs two.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats import exact
from numformats.arithmetic.limits import deciding_bits
from numformats.codec import arrays
from numformats.error_free import sum_to_odd
from numformats.modes import Modes, RoundingMode, deterministic
from numformats.system import NumberSystem

Floats = NDArray[np.float64]

_FLOAT64_BITS: Final = 53
# Log2 of what results are kept within, far from the ends of float64. What lies beyond is beyond all
# values, or far below the smallest, of any format that results are rounded to.
_REACH: Final = 960


def exact_products(a: Floats, b: Floats, c: Floats) -> Floats:
    """a @ b + c rounded to odd: (m, k), (k, n) and (m, n). A zero sum is +0; NaN and infinities are
    as in the exact sum.
    """
    special = _special_sums(a, b, c)
    a, b, c = (np.where(np.isfinite(x), x, 0.0) for x in (a, b, c))
    result = _finite_sums(a, b, c)
    return result if special is None else np.where(special == 0, result, special)


def projectable_products(
    a: Floats, b: Floats, c: Floats, fmt: NumberSystem, rounding: RoundingMode
) -> Floats:
    """a @ b + c as numbers that a rounding mode projects onto a format as it would the exact sums.

    Those are sums rounded to odd, but where the points at which a projection changes have more bits
    than float64, or none that would do, one may lie between a sum and what it is rounded to. Then
    the sum is projected here, and its value given.
    """
    total = exact_products(a, b, c)
    if fmt.lattice is not None or deterministic(rounding) is None:
        return total
    if deciding_bits(fmt, Modes(rounding)) is not None:
        return total
    for i, j in np.argwhere(_is_in_doubt(total, fmt, rounding)).tolist():
        terms = zip(map(Fraction, a[i].tolist()), map(Fraction, b[:, j].tolist()), strict=True)
        exactly = sum((x * y for x, y in terms), Fraction(c[i, j].item()))
        total[i, j] = float(fmt.value(exact.project(exactly, fmt, rounding)))
    return total


def _is_in_doubt(total: Floats, fmt: NumberSystem, rounding: RoundingMode) -> NDArray[np.bool_]:
    """Where the float64 numbers on both sides of a sum rounded to odd are not projected alike."""
    is_odd = total.view(np.int64) & 1 == 1
    x = np.where(is_odd & np.isfinite(total), total, 0.0)
    codes = (arrays.encode(np.nextafter(x, end), fmt, rounding) for end in (-np.inf, np.inf))
    return (x != 0) & np.not_equal(*codes)


def _finite_sums(a: Floats, b: Floats, c: Floats) -> Floats:
    count = max(a.shape[1], 1)
    # The bits of a product of slices; three are left for what is added to the sums of these.
    bits = _FLOAT64_BITS - 3 - math.ceil(math.log2(count))
    (a_low, a_high), (b_low, b_high) = _bit_range(a), _bit_range(b)
    a_bits, b_bits = a_high - a_low, b_high - b_low
    if a_bits + b_bits <= bits:
        return _with_addend([np.ldexp(a, -a_low) @ np.ldexp(b, -b_low)], bits, a_low + b_low, c)
    width = max(bits // 2, 1)
    a_slices, b_slices = _slices(a, a_low, a_bits, width), _slices(b, b_low, b_bits, width)
    levels = [np.zeros(c.shape) for _ in range(len(a_slices) + len(b_slices))]
    for i, one in enumerate(a_slices):
        for j, other in enumerate(b_slices):
            if one is None or other is None:
                continue
            product = one @ other
            # Carried up at once, so that any number of products can be added to a level.
            carry = np.floor(np.ldexp(product, -width))
            levels[i + j] += product - np.ldexp(carry, width)
            levels[i + j + 1] += carry
    return _with_addend(levels, width, a_low + b_low, c)


def _bit_range(x: Floats) -> tuple[int, int]:
    """The exponents between which all bits of all numbers lie."""
    values = np.abs(x[x != 0])
    if not values.size:
        return 0, 1
    fraction, exponent = np.frexp(values)
    words = np.ldexp(fraction, _FLOAT64_BITS).astype(np.int64)
    trailing = np.frexp((words & -words).astype(np.float64))[1] - 1
    lowest = int((exponent.astype(np.int64) - _FLOAT64_BITS + trailing).min())
    return lowest, int(exponent.max())


def _slices(x: Floats, low: int, bits: int, width: int) -> list[Floats | None]:
    """Integers of at most `width` bits whose sum, each by its place, is x; None for zeros."""
    slices: list[Floats | None] = []
    rest = x
    places = range(-(-bits // width))
    for place in reversed(places):
        shift = low + place * width
        own = np.trunc(np.ldexp(rest, -shift))
        rest = rest - np.ldexp(own, shift)
        slices.append(own if own.any() else None)
    return slices[::-1]


def _with_addend(levels: list[Floats], width: int, low: int, c: Floats) -> Floats:
    """An integer in digits of `width` bits, in units of 2**low, and c: their sum rounded to odd."""
    if not c.any():
        return _digits_to_odd(levels, width, low)
    digits, place = _as_levels(c, width, low)
    size = max(len(digits), len(levels) + place)
    zero = np.zeros(c.shape)
    joined: list[Any] = [zero] * size
    for i, level in enumerate(digits):
        joined[i] = joined[i] + level
    for i, level in enumerate(levels):
        joined[i + place] = joined[i + place] + level
    return _digits_to_odd(joined, width, low - place * width)


def _as_levels(c: Floats, width: int, low: int) -> tuple[list[Floats], int]:
    """c in digits of `width` bits, and how many places these begin below 2**low."""
    lowest, highest = _bit_range(c)
    place = max(0, -(-(low - lowest) // width))
    own_low = low - place * width
    slices = _slices(c, own_low, max(highest - own_low, 1), width)
    return [np.zeros(c.shape) if one is None else one for one in slices], place


def _digits_to_odd(levels: list[Floats], width: int, low: int) -> Floats:
    """A number in large digits, of any sign each, as a float64 rounded to odd."""
    digits, top = _carried(levels, width)
    sign = np.where(top < 0, -1.0, 1.0)
    # All digits of one sign, so that nothing cancels and each sum rounded to odd can go into the
    # next. (The top of a negative number is -1 or less, with positive digits below.)
    if (top < 0).any():
        digits, top = _carried([level * sign for level in levels], width)
    total, exponent = np.zeros(top.shape), 0
    for digit in (*digits, top):
        # In units of the digit's place, where the sum so far is below 1.
        total = sum_to_odd(digit, np.ldexp(total, -exponent))
        exponent = width
    scale = low + width * len(digits)
    return sign * _ldexp_to_odd(total, scale) + 0.0


def _carried(levels: list[Floats], width: int) -> tuple[list[Floats], Floats]:
    """The same number with digits from 0 to 2**width - 1, and what is above them."""
    digits, carry = [], np.zeros(levels[0].shape)
    for level in levels:
        total = level + carry
        carry = np.floor(np.ldexp(total, -width))
        digits.append(total - np.ldexp(carry, width))
    return digits, carry


def _ldexp_to_odd(x: Floats, scale: int) -> Floats:
    """x * 2**scale for x not negative, exact within the reach of results."""
    _, exponent = np.frexp(x)
    scaled: Floats = np.ldexp(x, np.clip(exponent + scale, -_REACH, _REACH) - exponent)
    return scaled


def _special_sums(a: Floats, b: Floats, c: Floats) -> Floats | None:
    """NaN or an infinity where the sum is that, else 0; None if there is none."""
    if np.isfinite(a).all() and np.isfinite(b).all() and np.isfinite(c).all():
        return None

    def pairs(x: Any, y: Any) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = x.astype(np.float32) @ y.astype(np.float32) > 0
        return found

    a_inf, b_inf = np.isinf(a), np.isinf(b)
    nan = pairs(np.isnan(a), np.ones(b.shape)) | pairs(np.ones(a.shape), np.isnan(b)) | np.isnan(c)
    nan |= pairs(a_inf, b == 0) | pairs(a == 0, b_inf)
    positive = c == np.inf
    negative = c == -np.inf
    for x, y in ((a_inf, ~np.isnan(b)), (~np.isnan(a), b_inf)):
        positive |= pairs(x & (a > 0), y & (b > 0)) | pairs(x & (a < 0), y & (b < 0))
        negative |= pairs(x & (a > 0), y & (b < 0)) | pairs(x & (a < 0), y & (b > 0))
    result = np.zeros(c.shape)
    result[positive] = np.inf
    result[negative] = -np.inf
    result[nan | (positive & negative)] = np.nan
    return result
