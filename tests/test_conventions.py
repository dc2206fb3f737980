"""`cast` and `convention=` against the libraries themselves, bit for bit.

ml_dtypes is always there. PyTorch, ONNX and CUDA's headers are compared with where they are
installed (`-m peers`); the headers have the casts as C++ for the host, which is compiled.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

import numformats as nf
from numformats.scaled.conventions import CASTS

Bytes = NDArray[np.uint8]

# The functions of cuda_fp8.h, cuda_fp6.h and cuda_fp4.h, by format.
CUDA_CASTS = {
    "float8_e4m3fn": "__nv_fp8_e4m3(x[i]).__x",
    "float8_e5m2": "__nv_fp8_e5m2(x[i]).__x",
    "float6_e2m3fn": "__nv_fp6_e2m3(x[i]).__x",
    "float6_e3m2fn": "__nv_fp6_e3m2(x[i]).__x",
    "float4_e2m1fn": "__nv_fp4_e2m1(x[i]).__x",
    "float8_e8m0fnu": "__nv_fp8_e8m0(x[i]).__x",
}


def all_kinds() -> NDArray[np.float32]:
    """Every sign, exponent and seven first bits; a little above and below each; and random bits."""
    high = np.arange(1 << 16, dtype=np.uint32) << 16
    noise = np.random.default_rng(0).integers(0, 1 << 32, 1 << 18, dtype=np.uint32)
    return np.concatenate([high, high + 1, high - 1, high | 0x8000, noise]).view(np.float32)


def finite() -> NDArray[np.float32]:
    x = all_kinds()
    return x[np.isfinite(x)]


def assert_same(theirs: Callable[[NDArray[np.float32]], Bytes], name: str, library: str) -> None:
    fmt = nf.get_format(name)
    x = finite() if isinstance(fmt, nf.IntFormat) else all_kinds()
    got, expected = nf.cast(x, fmt, library), theirs(x)
    wrong = got != expected
    assert not wrong.any(), (x[wrong][:5], got[wrong][:5], expected[wrong][:5])


def blocks() -> NDArray[np.float32]:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((64, 96)) * 2.0 ** rng.integers(-20, 20, (64, 1))
    return x.astype(np.float32)


@pytest.mark.filterwarnings("ignore:invalid value", "ignore:overflow")
@pytest.mark.parametrize("name", CASTS["ml_dtypes"])
def test_casts_of_ml_dtypes(name: str) -> None:
    def theirs(x: NDArray[np.float32]) -> Any:
        dtype = nf.get_format(name).dtype
        assert dtype is not None
        return x.astype(dtype).view(f"u{dtype.itemsize}")

    assert_same(theirs, name, "ml_dtypes")


def test_ml_dtypes_rounds_float64_twice_and_so_does_its_convention() -> None:
    x = np.nextafter(1.0625, 2)
    assert nf.float8_e4m3fn.decode(nf.cast(x, "e4m3fn", "ml_dtypes")) == 1.0
    assert np.float64(x).astype(ml_dtypes.float8_e4m3fn) == 1.0
    assert nf.float8_e4m3fn.round(x) == 1.125


@pytest.mark.parametrize("name", ["mxfp8_e4m3", "mxfp4", "nvfp4", "fp8_e5m2_channel"])
def test_quantize_as_ml_dtypes_would(name: str) -> None:
    x = blocks()
    q = nf.quantize(x, name, convention="ml_dtypes")
    np.testing.assert_array_equal(q.scales, nf.quantize(x, name).scales)
    grid = q.scale_values().reshape(64, -1)
    sizes = np.repeat(grid, 96 // grid.shape[1], axis=1)
    quotients = x / sizes.astype(np.float32)
    assert q.format.element.dtype is not None
    np.testing.assert_array_equal(q.codes, quotients.astype(q.format.element.dtype).view("u1"))


def test_a_block_with_infinity_as_ml_dtypes_would() -> None:
    q = nf.quantize(np.float32([np.inf, 1, 448]), "mxfp8_e4m3", convention="ml_dtypes")
    assert q.codes.tolist() == [0x7F, 0x38, 0x7E]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nf.cast(1.0, "int8", "cuda"), "cuda has no cast to int8"),
        (lambda: nf.cast(1.0, "e4m3fn", "jax"), "convention: unknown 'jax'"),
        (lambda: nf.cast(np.nan, "int8", "onnx"), "NaN"),
        (lambda: nf.quantize([1.0], "int8_tensor_asym", convention="torch"), "torch has no"),
        (lambda: nf.quantize([1.0], "int4_g32_asym", convention="onnx"), "onnx has no int4_g32"),
        (lambda: nf.quantize([1.0], "mxfp4", convention="cuda", rounding="rtz"), "its own"),
        (lambda: nf.quantize([1.0], "mxfp4", convention="gguf"), "gguf has no mxfp4"),
        (lambda: nf.quantize([np.nan], "q4_0", convention="gguf"), "NaN or infinity"),
    ],
)
def test_what_a_library_does_not_have_is_refused(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_a_convention_is_a_str() -> None:
    with pytest.raises(TypeError, match="convention"):
        nf.cast(1.0, "e4m3fn", 3)  # type: ignore[arg-type]


def test_shapes_and_dtypes() -> None:
    assert nf.cast(np.zeros((2, 0)), "e4m3fn", "cuda").shape == (2, 0)
    assert nf.cast(np.ones((2, 3), ">f8").T, "e4m3fn", "torch").tolist() == [[0x38] * 2] * 3
    assert nf.cast(np.int64(7), "float4_e2m1fn", "cuda") == 7
    assert isinstance(nf.cast(1.0, "float8_e8m0fnu", "cuda"), np.uint8)


OF_CONVENTIONS = [
    ("torchao", "mxfp4"),
    ("torchao", "nvfp4"),
    ("gguf", "q4_1"),
    ("bitsandbytes", "nf4"),
    ("bitsandbytes", "nf4_dq"),
    ("torch", "fp8_e4m3_128x128"),
    ("ml_dtypes", "mxfp4"),
    ("cuda", "nvfp4"),
    ("onnx", "int8_channel_asym"),
    ("onnx", "int4_g32"),
]


@pytest.mark.parametrize(("convention", "name"), OF_CONVENTIONS)
@pytest.mark.parametrize("dtype", ["f4", "f8", ">f2", "i4"])
def test_conventions_take_any_shape_and_dtype(convention: str, name: str, dtype: str) -> None:
    for shape in [(), (0,), (5, 0), (0, 64), (33,), (3, 64), (2, 3, 64)]:
        x = np.full(shape, 3, dtype)
        q = nf.quantize(x, name, convention=convention)
        assert q.shape == q.dequantize().shape == shape
        np.testing.assert_allclose(q.dequantize(), 3, rtol=0.1)


@pytest.mark.parametrize(("convention", "name"), OF_CONVENTIONS)
def test_conventions_and_what_is_not_finite(convention: str, name: str) -> None:
    x = np.float32([np.inf, -np.inf, np.nan, 1])
    # These define no code for it.
    if convention in ("gguf", "bitsandbytes", "onnx"):
        with pytest.raises(ValueError, match=r"^x: .*NaN"):
            nf.quantize(x, name, convention=convention)
        return
    assert nf.quantize(x, name, convention=convention).codes.shape == (4,)


@pytest.mark.peers
@pytest.mark.parametrize("name", CASTS["torch"])
def test_casts_of_torch(name: str) -> None:
    # Before, numbers above 464 were NaN in E4M3.
    torch = pytest.importorskip("torch", "2.13", reason="PyTorch 2.13 is not installed")

    def theirs(x: NDArray[np.float32]) -> Any:
        cast = torch.from_numpy(x).to(getattr(torch, name))
        size = cast.element_size()
        return cast.view(getattr(torch, f"uint{8 * size}")).numpy()

    assert_same(theirs, name, "torch")


def onnx_node(operator: str, inputs: list[Any], outputs: int = 1, **attributes: Any) -> list[Any]:
    """What ONNX's reference makes of one operator."""
    onnx = pytest.importorskip("onnx", reason="ONNX is not installed")
    from onnx.reference import ReferenceEvaluator

    names = [f"x{i}" for i in range(len(inputs))]
    given = [
        onnx.helper.make_tensor_value_info(
            name, onnx.helper.np_dtype_to_tensor_dtype(value.dtype), value.shape
        )
        for name, value in zip(names, inputs, strict=True)
    ]
    made = [f"y{i}" for i in range(outputs)]
    values = [onnx.helper.make_tensor_value_info(name, 0, None) for name in made]
    node = onnx.helper.make_node(operator, names, made, **attributes)
    graph = onnx.helper.make_graph([node], "one", given, values)
    opset = onnx.helper.make_opsetid("", onnx.defs.onnx_opset_version())
    model = onnx.helper.make_model(graph, opset_imports=[opset])
    return ReferenceEvaluator(model).run(None, dict(zip(names, inputs, strict=True)))


def onnx_type(name: str) -> int:
    onnx = pytest.importorskip("onnx", reason="ONNX is not installed")
    plain = name.upper().replace("FLOAT4_E2M1FN", "FLOAT4E2M1").replace("_E8M0FNU", "E8M0")
    plain = plain.replace("FLOAT6_E2M3FN", "FLOAT6E2M3").replace("FLOAT6_E3M2FN", "FLOAT6E3M2")
    plain = {"FLOAT32": "FLOAT"}.get(plain.replace("_", ""), plain.replace("_", ""))
    return int(getattr(onnx.TensorProto, plain))


def bits_of(codes: Any, fmt: nf.Format) -> Any:
    return codes.view(f"u{codes.dtype.itemsize}") & (2**fmt.bits - 1)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CASTS["onnx"])
def test_casts_of_onnx(name: str) -> None:
    fmt = nf.get_format(name)

    def theirs(x: NDArray[np.float32]) -> Any:
        if isinstance(fmt, nf.IntFormat):
            one, kind = np.ones((), np.float32), onnx_type(name)
            inside = np.clip(x, -1e6, 1e6)  # beyond the range of int32 its result is undefined
            return bits_of(onnx_node("QuantizeLinear", [inside, one], output_dtype=kind)[0], fmt)
        return bits_of(onnx_node("Cast", [x], to=onnx_type(name))[0], fmt)

    assert_same(theirs, name, "onnx")


@pytest.mark.peers
@pytest.mark.parametrize("name", ["int8_tensor", "int4_g32", "fp8_e4m3_1x128", "mxfp4"])
def test_quantize_as_onnx_does(name: str) -> None:
    x = blocks()
    q = nf.quantize(x, name, convention="onnx")
    scales = q.scale_values().astype(np.float32)
    size = q.format.granularity.block_size
    attributes = {} if size is None else {"axis": 1, "block_size": size}
    kind = onnx_type(q.format.element.name)
    made = onnx_node("QuantizeLinear", [x, scales], output_dtype=kind, **attributes)[0]
    np.testing.assert_array_equal(q.codes, bits_of(made, q.format.element))


@pytest.mark.peers
@pytest.mark.parametrize("x", [blocks(), np.zeros((3, 4), np.float32), np.abs(blocks())])
def test_dynamic_quantize_linear(x: NDArray[np.float32]) -> None:
    q = nf.quantize(x, "int8_tensor_asym", convention="onnx")
    codes, scale, zero = onnx_node("DynamicQuantizeLinear", [x], 3)
    np.testing.assert_array_equal(q.codes, codes)
    assert (q.scales, q.zero_points) == (scale, zero)


def gguf_blocks() -> NDArray[np.float32]:
    rng = np.random.default_rng(2)
    x = rng.standard_normal((256, 128)) * 2.0 ** rng.integers(-12, 8, (256, 1))
    x[:40] = np.rint(x[:40] * 4) / 4
    x[40:60] = 0
    x[60:80] += 30
    return x.astype(np.float32)


@pytest.mark.peers
@pytest.mark.parametrize("name", ["q8_0", "q4_0", "q4_1"])
def test_quantize_as_gguf_does(name: str) -> None:
    gguf = pytest.importorskip("gguf", reason="gguf is not installed")
    x = gguf_blocks()
    kind = getattr(gguf.GGMLQuantizationType, name.upper())
    stored = gguf.quants.quantize(x, kind).reshape(256, 4, -1)
    q = nf.quantize(x, name, convention="gguf")
    count = 1 if q.offsets is None else 2
    header = stored[..., : 2 * count].copy().view(np.float16)
    np.testing.assert_array_equal(q.scales, header[..., 0])
    if q.offsets is not None:
        np.testing.assert_array_equal(q.offsets, header[..., 1])
    codes = stored[..., 2 * count :]
    if name != "q8_0":
        # The first half of a block is in the low halves of its bytes.
        codes = np.concatenate([codes & 15, codes >> 4], axis=-1)
    shift = 8 if name == "q4_0" else 0
    np.testing.assert_array_equal(q.codes.reshape(codes.shape), codes ^ shift)
    read = gguf.quants.dequantize(stored.reshape(256, -1), kind)
    np.testing.assert_array_equal(q.dequantize(), read)


@pytest.mark.parametrize("name", ["q8_0", "q4_0", "q4_1"])
def test_the_convention_of_gguf_is_near_the_exact_rule(name: str) -> None:
    x = gguf_blocks()
    ours, theirs = (nf.quantize(x, name, convention=c) for c in ("ocp", "gguf"))
    is_zero = theirs.scales == 0  # of tiles of equal numbers, where ours is 1
    np.testing.assert_array_equal(ours.scales[~is_zero], theirs.scales[~is_zero])
    assert (ours.scales[is_zero] == 1).all()
    error, their_error = (np.square(q.dequantize() - x).sum() for q in (ours, theirs))
    assert error <= their_error < 1.1 * error
    first = nf.quantize(x.T, name, axis=0, convention="gguf")
    np.testing.assert_array_equal(first.codes.T, theirs.codes)
    assert nf.quantize(x[:, :50], name, convention="gguf").shape == (256, 50)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["nf4", "fp4"])
def test_quantize_as_bitsandbytes_does(kind: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    functional = pytest.importorskip(
        "bitsandbytes.functional", reason="bitsandbytes is not installed"
    )
    name = {"nf4": "nf4", "fp4": "fp4_bnb"}[kind]
    rng = np.random.default_rng(5)
    points = nf.get_scaled_format(name).element.values().astype("f4")
    near = (points[:, np.newaxis] + points) / 2  # midpoints among them
    for x in (gguf_blocks(), near.reshape(4, 64), rng.standard_normal(1000).astype("f4")):
        packed, state = functional.quantize_4bit(
            torch.from_numpy(x), blocksize=64, quant_type=kind, compress_statistics=False
        )
        q = nf.quantize(x, name, convention="bitsandbytes")
        pairs = packed.numpy().reshape(-1)
        codes = np.stack([pairs >> 4, pairs & 15], axis=-1).reshape(-1)[: x.size]
        np.testing.assert_array_equal(q.codes.reshape(-1), codes)
        np.testing.assert_array_equal(q.scales.reshape(-1), state.absmax.numpy())
        read = functional.dequantize_4bit(packed, state).numpy()
        np.testing.assert_array_equal(q.dequantize(), read.reshape(x.shape))


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["nf4", "fp4"])
def test_scales_are_quantized_as_by_bitsandbytes(kind: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    functional = pytest.importorskip(
        "bitsandbytes.functional", reason="bitsandbytes is not installed"
    )
    fmt = nf.get_scaled_format({"nf4": "nf4_dq", "fp4": "fp4_bnb_dq"}[kind])
    table = functional.create_dynamic_map().numpy()
    np.testing.assert_array_equal(table, fmt.scale_element.values())
    rng = np.random.default_rng(6)
    w = rng.standard_normal((1000, 320)).astype("f4")
    # Few bits in the scales, so that every order of summation gives the sum of all.
    w.reshape(-1, 64)[:, 9] = rng.integers(5 << 7, 8 << 7, 5000) / 128
    small = w[:50] * np.float32(2.0**-130)
    for x in (w, small, np.zeros((300, 64), "f4"), np.ones((300, 64), "f4"), w[:3, :64]):
        packed, state = functional.quantize_4bit(
            torch.from_numpy(x), blocksize=64, quant_type=kind, compress_statistics=True
        )
        q = nf.quantize(x, fmt, convention="bitsandbytes")
        pairs = packed.numpy().reshape(-1)
        np.testing.assert_array_equal(q.codes[..., ::2].reshape(-1), pairs >> 4)
        np.testing.assert_array_equal(q.codes[..., 1::2].reshape(-1), pairs & 15)
        assert q.scale_mean == state.offset.numpy()
        np.testing.assert_array_equal(q.scales.reshape(-1), state.absmax.numpy())
        np.testing.assert_array_equal(q.tensor_scales, state.state2.absmax.numpy())
        # Its scales are rounded twice, and differ from ours in the last bit at most.
        read = functional.dequantize_4bit(packed, state).numpy()
        np.testing.assert_allclose(q.dequantize(), read, rtol=2.0**-22, atol=1e-45)
    exactly, theirs = (nf.quantize(w, fmt, convention=c) for c in ("ocp", "bitsandbytes"))
    far = exactly.scale_values() - theirs.scale_values()
    # Next to the exact code at most, whose values are 0.015 of the largest apart.
    assert 0 < np.abs(far).max() < 0.015 * exactly.tensor_scales.max() < 0.1


def test_the_convention_of_bitsandbytes_sends_ties_down() -> None:
    below, zero, above = nf.get_scaled_format("nf4").element.values()[6:9]
    assert zero == 0
    x = np.float32([1, above / 2, below / 2])
    assert nf.quantize(x, "nf4").codes.tolist() == [15, 8, 6]
    assert nf.quantize(x, "nf4", convention="bitsandbytes").codes.tolist() == [15, 7, 6]
    with pytest.raises(ValueError, match="whole 64s"):
        nf.quantize(np.zeros((2, 65)), "nf4", convention="bitsandbytes")
    with pytest.raises(ValueError, match="bitsandbytes has no mxfp4"):
        nf.quantize(np.zeros(64), "mxfp4", convention="bitsandbytes")


@pytest.mark.parametrize(
    ("name", "rule", "message"),
    [
        ("q4_1", None, "neither offsets nor a search"),
        ("mxfp4", "mse", "neither offsets nor a search"),
        ("int8_tensor_asym", "percentile", "onnx has no int8_tensor_asym with this scale rule"),
    ],
)
def test_a_convention_of_casts_is_for_rules_that_it_follows(
    name: str, rule: str | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        nf.quantize([1.0, 2.0], name, scale_rule=rule, convention="onnx")


@pytest.fixture(scope="module")
def cuda(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """CUDA's casts for the host, compiled."""
    folders = set()
    for package in ("nvidia-cuda-runtime", "nvidia-cuda-crt", "nvidia-cuda-cccl"):
        try:
            files = importlib.metadata.files(package) or []
        except importlib.metadata.PackageNotFoundError:
            pytest.skip(f"{package}, which has CUDA's headers, is not installed")
        for file in files:
            if file.parts[-2:] in (("include", "cuda_fp8.h"), ("nv", "target")):
                folders.add(Path(str(file.locate())).resolve().parents[file.parts[-2] == "nv"])
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("there is no g++ to compile CUDA's headers with")
    where = tmp_path_factory.mktemp("cuda")
    lines = [f"#include <cuda_fp{width}.h>" for width in (8, 6, 4)]
    for name, cast in CUDA_CASTS.items():
        signature = f'extern "C" void {name}(const float* x, unsigned char* y, long n)'
        lines.append(f"{signature} {{ for (long i = 0; i < n; i++) y[i] = {cast}; }}")
    (where / "casts.cpp").write_text("\n".join(lines))
    includes = [f"-I{folder}" for folder in sorted(folders)]
    command = [compiler, "-shared", "-fPIC", *includes, "casts.cpp", "-o", "casts.so"]
    subprocess.run(command, cwd=where, check=True)
    return ctypes.CDLL(str(where / "casts.so"))


@pytest.mark.peers
@pytest.mark.parametrize("name", CASTS["cuda"])
def test_casts_of_cuda(cuda: ctypes.CDLL, name: str) -> None:
    def theirs(x: NDArray[np.float32]) -> Bytes:
        codes = np.empty(x.size, np.uint8)
        pointers = (ctypes.c_void_p(array.ctypes.data) for array in (x, codes))
        getattr(cuda, name)(*pointers, ctypes.c_long(x.size))
        return codes

    assert_same(theirs, name, "cuda")
