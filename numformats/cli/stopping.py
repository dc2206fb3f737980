"""Signals that end the command: as an error does, so that nothing half-written stays behind."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Final

# Of who ends a job, and of a terminal that is closed.
_SIGNALS: Final = ("SIGTERM", "SIGHUP")


def end_by_exceptions() -> None:
    """Have these signals raise SystemExit in the main thread, as Ctrl-C raises KeyboardInterrupt.

    The exit status is that which shells give a process that a signal has ended. A signal that is
    ignored, as under nohup, stays so.
    """
    for name in _SIGNALS:
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
