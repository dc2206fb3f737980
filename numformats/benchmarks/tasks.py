"""What is timed: a work on an array of some size, with some threads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from numformats.formats.format import Format
from numformats.modes import RoundingMode
from numformats.scaled.catalogue import element_of
from numformats.scaled.formats import ScaledFormat


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
            for mode, size, count in product(modes, self.sizes, self.threads):
                task = Task(work, fmt, mode, self.dtype, size, count)
                if not (task.is_scaled and work == "round"):
                    yield task
