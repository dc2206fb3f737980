"""Sums, dot products and matrix products of arrays, against their meaning in Fractions."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import math
import subprocess
import sys
from collections.abc import Iterator
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
from numformats.codec import backends
from numformats.modes import DETERMINISTIC

Array = NDArray[Any]

GENERIC = ["exact", "sequential", "fma_chain", "pairwise"]
UNITS = [name for name in list_accumulators() if name not in GENERIC]


@contextlib.contextmanager
def only(path: str) -> Iterator[None]:
    """Sums without compiled loops, or with them for arrays of any size, where there is Numba."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backends, "_IS_DISABLED", path == "numpy")
        if path == "compiled" and importlib.util.find_spec("numba") is not None:
            importlib.import_module("numformats.codec.numba.calls")
        yield


def matmul(*operands: Any, **how: Any) -> Any:
    """A product of matrices, the same in NumPy and in compiled loops."""
    with only("numpy"):
        slow = arithmetic.matmul(*operands, **how)
    with only("compiled"):
        fast = arithmetic.matmul(*operands, **how)
    assert slow.dtype == fast.dtype
    assert slow.shape == fast.shape
    assert same(slow, fast)
    return fast


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
            got = matmul(a, b, c, accumulator=one, output=output)
            assert got.dtype == nf.get_format(output).dtype
            assert same(got, meant(a, b, c, acc=one, output=output))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("output", ["float32", "float16", "bfloat16", "float8_e5m2", "binary8p3se"])
@pytest.mark.parametrize("name", GENERIC)
def test_generic_ones_give_what_is_meant(name: str, output: str, kind: str) -> None:
    rng = np.random.default_rng(len(name))
    fmt = nf.get_format(output)
    for operands in (fmt, nf.float32, nf.float8_e4m3fn):
        a, b = values_of(operands, rng, (3, 11), kind), values_of(operands, rng, (11, 4), kind)
        c = values_of(fmt, rng, (3, 4), kind)
        got = matmul(a, b, c, accumulator=name, output=output)
        assert same(got, meant(a, b, c, acc=name, output=output))


@pytest.mark.parametrize("rounding", DETERMINISTIC)
@pytest.mark.parametrize("name", GENERIC)
def test_every_rounding_mode(name: str, rounding: str) -> None:
    rng = np.random.default_rng(5)
    acc = replace(get_accumulator(name), format="float16", rounding=rounding)
    for kind in KINDS:
        a, b = (values_of(nf.float16, rng, shape, kind) for shape in ((4, 9), (9, 5)))
        c = values_of(nf.float16, rng, (4, 5), kind)
        assert same(matmul(a, b, c, accumulator=acc), meant(a, b, c, acc=acc))


@pytest.mark.parametrize("name", ["b200_mxfp8", "b200_mxfp4", "b200_nvfp4"])
def test_scales(name: str) -> None:
    acc, rng = get_accumulator(name), np.random.default_rng(2)
    assert acc.scale_format is not None
    assert acc.scale_block is not None
    fmt, of_scale = nf.get_format(acc.inputs[0]), nf.get_format(acc.scale_format)
    for k, spread in ((160, 1.0), (70, 6.0), (32, 0.0)):
        count = -(-k // acc.scale_block)
        a, b = values_of(fmt, rng, (3, k), "wide"), values_of(fmt, rng, (k, 4), "near")
        scales = [
            of_scale.round(2.0 ** rng.normal(0, spread, shape), saturation="finite")
            for shape in ((3, count), (count, 4))
        ]
        if spread:
            scales[0][0, 0] = np.nan
        got = matmul(a, b, accumulator=acc, a_scales=scales[0], b_scales=scales[1])
        expected = [
            [
                exact_dot(a[i], b[:, j], 0, acc, x_scales=scales[0][i], y_scales=scales[1][:, j])
                for j in range(4)
            ]
            for i in range(3)
        ]
        assert same(got, np.array(expected, float))
        plain = matmul(a, b, accumulator=acc)
        assert same(plain, meant(a, b, np.zeros((3, 4)), acc=acc))
        ones = [np.ones(one.shape) for one in scales]
        assert same(plain, matmul(a, b, accumulator=acc, a_scales=ones[0], b_scales=ones[1]))


@pytest.mark.parametrize("name", ["h100_float8_wgmma", "h100_float8_mma", "exact", "sequential"])
@pytest.mark.parametrize("every", [1, 24, 64, 500])
def test_promotion(name: str, every: int) -> None:
    acc, rng = replace(get_accumulator(name), promote_every=every), np.random.default_rng(3)
    fmt = nf.float8_e4m3fn
    a, b = values_of(fmt, rng, (2, 100), "near"), values_of(fmt, rng, (100, 3), "near")
    c = values_of(nf.float32, rng, (2, 3), "near")
    assert same(matmul(a, b, c, accumulator=acc), meant(a, b, c, acc=acc))


def test_promotion_is_a_float32_sum_of_intervals() -> None:
    rng = np.random.default_rng(4)
    a, b = (values_of(nf.float8_e4m3fn, rng, shape, "near") for shape in ((5, 512), (512, 6)))
    hopper = get_accumulator("h100_float8_wgmma")
    parts = [
        matmul(a[:, k : k + 128], b[k : k + 128], accumulator=hopper) for k in range(0, 512, 128)
    ]
    expected = ((parts[0] + parts[1]) + parts[2]) + parts[3]
    promoted = matmul(a, b, accumulator=replace(hopper, promote_every=128))
    assert same(promoted, expected)
    plain = matmul(a, b, accumulator=hopper)
    assert np.abs(promoted - a @ b).mean() < np.abs(plain - a @ b).mean()


def test_sequential_in_float32_is_what_numpy_makes_of_a_loop() -> None:
    rng = np.random.default_rng(6)
    a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((70, 50), (50, 130)))
    expected = np.zeros((70, 130), np.float32)
    for k in range(50):
        expected += a[:, k, None] * b[k]
    assert same(matmul(a, b, accumulator="sequential"), expected)
    tree = [a[:, k, None] * b[k] for k in range(50)]
    while len(tree) > 1:
        pairs = [tree[i : i + 2] for i in range(0, len(tree), 2)]
        tree = [pair[0] + pair[1] if len(pair) > 1 else pair[0] for pair in pairs]
    assert same(matmul(a, b, accumulator="pairwise"), tree[0])


@pytest.mark.parametrize("name", ["sequential", "fma_chain"])
def test_operands_of_more_bits_than_products_have_in_float64(name: str) -> None:
    rng = np.random.default_rng(7)
    for rounding in ("nearest_even", "toward_positive", "to_odd"):
        acc = replace(get_accumulator(name), format="float32", rounding=rounding)
        a, b = rng.standard_normal((3, 7)), rng.standard_normal((7, 4))
        a[0] = 1 + 2.0**-52
        b[:, 0] = [-1, 1 - 2.0**-53, 2.0**-60, -(2.0**-60), 1 + 2.0**-30, -1, 2.0**-100]
        c = np.zeros((3, 4))
        assert same(matmul(a, b, accumulator=acc), meant(a, b, c, acc=acc))


def test_the_exact_sum_of_numbers_of_any_size() -> None:
    rng = np.random.default_rng(8)
    for spread in (3, 60, 400):
        a = rng.standard_normal((3, 9)) * 2.0 ** rng.uniform(-spread, spread, (3, 9))
        b = rng.standard_normal((9, 4)) * 2.0 ** rng.uniform(-spread, spread, (9, 4))
        # All but cancels.
        a[:, 5], b[5] = -a[:, 4], b[4] * (1 - 2.0**-40)
        c = rng.standard_normal((3, 4)) * 2.0 ** rng.uniform(-spread, spread, (3, 4))
        for output in (
            nf.float32,
            nf.bfloat16,
            nf.float8_e5m2,
            nf.int8,
            nf.TableFormat("few", (-1.0, 0.0, 0.3, 7.0)),
        ):
            got = matmul(a, b, c, output=output)
            for i, j in np.ndindex(3, 4):
                expected = exact_dot(a[i], b[:, j], c[i, j], output=output)
                assert float(got[i, j]) == float(expected)
                total = sum(Fraction(x) * Fraction(y) for x, y in zip(a[i], b[:, j], strict=True))
                assert expected == nf.exact.decode(
                    nf.exact.project(total + Fraction(c[i, j]), output), output
                )


def test_the_exact_sum_of_many_numbers_of_one_sign_and_of_both() -> None:
    fmt = nf.float8_e5m2
    for sign in (1, -1):
        a = np.full((1, 40_000), fmt.max)
        a[0, ::2] *= sign
        b = np.full((40_000, 1), fmt.max)
        b[-1] = fmt.smallest_subnormal
        expected = sum(int(x) for x in a[0, :-1]) * int(fmt.max) + Fraction(a[0, -1]) * Fraction(
            float(b[-1, 0])
        )
        got = matmul(a, b, output="float32")
        assert Fraction(float(got[0, 0])) == Fraction(float(np.float32(float(expected))))


@pytest.mark.parametrize("dtype", [np.float32, np.float16, ml_dtypes.bfloat16])
def test_long_sums_that_cancel_but_for_the_last_bit(dtype: Any) -> None:
    """Any partial sum that float64 had rounded would show."""
    rng = np.random.default_rng(14)
    a, b = (rng.uniform(0.5, 1, 20_000).astype(dtype).astype(np.float64) for _ in range(2))
    order = rng.permutation(20_000)
    left = np.concatenate([a, [2.0**-12], -a[order]])[None]
    right = np.concatenate([b, [2.0**-11], b[order]])[:, None]
    assert arithmetic.matmul(left, right)[0, 0] == 2.0**-23
    assert arithmetic.matmul(-left, right, -(2.0**-23))[0, 0] == -(2.0**-22)


def test_int64_is_exact_or_refused() -> None:
    big = np.array([[2**53, 2**62]], np.int64)
    assert matmul(big, np.ones((2, 1)), -(2.0**62))[0, 0] == 2**53
    with pytest.raises(ValueError, match=r"a: 9007199254740993 .* is no value of float64"):
        matmul(np.array([[2**53 + 1]]), [[1]])
    with pytest.raises(ValueError, match="no value of float64"):
        matmul(np.array([[2**64 - 1]], np.uint64), [[1]])


@pytest.mark.parametrize("name", ["h100_float16", "mi300_float16", "exact", "sequential"])
def test_shapes_are_those_of_numpy(name: str) -> None:
    shapes = [
        *(((5,), (5,)), ((2, 5), (5,)), ((5,), (5, 3)), ((4, 2, 5), (5, 3))),
        *(
            ((4, 2, 5), (4, 5, 3)),
            ((4, 1, 2, 5), (6, 5, 3)),
            ((7, 5), (2, 5, 3)),
            ((5,), (2, 5, 3)),
        ),
        *(((4, 2, 5), (5,)), ((2, 0), (0, 3)), ((0, 5), (5, 3)), ((0, 2, 5), (5, 0)), ((0,), (0,))),
    ]
    rng = np.random.default_rng(9)
    for one, other in shapes:
        a = rng.integers(-8, 8, one).astype(np.float16)
        b = rng.integers(-8, 8, other).astype(np.float16)
        expected = np.matmul(a.astype(np.float64), b.astype(np.float64))
        got = matmul(a, b, accumulator=name)
        assert got.shape == expected.shape
        assert got.dtype == np.float32
        assert np.array_equal(got, expected)
        start = matmul(a, b, 3.0, accumulator=name)
        assert np.array_equal(start, expected + 3)
        dotted = arithmetic.dot(a, b, "float32", name)
        assert np.array_equal(dotted, np.dot(a.astype(float), b.astype(float)))
        assert dotted.shape == np.dot(a, b).shape


def test_without_products_the_addend_is_rounded_all_the_same() -> None:
    empty = np.empty((1, 0)), np.empty((0, 1))
    assert matmul(*empty, [[0.3]], output="float8_e5m2")[0, 0] == 0.3125
    assert matmul(*empty, accumulator="h100_float16")[0, 0] == 0
    cut = matmul(*empty, [[1 + 2.0**-20]], accumulator="h100_float8_wgmma")
    assert cut[0, 0] == float(exact_dot([], [], 1 + 2.0**-20, "h100_float8_wgmma")) == 1


def test_strides_and_byte_order_do_not_matter() -> None:
    rng = np.random.default_rng(10)
    a, b = (values_of(nf.float16, rng, shape, "wide").astype("f2") for shape in ((6, 40), (40, 8)))
    for name in ("a100_float16", "mi250_float16", "mi100_float16", "exact"):
        expected = matmul(a, b, accumulator=name)
        for one, other in (
            (np.asfortranarray(a), np.asfortranarray(b)),
            (np.repeat(a, 2, 1)[:, ::2], b[::-1][::-1]),
            (a.astype(">f2"), b.astype(">f4")),
        ):
            assert same(matmul(one, other, accumulator=name), expected)
        swapped = matmul(b.T, a.T, accumulator=name)
        assert same(swapped, expected.T)


def test_operands_are_in_the_format_of_their_dtype() -> None:
    # Subnormal in E4M3, with the exponent -6, and normal in E5M2, with -9: 2**-9.
    tiny = np.full((1, 2), 2.0**-9)
    b = np.array([[1.0], [2.0**-9]])
    unit = "h100_float8_wgmma"
    results = {
        dtype: float(
            matmul(tiny.astype(dtype), b.astype(ml_dtypes.float8_e5m2), accumulator=unit)[0, 0]
        )
        for dtype in (ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2, np.float32)
    }
    assert results[ml_dtypes.float8_e5m2] == 2.0**-9 + 2.0**-18
    # The second product is cut: below 2**(-6 - 13).
    assert results[ml_dtypes.float8_e4m3fn] == results[np.float32] == 2.0**-9 + 2.0**-18
    # One unit more, and it is lost.
    tiny[0, 1] = 2.0**-9
    b[1, 0] = 2.0**-11
    lost = matmul(
        tiny.astype(ml_dtypes.float8_e4m3fn), b.astype(ml_dtypes.float8_e5m2), accumulator=unit
    )
    kept = matmul(
        tiny.astype(ml_dtypes.float8_e5m2), b.astype(ml_dtypes.float8_e5m2), accumulator=unit
    )
    assert float(lost[0, 0]) == 2.0**-9
    assert float(kept[0, 0]) == 2.0**-9 + 2.0**-20


@pytest.mark.parametrize("name", ["exact", "sequential", "pairwise", "fma_chain", "a100_tf32"])
def test_sums(name: str) -> None:
    rng = np.random.default_rng(11)
    x = nf.tf32.round(rng.standard_normal((3, 4, 5)).astype(np.float32) * 1000)
    for axis in (None, 0, -1, (0, 2), (1,), (2, 0)):
        got = arithmetic.sum(x, nf.float32, axis, name)
        assert got.shape == x.sum(axis).shape
        axes = range(3) if axis is None else sorted(np.atleast_1d(axis) % 3)
        kept = [one for one in range(3) if one not in axes]
        rows = x.transpose([*kept, *axes]).reshape(got.size, -1)
        acc = replace(get_accumulator(name), round_products=False)
        expected = [float(exact_dot(row, [1] * len(row), 0, acc)) for row in rows]
        assert np.array_equal(np.ravel(got), expected)


def test_a_sum_does_not_round_its_terms_first() -> None:
    x = np.array([1 + 2.0**-10, 2.0**-10 * 3])
    assert arithmetic.sum(x, "bfloat16", accumulator="pairwise") == nf.bfloat16.round(x.sum())
    assert arithmetic.sum([], "float16") == 0


@pytest.mark.parametrize(
    "name",
    ["v100_float16", "a100_tf32", "h100_float8_mma", "mi250_float16", "pairwise", "sequential"],
)
def test_tiles_and_threads_change_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = pytest.importorskip("numformats.codec.numba.threads")
    acc, rng = get_accumulator(name), np.random.default_rng(13)
    fmt = nf.get_format(acc.inputs[0]) if acc.inputs else nf.float32
    for m, k, n in ((33, 70, 150), (150, 65, 7), (1, 300, 200)):
        a, b = values_of(fmt, rng, (m, k), "wide"), values_of(fmt, rng, (k, n), "near")
        c = values_of(nf.float32, rng, (m, n), "near")
        expected = matmul(a, b, c, accumulator=acc)
        with monkeypatch.context() as patch:
            patch.setattr(threads, "ELEMENTS_PER_THREAD", 500)
            for count in (1, 2, 5):
                patch.setattr(threads, "thread_count", lambda count=count: count)
                with only("compiled"):
                    assert same(arithmetic.matmul(a, b, c, accumulator=acc), expected)


def test_each_loop_is_compiled_once() -> None:
    pytest.importorskip("numba")
    from numformats.codec.numba.matrix import aligned, trees

    rng = np.random.default_rng(15)
    for shape, other in (((2, 3, 5), (5, 4)), ((3, 5), (2, 5, 4)), ((5,), (5,)), ((9, 5), (5, 1))):
        a, b = (rng.integers(-4, 4, one).astype(np.float32) for one in (shape, other))
        for name in ("a100_tf32", "h100_float8_mma", "sequential", "pairwise", "mi250_float16"):
            with only("compiled"):
                arithmetic.matmul(a, b, accumulator=name)
                arithmetic.sum(a, axis=0, accumulator=name)
    for loop in (aligned.aligned_sums, trees.rounded_sums, trees.machine_sums):
        assert len(loop.signatures) == 1


def test_loading_numba_is_left_until_it_is_worth_it() -> None:
    code = (
        "import sys; from numformats import arithmetic as a; x = [[1.0, 2.0]];"
        "a.matmul(x, [[3.0], [4.0]], accumulator='a100_float16'); print('numba' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"


def test_what_is_refused() -> None:
    ones = np.ones((2, 2))
    with pytest.raises(ValueError, match="unknown 'h100_float8'; did you mean 'h100_float8_wgmma'"):
        matmul(ones, ones, accumulator="h100_float8")
    with pytest.raises(ValueError, match=r"b: shape \(3, 2\), and a has \(2, 2\)"):
        matmul(ones, np.ones((3, 2)))
    with pytest.raises(ValueError, match=r"b: shape \(3, 2, 2\) does not broadcast"):
        matmul(np.ones((2, 2, 2)), np.ones((3, 2, 2)))
    with pytest.raises(ValueError, match=r"c: shape \(3,\) does not broadcast to \(2, 2\)"):
        matmul(ones, ones, np.ones(3))
    with pytest.raises(ValueError, match="a: a number"):
        matmul(1.0, ones)
    with pytest.raises(ValueError, match=r"a: 0.1 at index \(0, 1\) is no value of float16; a100"):
        matmul([[1.0, 0.1], [1, 1]], ones, accumulator="a100_float16")
    with pytest.raises(ValueError, match=r"b: nan .* is no value of float4_e2m1fn"):
        matmul(ones, ones * np.nan, accumulator="b200_float4")
    with pytest.raises(ValueError, match=r"b: inf .* is no value of float8_e4m3fn"):
        matmul(ones, [[np.inf, 1.125], [1, 1]], accumulator="h100_float8_wgmma")
    with pytest.raises(ValueError, match=r"c: 0\.1 is no value of float32; a100_float16 begins"):
        matmul(ones, ones, 0.1, accumulator="a100_float16")
    with pytest.raises(ValueError, match="output: a100_bfloat16 has results in float32, not in fl"):
        matmul(ones, ones, accumulator="a100_bfloat16", output="float16")
    with pytest.raises(ValueError, match="a100_float16 has results in float32 and float16, not"):
        matmul(ones, ones, accumulator="a100_float16", output="bfloat16")
    with pytest.raises(ValueError, match="int8 is not a signed floating-point format with NaN"):
        matmul(ones, ones, accumulator="sequential", output="int8")
    with pytest.raises(ValueError, match="output: unknown 'flot16'"):
        matmul(ones, ones, output="flot16")
    with pytest.raises(ValueError, match="a_scales: exact has no scales"):
        matmul(ones, ones, a_scales=ones)
    with pytest.raises(ValueError, match=r"a_scales: shape \(2, 2\), expected \(2, 1\)"):
        matmul(ones, ones, accumulator="b200_nvfp4", a_scales=ones)
    with pytest.raises(ValueError, match=r"result: nan at index .* is NaN, .*; int8 has no NaN"):
        matmul(ones * np.nan, ones, output="int8")
    with pytest.raises(ValueError, match="sequential does not reach so far"):
        matmul(ones * 2.0**500, ones, accumulator="sequential")
    with pytest.raises(ValueError, match="more than 26 bits"):
        matmul(
            ones * 0.1, ones, accumulator=replace(get_accumulator("pairwise"), round_products=False)
        )
    with pytest.raises(ValueError, match="axis: 2, and x has 2 dimensions"):
        arithmetic.sum(ones, axis=2)
    with pytest.raises(ValueError, match="names an axis twice"):
        arithmetic.sum(ones, axis=(0, -2))
    with pytest.raises(TypeError, match="a: "):
        matmul([["x"]], [[1.0]])


def test_your_own_accumulator() -> None:
    own = Accumulator(
        "mine",
        "aligned",
        ("float8_e4m3fn", "float8_e5m2"),
        4,
        7,
        order=((1, 2), (0, 3)),
        format="bfloat16",
        zero_exponent=-20,
        alternatives=(Result("float16", "toward_positive"),),
    )
    uneven = replace(own, order=((0,), (1, 2, 3)))
    rng = np.random.default_rng(12)
    for acc in (own, uneven):
        for kind in KINDS:
            a, b = (values_of(nf.float8_e5m2, rng, s, kind) for s in ((5, 14), (14, 6)))
            c = np.zeros((5, 6))
            for output in outputs_of(acc):
                got = matmul(a, b, accumulator=acc, output=output)
                assert same(got, meant(a, b, c, acc=acc, output=output))


@pytest.mark.parametrize(
    ("dtype", "bits", "accumulator"),
    [
        ("float16", 0x7C01, "h100_float16"),
        ("float16", 0x7C01, "sequential"),
        ("float16", 0x7C01, "exact"),
        ("bfloat16", 0x7F81, "a100_bfloat16"),
        ("float8_e5m2", 0x7D, "h100_float8_mma"),
        ("float32", 0x7F802000, "h100_tf32"),
    ],
)
def test_signaling_nans_are_nans(dtype: str, bits: int, accumulator: str) -> None:
    fmt = nf.get_format(dtype)
    assert fmt.dtype is not None
    x = np.array([bits, 0], f"u{fmt.dtype.itemsize}").view(fmt.dtype)
    with np.errstate(all="raise"):
        assert np.isnan(matmul(x, x, accumulator=accumulator))
        assert np.isnan(matmul(x[None], x[:, None], accumulator=accumulator)).all()
