"""The fields that linear and logarithmic takums share."""

from __future__ import annotations

from typing import Final

from numformats.formats.reading import number, portion, sign_field

_REGIME_BITS: Final = 3


def cut_takum(sign: str, rest: str) -> tuple[list[tuple[str, str, str]], int, str]:
    """Name, bits and meaning of each field of a takum; its characteristic c; and the bits of its
    fraction.

    sign, rest: the first bit of a code, and the others, of which those that are cut off count as
    zero.

    >>> cut_takum("0", "1010101")[1:]
    (5, '1')
    """
    direction, regime, tail = rest[0], rest[1 : 1 + _REGIME_BITS], rest[1 + _REGIME_BITS :]
    regime_value = number(regime.ljust(_REGIME_BITS, "0"))
    length = regime_value if direction == "1" else 7 - regime_value
    characteristic, part = tail[:length], tail[length:]
    written = number(characteristic.ljust(length, "0"))
    c = 2**length - 1 + written if direction == "1" else -(2 ** (length + 1)) + 1 + written
    found = [
        sign_field(sign),
        ("direction", direction, "c >= 0" if direction == "1" else "c < 0"),
        ("regime", regime, f"r = {length}: bits of C"),
        ("characteristic", characteristic, f"C = {written}: c = {c}"),
        ("fraction", part, f"f = {portion(part)}"),
    ]
    return found, c, part
