"""NumPy's ufuncs on arrays of a format: which operation each is, and how its result is projected.

A ufunc is called on exact numbers: the values of arrays of any format, and whatever other real
numbers there are beside them. Its result is projected once. What is not in the tables is refused.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from numformats.arithmetic import comparisons, products, reductions
from numformats.arithmetic.coded import Array, Coded, codes_in, common_format, plain, truth, write
from numformats.arithmetic.operation_codes import operation_codes
from numformats.arithmetic.projections import ArrayProjection, common_projection
from numformats.codec.arguments import read_real
from numformats.formats.format import Format

# What a ufunc makes of operands: codes of a format under a projection.
Projected: TypeAlias = Callable[[Sequence[Any], Format, ArrayProjection], Array]

# Ufuncs that are called as the operation is.
_SAME_NAME: Final = (
    *("absolute", "negative", "copysign", "add", "subtract", "multiply", "divide", "reciprocal"),
    *("sqrt", "cbrt", "hypot", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p"),
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2"),
    *("sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "minimum", "maximum"),
)
# NumPy's remainder is not IEEE 754's, and is not here.
OPERATIONS: Final[dict[np.ufunc, str]] = {
    **{getattr(np, name): name for name in _SAME_NAME},
    np.fabs: "absolute",
    np.fmin: "minimum_number",
    np.fmax: "maximum_number",
}

# Of numbers of any formats, exactly.
COMPARISONS: Final[dict[np.ufunc, Callable[..., Any]]] = {
    np.less: comparisons.less,
    np.less_equal: comparisons.less_equal,
    np.equal: comparisons.equal,
    np.not_equal: comparisons.not_equal,
    np.greater: comparisons.greater,
    np.greater_equal: comparisons.greater_equal,
}
# Questions about values, and about which of them are not zero.
PREDICATES: Final = frozenset((np.isnan, np.isinf, np.isfinite, np.signbit))
LOGICAL: Final = frozenset((np.logical_and, np.logical_or, np.logical_xor, np.logical_not))


def _of_operation(name: str) -> Projected:
    return lambda operands, fmt, how: operation_codes(name, operands, fmt, how)


def _square(operands: Sequence[Any], fmt: Format, how: ArrayProjection) -> Array:
    (x,) = operands
    return operation_codes("multiply", [x, x], fmt, how)


def _power(operands: Sequence[Any], fmt: Format, how: ArrayProjection) -> Array:
    base, exponent = operands
    if isinstance(exponent, (int, float)) and exponent == 2:
        return _square([base], fmt, how)
    raise TypeError(
        f"numpy.power: the exponent {exponent!r}; 2 is the only one here: multiply, divide or take "
        "roots, each rounded once"
    )


def _positive(operands: Sequence[Any], fmt: Format, how: ArrayProjection) -> Array:
    (x,) = operands
    return codes_in(x, fmt, how).copy()


def _integral(ufunc: np.ufunc) -> Projected:
    """A ufunc whose results are exact in float64, where operands are."""

    def made(operands: Sequence[Any], fmt: Format, how: ArrayProjection) -> Array:
        (x,) = operands
        numbers = read_real("x", plain(x))
        # Of integers of 64 bits, older versions of NumPy make float64 numbers.
        is_whole = numbers.dtype.kind in "iu" and ufunc is not np.sign
        return np.asarray(fmt.encode(numbers if is_whole else ufunc(numbers), **how.words))

    return made


PROJECTED: Final[dict[np.ufunc, Projected]] = {
    **{ufunc: _of_operation(name) for ufunc, name in OPERATIONS.items()},
    **{ufunc: _integral(ufunc) for ufunc in (np.floor, np.ceil, np.trunc, np.rint, np.sign)},
    np.square: _square,
    np.power: _power,
    np.positive: _positive,
    np.matmul: products.matmul,
}


def call(
    ufunc: np.ufunc, method: str, inputs: Sequence[Any], options: Mapping[str, Any]
) -> Array | Coded:
    """The result of a method of a ufunc, some of whose inputs or outputs are arrays of a format.

    TypeError for a ufunc, a method or an option that there is none of here.
    """
    outs = options.get("out", ())
    others = {name: value for name, value in options.items() if name != "out"}
    out = outs[0] if len(outs) == 1 else None
    if method == "__call__":
        return _called(ufunc, inputs, out, others)
    if method == "outer" and ufunc.nin == 2:
        first, second = inputs
        return _called(ufunc, _outer(first, second), out, others)
    reduced = {"reduce": reductions.REDUCED, "accumulate": reductions.ACCUMULATED}.get(method, {})
    if ufunc not in reduced:
        raise TypeError(refusal(f"{name_of(ufunc)}.{method}"))
    (x,) = inputs
    if not isinstance(x, Coded):
        raise TypeError(f"{name_of(ufunc)}.{method}: out is of a format, and the array not")
    given = {"axis": 0, "out": out, **others}
    return called_with(f"{name_of(ufunc)}.{method}", reduced[ufunc], [x], given)


def called_with(
    name: str, own: Callable[..., Any], args: Sequence[Any], options: Mapping[str, Any]
) -> Any:
    """What a function makes of NumPy's arguments; TypeError, with those that it takes, for others.

    Options are left out that say no more than that they are not given.
    """
    given = {
        option: value
        for option, value in options.items()
        if not (option in ("out", "dtype", "initial") and (value is None or value is np._NoValue))
    }
    signature = inspect.signature(own)
    try:
        signature.bind(*args, **given)
    except TypeError as error:
        taken = ", ".join(signature.parameters)
        raise TypeError(f"{name}: {error}; of arrays of a format it takes {taken}") from None
    return own(*args, **given)


def _called(
    ufunc: np.ufunc, inputs: Sequence[Any], out: Any, options: Mapping[str, Any]
) -> Array | Coded:
    name = name_of(ufunc)
    mask = options.get("where", True)
    asked = [option for option in options if option != "where"]
    if asked:
        raise TypeError(f"{name}: {asked[0]}= is not taken for arrays of a format")
    if ufunc in (*COMPARISONS, *PREDICATES, *LOGICAL):
        if isinstance(out, Coded):
            raise TypeError(f"{name}: out is of {out.format.name}, and the result is True or False")
        return _answered(ufunc, inputs, out, mask)
    if ufunc not in PROJECTED:
        raise TypeError(refusal(name))
    return projected(name, inputs, out, PROJECTED[ufunc], mask)


def projected(
    name: str, inputs: Sequence[Any], out: Any, made: Projected, mask: Any = True
) -> Coded:
    """What is made of operands, in their common format under their projection, or in that of `out`
    under its own.
    """
    if out is None and mask is not True:
        raise TypeError(f"{name}: where= without out= leaves elements that nobody has written")
    if out is None:
        first, fmt, how = _choice(name, inputs)
        return first._made(made(inputs, fmt, how), fmt, how)
    if not isinstance(out, Coded):
        raise TypeError(
            f"{name}: out is a {type(out).__name__}; the result needs an array of a format, "
            "numpy.asarray gives its values"
        )
    write(out, made(inputs, out.format, out.projection), truth(mask))
    return out


def _answered(ufunc: np.ufunc, inputs: Sequence[Any], out: Any, mask: Any) -> Array:
    """A question that is answered with True and False."""
    if ufunc in COMPARISONS:
        answer = COMPARISONS[ufunc](*map(plain, inputs))
    else:
        answer = ufunc(*map(truth if ufunc in LOGICAL else plain, inputs))
    if out is None and mask is True:
        return answer
    result = np.zeros(np.shape(answer), bool) if out is None else out
    np.copyto(result, answer, where=truth(mask))
    return result


def _choice(name: str, inputs: Sequence[Any]) -> tuple[Coded, Format, ArrayProjection]:
    """What a result is made like, and in which format under which projection."""
    arrays = [x for x in inputs if isinstance(x, Coded)]
    fmt = common_format(name, [x.format for x in arrays])
    return arrays[0], fmt, common_projection(name, [x.projection for x in arrays])


def _outer(first: Any, second: Any) -> list[Any]:
    """Two operands whose axes are beside each other."""
    ndim = np.ndim(plain(second))
    index = (..., *[np.newaxis] * ndim)
    if isinstance(first, Coded):
        return [first._with_codes(first.codes[index]), second]
    return [np.asarray(first)[index], second]


def name_of(ufunc: np.ufunc) -> str:
    """What an error calls a ufunc, which may be another library's."""
    return f"{'numpy.' if hasattr(np, ufunc.__name__) else ''}{ufunc.__name__}"


# What to do instead, where there is more to say than what holds for all.
_OF_BITS: Final = "a.codes has the bits"
_OF_DIVISION: Final = "numformats.arithmetic.remainder is that of IEEE 754, which is another"
_WAYS_OUT: Final = {
    **dict.fromkeys(("bitwise_and", "bitwise_or", "bitwise_xor", "invert"), _OF_BITS),
    **dict.fromkeys(("left_shift", "right_shift", "bitwise_count"), _OF_BITS),
    **dict.fromkeys(("remainder", "fmod", "floor_divide", "divmod"), _OF_DIVISION),
    **dict.fromkeys(
        ("nextafter", "spacing"), "numformats.arithmetic.next_up and next_down have neighbours"
    ),
}


def refusal(name: str) -> str:
    """What an error says of a function of NumPy that is not here."""
    of_all = (
        "numpy.asarray(a) gives the values to compute with in float64, and numformats.array(x, f) "
        "rounds what comes of it"
    )
    way_out = _WAYS_OUT.get(name.rpartition(".")[2], of_all)
    return f"{name}: not for arrays of a format, which would be computed in float64; {way_out}"
