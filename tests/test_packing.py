"""Dense bit streams of codes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import numformats as nf


@given(st.integers(1, 32), st.integers(0, 300), st.integers(0, 2**32 - 1))
def test_the_stream_is_what_its_definition_says(bits: int, size: int, seed: int) -> None:
    codes = np.random.default_rng(seed).integers(0, 2**bits, size)
    packed = nf.pack(codes, bits)
    # One large integer, code i shifted by i * bits.
    stream = sum(int(code) << (i * bits) for i, code in enumerate(codes))
    assert packed.tobytes() == stream.to_bytes(-(-size * bits // 8), "little")
    back = nf.unpack(packed, bits, size)
    np.testing.assert_array_equal(back, codes)
    assert back.dtype == (np.uint8 if bits <= 8 else np.uint16 if bits <= 16 else np.uint32)


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 5, 6, 7, 8, 12])
def test_many_codes_of_any_shape(bits: int) -> None:
    codes = np.random.default_rng(0).integers(0, 2**bits, (7, 3, 5001))
    packed = nf.pack(codes, bits)
    assert packed.size == -(-codes.size * bits // 8)
    np.testing.assert_array_equal(nf.unpack(packed, bits, codes.shape), codes)
    np.testing.assert_array_equal(nf.pack(np.asfortranarray(codes), bits), packed)


def test_published_layouts() -> None:
    # ONNX: the first of two 4-bit elements in the low half.
    assert nf.pack([0x1, 0xA], 4).tolist() == [0xA1]
    # Four 6-bit codes in three bytes.
    assert nf.pack([0b000001, 0b000010, 0b000011, 0b111111], 6).tolist() == [0x81, 0x30, 0xFC]
    assert nf.pack([1, 2, 3, 0], 2).tolist() == [0b00111001]


def test_formats_pack_their_own_width() -> None:
    f = nf.float6_e3m2fn
    codes = f.encode(np.linspace(-30, 30, 41).reshape(1, 41))
    packed = f.pack(codes)
    assert packed.size == 31
    np.testing.assert_array_equal(f.unpack(packed, (1, 41)), codes)
    assert f.unpack(packed, (1, 41)).dtype == np.uint8
    assert f.unpack(f.pack(3), ()).item() == 3
