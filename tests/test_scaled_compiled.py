"""Scaled formats through compiled loops: the bits of the NumPy path, and of the oracle."""

from __future__ import annotations

import importlib
import itertools
import math
from fractions import Fraction
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray
from scaled_meaning import (
    NAMES,
    assert_as_meant,
    assert_same_bits,
    numbers,
    parts_of,
    specials,
)

import numformats as nf
from numformats.codec import backends
from numformats.codec.plan import make_plan
from numformats.error_free import quotient_to_odd, sum_to_odd
from numformats.modes import Modes
from numformats.scaled.granularity import Tile
from numformats.scaled.plan import plan_quantization
from numformats.scaled.tiling import block_length


@pytest.mark.parametrize("name", NAMES)
def test_compiled_blocks_give_the_bits_of_numpy(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    importlib.import_module("numformats.codec.numba.calls")
    shapes = [(4096,), (64, 256), (3, 5, 128), (70,), (2, 100_000), (1 << 17,), (300_000,), (3, 70)]
    cases = [("rne", None), ("rtp", "floor"), ("sr", "rceil"), ("to_odd", "even"), ("rnz", "ceil")]
    if not nf.get_scaled_format(name).is_symmetric:
        rules = None, "absmax_down", "absmax_up", "percentile", "absmax"
        cases = [(mode, rule) for (mode, _), rule in zip(cases, rules, strict=True)]
    for shape in shapes:
        x = specials(shape)
        for mode, rule in cases:
            results = []
            for is_disabled in (True, False):
                monkeypatch.setattr(backends, "_IS_DISABLED", is_disabled)
                q = nf.quantize(x, name, rounding=mode, scale_rule=rule, rng=3)
                results.append(parts_of(q))
            for expected, got in zip(*results, strict=True):
                np.testing.assert_array_equal(got, expected, f"{shape} {mode} {rule}")


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["f2", ">f4", "f8", "i1", "u2", "i8", ml_dtypes.bfloat16])
def test_compiled_blocks_of_every_dtype_and_layout(
    name: str, dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numba")
    importlib.import_module("numformats.codec.numba.calls")
    x = numbers((6, 2, 90), np.float64) * 20
    if np.dtype(dtype).kind in "iu":
        x = np.clip(x, 0, 100)
    x = x.astype(dtype)
    for axis, mode in itertools.product((None, 0, -2), ("rne", "sr")):
        results = []
        for is_disabled in (True, False):
            monkeypatch.setattr(backends, "_IS_DISABLED", is_disabled)
            q = nf.quantize(x, name, axis=axis, rounding=mode, rng=3)
            turned = nf.quantize(x.transpose(2, 0, 1)[::-1], name, rounding=mode, rng=3)
            results.append(parts_of(q) + parts_of(turned))
        for expected, got in zip(*results, strict=True):
            np.testing.assert_array_equal(got, expected, f"{axis} {mode}")


@pytest.mark.parametrize("shape", [(12, 64), (3, 10, 64), (9, 70), (200, 8), (1, 16)])
@pytest.mark.parametrize("tile", [nf.PerTile(4, 8), nf.PerTile(3, 2), nf.PerTile(2, 64)])
def test_tiles_of_several_rows_are_those_of_numpy(
    tile: nf.PerTile, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    importlib.import_module("numformats.codec.numba.calls")
    int4, uint4 = nf.get_format("int4"), nf.get_format("uint4")
    formats = [
        nf.ScaledFormat("plain", nf.float8_e4m3fn, nf.float32, tile),
        nf.ScaledFormat("mx", nf.float4_e2m1fn, nf.float8_e8m0fnu, tile, "floor"),
        nf.ScaledFormat("double", nf.float4_e2m1fn, nf.ScaledFormat(
            "s", nf.float8_e4m3fn, nf.float32), tile),
        nf.ScaledFormat("twice", nf.float4_e2m1fn, nf.ScaledFormat(
            "s", nf.float8_e4m3fn, nf.float32, nf.PerBlock(2)), tile),
        nf.ScaledFormat("affine", int4, nf.float16, tile, zero_point=int4),
        nf.ScaledFormat("offset", uint4, nf.float16, tile, offset=nf.float16),
    ]  # fmt: skip
    for fmt in formats:
        assert_same_bits(monkeypatch, numbers(shape) + np.float32(0.5), fmt, "rne")


@pytest.mark.parametrize("rule", ["absmax", "absmax_up", "even", "floor"])
@pytest.mark.parametrize(
    "scale", ["float8_e4m3fn", "float8_e8m0fnu", "float16", "float32", "float8_e5m2", "tensor"]
)
def test_scales_of_many_sizes_are_those_of_numpy(
    scale: str, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    importlib.import_module("numformats.codec.numba.calls")
    rng = np.random.default_rng(1)
    x = rng.standard_normal((640, 96)) * 2.0 ** rng.integers(-60, 60, (640, 1))
    x[rng.integers(0, 2, 640) == 0, ::2] = 0
    x[40:80] = 0
    x[100:140, 16:32] = 0
    x[[3, 170, 400], 5] = np.inf, np.nan, -np.inf
    inner = nf.get_format("float8_e4m3fn" if scale == "tensor" else scale)
    scales = nf.ScaledFormat("s", inner, nf.float32) if scale == "tensor" else inner
    for block in (3, 4, 8, 16, 32, 96):
        fmt = nf.ScaledFormat("own", nf.float4_e2m1fn, scales, nf.PerBlock(block), rule)
        assert_same_bits(monkeypatch, x.astype(np.float32), fmt, "rne")


def test_a_scale_without_nan_refuses_a_tile_with_nan() -> None:
    importlib.import_module("numformats.codec.numba.calls")
    scale = nf.FloatFormat("bare", 5, 2, has_inf=False, nan="none")
    fmt = nf.ScaledFormat("own", nf.float4_e2m1fn, scale, nf.PerBlock(4))
    x = np.full((8, 8), 6, np.float32)
    assert (nf.quantize(x, fmt).dequantize() == 6).all()
    x[5, 5] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        nf.quantize(x, fmt)


@pytest.mark.parametrize("shape", [(900, 384), (3, 131_072), (200, 3000), (3, 1 << 19)])
@pytest.mark.parametrize("name", ["int8_channel", "fp8_e4m3_tensor", "int8_channel_asym", "q4_0"])
def test_blocks_that_do_not_fill_the_chunks_worked_on(
    name: str, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    importlib.import_module("numformats.codec.numba.calls")
    x = specials(shape)
    for mode in ("rne", "sr"):
        assert_same_bits(monkeypatch, x, name, mode)


def test_scales_that_threads_share_are_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    # What a loop writes before it finds NaN is of no use, and another thread may read it.
    calls = importlib.import_module("numformats.codec.numba.calls")
    blocks = importlib.import_module("numformats.codec.numba.blocks.calls")
    kernel = calls.kernel_for(make_plan(nf.float8_e4m3fn, Modes()), np.dtype(np.float64))
    scales, codes, seen = blocks.ScaleKernel(kernel, nf.float8_e4m3fn, 1, None), np.full(3, 7), []
    codes = codes.astype(np.uint8)
    apart = scales._run_apart

    def watched(*arguments: Any) -> None:
        seen.append(codes.copy())
        apart(*arguments)

    monkeypatch.setattr(scales, "_run_apart", watched)
    scales.run(None, 1, np.array([1.0, np.nan, 2.0]), np.ones(1), codes)
    assert [list(found) for found in seen] == [[7, 7, 7]]
    assert list(codes) == list(nf.float8_e4m3fn.encode([1.0, np.nan, 2.0]))


@pytest.mark.parametrize(
    "fmt",
    [
        nf.ScaledFormat(
            "t", nf.TableFormat("t", (0.0, 0.1, 0.7, -1.0)), nf.float32, nf.PerBlock(8)
        ),
        nf.ScaledFormat(
            "two",
            nf.get_format("int8"),
            nf.ScaledFormat("s", nf.float32, nf.float32),
            nf.PerBlock(8),
        ),
        nf.ScaledFormat("wide", nf.FixedFormat("q", 15, 16), nf.float32, nf.PerBlock(8)),
        nf.ScaledFormat(
            "long",
            nf.TableFormat("l", tuple(i / 256 for i in range(-256, 256))),
            nf.bfloat16,
            nf.PerBlock(8),
        ),
    ],
)
def test_formats_of_many_bits_are_compiled_as_meant(
    fmt: nf.ScaledFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    importlib.import_module("numformats.codec.numba.calls")
    x = numbers((5, 80))
    for mode in ("rne", "rtz", "sr"):
        assert_same_bits(monkeypatch, x, fmt, mode)
    assert_as_meant(x, fmt, "absmax", "nearest_even")


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4"])
def test_of_numbers_as_far_from_zero_the_first_counts(
    dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    importlib.import_module("numformats.codec.numba.calls")
    rng = np.random.default_rng(6)
    x = rng.choice([-2, -1, 0, 1, 2], (64, 256)).astype(dtype)
    x[:4], x[4:8] = 0, 1
    if dtype != "i4":
        x[:4, ::3], x[10, 3], x[11, 5] = -0.0, np.inf, -np.inf
        x[12], x[13, 40:] = np.inf, -np.inf
    for name in ("q4_0", "q4_1", "int4_g32_asym"):
        assert_same_bits(monkeypatch, x, name, "rne")
    first = x[np.arange(20, 64), np.abs(x[20:, :32]).argmax(axis=1)]
    signs = np.sign(nf.quantize(x, "q4_0").scales[20:, 0])
    np.testing.assert_array_equal(signs, -np.sign(first))


def called(loop: Any) -> Any:
    """A loop that is for compiled callers, for Python to call."""
    numba = importlib.import_module("numba")
    return numba.njit(lambda x, others, out: loop(x, others, out))


def test_loops_that_round_to_odd_are_exact() -> None:
    pytest.importorskip("numba")
    loops = importlib.import_module("numformats.codec.numba.blocks.quotients")
    rng = np.random.default_rng(4)
    x = numbers((1000,)) + np.float32(1e-3)
    sizes = rng.integers(1, 1 << 53, 1000) * 2.0 ** rng.integers(-60, 20, 1000)
    sizes *= rng.choice([-1, 1], 1000)
    for numerators in (x, x.astype("f8") / 3):
        found = np.empty(1000)
        called(loops.divide_each_to_odd)(numerators, sizes, found)
        np.testing.assert_array_equal(found, quotient_to_odd(numerators, sizes))
        called(loops.add_each_to_odd)(numerators, sizes, found)
        np.testing.assert_array_equal(found, sum_to_odd(numerators.astype("f8"), sizes))
        exact_sums = (
            Fraction(n) + Fraction(s)
            for n, s in zip(numerators.tolist(), sizes.tolist(), strict=True)
        )
        for total, meant in zip(found.tolist(), exact_sums, strict=True):
            # Odd, unless it is the sum itself; and a neighbour of it.
            significand = int(math.frexp(total)[0] * 2**53)
            assert Fraction(total) == meant or significand % 2
            assert abs(Fraction(total) - meant) < Fraction(math.ulp(total))


def test_quotients_to_odd_at_the_ends_of_float64() -> None:
    pytest.importorskip("numba")
    loops = importlib.import_module("numformats.codec.numba.blocks.quotients")
    tiny, top = 5e-324, np.finfo(np.float64).max
    cases = [
        # What is too small is not zero, and what is too large not infinite.
        (1e-300, 1e200, tiny), (-1e-300, 1e200, -tiny), (1e-300, -1e200, -tiny),
        (-1e-300, -1e200, tiny), (1e300, 1e-200, top), (-1e300, 1e-200, -top),
        (3 * tiny, 2.0, tiny), (1e300, 1e300, 1.0), (0.0, 3.0, 0.0), (-0.0, 3.0, -0.0),
        (np.inf, 3.0, np.inf), (-np.inf, 3.0, -np.inf), (np.nan, 3.0, np.nan),
        (1.0, np.nan, np.nan), (1.0, np.inf, 0.0), (-1.0, np.inf, -0.0),
    ]  # fmt: skip
    x, sizes, expected = (np.array(column) for column in zip(*cases, strict=True))
    found = np.empty(x.size)
    called(loops.divide_each_to_odd)(x, sizes, found)
    for got in (found, quotient_to_odd(x, sizes)):
        np.testing.assert_array_equal(got, expected)
        np.testing.assert_array_equal(np.signbit(got), np.signbit(expected))


def wide_specials(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Numbers over nearly all of float64's range, and next to the midpoints between elements."""
    rng = np.random.default_rng(math.prod(shape))
    x = rng.standard_normal(shape) * 2.0 ** rng.integers(-1060, 1020, (*shape[:-1], 1))
    near = np.float64(rng.integers(-40, 40, shape) / 8) * rng.choice([1, 1.1], (*shape[:-1], 1))
    is_near = rng.random(shape) < 0.5
    steps = rng.integers(-1, 2, shape)
    near = np.where(steps == 0, near, np.nextafter(near, np.where(steps > 0, np.inf, -np.inf)))
    x[is_near] = near[is_near]
    x.flat[[3, 9, 11]] = -0.0, np.inf, -np.inf
    x.flat[-7] = np.nan
    return x


@pytest.mark.parametrize("name", NAMES)
def test_compiled_blocks_of_float64(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    importlib.import_module("numformats.codec.numba.calls")
    for shape, mode in itertools.product([(40, 256), (6, 70)], ("rne", "rtp", "raz", "sr")):
        assert_same_bits(monkeypatch, wide_specials(shape), name, mode)
    fmt, x = nf.get_scaled_format(name), wide_specials((4, 128))
    if fmt.is_symmetric:
        x[~np.isfinite(x)] = 0
        modes, calls = Modes("nearest_even", "finite"), backends.compiled_path(x.size)
        plan = plan_quantization(
            x.shape, x.dtype, fmt, fmt.rule, modes, None, is_random=False, calls=calls
        )
        assert plan.kernel is not None
        for rule in ("absmax", "absmax_up", "even"):
            assert_as_meant(x, fmt, rule, "nearest_even")


@pytest.mark.parametrize("name", ["mxfp4", "nvfp4", "int4_g128_asym", "q4_1", "q4_0", "nf4_dq"])
def test_many_float64_on_threads(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    importlib.import_module("numformats.codec.numba.calls")
    x = wide_specials((1 << 12, 1 << 8))
    assert_same_bits(monkeypatch, x, name, "rne")
    assert_same_bits(monkeypatch, np.rint(numbers(x.shape) * 1e5).astype("i8"), name, "rne")


def test_compiled_blocks_on_threads() -> None:
    importlib.import_module("numformats.codec.numba.calls")
    x = specials((1 << 10, 1 << 11))
    for name in ("mxfp4", "nvfp4", "fp8_e4m3_channel", "int8_tensor", "int4_g128"):
        whole = nf.quantize(x, name, rounding="sr", rng=1)
        expected = np.asarray(whole.dequantize())
        if name in ("mxfp4", "int4_g128"):  # whose rows do not depend on each other
            part = nf.quantize(x[512:], name)
            np.testing.assert_array_equal(part.codes, nf.quantize(x, name).codes[512:])
        values = nf.get_scaled_format(name).element.decode(whole.codes, dtype=np.float64)
        block = x.size // whole.scales.size
        sizes = np.repeat(whole.scale_values().ravel(), block).reshape(x.shape)
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(expected, (values * sizes).astype(np.float32))


@pytest.mark.parametrize(
    ("shape", "tile", "expected"),
    [
        ((4, 64), (1, 32), 32),
        ((4, 70), (1, 32), None),
        ((1, 70), (1, 32), 32),
        ((70,), (32,), 32),
        ((4, 6), (1, None), 6),
        ((4, 6), (None, 1), None),
        ((4, 6), (None, None), 24),
        ((4, 6, 5), (1, None, None), 30),
        ((4, 6, 5), (1, 3, 1), None),
        ((4, 6, 5), (1, 3, 5), 15),
        ((256, 256), (128, 128), None),
        ((256, 128), (128, 128), 128 * 128),
        ((3, 1), (1, 32), 1),
    ],
)
def test_tiles_that_are_blocks(shape: tuple[int, ...], tile: Tile, expected: int | None) -> None:
    assert block_length(shape, tile) == expected


@pytest.mark.parametrize(
    ("name", "dtype", "is_random", "expected"),
    [
        ("mxfp4", "f4", True, "shift"),
        ("mxfp4", "f8", False, "to_odd"),
        ("nvfp4", "f2", False, "plain"),
        ("nvfp4", "f4", True, "to_odd"),
        ("nvfp4", "i4", False, "to_odd"),
        ("int4_g32_asym", ">f4", False, "plain"),
        ("q4_1", "f4", False, "to_odd"),
        ("nf4", "f4", False, "plain"),
    ],
)
def test_a_plan_divides_in_the_cheapest_way(
    name: str, dtype: str, is_random: bool, expected: str
) -> None:
    fmt, modes = nf.get_scaled_format(name), Modes("nearest_even", "finite")
    plan = plan_quantization(
        (4, 64), np.dtype(dtype), fmt, fmt.rule, modes, None, is_random=is_random, calls=None
    )
    assert plan.kernel is None
    assert plan.division == expected


@pytest.mark.parametrize(
    "name", ["nvfp4", "mxfp4", "int4_g32", "int8_channel", "fp8_e4m3", "nf4", "mxint8"]
)
@pytest.mark.parametrize("shape", [(64,), (6, 96), (3, 4, 64)])
@pytest.mark.parametrize("special", [1.0, math.inf])
def test_chunks_are_decoded_as_by_numpy(name: str, shape: tuple[int, ...], special: float) -> None:
    importlib.import_module("numformats.codec.numba.calls")
    x = np.random.default_rng(5).standard_normal(shape)
    x.flat[7] = special
    decoder = nf.quantize(x, name).decoder()
    whole = tuple(slice(0, length) for length in shape)
    if special == 1 and name in ("nvfp4", "mxfp4"):  # whose blocks fill all rows here
        assert decoder._decode_blocks(whole) is not None
    for index in (whole, (*whole[:-1], slice(32, 64)), (*whole[:-1], slice(5, 31))):
        found, expected = decoder.decode(index), decoder._decode_any(index)
        assert found.products.tobytes() == expected.products.tobytes()
        spread = np.broadcast_to(expected.scales, expected.products.shape)
        np.testing.assert_array_equal(np.broadcast_to(found.scales, spread.shape), spread)
        np.testing.assert_array_equal(found.zeros(), expected.zeros())


def test_products_beyond_float64_are_the_largest_number() -> None:
    importlib.import_module("numformats.codec.numba.calls")
    fmt = nf.ScaledFormat(
        "wide", nf.float8_e5m2, nf.FloatFormat("far", 8, 7, bias=-760), nf.PerBlock(2)
    )
    codes = np.array([[0x7B, 0x01]], np.uint8)
    scale = fmt.scale_element.encode(np.array([[2.0**1010]]))
    array = nf.ScaledArray(codes, scale, fmt)
    chunk = array.decoder().decode((slice(0, 1), slice(0, 2)))
    assert chunk.products.tolist() == [[np.finfo(np.float64).max, 2.0**1010 * 2.0**-16]]
