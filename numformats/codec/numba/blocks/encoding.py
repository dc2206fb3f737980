"""Codes of quotients inside other loops, by the loop that a kernel names."""

from __future__ import annotations

from typing import Any

from numba.extending import overload

from numformats.codec.numba.regular import NormalLoop, fill_normal, fill_regular


def encode_by(loop: Any, p: Any, source: Any, out: Any) -> bool:
    """The codes of floats given as lane words, written to `out`; whether the loop could make
    something of all of them. p: what the loop is told, unpacked.
    """
    raise TypeError("for compiled callers only")  # which get one of the two below


@overload(encode_by)
def _encode_by(loop: Any, p: Any, source: Any, out: Any) -> Any:
    """The way that the type of the loop calls for."""

    def by_normal(loop: Any, p: Any, source: Any, out: Any) -> bool:
        return fill_normal(source, out, p, None)

    def by_regular(loop: Any, p: Any, source: Any, out: Any) -> bool:
        return fill_regular(source, out, p, None)

    return by_normal if loop.instance_class is NormalLoop else by_regular
