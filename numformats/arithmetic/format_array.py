"""`FormatArray`: an array of numbers of a format, in which NumPy code runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import ArrayLike, DTypeLike

from numformats.arithmetic import numpy_functions, ufuncs
from numformats.arithmetic.accumulators import Accumulator
from numformats.arithmetic.coded import Array, Coded, codes_in, named_format
from numformats.arithmetic.projections import ArrayProjection
from numformats.codec.random_bits import RandomSource
from numformats.formats.format import Format
from numformats.modes import Stochastic


class FormatArray(NDArrayOperatorsMixin, Coded):
    """An array of numbers of a format: their codes, and the projection of what is computed.

    Parameters
    ----------
    codes : ndarray
        The codes, of the dtype that the format's codes have. They are shared, not copied.
    format : str or Format
        The format that they are of.
    projection : ArrayProjection
        How the results of operations are rounded.

    Raises
    ------
    TypeError, ValueError
        For codes of another dtype or out of range, and an unknown format.

    Notes
    -----
    It is used as a NumPy array is, by operators, ufuncs (NEP 13) and functions (NEP 18). Every
    operation takes the exact values of its operands and projects the exact result once. There is no
    `dtype`: no dtype holds what these elements are, and code that asks for one would go on in it.
    `format` says what elements are, `codes.dtype` how they are kept, `numpy.asarray(a).dtype` what
    their values come in.

    Source: P3109 4.7 for projections; NumPy Enhancement Proposals 13 and 18.

    Examples
    --------
    >>> import numpy as np
    >>> import numformats as nf
    >>> a = nf.array([1.0, 2.5, 100.0], "float8_e4m3fn")
    >>> a + 0.1
    FormatArray([ 1.125,  2.5  , 96.   ], float8_e4m3fn)
    >>> np.sqrt(a).codes
    array([56, 61, 82], dtype=uint8)
    """

    __slots__ = ()
    # Equal elements, not equal arrays.
    __hash__ = None  # type: ignore[assignment]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        if copy is False:
            raise ValueError("copy: False, and values are made of codes; use a.codes for a view")
        return self.values(dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        known = (*inputs, *options.get("out", ()))
        if any(_has_its_own(x, "__array_ufunc__") for x in known):
            return NotImplemented
        return ufuncs.call(ufunc, method, inputs, options)

    def __array_function__(
        self, function: Callable[..., Any], types: Sequence[type], args: Any, options: Any
    ) -> Any:
        if not all(issubclass(kind, (FormatArray, np.ndarray)) for kind in types):
            return NotImplemented
        return numpy_functions.call(function, args, options)

    # One number

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        return bool(self.item() != 0)

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if self.ndim == 0 and spec else format(str(self), spec)

    def item(self) -> float:
        """The value of the only element; ValueError where there are more, or none."""
        if self.size != 1:
            raise ValueError(f"an array of {self.size} elements; choose one, or use any() or all()")
        return float(self.values().reshape(())[()])

    # Elements

    def __len__(self) -> int:
        return len(self._codes)

    def __iter__(self) -> Iterator[FormatArray]:
        return (self._with_codes(part) for part in self._codes)

    def __contains__(self, value: Any) -> bool:
        return bool(np.any(self == value))

    def __getitem__(self, index: Any) -> FormatArray:
        return self._with_codes(self._codes[index])

    def __setitem__(self, index: Any, value: Any) -> None:
        self._codes[index] = codes_in(value, self._format, self._projection)

    def tolist(self) -> Any:
        """The values as floats in nested lists."""
        return self.values().tolist()

    # Another projection, another format

    def with_projection(self, **changes: Any) -> FormatArray:
        """The same codes, shared, with some words of the projection replaced: rounding, saturation,
        nan, rng, accumulator.

        TypeError for another word, and what `ArrayProjection` raises.

        >>> import numformats as nf
        >>> a = nf.array([1.0], "float4_e2m1fn").with_projection(rounding="toward_positive")
        >>> a + 0.01
        FormatArray([1.5], float4_e2m1fn, rounding='toward_positive')
        """
        projection = self._projection.replaced(changes)
        return self._made(self._codes, self._format, projection)

    def astype(self, format: str | Format, **changes: Any) -> FormatArray:
        """The values projected onto another format, each once, as a new array.

        changes: words of the projection to use instead of the array's; the result keeps the
        array's. ValueError for an unknown format.

        >>> import numformats as nf
        >>> nf.array([0.1, 3.3], "float16").astype("float4_e2m1fn", rounding="toward_zero")
        FormatArray([0., 3.], float4_e2m1fn)
        """
        fmt = named_format("format", format)
        how = self._projection.replaced(changes)
        return self._made(codes_in(self, fmt, how).copy(), fmt, self._projection)

    def copy(self) -> FormatArray:
        """An array with codes of its own."""
        return self._with_codes(self._codes.copy())

    __copy__ = copy

    # Shapes

    @property
    def T(self) -> FormatArray:  # noqa: N802
        """The axes in reverse order, as a view."""
        return self._with_codes(self._codes.T)

    def reshape(self, *shape: Any) -> FormatArray:
        """The same elements in another shape: a view where NumPy makes one."""
        return self._with_codes(self._codes.reshape(*shape))

    def transpose(self, *axes: Any) -> FormatArray:
        """The axes in another order, as a view."""
        return self._with_codes(self._codes.transpose(*axes))

    def ravel(self) -> FormatArray:
        """The elements along one axis: a view where NumPy makes one."""
        return self._with_codes(self._codes.ravel())

    def squeeze(self, axis: Any = None) -> FormatArray:
        """Without axes of length 1, as a view."""
        return self._with_codes(self._codes.squeeze(axis))

    # Reductions: NumPy's functions of these names

    def sum(self, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        """`numpy.sum`, as the accumulator of the projection adds."""
        return np.sum(self, axis=axis, out=out, keepdims=keepdims)

    def prod(self, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        """`numpy.prod`: one factor after the other, each product rounded."""
        return np.prod(self, axis=axis, out=out, keepdims=keepdims)

    def mean(self, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        """`numpy.mean`: the sum, and then a division, each rounded."""
        return np.mean(self, axis=axis, out=out, keepdims=keepdims)

    def max(self, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        """`numpy.max`: NaN where there is one."""
        return np.max(self, axis=axis, out=out, keepdims=keepdims)

    def min(self, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        """`numpy.min`: NaN where there is one."""
        return np.min(self, axis=axis, out=out, keepdims=keepdims)

    def any(self, axis: Any = None) -> Any:
        """Whether an element is not zero: bools."""
        return np.any(self, axis=axis)

    def all(self, axis: Any = None) -> Any:
        """Whether no element is zero: bools."""
        return np.all(self, axis=axis)

    def argmax(self, axis: int | None = None) -> Any:
        """`numpy.argmax`: the index of the first of the largest values."""
        return np.argmax(self, axis=axis)

    def argmin(self, axis: int | None = None) -> Any:
        """`numpy.argmin`: the index of the first of the smallest values."""
        return np.argmin(self, axis=axis)

    def clip(self, a_min: Any = None, a_max: Any = None, out: Any = None) -> Any:
        """`numpy.clip`."""
        return np.clip(self, a_min, a_max, out=out)

    # In words

    def __str__(self) -> str:
        return str(self._shown())

    def __repr__(self) -> str:
        head = "FormatArray("
        text = np.array2string(self._shown(), separator=", ", prefix=head)
        shape = "" if self.size else f"shape={self.shape}, "
        chosen = "".join(f", {name}={value!r}" for name, value in self._projection.chosen.items())
        return f"{head}{text}, {shape}{self._format.name}{chosen})"

    def _shown(self) -> Array:
        """The values, or the codes where no dtype holds these."""
        try:
            return self.values()
        except ValueError:
            return np.vectorize(hex, otypes=[object])(self._codes)


# Arrays of these are numbers; whatever else brings its own ufuncs is asked first.
_OWN: Final = (Coded, np.ndarray, np.generic)


def _has_its_own(x: Any, name: str) -> bool:
    return not isinstance(x, _OWN) and hasattr(x, name)


def array(
    x: ArrayLike,
    f: str | Format,
    rounding: str | Stochastic = "nearest_even",
    saturation: str = "none",
    nan: str = "raise",
    rng: RandomSource = None,
    accumulator: str | Accumulator = "exact",
) -> FormatArray:
    """An array of the values of `x` in a format, each projected once.

    Parameters
    ----------
    x : array_like of real numbers
        What `Format.encode` takes; a FormatArray, too, whose values are projected.
    f : str or Format
        The format, or its name.
    rounding, saturation, nan, rng, accumulator
        The projection, of these values and of what is computed with the array: see
        `ArrayProjection`.

    Returns
    -------
    FormatArray
        With codes of its own, in the shape of `x`.

    Raises
    ------
    TypeError, ValueError
        What `Format.encode` raises, and for an unknown format or accumulator.

    Examples
    --------
    >>> import numformats as nf
    >>> nf.array([0.1, 465.0], "e4m3fn", saturation="finite")
    FormatArray([1.015625e-01, 4.480000e+02], float8_e4m3fn, saturation='finite')
    """
    fmt = named_format("f", f)
    how = ArrayProjection(rounding, saturation, nan, rng, accumulator)
    return FormatArray._made(np.array(codes_in(x, fmt, how)), fmt, how)
