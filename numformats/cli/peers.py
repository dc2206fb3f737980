"""Other libraries that `numformats bench` runs beside ours, where they are installed.

Each entry makes, for a work, a format, a mode, an input and a number of threads, a function without
arguments that does the same, or None where the library has nothing of the kind.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from numformats.formats.floating import FloatFormat
from numformats.formats.format import Format
from numformats.modes import RoundingMode
from numformats.scaled.formats import ScaledFormat

Run: TypeAlias = Callable[[], object]
AnyFormat: TypeAlias = Format | ScaledFormat
Peer: TypeAlias = Callable[[str, AnyFormat, RoundingMode, NDArray[Any], int], Run | None]


def _ml_dtypes(
    work: str, fmt: AnyFormat, mode: RoundingMode, x: NDArray[Any], threads: int
) -> Run | None:
    if isinstance(fmt, ScaledFormat) or fmt.dtype is None or "int" in fmt.name:
        return None
    if mode != "nearest_even" or work == "round":
        return None
    narrow = x.astype(fmt.dtype)
    if work == "encode":
        return lambda: np.copyto(narrow, x, casting="unsafe")
    wide = np.empty(x.shape, np.float32)
    return lambda: np.copyto(wide, narrow, casting="unsafe")


def _torch(
    work: str, fmt: AnyFormat, mode: RoundingMode, x: NDArray[Any], threads: int
) -> Run | None:
    if isinstance(fmt, ScaledFormat) or fmt.dtype is None or "int" in fmt.name:
        return None
    if mode != "nearest_even" or work == "round":
        return None
    # Its idle threads would otherwise spin for a while, on the cores of whoever comes next.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    os.environ.setdefault("KMP_BLOCKTIME", "0")
    import torch

    torch.set_num_threads(threads)
    dtype = getattr(torch, fmt.name, None)
    if dtype is None:
        return None
    tensor = torch.from_numpy(x)
    narrow = tensor.to(dtype)
    if work == "encode":
        return lambda: narrow.copy_(tensor)
    wide = torch.empty(x.shape, dtype=torch.float32)
    return lambda: wide.copy_(narrow)


def _gfloat(
    work: str, fmt: AnyFormat, mode: RoundingMode, x: NDArray[Any], threads: int
) -> Run | None:
    modes = {
        "nearest_even": "TiesToEven",
        "nearest_away": "TiesToAway",
        "toward_zero": "TowardZero",
        "toward_positive": "TowardPositive",
        "toward_negative": "TowardNegative",
    }
    infos = {
        "float8_e4m3fn": "ocp_e4m3",
        "float8_e5m2": "ocp_e5m2",
        "float6_e2m3fn": "ocp_e2m3",
        "float6_e3m2fn": "ocp_e3m2",
        "float4_e2m1fn": "ocp_e2m1",
    }
    if work != "round" or str(mode) not in modes or fmt.name not in infos:
        return None
    import gfloat
    import gfloat.formats

    info = getattr(gfloat.formats, f"format_info_{infos[fmt.name]}")
    peer_mode = getattr(gfloat.RoundMode, modes[str(mode)])
    wide = x.astype(np.float64)
    return lambda: gfloat.round_ndarray(info, wide, peer_mode)


def _apytypes(
    work: str, fmt: AnyFormat, mode: RoundingMode, x: NDArray[Any], threads: int
) -> Run | None:
    """Its formats all are IEEE 754's: with infinities, and NaNs above them."""
    if not isinstance(fmt, FloatFormat) or (fmt.nan, fmt.has_subnormals) != ("ieee", True):
        return None
    if mode != "nearest_even" or work == "round":
        return None
    from apytypes import APyFloatArray

    fields = fmt.exponent_bits, fmt.mantissa_bits, fmt.bias
    if work == "encode":
        return lambda: APyFloatArray.from_array(x, *fields)
    narrow = APyFloatArray.from_array(x, *fields)
    decode: Run = narrow.to_numpy
    return decode


def _torchao(
    work: str, fmt: AnyFormat, mode: RoundingMode, x: NDArray[Any], threads: int
) -> Run | None:
    """What it has of its own: formats of less than a byte, each code in a byte; blocks with scales,
    but for decoding.
    """
    if isinstance(fmt, ScaledFormat):
        return _torchao_blocks(fmt, x, threads) if (work, mode) == _ENCODE else None
    words = {"float4_e2m1fn": "f4", "float6_e2m3fn": "f6_e2m3", "float6_e3m2fn": "f6_e3m2"}
    if fmt.name not in words or mode != "nearest_even" or work == "round":
        return None
    import torch
    from torchao.prototype.mx_formats import kernels

    torch.set_num_threads(threads)
    word = words[fmt.name]
    encode = getattr(kernels, f"f32_to_{word}_unpacked")
    decode = getattr(kernels, f"{word}_unpacked_to_f32")
    tensor = torch.from_numpy(x.astype(np.float32))
    codes = encode(tensor)
    return (lambda: encode(tensor)) if work == "encode" else (lambda: decode(codes))


_ENCODE: Final = ("encode", "nearest_even")


def _torchao_blocks(fmt: ScaledFormat, x: NDArray[Any], threads: int) -> Run | None:
    import torch
    from torchao.prototype.mx_formats import constants, mx_tensor, nvfp4_tensor

    torch.set_num_threads(threads)
    tensor = torch.from_numpy(x.astype(np.float32))
    if fmt.name == "nvfp4_single_level":
        return lambda: nvfp4_tensor.nvfp4_quantize(tensor)
    if fmt.name == "nvfp4":
        scale_of = nvfp4_tensor.per_tensor_amax_to_scale
        return lambda: nvfp4_tensor.nvfp4_quantize(tensor, 16, scale_of(tensor.abs().max()))
    dtypes = {
        "mxfp8_e4m3": torch.float8_e4m3fn,
        "mxfp8_e5m2": torch.float8_e5m2,
        "mxfp6_e3m2": constants.DTYPE_FP6_E3M2,
        "mxfp6_e2m3": constants.DTYPE_FP6_E2M3,
        "mxfp4": torch.float4_e2m1fn_x2,
    }
    if fmt.name not in dtypes:
        return None
    return lambda: mx_tensor.to_mx(tensor, dtypes[fmt.name], 32)


_ALL: Final[dict[str, Peer]] = {
    "ml_dtypes": _ml_dtypes,
    "torch": _torch,
    "gfloat": _gfloat,
    "apytypes": _apytypes,
    "torchao": _torchao,
}
PEERS: Final[dict[str, Peer]] = {
    name: peer for name, peer in _ALL.items() if find_spec(name) is not None
}
