"""numformats says exactly what a low-precision number is.

A number format is a finite set of real values, each with a bit pattern, its code. A projection is a
rounding mode and a saturation mode: it sends any real number to one code.
"""

from __future__ import annotations

import importlib
import typing
from typing import TYPE_CHECKING

from numformats.formats.floating import FloatFormat
from numformats.formats.fnuz import float8_e4m3b11fnuz, float8_e4m3fnuz, float8_e5m2fnuz
from numformats.formats.format import Format
from numformats.formats.hifloat import hifloat8
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
from numformats.formats.lns import lns
from numformats.formats.log_takums import log_takum, log_takum8, log_takum16
from numformats.formats.ocp import (
    float4_e2m1fn,
    float6_e2m3fn,
    float6_e3m2fn,
    float8_e4m3fn,
    float8_e8m0fnu,
)
from numformats.formats.p3109 import p3109
from numformats.formats.posits import posit
from numformats.formats.registry import NAMED as _NAMED
from numformats.formats.registry import find_format as _find_format
from numformats.formats.registry import list_formats
from numformats.formats.takums import takum
from numformats.names import get_format

if TYPE_CHECKING:
    from numformats import (
        analysis,
        arithmetic,
        codec,
        exact,
        laws,
        page,
        plots,
        scaled,
        simulation,
        teaching,
        testing,
    )
    from numformats.analysis import compare
    from numformats.arithmetic import FormatArray, array
    from numformats.codec import pack, unpack
    from numformats.formats.fixed import FixedFormat
    from numformats.formats.tables import TableFormat
    from numformats.modes import Stochastic
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
    from numformats.simulation import simulate
    from numformats.teaching import explain, explain_code
    from numformats.warming import warm_up

__version__ = "0.1.0"

__all__ = [
    "FixedFormat",
    "FloatFormat",
    "Format",
    "FormatArray",
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
    "arithmetic",
    "array",
    "bfloat16",
    "cast",
    "codec",
    "compare",
    "dlfloat16",
    "exact",
    "explain",
    "explain_code",
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
    "hifloat8",
    "laws",
    "list_formats",
    "list_scaled_formats",
    "lns",
    "log_takum",
    "log_takum8",
    "log_takum16",
    "p3109",
    "pack",
    "page",
    "plots",
    "posit",
    "quantize",
    "scaled",
    "simulate",
    "simulation",
    "takum",
    "teaching",
    "testing",
    "tf32",
    "unpack",
    "warm_up",
]

# Loaded when first asked for, so that importing the package costs little more than NumPy does.
_MODULES = (
    "analysis",
    "arithmetic",
    "codec",
    "exact",
    "laws",
    "page",
    "plots",
    "scaled",
    "simulation",
    "teaching",
    "testing",
)
_NAMES = {
    "FixedFormat": "formats.fixed",
    "FormatArray": "arithmetic",
    "PerBlock": "scaled",
    "PerChannel": "scaled",
    "PerTensor": "scaled",
    "PerTile": "scaled",
    "ScaleRule": "scaled",
    "ScaledArray": "scaled",
    "ScaledFormat": "scaled",
    "Stochastic": "modes",
    "TableFormat": "formats.tables",
    "array": "arithmetic",
    "cast": "scaled",
    "compare": "analysis",
    "explain": "teaching",
    "explain_code": "teaching",
    "get_scaled_format": "scaled",
    "list_scaled_formats": "scaled",
    "pack": "codec",
    "quantize": "scaled",
    "simulate": "simulation",
    "unpack": "codec",
    "warm_up": "warming",
}


def __getattr__(name: str) -> Format:
    """Parts that load on demand, and every format by name: `numformats.int8`, `.binary8p4se`."""
    if name in _MODULES:
        return typing.cast(Format, importlib.import_module(f"{__name__}.{name}"))
    if name in _NAMES:
        loaded = getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
        # The next time Python finds it by itself, which is faster.
        globals()[name] = loaded
        return typing.cast(Format, loaded)
    try:
        # What Python asks every module for needs no format's names.
        found = None if name.startswith("_") else _find_format(name)
        if found is None and not name.startswith("_"):
            # Not `scaled.catalogue` alone: see `numformats.analysis`.
            found = importlib.import_module(f"{__name__}.scaled").catalogue.find(name)
    except ValueError as error:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}: {error}") from None
    if found is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return found


def __dir__() -> list[str]:
    scaled = importlib.import_module(f"{__name__}.scaled")
    return sorted({*__all__, *_NAMED, *scaled.list_scaled_formats(), "__version__"})
