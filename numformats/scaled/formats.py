"""Scaled formats: elements and the scales that they share, described as data."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Any, cast

from numformats.checks import require_name
from numformats.formats.floating import FloatFormat
from numformats.formats.format import Format, html_table
from numformats.formats.integers import IntFormat
from numformats.scaled.describing import in_one_line, rows
from numformats.scaled.granularity import Granularity, PerBlock, PerTensor, Tile
from numformats.scaled.layout import MICRO_EXPONENTS, layout_of, read_shape
from numformats.scaled.rules import ScaleRule, get_rule, target_of
from numformats.system import NumberSystem, require_system


@dataclass(frozen=True, repr=False)
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
        of the tiles, and which has scales for them: two levels. Blocks of scales are consecutive
        ones in C order, from one row of tiles to the next. They go by a largest magnitude, or a
        percentile of them.
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
    scale_mean : FloatFormat, optional
        The mean of all scales is subtracted from them before they are scaled in turn, and added
        afterwards: one number in this format, which the sums are rounded to. There are two levels
        then, and the scales may be stored in a codebook.
    micro_exponents : tuple of int, optional
        How many consecutive numbers of a block share a bit that doubles their scale: one or two
        levels, the wider one first. Each is a part of what is before it: of the block, or of the
        wider level. The scale is chosen with all doublings in mind, and each bit is set where the
        largest magnitude would reach twice the element's largest power of two without it.

    Raises
    ------
    TypeError, ValueError
        For parameters of other types, and for those that make no sense together.

    Examples
    --------
    >>> import numformats as nf
    >>> mine = nf.ScaledFormat("mine", nf.float4_e2m1fn, nf.float16, nf.PerBlock(16))
    >>> mine
    <ScaledFormat mine: float4_e2m1fn, a float16 scale per block of 16, 5 bits>
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
    scale_mean: FloatFormat | None = None
    micro_exponents: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        require_name(self.name)
        require_system(self.element)
        if not isinstance(self.granularity, Granularity):
            raise TypeError(
                f"granularity: expected PerTensor, PerChannel, PerBlock or PerTile, got "
                f"{self.granularity!r}"
            )
        object.__setattr__(self, "scale_rule", get_rule(self.scale_rule))
        if self.scaled_scale is not None:
            if self.scaled_scale.scaled_scale is not None:
                raise ValueError(
                    f"scale: {self.scaled_scale.name} is scaled twice; one level more is enough"
                )
            self._require_scale(self.scaled_scale.scale_element)
        self._require_scale(self.scale_element)
        if self.scale_mean is not None:
            self._require_scale_mean(self.scale_mean)
        if self.zero_point is not None:
            self._require_affine(self.zero_point)
        if self.offset is not None:
            self._require_offset(self.offset)
        if self.micro_exponents:
            self._require_micro_exponents()
        if self.scaled_scale is not None:
            _require_rule_of_scales(self.scaled_scale.rule)
            _require_products(self.element, self.scale_element, self.scaled_scale.scale_element)
        self.require_rule(self.rule)

    def _require_scale(self, fmt: object) -> None:
        is_codebook = fmt is self.scale_element and self.scale_mean is not None
        if not _is_floating(fmt) and not (is_codebook and _is_codebook(fmt)):
            raise TypeError(f"scale: expected a float format, got {fmt!r}")

    def _require_scale_mean(self, mean: FloatFormat) -> None:
        if not _is_floating(mean):
            raise TypeError(f"scale_mean: expected a float format, got {mean!r}")
        if self.scaled_scale is None or not self.scale_element.signed:
            raise ValueError("scale_mean: it needs scales of two levels, and signed ones")
        rule = self.scaled_scale.rule
        if not rule.goes_by_magnitude or rule.largest is not None:
            raise ValueError("scale_mean: the scales are scaled by their distance from it")

    def _require_affine(self, zero_point: IntFormat) -> None:
        if not _is_integer(self.element) or not _is_integer(zero_point):
            raise TypeError("zero_point: it needs integers, for the element and for itself")
        if zero_point.lowest > self.element.lowest or zero_point.highest < self.element.highest:
            raise ValueError(
                f"zero_point: {zero_point.name} does not hold all of {self.element.name}"
            )
        if self.scaled_scale is not None:
            raise ValueError("zero_point: an affine format has scales of one level")

    def _require_offset(self, offset: FloatFormat) -> None:
        if not _is_floating(offset):
            raise TypeError(f"offset: expected a float format, got {offset!r}")
        if not _is_integer(self.element) or self.element.lowest != 0:
            raise TypeError("offset: it needs unsigned integers for elements")
        if self.zero_point is not None or self.scaled_scale is not None:
            raise ValueError("offset: it goes with scales of one level, and no zero point")

    def _require_micro_exponents(self) -> None:
        sizes, block = self.micro_exponents, self.granularity.block_size
        if not isinstance(sizes, tuple) or not all(type(size) is int for size in sizes):
            raise TypeError(f"micro_exponents: expected a tuple of int, got {sizes!r}")
        if not isinstance(self.granularity, PerBlock) or not self.is_symmetric:
            raise ValueError("micro_exponents: they are for blocks, without zero point or offset")
        if self.scaled_scale is not None:
            raise ValueError("micro_exponents: they go with scales of one level")
        is_nested = all(
            1 < part < whole and whole % part == 0 for whole, part in pairwise((block or 0, *sizes))
        )
        if len(sizes) > len(MICRO_EXPONENTS) or not is_nested:
            raise ValueError(
                f"micro_exponents: {sizes}; expected one or two, each a part of what is before it, "
                f"and the first of {block}"
            )

    def require_rule(self, rule: ScaleRule) -> None:
        """ValueError for a rule by which the scales of this format cannot be chosen."""
        if rule.target == "lowest" and not self.has_signed_scales:
            raise ValueError(f"scale_rule: {self.name} has no negative scales")
        if self.is_symmetric and self.target(rule) <= 0:
            raise ValueError(
                f"scale_rule: {self.element.name} goes from {self.element.min} to "
                f"{self.element.max}, and the largest magnitude cannot become {self.target(rule)}"
            )
        if rule.search and self.scale_mean is not None:
            raise ValueError(
                f"scale_rule: a search takes each tile by itself, and the scales of {self.name} "
                "depend on the mean of all"
            )
        if rule.percentile < 50 and not self.is_symmetric:
            raise ValueError(
                f"scale_rule: percentile: {rule.percentile}; below 50 there is no range"
            )
        is_of_magnitudes = rule.target != "max" or rule.rounds_first or rule.largest is not None
        if is_of_magnitudes and not self.is_symmetric:
            raise ValueError(
                f"scale_rule: the scales of {self.name} do not go by a largest magnitude, but by "
                "the range of a tile, which absmax, absmax_up, absmax_down, percentile and mse do"
            )

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        # Kept, since what is made for a format is found by it at each call.
        return hash(tuple(getattr(self, one.name) for one in fields(self)))

    def __getstate__(self) -> dict[str, Any]:
        # The fields alone: in another process the hash is another.
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @cached_property
    def rule(self) -> ScaleRule:
        """The scale rule, as an object."""
        return get_rule(self.scale_rule)

    @cached_property
    def scaled_scale(self) -> ScaledFormat | None:
        """The scaled format of the scales, where there are two levels."""
        return self.scale if isinstance(self.scale, ScaledFormat) else None

    def target(self, rule: ScaleRule) -> Fraction:
        """How many scales a rule has the largest magnitude of a tile become: elements, doubled as
        often as can be.
        """
        return target_of(self.element, rule) * 2 ** len(self.micro_exponents)

    @property
    def is_symmetric(self) -> bool:
        """Whether a number is an element times a scale, and nothing else."""
        return self.zero_point is None and self.offset is None

    @property
    def has_signed_scales(self) -> bool:
        """Whether a tile may be given a negative scale."""
        return self.scale_element.signed and self.scale_mean is None

    @cached_property
    def scale_element(self) -> Format:
        """The format in which each tile's own scale is stored."""
        inner = self.scaled_scale
        return cast(Format, self.scale) if inner is None else inner.element

    @property
    def tensor_scale(self) -> Format | None:
        """The format of the scale of the scales, where there are two levels."""
        return None if self.scaled_scale is None else self.scaled_scale.scale_element

    def tiling_of_scales(self, grid: tuple[int, ...]) -> tuple[tuple[int, ...], Tile]:
        """The shape that the grid of tiles has for the scales of scales, and their tile in it.

        ValueError if the scales have no scale.
        """
        if self.scaled_scale is None:
            raise ValueError(f"scale: those of {self.name} have no scale")
        granularity = self.scaled_scale.granularity
        # Rows of tiles are short, and blocks in each would be cut off.
        shape = (math.prod(grid),) if isinstance(granularity, PerBlock) else grid
        return shape, granularity.tile(len(shape), None)

    @property
    def bits(self) -> float:
        """Bits for each number of a large array, with its share of the tile's scale."""
        size = self.granularity.block_size
        if size is None:
            return float(self.element.bits)
        others = sum(fmt.bits for fmt in (self.zero_point, self.offset) if fmt is not None)
        micro = sum(1 / own for own in self.micro_exponents)
        return self.element.bits + (self.scale.bits + others) / size + micro

    def bits_of(self, shape: tuple[int, ...], axis: int | None = None) -> float:
        """Bits stored for each value of an array of a shape, with all scales; NaN if it is empty.

        `axis` is that of blocks or channels, as for `quantize`.

        >>> import numformats as nf
        >>> nf.get_scaled_format("nvfp4").bits_of((16, 16))
        4.625
        """
        shape = read_shape(shape)
        size = math.prod(shape)
        bits = sum(fmt.bits * math.prod(own) for fmt, own in layout_of(self, shape, axis).values())
        return bits / size if size else math.nan

    def stored_parts(
        self, shape: tuple[int, ...], axis: int | None = None
    ) -> dict[str, tuple[Format, tuple[int, ...]]]:
        """What an array of a shape is stored in: the format and the shape of each part, by its name
        in `ScaledArray`.

        `axis` is that of blocks or channels, as for `quantize`. Scales have no axis for one that a
        tile spans.

        >>> import numformats as nf
        >>> for name, (fmt, shape) in nf.get_scaled_format("nvfp4").stored_parts((4, 40)).items():
        ...     print(name, fmt.name, shape)
        codes float4_e2m1fn (4, 40)
        scales float8_e4m3fn (4, 3)
        tensor_scales float32 ()
        """
        return dict(layout_of(self, read_shape(shape), axis))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {in_one_line(self)}>"

    def _repr_html_(self) -> str:
        """The same for a notebook, as a small table."""
        return html_table(type(self).__name__, self.name, rows(self))


def _is_floating(fmt: object) -> bool:
    lattice = fmt.lattice if isinstance(fmt, NumberSystem) else None
    return lattice is not None and lattice.floating


def _is_integer(fmt: object) -> bool:
    lattice = fmt.lattice if isinstance(fmt, NumberSystem) else None
    return lattice is not None and lattice.complement and lattice.lowest_quantum == 0


def _is_codebook(fmt: object) -> bool:
    return isinstance(fmt, NumberSystem) and fmt.lattice is None


def _require_products(element: Format, scale: Format, own: Format) -> None:
    """Refuse scales whose products with their own scales float64 does not reach, and those whose
    largest one it does not reach times the largest element: the largest number is divided by that.
    Largest magnitudes are divided by a scale's own scale times the largest element.
    """
    least = scale.smallest_positive_exact * own.smallest_positive_exact
    of_ends = element.highest * scale.highest
    of_divisors = element.highest * own.smallest_positive_exact
    for names, low, high in (
        (f"{scale.name} and {own.name}", least, scale.highest * own.highest),
        (f"{element.name} and {scale.name}", of_ends, of_ends),
        (f"{element.name} and {own.name}", of_divisors, of_divisors),
    ):
        if 0 < low < Fraction(1, 2**1022) or high >= 2**1024:
            raise ValueError(
                f"scale: products of {names} are out of the range of float64, 2**-1022 to 2**1024"
            )


def _require_rule_of_scales(rule: ScaleRule) -> None:
    if rule.target == "lowest" or rule.rounds_first or rule.search:
        raise ValueError(
            "scale: scales are scaled by their largest magnitude or a percentile; 'lowest', "
            "rounds_first and search are for the rule of the elements"
        )
