"""An operation on arrays, and its exact results projected once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from numpy.typing import ArrayLike

from numformats.arithmetic import one_by_one
from numformats.arithmetic.call import (
    Array,
    Call,
    prepare_result,
    read_call,
    read_operands,
    result_dtype,
)
from numformats.arithmetic.chunks import Projector
from numformats.arithmetic.evaluation import find_evaluation
from numformats.arithmetic.reading import read_sources
from numformats.arithmetic.running import run
from numformats.arithmetic.sources import Codes, Source
from numformats.arithmetic.tables import Lookup, has_table, table
from numformats.codec.arguments import code_dtype
from numformats.codec.backends import decode_into
from numformats.codec.random_bits import RandomSource
from numformats.modes import Stochastic
from numformats.system import Arithmetic, NumberSystem


def apply(
    name: str,
    operands: Sequence[ArrayLike],
    fmt: NumberSystem,
    rounding: str | Stochastic = "nearest_even",
    saturation: str = "none",
    nan: str = "raise",
    rng: RandomSource = None,
    random_bits: ArrayLike | None = None,
    out: Array | None = None,
    *,
    rules: Arithmetic | None = None,
) -> Any:
    """The values of an operation on arrays, each exact result projected once.

    `name` is one of `numformats.exact.OPERATIONS`, `operands` as many arrays of real numbers as it
    takes. `rules` are as for `numformats.exact.apply`: by default the format's own. All else is
    as for `numformats.arithmetic.add`.

    >>> import numformats as nf
    >>> nf.arithmetic.apply("fma", [4097.0, 4097.0, 2.0**-30], nf.float32)
    np.float64(16785410.0)
    """
    arrays, sources = read_sources(name, operands)
    shape = arrays[0].shape
    call = read_call(name, shape, fmt, rounding, saturation, nan, rng, random_bits, rules)
    dtypes = [source.values_dtype for source in sources]
    result = prepare_result(out, shape, result_dtype(operands, dtypes, fmt))
    write_results(call, arrays, sources, result, fmt)
    return result[()] if out is None and result.ndim == 0 else result


def apply_to_codes(
    name: str,
    operands: Sequence[Array],
    formats: Sequence[NumberSystem],
    fmt: NumberSystem,
    rounding: str | Stochastic = "nearest_even",
    saturation: str = "none",
    nan: str = "raise",
    rng: RandomSource = None,
    random_bits: ArrayLike | None = None,
    out: Array | None = None,
    *,
    rules: Arithmetic | None = None,
) -> Any:
    """The codes of an operation on arrays of codes, each of its own format.

    `operands` are arrays of the formats' codes in their dtypes, all of them in range, of shapes
    that broadcast; `out` is one of codes. All else is as for `apply`. The sign of a NaN is not
    read.

    >>> import numformats as nf
    >>> codes = nf.binary8p3se.encode([1.0, 2.0])
    >>> nf.binary8p3se.decode(
    ...     apply_to_codes("add", [codes, codes], [nf.binary8p3se] * 2, nf.binary8p3se)
    ... )
    array([2., 4.], dtype=float32)
    """
    arrays = read_operands(name, operands)
    shape = arrays[0].shape
    call = read_call(name, shape, fmt, rounding, saturation, nan, rng, random_bits, rules)
    result = prepare_result(out, shape, code_dtype(fmt))
    write_results(call, arrays, list(map(Codes, formats)), result, None)
    return result[()] if out is None and result.ndim == 0 else result


def write_results(
    call: Call,
    arrays: Sequence[Array],
    given: Sequence[Source],
    result: Array,
    decoded: NumberSystem | None,
) -> None:
    """Write the results of a call to an array of their dtype and shape: codes, or values."""
    narrowed = [source.narrowed(array) for source, array in zip(given, arrays, strict=True)]
    operands = [array for array, _ in narrowed]
    sources = tuple(source for _, source in narrowed)
    evaluation = None
    if all(source.is_in_float64 for source in sources):
        extents = tuple(source.extent for source in sources)
        evaluation = find_evaluation(
            call.operation.name, extents, call.system, call.modes, call.rules
        )
    if evaluation is None:
        flat = [operand.reshape(-1) for operand in operands]
        codes = one_by_one.codes_of(call, sources, flat, call.draws(0, result.size))
        codes = codes.reshape(result.shape)
        if decoded is None:
            result[...] = codes
        else:
            decode_into(result, codes, decoded)
        return
    write: Callable[[list[Array], Array, int], Any]
    write = Projector(call, evaluation, sources, decoded)
    if has_table(call, sources, result.size):
        native = result.dtype.newbyteorder("=")
        results = table(call, evaluation, sources, native, decoded)
        write = write if results is None else Lookup(results)
    run(write, operands, result, [source.dtype for source in sources])
