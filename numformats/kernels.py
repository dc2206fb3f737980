"""All kernels that there are, each compiled for the types that it is called with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any, Final

import ml_dtypes
import numpy as np

from numformats import arithmetic
from numformats.codec.arguments import code_dtype
from numformats.codec.error_sums import Bins, Ends
from numformats.codec.numba import (
    calls,
    decode,
    encode,
    error_sums,
    regular,
    search,
    tapered,
    tapered_decode,
)
from numformats.codec.numba.blocks import absmax, products, quotients
from numformats.codec.numba.blocks.calls import QuotientKernel, ScaleKernel, write_absmax
from numformats.codec.numba.calls import LatticeKernel
from numformats.codec.numba.matrix import aligned, trees
from numformats.codec.numba.views import read_only
from numformats.codec.plan import make_plan
from numformats.formats.fixed import FixedFormat
from numformats.formats.format import Format
from numformats.formats.ieee import dlfloat16, float16, float32, tf32
from numformats.formats.integers import IntFormat
from numformats.formats.lns import lns
from numformats.formats.ocp import float8_e4m3fn, float8_e8m0fnu
from numformats.formats.posits import posit
from numformats.formats.tables import TableFormat
from numformats.formats.takums import takum
from numformats.modes import Modes, RoundingMode, Stochastic

_INPUTS = (np.float16, ml_dtypes.bfloat16, np.float32, np.float64)
_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
_MODES: tuple[RoundingMode, ...] = (
    "nearest_even",
    Stochastic(1),
    Stochastic(2, "C"),
    # Too fine for 32-bit lanes.
    Stochastic(32, "C"),
)
_WIDE: Final = FixedFormat("wide", 17, 0)  # before a zero point is added
_TWO: Final = TableFormat("two", (0.0, 1.0))
_LOOPS: tuple[Any, ...] = (
    regular.project_regular,
    encode.project,
    encode.write_lanes,
    encode.write_entries,
    search.search,
    tapered.project_tapered,
    tapered.project_tapered_at_random,
    tapered_decode.decode_tapered,
    decode.look_up_codes,
    decode.decode_floats,
    decode.decode_fixed,
    absmax.absmax_of_blocks,
    absmax.signed_absmax_of_blocks,
    absmax.ends_of_blocks,
    quotients.add_zero_points,
    products.scale_blocks,
    products.encode_quotients,
    products.write_quotients,
    products.write_scale_quotients,
    products.decode_blocks,
    products.write_products,
    products.squared_errors,
    error_sums.add_rows,
    aligned.aligned_sums,
    trees.machine_sums,
    trees.rounded_sums,
)


def compile_all() -> int:
    """Compile all of them, and return how many they are."""
    for compile_some in _steps():
        compile_some()
    return version_count()


def _steps() -> Iterator[Callable[[], object]]:
    """The work, in steps of some seconds at the most."""
    for dtype, mode, (fmt, saturation) in product(_INPUTS, _MODES, _formats()):
        if mode == "nearest_even" or fmt.lattice is not None or fmt.taper is not None:
            yield partial(_compile_casts, np.dtype(dtype), mode, fmt, saturation)
    yield _compile_fixed_point
    yield _compile_scales
    for fmt in (float8_e4m3fn, IntFormat("integers", 16), _WIDE, _TWO):
        yield partial(_compile_quotients, fmt)
    yield _compile_zero_points
    yield _compile_decoding
    yield _compile_products
    yield _compile_search
    yield _compile_error_sums
    for accumulator in ("a100_float16", "sequential", "pairwise"):
        yield partial(arithmetic.matmul, [[1.0]], [[1.0]], accumulator=accumulator)


def _compile_casts(dtype: np.dtype[Any], mode: RoundingMode, fmt: Format, saturation: str) -> None:
    rng = None if mode == "nearest_even" else 0
    # With infinity, too, there is work for the general loop; what wraps has no other.
    x = np.array([1, 1 if saturation == "wrap" else np.inf]).astype(dtype)
    codes = fmt.encode(x, mode, saturation, rng=rng)
    fmt.round(x, mode, saturation, rng=rng)
    fmt.decode(codes)
    fmt.decode(codes, dtype=np.float64)


def _compile_fixed_point() -> None:
    fixed = FixedFormat("fixed", 15, 16)
    fixed.decode(fixed.encode([1.0]))


def version_count() -> int:
    """How many versions there are of all loops, for the types that they have been called with."""
    return sum(len(loop.signatures) for loop in _LOOPS)


def _compile_scales() -> None:
    for fmt in (float8_e8m0fnu, float8_e4m3fn, float16, float32):
        kernel = calls.kernel_for(make_plan(fmt, Modes("toward_zero", "finite")), _FLOAT64)
        assert isinstance(kernel, LatticeKernel)
        # The second is for the general loop.
        largest = np.array([1.0, np.inf])
        codes = np.empty(2, code_dtype(fmt))
        ScaleKernel(kernel, fmt, 1, None).run(None, 1, largest, np.ones(1), codes)
    for x in (_numbers(np.float32), _numbers(np.float64)):
        write_absmax(x, 2, np.ones(1))
        signed, order = x.view(f"i{x.itemsize}"), absmax.order_words(x)
        low, high = np.empty((2, 1), signed.dtype)
        absmax.signed_absmax_of_blocks(x, signed, order, 2, low)
        absmax.ends_of_blocks(x, signed, order, 2, True, low, high)


def _compile_quotients(fmt: Format) -> None:
    single, double = (read_only(np.array([1, np.inf], dtype)) for dtype in "fd")
    sizes = np.ones(1)
    # Scales that are powers of two, others, and those whose quotients are rounded to odd, or those
    # of sums.
    ways: list[tuple[Any, ...]] = [(single, _FLOAT32, False, None), (single, _FLOAT64, False, None)]
    ways += [(x, _FLOAT64, True, term) for x in (single, double) for term in (None, sizes)]
    for mode in _MODES if fmt.lattice is not None else _MODES[:1]:
        plan = make_plan(fmt, Modes(mode, "finite", "zero"))
        key = None if mode == "nearest_even" else 0
        for x, dtype, is_to_odd, terms in ways:
            kernel = calls.kernel_for(plan, dtype)
            assert kernel is not None
            loop = QuotientKernel(kernel, 2, 2, is_to_odd=is_to_odd, key=key)
            loop.run(x, sizes, terms, 0, np.empty(2, code_dtype(fmt)), 0)


def _compile_zero_points() -> None:
    moved = np.ones(2, np.int32), np.int32(1), np.ones(1), (0, 15), 15, 2, 0
    for codes in (np.empty(2, np.uint8), np.empty(2, np.uint16)):
        quotients.add_zero_points(*moved, codes)


def _compile_decoding() -> None:
    halves, wide, out = _numbers(np.float32, 1), _numbers(np.float64, 1), np.empty(2, np.float32)
    # Scales by a table, or as they are; those with a scale, and those with an offset.
    ways: list[tuple[Any, ...]] = [(scales, None, None, None) for scales in (halves, wide)]
    for dtype in (np.uint8, np.uint16):
        codes, singles, doubles = _numbers(dtype, 1), _numbers(np.float32), _numbers(np.float64)
        ways += [(codes, singles, None, None), (codes, doubles, wide, None)]
        ways.append((codes, doubles, None, wide))
    for dtype, zeros, way in product((np.uint8, np.uint16), (None, halves), ways):
        is_plain = way[0] is not wide and way[2] is None and way[3] is None
        if zeros is not None and not is_plain:
            continue  # no format has both
        own = np.empty(1, np.float32 if is_plain else np.float64)
        table = _numbers(own.dtype)
        products.decode_blocks(_numbers(dtype), table, zeros, *way, 2, 0, own, 1.0, out)


def _compile_products() -> None:
    halves, doubles = _numbers(np.float64, 1), np.empty((2, 2))
    products.write_products(_numbers(np.uint8), _numbers(np.float64), halves, 2, *doubles)


def _compile_search() -> None:
    table, sizes = _numbers(np.float64), np.ones(1)
    ways = ((None, None), (sizes, None), (None, sizes))
    inputs, outputs = (np.float32, np.float64), (np.uint8, np.uint16)
    for dtype, of_codes, (zeros, offsets) in product(inputs, outputs, ways):
        given = _numbers(dtype), _numbers(of_codes), table, zeros, sizes, offsets
        products.squared_errors(*given, 2, *np.ones((2, 2)), np.ones(1))


def _compile_error_sums() -> None:
    one, ends, bins = np.ones(1), Ends(0.0, 1.0, 1.0, 1.0, 1.0), Bins(52, 1022, 2)
    for dtype in (_FLOAT32, _FLOAT64):
        error_sums.sum_errors(np.ones(1, dtype), one, one, one, ends, bins)


def _numbers(dtype: Any, count: int = 2) -> Any:
    return read_only(np.ones(count, dtype))


def _formats() -> Iterator[tuple[Format, str]]:
    """One of each width of codes, and of the kinds of low end and of overflow."""
    for fmt in (float8_e4m3fn, float16, tf32, float32, float8_e8m0fnu, dlfloat16):
        yield fmt, "none"
    for bits in (8, 16):
        yield IntFormat(f"int{bits}", bits), "wrap"
    for tapered_format in (posit(8), posit(16), posit(32), takum(8), takum(16)):
        yield tapered_format, "none"
    # Codes of both widths that are searched for float64 values.
    yield lns(8, 4), "none"
    yield lns(9, 5), "none"
    yield _TWO, "none"
