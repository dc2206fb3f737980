"""`quantize`: an array as elements and scales."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numformats.codec.arguments import read_real, refuse_where
from numformats.codec.backends import compiled_path
from numformats.codec.random_bits import RandomSource, key_of
from numformats.formats.format import Format
from numformats.modes import Stochastic, parse_modes, random_bit_count
from numformats.scaled.array import ScaledArray
from numformats.scaled.catalogue import with_scales
from numformats.scaled.conventions import parse_convention, quantize_as
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.granularity import normalized
from numformats.scaled.plan import QuantizationPlan, plan_quantization
from numformats.scaled.rules import ScaleRule, get_rule
from numformats.scaled.scale_choice import choose_scales
from numformats.scaled.scales import Scales
from numformats.scaled.search import best_scales
from numformats.scaled.statistics import TileStatistics
from numformats.scaled.tile_quantization import encode_tiles

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
    modes = parse_modes(rounding, saturation, "raise")
    if modes.saturation == "wrap" and scaled.zero_point is not None:
        raise ValueError(
            f"saturation: 'wrap'; {scaled.name} clips what its zero point has been added to, as "
            "'finite' says"
        )
    numbers = array.reshape(array.shape or (1,))
    along = None if axis is None else normalized(axis, numbers.ndim)
    is_random = random_bit_count(modes.rounding) > 0
    plan = plan_quantization(
        numbers.shape,
        array.dtype,
        scaled,
        rule,
        modes,
        along,
        is_random=is_random,
        calls=compiled_path(array.size),
    )
    key = key_of(rng) if is_random else None
    if plan.nan_refusal is not None:
        refuse_where("x", array, np.isnan, "NaN", plan.nan_refusal)
    if plan.infinity_refusal is not None:
        refuse_where("x", array, np.isinf, "infinite", plan.infinity_refusal)
    if parse_convention(convention) != "ocp":
        if (modes.rounding, modes.saturation) != ("nearest_even", "finite"):
            raise ValueError(f"convention: {convention} has its own rounding and saturation")
        codes, scales = quantize_as(convention, numbers, scaled, rule, plan.tile, along)
    else:
        codes, scales = _quantize(numbers, scaled, rule, plan, key)
    return ScaledArray.from_grid(codes.reshape(array.shape), scales, scaled, along)


def _quantize(
    x: Array, fmt: ScaledFormat, rule: ScaleRule, plan: QuantizationPlan, key: int | None
) -> tuple[Array, Scales]:
    """The codes and the scales of an array, the way that the plan says."""
    known = _chosen_first(x, fmt, rule, plan, key)
    if plan.kernel is not None:
        # What imports Numba is loaded where it is to be used.
        from numformats.scaled.block_quantization import quantize_blocks

        return quantize_blocks(x, fmt, rule, plan, key, known)
    scales = known or choose_scales(TileStatistics(x, plan.tile), fmt, rule)
    return encode_tiles(x, fmt, scales, plan, key), scales


def _chosen_first(
    x: Array, fmt: ScaledFormat, rule: ScaleRule, plan: QuantizationPlan, key: int | None
) -> Scales | None:
    """The scales of rules that take more than one look at the numbers of a tile."""
    if rule.search:
        if key is not None:
            raise ValueError("scale_rule: a search is for deterministic rounding modes")
        if plan.searches_blocks:
            from numformats.scaled.block_search import best_scales_of_blocks

            return best_scales_of_blocks(x, fmt, rule, plan)
        return best_scales(x, fmt, rule, plan)
    if rule.percentile < 100:
        return choose_scales(TileStatistics(x, plan.tile, rule.percentile), fmt, rule)
    return None


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
