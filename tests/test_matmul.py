"""Sums, dot products and matrix products of arrays, against their meaning in Fractions."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

import numformats as nf
from numformats import arithmetic
from numformats.arithmetic import Accumulator, Result, get_accumulator, list_accumulators
from numformats.arithmetic.meaning import exact_dot
from numformats.codec.numba import threads

Array = NDArray[Any]

GENERIC = ["exact", "sequential", "fma_chain", "pairwise"]
UNITS = [name for name in list_accumulators() if name not in GENERIC]

pytestmark = pytest.mark.usefixtures("both_paths")


def values_of(fmt: nf.Format, rng: np.random.Generator, shape: tuple[int, ...], kind: str) -> Array:
    """Values of a format, of one kind of trouble each."""
    if kind == "near":
        x = rng.standard_normal(shape)
    elif kind == "wide":  # every exponent: cancellation, subnormals, overflow
        low, high = math.log2(fmt.smallest_subnormal), math.log2(fmt.max)
        x = rng.choice([-1.0, 1.0], shape) * 2.0 ** rng.uniform(low - 1, high, shape)
    elif kind == "subnormal":
        x = rng.uniform(-2, 2, shape) * fmt.smallest_normal
    elif kind == "cancelling":  # large numbers of both signs, small ones between
        x = rng.choice([-1.0, 1.0], shape) * np.where(
            rng.random(shape) < 0.5, min(fmt.max, 2.0**12), 2.0 ** rng.integers(-12, 1, shape)
        )
    else:
        x = rng.choice([0.0, -0.0, 1.0, -1.5, fmt.max], shape)
        if fmt.has_nan:
            x[rng.random(shape) < 0.03] = np.nan
        if fmt.has_inf:
            x[rng.random(shape) < 0.08] = rng.choice([np.inf, -np.inf])
    return fmt.round(x, saturation="propagate").astype(np.float64)


KINDS = ["near", "wide", "subnormal", "cancelling", "special"]


def same(got: Array, expected: Array) -> bool:
    """Bit for bit, but for the bits of NaN."""
    got, expected = got.astype(np.float64), expected.astype(np.float64)
    nan = np.isnan(expected)
    signs = (np.signbit(got) == np.signbit(expected)) | nan
    return bool((np.isnan(got) == nan).all() and signs.all() and (got == expected)[~nan].all())


def meant(a: Array, b: Array, c: Array, *, acc: Any, output: Any = None) -> Array:
    """What `exact_dot` makes of all rows and columns."""
    out = [
        [float(exact_dot(a[i], b[:, j], c[i, j], acc, output)) for j in range(b.shape[1])]
        for i in range(a.shape[0])
    ]
    return np.array(out).reshape(a.shape[0], b.shape[1])


def outputs_of(acc: Accumulator) -> list[str]:
    return [acc.result(None).format, *(other.format for other in acc.alternatives)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", UNITS)
def test_units_give_what_is_meant(name: str, kind: str) -> None:
    acc = get_accumulator(name)
    rng = np.random.default_rng(len(name))
    for output in outputs_of(acc):
        for fmt in map(nf.get_format, acc.inputs):
            one = replace(acc, inputs=(fmt.name,))
            k = int(rng.integers(1, 2 * (acc.block or 1) + 3))
            a, b = values_of(fmt, rng, (3, k), kind), values_of(fmt, rng, (k, 4), kind)
            c = values_of(nf.get_format(output), rng, (3, 4), kind)
            c[0] = 0
            got = arithmetic.matmul(a, b, c, accumulator=one, output=output)
            assert got.dtype == nf.get_format(output).dtype
            assert same(got, meant(a, b, c, acc=one, output=output))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("output", ["float32", "float16", "bfloat16", "float8_e5m2"])
@pytest.mark.parametrize("name", GENERIC)
def test_generic_ones_give_what_is_meant(name: str, output: str, kind: str) -> None:
    rng = np.random.default_rng(len(name))
    fmt = nf.get_format(output)
    for operands in (fmt, nf.float32, nf.float8_e4m3fn):
        a, b = values_of(operands, rng, (3, 11), kind), values_of(operands, rng, (11, 4), kind)
        c = values_of(fmt, rng, (3, 4), kind)
        got = arithmetic.matmul(a, b, c, accumulator=name, output=output)
        assert same(got, meant(a, b, c, acc=name, output=output))


@pytest.mark.parametrize(
    "rounding",
    nf.testing.ROUNDINGS
    if hasattr(nf.testing, "ROUNDINGS")
    else [
        "nearest_even",
        "nearest_away",
        "nearest_zero",
        "toward_zero",
        "away_from_zero",
        "toward_positive",
        "toward_negative",
        "to_odd",
    ],
)
@pytest.mark.parametrize("name", GENERIC)
def test_every_rounding_mode(name: str, rounding: str) -> None:
    rng = np.random.default_rng(5)
    acc = replace(get_accumulator(name), format="float16", rounding=rounding)
    for kind in KINDS:
        a, b = (values_of(nf.float16, rng, shape, kind) for shape in ((4, 9), (9, 5)))
        c = values_of(nf.float16, rng, (4, 5), kind)
        assert same(arithmetic.matmul(a, b, c, accumulator=acc), meant(a, b, c, acc=acc))
