"""What was measured, beside what normal numbers of the same size would have cost."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from numformats.analysis.distributions import Normal
from numformats.analysis.expected import MOST_BITS, expected_error
from numformats.analysis.results import Comparison, Row
from numformats.formats.format import Format
from numformats.modes import Stochastic
from numformats.scaled.catalogue import element_of, find
from numformats.scaled.formats import ScaledFormat


def beside_expected(
    comparison: Comparison,
    formats: Iterable[str | Format | ScaledFormat],
    rounding: str | Stochastic = "nearest_even",
    saturation: str = "none",
) -> Comparison:
    """A comparison whose rows tell what was expected, too, in the column ``normal dB``.

    That is the SQNR of normal numbers with the mean square of those measured, in the same format,
    with the same scale. Where the measured one is well below, the numbers are not like normal ones:
    they have outliers, or channels of their own sizes.

    Parameters
    ----------
    comparison : Comparison
        Of one tensor; of several it is told where their comparisons, each with this, are merged.
    formats, rounding, saturation
        As they were given to `compare`.

    Raises
    ------
    TypeError, ValueError
        For what `compare` refuses, and for a row of a format that is not among `formats`.

    Notes
    -----
    It is NaN for rows without a signal, and for formats of more than 16 bits.

    Examples
    --------
    >>> import numpy as np
    >>> import numformats as nf
    >>> x = np.random.default_rng(0).standard_normal((64, 64))
    >>> x[3] *= 50  # a channel of its own size
    >>> formats = ["int8", "mxfp4"]
    >>> for row in beside_expected(nf.compare(x, formats), formats).rows:
    ...     print(row.format, row.scaling, round(row.stats.sqnr_db), round(row.expected_db))
    int8 absmax 26 26
    int8 none 21 28
    mxfp4 blocks 18 19
    """
    known = {fmt.name: fmt for fmt in map(find, formats)}

    def expected(row: Row) -> float:
        if row.format not in known:
            raise ValueError(f"formats: {row.format} is compared, and not among {', '.join(known)}")
        fmt, stats = known[row.format], row.stats
        is_known = 0 < stats.signal < math.inf and element_of(fmt).bits <= MOST_BITS
        if not is_known:
            return math.nan
        source = Normal(0.0, math.sqrt(stats.signal / stats.finite))
        scale = 1.0 if math.isnan(row.scale) else row.scale
        return expected_error(
            fmt, source, scale=scale, rounding=rounding, saturation=saturation
        ).sqnr_db

    rows = tuple(replace(row, expected_db=expected(row)) for row in comparison.rows)
    return replace(comparison, rows=rows)
