"""Softmax in narrow formats: what becomes of probabilities, and of their sum.

    python examples/softmax.py

`softmax` is ordinary NumPy code: the largest logit, a difference, exponentials, a sum, a quotient.
On arrays of a format each of these is correctly rounded in it. The logits are those of 64 words, a
few of them likely. For each format, and for two ways to sum in it, a line tells the sum of the
probabilities, the largest error of one, and how many have become zero.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

import numformats as nf

FORMATS: Final = ("float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")
ACCUMULATORS: Final = ("exact", "sequential")


def softmax(logits: Any) -> Any:
    """The probabilities that belong to logits, along the last axis."""
    exponentials = np.exp(logits - np.max(logits, axis=-1, keepdims=True))
    return exponentials / np.sum(exponentials, axis=-1, keepdims=True)


def main() -> None:
    """Print a line for each format and accumulator."""
    logits = np.sort(np.random.default_rng(0).normal(scale=3.0, size=64))
    print(f"{'format':14} {'sum by':10} {'sum of p':>9} {'worst':>9} {'zeros':>6}")
    for name in FORMATS:
        for accumulator in ACCUMULATORS:
            in_format = nf.array(logits, name, accumulator=accumulator)
            p = np.asarray(softmax(in_format), np.float64)
            # Of the same logits, so that only the arithmetic differs.
            exact = softmax(np.asarray(in_format, np.float64))
            worst = np.abs(p - exact).max()
            print(f"{name:14} {accumulator:10} {p.sum():9.5f} {worst:9.1e} {np.sum(p == 0):6}")


if __name__ == "__main__":
    main()
