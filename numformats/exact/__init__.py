"""The meaning of every projection, written once, in exact arithmetic on integers and Fractions.

This is the oracle that all fast paths are tested against. It follows the equations of IEEE P3109
(interim report v4.0) and of IEEE 754-2019, clause by clause, and is meant to be checked by reading:

    project = read the number, round it to one of its two neighbours, saturate, encode

`rounding` has the second of these and `saturation` the third; `projection` puts them together. They
know a number system by its steps alone (`numformats.system`), and are slow: for arrays use the
codec.
"""

from __future__ import annotations

from numformats.exact.flags import Flags
from numformats.exact.projection import Trace, decode, flags, project, trace

__all__ = ["Flags", "Trace", "decode", "flags", "project", "trace"]
