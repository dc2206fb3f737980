"""Packed checkpoints: each read as the weights it stands for, or refused in one line a weight."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from packed_cases import CASES, save_case

from numformats.tensor_files import open_tensors


@pytest.mark.parametrize("name", CASES)
def test_packed_weights_are_the_numbers_they_stand_for(tmp_path: Path, name: str) -> None:
    case = CASES[name]()
    entries = open_tensors(save_case(tmp_path, case))
    (packed,) = [entry for entry in entries if entry.stored_as is not None]
    assert packed.problem is None
    assert (packed.stored_as, packed.dtype_name) == (case.stored_as, "float32")
    assert packed.name.endswith(".weight")
    assert packed.shape == case.weight.shape
    loaded = packed.load()
    np.testing.assert_array_equal(loaded, case.weight, strict=True)
    assert loaded.flags.c_contiguous
    others = [entry.name for entry in entries if entry is not packed]
    assert others == list(case.left)
