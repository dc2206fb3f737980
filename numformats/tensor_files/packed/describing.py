"""Find what a packed weight is from its scheme and parts, refusing what does not fit."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from numformats.tensor_files.packed.extents import Extent, as_matrix
from numformats.tensor_files.packed.parts import Parts, Role
from numformats.tensor_files.packed.scale_grid import ScaleGrid, scale_grid
from numformats.tensor_files.packed.schemes import Scheme
from numformats.tensor_files.packed.weights import PackedWeight
from numformats.tensor_files.raw import RefusedError


def describe(scheme: Scheme, parts: Parts) -> PackedWeight:
    """The weight that parts stand for by a scheme; `RefusedError` where they do not fit together.

    No data is read but that of the short tensors which tell a shape.
    """
    if parts.config.fault is not None:
        raise RefusedError(f"{parts.config.fault}; mend or remove it")
    lacking = [scheme.parts[role] for role in scheme.needed if role not in parts]
    if lacking:
        raise RefusedError(
            f"{scheme.name} weight without its {', '.join(lacking)}; name the folder with all "
            "files, or fetch it again"
        )
    for tensor in parts.tensors.values():
        if isinstance(tensor.source, Exception):
            raise RefusedError(f"{tensor.name}: {tensor.source}")
    _require_dtype(parts, "scale", scheme.scale_dtypes)
    extent = scheme.extent(parts)
    grid = _grid(scheme, parts, extent)
    _check_zeros(scheme, parts, extent)
    _check_group_index(parts, extent)
    _check_second_scale(parts, extent)
    element = scheme.element.format(bits=extent.bits, dtype=parts.dtype("codes"))
    return PackedWeight(scheme, parts, extent, grid, element, _added_to_zero(scheme, parts))


def stored_as(weight: PackedWeight) -> str:
    """A few words on a weight: whose packing, the format of the codes, what shares a scale."""
    grid, columns = weight.grid, as_matrix(weight.extent.shape)[1]
    if grid.rows == 1:
        granularity = "channel" if grid.columns == columns else f"g{grid.columns}"
    elif grid.rows >= grid.matrix_rows and grid.columns >= columns:
        granularity = "tensor"
    else:
        granularity = f"block {grid.rows}x{grid.columns}"
    return f"{weight.scheme.name} {weight.element} {granularity}"


def _grid(scheme: Scheme, parts: Parts, extent: Extent) -> ScaleGrid:
    rows, columns = extent.matrix
    if scheme.read_scales is not None:
        return ScaleGrid(1, rows, 1, max(columns, 1))
    shape = parts.shape("scale")
    if scheme.is_transposed:
        shape = shape[::-1]
    if "group_index" in parts and len(shape) == 2 and shape[0] == rows and shape[1]:
        return ScaleGrid(1, rows, 1, -(-columns // shape[1]))
    return scale_grid(extent.shape, shape, parts.config)


def _require_dtype(parts: Parts, role: Role, accepted: Iterable[str]) -> None:
    names = tuple(accepted)
    if parts.dtype(role) not in names:
        raise RefusedError(
            f"{parts.tensors[role].name} is {parts.dtype(role)}; expected {' or '.join(names)}"
        )


def _check_zeros(scheme: Scheme, parts: Parts, extent: Extent) -> None:
    """There is a zero point for each scale; those of words lie along one axis."""
    if "zero" not in parts:
        return
    _require_dtype(parts, "zero", scheme.zero_dtypes)
    needed = list(parts.shape("scale"))
    if scheme.zero_axis is not None and "32" in parts.dtype("zero"):
        if len(needed) < 2:
            raise parts.misfit("scale", "two dimensions, as it has packed zero points")
        length = needed[scheme.zero_axis]
        each = 32 // extent.bits
        crosses = extent.layout != "compressed_tensors_aligned"
        words = -(-(length * extent.bits) // 32) if crosses else -(-length // each)
        needed[scheme.zero_axis] = words
    if parts.shape("zero") != tuple(needed):
        raise parts.misfit("zero", f"{tuple(needed)}")


def _check_group_index(parts: Parts, extent: Extent) -> None:
    if "group_index" not in parts:
        return
    if parts.shape("group_index") != (extent.matrix[1],):
        raise parts.misfit("group_index", f"({extent.matrix[1]},)")
    _require_dtype(parts, "group_index", ("int32", "int64"))


def _check_second_scale(parts: Parts, extent: Extent) -> None:
    """One for all, or one for each matrix of a stack of them."""
    if "second_scale" not in parts:
        return
    _require_dtype(parts, "second_scale", ("float32",))
    count = math.prod(parts.shape("second_scale"))
    if count not in (1, math.prod(extent.shape[:-2])):
        raise parts.misfit("second_scale", "one number")


def _added_to_zero(scheme: Scheme, parts: Parts) -> Literal[0, 1]:
    """What stored zero points lack in the variant that is configured."""
    config = parts.config
    variant = config.format if config.method in scheme.methods else None
    if scheme.added_to_zero and variant not in scheme.added_to_zero:
        known = ", ".join(word for word in scheme.added_to_zero if word is not None)
        raise RefusedError(f"{scheme.name} in the layout {variant!r}; only {known} is read")
    return scheme.added_to_zero.get(variant, 0)
