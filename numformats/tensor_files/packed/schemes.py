"""How libraries store a quantized weight, one entry for each way: names, packing, scales.

A weight is several tensors whose names begin alike, `model.layers.0.mlp.down_proj`; they differ in
their suffixes. To read another library's checkpoints, describe them here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from numformats.tensor_files.packed import bitsandbytes, extents, stored_codes
from numformats.tensor_files.packed.extents import Extent
from numformats.tensor_files.packed.parts import Parts, Role

# A dtype that scales are stored in, and what it is read as.
_FLOATS: Final = {"float32": "float32", "float16": "float16", "bfloat16": "bfloat16"}
_E4M3: Final = {"float8_e4m3fn": "float8_e4m3fn"}
_E8M0: Final = {"uint8": "float8_e8m0fnu", "float8_e8m0fnu": "float8_e8m0fnu"}
_FLOAT8: Final = ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz")
# Scales and zero points of activations, which say nothing of the weight.
_OF_ACTIVATIONS: Final = (
    ".input_scale",
    ".input_zero_point",
    ".input_global_scale",
    ".output_scale",
    ".output_zero_point",
)


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """One way to store a weight: w = (code's number - zero point) * scale.

    name: what `TensorEntry.stored_as` begins with.
    methods: the words for it in configurations; only those are tried where one is told.
    codes: the suffix of the tensor with the codes.
    code_dtypes: the dtypes of that tensor.
    parts: the suffixes of the others.
    needed: which of them a weight cannot be told without.
    telling: those that tell that it is this scheme, all of them; by codes alone if there are none.
    aside: suffixes of tensors that belong to the layer and not to its weight.
    weight: the suffix of the weight's name where it is not packed.
    extent: the function that finds shape and width.
    element: the name of the format of codes, with their "{bits}" and "{dtype}" filled in. A part
        "values" tells its numbers, if there is one.
    scale_dtypes: what scales may be stored in, and what that is read as.
    read_scales: how the scales are read, if not as one tensor of such a dtype.
    is_transposed: whether all is stored as (inputs, outputs).
    read_codes: how the codes are stored, as the function that reads those of some rows.
    zero_axis: the axis along which zero points are packed, as stored; None where they are not.
    zero_dtypes: the dtypes of the tensor with the zero points.
    added_to_zero: for each word for a variant in a configuration what stored zero points lack;
        None is where none is told. Other variants are refused, unless there are none at all.
    unset_group: what the index of groups holds where columns are in their order after all.
    second: whether one more scale, for all of a weight, multiplies or divides.
    divisor: what scales are a multiple of.
    source: where it is defined.
    """

    name: str
    methods: tuple[str, ...] = ()
    codes: str
    code_dtypes: tuple[str, ...]
    parts: Mapping[Role, str]
    needed: tuple[Role, ...] = ("scale",)
    telling: tuple[Role, ...] = ()
    aside: tuple[str, ...] = ()
    weight: str = ".weight"
    extent: Callable[[Parts], Extent]
    element: str
    scale_dtypes: Mapping[str, str] = field(default_factory=lambda: _FLOATS)
    read_scales: Callable[[Parts], NDArray[Any]] | None = None
    is_transposed: bool = False
    read_codes: Callable[[Parts, Extent, int, int], NDArray[np.uint8]] = stored_codes.in_rows
    zero_axis: int | None = None
    zero_dtypes: tuple[str, ...] = ()
    added_to_zero: Mapping[str | None, Literal[0, 1]] = field(default_factory=dict)
    unset_group: int | None = None
    second: Literal["multiplies", "divides"] = "multiplies"
    divisor: int = 1
    source: str


GPTQ: Final = Scheme(
    name="gptq",
    methods=("gptq",),
    codes=".qweight",
    code_dtypes=("int32", "uint32"),
    parts={"scale": ".scales", "zero": ".qzeros", "group_index": ".g_idx"},
    needed=("scale", "zero"),
    extent=extents.words_along_inputs,
    element="uint{bits}",
    is_transposed=True,
    read_codes=stored_codes.along_inputs,
    zero_axis=1,
    zero_dtypes=("int32", "uint32"),
    added_to_zero={None: 1, "gptq": 1, "gptq_v2": 0},
    source="AutoGPTQ 0.7.1, qlinear_cuda: zero points are stored less 1; GPTQModel: v2 as they are",
)
AWQ: Final = Scheme(
    name="awq",
    methods=("awq",),
    codes=".qweight",
    code_dtypes=("int32", "uint32"),
    parts={"scale": ".scales", "zero": ".qzeros"},
    needed=("scale", "zero"),
    extent=extents.words_along_outputs,
    read_codes=stored_codes.along_outputs,
    element="uint{bits}",
    is_transposed=True,
    zero_axis=1,
    zero_dtypes=("int32", "uint32"),
    added_to_zero={None: 0, "gemm": 0},
    source="AutoAWQ 0.2.9, WQLinear_GEMM",
)
PACK_QUANTIZED: Final = Scheme(
    name="compressed-tensors",
    methods=("compressed-tensors",),
    codes=".weight_packed",
    code_dtypes=("int32",),
    parts={
        "scale": ".weight_scale",
        "zero": ".weight_zero_point",
        "shape": ".weight_shape",
        "group_index": ".weight_g_idx",
    },
    needed=("scale", "shape"),
    aside=_OF_ACTIVATIONS,
    extent=extents.words_of_told_shape,
    element="int{bits}",
    zero_axis=-2,
    zero_dtypes=("int32", "int8"),
    unset_group=-1,
    source="compressed-tensors 0.20, pack-quantized",
)
_NVFP4: Final = partial(extents.groups, size=16, bits=4)
_MXFP4: Final = partial(extents.groups, size=32, bits=4)
_MXFP6: Final = partial(extents.groups, size=32, bits=6)

NVFP4_PACK_QUANTIZED: Final = Scheme(
    name="compressed-tensors",
    methods=("compressed-tensors",),
    codes=".weight_packed",
    code_dtypes=("uint8",),
    parts={"scale": ".weight_scale", "second_scale": ".weight_global_scale"},
    needed=("scale", "second_scale"),
    telling=("second_scale",),
    aside=_OF_ACTIVATIONS,
    extent=_NVFP4,
    element="float4_e2m1fn",
    scale_dtypes=_E4M3,
    second="divides",
    source="compressed-tensors 0.20, nvfp4-pack-quantized: the global scale is a reciprocal",
)
MXFP4_PACK_QUANTIZED: Final = Scheme(
    name="compressed-tensors",
    methods=("compressed-tensors",),
    codes=".weight_packed",
    code_dtypes=("uint8",),
    parts={"scale": ".weight_scale"},
    aside=_OF_ACTIVATIONS,
    extent=_MXFP4,
    element="float4_e2m1fn",
    scale_dtypes=_E8M0,
    source="compressed-tensors 0.20, mxfp4-pack-quantized",
)
MXFP6_PACK_QUANTIZED: Final = replace(
    MXFP4_PACK_QUANTIZED,
    extent=_MXFP6,
    element="float6_e2m3fn",
    source="compressed-tensors 0.20, mxfp6-pack-quantized",
)
GPT_OSS: Final = Scheme(
    name="gpt-oss",
    codes="_blocks",
    code_dtypes=("uint8",),
    parts={"scale": "_scales"},
    telling=("scale",),
    weight="",
    extent=extents.groups_apart,
    element="float4_e2m1fn",
    scale_dtypes=_E8M0,
    source="transformers 5.24, convert_moe_packed_tensors; the first of two is in the low half",
)
MODELOPT_NVFP4: Final = Scheme(
    name="modelopt",
    methods=("modelopt", "modelopt_fp4"),
    codes=".weight",
    code_dtypes=("uint8",),
    parts={"scale": ".weight_scale", "second_scale": ".weight_scale_2"},
    telling=("second_scale",),
    needed=("scale", "second_scale"),
    aside=_OF_ACTIVATIONS,
    extent=_NVFP4,
    element="float4_e2m1fn",
    scale_dtypes=_E4M3,
    source="NVIDIA ModelOpt 0.47, NVFP4QTensor",
)
MODELOPT_INT4: Final = Scheme(
    name="modelopt",
    methods=("modelopt",),
    codes=".weight",
    code_dtypes=("uint8",),
    parts={"scale": ".weight_scale"},
    telling=("scale",),
    aside=_OF_ACTIVATIONS,
    extent=extents.pairs_of_outputs,
    element="int{bits}",
    read_codes=stored_codes.in_pairs_of_rows,
    source="NVIDIA ModelOpt 0.47, pack_int4_in_uint8",
)
# Those of compressed-tensors (float-quantized, naive-quantized, mxfp8-quantized) and of ModelOpt
# (FP8, FP8_PB_WO, MXFP8) differ in nothing that is stored.
FLOAT8: Final = Scheme(
    name="fp8",
    codes=".weight",
    code_dtypes=_FLOAT8,
    parts={"scale": ".weight_scale"},
    telling=("scale",),
    aside=_OF_ACTIVATIONS,
    extent=extents.elements,
    read_codes=stored_codes.one_in_each_element,
    element="{dtype}",
    scale_dtypes=_FLOATS | _E8M0,
    source="compressed-tensors 0.20, float-quantized; NVIDIA ModelOpt 0.47, FP8",
)
FLOAT8_BLOCKS: Final = replace(
    FLOAT8,
    parts={"scale": ".weight_scale_inv"},
    source="DeepSeek-V3, inference/kernel.py: weight_scale_inv multiplies, in blocks of 128 x 128",
)
INT8: Final = Scheme(
    name="compressed-tensors",
    codes=".weight",
    code_dtypes=("int8",),
    parts={"scale": ".weight_scale", "zero": ".weight_zero_point"},
    telling=("scale",),
    aside=_OF_ACTIVATIONS,
    extent=extents.elements,
    read_codes=stored_codes.one_in_each_element,
    element="{dtype}",
    zero_dtypes=("int8",),
    source="compressed-tensors 0.20, int-quantized and naive-quantized",
)
LLM_INT8: Final = Scheme(
    name="bitsandbytes",
    codes=".weight",
    code_dtypes=("int8",),
    parts={"scale": ".SCB"},
    telling=("scale",),
    aside=(".weight_format",),
    extent=extents.elements,
    read_codes=stored_codes.one_in_each_element,
    element="{dtype}",
    divisor=127,
    source="bitsandbytes 0.50, int8_vectorwise_dequant: SCB is the largest magnitude of a row",
)
NF4: Final = Scheme(
    name="bitsandbytes",
    codes=".weight",
    code_dtypes=("uint8",),
    parts={
        "scale": ".weight.absmax",
        "values": ".weight.quant_map",
        "nested_scale": ".weight.nested_absmax",
        "nested_values": ".weight.nested_quant_map",
        "state": ".weight.quant_state.bitsandbytes__nf4",
    },
    needed=("scale", "values", "state"),
    telling=("state",),
    extent=bitsandbytes.blocks,
    read_codes=stored_codes.in_one_line,
    element="nf4",
    scale_dtypes={"float32": "float32", "uint8": "uint8"},
    read_scales=bitsandbytes.block_scales,
    source="bitsandbytes 0.50, QuantState.as_dict(packed=True)",
)
FP4: Final = replace(
    NF4,
    element="fp4",
    parts={**NF4.parts, "state": ".weight.quant_state.bitsandbytes__fp4"},
)

# In this order they are tried.
SCHEMES: Final = (
    GPTQ,
    AWQ,
    PACK_QUANTIZED,
    NVFP4_PACK_QUANTIZED,
    MXFP4_PACK_QUANTIZED,
    MXFP6_PACK_QUANTIZED,
    GPT_OSS,
    NF4,
    FP4,
    MODELOPT_NVFP4,
    MODELOPT_INT4,
    FLOAT8,
    FLOAT8_BLOCKS,
    INT8,
    LLM_INT8,
)
