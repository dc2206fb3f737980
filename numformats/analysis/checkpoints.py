"""The comparison of all tensors of a checkpoint, on one machine or on several."""

from __future__ import annotations

import math
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial, reduce
from typing import Any, Final, Protocol

from numformats.analysis.asking import Asked
from numformats.analysis.comparison import DEFAULT_FORMATS, compare_array
from numformats.analysis.ordered import Promise, kept_in_order
from numformats.analysis.pieces import Call, Work, compare_pieces
from numformats.analysis.results import Comparison
from numformats.analysis.streaming import StreamedArray
from numformats.analysis.weights import weights_of
from numformats.codec.random_bits import RandomSource
from numformats.formats.format import Format
from numformats.modes import Stochastic
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.granularity import Index
from numformats.tensor_files.opening import TensorEntry, describe_fault, open_tensors

# Calls that are begun before the result of the first is waited for: enough for a large cluster, and
# their results, of some megabytes each, for a small memory.
AHEAD: Final = 64
# Tensors of more values are worked on in pieces, by many at a time.
_LARGE: Final = 1 << 24


class Submitter(Protocol):
    """What work is handed to: an `Executor` of `concurrent.futures`, or a `Client` of Dask."""

    def submit(self, work: Any, /, *arguments: Any) -> Promise:
        """Begin a call, of which there is a result later."""


@dataclass(frozen=True)
class TensorComparison:
    """What formats cost a tensor; or why it was left out.

    Attributes
    ----------
    name, dtype_name, shape : str, str, tuple of int
        The tensor.
    comparison : Comparison or None
        As `compare` gives it; None if it was left out.
    left_out : str or None
        Why it was left out; None if it was not.
    """

    name: str
    dtype_name: str
    shape: tuple[int, ...]
    comparison: Comparison | None
    left_out: str | None


@dataclass(frozen=True)
class CheckpointComparison:
    """What formats cost the tensors of a checkpoint, in its order."""

    tensors: tuple[TensorComparison, ...]

    @property
    def whole(self) -> Comparison | None:
        """All tensors together, added up in their order; None if all were left out."""
        found = [tensor.comparison for tensor in self.tensors if tensor.comparison is not None]
        return reduce(Comparison.merge, found) if found else None

    @property
    def left_out(self) -> tuple[TensorComparison, ...]:
        """The tensors that were left out."""
        return tuple(tensor for tensor in self.tensors if tensor.comparison is None)


def compare_checkpoint(
    checkpoint: str | os.PathLike[str],
    formats: Iterable[str | Format | ScaledFormat] = DEFAULT_FORMATS,
    rounding: str | Stochastic = "nearest_even",
    saturation: str = "none",
    rng: RandomSource = None,
    by_channel: bool = False,
    executor: Submitter | None = None,
) -> CheckpointComparison:
    """What each format costs each tensor of a checkpoint.

    Parameters
    ----------
    checkpoint : path
        What `numformats report` takes: a file, the index of several, or their folder. With an
        `executor` on other machines, where they find it, too.
    formats, rounding, saturation, rng, by_channel
        As for `compare`. The random bits of each tensor are those of the same seed. Tensors of one
        axis have no channels.
    executor : object, optional
        Who does the work, on this machine or on others: a `dask.distributed.Client`, or an
        `Executor` of `concurrent.futures`. Without one it is done here. Every bit of every figure
        is the same.

    Returns
    -------
    CheckpointComparison
        A comparison for each tensor, or the reason why it was left out, as integers are.

    Raises
    ------
    TensorFileError
        For a checkpoint that cannot be read; it is a ValueError.
    TypeError, ValueError
        For an unknown format or mode, as `compare` does.

    Notes
    -----
    A tensor is one task, and a large one many: each reads its own part of the file.

    Examples
    --------
    >>> import numformats as nf
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from importlib import resources
    >>> shipped = str(resources.files("numformats") / "data" / "digits_mlp.safetensors")
    >>> with ThreadPoolExecutor(2) as pool:
    ...     found = nf.analysis.compare_checkpoint(shipped, ["mxfp4"], executor=pool)
    >>> for tensor in found.tensors[:2]:
    ...     print(tensor.name, tensor.shape, round(tensor.comparison.rows[0].stats.sqnr_db, 2))
    layer1.bias (64,) 19.85
    layer1.weight (64, 64) 18.06
    """
    asked = Asked.of(formats, rounding, saturation, rng, by_channel)
    path, entries = os.fspath(checkpoint), open_tensors(checkpoint)
    if executor is None:
        found: Iterable[Comparison | str] = (_compare_entry(entry, asked) for entry in entries)
    else:
        # Of one call: at the next the files may be others.
        remote = _Remote(executor, path, secrets.token_hex(8), asked)
        found = kept_in_order(remote.begin, enumerate(entries), AHEAD)
    return CheckpointComparison(
        tuple(_result(entry, own) for entry, own in zip(entries, found, strict=True))
    )


def _result(entry: TensorEntry, found: Comparison | str) -> TensorComparison:
    about = entry.name, entry.dtype_name, entry.shape
    if isinstance(found, Comparison):
        return TensorComparison(*about, found, None)
    return TensorComparison(*about, None, found)


def _compare_entry(entry: TensorEntry, asked: Asked) -> Comparison | str:
    """The comparison of a tensor, or why there is none."""
    # What one tensor lacks, or has too much of, says nothing of the others.
    try:
        return compare_array(weights_of(entry), asked.for_axes(len(entry.shape)))
    except (ValueError, MemoryError) as error:
        return describe_fault(error) if isinstance(error, MemoryError) else str(error)


@dataclass(frozen=True)
class _Remote:
    """A checkpoint whose tensors are compared by an executor.

    call: what is the same in all tasks of one call, and in no other.
    """

    executor: Submitter
    path: str
    call: str
    asked: Asked

    def begin(self, number: int, entry: TensorEntry) -> Promise:
        """Begin the comparison of a tensor."""
        is_large = math.prod(entry.shape) >= _LARGE
        if entry.read is None or not is_large or entry.problem is not None:
            return self.executor.submit(_compare_there, self.path, self.call, number, self.asked)
        return _Later(partial(self._compare_pieces, number, entry))

    def _compare_pieces(self, number: int, entry: TensorEntry) -> Comparison | str:
        try:
            # Refuses integers, and reads little.
            weights_of(entry)
            asked = self.asked.for_axes(len(entry.shape))
            return compare_pieces(entry.shape, asked, partial(self._each, number))
        except (ValueError, MemoryError) as error:
            return describe_fault(error) if isinstance(error, MemoryError) else str(error)

    def _each(self, number: int, work: Work, calls: Sequence[Call]) -> Iterator[Any]:
        """What a function makes of pieces of a tensor."""
        tasks = ((_piece_there, self.path, self.call, number, work, *call) for call in calls)
        return kept_in_order(self.executor.submit, tasks, AHEAD)


@dataclass(frozen=True)
class _Later:
    """Work that begins when its result is asked for, and has others do its parts."""

    work: Any

    def result(self) -> Any:
        """The result."""
        return self.work()


def _compare_there(path: str, call: str, number: int, asked: Asked) -> Comparison | str:
    """The comparison of a tensor of a checkpoint, wherever this runs."""
    return _compare_entry(_entries(path, call)[number], asked)


def _piece_there(
    path: str, call: str, number: int, work: Work, index: Index, arguments: tuple[Any, ...]
) -> Any:
    """What a function makes of a piece of a tensor, wherever this runs."""
    entry = _entries(path, call)[number]
    assert entry.read is not None
    whole = StreamedArray(entry.shape, entry.read(0, 0).dtype, entry.read)
    return work(whole[index], *arguments)


@lru_cache(maxsize=1)  # since a task for each tensor would read all headers each time
def _entries(path: str, call: str) -> list[TensorEntry]:
    return open_tensors(path)
