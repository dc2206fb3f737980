"""The loops for regular numbers, in blocks of nothing else and where others begin."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from decision_points import DETERMINISTIC, NAMED, decision_points
from numpy.typing import NDArray

import numformats as nf
from numformats.codec import numpy_path
from numformats.codec.arguments import code_dtype
from numformats.codec.extents import dtype_holds
from numformats.codec.numba import calls, regular
from numformats.codec.numba.encode import L1_CHUNK
from numformats.codec.numba.lanes import LANE32, LANE64, lane_of
from numformats.codec.numba.regular_words import regular_words_of
from numformats.codec.plan import EncodePlan, make_plan
from numformats.modes import Modes

FORMATS = [
    *(fmt for fmt in NAMED if fmt.lattice is not None),
    *map(nf.get_format, nf.list_formats("p3109")[::7]),
    nf.FixedFormat("q15_16", 15, 16),
    nf.FloatFormat("no_subnormals", 3, 2, has_inf=False, nan="none", has_subnormals=False),
    nf.FloatFormat("p1", 4, 0, nan="top"),
    nf.FloatFormat("p1_by_significand", 4, 0, nan="top", even_ties="significand"),
    nf.FloatFormat("far_up", 5, 2, bias=-100),
]
of_each_format = pytest.mark.parametrize("fmt", FORMATS, ids=lambda f: f.name)
RNG = np.random.default_rng(17)


def finite_numbers(fmt: nf.Format, dtype: Any) -> list[NDArray[Any]]:
    """Finite numbers of a dtype, of which each array is regular in another way."""
    word = np.dtype(f"u{np.dtype(dtype).itemsize}")
    bits = RNG.integers(0, 2 ** (8 * word.itemsize), 3 * L1_CHUNK, word)
    # Signaling NaN among the bits are warned of.
    with np.errstate(all="ignore"):
        anything = bits.view(dtype)
        anything = anything[np.isfinite(anything.astype(np.float64))]
        wide = anything.astype(np.float64)
        lowest, highest = float(max(fmt.lowest, -(2**1023))), float(min(fmt.highest, 2**1023))
        smallest = float(fmt.smallest_normal_exact)
        spread = np.concatenate([RNG.standard_normal(L1_CHUNK), RNG.uniform(-1, 1, L1_CHUNK)])
        near = np.concatenate([spread * scale for scale in (smallest, 1, highest)])
        # What a format has between its smallest normal number and its largest, evenly by exponent.
        ends = np.log2(max(smallest, 2.0**-1020)), np.log2(max(highest, smallest))
        normal = 2 ** RNG.uniform(*ends, 2 * L1_CHUNK) * RNG.choice([-1, 1], 2 * L1_CHUNK)
        points = decision_points(fmt) if fmt.bits <= 8 and fmt.highest < 2**500 else near
        some = [anything, near, normal, np.abs(normal), np.where(normal > 1, normal, 0.0), points]
        arrays = [x.astype(np.float64) for x in (*some, wide[(wide >= lowest) & (wide <= highest)])]
        converted = [x[np.isfinite(x)].astype(dtype) for x in arrays]
        return [x[np.isfinite(x.astype(np.float64))] for x in converted]


def expected_of(x: NDArray[Any], plan: Any, fmt: nf.Format, *, as_values: bool) -> NDArray[Any]:
    out = np.empty(x.shape, x.dtype if as_values else code_dtype(fmt))
    numpy_path.project_into(out, x, plan, fmt=fmt if as_values else None)
    return out


@of_each_format
@pytest.mark.parametrize(
    "dtype",
    [
        np.float32,
        np.float64,
        pytest.param(np.float16, marks=pytest.mark.thorough),
        pytest.param(ml_dtypes.bfloat16, marks=pytest.mark.thorough),
    ],
)
def test_regular_numbers_give_the_bits_of_the_numpy_path(fmt: nf.Format, dtype: Any) -> None:
    for x in finite_numbers(fmt, dtype):
        for mode in DETERMINISTIC:
            for saturation in ("none", "finite"):
                plan = make_plan(fmt, Modes(mode, saturation, "zero"))
                kernel = calls.kernel_for(plan, x.dtype)
                if kernel is None:
                    continue
                got = np.empty(x.shape, code_dtype(fmt))
                calls.project_into(got, x, kernel)
                expected = expected_of(x, plan, fmt, as_values=False)
                np.testing.assert_array_equal(got, expected, f"{mode} {saturation}")
                if not dtype_holds(x.dtype, fmt):
                    continue
                values = calls.rounding_kernel_for(plan, x.dtype, fmt, x.dtype)
                if values is None:
                    continue
                rounded = np.empty_like(x)
                calls.project_into(rounded, x, values)
                expected = expected_of(x, plan, fmt, as_values=True)
                word = f"u{x.itemsize}"
                np.testing.assert_array_equal(rounded.view(word), expected.view(word))


@of_each_format
@pytest.mark.parametrize("lane", [LANE32, LANE64], ids=["32", "64"])
def test_a_loop_serves_every_format_with_subnormals(fmt: nf.Format, lane: Any) -> None:
    for mode in DETERMINISTIC:
        plan = make_plan(fmt, Modes(mode, "finite", "zero"))
        assert isinstance(plan, EncodePlan)
        words = regular_words_of(plan, lane)
        by_significand = plan.ties_by_significand and plan.lattice.trailing_bits == 0
        is_served = mode != "to_odd" and not (by_significand and mode == "nearest_even")
        # One bit at least has to be cut off, and floats have to have all values.
        is_narrow = not plan.lattice.floating or plan.lattice.trailing_bits < lane.trailing_bits
        if plan.lattice.gradual and lane_of(plan, lane.bits) == lane and is_narrow:
            assert (words is not None) == is_served, mode


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf, 1e30, -1e30, 1e-30, 0.0, -0.0])
@pytest.mark.parametrize("name", ["float8_e4m3fn", "float8_e4m3fnuz", "float16", "int8", "e8m0fnu"])
def test_a_number_of_another_kind_in_any_block(name: str, special: float) -> None:
    fmt = nf.get_format(name)
    base = RNG.uniform(1, 2, 40 * L1_CHUNK + 5).astype(np.float32)
    for places in ([0], [L1_CHUNK - 1], [L1_CHUNK], [base.size - 1], range(7, base.size, L1_CHUNK)):
        x = base.copy()
        x[list(places)] = special
        for mode in ("nearest_even", "toward_positive"):
            plan = make_plan(fmt, Modes(mode, "none", "max"))
            expected = expected_of(x, plan, fmt, as_values=False)
            np.testing.assert_array_equal(fmt.encode(x, mode, nan="max"), expected)
            if not np.isnan(special):
                np.testing.assert_array_equal(fmt.round(x, mode), fmt.decode(expected))


@pytest.mark.parametrize("special", [np.nan, np.inf, 1e30])
def test_rounding_in_place_reads_each_number_before_it_is_written(special: float) -> None:
    fmt = nf.float8_e4m3fn
    x = RNG.standard_normal(9 * L1_CHUNK).astype(np.float32)
    x[5 * L1_CHUNK + 3] = special
    expected = fmt.round(x)
    assert fmt.round(x, out=x) is x
    np.testing.assert_array_equal(x, expected)


def test_how_far_a_block_of_regular_numbers_goes() -> None:
    plan = make_plan(nf.float8_e4m3fn, Modes())
    words = regular_words_of(plan, LANE32)
    assert words is not None
    words.flags.writeable = False
    x = np.ones(4 * L1_CHUNK, np.float32)
    for bad, done in ((None, x.size), (2 * L1_CHUNK, 2 * L1_CHUNK), (L1_CHUNK - 1, 0)):
        given = x.copy()
        if bad is not None:
            given[bad] = np.inf
        source = given.view(np.uint32)
        source.flags.writeable = False
        out = np.empty(x.size, np.uint8)
        assert regular.project_regular(source, None, None, out, words, None, None, None) == done
