"""Other libraries that `numformats bench` runs beside ours, where they are installed.

Each entry makes, for a task and its input, a function without arguments that does the same, or None
where the library has nothing of the kind.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from numformats.benchmarks.tasks import Task

Run: TypeAlias = Callable[[], object]
Peer: TypeAlias = Callable[[Task, NDArray[Any]], Run | None]


def _ml_dtypes(task: Task, x: NDArray[Any]) -> Run | None:
    dtype = task.element.dtype
    if dtype is None or _is_of_integers(task) or not _is_default_cast(task):
        return None
    narrow = x.astype(dtype)
    if task.work == "encode":
        return lambda: np.copyto(narrow, x, casting="unsafe")
    wide = np.empty(x.shape, np.float32)
    return lambda: np.copyto(wide, narrow, casting="unsafe")


def _torch(task: Task, x: NDArray[Any]) -> Run | None:
    if task.element.dtype is None or _is_of_integers(task) or not _is_default_cast(task):
        return None
    # Its idle threads would otherwise spin for a while, on the cores of whoever comes next.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    os.environ.setdefault("KMP_BLOCKTIME", "0")
    import torch

    torch.set_num_threads(task.threads)
    dtype = getattr(torch, task.element.name, None)
    if dtype is None:
        return None
    tensor = torch.from_numpy(x)
    narrow = tensor.to(dtype)
    if task.work == "encode":
        return lambda: narrow.copy_(tensor)
    wide = torch.empty(x.shape, dtype=torch.float32)
    return lambda: wide.copy_(narrow)


def _gfloat(task: Task, x: NDArray[Any]) -> Run | None:
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
    mode, name = str(task.rounding), task.element.name
    if task.work != "round" or mode not in modes or name not in infos:
        return None
    import gfloat
    import gfloat.formats

    info = getattr(gfloat.formats, f"format_info_{infos[name]}")
    peer_mode = getattr(gfloat.RoundMode, modes[mode])
    wide = x.astype(np.float64)
    return lambda: gfloat.round_ndarray(info, wide, peer_mode)


def _apytypes(task: Task, x: NDArray[Any]) -> Run | None:
    """Its formats all are IEEE 754's: with infinities, and NaNs above them."""
    fmt, lattice = task.element, task.element.lattice
    if lattice is None or not (lattice.gradual and fmt.has_inf and fmt.has_negative_zero):
        return None
    if not _is_default_cast(task):
        return None
    from apytypes import APyFloatArray

    fields = fmt.exponent_bits, lattice.trailing_bits, fmt.bias
    if task.work == "encode":
        return lambda: APyFloatArray.from_array(x, *fields)
    narrow = APyFloatArray.from_array(x, *fields)
    decode: Run = narrow.to_numpy
    return decode


def _torchao(task: Task, x: NDArray[Any]) -> Run | None:
    """What it has of its own: formats of less than a byte, each code in a byte."""
    words = {"float4_e2m1fn": "f4", "float6_e2m3fn": "f6_e2m3", "float6_e3m2fn": "f6_e3m2"}
    if task.element.name not in words or not _is_default_cast(task):
        return None
    import torch
    from torchao.prototype.mx_formats import kernels

    torch.set_num_threads(task.threads)
    word = words[task.element.name]
    encode = getattr(kernels, f"f32_to_{word}_unpacked")
    decode = getattr(kernels, f"{word}_unpacked_to_f32")
    tensor = torch.from_numpy(x.astype(np.float32))
    codes = encode(tensor)
    return (lambda: encode(tensor)) if task.work == "encode" else (lambda: decode(codes))


def _torchao_blocks(task: Task, x: NDArray[Any]) -> Run | None:
    """Blocks with scales, but for decoding."""
    if (task.work, task.rounding) != ("encode", "nearest_even"):
        return None
    import torch
    from torchao.prototype.mx_formats import constants, mx_tensor, nvfp4_tensor

    torch.set_num_threads(task.threads)
    tensor, name = torch.from_numpy(x.astype(np.float32)), task.format.name
    if name == "nvfp4_single_level":
        return lambda: nvfp4_tensor.nvfp4_quantize(tensor)
    if name == "nvfp4":
        scale_of = nvfp4_tensor.per_tensor_amax_to_scale
        return lambda: nvfp4_tensor.nvfp4_quantize(tensor, 16, scale_of(tensor.abs().max()))
    dtypes = {
        "mxfp8_e4m3": torch.float8_e4m3fn,
        "mxfp8_e5m2": torch.float8_e5m2,
        "mxfp6_e3m2": constants.DTYPE_FP6_E3M2,
        "mxfp6_e2m3": constants.DTYPE_FP6_E2M3,
        "mxfp4": torch.float4_e2m1fn_x2,
    }
    if name not in dtypes:
        return None
    return lambda: mx_tensor.to_mx(tensor, dtypes[name], 32)


def _is_default_cast(task: Task) -> bool:
    """Whether a task is one that casts of dtypes do."""
    return task.rounding == "nearest_even" and task.work != "round"


def _is_of_integers(task: Task) -> bool:
    """Whether values are integers, which casts cut off."""
    return "int" in task.element.name


_CASTS: Final[dict[str, Peer]] = {
    "ml_dtypes": _ml_dtypes,
    "torch": _torch,
    "gfloat": _gfloat,
    "apytypes": _apytypes,
    "torchao": _torchao,
}
_QUANTIZERS: Final[dict[str, Peer]] = {"torchao": _torchao_blocks}

PEERS: Final = tuple(name for name in _CASTS if find_spec(name) is not None)


def runs_of_peers(task: Task, x: NDArray[Any], names: Iterable[str]) -> dict[str, Run]:
    """What libraries of these names do for a task, by name; without those that cannot do it."""
    known = _QUANTIZERS if task.is_scaled else _CASTS
    runs = {name: known[name](task, x) for name in names if name in known}
    return {name: run for name, run in runs.items() if run is not None}
