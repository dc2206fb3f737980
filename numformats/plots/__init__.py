"""Pictures of formats and of rounding, with matplotlib (the extra ``plot``).

Every function draws on the axes that it is given as ``ax``, or on those of a new figure, and
returns them; `alt_text` tells what they show in words.
"""

from __future__ import annotations

from numformats.plots.alternatives import alt_text
from numformats.plots.comparing import error_curve, spacing
from numformats.plots.layout import bits
from numformats.plots.map_of_formats import formats_map
from numformats.plots.number_line import number_line
from numformats.plots.rounding import rounding_function, rounding_step

__all__ = [
    "alt_text",
    "bits",
    "error_curve",
    "formats_map",
    "number_line",
    "rounding_function",
    "rounding_step",
    "spacing",
]
