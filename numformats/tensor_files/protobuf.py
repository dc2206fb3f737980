"""Messages of Protocol Buffers in a file, of which only what is asked for is read.

A message is fields one after the other: a number with the kind of its content, then the content
(protobuf.dev, "Encoding"). Messages, texts and arrays have their length before them, and so can be
stepped over: weights of gigabytes stay in the file, and their places are all that is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from numformats.tensor_files.raw import RefusedError

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
_FIXED: Final = {FIXED64: 8, FIXED32: 4}
# A number of 64 bits, seven in each byte.
_LONGEST_VARINT: Final = 10
# Fields of all messages that are looked at: some seconds of work, and far more than any model has.
MAX_FIELDS: Final = 1 << 22
_DECODED_AT_ONCE: Final = 1 << 20


@dataclass(frozen=True)
class Field:
    """One field of a message: its content is the bytes from `begin` to `end`, or a `value`."""

    number: int
    kind: int
    begin: int
    end: int
    value: int = 0


class Messages:
    """The messages in a stream of `size` bytes."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self.stream = stream
        self.size = size
        self._fields = 0

    def fields(self, begin: int, end: int) -> Iterator[Field]:
        """The fields of the message from `begin` to `end`; RefusedError for what is none."""
        place = begin
        while place < end:
            self._fields += 1
            if self._fields > MAX_FIELDS:
                raise RefusedError(f"has more than {MAX_FIELDS} fields; split the model")
            field = self._field(place, end)
            yield field
            place = field.end

    def content(self, field: Field, most: int) -> bytes:
        """The bytes of a field, of which there may be `most`."""
        if field.kind != LENGTH or field.end - field.begin > most:
            raise RefusedError(f"has a field of no text, or above {most} bytes; save it again")
        self.stream.seek(field.begin)
        content = self.stream.read(field.end - field.begin)
        if len(content) != field.end - field.begin:
            raise RefusedError("was cut short while it was being read; run again")
        return content

    def varints(self, field: Field, most: int) -> list[int]:
        """The numbers packed in a field, of which there may be `most`."""
        data = np.frombuffer(self.content(field, most * _LONGEST_VARINT), np.uint8)
        return decode_varints(data, int((data < 128).sum())).tolist()

    def _field(self, place: int, end: int) -> Field:
        tag, place = self._varint(place, end)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise RefusedError("is damaged: it has a field without a number; fetch it again")
        if kind == VARINT:
            value, after = self._varint(place, end)
            return Field(number, kind, place, after, value)
        if kind == LENGTH:
            length, place = self._varint(place, end)
        elif kind in _FIXED:
            length = _FIXED[kind]
        else:
            raise RefusedError(f"is damaged: a field of unknown kind {kind}; fetch it again")
        if length > end - place:
            raise RefusedError("ends within a field; save or fetch it again")
        return Field(number, kind, place, place + length)

    def _varint(self, place: int, end: int) -> tuple[int, int]:
        """The number that begins at `place`, and where it ends: seven bits a byte, lowest first."""
        self.stream.seek(place)
        value = 0
        for count, byte in enumerate(self.stream.read(min(_LONGEST_VARINT, end - place)), 1):
            value |= (byte & 127) << 7 * (count - 1)
            if byte < 128:
                return value & (2**64 - 1), place + count
        raise RefusedError("ends within a number, or has too long a one; save or fetch it again")


def signed(value: int) -> int:
    """A varint as the signed number of 64 bits that it stands for.

    >>> signed(2**64 - 1)
    -1
    """
    return value - (1 << 64) if value >> 63 else value


def decode_varints(data: NDArray[np.uint8], count: int) -> NDArray[np.uint64]:
    """The `count` varints that fill an array of bytes; RefusedError if it has not just so many.

    >>> decode_varints(np.array([5, 0x96, 1], np.uint8), 2).tolist()
    [5, 150]
    """
    ends = np.flatnonzero(data < 128) + 1
    if ends.size != count or data.size != (ends[-1] if count else 0):
        raise RefusedError(f"has {ends.size} numbers for {count} values; save or fetch it again")
    out = np.empty(count, np.uint64)
    for first in range(0, count, _DECODED_AT_ONCE):
        stops = ends[first : first + _DECODED_AT_ONCE]
        starts = np.concatenate([ends[first - 1 : first] if first else [0], stops[:-1]])
        lengths = stops - starts
        longest = int(lengths.max())
        if longest > _LONGEST_VARINT:
            raise RefusedError("has a number of more than 64 bits; save or fetch it again")
        values = np.zeros(stops.size, np.uint64)
        for step in range(longest):
            has_more = lengths > step
            bits = data[starts[has_more] + step].astype(np.uint64) & np.uint64(127)
            values[has_more] |= bits << np.uint64(7 * step)
        out[first : first + stops.size] = values
    return out
