"""Formats that nobody named: compiled kernels, NumPy and the oracle agree on any of them."""

from __future__ import annotations

import importlib
import random
from typing import Any

import numpy as np
import pytest
from decision_points import DETERMINISTIC
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from random_formats import as_inputs, float_formats, telling_numbers
from scaled_meaning import parts_of

import numformats as nf
from numformats.codec import backends, numpy_path
from numformats.codec.arguments import code_dtype
from numformats.codec.extents import dtype_holds
from numformats.codec.plan import make_plan
from numformats.modes import Modes, RoundingMode, SaturationMode

pytestmark = [pytest.mark.filterwarnings("ignore:(invalid value|overflow):RuntimeWarning")]
calls = importlib.import_module("numformats.codec.numba.calls")

RANDOM: tuple[Any, ...] = (
    "stochastic_equal",
    nf.Stochastic(32, "A"),
    nf.Stochastic(5, "B"),
    nf.Stochastic(7, "C"),
)
MODES: tuple[Any, ...] = (*DETERMINISTIC, *RANDOM)

cases = given(
    fmt=float_formats(),
    mode=st.sampled_from(MODES),
    saturation=st.sampled_from(("none", "finite", "propagate")),
    seed=st.integers(0, 2**20),
)


def check(fmt: nf.FloatFormat, mode: RoundingMode, saturation: SaturationMode, seed: int) -> None:
    rng = random.Random(seed)
    codes = [rng.randint(0, fmt.max_code) for _ in range(3)]
    plan = make_plan(fmt, Modes(mode, saturation, "max"))
    key = seed if mode in RANDOM else None
    for x in as_inputs(telling_numbers(fmt, codes), seed):
        of_numpy = np.empty(x.shape, code_dtype(fmt))
        numpy_path.project_into(of_numpy, x, plan, key=key)
        kernel = calls.kernel_for(plan, x.dtype)
        if kernel is not None:
            compiled = np.empty_like(of_numpy)
            calls.project_into(compiled, x, kernel, key=key)
            np.testing.assert_array_equal(compiled, of_numpy)
            if dtype_holds(x.dtype, fmt):
                assert_same_values(x, fmt, plan, key)
        if key is None:
            for i in rng.sample(range(x.size), min(x.size, 25)):
                assert nf.exact.project(x[i], fmt, mode, saturation, nan="max") == of_numpy[i]


def assert_same_values(x: NDArray[Any], fmt: nf.Format, plan: Any, key: int | None) -> None:
    kernel = calls.rounding_kernel_for(plan, x.dtype, fmt, x.dtype)
    if kernel is None:
        return
    compiled, of_numpy = np.empty_like(x), np.empty_like(x)
    numpy_path.project_into(of_numpy, x, plan, fmt=fmt, key=key)
    calls.project_into(compiled, x, kernel, key=key)
    # As words, since zeros and NaNs have signs.
    words = f"u{x.dtype.itemsize}"
    np.testing.assert_array_equal(compiled.view(words), of_numpy.view(words))


# Half the smallest value does not fit into a lane of 32 bits; nor does the code of zero, counted
# down from there; and the codes of 32 bits begin where negative ones do.
FAR_UP = nf.FloatFormat("g", 3, 1, bias=-386, has_subnormals=False, nan="none")
FAR_DOWN_CODES = nf.FloatFormat("g", 8, 22, bias=-400, has_subnormals=False)
ALL_BITS = nf.FloatFormat("g", 8, 23, bias=124, has_subnormals=False)
UNSIGNED = nf.FloatFormat("g", 9, 23, bias=127, signed=False, has_inf=False, nan="none")


@cases
@example(fmt=FAR_UP, mode="nearest_even", saturation="none", seed=0)
@example(fmt=FAR_DOWN_CODES, mode="nearest_even", saturation="none", seed=0)
@example(fmt=ALL_BITS, mode="toward_zero", saturation="none", seed=0)
@example(fmt=UNSIGNED, mode="nearest_away", saturation="finite", seed=0)
@settings(max_examples=60)
def test_every_path_gives_the_codes_of_the_oracle(**case: Any) -> None:
    check(**case)


@pytest.mark.thorough
@cases
@settings(max_examples=3000)
def test_every_path_gives_the_codes_of_the_oracle_for_many_formats(**case: Any) -> None:
    check(**case)


def test_a_number_far_below_a_format_of_large_values_is_zero() -> None:
    x = np.float32([1.015625 * 2.0**-127, 1.0, 2.0**127])
    kernel = calls.kernel_for(make_plan(FAR_UP, Modes()), x.dtype)
    compiled = np.empty(x.shape, np.uint8)
    calls.project_into(compiled, x, kernel)
    assert compiled.tolist() == [0, 0, 0] == [nf.exact.project(number, FAR_UP) for number in x]


SCALES = st.sampled_from(
    (nf.float8_e8m0fnu, nf.float8_e4m3fn, nf.float32, nf.bfloat16)
) | float_formats().filter(lambda fmt: dtype_holds(np.dtype(np.float64), fmt))
ELEMENTS = st.sampled_from(
    [nf.get_format(name) for name in ("int8", "uint4", "int3_narrow", "float4_e2m1fn")]
) | float_formats(10).filter(lambda fmt: dtype_holds(np.dtype(np.float64), fmt))
scaled_cases = given(
    element=ELEMENTS,
    scale=SCALES,
    outer=st.none() | SCALES,
    granularity=st.sampled_from(
        (nf.PerTensor(), nf.PerChannel(), nf.PerBlock(4), nf.PerBlock(5), nf.PerTile(2, 4))
    ),
    rule=st.sampled_from(("absmax", "absmax_up", "floor", "rceil", "even", "percentile", "mse")),
    mode=st.sampled_from(("rne", "rtz", "rtp", "to_odd", "sr")),
    power=st.sampled_from((0, 0, -60, 60, -120, 120, -140, 900)),
    seed=st.integers(0, 2**20),
)


def check_scaled(
    element: nf.Format,
    scale: nf.FloatFormat,
    outer: nf.FloatFormat | None,
    granularity: Any,
    rule: str,
    mode: str,
    power: int,
    seed: int,
) -> None:
    try:
        scales = scale if outer is None else nf.ScaledFormat("s", scale, outer)
        fmt = nf.ScaledFormat("any", element, scales, granularity, rule)
    except ValueError:
        assume(False)
    assume(not (mode == "sr" and rule == "mse"))
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((8, 40)) * 2.0 ** rng.integers(-8, 8, (8, 40)) * 2.0**power
    x.flat[:6] = 0, -0.0, np.inf, -np.inf, 0, 1e-320
    x[3, 3] = -np.nan if seed % 4 == 0 else 1
    x = x.astype(np.float32) if seed % 2 else x
    results = []
    for is_disabled in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(backends, "_IS_DISABLED", is_disabled)
            try:
                q = nf.quantize(x, fmt, rounding=mode, rng=seed)
            except ValueError as error:
                results.append([str(error)])
                continue
            parts = (*parts_of(q), q.dequantize(), q.dequantize(np.float64))
            results.append([None if part is None else part.tobytes() for part in parts])
    assert results[0] == results[1]


@scaled_cases
@settings(max_examples=40)
def test_scaled_formats_of_any_parts_have_the_same_bits_on_both_paths(**case: Any) -> None:
    check_scaled(**case)


@pytest.mark.thorough
@scaled_cases
@settings(max_examples=1500)
def test_many_scaled_formats_of_any_parts_have_the_same_bits_on_both_paths(**case: Any) -> None:
    check_scaled(**case)
