"""Arrays of more than 2**31 elements: python -m pytest -m slow. They take some 10 GiB of memory."""

from __future__ import annotations

import numpy as np
import pytest

import numformats as nf

pytestmark = pytest.mark.slow

SIZE = 2**31 + 12_345
F = nf.float8_e4m3fn


def test_the_last_elements_count_as_the_first_do() -> None:
    x = np.zeros(SIZE, np.float16)
    x[[0, 2**31 - 1, 2**31, SIZE - 1]] = [0.1, -1.0, 465.0, 3.1]
    codes = F.encode(x)
    places = np.flatnonzero(codes)
    np.testing.assert_array_equal(places, [0, 2**31 - 1, 2**31, SIZE - 1])
    np.testing.assert_array_equal(codes[places], F.encode(x[places]))
    F.decode(codes, out=x)
    np.testing.assert_array_equal(x[places], F.decode(codes[places]))
    assert np.count_nonzero(x) == 4


def test_random_rounding_does_not_repeat_itself() -> None:
    # The same number everywhere, which takes no memory; strides of 0 take the other way through.
    x = np.broadcast_to(np.float32(1.06), SIZE)
    codes = F.encode(x, "sr", rng=3)
    first, last = codes[:10_000], codes[-10_000:]
    beyond = codes[2**31 : 2**31 + 10_000]
    for some in (first, last, beyond):
        assert set(some.tolist()) == {56, 57}
    assert not np.array_equal(first, beyond)
    whole = F.encode(np.full(10_000, 1.06, np.float32), "sr", rng=3)
    np.testing.assert_array_equal(first, whole)


def test_packing() -> None:
    codes = np.zeros(SIZE, np.uint8)
    codes[-3:] = [1, 2, 3]
    packed = nf.pack(codes, 4)
    assert packed.size == -(-SIZE // 2)
    np.testing.assert_array_equal(nf.unpack(packed, 4, SIZE)[-3:], [1, 2, 3])
