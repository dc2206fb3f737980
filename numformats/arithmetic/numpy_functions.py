"""NumPy's functions on arrays of a format (NEP 18), as a table; what is not in it is refused.

Most of them move elements about, and do the same to codes. Those that join arrays take all codes to
one format first. The others are reductions, or questions about values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from numformats.arithmetic import comparisons, reductions, ufuncs
from numformats.arithmetic.coded import Coded, codes_in, common_format, plain, truth
from numformats.arithmetic.operation_codes import operation_codes
from numformats.arithmetic.projections import common_projection

# Functions of one array that move its elements, and see none of them.
_MOVING: Final = (
    *("reshape", "ravel", "transpose", "permute_dims", "matrix_transpose", "swapaxes", "moveaxis"),
    *("rollaxis", "squeeze", "expand_dims", "atleast_1d", "atleast_2d", "atleast_3d"),
    *("broadcast_to", "flip", "flipud", "fliplr", "rot90", "roll", "repeat", "tile", "take"),
    *("take_along_axis", "compress", "delete", "diagonal", "copy"),
    *("split", "array_split", "hsplit", "vsplit", "dsplit", "unstack"),
)
_JOINING: Final = ("concatenate", "stack", "vstack", "hstack", "dstack", "column_stack")
# What is answered by the codes, and what by the values.
_OF_CODES: Final = ("shape", "ndim", "size", "may_share_memory", "shares_memory")
_OF_VALUES: Final = (
    *("argmax", "argmin", "argsort", "nonzero", "flatnonzero", "argwhere", "count_nonzero"),
    "array_str",
)


def call(function: Callable[..., Any], args: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """What a function of NumPy makes of arguments among which are arrays of a format.

    TypeError for a function that is not here, and for arguments that it does not take here.
    """
    name = f"{function.__module__}.{function.__name__}"
    if function not in FUNCTIONS:
        raise TypeError(ufuncs.refusal(name))
    return ufuncs.called_with(name, FUNCTIONS[function], args, options)


def _moving(function: Callable[..., Any]) -> Callable[..., Any]:
    def moved(a: Coded, *args: Any, **options: Any) -> Any:
        others = (*args, *options.values())
        if not isinstance(a, Coded) or any(isinstance(other, Coded) for other in others):
            raise TypeError(f"numpy.{function.__name__}: an array of a format can only come first")
        result = function(a.codes, *args, **options)
        if isinstance(result, (list, tuple)):
            return type(result)(a._with_codes(part) for part in result)
        return a._with_codes(result)

    return moved


def _joining(function: Callable[..., Any]) -> Callable[..., Any]:
    def joined(arrays: Sequence[Any], axis: Any = _NOT_GIVEN) -> Any:
        first, codes = _brought_together(function.__name__, list(arrays))
        return first._with_codes(function(codes, **({} if axis is _NOT_GIVEN else {"axis": axis})))

    return joined


_NOT_GIVEN: Final = object()


def _brought_together(name: str, arrays: Sequence[Any]) -> tuple[Coded, list[Any]]:
    """An array in the common format of some, and the codes of all in that."""
    coded = [array for array in arrays if isinstance(array, Coded)]
    fmt = common_format(f"numpy.{name}", [array.format for array in coded])
    how = common_projection(f"numpy.{name}", [array.projection for array in coded])
    codes = [codes_in(array, fmt, how) for array in arrays]
    return coded[0]._made(codes[0], fmt, how), codes


def _of_codes(function: Callable[..., Any]) -> Callable[..., Any]:
    def asked(*args: Any, **options: Any) -> Any:
        return function(*(x.codes if isinstance(x, Coded) else x for x in args), **options)

    return asked


def _of_values(function: Callable[..., Any]) -> Callable[..., Any]:
    def asked(*args: Any, **options: Any) -> Any:
        return function(*map(plain, args), **options)

    return asked


def _where(condition: Any, x: Any = None, y: Any = None) -> Any:
    condition = truth(condition)
    if x is None and y is None:
        return np.where(condition)
    first, (chosen, other) = _brought_together("where", [x, y])
    return first._with_codes(np.where(condition, chosen, other))


def _array_equal(a1: Any, a2: Any) -> bool:
    x, y = plain(a1), plain(a2)
    return np.shape(x) == np.shape(y) and bool(np.all(comparisons.equal(x, y)))


def _append(arr: Any, values: Any, axis: int | None = None) -> Any:
    first, (codes, others) = _brought_together("append", [arr, values])
    return first._with_codes(np.append(codes, others, axis))


def _sort(a: Coded, axis: int | None = -1) -> Coded:
    if axis is None:
        return _sort(a._with_codes(a.codes.reshape(-1)))
    order = np.argsort(a.values(), axis, kind="stable")
    return a._with_codes(np.take_along_axis(a.codes, order, axis))


def _clip(
    a: Any,
    a_min: Any = None,
    a_max: Any = None,
    out: Any = None,
    min: Any = None,
    max: Any = None,
) -> Any:
    """`clamp` where there are both ends, else the extremum with one."""
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    if low is None and high is None:
        return np.positive(a, out=out)
    name, operands = "clamp", [a, low, high]
    if low is None:
        name, operands = "minimum", [a, high]
    elif high is None:
        name, operands = "maximum", [a, low]
    return ufuncs.projected(
        "numpy.clip", operands, out, lambda x, fmt, how: operation_codes(name, x, fmt, how)
    )


def _full_like(a: Coded, fill_value: Any, shape: Any = None) -> Coded:
    codes = np.empty_like(a.codes, shape=shape)
    codes[...] = codes_in(fill_value, a.format, a.projection)
    return a._with_codes(codes)


def _zeros_like(a: Coded, shape: Any = None) -> Coded:
    return _full_like(a, 0, shape)


def _ones_like(a: Coded, shape: Any = None) -> Coded:
    return _full_like(a, 1, shape)


def _copyto(dst: Any, src: Any, where: Any = True) -> None:
    if isinstance(dst, Coded):
        np.copyto(dst.codes, codes_in(src, dst.format, dst.projection), where=truth(where))
    else:
        np.copyto(dst, plain(src), where=truth(where))


def _dot(a: Any, b: Any, out: Any = None) -> Any:
    dimensions = [x.ndim if isinstance(x, Coded) else np.ndim(x) for x in (a, b)]
    if 0 in dimensions:
        return np.multiply(a, b, out=out)
    if max(dimensions) > 2:
        raise TypeError("numpy.dot: more than two dimensions; use @, whose axes are plain")
    return np.matmul(a, b, out=out)


def _outer(a: Any, b: Any) -> Any:
    return np.multiply.outer(*(np.reshape(x, -1) for x in (a, b)))


def _table(
    names: Sequence[str], made: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> dict[Callable[..., Any], Callable[..., Any]]:
    """What is made of NumPy's functions of these names, of which older versions lack some."""
    return {own: made(own) for name in names if (own := getattr(np, name, None)) is not None}


FUNCTIONS: Final[dict[Callable[..., Any], Callable[..., Any]]] = {
    **_table(_MOVING, _moving),
    **_table(_JOINING, _joining),
    **_table(_OF_CODES, _of_codes),
    **_table(_OF_VALUES, _of_values),
    np.where: _where,
    np.append: _append,
    np.array_equal: _array_equal,
    np.sort: _sort,
    np.clip: _clip,
    np.full_like: _full_like,
    np.zeros_like: _zeros_like,
    np.ones_like: _ones_like,
    np.empty_like: _zeros_like,
    np.copyto: _copyto,
    np.dot: _dot,
    np.outer: _outer,
    np.sum: reductions.sum,
    np.prod: reductions.prod,
    np.mean: reductions.mean,
    np.min: reductions.minimum,
    np.max: reductions.maximum,
    np.all: reductions.all,
    np.any: reductions.any,
    np.cumsum: reductions.ACCUMULATED[np.add],
    np.cumprod: reductions.ACCUMULATED[np.multiply],
    np.array_repr: repr,
}
