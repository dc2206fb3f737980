"""One file of a checkpoint again, with some of its tensors changed, written from front to back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from numformats.analysis.ordered import thread_pool
from numformats.analysis.streaming import QUANTIZED_CHUNK
from numformats.scaled.formats import ScaledFormat
from numformats.simulation.results import TensorResult, total
from numformats.simulation.tensors import Changed, Part, Refused, Way, changed, parts_of
from numformats.tensor_files.safetensors_header import Header, PlacedTensor, bytes_of

# Bytes that are copied at a time.
_COPIED: Final = 1 << 22
# Values of parts that are being worked on or wait to be written, unless one alone has more.
_WAITING: Final = 6 * QUANTIZED_CHUNK


@dataclass(frozen=True)
class Choice:
    """What is to become of the tensors of a file, by their names: a format, or why none.

    values: how many values there are to be changed.
    """

    formats: Mapping[str, ScaledFormat]
    left: Mapping[str, str]
    values: int


@dataclass
class _Sums:
    """What is known of a tensor of which not all parts may have come by.

    refusal: why it could not be changed after all.
    """

    signals: list[float] = field(default_factory=list)
    noises: list[float] = field(default_factory=list)
    refusal: str | None = None


class Count:
    """How many tensors of all files are written, told to who wants to know."""

    def __init__(self, total: int, tell: Callable[[int, int], None] | None) -> None:
        self._done, self._total, self._tell = 0, total, tell
        self._told()

    def add(self) -> None:
        """One more is."""
        self._done += 1
        self._told()

    def _told(self) -> None:
        if self._tell is not None:
            self._tell(self._done, self._total)


def write_again(
    stream: BinaryIO, header: Header, start: bytes, choice: Choice, way: Way, count: Count
) -> list[TensorResult]:
    """Write a file with the tensors of another in the same places, some of them changed.

    start: the bytes before the data. What is to be changed and cannot be is left.
    """
    stream.write(start)
    moved = len(start) - header.data_begin
    sums = {name: _Sums() for name in choice.formats}
    with thread_pool() as pool:
        for part, work in _in_order(pool, _parts(header, choice, way), way):
            tensor = part.tensor
            if work is None:
                _copy(tensor, stream)
            else:
                _write_changed(work.result(), sums[tensor.name], tensor, stream, moved)
            if part.is_last:
                count.add()
    return [_result(tensor, choice, sums.get(tensor.name), way) for tensor in header.tensors]


def _write_changed(
    found: Changed | Refused, own: _Sums, tensor: PlacedTensor, stream: BinaryIO, moved: int
) -> None:
    """Write what became of a part; of a tensor that cannot be changed after all, all of it as it
    was, once.
    """
    if own.refusal is not None:
        return
    if isinstance(found, Changed):
        stream.write(bytes_of(found.values))
        own.signals.append(found.signal)
        own.noises.append(found.noise)
        return
    own.refusal = found.reason
    stream.seek(tensor.begin + moved)
    _copy(tensor, stream)


def _parts(header: Header, choice: Choice, way: Way) -> Iterator[Part]:
    """The parts of all tensors, in the order of their places; of one to be left a single one."""
    for tensor in sorted(header.tensors, key=lambda tensor: (tensor.begin, tensor.end)):
        fmt = choice.formats.get(tensor.name)
        if fmt is None:
            yield Part(tensor, 0, tensor.shape, None)
        else:
            yield from parts_of(tensor, fmt, way)


def _in_order(
    pool: ThreadPoolExecutor, parts: Iterator[Part], way: Way
) -> Iterator[tuple[Part, Future[Changed | Refused] | None]]:
    """The parts one after the other, with the work on each; None where there is none.

    Work is begun ahead, as much as memory should hold.
    """
    waiting: deque[tuple[Part, Future[Changed | Refused] | None]] = deque()
    values = 0
    for part in parts:
        size = 0 if part.format is None else part.size
        while waiting and values + size > _WAITING:
            done = waiting.popleft()
            values -= 0 if done[1] is None else done[0].size
            yield done
        waiting.append((part, None if part.format is None else pool.submit(changed, part, way)))
        values += size
    yield from waiting


def _copy(tensor: PlacedTensor, stream: BinaryIO) -> None:
    """Write the bytes of a tensor as they are."""
    for values in tensor.stretches(_COPIED):
        stream.write(values)


def _result(tensor: PlacedTensor, choice: Choice, sums: _Sums | None, way: Way) -> TensorResult:
    fmt = choice.formats.get(tensor.name)
    about = (tensor.name, tensor.dtype_name, tensor.shape, tensor.nbytes)
    if fmt is None or sums is None:
        return TensorResult(*about, None, choice.left[tensor.name], None, tensor.nbytes)
    if sums.refusal is not None:
        why = f"not possible in {fmt.name}"
        return TensorResult(*about, None, why, sums.refusal, tensor.nbytes)
    stored = fmt.bits_of(tensor.shape, way.axis) * tensor.size / 8
    signal, noise = total(sums.signals), total(sums.noises)
    return TensorResult(*about, fmt.name, None, None, stored, signal, noise)
