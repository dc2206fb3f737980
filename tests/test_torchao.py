"""`convention="torchao"` against torchao itself, bit for bit. Skipped where it is not installed."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import numformats as nf

pytestmark = pytest.mark.peers

SIZE = 1 << 22


@pytest.fixture(scope="module")
def library() -> Any:
    """The modules of torchao, which warns of much as it is loaded."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("torch", reason="PyTorch is not installed")
        pytest.importorskip("torchao", reason="torchao is not installed")
        from torchao.prototype.mx_formats import config, constants, mx_tensor, nvfp4_tensor
    return config, constants, mx_tensor, nvfp4_tensor


def numbers(*, infinity: bool, nan: bool) -> NDArray[np.float32]:
    """Rows of normals over thirty binades, of ties, zeros, subnormals, huge numbers, specials."""
    rng = np.random.default_rng(0)
    rows = SIZE // 512
    x = (rng.standard_normal((rows, 512)) * 2.0 ** rng.integers(-15, 15, (rows, 1))).astype("f4")
    x[:300] = np.rint(x[:300] * 16) / 16
    x[300:400] = 0
    x[400:500] *= np.float32(2.0**-120)
    x[500:600] *= np.float32(2.0**-110)
    x[600:700] *= np.float32(2.0**100)
    x[700:800, ::7] = 0
    column = rng.integers(0, 512, 200)
    if infinity:
        x[np.arange(800, 1000), column] = np.inf
    if nan:
        x[np.arange(1000, 1200), column] = np.nan
    return x


def unpacked(codes: Any, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    pairs = codes.numpy()
    return np.stack([pairs & 15, pairs >> 4], axis=-1).reshape(shape)


def assert_same_codes(got: NDArray[Any], expected: NDArray[Any], element: nf.Format) -> None:
    """NaN may have any code that is NaN."""
    is_nan = np.isnan(element.values())
    both = is_nan[got] & is_nan[expected]
    np.testing.assert_array_equal(got[~both], expected[~both])


@pytest.mark.parametrize("rule", ["floor", "ceil", "even", "rceil"])
@pytest.mark.parametrize("name", ["mxfp8_e4m3", "mxfp8_e5m2", "mxfp6_e3m2", "mxfp6_e2m3", "mxfp4"])
def test_to_mx(library: Any, name: str, rule: str) -> None:
    import torch

    config, constants, mx_tensor, _ = library
    dtypes = {
        "mxfp8_e4m3": torch.float8_e4m3fn,
        "mxfp8_e5m2": torch.float8_e5m2,
        "mxfp6_e3m2": constants.DTYPE_FP6_E3M2,
        "mxfp6_e2m3": constants.DTYPE_FP6_E2M3,
        "mxfp4": torch.float4_e2m1fn_x2,
    }
    fmt = nf.get_scaled_format(name)
    # It has no meaning for NaN in elements without NaN.
    x = numbers(infinity=True, nan=fmt.element.has_nan)
    mode = getattr(config.ScaleCalculationMode, rule.upper())
    scales, codes = mx_tensor.to_mx(torch.from_numpy(x), dtypes[name], 32, mode)
    q = nf.quantize(x, name, scale_rule=rule, convention="torchao")
    np.testing.assert_array_equal(q.scales, scales.view(torch.uint8).numpy())
    is_pair = name == "mxfp4"
    expected = unpacked(codes, x.shape) if is_pair else codes.view(torch.uint8).numpy()
    assert_same_codes(q.codes, expected, fmt.element)


@pytest.mark.parametrize("name", ["nvfp4", "nvfp4_single_level"])
def test_nvfp4_quantize(library: Any, name: str) -> None:
    import torch

    nvfp4 = library[3]
    x = numbers(infinity=False, nan=False)
    given = torch.from_numpy(x)
    scale = nvfp4.per_tensor_amax_to_scale(given.abs().max()) if name == "nvfp4" else None
    scales, codes = nvfp4.nvfp4_quantize(given, 16, scale)
    q = nf.quantize(x, name, convention="torchao")
    np.testing.assert_array_equal(q.scales.ravel(), scales.view(torch.uint8).numpy().ravel())
    np.testing.assert_array_equal(q.codes, unpacked(codes, x.shape))


def test_the_exact_rule_differs_where_the_docs_say(library: Any) -> None:
    x = np.float32([2.0**-127, 2.0**-126, 3 * 2.0**-127, 0] * 8)
    ours, theirs = (nf.quantize(x, "mxfp8_e4m3", convention=c) for c in ("ocp", "torchao"))
    assert ours.scales == theirs.scales == 0
    # Its division is by 2**-126, and not by the scale.
    np.testing.assert_array_equal(ours.dequantize(), x)
    np.testing.assert_array_equal(theirs.dequantize(), x / 2)
