"""Why a number becomes the code that it becomes: explanations to read, print and draw.

`explain` takes a number, or one operation on numbers, and a format; `explain_code` a code. Nothing
is rounded here: `numformats.exact` is asked, and what it found is told in words.
"""

from __future__ import annotations

# Before modules of it: see `numformats.analysis`.
from numformats import scaled  # noqa: F401
from numformats.teaching.codes import CodeExplanation
from numformats.teaching.entry import explain, explain_code
from numformats.teaching.explanation import Explanation
from numformats.teaching.records import Computation, Decision, Error, Neighbour
from numformats.teaching.scaled import ScaledExplanation

__all__ = [
    "CodeExplanation",
    "Computation",
    "Decision",
    "Error",
    "Explanation",
    "Neighbour",
    "ScaledExplanation",
    "explain",
    "explain_code",
]
