"""GGUF files for tests, byte by byte, and what a block is worth, number by number.

`block_value` follows the loops of ggml-quants.c, one value at a time, and shares nothing with the
reader that it is a reference for.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np

UINT32, TEXT, ARRAY = 4, 8, 9


def text(value: str | bytes) -> bytes:
    """A text with its length before it."""
    content = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(content)) + content


def key(name: str, kind: int, value: bytes) -> bytes:
    """A key with its value."""
    return text(name) + struct.pack("<I", kind) + value


def info(name: str | bytes, shape: tuple[int, ...], kind: int, offset: int) -> bytes:
    """The description of a tensor."""
    lengths = struct.pack(f"<{len(shape)}Q", *reversed(shape))
    return text(name) + struct.pack("<I", len(shape)) + lengths + struct.pack("<IQ", kind, offset)


def gguf_bytes(
    keys: list[bytes],
    infos: list[bytes],
    data: bytes = b"",
    *,
    version: int = 3,
    alignment: int = 32,
    counts: tuple[int, int] | None = None,
) -> bytes:
    """A file of these keys and tensors."""
    tensors, pairs = counts or (len(infos), len(keys))
    head = b"GGUF" + struct.pack("<IQQ", version, tensors, pairs) + b"".join(keys + infos)
    return head + bytes(-len(head) % alignment) + data


def _half(block: bytes, at: int) -> np.float32:
    return np.float32(np.frombuffer(block, "<f2", 1, at)[0])


def _signed(byte: int) -> int:
    return byte - 256 if byte > 127 else byte


def _nibble(block: bytes, at: int, i: int, half: int) -> int:
    """Value i of nibbles in groups of `half` bytes: low ones first."""
    group, place = divmod(i, 2 * half)
    byte = block[at + group * half + place % half]
    return byte >> 4 if place >= half else byte & 15


def _q4_0(b: bytes, i: int) -> np.float32:
    return _half(b, 0) * np.float32(_nibble(b, 2, i, 16) - 8)


def _q4_1(b: bytes, i: int) -> np.float32:
    return _half(b, 0) * np.float32(_nibble(b, 4, i, 16)) + _half(b, 2)


def _fifth(b: bytes, at: int, i: int) -> int:
    return int.from_bytes(b[at : at + 4], "little") >> i & 1


def _q5_0(b: bytes, i: int) -> np.float32:
    code = _nibble(b, 6, i, 16) | _fifth(b, 2, i) << 4
    return _half(b, 0) * np.float32(code - 16)


def _q5_1(b: bytes, i: int) -> np.float32:
    code = _nibble(b, 8, i, 16) | _fifth(b, 4, i) << 4
    return _half(b, 0) * np.float32(code) + _half(b, 2)


def _q8_0(b: bytes, i: int) -> np.float32:
    return np.float32(_signed(b[2 + i])) * _half(b, 0)


def _q2_k(b: bytes, i: int) -> np.float32:
    scale = b[i // 16]
    code = b[16 + i // 128 * 32 + i % 32] >> (i % 128 // 32 * 2) & 3
    d, dmin = _half(b, 80), _half(b, 82)
    return d * np.float32(scale & 15) * np.float32(code) - dmin * np.float32(scale >> 4)


def _q3_k(b: bytes, i: int) -> np.float32:
    j = i // 16
    low = b[96 + j % 8] >> (4 if j >= 8 else 0) & 15
    high = b[104 + j % 4] >> (j // 4 * 2) & 3
    code = b[32 + i // 128 * 32 + i % 32] >> (i % 128 // 32 * 2) & 3
    code -= 0 if b[i % 32] >> (i // 32) & 1 else 4
    return _half(b, 108) * np.float32((low | high << 4) - 32) * np.float32(code)


def _scale_and_minimum(q: bytes, j: int) -> tuple[int, int]:
    if j < 4:
        return q[j] & 63, q[j + 4] & 63
    return q[j + 4] & 15 | q[j - 4] >> 6 << 4, q[j + 4] >> 4 | q[j] >> 6 << 4


def _q4_k(b: bytes, i: int) -> np.float32:
    scale, minimum = _scale_and_minimum(b[4:16], i // 32)
    code = _nibble(b, 16, i, 32)
    return _half(b, 0) * np.float32(scale) * np.float32(code) - _half(b, 2) * np.float32(minimum)


def _q5_k(b: bytes, i: int) -> np.float32:
    scale, minimum = _scale_and_minimum(b[4:16], i // 32)
    code = _nibble(b, 48, i, 32) | (b[16 + i % 32] >> (i // 32) & 1) << 4
    return _half(b, 0) * np.float32(scale) * np.float32(code) - _half(b, 2) * np.float32(minimum)


def _q6_k(b: bytes, i: int) -> np.float32:
    high = b[128 + i // 128 * 32 + i % 32] >> (i % 128 // 32 * 2) & 3
    code = (_nibble(b, 0, i, 64) | high << 4) - 32
    return _half(b, 208) * np.float32(_signed(b[192 + i // 16])) * np.float32(code)


IQ4 = (-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113)
E2M1 = (0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12)


def _iq4_nl(b: bytes, i: int) -> np.float32:
    return _half(b, 0) * np.float32(IQ4[_nibble(b, 2, i, 16)])


def _iq4_xs(b: bytes, i: int) -> np.float32:
    j = i // 32
    low = b[4 + j // 2] >> (j % 2 * 4) & 15
    high = int.from_bytes(b[2:4], "little") >> 2 * j & 3
    scale = _half(b, 0) * np.float32((low | high << 4) - 32)
    return scale * np.float32(IQ4[_nibble(b, 8, i, 16)])


def _tq1_0(b: bytes, i: int) -> np.float32:
    # From value 0 on they are of 32 bytes, from 160 on of 16, and from 240 on of 4.
    begin, at, count = next(run for run in ((240, 48, 4), (160, 32, 16), (0, 0, 32)) if i >= run[0])
    digit, byte = divmod(i - begin, count)
    q = b[at + byte] * (1, 3, 9, 27, 81)[digit] % 256
    return _half(b, 52) * np.float32((q * 3 >> 8) - 1)


def _tq2_0(b: bytes, i: int) -> np.float32:
    code = b[i // 128 * 32 + i % 32] >> (i % 128 // 32 * 2) & 3
    return _half(b, 64) * np.float32(code - 1)


def _mxfp4(b: bytes, i: int) -> np.float32:
    return np.float32(2.0 ** (b[0] - 128)) * np.float32(E2M1[_nibble(b, 1, i, 16)])


def _nvfp4(b: bytes, i: int) -> np.float32:
    code = b[i // 16]
    exponent, mantissa = code >> 3 & 15, code & 7
    value = mantissa * 2.0**-9 if exponent == 0 else (1 + mantissa / 8) * 2.0 ** (exponent - 7)
    scale = 0.0 if code in (0, 127) else value / 2
    return np.float32(scale) * np.float32(E2M1[_nibble(b, 4, i, 8)])


# By the name of a type: its number, the values and bytes of a block, and the value of one of them.
BLOCKS: dict[str, tuple[int, int, int, Callable[[bytes, int], Any]]] = {
    "Q4_0": (2, 32, 18, _q4_0),
    "Q4_1": (3, 32, 20, _q4_1),
    "Q5_0": (6, 32, 22, _q5_0),
    "Q5_1": (7, 32, 24, _q5_1),
    "Q8_0": (8, 32, 34, _q8_0),
    "Q2_K": (10, 256, 84, _q2_k),
    "Q3_K": (11, 256, 110, _q3_k),
    "Q4_K": (12, 256, 144, _q4_k),
    "Q5_K": (13, 256, 176, _q5_k),
    "Q6_K": (14, 256, 210, _q6_k),
    "IQ4_NL": (20, 32, 18, _iq4_nl),
    "IQ4_XS": (23, 256, 136, _iq4_xs),
    "TQ1_0": (34, 256, 54, _tq1_0),
    "TQ2_0": (35, 256, 66, _tq2_0),
    "MXFP4": (39, 32, 17, _mxfp4),
    "NVFP4": (40, 64, 36, _nvfp4),
}
