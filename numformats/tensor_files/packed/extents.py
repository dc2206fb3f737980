"""How large a weight is, and how wide its codes are, told by the shapes of what is stored."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from numformats.codec.layouts import LAYOUTS
from numformats.tensor_files.packed.parts import Parts
from numformats.tensor_files.raw import RefusedError

_WORD_BITS: Final = 32


@dataclass(frozen=True)
class Extent:
    """A weight's shape, the width of its codes, and how they are packed.

    matrix: rows and columns of the codes as scales go over them; that of the shape, but for scales
        that know no rows.
    layout: of `numformats.pack`.
    """

    shape: tuple[int, ...]
    matrix: tuple[int, int]
    bits: int
    layout: str


def as_matrix(shape: tuple[int, ...]) -> tuple[int, int]:
    """The rows and columns of a weight: its last axis, and all others together."""
    return math.prod(shape[:-1]), shape[-1] if shape else 1


def elements(parts: Parts) -> Extent:
    """One code in each element, of 8 bits."""
    shape = parts.shape("codes")
    return Extent(shape, as_matrix(shape), 8, "dense")


def groups(parts: Parts, *, size: int, bits: int) -> Extent:
    """Bytes of codes along the last axis, with a scale for so many of them."""
    stored, scales = parts.shape("codes"), parts.shape("scale")
    if len(stored) != len(scales) or not stored or 8 * stored[-1] != scales[-1] * size * bits:
        raise parts.misfit("codes", f"codes of {bits} bits for scales of shape {scales}")
    shape = (*stored[:-1], scales[-1] * size)
    return Extent(shape, as_matrix(shape), bits, "dense")


def groups_apart(parts: Parts) -> Extent:
    """gpt-oss: the bytes of each scale along an axis of their own."""
    stored = parts.shape("codes")
    if len(stored) < 2 or stored[:-1] != parts.shape("scale"):
        raise parts.misfit("codes", f"some bytes for each scale of {parts.shape('scale')}")
    shape = (*stored[:-2], stored[-2] * stored[-1] * 2)
    return Extent(shape, as_matrix(shape), 4, "dense")


def pairs_of_outputs(parts: Parts) -> Extent:
    """ModelOpt's INT4: two rows in each byte."""
    stored = parts.shape("codes")
    if len(stored) < 2:
        raise parts.misfit("codes", "two dimensions or more")
    shape = (*stored[:-2], 2 * stored[-2], stored[-1])
    if parts.shape("scale")[:-1] != shape[:-1]:
        raise parts.misfit("scale", f"scales in rows, for a weight of shape {shape}")
    return Extent(shape, as_matrix(shape), 4, "dense")


def words_along_inputs(parts: Parts) -> Extent:
    """GPTQ: words of (inputs, outputs), packed along the inputs."""
    bits, outputs = _width_by_zeros(parts, "gptq")
    words, columns = parts.shape("codes")
    if columns != outputs or words * _WORD_BITS % bits:
        raise parts.misfit("codes", f"words of {bits}-bit codes for {outputs} outputs")
    shape = outputs, words * _WORD_BITS // bits
    return Extent(shape, shape, bits, "gptq")


def words_along_outputs(parts: Parts) -> Extent:
    """AWQ: words of (inputs, outputs), packed along the outputs."""
    bits, outputs = _width_by_zeros(parts, "awq")
    inputs, words = parts.shape("codes")
    if words * _WORD_BITS != outputs * bits:
        raise parts.misfit("codes", f"words of {bits}-bit codes for {outputs} outputs")
    shape = outputs, inputs
    return Extent(shape, shape, bits, "awq")


def _width_by_zeros(parts: Parts, layout: str) -> tuple[int, int]:
    """The width of codes and the number of outputs: there is one zero point for each scale."""
    for role in ("codes", "scale", "zero"):
        if len(parts.shape(role)) != 2:
            raise parts.misfit(role, "two dimensions")
    (groups, outputs), zeros = parts.shape("scale"), parts.shape("zero")
    bits, rest = divmod(zeros[1] * _WORD_BITS, outputs) if outputs else (0, 0)
    if zeros[0] != groups or rest:
        raise parts.misfit("zero", f"the zero points of {groups} x {outputs} scales")
    if bits not in LAYOUTS[layout].widths:
        raise parts.misfit("zero", f"codes of {LAYOUTS[layout].widths} bits, not of {bits}")
    return bits, outputs


def words_of_told_shape(parts: Parts) -> Extent:
    """compressed-tensors: words along the last axis, and the shape in a tensor of its own."""
    told, stored = parts.read_small("shape"), parts.shape("codes")
    if told.dtype.kind not in "iu" or told.size != len(stored) or not stored:
        name = parts.tensors["shape"].name
        raise RefusedError(f"{name} holds no shape of {len(stored)} dimensions; save it again")
    shape = tuple(int(length) for length in told)
    if min(shape) < 1 or stored[:-1] != shape[:-1]:
        raise parts.misfit("codes", f"words of a weight of shape {shape}")
    layout, bits = _layout_and_width(parts, shape[-1], stored[-1])
    return Extent(shape, as_matrix(shape), bits, layout)


def _layout_and_width(parts: Parts, columns: int, words: int) -> tuple[str, int]:
    """How codes lie in the words of a row, by the number of both; and the width as configured."""
    configured = parts.config.bits
    widths = LAYOUTS["compressed_tensors"].widths
    dense = [bits for bits in widths if -(-(columns * bits) // _WORD_BITS) == words]
    if configured is None:
        if len(dense) != 1:
            raise RefusedError(
                f"{words} words for {columns} columns tell no width of codes; put its config.json, "
                "with num_bits, beside it"
            )
        return "compressed_tensors", dense[0]
    aligned = configured in widths and -(-columns // (_WORD_BITS // configured)) == words
    if aligned and configured in dense and _WORD_BITS % configured and words > 1:
        raise RefusedError(
            f"{words} words for {columns} columns of {configured} bits are either of two layouts; "
            "save it in the layout of a present compressed-tensors with 32 columns or more"
        )
    if configured in dense:
        return "compressed_tensors", configured
    if aligned:
        return "compressed_tensors_aligned", configured
    raise parts.misfit("codes", f"words for {columns} columns of {configured} bits")
