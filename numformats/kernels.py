"""All kernels that there are, each compiled for the types that it is called with."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import ml_dtypes
import numpy as np

from numformats import arithmetic
from numformats.codec.arguments import code_dtype
from numformats.codec.numba import calls, encode, search
from numformats.codec.numba.blocks import absmax, products
from numformats.codec.numba.blocks import quotients as quotient_loops
from numformats.codec.numba.blocks.calls import QuotientKernel, ScaleKernel
from numformats.codec.numba.calls import LatticeKernel
from numformats.codec.numba.matrix import aligned, trees
from numformats.codec.numba.views import as_words, read_only
from numformats.codec.plan import make_plan
from numformats.formats.fixed import FixedFormat
from numformats.formats.format import Format
from numformats.formats.ieee import dlfloat16, float16, float32
from numformats.formats.integers import IntFormat
from numformats.formats.ocp import float8_e4m3fn, float8_e8m0fnu
from numformats.formats.tables import TableFormat
from numformats.modes import Modes, RoundingMode, Stochastic

_INPUTS = (np.float16, ml_dtypes.bfloat16, np.float32, np.float64)
_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
_MODES: tuple[RoundingMode, ...] = (
    "nearest_even",
    Stochastic(1),
    # Too fine for 32-bit lanes.
    Stochastic(32, "C"),
)
_LOOPS: tuple[Any, ...] = (
    encode.project,
    search.search,
    absmax.signed_absmax_of_blocks,
    absmax.ends_of_blocks,
    quotient_loops.add_zero_points,
    absmax.absmax_of_blocks,
    products.scale_blocks,
    products.encode_quotients,
    products.decode_blocks,
    products.squared_errors,
    aligned.aligned_sums,
    trees.machine_sums,
    trees.rounded_sums,
)


def compile_all() -> int:
    """Compile all of them, and return how many they are."""
    for dtype, mode, (fmt, saturation) in product(_INPUTS, _MODES, _formats()):
        if mode != "nearest_even" and fmt.lattice is None:
            continue
        x, rng = np.ones(2, dtype), None if mode == "nearest_even" else 0
        codes = fmt.encode(x, mode, saturation, rng=rng)
        fmt.round(x, mode, saturation, rng=rng)
        fmt.decode(codes)
        fmt.decode(codes, dtype=np.float64)
    fixed = FixedFormat("fixed", 15, 16)
    fixed.decode(fixed.encode([1.0]))
    _compile_scales()
    _compile_quotients()
    _compile_decoding()
    _compile_search()
    for accumulator in ("a100_float16", "sequential", "pairwise"):
        arithmetic.matmul([[1.0]], [[1.0]], accumulator=accumulator)
    return version_count()


def version_count() -> int:
    """How many versions there are of all loops, for the types that they have been called with."""
    return sum(len(loop.signatures) for loop in _LOOPS)


def _compile_scales() -> None:
    wide, divisors = np.ones(1), np.ones(1)
    numbers = [_numbers(dtype) for dtype in (np.float32, np.float64)]
    for fmt in (float8_e8m0fnu, float8_e4m3fn, float16, float32):
        kernel = calls.kernel_for(make_plan(fmt, Modes(saturation="finite")), _FLOAT64)
        codes = np.empty(1, code_dtype(fmt))
        assert isinstance(kernel, LatticeKernel)
        for known in (*numbers, None):
            ScaleKernel(kernel, fmt, 1, None).run(known, 2, wide, divisors, codes)
    for x in numbers:
        absmax.absmax_of_blocks(x, as_words(x), absmax.magnitude_words(x), 2, wide)
        signed, order = x.view(f"i{x.itemsize}"), absmax.order_words(x)
        low, high = np.empty((2, 1), signed.dtype)
        absmax.signed_absmax_of_blocks(x, signed, order, 2, low)
        absmax.ends_of_blocks(x, signed, order, 2, True, low, high)


def _compile_quotients() -> None:
    single, double = _numbers(np.float32), _numbers(np.float64)
    sizes = np.ones(1)
    table, integers = TableFormat("two", (0.0, 1.0)), IntFormat("integers", 16)
    # Scales that are powers of two, others, and those whose quotients are rounded to odd, or those
    # of sums.
    ways: list[tuple[Any, ...]] = [(single, _FLOAT32, False, None), (single, _FLOAT64, False, None)]
    ways += [(x, _FLOAT64, True, term) for x in (single, double) for term in (None, sizes)]
    wide = FixedFormat("wide", 17, 0)  # before a zero point is added
    for fmt, mode in product((float8_e4m3fn, integers, wide, table), _MODES):
        if mode != "nearest_even" and fmt is table:
            continue
        plan, key = (
            make_plan(fmt, Modes(mode, "finite", "zero")),
            None if mode == "nearest_even" else 0,
        )
        for x, dtype, is_to_odd, terms in ways:
            kernel = calls.kernel_for(plan, dtype)
            assert kernel is not None
            quotients = QuotientKernel(kernel, 2, 2, is_to_odd=is_to_odd, key=key)
            quotients.run(x, sizes, terms, 0, np.empty(2, code_dtype(fmt)), 0)
    moved = np.ones(2, np.int32), np.int32(1), sizes, (0, 15), 15, 2, 0
    for codes in (np.empty(2, np.uint8), np.empty(2, np.uint16)):
        quotient_loops.add_zero_points(*moved, codes)


def _compile_decoding() -> None:
    halves, wide, out = _numbers(np.float32, 1), _numbers(np.float64, 1), np.empty(2, np.float32)
    # Scales by a table, or as they are; those with a scale, and those with an offset.
    ways: list[tuple[Any, ...]] = [(halves, None, None, None)]
    for dtype in (np.uint8, np.uint16):
        codes, singles, doubles = _numbers(dtype, 1), _numbers(np.float32), _numbers(np.float64)
        ways += [(codes, singles, None, None), (codes, doubles, wide, None)]
        ways.append((codes, doubles, None, wide))
    for dtype, zeros, way in product((np.uint8, np.uint16), (None, halves), ways):
        is_plain = way[2] is None and way[3] is None
        if zeros is not None and not is_plain:
            continue  # no format has both
        own = np.empty(1, np.float32 if is_plain else np.float64)
        table = _numbers(own.dtype)
        products.decode_blocks(_numbers(dtype), table, zeros, *way, 2, 0, own, 1.0, out)


def _compile_search() -> None:
    table, sizes = _numbers(np.float64), np.ones(1)
    ways = ((None, None), (sizes, None), (None, sizes))
    inputs, outputs = (np.float32, np.float64), (np.uint8, np.uint16)
    for dtype, of_codes, (zeros, offsets) in product(inputs, outputs, ways):
        given = _numbers(dtype), _numbers(of_codes), table, zeros, sizes, offsets
        products.squared_errors(*given, 2, *np.ones((2, 2)), np.ones(1))


def _numbers(dtype: Any, count: int = 2) -> Any:
    return read_only(np.ones(count, dtype))


def _formats() -> Iterator[tuple[Format, str]]:
    """One of each width of codes, and of the kinds of low end and of overflow."""
    for fmt in (float8_e4m3fn, float16, float32, float8_e8m0fnu, dlfloat16):
        yield fmt, "none"
    for bits in (8, 16):
        yield IntFormat(f"int{bits}", bits), "wrap"
    yield TableFormat("two", (0.0, 1.0)), "none"
