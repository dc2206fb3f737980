"""How fast operations on arrays and matrix products are, beside NumPy, ml_dtypes and APyTypes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final

import ml_dtypes
import numba
import numpy as np
from numpy.typing import NDArray

from numformats import arithmetic
from numformats.benchmarks.peers import Run
from numformats.benchmarks.timing import Ratio, time_in_turn
from numformats.formats.ieee import bfloat16, float16
from numformats.formats.ocp import float8_e4m3fn

_SIZE: Final = 1 << 22


@dataclass(frozen=True)
class ArithmeticTask:
    """An operation, and what is run by whom; `count` operations at a time."""

    name: str
    operands: str
    count: int
    runs: Callable[[], dict[str, Run]]


@dataclass(frozen=True)
class ArithmeticResult:
    """What came of a task: operations per second, and the ratios to the other contenders."""

    name: str
    operands: str
    per_second: float
    ratios: dict[str, Ratio]

    def record(self) -> dict[str, Any]:
        """The result as numbers and words."""
        return {**vars(self), "ratios": {name: vars(r) for name, r in self.ratios.items()}}


def arithmetic_tasks() -> Iterator[ArithmeticTask]:
    """All tasks: operations on large arrays of narrow floats, and products of square matrices."""
    for fmt, dtype, peer in (
        (float8_e4m3fn, ml_dtypes.float8_e4m3fn, "ml_dtypes"),
        (float16, np.float16, "numpy"),
        (bfloat16, ml_dtypes.bfloat16, "ml_dtypes"),
    ):
        for name in ("add", "multiply", "exp"):
            if (name, fmt) != ("exp", bfloat16):
                yield ArithmeticTask(name, fmt.name, _SIZE, _operation(name, fmt, dtype, peer))
    # APyTypes takes long for larger ones.
    for accumulator, side in (("h100_float8_wgmma", 512), ("sequential", 192), ("exact", 512)):
        runs = _product(accumulator, side)
        yield ArithmeticTask(f"matmul {side} x {side}", accumulator, side**3, runs)


def run_arithmetic(task: ArithmeticTask, rounds: int) -> ArithmeticResult:
    """Time a task and its contenders in turn, on all threads."""
    threads = int(numba.config.NUMBA_NUM_THREADS)
    seconds, ratios = time_in_turn(task.runs(), task.count, threads, rounds)
    return ArithmeticResult(task.name, task.operands, task.count / seconds, ratios)


def _operation(name: str, fmt: Any, dtype: Any, peer: str) -> Callable[[], dict[str, Run]]:
    def runs() -> dict[str, Run]:
        rng = np.random.default_rng(0)
        operands = rng.standard_normal((1 if name == "exp" else 2, _SIZE)).astype(dtype)
        ours, theirs = getattr(arithmetic, name), getattr(np, name)
        return {
            "numformats": lambda: ours(*operands, fmt),
            peer: lambda: theirs(*operands),
        }

    return runs


def _product(accumulator: str, side: int) -> Callable[[], dict[str, Run]]:
    def runs() -> dict[str, Run]:
        rng = np.random.default_rng(0)
        a, b = rng.standard_normal((2, side, side)).astype(np.float32)
        narrow = float8_e4m3fn.round(a), float8_e4m3fn.round(b)
        contenders: dict[str, Run] = {
            "numformats": lambda: arithmetic.matmul(*narrow, accumulator=accumulator)
        }
        if accumulator == "sequential" and find_spec("apytypes") is not None:
            contenders["apytypes"] = _apytypes_product(*narrow)
        return contenders

    return runs


def _apytypes_product(a: NDArray[Any], b: NDArray[Any]) -> Run:
    """Its product of the same numbers, with an accumulator of float32."""
    from apytypes import APyFloatAccumulatorContext, APyFloatArray

    left, right = (APyFloatArray.from_array(x, 8, 23) for x in (a, b))

    def run() -> object:
        with APyFloatAccumulatorContext(exp_bits=8, man_bits=23):
            return left @ right

    return run
