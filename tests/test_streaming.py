"""What does not fit into memory: tensors that are mapped, and compared a chunk at a time."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import threading
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import numformats as nf
from numformats.analysis import comparison, measuring, streaming
from numformats.analysis.errors import ErrorStats
from numformats.analysis.ordered import in_order
from numformats.codec import backends
from numformats.tensor_files import TensorFileError, open_tensors, raw

NAMES = nf.list_scaled_formats()
SHAPES = [(300, 70), (1, 1, 5000), (5000,), (7, 3, 90), (3, 4000), (1, 1), (2, 0)]


def weights(shape: tuple[int, ...], dtype: Any = np.float32) -> NDArray[Any]:
    rng = np.random.default_rng(3)
    x = (rng.standard_normal(shape) * 2.0 ** rng.integers(-6, 6, shape)).astype(dtype)
    if x.size > 400:
        x.reshape(-1)[[17, 40, 399]] = np.nan, np.inf, -np.inf
    return x


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_bits_of_a_shape_are_those_of_an_array(name: str, shape: tuple[int, ...]) -> None:
    fmt = nf.get_scaled_format(name)
    found = nf.quantize(np.zeros(shape, np.float32), fmt).bits_per_value
    np.testing.assert_equal(fmt.bits_of(shape), found)


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if 0 not in shape])
@pytest.mark.parametrize("rounding", ["nearest_even", "stochastic"])
def test_chunks_give_the_figures_of_the_whole(
    shape: tuple[int, ...], rounding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = weights(shape)
    by_channel = len(shape) > 1
    found = []
    for chunk in (1 << 40, 1 << 9):
        monkeypatch.setattr(streaming, "QUANTIZED_CHUNK", chunk)
        found.append(nf.compare(x, NAMES, rounding, rng=1, by_channel=by_channel))
    for whole, parts in zip(found[0].rows, found[1].rows, strict=True):
        assert whole.bits_per_value == parts.bits_per_value
        np.testing.assert_allclose(
            parts.channels or (), whole.channels or (), rtol=1e-9, err_msg=whole.format
        )
        for each in fields(ErrorStats):
            one, other = getattr(whole.stats, each.name), getattr(parts.stats, each.name)
            if isinstance(one, float) and not each.name.startswith("max"):
                # Sums of other parts are rounded in another way.
                assert other == pytest.approx(one, rel=1e-9, abs=1e-9), (whole.format, each.name)
            else:
                np.testing.assert_equal(other, one, f"{whole.format} {each.name}")


def test_chunks_of_formats_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    e2m1, e4m3 = nf.float4_e2m1fn, nf.float8_e4m3fn
    known = nf.ScaleRule(largest=3.0)
    double = nf.ScaledFormat("double", e4m3, nf.float32)
    given = nf.ScaledFormat("given", e4m3, nf.float32, scale_rule=known)
    rows = nf.ScaledFormat("rows", e4m3, nf.float32, nf.PerChannel())
    formats = [
        nf.ScaledFormat("known", e2m1, nf.float32, scale_rule=known),
        nf.ScaledFormat("known_blocks", e2m1, double, nf.PerBlock(16), known),
        nf.ScaledFormat("percentile", e2m1, double, nf.PerBlock(16), "percentile"),
        nf.ScaledFormat("given", e2m1, given, nf.PerBlock(16)),
        nf.ScaledFormat("rows", e2m1, rows, nf.PerBlock(16)),
        nf.ScaledFormat("columns", e2m1, nf.float32, nf.PerChannel(1)),
    ]
    x = weights((96, 64))
    found = []
    for chunk in (1 << 40, 1 << 9):
        monkeypatch.setattr(streaming, "QUANTIZED_CHUNK", chunk)
        found.append(nf.compare(x, formats))
    for fmt, whole, parts in zip(formats, found[0].rows, found[1].rows, strict=True):
        meant = np.float64(nf.quantize(np.where(np.isfinite(x), x, 0), fmt).dequantize(np.float64))
        noise = np.square(meant - x)[np.isfinite(x)].sum()
        assert whole.stats.noise == pytest.approx(noise, rel=1e-9), fmt.name
        assert parts.stats.noise == pytest.approx(noise, rel=1e-9), fmt.name


def test_most_formats_are_compared_by_chunks() -> None:
    of_chunks = {
        name: streaming.format_of_chunks(nf.get_scaled_format(name), 3.0) for name in NAMES
    }
    # A zero point and a mean that are the whole tensor's.
    whole = ["int8_tensor_asym", "nf4_dq", "fp4_bnb_dq"]
    assert [name for name, fmt in of_chunks.items() if fmt is None] == whole
    nvfp4 = of_chunks["nvfp4"]
    assert nvfp4 is not None
    assert nvfp4.rule.largest is None
    assert isinstance(nvfp4.scale, nf.ScaledFormat)
    assert nvfp4.scale.rule.largest == 3


@pytest.mark.parametrize("is_disabled", [False, True])
@pytest.mark.parametrize("name", ["fp8_e4m3_tensor", "int8_tensor", "mxfp4", "int4_g32"])
def test_a_largest_magnitude_known_beforehand(
    name: str, is_disabled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    importlib.import_module("numformats.codec.numba.calls")
    monkeypatch.setattr(backends, "_IS_DISABLED", is_disabled)
    fmt = nf.get_scaled_format(name)
    x = np.random.default_rng(1).standard_normal((8, 96)).astype(np.float32)
    scale = nf.quantize(np.full(32, 2.0), fmt).scale_values().reshape(-1)[0]
    for largest in (2.0, 2.0 + 2.0**-40):
        q = nf.quantize(x, fmt, scale_rule=replace(fmt.rule, largest=largest))
        size = q.scale_values().max()
        assert q.scale_values().min() == size == pytest.approx(scale, rel=2.0**-20)
        meant = fmt.element.encode(x.astype(np.float64) / size, saturation="finite")
        np.testing.assert_array_equal(q.codes, meant)
    if fmt.granularity == nf.PerTensor():
        rule = replace(fmt.rule, largest=float(np.abs(x).max()))
        q = nf.quantize(x, fmt, scale_rule=rule)
        np.testing.assert_array_equal(q.codes, nf.quantize(x, fmt).codes)


@pytest.mark.parametrize("largest", [0, 1e300, 5e-324, np.float32(3)])
def test_known_magnitudes_of_all_sizes(largest: float) -> None:
    importlib.import_module("numformats.codec.numba.calls")
    rule = nf.ScaleRule(largest=largest)
    found = nf.quantize([0.0, 1.0], "fp8_e4m3_tensor", scale_rule=rule).scales
    # In the ends of float32, and 1 for nothing.
    float32 = np.finfo(np.float32)
    expected = {
        0: 1,
        1e300: float32.max,
        5e-324: float32.smallest_subnormal,
        3: 3 / np.float32(448),
    }
    assert found == expected[float(largest)]


@pytest.mark.parametrize(
    ("message", "call"),
    [
        ("largest: -1", lambda: nf.ScaleRule(largest=-1)),
        ("largest: inf", lambda: nf.ScaleRule(largest=np.inf)),
        ("largest: it goes with neither", lambda: nf.ScaleRule(largest=1, search=4)),
        ("largest: it goes with neither", lambda: nf.ScaleRule(largest=1, percentile=99)),
        ("largest: it goes with neither", lambda: nf.ScaleRule("lowest", largest=1)),
        ("do not go by a largest", lambda: nf.quantize(
            [1.0], "int8_tensor_asym", scale_rule=nf.ScaleRule(largest=1))),
        ("NaN", lambda: nf.quantize([np.nan], "int8_tensor", scale_rule=nf.ScaleRule(largest=1))),
        ("torchao has no", lambda: nf.quantize(
            [1.0], streaming.format_of_chunks(nf.get_scaled_format("nvfp4"), 1.0),
            convention="torchao")),
    ],
)  # fmt: skip
def test_what_a_known_magnitude_does_not_go_with(message: str, call: Any) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("dtype", ["f4", "f2", ">f4", "f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_large_tensors_are_mapped(
    tmp_path: Path, dtype: str, order: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw, "MAPPED_BYTES", 1000)
    x = np.asarray(weights((40, 50), dtype), order=order)
    path = tmp_path / "x.npy"
    np.save(path, x)
    (entry,) = open_tensors(path)
    found = entry.load()
    np.testing.assert_array_equal(found, x)
    # What is in another byte order is turned, and so copied.
    assert found.flags.writeable == (dtype == ">f4")
    assert type(found) is np.ndarray
    for before, after in zip(
        nf.compare(x, ["mxfp4", "int8"]).rows,
        nf.compare(found, ["mxfp4", "int8"]).rows,
        strict=True,
    ):
        assert after == before or np.isnan(before.scale)
        assert after.stats == before.stats


def test_a_mapped_tensor_may_lie_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "MAPPED_BYTES", 1000)
    x = weights((40, 50))
    header = {
        "odd": {"dtype": "U8", "shape": [3], "data_offsets": [0, 3]},
        "x": {"dtype": "F32", "shape": [40, 50], "data_offsets": [3, 8003]},
    }
    text = json.dumps(header).encode()
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"abc" + x.tobytes())
    found = {entry.name: entry for entry in open_tensors(path)}["x"]
    np.testing.assert_array_equal(found.load(), x)
    assert (
        nf.compare(found.load(), ["nvfp4"]).rows[0].stats == nf.compare(x, ["nvfp4"]).rows[0].stats
    )
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(TensorFileError, match="x"):
        found.load()


def streamed(x: NDArray[Any]) -> streaming.StreamedArray:
    """An array as one that is read a range at a time."""
    flat = x.reshape(-1)
    return streaming.StreamedArray(x.shape, x.dtype, lambda start, stop: flat[start:stop].copy())


@pytest.mark.parametrize("shape", [*(shape for shape in SHAPES if 0 not in shape), (), (40, 3000)])
@pytest.mark.parametrize("rounding", ["nearest_even", "stochastic"])
@pytest.mark.parametrize("ahead", [1 << 20, 100])
def test_what_is_read_in_ranges_has_the_figures_of_the_whole(
    shape: tuple[int, ...], rounding: str, ahead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "READ_AHEAD", ahead)
    monkeypatch.setattr(streaming, "QUANTIZED_CHUNK", 1 << 9)
    x = weights(shape) if shape else np.float32(1.3) * np.ones(())
    by_channel = len(shape) > 1
    names = ["int8", "mxfp4", "nvfp4", "fp8_e4m3_128x128", "int8_channel", "int8_tensor_asym"]
    whole = nf.compare(x, names, rounding, rng=1, by_channel=by_channel)
    found = nf.compare(streamed(x), names, rounding, rng=1, by_channel=by_channel)
    assert (found.nan, found.infinite) == (whole.nan, whole.infinite)
    for one, other in zip(whole.rows, found.rows, strict=True):
        # The same bits: sums go over the same chunks.
        for each in fields(ErrorStats):
            np.testing.assert_equal(getattr(other.stats, each.name), getattr(one.stats, each.name))
        np.testing.assert_equal((other.scale, other.channels), (one.scale, one.channels))


def test_ranges_of_a_streamed_array() -> None:
    x = np.arange(120.0).reshape(2, 3, 4, 5)
    lazy = streamed(x)
    assert (lazy.shape, lazy.ndim, lazy.size, lazy.dtype) == (x.shape, 4, 120, x.dtype)
    for index in [
        np.s_[0:1], np.s_[1:2, 1:3], np.s_[0:1, 2:3, 1:2, 2:4], np.s_[0:2, 0:3], np.s_[1:1],
        np.s_[:, :, 4:4], np.s_[5:9], np.s_[1:],
    ]:  # fmt: skip
        np.testing.assert_array_equal(lazy[index], x[index], strict=True)
    np.testing.assert_array_equal(lazy.ravel()[7:1000], x.reshape(-1)[7:])
    for index in [np.s_[:, 0:1], np.s_[0:2, 0:2], np.s_[0:1, 0:2, 0:1], np.s_[:, :, :, 1:]]:
        with pytest.raises(IndexError, match="gaps"):
            lazy[index]


def test_streamed_arrays_are_of_real_numbers() -> None:
    with pytest.raises(TypeError, match="complex"):
        nf.compare(streamed(np.ones(3, complex)), ["int8"])
    with pytest.raises(ValueError, match="no values"):
        nf.compare(streamed(np.ones((0, 3))), ["int8"])


_LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_DATA, (700 << 20, 700 << 20))
from numformats.cli import main
sys.argv = ["numformats", "report", sys.argv[1], "--json", "--formats", "int8,mxfp4,nvfp4"]
main()
"""


@pytest.mark.slow
def test_a_tensor_larger_than_the_memory_at_hand(tmp_path: Path) -> None:
    path = tmp_path / "large.npy"
    shape = (1 << 13, 1 << 15)
    large = np.lib.format.open_memmap(path, "w+", np.float32, shape)
    large[::2048] = np.random.default_rng(1).standard_normal(shape[1])
    large.flush()
    found = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(path)], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    (tensor,) = json.loads(found.stdout)
    assert tensor["shape"] == list(shape)


# ---- Threads ----------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_order(threads: int) -> None:
    workers = set()

    def work(piece: int) -> int:
        workers.add(threading.get_ident())
        time.sleep(0.002 * (piece % 3))
        return piece * piece

    pulled = []
    pieces = (pulled.append(n) or n for n in range(40))
    results = in_order(work, pieces, threads)
    assert next(results) == 0
    assert workers == {threading.get_ident()}
    assert len(pulled) == 1
    assert list(results) == [n * n for n in range(1, 40)]
    assert (len(workers) == 1) == (threads == 1)
    assert list(in_order(work, [], threads)) == []


@pytest.mark.parametrize("threads", [1, 3])
def test_failures_and_ends_of_work_in_order(threads: int) -> None:
    def work(piece: int) -> float:
        return 1 / (3 - piece)

    results = in_order(work, range(100), threads)
    assert [next(results) for _ in range(3)] == [1 / 3, 1 / 2, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
    before = threading.active_count()
    unfinished = in_order(work, range(4, 100), threads)
    next(unfinished)
    next(unfinished)
    unfinished.close()
    assert threading.active_count() == before


def test_work_has_the_context_of_its_caller() -> None:
    def work(piece: int) -> float:
        return float(np.float64(piece) / np.float64(0))

    with np.errstate(divide="ignore"):
        assert list(in_order(work, [1] * 9, 3)) == [np.inf] * 9
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        list(in_order(work, [1] * 9, 3))


def test_any_number_of_threads_gives_the_same_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    x = weights((700, 300))
    found = []
    monkeypatch.setattr(measuring, "CHUNK", 1 << 13)
    for threads in (1, 4):
        monkeypatch.setattr(comparison, "threads_for", lambda _, threads=threads: threads)
        found.append(nf.compare(x, ["int8", "mxfp4"], "stochastic", rng=3, by_channel=True))
    for one, other in zip(found[0].rows, found[1].rows, strict=True):
        assert repr(one.stats) == repr(other.stats)
        assert one.channels == other.channels
