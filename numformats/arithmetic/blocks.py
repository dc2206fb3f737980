"""The operations of IEEE P3109 (interim report v4.0), clause 5: on blocks, and scaled ones.

A block is a scale factor and B elements; its values are their products. The elements of many blocks
are an array whose last axis has B of them, and their scale factors an array without that axis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import partial, reduce
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from numformats.arithmetic.declarations import Parameters
from numformats.arithmetic.exact_results import (
    P3109,
    Draws,
    Evaluate,
    numbers_of,
    project_outcomes,
)
from numformats.arithmetic.p3109_operations import (
    REAL_FUNCTIONS,
    Compute,
    Operand,
    P3109Operation,
    RealFunction,
    elementwise,
    projected_operation,
)
from numformats.codec.random_bits import key_of
from numformats.exact import algebraic
from numformats.exact.extrema import maximum_finite
from numformats.exact.intervals import Interval
from numformats.exact.numbers import NAN, Enclosure, Number, Outcome, rational
from numformats.formats.format import Format

Array = NDArray[Any]

_value = partial(algebraic.multiply, P3109)  # BlockDecode, clause 5.1.1


def over_scale(result: Outcome, scale: Number) -> Outcome:
    """A result in units of a scale factor: Z of BlockProject, clause 5.1.2.

    >>> over_scale(rational(3), Number(float("inf"), False)).value
    Fraction(1, 1)
    """
    if scale.is_nan or (isinstance(result, Number) and result.is_nan):
        return NAN
    if scale.value == 0:
        return rational(0)
    if scale.is_infinite:
        return rational(_sign(result) * _sign(scale))
    if isinstance(result, Number):
        return algebraic.divide(P3109, result, scale)
    return _divided(result, scale.fraction)


def _divided(result: Enclosure, divisor: Fraction) -> Enclosure:
    def enclosure(bits: int) -> Interval:
        interval = -result(bits) if divisor < 0 else result(bits)
        # An end that is infinite would make a float of the divisor.
        low, high = (
            end if isinstance(end, float) else end / abs(divisor)
            for end in (interval.low, interval.high)
        )
        return Interval(low, high)

    return enclosure


def _sign(result: Outcome) -> int:
    if isinstance(result, Number):
        return (result.value > 0) - (result.value < 0)
    bits = 1
    while (interval := result(bits)).low < 0 < interval.high:
        bits *= 2
    return 1 if interval.low >= 0 else -1


# Elementwise


def _of_values(evaluate: Evaluate, *numbers: Number) -> Outcome:
    """An operation on the values of scale factors and elements, in turn."""
    return evaluate(*map(_value, numbers[::2], numbers[1::2]))


def _of_values_over_scale(evaluate: Evaluate, *numbers: Number) -> Outcome:
    return over_scale(_of_values(evaluate, *numbers[:-1]), numbers[-1])


def _pairs(count: int, is_block: bool) -> tuple[Operand, ...]:
    return tuple(
        operand
        for i in range(1, count + 1)
        for operand in (Operand(f"s{i}", f"fs{i}"), Operand(f"x{i}", f"fx{i}", is_block))
    )


def _scaled(function: RealFunction) -> P3109Operation:
    """Clause 5.5: a block of one element, the scale factor of the result being 1."""
    pairs = _pairs(len(function.operands), is_block=False)
    evaluate = partial(_of_values, function.evaluate)
    return projected_operation(f"Scaled{function.name}", "5.5", pairs, evaluate)


def _block(function: RealFunction) -> P3109Operation:
    """Clause 5.4."""
    operands = (*_pairs(len(function.operands), is_block=True), Operand("sr", "fs"))
    evaluate = partial(_of_values_over_scale, function.evaluate)
    elements = elementwise(evaluate, operands)

    def compute(
        parameters: Parameters, codes: Sequence[Array], draws: Draws
    ) -> tuple[Array, Array]:
        return _blocks(codes[-1], elements(parameters, codes, draws))

    return P3109Operation(
        f"Block{function.name}",
        "5.4",
        ("B", *(operand.format for operand in operands), "fr", "rho"),
        operands,
        ("fs", "fr"),
        compute,
    )


# Conversions, clause 5.2

_SCALE, _ELEMENTS = Operand("s", "fs"), Operand("x", "fx", is_block=True)
_to_elements = elementwise(over_scale, (_ELEMENTS, _SCALE))


def _convert_to_block(
    parameters: Parameters, codes: Sequence[Array], draws: Draws
) -> tuple[Array, Array]:
    return _blocks(codes[1], _to_elements(parameters, codes, draws))


def _blocks(scales: Array, elements: Array) -> tuple[Array, Array]:
    """Blocks with a scale factor for each."""
    return np.broadcast_to(scales, elements.shape[:-1]).copy(), elements


def _convert_to_block_max_abs_finite(
    parameters: Parameters, codes: Sequence[Array], draws: Draws
) -> tuple[Array, Array]:
    if draws.random_bits is not None:
        raise ValueError(
            "random_bits: scale factors and elements would take different ones; pass rng, or give "
            "the scale factors to ConvertToBlock"
        )
    # One generator, so that scale factors and elements get different bits of it.
    shared = Draws(np.random.default_rng(key_of(draws.rng)))
    (x,) = codes
    largest = [_largest_finite(block) for block in _blocks_of(x, parameters.format("fx"))]
    fmt, projection = parameters.format("fs"), parameters.projection("rhos")
    scale = project_outcomes(largest, x.shape[:-1], fmt, projection, shared)
    return scale, _to_elements(parameters, [x, scale], shared)


def _largest_finite(block: Sequence[Number]) -> Number:
    magnitudes = (x.magnitude for x in block)
    return reduce(partial(maximum_finite, P3109), magnitudes, NAN)


def _blocks_of(codes: Array, fmt: Format) -> list[list[Number]]:
    """The numbers of each block."""
    size = codes.shape[-1]
    numbers = numbers_of(codes.ravel(), fmt)
    return [numbers[begin : begin + size] for begin in range(0, len(numbers), size)]


# Reductions, clause 5.3


def _reduction(operands: tuple[Operand, ...], reduced: Callable[..., Number]) -> Compute:
    """What comes of the values of blocks, one number for each."""

    def compute(parameters: Parameters, codes: Sequence[Array], draws: Draws) -> Array:
        pairs = [
            _values_of_blocks(parameters, operands[i : i + 2], codes[i : i + 2], shape)
            for shape in [_shape_of_blocks(codes)]
            for i in range(0, len(operands), 2)
        ]
        results = [reduced(*blocks) for blocks in zip(*pairs, strict=True)]
        fmt, projection = parameters.format("fr"), parameters.projection()
        return project_outcomes(results, _shape_of_blocks(codes), fmt, projection, draws)

    return compute


def _shape_of_blocks(codes: Sequence[Array]) -> tuple[int, ...]:
    scales, elements = codes[::2], codes[1::2]
    return np.broadcast_shapes(
        *(scale.shape for scale in scales), *(block.shape[:-1] for block in elements)
    )


def _values_of_blocks(
    parameters: Parameters,
    operands: Sequence[Operand],
    codes: Sequence[Array],
    shape: tuple[int, ...],
) -> list[list[Number]]:
    scales = np.broadcast_to(codes[0], shape)
    elements = np.broadcast_to(codes[1], (*shape, codes[1].shape[-1]))
    factors = numbers_of(scales.ravel(), parameters.format(operands[0].format))
    blocks = _blocks_of(elements, parameters.format(operands[1].format))
    return [
        [_value(factor, x) for x in block] for factor, block in zip(factors, blocks, strict=True)
    ]


def _sum(block: Sequence[Number]) -> Number:
    return algebraic.add(P3109, rational(0), *block)


def _product(block: Sequence[Number]) -> Number:
    return reduce(_value, block, rational(1))


def _dot_product(x: Sequence[Number], y: Sequence[Number]) -> Number:
    return _sum([_value(*pair) for pair in zip(x, y, strict=True)])


def _reductions() -> Iterable[P3109Operation]:
    one = (_SCALE, _ELEMENTS)
    two = (
        Operand("sx", "fsx"),
        Operand("x", "fx", is_block=True),
        Operand("sy", "fsy"),
        Operand("y", "fy", is_block=True),
    )
    for name, clause, operands, reduced in (
        ("BlockReduceAdd", "5.3.1", one, _sum),
        ("BlockReduceMultiply", "5.3.1", one, _product),
        ("BlockDotProduct", "5.3.2", two, _dot_product),
    ):
        parameters = ("B", *(operand.format for operand in operands), "fr", "rho")
        compute = _reduction(operands, reduced)
        yield P3109Operation(name, clause, parameters, operands, ("fr",), compute)


def _operations() -> Iterable[P3109Operation]:
    yield P3109Operation(
        "ConvertFromBlock",
        "5.2.1",
        ("B", "fs", "fx", "fr", "rho"),
        (_SCALE, _ELEMENTS),
        ("fr",),
        elementwise(_value, (_SCALE, _ELEMENTS)),
    )
    yield P3109Operation(
        "ConvertToBlock",
        "5.2.2",
        ("B", "fx", "fs", "fr", "rho"),
        (_ELEMENTS, _SCALE),
        ("fs", "fr"),
        _convert_to_block,
    )
    yield P3109Operation(
        "ConvertToBlockMaxAbsFinite",
        "5.2.3",
        ("B", "fx", "fs", "fr", "rhos", "rho"),
        (_ELEMENTS,),
        ("fs", "fr"),
        _convert_to_block_max_abs_finite,
    )
    yield from _reductions()
    yield from map(_block, REAL_FUNCTIONS.values())
    yield from map(_scaled, REAL_FUNCTIONS.values())


BLOCK_OPERATIONS: Final = {operation.name: operation for operation in _operations()}
