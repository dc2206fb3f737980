"""Scaled formats: elements and the scales that they share, described as data."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from numformats.formats.base import Format, require_format
from numformats.formats.floating import FloatFormat
from numformats.formats.integers import IntFormat
from numformats.scaled.granularity import Granularity, PerTensor, grid_shape
from numformats.scaled.rules import ScaleRule, get_rule


@dataclass(frozen=True)
class ScaledFormat:
    """A number is an element times a scale, and a scale serves a tile of an array.

    Parameters
    ----------
    name : str
        What the format is called.
    element : Format
        What each number is stored in.
    scale : Format or ScaledFormat
        What each scale is stored in: a float format; or a scaled one, whose elements are the scales
        of the tiles, and which has a scale for all of them: two levels.
    granularity : PerTensor, PerChannel, PerBlock or PerTile
        Which numbers share a scale.
    scale_rule : str or ScaleRule
        How a scale is chosen where `quantize` is not told otherwise.
    zero_point : IntFormat, optional
        Each tile has the code that stands for zero, too, and its scale is its range divided by that
        of the element: the format is affine. The element is an integer format then.
    offset : FloatFormat, optional
        Each tile has a number that is added to the product of element and scale, its smallest one;
        and its scale is its range divided by that of the element. The element is an integer format
        whose lowest value is 0.

    Raises
    ------
    TypeError, ValueError
        For parameters of other types, and for those that make no sense together.

    Examples
    --------
    >>> import numformats as nf
    >>> mine = nf.ScaledFormat("mine", nf.float4_e2m1fn, nf.float16, nf.PerBlock(16))
    >>> nf.quantize([0.5, -1.0, 3.0], mine).dequantize()
    array([ 0.5, -1. ,  3. ], dtype=float32)

    Notes
    -----
    Source for the words: OCP Microscaling Formats (MX) v1.0, clause 5; ONNX `QuantizeLinear`.
    """

    name: str
    element: Format
    scale: Format | ScaledFormat
    granularity: Granularity = field(default_factory=PerTensor)
    scale_rule: str | ScaleRule = "absmax"
    zero_point: IntFormat | None = None
    offset: FloatFormat | None = None

    def __post_init__(self) -> None:
        require_format(self.element)
        object.__setattr__(self, "scale_rule", get_rule(self.scale_rule))
        inner = self.scale.scale if isinstance(self.scale, ScaledFormat) else self.scale
        if isinstance(inner, ScaledFormat):
            raise ValueError(f"scale: {self.scale.name} is scaled twice; one level more is enough")
        for fmt in (inner, self.scale_element):
            if not isinstance(fmt, FloatFormat):
                raise TypeError(f"scale: expected a float format, got {fmt!r}")
        if self.zero_point is not None:
            self._require_affine(self.zero_point)
        if self.offset is not None:
            self._require_offset(self.offset)
        if self.rule.target == "lowest" and not self.scale_element.signed:
            raise ValueError(f"scale_rule: {self.scale_element.name} has no negative scales")

    def _require_affine(self, zero_point: IntFormat) -> None:
        if not isinstance(self.element, IntFormat) or not isinstance(zero_point, IntFormat):
            raise TypeError("zero_point: it needs integers, for the element and for itself")
        if zero_point.lowest > self.element.lowest or zero_point.highest < self.element.highest:
            raise ValueError(
                f"zero_point: {zero_point.name} does not hold all of {self.element.name}"
            )
        if isinstance(self.scale, ScaledFormat):
            raise ValueError("zero_point: an affine format has scales of one level")

    def _require_offset(self, offset: FloatFormat) -> None:
        if not isinstance(offset, FloatFormat):
            raise TypeError(f"offset: expected a float format, got {offset!r}")
        if not isinstance(self.element, IntFormat) or self.element.lowest != 0:
            raise TypeError("offset: it needs unsigned integers for elements")
        if self.zero_point is not None or isinstance(self.scale, ScaledFormat):
            raise ValueError("offset: it goes with scales of one level, and no zero point")

    @property
    def rule(self) -> ScaleRule:
        """The scale rule, as an object."""
        return get_rule(self.scale_rule)

    @property
    def is_symmetric(self) -> bool:
        """Whether a number is an element times a scale, and nothing else."""
        return self.zero_point is None and self.offset is None

    @property
    def scale_element(self) -> Format:
        """The format in which each tile's own scale is stored."""
        return self.scale.element if isinstance(self.scale, ScaledFormat) else self.scale

    @property
    def tensor_scale(self) -> Format | None:
        """The format of the scale of the scales, where there are two levels."""
        return self.scale.scale_element if isinstance(self.scale, ScaledFormat) else None

    @property
    def bits(self) -> float:
        """Bits for each number of a large array, with its share of the tile's scale."""
        size = self.granularity.block_size
        if size is None:
            return float(self.element.bits)
        others = sum(fmt.bits for fmt in (self.zero_point, self.offset) if fmt is not None)
        return self.element.bits + (self.scale.bits + others) / size

    def bits_of(self, shape: tuple[int, ...], axis: int | None = None) -> float:
        """Bits stored for each value of an array of a shape, with all scales; NaN if it is empty.

        `axis` is that of blocks or channels, as for `quantize`.

        >>> import numformats as nf
        >>> nf.get_scaled_format("nvfp4").bits_of((16, 16))
        4.625
        """
        shape = shape or (1,)
        size = math.prod(shape)
        if not size:
            return math.nan
        grid = grid_shape(shape, self.granularity.tile(len(shape), axis))
        each = sum(fmt.bits for fmt in (self.zero_point, self.offset) if fmt is not None)
        bits = size * self.element.bits + math.prod(grid) * (self.scale_element.bits + each)
        if isinstance(self.scale, ScaledFormat) and self.tensor_scale is not None:
            outer = grid_shape(grid, self.scale.granularity.tile(len(grid), None))
            bits += math.prod(outer) * self.tensor_scale.bits
        return bits / size
