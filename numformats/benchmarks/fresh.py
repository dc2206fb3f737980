"""What the first call of a process costs, in time and memory: each in processes of its own.

Most of that is to load Python's modules, and to load compiled kernels or to compile them. So the
yardstick is a process that loads NumPy and ml_dtypes and no more.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import Any, Final

from numformats.benchmarks.timing import Ratio, ratio_of

# How many numbers are large: 256 MiB of float32.
_LARGE: Final = 1 << 26
_SOME: Final = 1 << 23

_IMPORTS: Final = "import numpy as np, ml_dtypes"
_PROLOGUE: Final = f"{_IMPORTS}; import numformats as nf; "
# Without temporary arrays, which would count as memory that the call may use.
_NUMBERS: Final = "x = np.full({size}, 0.1, np.float32); "


@dataclass(frozen=True)
class FirstCall:
    """A call, and the numbers that it is for; whether its kernels are compiled already."""

    name: str
    call: str
    size: int
    is_compiled: bool = True


FIRST_CALLS: Final = (
    FirstCall("encode", "nf.float8_e4m3fn.encode(x)", 16),
    FirstCall("encode", "nf.float8_e4m3fn.encode(x)", _SOME),
    FirstCall("encode", "nf.float8_e4m3fn.encode(x)", _LARGE),
    FirstCall("encode", "nf.float8_e4m3fn.encode(x)", _SOME, is_compiled=False),
    FirstCall("encode float16", "nf.float8_e4m3fn.encode(x.astype('f2'))", _SOME, False),
    FirstCall("encode stochastic", "nf.float8_e4m3fn.encode(x, 'sr', rng=0)", _SOME, False),
    FirstCall("decode", "nf.float8_e4m3fn.decode(np.zeros(x.size, 'u1'))", _SOME, False),
    FirstCall("quantize mxfp4", "nf.quantize(x, 'mxfp4')", _SOME, False),
    FirstCall("quantize int4_g32", "nf.quantize(x, 'int4_g32')", _SOME, False),
    FirstCall("quantize nvfp4", "nf.quantize(x, 'nvfp4')", _SOME, False),
)


@dataclass(frozen=True)
class FirstCallResult:
    """What came of a first call: seconds of the process and of the call, times of the process as
    long as of the yardstick, and MiB by which the call grew the process at its largest, beyond what
    it returns.
    """

    call: FirstCall
    process_seconds: float
    call_seconds: float
    times_imports: Ratio
    grown: float

    def record(self) -> dict[str, Any]:
        """The result as numbers and words."""
        return {**vars(self.call), **vars(self), "call": self.call.call} | {
            "times_imports": vars(self.times_imports)
        }


def time_first_call(call: FirstCall, rounds: int) -> FirstCallResult:
    """Run a call in fresh processes, each beside one that only loads NumPy and ml_dtypes."""
    with tempfile.TemporaryDirectory() as folder:
        kernels = {"NUMBA_CACHE_DIR": folder}
        if call.is_compiled:
            _process(_script(call), kernels)
        imports, processes, told = [], [], []
        for number in range(rounds):
            if not call.is_compiled:
                kernels = {"NUMBA_CACHE_DIR": os.path.join(folder, str(number))}
            imports.append(_process(_IMPORTS, kernels)[0])
            seconds, output = _process(_script(call), kernels)
            processes.append(seconds)
            told.append(json.loads(output))
    return FirstCallResult(
        call,
        statistics.median(processes),
        statistics.median(seconds for seconds, _ in told),
        # A process that takes longer than the yardstick is a ratio above 1.
        ratio_of(processes, imports),
        statistics.median(grown for _, grown in told),
    )


def _script(call: FirstCall) -> str:
    """The call, and a line of its seconds and the MiB by which it grew the process."""
    return (
        _PROLOGUE
        + _NUMBERS.format(size=call.size)
        + "import json, resource, time; "
        + "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024; "
        + "before, start = peak(), time.perf_counter(); "
        + f"result = {call.call}; "
        + "seconds = time.perf_counter() - start; "
        + "print(json.dumps([seconds, peak() - before - result.nbytes / 2**20]))"
    )


def _process(code: str, environment: dict[str, str]) -> tuple[float, str]:
    """The seconds that a process with some code takes, and its output."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return time.perf_counter() - start, done.stdout
