"""`quantize`: an array as elements and scales."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numformats.codec.arguments import read_real, refuse_where
from numformats.codec.backends import compiled_path
from numformats.codec.random_bits import RandomSource, key_of
from numformats.formats.format import Format
from numformats.modes import Modes, Stochastic, parse_modes, random_bit_count
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
from numformats.scaled.tile_quantization import quantize_tiles

Array = NDArray[Any]

# The codes and the scales of an array by a plan, with the key of random bits, if there are any, and
# the scales that have been chosen already, if they have.
Way: TypeAlias = Callable[
    [Array, QuantizationPlan, int | None, Scales | None], tuple[Array, Scales]
]

_DEFAULT: Final = Modes(saturation="finite")


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
    convention : str
        Whose bits: "ocp", the exact rule's; or another library's, which rounds on the way and has
        its own manner with the ends of the range, NaN and infinity. "torchao" (0.18) is for the MX
        formats, and NVFP4 with and without tensor scale; "gguf" (0.19) for q8_0, q4_0 and q4_1;
        "bitsandbytes" (0.50) for nf4 and fp4_bnb, with and without double quantization; "hif4", the
        public code of HiFloat4's authors, for hif4. The others, "torch", "ml_dtypes", "cuda" and
        "onnx", have casts alone: the rule's scales, quotients in float32, then that cast
        (`numformats.cast`). Affine formats with float32 scales are those of ONNX's
        `DynamicQuantizeLinear` under "onnx". Each library has its own rounding and saturation, so
        that those of the call have to be the defaults.

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
    Micro-exponents go by exact quotients of largest magnitudes.

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
    array, scaled = _read(x), with_scales(fmt)
    numbers = array.reshape(array.shape or (1,))
    asked = _parsed(
        numbers.shape,
        array.dtype,
        scaled,
        axis,
        scale_rule,
        rounding,
        saturation,
        compiled_path(array.size),
    )
    plan = asked.plan
    key = key_of(rng) if asked.is_random else None
    if plan.nan_refusal is not None:
        refuse_where("x", array, np.isnan, "NaN", plan.nan_refusal)
    if plan.infinity_refusal is not None:
        refuse_where("x", array, np.isinf, "infinite", plan.infinity_refusal)
    if parse_convention(convention) != "ocp":
        if not asked.is_default:
            raise ValueError(f"convention: {convention} has its own rounding and saturation")
        codes, scales = quantize_as(convention, numbers, scaled, plan.rule, plan.tile, asked.axis)
    else:
        known = None if plan.by_absmax else _chosen_first(numbers, plan, key)
        codes, scales = asked.quantize(numbers, plan, key, known)
    return ScaledArray.from_grid(codes.reshape(array.shape), scales, scaled, asked.axis)


class _Asked(NamedTuple):
    """All of a call but the numbers, parsed.

    is_default: whether quotients are projected as they are where nothing is said of it.
    """

    axis: int | None
    is_random: bool
    is_default: bool
    plan: QuantizationPlan
    quantize: Way


def _parsed(*given: Any) -> _Asked:
    try:
        return _parse(*given)
    except TypeError:
        pass
    # What cannot even be hashed says nothing of the argument that it is.
    return _parse.__wrapped__(*given)


# Kept, since parsing takes as long as quantizing some thousand numbers; by types, too, since an
# axis of 1 equals one of True, which is none.
@lru_cache(maxsize=512, typed=True)
def _parse(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    fmt: ScaledFormat,
    axis: int | None,
    scale_rule: str | ScaleRule | None,
    rounding: str | Stochastic,
    saturation: str,
    calls: Any,
) -> _Asked:
    rule = fmt.rule
    if scale_rule is not None:
        rule = get_rule(scale_rule)
        fmt.require_rule(rule)
    modes = parse_modes(rounding, saturation, "raise")
    if modes.saturation == "wrap" and fmt.zero_point is not None:
        raise ValueError(
            f"saturation: 'wrap'; {fmt.name} clips what its zero point has been added to, as "
            "'finite' says"
        )
    along = None if axis is None else normalized(axis, len(shape))
    is_random = random_bit_count(modes.rounding) > 0
    plan = plan_quantization(
        shape, dtype, fmt, rule, modes, along, is_random=is_random, calls=calls
    )
    return _Asked(along, is_random, modes == _DEFAULT, plan, _way_of(plan))


def _way_of(plan: QuantizationPlan) -> Way:
    if plan.kernel is None:
        return quantize_tiles
    # What imports Numba is loaded where it is to be used.
    from numformats.scaled.block_quantization import quantize_blocks

    return quantize_blocks


def _chosen_first(x: Array, plan: QuantizationPlan, key: int | None) -> Scales | None:
    """The scales of rules that take more than one look at the numbers of a tile."""
    if plan.rule.search:
        if key is not None:
            raise ValueError("scale_rule: a search is for deterministic rounding modes")
        if plan.searches_blocks:
            from numformats.scaled.block_search import best_scales_of_blocks

            return best_scales_of_blocks(x, plan)
        return best_scales(x, plan)
    if plan.rule.percentile < 100:
        tiles = TileStatistics(x, plan.tile, plan.rule.percentile)
        return choose_scales(tiles, plan.format, plan.rule)
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
