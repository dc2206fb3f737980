"""Operands of accumulators: float64 values, and the exponents that they have in their formats."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numformats.arithmetic.accumulators import (
    MAX_OPERAND_PRECISION,
    Accumulator,
    named_format,
    smallest_exponent,
)
from numformats.arithmetic.coded import as_real
from numformats.codec import arrays
from numformats.codec.arguments import read_real, refuse_where
from numformats.codec.extents import dtype_holds
from numformats.formats.format import Format

Array = NDArray[Any]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Operand:
    """Values as float64, and what aligned sums need of their format.

    Attributes
    ----------
    values : ndarray
        With their scales.
    powers : ndarray or None
        2 to the exponent of each value, where the accumulator has inputs: see `powers_of`.
    is_wide : bool
        Whether a value has so many bits that a product of two may have more than float64.
    """

    values: Floats
    powers: Floats | None = None
    is_wide: bool = False

    def matrix(self, shape: tuple[int, ...]) -> Operand:
        """The same in another shape, or broadcast to one."""

        def shaped(x: Floats) -> Floats:
            is_same_size = x.size == math.prod(shape)
            return x.reshape(shape) if is_same_size else np.broadcast_to(x, shape)

        return replace(
            self,
            values=shaped(self.values),
            powers=None if self.powers is None else shaped(self.powers),
        )

    def with_axis_first(self, axis: int) -> Operand:
        """The same with an axis moved to the front."""
        powers = None if self.powers is None else np.moveaxis(self.powers, axis, 0)
        return replace(self, values=np.moveaxis(self.values, axis, 0), powers=powers)

    def __getitem__(self, index: Any) -> Operand:
        powers = None if self.powers is None else self.powers[index]
        return replace(self, values=self.values[index], powers=powers)


def powers_of(values: Floats, lowest: int) -> Floats:
    """2 to the exponent of each value, at least to `lowest`; 0 for zero, inf for inf and NaN."""
    _, exponent = np.frexp(values)
    powers = np.ldexp(1.0, np.maximum(exponent - 1, lowest))
    powers[values == 0] = 0.0
    powers[~np.isfinite(values)] = np.inf
    return powers


def read_operand(
    argument: str, x: ArrayLike, acc: Accumulator, scales: ArrayLike | None = None, *, axis: int
) -> Operand:
    """An operand of an accumulator, in the first of its formats that has all values; `axis` is that
    of k.

    TypeError for what is no array of real numbers, ValueError for one without dimensions, values
    that are none of the inputs', with the first, and scales that do not fit.
    """
    array = as_real(argument, x)
    if array.ndim == 0:
        raise ValueError(f"{argument}: a number; a sum of products needs an axis to sum along")
    axis = axis if array.ndim > 1 else -1
    if not acc.inputs:
        _refuse_scales(f"{argument}_scales", scales, acc)
        return _any_operand(argument, array, acc)
    fmt = _input_format(argument, array, acc)
    with np.errstate(invalid="ignore"):  # NumPy warns of a signaling NaN on its way
        values = array.astype(np.float64)
    lowest = smallest_exponent(acc.exponent_format(fmt))
    if acc.flush_subnormals:
        values[np.abs(values) < 2.0**lowest] = 0.0
    # A group has the exponent of its scales alone.
    powers = powers_of(values, lowest) if acc.group == 1 else np.ones_like(values)
    if scales is None:
        return Operand(values, powers)
    factors, of_factors = _read_scales(f"{argument}_scales", scales, acc, array.shape, axis)
    with np.errstate(invalid="ignore"):
        return Operand(values * factors, powers * of_factors)


def _any_operand(argument: str, array: Array, acc: Accumulator) -> Operand:
    """An operand of an accumulator that takes all values of float64."""
    values = as_float64(argument, array)
    if acc.summation == "exact":
        return Operand(values)
    refuse_where(
        argument,
        values,
        lambda x: (np.abs(x) < _NEAR[0]) & (x != 0) | (np.abs(x) > _NEAR[1]) & np.isfinite(x),
        "below 2**-450 or above 2**450",
        f"{acc.name} does not reach so far; accumulator='exact' does",
    )
    with np.errstate(invalid="ignore"):  # signaling NaN again
        fraction, _ = np.frexp(values)
        scaled = np.ldexp(fraction, MAX_OPERAND_PRECISION)
        is_wide = bool(((scaled != np.floor(scaled)) & np.isfinite(values)).any())
    if is_wide and not acc.round_products and acc.block != 1:
        raise ValueError(
            f"{argument}: has values of more than {MAX_OPERAND_PRECISION} bits, whose products "
            f"{acc.name} does not round; round it to float32 first"
        )
    return Operand(values, is_wide=is_wide)


# With these, and errors of products 2**53 times smaller, all is well within float64.
_NEAR: Final = (2.0**-450, 2.0**450)


def _input_format(argument: str, array: Array, acc: Accumulator) -> Format:
    """The format of an operand: of its dtype, or the first that has all its values."""
    formats = [named_format("inputs", name) for name in acc.inputs]
    for fmt in formats:
        if array.dtype == fmt.dtype:
            return fmt
    for fmt in formats:
        if not _is_wrong(array, fmt).any():
            return fmt
    # If none lacks a value that all others lack too, the first tells what it lacks.
    lacking = formats
    if not np.logical_and.reduce([_is_wrong(array, fmt) for fmt in formats]).any():
        lacking = formats[:1]
    names = " or ".join(fmt.name for fmt in lacking)
    refuse_where(
        argument,
        array,
        lambda chunk: np.logical_and.reduce([_is_wrong(chunk, fmt) for fmt in lacking]),
        f"no value of {names}",
        f"{acc.name} takes {' or '.join(acc.inputs)} alone: round it first, with "
        f"numformats.{acc.inputs[0]}.round",
    )
    raise AssertionError("there is such a value")


def _read_scales(
    argument: str, scales: ArrayLike, acc: Accumulator, shape: tuple[int, ...], axis: int
) -> tuple[Floats, Floats]:
    """The scale of each value along k, and two to the power of its exponent."""
    _refuse_scales(argument, scales, acc)
    assert acc.scale_format is not None
    assert acc.scale_block is not None
    fmt = named_format("scale_format", acc.scale_format)
    values = np.abs(read_values(argument, scales, fmt, f"{acc.name} has such scales"))
    expected = list(shape)
    expected[axis] = -(-shape[axis] // acc.scale_block)
    if values.shape != tuple(expected):
        raise ValueError(
            f"{argument}: shape {values.shape}, expected {tuple(expected)}: one scale for every "
            f"{acc.scale_block} of k"
        )
    of_each = np.arange(shape[axis]) // acc.scale_block
    powers = powers_of(values, smallest_exponent(fmt))
    return np.take(values, of_each, axis), np.take(powers, of_each, axis)


def _refuse_scales(argument: str, scales: ArrayLike | None, acc: Accumulator) -> None:
    if scales is not None and acc.scale_format is None:
        raise ValueError(f"{argument}: {acc.name} has no scales")


def read_values(argument: str, x: ArrayLike, fmt: Format, why: str) -> Floats:
    """An array of values of a format as float64; ValueError for others, with the first and why."""
    array = read_real(argument, x)
    way_out = f"{why}: round it first, with numformats.{fmt.name}.round"
    refuse_where(argument, array, lambda c: _is_wrong(c, fmt), f"no value of {fmt.name}", way_out)
    with np.errstate(invalid="ignore"):  # as above
        return array.astype(np.float64)


def as_float64(argument: str, array: Array) -> Floats:
    """An array of real numbers as float64; ValueError for one that float64 does not hold."""
    with np.errstate(invalid="ignore"):  # NumPy warns of a signaling NaN on its way
        wide = array.astype(np.float64)
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8:
        way_out = "values of accumulators are float64: split it, or use numformats.exact"
        refuse_where(argument, array, _is_beyond_float64, "no value of float64", way_out)
    return wide


def _is_beyond_float64(chunk: Array) -> NDArray[np.bool_]:
    # What rounds up to the end of the range is out of it, and cannot be cast back.
    wide = chunk.astype(np.float64)
    in_range = wide < float(np.iinfo(chunk.dtype).max)
    return ~in_range | (np.where(in_range, wide, 0.0).astype(chunk.dtype) != chunk)


def _is_wrong(array: Array, fmt: Format) -> NDArray[np.bool_]:
    """Where an array has no values of a format."""
    if array.dtype == fmt.dtype:
        return np.zeros(array.shape, np.bool_)
    with np.errstate(invalid="ignore"):  # as above
        wide = array.astype(np.float64) if dtype_holds(np.dtype(np.float64), fmt) else array
        kept: Array = arrays.round(array, fmt, nan="zero").astype(np.float64)
    is_nan = np.isnan(wide)
    wrong: NDArray[np.bool_] = np.where(is_nan, not fmt.has_nan, kept != wide)
    return wrong
