"""Arrays of a format: each ufunc against the oracle, and everything else against NumPy."""

from __future__ import annotations

import copy
import itertools
import math
import pickle
import subprocess
import sys
from fractions import Fraction
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import numformats as nf
from numformats.arithmetic import numpy_functions, ufuncs
from numformats.arithmetic.operands import read_operand
from numformats.arithmetic.projections import ArrayProjection
from numformats.codec.random_bits import draw

SMALL = [
    nf.float4_e2m1fn,
    nf.get_format("int4"),
    nf.get_format("binary5p3se"),
    nf.FloatFormat("e3m1", exponent_bits=3, mantissa_bits=1),
]
UNARY = [ufunc for ufunc in ufuncs.OPERATIONS if ufunc.nin == 1]
BINARY = [ufunc for ufunc in ufuncs.OPERATIONS if ufunc.nin == 2]
MODES = [("nearest_even", "none"), ("toward_negative", "finite"), ("toward_positive", "none")]


def every(fmt: nf.Format, **projection: Any) -> nf.FormatArray:
    """Every value of a format once; NaN becomes the largest number where there is no NaN."""
    codes = np.arange(2**fmt.bits, dtype=fmt.encode(1).dtype)
    return nf.FormatArray(codes, fmt).with_projection(nan="max", **projection)


def by_oracle(name: str, operands: list[Any], like: nf.FormatArray, out: nf.Format) -> list[int]:
    how = like.projection
    return [
        nf.exact.apply(name, [*numbers], out, how.rounding, how.saturation, nan="max")
        for numbers in zip(*operands, strict=True)
    ]


def id_of(x: Any) -> str:
    return getattr(x, "__name__", getattr(x, "name", str(x)))


# Ufuncs


NEEDS_AN_END = np.lib.NumpyVersion(np.__version__) < "2.1.0"


@pytest.mark.parametrize("fmt", [*SMALL, nf.float8_e5m2], ids=id_of)
@pytest.mark.parametrize("ufunc", UNARY, ids=id_of)
def test_ufuncs_of_one_number(ufunc: np.ufunc, fmt: nf.Format) -> None:
    for rounding, saturation in MODES:
        a = every(fmt, rounding=rounding, saturation=saturation)
        result = ufunc(a)
        assert (result.format, result.projection) == (fmt, a.projection)
        expected = by_oracle(ufuncs.OPERATIONS[ufunc], [np.asarray(a)], a, fmt)
        assert result.codes.tolist() == expected


@pytest.mark.parametrize("fmt", SMALL, ids=id_of)
@pytest.mark.parametrize("ufunc", BINARY, ids=id_of)
def test_ufuncs_of_two_numbers(ufunc: np.ufunc, fmt: nf.Format) -> None:
    for rounding, saturation in MODES:
        a = every(fmt, rounding=rounding, saturation=saturation)
        result = ufunc(a[:, np.newaxis], a)
        pairs = np.broadcast_arrays(np.asarray(a)[:, np.newaxis], np.asarray(a))
        expected = by_oracle(ufuncs.OPERATIONS[ufunc], [x.ravel() for x in pairs], a, fmt)
        assert result.shape == (a.size, a.size)
        assert result.codes.ravel().tolist() == expected
        assert ufunc.outer(a, a).codes.tolist() == result.codes.tolist()


def test_every_operation_of_numpys_names_is_a_ufunc_here() -> None:
    """But for the remainder, which is another in NumPy."""
    same = {name for name in nf.exact.OPERATIONS if isinstance(getattr(np, name, None), np.ufunc)}
    assert same - {ufunc.__name__ for ufunc in ufuncs.OPERATIONS} == {"remainder"}


@pytest.mark.parametrize("fmt", [*SMALL, nf.float8_e4m3fn], ids=id_of)
@pytest.mark.parametrize(
    ("ufunc", "exactly"),
    [
        (np.floor, math.floor),
        (np.ceil, math.ceil),
        (np.trunc, math.trunc),
        (np.rint, round),
        (np.sign, lambda x: (x > 0) - (x < 0)),
    ],
    ids=id_of,
)
def test_ufuncs_whose_results_are_integers(ufunc: np.ufunc, exactly: Any, fmt: nf.Format) -> None:
    a = every(fmt)
    a = a[np.isfinite(a)]
    expected = [
        nf.exact.decode(nf.exact.project(exactly(Fraction(float(x))), fmt, "nearest_even"), fmt)
        for x in a
    ]
    assert [float(x) for x in ufunc(a)] == [float(x) for x in expected]


def test_integers_are_floored_exactly() -> None:
    out = nf.array([0], nf.float32)
    np.floor(np.int64([2**62 + 2**38 + 1]), out=out)
    assert float(out) == 2**62 + 2**39


def test_square_and_power() -> None:
    a = every(nf.float8_e5m2)
    assert np.array_equal(np.square(a).codes, (a * a).codes)
    assert np.array_equal((a**2).codes, (a * a).codes)
    with pytest.raises(TypeError, match=r"numpy.power: the exponent 3; .* multiply"):
        a**3


@pytest.mark.parametrize("fmt", SMALL, ids=id_of)
@pytest.mark.parametrize("ufunc", ufuncs.COMPARISONS, ids=id_of)
def test_comparisons(ufunc: np.ufunc, fmt: nf.Format) -> None:
    a, b = every(fmt), every(nf.float6_e3m2fn)
    found = ufunc(a[:, np.newaxis], b)
    assert type(found) is np.ndarray
    for i, j in itertools.product(range(a.size), range(b.size)):
        expected = nf.exact.compare(ufunc.__name__, float(a[i]), float(b[j]))
        assert found[i, j] == expected


def test_comparisons_with_large_integers_are_exact() -> None:
    a = nf.array([2.0**60], nf.float32)
    assert (a == 2**60).all()
    assert not (a == 2**60 + 1).any()
    assert (a < np.int64([2**60 + 1])).all()
    assert np.array_equal(a, np.int64([2**60]))
    assert not np.array_equal(a, np.int64([2**60 + 1]))


@pytest.mark.parametrize("fmt", [*SMALL, nf.float8_e5m2, nf.float8_e4m3fnuz], ids=id_of)
@pytest.mark.parametrize(
    ("ufunc", "name"),
    [
        (np.isnan, "is_nan"),
        (np.isinf, "is_infinite"),
        (np.isfinite, "is_finite"),
        (np.signbit, "is_sign_minus"),
    ],
)
def test_predicates(ufunc: np.ufunc, name: str, fmt: nf.Format) -> None:
    a = every(fmt)
    expected = [nf.exact.predicate(name, int(code), fmt) for code in a.codes]
    assert ufunc(a).tolist() == expected


def test_logic_is_about_zero() -> None:
    a = nf.array([0.0, -0.0, 2.0, np.nan], "float8_e4m3fn")
    assert np.logical_not(a).tolist() == [True, True, False, False]
    assert np.logical_and(a, [True, True, True, False]).tolist() == [False, False, True, False]
    assert (a.any(), a.all()) == (True, False)


# Other operands


def test_other_numbers_are_taken_exactly() -> None:
    a = nf.array([1.0], "float8_e4m3fn")
    # 1.0625 is in the middle of 1 and 1.125; float32 would not tell these from it.
    assert float(a * np.nextafter(1.0625, 2)) == 1.125
    assert float(a * 1.0625) == 1.0
    assert float(1.0625 * a) == 1.0
    wide = nf.array([0], nf.float32)
    # Half a unit of float32 and 1, which float64 has no room for.
    number = 2**62 + 2**38 + 1
    assert float(wide + number) == 2**62 + 2**39
    assert float(np.int64([number]) + wide) == 2**62 + 2**39
    assert float(wide + (number - 1)) == 2**62


def test_arrays_of_other_dtypes() -> None:
    a = nf.array([1.0, 2.0, 3.0], "float8_e5m2")
    for dtype in (np.float16, np.float32, np.int8, np.uint64, ml_dtypes.bfloat16):
        result = np.array([[2], [4]], dtype) * a
        assert isinstance(result, nf.FormatArray)
        assert np.asarray(result).tolist() == [[2.0, 4.0, 6.0], [4.0, 8.0, 12.0]]
    assert np.asarray(np.add(a, [0, 1, 2])).tolist() == [1.0, 3.0, 5.0]
    outer = np.subtract.outer([[1], [4]], a)
    assert np.asarray(outer).tolist() == [[[0.0, -1.0, -2.0]], [[3.0, 2.0, 1.0]]]


UNSIGNED = """
import numpy as np
import numformats as nf

a, column = nf.array([1.0, 2.0, 3.0], "float8_e5m2"), np.array([[2], [4]], np.uint64)
for _ in range(20):
    column * a
    nf.arithmetic.less(column, [1, 2, 3])
"""


def test_unsigned_integers_that_are_not_contiguous_leave_numpy_whole() -> None:
    # NumPy before 2.2.2 frees memory twice, and crashes in the end, where such are compared with a
    # negative number (numpy#28117).
    result = subprocess.run([sys.executable, "-c", UNSIGNED], capture_output=True, check=False)
    assert result.returncode == 0


def test_the_wider_of_two_formats_is_common() -> None:
    a, b = nf.array([1.0, 448.0], "float8_e4m3fn"), nf.array([2.0**-9, 1.0], "float16")
    for result in (a + b, b + a):
        assert result.format == nf.float16
        assert np.asarray(result).tolist() == [float(np.float16(1 + 2.0**-9)), 449.0]
    assert (nf.array([7], "int4") * a[:1]).format == nf.float8_e4m3fn
    # -8 to 7 and 0.5 to 6: neither is in the other.
    with pytest.raises(ValueError, match="int4 and float4_e2m1fn"):
        nf.array([1], "int4") + nf.array([1], "float4_e2m1fn")


def test_two_formats_without_a_common_one_are_refused() -> None:
    a, b = nf.array([1.0], "float8_e4m3fn"), nf.array([2.0], "float8_e5m2")
    said = r"numpy.add: operands in float8_e4m3fn and float8_e5m2.*a.astype\(g\).*out="
    with pytest.raises(ValueError, match=said):
        a + b
    with pytest.raises(ValueError, match=r"numpy.concatenate: operands in"):
        np.concatenate([a, b])
    assert (a + b.astype(a.format)).format == a.format
    out = np.zeros_like(nf.array([0.0], "float16"))
    assert np.add(a, b, out=out) is out
    assert float(out) == 3.0


def test_a_result_goes_into_out_with_one_rounding_and_its_projection() -> None:
    x = nf.array([1 + 2.0**-10], "float16")
    out = nf.array([0.0], "float4_e2m1fn", rounding="toward_positive")
    np.multiply(x, 1.0, out=out)
    assert float(out) == 1.5
    y = nf.array([1.0, 2.0], "float8_e4m3fn")
    before = y.codes
    y += 0.01
    y *= 3
    assert y.codes is before
    assert np.asarray(y).tolist() == [3.0, 6.0]
    np.add(y, 1, out=y, where=[True, False])
    assert np.asarray(y).tolist() == [4.0, 6.0]
    flags = np.zeros(2, bool)
    assert np.less(y, 5, out=flags) is flags
    assert flags.tolist() == [True, False]


def test_unfit_outputs_are_refused() -> None:
    a = nf.array([1.0, 2.0], "float8_e4m3fn")
    with pytest.raises(TypeError, match="out is a ndarray"):
        np.add(a, 1, out=np.empty(2))
    numbers = np.float32([1, 2])
    with pytest.raises(TypeError, match="out is a ndarray"):
        numbers += a
    with pytest.raises(ValueError, match=r"out: shape \(1,\), and the result has \(2,\)"):
        np.add(a, 1, out=a[:1])
    with pytest.raises(TypeError, match="the result is True or False"):
        np.less(a, 1, out=a)
    with pytest.raises(TypeError, match="where= without out="):
        np.add(a, 1, where=[True, False])
    a.codes.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        a += 1


def test_nan_has_to_have_a_place() -> None:
    a = nf.array([0.0, 1.0], "float4_e2m1fn")
    with pytest.raises(ValueError, match=r"divide: the result at .* float4_e2m1fn has no NaN"):
        a / 0
    assert np.asarray(a.with_projection(nan="zero") / 0).tolist() == [0.0, 6.0]


# Projections


def test_the_projection_is_that_of_the_operand_that_has_one() -> None:
    a = nf.array([1.0], "float8_e4m3fn")
    up, down = (a.with_projection(rounding=f"toward_{side}") for side in ("positive", "negative"))
    for result in (a + up * 0.01, up * 0.01 + a, up + 0.01):
        assert result.projection == ArrayProjection("toward_positive")
    assert [float(x + 0.01) for x in (a, up, down)] == [1.0, 1.125, 1.0]
    with pytest.raises(ValueError, match=r"toward_positive.*toward_negative.*with_projection"):
        up + down
    assert up.with_projection(rounding="rtn").projection == down.projection
    assert up.codes is a.codes


def test_saturation() -> None:
    a = nf.array([448.0], "float8_e4m3fn")
    assert np.isnan(a * 2)
    assert float(a.with_projection(saturation="finite") * 2) == 448.0
    b = nf.array([7], "int4").with_projection(saturation="wrap")
    assert float(b + 1) == -8.0


def test_words_of_projections_are_checked() -> None:
    a = nf.array([1.0], "float8_e4m3fn")
    with pytest.raises(TypeError, match="projection: unknown 'round'; did you mean 'rounding'"):
        a.with_projection(round="rtz")
    with pytest.raises(ValueError, match="rounding: unknown"):
        a.with_projection(rounding="nearest")
    with pytest.raises(ValueError, match="accumulator"):
        a.with_projection(accumulator="h100")
    with pytest.raises(TypeError, match="rng: expected"):
        a.with_projection(rng="seed")
    with pytest.raises(ValueError, match=r"did you mean 'e4m3fn'.*list_formats"):
        nf.array([1.0], "e4m3fm")


def test_random_modes_draw_as_the_codec_does() -> None:
    x, y = np.linspace(0.1, 5, 40), np.linspace(-2, 0.3, 40)
    a = nf.array(x, "float8_e5m2").with_projection(rounding="stochastic", rng=5)
    values = np.asarray(a)
    bits = draw(5, 0, 40, 32)
    expected = [
        nf.exact.apply("add", [u, v], a.format, a.projection.rounding, random_bits=int(r))
        for u, v, r in zip(values, y, bits, strict=True)
    ]
    assert (a + y).codes.tolist() == expected
    assert (a + y).codes.tolist() == expected  # a seed is the same each time
    assert expected != [nf.exact.apply("add", p, a.format) for p in zip(values, y, strict=True)]


def test_a_generator_gives_other_bits_to_each_operation() -> None:
    def sums(seed: int) -> list[list[int]]:
        ones = nf.array(np.ones(64), "float8_e5m2")
        a = ones.with_projection(rounding="stochastic", rng=np.random.default_rng(seed))
        return [(a + 0.125).codes.tolist() for _ in range(2)]

    first, second = sums(0)
    assert first != second
    assert sums(0) == [first, second]
    assert sums(1)[0] != first


# Sums and products


def test_a_sum_is_exact_and_rounded_once() -> None:
    rng = np.random.default_rng(0)
    a = nf.array(rng.normal(size=(3, 4, 50)), "float8_e4m3fn")
    values = np.asarray(a, np.float64)  # sums of these are exact in float64
    for axis in (None, 0, -1, (0, 2), (2, 1)):
        for keepdims in (False, True):
            found = np.sum(a, axis=axis, keepdims=keepdims)
            expected = a.format.encode(values.sum(axis=axis, keepdims=keepdims))
            assert found.shape == expected.shape
            assert np.array_equal(found.codes, expected)
    assert np.array_equal(np.add.reduce(a).codes, a.sum(axis=0).codes)
    assert np.array_equal(a.mean(axis=1).codes, (a.sum(axis=1) / 4).codes)
    up = a.with_projection(rounding="toward_positive")
    assert float(up.sum()) == float(a.format.round(values.sum(), "toward_positive"))
    assert float(np.sum(nf.array([], "float16"))) == 0.0


def test_long_and_wide_sums_are_exact() -> None:
    rng = np.random.default_rng(0)
    for name, scale in (("float16", 100.0), ("float8_e4m3fn", 100.0), ("bfloat16", 1e30)):
        x = rng.normal(scale=scale, size=(2000, 2)) ** 3 / scale**2
        a = nf.array(x, name, saturation="finite")
        a[0] = [scale, -scale]
        for column, found in zip(np.asarray(a).T, np.sum(a, axis=0), strict=True):
            total = sum(Fraction(float(x)) for x in column)
            assert int(found.codes) == nf.exact.project(total, a.format, saturation="finite")
    special = nf.array([[np.inf, -np.inf, np.nan, -0.0], [np.inf, np.inf, 1.0, -0.0]], "float16")
    total = special.sum(axis=0)
    assert np.isposinf(np.asarray(total)[0])
    assert np.isnan(total).tolist() == [False, True, True, False]
    assert not np.signbit(total[3])


def test_a_sum_by_another_accumulator() -> None:
    ones = nf.array(np.ones(20), "float8_e4m3fn")
    assert float(ones.sum()) == 20.0
    assert float(ones.with_projection(accumulator="sequential").sum()) == 16.0
    assert float(ones.with_projection(accumulator="pairwise").sum()) == 20.0
    up = ones.with_projection(accumulator="sequential", rounding="toward_positive")
    assert float(up.sum()) == 24.0
    with pytest.raises(ValueError, match="saturation: 'finite', which sequential"):
        ones.with_projection(accumulator="sequential", saturation="finite").sum()
    with pytest.raises(ValueError, match="and sequential rounds each sum without random bits"):
        ones.with_projection(accumulator="sequential", rounding="stochastic").sum()


def test_a_sum_into_out() -> None:
    a, out = nf.array([300.0, 300.0], "float8_e4m3fn"), nf.array(0.0, "float16")
    assert np.sum(a, out=out) is out
    assert float(out) == 576.0  # of twice 288
    assert np.isnan(a.sum())
    with pytest.raises(TypeError, match="out: a ndarray"):
        np.sum(a, out=np.empty(()))
    with pytest.raises(TypeError, match=r"numpy.add.reduce: out is of a format"):
        np.add.reduce([1.0, 2.0], out=out)


def test_products_and_running_sums_are_rounded_each_time() -> None:
    a = nf.array([[1.125, 1.125, 3.0], [5.0, 0.1, 7.0]], "float8_e4m3fn")
    flat = list(a.ravel())
    product, total = flat[0], flat[0]
    products, totals = [product], [total]
    for factor in flat[1:]:
        product, total = product * factor, total + factor
        products.append(product)
        totals.append(total)
    assert float(np.prod(a)) == float(a.prod()) == float(product)
    assert np.cumprod(a).tolist() == [float(x) for x in products]
    assert np.cumsum(a).tolist() == [float(x) for x in totals]
    assert np.array_equal(np.multiply.reduce(a).codes, (a[0] * a[1]).codes)
    assert np.array_equal(np.add.accumulate(a).codes[1], (a[0] + a[1]).codes)
    assert np.add.accumulate(a, axis=1).shape == (2, 3)
    out = np.zeros_like(a).astype("float16")
    assert np.add.accumulate(a, out=out) is out
    assert np.array_equal(out.codes, np.add.accumulate(a.astype("float16")).codes)
    assert float(np.prod(nf.array([], "float16"))) == 1.0


def test_extrema() -> None:
    rng = np.random.default_rng(0)
    a = nf.array(rng.normal(size=(5, 7)), "float8_e5m2")
    values = np.asarray(a)
    for axis in (None, 0, 1):
        assert np.array_equal(np.asarray(np.max(a, axis=axis)), values.max(axis=axis))
        assert np.array_equal(np.asarray(a.min(axis=axis)), values.min(axis=axis))
        assert np.array_equal(a.argmax(axis=axis), values.argmax(axis=axis))
        assert np.array_equal(a.argmin(axis=axis), values.argmin(axis=axis))
    for axis in (0, None):
        assert np.array_equal(np.sort(a, axis=axis).tolist(), np.sort(values, axis=axis))
    assert np.array_equal(np.maximum.accumulate(a).tolist(), np.maximum.accumulate(values))
    a[2, 3] = np.nan
    assert np.isnan(a.max())
    assert np.isnan(a.max(axis=0)).tolist() == [False] * 3 + [True] + [False] * 3
    assert not np.isnan(np.fmax.reduce(a, axis=None))
    assert not np.signbit(nf.array([-0.0, 0.0, -0.0], "float16").max())
    with pytest.raises(ValueError, match="maximum: of no elements"):
        nf.array([], "float16").max()


@pytest.mark.parametrize("shapes", [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4))])
def test_a_matrix_product_is_exact_and_rounded_once(shapes: Any) -> None:
    rng = np.random.default_rng(0)
    a, b = (nf.array(rng.normal(size=shape), "float8_e4m3fn") for shape in shapes)
    exact = np.asarray(a, np.float64) @ np.asarray(b, np.float64)
    assert np.array_equal((a @ b).codes, a.format.encode(exact))
    assert np.array_equal(np.dot(a, b).codes, (a @ b).codes)
    stochastic = a.with_projection(rounding="stochastic", rng=3)
    assert np.array_equal((stochastic @ b).codes, a.format.encode(exact, "stochastic", rng=3))
    assert (a @ np.asarray(b)).tolist() == (a @ b).tolist()
    assert np.dot(a, 2).tolist() == (a * 2).tolist()


def test_batches_of_matrix_products() -> None:
    rng = np.random.default_rng(0)
    a, b = nf.array(rng.normal(size=(5, 1, 2, 3)), "float16"), rng.normal(size=(4, 3, 2))
    found = a @ b
    assert found.shape == (5, 4, 2, 2)
    for i, j in itertools.product(range(5), range(4)):
        assert np.array_equal(found[i, j].codes, (a[i, 0] @ b[j]).codes)
    total = sum(
        Fraction(float(x)) * Fraction(float(y)) for x, y in zip(a[0, 0, 1], b[0, :, 1], strict=True)
    )
    assert int(found.codes[0, 0, 1, 1]) == nf.exact.project(total, nf.float16)
    with pytest.raises(ValueError, match=r"b: shape \(2,\), and a has \(5, 1, 2, 3\)"):
        a @ [1.0, 2.0]
    with pytest.raises(ValueError, match=r"b: shape \(3, 1, 1\) does not broadcast"):
        a @ np.ones((2, 3, 1)) @ np.ones((3, 1, 1))
    with pytest.raises(ValueError, match="a number; a matrix product needs axes"):
        a @ np.float64(2)


def test_matrix_products_by_machines() -> None:
    rng = np.random.default_rng(0)
    a, b = (nf.array(rng.normal(size=(8, 8)), "float8_e4m3fn") for _ in range(2))
    unit = nf.arithmetic.matmul(a, b, accumulator="h100_float8_wgmma")
    found = a.with_projection(accumulator="h100_float8_wgmma", saturation="finite") @ b
    assert np.array_equal(found.codes, a.format.encode(unit, saturation="finite"))
    wide = np.zeros_like(nf.array(unit, "float32", accumulator="h100_float8_wgmma"))
    assert np.array_equal(np.asarray(np.matmul(a, b, out=wide)), unit)
    half = nf.array(rng.normal(size=(4, 4)), "float16", accumulator="v100_float16")
    own = nf.arithmetic.matmul(half, half, accumulator="v100_float16", output="float16")
    assert np.array_equal(np.asarray(half @ half), own)
    sequential = a.with_projection(accumulator="sequential") @ b
    expected = nf.arithmetic.matmul(a, b, accumulator="sequential", output=a.format)
    assert np.array_equal(np.asarray(sequential), expected)


def test_accumulators_take_arrays_in_their_format() -> None:
    """2**-8 is subnormal in E4M3, with another exponent than in E5M2."""
    hopper = nf.arithmetic.get_accumulator("h100_float8_wgmma")
    powers = {}
    for name in hopper.inputs:
        operand = read_operand("x", nf.array([2.0**-8, 1.0], name), hopper, axis=-1)
        powers[name] = operand.powers.tolist()
    assert powers == {"float8_e4m3fn": [2.0**-6, 1.0], "float8_e5m2": [2.0**-8, 1.0]}


# Elements and shapes


def test_slices_are_views() -> None:
    a = nf.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], "float8_e4m3fn")
    row, column, turned, flat = a[1], a[:, 0], a.T, a.reshape(6)
    for view in (row, column, turned, flat, a[..., ::2], a.ravel(), a.squeeze()):
        assert np.shares_memory(view, a)
    row[0] = 0.1
    assert column.tolist() == [1.0, 0.1015625]
    turned[2] = [7, 8]
    assert flat.tolist() == [1.0, 2.0, 7.0, 0.1015625, 5.0, 8.0]
    a.codes[...] = 0
    assert not flat.any()
    assert not np.shares_memory(a, a[[0, 1]])
    assert not np.shares_memory(a, a.copy())


def test_assignment_projects() -> None:
    a = nf.array(np.zeros(4), "float8_e4m3fn", saturation="finite")
    a[0] = 0.1
    a[1:3] = nf.array([1000.0, 1 + 2.0**-10], "float16")
    a[3] = nf.array(-3.0, "float8_e4m3fn")
    assert a.tolist() == [0.1015625, 448.0, 1.0, -3.0]
    a[a > 1] = 2
    assert a.tolist() == [0.1015625, 2.0, 1.0, -3.0]
    with pytest.raises(TypeError, match="expected real numbers"):
        a[0] = "0.1"


def test_one_number() -> None:
    a = nf.array([1.5, 0.0], "float16")
    assert (float(a[0]), int(a[0]), bool(a[0]), bool(a[1])) == (1.5, 1, True, False)
    assert f"{a[0]:.3f} {a[0]}" == "1.500 1.5"
    assert a[0].item() == 1.5
    assert a[0].shape == ()
    for ask in (bool, float, nf.FormatArray.item):
        with pytest.raises(ValueError, match="an array of 2 elements"):
            ask(a)
    with pytest.raises(TypeError):
        len(a[0])
    with pytest.raises(TypeError):
        iter(a[0])
    with pytest.raises(TypeError, match="unhashable"):
        hash(a)


def test_sequences() -> None:
    a = nf.array([[1.0, 2.0], [3.0, 4.0]], "float16")
    assert len(a) == 2
    assert [row.tolist() for row in a] == [[1.0, 2.0], [3.0, 4.0]]
    assert 3 in a
    assert 5 not in a
    assert (a.shape, a.ndim, a.size, a.nbytes) == ((2, 2), 2, 4, 8)
    assert not hasattr(a, "dtype")


def test_values_leave_exactly_or_not_at_all() -> None:
    a = nf.array([1.0, -0.0], "bfloat16")
    assert np.asarray(a).dtype == np.float32
    assert np.asarray(a, ml_dtypes.bfloat16).dtype == ml_dtypes.bfloat16
    assert np.signbit(np.asarray(a, np.float64)[1])
    with pytest.raises(ValueError, match="float16 cannot hold every value of bfloat16"):
        np.asarray(a, np.float16)
    with pytest.raises(ValueError, match=r"use a.codes for a view"):
        np.asarray(a, copy=False)


def test_astype_projects_once() -> None:
    a = nf.array([1 + 2.0**-10, 70000.0], "float32", rounding="toward_positive")
    b = a.astype("float8_e5m2")
    assert b.tolist() == [1.25, math.inf]
    assert b.projection == a.projection
    assert a.astype("float8_e5m2", rounding="rne", saturation="finite").tolist() == [1.0, 57344.0]
    same = a.astype(nf.float32)
    assert not np.shares_memory(same, a)
    with pytest.raises(ValueError, match="float32 is the widest"):
        a.astype(np.float64)


def test_other_functions_take_the_values() -> None:
    a = nf.array([0.3, 1.0], "float16")
    assert nf.float8_e4m3fn.encode(a).tolist() == nf.float8_e4m3fn.encode(np.asarray(a)).tolist()
    for b in (a, a.astype("float8_e5m2")):
        expected = nf.arithmetic.add(np.asarray(a), np.asarray(b), nf.float8_e4m3fn)
        assert np.array_equal(nf.arithmetic.add(a, b, nf.float8_e4m3fn), expected)
        found = nf.arithmetic.divide(a, b, nf.float8_e4m3fn, rounding="stochastic", rng=3)
        values = nf.arithmetic.divide(
            np.asarray(a), np.asarray(b), nf.float8_e4m3fn, rounding="stochastic", rng=3
        )
        assert np.array_equal(found, values)
        assert found.dtype == values.dtype
    wide = nf.array([2.0], "binary16p1se")
    assert nf.arithmetic.add(wide, [1], nf.float16).tolist() == [3.0]
    nans = nf.array([np.nan, -np.nan], "float16")
    assert np.signbit(nf.arithmetic.copysign(1, nans, nf.float16)).tolist() == [False, True]
    assert np.array_equal(nf.array(a, "float8_e4m3fn").codes, nf.float8_e4m3fn.encode(a))


def test_codes_are_checked() -> None:
    with pytest.raises(TypeError, match=r"codes: dtype int64.*uint8.*numformats.array"):
        nf.FormatArray(np.arange(3), "e4m3fn")
    with pytest.raises(TypeError, match="codes: list"):
        nf.FormatArray([1, 2], "e4m3fn")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"codes: 16 at index \(0,\) is above 15"):
        nf.FormatArray(np.uint8([16]), "float4_e2m1fn")
    with pytest.raises(TypeError, match="projection"):
        nf.FormatArray(np.uint8([1]), "e4m3fn", "rtz")  # type: ignore[arg-type]
    codes = np.uint8([1, 2])
    assert nf.FormatArray(codes, "e4m3fn").codes is codes


def test_copies_and_pickles() -> None:
    a = nf.array([1.0, np.nan], "float8_e4m3fn", rounding=nf.Stochastic(8), rng=1)
    for b in (pickle.loads(pickle.dumps(a)), copy.copy(a), copy.deepcopy(a), a.copy()):
        assert type(b) is nf.FormatArray
        assert (b.format, b.projection) == (a.format, a.projection)
        assert np.array_equal(b.codes, a.codes)
        assert not np.shares_memory(a, b)


def test_printing() -> None:
    a = nf.array([[1.0, -0.5], [np.nan, 3.0]], "float8_e4m3fn", rounding="rtz")
    rows = ["[[ 1. , -0.5],", "             [ nan,  3. ]]"]
    assert repr(a) == f"FormatArray({rows[0]}\n{rows[1]}, float8_e4m3fn, rounding='toward_zero')"
    assert str(a) == str(np.asarray(a)) == f"{a}"
    assert repr(nf.array([], "float16")) == "FormatArray([], shape=(0,), float16)"
    assert repr(nf.array(2, "float16")) == "FormatArray(2., float16)"
    huge = nf.array([1.0], "binary16p1ue")
    assert repr(huge) == f"FormatArray(['{hex(huge.codes[0])}'], binary16p1ue)"


def test_formats_beyond_float64() -> None:
    """Their operations go by codes; what needs their values as an array is refused."""
    a = nf.array([1.0, 4.0], "binary16p1se")
    a = a * a * a
    for _ in range(9):
        a *= a
    assert [nf.exact.decode(int(code), a.format) for code in a.codes] == [1, 2**3072]
    assert (np.sqrt(a) / a[1]).codes.tolist() == [
        nf.exact.project(Fraction(2) ** power, a.format) for power in (-3072, -1536)
    ]
    assert nf.exact.decode(int(np.abs(-a).codes[1]), a.format) == 2**3072
    wide = nf.FloatFormat("wide", exponent_bits=12, mantissa_bits=3)
    signed = nf.array([np.nan, -np.nan, -1.0], wide)
    assert np.array_equal((-signed).codes, nf.array([-np.nan, np.nan, 1.0], wide).codes)
    for ask in (lambda: np.asarray(a), lambda: a == 1, a.sum):
        with pytest.raises(ValueError, match="binary16p1se has values that float64 cannot hold"):
            ask()


# NumPy's functions


@pytest.mark.parametrize(
    "ask",
    [
        lambda x: np.reshape(x, (3, 2)),
        lambda x: np.transpose(x),
        lambda x: np.swapaxes(x, 0, 1),
        lambda x: np.moveaxis(x, 0, 1),
        lambda x: np.expand_dims(x, 1),
        lambda x: np.squeeze(x[:1]),
        lambda x: np.broadcast_to(x, (4, 2, 3)),
        lambda x: np.atleast_3d(x),
        lambda x: np.flip(x, axis=1),
        lambda x: np.roll(x, 1, axis=0),
        lambda x: np.rot90(x),
        lambda x: np.repeat(x, 2, axis=1),
        lambda x: np.tile(x, (2, 1)),
        lambda x: np.take(x, [2, 0], axis=1),
        lambda x: np.take_along_axis(x, np.array([[1], [0]]), axis=1),
        lambda x: np.delete(x, 1, axis=1),
        lambda x: np.diagonal(x),
        lambda x: np.concatenate([x, x], axis=1),
        lambda x: np.concatenate([x, x], axis=None),
        lambda x: np.stack([x, x], axis=2),
        lambda x: np.vstack([x, x]),
        lambda x: np.hstack([x, x]),
        lambda x: np.append(x, x, axis=0),
        lambda x: np.where(np.asarray(x) > 2, x, x[0]),
        lambda x: np.where(x, x, 7),
        lambda x: np.clip(x, 1.5, 4),
        lambda x: np.clip(x, 1.5, None),
        lambda x: np.clip(x, None, 3.0),
        pytest.param(
            lambda x: np.clip(x, None, None),
            marks=pytest.mark.skipif(NEEDS_AN_END, reason="NumPy before 2.1 refuses that"),
        ),
        lambda x: np.zeros_like(x),
        lambda x: np.ones_like(x, shape=(3,)),
        lambda x: np.full_like(x, 2.5),
        lambda x: np.outer(x[0], x[1]),
        lambda x: np.positive(x),
        lambda x: x.transpose(1, 0),
        lambda x: x.clip(2, 3),
    ],
)
def test_functions_that_are_not_rounded_do_what_they_do_to_values(ask: Any) -> None:
    values = np.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]], np.float32)
    found = ask(nf.array(values, "float16"))
    assert type(found) is nf.FormatArray
    assert found.format == nf.float16
    assert np.asarray(found).tolist() == ask(values).tolist()


@pytest.mark.parametrize(
    "ask",
    [
        np.shape,
        np.ndim,
        np.size,
        np.count_nonzero,
        np.argwhere,
        np.flatnonzero,
        lambda x: np.argsort(x, axis=1, kind="stable"),
        lambda x: np.array_equal(x, x + 1),
        lambda x: np.array_equal(x, x[:1]),
        lambda x: np.array_equal(np.asarray(x), x),
        lambda x: np.nonzero(x)[0],
        lambda x: np.where(x)[1],
    ],
)
def test_questions_are_answered_about_the_values(ask: Any) -> None:
    values = np.array([[0.0, 1.0, 2.0], [3.0, -4.0, 0.0]], np.float32)
    assert np.array_equal(ask(nf.array(values, "float16")), ask(values))


def test_split_gives_views() -> None:
    a = nf.array(np.arange(6), "float16")
    parts = np.split(a, 3)
    assert [part.tolist() for part in parts] == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
    assert all(np.shares_memory(part, a) for part in parts)


def test_joining_projects_what_is_of_no_format() -> None:
    a = nf.array([1.0], "float8_e4m3fn", rounding="toward_positive")
    assert np.concatenate([a, [1.01]]).tolist() == [1.0, 1.125]
    assert np.where([True, False], a, 1.01).tolist() == [1.0, 1.125]
    out = np.empty_like(a)
    np.copyto(out, 1.01)
    assert out.tolist() == [1.125]
    numbers = np.zeros(1)
    np.copyto(numbers, a)
    assert numbers.tolist() == [1.0]
    assert np.concatenate([a, nf.array([1.01], "float16")]).format == nf.float16


DISPATCHED = [
    function
    for module in (np, np.linalg, np.fft)
    for name in dir(module)
    if type(function := getattr(module, name)).__name__ == "_ArrayFunctionDispatcher"
]


def test_every_other_function_is_refused_by_name() -> None:
    a = nf.array([1.0], "float16")
    refused = [own for own in DISPATCHED if own not in numpy_functions.FUNCTIONS]
    assert len(refused) > 150
    for function in refused:
        with pytest.raises(TypeError, match=f"{function.__name__}: not for arrays of a format"):
            a.__array_function__(function, (nf.FormatArray,), (a,), {})
    with pytest.raises(TypeError, match=r"numpy.linalg.norm: not for arrays of a format.*asarray"):
        np.linalg.norm(a)
    with pytest.raises(TypeError, match=r"numpy.std: not for"):
        np.std(a)


def test_every_other_ufunc_is_refused_by_name() -> None:
    a = nf.array([1.0], "float16")
    known = {*ufuncs.PROJECTED, *ufuncs.COMPARISONS, *ufuncs.PREDICATES, *ufuncs.LOGICAL}
    others = [x for x in vars(np).values() if isinstance(x, np.ufunc) and x not in known]
    assert len(others) > 25
    for ufunc in others:
        with pytest.raises(TypeError, match=f"numpy.{ufunc.__name__}: not for arrays of a format"):
            ufunc(*[a] * ufunc.nin)
    for method in (lambda: np.add.at(a, 0, 1), lambda: np.add.reduceat(a, [0])):
        with pytest.raises(TypeError, match=r"numpy.add.\w+: not for arrays of a format"):
            method()


@pytest.mark.parametrize(
    ("operation", "way_out"),
    [
        (lambda a: a & 1, "a.codes has the bits"),
        (lambda a: a % 2, "numformats.arithmetic.remainder"),
        (lambda a: np.nextafter(a, 2), "next_up"),
        (lambda a: np.add(a, 1, dtype=np.float64), "numpy.add: dtype= is not taken"),
        (lambda a: np.sum(a, dtype=np.float64), "numpy.sum: .*takes x, axis, out, keepdims"),
        (lambda a: np.add.reduce(a, initial=1), "numpy.add.reduce: .*takes x, axis, out, keepdims"),
        (lambda a: np.tile([1, 2], a), "can only come first"),
        (lambda a: np.power(a, a), "2 is the only one"),
        (lambda a: np.dot(a.reshape(1, 1, 1), a), "use @"),
        (lambda a: a + 1j, "pass the real and imaginary parts"),
        (lambda a: a + True, "for 0 and 1"),
    ],
)
def test_what_is_refused_has_a_way_out(operation: Any, way_out: str) -> None:
    with pytest.raises(TypeError, match=way_out):
        operation(nf.array([1.0], "float16"))


def test_other_libraries_are_asked_first() -> None:
    class Other:
        def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> str:
            return "mine"

        def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> str:
            return "mine"

    a = nf.array([1.0], "float16")
    assert np.add(a, Other()) == "mine"
    assert np.concatenate([a, Other()]) == "mine"
