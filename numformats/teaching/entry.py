"""`explain` and `explain_code`, where a name becomes a format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

from numformats.formats.format import Format
from numformats.modes import Stochastic
from numformats.names import get_format
from numformats.scaled.catalogue import find, with_scales
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.rules import ScaleRule
from numformats.teaching.codes import CodeExplanation, explain_format_code
from numformats.teaching.explaining import explain_number
from numformats.teaching.explanation import Explanation
from numformats.teaching.scaled import ScaledExplanation
from numformats.teaching.scaled_explaining import explain_scaled

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from numformats.reals import Real


@overload
def explain(
    x: Real,
    f: str | Format,
    rounding: str | Stochastic = "nearest_even",
    saturation: str | None = None,
    *,
    nan: str = "raise",
    random_bits: int | None = None,
) -> Explanation: ...


@overload
def explain(
    x: ArrayLike,
    f: str | ScaledFormat | Format,
    rounding: str | Stochastic = "nearest_even",
    saturation: str | None = None,
    *,
    random_bits: int | None = None,
    index: int | Sequence[int],
    axis: int | None = None,
    scale_rule: str | ScaleRule | None = None,
) -> ScaledExplanation: ...


def explain(
    x: Any,
    f: Any,
    rounding: str | Stochastic = "nearest_even",
    saturation: str | None = None,
    *,
    nan: str = "raise",
    random_bits: int | None = None,
    index: int | Sequence[int] | None = None,
    axis: int | None = None,
    scale_rule: str | ScaleRule | None = None,
) -> Explanation | ScaledExplanation:
    """Why a number becomes the code that it becomes in a format.

    Parameters
    ----------
    x : int, Fraction, Decimal, float, NumPy scalar or str; or array_like
        A number of any size and precision; a str such as ``"0.1"``, ``"1/3"``, ``"0x1.8p-3"``,
        ``"-inf"`` is read exactly. A str may also ask for one operation on numbers:
        ``"0.1 + 0.2"``, ``"sqrt(2)"``, ``"fma(0.1, 10, -1)"``, any of
        `numformats.exact.OPERATIONS`. Its operands are taken exactly, and the exact result is
        projected once. For a scaled format, an array.
    f : str, Format or ScaledFormat
        A format, or the name of one. One without scales stands for one float32 scale for all of
        `x` where an index is given.
    rounding, saturation, nan
        As for `numformats.codec.encode`; for a scaled format, as for `numformats.quantize`, whose
        default for `saturation` is ``"finite"``.
    random_bits : int, optional
        R of IEEE P3109, 0 <= R < 2**N; needed by the stochastic modes and refused by the others.
    index : int or sequence of int, optional
        Which number of an array; needed for a scaled format.
    axis, scale_rule : optional
        As for `numformats.quantize`.

    Returns
    -------
    Explanation
        Of a number; for a scaled format or with an index, a `ScaledExplanation`.

    Raises
    ------
    TypeError, ValueError
        For an unknown format, mode or operation, what is no number, NaN in a format without it, and
        all else that `numformats.exact.project` and `numformats.quantize` refuse. IndexError for an
        index that is not in the array.

    Notes
    -----
    What is told is what `numformats.exact.trace` found; the clauses of the standards stand beside
    each decision.

    Examples
    --------
    >>> import numformats as nf
    >>> print(nf.explain("0.1", "e4m3fn"))
    0.1 in float8_e4m3fn, nearest_even: 0.1015625 (0x1d)
    <BLANKLINE>
      number     0.1 = 1/10
      code       0x1d = 0 0011 101
                 sign                  0     positive
                 exponent              0011  E = 3: 2**(3 - 7)
                 trailing significand  101   T = 5: 1 + 5/8
      value      (1 + 5/8) * 2**(3 - 7) = 0.1015625 = 13/128
      neighbours 0x1c  0.09375    even
                 0x1d  0.1015625  odd   <- rounded to
      position   4/5 of the way up; the boundary is at 1/2
    <BLANKLINE>
                 |-----------------------------:-----------------x>>>>>>>>>>>|
                 0.09375                                             0.1015625
    <BLANKLINE>
      rounding   Above the boundary 0.09765625, in the middle of the two: nearer to
                 the upper neighbour 0.1015625.
      source     IEEE 754-2019, 4.3.1, roundTiesToEven; IEEE P3109 v4.0, 4.7.4,
                 NearestTiesToEven
      error      +0.0015625, relative 1.56%, 0.2 ulp
      flags      inexact
    """
    found = find(f)
    if isinstance(found, ScaledFormat) or index is not None:
        return explain_scaled(
            x,
            with_scales(found),
            index,
            axis,
            scale_rule,
            rounding,
            "finite" if saturation is None else saturation,
            random_bits,
        )
    for argument, given in (("axis", axis), ("scale_rule", scale_rule)):
        if given is not None:
            raise ValueError(f"{argument}: {given!r}; {found.name} has no scales; pass an index")
    return explain_number(
        x, found, rounding, "none" if saturation is None else saturation, nan, random_bits
    )


def explain_code(code: int, f: str | Format) -> CodeExplanation:
    """What a code of a format stands for: its fields, its value, and which numbers become it.

    TypeError for what is no int or no format, ValueError for a code that is out of range and an
    unknown format.

    >>> import numformats as nf
    >>> print(nf.explain_code(0x1D, "e4m3fn"))
    0x1d in float8_e4m3fn: 0.1015625
    <BLANKLINE>
      code       0x1d = 0 0011 101
                 sign                  0     positive
                 exponent              0011  E = 3: 2**(3 - 7)
                 trailing significand  101   T = 5: 1 + 5/8
      value      (1 + 5/8) * 2**(3 - 7) = 0.1015625 = 13/128
      class      positive normal
      beside     0x1c  0.09375   below
                 0x1e  0.109375  above
      rounded    numbers from 0.09765625 to 0.10546875 become it, to nearest
    """
    return explain_format_code(code, get_format(f))
