"""Tensors of PyTorch: those that NumPy takes are taken, and of the others is said what to do."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import numformats as nf

# What PyTorch raises where it cannot make an array (2.14).
UNSUPPORTED = "Got unsupported ScalarType {}"
GRADIENT = "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
SPARSE = "can't convert Sparse layout tensor to numpy. Use Tensor.to_dense() first."

TAKERS: dict[str, Callable[[Any], object]] = {
    "encode": nf.float8_e4m3fn.encode,
    "round": nf.float8_e4m3fn.round,
    "quantize": lambda x: nf.quantize(x, "mxfp4"),
    "compare": lambda x: nf.compare(x, "mxfp4"),
    "cast": lambda x: nf.cast(x, "float8_e4m3fn", "torch"),
}


class Tensor:
    """What cannot be made an array, and says why."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise self.error


@pytest.mark.parametrize("take", TAKERS.values(), ids=TAKERS)
@pytest.mark.parametrize("dtype", ["BFloat16", "Float8_e4m3fn", "Float8_e5m2", "Float8_e8m0fnu"])
def test_dtypes_that_numpy_lacks_have_a_way_out(take: Any, dtype: str) -> None:
    fault = UNSUPPORTED.format(dtype)
    message = f"x: cannot be made an array: {fault}; pass x.float(), which is exact"
    for x in (Tensor(TypeError(fault)), [Tensor(TypeError(fault))] * 2):
        with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
            take(x)


@pytest.mark.parametrize("take", TAKERS.values(), ids=TAKERS)
@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(GRADIENT),
        TypeError(SPARSE),
        # Float32 does not hold it as it is.
        TypeError(UNSUPPORTED.format("ComplexHalf")),
        TypeError(UNSUPPORTED.format("Float4_e2m1fn_x2")),
    ],
    ids=["gradient", "sparse", "complex", "pairs"],
)
def test_its_own_advice_is_passed_on(take: Any, error: Exception) -> None:
    message = f"^x: cannot be made an array: {re.escape(str(error))}$"
    with pytest.raises(TypeError, match=message):
        take(Tensor(error))


def test_the_argument_is_named() -> None:
    with pytest.raises(TypeError, match=r"^codes: cannot be made .*; pass codes\.float\(\)"):
        nf.float8_e4m3fn.decode(Tensor(TypeError(UNSUPPORTED.format("BFloat16"))))
    with pytest.raises(TypeError, match=r"^random_bits: .* Can't call numpy\(\)"):
        nf.int8.encode([1.5], "sr", random_bits=Tensor(RuntimeError(GRADIENT)))


def test_faults_of_others_are_left_as_they_are() -> None:
    with pytest.raises(RuntimeError, match=r"^a worker died$"):
        nf.int8.encode(Tensor(RuntimeError("a worker died")))


@pytest.fixture(scope="module")
def torch() -> Any:
    """PyTorch, which warns of much as it is loaded."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("torch", reason="PyTorch is not installed")


@pytest.mark.peers
@pytest.mark.parametrize(
    "dtype", ["bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e8m0fnu"]
)
def test_the_way_out_of_torch_is_one_and_exact(torch: Any, dtype: str) -> None:
    kind = getattr(torch, dtype)
    bits = 16 if dtype == "bfloat16" else 8
    words = np.arange(2**bits, dtype=np.uint16 if bits == 16 else np.uint8)
    x = torch.from_numpy(words).view(kind)
    for take in TAKERS.values():
        with pytest.raises(TypeError, match=r"^x: .*; pass x\.float\(\), which is exact$"):
            take(x)
    fmt = nf.get_format(dtype)
    values, expected = x.float().numpy(), fmt.values()
    np.testing.assert_array_equal(values, expected)
    is_number = ~np.isnan(expected)
    np.testing.assert_array_equal(fmt.encode(x.float())[is_number], words[is_number])


@pytest.mark.peers
def test_tensors_of_torch_with_a_gradient(torch: Any) -> None:
    x = torch.ones(40, requires_grad=True)
    for take in TAKERS.values():
        with pytest.raises(TypeError, match=f"^x: .*{re.escape(GRADIENT)}$"):
            take(x)
        take(x.detach().numpy())
        take(x.detach())
