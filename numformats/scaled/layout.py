"""What an array of a scaled format consists of: the format and the shape of each of its parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from operator import index
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from numformats.formats.format import Format
from numformats.formats.integers import IntFormat
from numformats.scaled.tiling import grid_shape, micro_tile, scale_shape

if TYPE_CHECKING:
    from numformats.scaled.formats import ScaledFormat

# The format and the shape of each part of an array, by its name in `ScaledArray`.
Layout: TypeAlias = Mapping[str, tuple[Format, tuple[int, ...]]]

# What the micro-exponents of each level are called in `ScaledArray`, the wider level first; and
# what each of them is stored in.
MICRO_EXPONENTS: Final = ("micro_exponents", "inner_micro_exponents")
_BIT: Final = IntFormat("uint1", 1, signed=False)


def read_shape(shape: Iterable[int]) -> tuple[int, ...]:
    """The lengths of axes as Python's integers; TypeError for what are none.

    What is kept for a shape would be found again by numbers that equal them.
    """
    try:
        return tuple(map(index, shape))
    except TypeError as error:
        raise TypeError(f"shape: {shape!r}; {error}") from None


# Kept for small arrays, for which it takes long; by types, too, since an axis of 1 equals one of
# True, which is none.
@lru_cache(maxsize=512, typed=True)
def layout_of(fmt: ScaledFormat, shape: tuple[int, ...], axis: int | None) -> Layout:
    """`ScaledFormat.stored_parts`, not to be changed."""
    full = shape or (1,)
    tile = fmt.granularity.tile(len(full), axis)
    own = scale_shape(full, tile)
    of_tensor: tuple[int, ...] = ()
    if fmt.tensor_scale is not None:
        of_tensor = scale_shape(*fmt.tiling_of_scales(grid_shape(full, tile)))
    parts: dict[str, tuple[Format | None, tuple[int, ...]]] = {
        "codes": (fmt.element, shape),
        "scales": (fmt.scale_element, own),
        "zero_points": (fmt.zero_point, own),
        "tensor_scales": (fmt.tensor_scale, of_tensor),
        "offsets": (fmt.offset, own),
        "scale_mean": (fmt.scale_mean, ()),
    }
    for name, size in zip(MICRO_EXPONENTS, fmt.micro_exponents, strict=False):
        parts[name] = (_BIT, scale_shape(full, micro_tile(tile, size)))
    return MappingProxyType(
        {name: (part, own) for name, (part, own) in parts.items() if part is not None}
    )
