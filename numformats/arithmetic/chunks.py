"""A chunk of elements through an operation and a projection."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numformats.arithmetic import one_by_one
from numformats.arithmetic.call import Array, Call
from numformats.arithmetic.evaluation import Evaluation
from numformats.arithmetic.limits import wrap_limit
from numformats.arithmetic.sources import Source, Values
from numformats.codec import backends
from numformats.codec.values import TABLE_BITS, decode_chunk
from numformats.system import NumberSystem


class Projector:
    """Writes projected results for chunks of elements: codes, or their values in `decoded`."""

    def __init__(
        self,
        call: Call,
        evaluation: Evaluation,
        sources: tuple[Source, ...],
        decoded: NumberSystem | None,
    ) -> None:
        self._call, self._evaluation = call, evaluation
        self._sources, self._decoded = sources, decoded

    def __call__(self, elements: list[Array], out: Array, position: int) -> None:
        """Write the results of elements, the first of which has a position among all."""
        call, dtype = self._call, self._evaluation.dtype
        operands = [
            source.numbers(some, dtype)
            for source, some in zip(self._sources, elements, strict=True)
        ]
        found = self._evaluation(*operands)
        _refuse_nan(call, found, position)
        draws = call.draws(position, position + out.size)
        beyond = np.empty(0, np.intp)
        if call.modes.saturation == "wrap":
            beyond = np.flatnonzero(~(np.abs(found) < wrap_limit(call.system, call.modes)))
            found[beyond] = 0
        found = np.broadcast_to(found, out.shape)
        # Of wide formats, values are quicker in the dtype that is projected.
        is_detour = self._decoded is not None and call.system.bits > TABLE_BITS
        result = np.empty_like(found) if is_detour and found.dtype == np.float64 else out
        backends.project_into(result, found, call.plan, fmt=self._decoded, random_bits=draws)
        if result is not out:
            out[...] = result
        if beyond.size:
            self._write_one_by_one(operands, out, draws, beyond)
        if call.system.has_negative_zero and not self._evaluation.context.rules.signs:
            _take_signs_of_zeros(out, call.system, is_code=self._decoded is None)

    def _write_one_by_one(
        self,
        operands: list[Array],
        out: Array,
        draws: NDArray[np.uint64] | None,
        places: NDArray[np.intp],
    ) -> None:
        some = [np.broadcast_to(operand, out.shape)[places] for operand in operands]
        sources = tuple(Values(operand.dtype) for operand in operands)
        chosen = None if draws is None else draws[places]
        codes = one_by_one.codes_of(self._call, sources, some, chosen)
        decoded = self._decoded
        out[places] = codes if decoded is None else decode_chunk(codes, decoded, out.dtype)


def _take_signs_of_zeros(out: Array, fmt: NumberSystem, is_code: bool) -> None:
    if is_code:
        out[out == fmt.code_of_zero(True)] = fmt.code_of_zero(False)
    else:
        out[out == 0] = 0


def _refuse_nan(call: Call, found: NDArray[Any], position: int) -> None:
    if call.system.has_nan or call.modes.nan != "raise":
        return
    (places,) = np.nonzero(np.isnan(found))
    if places.size:
        raise ValueError(
            f"{call.operation.name}: the result at position {position + int(places[0])} is NaN, "
            f"and {call.system.name} has no NaN: pass nan='max' or nan='zero'"
        )
