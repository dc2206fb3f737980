"""Whether compiled loops sum a product of matrices, and handing it to them."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from numformats.arithmetic.accumulators import Accumulator, Result
from numformats.arithmetic.operands import Operand

Floats = NDArray[np.float64]

# A multiplication and addition in NumPy takes as long as encoding so many numbers.
_ELEMENTS_PER_PRODUCT: Final = 8


def compiled_sums(
    a: Operand, b: Operand, c: Floats, acc: Accumulator, result: Result
) -> Floats | None:
    """What compiled loops make of matrices (m, k) and (k, n) on top of c (m, n); None where there
    are none for such sums, or where loading them is not worth it yet.
    """
    return None
