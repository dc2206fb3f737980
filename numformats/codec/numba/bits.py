"""The bits of one float as an integer, and back, in compiled loops.

NumPy has that for arrays alone, as views, which take Numba a quarter of a second to compile.
"""

from __future__ import annotations

from typing import Any, Final

from numba import types
from numba.extending import intrinsic

_WORDS: Final = {types.float32: types.uint32, types.float64: types.uint64}
_SIGNED: Final = {types.uint32: types.int32, types.uint64: types.int64}
_FLOATS: Final = {word: number for number, word in _WORDS.items()}


def _reinterpreted(source: Any, target: Any) -> tuple[Any, Any]:
    """What Numba asks of an intrinsic: its signature, and a function that makes its code."""

    def bitcast(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(target))

    return target(source), bitcast


@intrinsic
def bits_of(typingctx: Any, number: Any) -> Any:
    """The bits of a float32 or float64 as an unsigned integer."""
    return _reinterpreted(number, _WORDS[number])


@intrinsic
def float_of(typingctx: Any, word: Any) -> Any:
    """The float32 or float64 that has these bits."""
    return _reinterpreted(word, _FLOATS[word])


@intrinsic
def signed(typingctx: Any, word: Any) -> Any:
    """The same bits as a signed integer."""
    return _reinterpreted(word, _SIGNED[word])
