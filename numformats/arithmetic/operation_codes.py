"""Operations on arrays of formats and other numbers, as codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from numformats.arithmetic.application import apply
from numformats.arithmetic.coded import Array, plain
from numformats.arithmetic.projections import Projection
from numformats.formats.format import Format


def operation_codes(name: str, operands: Sequence[Any], fmt: Format, how: Projection) -> Array:
    """The codes of an operation of `numformats.exact.OPERATIONS`, projected once onto a format."""
    values = apply(name, [plain(operand) for operand in operands], fmt, **how.words)
    return np.asarray(fmt.encode(values))
