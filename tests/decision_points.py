"""The inputs at which a projection changes its mind, and what else the tests share."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

import numformats as nf
from numformats import Format, IntFormat, Stochastic
from numformats.modes import ROUNDING_NAMES, RoundingMode

DETERMINISTIC: tuple[RoundingMode, ...] = tuple(
    name for name in ROUNDING_NAMES if name != "stochastic_equal"
)
NAMED = [nf.get_format(name) for name in nf.list_formats()]
NARROW_FORMATS = [fmt for fmt in NAMED if fmt.bits <= 8]


def saturations(fmt: Format) -> list[str]:
    """The saturation modes that a format takes."""
    modes = ["none", "finite", "propagate"]
    wraps = isinstance(fmt, nf.FixedFormat) or (isinstance(fmt, IntFormat) and not fmt.narrow)
    return [*modes, "wrap"] if wraps else modes


def finite_values(fmt: Format) -> list[Fraction]:
    """The distinct finite values of a format, ascending."""
    decoded = (nf.exact.decode(code, fmt) for code in range(2**fmt.bits))
    return sorted({Fraction(value) for value in decoded if math.isfinite(value)})


def decision_points(fmt: Format) -> NDArray[np.float64]:
    """Each value, each midpoint, the first overflow points and more beyond both ends; each with the
    float64 just below and above it. Ascending, without NaN."""
    values = finite_values(fmt)
    points = {float(value) for value in values}
    points |= {float((a + b) / 2) for a, b in itertools.pairwise(values)}
    for end, step in ((values[-1], values[-1] - values[-2]), (values[0], values[0] - values[1])):
        points |= {float(end + step * Fraction(k, 2)) for k in range(1, 9)}
        points |= {float(end * 1000), float(end) * 2.0**60}
    smallest = float(fmt.smallest_positive_exact)
    points |= {smallest / 2, -smallest / 2, smallest / 1024, -smallest / 1024}
    points |= {math.inf, -math.inf, 5e-324, -5e-324, 1.7e308, -1.7e308, 0.0}
    exact_points = np.array(sorted(points))
    with np.errstate(over="ignore"):
        around = [np.nextafter(exact_points, -np.inf), np.nextafter(exact_points, np.inf)]
    return np.unique(np.concatenate([exact_points, *around]))


def with_signed_zeros(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([points, [0.0, -0.0]])


def project_all(
    points: NDArray[np.float64],
    fmt: Format,
    rounding: str | Stochastic,
    saturation: str = "none",
    random_bits: int | None = None,
) -> list[int]:
    """`exact.project` of each point."""
    return [
        nf.exact.project(point, fmt, rounding, saturation, random_bits=random_bits)
        for point in points.tolist()
    ]
