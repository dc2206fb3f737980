"""Codes of quotients inside other loops, by the loop that a kernel names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from numba.extending import overload

from numformats.codec.numba.encode import GeneralLoop, project
from numformats.codec.numba.regular import (
    NormalLoop,
    RegularLoop,
    fill_normal,
    fill_regular,
    unpacked,
)
from numformats.codec.numba.search import SearchLoop, search


def opened(loop: Any) -> Any:
    """What a loop is told, read from memory once, before the first chunk."""
    raise TypeError("for compiled callers only")  # which get one of the two functions below


def _words(loop: Any) -> Any:
    return unpacked(loop.parameters)


def _itself(loop: Any) -> Any:
    return loop


@overload(opened)
def _opened(loop: Any) -> Any:
    return _words if loop.instance_class in (RegularLoop, NormalLoop) else _itself


def encode_by(loop: Any, told: Any, source: Any, out: Any, start: Any) -> bool:
    """The codes of floats as loops take them, of which the first is at position `start`, written to
    `out`; whether the loop could make something of all of them. told: the loop, opened.
    """
    raise TypeError("for compiled callers only")  # which get one of the functions below


def _by_regular(loop: Any, told: Any, source: Any, out: Any, start: Any) -> bool:
    return fill_regular(source, out, told, None)


def _by_normal(loop: Any, told: Any, source: Any, out: Any, start: Any) -> bool:
    return fill_normal(source, out, told, None)


def _by_search(loop: Any, told: Any, source: Any, out: Any, start: Any) -> bool:
    search(source, None, None, out, loop.thresholds, loop.results, loop.lane)
    return True


def _by_general(loop: Any, told: Any, source: Any, out: Any, start: Any) -> bool:
    project(
        source,
        None,
        loop.scratch,
        out,
        loop.parameters,
        loop.is_uncommon,
        None,
        None,
        None,
        loop.given,
        loop.key,
        loop.draw_place,
        loop.look_at_ties,
        start,
    )
    return True


_WAYS: Final[dict[type, Callable[..., bool]]] = {
    RegularLoop: _by_regular,
    NormalLoop: _by_normal,
    SearchLoop: _by_search,
    GeneralLoop: _by_general,
}


@overload(encode_by)
def _encode_by(loop: Any, told: Any, source: Any, out: Any, start: Any) -> Any:
    """The way that the type of the loop calls for."""
    return _WAYS[loop.instance_class]
