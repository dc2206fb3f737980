"""The first calls of a process, from many threads at once; `test_threads` runs this as a script.

Nothing of numformats is imported up here: loading it is what the threads are to compete for.
"""

from __future__ import annotations

import hashlib
import json
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

THREADS = 8
X = np.random.default_rng(5).standard_normal(1 << 19).astype(np.float32)


def digest(*arrays: Any) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(array) for array in arrays)).hexdigest()


def quantize(fmt: str, x: Any = X, **how: Any) -> str:
    import numformats as nf

    q = nf.quantize(x, fmt, **how)
    return digest(q.codes, q.scales, q.dequantize())


def encode_at_once() -> str:
    import numformats as nf

    return digest(nf.bfloat16.encode(np.ones(1 << 22, np.float32)))  # Numba is loaded for it


def encode() -> str:
    import numformats as nf

    return digest(nf.float8_e4m3fn.encode(X), nf.float16.encode(X, "sr", rng=3))


def round_into_codebook() -> str:
    from numformats import TableFormat

    return digest(TableFormat("thirds", (-1 / 3, 0.0, 1 / 3, 2 / 3)).round(X))


def decode() -> str:
    from numformats import float4_e2m1fn, float8_e4m3fn

    codes = np.arange(1 << 19).astype(np.uint8)
    return digest(float8_e4m3fn.decode(codes), float4_e2m1fn.decode(codes & 15))


def check() -> str:
    import numformats as nf

    report = nf.testing.check_rounding(nf.float8_e5m2.encode, nf.float8_e5m2)
    return str(report.passed)


def strategies() -> str:
    from numformats import testing

    return str(callable(testing.strategies.formats))


def compare() -> str:
    import numformats as nf

    return str(nf.analysis.compare(X[:5000], ["int8", "mxfp4"])) + nf.compare.__module__


def exact() -> str:
    import numformats as nf

    return str([nf.exact.project("0.1", nf.get_format(name)) for name in nf.list_formats("ocp")])


def names() -> str:
    import numformats as nf

    found = nf.binary8p4se, nf.mxfp4, nf.nvfp4, nf.e4m3fn, nf.int4_g32, nf.Stochastic, nf.pack
    return str([getattr(each, "name", "") for each in found])


JOBS: list[Callable[[], str]] = [
    encode_at_once,
    lambda: quantize("mxfp4"),
    encode,
    lambda: quantize("int4_g32"),
    names,
    decode,
    check,
    lambda: quantize("nf4", X[: 1 << 14], scale_rule="mse"),
    round_into_codebook,
    exact,
    strategies,
    compare,
    lambda: quantize("nvfp4", X[: 1 << 17].astype(np.float64)),
]


class Slowly:
    """A finder that finds nothing, after a while: then threads meet while modules load."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> None:
        if name.startswith("numformats"):
            time.sleep(0.002)


def attempt(job: Callable[[], str]) -> str:
    try:
        return job()
    except Exception as error:
        return repr(error)


def results_of_threads() -> list[list[str]]:
    """What each thread gets from each job; each begins with another, all at the same moment."""
    start = threading.Barrier(THREADS)

    def work(first: int) -> list[str]:
        order = [(first + i) % len(JOBS) for i in range(len(JOBS))]
        start.wait()
        found = {i: attempt(JOBS[i]) for i in order}
        return [found[i] for i in range(len(JOBS))]

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, range(THREADS)))


if __name__ == "__main__":
    # Threads take turns a thousand times as often as usual.
    sys.setswitchinterval(5e-6)
    sys.meta_path.insert(0, Slowly())
    assert "numformats" not in sys.modules
    print(json.dumps(results_of_threads()))
