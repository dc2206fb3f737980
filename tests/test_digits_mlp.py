"""The shipped weights are what ``examples/train_digits_mlp.py`` trains, and they work."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Final, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import load_file

ROOT: Final = Path(__file__).resolve().parents[1]
SCRIPT: Final = ROOT / "examples" / "train_digits_mlp.py"
SHIPPED: Final = ROOT / "numformats" / "data" / "digits_mlp.safetensors"

SHAPES: Final = {
    "layer1.weight": (64, 64),
    "layer1.bias": (64,),
    "layer2.weight": (32, 64),
    "layer2.bias": (32,),
    "layer3.weight": (10, 32),
    "layer3.bias": (10,),
}

Tensors: TypeAlias = dict[str, NDArray[np.float32]]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """Load the training script by its path, since the examples are not a package."""
    spec = importlib.util.spec_from_file_location("train_digits_mlp", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def trained_path(script: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train on this machine and return the file that this writes."""
    path = tmp_path_factory.mktemp("digits") / "digits_mlp.safetensors"
    test_set = path.with_name("digits_test.safetensors")
    script.main(["--output", str(path), "--test-set", str(test_set)])
    # Pixels and labels are the same on every machine.
    assert test_set.read_bytes() == SHIPPED.with_name(test_set.name).read_bytes()
    return path


@pytest.fixture(scope="module")
def shipped() -> Tensors:
    """Return the tensors of the file in the package."""
    tensors: Tensors = load_file(SHIPPED)
    return tensors


def test_shipped_file_holds_these_float32_tensors_and_is_small(shipped: Tensors) -> None:
    assert {name: tensor.shape for name, tensor in shipped.items()} == SHAPES
    assert {tensor.dtype for tensor in shipped.values()} == {np.dtype(np.float32)}
    assert SHIPPED.stat().st_size < 100_000


def test_training_reproduces_the_shipped_tensors(trained_path: Path, shipped: Tensors) -> None:
    trained: Tensors = load_file(trained_path)
    assert trained.keys() == shipped.keys()
    for name, tensor in trained.items():
        assert tensor.shape == shipped[name].shape
        assert tensor.dtype == shipped[name].dtype
        # Not exactly: another BLAS adds the terms of a matrix product in another order.
        np.testing.assert_allclose(tensor, shipped[name], rtol=0.0, atol=1e-4, err_msg=name)


def test_shipped_weights_recognise_the_test_images(script: ModuleType, shipped: Tensors) -> None:
    _, _, images, labels = script.load_split(np.random.default_rng(script.SEED))
    measured: float = script.accuracy(shipped, images, labels)
    assert measured >= 0.96
    with safe_open(SHIPPED, framework="numpy") as file:
        # Half a unit of the last digit written, and one image that another BLAS may decide.
        recorded = float(file.metadata()["test_accuracy"])
    assert measured == pytest.approx(recorded, abs=0.00005 + 1.0 / len(labels))


def test_the_same_tensors_give_the_same_bytes(script: ModuleType, shipped: Tensors) -> None:
    with safe_open(SHIPPED, framework="numpy") as file:
        metadata: dict[str, str] = file.metadata()
    assert script.safetensors_bytes(shipped, metadata) == SHIPPED.read_bytes()
