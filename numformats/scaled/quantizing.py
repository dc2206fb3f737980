"""`quantize`: an array as elements and scales."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numformats.codec.arguments import is_float, read_real, refuse_where
from numformats.codec.random_bits import RandomSource, key_of
from numformats.codec.values import require_dtype
from numformats.formats.format import Format
from numformats.modes import Stochastic, parse_rounding, parse_saturation, random_bit_count
from numformats.scaled.arrays import ScaledArray
from numformats.scaled.catalogue import with_scales
from numformats.scaled.conventions import parse_convention, quantize_as
from numformats.scaled.elements import Projection
from numformats.scaled.encoding import encode_elements
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.fused import can_quantize, quantize_runs
from numformats.scaled.granularity import Tile, normalized
from numformats.scaled.rules import ScaleRule, get_rule
from numformats.scaled.scales import Scales, choose_scales
from numformats.scaled.searching import best_scales

Array = NDArray[Any]


def quantize(
    x: ArrayLike,
    fmt: str | ScaledFormat | Format,
    axis: int | None = None,
    scale_rule: str | ScaleRule | None = None,
    rounding: str | Stochastic = "nearest_even",
    saturation: str = "finite",
    rng: RandomSource = None,
    convention: str = "ocp",
) -> ScaledArray:
    """An array as elements and the scales that they share.

    Parameters
    ----------
    x : array_like of real numbers
        Any dtype that `numformats.codec.encode` takes (integers up to 2**53), any shape and layout.
    fmt : str, ScaledFormat or Format
        A scaled format or the name of one; an element format, or the name of one, stands for one
        float32 scale for all of `x`.
    axis : int, optional
        The axis that blocks run along, by default the last; that of the channels, by default the
        first. The last block may be shorter than the others.
    scale_rule : str or ScaleRule, optional
        How each scale is chosen, by default as the format says; see ``numformats.scaled.RULES``.
    rounding, saturation, rng
        How the quotients of values and scales are projected onto the element format, as for
        `numformats.codec.encode`.
    convention : {"ocp", "torchao", "gguf", "bitsandbytes", "torch", "ml_dtypes", "cuda", "onnx"}
        Whose bits: the exact rule's, or another library's, which rounds on the way and treats the
        ends of the range, NaN and infinity in its own manner. "torchao" (0.18) is for the MX
        formats, and NVFP4 with and without tensor scale; "gguf" (0.19) for q8_0, q4_0 and q4_1;
        "bitsandbytes" (0.50) for nf4 and fp4_bnb, with and without double quantization. The others
        have casts alone: the rule's scales, quotients in float32, then that cast
        (`numformats.cast`). Affine formats with float32 scales are those of ONNX's
        `DynamicQuantizeLinear` under "onnx". Each library has its own rounding
        and saturation, so that those of the call have to be the defaults.

    Returns
    -------
    ScaledArray
        Codes in the shape of `x`, one scale for each tile.

    Raises
    ------
    TypeError, ValueError
        For values that are not real numbers, or integers beyond 2**53; an unknown format, rule or
        mode; a rule, rounding or saturation that is not for the format or the convention; an axis
        that is not there; NaN, where the scale has no code for it.

    Notes
    -----
    Each quotient is exact until it is rounded once. A tile with NaN gets a scale that is NaN, so
    that all of it is NaN; infinity does not count for the scale, and is projected by itself. The
    scale of a tile of zeros is 1, or the smallest there is if the scale format has no zero; one
    that would round to zero is the smallest positive one; one too large is the largest. A scale
    that is stored as a distance from the mean may be zero, and what is divided by it becomes zero.

    Source: OCP Microscaling Formats (MX) v1.0, clause 6.3, for the MX formats.

    Examples
    --------
    >>> import numformats as nf
    >>> q = nf.quantize([0.1, -0.5, 3.0, 24.0], "mxfp4")
    >>> q.codes, q.scales
    (array([0, 8, 2, 7], dtype=uint8), array([129], dtype=uint8))
    >>> q.dequantize()
    array([ 0., -0.,  4., 24.], dtype=float32)
    """
    array = _read(x)
    scaled = with_scales(fmt)
    rule = scaled.rule
    if scale_rule is not None:
        rule = get_rule(scale_rule)
        scaled.require_rule(rule)
    mode, saturation_mode = parse_rounding(rounding), parse_saturation(saturation)
    if saturation_mode == "wrap" and scaled.zero_point is not None:
        raise ValueError(
            f"saturation: 'wrap'; {scaled.name} clips what its zero point has been added to, as "
            "'finite' says"
        )
    require_dtype(scaled.element, np.dtype(np.float64))
    shape = array.shape
    array = array.reshape(1) if array.ndim == 0 else array
    along = None if axis is None else normalized(axis, array.ndim)
    tile = scaled.granularity.tile(array.ndim, along)
    key = key_of(rng) if random_bit_count(mode) else None
    if rule.largest is not None:
        _require_known(array, scaled)
    else:
        _require_nan(array, scaled)
    if parse_convention(convention) != "ocp":
        if (mode, saturation_mode) != ("nearest_even", "finite"):
            raise ValueError(f"convention: {convention} has its own rounding and saturation")
        codes, scales = quantize_as(convention, array, scaled, rule, tile, along)
        return ScaledArray.from_grid(codes.reshape(shape), scales, scaled, along)
    how = Projection(mode, saturation_mode, key)
    known = _chosen_first(array, scaled, rule, tile, how)
    if can_quantize(array, scaled, rule, tile, how):
        codes, scales = quantize_runs(array, scaled, rule, tile, how, known)
    else:
        scales = known or choose_scales(array, scaled, rule, tile)
        codes = encode_elements(array, scaled, scales, tile, how)
    return ScaledArray.from_grid(codes.reshape(shape), scales, scaled, along)


def _chosen_first(
    x: Array, fmt: ScaledFormat, rule: ScaleRule, tile: Tile, how: Projection
) -> Scales | None:
    """The scales of rules that take more than one look at the numbers of a tile."""
    if rule.search:
        return best_scales(x, fmt, rule, tile, how)
    return choose_scales(x, fmt, rule, tile) if rule.percentile < 100 else None


def _require_nan(x: Array, fmt: ScaledFormat) -> None:
    """Refuse NaN where a scale cannot be NaN, which says that its tile has it."""
    scale = fmt.scale_mean or fmt.scale_element
    holders = (scale, fmt.tensor_scale or scale, fmt.offset or scale)
    if is_float(x.dtype) and not all(holder.has_nan for holder in holders):
        refuse_where("x", x, np.isnan, "NaN", f"the scales of {fmt.name} have no code for it")


def _require_known(x: Array, fmt: ScaledFormat) -> None:
    """Refuse what a largest magnitude that is known beforehand does not fit."""
    if not fmt.element.has_nan and is_float(x.dtype):
        # The scale of its tile, which stands for it elsewhere, says nothing of it here.
        refuse_where("x", x, np.isnan, "NaN", f"{fmt.element.name} has no code for it")


def _read(x: ArrayLike) -> Array:
    array = read_real("x", x)
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8:
        refuse_where(
            "x",
            array,
            lambda n: (n > 2**53) | (n < -(2**53)) if n.dtype.kind == "i" else n > 2**53,
            "beyond 2**53",
            "round it to float64 first, with astype",
        )
    return array
