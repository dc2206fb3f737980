"""`fit`: the constants of a law from data, with intervals by resampling the runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numformats.checks import unknown
from numformats.laws.arguments import Floats
from numformats.laws.families import FAMILIES, Family, LogSum
from numformats.laws.fitted import Fit, HeldOut, ShareLaw, intervals_of, r_squared
from numformats.laws.forms import ExponentialHarm, PowerHarm, Saturation
from numformats.laws.ouyang import HarmLaw
from numformats.laws.records import Law, Range, Source
from numformats.laws.rows import Rows, Table, read_rows

Loss: TypeAlias = Literal["least_squares", "huber"]
LOSSES: Final = ("least_squares", "huber")
# The formula of a law that `fit` fits.
_FAMILY_OF_FORM: Final = {ExponentialHarm: "exponential", PowerHarm: "power"}
# The residuals from which on Huber's loss is linear, in their robust standard deviations: it is
# then 95 % as efficient as least squares where nothing is astray (Huber 1964).
_HUBER: Final = 1.345
_MAD_OF_NORMAL: Final = 0.6745


def fit(
    law: str | Law,
    data: Table,
    *,
    loss: Loss = "least_squares",
    bootstrap: int = 1000,
    rng: int | np.random.Generator | None = 0,
    held_out: ArrayLike | None = None,
    fixed: Mapping[str, float] | None = None,
) -> Fit:
    """Fit the constants of a law to data.

    Parameters
    ----------
    law : str or Law
        A law of `LAWS` whose harm is to be fitted (`precision`, `ouyang`), or the name of a
        formula: "exponential" (Kumar et al.: harm d = factor D^gamma_data / N^gamma_parameters
        e^(-P / gamma_bits)), "power" (Ouyang et al.: P^-gamma_bits), "saturating" (share of the
        parameters 1 - e^(-P / gamma)), "saturating_offset" (1 - e^(-P / gamma + offset)).
    data : mapping of columns, or iterable of mappings
        `bits`, `parameters`, `tokens` and `harm`, in nats per token or any unit; `bits` and
        `share` for the last two. A column `run` tells which rows are of the same model; without it
        each row is a run of its own.
    loss : "least_squares" or "huber"
        Of the logarithms of the harm, or of shares themselves. Huber's is linear beyond 1.345
        robust standard deviations, so that a few runs astray matter less.
    bootstrap : int
        How many times the runs are drawn anew, all rows of a run together, for the 95 % intervals;
        0 for none.
    rng : int, Generator or None
        What they are drawn with (SPEC 7); by default the same each time.
    held_out : array_like of bool, optional
        The rows to leave out, and to predict: best all rows of some runs, since those of a run
        know of each other.
    fixed : mapping of str to float, optional
        Constants of "exponential" and "power" that are given: ``{"gamma_parameters": 0.34}`` for
        runs of one size.

    Returns
    -------
    Fit
        The law, its constants with intervals, R2, residuals.

    Raises
    ------
    ValueError
        For no rows, columns that are missing or of different lengths, harm that is not above 0,
        NaN, and rows that do not tell the constants: bits of one kind, one size of model, too few.
    ImportError
        Without SciPy, for Huber's loss and for shares: ``pip install "numformats[laws]"``.

    Notes
    -----
    The intervals are those of the percentiles. With few runs they are a little too narrow: in 300
    simulations of 16 runs they held the constants 92 to 95 times of 100 (`tests/test_law_fits.py`
    has the like).

    Examples
    --------
    >>> from numformats import laws
    >>> truth = laws.precision.after
    >>> rows = [
    ...     {"bits": bits, "parameters": n, "tokens": d, "harm": float(truth.harm(bits, n, d))}
    ...     for n in (3e7, 1e8) for d in (2e9, 8e9, 2e10) for bits in (3, 4, 5)
    ... ]
    >>> found = laws.fit("exponential", rows, bootstrap=0)
    >>> print(found)
    exponential: 18 rows of 18 runs, R2 1.000
    factor            0.1847
    gamma_data        0.5068
    gamma_parameters  0.3439
    gamma_bits        0.5907
    """
    if loss not in LOSSES:
        raise ValueError(unknown("loss", str(loss), LOSSES))
    if bootstrap < 0:
        raise ValueError(f"bootstrap: {bootstrap}; expected a number of resamples, or 0 for none")
    family = _with_fixed(_family(law), fixed)
    rows = read_rows(data, family.columns, family.target)
    seen, unseen = _apart(rows, held_out)
    if len(seen) <= len(family.constants):
        raise ValueError(
            f"data: {len(seen)} rows for {len(family.constants)} constants; a fit needs more rows "
            "than constants"
        )
    coefficients = _solve(family, seen, loss)
    measured = family.measure(seen.target)
    residuals = measured - family.predict(seen.columns, coefficients)
    resamples = _resamples(family, seen, loss, bootstrap, np.random.default_rng(rng))
    values = family.values(coefficients)
    constants = {name: float(v) for name, v in zip(family.constants, values, strict=True)}
    return Fit(
        law=_law(family, constants, seen),
        constants=constants,
        intervals=intervals_of(family.constants, resamples),
        r2=r_squared(measured, residuals),
        residuals=residuals,
        rows=len(seen),
        runs=seen.runs,
        loss=loss,
        resamples=resamples,
        held_out=None if unseen is None else _held_out(family, unseen, coefficients),
        family=family,
    )


def _family(law: str | Law) -> Family:
    if isinstance(law, str):
        if law not in FAMILIES:
            raise ValueError(unknown("law", law, FAMILIES))
        return FAMILIES[law]
    if not isinstance(law, Law):
        raise TypeError(f"law: expected a Law or a name, got {type(law).__name__} {law!r}")
    for field in fields(law):
        name = _FAMILY_OF_FORM.get(type(getattr(law, field.name)))
        if name is not None:
            return FAMILIES[name]
    raise ValueError(
        f"law: {law.name} has no formula of the harm after training; expected {', '.join(FAMILIES)}"
    )


def _with_fixed(family: Family, fixed: Mapping[str, float] | None) -> Family:
    if not fixed:
        return family
    if not isinstance(family, LogSum):
        raise ValueError(f"fixed: {family.name} has no constants that can be given")
    for name in fixed:
        if name not in family.constants:
            raise ValueError(unknown("fixed", name, family.constants))
    return replace(family, fixed=tuple((name, float(value)) for name, value in fixed.items()))


def _apart(rows: Rows, held_out: ArrayLike | None) -> tuple[Rows, Rows | None]:
    if held_out is None:
        return rows, None
    mask = np.asarray(held_out)
    if mask.dtype != np.bool_ or mask.shape != (len(rows),):
        raise ValueError(
            f"held_out: {mask.dtype} of shape {mask.shape}; expected a bool for each of the "
            f"{len(rows)} rows"
        )
    if mask.all() or not mask.any():
        raise ValueError("held_out: leaves no rows on one side; hold out some, and not all")
    return rows.take(~mask), rows.take(mask)


def _solve(family: Family, rows: Rows, loss: Loss) -> Floats:
    """The coefficients of least loss."""
    measured = family.measure(rows.target)
    start = family.start(rows.columns, measured)
    if loss == "least_squares" and family.is_straight:
        return start
    if loss == "least_squares":
        return _descend(family, rows, start, {"loss": "linear"})
    away = np.abs(measured - family.predict(rows.columns, start))
    deviation = float(np.median(away)) / _MAD_OF_NORMAL
    # Where most rows are met exactly, any of the smallest differences will do.
    delta = max(_HUBER * deviation, 1e-9)
    return _descend(family, rows, start, {"loss": "huber", "f_scale": delta})


def _descend(family: Family, rows: Rows, start: Floats, how: dict[str, Any]) -> Floats:
    measured = family.measure(rows.target)
    found = _least_squares()(
        lambda coefficients: family.predict(rows.columns, coefficients) - measured,
        start,
        jac=lambda coefficients: family.slopes(rows.columns, coefficients),
        x_scale="jac",
        **how,
    )
    if found.status <= 0:
        raise ValueError(f"data: the fit does not settle ({found.message})")
    return np.asarray(found.x, dtype=np.float64)


def _least_squares() -> Any:
    try:
        from scipy.optimize import least_squares
    except ImportError as error:
        raise ImportError(
            'this fit needs SciPy: pip install "numformats[laws]" (least squares of the harm do '
            "without)"
        ) from error
    return least_squares


def _resamples(
    family: Family, rows: Rows, loss: Loss, count: int, rng: np.random.Generator
) -> Floats:
    """The constants of resamples of the runs, of those that tell them."""
    if not count:
        return np.empty((0, len(family.constants)))
    if rows.runs < 3:
        raise ValueError(
            f"data: {rows.runs} runs; intervals need three or more. Without them: bootstrap=0"
        )
    of_run: list[NDArray[np.intp]] = [
        np.flatnonzero(rows.run == run) for run in np.unique(rows.run)
    ]
    found = []
    for _ in range(count):
        drawn = rng.integers(len(of_run), size=len(of_run))
        resample = rows.take(np.concatenate([of_run[run] for run in drawn]))
        try:
            found.append(family.values(_solve(family, resample, loss)))
        except ValueError:  # all runs of one size, say
            continue
    if len(found) < count / 2:
        raise ValueError(
            f"data: {rows.runs} runs are too few for intervals: {count - len(found)} of {count} "
            "resamples do not tell the constants. Add runs, give some constants as `fixed`, or "
            "do without intervals: bootstrap=0"
        )
    return np.array(found)


def _held_out(family: Family, rows: Rows, coefficients: Floats) -> HeldOut:
    measured = family.measure(rows.target)
    residuals = measured - family.predict(rows.columns, coefficients)
    return HeldOut(len(rows), r_squared(measured, residuals), residuals)


def _law(family: Family, constants: dict[str, float], rows: Rows) -> HarmLaw | ShareLaw:
    formula = family.formula(constants)
    told = (
        "fit",
        Source(f"a fit of {len(rows)} rows"),
        tuple(Range(n, float(c.min()), float(c.max())) for n, c in rows.columns.items()),
    )
    if isinstance(formula, Saturation):
        return ShareLaw(*told, training=formula)
    assert isinstance(formula, ExponentialHarm | PowerHarm)
    return HarmLaw(*told, after=formula)
