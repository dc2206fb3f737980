"""Random bits that depend on a seed and on an element's position, and on nothing else.

A counter-based generator is a function from (key, counter) to random words: element i of an array
gets the same bits whatever the chunking, the order or the number of threads. Ours is
Threefry-2x32 with 13 rounds: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
1, 2, 3", SC 2011 (and the library Random123, whose known answers our tests hold it to).

The key is the seed, low word first. Element p, in C order, gets word p mod 2 of the block at
counter p div 2, also low word first; of its 32 bits a mode that needs N takes the upper N.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

# As a string, since NumPy loads its generators, which takes a while, when they are first named.
RandomSource: TypeAlias = (
    "int | np.integer[Any] | np.random.Generator | np.random.BitGenerator | None"
)

# Table 2 of the paper: the rotations of the eight rounds that repeat. The parity constant of the
# key schedule is that of Threefish (Skein specification 1.3), cut to 32 bits.
ROTATIONS: Final = (13, 15, 26, 6, 17, 29, 16, 24)
_KEY_PARITY: Final = 0x1BD11BDA
_ROUNDS: Final = 13


def threefry2x32(
    key: int, counter: NDArray[np.uint64]
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """The two random words of each counter: uint32 arrays of its shape.

    `key` and `counter` are 64-bit numbers, the low halves being the first words of the paper's.

    >>> [hex(word[0]) for word in threefry2x32(0, np.zeros(1, np.uint64))]
    ['0x9d1c5ec6', '0x8bd50731']
    """
    schedule = key_schedule(key)
    first = counter.astype(np.uint32)
    second = (counter >> np.uint64(32)).astype(np.uint32)
    first += np.uint32(schedule[0])
    second += np.uint32(schedule[1])
    for round_index in range(_ROUNDS):
        rotation = ROTATIONS[round_index % 8]
        first += second
        second = (second << np.uint32(rotation)) | (second >> np.uint32(32 - rotation))
        second ^= first
        if round_index % 4 == 3:
            injection = round_index // 4 + 1
            first += np.uint32(schedule[injection % 3])
            second += np.uint32((schedule[(injection + 1) % 3] + injection) & 0xFFFFFFFF)
    return first, second


def key_schedule(key: int) -> tuple[int, int, int]:
    """The two words of a key and the third that follows from them."""
    key_low, key_high = key & 0xFFFFFFFF, key >> 32
    return key_low, key_high, _KEY_PARITY ^ key_low ^ key_high


def draw(key: int, start: int, count: int, bits: int) -> NDArray[np.uint64]:
    """The random numbers of `bits` bits for the elements at positions `start`, `start` + 1, ...

    Returns a uint64 array of length `count`, its values below 2**bits, bits from 1 to 32.
    """
    first_block, last_block = start // 2, (start + count + 1) // 2
    blocks = threefry2x32(key, np.arange(first_block, last_block, dtype=np.uint64))
    words = np.stack(blocks, axis=1).ravel()[start - 2 * first_block :][:count]
    return (words >> np.uint32(32 - bits)).astype(np.uint64)


def key_of(rng: RandomSource) -> int:
    """The 64-bit key of a random source, as SPEC 7 reads it.

    An int seed from 0 to 2**64 - 1 is the key itself. A Generator or BitGenerator gives the next 64
    of its bits, and so another key each time; None asks the operating system.

    Raises TypeError for anything else and ValueError for a seed out of range.
    """
    if isinstance(rng, (int, np.integer)) and not isinstance(rng, bool):
        if not 0 <= rng < 2**64:
            raise ValueError(f"rng: the seed {rng} is outside 0 to 2**64 - 1")
        return int(rng)
    if rng is None:
        rng = np.random.default_rng()
    if isinstance(rng, np.random.BitGenerator):
        rng = np.random.Generator(rng)
    if isinstance(rng, np.random.Generator):
        return int.from_bytes(rng.bytes(8), "little")
    raise TypeError(
        f"rng: expected None, an int seed or a numpy.random.Generator, got "
        f"{type(rng).__name__} {rng!r}"
    )
