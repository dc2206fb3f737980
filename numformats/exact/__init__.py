"""The meaning of every projection, written once, in exact arithmetic on integers and Fractions.

This is the oracle that all fast paths are tested against. It follows the equations of IEEE P3109
(interim report v4.0) and of IEEE 754-2019, clause by clause, and is meant to be checked by reading:

    project = read the number, round it to one of its two neighbours, saturate, encode
    apply = evaluate an operation exactly, project the result
    compare, predicate, classify, next_up, next_down = what is not projected

`rounding` has the second step of a projection and `saturation` the third; `projection` puts them
together. `operations` is the table of operations, and `application` projects what comes of them.
They know a number system by its steps alone (`numformats.system`), and are slow: for arrays use the
codec.
"""

from __future__ import annotations

from numformats.exact.application import apply
from numformats.exact.classes import PREDICATES, classify, next_down, next_up, predicate
from numformats.exact.comparisons import COMPARISONS, compare
from numformats.exact.flags import Flags
from numformats.exact.operations import OPERATIONS, Operation
from numformats.exact.projection import Trace, decode, flags, project, trace

__all__ = [
    "COMPARISONS",
    "OPERATIONS",
    "PREDICATES",
    "Flags",
    "Operation",
    "Trace",
    "apply",
    "classify",
    "compare",
    "decode",
    "flags",
    "next_down",
    "next_up",
    "predicate",
    "project",
    "trace",
]
