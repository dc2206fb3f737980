"""A proof for each named format of up to 16 bits and each deterministic mode.

The codes of all 2**32 floats of float32 are those that the oracle means.

    python -m pytest -m exhaustive -n 2

Each proof that is done is written to a file, with a digest of the code it holds for, and is skipped
when the command is given again: what was interrupted goes on.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from functools import cache
from pathlib import Path

import numba
import numpy as np
import pytest
from decision_points import DETERMINISTIC, NAMED
from numpy.typing import NDArray

import numformats as nf
from numformats.testing import check_rounding

PACKAGE = Path(nf.__file__).parent
PROOFS = PACKAGE.parent / ".proofs.jsonl"
# What decides what a code is, and what compares it with the oracle's.
DECIDING = (
    *("modes.py", "reals.py", "error_free.py", "system.py"),
    *("exact", "codec", "formats", "testing/exhaustive.py"),
)
FORMATS = [fmt for fmt in NAMED if fmt.bits <= 16]


@cache
def digest() -> str:
    """Of the sources a proof depends on, and the versions of what compiles them."""
    found = hashlib.sha256(f"{np.__version__} {numba.__version__}".encode())
    for name in DECIDING:
        for path in sorted((PACKAGE / name).rglob("*.py")) or [PACKAGE / name]:
            found.update(path.read_bytes())
    return found.hexdigest()


def is_proved(fmt: nf.Format, mode: str) -> bool:
    if not PROOFS.exists():
        return False
    proofs = map(json.loads, PROOFS.read_text().splitlines())
    wanted = {"format": fmt.name, "mode": mode, "digest": digest()}
    return any(wanted.items() <= proof.items() for proof in proofs)


@pytest.mark.exhaustive
@pytest.mark.parametrize("mode", DETERMINISTIC)
@pytest.mark.parametrize("fmt", FORMATS, ids=lambda fmt: fmt.name)
def test_every_float32(fmt: nf.Format, mode: str) -> None:
    if is_proved(fmt, mode):
        pytest.skip("proved already")
    start = time.perf_counter()

    def encode(x: NDArray[np.float32]) -> NDArray[np.unsignedinteger]:
        return np.asarray(fmt.encode(x, mode))

    report = check_rounding(encode, fmt, mode, budget="exhaustive", raise_on_failure=True)
    assert report.is_proof
    nans = 2 * (2**23 - 1)
    assert report.tried == 2**32 - (0 if fmt.has_nan else nans)
    proof = {
        "format": fmt.name,
        "mode": mode,
        "inputs": report.tried,
        "seconds": round(time.perf_counter() - start, 1),
        "digest": digest(),
    }
    # One short write to a file opened for appending is not torn by other processes.
    with os.fdopen(os.open(PROOFS, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "w") as file:
        file.write(json.dumps(proof) + "\n")
