"""What is kept from one call of `quantize` or `dequantize` to the next changes nothing."""

from __future__ import annotations

import gc
import importlib
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scaled_meaning import NAMES, assert_same_bits, numbers, parts_of, specials

import numformats as nf
from numformats.codec import backends
from numformats.scaled import ScaleRule

Array = NDArray[Any]
SHAPE = (6, 200)


@pytest.fixture(params=["compiled", "NumPy"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "compiled":
        pytest.importorskip("numba")
        importlib.import_module("numformats.codec.numba.calls")
    monkeypatch.setattr(backends, "_IS_DISABLED", request.param == "NumPy")
    return str(request.param)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_an_array_is_kept(name: str) -> None:
    rules: list[Any] = [None]
    if nf.get_scaled_format(name).scale_mean is None:
        rules += ["percentile", ScaleRule(search=2)]
    for rule in rules:
        x = numbers(SHAPE)
        q = nf.quantize(x, name, scale_rule=rule)
        y = q.dequantize()
        seen = [weakref.ref(array) for array in (x, y, q.codes, q.scales)]
        del x, q, y
        gc.collect()
        assert [array() for array in seen] == [None] * len(seen)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", NAMES)
def test_arrays_of_one_shape_have_nothing_to_do_with_each_other(name: str) -> None:
    first, second = specials(SHAPE), numbers(SHAPE) * np.float32(1e3)
    expected = [parts_of(nf.quantize(x, name)) for x in (first, second, first)]
    q = nf.quantize(first, name)
    np.testing.assert_array_equal(q.dequantize(), q.dequantize())
    # What comes back is the caller's own.
    for part in (q.codes, q.scales, q.zero_points, q.tensor_scales, q.offsets, q.scale_mean):
        if part is not None:
            part[...] = 0
    q.dequantize()[...] = 7
    for x, parts in zip((first, second, first), expected, strict=True):
        for part, own in zip(parts_of(nf.quantize(x, name)), parts, strict=True):
            np.testing.assert_array_equal(part, own)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", ["nvfp4", "int4_g32_asym", "int8_channel", "q4_1", "nf4_dq"])
def test_threads_may_share_what_is_kept(name: str) -> None:
    arrays = [numbers((5, 72 + seed // 4)) * np.float32(seed + 1) for seed in range(24)]

    def job(x: Array) -> list[Array]:
        q = nf.quantize(x, name)
        return [*parts_of(q), q.dequantize()]

    expected = [job(x) for x in arrays]
    with ThreadPoolExecutor(4) as pool:
        for found in (pool.map(job, arrays), pool.map(job, arrays)):
            for parts, own in zip(found, expected, strict=True):
                for part, other in zip(parts, own, strict=True):
                    np.testing.assert_array_equal(part, other)


@pytest.mark.parametrize("axis", [True, 1.0, np.int64(1), "1", [1]])
def test_an_axis_that_equals_a_known_one_is_refused_all_the_same(axis: Any) -> None:
    x = numbers((8, 64))
    q = nf.quantize(x, "int8_channel", axis=1)
    for call in (
        lambda: nf.quantize(x, "int8_channel", axis=axis),
        lambda: q.format.stored_parts(x.shape, axis),
        lambda: replace(q, axis=axis),
    ):
        with pytest.raises(TypeError):
            call()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"axis": [1]}, r"axis: expected an int, got list \[1\]"),
        ({"rounding": ["rne"]}, r"rounding: expected a str or numformats.Stochastic, got list"),
        ({"saturation": {}}, r"saturation: expected a str, got dict"),
        ({"scale_rule": ["mse"]}, r"scale_rule: expected a str or ScaleRule, got list"),
    ],
)
def test_words_that_cannot_be_hashed_are_refused_by_name(words: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message) as caught:
        nf.quantize(numbers((8, 64)), "int8_channel", **words)
    assert caught.value.__context__ is None


def test_lengths_that_equal_integers_are_not_kept() -> None:
    fmt = nf.get_scaled_format("mxfp4")
    for call in (
        lambda: fmt.stored_parts((4999.0,)),  # type: ignore[arg-type]
        lambda: fmt.bits_of((4999.0,)),  # type: ignore[arg-type]
        lambda: nf.ScaledArray.unpack({}, fmt, (4999.0,)),  # type: ignore[arg-type]
    ):
        with pytest.raises(TypeError, match=r"shape: \(4999\.0,\)"):
            call()
    assert nf.quantize(np.ones(4999), fmt).scales.shape == (157,)
    assert fmt.stored_parts(np.ones((2, 33)).shape)["scales"][1] == (2, 2)


def test_of_equal_formats_each_array_has_its_own() -> None:
    one, other = (
        nf.ScaledFormat("own", nf.float4_e2m1fn, nf.float16, nf.PerBlock(8)) for _ in range(2)
    )
    x = numbers((3, 16))
    assert one == other
    assert nf.quantize(x, one).format is one
    assert nf.quantize(x, other).format is other


SCALES_OF_SCALES = [
    nf.ScaledFormat("s", nf.float8_e4m3fn, own, granularity, rule)
    for own, granularity, rule in product(
        (nf.float32, nf.float8_e8m0fnu, nf.float16),
        (nf.PerTensor(), nf.PerBlock(7), nf.PerChannel(), nf.PerTile(2, 2)),
        ("absmax", "absmax_up", ScaleRule(percentile=90), ScaleRule(largest=3.0)),
    )
]


@pytest.mark.parametrize("rule", ["absmax", "even", ScaleRule(search=3)])
@pytest.mark.parametrize("tile", [nf.PerBlock(8), nf.PerChannel(), nf.PerTile(4, 4)])
def test_scales_of_scales_of_every_tile_are_those_of_numpy(
    tile: Any, rule: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numba")
    importlib.import_module("numformats.codec.numba.calls")
    # With tiles of zeros, of tiny numbers, of infinity, and with NaN in some.
    x = specials((12, 40))
    x[0], x[1], x[2, :16] = 0, 1e-40, np.inf
    for scales in SCALES_OF_SCALES:
        fmt = nf.ScaledFormat("own", nf.float4_e2m1fn, scales, tile, rule)
        for given in (x, np.nan_to_num(x, nan=0.0), x.astype(np.float64) * 1e200):
            assert_same_bits(monkeypatch, given, fmt, "rne")


@pytest.mark.parametrize(
    ("name", "shape", "axis"),
    [
        ("nvfp4", (1100, 1001), None), ("mxfp4", (1501, 800), 0), ("int4_g32_asym", (1501, 800), 0),
        ("q4_1", (7, 400, 401), 1), ("nf4_dq", (1100, 1001), None),
        ("fp8_e4m3_128x128", (1300, 1000), None), ("int8_channel", (1100, 1000), 1),
    ],
)  # fmt: skip
def test_tiles_made_consecutive_some_rows_at_a_time(
    name: str, shape: tuple[int, ...], axis: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numba")
    importlib.import_module("numformats.codec.numba.calls")
    q = nf.quantize(specials(shape), name, axis=axis)
    got = q.dequantize()
    monkeypatch.setattr(backends, "_IS_DISABLED", True)
    np.testing.assert_array_equal(got, q.dequantize())
    monkeypatch.setattr(backends, "_IS_DISABLED", False)
    if q.format.element.bits == 4:
        last = tuple(length - 1 for length in shape)
        q.codes[last] = 16
        with pytest.raises(ValueError, match="above 15"):
            q.dequantize()
