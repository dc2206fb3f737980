"""Arithmetic in a format: an exact result, projected once.

The operations of IEEE P3109 are found by their declarations, as it writes them (`specialization`).
"""

from __future__ import annotations

from numformats.arithmetic.conforming_set import conforming_set
from numformats.arithmetic.declarations import NotProvidedError, ProjectionSpecification
from numformats.arithmetic.p3109_operations import P3109Operation
from numformats.arithmetic.specializations import Specialization, provided, specialization

__all__ = [
    "NotProvidedError",
    "P3109Operation",
    "ProjectionSpecification",
    "Specialization",
    "conforming_set",
    "provided",
    "specialization",
]
