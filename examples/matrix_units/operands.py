"""Random operands for matrix instructions, of several kinds: A (m, k), B (n, k) and c (m, n)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from instructions import DTYPES, Instruction
from numpy.typing import NDArray

import numformats as nf
from numformats import FloatFormat

Array = NDArray[Any]
Floats = NDArray[np.float64]
Generator = np.random.Generator

_SPECIALS: Final = (np.inf, -np.inf, np.nan, 0.0, -0.0)


def float_format(name: str) -> FloatFormat:
    """The format of a name, which is a floating-point one here."""
    fmt = nf.get_format(name)
    assert isinstance(fmt, FloatFormat)
    return fmt


def in_format(name: str, numbers: Floats) -> Array:
    """Numbers rounded to a format, the largest ones in place of infinities."""
    rounded = float_format(name).round(numbers, "nearest_even", "finite")
    return rounded.astype(DTYPES[name])


def spread(rng: Generator, shape: tuple[int, int], low: Any, high: Any) -> Floats:
    """Numbers of both signs with exponents from low to high, which may be columns: by rows."""
    exponents = rng.integers(low, high, shape, endpoint=True)
    return np.ldexp(rng.choice([-1.0, 1.0], shape) * rng.uniform(1.0, 2.0, shape), exponents)


def sprinkled(rng: Generator, numbers: Array, share: float) -> Array:
    """Some of the numbers replaced by infinities, NaN and zeros (NaN alone in E4M3)."""
    specials = np.array(_SPECIALS).astype(numbers.dtype)
    chosen = specials[rng.integers(0, len(specials), numbers.shape)]
    return np.where(rng.random(numbers.shape) < share, chosen, numbers)


def normal(rng: Generator, one: Instruction, m: int, n: int) -> tuple[Array, Array]:
    """Normal numbers. Those for tf32 have all bits of float32, of which the chip cuts off 13."""
    a, b = one.formats
    return (
        rng.standard_normal((m, one.k)).astype(DTYPES[a]),
        rng.standard_normal((n, one.k)).astype(DTYPES[b]),
    )


def wide(rng: Generator, one: Instruction, m: int, n: int) -> tuple[Array, Array]:
    """Exponents of the whole format, or 61 in the middle of it."""

    def some(name: str, rows: int) -> Array:
        reach = min(30, -float_format(name).emin)
        return in_format(name, spread(rng, (rows, one.k), -reach, reach))

    a, b = one.formats
    return some(a, m), some(b, n)


def cancelling(rng: Generator, one: Instruction, m: int, n: int) -> tuple[Array, Array]:
    """Pairs of products that are opposite but for a few bits, at any places k."""
    order = rng.permutation(one.k)

    def some(name: str, rows: int, sign: int) -> Array:
        reach = rng.choice([1, 6, 12], (rows, 1))
        x = spread(rng, (rows, one.k // 2), -reach, reach)
        step = 2.0 ** (1 - float_format(name).precision)
        near_x = x * (1 + step * rng.integers(-1, 1, x.shape, endpoint=True))
        return in_format(name, np.concatenate([x, sign * near_x], axis=1)[:, order])

    a, b = one.formats
    return some(a, m, -1), some(b, n, 1)


def subnormal(rng: Generator, one: Instruction, m: int, n: int) -> tuple[Array, Array]:
    """Rows of subnormal numbers and the smallest normal ones, and rows of numbers of any size."""

    def some(name: str, rows: int) -> Array:
        fmt = float_format(name)
        high = rng.choice([fmt.emin + 1, -fmt.emin], (rows, 1))
        return in_format(name, spread(rng, (rows, one.k), fmt.emin - fmt.precision, high))

    a, b = one.formats
    return some(a, m), some(b, n)


def zeros(rng: Generator, one: Instruction, m: int, n: int) -> tuple[Array, Array]:
    """Zeros among products so small that it matters with what exponent a zero takes part."""

    def some(name: str, rows: int) -> Array:
        fmt = float_format(name)
        # Products around the smallest float32, or the smallest ones that there are.
        low = rng.integers(-78, -66, (rows, 1)) if fmt.emin < -100 else fmt.emin - fmt.precision
        x = spread(rng, (rows, one.k), low, low + 6)
        is_zero = rng.random(x.shape) < rng.choice([0.0, 0.1, 0.5, 0.8], (rows, 1))
        return in_format(name, np.where(is_zero, np.copysign(0.0, x), x))

    a, b = one.formats
    x, y = some(a, m), some(b, n)
    # Zero times a number of any size.
    x[:, 0] = np.copysign(0.0, rng.standard_normal(m)).astype(x.dtype)
    y[:, :1] = in_format(b, spread(rng, (n, 1), -14, 14))
    return x, y


def specials(rng: Generator, one: Instruction, m: int, n: int) -> tuple[Array, Array]:
    """Normal numbers with infinities, NaN and zeros among them."""
    a, b = normal(rng, one, m, n)
    return sprinkled(rng, a, 0.02), sprinkled(rng, b, 0.02)


KINDS: Final = {
    kind.__name__: kind for kind in (normal, wide, cancelling, subnormal, zeros, specials)
}


def mixed_addends(rng: Generator, one: Instruction, a: Array, b: Array) -> Array:
    """A c for each sum of products: what cancels it, of its size, any size, subnormal, or zero."""
    fmt = float_format(one.output)
    with np.errstate(all="ignore"):
        dots = np.nan_to_num(a.astype(np.float64) @ b.astype(np.float64).T, posinf=1.0, neginf=1.0)
    m, n = dots.shape
    step = 2.0 ** (1 - fmt.precision)
    choices: list[Floats] = [
        -dots * (1 + step * rng.integers(-4, 4, (m, n), endpoint=True)),
        dots * spread(rng, (m, n), -2, 2),
        spread(rng, (m, n), fmt.emin - fmt.precision, -fmt.emin),
        fmt.smallest_normal * rng.uniform(-1.0, 1.0, (m, n)),
        np.full((m, n), -0.0),
        np.zeros((m, n)),
    ]
    chosen: Floats = np.choose(rng.integers(0, len(choices), (m, n)), choices)
    return in_format(one.output, chosen)
