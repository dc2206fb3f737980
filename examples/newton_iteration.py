"""Newton's iteration for square roots, in the arithmetic of narrow formats.

    python examples/newton_iteration.py

`square_root` is ordinary NumPy code. On arrays of a format each of its operations is rounded once,
in that format, as a machine with such registers would do it. A line for each format and rounding
mode tells, for all numbers of the format from 1 to 4, how many roots are what `np.sqrt` makes of
them, which is the exact root rounded once, and by how many steps of the format the worst is off.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

import numformats as nf

FORMATS: Final = ("float8_e4m3fn", "float8_e5m2", "binary8p4se", "bfloat16", "float16")
ROUNDINGS: Final = ("nearest_even", "toward_zero")
STEPS: Final = 5


def square_root(d: Any) -> Any:
    """The square roots of an array of numbers from 1 to 4, by Newton's iteration from 1.5."""
    x = np.full_like(d, 1.5)
    for _ in range(STEPS):
        x = (x + d / x) / 2
    return x


def numbers_from_1_to_4(name: str) -> nf.FormatArray:
    """All numbers of a format from 1 to 4, without 4."""
    ends = nf.array([1.0, 4.0], name).codes
    return nf.FormatArray(np.arange(ends[0], ends[1], dtype=ends.dtype), name)


def main() -> None:
    """Print a line for each format and rounding mode."""
    print(f"{'format':14} {'numbers':>7} {'rounding':13} {'right':>6} {'worst':>6}")
    for name in FORMATS:
        for rounding in ROUNDINGS:
            d = numbers_from_1_to_4(name).with_projection(rounding=rounding)
            found: Any = square_root(d)
            right: Any = np.sqrt(d)
            # Neighbouring positive numbers have neighbouring codes.
            off = np.abs(found.codes.astype(int) - right.codes.astype(int))
            print(f"{name:14} {d.size:7} {rounding:13} {np.mean(off == 0):6.1%} {off.max():6}")


if __name__ == "__main__":
    main()
