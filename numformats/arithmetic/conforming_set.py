"""The specializations that IEEE P3109 asks of every implementation: clause 4.5."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Final

F8: Final = ("Binary8p4se", "Binary8p3se")
F4: Final = ("Binary4p2sf",)
# One of these would be enough.
FX: Final = ("binary32", "binary16", "BFloat16")
SCALES: Final = ("Binary8p1uf",)
RHO: Final = "(NearestTiesToEven, SatNone)"

_EXTREMA: Final = tuple(
    f"{side}{kind}"
    for kind in ("", "Number", "Magnitude", "MagnitudeNumber", "Finite")
    for side in ("Minimum", "Maximum")
)
_COMPARISONS: Final = tuple(
    f"Compare{kind}" for kind in ("Less", "LessEqual", "Equal", "Greater", "GreaterEqual")
)
_OF_ONE: Final = (
    *(f"Is{word}" for word in ("Zero", "One", "NaN", "Infinite", "Finite", "SignMinus")),
    *("IsNormal", "IsSubnormal", "NextGreaterThan", "NextLessThan"),
)
_OF_FORMATS: Final = (
    *("BitwidthOf", "PrecisionOf", "SignednessOf", "DomainOf", "ExponentBitwidthOf"),
    *("TrailingSignificandBitwidthOf", "ExponentBiasOf", "MaxFiniteOf", "MinFiniteOf"),
    *("MinPositiveOf", "MaxSubnormalOf", "MinNormalOf"),
)


def conforming_set() -> Iterator[str]:
    """The declarations of clause 4.5, with all three external formats.

    >>> len(list(conforming_set()))
    549
    >>> next(conforming_set())
    'Convert<Binary4p2sf, Binary4p2sf, (NearestTiesToEven, SatNone)>'
    """
    narrow, every = (*F4, *F8), (*F4, *F8, *FX)
    for name, f, fr in product(("Convert", "Recip"), every, every):
        yield f"{name}<{f}, {fr}, {RHO}>"
    for name, f in product(("Negate", "Abs"), narrow):
        yield f"{name}<{f}, {f}, {RHO}>"
    results = (*F8, *FX)
    for name, f1, f2, fr in product(("Add", "Subtract", "Multiply"), narrow, narrow, results):
        yield f"{name}<{f1}, {f2}, {fr}, {RHO}>"
    for name, f1, f2, fr in product(("FMA", "FAA"), narrow, narrow, FX):
        yield f"{name}<{f1}, {f2}, {fr}, {fr}, {RHO}>"
    for name, f in product(_EXTREMA, narrow):
        yield f"{name}<{f}, {f}, {f}, {RHO}>"
    for name, f in product(_COMPARISONS, narrow):
        yield f"{name}<{f}, {f}>"
    for name, f in product(_OF_ONE, narrow):
        yield f"{name}<{f}>"
    for name, f in product(_OF_FORMATS, every):
        yield f"{name}<{f}>"
    for name, fs, f1, f2, fr in product(
        ("Add", "Subtract", "Multiply"), SCALES, narrow, narrow, results
    ):
        yield f"Scaled{name}<({fs}, {f1}), ({fs}, {f2}), {fr}, {RHO}>"
