"""Check the casts of ml_dtypes and PyTorch from float64 to small formats, and show what is found.

Both go through float32, so that some numbers are rounded twice. Run ::

    pip install "numformats[testing]" torch
    python examples/check_float64_casts.py

Without PyTorch, ml_dtypes alone is checked. To keep a cast right for good, hand what is here to
pytest: a function ``test_...`` with ``check_rounding(cast, fmt, raise_on_failure=True)`` will do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

import numformats as nf
from numformats.testing import check_rounding

Array = NDArray[Any]
Cast = Callable[[Array], Array]

FORMATS = ("float8_e4m3fn", "float8_e5m2", "float16", "bfloat16")


def cast_of_ml_dtypes(fmt: nf.Format) -> Cast:
    """The codes that `astype` gives."""

    def cast(x: Array) -> Array:
        with np.errstate(all="ignore"):  # of overflow and NaN, which are meant
            return x.astype(fmt.dtype)

    return cast


def casts_of_torch() -> Iterator[tuple[str, nf.Format, Cast, str]]:
    """The codes that `Tensor.to` gives, with the saturation that its casts have."""
    try:
        import torch
    except ModuleNotFoundError:
        return
    for name in FORMATS:
        fmt, dtype = nf.get_format(name), getattr(torch, name)

        def cast(x: Array, dtype: Any = dtype) -> Array:
            small = torch.from_numpy(x).to(dtype)
            return np.asarray(small.view(torch.uint8 if small.itemsize == 1 else torch.uint16))

        # From PyTorch 2.13 on, what is too large for E4M3 becomes its largest value.
        saturation = "finite" if name == "float8_e4m3fn" else "none"
        yield f"PyTorch {torch.__version__}", fmt, cast, saturation


def main() -> None:
    """Check every cast from float32, from which they are right, and from float64."""
    casts = [
        (f"ml_dtypes {ml_dtypes.__version__}", fmt, cast_of_ml_dtypes(fmt), "none")
        for fmt in map(nf.get_format, FORMATS)
    ]
    for library, fmt, cast, saturation in [*casts, *casts_of_torch()]:
        for dtype in (np.float32, np.float64):
            report = check_rounding(cast, fmt, saturation=saturation, dtype=dtype)
            print(f"{library}, from {np.dtype(dtype)}: {report}\n")


if __name__ == "__main__":
    main()
