"""The packers of quantized checkpoints, written out one code at a time from their algorithms."""

from __future__ import annotations

from collections.abc import Callable


def gptq(codes: list[int], bits: int) -> list[int]:
    """AutoGPTQ's words: shifts that start anew in each word, and by hand where 3 bits cross one."""
    if bits != 3:
        each = 32 // bits
        return [
            sum(code << (bits * place) for place, code in enumerate(codes[start : start + each]))
            for start in range(0, len(codes), each)
        ]
    words = []
    for start in range(0, len(codes), 32):
        run = codes[start : start + 32]
        run += [0] * (32 - len(run))
        first = sum(code << (3 * place) for place, code in enumerate(run[:10])) | (run[10] << 30)
        second = ((run[10] >> 2) & 1) | (run[21] << 31)
        second |= sum(code << (3 * place + 1) for place, code in enumerate(run[11:21]))
        third = (run[21] >> 1) & 3
        third |= sum(code << (3 * place + 2) for place, code in enumerate(run[22:32]))
        words += [first, second, third]
    return words[: -(-len(codes) * 3 // 32)]


def awq(codes: list[int], bits: int) -> list[int]:
    words = []
    for start in range(0, len(codes), 8):
        run = codes[start : start + 8]
        run += [0] * (8 - len(run))
        word = 0
        for place, which in enumerate([0, 2, 4, 6, 1, 3, 5, 7]):
            word |= run[which] << (bits * place)
        words.append(word)
    return words


def ggml(codes: list[int], bits: int) -> list[int]:
    packed = []
    for start in range(0, len(codes), 32):
        block = codes[start : start + 32]
        block += [0] * (32 - len(block))
        packed += [block[j] | (block[j + 16] << 4) for j in range(16)]
    return packed


def bitsandbytes(codes: list[int], bits: int) -> list[int]:
    codes = codes + [0] * (len(codes) % 2)
    return [(first << 4) | second for first, second in zip(codes[::2], codes[1::2], strict=True)]


def dense(codes: list[int], bits: int, word: int = 8) -> list[int]:
    stream = sum(code << (bits * place) for place, code in enumerate(codes))
    count = -(-len(codes) * bits // word)
    return [(stream >> (word * place)) & (2**word - 1) for place in range(count)]


def compressed_tensors(codes: list[int], bits: int) -> list[int]:
    """Numbers of two's complement, with what makes the smallest zero added to each."""
    half = 1 << (bits - 1)
    numbers = [code - 2 * half if code >= half else code for code in codes]
    return dense([number + half for number in numbers], bits, word=32)


def compressed_tensors_aligned(codes: list[int], bits: int) -> list[int]:
    half = 1 << (bits - 1)
    numbers = [code - 2 * half if code >= half else code for code in codes]
    return [
        word
        for start in range(0, len(codes), 32 // bits)
        for word in dense([n + half for n in numbers[start : start + 32 // bits]], bits, word=32)
    ]


REFERENCES: dict[str, Callable[[list[int], int], list[int]]] = {
    "dense": dense,
    "gptq": gptq,
    "awq": awq,
    "ggml": ggml,
    "bitsandbytes": bitsandbytes,
    "compressed_tensors": compressed_tensors,
    "compressed_tensors_aligned": compressed_tensors_aligned,
}
