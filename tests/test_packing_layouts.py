"""Layouts of packed words, each against its packer's algorithm written out one code at a time."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from packers import REFERENCES

import numformats as nf
from numformats.codec.layouts import LAYOUTS

CASES = [(name, bits) for name, layout in LAYOUTS.items() for bits in layout.widths]


def reference(codes: NDArray[Any], name: str, bits: int) -> NDArray[Any]:
    words = REFERENCES[name]([int(code) for code in codes], bits)
    return np.array(words, np.int64).astype(LAYOUTS[name].word)


@given(st.sampled_from(CASES), st.integers(0, 150), st.integers(0, 2**32 - 1))
def test_words_are_those_of_the_algorithm(case: tuple[str, int], size: int, seed: int) -> None:
    name, bits = case
    codes = np.random.default_rng(seed).integers(0, 2**bits, size)
    packed = nf.pack(codes, bits, layout=name)
    np.testing.assert_array_equal(packed, reference(codes, name, bits), strict=True)
    np.testing.assert_array_equal(nf.unpack(packed, bits, size, layout=name), codes)


@pytest.mark.parametrize(("name", "bits"), CASES)
@pytest.mark.parametrize("axis", [0, 1, 2, -2])
def test_along_an_axis_each_line_is_packed_for_itself(name: str, bits: int, axis: int) -> None:
    codes = np.random.default_rng(0).integers(0, 2**bits, (3, 37, 34))
    packed = nf.pack(codes, bits, layout=name, axis=axis)
    expected = np.apply_along_axis(lambda line: nf.pack(line, bits, layout=name), axis, codes)
    np.testing.assert_array_equal(packed, expected, strict=True)
    assert packed.flags.c_contiguous
    back = nf.unpack(packed, bits, codes.shape, layout=name, axis=axis)
    np.testing.assert_array_equal(back, codes)
    unsigned = packed.view(f"u{packed.itemsize}")
    np.testing.assert_array_equal(nf.unpack(unsigned, bits, codes.shape, name, axis), codes)


@pytest.mark.parametrize(("name", "bits"), [(n, b) for n, b in CASES if b in (1, 3, 4, 12)])
def test_lines_longer_than_a_tile(name: str, bits: int) -> None:
    codes = np.random.default_rng(0).integers(0, 2**bits, (2, 480 * 64 + 77)).astype(np.uint16)
    packed = nf.pack(codes, bits, layout=name, axis=1)
    for row, line in zip(packed, codes, strict=True):
        np.testing.assert_array_equal(row, reference(line, name, bits))
    np.testing.assert_array_equal(nf.unpack(packed, bits, codes.shape, name, 1), codes)


def test_no_codes_at_all() -> None:
    for name, layout in LAYOUTS.items():
        bits = layout.widths[-1]
        for shape, axis in itertools.product([(0,), (0, 3), (3, 0)], [0, -1]):
            packed = nf.pack(np.zeros(shape, np.uint8), bits, layout=name, axis=axis)
            assert packed.size == 0
            assert packed.dtype == layout.word
            assert nf.unpack(packed, bits, shape, layout=name, axis=axis).shape == shape


def test_signed_codes_are_stored_as_offset_binary() -> None:
    codes = nf.int4.encode([-8, -1, 0, 7])
    (word,) = nf.pack(codes, 4, layout="compressed_tensors")
    assert [(word >> (4 * place)) & 15 for place in range(4)] == [0, 7, 8, 15]


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (lambda: nf.pack([1], 4, layout="gtpq"), "layout: unknown 'gtpq'; did you mean 'gptq'"),
        (lambda: nf.pack([1], 4, layout=None), "layout: expected one of"),  # type: ignore[arg-type]
        (lambda: nf.pack([1], 5, layout="gptq"), "bits: 5; layout 'gptq' is for .* 2, 3, 4, 8"),
        (lambda: nf.pack([1], 4, axis=1), r"axis: 1 is no axis of shape \(1,\)"),
        (lambda: nf.pack(3, 4, axis=0), r"axis: 0 is no axis of shape \(\)"),
        (lambda: nf.pack([1], 4, axis="x"), "axis: expected an int"),  # type: ignore[arg-type]
        (lambda: nf.unpack(np.zeros(1, "u1"), 4, 8, "gptq"), "packed: dtype uint8; layout 'gptq'"),
        (lambda: nf.unpack(np.zeros(1, "i4"), 4, 8), "packed: dtype int32; layout 'dense'"),
        (
            lambda: nf.unpack(np.zeros((2, 3), "i4"), 4, (17, 3), "gptq", axis=0),
            r"packed: shape \(2, 3\), and 51 codes of 4 bits take \(3, 3\)",
        ),
        (
            lambda: nf.unpack(np.zeros(3, "i4"), 4, (2**40, 2**20), "gptq", axis=0),
            r"packed: shape \(3,\)",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(action: Callable[[], object], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        action()
