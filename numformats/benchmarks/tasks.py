"""What is timed: a work on an array of some size, with some threads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import numpy as np

from numformats.formats.format import Format
from numformats.modes import RoundingMode
from numformats.scaled.catalogue import element_of
from numformats.scaled.formats import ScaledFormat

# Numbers that more than one thread is started for.
_MANY: Final = 1 << 19


@dataclass(frozen=True)
class Task:
    """One thing that is timed.

    Encoding into a scaled format is `quantize`, decoding `ScaledArray.dequantize`.
    """

    work: str
    format: Format | ScaledFormat
    rounding: RoundingMode
    dtype: np.dtype[Any]
    size: int
    threads: int

    @property
    def element(self) -> Format:
        """The format of each number."""
        return element_of(self.format)

    @property
    def is_scaled(self) -> bool:
        """Whether numbers share scales."""
        return self.element is not self.format


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """What is compared in one run: every combination of these, so many rounds of each."""

    works: tuple[str, ...]
    formats: tuple[Format | ScaledFormat, ...]
    modes: tuple[RoundingMode, ...]
    dtype: np.dtype[Any]
    sizes: tuple[int, ...]
    threads: tuple[int, ...]
    rounds: int

    def tasks(self) -> Iterator[Task]:
        """All tasks: a decoding has no mode, and scaled formats are not rounded to."""
        for work, fmt in product(self.works, self.formats):
            modes = self.modes[:1] if work == "decode" else self.modes
            for mode, size in product(modes, self.sizes):
                # Small arrays are left to one thread in any case.
                threads = self.threads if size >= _MANY else self.threads[:1]
                for count in threads:
                    task = Task(work, fmt, mode, self.dtype, size, count)
                    if not (task.is_scaled and work == "round"):
                        yield task
