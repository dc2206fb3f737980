"""The strategies and the laws of `numformats.testing`, tried on our own rounding and on bugs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample
from mutants import Rounder
from numpy.typing import NDArray

import numformats as nf
from numformats.testing import laws, strategies
from numformats.testing.decision_points import read_dtype
from numformats.testing.projection import Projection

NEAREST = ("nearest_even", "nearest_away", "nearest_zero")
MIRRORED = {"toward_positive": "toward_negative", "toward_negative": "toward_positive"}
DTYPES = st.sampled_from(["f2", "f4", "f8"])


def rounder(projection: Projection, mode: Any = None) -> Any:
    fmt = projection.format

    def function(x: NDArray[Any]) -> Any:
        used = projection.rounding if mode is None else mode
        return fmt.round(x, used, projection.saturation, nan="zero")

    return function


@given(st.data())
def test_every_projection_keeps_the_laws(data: st.DataObject) -> None:
    projection = data.draw(strategies.projections(stochastic=False))
    fmt, mode = projection.format, projection.rounding
    x = data.draw(strategies.arrays(fmt, (20,), dtype=data.draw(DTYPES), nan=False))
    function = rounder(projection)
    wraps = projection.saturation == "wrap"
    x = x[np.isfinite(x)] if wraps else x
    laws.idempotence(function, x)
    laws.exactness(function, fmt)
    laws.round_is_decode_of_encode(
        function,
        lambda v: fmt.encode(v, mode, projection.saturation, nan="zero"),
        fmt.decode,
        x,
    )
    symmetric = isinstance(fmt, nf.FloatFormat) and fmt.signed
    if symmetric:
        laws.sign_symmetry(function, x, rounder(projection, MIRRORED.get(str(mode), mode)))
    if fmt.lowest <= 0 and not wraps:
        laws.containment(function, x, fmt)
        if mode in NEAREST:
            laws.nearest_is_nearest(function, x, fmt)
    if projection.saturation == "finite":
        laws.saturation_bounds(function, x, fmt)
        straddles = isinstance(fmt, nf.TableFormat) and 0 not in fmt.table
        if not straddles:
            laws.monotonicity(function, x)


def test_numbers_at_the_ends_of_float64_keep_the_laws() -> None:
    # Differences of such numbers leave the range of float64.
    fmt = nf.get_format("binary12p2uf")
    x = np.array([-np.finfo(np.float64).max, 3.94e115, 0.0, np.finfo(np.float64).max])
    laws.containment(fmt.round, x, fmt)
    laws.nearest_is_nearest(fmt.round, x, fmt)


@pytest.mark.parametrize("name", ["e4m3fn", "float16", "int8", "float4_e2m1fn", "binary8p1se"])
def test_ties_follow_their_rule(name: str) -> None:
    fmt = nf.get_format(name)
    for rule in ("even", "away", "zero"):
        laws.ties(lambda x, rule=rule: fmt.round(x, f"nearest_{rule}"), fmt, rule=rule)


def test_a_format_agrees_with_those_it_contains() -> None:
    for narrow, wide in (("e4m3fn", "float16"), ("float4_e2m1fn", "e4m3fn"), ("int4", "int8")):
        containing = nf.get_format(wide)
        laws.agreement(containing.round, nf.get_format(narrow), containing)
    with pytest.raises(ValueError, match="float8_e4m3fn does not contain float16"):
        laws.agreement(nf.float8_e4m3fn.round, nf.float16, nf.float8_e4m3fn)


def as_values(mutant: Rounder) -> Any:
    return lambda x: mutant.fmt.decode(mutant(x))


X = np.linspace(-500, 500, 4001, dtype=np.float32)
F = nf.float8_e5m2


def test_bugs_break_laws() -> None:
    broken = [
        (laws.monotonicity, {"loses_carry": True}, "nearest_even", (X,)),
        (laws.sign_symmetry, {"ties": "up"}, "nearest_even", (X,)),
        (laws.containment, {"quantum_shift": 1}, "nearest_even", (X, F)),
        (laws.nearest_is_nearest, {"threshold": 0.6}, "nearest_even", (X, F)),
        (laws.nearest_is_nearest, {}, "toward_zero", (X, F)),
        (laws.ties, {"ties": "away"}, "nearest_even", (F,)),
        (laws.exactness, {"flushes_input": True}, "nearest_even", (F,)),
        (laws.exactness, {"zero_sign": "lost"}, "nearest_even", (F,)),
        (laws.saturation_bounds, {}, "nearest_even", (X * 1000, F)),
    ]
    for law, bugs, mode, arguments in broken:
        mutant = Rounder(F, mode).but(**bugs)
        with pytest.raises(laws.LawError, match=str(law.__doc__).partition("\n")[0][:30]):
            law(as_values(mutant), *arguments)
    with pytest.raises(laws.LawError, match=r"changed by rounding it again\. But -?\d"):
        laws.idempotence(lambda x: x / 2, X)
    with pytest.raises(laws.LawError, match="the value of the code"):
        laws.round_is_decode_of_encode(lambda x: F.round(x, "rtz"), F.encode, F.decode, X)
    with pytest.raises(laws.LawError, match="changes none"):
        laws.agreement(lambda x: x + 1, nf.int4, nf.int8)


@settings(max_examples=50)
@given(st.data())
def test_strategies_give_what_they_promise(data: st.DataObject) -> None:
    fmt = data.draw(strategies.formats(kinds=("float", "int"), min_bits=4, max_bits=9))
    assert 4 <= fmt.bits <= 9
    assert isinstance(fmt, (nf.FloatFormat, nf.IntFormat))
    assert 0 <= data.draw(strategies.codes(fmt)) < 2**fmt.bits
    value = data.draw(strategies.values(fmt))
    assert fmt.round(value) == value
    dtype = read_dtype(data.draw(DTYPES))
    x = data.draw(strategies.inputs(fmt, dtype))
    assert x.dtype == dtype
    array = data.draw(strategies.arrays(fmt, dtype=dtype, nan=False))
    assert array.dtype.newbyteorder("=") == dtype
    assert not np.isnan(array).any()
    listed = np.array(array.tolist(), dtype).reshape(array.shape)
    np.testing.assert_array_equal(fmt.encode(array), fmt.encode(listed))
    layouts = {
        layout: data.draw(strategies.arrays(fmt, (3,), layout=layout, nan=False))
        for layout in strategies.LAYOUTS
    }
    assert layouts["strided"].strides == (12,)
    assert layouts["reversed"].strides == (-4,)
    assert not layouts["swapped"].dtype.isnative
    assert not layouts["read_only"].flags.writeable


def simplest(strategy: Any, condition: Any) -> Any:
    return find(
        strategy, condition, settings=settings(max_examples=2000, database=None, derandomize=True)
    )


def test_failures_shrink_to_the_simplest() -> None:
    fmt = nf.float8_e4m3fn
    assert simplest(strategies.values(fmt), lambda v: v > 3.3) == 4
    mode = simplest(strategies.rounding_modes(), lambda m: True)
    assert mode == "nearest_even"
    tie = simplest(strategies.inputs(fmt), lambda x: fmt.encode(x) != fmt.encode(x, "nearest_away"))
    assert abs(float(tie)) < 70
    with pytest.raises(NoSuchExample):
        simplest(strategies.inputs(fmt, nan=False), lambda x: np.isnan(x))


def test_formats_that_are_not_there_are_refused() -> None:
    with pytest.raises(ValueError, match="min_bits, max_bits: 5, 3"):
        strategies.formats(min_bits=5, max_bits=3)
    with pytest.raises(ValueError, match="no format"):
        strategies.formats(kinds=("fixed",), sources=("named",))
