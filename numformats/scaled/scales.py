"""The scales of an array as they are stored, and the values that they stand for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numformats.codec.backends import decode, encode
from numformats.error_free import sum_to_odd
from numformats.modes import Modes
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.granularity import Index, Tile
from numformats.scaled.tiling import micro_tile, spread, spread_over
from numformats.system import NumberSystem

Array = NDArray[Any]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scales:
    """What the tiles of an array have beside elements, as codes in the shape of their grid.

    codes: of the scale's element format. tensor: of the scales' own scales, or None. zero_points,
    offsets, mean of all scales: codes of the formats of these, or None. micro, inner_micro: the
    micro-exponents of both levels, in the shape of their own grids, or None.
    """

    codes: Array
    tensor: Array | None = None
    zero_points: Array | None = None
    offsets: Array | None = None
    mean: Array | None = None
    micro: Array | None = None
    inner_micro: Array | None = None


@dataclass(frozen=True)
class ScaleValues:
    """What `Scales` stand for as float64: each tile's whole scale, zero point and offset.

    powers: for each level of micro-exponents, how many numbers share one, and what these multiply
    the scale by.
    """

    scales: Floats
    zero_points: Floats | None = None
    offsets: Floats | None = None
    powers: tuple[tuple[int, Floats], ...] = ()

    @classmethod
    def of(cls, scales: Scales, fmt: ScaledFormat) -> ScaleValues:
        """The values of scales, in their shape."""
        return cls(
            scale_values(scales, fmt),
            _values_if_any(scales.zero_points, fmt.zero_point),
            _values_if_any(scales.offsets, fmt.offset),
            tuple(
                (size, 1.0 + codes)  # 2**0 and 2**1
                for size, codes in zip(
                    fmt.micro_exponents, (scales.micro, scales.inner_micro), strict=False
                )
                if codes is not None
            ),
        )

    def scales_over(self, chunk: Index, tile: Tile) -> Floats:
        """For each number of a chunk of an array what its element is multiplied by, in a shape that
        broadcasts with the chunk.
        """
        own: Floats = spread_over(self.scales, chunk, tile)
        for size, powers in self.powers:
            own = own * spread_over(powers, chunk, micro_tile(tile, size))
        return own

    def as_divisors(self) -> ScaleValues:
        """With infinity for a scale of zero, which is a difference of a mean and another number:
        what is to be multiplied by zero is stored as zero.
        """
        return replace(self, scales=np.where(self.scales == 0, np.inf, self.scales))

    def flat(self) -> ScaleValues:
        """The same in a row."""
        zeros, offsets = self.zero_points, self.offsets
        return ScaleValues(
            self.scales.reshape(-1),
            None if zeros is None else zeros.reshape(-1),
            None if offsets is None else offsets.reshape(-1),
        )

    def of_blocks(self, blocks: slice) -> ScaleValues:
        """What some blocks have, of values in a row."""
        zeros, offsets = self.zero_points, self.offsets
        return ScaleValues(
            self.scales[blocks],
            None if zeros is None else zeros[blocks],
            None if offsets is None else offsets[blocks],
        )


def divisors_of_elements(scales: Scales, fmt: ScaledFormat) -> ScaleValues:
    """The values of scales, by which numbers are to be divided."""
    values = ScaleValues.of(scales, fmt)
    return values if scales.mean is None else values.as_divisors()


def scale_values(scales: Scales, fmt: ScaledFormat) -> Floats:
    """The values of the scales of a grid, exactly; about a mean, rounded once to its format."""
    own = decode(scales.codes, fmt.scale_element)
    factors = tensor_scale_values(scales.tensor, fmt, scales.codes.shape)
    if factors is None:
        return own
    with np.errstate(invalid="ignore"):
        products = own * factors
    if scales.mean is None:
        return products
    assert fmt.scale_mean is not None
    mean = np.broadcast_to(decode(scales.mean, fmt.scale_mean), products.shape)
    sums = encode(sum_to_odd(products, mean), fmt.scale_mean, Modes(saturation="finite"))
    return decode(sums, fmt.scale_mean)


def tensor_scale_values(
    tensor: Array | None, fmt: ScaledFormat, grid: tuple[int, ...]
) -> Floats | None:
    """What the values of the codes of a grid are to be multiplied by, in a shape that broadcasts
    with it; None for scales that have no scale.
    """
    own = fmt.tensor_scale
    if tensor is None or own is None:
        return None
    values = decode(tensor, own)
    if values.size == 1:
        return values.reshape(1)
    shape, tile = fmt.tiling_of_scales(grid)
    found = spread(values, shape, tile)
    return found if len(shape) == len(grid) else found.reshape(grid)


def _values_if_any(codes: Array | None, fmt: NumberSystem | None) -> Floats | None:
    return None if codes is None or fmt is None else decode(codes, fmt)
