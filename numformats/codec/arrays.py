"""Arrays through a projection: `encode`, `decode` and `round` read their arguments, once, and hand
the work to `backends`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from numformats.codec import backends
from numformats.codec.arguments import (
    code_dtype,
    is_float,
    prepare_out,
    read_dtype,
    read_integers,
    read_random_bits,
    read_real,
    refuse_where,
)
from numformats.codec.plan import Plan, make_plan
from numformats.codec.random_bits import RandomSource, key_of
from numformats.codec.values import default_dtype, require_dtype, rounded_dtype
from numformats.modes import Modes, Stochastic, parse_modes, random_bit_count
from numformats.system import NumberSystem, require_system

Array = NDArray[Any]


def encode(
    x: ArrayLike,
    fmt: NumberSystem,
    rounding: str | Stochastic = "nearest_even",
    saturation: str = "none",
    nan: str = "raise",
    rng: RandomSource = None,
    random_bits: ArrayLike | None = None,
    out: Array | None = None,
) -> Any:
    """The codes of the values of `x` under a projection, each value rounded once.

    Parameters
    ----------
    x : array_like of real numbers
        float16, float32, float64, any integer dtype, any dtype of ml_dtypes; any shape and layout.
    fmt : NumberSystem
        The format to project onto.
    rounding : str or Stochastic
        A rounding mode or its short name; `numformats.modes` lists them.
    saturation : {"none", "finite", "propagate", "wrap"}
        What becomes of values beyond the range: what the format does by itself; its largest value;
        the same, but infinity stays infinity if there is one; the low bits (integers and fixed
        point only).
    nan : {"raise", "max", "zero"}
        What becomes of NaN in a format without NaN: ValueError, the largest value (the convention
        of CUDA), or 0 (in a table without it, the value nearest to it).
    rng : None, int or numpy.random.Generator
        Where the stochastic modes get their random bits (SPEC 7): the operating system, a seed
        below 2**64, or a generator. The same seed gives the same codes whatever the layout.
    random_bits : array_like of int, optional
        Those bits themselves (R of P3109), one number below 2**N for each element, or one for all.
    out : ndarray, optional
        Where to write the codes: an array of the codes' dtype and of the shape of `x`. After an
        error its contents may be anything.

    Returns
    -------
    ndarray of uint8, uint16 or uint32
        Codes in the narrowest dtype that holds them, in the shape of `x`; a scalar for a scalar, as
        NumPy's functions do. With `out`, that array.

    Raises
    ------
    TypeError
        For values that are not real numbers, and arguments of the wrong type.
    ValueError
        For an unknown mode, NaN in a format without NaN unless `nan` says what to do, infinity
        under ``wrap``, ``wrap`` on a format that is not two's complement, random bits that are
        out of range, of another shape, or for a deterministic mode, and `out` unfit to be written.

    Notes
    -----
    `numformats.exact.project` defines the result for each element. Source: IEEE P3109 interim
    report v4.0, clauses 4.7.3 to 4.7.5; IEEE 754-2019, clauses 4.3 and 7.4.

    Examples
    --------
    >>> import numformats as nf
    >>> nf.codec.encode([0.1, 465.0], nf.float8_e4m3fn)
    array([ 29, 127], dtype=uint8)
    >>> nf.codec.encode([0.1, 465.0], nf.float8_e4m3fn, rounding="rtz", saturation="finite")
    array([ 28, 126], dtype=uint8)
    """
    asked = _parsed(fmt, rounding, saturation, nan)
    return _project(read_real("x", x), asked, rng, random_bits, out, asked.code_dtype, None)


def round(
    x: ArrayLike,
    fmt: NumberSystem,
    rounding: str | Stochastic = "nearest_even",
    saturation: str = "none",
    nan: str = "raise",
    rng: RandomSource = None,
    random_bits: ArrayLike | None = None,
    out: Array | None = None,
) -> Any:
    """The values of `x` projected onto a format: `decode` of `encode`, in one pass.

    Takes what `encode` takes and raises what it raises.

    Returns
    -------
    ndarray
        Values in the dtype of `x` if that holds every value of the format exactly, else in the
        dtype that `decode` chooses; a scalar for a scalar. With `out`, an array of that dtype, that
        array; it may be `x` itself.

    Examples
    --------
    >>> import numformats as nf
    >>> nf.codec.round(np.float32([0.1, 2.4, -7.0]), nf.float4_e2m1fn)
    array([ 0.,  2., -6.], dtype=float32)
    """
    asked, array = _parsed(fmt, rounding, saturation, nan), read_real("x", x)
    dtype = rounded_dtype(array.dtype, fmt)
    return _project(array, asked, rng, random_bits, out, dtype, fmt)


def decode(
    codes: ArrayLike, fmt: NumberSystem, dtype: DTypeLike | None = None, out: Array | None = None
) -> Any:
    """The values that codes stand for, exactly.

    Parameters
    ----------
    codes : array_like of int
        Codes, each from 0 to 2**bits - 1; any shape and layout.
    fmt : NumberSystem
        The format whose codes they are.
    dtype : dtype, optional
        The dtype of the result, which must hold every value of the format; by default that of
        `out`, or else float32 if it holds them, and float64 if not.
    out : ndarray, optional
        Where to write the values: an array of the result's dtype and of the shape of `codes`.

    Returns
    -------
    ndarray
        The values, in the shape of `codes`; a scalar for a scalar. With `out`, that array.

    Raises
    ------
    TypeError
        For codes that are not integers, and an `out` of another dtype.
    ValueError
        For codes out of range, a dtype that does not hold every value of the format, a format with
        values beyond float64, and `out` unfit to be written.

    Notes
    -----
    Source: IEEE P3109 interim report v4.0, clause 4.7.2; IEEE 754-2019, clause 3.4.

    Examples
    --------
    >>> import numformats as nf
    >>> nf.codec.decode([29, 126, 127], nf.float8_e4m3fn)
    array([1.015625e-01, 4.480000e+02,          nan], dtype=float32)
    """
    if dtype is None and out is not None:
        dtype = _dtype_of_out(out)
    result_dtype = _decoded_dtype(fmt, None if dtype is None else read_dtype(dtype))
    array = read_integers(codes)
    result = prepare_out(out, array.shape, result_dtype)
    backends.decode_into(result, array, fmt, is_new=out is None)
    return result[()] if out is None and result.ndim == 0 else result


def _decoded_dtype(fmt: NumberSystem, dtype: np.dtype[Any] | None) -> np.dtype[Any]:
    """The dtype that values are decoded to, which holds all of them."""
    try:
        return _find_decoded_dtype(fmt, dtype)
    except TypeError:
        require_system(fmt)  # what cannot even be hashed
        raise


@lru_cache(maxsize=1024)
def _find_decoded_dtype(fmt: NumberSystem, dtype: np.dtype[Any] | None) -> np.dtype[Any]:
    require_system(fmt)
    found = default_dtype(fmt) if dtype is None else dtype
    require_dtype(fmt, found)
    return found


class _Asked(NamedTuple):
    """All of a call but the arrays, parsed."""

    system: NumberSystem
    modes: Modes
    plan: Plan
    code_dtype: np.dtype[Any]
    random_bits: int
    refuses_nan: bool


def _parsed(fmt: NumberSystem, rounding: str | Stochastic, saturation: str, nan: str) -> _Asked:
    try:
        return _parse(fmt, rounding, saturation, nan)
    except TypeError as error:
        fault = error
    # What cannot even be hashed says nothing of the argument that it is.
    require_system(fmt)
    parse_modes(rounding, saturation, nan)
    raise fault


# Kept, since parsing takes as long as encoding some hundred numbers.
@lru_cache(maxsize=512)
def _parse(fmt: NumberSystem, rounding: str | Stochastic, saturation: str, nan: str) -> _Asked:
    require_system(fmt)
    modes = parse_modes(rounding, saturation, nan)
    return _Asked(
        fmt,
        modes,
        make_plan(fmt, modes),
        code_dtype(fmt),
        random_bit_count(modes.rounding),
        refuses_nan=modes.nan == "raise" and not fmt.has_nan,
    )


def _project(
    x: Array,
    asked: _Asked,
    rng: RandomSource,
    random_bits: ArrayLike | None,
    out: Array | None,
    dtype: np.dtype[Any],
    decoded: NumberSystem | None,
) -> Any:
    """What `encode` and `round` share: codes, or the values of these in a format, of a dtype."""
    refuse_nan: Callable[[], None] | None = None
    if asked.modes.saturation == "wrap" and is_float(x.dtype):
        _refuse_infinity(x)
    if asked.refuses_nan and is_float(x.dtype):
        refuse_nan = partial(_refuse_nan, x, asked.system)
    key, draws = None, None
    if asked.random_bits or random_bits is not None:
        key, draws = _random_numbers(asked, rng, random_bits, x.shape)
    result = prepare_out(out, x.shape, dtype)
    backends.project_into(
        result,
        x,
        asked.plan,
        fmt=decoded,
        key=key,
        random_bits=draws,
        refuse_nan=refuse_nan,
        is_new=out is None,
    )
    return result[()] if out is None and result.ndim == 0 else result


def _refuse_nan(x: Array, fmt: NumberSystem) -> None:
    way_out = f"{fmt.name} has no NaN: pass nan='max' or nan='zero'"
    refuse_where("x", x, np.isnan, "NaN", way_out)


def _refuse_infinity(x: Array) -> None:
    way_out = "it has no low bits to wrap to: use another saturation"
    refuse_where("x", x, np.isinf, "infinite", way_out)


def _random_numbers(
    asked: _Asked, rng: RandomSource, random_bits: ArrayLike | None, shape: tuple[int, ...]
) -> tuple[int | None, Array | None]:
    """Where the random numbers come from: a key, or numbers given."""
    if random_bits is None:
        return key_of(rng), None
    if rng is not None:
        raise ValueError("rng: given along with random_bits; pass one of the two")
    mode = str(asked.modes.rounding)
    return None, read_random_bits(random_bits, shape, asked.random_bits, mode)


def _dtype_of_out(out: Array) -> np.dtype[Any]:
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out: expected a numpy.ndarray, got {type(out).__name__} {out!r}")
    native: np.dtype[Any] = out.dtype.newbyteorder("=")
    return native
