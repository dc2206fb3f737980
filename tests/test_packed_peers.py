"""Packed checkpoints that other libraries write, read as those libraries read them.

Each weight here is rounded once; theirs is rounded after each step, and to the dtype of its scales.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import numformats as nf
from numformats.tensor_files import open_tensors

pytestmark = pytest.mark.peers


def module(name: str) -> Any:
    """A module of another library, which may warn of much as it is loaded, or a skip."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("torch", reason="PyTorch is not installed")
        return pytest.importorskip(name, reason=f"{name} cannot be loaded", exc_type=ImportError)


def read(folder: Path, tensors: dict[str, Any]) -> NDArray[np.float32]:
    """The one packed weight of tensors saved as safetensors' own PyTorch side saves them."""
    from safetensors.torch import save_file

    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, folder / "model.safetensors")
    entries = open_tensors(folder / "model.safetensors")
    (packed,) = [entry for entry in entries if entry.stored_as is not None]
    assert packed.problem is None
    return packed.load()


def numbers_of(tensor: Any) -> NDArray[np.float32]:
    import torch

    return tensor.detach().to(torch.float32).numpy()


def assert_within_steps(got: NDArray[np.float32], theirs: NDArray[np.float32], steps: int) -> None:
    """That no two numbers are further apart than so many neighbours of float32."""
    places = [array.view(np.int32).astype(np.int64) for array in (got, theirs)]
    ordered = [np.where(place < 0, -(place & 0x7FFFFFFF), place) for place in places]
    assert np.abs(ordered[0] - ordered[1]).max() <= steps


COMPRESSED_TENSORS = {
    "pack-quantized int4 groups": ("pack-quantized", {"num_bits": 4, "group_size": 32}),
    "pack-quantized int4 asymmetric": (
        "pack-quantized",
        {"num_bits": 4, "group_size": 32, "symmetric": False},
    ),
    "pack-quantized int8 channels": ("pack-quantized", {"num_bits": 8, "strategy": "channel"}),
    "pack-quantized int8 asymmetric": (
        "pack-quantized",
        {"num_bits": 8, "strategy": "channel", "symmetric": False},
    ),
    "pack-quantized int3": ("pack-quantized", {"num_bits": 3, "group_size": 32}),
    "pack-quantized int6": ("pack-quantized", {"num_bits": 6, "group_size": 32}),
    "int-quantized channels": ("int-quantized", {"num_bits": 8, "strategy": "channel"}),
    "int-quantized asymmetric": (
        "int-quantized",
        {"num_bits": 8, "strategy": "channel", "symmetric": False},
    ),
    "float-quantized tensor": (
        "float-quantized",
        {"num_bits": 8, "type": "float", "strategy": "tensor"},
    ),
    "float-quantized channels": (
        "float-quantized",
        {"num_bits": 8, "type": "float", "strategy": "channel"},
    ),
    "float-quantized blocks": (
        "float-quantized",
        {"num_bits": 8, "type": "float", "strategy": "block", "block_structure": [128, 128]},
    ),
    "nvfp4-pack-quantized": (
        "nvfp4-pack-quantized",
        {"num_bits": 4, "type": "float", "strategy": "tensor_group", "group_size": 16},
    ),
    "mxfp4-pack-quantized": (
        "mxfp4-pack-quantized",
        {"num_bits": 4, "type": "float", "strategy": "group", "group_size": 32},
    ),
    "mxfp6-pack-quantized": (
        "mxfp6-pack-quantized",
        {"num_bits": 6, "type": "float", "strategy": "group", "group_size": 32},
    ),
    "mxfp8-quantized": (
        "mxfp8-quantized",
        {"num_bits": 8, "type": "float", "strategy": "group", "group_size": 32},
    ),
}
SHAPE = 48, 320


def scales_of(library: Any, arguments: Any, weight: Any) -> dict[str, Any]:
    """Scales, zero points and a global scale, found by the library from the extremes."""
    import torch

    helpers = importlib.import_module("compressed_tensors.quantization.utils")
    strategy, group = arguments.strategy, arguments.group_size
    views = {
        "tensor": weight.reshape(1, -1),
        "channel": weight.reshape(SHAPE[0], 1, -1),
        "group": weight.reshape(SHAPE[0], -1, group or 1),
        "tensor_group": weight.reshape(SHAPE[0], -1, group or 1),
        "block": torch.nn.functional.pad(weight, (0, 64, 0, 80))
        .reshape(1, 128, 3, 128)
        .permute(0, 2, 1, 3)
        .reshape(1, 3, -1),
    }
    low, high = views[strategy].amin(-1), views[strategy].amax(-1)
    found: dict[str, Any] = {}
    if strategy == "tensor_group":
        found["weight_global_scale"] = helpers.generate_gparam(weight.amin(), weight.amax())
    scale, zero = helpers.calculate_qparams(
        low, high, arguments, global_scale=found.get("weight_global_scale")
    )
    found["weight_scale"] = scale
    if not arguments.symmetric:
        found["weight_zero_point"] = zero
    return found


def decompressed(library: Any, compressor: Any, packed: dict[str, Any], scheme: Any) -> Any:
    """What the library makes of it; of NVFP4 in float32, where it goes through bfloat16 else."""
    import torch

    if "weight_global_scale" not in packed:
        return compressor.decompress(packed, scheme)["weight"]
    nvfp4 = importlib.import_module("compressed_tensors.compressors.nvfp4.helpers")
    forward = importlib.import_module("compressed_tensors.quantization.lifecycle.forward")
    codes = packed["weight_packed"]
    numbers = nvfp4.unpack_fp4_from_uint8(codes, len(codes), 2 * codes.shape[1], torch.float32)
    return forward.dequantize(
        numbers,
        packed["weight_scale"].float(),
        args=scheme.weights,
        global_scale=packed["weight_global_scale"],
        dtype=torch.float32,
    )


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("case", COMPRESSED_TENSORS)
@pytest.mark.filterwarnings("ignore")
def test_compressed_tensors(tmp_path: Path, case: str, dtype: str) -> None:
    library = module("compressed_tensors.compressors")
    quantization = module("compressed_tensors.quantization")
    import torch

    kind, words = COMPRESSED_TENSORS[case]
    if kind.startswith("mx"):
        words = {**words, "scale_dtype": torch.uint8}
    arguments = quantization.QuantizationArgs(**{"strategy": "group", **words})
    scheme = quantization.QuantizationScheme(targets=["Linear"], weights=arguments)
    compressor = library.BaseCompressor.get_value_from_registry(kind)
    rng = np.random.default_rng(0)
    weight = torch.tensor(rng.standard_normal(SHAPE), dtype=getattr(torch, dtype)) * 0.02
    state = {"weight": weight, **scales_of(library, arguments, weight)}
    packed = compressor.compress(state, scheme)
    theirs = numbers_of(decompressed(library, compressor, packed, scheme))
    got = read(tmp_path, {f"layer.{name}": tensor for name, tensor in packed.items()})
    assert got.shape == SHAPE
    if kind == "nvfp4-pack-quantized":
        assert_within_steps(got, theirs, 2)
    else:
        rounded = got if packed["weight_scale"].dtype != torch.bfloat16 else nf.bfloat16.round(got)
        np.testing.assert_array_equal(rounded, theirs)
    assert np.abs(got - numbers_of(weight)).max() < 0.06


def by_file(package: str, *places: str) -> Any:
    """One file of a package that as a whole loads with old versions of its requirements only."""
    module("transformers")
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        pytest.skip(f"{package} is not installed")
    spec = importlib.util.spec_from_file_location(
        places[-1].removesuffix(".py"), Path(found.origin).parent.joinpath(*places)
    )
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize("act_order", [False, True])
@pytest.mark.filterwarnings("ignore")
def test_auto_gptq(tmp_path: Path, bits: int, act_order: bool) -> None:
    library = by_file("auto_gptq", "nn_modules", "qlinear", "qlinear_cuda.py")
    import torch

    inputs, outputs, group = 256, 64, 64
    rng = np.random.default_rng(bits)
    scales = torch.tensor(rng.uniform(0.01, 0.1, (outputs, inputs // group)), dtype=torch.float16)
    zeros = torch.tensor(rng.integers(1, 2**bits, (outputs, inputs // group)))
    index = torch.arange(inputs, dtype=torch.int32) // group
    if act_order:
        index = index[torch.tensor(rng.permutation(inputs))]
    codes = torch.tensor(rng.integers(0, 2**bits, (outputs, inputs)))
    exact = scales.double()[:, index.long()] * (codes - zeros[:, index.long()])
    linear = torch.nn.Linear(inputs, outputs, bias=False).half()
    linear.weight.data = exact.half()
    layer = library.QuantLinear(bits, group, inputs, outputs, False, weight_dtype=torch.float16)
    layer.pack(linear, scales.float(), zeros.float(), index)
    tensors = {f"up.{name}": tensor for name, tensor in layer.state_dict().items()}
    got = read(tmp_path, tensors)
    np.testing.assert_array_equal(got, exact.float().numpy())
    layer.scales = layer.scales.float()
    theirs = layer(torch.eye(inputs)).T
    np.testing.assert_array_equal(got, numbers_of(theirs))


@pytest.mark.parametrize("version", ["gptq", "gptq_v2"])
@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.filterwarnings("ignore")
def test_gptqmodel(tmp_path: Path, bits: int, version: str) -> None:
    library = module("gptqmodel.nn_modules.qlinear.torch")
    versions = module("gptqmodel.utils.model")
    import torch

    inputs, outputs, group = 256, 64, 64
    layer = library.TorchLinear(
        bits=bits,
        group_size=group,
        sym=False,
        desc_act=True,
        in_features=inputs,
        out_features=outputs,
        bias=False,
        pack_dtype=torch.int32,
        backend=library.BACKEND.GPTQ_TORCH,
        register_buffers=True,
    )
    rng = np.random.default_rng(bits)
    for words in (layer.qweight, layer.qzeros):
        words.data = torch.tensor(rng.integers(-(2**31), 2**31, words.shape), dtype=torch.int32)
    layer.scales.data = torch.tensor(rng.uniform(0.01, 0.1, layer.scales.shape)).half()
    layer.g_idx.data = layer.g_idx[torch.tensor(rng.permutation(inputs))]
    layer.qzero_format(format=2)
    state = {name: tensor.clone() for name, tensor in layer.state_dict().items()}
    layer.optimized = True  # or it compiles itself, for a minute
    layer.post_init()
    theirs = layer.dequantize_weight().T
    layer.qzeros.data = state["qzeros"].clone()
    if version == "gptq":
        told = SimpleNamespace(bits=bits, pack_dtype=torch.int32)
        versions.convert_gptq_v2_to_v1_format_module(layer, told)
        state["qzeros"] = layer.qzeros
    config = {"quant_method": "gptq", "checkpoint_format": version}
    (tmp_path / "config.json").write_text(json.dumps({"quantization_config": config}))
    got = read(tmp_path, {f"up.{name}": tensor for name, tensor in state.items()})
    np.testing.assert_array_equal(np.float16(got), theirs.half().numpy())


@pytest.mark.filterwarnings("ignore")
def test_auto_awq(tmp_path: Path) -> None:
    library = by_file("awq", "utils", "packing_utils.py")
    import torch

    inputs, outputs, group = 256, 64, 64
    rng = np.random.default_rng(0)
    words = [
        torch.tensor(rng.integers(-(2**31), 2**31, shape), dtype=torch.int32)
        for shape in [(inputs, outputs // 8), (inputs // group, outputs // 8)]
    ]
    scales = torch.tensor(rng.uniform(0.01, 0.1, (inputs // group, outputs)), dtype=torch.float32)
    theirs = library.dequantize_gemm(*words, scales, 4, group)
    tensors = {"up.qweight": words[0], "up.qzeros": words[1], "up.scales": scales.half()}
    got = read(tmp_path, tensors)
    exact = library.dequantize_gemm(*words, scales.half().float(), 4, group)
    np.testing.assert_array_equal(got, numbers_of(exact).T)
    np.testing.assert_allclose(got, numbers_of(theirs).T, rtol=2.0**-10)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.filterwarnings("ignore")
def test_modelopt_nvfp4(tmp_path: Path, dtype: str) -> None:
    library = module("modelopt.torch.quantization.qtensor")
    import torch

    rng = np.random.default_rng(0)
    weight = torch.tensor(rng.standard_normal(SHAPE), dtype=getattr(torch, dtype))
    packed, scale, second = library.NVFP4QTensor.quantize(weight, 16)
    theirs = packed.dequantize(
        torch.float32, scale=scale, double_scale=second, block_sizes={-1: 16}
    )
    tensors = {
        "up.weight": packed._quantized_data,
        "up.weight_scale": scale,
        "up.weight_scale_2": second,
    }
    got = read(tmp_path, tensors)
    assert_within_steps(got, numbers_of(theirs), 2)
    assert np.abs(got - numbers_of(weight)).max() < 0.6


@pytest.mark.filterwarnings("ignore")
def test_modelopt_int4(tmp_path: Path) -> None:
    library = module("modelopt.torch.export.quant_utils")
    import torch

    rng = np.random.default_rng(0)
    numbers = torch.tensor(rng.integers(-8, 8, SHAPE), dtype=torch.float32)
    scales = torch.tensor(rng.uniform(0.01, 0.1, (SHAPE[0], SHAPE[1] // 32)), dtype=torch.float32)
    weight = numbers * scales.repeat_interleave(32, 1)
    packed = library.pack_int4_in_uint8(weight, scales, 32)
    got = read(tmp_path, {"up.weight": packed, "up.weight_scale": scales})
    np.testing.assert_array_equal(got, numbers_of(weight))


@pytest.mark.filterwarnings("ignore")
def test_gpt_oss(tmp_path: Path) -> None:
    library = module("transformers.integrations.mxfp4")
    import torch

    rng = np.random.default_rng(0)
    blocks = torch.tensor(rng.integers(0, 256, (3, 8, 4, 16)), dtype=torch.uint8)
    scales = torch.tensor(rng.integers(110, 140, (3, 8, 4)), dtype=torch.uint8)
    theirs = library.convert_moe_packed_tensors(blocks, scales, dtype=torch.float32)
    got = read(tmp_path, {"experts.up_proj_blocks": blocks, "experts.up_proj_scales": scales})
    np.testing.assert_array_equal(got.transpose(0, 2, 1), numbers_of(theirs))


@pytest.mark.filterwarnings("ignore")
def test_modelopt_float8(tmp_path: Path) -> None:
    library = module("modelopt.torch.quantization.qtensor")
    import torch

    weight = torch.tensor(np.random.default_rng(0).standard_normal(SHAPE), dtype=torch.float32)
    packed, scale = library.FP8QTensor.quantize(weight)
    theirs = packed.dequantize(torch.float32, scale=scale)
    got = read(tmp_path, {"up.weight": packed._quantized_data, "up.weight_scale": scale.float()})
    np.testing.assert_array_equal(got, numbers_of(theirs))


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("kind", ["nf4", "fp4"])
@pytest.mark.parametrize("shape", [SHAPE, (7, 33)])
@pytest.mark.filterwarnings("ignore")
def test_bitsandbytes(tmp_path: Path, kind: str, nested: bool, shape: tuple[int, int]) -> None:
    library = module("bitsandbytes.functional")
    import torch

    weight = torch.tensor(np.random.default_rng(0).standard_normal(shape), dtype=torch.float32)
    packed, state = library.quantize_4bit(
        weight, quant_type=kind, blocksize=64, compress_statistics=nested
    )
    theirs = library.dequantize_4bit(packed, state)
    tensors = {"up.weight": packed}
    tensors |= {f"up.weight.{name}": part for name, part in state.as_dict(packed=True).items()}
    np.testing.assert_array_equal(read(tmp_path, tensors), numbers_of(theirs))


@pytest.mark.filterwarnings("ignore")
def test_bitsandbytes_int8(tmp_path: Path) -> None:
    library = module("bitsandbytes.functional")
    import torch

    weight = torch.tensor(np.random.default_rng(0).standard_normal(SHAPE), dtype=torch.float16)
    packed, largest, _ = library.int8_vectorwise_quant(weight)
    theirs = library.int8_vectorwise_dequant(packed, largest)
    got = read(tmp_path, {"up.weight": packed, "up.SCB": largest})
    assert_within_steps(got, numbers_of(theirs), 2)
