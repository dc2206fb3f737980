"""The sums of errors, by NumPy and by compiled loops, against a loop over numbers of Python."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import numformats as nf
from numformats.analysis import measure
from numformats.analysis.errors import ends_of, error_sums, stats_of
from numformats.analysis.histograms import BINS
from numformats.codec.error_sums import ROW, Ends, ErrorSums

Array = NDArray[Any]

RNG = np.random.default_rng(21)
FORMAT = nf.float8_e4m3fn
ENDS = ends_of(FORMAT)
ODD = np.array(
    [0.0, -0.0, 1.0, -224.0, 448.0, 449.0, 2.0**-6, 2.0**-7, 5e-324, -1e-310, 1e200, -1e300, 1e308]
)
LOST = np.array([math.nan, math.inf, -math.inf])


def by_python(x: Array, y: Array, scales: Array, zeros: Array, ends: Ends) -> ErrorSums:
    """What is to be found, from what each of the figures says that it is."""
    found = ErrorSums.of_nothing(BINS)
    rows = found.rows()
    for n, (before, after) in enumerate(zip(x.tolist(), y.tolist(), strict=True)):
        scale, zero = (float(each[n if each.size > 1 else 0]) for each in (scales, zeros))
        place, error = n % ROW, after - before
        absolute = abs(error) if math.isfinite(after) else math.inf
        value = after if math.isfinite(after) else math.inf
        outer = sorted([(ends.lowest - zero) * scale, (ends.highest - zero) * scale])
        has_ends = not any(map(math.isnan, outer))
        is_beyond = has_ends and not outer[0] <= before <= outer[1]
        is_zeroed = after == 0 and before != 0
        rows.signal[place] += before * before
        rows.energy[place] += value * value
        rows.product[place] += before * value
        rows.error[place] += error
        rows.absolute_error[place] += absolute
        rows.noise[place] += absolute * absolute
        rows.clipping[place] += absolute * absolute if is_beyond else 0.0
        rows.underflow[place] += absolute * absolute if is_zeroed and not is_beyond else 0.0
        rows.overflowed[place] += is_beyond
        rows.zeroed[place] += is_zeroed
        rows.subnormal[place] += 0 < abs(after) < ends.subnormal * abs(scale)
        rows.largest_error[place] = max(rows.largest_error[place], absolute)
        if before == 0:
            found.relative[-1] += 1
            continue
        with np.errstate(over="ignore"):
            relative = float(np.float64(absolute) / abs(before))
        found.relative[bin_of(relative)] += 1
        if ends.smallest_normal * abs(scale) <= abs(before) <= ends.largest * abs(scale):
            rows.largest_relative[place] = max(rows.largest_relative[place], relative)
    return found


def bin_of(relative: float) -> int:
    """The place in a histogram: 128 bins to an octave, from 2**-64 to 2**64, between 0 and inf."""
    if relative == 0:
        return 0
    if relative == math.inf:
        return 128 * 128 + 1
    fraction, exponent = math.frexp(relative)
    step = math.floor((2 * fraction - 1) * 128)
    return min(max((exponent - 1 + 64) * 128 + step, 0), 128 * 128 - 1) + 1


def same(one: ErrorSums, other: ErrorSums) -> None:
    """Assert that two are the same, to the bit."""
    with np.errstate(invalid="ignore"):
        for name, expected in other.rows()._asdict().items():
            np.testing.assert_array_equal(getattr(one.rows(), name), expected, name)
    np.testing.assert_array_equal(one.relative, other.relative)


def numbers(size: int, dtype: str) -> Array:
    """Finite numbers of many sizes, with some odd ones."""
    x = RNG.standard_normal(size) * 2.0 ** RNG.integers(-14, 12, size)
    x = np.where(RNG.random(size) < 0.3, RNG.choice(ODD, size), x)
    with np.errstate(over="ignore"):
        narrow = x.astype(dtype)
    return np.where(np.isfinite(narrow), narrow, np.ones_like(narrow))


def scales_of(kind: str, size: int) -> Array:
    """One scale for all, or one each: powers of two, others, or such as mean nothing."""
    if kind == "shared":
        return np.array([0.5])
    if kind == "each":
        return RNG.choice([0.5, 1.0, 3.0, 0.1, 1e-3], size)
    return RNG.choice([-1.0, 0.0, -0.0, math.inf, math.nan, 1e308, 1e-320], size)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["shared", "each", "odd"])
@pytest.mark.parametrize("size", [0, 1, 7, ROW - 1, ROW, ROW + 1, 3 * ROW + 100])
@pytest.mark.usefixtures("both_paths")
def test_sums_are_those_of_numbers_one_by_one(size: int, kind: str, dtype: str) -> None:
    x = numbers(size, dtype)
    y = FORMAT.round(x.astype(np.float64), saturation="finite")
    y = np.where(RNG.random(size) < 0.05, RNG.choice(LOST, size), y)
    scales = scales_of(kind, size) if size != 1 else np.array([0.5])
    zeros = np.zeros(1) if kind == "shared" else RNG.choice([0.0, 3.0, -2.5], max(size, 1))
    found = error_sums(x, y, ENDS, scales, zeros)
    with np.errstate(all="ignore"):
        same(found, by_python(x, y, scales, zeros, ENDS))


@pytest.mark.usefixtures("both_paths")
def test_unsigned_formats_and_those_without_subnormals_have_other_ends() -> None:
    x, scales, zeros = np.array([-1.0, 0.0, 3.0, 255.0, 300.0]), np.ones(1), np.full(1, 100.0)
    for fmt in (nf.uint8, nf.float8_e8m0fnu, nf.get_format("binary8p4uf")):
        ends, y = ends_of(fmt), np.array([0.0, 0.0, 3.0, 255.0, 255.0])
        found = error_sums(x, y, ends, 1.0, 100.0)
        same(found, by_python(x, y, scales, zeros, ends))
    assert ends_of(nf.float8_e8m0fnu).subnormal == 0


@pytest.mark.usefixtures("both_paths")
def test_sums_of_parts_add_up_to_those_of_the_whole() -> None:
    x = numbers(4 * ROW, "float64")
    y = FORMAT.round(x, saturation="finite")
    whole, parts = error_sums(x, y, ENDS, 1.0, 0.0), ErrorSums.of_nothing(BINS)
    for begin in range(0, x.size, ROW):
        parts.add(error_sums(x[begin : begin + ROW], y[begin : begin + ROW], ENDS, 1.0, 0.0))
    same(parts, whole)
    assert stats_of(parts) == stats_of(whole) == measure(x, y, FORMAT)


@pytest.mark.usefixtures("both_paths")
def test_arrays_of_any_layout_are_measured() -> None:
    x = np.random.default_rng(3).standard_normal((12, 50)).astype("f4")
    scales = np.linspace(0.1, 2, 12)[:, None]
    y = FORMAT.round(x.astype("f8") / scales, saturation="finite") * scales
    expected = measure(x.reshape(-1), y.reshape(-1), FORMAT, np.repeat(scales, 50))
    swapped, turned = x.astype(">f4"), np.asfortranarray(x)
    for given in (x, swapped, turned, np.repeat(x, 2, axis=1)[:, ::2]):
        assert measure(given, y, FORMAT, scales) == expected
    assert measure(x[0, 0], y[0, 0], FORMAT, 0.1).finite == 1
    assert measure(x[:0], y[:0], FORMAT, scales[:0]).finite == 0


def test_the_largest_relative_error_of_no_normal_number_is_nan() -> None:
    x = np.array([0.0, 1e-9, 500.0])
    assert math.isnan(measure(x, x, FORMAT).max_relative_error)
    assert measure(np.array([1.0]), np.array([1.0]), FORMAT).max_relative_error == 0.0
