"""`check_rounding`: where an implementation departs from what a format means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from numformats import codec
from numformats.codec.arguments import read_random_bits, read_real
from numformats.formats.format import Format
from numformats.modes import (
    RoundingMode,
    Stochastic,
    parse_nan,
    parse_rounding,
    parse_saturation,
    random_bit_count,
)
from numformats.system import require_system
from numformats.testing import exhaustive, stochastic
from numformats.testing.comparing import KINDS, Findings, Kind, differ, results_of, values_given
from numformats.testing.decision_points import (
    EVERY_CODE_BITS,
    decision_inputs,
    finite_values,
    fraction_inputs,
    read_input_dtype,
)
from numformats.testing.projection import Projection
from numformats.testing.report import Report, RoundingError

Array = NDArray[Any]
Function = Callable[..., Any]

# Inputs tried at random, beside those at which the projection changes its mind.
DEFAULT_BUDGET: Final = 1 << 17


def check_rounding(
    function: Function,
    fmt: Format,
    rounding: str | Stochastic = "nearest_even",
    saturation: str = "none",
    dtype: DTypeLike = np.float32,
    kind: Kind = "encode",
    budget: int | Literal["exhaustive"] = DEFAULT_BUDGET,
    *,
    nan: str = "raise",
    draws: Literal["own", "given"] = "own",
    seed: int = 0,
    raise_on_failure: bool = False,
    progress: bool = False,
) -> Report:
    """Find where a function departs from a projection, and say why it might.

    Parameters
    ----------
    function : callable
        What is to be checked. It gets a one-dimensional array of `dtype` and returns an array of
        as many codes (``kind="encode"``; integers, or the format's own dtype) or values
        (``"round"``); for ``"decode"`` it gets codes and returns values.
    fmt, rounding, saturation, nan
        The projection it should carry out, as for `numformats.codec.encode`. Where the format has
        no NaN and `nan` is "raise", no NaN is tried; nor is infinity under ``wrap``.
    dtype : dtype
        The inputs: float16, bfloat16, float32, float64 or an integer dtype.
    budget : int or "exhaustive"
        How many inputs to try at random after those at which the projection changes its mind, which
        are tried in any case. "exhaustive" tries them all: every float32, float16 or bfloat16.
    draws : {"own", "given"}
        For stochastic modes: the function draws its random numbers itself, and is held to their
        probabilities (with a chance of a false alarm below 1e-9); or it takes them as a second
        argument, an array of integers below 2**N, and is held to each result.
    seed : int
        Of the inputs tried at random.
    raise_on_failure : bool
        Raise `RoundingError`, with the simplest counterexample, if anything is found.
    progress : bool
        Show how far an exhaustive check is.

    Returns
    -------
    Report
        What was found, grouped by cause. Values are compared: NaNs are all the same, and so are two
        codes of one value, but zeros of different sign are not.

    Raises
    ------
    TypeError, ValueError
        For a format, mode or dtype that is unknown or does not fit, and for results of another
        shape or type than asked for.
    RoundingError
        If `raise_on_failure`, and anything was found.

    Examples
    --------
    ml_dtypes rounds float64 to float32 first:

    >>> import numformats as nf
    >>> f = nf.float8_e4m3fn
    >>> def cast(x):
    ...     with np.errstate(all="ignore"):
    ...         return x.astype(f.dtype)
    >>> check_rounding(cast, f).passed
    True
    >>> report = check_rounding(cast, f, dtype=np.float64)
    >>> list(report.mismatches)
    ['double rounding']
    """
    require_system(fmt)
    _require_function(function)
    mode = parse_rounding(rounding)
    mode_of_saturation, policy = parse_saturation(saturation), parse_nan(nan)
    _require_kind(kind, KINDS)
    _require_draws(draws, mode)
    is_proof = isinstance(budget, str) and budget == "exhaustive"
    if not is_proof:
        _require_count("budget", budget, "a number of inputs (an int) or 'exhaustive'")
    _require_count("seed", seed, "an int, 0 or more")
    projection = Projection(fmt, mode, mode_of_saturation, policy)
    findings = Findings(fmt, mode, mode_of_saturation)
    if kind == "decode":
        is_proof = _check_decoding(function, fmt, findings)
    elif not isinstance(budget, int):
        if random_bit_count(mode):
            raise ValueError(
                f"budget: 'exhaustive', and only what is deterministic can be proved; rounding is "
                f"{mode}: give a number of inputs"
            )
        exhaustive.prove(function, projection, read_input_dtype(dtype), kind, findings, progress)
    else:
        x = inputs(fmt, dtype, budget, seed)
        if projection.random_bit_count:
            turns = fraction_inputs(fmt, dtype, projection.random_bit_count)
            x = np.concatenate([x, turns])
        x = x[projection.admits(x)]
        _check_inputs(function, projection, x, kind, draws, findings, seed)
    report = findings.report(is_proof=is_proof)
    if raise_on_failure and not report.passed:
        raise RoundingError(report)
    return report


def _require_function(function: object) -> None:
    if not callable(function):
        raise TypeError(
            f"function: expected a function of arrays, got {type(function).__name__}; "
            "assert_rounded compares results that are there already"
        )


def _require_kind(kind: object, kinds: Sequence[str]) -> None:
    if not isinstance(kind, str) or kind not in kinds:
        raise ValueError(f"kind: {kind!r}; expected one of {', '.join(kinds)}")


def _require_draws(draws: object, mode: RoundingMode) -> None:
    if not isinstance(draws, str) or draws not in ("own", "given"):
        raise ValueError(f"draws: {draws!r}; expected 'own' or 'given'")
    if draws == "given" and not random_bit_count(mode):
        raise ValueError(
            f"draws: 'given', and {mode} rounding draws nothing; leave it out or choose a "
            "stochastic mode"
        )


def _require_count(argument: str, value: object, expected: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{argument}: {value!r}; expected {expected}")


def assert_rounded(
    given: Any,
    x: Any,
    fmt: Format,
    rounding: str | Stochastic = "nearest_even",
    saturation: str = "none",
    kind: Literal["encode", "round"] = "encode",
    *,
    nan: str = "raise",
    random_bits: Any = None,
) -> None:
    """Assert that numbers became what a projection makes of them; a failure tells their story.

    Parameters
    ----------
    given : array_like
        What they became: codes, or values for ``kind="round"``.
    x : array_like
        The numbers, as for `numformats.codec.encode`.
    fmt, rounding, saturation, nan, random_bits
        The projection, as there; random bits for each number, in stochastic modes.

    Raises
    ------
    RoundingError
        Which is an AssertionError, with the simplest number that became something else.
    TypeError, ValueError
        For what is of another kind or shape than asked for, and for random bits that are missing.

    Examples
    --------
    >>> import numformats as nf
    >>> assert_rounded(0x78, np.float32(272.5), nf.float8_e4m3fn)
    Traceback (most recent call last):
        ...
    numformats.testing.report.RoundingError: float8_e4m3fn, nearest_even: failed, 1 inputs
              1  other
    float8_e4m3fn, nearest_even, saturation none: other
      input     0x43884000 = 272.5
      between   256 and 288
      rule      the nearer neighbour; of two equally near, the one with the even code
      expected  288
      given     256
    """
    require_system(fmt)
    _require_kind(kind, ("encode", "round"))
    mode, mode_of_saturation = parse_rounding(rounding), parse_saturation(saturation)
    projection = Projection(fmt, mode, mode_of_saturation, parse_nan(nan))
    numbers = read_real("x", x)
    count = projection.random_bit_count
    if random_bits is None and count:
        raise ValueError(
            f"random_bits: none given, and {mode} rounding takes {count} for each number; give "
            "those that were drawn, or let check_rounding judge by probabilities"
        )
    drawn = None
    if random_bits is not None:
        drawn = read_random_bits(random_bits, numbers.shape, count, str(mode))
    values = values_given(given, numbers, fmt, kind, "given: it")
    expected = projection.values(numbers, drawn)
    findings = Findings(fmt, mode, mode_of_saturation)
    findings.compare(
        numbers.ravel(), expected.ravel(), values.ravel(), None if drawn is None else drawn.ravel()
    )
    report = findings.report()
    if not report.passed:
        raise RoundingError(report)


def inputs(fmt: Format, dtype: DTypeLike, budget: int, seed: int) -> Array:
    """The decision inputs of a format, and as many more as the budget allows.

    Half of these are arbitrary bits, half lie anywhere between two neighbouring values.
    """
    rng = np.random.default_rng(seed)
    read = read_input_dtype(dtype)
    arbitrary = rng.bytes(budget // 2 * read.itemsize)
    values = finite_values(fmt)
    place = rng.integers(0, len(values) - 1, budget - budget // 2)
    part = rng.random(place.size)
    between = values[place] * (1 - part) + values[place + 1] * part
    if read.kind in "iu":
        info = np.iinfo(read)
        # float64 has no number just below 2**63; one that it has is near enough.
        highest = np.nextafter(float(info.max), 0) if read.itemsize == 8 else float(info.max)
        between = np.clip(np.rint(between), float(info.min), highest)
    with np.errstate(over="ignore"):
        near = between.astype(read)
    return np.concatenate([decision_inputs(fmt, read), np.frombuffer(arbitrary, read), near])


def _check_inputs(
    function: Function,
    projection: Projection,
    x: Array,
    kind: Kind,
    draws: str,
    findings: Findings,
    seed: int,
) -> None:
    if projection.random_bit_count == 0:
        given = values_given(results_of(function, x.copy()), x, projection.format, kind)
        findings.compare(x, projection.values(x), given)
    elif draws == "given":
        stochastic.check_given_draws(function, projection, x, kind, findings, seed)
    else:
        stochastic.check_probabilities(function, projection, x, kind, findings, seed)


def _check_decoding(function: Function, fmt: Format, findings: Findings) -> bool:
    """Compare the values of all codes, or of many; whether they were all."""
    is_all = fmt.bits <= EVERY_CODE_BITS
    count = 2**fmt.bits if is_all else DEFAULT_BUDGET
    codes = np.arange(count, dtype=np.uint32)
    if not is_all:
        codes = np.random.default_rng(0).integers(0, 2**fmt.bits, count, dtype=np.uint32)
    given = values_given(results_of(function, codes.copy()), codes, fmt, "decode")
    expected = np.asarray(codec.decode(codes, fmt, dtype=np.float64))
    findings.tried += codes.size
    wrong = np.flatnonzero(differ(expected, given))
    if wrong.size:
        causes = np.full(wrong.size, "code")
        findings.add(causes, codes[wrong], expected[wrong], given[wrong])
    return is_all
