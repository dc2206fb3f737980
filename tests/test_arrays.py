"""NumPy manners: layouts, scalars, out=, overlap, memory."""

from __future__ import annotations

import tracemalloc
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import numformats as nf

pytestmark = pytest.mark.usefixtures("both_paths")

F = nf.float8_e4m3fn
X = np.random.default_rng(1).standard_normal((24, 50)) * 100
CODES = F.encode(X)

LAYOUTS: dict[str, Any] = {
    "fortran": np.asfortranarray,
    "swapped": lambda x: x.astype(x.dtype.newbyteorder(">")),
    "strided": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "reversed": lambda x: x[::-1, ::-1].copy()[::-1, ::-1],
    "transposed": lambda x: x.T.copy().T,
    "offset": lambda x: np.concatenate([x[:1], x])[1:],
    "unaligned": lambda x: (
        np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(x.dtype).reshape(x.shape)
    ),
    "list": lambda x: x.tolist(),
    "broadcast": lambda x: np.broadcast_to(x, x.shape),
}


def read_only(x: Any) -> Any:
    x = x.copy()
    x.flags.writeable = False
    return x


LAYOUTS["read_only"] = read_only


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_gives_the_same_codes(layout: str) -> None:
    x = LAYOUTS[layout](X)
    codes = F.encode(x)
    np.testing.assert_array_equal(codes, CODES)
    assert codes.flags.c_contiguous
    np.testing.assert_array_equal(F.round(x), F.decode(CODES))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_of_codes_gives_the_same_values(layout: str) -> None:
    f = nf.float16
    codes = f.encode(X)
    np.testing.assert_array_equal(f.decode(LAYOUTS[layout](codes)), f.decode(codes))


@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 0, 2), (2, 1, 4), (1,) * 20])
@pytest.mark.parametrize("fmt", [F, nf.get_format("int4"), nf.float32], ids=lambda f: f.name)
def test_any_shape(shape: tuple[int, ...], fmt: nf.Format) -> None:
    x = np.ones(shape, np.float32)
    codes, values = fmt.encode(x), fmt.round(x)
    assert codes.shape == values.shape == fmt.decode(codes).shape == shape
    assert (values == 1).all()
    assert fmt.encode(x, "sr", rng=1).shape == shape


@pytest.mark.parametrize("scalar", [1.5, 2, np.float32(1.5), np.array(1.5), np.int8(2)])
def test_scalars_in_give_scalars_out(scalar: Any) -> None:
    assert isinstance(F.encode(scalar), np.uint8)
    assert isinstance(F.round(scalar), np.floating)
    assert isinstance(F.decode(56), np.float32)
    assert isinstance(F.decode(np.array(56)), np.float32)


@pytest.mark.parametrize("dtype", [">f2", ">f4", ">f8", ">i4"])
def test_a_swapped_array_without_dimensions(dtype: str) -> None:
    x = np.array(-3, dtype)
    assert F.encode(x) == F.encode(-3.0)
    assert F.round(x) == -3
    assert F.decode(F.encode(x).astype(">u2")) == -3


def test_an_ml_dtypes_scalar_is_a_scalar() -> None:
    assert F.encode(ml_dtypes.bfloat16(1.5)) == 0x3C
    assert F.round(ml_dtypes.bfloat16(1.5)).dtype == ml_dtypes.bfloat16


@pytest.mark.parametrize(
    ("fmt", "dtype", "result"),
    [
        (F, "f2", "f2"),
        (F, "f4", "f4"),
        (F, "f8", "f8"),
        (F, ml_dtypes.bfloat16, ml_dtypes.bfloat16),
        (F, ml_dtypes.float8_e5m2, "f4"),
        (nf.float4_e2m1fn, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e4m3fn),
        (nf.float32, "f2", "f4"),
        (F, "i4", "f4"),
        (nf.get_format("int8"), "i4", "i4"),
        (nf.get_format("int8"), "u4", "f4"),
        (nf.get_format("int16"), "f2", "f4"),
        (nf.get_format("binary10p1se"), "f4", "f8"),
    ],
)
def test_round_keeps_the_dtype_where_that_is_exact(fmt: nf.Format, dtype: Any, result: Any) -> None:
    x = np.ones(3).astype(dtype)
    assert fmt.round(x).dtype == np.dtype(result)
    assert (fmt.round(x) == 1).all()


@pytest.mark.parametrize("order", ["=", ">"])
def test_out_receives_the_result(order: str) -> None:
    for method, x, dtype in (
        (nf.float16.encode, X, "u2"),
        (F.round, X.astype("f4"), "f4"),
        (F.decode, CODES, "f4"),
    ):
        out = np.zeros(X.shape, np.dtype(dtype).newbyteorder(order))
        assert method(x, out=out) is out
        np.testing.assert_array_equal(out, method(x))
        strided = np.zeros((48, 100), out.dtype)[::2, ::2]
        method(x, out=strided)
        np.testing.assert_array_equal(strided, method(x))


def test_out_for_a_scalar_is_an_array() -> None:
    out = np.zeros((), np.uint8)
    assert F.encode(1.5, out=out) is out
    assert out == 0x3C


def test_decode_takes_its_dtype_from_out() -> None:
    out = np.zeros(CODES.shape, np.float16)
    assert F.decode(CODES, out=out).dtype == np.float16
    np.testing.assert_array_equal(out, F.decode(CODES))


def test_round_works_in_place() -> None:
    x = np.random.default_rng(0).standard_normal(100_000)
    expected = F.round(x)
    assert F.round(x, out=x) is x
    np.testing.assert_array_equal(x, expected)


@given(st.integers(-40, 40), st.sampled_from([1, -1, 2]))
def test_overlap_does_not_matter(shift: int, step: int) -> None:
    base = np.random.default_rng(0).standard_normal(40_000)
    x = base[50:20_000][::step]
    out = base[50 + shift :][: x.size]
    expected = F.round(x.copy())
    F.round(x, out=out)
    np.testing.assert_array_equal(out, expected)


def test_codes_may_overlap_their_values() -> None:
    buffer = np.random.default_rng(0).standard_normal(10_000)
    expected = F.encode(buffer.copy())
    out = buffer.view(np.uint8)[: buffer.size]
    F.encode(buffer, out=out)
    np.testing.assert_array_equal(out, expected)


def test_random_bits_of_any_layout() -> None:
    bits = np.random.default_rng(0).integers(0, 256, X.shape)
    mode = nf.Stochastic(8)
    expected = F.encode(X, mode, random_bits=bits)
    for layout in (np.asfortranarray, lambda r: r.astype(">u4"), lambda r: r.astype(np.uint8)):
        np.testing.assert_array_equal(F.encode(X, mode, random_bits=layout(bits)), expected)


def test_one_random_number_serves_all() -> None:
    all_ones = F.encode(X, nf.Stochastic(8), random_bits=255)
    np.testing.assert_array_equal(
        all_ones, F.encode(X, nf.Stochastic(8), random_bits=np.full(X.shape, 255))
    )


def test_memory_is_that_of_the_result_and_little_more() -> None:
    x = np.ones(1 << 22, np.float32)
    F.encode(x[:10])
    tracemalloc.start()
    F.encode(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < x.size + (1 << 21)


def test_inputs_are_left_alone() -> None:
    x = X.copy()
    F.encode(x, "sr", rng=1)
    F.round(x)
    np.testing.assert_array_equal(x, X)


def test_signaling_nans_raise_no_warning() -> None:
    for dtype, bits in (("f2", 0x7D01), ("f4", 0x7FA00001), ("f8", 0x7FF4000000000001)):
        x = np.array([bits, bits], f"u{dtype[1]}").view(dtype)
        assert (F.encode(x) == 0x7F).all()
        assert (nf.float4_e2m1fn.encode(x, nan="max") == 7).all()
        assert F.encode(x[0]) == 0x7F
        assert F.encode(x[:1], "nearest_away") == 0x7F
        assert np.isnan(F.round(x[::-1])).all()
    x = np.array([0x7F81], np.uint16).view(ml_dtypes.bfloat16)
    assert F.encode(x) == 0x7F


def test_an_array_like_is_enough() -> None:
    class Wrapper:
        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return np.array([1.0, 2.0])

    np.testing.assert_array_equal(F.encode(Wrapper()), [56, 64])
    np.testing.assert_array_equal(F.encode(range(3)), [0, 56, 64])
