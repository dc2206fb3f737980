"""Reading the arguments of the array functions, and refusing what has no meaning.

An error names the argument, shows the value at fault (for arrays the first index and how many) and
says the way out.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

import ml_dtypes
import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from numformats.system import NumberSystem

Array = NDArray[Any]

# Elements that the NumPy path works on at a time: few enough for its temporaries to stay in cache.
CHUNK: Final = 8192

# From ml_dtypes 0.6 on.
_COMPLEX = tuple(
    getattr(ml_dtypes, name) for name in ("complex32", "bcomplex32") if hasattr(ml_dtypes, name)
)
_ML_DTYPES: Final = frozenset(
    np.dtype(kind)
    for kind in vars(ml_dtypes).values()
    if isinstance(kind, type) and issubclass(kind, np.generic) and kind not in _COMPLEX
)
_FLOATS: Final = frozenset(np.dtype(kind) for kind in (np.float16, np.float32, np.float64))
_REALS: Final = frozenset([*_FLOATS, *_ML_DTYPES, *map(np.dtype, "bhilqBHILQ")])


def is_real(dtype: np.dtype[Any]) -> bool:
    """Whether a dtype in native byte order is one of real numbers that the codec takes."""
    return dtype.kind in "iu" or dtype in _FLOATS or dtype in _ML_DTYPES


def is_float(dtype: np.dtype[Any]) -> bool:
    """Whether a real dtype is one of floating point: whether its arrays can hold NaN or -0."""
    if dtype.kind in "iu":
        return False
    return not (dtype in _ML_DTYPES and "int" in dtype.name)


def read_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """A dtype in the machine's byte order; TypeError for what names none."""
    try:
        return np.dtype(dtype).newbyteorder("=")
    # NumPy parses texts with commas as Python.
    except (TypeError, SyntaxError):
        raise TypeError(f"dtype: {dtype!r} is not a dtype of NumPy or ml_dtypes") from None


def read_real(argument: str, x: ArrayLike) -> Array:
    """`x` as an array of real numbers, its dtype untouched.

    Raises TypeError for anything but float16, float32, float64, integers and the dtypes of
    ml_dtypes, ValueError for a nested sequence of uneven lengths.
    """
    # Nearly all arrays are known by this.
    if type(x) is np.ndarray and x.dtype in _REALS:
        return x
    array = _as_array(argument, x)
    if is_real(array.dtype.newbyteorder("=")):
        return array
    raise TypeError(f"{argument}: {_sample(array)}; {_way_out(array.dtype)}")


def _as_array(argument: str, x: ArrayLike) -> Array:
    # Where nothing has loaded numpy.ma there is no masked array, and loading it takes a while.
    if "numpy.ma" in sys.modules and isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"{argument}: a masked array; pass x.filled(value), or x.data to ignore it")
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise ValueError(f"{argument}: cannot be made an array: {error}") from None
    except RuntimeError as error:
        # PyTorch says so, and what to call first, of a tensor with a gradient.
        if "numpy()" not in str(error):
            raise
        raise TypeError(f"{argument}: cannot be made an array: {error}") from None
    except (TypeError, OverflowError) as error:
        # Those dtypes of PyTorch that NumPy lacks and float32 holds all values of.
        is_narrow = any(f"ScalarType {name}" in str(error) for name in ("BFloat16", "Float8"))
        way_out = f"; pass {argument}.float(), which is exact" if is_narrow else ""
        raise TypeError(f"{argument}: cannot be made an array: {error}{way_out}") from None
    if array.dtype == np.float64 and isinstance(x, (list, tuple)):
        _refuse_rounded_integers(argument, x, array)
    return array


def _refuse_rounded_integers(argument: str, x: Any, array: Array) -> None:
    """Refuse a list whose integers NumPy has rounded, because it has no dtype for them all."""
    if not (np.abs(array) > 2.0**53).any():
        return
    for given, rounded in zip(np.asarray(x, object).flat, array.flat, strict=True):
        if isinstance(given, int) and given != int(rounded):
            raise ValueError(
                f"{argument}: {given} became {int(rounded)} in NumPy's float64; pass an int64 or "
                "uint64 array, or use numformats.exact.project"
            )


def _sample(array: Array) -> str:
    if array.size == 0:
        return f"an empty array of dtype {array.dtype}"
    return f"dtype {array.dtype}, first value {array.flat[0]!r}"


def _way_out(dtype: np.dtype[Any]) -> str:
    if dtype.kind == "c" or dtype.type in _COMPLEX:
        return "pass the real and imaginary parts one by one"
    if dtype.kind == "b":
        return "pass x.astype(numpy.uint8) for 0 and 1"
    if dtype.kind == "O":
        return "pass x.astype(float), or use numformats.exact.project for numbers of any size"
    if dtype.kind == "f":
        return "pass x.astype(float) to round to float64 first, or use numformats.exact.project"
    return "expected real numbers: float16, float32, float64, integers or an ml_dtypes dtype"


def read_codes(codes: ArrayLike, bits: int, argument: str = "codes") -> Array:
    """`codes` as an integer array with all elements in 0 to 2**bits - 1.

    Raises TypeError for another dtype, ValueError for an element out of range.
    """
    array = read_integers(codes, argument)
    refuse_codes(array, bits, argument)
    return array


def read_integers(codes: ArrayLike, argument: str = "codes") -> Array:
    """`codes` as an integer array of any values; TypeError for another dtype."""
    if type(codes) is np.ndarray and codes.dtype.kind in "iu":
        return codes
    array = _as_array(argument, codes)
    if array.size == 0 and not isinstance(codes, (np.ndarray, np.generic)):
        array = array.astype(np.uint8)  # an empty list, which NumPy takes for float64
    if array.dtype.kind not in "iu":
        raise TypeError(
            f"{argument}: {_sample(array)}; codes are unsigned integers (encode makes them from "
            "values, x.view(numpy.uint8) from an array of an ml_dtypes dtype)"
        )
    return array


def refuse_codes(codes: Array, bits: int, argument: str = "codes") -> None:
    """Raise ValueError if any of an array of integers is no code of so many bits."""
    # The ends are found without memory for what each element is, which only a fault asks for.
    if codes.dtype.kind == "i" and codes.min(initial=0) < 0:
        refuse_where(argument, codes, lambda c: c < 0, "negative", "a code is 0 or more")
    limit = 2**bits - 1
    if 8 * codes.dtype.itemsize > bits and codes.max(initial=0) > limit:
        way_out = f"a code of {bits} bits is at most {limit}"
        refuse_where(argument, codes, lambda c: c > limit, f"above {limit}", way_out)


def refuse_where(
    argument: str,
    array: Array,
    at_fault: Callable[[Array], NDArray[np.bool_]],
    fault: str,
    way_out: str,
) -> None:
    """Raise ValueError if any element is at fault, with the first one, its index and the count."""
    count, first = 0, -1
    start = 0
    for chunk in chunks_of(array):
        with np.errstate(invalid="ignore"):  # NumPy warns of a signaling NaN, even when asked
            wrong = at_fault(chunk)
        found = int(np.count_nonzero(wrong))
        if found and first < 0:
            first = start + int(wrong.argmax())
        count += found
        start += chunk.size
    if not count:
        return
    index = tuple(int(i) for i in np.unravel_index(first, array.shape))
    where = f" at index {index}" if index else ""
    others = f", {count} such values in all" if count > 1 else ""
    raise ValueError(f"{argument}: {array[index]!s}{where} is {fault}{others}; {way_out}")


def chunks_of(array: Array) -> Iterator[Array]:
    """The elements in C order, as native one-dimensional chunks."""
    for (chunk,) in walk([array], [array.dtype.newbyteorder("=")], in_order=True):
        yield chunk


def walk(
    operands: list[Array],
    dtypes: list[np.dtype[Any]],
    *,
    out: bool = False,
    in_order: bool = False,
    contiguous: bool = False,
    chunk: int = CHUNK,
) -> Iterator[tuple[Array, ...]]:
    """The elements of arrays of one shape side by side, in chunks of at most `chunk` elements.

    Each chunk has the dtype asked for, in native byte order and aligned; strided, swapped and
    read-only operands are buffered a chunk at a time. The last operand is written if `out`, and
    those that overlap it in memory are copied first unless they are the same elements. Memory order
    is free unless `in_order`, which asks for C order. Chunks are `contiguous` if so asked.
    """
    if operands[0].size <= chunk and _are_plain(operands, dtypes, out):
        yield tuple(map(_as_chunk, operands, dtypes))
        return
    common = ["overlap_assume_elementwise", *(["contig"] if contiguous else [])]
    flags: list[list[Any]] = [["readonly", *common] for _ in operands]
    if out:
        flags[-1] = ["writeonly", *common]
    # NumPy 2.0 buffers an array without dimensions wrongly.
    operands = [np.atleast_1d(operand) for operand in operands]
    # NumPy casts as it fills a chunk, and would warn of a signaling NaN.
    with np.errstate(invalid="ignore"):
        iterator = np.nditer(
            operands,
            flags=["external_loop", "buffered", "zerosize_ok", "copy_if_overlap"],
            op_flags=flags,
            op_dtypes=dtypes,
            casting="unsafe",
            order="C" if in_order else "K",
            buffersize=chunk,
        )
    with iterator:
        while not iterator.finished:
            views = iterator.value
            yield views if isinstance(views, tuple) else (views,)
            with np.errstate(invalid="ignore"):
                iterator.iternext()


def _are_plain(operands: list[Array], dtypes: list[np.dtype[Any]], out: bool) -> bool:
    """Whether arrays can be taken as they lie in memory: in C order, aligned, native, and what is
    written of its dtype and apart from the others.
    """
    result = operands[-1]
    for operand in operands:
        flags = operand.flags
        if not (flags.c_contiguous and flags.aligned and operand.dtype.isnative):
            return False
        if out and operand is not result and np.may_share_memory(operand, result):
            return False
    return not out or result.dtype == dtypes[-1]


def _as_chunk(plain: Array, dtype: np.dtype[Any]) -> Array:
    """All elements of a plain array, of a dtype."""
    elements = plain.view(np.ndarray).reshape(-1)
    if elements.dtype == dtype:
        return elements
    with np.errstate(invalid="ignore"):  # as for what NumPy casts on its own
        return elements.astype(dtype)


def prepare_out(out: Array | None, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """`out`, found fit to take the result, or a new array for it.

    Raises TypeError for what is not an array or has another dtype, ValueError for another shape and
    for a read-only one.
    """
    if out is None:
        return np.empty(shape, dtype)
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out: expected a numpy.ndarray, got {type(out).__name__} {out!r}")
    if out.dtype.newbyteorder("=") != dtype:
        raise TypeError(f"out: dtype {out.dtype}, and the result has {dtype}")
    if out.shape != shape:
        raise ValueError(f"out: shape {out.shape}, and the result has {shape}")
    if not out.flags.writeable:
        raise ValueError("out: a read-only array; pass one that may be written")
    return out


def read_random_bits(random_bits: ArrayLike, shape: tuple[int, ...], bits: int, mode: str) -> Array:
    """P3109's R for each element: an integer array of `shape`, elements below 2**bits.

    A single integer serves all elements. Raises TypeError for another dtype, ValueError for another
    shape, an element out of range, and any random bits at all for a deterministic mode.
    """
    array = _as_array("random_bits", random_bits)
    if bits == 0:
        raise ValueError(
            f"random_bits: given, first value {array.flat[0] if array.size else None}, but {mode} "
            "rounding uses none; leave them out or choose a stochastic mode"
        )
    if array.dtype.kind not in "iu" and array.size:
        raise TypeError(f"random_bits: {_sample(array)}; they are integers from 0 to 2**{bits} - 1")
    if array.shape not in (shape, ()):
        raise ValueError(
            f"random_bits: shape {array.shape}, and x has {shape}; give one number for each "
            "element, or one for all"
        )
    limit = 2**bits - 1
    refuse_where(
        "random_bits",
        array,
        lambda r: (r < 0) | (r > limit),
        f"outside 0 to {limit}",
        f"{mode} rounding uses {bits} bits",
    )
    return np.broadcast_to(array, shape)


def code_dtype(fmt: NumberSystem) -> np.dtype[Any]:
    """The dtype of a format's codes: the narrowest of uint8, uint16 and uint32 that holds them."""
    return np.dtype(np.uint8 if fmt.bits <= 8 else np.uint16 if fmt.bits <= 16 else np.uint32)
