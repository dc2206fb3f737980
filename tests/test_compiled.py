"""The compiled path against the NumPy path, and how it behaves in a process."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from decision_points import DETERMINISTIC, NAMED, decision_points, with_signed_zeros
from numpy.typing import NDArray

import numformats as nf
from numformats.codec import numpy_path
from numformats.codec.arguments import code_dtype
from numformats.codec.extents import dtype_holds
from numformats.codec.numba import calls, encode, regular, threads
from numformats.codec.plan import make_plan
from numformats.codec.random_bits import draw, key_schedule
from numformats.kernels import version_count
from numformats.modes import Modes

RNG = np.random.default_rng(11)
STOCHASTIC: tuple[Any, ...] = (
    "stochastic_equal",
    *(nf.Stochastic(32, variant) for variant in ("A", "B", "C")),
    nf.Stochastic(1, "B"),
    nf.Stochastic(5, "C"),
    nf.Stochastic(31, "B"),
    nf.Stochastic(30, "C"),
    nf.Stochastic(31, "C"),
)
FORMATS: list[nf.Format] = [
    *NAMED,
    *map(nf.get_format, nf.list_formats("p3109")[::11]),
    nf.FixedFormat("q15_16", 15, 16),
    nf.FixedFormat("q0_20", 0, 20),
    nf.FloatFormat("no_subnormals", 3, 2, has_inf=False, nan="none", has_subnormals=False),
    nf.FloatFormat("no_subnormals_p1", 4, 0, nan="top", has_subnormals=False),
    nf.FloatFormat("p1_by_significand", 4, 0, nan="top", even_ties="significand"),
    nf.FloatFormat(
        "lone_value_below",
        8,
        0,
        bias=127,
        signed=False,
        has_inf=False,
        nan="top",
        has_subnormals=False,
        has_zero=False,
    ),
    nf.FloatFormat("gap_at_the_end", 8, 3, bias=126, has_subnormals=False),
    nf.TableFormat("sixteen", (*np.linspace(-1, 1, 15) ** 3, 0.3)),
    nf.TableFormat("without_zero", tuple(RNG.standard_normal(64))),
    nf.FloatFormat("far_up", 5, 2, bias=-900),
    nf.FloatFormat("far_down", 4, 3, bias=1000, has_inf=False, nan="top"),
]


def inputs(width: str) -> list[NDArray[Any]]:
    """Arbitrary bits of the input dtypes of a width, and numbers of ordinary size."""
    if width == "narrow":
        words = RNG.integers(0, 2**16, 1 << 12, np.uint16)
        return [words.view(np.float16), words.view(ml_dtypes.bfloat16)]
    near = RNG.standard_normal(1 << 11) * 2.0 ** RNG.integers(-140, 120, 1 << 11)
    return [
        RNG.integers(0, 2**32, 1 << 12, np.uint32).view(np.float32),
        RNG.integers(0, 2**64, 1 << 11, np.uint64).view(np.float64),
        near,
        near.astype(np.float32),
    ]


# Each input dtype has kernels of its own, which take a minute to compile.
of_each_width = pytest.mark.parametrize(
    "width", ["wide", pytest.param("narrow", marks=pytest.mark.thorough)]
)


def by_path(x: NDArray[Any], fmt: nf.Format, mode: Any, saturation: str, key: int | None) -> Any:
    """The codes from the NumPy path and from the kernel, or None if there is no kernel."""
    plan = make_plan(fmt, Modes(mode, saturation, "max"))
    kernel = calls.kernel_for(plan, x.dtype)
    if kernel is None:
        return None
    expected, got = (np.empty(x.shape, code_dtype(fmt)) for _ in range(2))
    numpy_path.project_into(expected, x, plan, key=key)
    calls.project_into(got, x, kernel, key=key)
    return expected, got


def saturations(fmt: nf.Format) -> tuple[str, ...]:
    wraps = isinstance(fmt, nf.FixedFormat) or (isinstance(fmt, nf.IntFormat) and not fmt.narrow)
    return ("none", "finite", "propagate", *(("wrap",) if wraps else ()))


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@of_each_width
@pytest.mark.parametrize("fmt", FORMATS, ids=lambda f: f.name)
def test_kernels_give_the_codes_of_the_numpy_path(fmt: nf.Format, width: str) -> None:
    cases = inputs(width)
    if width == "wide" and fmt.bits <= 8 and fmt.highest < 2**500:
        cases.append(with_signed_zeros(decision_points(fmt)))
    ran = 0
    for x in cases:
        for mode in (*DETERMINISTIC, *STOCHASTIC):
            for saturation in saturations(fmt):
                both = by_path(x, fmt, mode, saturation, None if mode in DETERMINISTIC else 77)
                if both is not None:
                    np.testing.assert_array_equal(*both, f"{x.dtype} {mode} {saturation}")
                    ran += 1
    # Some P3109 formats reach below what lanes of 64 bits hold.
    assert ran or fmt.name.startswith("binary1")


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@of_each_width
@pytest.mark.parametrize("fmt", FORMATS, ids=lambda f: f.name)
def test_kernels_give_the_values_of_the_numpy_path(fmt: nf.Format, width: str) -> None:
    for x in inputs(width):
        if not dtype_holds(x.dtype, fmt):
            continue
        for mode in (*DETERMINISTIC, nf.Stochastic(), nf.Stochastic(3, "C")):
            for saturation in ("none", "finite"):
                plan = make_plan(fmt, Modes(mode, saturation, "max"))
                kernel = calls.rounding_kernel_for(plan, x.dtype, fmt, x.dtype)
                if kernel is None:
                    continue
                key = None if mode in DETERMINISTIC else 77
                expected, got = np.empty_like(x), np.empty_like(x)
                numpy_path.project_into(expected, x, plan, fmt=fmt, key=key)
                calls.project_into(got, x, kernel, key=key)
                # As words, since zeros and NaNs have signs.
                word = f"u{x.dtype.itemsize}"
                np.testing.assert_array_equal(got.view(word), expected.view(word), f"{mode}")


@pytest.mark.parametrize(
    "fmt",
    [
        *(fmt for fmt in NAMED if fmt.bits > 16),
        nf.FixedFormat("q15_16", 15, 16),
        nf.FixedFormat("uq2_30", 2, 30, signed=False),
        nf.FloatFormat("fn", 8, 12, has_inf=False, nan="top"),
        nf.FloatFormat("fnuz", 6, 12, has_inf=False, nan="negative_zero"),
        nf.FloatFormat("no_nan", 6, 12, has_inf=False, nan="none", has_subnormals=False),
        nf.FloatFormat("low", 10, 12, bias=1022),
        nf.FloatFormat("too_low_for_kernels", 10, 12, bias=1024),
    ],
    ids=lambda f: f.name,
)
def test_wide_codes_decode_to_the_values_of_the_numpy_path(fmt: nf.Format) -> None:
    few = 2**12
    codes = np.concatenate(
        [
            np.arange(few),
            2**fmt.bits - 1 - np.arange(few),
            2 ** (fmt.bits - 1) - few // 2 + np.arange(few),
            RNG.integers(0, 2**fmt.bits, 1 << 16),
        ]
    ).astype(np.uint32)
    for dtype in (np.dtype(np.float32), np.dtype(np.float64)):
        if not dtype_holds(dtype, fmt):
            continue
        decoder = calls.decoder_for(fmt, dtype)
        if decoder is None:
            assert fmt.name == "too_low_for_kernels"
            continue
        got, expected = np.empty(codes.shape, dtype), np.empty(codes.shape, dtype)
        calls.decode_into(got, codes, decoder)
        numpy_path.decode_into(expected, codes, fmt)
        word = f"u{dtype.itemsize}"
        np.testing.assert_array_equal(got.view(word), expected.view(word))


def test_every_named_float_format_has_a_kernel_for_each_mode_and_input() -> None:
    for fmt in NAMED:
        for mode in DETERMINISTIC:
            plan = make_plan(fmt, Modes(mode, "none", "max"))
            for dtype in (np.float32, np.float64, np.float16, ml_dtypes.bfloat16):
                assert calls.kernel_for(plan, np.dtype(dtype)) is not None


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "<i2", ">u2", "u4", "i4", "u8", "i8"])
@pytest.mark.parametrize("name", ["float8_e4m3fn", "float4_e2m1fn", "int8", "float16"])
def test_codes_of_every_integer_dtype(name: str, dtype: str) -> None:
    fmt = nf.get_format(name)
    limit = min(2**fmt.bits - 1, int(np.iinfo(dtype).max))
    codes = (np.arange(3001) % (limit + 1)).astype(dtype)
    expected = numpy_path.decode_chunk(codes.astype(np.int64), fmt, np.dtype(np.float32))
    np.testing.assert_array_equal(fmt.decode(codes), expected)
    np.testing.assert_array_equal(fmt.decode(codes[::-1]), expected[::-1])
    np.testing.assert_array_equal(fmt.decode(codes.reshape(-1, 3001)), expected.reshape(-1, 3001))
    if limit < np.iinfo(dtype).max:
        codes[2999] = limit + 1
        with pytest.raises(ValueError, match=r"at index \(2999,\) is above"):
            fmt.decode(codes)


def test_draws_equal_those_of_numpy_at_any_position() -> None:
    key = 0x0123456789ABCDEF
    words = np.array(key_schedule(key), np.uint32)
    for start in (0, encode.L1_CHUNK, 2**33 - encode.L1_CHUNK, 2**33, 2**40):
        draws, halves = np.empty(encode.L1_CHUNK, np.uint32), np.empty(encode.L1_CHUNK, np.uint32)
        first, second = halves[: encode.L1_CHUNK // 2], halves[encode.L1_CHUNK // 2 :]
        encode.fill_draws(words, start, first, second, draws)
        np.testing.assert_array_equal(draws, draw(key, start, encode.L1_CHUNK, 32))


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_any_number_of_threads_gives_the_same(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    f, x = nf.float8_e4m3fn, RNG.standard_normal(300_001).astype(np.float32)
    expected = {mode: f.encode(x, mode, rng=5) for mode in ("rne", "sr", "rtp")}
    rounded, decoded = f.round(x), f.decode(expected["rne"])
    monkeypatch.setattr(threads, "thread_count", lambda: count)
    monkeypatch.setattr(threads, "ELEMENTS_PER_THREAD", 1000)
    for mode, codes in expected.items():
        np.testing.assert_array_equal(f.encode(x, mode, rng=5), codes)
    np.testing.assert_array_equal(f.round(x), rounded)
    np.testing.assert_array_equal(f.decode(expected["rne"]), decoded)


def test_a_nan_in_any_part_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "thread_count", lambda: 3)
    monkeypatch.setattr(threads, "ELEMENTS_PER_THREAD", 1000)
    for position in (0, 5000, 9999):
        x = np.zeros(10_000, np.float32)
        x[position] = np.nan
        with pytest.raises(ValueError, match=rf"x: nan at index \({position},\) is NaN"):
            nf.float4_e2m1fn.encode(x)


@pytest.mark.parametrize("failing", [{0}, {2000}, {4000, 2000}])
def test_what_fails_in_a_thread_is_raised(
    failing: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "thread_count", lambda: 3)
    monkeypatch.setattr(threads, "ELEMENTS_PER_THREAD", 1000)

    def work(begin: int, end: int) -> bool:
        if begin in failing:
            raise MemoryError(begin)
        return False

    with pytest.raises(MemoryError, match=f"^{min(failing)}$"):
        threads.run_split(work, 6000, 1000)


def test_several_threads_may_encode_at_once() -> None:
    f, x = nf.float8_e5m2, RNG.standard_normal(1 << 20).astype(np.float32)
    expected = f.encode(x, "sr", rng=1)
    right: list[bool] = []

    def work() -> None:
        right.extend(np.array_equal(f.encode(x, "sr", rng=1), expected) for _ in range(3))

    workers = [threading.Thread(target=work) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert right == [True] * 18


def python(code: str, **environment: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    return result.stdout.strip()


LARGE = "import sys, os, numpy as np, numformats as nf; x = np.ones(1 << 22, np.float32);"


def test_a_fork_after_use_works() -> None:
    code = f"""{LARGE}
expected = nf.bfloat16.encode(x)
child = os.fork()
if child == 0:
    os._exit(0 if (nf.bfloat16.encode(x) == expected).all() else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert python(code) == "0"


def test_numba_is_loaded_for_large_arrays_alone() -> None:
    small = f"{LARGE} nf.bfloat16.encode(x[:1000]); print('numba' in sys.modules)"
    assert python(small) == "False"
    many = f"{LARGE} [nf.bfloat16.encode(x[:100_000]) for _ in range(41)];"
    assert python(f"{many} print('numba' in sys.modules)") == "False"
    many += "nf.bfloat16.encode(x[:100_000]); nf.bfloat16.encode(x[:100_000])"
    assert python(f"{many}; print('numba' in sys.modules)") == "True"
    large = f"{LARGE} nf.bfloat16.encode(x); print('numba' in sys.modules)"
    assert python(large) == "True"


def test_numba_may_be_disabled_or_missing() -> None:
    code = f"{LARGE} print(nf.bfloat16.encode(x)[-1], nf.warm_up(), 'numba' in sys.modules)"
    assert python(code, NUMFORMATS_DISABLE_NUMBA="1") == "16256 0 False"
    missing = f"import sys; sys.modules['numba'] = None; {LARGE} print(nf.bfloat16.encode(x)[-1])"
    assert python(missing) == "16256"


def test_numba_num_threads_is_respected() -> None:
    code = "from numformats.codec.numba.threads import thread_count; print(thread_count())"
    assert python(code, NUMBA_NUM_THREADS="1") == "1"
    limited = f"import numba; numba.set_num_threads(1); {code}"
    assert python(limited) == "1"


def obey_file_modes() -> None:
    """Take from root the right to write where nobody may: it is lost at the next exec."""
    drop_from_bounding_set, override_file_modes = 24, 1
    if os.geteuid() == 0:
        assert ctypes.CDLL(None).prctl(drop_from_bounding_set, override_file_modes, 0, 0, 0) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="takes rights away as Linux does")
def test_kernels_are_cached_elsewhere_if_the_package_cannot_be_written(tmp_path: Path) -> None:
    package = tmp_path / "site" / "numformats"
    shutil.copytree(Path(nf.__file__).parent, package, ignore=shutil.ignore_patterns("*cache*"))
    home = tmp_path / "home"
    home.mkdir()
    for path in (package, *package.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    code = f"{LARGE} print(nf.__file__, nf.bfloat16.encode(x)[-1])"
    environment = {"HOME": str(home), "PYTHONPATH": str(package.parent), "XDG_CACHE_HOME": ""}
    environment["PATH"] = os.environ["PATH"]
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment,
        cwd=home,
        check=False,
        preexec_fn=obey_file_modes,
    )
    assert result.stdout.split() == [str(package / "__init__.py"), "16256"], result.stderr
    assert not list(package.rglob("*.nbi"))
    assert list(home.rglob("*.nbi"))


def test_read_only_inputs_need_no_kernel_of_their_own() -> None:
    x = np.ones(100, np.float32)
    nf.bfloat16.encode(x)
    before = len(regular.project_regular.signatures)
    x.flags.writeable = False
    nf.bfloat16.encode(x)
    nf.bfloat16.encode(x[::2])
    assert len(regular.project_regular.signatures) == before


@pytest.mark.thorough
def test_warm_up_leaves_nothing_to_compile() -> None:
    count = nf.warm_up()
    assert count > 20
    for dtype in (np.float16, np.float32, np.float64, ml_dtypes.bfloat16):
        x = np.ones(50).astype(dtype)
        for fmt in NAMED:
            fmt.encode(x, "rtz")
            fmt.encode(x[::3], "sr", rng=1)
            fmt.encode(x, nf.Stochastic(7, "C"), random_bits=5)
            fmt.encode(x, nf.Stochastic(32, "B"), rng=1)
            fmt.round(x)
    for name in nf.list_scaled_formats():
        fmt = nf.get_scaled_format(name)
        for numbers in (np.float32, np.float64, np.int32):
            ones = np.ones((4, 256), numbers)
            nf.quantize(ones, name).dequantize()
            nf.quantize(ones, name, rounding="sr", rng=1)
            if fmt.scale_mean is None:
                nf.quantize(ones, name, scale_rule="mse")
    assert version_count() == count
