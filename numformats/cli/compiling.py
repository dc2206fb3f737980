"""A line on standard error while kernels are compiled, which happens once on a machine."""

from __future__ import annotations

import atexit
import logging
import sys
from typing import Final

from rich.console import Console

_LOGGER: Final = "numformats.kernels"
_TEXT: Final = "numformats: compiling kernels, once for this machine (numformats warm-up: for all)"


class CompilingLine(logging.Handler):
    """Shows each record that tells of a kernel compiled: on a terminal by a line that counts, and
    is gone in the end; elsewhere by one line for all.
    """

    def __init__(self) -> None:
        super().__init__()
        self._console = Console(stderr=True)
        self._status = self._console.status(_TEXT)
        self._count = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Count one more."""
        self._count += 1
        if self._console.is_terminal:
            self._status.update(f"{_TEXT} ... {self._count}")
            if self._count == 1:
                self._status.start()
                # Else the cursor would stay hidden.
                atexit.register(self._status.stop)
        elif self._count == 1:
            print(_TEXT, file=sys.stderr, flush=True)


def tell_of_compiling() -> None:
    """Have this process tell when kernels are compiled."""
    logger = logging.getLogger(_LOGGER)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(CompilingLine())
