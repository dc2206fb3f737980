"""What a function gave, beside what it should have given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from numformats import codec, exact
from numformats.codec.arguments import read_real, refuse_where
from numformats.formats.format import Format
from numformats.modes import RoundingMode
from numformats.testing.causes import classify
from numformats.testing.decision_points import EVERY_CODE_BITS, finite_values
from numformats.testing.report import Group, Mismatch, OracleError, Report, simplicity

Array = NDArray[Any]
Floats = NDArray[np.float64]
Kind: TypeAlias = Literal["encode", "round", "decode"]
KINDS: Final = ("encode", "round", "decode")

# Examples kept of each cause, and mismatches among which the simplest are looked for.
_EXAMPLES: Final = 8
_CANDIDATES: Final = 2000


def results_of(
    function: Callable[..., Any],
    x: Array,
    *random_bits: Array,
    way_out: str = "if it takes single numbers, pass numpy.vectorize(function)",
) -> Any:
    """What a function returns. To what it raises, a note is added: what it was called with, and the
    way out that is likeliest.
    """
    try:
        return function(x, *random_bits)
    except Exception as error:
        if isinstance(error, Warning):
            way_out = "if it may warn, numpy.errstate(all='ignore') in it quiets NumPy"
        drawn = ", and one of as many random integers" if random_bits else ""
        error.add_note(f"function: called with an array of {_described(x)}{drawn}; {way_out}")
        raise


def _described(x: Array) -> str:
    with np.errstate(invalid="ignore"):
        is_finite = bool(np.isfinite(x.astype(np.float64)).all())
    return f"{x.size} {x.dtype} numbers{'' if is_finite else ', infinities or NaNs among them'}"


def values_given(
    result: Any, x: Array, fmt: Format, kind: Kind, subject: str = "function: its result"
) -> Floats:
    """The values that a result for the inputs `x` stands for, as float64.

    Codes may come as integers or in the format's own dtype. TypeError for a result that is neither,
    or not of the kind asked for; ValueError for one of another shape, and for codes out of range.
    `subject` is what an error says of whose result it is.
    """
    if kind == "encode":
        codes = codes_given(array_given(result, x, "code", subject), fmt, subject)
        _require_range(codes, fmt, subject)
        return np.asarray(codec.decode(codes, fmt, dtype=np.float64))
    array = array_given(result, x, "value", subject)
    if has_integers_for_fractions(array, fmt) and (kind == "decode" or x.dtype.kind not in "iu"):
        codes_too = "; if these are codes, pass kind='encode'" if kind == "round" else ""
        raise TypeError(
            f"{subject} has dtype {array.dtype}, and values of {fmt.name} have fractions; return "
            f"them as floats{codes_too}"
        )
    return as_float64(array, subject)


def array_given(result: Any, x: Array, thing: str, subject: str = "function: its result") -> Array:
    """A result as an array in the shape of the inputs; `thing` is what each input should become."""
    if result is None:
        raise TypeError(f"{subject} is None; expected an array with a {thing} for each number")
    try:
        array = np.asarray(result)
    except ValueError as error:
        raise ValueError(f"{subject} is no array of numbers: {error}") from None
    if array.shape != x.shape:
        loop = "; numpy.vectorize(function) goes through an array" if array.shape == () else ""
        raise ValueError(
            f"{subject} has shape {array.shape}, and the input has {x.shape}; expected a {thing} "
            f"for each number{loop}"
        )
    return array


def as_float64(array: Array, subject: str) -> Floats:
    """Values as float64; TypeError for what is not made of real numbers."""
    if not _is_real(array):
        raise TypeError(
            f"{subject} has dtype {array.dtype}, and values are real numbers of up to 64 bits; "
            "return them as float64"
        )
    # NumPy warns of signaling NaNs, which are among the inputs.
    with np.errstate(invalid="ignore"):
        return array.astype(np.float64)


def has_integers_for_fractions(array: Array, fmt: Format) -> bool:
    """Whether an array can hardly be of values of a format: it is of codes, then."""
    return array.dtype.kind in "iu" and fmt.smallest_positive_exact < 1


def codes_given(array: Array, fmt: Format, subject: str = "function: its result") -> Array:
    """The codes in an array of integers or of the format's own dtype."""
    if fmt.dtype is not None and array.dtype == fmt.dtype:
        words = array.view(f"u{array.dtype.itemsize}")
        # ml_dtypes keeps the small formats in bytes, negative integers with their sign extended.
        return words & words.dtype.type(2**fmt.bits - 1) if fmt.bits < 32 else words
    if array.dtype.kind in "iu":
        return array
    own = "" if fmt.dtype is None else f" (or of dtype {fmt.dtype})"
    way_out = "if these are values, pass kind='round'" if _is_real(array) else "return integers"
    raise TypeError(f"{subject} has dtype {array.dtype}, and codes are integers{own}; {way_out}")


def _require_range(codes: Array, fmt: Format, subject: str) -> None:
    largest = 2**fmt.bits - 1
    name = f"{subject} has integers"
    if codes.dtype.kind == "i":
        way_out = f"a code is a bit pattern, which `& {largest}` gives of a negative integer"
        refuse_where(name, codes, lambda c: c < 0, "negative", way_out)
    way_out = f"codes of {fmt.name} have {fmt.bits} bits; if these are values, pass kind='round'"
    refuse_where(name, codes, lambda c: c > largest, f"above {largest}", way_out)


def _is_real(array: Array) -> bool:
    try:
        read_real("function", array)
    except TypeError:
        return False
    return True


def differ(expected: Floats, given: Floats) -> NDArray[np.bool_]:
    """Where values are not the same: NaNs all are, zeros of different sign are not."""
    same: NDArray[np.bool_] = (expected == given) & (np.signbit(expected) == np.signbit(given))
    return ~(same | (np.isnan(expected) & np.isnan(given)))


class Findings:
    """Mismatches as they are found, and the report that comes of them."""

    def __init__(self, fmt: Format, rounding: RoundingMode, saturation: str) -> None:
        self._fmt, self._rounding, self._saturation = fmt, rounding, saturation
        self._counts: dict[str, int] = {}
        self._examples: dict[str, list[Mismatch]] = {}
        self.tried = 0

    def compare(
        self, x: Array, expected: Floats, given: Floats, random_bits: Array | None = None
    ) -> None:
        """Take in the results for some inputs, which are numbers to be rounded."""
        self.tried += x.size
        wrong = np.flatnonzero(differ(expected, given))
        if wrong.size:
            drawn = None if random_bits is None else random_bits[wrong]
            x, expected, given = x[wrong], expected[wrong], given[wrong]
            causes = classify(x, expected, given, self._fmt, self._rounding, self._saturation)
            self.add(causes, x, expected, given, drawn)

    def add(
        self,
        causes: Array,
        x: Array,
        expected: Floats,
        given: Floats,
        random_bits: Array | None = None,
        flags: Sequence[tuple[str, str]] | None = None,
    ) -> None:
        """Take in mismatches with their causes; flags, expected and given, if these are wrong."""
        values = finite_values(self._fmt)
        for cause in map(str, np.unique(causes)):
            found = np.flatnonzero(causes == cause)
            self._counts[cause] = self._counts.get(cause, 0) + found.size
            kept = self._examples.setdefault(cause, [])
            for i in _nearest_to_one(found, x)[:_CANDIDATES]:
                drawn = None if random_bits is None else int(random_bits[i])
                ends = _neighbours(float(x[i]), values, self._fmt)
                kept.append(
                    Mismatch(
                        self._fmt,
                        self._rounding,
                        self._saturation,
                        cause,
                        x[i],
                        *ends,
                        float(expected[i]),
                        float(given[i]),
                        drawn,
                        None if flags is None else flags[i],
                    )
                )
            kept.sort(key=lambda mismatch: simplicity(mismatch.input))
            del kept[_EXAMPLES:]

    def report(self, *, is_proof: bool = False) -> Report:
        """All that was found. What is told of each example is asked of the oracle once more."""
        for mismatch in self._all_examples():
            _confirm(mismatch)
        groups = {
            cause: Group(self._counts[cause], tuple(kept)) for cause, kept in self._examples.items()
        }
        return Report(self._fmt, self._rounding, self.tried, groups, is_proof)

    def _all_examples(self) -> Iterator[Mismatch]:
        for kept in self._examples.values():
            yield from kept


def _nearest_to_one(found: NDArray[np.intp], x: Array) -> NDArray[np.intp]:
    """Places of numbers, those with the smallest exponents first."""
    with np.errstate(invalid="ignore"):
        exponent = np.frexp(x[found].astype(np.float64))[1]
    return found[np.argsort(np.abs(exponent), kind="stable")]


def _neighbours(x: float, values: Floats, fmt: Format) -> tuple[float | None, float | None]:
    """The values about a number, or None beyond the ends. `values` are all of those of a format of
    16 bits and fewer.
    """
    if fmt.bits > EVERY_CODE_BITS and fmt.min <= x <= fmt.max:
        ends = (fmt.encode(x, mode) for mode in ("toward_negative", "toward_positive"))
        low, high = (float(fmt.decode(code, dtype=np.float64)) for code in ends)
        return low, high
    below, above = np.searchsorted(values, x, "right") - 1, np.searchsorted(values, x, "left")
    return (
        float(values[below]) if below >= 0 else None,
        float(values[above]) if above < values.size else None,
    )


def _confirm(mismatch: Mismatch) -> None:
    """An example's expected value comes from the fast codec; `exact` must say the same."""
    if mismatch.cause in ("code", "probability") or np.isnan(mismatch.expected):
        return
    code = exact.project(
        mismatch.input,
        mismatch.fmt,
        mismatch.rounding,
        mismatch.saturation,
        nan="max" if not mismatch.fmt.has_nan else "raise",
        random_bits=mismatch.random_bits,
    )
    expected = float(exact.decode(code, mismatch.fmt))
    is_number = not np.isnan(float(mismatch.input))
    if is_number and expected != mismatch.expected:
        raise OracleError(f"numformats is wrong, and exact says {expected}: {mismatch}")
