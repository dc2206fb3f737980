"""Comparisons on several machines: every bit is that of one machine, whoever does what first."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

import numformats as nf
from numformats.analysis import checkpoints, comparison, measuring, streaming
from numformats.analysis.asking import Asked
from numformats.analysis.errors import ErrorStats
from numformats.analysis.pieces import compare_pieces
from numformats.tensor_files import TensorFileError

FORMATS = [
    *("e4m3fn", "int8", "mxfp4", "nvfp4", "int8_channel", "fp8_e4m3_tensor", "fp8_e4m3_128x128"),
    *("int8_tensor_asym", "nf4_dq", "int4_g32_asym", "posit8"),
]
SMALL = 1500


def weights(shape: tuple[int, ...], dtype: Any = np.float32, seed: int = 0) -> NDArray[Any]:
    rng = np.random.default_rng(seed)
    x = (rng.standard_normal(shape) * 2.0 ** rng.integers(-9, 9, shape)).astype(dtype)
    if x.size > 400:
        x.reshape(-1)[[17, 40, 399]] = np.nan, np.inf, -np.inf
    return x


def same(one: nf.analysis.Comparison | None, other: nf.analysis.Comparison | None) -> None:
    """Every bit of two comparisons."""
    assert one is not None
    assert other is not None
    assert (one.nan, one.infinite) == (other.nan, other.infinite)
    for a, b in zip(one.rows, other.rows, strict=True):
        for name in ("format", "scaling", "values"):
            assert getattr(a, name) == getattr(b, name)
        np.testing.assert_array_equal(
            [a.scale, a.bits_per_value, *(a.channels or ())],
            [b.scale, b.bits_per_value, *(b.channels or ())],
        )
        for each in fields(ErrorStats):
            np.testing.assert_array_equal(getattr(a.stats, each.name), getattr(b.stats, each.name))
        assert a.stats.noise.hex() == b.stats.noise.hex()


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "QUANTIZED_CHUNK", SMALL)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as found,
        distributed.Client(found) as client,
    ):
        yield client


def folder_of_shards(folder: Path) -> Path:
    folder.mkdir()
    shards = [
        {"b": weights((40, 64)), "a": weights((9,), np.float64, 1), "step": np.array([3])},
        {"c": weights((3, 20, 32), np.float16, 2), "none": np.full((2, 2), np.nan, np.float32)},
        {
            "d": weights((129, 40), seed=3),
            "e": np.zeros((0, 4), np.float32),
            "f": np.float32([[2]]),
        },
    ]
    for number, tensors in enumerate(shards):
        save_file(tensors, folder / f"model-{number}.safetensors")
    return folder


def same_checkpoints(one: Any, other: Any) -> None:
    for a, b in zip(one.tensors, other.tensors, strict=True):
        assert (a.name, a.dtype_name, a.shape) == (b.name, b.dtype_name, b.shape)
        assert a.left_out == b.left_out
        if a.comparison is not None:
            same(a.comparison, b.comparison)
    same(one.whole, other.whole)


@pytest.mark.parametrize("rounding", ["nearest_even", "stochastic"])
@pytest.mark.parametrize("large", [1 << 24, 1])
@pytest.mark.usefixtures("small_pieces")
def test_a_folder_on_a_cluster(
    tmp_path: Path, cluster: Any, large: int, rounding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "_LARGE", large)
    folder = folder_of_shards(tmp_path / "m")
    options = {"formats": FORMATS, "rounding": rounding, "rng": 5, "by_channel": True}
    here = nf.analysis.compare_checkpoint(folder, **options)
    same_checkpoints(nf.analysis.compare_checkpoint(folder, executor=cluster, **options), here)
    assert {t.name: t.left_out for t in here.left_out} == {
        "step": "int64: integers, not weights",
        "none": "all NaN or infinite",
        "e": "empty",
    }
    # As `compare` has them, one by one.
    for tensor in here.tensors:
        if tensor.name == "d":
            same(tensor.comparison, nf.compare(weights((129, 40), seed=3), **options))


def test_a_folder_on_processes(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    folder = folder_of_shards(tmp_path / "m")
    here = nf.analysis.compare_checkpoint(folder, FORMATS)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        same_checkpoints(nf.analysis.compare_checkpoint(folder, FORMATS, executor=client), here)
        da = pytest.importorskip("dask.array")
        x = weights((129, 40))
        lazy = da.from_array(x, chunks=(50, 33))
        same(nf.analysis.compare_lazily(lazy, FORMATS), nf.compare(x, FORMATS))
        executor = client.get_executor()
        same_checkpoints(nf.analysis.compare_checkpoint(folder, FORMATS, executor=executor), here)


@pytest.mark.parametrize("by_channel", [False, True])
@pytest.mark.parametrize("rounding", ["nearest_even", "stochastic"])
@pytest.mark.parametrize("shape", [(300, 70), (5000,), (7, 30, 90), (1, 1, 900)])
@pytest.mark.usefixtures("small_pieces")
def test_a_dask_array_in_any_chunks(
    shape: tuple[int, ...], rounding: str, by_channel: bool, cluster: Any
) -> None:
    da = pytest.importorskip("dask.array")
    if by_channel and len(shape) == 1:
        return
    x = weights(shape)
    options = {"rounding": rounding, "rng": 3, "by_channel": by_channel}
    here = nf.compare(x, FORMATS, **options)
    for chunks in (-1, 37):
        lazy = da.from_array(x, chunks=chunks)
        same(nf.analysis.compare_lazily(lazy, FORMATS, **options), here)


def test_dask_arrays_of_other_dtypes_and_of_one_number(cluster: Any) -> None:
    da = pytest.importorskip("dask.array")
    x = weights((40, 33), nf.bfloat16.dtype)
    same(nf.analysis.compare_lazily(da.from_array(x, chunks=7), FORMATS), nf.compare(x, FORMATS))
    one = np.float64(0.3)
    lazy = da.from_array(np.array(one))
    same(nf.analysis.compare_lazily(lazy, FORMATS), nf.compare(one, FORMATS))


def test_what_is_no_dask_array_is_refused() -> None:
    da = pytest.importorskip("dask.array")
    with pytest.raises(TypeError, match="expected a Dask array, got ndarray"):
        nf.analysis.compare_lazily(np.ones(3))
    lazy = da.from_array(np.arange(6.0), chunks=2)
    with pytest.raises(ValueError, match="is not known; see compute_chunk_sizes"):
        nf.analysis.compare_lazily(lazy[lazy > 2])
    with pytest.raises(ValueError, match="no values at all"):
        nf.analysis.compare_lazily(da.from_array(np.empty((0, 3))))
    with pytest.raises(ValueError, match="no finite value"):
        nf.analysis.compare_lazily(da.from_array(np.full(3, np.nan)))
    with pytest.raises(ValueError, match="by_channel"):
        nf.analysis.compare_lazily(lazy, by_channel=True)


class Shuffled:
    """An executor that begins nothing before its result is asked for, and does the last first."""

    def __init__(self, seed: int) -> None:
        self._waiting: list[tuple[Future[Any], Any, tuple[Any, ...]]] = []
        self._random = random.Random(seed)
        self.order: list[int] = []

    def submit(self, work: Any, /, *arguments: Any) -> Any:
        future: Future[Any] = Future()
        self._waiting.append((future, work, arguments))
        return _Asked(self, future)

    def run_all(self) -> None:
        self._random.shuffle(self._waiting)
        while self._waiting:
            future, work, arguments = self._waiting.pop()
            future.set_result(work(*arguments))


class _Asked:
    def __init__(self, executor: Shuffled, future: Future[Any]) -> None:
        self._executor, self._future = executor, future

    def result(self) -> Any:
        self._executor.run_all()
        return self._future.result()


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.usefixtures("small_pieces")
def test_the_order_of_the_work_makes_no_difference(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "_LARGE", 1)
    folder = folder_of_shards(tmp_path / "m")
    here = nf.analysis.compare_checkpoint(folder, FORMATS)
    found = nf.analysis.compare_checkpoint(folder, FORMATS, executor=Shuffled(seed))
    same_checkpoints(found, here)


@pytest.mark.usefixtures("small_pieces")
def test_the_number_of_threads_makes_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    x = weights((300, 70))
    found = []
    monkeypatch.setattr(measuring, "CHUNK", 1 << 10)
    for count in (1, 2, 7):
        monkeypatch.setattr(comparison, "threads_for", lambda _, count=count: count)
        found.append(nf.compare(x, FORMATS))
    same(found[0], found[1])
    same(found[0], found[2])


@pytest.mark.usefixtures("small_pieces")
def test_the_layout_of_an_array_makes_no_difference() -> None:
    x = weights((90, 70))
    same(nf.compare(np.asfortranarray(x), FORMATS), nf.compare(x, FORMATS))
    same(nf.compare(np.repeat(x, 2, axis=1)[:, ::2], FORMATS), nf.compare(x, FORMATS))


def test_pieces_by_any_means(small_pieces: None) -> None:
    x = weights((90, 70))
    asked = Asked.of(FORMATS, "nearest_even", "none", None, False)

    def one_by_one(work: Any, calls: Any) -> Any:
        return [work(x[index].copy(), *rest) for index, rest in reversed(calls)][::-1]

    same(compare_pieces(x.shape, asked, one_by_one), nf.compare(x, FORMATS))


def test_checkpoints_that_cannot_be_read(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool, pytest.raises(TensorFileError, match="No such file"):
        nf.analysis.compare_checkpoint(tmp_path / "none.safetensors", executor=pool)
    path = tmp_path / "ids.safetensors"
    save_file({"ids": np.arange(3)}, path)
    found = nf.analysis.compare_checkpoint(path, ["int8"])
    assert found.whole is None
    assert len(found.left_out) == 1
    # A call after the file has changed reads it anew.
    with ThreadPoolExecutor(1) as pool:
        save_file({"w": np.ones((2, 2), np.float32)}, path)
        assert nf.analysis.compare_checkpoint(path, ["int8"], executor=pool).whole is not None
        save_file({"w": np.ones((3, 3), np.float32)}, path)
        (tensor,) = nf.analysis.compare_checkpoint(path, ["int8"], executor=pool).tensors
        assert tensor.comparison is not None
        assert tensor.comparison.rows[0].values == 9
