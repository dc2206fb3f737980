"""Small packed checkpoints of each scheme, and their weights computed one Fraction at a time.

What is written follows the libraries that define it: codes are laid into words by `packers`, and
each number is (code - zero point) * scale as the papers have it, rounded to float32 at the end.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray
from packers import REFERENCES

from numformats.tensor_files.safetensors_files import DTYPES

Array = NDArray[Any]
CODE_OF_DTYPE = {name: code for code, name in DTYPES.items()}
E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6]
# The numbers of NF4 (QLoRA, appendix E), as bitsandbytes stores them.
NF4 = [
    -1.0,
    -0.6961928009986877,
    -0.5250730514526367,
    -0.39491748809814453,
    -0.28444138169288635,
    -0.18477343022823334,
    -0.09105003625154495,
    0.0,
    0.07958029955625534,
    0.16093020141124725,
    0.24611230194568634,
    0.33791524171829224,
    0.44070982933044434,
    0.5626170039176941,
    0.7229568362236023,
    1.0,
]


@dataclass(frozen=True)
class Case:
    """The tensors of a checkpoint, what is told beside them, and the weight that they stand for."""

    tensors: dict[str, Array]
    weight: Array
    stored_as: str
    config: dict[str, Any] | None = None
    left: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)


def save(folder: Path, tensors: dict[str, Array], name: str = "model.safetensors") -> Path:
    """Write a .safetensors file, of any dtype of ml_dtypes too."""
    header: dict[str, object] = {}
    data = b""
    for key, array in tensors.items():
        stored = np.ascontiguousarray(array).tobytes()
        offsets = [len(data), len(data) + len(stored)]
        dtype = CODE_OF_DTYPE[array.dtype.name]
        header[key] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": offsets}
        data += stored
    text = json.dumps(header).encode()
    path = folder / name
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def save_case(folder: Path, case: Case) -> Path:
    """Write the checkpoint of a case, and the configuration beside it."""
    if case.config is not None:
        (folder / "config.json").write_text(json.dumps({"quantization_config": case.config}))
    for name, text in case.files.items():
        (folder / name).write_text(text)
    return save(folder, case.tensors)


def nearest(value: Fraction) -> np.float32:
    """The float32 number nearest to a Fraction."""
    guess = np.float32(float(value))
    near = [np.nextafter(guess, np.float32(end)) for end in (-np.inf, np.inf)]
    return min([guess, *near], key=lambda number: abs(Fraction(float(number)) - value))


def exactly(number: Any) -> Fraction:
    return Fraction(float(number))


def weight_of(shape: tuple[int, ...], number: Callable[..., Fraction]) -> Array:
    """The weight whose element at each index is a number, rounded to float32."""
    weight = np.empty(shape, np.float32)
    for index in np.ndindex(*shape):
        weight[index] = nearest(number(*index))
    return weight


def words_along(codes: Array, axis: int, packer: str, bits: int) -> Array:
    """Codes packed by hand along an axis of a matrix into int32."""
    pack = REFERENCES[packer]
    lines = [pack([int(code) for code in line], bits) for line in np.moveaxis(codes, axis, -1)]
    words = np.array(lines, np.int64).astype(np.int32)
    return np.ascontiguousarray(np.moveaxis(words, -1, axis))


def zeros_less(lacking: int, zeros: Array, bits: int) -> Array:
    """GPTQ's zero points as version 1 stores them: GPTQModel takes 1 off each, of a whole word.

    Only where codes cross words it takes 1 off each code, and 7 is what stands for 0.
    """
    if 32 % bits:
        return words_along((zeros - lacking) % 2**bits, 1, "gptq", bits)
    ones = int("".join(["0" * (bits - 1) + "1"] * (32 // bits)), 2)
    words = words_along(zeros, 1, "gptq", bits).astype(np.int64) - lacking * ones
    return words.astype(np.int32)


def gptq(
    bits: int, act_order: bool = False, config: dict[str, Any] | None = None, lacking: int = 1
) -> Case:
    rng = np.random.default_rng(bits)
    inputs, outputs, group = 64, 32, 32
    codes = rng.integers(0, 2**bits, (inputs, outputs))
    zeros = rng.integers(0, 2**bits, (inputs // group, outputs))
    scales = rng.uniform(0.001, 0.1, (inputs // group, outputs)).astype(np.float16)
    index = np.arange(inputs, dtype=np.int32) // group
    if act_order:
        index = rng.permutation(index)
    weight = weight_of(
        (outputs, inputs),
        lambda o, i: (int(codes[i, o]) - int(zeros[index[i], o])) * exactly(scales[index[i], o]),
    )
    tensors: dict[str, Array] = {
        "up.qweight": words_along(codes, 0, "gptq", bits),
        "up.qzeros": zeros_less(lacking, zeros, bits),
        "up.scales": scales,
        "up.g_idx": index,
        "up.bias": np.ones(outputs, np.float16),
    }
    return Case(tensors, weight, f"gptq uint{bits} g{group}", config, ("up.bias",))


def gptq_without_index() -> Case:
    case = gptq(4)
    del case.tensors["up.g_idx"]
    return case


def awq() -> Case:
    rng = np.random.default_rng(0)
    inputs, outputs, group = 64, 24, 16
    codes = rng.integers(0, 16, (inputs, outputs))
    zeros = rng.integers(0, 16, (inputs // group, outputs))
    scales = rng.uniform(0.001, 0.1, (inputs // group, outputs)).astype(np.float16)
    weight = weight_of(
        (outputs, inputs),
        lambda o, i: (
            (int(codes[i, o]) - int(zeros[i // group, o])) * exactly(scales[i // group, o])
        ),
    )
    tensors: dict[str, Array] = {
        "a.b.qweight": words_along(codes, 1, "awq", 4),
        "a.b.qzeros": words_along(zeros, 1, "awq", 4),
        "a.b.scales": scales,
    }
    config = {"quant_method": "awq", "version": "gemm", "bits": 4, "group_size": group}
    return Case(tensors, weight, "awq uint4 g16", config)


def pack_quantized(
    bits: int,
    group: int,
    asymmetric: bool = False,
    act_order: bool = False,
    packer: str = "compressed_tensors",
) -> Case:
    rng = np.random.default_rng(bits)
    rows, columns = 20, 96
    half = 2 ** (bits - 1)
    numbers = rng.integers(-half, half, (rows, columns))
    scales = rng.uniform(0.001, 0.1, (rows, columns // group)).astype(ml_dtypes.bfloat16)
    zeros = rng.integers(-half, half, scales.shape) * asymmetric
    index = np.arange(columns, dtype=np.int32) // group
    if act_order:
        index = rng.permutation(index)
    weight = weight_of(
        (rows, columns),
        lambda r, c: (int(numbers[r, c]) - int(zeros[r, index[c]])) * exactly(scales[r, index[c]]),
    )
    tensors: dict[str, Array] = {
        "x.weight_packed": words_along(numbers % 2**bits, 1, packer, bits),
        "x.weight_scale": scales,
        "x.weight_shape": np.array([rows, columns]),
        "x.input_scale": np.ones(1, np.float32),
    }
    if asymmetric:
        tensors["x.weight_zero_point"] = words_along(zeros % 2**bits, 0, packer, bits)
    if act_order:
        tensors["x.weight_g_idx"] = index
    granularity = "channel" if group == columns else f"g{group}"
    weights = {"num_bits": bits, "group_size": group, "strategy": "group"}
    config = {"quant_method": "compressed-tensors", "config_groups": {"0": {"weights": weights}}}
    return Case(tensors, weight, f"compressed-tensors int{bits} {granularity}", config)


def scaled_elements(
    dtype: str, shape: tuple[int, ...], rows: int, columns: int, scale_dtype: str = "float32"
) -> Case:
    """fp8 or int8 elements, with a scale for so many rows and columns."""
    rng = np.random.default_rng(0)
    kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
    codes = rng.integers(0, 120, shape).astype(np.uint8)
    codes |= (rng.integers(0, 2, shape) * 128).astype(np.uint8)
    numbers = codes.view(kind)
    down, across = math.ceil(shape[0] / rows), math.ceil(shape[1] / columns)
    scales = rng.uniform(0.001, 0.1, (down, across))
    if scale_dtype == "uint8":
        stored: Array = rng.integers(100, 150, (down, across)).astype(np.uint8)
        scales = 2.0 ** (stored.astype(np.float64) - 127)
    else:
        stored = scales.astype(getattr(ml_dtypes, scale_dtype, scale_dtype))
        scales = stored.astype(np.float64)
    weight = weight_of(
        shape, lambda r, c: exactly(numbers[r, c]) * exactly(scales[r // rows, c // columns])
    )
    tensors: dict[str, Array] = {"w.weight": numbers, "w.weight_scale": stored}
    tensors["norm.weight"] = np.ones(5, np.float32)
    return Case(tensors, weight, "", None, ("norm.weight",))


def fp8(name: str, shape: tuple[int, int], rows: int, columns: int, **more: Any) -> Case:
    case = scaled_elements("float8_e4m3fn", shape, rows, columns, **more)
    return Case(case.tensors, case.weight, f"fp8 float8_e4m3fn {name}", case.config, case.left)


def fp8_tensor() -> Case:
    """As ModelOpt stores it: scales without a dimension."""
    case = fp8("tensor", (6, 8), 6, 8)
    scale = case.tensors["w.weight_scale"]
    case.tensors["w.weight_scale"] = scale.reshape(())
    case.tensors["w.input_scale"] = np.float32(2.0).reshape(())
    return case


def fp8_blocks() -> Case:
    """As DeepSeek stores them: `weight_scale_inv` that multiplies, at the edges for fewer."""
    case = fp8("block 4x16", (10, 40), 4, 16)
    scale = case.tensors.pop("w.weight_scale")
    config = {"quant_method": "fp8", "weight_block_size": [4, 16]}
    tensors = {**case.tensors, "w.weight_scale_inv": scale}
    return Case(tensors, case.weight, case.stored_as, config, case.left)


def fp8_common_blocks() -> Case:
    return fp8("block 128x128", (130, 257), 128, 128)


def int8(asymmetric: bool) -> Case:
    rng = np.random.default_rng(0)
    numbers = rng.integers(-128, 128, (6, 10)).astype(np.int8)
    scales = rng.uniform(0.001, 0.1, (6, 1)).astype(np.float32)
    zeros = (rng.integers(-128, 128, (6, 1)) * asymmetric).astype(np.int8)
    weight = weight_of(
        (6, 10), lambda r, c: (int(numbers[r, c]) - int(zeros[r, 0])) * exactly(scales[r, 0])
    )
    tensors: dict[str, Array] = {"w.weight": numbers, "w.weight_scale": scales}
    if asymmetric:
        tensors["w.weight_zero_point"] = zeros
    return Case(tensors, weight, "compressed-tensors int8 channel")


def llm_int8() -> Case:
    rng = np.random.default_rng(0)
    numbers = rng.integers(-127, 128, (6, 10)).astype(np.int8)
    largest = rng.uniform(0.1, 3, 6).astype(np.float32)
    weight = weight_of((6, 10), lambda r, c: int(numbers[r, c]) * exactly(largest[r]) / 127)
    tensors: dict[str, Array] = {
        "w.weight": numbers,
        "w.SCB": largest,
        "w.weight_format": np.zeros((), np.uint8),
    }
    return Case(tensors, weight, "bitsandbytes int8 channel")


def fp4(scheme: str) -> Case:
    """E2M1 in pairs, the first in the low half: NVFP4 of two libraries, and MXFP4."""
    rng = np.random.default_rng(0)
    rows, columns = 6, 64
    block = 32 if scheme == "mxfp4" else 16
    codes = rng.integers(0, 16, (rows, columns))
    packed = np.array([REFERENCES["dense"]([int(c) for c in row], 4) for row in codes], np.uint8)
    if scheme == "mxfp4":
        stored: Array = rng.integers(110, 140, (rows, columns // block)).astype(np.uint8)
        scales = 2.0 ** (stored.astype(np.float64) - 127)
    else:
        stored = rng.uniform(1, 448, (rows, columns // block)).astype(ml_dtypes.float8_e4m3fn)
        scales = stored.astype(np.float64)
    second = np.array([0.0123 if scheme == "modelopt" else 781.3], np.float32)
    factor = {
        "mxfp4": Fraction(1),
        "modelopt": exactly(second[0]),
        "nvfp4": 1 / exactly(second[0]),
    }[scheme]
    weight = weight_of(
        (rows, columns),
        lambda r, c: Fraction(E2M1[codes[r, c]]) * exactly(scales[r, c // block]) * factor,
    )
    owner = "modelopt" if scheme == "modelopt" else "compressed-tensors"
    name = "w.weight" if scheme == "modelopt" else "w.weight_packed"
    tensors: dict[str, Array] = {name: packed, "w.weight_scale": stored}
    if scheme == "modelopt":
        tensors["w.weight_scale_2"] = second.reshape(())
        tensors["w.input_scale"] = np.float32(1.0).reshape(())
    if scheme == "nvfp4":
        tensors["w.weight_global_scale"] = second
        tensors["w.input_global_scale"] = second
    return Case(tensors, weight, f"{owner} float4_e2m1fn g{block}")


def bitsandbytes(kind: str, nested: bool) -> Case:
    """A weight whose size is no multiple of the block; nested scales in float32, step by step."""
    rng = np.random.default_rng(0)
    rows, columns, block, outer = 5, 27, 64, 256
    size = rows * columns
    codes = rng.integers(0, 16, size)
    packed = np.array(REFERENCES["bitsandbytes"]([int(c) for c in codes], 4), np.uint8)
    table = np.array(NF4 if kind == "nf4" else [v / 12 for v in range(16)], np.float32)
    scales = rng.uniform(0.1, 2, math.ceil(size / block)).astype(np.float32)
    state: dict[str, Any] = {
        "quant_type": kind,
        "blocksize": block,
        "dtype": "bfloat16",
        "shape": [rows, columns],
    }
    key = "h.0.weight"
    tensors: dict[str, Array] = {key: packed.reshape(-1, 1), f"{key}.quant_map": table}
    tensors[f"{key}.absmax"] = scales
    if nested:
        normalized = np.sort(rng.uniform(-1, 1, 256)).astype(np.float32)
        outer_scales = np.array([0.7], np.float32)
        inner = rng.integers(0, 256, scales.size).astype(np.uint8)
        state |= {"nested_blocksize": outer, "nested_dtype": "float32", "nested_offset": 1.0625}
        tensors[f"{key}.absmax"] = inner
        tensors[f"{key}.nested_absmax"] = outer_scales
        tensors[f"{key}.nested_quant_map"] = normalized
        products = [nearest(exactly(normalized[i]) * exactly(outer_scales[0])) for i in inner]
        scales = np.array([nearest(exactly(p) + Fraction(1.0625)) for p in products], np.float32)
    text = json.dumps(state).encode()
    tensors[f"{key}.quant_state.bitsandbytes__{kind}"] = np.frombuffer(text, np.uint8)
    weight = weight_of(
        (rows, columns),
        lambda r, c: (
            exactly(table[codes[r * columns + c]]) * exactly(scales[(r * columns + c) // block])
        ),
    )
    return Case(tensors, weight, f"bitsandbytes {kind} g{block}")


def mxfp6() -> Case:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 64, (6, 64))
    packed = np.array([REFERENCES["dense"]([int(c) for c in row], 6) for row in codes], np.uint8)
    exponents = rng.integers(110, 140, (6, 2)).astype(np.uint8)

    def number(code: int) -> Fraction:
        sign, exponent, fraction = -1 if code & 32 else 1, (code >> 3) & 3, Fraction(code & 7, 8)
        return sign * (fraction if exponent == 0 else (1 + fraction) * 2 ** (exponent - 1))

    weight = weight_of(
        (6, 64),
        lambda r, c: number(int(codes[r, c])) * Fraction(2) ** (int(exponents[r, c // 32]) - 127),
    )
    tensors: dict[str, Array] = {"w.weight_packed": packed, "w.weight_scale": exponents}
    return Case(tensors, weight, "compressed-tensors float6_e2m3fn g32")


def gpt_oss() -> Case:
    """MXFP4 of all experts: the bytes of a scale on an axis of their own; and a bias beside."""
    case = fp4("mxfp4")
    name = "mlp.experts.down_proj"
    tensors: dict[str, Array] = {
        f"{name}_blocks": case.tensors["w.weight_packed"].reshape(2, 3, 2, 16),
        f"{name}_scales": case.tensors["w.weight_scale"].reshape(2, 3, 2),
        f"{name}_bias": np.ones((2, 3), np.float32),
    }
    weight = case.weight.reshape(2, 3, 64)
    return Case(tensors, weight, "gpt-oss float4_e2m1fn g32", left=(f"{name}_bias",))


def modelopt_int4() -> Case:
    rng = np.random.default_rng(0)
    numbers = rng.integers(-8, 8, (6, 32))
    scales = rng.uniform(0.001, 0.1, (6, 2)).astype(np.float32)
    packed = ((numbers[0::2] & 15) | ((numbers[1::2] & 15) << 4)).astype(np.uint8)
    weight = weight_of((6, 32), lambda r, c: int(numbers[r, c]) * exactly(scales[r, c // 16]))
    tensors: dict[str, Array] = {
        "w.weight": packed,
        "w.weight_scale": scales,
        "w.pre_quant_scale": np.ones(32, np.float32),
    }
    return Case(tensors, weight, "modelopt int4 g16", left=("w.pre_quant_scale",))


CASES: dict[str, Callable[[], Case]] = {
    "gptq 2 bits": lambda: gptq(2),
    "gptq 3 bits": lambda: gptq(3),
    "gptq 4 bits": lambda: gptq(4, config={"quant_method": "gptq", "bits": 4}),
    "gptq 8 bits": lambda: gptq(8),
    "gptq act-order": lambda: gptq(4, act_order=True),
    "gptq 3 bits act-order": lambda: gptq(3, act_order=True),
    "gptq v2": lambda: gptq(
        4, config={"quant_method": "gptq", "checkpoint_format": "gptq_v2"}, lacking=0
    ),
    "gptq without g_idx": gptq_without_index,
    "awq": awq,
    "int4 g32": lambda: pack_quantized(4, 32),
    "int4 g32 asymmetric": lambda: pack_quantized(4, 32, asymmetric=True),
    "int4 act-order": lambda: pack_quantized(4, 32, act_order=True),
    "int8 channel": lambda: pack_quantized(8, 96),
    "int8 g48 asymmetric": lambda: pack_quantized(8, 48, asymmetric=True),
    "int3 g32": lambda: pack_quantized(3, 32, asymmetric=True),
    "int3 aligned": lambda: pack_quantized(3, 32, packer="compressed_tensors_aligned"),
    "int6 aligned": lambda: pack_quantized(6, 48, True, packer="compressed_tensors_aligned"),
    "int-quantized": lambda: int8(asymmetric=False),
    "int-quantized asymmetric": lambda: int8(asymmetric=True),
    "llm.int8": llm_int8,
    "fp8 tensor": fp8_tensor,
    "fp8 channel": lambda: fp8("channel", (6, 10), 1, 10, scale_dtype="bfloat16"),
    "fp8 groups": lambda: fp8("g8", (4, 24), 1, 8),
    "mxfp8": lambda: fp8("g32", (4, 64), 1, 32, scale_dtype="uint8"),
    "fp8 blocks": fp8_blocks,
    "fp8 common blocks": fp8_common_blocks,
    "nvfp4": lambda: fp4("nvfp4"),
    "mxfp4": lambda: fp4("mxfp4"),
    "mxfp6": mxfp6,
    "gpt-oss": gpt_oss,
    "modelopt int4": modelopt_int4,
    "modelopt nvfp4": lambda: fp4("modelopt"),
    "nf4": lambda: bitsandbytes("nf4", nested=False),
    "nf4 nested": lambda: bitsandbytes("nf4", nested=True),
    "fp4": lambda: bitsandbytes("fp4", nested=False),
}
