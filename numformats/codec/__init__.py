"""Arrays through a projection: `encode`, `decode`, `round`, and `pack`, `unpack`, `values`."""

from __future__ import annotations

from numformats.codec.arrays import decode, encode, round
from numformats.codec.packing import pack, unpack
from numformats.codec.values import values

__all__ = ["decode", "encode", "pack", "round", "unpack", "values"]
