"""numformats says exactly what a low-precision number is.

A number format is a finite set of real values, each with a bit pattern, its code. A projection is a
rounding mode and a saturation mode: it sends any real number to one code.
"""

from __future__ import annotations

import importlib
import typing
from typing import TYPE_CHECKING

from numformats.formats import NAMED as _NAMED
from numformats.formats import get_format, list_formats
from numformats.formats.base import Format
from numformats.formats.floating import FloatFormat
from numformats.formats.fnuz import float8_e4m3b11fnuz, float8_e4m3fnuz, float8_e5m2fnuz
from numformats.formats.ieee import (
    bfloat16,
    dlfloat16,
    float8_e3m4,
    float8_e4m3,
    float8_e5m2,
    float16,
    float32,
    tf32,
)
from numformats.formats.integers import IntFormat
from numformats.formats.ocp import (
    float4_e2m1fn,
    float6_e2m3fn,
    float6_e3m2fn,
    float8_e4m3fn,
    float8_e8m0fnu,
)
from numformats.formats.p3109 import p3109

if TYPE_CHECKING:
    from numformats import analysis, codec, exact, scaled, testing
    from numformats.analysis import compare
    from numformats.codec import pack, unpack, warm_up
    from numformats.formats.fixed import FixedFormat
    from numformats.formats.tables import TableFormat
    from numformats.rounding import Stochastic
    from numformats.scaled import (
        PerBlock,
        PerChannel,
        PerTensor,
        PerTile,
        ScaledArray,
        ScaledFormat,
        ScaleRule,
        cast,
        get_scaled_format,
        list_scaled_formats,
        quantize,
    )

__version__ = "0.1.0"

__all__ = [
    "FixedFormat",
    "FloatFormat",
    "Format",
    "IntFormat",
    "PerBlock",
    "PerChannel",
    "PerTensor",
    "PerTile",
    "ScaleRule",
    "ScaledArray",
    "ScaledFormat",
    "Stochastic",
    "TableFormat",
    "analysis",
    "bfloat16",
    "cast",
    "codec",
    "compare",
    "dlfloat16",
    "exact",
    "float4_e2m1fn",
    "float6_e2m3fn",
    "float6_e3m2fn",
    "float8_e3m4",
    "float8_e4m3",
    "float8_e4m3b11fnuz",
    "float8_e4m3fn",
    "float8_e4m3fnuz",
    "float8_e5m2",
    "float8_e5m2fnuz",
    "float8_e8m0fnu",
    "float16",
    "float32",
    "get_format",
    "get_scaled_format",
    "list_formats",
    "list_scaled_formats",
    "p3109",
    "pack",
    "quantize",
    "scaled",
    "testing",
    "tf32",
    "unpack",
    "warm_up",
]

# Loaded when first asked for, so that importing the package costs little more than NumPy does.
_MODULES = ("analysis", "codec", "exact", "scaled", "testing")
_NAMES = {
    "FixedFormat": "formats.fixed",
    "PerBlock": "scaled",
    "PerChannel": "scaled",
    "PerTensor": "scaled",
    "PerTile": "scaled",
    "ScaleRule": "scaled",
    "ScaledArray": "scaled",
    "ScaledFormat": "scaled",
    "Stochastic": "rounding",
    "TableFormat": "formats.tables",
    "cast": "scaled",
    "compare": "analysis",
    "get_scaled_format": "scaled",
    "list_scaled_formats": "scaled",
    "pack": "codec",
    "quantize": "scaled",
    "unpack": "codec",
    "warm_up": "codec",
}


def __getattr__(name: str) -> Format:
    """Parts that load on demand, and every format by name: `numformats.int8`, `.binary8p4se`."""
    if name in _MODULES:
        return typing.cast(Format, importlib.import_module(f"{__name__}.{name}"))
    if name in _NAMES:
        return typing.cast(
            Format, getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
        )
    try:
        return get_format(name)
    except ValueError as error:
        # Not `scaled.named` alone: see `numformats.analysis`.
        named = importlib.import_module(f"{__name__}.scaled").named
        if name in named.NAMED:
            return typing.cast(Format, named.NAMED[name])
        reason = named.renamed(name) or error
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}: {reason}") from None


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, *_NAMES, *_NAMED})
