"""What became of the tensors of a checkpoint: which were changed, how far, and which were left."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class TensorResult:
    """What became of one tensor.

    Attributes
    ----------
    name, dtype_name, shape : str, str, tuple of int
        The tensor, as it was and is.
    nbytes : int
        The bytes that it takes in the file, before and after.
    format : str or None
        The format that it was simulated in; None if it was left.
    left : str or None
        Why it was left; None if it was not.
    detail : str or None
        What there is to say of that besides.
    stored_bytes : float
        The bytes that it would take in the format, scales included.
    signal, noise : float
        Sums of the squares of the values that are finite, and of their errors.
    """

    name: str
    dtype_name: str
    shape: tuple[int, ...]
    nbytes: int
    format: str | None
    left: str | None
    detail: str | None
    stored_bytes: float
    signal: float = 0.0
    noise: float = 0.0

    @property
    def sqnr_db(self) -> float:
        """Signal to quantization noise ratio in decibels; NaN for a tensor that was left."""
        return sqnr(self.signal, self.noise)

    def to_record(self) -> dict[str, Any]:
        """All that is known of it under plain names, for JSON and tables."""
        return {
            "tensor": self.name,
            "dtype": self.dtype_name,
            "shape": list(self.shape),
            "bytes": self.nbytes,
            "format": self.format,
            "left": self.left,
            "detail": self.detail,
            "stored_bytes": self.stored_bytes,
            "sqnr_db": self.sqnr_db,
        }


@dataclass(frozen=True)
class Simulation:
    """What `simulate` did. It prints as a few lines.

    Attributes
    ----------
    output : Path
        What was written.
    tensors : tuple of TensorResult
        In the order of the files and their headers.
    files : int
        How many files with tensors there are.
    copied, not_copied : tuple of str
        The names of the other files of a folder: those that were copied beside, and those not.
    """

    output: Path
    tensors: tuple[TensorResult, ...]
    files: int = 1
    copied: tuple[str, ...] = ()
    not_copied: tuple[str, ...] = ()

    @property
    def changed(self) -> tuple[TensorResult, ...]:
        """The tensors that are now as a format would hold them."""
        return tuple(tensor for tensor in self.tensors if tensor.left is None)

    @property
    def left(self) -> tuple[TensorResult, ...]:
        """The tensors that are as they were."""
        return tuple(tensor for tensor in self.tensors if tensor.left is not None)

    @property
    def sqnr_db(self) -> float:
        """Signal to quantization noise ratio in decibels of all changed tensors together."""
        return sqnr(
            total(tensor.signal for tensor in self.changed),
            total(tensor.noise for tensor in self.changed),
        )

    @property
    def nbytes(self) -> int:
        """The bytes of all tensors in the files."""
        return sum(tensor.nbytes for tensor in self.tensors)

    @property
    def stored_bytes(self) -> float:
        """The bytes of all tensors with the changed ones in their formats, scales included."""
        return math.fsum(tensor.stored_bytes for tensor in self.tensors)

    def left_by_reason(self) -> dict[str, tuple[TensorResult, ...]]:
        """The tensors that were left by the reason why, those of the most bytes first."""
        reasons = dict.fromkeys(str(tensor.left) for tensor in self.left)
        found = {why: tuple(t for t in self.left if t.left == why) for why in reasons}
        return dict(sorted(found.items(), key=lambda pair: -_bytes_of(pair[1])))

    def lines(self, verbose: bool = False) -> list[str]:
        """What happened, for people; with the name of each tensor, if asked for."""
        changed = self.changed
        formats = ", ".join(dict.fromkeys(str(tensor.format) for tensor in changed))
        stored = math.fsum(tensor.stored_bytes for tensor in changed)
        found = [
            f"{_counted(changed)} as {formats}: SQNR {self.sqnr_db:.2f} dB, stored {size(stored)}"
        ]
        if verbose:
            found += [f"  {t.name}: {t.format}, {t.sqnr_db:.2f} dB" for t in changed]
        if self.left:
            found.append(f"{_counted(self.left)} left as they were:")
        for reason, tensors in self.left_by_reason().items():
            found.append(f"  {reason}: {_counted(tensors)}")
            if verbose or tensors[0].detail is not None:
                found += [f"    {t.name}{f': {t.detail}' if t.detail else ''}" for t in tensors]
        found.append(f"all: {size(self.nbytes)}, stored so {size(self.stored_bytes)}")
        if self.not_copied:
            found.append(f"not copied: {', '.join(self.not_copied)}")
        return found

    def to_record(self) -> dict[str, Any]:
        """All of it under plain names, for JSON."""
        return {
            "output": str(self.output),
            "files": self.files,
            "bytes": self.nbytes,
            "stored_bytes": self.stored_bytes,
            "sqnr_db": self.sqnr_db,
            "changed": len(self.changed),
            "left": {why: len(tensors) for why, tensors in self.left_by_reason().items()},
            "copied": list(self.copied),
            "not_copied": list(self.not_copied),
            "tensors": [tensor.to_record() for tensor in self.tensors],
        }

    def __str__(self) -> str:
        return "\n".join(self.lines())


def total(sums: Iterable[float]) -> float:
    """The sum of numbers that are not negative, rounded once, whatever their order."""
    try:
        return math.fsum(sums)
    except OverflowError:
        return math.inf


def sqnr(signal: float, noise: float) -> float:
    """10 log10(signal / noise): infinite without noise, NaN without signal.

    >>> sqnr(100.0, 1.0), sqnr(1.0, 0.0)
    (20.0, inf)
    """
    if signal == 0 or not math.isfinite(signal):
        return math.nan
    if noise == 0:
        return math.inf
    return 10 * (math.log10(signal) - math.log10(noise)) if noise < math.inf else -math.inf


def _bytes_of(tensors: Iterable[TensorResult]) -> int:
    return sum(tensor.nbytes for tensor in tensors)


def _counted(tensors: tuple[TensorResult, ...]) -> str:
    word = "tensor" if len(tensors) == 1 else "tensors"
    return f"{len(tensors)} {word} ({size(_bytes_of(tensors))})"


def size(count: float) -> str:
    """A number of bytes as people write it, in powers of 1000; a dash for NaN.

    >>> size(1_234_567), size(12), size(math.nan)
    ('1.23 MB', '12 bytes', '-')
    """
    if math.isnan(count):
        return "-"
    for power, unit in ((4, "TB"), (3, "GB"), (2, "MB"), (1, "kB")):
        if count >= 1000**power:
            return f"{count / 1000**power:.3g} {unit}"
    return f"{count:.0f} bytes"
